"""Exponentials of batches of small matrices, in array-API operations."""

from __future__ import annotations

import functools
import math

import array_api_compat
from array_api_compat import array_namespace

from hypergeom._rows import Array

__all__ = ["expm1"]

# Degree of the diagonal Padé approximant, and the 1-norm up to which it is exact to rounding.
_SINGLE, _DOUBLE = (7, 3.925724783138660), (13, 5.371920351148152)


def expm1(a: Array, /) -> Array:
    """``exp(a) - I`` of a matrix, by scaling and squaring of a Padé approximant [1]_.

    Squaring without the identity, ``f -> 2 f + f @ f``, keeps the digits of small matrices, and loses less in large
    skew-symmetric ones than squaring the exponential itself.

    Parameters
    ----------
    a : array, shape (..., n, n)
        float32 or float64.

    Returns
    -------
    array, shape (..., n, n)
        NaN in matrices with an entry that is not finite.

    References
    ----------
    .. [1] N. J. Higham, "The scaling and squaring method for the matrix exponential revisited", SIAM J. Matrix
       Anal. Appl. 26, 2005.

    Examples
    --------
    >>> import numpy as np
    >>> expm1(np.array([[0.0, -1e-20], [1e-20, 0.0]]))
    array([[-5.e-41, -1.e-20],
           [ 1.e-20, -5.e-41]])
    """
    xp = array_namespace(a)
    f, squarings = _scaled(a)
    for k in range(_largest(squarings)):
        unfinished = squarings > k
        g = xp.where(unfinished, f, xp.zeros_like(f))
        f = xp.where(unfinished, 2 * g + g @ g, f)
    return f


def _scaled(a: Array) -> tuple[Array, Array]:
    """exp(a / 2^s) - I, and s of each matrix."""
    xp = array_namespace(a)
    degree, bound = _SINGLE if a.dtype == xp.float32 else _DOUBLE
    norm = xp.max(xp.sum(xp.abs(a), axis=-2, keepdims=True), axis=-1, keepdims=True)
    finite = norm < xp.inf
    norm = xp.where(finite, norm, xp.zeros_like(norm))
    squarings = xp.ceil(xp.log2(xp.where(norm > bound, norm / bound, xp.ones_like(norm))))
    a = xp.where(finite, a, xp.zeros_like(a)) * 2 ** (-squarings)

    b, eye = _pade_coefficients(degree), _identity(a)
    power, square = eye, a @ a
    even, odd = b[0] * eye, b[1] * eye
    for k in range(2, degree, 2):
        power = power @ square
        even, odd = even + b[k] * power, odd + b[k + 1] * power
    odd = a @ odd
    f = xp.linalg.solve(even - odd, 2 * odd)  # (even + odd) / (even - odd) - I
    return xp.where(finite, f, xp.full_like(f, xp.nan)), squarings


@functools.cache
def _pade_coefficients(degree: int) -> tuple[float, ...]:
    """b_k of exp(a) = p(a) / p(-a), p(a) = sum of b_k a^k, with b_0 = 1."""
    factorial, m = math.factorial, degree
    return tuple(
        factorial(2 * m - k) * factorial(m) / (factorial(2 * m) * factorial(k) * factorial(m - k)) for k in range(m + 1)
    )


def _identity(a: Array) -> Array:
    return array_namespace(a).eye(a.shape[-1], dtype=a.dtype, device=array_api_compat.device(a))


def _largest(squarings: Array) -> int:
    return int(array_namespace(squarings).max(squarings)) if math.prod(squarings.shape) else 0
