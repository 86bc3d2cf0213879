"""Busemann functions of the hyperboloid and the coordinates of its horospheres."""

from __future__ import annotations

from typing import NamedTuple

from array_api_compat import array_namespace

from hypergeom._horospheres import Horo, Level, direction, is_small, level, log1p_remainder
from hypergeom._hyperboloid import cotangent, join, point, split
from hypergeom._rows import Array, Curvature, row_op
from hypergeom._smooth import dot, sinh_ratio_slope

__all__ = ["Horo", "busemann", "busemann_vjp", "from_horo", "from_horo_vjp", "to_horo", "to_horo_vjp"]


class _Seen(NamedTuple):
    """x seen from the ideal point u = p/|p|: x = t u + perp, h = sqrt(c) x0 = 1 + k, eta = h - sqrt(c) t."""

    u: Array
    scale: Array  # 1/|p|
    t: Array
    perp: Array
    k: Array
    h: Array
    h_eta: Array
    level: Level


def _seen(x: Array, p: Array, c: Array) -> _Seen:
    xp = array_namespace(x)
    (u, scale), (x0, x) = direction(p), point(x, c)
    root, xx, t = xp.sqrt(c), dot(x, x), dot(x, u)
    perp = x - t * u
    square, h, positive = c * dot(perp, perp), root * x0, t > 0
    # (h - sqrt(c) t) (h + sqrt(c) t) = 1 + c |perp|^2
    eta = xp.where(positive, (1 + square) / (h + root * xp.where(positive, t, xp.zeros_like(t))), h - root * t)
    k = c * xx / (1 + h)
    y = xp.where(k < 1, root * xx / (1 + h) - t, (eta - 1) / root)
    return _Seen(u, scale, t, perp, k, h, (1 + square + eta * eta) / 2, level(root, y, eta))


def _level_by_curvature(c: Array, r: _Seen) -> Array:
    xp, k, (root, _, z, _, b) = array_namespace(r.t), r.k, r.level
    tau, two, product = root * r.t, 2 + z, (1 + z) * (2 + k) * (1 + k)
    m = 2 * log1p_remainder(z) / two**3
    half_rate = 1 / ((1 + z) * two) + z * m
    near = c * dot(r.perp, r.perp) / product + tau * tau * ((z - k * (3 + k)) / (product * two) - z * m)
    near = near - k * (k - 2 * tau) * half_rate
    return xp.where(is_small(z) & (k < 1), near, 1 - 1 / r.h_eta - root * b) / (2 * c * root)


