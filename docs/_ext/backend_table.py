"""The directive ``backend-table``: which row function runs where, read from the declarations and the compiled twins."""

import re

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from hypergeom import _cuda
from hypergeom._core import gufuncs
from hypergeom._rows import row_ops

HEAD = ("function", "signature", "NumPy", "CuPy", "others", "gradient", "c = 0")
WIDTHS = (26, 26, 9, 9, 9, 12, 9)


def lines_of_the_tables():
    """Name and signature of each row function that has a C++ formula, and so a CUDA kernel."""
    return {
        f"{path.parent.name}.{name}": signature
        for path in (_cuda.source_folders()[0] / "hypergeom").glob("*/*.def")
        for name, signature in re.findall(r'^HG_ROW_OP\((\w+), "(.+)"\)', path.read_text(), re.M)
    }


def rows():
    """The cells of the table: text, or whether something is there."""
    compiled = lines_of_the_tables()
    for name, op in row_ops.items():
        if op.vjp:
            continue
        yield (
            name,
            op.signature,
            hasattr(gufuncs, f"{op.space}_{op.name}"),
            compiled.get(name) == op.signature,
            callable(op.body),
            op.differentiable,
            op.flat,
        )


class BackendTable(SphinxDirective):
    """A table with a row for each row function."""

    def run(self):
        group = nodes.tgroup(cols=len(HEAD))
        group += [nodes.colspec(colwidth=width) for width in WIDTHS]
        head, body = nodes.thead(), nodes.tbody()
        head += self.row(HEAD)
        for cells in rows():
            body += self.row(cells)
        group += [head, body]
        table = nodes.table(classes=["table-sm"])
        table += group
        return [table]

    def row(self, cells):
        row = nodes.row()
        for k, cell in enumerate(cells):
            entry, text = nodes.entry(), nodes.paragraph()
            if isinstance(cell, bool):
                text += nodes.Text("yes" if cell else "-")
            elif cells is HEAD:
                text += nodes.Text(cell)
            elif k == 0:
                parsed, _ = self.parse_inline(f":func:`~hypergeom.{cell}`")
                text += [nodes.Text(f"{cell.partition('.')[0]}."), *parsed]
            else:
                text += nodes.literal(text=cell)
            entry += text
            row += entry
        return row


def setup(app):
    app.add_directive("backend-table", BackendTable)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
