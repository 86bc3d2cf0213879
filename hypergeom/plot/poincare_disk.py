"""`disk`: a hierarchy in the Poincaré disk."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from hypergeom import lorentz, poincare
from hypergeom.embed.hierarchy import EdgesLike
from hypergeom.embed.metrics import model_and_curvature
from hypergeom.errors import NotOnManifoldError
from hypergeom.plot.artists import Picture, draw, new_axes, save
from hypergeom.plot.geometry import FloatArray, polar_about, polar_about_mean, principal_plane
from hypergeom.plot.labels import display_name
from hypergeom.plot.outline import Outline, read_outline

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["disk"]

FORMATS = (".svg", ".png", ".pdf")


def disk(
    x: npt.ArrayLike,
    *,
    edges: EdgesLike | None = None,
    labels: npt.ArrayLike | None = None,
    manifold: object = "poincare",
    center: int | npt.ArrayLike | None = None,
    radial_scale: float | Literal["auto"] = "auto",
    ax: Axes | None = None,
    path: str | os.PathLike[str] | None = None,
) -> Axes:
    """Draw embedded points, and the hierarchy between them, in the Poincaré disk.

    A good embedding in the plane cannot be drawn as it is: most of its points lie within a line's width of
    the rim. So the picture shows it after an isometry that brings `center` to the middle, and with all
    distances from the middle multiplied by one factor. The caption, which is the label of the x axis, says
    so.

    Parameters
    ----------
    x : (n, d) or, in Lorentz, (n, d + 1) array_like
        Points, d at least 2. Above 2, the picture shows the plane through the middle that is nearest to them
        (principal components of their logarithms there); the caption gives its share of the squares.
    edges : optional
        The hierarchy, in any form that `hypergeom.embed.closure` reads; of a closure only the direct edges
        are drawn. Colors tell the largest branches apart, and nodes are as large as their subtrees.
    labels : (n,) array_like of str, optional
        Names of the points. The most important (by the size of their subtree, then by depth) are written
        where there is room, without sense numbers as in ``dog.n.01``. By default those that `edges` brings
        along.
    manifold : str or manifold
        ``"poincare"``, ``"lorentz"``, or such an object of `hypergeom.manifolds`.
    center : int or array_like, optional
        The point to bring to the middle: its row, or its coordinates. By default the root, or the
        hyperbolic mean where there is not exactly one root.
    radial_scale : float or "auto"
        The factor for the distances from the middle; ``"auto"`` brings the median of the points to 0.8 of
        the radius.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default in a new figure, without pyplot and thus without a display.
    path : path, optional
        Also write the figure, as SVG, PNG or PDF by its extension.

    Returns
    -------
    matplotlib.axes.Axes
        Its ``figure`` is what a notebook shows.

    Raises
    ------
    NotOnManifoldError
        A point is outside the ball, off the hyperboloid, or not finite.
    ValueError
        `x` is empty or has the wrong shape; `edges` have a cycle or a node that is not in `x`; the number
        of labels differs from that of the points; `manifold`, `center`, `radial_scale` or the extension of
        `path` is not one of those above.

    Notes
    -----
    Edges are the geodesics between the points *as drawn*: where a factor other than 1 moved the points,
    they are not the images of the geodesics between the points of `x`.

    Examples
    --------
    >>> from hypergeom.embed import tree_embedding
    >>> from hypergeom.plot import disk
    >>> edges = [("dog", "canine"), ("wolf", "canine"), ("canine", "mammal"), ("whale", "mammal")]
    >>> ax = disk(tree_embedding(edges, manifold="poincare"), edges=edges)
    >>> sorted(text.get_text() for text in ax.texts)
    ['canine', 'dog', 'mammal', 'whale', 'wolf']
    """
    model, c = model_and_curvature(manifold)
    points = _check_points(np.asarray(x, dtype=np.float64), model, c)
    if path is not None and Path(path).suffix.lower() not in FORMATS:
        raise ValueError(f"path must end in {', '.join(FORMATS)}, got {os.fspath(path)!r}")
    outline, names = read_outline(edges, labels, len(points))
    picture = _lay_out(points, outline, names, model, c, center, radial_scale)
    if ax is None:
        ax = new_axes()
    draw(picture, ax)
    if path is not None:
        save(ax, Path(path))
    return ax


def _check_points(x: FloatArray, model: str, c: float) -> FloatArray:
    if model == "euclidean":
        raise ValueError("manifold must be 'poincare' or 'lorentz', got a Euclidean one")
    least = 2 if model == "poincare" else 3
    if x.ndim != 2 or x.shape[1] < least or len(x) == 0:
        raise ValueError(f"x must have shape (n, d), n at least 1 and d at least {least}, got {x.shape}")
    if model == "poincare":
        residual = math.sqrt(c) * np.linalg.norm(x, axis=1)
        on = np.isfinite(poincare.dist0(x, c))
        why = "sqrt(c) times its norm must be below 1, got"
    else:
        time = lorentz.project(x, c)[:, 0]
        residual = np.abs(x[:, 0] - time) / time
        on = residual < 1e-6
        why = "the relative error of its time coordinate must be below 1e-6, got"
    if not on.all():
        row = int(np.flatnonzero(~on)[0])
        raise NotOnManifoldError(f"x: row {row} is no {model} point for c={c:g}: {why} {residual[row]:.17g}")
    return x


def _lay_out(
    points: FloatArray,
    outline: Outline | None,
    names: npt.NDArray[Any] | None,
    model: str,
    c: float,
    center: int | npt.ArrayLike | None,
    radial_scale: float | Literal["auto"],
) -> Picture:
    caption = [f"{len(points):,} points."]
    if outline is not None:
        direct = "direct edges" if len(outline.edges) < outline.n_given else "edges"
        caption = [f"{len(points):,} nodes and {len(outline.edges):,} {direct}."]
    if center is None and outline is not None:
        center = outline.root()
    if center is None:
        polar, name = polar_about_mean(points, model, c), "the hyperbolic mean"
    else:
        middle, name = _find_center(center, points, names, model, c)
        polar = polar_about(middle, points, model, c)
    caption.append(f"An isometry brings {name} to the middle.")
    d = polar.shape[1]
    if d > 2:
        polar, share = principal_plane(polar)
        caption.append(f"Of {d} dimensions: the 2 principal components there ({share:.0%} of the squares).")
    radius = np.linalg.norm(polar, axis=1)
    factor = _radial_factor(radius, radial_scale)
    if factor != 1:
        caption.append(f"Distances from the middle are multiplied by {factor:.3g}.")
    if outline is not None:
        caption.append("Edges are geodesics between the points as drawn.")
    drawn = polar * (np.tanh(factor * radius / 2) / np.where(radius > 0, radius, 1.0))[:, None]
    return Picture(drawn, outline, names, " ".join(caption))


def _find_center(
    center: int | npt.ArrayLike, points: FloatArray, names: npt.NDArray[Any] | None, model: str, c: float
) -> tuple[FloatArray, str]:
    """The point to bring to the middle, and what to call it."""
    if isinstance(center, int | np.integer) and not isinstance(center, bool):
        if not 0 <= center < len(points):
            raise ValueError(f"center must be a row of x, 0 to {len(points) - 1}, or a point, got {center}")
        return points[center], f"point {center}" if names is None else display_name(names[center])
    middle = np.asarray(center, dtype=np.float64)
    if middle.shape != points.shape[1:]:
        raise ValueError(f"center must be a row of x or of shape {points.shape[1:]}, got {middle.shape}")
    return _check_points(middle[None], model, c)[0], "the given center"


def _radial_factor(radius: FloatArray, radial_scale: float | Literal["auto"]) -> float:
    if radial_scale == "auto":
        median = float(np.median(radius))
        return 2 * math.atanh(0.8) / median if median > 0 else 1.0
    if isinstance(radial_scale, str) or not 0 < radial_scale < math.inf:
        raise ValueError(f"radial_scale must be 'auto' or a positive number, got {radial_scale!r}")
    return float(radial_scale)
