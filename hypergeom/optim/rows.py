"""Steps of some rows of an array: which ones, the gradients of each, and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import array_api_compat
import array_api_extra
import numpy as np

from hypergeom._rows import Array
from hypergeom.optim.trees import Layout, Leaf, Tree, path_name

__all__ = ["Rows", "checked_rows", "gathered", "scattered"]


@dataclass(frozen=True)
class Rows:
    """Rows of a leaf.

    Attributes
    ----------
    index : integer array, shape (u,)
        Each row once, in ascending order.
    place : integer array, shape (k,), or None
        Which of them the k gradients belong to; None where these are the rows themselves, in order.
    count : int
        k.
    """

    index: Array
    place: Any
    count: int


def checked_rows(where: str, layout: Layout, rows: Any) -> list[Rows | None]:
    """The rows of each leaf; None where all are meant."""
    if layout.template == 0:
        return [_rows(where, layout.leaves[0], rows)]
    if not isinstance(rows, dict) or not isinstance(layout.template, dict) or not set(rows) <= set(layout.template):
        raise ValueError(f"{where}: rows of a tree must be a dict with some keys of x, got {rows!r}")
    return [_rows(where, leaf, rows.get(leaf.path[0])) for leaf in layout.leaves]


def _rows(where: str, leaf: Leaf, rows: Any) -> Rows | None:
    if rows is None:
        return None
    if isinstance(rows, dict):
        raise ValueError(f"{where}: rows{path_name(leaf.path)} must be an integer array, got a dict")
    if not leaf.shape or len(leaf.shape) == leaf.manifold.point_ndim:
        raise ValueError(f"{where}: rows need a leading axis of x{path_name(leaf.path)}, whose shape is {leaf.shape}")
    rows = rows if array_api_compat.is_array_api_obj(rows) else np.asarray(rows, dtype=None if len(rows) else np.int64)
    xp = array_api_compat.array_namespace(rows)
    if rows.ndim != 1 or not xp.isdtype(rows.dtype, "integral"):
        raise ValueError(
            f"{where}: rows must be a vector of integers, got shape {tuple(rows.shape)} and dtype {rows.dtype}"
        )
    if not rows.shape[0]:
        return Rows(rows, None, 0)
    least, largest = int(xp.min(rows)), int(xp.max(rows))
    if least < 0 or largest >= leaf.shape[0]:
        raise ValueError(f"{where}: rows must lie in [0, {leaf.shape[0]}), got {least if least < 0 else largest}")
    index, place = xp.unique_inverse(rows)
    in_order = index.shape[0] == rows.shape[0] and bool(xp.all(index == rows))
    return Rows(index, None if in_order else xp.reshape(place, (-1,)), rows.shape[0])


def gathered(where: str, layout: Layout, egrad: Tree, rows: list[Rows | None]) -> list[Array]:
    """The gradients of the leaves, with a row for each of the rows: those that are there several times are summed."""
    shapes = [
        leaf.shape if r is None else (r.count, *leaf.shape[1:]) for leaf, r in zip(layout.leaves, rows, strict=True)
    ]
    leaves = tuple(
        Leaf(leaf.path, leaf.manifold, leaf.weight, shape, leaf.dtype)
        for leaf, shape in zip(layout.leaves, shapes, strict=True)
    )
    arrays = Layout(leaves, layout.template, layout.namespace).flatten(f"{where}: egrad", egrad)
    return [a if r is None or r.place is None else _summed(a, r) for a, r in zip(arrays, rows, strict=True)]


def _summed(g: Array, rows: Rows) -> Array:
    xp = array_api_compat.array_namespace(g)
    distinct = rows.index.shape[0]
    if distinct == rows.count:
        return xp.take(g, xp.argsort(rows.place), axis=0)
    if isinstance(g, np.ndarray):
        sums = np.zeros((distinct, *g.shape[1:]), g.dtype)
        np.add.at(sums, rows.place, g)
        return sums
    numbers = xp.arange(distinct, dtype=rows.place.dtype, device=array_api_compat.device(g))
    belongs = xp.astype(numbers[:, None] == rows.place[None, :], g.dtype)
    return xp.reshape(belongs @ xp.reshape(g, (rows.count, -1)), (distinct, *g.shape[1:]))


def scattered(a: Array, rows: Rows, values: Array) -> Array:
    """A copy of a with these values in the rows."""
    xp = array_api_compat.array_namespace(a)
    if any(is_library(xp) for is_library in _ASSIGNING):
        return array_api_extra.at(a, rows.index).set(values, copy=True)
    # The standard has no assignment to rows: every row looks up whether it is one of them.
    numbers = xp.arange(a.shape[0], dtype=rows.index.dtype, device=array_api_compat.device(a))
    place = xp.searchsorted(rows.index, numbers)
    place = xp.where(place < rows.index.shape[0], place, xp.zeros_like(place))
    hit = xp.take(rows.index, place, axis=0) == numbers
    return xp.where(hit[(..., *(None,) * (a.ndim - 1))], xp.take(values, place, axis=0), a)


_ASSIGNING = (
    array_api_compat.is_numpy_namespace,
    array_api_compat.is_cupy_namespace,
    array_api_compat.is_torch_namespace,
    array_api_compat.is_jax_namespace,
)
