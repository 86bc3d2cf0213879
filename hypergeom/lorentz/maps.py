"""The exponential and the logarithmic map of the hyperboloid, the retraction, and points of geodesics."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from array_api_compat import array_namespace

from hypergeom._hyperboloid import (
    Base,
    Chord,
    Parts,
    base,
    chord,
    chord_square_vjp,
    cotangent,
    join,
    parts,
    split,
    time_of,
)
from hypergeom._rows import Array, Curvature, row_op
from hypergeom._smooth import (
    asinh_ratio,
    asinh_ratio_slope,
    dot,
    safe_sqrt,
    sinh_ratio,
    sinh_ratio_slope,
    theta_sinh_ratio,
    theta_sinh_ratio_slope,
)

__all__ = [
    "exp",
    "exp0",
    "exp0_vjp",
    "exp_vjp",
    "geodesic",
    "geodesic_vjp",
    "log",
    "log0",
    "log0_vjp",
    "log_vjp",
    "retract",
    "retract_vjp",
]


class _Tangent(NamedTuple):
    """log_x(y), time entry and spatial part."""

    H: Array
    time: Array
    space: Array


def _tangent(p: Chord) -> _Tangent:
    """H (e - 2q x), or H (y - (1 + 2q) x) for points far apart."""
    xp = array_namespace(p.x)
    H, close = theta_sinh_ratio(p.q), p.q < 0.25
    shrink = H * (xp.where(close, 0 * p.q, xp.ones_like(p.q)) + 2 * p.q)
    return _Tangent(H, H * xp.where(close, p.e0, p.y0) - shrink * p.x0, H * xp.where(close, p.e, p.y) - shrink * p.x)


@row_op("(n),(n),()->(n)")
def log(x: Array, y: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""Logarithmic map: the velocity at x of the geodesic that reaches y at time 1, the inverse of `exp`.

    .. math:: \log_x(y) = \frac{\theta}{\sinh \theta} (y - \cosh(\theta) x),
        \qquad \theta = \sqrt c \, d(x, y)

    [1]_, for close points collected around y - x. Exactly 0 for equal points.

    Parameters
    ----------
    x, y : array_like, shape (..., d + 1)
        Points of the hyperboloid, time coordinate first.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d + 1)
        Tangent vectors at x, time entry first. NaN in rows where a time coordinate is not above 0.

    References
    ----------
    .. [1] J. G. Ratcliffe, *Foundations of Hyperbolic Manifolds*, 2nd ed., Springer 2006, section 3.2.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> apex, y = np.array([1.0, 0.0]), np.array([np.cosh(2.5), np.sinh(2.5)])
    >>> lorentz.log(apex, y).round(12)
    array([0. , 2.5])
    """
    t = _tangent(chord(x, y, c))
    return join(t.time, t.space)


