"""The dynamically weighted Halley iteration for the orthogonal polar factor: QDWH."""

from __future__ import annotations

import math

import array_api_compat
import numpy as np
from array_api_compat import array_namespace

from hypergeom._rows import Array
from hypergeom.polar.arguments import adjoint, eps, eye, frobenius, sym

__all__ = ["matrix_norm_bound", "qdwh", "weights"]

_MOST_STEPS = 12  # six are enough from a lower bound of 1e-16
_QR_ABOVE = 100.0  # the weight c above which I + c X^H X is too ill-conditioned for Cholesky


def weights(lower: Array) -> tuple[Array, Array, Array]:
    """(a, b, c) of Halley's iteration x (a + b x^2) / (1 + c x^2) that are best on [lower, 1]."""
    xp = array_namespace(lower)
    square = lower * lower
    d = (4 * (1 - square)) ** (1 / 3) / square ** (2 / 3)
    root = xp.sqrt(1 + d)
    a = root + xp.sqrt(8 - 4 * d + 8 * (2 - square) / (square * root)) / 2
    b = (a - 1) ** 2 / 4
    return a, b, a + b - 1


def matrix_norm_bound(a: Array) -> Array:
    """An upper bound of the 2-norm, the lesser of two; shape (..., 1, 1)."""
    xp = array_namespace(a)
    size = xp.abs(a)
    columns = xp.max(xp.sum(size, axis=-2, keepdims=True), axis=-1, keepdims=True)
    rows = xp.max(xp.sum(size, axis=-1, keepdims=True), axis=-2, keepdims=True)
    return xp.minimum(frobenius(a, keepdims=True), xp.sqrt(columns * rows))


def qdwh(a: Array, lower: Array) -> Array:
    """The polar factor of square or tall matrices of 2-norm at most 1, singular values at least `lower` (..., 1, 1).

    In the first steps X (I + c X^H X)^{-1} comes from a QR factorization of [sqrt(c) X; I], which is backward stable
    for every c; later from a Cholesky factor.
    """
    xp, x = array_namespace(a), a
    tiny = 10 * eps(a)
    for _ in range(_MOST_STEPS):
        done = 1 - lower < tiny
        if bool(xp.all(done)):
            break
        wa, wb, wc = weights(xp.where(done, xp.ones_like(lower), lower))
        x = _step(x, wa, wb, wc)
        lower = xp.where(done, xp.ones_like(lower), lower * (wa + wb * lower * lower) / (1 + wc * lower * lower))
        lower = xp.minimum(lower, xp.ones_like(lower))
    # One more step of order three takes what the bound, short of 1 by rounding, left.
    one = xp.ones_like(lower)
    return _step(x, 3 * one, one, 3 * one)


def _step(x: Array, a: Array, b: Array, c: Array) -> Array:
    xp = array_namespace(x)
    ratio = b / c
    if math.prod(c.shape) and float(xp.max(c)) > _QR_ABOVE:
        root = xp.sqrt(c)
        tall = xp.concat([xp.astype(root, x.dtype) * x, xp.broadcast_to(eye(x, x.shape[-1]), _as_square(x))], axis=-2)
        q, _ = xp.linalg.qr(tall)
        q1, q2 = q[..., : x.shape[-2], :], q[..., x.shape[-2] :, :]
        return xp.astype(ratio, x.dtype) * x + xp.astype((a - ratio) / root, x.dtype) * (q1 @ adjoint(q2))
    z = eye(x, x.shape[-1]) + xp.astype(c, x.dtype) * (adjoint(x) @ x)
    return xp.astype(ratio, x.dtype) * x + xp.astype(a - ratio, x.dtype) * _over_positive(x, z)


def _as_square(x: Array) -> tuple[int, ...]:
    return (*x.shape[:-2], x.shape[-1], x.shape[-1])


def _over_positive(x: Array, z: Array) -> Array:
    """x z^{-1} of a Hermitian positive definite z."""
    xp = array_namespace(x)
    if array_api_compat.is_numpy_array(x) and x.ndim == 2:
        from scipy.linalg import cho_factor, cho_solve

        factor = cho_factor(z.T, lower=True, overwrite_a=True, check_finite=False)
        return np.asarray(cho_solve(factor, x.T, check_finite=False).T)
    return adjoint(xp.linalg.solve(sym(z), adjoint(x)))
