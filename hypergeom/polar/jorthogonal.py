"""J-orthogonal matrices: W^T J W = J for a diagonal J of signs."""

from __future__ import annotations

import math
from typing import Any

import array_api_compat
import numpy as np
from array_api_compat import array_namespace

from hypergeom._gpus import on_gpu, on_one_gpu, to_host
from hypergeom._rows import Array
from hypergeom.errors import ConvergenceError
from hypergeom.polar.arguments import (
    adjoint,
    count,
    eps,
    eye,
    finite_matrices,
    frobenius,
    matrices,
    signs,
    square_matrices,
)
from hypergeom.polar.kernels import has_kernels, schulz_correction

__all__ = [
    "exchange",
    "is_jorthogonal",
    "jadjoint",
    "jorthogonality_residual",
    "polish_step",
    "random_jorthogonal",
    "residual",
    "schulz_polish",
    "signature",
    "signed",
    "star",
]


def signature(p: int, q: int, *, xp: Any = None, dtype: Any = None) -> Array:
    """The signs of O(p, q): q entries -1, then p entries +1, as in `hypergeom.lorentz` with the time coordinate first.

    Parameters
    ----------
    p, q : int
        How many of each.
    xp, dtype : optional
        The array library, NumPy by default, and the dtype, float64 by default.

    Returns
    -------
    array, shape (p + q,)

    Examples
    --------
    >>> from hypergeom.polar import signature
    >>> signature(3, 1)
    array([-1.,  1.,  1.,  1.])
    """
    p, q = count("signature", "p", p, 0), count("signature", "q", q, 0)
    xp = np if xp is None else xp
    return xp.asarray([-1.0] * q + [1.0] * p, dtype=xp.float64 if dtype is None else dtype)


def signed(j: np.ndarray[Any, Any], like: Array) -> Array:
    """The signature in the library, dtype and device of `like`."""
    xp = array_namespace(like)
    if on_gpu(like) and not np.any(j[1:] < j[:-1]):  # made there, so that nothing is copied
        return xp.where(xp.arange(len(j)) < int(np.sum(j < 0)), -1.0, 1.0).astype(like.dtype)
    return xp.asarray(j.tolist(), dtype=like.dtype, device=array_api_compat.device(like))


def star(a: Array, j: Array) -> Array:
    """J A^T J, of signs in the library of a."""
    return j[:, None] * array_namespace(a).matrix_transpose(a) * j


@on_one_gpu
def jadjoint(a: Array, j: Any, /) -> Array:
    r"""The adjoint :math:`A^* = J A^T J` in the product :math:`\langle x, y \rangle = x^T J y`.

    Parameters
    ----------
    a : array_like, shape (..., n, n)
        Real.
    j : array_like, shape (n,)
        Entries +1 and -1 in any order.

    Returns
    -------
    array, shape (..., n, n)

    Raises
    ------
    ValueError
        The matrices are not square, or j does not fit.
    TypeError
        The matrices are complex.

    Examples
    --------
    >>> from hypergeom.polar import jadjoint
    >>> jadjoint([[1.0, 2.0], [3.0, 4.0]], [-1, 1])
    array([[ 1., -3.],
           [-2.,  4.]])
    """
    _, (a,), j = square_matrices("jadjoint", j, a=a)
    return star(a, signed(j, a))


@on_one_gpu
def jorthogonality_residual(w: Array, j: Any, /) -> Array:
    r"""How far matrices are from O(p, q): :math:`\|W^T J W - J\|_F / \|W\|_F^2`, accumulated in float64.

    Parameters
    ----------
    w : array_like, shape (..., n, n)
        Real.
    j : array_like, shape (n,)
        Entries +1 and -1 in any order.

    Returns
    -------
    array, shape (...)
        NaN where a matrix is not finite.

    Raises
    ------
    ValueError, TypeError
        As for `jadjoint`.

    Examples
    --------
    >>> from hypergeom.polar import jorthogonality_residual
    >>> float(jorthogonality_residual([[1.25, 0.75], [0.75, 1.25]], [-1, 1]))
    0.0
    """
    _, (w,), j = square_matrices("jorthogonality_residual", j, w=w)
    return residual(w, j)


