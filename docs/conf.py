"""Configuration of Sphinx: `sphinx-build -W docs docs/_build`, with hypergeom and its extra [docs] installed."""

import os
import re
import sys
from importlib.metadata import version as installed_version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent / "_ext"))
os.environ["TQDM_DISABLE"] = "1"  # no progress bars in the output of the gallery

project = "hypergeom"
author = "The hypergeom developers"
copyright = author
version = release = installed_version("hypergeom")

extensions = [
    "numpydoc",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "sphinx_gallery.gen_gallery",
    "backend_table",
    "named_test",
]
exclude_patterns = ["_build", "examples"]
templates_path = ["_templates"]
default_role = "autolink"
nitpicky = True
nitpick_ignore_regex = [("py:obj", ".*")]  # the default role also marks what is no reference, such as a parameter

autodoc_default_options = {"member-order": "bysource"}
autodoc_typehints = "none"  # the docstrings say shapes and dtypes too
autosummary_ignore_module_all = False
autosummary_imported_members = True  # of hypergeom.embed, whose __all__ names what its files define
numpydoc_class_members_toctree = False
numpydoc_show_class_members = False

sphinx_gallery_conf = {
    "examples_dirs": "examples",
    "gallery_dirs": "generated/gallery",
    "filename_pattern": "/plot_",
    "matplotlib_animations": False,
    "min_reported_time": 1e6,
    "show_memory": False,
    "write_computation_times": False,
}

html_theme = "pydata_sphinx_theme"
html_title = f"hypergeom {version}"
html_static_path = ["_static"]
html_show_sourcelink = False
html_theme_options = {"navigation_with_keys": False, "secondary_sidebar_items": ["page-toc"], "show_nav_level": 2}


def keep_initials(app, what, name, obj, options, lines):
    """In ``.. [1] M. Nickel``, the initial is not the number of a list."""
    lines[:] = [re.sub(r"^(\.\. \[\d+\] [A-Z])\. ", r"\1\\. ", line) for line in lines]


def setup(app):
    app.connect("autodoc-process-docstring", keep_initials, priority=400)  # before numpydoc's
