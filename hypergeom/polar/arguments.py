"""What the functions of matrices do with their arguments, and the small operations that they share."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Sequence
from typing import Any

import array_api_compat
import numpy as np
from array_api_compat import array_namespace

from hypergeom._gpus import on_gpu, to_host
from hypergeom._rows import Array

__all__ = [
    "adjoint",
    "by_matrix",
    "check_choice",
    "count",
    "eps",
    "eye",
    "finite_matrices",
    "frobenius",
    "is_complex",
    "matrices",
    "on_finite",
    "per_matrix",
    "rescale",
    "signs",
    "square_matrices",
    "sym",
    "times_power_of_two",
]


def matrices(where: str, /, **given: Any) -> tuple[Any, list[Array]]:
    """The library of the arguments, and the arguments as its arrays of one floating dtype, of one shape.

    Sequences become NumPy arrays, integers float64. Leading axes broadcast.

    Raises
    ------
    ValueError
        Fewer than two axes, or the last two differ.
    TypeError
        A dtype is not a number, or the arrays come from different libraries.
    """
    values = {name: _as_array(where, name, a) for name, a in given.items()}
    first_name, first = next(iter(values.items()))
    xp = array_namespace(first)
    for name, a in values.items():
        if array_namespace(a) is not xp:
            raise TypeError(
                f"{where}: needs arrays of one library, got {name} of {array_namespace(a).__name__} "
                f"beside {first_name} of {xp.__name__}"
            )
        if not xp.isdtype(a.dtype, ("integral", "real floating", "complex floating")) or a.dtype == getattr(
            xp, "float16", None
        ):
            raise TypeError(f"{where}: {name} needs numbers in single or double precision or integers, got {a.dtype}")
        if a.ndim < 2:
            raise ValueError(f"{where}: {name} needs at least two axes (..., m, n), got shape {tuple(a.shape)}")
        if tuple(a.shape[-2:]) != tuple(first.shape[-2:]):
            raise ValueError(
                f"{where}: {name} needs the last two axes {tuple(first.shape[-2:])} of {first_name}, "
                f"got shape {tuple(a.shape)}"
            )
    dtype = _common_dtype(xp, list(values.values()))
    arrays = [xp.astype(a, dtype, copy=False) for a in values.values()]
    if len(arrays) > 1:
        try:
            np.broadcast_shapes(*(tuple(a.shape) for a in arrays))
        except ValueError:
            listed = ", ".join(f"{name} {tuple(a.shape)}" for name, a in values.items())
            raise ValueError(f"{where}: needs leading axes that broadcast, got shapes {listed}") from None
        arrays = list(xp.broadcast_arrays(*arrays))
    return xp, arrays


def square_matrices(where: str, j: Any, /, **given: Any) -> tuple[Any, list[Array], np.ndarray[Any, Any]]:
    """As `matrices`, for real square matrices beside a signature, which comes back as a NumPy array of +-1."""
    xp, arrays = matrices(where, **given)
    rows, columns = arrays[0].shape[-2:]
    if rows != columns:
        raise ValueError(f"{where}: needs square matrices, got shape {tuple(arrays[0].shape)}")
    if is_complex(arrays[0]):
        raise TypeError(f"{where}: needs real matrices beside a signature j, got {arrays[0].dtype}")
    return xp, arrays, signs(where, j, rows)


def signs(where: str, j: Any, n: int | None = None) -> np.ndarray[Any, Any]:
    """The signature j on the host, in float64."""
    j = to_host(j)
    try:
        entries = np.asarray([float(v) for v in j], dtype=np.float64)
    except (TypeError, ValueError):
        raise TypeError(f"{where}: j needs to be a sequence or an array of +1 and -1, got {j!r}") from None
    if entries.size and not np.all(np.abs(entries) == 1):
        raise ValueError(f"{where}: j needs entries +1 and -1, got {j!r}")
    if n is not None and entries.shape != (n,):
        raise ValueError(f"{where}: j needs one entry for each of the {n} rows, got {entries.size}")
    return entries


def _as_array(where: str, name: str, a: Any) -> Array:
    if array_api_compat.is_array_api_obj(a):
        return a
    array = np.asarray(a)
    if array.dtype.kind not in "iufc":
        raise TypeError(f"{where}: {name} needs to be an array of numbers, got {type(a).__name__}")
    return array


def _common_dtype(xp: Any, arrays: Sequence[Array]) -> Any:
    floating = [a.dtype for a in arrays if not xp.isdtype(a.dtype, "integral")]
    if len(floating) < len(arrays):
        floating.append(getattr(xp, "float64", xp.float32))
    dtype = floating[0]
    for other in floating[1:]:
        dtype = xp.result_type(dtype, other)
    return dtype


def check_choice(where: str, name: str, value: Any, known: Sequence[str]) -> None:
    """One of the known names."""
    if value not in known:
        raise ValueError(f"{where}: {name} must be one of {', '.join(map(repr, known))}, got {value!r}")


def count(where: str, name: str, value: Any, least: int = 1) -> int:
    """An integer of at least `least`."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral) or value < least:
        raise ValueError(f"{where}: {name} must be an integer of at least {least}, got {value!r}")
    return int(value)