def residual(w: Array, j: np.ndarray[Any, Any]) -> Array:
    """`jorthogonality_residual` of checked arguments."""
    xp = array_namespace(w)
    dtype = w.dtype
    w = xp.astype(w, xp.float64, copy=False)
    signs_ = signed(j, w)
    size = frobenius(w)
    with np.errstate(invalid="ignore"):  # a product with infinity is NaN
        excess = frobenius(xp.matrix_transpose(w) @ (signs_[:, None] * w) - signs_ * eye(w, w.shape[-1]))
    return xp.astype(excess / xp.where(size > 0, size, xp.ones_like(size)) ** 2, dtype, copy=False)


@on_one_gpu
def is_jorthogonal(w: Array, j: Any, /, *, rtol: float | None = None) -> Array:
    """Whether `jorthogonality_residual` is at most `rtol`, 10 eps by default.

    Parameters
    ----------
    w : array_like, shape (..., n, n)
    j : array_like, shape (n,)
    rtol : float, optional

    Returns
    -------
    array of bool, shape (...)

    Raises
    ------
    ValueError, TypeError
        As for `jadjoint`.

    Examples
    --------
    >>> from hypergeom.polar import is_jorthogonal
    >>> bool(is_jorthogonal([[1.25, 0.75], [0.75, 1.25]], [-1, 1]))
    True
    """
    _, (w,), j = square_matrices("is_jorthogonal", j, w=w)
    return residual(w, j) <= (10 * eps(w) if rtol is None else rtol)


@on_one_gpu
def exchange(a: Array, j: Any, /, *, pivot: int = 1) -> Array:
    r"""The exchange operator, or principal pivot transform, on the rows and columns with ``j == pivot``.

    .. math:: \begin{pmatrix} A_{11} & A_{12} \\ A_{21} & A_{22} \end{pmatrix} \mapsto
        \begin{pmatrix} A_{11}^{-1} & -A_{11}^{-1} A_{12} \\
        A_{21} A_{11}^{-1} & A_{22} - A_{21} A_{11}^{-1} A_{12} \end{pmatrix}

    It is its own inverse, and takes J-orthogonal matrices to orthogonal ones whose pivot block is not singular, and
    back [1]_.

    Parameters
    ----------
    a : array_like, shape (..., n, n)
        Real, with a pivot block that is not singular.
    j : array_like, shape (n,)
        Entries +1 and -1 in any order.
    pivot : {1, -1}
        For O(n, 1), -1 needs one division.

    Returns
    -------
    array, shape (..., n, n)

    Raises
    ------
    ValueError, TypeError
        As for `jadjoint`; pivot is neither 1 nor -1.
    numpy.linalg.LinAlgError
        A pivot block is singular, in libraries that tell.

    References
    ----------
    .. [1] N. J. Higham, "J-orthogonal matrices: properties and generation", SIAM Review 45, 2003.

    Examples
    --------
    >>> from hypergeom.polar import exchange
    >>> exchange([[1.25, 0.75], [0.75, 1.25]], [-1, 1])
    array([[ 0.8,  0.6],
           [-0.6,  0.8]])
    """
    xp, (a,), j = square_matrices("exchange", j, a=a)
    if pivot not in (1, -1):
        raise ValueError(f"exchange: pivot must be 1 or -1, got {pivot!r}")
    first, second = np.flatnonzero(j == pivot), np.flatnonzero(j != pivot)
    if not len(first) or math.prod(a.shape) == 0:
        return xp.asarray(a, copy=True)
    order = np.concatenate([first, second])
    k = len(first)
    a = _permuted(a, order)
    a11, a12, a21, a22 = a[..., :k, :k], a[..., :k, k:], a[..., k:, :k], a[..., k:, k:]
    inverse = xp.linalg.inv(a11)
    right = inverse @ a12
    top = xp.concat([inverse, -right], axis=-1)
    bottom = xp.concat([a21 @ inverse, a22 - a21 @ right], axis=-1)
    return _permuted(xp.concat([top, bottom], axis=-2), np.argsort(order))


