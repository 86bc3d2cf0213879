"""The polar decomposition and the matrix sign function of rectangular matrices."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import array_api_compat
import numpy as np
from array_api_compat import array_namespace

from hypergeom._gpus import on_one_gpu, to_host
from hypergeom._results import Result
from hypergeom._rows import Array
from hypergeom.polar.arguments import (
    adjoint,
    check_choice,
    eps,
    finite_matrices,
    frobenius,
    matrices,
    on_finite,
    rescale,
    sym,
    times_power_of_two,
)
from hypergeom.polar.coefficients import ns_coefficients, table
from hypergeom.polar.halley import matrix_norm_bound, qdwh
from hypergeom.polar.kernels import launched_sign, launches_small
from hypergeom.polar.schulz import composed
from hypergeom.polar.small import compiled_sign, compiles_sign

__all__ = ["PolarResult", "msign", "polar", "to_working_precision"]

# Of the short side, elsewhere than in NumPy: QDWH is made of operations that a GPU is fast at, and an SVD is not. With
# LAPACK on one core the SVD takes half the time at every size.
_SVD_UP_TO = 64


@dataclass(frozen=True)
class PolarResult(Result):
    """Result of `polar`.

    Attributes
    ----------
    u : array, shape (..., m, n)
        Orthonormal columns, or rows.
    p : array, shape (..., n, n) or (..., m, m)
        Hermitian to the bit, and positive semidefinite up to rounding.
    """

    u: Array
    p: Array


@on_one_gpu
def polar(a: Array, /, *, side: str = "right", method: str = "auto") -> PolarResult:
    r"""Polar decomposition: ``a = u @ p`` (right) or ``a = p @ u`` (left), for each matrix of a batch.

    Parameters
    ----------
    a : array_like, shape (..., m, n)
        Real or complex.
    side : {"right", "left"}
    method : {"auto", "svd", "qdwh"}
        As in `msign`, with the null space completed.

    Returns
    -------
    PolarResult
        u, p. NaN for a matrix that is not finite.

    Raises
    ------
    ValueError
        Fewer than two axes; unknown side or method.

    Notes
    -----
    u is unique where a has full rank, p always. Where the rank is deficient u has orthonormal columns or rows, some of
    them arbitrary.

    References
    ----------
    .. [1] N. J. Higham, "Functions of Matrices", SIAM 2008, chapter 8.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom.polar import polar
    >>> a = np.array([[0.0, -2.0], [1.0, 0.0]])
    >>> u, p = polar(a)
    >>> u.round(12) + 0.0, p.round(12) + 0.0
    (array([[ 0., -1.],
           [ 1.,  0.]]), array([[1., 0.],
           [0., 2.]]))
    """
    xp, (a,) = matrices("polar", a=a)
    check_choice("polar", "side", side, ("right", "left"))
    check_choice("polar", "method", method, ("auto", "svd", "qdwh"))
    u = to_working_precision(a, method, partial=False)
    # u is NaN where a is not finite, and infinity times NaN a warning
    scaled, exponent = rescale(xp.where(finite_matrices(a), a, xp.zeros_like(a)))
    p = sym(adjoint(u) @ scaled if side == "right" else scaled @ adjoint(u))
    return PolarResult(u, times_power_of_two(p, -exponent))


@on_one_gpu
def msign(
    a: Array,
    /,
    *,
    method: str = "auto",
    coefficients: Any = None,
    steps: int | None = None,
    lower: float | None = None,
    partial: bool = True,
    rtol: float | None = None,
) -> Array:
    r"""Matrix sign of a rectangular matrix: :math:`U_r V_r^H` over the singular values that are not 0.

    It is odd, not changed by a positive factor, and commutes with orthogonal factors on both sides. For a
    skew-symmetric matrix, singular or not, it is skew-symmetric.

    Parameters
    ----------
    a : array_like, shape (..., m, n)
        Real or complex.
    method : {"auto", "svd", "qdwh", "ns", "gram"}
        ``"svd"``, or ``"qdwh"``, the weighted Halley iteration [1]_ (with an SVD of what is singular to `rtol`), to
        working precision. ``"auto"`` is a compiled Newton iteration for small real NumPy and CuPy arrays, else the SVD
        for NumPy arrays and small matrices, else QDWH. ``"ns"`` and ``"gram"`` are
        `newton_schulz`, in products alone and as good as its coefficients.
    coefficients, steps
        For ``"ns"`` and ``"gram"``: as in `newton_schulz`.
    lower : float, optional
        For ``"ns"`` and ``"gram"``: the least singular value over the Frobenius norm, for the optimal coefficients.
    partial : bool
        Whether to leave out singular values up to ``rtol`` times the largest. False: an arbitrary completion, which
        for a singular skew-symmetric matrix is not skew-symmetric.
    rtol : float, optional
        By default ``max(m, n)`` eps.

    Returns
    -------
    array, shape (..., m, n)
        0 for a zero matrix; NaN for one that is not finite.

    Raises
    ------
    ValueError
        Fewer than two axes; an option is unknown or does not fit the method.

    References
    ----------
    .. [1] Y. Nakatsukasa, Z. Bai, F. Gygi, "Optimizing Halley's iteration for computing the matrix polar
       decomposition", SIAM J. Matrix Anal. Appl. 31, 2010.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom.polar import msign
    >>> msign(np.array([[3.0, 0.0, 0.0], [0.0, -1e-9, 0.0]])) + 0.0
    array([[ 1.,  0.,  0.],
           [ 0., -1.,  0.]])
    """
    _, (a,) = matrices("msign", a=a)
    check_choice("msign", "method", method, ("auto", "svd", "qdwh", "ns", "gram"))
    if method in ("ns", "gram"):
        if not partial or rtol is not None:
            raise ValueError(f"msign: partial and rtol are options of 'svd', 'qdwh' and 'auto', not of {method!r}")
        if lower is not None:
            if coefficients not in (None, "optimal"):
                raise ValueError("msign: lower chooses the optimal coefficients, so give either lower or coefficients")
            rows = ns_coefficients("optimal", lower=lower, steps=steps)
        else:
            rows = table("msign", "polar_express" if coefficients is None else coefficients, steps)
        return composed(a, rows, variant="gemm" if method == "ns" else "gram")
    if coefficients is not None or steps is not None or lower is not None:
        raise ValueError(f"msign: coefficients, steps and lower are options of 'ns' and 'gram', not of {method!r}")
    if rtol is not None and not 0 <= rtol < 1:
        raise ValueError(f"msign: rtol must be in [0, 1), got {rtol!r}")
    return to_working_precision(a, method, partial=partial, rtol=rtol)


def to_working_precision(a: Array, method: str, *, partial: bool, rtol: float | None = None) -> Array:
    """`msign` by "auto", "svd" or "qdwh", of checked arguments."""
    if math.prod(a.shape) == 0:
        return array_namespace(a).zeros_like(a)
    if rtol is None:
        rtol = max(a.shape[-2:]) * eps(a)
    if method == "auto" and compiles_sign(a):
        return _by_loops(a, partial, rtol)
    if method == "auto" and launches_small(a):
        return _by_kernel(a, partial, rtol)
    if method == "svd" or (method == "auto" and (isinstance(a, np.ndarray) or min(a.shape[-2:]) <= _SVD_UP_TO)):
        return on_finite(lambda x: _by_svd(rescale(x)[0], partial, rtol), a)
    return on_finite(lambda x: _by_halley(rescale(x)[0], partial, rtol), a)


def _by_loops(a: Array, partial: bool, rtol: float) -> Array:
    """By compiled loops, and by SVD what may be singular to rtol: its least singular value decides."""
    if a.shape[-2] == a.shape[-1]:
        x, condition = compiled_sign(a)
    else:
        finite = finite_matrices(a)
        x, condition = compiled_sign(rescale(np.where(finite, a, 0))[0])
    singular = ~(condition * rtol < 1)
    if singular.any():
        x[singular] = on_finite(lambda b: _by_svd(rescale(b)[0], partial, rtol), a[singular])
    return x


def _by_kernel(a: Array, partial: bool, rtol: float) -> Array:
    """The same on a GPU, where a QR factorization comes before the kernel for rectangular matrices."""
    xp, (m, n) = array_namespace(a), a.shape[-2:]
    if m < n:
        return adjoint(_by_kernel(adjoint(a), partial, rtol))
    finite = finite_matrices(a)
    flat = xp.reshape(xp.where(finite, a, xp.zeros_like(a)), (-1, m, n))
    scaled, _ = rescale(flat)
    q, r = (None, scaled) if m == n else xp.linalg.qr(scaled)
    x, condition = launched_sign(r)
    x = x if q is None else q @ x
    singular = np.flatnonzero(~(to_host(condition) * rtol < 1))
    if len(singular):
        x[xp.asarray(singular)] = _by_svd(_taken(scaled, singular), partial, rtol)
    return xp.where(finite, xp.reshape(x, a.shape), xp.full_like(a, xp.nan))


def _by_svd(a: Array, partial: bool, rtol: float) -> Array:
    xp = array_namespace(a)
    u, s, vh = xp.linalg.svd(a, full_matrices=False)
    if partial:
        kept = (s > rtol * s[..., :1]) & (s > 0)
        u = u * xp.astype(kept, u.dtype)[..., None, :]
    return u @ vh


def _by_halley(a: Array, partial: bool, rtol: float) -> Array:
    """QDWH after a QR factorization, whose triangle bounds the singular values; SVD of what is singular to rtol."""
    xp = array_namespace(a)
    if a.shape[-2] < a.shape[-1]:
        return adjoint(_by_halley(adjoint(a), partial, rtol))
    q, r = xp.linalg.qr(a)
    diagonal = xp.abs(xp.linalg.diagonal(r))
    alpha = matrix_norm_bound(r)
    invertible = xp.all(diagonal > 0, axis=-1)[..., None, None]
    safe = xp.where(invertible, r, xp.eye(r.shape[-1], dtype=r.dtype))
    # 1 / |R^{-1}|_F is at most the least singular value, and at least that over sqrt(n).
    least = 1 / frobenius(_inverse_triangle(safe), keepdims=True)
    singular = ~invertible | ~(least > max(rtol, eps(a)) * alpha)
    if not bool(xp.any(singular)):
        return q @ qdwh(r / xp.astype(alpha, r.dtype), least / alpha)
    if bool(xp.all(singular)):
        return _by_svd(a, partial, rtol)
    flat = [xp.reshape(v, (-1, *v.shape[-2:])) for v in (a, q, r, alpha, least)]
    mask = np.asarray([bool(v) for v in to_host(xp.reshape(singular, (-1,)))])
    order = np.concatenate([np.flatnonzero(mask), np.flatnonzero(~mask)])
    count = int(mask.sum())
    a1, (_, q, r, alpha, least) = _taken(flat[0], order[:count]), [_taken(v, order[count:]) for v in flat]
    parts = [_by_svd(a1, partial, rtol), q @ qdwh(r / xp.astype(alpha, r.dtype), least / alpha)]
    return xp.reshape(_taken(xp.concat(parts, axis=0), np.argsort(order)), a.shape)


def _taken(a: Array, index: np.ndarray[Any, Any]) -> Array:
    xp = array_namespace(a)
    return xp.take(a, xp.asarray(index.tolist(), dtype=xp.int64, device=array_api_compat.device(a)), axis=0)


def _inverse_triangle(r: Array) -> Array:
    if isinstance(r, np.ndarray) and r.ndim == 2:
        from scipy.linalg import lapack

        (trtri,) = lapack.get_lapack_funcs(("trtri",), (r,))
        inverse, _ = trtri(r.T, lower=1)
        return inverse
    return array_namespace(r).linalg.inv(r)
