"""How well an embedding tells a hierarchy: reconstruction ranks and their mean average precision."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Any

import array_api_compat
import numpy as np
import numpy.typing as npt

from hypergeom._core import embedding as _core
from hypergeom._gpus import gpu_of, on_gpu, to_host
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
        The rank of each edge, in the order of the input; NaN for edges of nodes that were not asked for. A CuPy array
        for points in one.
    seconds : float
        Wall time of the search.
    """

    mean_rank: float
    map: float
    ranks: Any
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


def ball_and_gap(x: Any, model: str, c: float, /) -> tuple[Any, Any]:
    """Points in the unit ball with their gaps 1 - |x|^2, without loss near the rim; flat points have gap 1.

    Raises
    ------
    ValueError
        `x` is not a matrix, or a row is not a point of the model.
    """
    points = x if on_gpu(x) else np.asarray(x)
    xp = array_api_compat.array_namespace(points)
    if points.dtype.kind not in "iuf":
        raise TypeError(f"x must hold real numbers, got an array of {points.dtype}")
    points = xp.ascontiguousarray(points, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] < (2 if model == "lorentz" else 1):
        raise ValueError(f"x must be a matrix with a point of the {model} model in each row, got shape {points.shape}")
    if model == "euclidean":
        gap = xp.ones(len(points))
    elif model == "lorentz":
        spatial = points[:, 1:] * np.sqrt(c)
        time_coordinate = xp.sqrt(1 + xp.sum(spatial**2, axis=1))
        gap = xp.where(points[:, 0] > 0, 2 / (1 + time_coordinate), np.nan)
        points = spatial / (1 + time_coordinate)[:, None]
    else:
        points = points * np.sqrt(c)
        gap = 1 - xp.sum(points**2, axis=1)
    bad = ~(xp.isfinite(points).all(axis=1) & (gap > 0))
    if bad.any():
        row = int(xp.argmax(bad))
        raise ValueError(f"x: {int(bad.sum())} rows are not points of the {model} model, the first is row {row}")
    return points, gap


def evaluate(
    x: Any,
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
        Row i is node i. In a CuPy array, the search runs on its GPU.
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
        All cores by default. The result does not depend on it, nor does anything on a GPU.

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

    With points on a GPU, `edges` may be there too or on the host: where they are lists of ancestors, they are on the
    host in either case. The means come back, and whether all rows are points.

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
    if on_gpu(edges) and not on_gpu(x):
        raise TypeError(f"evaluate: needs arrays of one library, got x of {type(x).__module__} beside edges of CuPy")
    with gpu_of(x):
        return _evaluate(x, to_host(edges), model, curvature, to_host(nodes), threads)


def _evaluate(
    x: Any, edges: EdgesLike, model: str, curvature: float, nodes: npt.ArrayLike | None, threads: int | None
) -> Evaluation:
    points, gap = ball_and_gap(x, model, curvature)
    table = edge_table(edges.edges if isinstance(edges, Hierarchy) else edges, labels=np.arange(len(points)))
    indptr, ancestors = ancestor_lists(table.edges, len(points))
    queries = _queries(nodes, indptr)
    threads = usable_threads(threads)
    start = time.perf_counter()
    put = np.asarray
    if on_gpu(points):
        from hypergeom import _cuda

        device = _cuda.cupy_device()
        put = device.xp.asarray
        ranks, _ = _cuda.reconstruction_ranks(device, points, gap, put(indptr), put(ancestors), put(queries))
    else:
        ranks, _ = _core.reconstruction_ranks(points, gap, indptr, ancestors, queries, threads=threads)
    asked = np.flatnonzero(np.isin(table.edges[:, 0], queries))
    found = ranks if len(asked) == len(table.edges) else ranks[put(asked)]
    mean_rank = float(found.mean())  # a GPU is done only then
    seconds = time.perf_counter() - start
    mean_average_precision = _mean_average_precision(found, table.edges[asked, 0])
    return Evaluation(mean_rank, mean_average_precision, ranks[put(table.index)], seconds)


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


def _mean_average_precision(ranks: Any, nodes: npt.NDArray[np.int64]) -> float:
    """Of ranks by node, on any side; `nodes`, in increasing order, are on the host."""
    xp = array_api_compat.array_namespace(ranks)
    first = np.flatnonzero(np.diff(nodes, prepend=-1))
    sizes = np.diff(first, append=len(nodes))
    j = xp.asarray(np.arange(len(nodes)) - np.repeat(first, sizes) + 1)
    order = xp.lexsort(xp.stack([ranks, xp.asarray(nodes.astype(np.float64))]))
    of_node = xp.asarray(1 / np.repeat(sizes, sizes))
    return float(xp.sum(j / (ranks[order] + j - 1) * of_node) / len(sizes))