def _permuted(a: Array, order: np.ndarray[Any, Any]) -> Array:
    xp = array_namespace(a)
    index = xp.asarray(order.tolist(), dtype=xp.int64, device=array_api_compat.device(a))
    return xp.take(xp.take(a, index, axis=-2), index, axis=-1)


def random_jorthogonal(
    j: Any,
    /,
    *,
    cond: float = 100.0,
    rapidities: Any = None,
    connected: bool = False,
    size: int | tuple[int, ...] = (),
    rng: int | np.random.Generator | None = None,
    dtype: Any = None,
    xp: Any = None,
) -> Array:
    r"""Random J-orthogonal matrices of given condition number.

    .. math:: W = \begin{pmatrix} U_1 & \\ & U_2 \end{pmatrix}
        \begin{pmatrix} \cosh\Theta & \sinh\Theta \\ \sinh\Theta & \cosh\Theta \end{pmatrix}
        \begin{pmatrix} V_1 & \\ & V_2 \end{pmatrix}

    with Haar distributed orthogonal blocks [1]_, and as many hyperbolic planes as there are entries of the rarer sign.

    Parameters
    ----------
    j : array_like, shape (n,)
        Entries +1 and -1 in any order.
    cond : float
        The 2-norm condition number, which is the square of the norm: the largest rapidity is ``log(cond) / 2``, and the
        others fall evenly in the logarithm to 1/100 of it. Without both signs the condition number is 1.
    rapidities : array_like, shape (min(p, q),), optional
        The rapidities themselves; cond is then not used.
    connected : bool
        Whether all orthogonal blocks have determinant 1, so that W is connected to the identity.
    size : int or tuple of int
        Leading axes.
    rng : int or numpy.random.Generator, optional
    dtype, xp : optional
        float64 and NumPy by default.

    Returns
    -------
    array, shape (\*size, n, n)

    Raises
    ------
    ValueError
        j has other entries than +1 and -1; cond < 1; the number of rapidities is wrong.

    References
    ----------
    .. [1] N. J. Higham, "J-orthogonal matrices: properties and generation", SIAM Review 45, 2003.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom.polar import is_jorthogonal, random_jorthogonal
    >>> w = random_jorthogonal([-1, 1, 1, 1], cond=1e4, rng=0)
    >>> bool(is_jorthogonal(w, [-1, 1, 1, 1])), float(np.linalg.cond(w).round(4))
    (True, 10000.0)
    """
    j = signs("random_jorthogonal", j)
    generator = np.random.default_rng(rng)
    shape = (size,) if isinstance(size, int) else tuple(size)
    minus, plus = np.flatnonzero(j < 0), np.flatnonzero(j > 0)
    q, p = len(minus), len(plus)
    theta = _rapidities(min(p, q), cond, rapidities)

    def blocks() -> list[np.ndarray[Any, Any]]:
        return [_haar(generator, shape, k, special=connected) for k in (q, p)]

    (u1, u2), (v1, v2) = blocks(), blocks()
    k = len(theta)
    w = np.zeros((*shape, len(j), len(j)))
    # The planes join the first k coordinates of each sign: what is beyond them is rotated alone.
    cosh, sinh = np.cosh(theta), np.sinh(theta)
    half1, half2 = v1.copy(), v2.copy()
    half1[..., :k, :] *= cosh[:, None]
    half2[..., :k, :] *= cosh[:, None]
    cross1, cross2 = sinh[:, None] * v2[..., :k, :], sinh[:, None] * v1[..., :k, :]
    w[..., minus[:, None], minus] = u1 @ half1
    w[..., plus[:, None], plus] = u2 @ half2
    w[..., minus[:, None], plus] = u1[..., :, :k] @ cross1
    w[..., plus[:, None], minus] = u2[..., :, :k] @ cross2
    if xp is None:
        return w if dtype is None else w.astype(dtype)
    return xp.asarray(w, dtype=xp.float64 if dtype is None else dtype)


