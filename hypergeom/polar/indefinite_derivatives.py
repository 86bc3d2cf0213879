"""Derivatives of the J-polar decomposition."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from hypergeom._gpus import on_one_gpu
from hypergeom._rows import Array
from hypergeom.polar.arguments import by_matrix, eps, frobenius, square_matrices
from hypergeom.polar.indefinite import jpolar
from hypergeom.polar.indefinite_iterations import inverse_and_logdet
from hypergeom.polar.jorthogonal import signed, star

__all__ = ["jpolar_jvp", "jpolar_vjp"]


@on_one_gpu
def jpolar_jvp(a: Array, da: Array, j: Any, /) -> tuple[Array, Array]:
    r"""Derivatives of the factors of `jpolar` in the direction da.

    .. math:: dW = W K, \quad S K + K S = B - B^*, \quad B = W^* dA, \qquad dS = (dW)^* A + W^* dA

    Parameters
    ----------
    a, da : array_like, shape (..., n, n)
        Real.
    j : array_like, shape (n,)
        Entries +1 and -1 in any order.

    Returns
    -------
    dw, ds : array, shape (..., n, n)

    Raises
    ------
    NoJPolarError, ConvergenceError, ValueError, TypeError
        As for `jpolar`; the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom.polar import jpolar_jvp
    >>> dw, ds = jpolar_jvp(2 * np.eye(2), np.array([[1.0, 3.0], [5.0, 1.0]]), [-1, 1])
    >>> dw.round(12), ds.round(12)
    (array([[0., 2.],
           [2., 0.]]), array([[ 1., -1.],
           [ 1.,  1.]]))
    """
    xp, (a, da), j = square_matrices("jpolar_jvp", j, a=a, da=da)
    w, s, _ = jpolar(a, j)
    if math.prod(a.shape) == 0:
        return xp.zeros_like(a), xp.zeros_like(a)
    device_j = signed(j, a)
    b = star(w, device_j) @ da
    dw = w @ _sylvester(s, b - star(b, device_j))
    t = xp.matrix_transpose(dw) @ (device_j[:, None] * a) + xp.matrix_transpose(w) @ (device_j[:, None] * da)
    return dw, device_j[:, None] * (t + xp.matrix_transpose(t)) / 2


@on_one_gpu
def jpolar_vjp(g: tuple[Any, Any], a: Array, j: Any, /) -> Array:
    r"""Cotangent of the argument of `jpolar`.

    .. math:: \bar A = (W^*)^T (Z - J Z^T J) + J W J \bar S, \qquad S^T Z + Z S^T = W^T (\bar W + J A \bar S^T J)

    Parameters
    ----------
    g : (array_like or None, array_like or None)
        Cotangents of w and s.
    a : array_like, shape (..., n, n)
        Real.
    j : array_like, shape (n,)
        Entries +1 and -1 in any order.

    Returns
    -------
    array, shape (..., n, n)

    Raises
    ------
    NoJPolarError, ConvergenceError, ValueError, TypeError
        As for `jpolar`; the shapes do not fit; g is no pair.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom.polar import jpolar_vjp
    >>> jpolar_vjp((np.array([[1.0, 3.0], [5.0, 1.0]]), None), 2 * np.eye(2), [-1, 1]).round(12) + 0.0
    array([[0., 2.],
           [2., 0.]])
    """
    if not isinstance(g, tuple | list) or len(g) != 2:
        raise TypeError(f"jpolar_vjp: g needs to be a pair of cotangents, got {type(g).__name__}")
    given = {name: v for name, v in zip(("g_w", "g_s"), g, strict=True) if v is not None}
    xp, (a, *cotangents), j = square_matrices("jpolar_vjp", j, a=a, **given)
    bars = dict(zip(given, cotangents, strict=True))
    g_w, g_s = bars.get("g_w"), bars.get("g_s")
    w, s, _ = jpolar(a, j)
    if math.prod(a.shape) == 0 or not bars:
        return xp.zeros_like(a)
    device_j = signed(j, a)
    c = xp.zeros_like(a) if g_w is None else g_w
    if g_s is not None:
        c = c + device_j[:, None] * (a @ xp.matrix_transpose(g_s)) * device_j
    z = _sylvester(xp.matrix_transpose(s), xp.matrix_transpose(w) @ c)
    turned = device_j[:, None] * w * device_j  # (W^*)^T
    inner = z - star(z, device_j)
    return turned @ (inner if g_s is None else inner + g_s)


def _sylvester(s: Array, c: Array) -> Array:
    """K with S K + K S = C, for a spectrum of S in the right half plane."""
    if isinstance(s, np.ndarray):
        return by_matrix(_bartels_stewart, s, c)
    return _by_sign_iteration(s, c)


def _bartels_stewart(s: np.ndarray[Any, Any], c: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Back substitution in one real Schur form, which serves for both factors."""
    from scipy.linalg import lapack, schur

    t, q = schur(s, output="real")
    (trsyl,) = lapack.get_lapack_funcs(("trsyl",), (t, c))
    y, scale, info = trsyl(t, t, q.T @ c @ q)
    if info < 0:
        raise ValueError(f"trsyl: argument {-info} is not valid")
    return np.asarray(q @ (y / scale) @ q.T)


def _by_sign_iteration(s: Array, c: Array) -> Array:
    """Roberts' iteration, for libraries without a Schur form: the sign function of [S C; 0 -S], by its blocks."""
    xp, n = array_namespace(s), s.shape[-1]
    shape = s.shape
    s, c = xp.reshape(s, (-1, n, n)), xp.reshape(c, (-1, n, n))
    change, tolerance = math.inf, 0.1 * math.sqrt(n * eps(s))
    for _ in range(40):
        inverse, logdet, _ = inverse_and_logdet(s)
        mu = np.exp(-logdet / n) if change > 1e-2 else np.ones(len(logdet))
        column = xp.asarray(mu.tolist(), dtype=s.dtype, device=s.device)[:, None, None]
        new = (column * s + inverse / column) / 2
        c = (column * c + inverse @ c @ inverse / column) / 2
        change, s = float(xp.max(frobenius(new - s) / frobenius(new))), new
        if change < tolerance:  # C converges as fast as S
            break
    return xp.reshape(c / 2, shape)
