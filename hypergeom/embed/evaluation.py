"""How well an embedding tells a hierarchy: reconstruction ranks and their mean average precision."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hypergeom._core import embedding as _core
from hypergeom._results import Result
from hypergeom.embed.hierarchy import EdgesLike, Hierarchy, ancestor_lists, edge_table
from hypergeom.embed.metrics import model_and_curvature

__all__ = ["Evaluation", "ball_and_gap", "evaluate", "usable_threads"]

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Evaluation(Result):
    """Reconstruction quality.

    Attributes
    ----------
    mean_rank : float
        Mean of `ranks`; 1 is perfect.
    map : float
        Mean average precision over the nodes that have ancestors; 1 is perfect.
    ranks : (m,) float64 array
        The rank of each edge, in the order of the input; NaN for edges of nodes that were not asked for.
    seconds : float
        Wall time of the search.
    """

    mean_rank: float
    map: float
    ranks: FloatArray
    seconds: float


def usable_threads(threads: int | None) -> int:
    """The number of threads to use: `threads`, or the cores that this process may use."""
    if threads is None:
        return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if isinstance(threads, bool) or not isinstance(threads, int | np.integer):
        raise TypeError(f"threads must be an integer or None, got {threads!r}")
    if threads < 1:
        raise ValueError(f"threads must be at least 1, got {threads}")
    return int(threads)


def ball_and_gap(x: npt.ArrayLike, model: str, c: float, /) -> tuple[FloatArray, FloatArray]:
    """Points in the unit ball with their gaps 1 - |x|^2, without loss near the rim; flat points have gap 1.

    Raises
    ------
    ValueError
        `x` is not a matrix, or a row is not a point of the model.
    """
    points = np.asarray(x)
    if points.dtype.kind not in "iuf":
        raise TypeError(f"x must hold real numbers, got an array of {points.dtype}")
    points = np.ascontiguousarray(points, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] < (2 if model == "lorentz" else 1):
        raise ValueError(f"x must be a matrix with a point of the {model} model in each row, got shape {points.shape}")
    if model == "euclidean":
        gap = np.ones(len(points))
    elif model == "lorentz":
        spatial = points[:, 1:] * np.sqrt(c)
        time_coordinate = np.sqrt(1 + np.sum(spatial**2, axis=1))
        gap = np.where(points[:, 0] > 0, 2 / (1 + time_coordinate), np.nan)
        points = spatial / (1 + time_coordinate)[:, None]
    else:
        points = points * np.sqrt(c)
        gap = 1 - np.sum(points**2, axis=1)
    bad = ~(np.isfinite(points).all(axis=1) & (gap > 0))
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise ValueError(f"x: {bad.sum()} rows are not points of the {model} model, the first is row {row}")
    return points, gap


def evaluate(
    x: npt.ArrayLike,
    edges: EdgesLike,
    *,
    manifold: object = "poincare",
    c: float = 1.0,
    nodes: npt.ArrayLike | None = None,
    threads: int | None = None,
) -> Evaluation:
    r"""Mean rank and mean average precision of the reconstruction of a hierarchy.

    As in [1]_: for an edge (u, v), the rank of v is 1 plus the number of nodes that are nearer to u than v and neither
    u itself nor an ancestor of u. A tie counts one half, so a constant embedding does not look perfect. The average
    precision of u is the mean of :math:`j / (\text{rank}_j + j - 1)` over its ancestors, j-th nearest first.

    Parameters
    ----------
    x : (n, d) array; (n, d + 1) in the Lorentz model
        Row i is node i.
    edges : (m, 2) integer array, or Hierarchy
        Rows (node, ancestor). What is not an edge counts as no ancestor: pass the `closure` of a hierarchy.
    manifold : str or manifold
        ``"poincare"``, ``"lorentz"``, ``"euclidean"``, or such an object of `hypergeom.manifolds`, whose curvature
        is then used.
    c : float
        The curvature is -c; read only where `manifold` is a name.
    nodes : array of int, optional
        Search from these nodes only; all by default.
    threads : int, optional
        All cores by default. The result does not depend on it.

    Returns
    -------
    Evaluation

    Raises
    ------
    TypeError, ValueError
        Rows that are no points, edges of nodes that `x` does not have, an empty set of nodes.

    Notes
    -----
    Exact, in time O(n^2 d) and memory O(n d + m). Distances are compared by :math:`|u - v|^2 / (1 - |v|^2)`
    in the unit ball, which orders the v like the distance from u does.

    References
    ----------
    .. [1] M. Nickel, D. Kiela, "Poincaré embeddings for learning hierarchical representations", NeurIPS 2017, 4.1.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom.embed import evaluate
    >>> x = np.array([[0.0, 0.0], [0.5, 0.0], [0.8, 0.0], [-0.5, 0.0]])
    >>> found = evaluate(x, [[1, 0], [2, 0], [2, 1], [3, 0]])
    >>> found.mean_rank, found.map
    (1.0, 1.0)
    """
    model, curvature = model_and_curvature(manifold)
    if isinstance(manifold, str) and model != "euclidean":
        if not 0 < c < np.inf:
            raise ValueError(f"c must be positive and finite, got {c!r}")
        curvature = c
    points, gap = ball_and_gap(x, model, curvature)
    numbered = edges.edges if isinstance(edges, Hierarchy) else edges
    table = edge_table(numbered, labels=np.arange(len(points)))
    indptr, ancestors = ancestor_lists(table.edges, len(points))
    queries = _queries(nodes, indptr)
    start = time.perf_counter()
    ranks, _ = _core.reconstruction_ranks(points, gap, indptr, ancestors, queries, threads=usable_threads(threads))
    seconds = time.perf_counter() - start
    asked = np.isfinite(ranks)
    mean_average_precision = _mean_average_precision(ranks[asked], table.edges[asked, 0])
    return Evaluation(float(ranks[asked].mean()), mean_average_precision, ranks[table.index], seconds)


def _queries(nodes: npt.ArrayLike | None, indptr: npt.NDArray[np.int64]) -> npt.NDArray[np.int32]:
    with_ancestors = np.flatnonzero(np.diff(indptr))
    if nodes is None:
        return with_ancestors.astype(np.int32)
    asked = np.unique(np.asarray(nodes))
    if asked.dtype.kind not in "iu":
        raise TypeError(f"nodes must hold integers, got an array of {asked.dtype}")
    if asked.size and not 0 <= asked[0] <= asked[-1] < len(indptr) - 1:
        raise ValueError(f"nodes must lie in [0, {len(indptr) - 1}), got {asked[0]} to {asked[-1]}")
    queries = np.intersect1d(asked, with_ancestors)
    if queries.size == 0:
        raise ValueError("nodes holds no node that has an ancestor: there is nothing to rank")
    return queries.astype(np.int32)


def _mean_average_precision(ranks: FloatArray, nodes: npt.NDArray[np.int64]) -> float:
    order = np.lexsort((ranks, nodes))
    ranks, nodes = ranks[order], nodes[order]
    first = np.flatnonzero(np.diff(nodes, prepend=-1))
    sizes = np.diff(first, append=len(nodes))
    j = np.arange(len(nodes)) - np.repeat(first, sizes) + 1
    return float(np.mean(np.add.reduceat(j / (ranks + j - 1), first) / sizes))
