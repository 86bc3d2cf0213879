"""Curved-space linear algebra for NumPy and CuPy."""

from importlib.metadata import version

import lazy_loader

try:
    from hypergeom._core import gufuncs as _gufuncs  # noqa: F401
except ImportError as error:
    if "HYPERGEOM_ISA" in str(error):
        raise
    raise ImportError(
        "the compiled core of hypergeom is missing: run `pip install .` in its source tree, and do not start "
        "Python there, where the uncompiled package hides the installed one"
    ) from error

__version__ = version("hypergeom")
__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