def per_matrix(where: str, name: str, value: Any, like: Array) -> Array:
    """A real number, or one for each matrix, as an array of shape (..., 1, 1); NaN is an error."""
    xp = array_namespace(like)
    dtype = real_dtype(xp, like.dtype)
    if isinstance(value, numbers.Real):
        value = np.asarray(float(value))
    elif not array_api_compat.is_array_api_obj(value):
        value = np.asarray(value)
    if array_namespace(value) is not xp:
        if not isinstance(value, np.ndarray):
            raise TypeError(f"{where}: {name} needs to be a number or an array of the library of the matrices")
        value = xp.asarray(value.tolist(), dtype=dtype, device=array_api_compat.device(like))
    if not xp.isdtype(value.dtype, ("integral", "real floating")):
        raise TypeError(f"{where}: {name} needs real numbers, got {value.dtype}")
    if bool(xp.any(xp.isnan(value))):
        raise ValueError(f"{where}: {name} must not be NaN")
    try:
        fits = np.broadcast_shapes(tuple(value.shape), tuple(like.shape[:-2])) == tuple(like.shape[:-2])
    except ValueError:
        fits = False
    if not fits:
        raise ValueError(
            f"{where}: {name} needs to be a number or to broadcast to the leading axes {tuple(like.shape[:-2])}, "
            f"got shape {tuple(value.shape)}"
        )
    return xp.astype(value, dtype, copy=False)[..., None, None]


def real_dtype(xp: Any, dtype: Any) -> Any:
    """The real dtype of the same precision."""
    single = dtype in (xp.float32, getattr(xp, "complex64", None))
    return xp.float32 if single else xp.float64


def eps(a: Array) -> float:
    """The machine epsilon of the dtype."""
    xp = array_namespace(a)
    return float(xp.finfo(a.dtype).eps)


def is_complex(a: Array) -> bool:
    """Whether the entries are complex numbers."""
    return bool(array_namespace(a).isdtype(a.dtype, "complex floating"))


def eye(like: Array, n: int) -> Array:
    """The identity in the library, dtype and device of `like`."""
    return array_namespace(like).eye(n, dtype=like.dtype, device=array_api_compat.device(like))


def adjoint(a: Array) -> Array:
    """The conjugate transpose."""
    xp = array_namespace(a)
    turned = xp.matrix_transpose(a)
    return xp.conj(turned) if is_complex(a) else turned


def sym(a: Array) -> Array:
    """The Hermitian part, to the bit."""
    return (a + adjoint(a)) / 2


def frobenius(a: Array, *, keepdims: bool = False) -> Array:
    """The Frobenius norm."""
    xp = array_namespace(a)
    if isinstance(a, np.ndarray) and a.dtype == np.float64:
        norm = np.sqrt(np.einsum("...ij,...ij->...", a, a))  # without an array of the squares
        return norm[..., None, None] if keepdims else norm
    square = xp.real(a) ** 2 + xp.imag(a) ** 2 if is_complex(a) else a * a
    return xp.sqrt(xp.sum(square, axis=(-2, -1), keepdims=keepdims))


def finite_matrices(a: Array) -> Array:
    """Which matrices have finite entries only; shape (..., 1, 1)."""
    xp = array_namespace(a)
    return xp.all(xp.isfinite(a), axis=(-2, -1), keepdims=True)


def on_finite(f: Callable[[Array], Array], a: Array) -> Array:
    """f, with NaN in the matrices that are not finite, which factorizations might refuse."""
    xp = array_namespace(a)
    finite = finite_matrices(a)
    if not on_gpu(a) and bool(xp.all(finite)):  # of a GPU the question would cost more than the answer
        return f(a)
    result = f(xp.where(finite, a, xp.zeros_like(a)))
    return xp.where(finite, result, xp.full_like(result, xp.nan))


def rescale(a: Array) -> tuple[Array, Array]:
    """Each matrix times a power of two, exactly, so that its largest entry is about 1; and the exponents (..., 1, 1).

    Norms and products of the result neither overflow nor underflow. A matrix that is zero or not finite stays.
    """
    xp = array_namespace(a)
    if math.prod(a.shape[-2:]) == 0:
        return a, xp.zeros((*a.shape[:-2], 1, 1), dtype=real_dtype(xp, a.dtype), device=array_api_compat.device(a))
    size = xp.maximum(xp.abs(xp.real(a)), xp.abs(xp.imag(a))) if is_complex(a) else xp.abs(a)
    largest = xp.max(size, axis=(-2, -1), keepdims=True)
    usable = xp.isfinite(largest) & (largest > 0)
    exponent = -xp.floor(xp.log2(xp.where(usable, largest, xp.ones_like(largest))))
    return times_power_of_two(a, exponent), exponent


def times_power_of_two(a: Array, exponent: Array) -> Array:
    """``a 2^exponent``, in two exact factors, since one alone may be out of range."""
    xp = array_namespace(a)
    half = xp.floor(exponent / 2)
    return a * xp.astype(_power_of_two(half), a.dtype) * xp.astype(_power_of_two(exponent - half), a.dtype)


def _power_of_two(exponent: Array) -> Array:
    """2^exponent of integers up to half the range, by squaring: a power of the library may be off by a bit."""
    xp = array_namespace(exponent)
    rest, result, factor = xp.abs(exponent), xp.ones_like(exponent), 2.0
    for _ in range(7 if exponent.dtype == xp.float32 else 10):
        halved = xp.floor(rest / 2)
        result = xp.where(rest - 2 * halved > 0, result * factor, result)
        rest, factor = halved, factor * factor
    return xp.where(exponent < 0, 1 / result, result)


def by_matrix(f: Callable[..., Any], *arrays: Array) -> Array:
    """f of each matrix of NumPy arrays with the same leading axes."""
    batch = arrays[0].shape[:-2]
    if not batch:
        return f(*arrays)
    result = None
    for index in np.ndindex(batch):
        value = f(*(a[index] for a in arrays))
        if result is None:
            result = np.empty((*batch, *value.shape), dtype=value.dtype)
        result[index] = value
    return np.empty_like(arrays[0]) if result is None else result