@row_op("(n),(n),(n),()->(n),(n),()")
def log_vjp(g: Array, x: Array, y: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `log`, as `dist_vjp`; `g` has shape (..., d + 1).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> g, apex = np.array([0.0, 1.0, 2.0]), np.array([1.0, 0.0, 0.0])
    >>> lorentz.log_vjp(g, apex, apex)[1]
    array([0., 1., 2.])
    """
    p = chord(x, y, c)
    t = _tangent(p)
    g0, g = split(g)
    # The time entry of the output is x . w / x0 for its spatial part w.
    fold = g0 / p.x0
    g = g + fold * p.x
    gx, ge = dot(g, p.x), dot(g, p.e)
    of_q = theta_sinh_ratio_slope(p.q) * ge - gx * (1 + t.H) / (1 + p.q)
    x_bar, y_bar, c_bar = chord_square_vjp(p, c / 4 * of_q, c)
    x_bar = x_bar - t.H * (1 + 2 * p.q) * g + fold * (t.space - t.time / p.x0 * p.x)
    c_bar = c_bar + of_q * p.Q / 4 + fold * t.time / (2 * c * c * p.x0)
    return cotangent(x_bar), cotangent(y_bar + t.H * g), c_bar


class _Step(NamedTuple):
    """cosh x + slope v, of two functions of rho = c |v|_x^2 and their derivatives."""

    cosh: Array
    slope: Array
    cosh_slope: Array
    slope_slope: Array


def _rho(x: Array, v: Array, c: Array) -> tuple[Base, Parts, Array]:
    b = base(x, c)
    p = parts(b, v[..., 1:])
    return b, p, c * (dot(p.perp, p.perp) + p.along * p.along * b.xx * b.shrink) + 0 * b.x0


def _exponential(rho: Array) -> _Step:
    slope = sinh_ratio(rho)
    return _Step(array_namespace(rho).cosh(safe_sqrt(rho)), slope, slope / 2, sinh_ratio_slope(rho))


def _retraction(rho: Array) -> _Step:
    slope = array_namespace(rho).sqrt(1 + rho / 4)
    return _Step(1 + rho / 2, slope, 0.5 + 0 * rho, 1 / (8 * slope))


def _end(x: Array, v: Array, c: Array, kind: Callable[[Array], _Step]) -> Array:
    b, p, rho = _rho(x, v, c)
    step = kind(rho)
    space = step.cosh * b.x + step.slope * p.v
    return join(time_of(space, c), space)


def _end_vjp(g: Array, x: Array, v: Array, c: Array, kind: Callable[[Array], _Step]) -> tuple[Array, Array, Array]:
    b, p, rho = _rho(x, v, c)
    step = kind(rho)
    space = step.cosh * b.x + step.slope * p.v
    g0, g = split(g)
    fold = g0 / time_of(space, c)  # the time entry of the output is a function of its spatial part
    g = g + fold * space
    of_rho = step.cosh_slope * dot(g, b.x) + step.slope_slope * dot(g, p.v)
    x_bar = step.cosh * g - 2 * c * of_rho * p.along * c * b.xx * b.shrink * p.lowered
    v_bar = step.slope * g + 2 * c * of_rho * p.lowered
    return cotangent(x_bar), cotangent(v_bar), of_rho * dot(p.lowered, p.lowered) - fold / (2 * c * c)


@row_op("(n),(n),()->(n)")
def exp(x: Array, v: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""Exponential map: the point that the geodesic from x with velocity v reaches at time 1.

    .. math:: \exp_x(v) = \cosh(r) x + \frac{\sinh r}{r} v, \qquad r^2 = c \langle v, v \rangle

    [1]_, with the norm summed from the parts of v along x and across it, which do not cancel. The spatial
    part of ``exp(x, 0)`` is exactly that of x.

    Parameters
    ----------
    x : array_like, shape (..., d + 1)
        Points of the hyperboloid, time coordinate first.
    v : array_like, shape (..., d + 1)
        Tangent vectors at x; their time entries are not read.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d + 1)
        NaN in rows where the time coordinate of x is not above 0; infinite where the point overflows.

    References
    ----------
    .. [1] J. G. Ratcliffe, *Foundations of Hyperbolic Manifolds*, 2nd ed., Springer 2006, section 3.2.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> apex, v = np.array([1.0, 0.0]), np.array([0.0, 2.5])
    >>> np.allclose(lorentz.exp(apex, v), [np.cosh(2.5), np.sinh(2.5)])
    True
    """
    return _end(x, v, c, _exponential)


@row_op("(n),(n),(n),()->(n),(n),()")
def exp_vjp(g: Array, x: Array, v: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `exp`, as `dist_vjp`; `g` has shape (..., d + 1).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> g, apex = np.array([0.0, 1.0, 2.0]), np.array([1.0, 0.0, 0.0])
    >>> lorentz.exp_vjp(g, apex, np.zeros(3))[1]
    array([0., 1., 2.])
    """
    return _end_vjp(g, x, v, c, _exponential)


@row_op("(n),()->(n)")
def exp0(v: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""Exponential map at the apex: the spatial part is :math:`\sinh(r) / r \, v`, :math:`r = \sqrt c |v|`.

    Parameters
    ----------
    v : array_like, shape (..., d + 1)
        Tangent vectors at the apex; their time entries are not read.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d + 1)
        Points of the hyperboloid; infinite where the point overflows.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> np.allclose(lorentz.exp0(np.array([0.0, 2.5])), [np.cosh(2.5), np.sinh(2.5)])
    True
    """
    xp = array_namespace(v)
    v = v[..., 1:]
    rho = c * dot(v, v)
    return join(xp.cosh(safe_sqrt(rho)) / xp.sqrt(c), sinh_ratio(rho) * v)


@row_op("(n),(n),()->(n),()")
def exp0_vjp(g: Array, v: Array, /, c: Curvature = 1.0) -> tuple[Array, Array]:
    """Cotangents of the arguments of `exp0`, as `dist_vjp`; `g` has shape (..., d + 1).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> lorentz.exp0_vjp(np.array([0.0, 1.0, 2.0]), np.zeros(3))[0]
    array([0., 1., 2.])
    """
    xp = array_namespace(v)
    (g0, g), v = split(g), v[..., 1:]
    vv = dot(v, v)
    rho = c * vv
    slope, time = sinh_ratio(rho), xp.cosh(safe_sqrt(rho)) / xp.sqrt(c)
    g = g + g0 * slope / time * v
    of_rho = sinh_ratio_slope(rho) * dot(g, v)
    return cotangent(slope * g + 2 * c * of_rho * v), of_rho * vv - g0 / (2 * c * c * time)


@row_op("(n),()->(n)")
def log0(y: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""Logarithmic map at the apex, the inverse of `exp0`: :math:`\operatorname{asinh}(s) / s \, y` of the spatial
    part, :math:`s = \sqrt c |y|`.

    Parameters
    ----------
    y : array_like, shape (..., d + 1)
        Points of the hyperboloid, time coordinate first.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d + 1)
        Tangent vectors at the apex, with time entry 0. NaN in rows where the time coordinate of y is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> lorentz.log0(np.array([np.cosh(2.5), np.sinh(2.5)])).round(12)
    array([0. , 2.5])
    """
    b = base(y, c)
    scale = asinh_ratio(c * b.xx) + 0 * b.x0
    return join(0 * b.x0, scale * b.x)


@row_op("(n),(n),()->(n),()")
def log0_vjp(g: Array, y: Array, /, c: Curvature = 1.0) -> tuple[Array, Array]:
    """Cotangents of the arguments of `log0`, as `dist_vjp`; the time entry of `g`, shape (..., d + 1), does not count.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> y_bar, c_bar = lorentz.log0_vjp(np.array([0.0, 1.0, 0.0]), np.array([1.25, 0.75, 0.0]))
    >>> y_bar.round(12)
    array([0. , 0.8, 0. ])
    """
    b = base(y, c)
    p = parts(b, g[..., 1:])
    q = c * b.xx
    return (
        cotangent(asinh_ratio(q) * p.perp + p.along / b.h * b.x),
        p.along * b.xx * (b.xx * asinh_ratio_slope(q)) + 0 * b.x0,
    )


@row_op("(n),(n),()->(n)")
def retract(x: Array, v: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""Retraction: `exp` to second order in v, without a transcendental function.

    .. math:: (1 + r^2/2) x + \sqrt{1 + r^2/4} \, v, \qquad r^2 = c \langle v, v \rangle

    It goes the way of `exp`, at length :math:`2 \operatorname{asinh}(r/2)` in place of r, so it never leaves the
    hyperboloid, and no v is too long.

    Parameters
    ----------
    x, v, c, out
        As in `exp`, and so are the errors.

    Returns
    -------
    array, shape (..., d + 1)
        NaN in rows where the time coordinate of x is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> x = lorentz.retract(np.array([1.0, 0.0]), np.array([0.0, 1.5]))
    >>> x
    array([2.125, 1.875])
    >>> float(-(x[0] ** 2) + x[1] ** 2)
    -1.0
    """
    return _end(x, v, c, _retraction)


@row_op("(n),(n),(n),()->(n),(n),()")
def retract_vjp(g: Array, x: Array, v: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `retract`, as `dist_vjp`; `g` has shape (..., d + 1).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> g, apex = np.array([0.0, 1.0, 2.0]), np.array([1.0, 0.0, 0.0])
    >>> lorentz.retract_vjp(g, apex, np.zeros(3))[1]
    array([0., 1., 2.])
    """
    return _end_vjp(g, x, v, c, _retraction)


def _shares(t: Array, q: Array) -> tuple[Array, Array]:
    """sinh((1 - t) theta) / sinh(theta), sinh(t theta) / sinh(theta) where q = sinh^2(theta / 2)"""
    rho = 4 * q * asinh_ratio(q) ** 2
    ratio = sinh_ratio(rho)
    return (1 - t) * (sinh_ratio((1 - t) ** 2 * rho) / ratio), t * (sinh_ratio(t * t * rho) / ratio)


def _share_slope(t: Array, q: Array) -> Array:
    """Derivative in q of sinh(t theta) / sinh(theta)"""
    rho = 4 * q * asinh_ratio(q) ** 2
    ratio, part = sinh_ratio(rho), sinh_ratio(t * t * rho)
    slope = t * (t * t * sinh_ratio_slope(t * t * rho) / ratio - part / ratio * (sinh_ratio_slope(rho) / ratio))
    return 4 * theta_sinh_ratio(q) * slope


@row_op("(n),(n),(),()->(n)")
def geodesic(x: Array, y: Array, t: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""The point at the part t of the way from x to y along their geodesic.

    .. math:: \frac{\sinh((1 - t) \theta) \, x + \sinh(t \theta) \, y}{\sinh \theta},
        \qquad \theta = \sqrt c \, d(x, y)

    [1]_. Exactly x at t = 0 and y at t = 1; beyond those the geodesic goes on.

    Parameters
    ----------
    x, y : array_like, shape (..., d + 1)
        Points of the hyperboloid, time coordinate first.
    t : float or array_like, shape (...)
        Any real numbers.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d + 1)
        Points of the hyperboloid. NaN in rows where a time coordinate is not above 0.

    References
    ----------
    .. [1] K. Shoemake, "Animating rotation with quaternion curves", SIGGRAPH 1985, with hyperbolic functions.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> x, y = np.array([1.25, -0.75]), np.array([1.25, 0.75])
    >>> lorentz.geodesic(x, y, [0.0, 0.5, 1.0]).round(12)
    array([[ 1.25, -0.75],
           [ 1.  ,  0.  ],
           [ 1.25,  0.75]])
    """
    p = chord(x, y, c)
    to_x, to_y = _shares(t, p.q)
    space = to_x * p.x + to_y * p.y
    return join(time_of(space, c), space)


@row_op("(n),(n),(n),(),()->(n),(n),(),()")
def geodesic_vjp(g: Array, x: Array, y: Array, t: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array, Array]:
    """Cotangents of the arguments of `geodesic`, as `dist_vjp`; `g` has shape (..., d + 1).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> g, x = np.array([0.0, 1.0, 2.0]), np.array([1.25, 0.0, 0.75])
    >>> lorentz.geodesic_vjp(g, x, x, 0.25)[1].round(12)
    array([0.  , 0.25, 0.5 ])
    """
    xp = array_namespace(x)
    p = chord(x, y, c)
    to_x, to_y = _shares(t, p.q)
    space = to_x * p.x + to_y * p.y
    g0, g = split(g)
    fold = g0 / time_of(space, c)
    g = g + fold * space
    of_q = _share_slope(1 - t, p.q) * dot(g, p.x) + _share_slope(t, p.q) * dot(g, p.y)
    x_bar, y_bar, c_bar = chord_square_vjp(p, c / 4 * of_q, c)
    theta = 2 * safe_sqrt(p.q) * asinh_ratio(p.q)
    # y cosh(t theta) - x cosh((1 - t) theta), around y - x
    turn = 2 * xp.sinh(theta / 2) * xp.sinh((2 * t - 1) * theta / 2)
    t_bar = (xp.cosh(t * theta) * dot(g, p.e) + turn * dot(g, p.x)) / sinh_ratio(theta * theta)
    return (
        cotangent(x_bar + to_x * g),
        cotangent(y_bar + to_y * g),
        t_bar,
        c_bar + of_q * p.Q / 4 - fold / (2 * c * c),
    )
