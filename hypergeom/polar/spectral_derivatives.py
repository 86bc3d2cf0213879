"""Derivatives of polar, msign and mclip from one singular value decomposition, stable at equal singular values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from array_api_compat import array_namespace

from hypergeom._gpus import on_one_gpu
from hypergeom._rows import Array, sum_to
from hypergeom.polar.arguments import adjoint, check_choice, finite_matrices, matrices, rescale, times_power_of_two
from hypergeom.polar.clipping import bounds
from hypergeom.polar.orthogonal import to_working_precision

__all__ = ["mclip_jvp", "mclip_vjp", "msign_jvp", "msign_vjp", "polar_vjp"]


class _Decomposition(NamedTuple):
    """Of finite tall matrices, each times a power of two; NaN elsewhere."""

    u: Array
    s: Array
    vh: Array
    exponent: Array  # (..., 1, 1)

    @classmethod
    def of(cls, a: Array) -> _Decomposition:
        xp, finite = array_namespace(a), finite_matrices(a)
        scaled, exponent = rescale(xp.where(finite, a, xp.zeros_like(a)))
        u, s, vh = xp.linalg.svd(scaled, full_matrices=False)
        s = xp.where(finite[..., 0], s, xp.full_like(s, xp.nan))
        return cls(u, s, vh, exponent)

    def derivative(self, direction: Array, even: Array | None, odd: Array, across: Array) -> Array:
        """U [even o sym(E) + odd o skew(E)] V^H + (I - U U^H) D V diag(across) V^H with E = U^H D V.

        The map is self-adjoint: it is the derivative in a direction, and takes a cotangent back.
        """
        turned = direction @ adjoint(self.vh)
        e = adjoint(self.u) @ turned
        inner = _times(odd, (e - adjoint(e)) / 2)
        if even is not None:
            inner = inner + _times(even, (e + adjoint(e)) / 2)
        beyond = None
        if self.u.shape[-2] > self.u.shape[-1]:
            beyond = _times(across[..., None, :], turned - self.u @ e)
        columns = self.u @ inner
        return (columns if beyond is None else columns + beyond) @ self.vh


def _times(real: Array, a: Array) -> Array:
    return array_namespace(a).astype(real, a.dtype) * a


def _divided(numerator: Array | float, denominator: Array) -> Array:
    """A quotient that is infinite or NaN where the denominator is 0, without a warning."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return numerator / denominator


def _tall(f: Callable[..., Array], a: Array, b: Array) -> Array:
    """f of matrices that are not wide; the adjoint of f of the adjoint ones."""
    if a.shape[-2] >= a.shape[-1]:
        return f(a, b)
    return adjoint(f(adjoint(a), adjoint(b)))


def _sign_derivative(a: Array, d: Array) -> Array:
    if 0 in a.shape:
        return array_namespace(a).zeros_like(a)
    parts = _Decomposition.of(a)
    sums = parts.s[..., :, None] + parts.s[..., None, :]
    # the derivative is of degree -1 in a
    with np.errstate(invalid="ignore"):
        result = parts.derivative(d, None, _divided(2.0, sums), _divided(1.0, parts.s))
    return times_power_of_two(result, parts.exponent)


@on_one_gpu
def msign_jvp(a: Array, da: Array, /) -> Array:
    r"""Derivative of `msign` at a of full rank, in the direction da.

    .. math:: U \Bigl[\frac{E - E^H}{s_i + s_j}\Bigr] V^H + (I - U U^H)\, dA\, V S^{-1} V^H, \qquad E = U^H dA\, V

    Sums of singular values are all that is divided by: equal ones cost no digits, and nothing is added to them.

    Parameters
    ----------
    a, da : array_like, shape (..., m, n)
        Real or complex.

    Returns
    -------
    array, shape (..., m, n)
        Infinite or NaN where the rank of a is deficient or a matrix is not finite.

    Raises
    ------
    ValueError
        The shapes do not fit.

    References
    ----------
    .. [1] C. S. Kenney, A. J. Laub, "Polar decomposition and matrix sign function condition estimates", SIAM J. Sci.
       Stat. Comput. 12, 1991.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom.polar import msign_jvp
    >>> msign_jvp(2 * np.eye(2), np.array([[5.0, 1.0], [0.0, 7.0]]))
    array([[ 0.  ,  0.25],
           [-0.25,  0.  ]])
    """
    _, (a, da) = matrices("msign_jvp", a=a, da=da)
    return _tall(_sign_derivative, a, da)


