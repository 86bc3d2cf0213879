"""What runs on CuPy arrays in kernels of this library: small matrices in one launch, passes between large products."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from hypergeom._gpus import on_gpu
from hypergeom._rows import Array

if TYPE_CHECKING:
    from hypergeom._cuda import Device

__all__ = [
    "algebra_projection",
    "has_kernels",
    "launched_factors",
    "launched_newton_schulz",
    "launched_sign",
    "launches_newton_schulz",
    "launches_small",
    "polynomial",
    "schulz_correction",
]

# A block has a matrix: a long row alone would leave the rest of the device idle.
_LONGEST_ALONE, _TOGETHER = 4096, 32


def has_kernels(a: Array) -> bool:
    """Whether these are real matrices on a GPU."""
    return on_gpu(a) and a.dtype in (np.float32, np.float64)


def _device() -> Device:
    from hypergeom import _cuda

    return _cuda.cupy_device()


def launches_small(a: Array) -> bool:
    """Whether `launched_factors` takes these square matrices, and `launched_sign` those with this short side."""
    if not has_kernels(a):
        return False
    from hypergeom import _cuda

    return bool(min(a.shape[-2:]) <= _cuda.LARGEST_POLAR)


def launched_factors(a: Array, j: np.ndarray[Any, Any], polish: int) -> tuple[Array, Array, Array]:
    """J-polar decompositions by Newton's iteration: w, s, and six numbers of each (6, ...), as the compiled loops."""
    from hypergeom import _cuda

    return _cuda.small_jpolar(_device(), a, j, polish)


def launched_sign(a: Array) -> tuple[Array, Array]:
    """The orthogonal factors of square matrices, and condition numbers, NaN or infinite where there is none."""
    from hypergeom import _cuda

    return _cuda.small_orthogonal(_device(), a)


def launches_newton_schulz(a: Array, rows: np.ndarray[Any, Any]) -> bool:
    """Whether `launched_newton_schulz` takes these matrices, and has work for the whole device."""
    if not has_kernels(a):
        return False
    from hypergeom import _cuda

    short, long = sorted(a.shape[-2:])
    alone = math.prod(a.shape[:-2]) < _TOGETHER
    fits = short <= _cuda.LARGEST_SHORT_SIDE and len(rows) <= _cuda.MOST_STEPS
    return fits and not (alone and long > _LONGEST_ALONE)


def launched_newton_schulz(a: Array, rows: np.ndarray[Any, Any], normalize: bool) -> Array:
    """All steps of the Gram form in one launch."""
    from hypergeom import _cuda

    return _cuda.small_newton_schulz(_device(), a, rows, normalize)


def polynomial(r: Array, square: Array, row: tuple[float, float, float]) -> Array:
    """``a I + b r + c r^2``, in place of the square."""
    from hypergeom import _cuda

    return _cuda.ns_epilogue(_device(), r, square, row)


def schulz_correction(gram: Array, j: Array | None) -> Array:
    """``(I - J gram) / 2`` for the ``W^T J W`` of a matrix near the group."""
    from hypergeom import _cuda

    return _cuda.schulz_rhs(_device(), gram, j, 1.0)


def algebra_projection(e: Array, j: Array) -> Array:
    """``(e - J e^T J) / 2``."""
    from hypergeom import _cuda

    return _cuda.algebra_project(_device(), e, j)
