"""Lengths and products along the last axis, which stays with length one."""

from __future__ import annotations

import numpy as np
from array_api_compat import array_namespace

from hypergeom._rows import Array

__all__ = ["dot", "finite_or_inf", "length", "scalars"]

_SAFE_SQUARES = (1e-270, 1e270), (1e-30, 1e30)  # where what underflows is below rounding; float64 and float32


def dot(x: Array, y: Array) -> Array:
    """Sum of products."""
    return array_namespace(x, y).vecdot(x, y)[..., None]


def length(x: Array) -> Array:
    """Euclidean length, without overflow or underflow of the squares."""
    if isinstance(x, np.ndarray) and x.size:  # on a GPU to look would be to wait
        square = np.vecdot(x, x)[..., None]
        least, largest = _SAFE_SQUARES[x.dtype == np.float32]
        if least < square.min() and square.max() < largest:
            return np.sqrt(square)
    xp = array_namespace(x)
    largest = xp.max(xp.abs(x), axis=-1, keepdims=True)
    scale = xp.where((largest > 0) & (largest < xp.inf), largest, xp.ones_like(largest))
    return scale * xp.sqrt(dot(x / scale, x / scale))


def scalars(a: Array) -> Array:
    """Without the last axis, of length one; of NumPy a scalar, as its own reductions give."""
    a = a[..., 0]
    return a if a.ndim else a[()]


def finite_or_inf(x: Array, axis: int | tuple[int, ...] = -1) -> Array:
    """A residual: 0 where all entries are finite, else infinite."""
    xp = array_namespace(x)
    finite = xp.all(xp.isfinite(x), axis=axis)
    zeros = xp.zeros_like(xp.sum(x, axis=axis))
    return xp.where(finite, zeros, xp.full_like(zeros, xp.inf))
