"""Drawing a picture with matplotlib."""

from __future__ import annotations

import math
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from hypergeom._files import replacing
from hypergeom.plot.geometry import FloatArray, geodesic_beziers
from hypergeom.plot.labels import LabelPlacer, display_name
from hypergeom.plot.outline import IntArray, Outline

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

MANY = 5_000  # points from which points and edges become an image also in SVG and PDF
N_LABELS = 60  # of each kind: branches, other inner nodes, leaves
INK, GRAY, NEUTRAL, PAPER = "#23272e", "#6b7078", "#858b94", "#fafbfc"
PALETTE = (
    "#4e79a7", "#e15759", "#59a14f", "#f28e2b", "#b07aa1",
    "#2f9e9b", "#d37295", "#9c755f", "#c9a227", "#5b6c9d",
)  # fmt: skip


@dataclass(frozen=True)
class Picture:
    """What is drawn.

    Attributes
    ----------
    points : (n, 2) array
        In the unit disk.
    outline : Outline, optional
    names : (n,) array, optional
    caption : str
    """

    points: FloatArray
    outline: Outline | None
    names: npt.NDArray[Any] | None
    caption: str

    def branches(self) -> tuple[IntArray, npt.NDArray[np.float64]]:
        """The heads of the branches that have a color, and the color (RGBA) of each node."""
        from matplotlib.colors import to_rgba_array

        if self.outline is None:
            heads, branch = np.empty(0, dtype=np.int64), np.zeros(len(self.points), dtype=np.int64)
        else:
            heads, branch = self.outline.branches(len(PALETTE))
        return heads, to_rgba_array([*PALETTE, NEUTRAL])[branch]

    def diameters(self) -> FloatArray:
        """Of the nodes, in points: of leaves by their number, of inner nodes growing with their subtree."""
        n = len(self.points)
        leaf = min(5.0, max(0.6, 60 / math.sqrt(n)))
        if self.outline is None:
            return np.full(n, leaf)
        return leaf * (1 + 2.5 * ((self.outline.sizes - 1) / n) ** 0.35)