@on_one_gpu
def msign_vjp(g: Array, a: Array, /) -> Array:
    r"""Cotangent of the argument of `msign`, for the pairing :math:`\operatorname{Re} \operatorname{tr} g^H d`.

    The derivative is self-adjoint, so this is `msign_jvp` of the cotangent.

    Parameters
    ----------
    g, a : array_like, shape (..., m, n)

    Returns
    -------
    array, shape (..., m, n)
        As for `msign_jvp`.

    Raises
    ------
    ValueError
        The shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom.polar import msign_vjp
    >>> msign_vjp(np.array([[5.0, 1.0], [0.0, 7.0]]), 2 * np.eye(2))
    array([[ 0.  ,  0.25],
           [-0.25,  0.  ]])
    """
    _, (g, a) = matrices("msign_vjp", g=g, a=a)
    return _tall(_sign_derivative, a, g)


@on_one_gpu
def polar_vjp(g: tuple[Any, Any], a: Array, /, *, side: str = "right") -> Array:
    """Cotangent of the argument of `polar`, at a of full rank.

    Parameters
    ----------
    g : (array_like or None, array_like or None)
        Cotangents of u and p.
    a : array_like, shape (..., m, n)
    side : {"right", "left"}

    Returns
    -------
    array, shape (..., m, n)
        As for `msign_jvp`.

    Raises
    ------
    ValueError
        The shapes do not fit; unknown side.
    TypeError
        g is no pair.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom.polar import polar_vjp
    >>> polar_vjp((None, np.eye(2)), np.diag([3.0, -2.0])) + 0.0  # of the nuclear norm
    array([[ 1.,  0.],
           [ 0., -1.]])
    """
    check_choice("polar_vjp", "side", side, ("right", "left"))
    if not isinstance(g, tuple | list) or len(g) != 2:
        raise TypeError(f"polar_vjp: g needs to be a pair of cotangents, got {type(g).__name__}")
    g_u, g_p = g
    xp, (a,) = matrices("polar_vjp", a=a)
    if g_u is not None:
        _, (g_u, a) = matrices("polar_vjp", g_u=g_u, a=a)
    total, direct = g_u, None
    if g_p is not None:
        k = a.shape[-1] if side == "right" else a.shape[-2]
        _, (g_p, _) = matrices("polar_vjp", g_p=g_p, p=xp.zeros((k, k), dtype=a.dtype))
        u = to_working_precision(a, "svd", partial=False)
        through = a @ adjoint(g_p) if side == "right" else adjoint(g_p) @ a
        direct = u @ g_p if side == "right" else g_p @ u
        total = through if total is None else total + through
    if total is None:
        return xp.zeros_like(a)
    back = msign_vjp(total, a)
    return back if direct is None else back + direct


# --- mclip ------------------------------------------------------------------------------------------------


class _Slopes(NamedTuple):
    """Divided differences of the clip of singular values, and which are below and above the bounds."""

    even: Array
    odd: Array
    across: Array
    below: Array
    above: Array


def _slopes(s: Array, low: Array, high: Array) -> _Slopes:
    """Where the bounds include 0, the limit of (f_i + f_j) / (s_i + s_j) at 0 is the slope there."""
    xp = array_namespace(s)
    low, high = low[..., 0], high[..., 0]
    f = xp.minimum(xp.maximum(s, low), high)
    below, above = s < low, s > high
    slope = xp.astype(~(below | above), s.dtype)
    slope = xp.where(xp.isnan(s), s, slope)
    difference, total = s[..., :, None] - s[..., None, :], s[..., :, None] + s[..., None, :]
    equal = difference == 0
    quotient = (f[..., :, None] - f[..., None, :]) / xp.where(equal, xp.ones_like(difference), difference)
    even = xp.where(equal, xp.broadcast_to(slope[..., :, None], quotient.shape), quotient)
    both, flat = f[..., :, None] + f[..., None, :], xp.broadcast_to((low <= 0) & (high >= 0), s.shape)
    odd = xp.where((total == 0) & flat[..., None], xp.ones_like(total), _divided(both, total))
    across = xp.where((s == 0) & flat, xp.ones_like(s), _divided(f, s))
    return _Slopes(even, odd, across, below, above)