def _rapidities(k: int, cond: Any, rapidities: Any) -> np.ndarray[Any, Any]:
    if rapidities is not None:
        theta = np.asarray(rapidities, dtype=np.float64)
        if theta.shape != (k,) or not np.all(np.isfinite(theta)):
            raise ValueError(f"random_jorthogonal: rapidities needs {k} finite numbers, got shape {theta.shape}")
        return theta
    if not 1 <= float(cond) < math.inf:
        raise ValueError(f"random_jorthogonal: cond must be at least 1 and finite, got {cond!r}")
    largest = math.log(cond) / 2
    return largest * np.logspace(0, -2, k) if k else np.zeros(0)


def _haar(rng: np.random.Generator, shape: tuple[int, ...], n: int, *, special: bool) -> np.ndarray[Any, Any]:
    q, r = np.linalg.qr(rng.standard_normal((*shape, n, n)))
    q = q * np.where(np.diagonal(r, axis1=-2, axis2=-1) < 0, -1.0, 1.0)[..., None, :]
    if special and n:
        q[..., :, 0] *= np.where(np.linalg.det(q) < 0, -1.0, 1.0)[..., None]
    return q


@on_one_gpu
def schulz_polish(w: Array, j: Any = None, /, *, steps: int = 1, guard: float = 0.5) -> Array:
    r"""Make nearly orthogonal or J-orthogonal matrices so to rounding: :math:`W \leftarrow W (3I - W^* W) / 2`.

    A step squares the distance. It is an iteration for matrices near the group, and no way to it from afar.

    Parameters
    ----------
    w : array_like, shape (..., m, n)
        For j = None real or complex with m >= n; else real and square.
    j : array_like, shape (n,), optional
        Entries +1 and -1 in any order; None stands for an orthogonal matrix, or one of orthonormal columns.
    steps : int
    guard : float
        The largest :math:`\|W^* W - I\|_F` of which a step is taken, less than 1.

    Returns
    -------
    array, shape (..., m, n)
        NaN where a matrix is not finite.

    Raises
    ------
    ConvergenceError
        A matrix is outside of the guard.
    ValueError, TypeError
        As for `jadjoint`; steps < 1; guard outside of (0, 1).

    References
    ----------
    .. [1] N. J. Higham, "J-orthogonal matrices: properties and generation", SIAM Review 45, 2003.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom.polar import jorthogonality_residual, schulz_polish
    >>> w = np.array([[1.25, 0.75], [0.75, 1.25001]])
    >>> float(jorthogonality_residual(schulz_polish(w, [-1, 1], steps=2), [-1, 1])) < 1e-16
    True
    """
    count("schulz_polish", "steps", steps)
    if not 0 < guard < 1:
        raise ValueError(f"schulz_polish: guard must be in (0, 1), got {guard!r}")
    if j is None:
        xp, (w,) = matrices("schulz_polish", w=w)
        if w.shape[-2] < w.shape[-1]:
            raise ValueError(
                f"schulz_polish: needs at least as many rows as columns without j, got shape {tuple(w.shape)}"
            )
        device_j = None
    else:
        xp, (w,), j = square_matrices("schulz_polish", j, w=w)
        device_j = signed(j, w)
    for _ in range(steps):
        polished, distance = polish_step(w, device_j)
        outside = finite_matrices(w)[..., 0, 0] & ~(distance <= guard)
        if bool(xp.any(outside)):
            flat = np.flatnonzero([bool(v) for v in to_host(xp.reshape(outside, (-1,)))])[0]
            index = tuple(int(k) for k in np.unravel_index(flat, tuple(outside.shape)))
            where = f" at index {index}" if index else ""
            worst = float(xp.reshape(distance, (-1,))[int(flat)])
            raise ConvergenceError(
                f"schulz_polish: the matrix{where} has |W*W - I| = {worst:.3g}, above the guard {guard:.3g}"
            )
        w = polished
    return w


def polish_step(w: Array, j: Array | None) -> tuple[Array, Array]:
    """One step, and how far w was from the group."""
    if has_kernels(w):
        half = schulz_correction(adjoint(w) @ (w if j is None else j[:, None] * w), j)
        return w + w @ half, 2 * frobenius(half)
    gram = (adjoint(w) if j is None else star(w, j)) @ w
    excess = eye(gram, gram.shape[-1]) - gram
    return w + w @ excess / 2, frobenius(excess)