def new_axes() -> Axes:
    """Axes of a figure of their own, without pyplot and its windows."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 9.4), dpi=150, facecolor="white")
    FigureCanvasAgg(figure)
    return figure.add_axes((0.01, 0.055, 0.98, 0.94))


def draw(picture: Picture, ax: Axes) -> None:
    """The rim, edges, nodes, labels and the caption."""
    heads, colors = picture.branches()
    figure = cast("Figure", ax.get_figure(root=True))
    _draw_rim(ax)
    figure.draw_without_rendering()  # settles where the axes are, on which the caption and the labels depend
    _write_caption(ax, picture.caption, figure.dpi)
    figure.draw_without_rendering()
    if picture.outline is not None:
        _draw_edges(ax, picture.points, picture.outline, colors)
    _draw_nodes(ax, picture, colors)
    if picture.names is not None:
        _draw_labels(ax, picture, picture.names, heads, colors, figure.dpi)


def _draw_rim(ax: Axes) -> None:
    from matplotlib.patches import Circle

    ax.set(xlim=(-1.04, 1.04), ylim=(-1.04, 1.04), aspect="equal", xticks=[], yticks=[])
    ax.spines[:].set_visible(False)
    ax.patch.set_visible(False)
    ax.add_patch(Circle((0, 0), 1, facecolor=PAPER, edgecolor="none", zorder=0))
    ax.add_patch(Circle((0, 0), 1, facecolor="none", edgecolor=INK, linewidth=1, zorder=2))


def _draw_edges(ax: Axes, points: FloatArray, outline: Outline, colors: npt.NDArray[Any]) -> None:
    from matplotlib.collections import PathCollection
    from matplotlib.path import Path as Curve

    small_first = np.argsort(outline.sizes[outline.edges[:, 0]], kind="stable")
    child, parent = outline.edges[small_first].T
    codes = [Curve.MOVETO, *[Curve.CURVE4] * 6]
    thin = min(1.0, math.sqrt(2000 / len(child)))
    ax.add_collection(
        PathCollection(
            [Curve(arc, codes) for arc in geodesic_beziers(points[child], points[parent])],
            facecolors="none",
            edgecolors=colors[child],
            linewidths=thin * (0.5 + 2.5 * np.sqrt(outline.sizes[child] / len(points))),
            alpha=0.55,
            rasterized=len(points) > MANY,
            zorder=1,
        ),
        autolim=False,
    )


def _draw_nodes(ax: Axes, picture: Picture, colors: npt.NDArray[Any]) -> None:
    diameters = picture.diameters()
    small_first = np.argsort(diameters, kind="stable")
    ax.scatter(
        picture.points[small_first, 0],
        picture.points[small_first, 1],
        s=diameters[small_first] ** 2,
        c=colors[small_first],
        edgecolors="white",
        linewidths=(0.08 * diameters[small_first]).tolist(),
        rasterized=len(diameters) > MANY,
        zorder=3,
    )


def _write_caption(ax: Axes, caption: str, dpi: float) -> None:
    size = 7
    width = 72 / dpi * ax.get_window_extent().width
    longest = max(20, int(width / (0.7 * size)))
    n_lines = math.ceil(len(caption) / longest)
    text = textwrap.fill(caption, len(caption) // n_lines + 12)
    ax.set_xlabel(text, fontsize=size, color=GRAY, parse_math=False)


def _draw_labels(
    ax: Axes,
    picture: Picture,
    names: npt.NDArray[Any],
    heads: IntArray,
    colors: npt.NDArray[Any],
    dpi: float,
) -> None:
    """Heads of branches in bold, then other inner nodes, towards the middle; then leaves, outwards."""
    from matplotlib.patheffects import withStroke

    points, outline = picture.points, picture.outline
    point = dpi / 72
    reach = picture.diameters() / 2 * point
    halo = [withStroke(linewidth=2, foreground="white", alpha=0.85)]
    placer = LabelPlacer(ax)

    def write(nodes: IntArray, side: int, **style: Any) -> None:
        left = N_LABELS
        for k in nodes[: 6 * N_LABELS].tolist():
            placer.avoid(points[k : k + 1], reach[k : k + 1])
            text = ax.text(points[k, 0], points[k, 1], display_name(names[k]), color=colors[k], zorder=4)
            text.set(parse_math=False, verticalalignment="bottom", **style)
            left -= placer.place(text, reach[k] + point, side * points[k])
            if left == 0:
                break

    outermost = _outermost(points)
    size = 5.5 + 3 * min(1, 50 / len(points))
    if outline is None:
        write(outermost, 1, fontsize=size)
        return
    inner = outline.importance()[: np.count_nonzero(outline.sizes > 1)]
    write(heads, -1, fontsize=size + 3.5, fontweight="bold", path_effects=halo)
    write(inner[~np.isin(inner, heads)], -1, fontsize=size + 1.5, color=INK, path_effects=halo)
    if len(points) <= MANY:
        placer.avoid(points, reach)
        write(outermost[outline.sizes[outermost] == 1], 1, fontsize=size)


def _outermost(points: FloatArray) -> IntArray:
    """All points: first the outermost of each of 72 sectors, then the second of each, and so on."""
    sector = np.floor(np.arctan2(points[:, 1], points[:, 0]) * (36 / np.pi))
    order = np.lexsort((-np.linalg.norm(points, axis=1), sector))
    first = np.searchsorted(sector[order], sector[order])
    return order[np.argsort(np.arange(len(order)) - first, kind="stable")]


def save(ax: Axes, path: Path) -> None:
    """Write the figure under a temporary name, and rename it; the same picture gives the same file."""
    import matplotlib

    dates = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    with replacing(path) as temporary, matplotlib.rc_context({"svg.hashsalt": "hypergeom"}):
        figure = cast("Figure", ax.get_figure(root=True))
        figure.savefig(temporary, dpi=200, metadata=dates.get(path.suffix.lower()))