@row_op("(n),(d),()->()")
def busemann(x: Array, p: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""Busemann function of the ideal point p: the limit of ``dist(x, y) - dist(0, y)`` as y goes to p.

    .. math:: b_p(x) = \frac{1}{\sqrt c} \log \bigl(\sqrt c \, (x_0 - p \cdot x_s)\bigr)

    [1]_ with the spatial part :math:`x_s`. It is 0 at the apex and falls towards p; its level sets are the
    horospheres at p. The error is relative to the larger of abs(b) and 1/sqrt(c).

    Parameters
    ----------
    x : array_like, shape (..., d + 1)
        Points of the hyperboloid, time coordinate first.
    p : array_like, shape (..., d)
        Ideal points, as vectors of space of length 1. Only their directions count, so that a rounded p is an ideal
        point too.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (...)
        NaN where the time coordinate of x is not above 0, or abs(\|p\|^2 - 1) > 1e-6.

    References
    ----------
    .. [1] M. R. Bridson and A. Haefliger, *Metric Spaces of Non-Positive Curvature*, Springer 1999, section II.8.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> x, p = np.array([np.cosh(2.5), np.sinh(2.5), 0.0]), np.array([1.0, 0.0])
    >>> lorentz.busemann(x, p).round(12)
    np.float64(-2.5)
    """
    return _seen(x, p, c).level.b


@row_op("(),(n),(d),()->(n),(d),()")
def busemann_vjp(g: Array, x: Array, p: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `busemann`, as `dist_vjp`; that of p is orthogonal to p.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> x_bar, p_bar, c_bar = lorentz.busemann_vjp(1.0, np.array([1.0, 0.0, 0.0]), np.array([1.0, 0.0]))
    >>> x_bar
    array([ 0., -1.,  0.])
    """
    r = _seen(x, p, c)
    return (
        cotangent(g * r.level.root / r.h_eta * r.perp - g / r.h * r.u),
        -g * r.scale / r.level.eta * r.perp,
        g * _level_by_curvature(c, r),
    )


def to_horo(x: Array, p: Array, /, c: Curvature = 1.0, *, out: tuple[Array, Array] | None = None) -> Horo:
    r"""Horospherical coordinates of x with respect to the ideal point p.

    .. math:: b = b_p(x), \qquad \zeta = e^{-\sqrt c b} (x_s - (x_s \cdot p) p)

    In them the metric is :math:`db^2 + e^{2 \sqrt c b} |d\zeta|^2` [1]_: the geodesics of constant zeta come from p,
    and b is the distance along them. The same pair as that of `hypergeom.poincare.to_horo`.

    Parameters
    ----------
    x, p, c
        As in `busemann`, and so are the errors.
    out : tuple of numpy.ndarray, shapes (...) and (..., d), optional
        Where to write b and zeta (NumPy arrays only).

    Returns
    -------
    Horo
        ``b``, shape (...), and ``zeta``, shape (..., d), orthogonal to p. NaN as in `busemann`.

    References
    ----------
    .. [1] M. R. Bridson and A. Haefliger, *Metric Spaces of Non-Positive Curvature*, Springer 1999, section II.8.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> b, zeta = lorentz.to_horo(np.array([1.25, 0.0, 0.75]), np.array([1.0, 0.0]))
    >>> b.round(6), zeta
    (np.float64(0.223144), array([0. , 0.6]))
    """
    return Horo(*_to_horo(x, p, c, out=out))


@row_op("(n),(d),()->(),(d)")
def _to_horo(
    x: Array, p: Array, /, c: Curvature = 1.0, *, out: tuple[Array, Array] | None = None
) -> tuple[Array, Array]:
    r = _seen(x, p, c)
    return r.level.b, r.perp / r.level.eta


@row_op("(),(d),(n),(d),()->(n),(d),()")
def to_horo_vjp(g_b: Array, g_zeta: Array, x: Array, p: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `to_horo`, as `busemann_vjp`; those of b and zeta have their shapes.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> x, p = np.array([1.0, 0.0, 0.0]), np.array([1.0, 0.0])
    >>> lorentz.to_horo_vjp(1.0, np.array([0.0, 1.0]), x, p)[0]
    array([ 0., -1.,  1.])
    """
    r = _seen(x, p, c)
    eta, gu = r.level.eta, dot(g_zeta, r.u)
    g_perp, of_zeta = g_zeta - gu * r.u, dot(g_zeta, r.perp) / eta
    of_b = g_b - r.level.root * of_zeta
    return (
        cotangent(of_b * r.level.root / r.h_eta * r.perp - of_b / r.h * r.u + g_perp / eta),
        -r.scale / eta * ((of_b + gu) * r.perp + r.t * g_perp),
        g_b * _level_by_curvature(c, r) - of_zeta * (r.k + r.level.z / eta) / (2 * c * r.h),
    )


class _Placed(NamedTuple):
    """X = eta zeta + (lift - sinh / sqrt(c)) u, with time coordinate cosh / sqrt(c) + lift."""

    u: Array
    scale: Array
    zeta: Array  # the part across p
    tilt: Array  # along p
    root: Array
    beta: Array
    eta: Array
    cosh: Array
    sinh: Array
    lift: Array  # sqrt(c) eta |zeta|^2 / 2


def _placed(b: Array, zeta: Array, p: Array, c: Array) -> _Placed:
    xp = array_namespace(zeta)
    (u, scale), root = direction(p), xp.sqrt(c)
    tilt = dot(zeta, u)
    zeta = zeta - tilt * u
    beta = root * b + 0 * scale
    eta = xp.exp(beta) + 0 * b  # not 0 at -inf
    return _Placed(
        u, scale, zeta, tilt, root, beta, eta, xp.cosh(beta), xp.sinh(beta), root * eta * dot(zeta, zeta) / 2
    )


@row_op("(),(d),(d),()->(n)")
def from_horo(b: Array, zeta: Array, p: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""The point with horospherical coordinates b and zeta: the inverse of `to_horo`.

    .. math:: x_s = \eta \zeta + \Bigl(\frac{\sqrt c}{2} \eta |\zeta|^2 - \frac{\sinh \sqrt c \, b}{\sqrt c}\Bigr) p,
        \qquad \eta = e^{\sqrt c b}

    with :math:`\sqrt c \, b` in twice the digits, of which the exponential would lose those of its integer part.

    Parameters
    ----------
    b : array_like, shape (...)
        Values of the Busemann function.
    zeta : array_like, shape (..., d)
        Points of the horosphere; a part along p does not count.
    p : array_like, shape (..., d)
        Ideal points, as in `busemann`.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d + 1)
        NaN in rows where abs(\|p\|^2 - 1) > 1e-6.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> x, p = np.array([1.5, 1.0, 0.5]), np.array([1.0, 0.0])
    >>> lorentz.from_horo(*lorentz.to_horo(x, p), p).round(12)
    array([1.5, 1. , 0.5])
    """
    r = _placed(b, zeta, p, c)
    return join(r.cosh / r.root + r.lift, r.eta * r.zeta + (r.lift - r.sinh / r.root) * r.u)


@row_op("(n),(),(d),(d),()->(),(d),(d),()")
def from_horo_vjp(
    g: Array, b: Array, zeta: Array, p: Array, /, c: Curvature = 1.0
) -> tuple[Array, Array, Array, Array]:
    """Cotangents of the arguments of `from_horo`, as `busemann_vjp`; `g` has shape (..., d + 1).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> g, p = np.array([0.0, 1.0, 2.0]), np.array([1.0, 0.0])
    >>> b_bar, zeta_bar, p_bar, c_bar = lorentz.from_horo_vjp(g, 0.0, np.zeros(2), p)
    >>> float(b_bar), zeta_bar
    (-1.0, array([0., 2.]))
    """
    xp = array_namespace(g)
    r = _placed(b, zeta, p, c)
    g0, g = split(g)
    gu, gz = dot(g, r.u), dot(g, r.zeta)
    g_perp, lift, turn = g - gu * r.u, r.root * r.lift, r.root * (gu + g0)
    far = xp.abs(r.beta) > 1
    near = b**3 * sinh_ratio_slope(xp.where(far, 0 * r.beta, r.beta * r.beta))
    sinh_c = xp.where(far, (b * r.cosh - r.sinh / r.root) / (2 * c), near)
    lift_c, cosh_c = r.lift * (1 + r.beta) / (2 * c), (b * r.sinh - r.cosh / r.root) / (2 * c)
    return (
        r.root * r.eta * gz + (lift - r.cosh) * gu + (lift + r.sinh) * g0,
        r.eta * (g_perp + turn * r.zeta),
        r.scale * ((r.lift - r.sinh / r.root - r.eta * r.tilt) * g_perp - r.eta * (gu + r.tilt * turn) * r.zeta),
        r.eta * b / (2 * r.root) * gz + (lift_c - sinh_c) * gu + (lift_c + cosh_c) * g0,
    )
