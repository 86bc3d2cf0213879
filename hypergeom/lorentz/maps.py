"""The exponential and the logarithmic map of the hyperboloid."""

from __future__ import annotations

from typing import NamedTuple

from array_api_compat import array_namespace

from hypergeom._hyperboloid import Chord, chord, chord_square_vjp, cotangent, join, point, split, time_of
from hypergeom._rows import Array, Curvature, row_op
from hypergeom._smooth import dot, safe_sqrt, sinh_ratio, sinh_ratio_slope, theta_sinh_ratio, theta_sinh_ratio_slope

__all__ = ["exp", "exp_vjp", "log", "log_vjp"]


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


class _Geodesic(NamedTuple):
    """exp_x(v) = cosh(r) x + S v; v = perp + along x, and the metric divides along^2 by 1 + c|x|^2."""

    x: Array
    v: Array
    along: Array
    perp: Array
    shrink: Array
    rho: Array  # r^2 = c |v|_x^2
    cosh: Array
    S: Array


def _geodesic(x: Array, v: Array, c: Array) -> _Geodesic:
    xp = array_namespace(x)
    x0, x = point(x, c)
    v = v[..., 1:]
    xx = dot(x, x)
    along = dot(x, v) / xp.where(xx > 0, xx, xp.ones_like(xx))
    perp = v - along * x
    shrink = 1 / (1 + c * xx)
    rho = c * (dot(perp, perp) + along * along * xx * shrink) + 0 * x0
    return _Geodesic(x, v, along, perp, shrink, rho, xp.cosh(safe_sqrt(rho)), sinh_ratio(rho))


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
    r = _geodesic(x, v, c)
    space = r.cosh * r.x + r.S * r.v
    return join(time_of(space, c), space)


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
    r = _geodesic(x, v, c)
    space = r.cosh * r.x + r.S * r.v
    g0, g = split(g)
    fold = g0 / time_of(space, c)  # the time entry of the output is a function of its spatial part
    g = g + fold * space
    of_rho = r.S * dot(g, r.x) / 2 + sinh_ratio_slope(r.rho) * dot(g, r.v)
    metric_v = r.perp + r.along * r.shrink * r.x
    x_bar = r.cosh * g - 2 * c * of_rho * r.along * c * dot(r.x, r.x) * r.shrink * metric_v
    v_bar = r.S * g + 2 * c * of_rho * metric_v
    return cotangent(x_bar), cotangent(v_bar), of_rho * dot(metric_v, metric_v) - fold / (2 * c * c)
