"""The role ``test``: the name of a test, such as ``tests/test_rows.py::test_twins_agree``, which must exist."""

import re
from pathlib import Path

from docutils import nodes

ROOT = Path(__file__).parents[2]


def role(name, rawtext, text, lineno, inliner, options=None, content=None):
    """The name as literal text; a warning of the build where there is no such test."""
    path, _, function = text.partition("::")
    file = ROOT / path
    source = file.read_text() if file.is_file() else ""
    if not re.search(rf"^ *def {re.escape(function)}\(", source, re.M):
        message = inliner.reporter.warning(f"there is no test {text}", line=lineno)
        return [inliner.problematic(rawtext, rawtext, message)], [message]
    return [nodes.literal(text=text)], []


def setup(app):
    app.add_role("test", role)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
