"""Small matrices by compiled loops, on NumPy: Newton's iteration, eight matrices at a time."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from hypergeom._core import polar as _loops

__all__ = ["SmallFactors", "compiled_sign", "compiles_factors", "compiles_sign", "small_factors"]

Matrices = np.ndarray[Any, Any]

_LARGEST = 32
# A loop takes as long for one matrix as for eight, and from here on longer than an SVD of that one.
_ALONE_UP_TO, _TOGETHER = 16, 8


def compiles_sign(a: Any) -> bool:
    """Whether `compiled_sign` takes these matrices, and is the fastest to do so."""
    if not isinstance(a, np.ndarray) or a.dtype.kind != "f":
        return False
    short = min(a.shape[-2:])
    return bool(short <= _ALONE_UP_TO or (short <= _LARGEST and a.size >= _TOGETHER * a.shape[-2] * a.shape[-1]))


def compiled_sign(a: Matrices) -> tuple[Matrices, Matrices]:
    """The orthogonal factor, and the condition number in the Frobenius norm, NaN or infinite where there is no factor.

    Rectangular matrices, which must be finite, begin with a QR factorization, whose triangle has the condition.
    """
    m, n = a.shape[-2:]
    if m < n:
        factor, condition = compiled_sign(np.swapaxes(a, -1, -2))
        return np.swapaxes(factor, -1, -2), condition
    if m == n:
        factor, condition = _loops.small_orthogonal(a)
        return factor, condition
    q, r = np.linalg.qr(a)
    factor, condition = _loops.small_orthogonal(r)
    return q @ factor, condition


def compiles_factors(a: Any) -> bool:
    """Whether `small_factors` takes these matrices."""
    return isinstance(a, np.ndarray) and a.shape[-1] <= _LARGEST


class SmallFactors(NamedTuple):
    """What `hypergeom.polar.jpolar` wants to know, and a bound of |S| |S^{-1}| in the Frobenius norm."""

    w: Matrices
    s: Matrices
    iterations: Matrices
    converged: Matrices
    j_residual: Matrices
    residual: Matrices
    symmetry: Matrices
    condition: Matrices


def small_factors(a: Matrices, j: Matrices, polish: int) -> SmallFactors:
    """The J-polar decomposition by Newton's iteration, in double precision for both dtypes."""
    w, s, iterations, converged, *numbers = _loops.small_jpolar(a, j, float(polish))
    return SmallFactors(w, s, iterations.astype(np.int64), converged > 0, *numbers)
