"""Launches of the embedding trainer and of the evaluation of its results."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hypergeom._cuda.device import Device, Kernel, grid_for

if TYPE_CHECKING:
    from hypergeom._rows import Array

SHARED_BYTES = 48 * 1024  # that every block may have
BLOCK_WARPS = 4  # most warps of a block of the trainer, of which a multiprocessor is to hold four


def _struct(*fields: tuple[str, Any]) -> np.dtype[Any]:
    return np.dtype(list(fields), align=True)


_POINTER = np.uint64
# The structs of embedding_visit.hpp, and EpochCall of embedding.cu.
_EPOCH_CALL = _struct(
    ("table", _struct(("rows", _POINTER), ("n", np.int64), ("d", np.int32))),
    ("graph", _struct(*((name, _POINTER) for name in ("start", "visit_start", "ancestors", "visit_node", "weights")))),
    (
        "negatives",
        _struct(
            ("total", np.int32),
            ("from_near", np.int32),
            ("near", _POINTER),
            ("near_width", np.int32),
            ("near_weight", np.float64),
            ("alias_share", _POINTER),
            ("alias", _POINTER),
        ),
    ),
    (
        "options",
        _struct(
            ("seed", np.uint64),
            ("epoch", np.uint32),
            ("threads", np.int32),
            *((name, np.float64) for name in ("learning_rate", "max_step", "smallest_gap", "decay_power")),
            ("hyperbolic", np.bool),
        ),
    ),
    ("order", _POINTER),
    ("n_visits", np.int64),
    ("partners", np.int64),
    ("scratch", _POINTER),
    ("results", _POINTER),
)

RANK_BLOCK = 128  # threads a block, rank_block in ranks.cu
NEAR_ROOM, NEAR_STRETCH = 256, 128  # rivals that a warp has room for, and nodes that it takes at once, in ranks.cu
_RANK_CALL = _struct(  # the struct RankCall of ranks.cu
    ("x", _POINTER),
    ("inverse_gap", _POINTER),
    ("n", np.int64),
    ("d", np.int64),
    *((name, _POINTER) for name in ("start", "ancestors", "queries")),
    ("n_queries", np.int64),
    *((name, _POINTER) for name in ("ranks", "sorted", "nearer", "tied", "rivals")),
    ("width", np.int64),
    ("reach", np.float64),
)


def run_epoch(
    device: Device,
    rows: Array,
    d: int,
    graph: Sequence[Array],
    order: Array,
    *,
    lanes: int,
    max_positives: int,
    warps: int,
    hyperbolic: bool,
    n_negatives: int,
    n_near: int = 0,
    near_weight: float = 1.0,
    near: Array = None,
    alias_share: Array = None,
    alias: Array = None,
    **options: Any,
) -> Array:
    """As the compiled core's `run_epoch`, on arrays of a device.

    Parameters
    ----------
    device : Device
    rows : (n, stride) float64 array
        The table of points, which is changed in place.
    d : int
        Their dimension.
    graph : five arrays
        Those that `Graph` of the core takes, in the order of its fields: starts of ancestor lists and of visits,
        ancestors, nodes of the visits, weights.
    order : (k,) int32 array
        The visits to be made.
    lanes : int
        Coordinates of a row with its padding.
    max_positives : int
        That no visit exceeds.
    warps : int
        Visits that are made at once.
    **options
        The rest is as for the core.

    Returns
    -------
    (3,) float64 array
        Sum of the losses, pairs computed, rows projected; on the device.
    """
    xp, n_visits = device.xp, order.shape[0]
    warps = min(warps, n_visits)
    if warps == 0:
        return xp.zeros(3, dtype=np.float64)
    partners = max_positives + n_near + n_negatives
    # The room of a warp, as in embedding.cu: shared memory, or scratch where the blocks would be too small.
    size = partners * (4 + lanes) + 2 * lanes + (partners + 1) // 2
    in_block = min(BLOCK_WARPS, SHARED_BYTES // (8 * size))
    scratch = None
    if in_block == 0:
        scratch, in_block = xp.empty(warps * size, dtype=np.float64), BLOCK_WARPS
    in_block = min(in_block, warps)
    results = xp.empty((warps, 3), dtype=np.float64)

    call = np.zeros((), _EPOCH_CALL)
    call["table"] = device.address(rows), rows.shape[0], d
    call["graph"] = tuple(device.address(a) for a in graph)
    place = {"near": near, "alias_share": alias_share, "alias": alias}
    negatives = call["negatives"]
    negatives["total"], negatives["from_near"], negatives["near_weight"] = n_negatives, n_near, near_weight
    negatives["near_width"] = 0 if near is None else near.shape[1]
    for name, a in place.items():
        negatives[name] = 0 if a is None else device.address(a)
    for name, value in {**options, "threads": warps, "hyperbolic": hyperbolic}.items():
        call["options"][name] = value
    call["order"], call["n_visits"], call["partners"] = device.address(order), n_visits, partners
    call["scratch"], call["results"] = 0 if scratch is None else device.address(scratch), device.address(results)
    shared = 0 if scratch is not None else 8 * size * in_block
    grid = -(-warps // in_block)
    device.launch(_epoch_kernel(hyperbolic), grid, 32 * in_block, (call,), shared)
    return results.sum(axis=0)


@functools.cache
def _epoch_kernel(hyperbolic: bool) -> Kernel:
    return Kernel("embedding.cu", f"embedding_epoch_{'hyperbolic' if hyperbolic else 'euclidean'}")


def reconstruction_ranks(
    device: Device,
    x: Array,
    gap: Array,
    start: Array,
    ancestors: Array,
    queries: Array,
    *,
    n_rivals: int = 0,
    reach: float = 1.0,
) -> tuple[Array, Array]:
    """As the compiled core's `reconstruction_ranks`, on arrays of a device; of rivals at one distance, the first.

    Parameters
    ----------
    device : Device
    x : (n, d) float64 array
        Points of the unit ball, or of flat space.
    gap : (n,) float64 array
        1 - |x|^2, or 1.
    start : (n + 1,) int64 array
    ancestors : (m,) int32 array
        The sorted ancestors of node u lie at ``start[u]:start[u + 1]``.
    queries : (k,) int32 array
        The nodes to search from.
    n_rivals : int
        Rivals wanted of each.
    reach : float
        Their keys are at most so many times that of the farthest ancestor.

    Returns
    -------
    ranks : (m,) float64 array
        In the order of `ancestors`, NaN for nodes that are no queries.
    rivals : (n, n_rivals) int32 array
        Filled up with -1.
    """
    xp, n, m, n_queries = device.xp, x.shape[0], ancestors.shape[0], queries.shape[0]
    if n_rivals > NEAR_ROOM - NEAR_STRETCH:
        raise ValueError(f"n_rivals needs to be at most {NEAR_ROOM - NEAR_STRETCH} on a GPU, got {n_rivals}")
    ranks, rivals = xp.full(m, np.nan), xp.full((n, n_rivals), -1, dtype=np.int32)
    if n_queries == 0:
        return ranks, rivals
    transposed, inverse_gap = xp.ascontiguousarray(x.T), 1 / gap
    in_order = xp.empty(m, dtype=np.float64)
    nearer, tied = xp.zeros((2, m), dtype=np.int32)
    call = np.zeros((), _RANK_CALL)
    arrays = {"x": transposed, "inverse_gap": inverse_gap, "start": start, "ancestors": ancestors, "queries": queries}
    arrays |= {"ranks": ranks, "sorted": in_order, "nearer": nearer, "tied": tied}
    if n_rivals:
        arrays["rivals"] = rivals
    for name, a in arrays.items():
        call[name] = device.address(a)
    call["n"], call["d"], call["n_queries"], call["width"], call["reach"] = n, x.shape[1], n_queries, n_rivals, reach
    warps = RANK_BLOCK // 32
    shared = warps * NEAR_ROOM * 12 if n_rivals else 0
    grid = grid_for(-(-n_queries // warps), device.max_blocks)
    device.launch(Kernel("ranks.cu", "embedding_ranks"), grid, RANK_BLOCK, (call,), shared)
    return ranks, rivals