def _clip_derivative(a: Array, d: Array, low: Array, high: Array) -> tuple[Array, Array, Array]:
    """Of tall matrices: the derivative, and the sums of the diagonal of U^H d V below and above the bounds."""
    xp = array_namespace(a)
    parts = _Decomposition.of(a)
    slopes = _slopes(parts.s, times_power_of_two(low, parts.exponent), times_power_of_two(high, parts.exponent))
    with np.errstate(invalid="ignore"):
        result = parts.derivative(d, slopes.even, slopes.odd, slopes.across)
    diagonal = xp.linalg.diagonal(adjoint(parts.u) @ d @ adjoint(parts.vh))
    diagonal = xp.real(diagonal) if xp.isdtype(diagonal.dtype, "complex floating") else diagonal
    sums = [xp.sum(xp.where(mask, diagonal, xp.zeros_like(diagonal)), axis=-1) for mask in (slopes.below, slopes.above)]
    lost = xp.isnan(parts.s[..., 0])
    low_bar, high_bar = (xp.where(lost, xp.full_like(v, xp.nan), v) for v in sums)
    return result, low_bar, high_bar


@on_one_gpu
def mclip_jvp(a: Array, da: Array, lower: Any, upper: Any, /) -> Array:
    r"""Derivative of `mclip` at a in the direction da, with fixed bounds.

    .. math:: U \Bigl[\frac{f_i - f_j}{s_i - s_j} \circ \frac{E + E^H}{2} +
        \frac{f_i + f_j}{s_i + s_j} \circ \frac{E - E^H}{2}\Bigr] V^H + (I - U U^H)\, dA\, V F S^{-1} V^H

    with f the clipped singular values and :math:`E = U^H dA\, V`; the first quotient of equal singular values is the
    slope: 1 from `lower` to `upper`, both included, and 0 elsewhere.

    Parameters
    ----------
    a, da : array_like, shape (..., m, n)
        Real or complex.
    lower, upper : float or array_like, shape (...)
        As in `mclip`.

    Returns
    -------
    array, shape (..., m, n)
        Infinite or NaN where a singular value 0 is clipped to another value, or a matrix is not finite.

    Raises
    ------
    ValueError
        As for `mclip`; the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom.polar import mclip_jvp
    >>> mclip_jvp(np.diag([3.0, 0.5]), np.ones((2, 2)), 0.0, 1.0).round(4)
    array([[0. , 0.2],
           [0.2, 1. ]])
    """
    xp, (a, da) = matrices("mclip_jvp", a=a, da=da)
    low, high = bounds("mclip_jvp", a, lower, upper)
    if 0 in a.shape:
        return xp.zeros_like(a)
    return _tall(lambda a, d: _clip_derivative(a, d, low, high)[0], a, da)


@on_one_gpu
def mclip_vjp(g: Array, a: Array, lower: Any, upper: Any, /) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `mclip`, for the pairing of `msign_vjp`.

    Parameters
    ----------
    g, a : array_like, shape (..., m, n)
    lower, upper : float or array_like, shape (...)

    Returns
    -------
    ga : array, shape (..., m, n)
        As for `mclip_jvp`.
    glower, gupper : array
        Of the shape of the bounds: the sum of ``(U^H g V)_ii`` over the singular values below, and above.

    Raises
    ------
    ValueError
        As for `mclip`; the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom.polar import mclip_vjp
    >>> ga, glower, gupper = mclip_vjp(np.diag([1.0, 10.0, 100.0]), np.diag([3.0, 0.5, 0.01]), 0.1, 1.0)
    >>> float(glower), float(gupper)
    (100.0, 1.0)
    """
    xp, (g, a) = matrices("mclip_vjp", g=g, a=a)
    low, high = bounds("mclip_vjp", a, lower, upper)
    if 0 in a.shape:
        empty = xp.zeros(a.shape[:-2], dtype=low.dtype)
        return xp.zeros_like(a), _summed(empty, lower, low), _summed(empty, upper, high)
    if a.shape[-2] >= a.shape[-1]:
        ga, low_bar, high_bar = _clip_derivative(a, g, low, high)
    else:
        ga, low_bar, high_bar = _clip_derivative(adjoint(a), adjoint(g), low, high)
        ga = adjoint(ga)
    return ga, _summed(low_bar, lower, low), _summed(high_bar, upper, high)


def _summed(bar: Array, given: Any, used: Array) -> Array:
    """The cotangent of one number for each matrix, in the shape that the bound came in."""
    shape = tuple(used.shape[:-2])
    xp = array_namespace(bar)
    if shape == tuple(bar.shape):
        return bar
    return sum_to(xp, bar, xp.zeros(shape, dtype=bar.dtype))
