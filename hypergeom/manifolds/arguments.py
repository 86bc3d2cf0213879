"""What the methods of the manifolds do with their arguments before any mathematics."""

from __future__ import annotations

import math
import numbers
import operator
from collections.abc import Iterable, Sequence
from typing import Any

import array_api_compat
import numpy as np

from hypergeom._gpus import on_their_gpu
from hypergeom._rows import Array

__all__ = [
    "as_like",
    "broadcast_tangent",
    "checked_shape",
    "curvature",
    "draw_normal",
    "namespace_and_arrays",
    "parameter",
    "zeros",
]


_NUMPY = array_api_compat.array_namespace(np.empty(0))
_FLOAT64 = np.dtype(np.float64)


def namespace_and_arrays(where: str, core: int, /, **given: Any) -> tuple[Any, list[Array]]:
    """The library of the arguments, and the arguments as its arrays of one real floating dtype.

    Sequences become NumPy arrays, integers float64. The last `core` axes are those of a point, equal in all; the
    axes before them broadcast.

    Raises
    ------
    ValueError
        The shapes do not fit.
    TypeError
        A dtype is neither float32, float64 nor an integer one, or the arrays come from different libraries.
    """
    if _plain(given.values(), core):
        return _NUMPY, list(given.values())
    values = {name: a if array_api_compat.is_array_api_obj(a) else np.asarray(a) for name, a in given.items()}
    first_name, first = next(iter(values.items()))
    xp = array_api_compat.array_namespace(first)
    for name, a in values.items():
        if array_api_compat.array_namespace(a) is not xp:
            raise TypeError(
                f"{where}: needs arrays of one library, got {name} of {array_api_compat.array_namespace(a).__name__} "
                f"beside {first_name} of {xp.__name__}"
            )
        if a.dtype not in (xp.float32, xp.float64) and not xp.isdtype(a.dtype, "integral"):
            raise TypeError(f"{where}: {name} needs real numbers (float32, float64 or integers), got {a.dtype}")
    on_their_gpu(where, xp, values)
    single = all(a.dtype == xp.float32 for a in values.values())
    dtype = xp.float32 if single else xp.float64
    arrays = [xp.astype(a, dtype, copy=False) for a in values.values()]
    shapes = [tuple(a.shape) for a in arrays]
    if not _fit(shapes, core):
        listed = ", ".join(f"{name} {shape}" for name, shape in zip(values, shapes, strict=True))
        what = "the last axis as the vector" if core == 1 else "the last two axes as the matrix"
        raise ValueError(
            f"{where}: shapes {listed} do not fit: needs {what}, the same in all, and others that broadcast"
        )
    return xp, arrays


def _plain(values: Iterable[Any], core: int) -> bool:
    """Whether these are NumPy arrays of one shape, in float64: what needs no further look, in a microsecond."""
    shape = None
    for a in values:
        if type(a) is not np.ndarray or a.dtype != _FLOAT64 or (shape is not None and a.shape != shape):
            return False
        shape = a.shape
    return shape is not None and len(shape) >= core and min(shape[-core:]) > 0


def _fit(shapes: Sequence[tuple[int, ...]], core: int) -> bool:
    points = {shape[-core:] for shape in shapes}
    if len(points) > 1 or len(shapes[0]) < core or min(shapes[0][-core:]) < 1:
        return False
    try:
        np.broadcast_shapes(*(shape[:-core] for shape in shapes))
    except ValueError:
        return False
    return True


def parameter(where: str, xp: Any, t: Any, core: int, like: Array) -> Array:
    """A number, or one for each row, as an array that multiplies tangents."""
    if isinstance(t, numbers.Real) and not isinstance(t, bool):
        return xp.full((), float(t), dtype=like.dtype, device=array_api_compat.device(like))
    if not array_api_compat.is_array_api_obj(t):
        t = np.asarray(t)
    if array_api_compat.array_namespace(t) is not xp:
        raise TypeError(
            f"{where}: needs arrays of one library, got t of {type(t).__name__} beside {type(like).__name__}"
        )
    if t.dtype not in (xp.float32, xp.float64) and not xp.isdtype(t.dtype, "integral"):
        raise TypeError(f"{where}: t needs real numbers (float32, float64 or integers), got {t.dtype}")
    return xp.astype(t[(..., *(None,) * core)], like.dtype, copy=False)


def broadcast_tangent(x: Array, v: Array) -> Array:
    """A copy of v, one for each row of x."""
    return v + array_api_compat.array_namespace(x).zeros_like(x)


def checked_shape(where: str, shape: Any, core: int, least: int = 1) -> tuple[int, ...]:
    """The shape of an array of points as a tuple, after a check of its last `core` axes."""
    if isinstance(shape, numbers.Integral) and core == 1:
        shape = (shape,)
    try:
        lengths = tuple(operator.index(n) for n in shape)
    except TypeError:
        raise TypeError(f"{where}: shape must be a tuple of integers, got {shape!r}") from None
    if len(lengths) < core or any(n < 0 for n in lengths) or min(lengths[-core:]) < least:
        raise ValueError(
            f"{where}: shape must end in {'the length of a vector' if core == 1 else 'the two lengths of a matrix'}, "
            f"at least {least}, got {shape!r}"
        )
    return lengths


def draw_normal(shape: tuple[int, ...], rng: int | np.random.Generator | None, like: Array | None) -> Array:
    """Standard normal numbers in the library, dtype and device of `like`; float64 NumPy by default."""
    return as_like(np.random.default_rng(rng).standard_normal(shape), like)


def as_like(values: Array, like: Array | None) -> Array:
    """A NumPy array in the library, dtype and device of `like`, or as it is."""
    if like is None:
        return values
    xp, dtype = _kind(like)
    return xp.asarray(values, dtype=dtype, device=array_api_compat.device(like))


def zeros(shape: tuple[int, ...], like: Array | None) -> Array:
    """In the library, dtype and device of `like`; float64 NumPy by default."""
    if like is None:
        return np.zeros(shape)
    xp, dtype = _kind(like)
    return xp.zeros(shape, dtype=dtype, device=array_api_compat.device(like))


def _kind(like: Array) -> tuple[Any, Any]:
    xp = array_api_compat.array_namespace(like)
    return xp, like.dtype if xp.isdtype(like.dtype, "real floating") else xp.float64


def curvature(c: Any, where: str, *, flat: bool) -> float:
    """c as a number, after a check of its range."""
    if isinstance(c, bool) or not isinstance(c, numbers.Real):
        raise TypeError(f"{where}: c must be a number, got {c!r}")
    number = float(c)
    if not 0 <= number < math.inf or (number == 0 and not flat):
        wanted = "at least 0" if flat else "positive"
        raise ValueError(f"{where}: c must be {wanted} and finite (the curvature is -c), got {c!r}")
    return number
