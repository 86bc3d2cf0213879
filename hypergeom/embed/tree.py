"""Combinatorial embedding of a tree: no training, and every distance as close to the tree's as one asks for.

Each node stands at the same distance `scale` from its parent; around a node, its parent and its children
lie in well-separated directions. Points are kept in polar coordinates about the root, and a child's are
found from its parent's by the trigonometry of one hyperbolic triangle, so nothing cancels however far out
they are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hypergeom import lorentz, poincare
from hypergeom.embed.hierarchy import EdgesLike, EdgeTable, close, edge_table
from hypergeom.embed.metrics import model_and_curvature
from hypergeom.errors import UnreachableAccuracyError

__all__ = ["Tree", "spanning_tree", "spherical_code", "tree_embedding"]

FloatArray: TypeAlias = npt.NDArray[np.float64]
IntArray: TypeAlias = npt.NDArray[np.int64]

_TOLERANCE = 1e-4  # how far from `scale` an edge between rounded points may be, relative


@dataclass(frozen=True)
class Tree:
    """A spanning forest of a directed acyclic graph.

    Attributes
    ----------
    parent : (n,) int64 array
        The parent of each node, -1 for a root.
    depth : (n,) int64 array
        Edges on the longest path from a root of the graph; by the choice of parents, also on the path in
        the forest.
    """

    parent: IntArray
    depth: IntArray

    def levels(self) -> list[IntArray]:
        """The nodes of each depth, those with the same parent side by side."""
        order = np.lexsort((self.parent, self.depth))
        return np.split(order, np.cumsum(np.bincount(self.depth))[:-1])

    def subtree_sizes(self) -> IntArray:
        """The number of nodes in the subtree of each node, itself included."""
        sizes = np.ones(len(self.parent), dtype=np.int64)
        for nodes in reversed(self.levels()[1:]):
            np.add.at(sizes, self.parent[nodes], sizes[nodes])
        return sizes


def spanning_tree(table: EdgeTable) -> Tree:
    """The spanning forest in which each node hangs on its deepest parent.

    Depth is the number of edges on the longest path from a root. The deepest ancestor of a node is always a
    direct parent, so a transitive closure and the graph it was made from give the same forest. Of equally
    deep parents the one with the lowest number is taken.

    Parameters
    ----------
    table : EdgeTable
        Edges (child, parent).

    Raises
    ------
    ValueError
        The edges have a cycle; the message names one.

    Examples
    --------
    >>> from hypergeom.embed.hierarchy import edge_table
    >>> tree = spanning_tree(edge_table([[1, 0], [2, 1], [2, 0], [3, 2], [3, 1], [3, 0]]))
    >>> tree.parent.tolist(), tree.depth.tolist()
    ([-1, 0, 1, 2], [0, 1, 2, 3])
    """
    n = len(table.labels)
    child, parent = table.edges.T
    depth = np.zeros(n, dtype=np.int64)
    waiting = np.bincount(child, minlength=n)  # parents whose depth is not known yet
    by_parent = np.argsort(parent, kind="stable")
    first = np.searchsorted(parent[by_parent], np.arange(n + 1))
    nodes, level, done = np.flatnonzero(waiting == 0), 0, 0
    while nodes.size:
        depth[nodes] = level
        done += nodes.size
        counts = first[nodes + 1] - first[nodes]
        offsets = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts, counts)
        children = child[by_parent[np.repeat(first[nodes], counts) + offsets]]
        np.subtract.at(waiting, children, 1)
        nodes, level = np.unique(children[waiting[children] == 0]), level + 1
    if done < n:
        close(table)  # raises, and names a cycle
    tree_parent = np.full(n, -1, dtype=np.int64)
    deepest = depth[parent] == depth[child] - 1
    # The table is in lexicographic order, so the first edge of a child goes to the lowest number.
    children, at = np.unique(child[deepest], return_index=True)
    tree_parent[children] = parent[deepest][at]
    return Tree(tree_parent, depth)


def spherical_code(size: int, d: int, /) -> FloatArray:
    """Well-separated unit vectors of which every beginning is well separated too; the first is e_1.

    First come e_1, -e_1 and the rest of the cross-polytope. Each further vector is the farthest from all
    before it, out of a cloud of four times as many (Gonzalez' greedy rule: any beginning has at least half
    of the separation that the cloud allows). After 4,096 vectors the rest comes from the cloud as it is.

    Parameters
    ----------
    size : int
        Number of vectors.
    d : int
        Dimension, at least 2.

    Returns
    -------
    (size, d) float64 array
        The same at every call.

    Examples
    --------
    >>> from hypergeom.embed.tree import spherical_code
    >>> spherical_code(4, 2).tolist()
    [[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]]
    """
    code = np.zeros((max(size, 2 * d), d))
    code[np.arange(2 * d), np.repeat(np.arange(d), 2)] = np.tile([1.0, -1.0], d)
    n_greedy = min(size, 4096)
    cloud = np.random.default_rng(0).standard_normal((3 * n_greedy + size, d))
    cloud /= np.linalg.norm(cloud, axis=1, keepdims=True)
    nearness = (cloud @ code[: 2 * d].T).max(axis=1)  # cosine of the angle to the nearest vector so far
    for k in range(2 * d, n_greedy):
        at = nearness.argmin()
        code[k] = cloud[at]
        np.maximum(nearness, cloud @ cloud[at], out=nearness)
        nearness[at] = np.inf
    if size > max(n_greedy, 2 * d):
        code[max(n_greedy, 2 * d) :] = cloud[np.isfinite(nearness)][: size - max(n_greedy, 2 * d)]
    return code[:size]


def tree_embedding(
    edges: EdgesLike, *, n_components: int = 2, scale: float = 1.0, manifold: object = "lorentz"
) -> FloatArray:
    r"""Embed a hierarchy by construction, in the manner of Sarkar: every edge gets the length `scale`.

    The root stands at the origin. Around a node, its parent and its k children lie in k + 1 well-separated
    directions: equal angles in the plane, above it a regular simplex or, where that is full,
    `spherical_code`. Two nodes at t edges from each other in the tree are at most ``scale * t`` apart, and
    at least that less a constant for each turn of the path; so the distortion of the tree's metric tends to
    1 as `scale` grows.

    Parameters
    ----------
    edges : (m, 2) integer array, pairs of labels, networkx.DiGraph or Hierarchy
        The edges of a directed acyclic graph, child first; its closure is as good. Each node hangs on its
        deepest parent (depth: the longest path from a root), of equally deep ones on that with the lowest
        number. Several roots are children of a virtual root at the origin.
    n_components : int
        Dimension of the space, at least 2.
    scale : float
        Length of an edge.
    manifold : str or manifold
        ``"lorentz"``, ``"poincare"``, or such an object of `hypergeom.manifolds`, whose curvature is kept.

    Returns
    -------
    (n, n_components + 1) or, in the ball, (n, n_components) float64 array
        Row i is node i, the nodes being numbered as `edges` numbers them.

    Raises
    ------
    ValueError
        `edges` has a cycle, or is no table of edges; `n_components`, `scale` or `manifold` is not as above.
    UnreachableAccuracyError
        Some edge, measured between the rounded points, is not `scale` long to 1e-4. A branch at distance r
        from the origin needs directions e^-r apart, which float64 has up to r of about 27 (times the radius
        of curvature), so only leaves may lie farther out; in the ball they may not either.

    Notes
    -----
    With r, s two sides of a hyperbolic triangle and :math:`\pi - \alpha` the angle between them, the third
    side is :math:`\sinh^2(R/2) = \sinh^2((r-s)/2) + \sinh r \sinh s \cos^2(\alpha/2)`, and the angle
    opposite to s is :math:`\tan\varphi = \tanh s \sin\alpha / (\cosh r (\tanh r + \tanh s \cos\alpha))`.
    Both keep their digits at any radius.

    References
    ----------
    .. [1] R. Sarkar, "Low distortion Delaunay embedding of trees in hyperbolic plane", Graph Drawing 2011.
    .. [2] F. Sala, C. De Sa, A. Gu, C. Ré, "Representation tradeoffs for hyperbolic embeddings", ICML 2018.

    Examples
    --------
    >>> from hypergeom.embed import tree_embedding
    >>> tree_embedding([[1, 0], [2, 0], [3, 1]], n_components=2, manifold="poincare").round(3) + 0.0
    array([[ 0.   ,  0.   ],
           [ 0.462,  0.   ],
           [-0.462,  0.   ],
           [ 0.762,  0.   ]])
    """
    model, c = model_and_curvature(manifold)
    if model == "euclidean":
        raise ValueError("manifold must be 'lorentz' or 'poincare', got a Euclidean one")
    if n_components < 2:
        raise ValueError(f"n_components must be at least 2, got {n_components}")
    if not 0 < scale < math.inf:
        raise ValueError(f"scale must be positive and finite, got {scale}")
    tree = spanning_tree(edge_table(edges))
    with np.errstate(over="ignore", invalid="ignore"):  # what overflows fails the check of the edges
        radius, direction = _polar(tree, n_components, math.sqrt(c) * scale)
        if model == "lorentz":
            points = np.zeros((len(radius), n_components + 1))
            points[:, 1:] = np.sinh(radius)[:, None] * direction / math.sqrt(c)
            points = lorentz.project(points, c)
        else:
            points = np.tanh(radius / 2)[:, None] * direction / math.sqrt(c)
        _check_edges(points, tree, scale, model, c)
    return points


def _check_edges(points: FloatArray, tree: Tree, scale: float, model: str, c: float) -> None:
    dist = lorentz.dist if model == "lorentz" else poincare.dist
    child = np.flatnonzero(tree.parent >= 0)
    length = np.asarray(dist(points[child], points[tree.parent[child]], c))
    right = np.abs(length - scale) <= _TOLERANCE * scale
    if right.all():
        return
    worst = np.flatnonzero(~right)[0]
    depth = tree.depth.max() if model == "poincare" else tree.depth[tree.parent[child]].max()
    depth += np.count_nonzero(tree.parent < 0) > 1
    raise UnreachableAccuracyError(
        f"scale={scale:g} is too large for {model} coordinates in float64: the edge from {child[worst]} to "
        f"{tree.parent[child[worst]]} comes out {length[worst]:.6g} long. For this tree a scale of "
        f"{26 / (math.sqrt(c) * depth):.2g} is small enough."
    )


def _polar(tree: Tree, d: int, scale: float) -> tuple[FloatArray, FloatArray]:
    """Distance from the origin, and direction, of every node, at curvature -1."""
    n = len(tree.parent)
    n_children = np.bincount(tree.parent[tree.parent >= 0], minlength=n)
    roots, *levels = tree.levels()
    radius, direction, back = np.zeros(n), np.zeros((n, d)), np.zeros((n, d))
    code = spherical_code(0 if d == 2 else max(int(n_children.max()) + 1, len(roots)), d)
    if len(roots) > 1:
        start = roots
    else:
        start, levels = levels[0], levels[1:]
    radius[start] = scale
    direction[start] = _around(np.arange(len(start)), np.full(len(start), len(start)), d, code)
    back[start] = -direction[start]
    for nodes in levels:
        parent = tree.parent[nodes]
        first = np.flatnonzero(np.diff(parent, prepend=-1))
        rank = np.arange(len(nodes)) - np.repeat(first, n_children[parent[first]])
        towards = _rotate_pole(back[parent], _around(rank + 1, n_children[parent] + 1, d, code))
        step = _step(radius[parent], direction[parent], towards, scale)
        radius[nodes], direction[nodes], back[nodes] = step
    return radius, direction


def _around(k: IntArray, size: IntArray, d: int, code: FloatArray) -> FloatArray:
    """The k-th of `size` directions: equal angles, a simplex, or the spherical code."""
    if d == 2:
        angle = 2 * np.pi * k / size
        return np.stack([np.cos(angle), np.sin(angle)], axis=1)
    directions = code[k]
    for m in np.unique(size[size <= d + 1]):
        directions[size == m] = _simplex(int(m), d)[k[size == m]]
    return directions


def _simplex(size: int, d: int) -> FloatArray:
    """Unit vectors at equal angles, the first being e_1; at most d + 1."""
    vertices, rest = np.zeros((size, d)), 1.0
    for i in range(size - 1):
        left = size - 1 - i  # the vertices after i are opposite to it together
        vertices[i, i] = rest
        vertices[i + 1 :, i] = -rest / left
        rest *= math.sqrt((1 - 1 / left) * (1 + 1 / left))
    return vertices if size > 1 else np.eye(1, d)


def _rotate_pole(pole: FloatArray, v: FloatArray) -> FloatArray:
    """Apply to the rows of v an orthogonal map that takes e_1 to `pole`: a reflection, or minus one."""
    sign = np.where(pole[:, :1] > 0, -1.0, 1.0)
    normal = -sign * pole
    normal[:, 0] += 1.0  # e_1 - sign * pole: not small, as its two terms do not cancel
    along = np.sum(v * normal, axis=1, keepdims=True) / np.sum(normal**2, axis=1, keepdims=True)
    return np.asarray(sign * (v - 2 * along * normal))


def _step(
    r: FloatArray, direction: FloatArray, towards: FloatArray, s: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Polar coordinates of the end of a segment of length s, and the direction there of its beginning.

    The segment leaves the point at distance r in `direction` from the origin. Tangent vectors are given in
    frames carried from the origin along the radius.
    """
    cosine = np.sum(direction * towards, axis=1)
    across = towards - cosine[:, None] * direction
    sine = np.linalg.norm(across, axis=1)
    across /= np.where(sine > 0, sine, 1.0)[:, None]
    half_cosine = np.linalg.norm(direction + towards, axis=1) / 2
    leg = np.sqrt(np.sinh(r)) * np.sqrt(np.sinh(s)) * half_cosine
    radius = 2 * np.arcsinh(np.hypot(np.sinh((r - s) / 2), leg))
    at_origin = np.arctan2(np.tanh(s) * sine / np.cosh(r), np.tanh(r) + np.tanh(s) * cosine)[:, None]
    at_end = np.arctan2(np.tanh(r) * sine / np.cosh(s), np.tanh(s) + np.tanh(r) * cosine)[:, None]
    outward = np.cos(at_origin) * direction + np.sin(at_origin) * across
    sideways = np.cos(at_origin) * across - np.sin(at_origin) * direction
    back = -(np.cos(at_end) * outward + np.sin(at_end) * sideways)
    return radius, _unit(outward), _unit(back)


def _unit(v: FloatArray) -> FloatArray:
    return np.asarray(v / np.linalg.norm(v, axis=1, keepdims=True))
