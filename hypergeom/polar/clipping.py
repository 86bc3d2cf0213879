"""Clipped singular values."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from hypergeom._gpus import on_one_gpu
from hypergeom._rows import Array
from hypergeom.polar.arguments import (
    adjoint,
    check_choice,
    eye,
    finite_matrices,
    matrices,
    on_finite,
    per_matrix,
    rescale,
    sym,
    times_power_of_two,
)
from hypergeom.polar.coefficients import ns_coefficients
from hypergeom.polar.orthogonal import to_working_precision
from hypergeom.polar.schulz import composed

__all__ = ["bounds", "mclip"]

_SVD_UP_TO = 256  # of the short side, elsewhere than in NumPy, where one SVD is always faster than three sign functions
_NS_LOWER = {"float32": 1e-5, "float64": 1e-8}  # what the signs of "ns" are exact above, relative to the norm


@on_one_gpu
def mclip(a: Array, lower: Any, upper: Any, /, *, method: str = "auto") -> Array:
    r"""Clip singular values: :math:`U \operatorname{clip}(S, lower, upper) V^H`.

    With ``lower = 0`` it is the projection onto the ball of spectral norm `upper`. Where no SVD is wanted,

    .. math:: \tfrac12 O \bigl[(a+b) I + |a I - H| - |b I - H|\bigr], \qquad O = \operatorname{msign}(A),\ H = O^H A

    with :math:`|X| = X \operatorname{sgn} X` of Hermitian matrices.

    Parameters
    ----------
    a : array_like, shape (..., m, n)
        Real or complex.
    lower, upper : float or array_like, shape (...)
        Bounds, lower <= upper, one or one for each matrix; either may be infinite. ``lower <= 0`` bounds nothing unless
        upper is negative.
    method : {"auto", "svd", "qdwh", "ns"}
        ``"qdwh"`` is the formula above with signs to working precision, ``"ns"`` with signs by optimal Newton-Schulz
        coefficients, in products alone: these are exact above 1e-8 of the norm (float32: 1e-5), and that times the sum
        of the norm and the bounds is the error. Singular values below are taken for smaller ones, and not raised to a
        positive `lower`. ``"auto"`` takes the SVD for NumPy arrays and up to a short side of 256.

    Returns
    -------
    array, shape (..., m, n)
        NaN for a matrix that is not finite.

    Raises
    ------
    ValueError
        lower > upper, a bound is NaN, lower is inf, or upper -inf; fewer than two axes; unknown method.

    Notes
    -----
    Where the rank is deficient and 0 is clipped to another value, the singular vectors of 0 are arbitrary with
    ``"svd"``, and left out by the others.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom.polar import mclip
    >>> mclip(np.diag([3.0, 0.5, 0.01]), 0.1, 1.0).round(12)
    array([[1. , 0. , 0. ],
           [0. , 0.5, 0. ],
           [0. , 0. , 0.1]])
    """
    xp, (a,) = matrices("mclip", a=a)
    check_choice("mclip", "method", method, ("auto", "svd", "qdwh", "ns"))
    low, high = bounds("mclip", a, lower, upper)
    if math.prod(a.shape) == 0:
        return xp.zeros_like(a)
    if method == "svd" or (method == "auto" and (isinstance(a, np.ndarray) or min(a.shape[-2:]) <= _SVD_UP_TO)):
        return _by_svd(a, low, high)
    scaled, exponent = rescale(a)
    low, high = times_power_of_two(low, exponent), times_power_of_two(high, exponent)
    return times_power_of_two(on_finite(lambda x: _by_signs(x, low, high, method), scaled), -exponent)


def bounds(where: str, a: Array, lower: Any, upper: Any) -> tuple[Array, Array]:
    """Both as arrays (..., 1, 1), after a check."""
    xp = array_namespace(a)
    low, high = per_matrix(where, "lower", lower, a), per_matrix(where, "upper", upper, a)
    if not bool(xp.all((low <= high) & (low < xp.inf) & (high > -xp.inf))):
        raise ValueError(f"{where}: needs lower <= upper, lower < inf and upper > -inf, got {lower!r} and {upper!r}")
    return low, high


def _by_svd(a: Array, low: Array, high: Array) -> Array:
    xp = array_namespace(a)
    finite = finite_matrices(a)
    u, s, vh = xp.linalg.svd(xp.where(finite, a, xp.zeros_like(a)), full_matrices=False)
    clipped = xp.minimum(xp.maximum(s[..., None, :], low), high)
    result = (u * xp.astype(clipped, u.dtype)) @ vh
    return xp.where(finite, result, xp.full_like(result, xp.nan))


def _by_signs(a: Array, low: Array, high: Array, method: str) -> Array:
    xp = array_namespace(a)
    if a.shape[-2] < a.shape[-1]:
        return adjoint(_by_signs(adjoint(a), low, high, method))
    o = _sign(a, method)
    h = sym(adjoint(o) @ a)
    low = xp.maximum(low, xp.minimum(xp.zeros_like(low), high))  # where lower <= 0 <= upper it is 0 that bounds
    bounded = xp.isfinite(high)
    high = xp.where(bounded, high, xp.zeros_like(high))
    raised = _absolute(low, h, method)  # |a I - H|
    capped = _absolute(high, h, method)
    one = eye(h, h.shape[-1])
    # clip(s, a, b) = (a + b + |a - s| - |b - s|) / 2, and max(s, a) = (a + s + |a - s|) / 2
    both = xp.astype(low + high, h.dtype) * one + raised - capped
    above = xp.astype(low, h.dtype) * one + h + raised
    return o @ (xp.where(bounded, both, above) / 2)


def _absolute(bound: Array, h: Array, method: str) -> Array:
    """|bound I - h|."""
    xp = array_namespace(h)
    if not bool(xp.any(bound > 0)):
        return h - xp.astype(bound, h.dtype) * eye(h, h.shape[-1])  # h is positive semidefinite
    shifted = xp.astype(bound, h.dtype) * eye(h, h.shape[-1]) - h
    return sym(shifted @ _sign(shifted, method))


def _sign(a: Array, method: str) -> Array:
    if method != "ns":
        return to_working_precision(a, "qdwh", partial=True)
    xp = array_namespace(a)
    single = a.dtype in (xp.float32, getattr(xp, "complex64", None))
    return composed(a, ns_coefficients("optimal", lower=_NS_LOWER["float32" if single else "float64"]))
