"""What the manifolds of matrices share."""

from __future__ import annotations

from collections.abc import Callable

import array_api_compat
from array_api_compat import array_namespace

from hypergeom._rows import Array

__all__ = ["eye", "frobenius", "on_finite"]


def eye(like: Array, rows: int, columns: int | None = None) -> Array:
    """The identity, or its first rows or columns, in the library, dtype and device of `like`."""
    return array_namespace(like).eye(rows, columns, dtype=like.dtype, device=array_api_compat.device(like))


def frobenius(a: Array) -> Array:
    """The Frobenius norm of each matrix."""
    xp = array_namespace(a)
    return xp.sqrt(xp.sum(a * a, axis=(-2, -1)))


def on_finite(f: Callable[..., Array], *args: Array) -> Array:
    """f, with NaN in the matrices of which an argument is not finite, which factorizations might refuse."""
    xp = array_namespace(*args)
    args = tuple(xp.broadcast_arrays(*args))
    finite = xp.all(xp.isfinite(sum(xp.abs(a) for a in args)), axis=(-2, -1), keepdims=True)
    result = f(*(xp.where(finite, a, eye(a, *a.shape[-2:])) for a in args))
    return xp.where(finite, result, xp.full_like(result, xp.nan))
