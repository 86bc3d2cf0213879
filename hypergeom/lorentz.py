"""The Lorentz model: points x with <x, x> = -1/c and x_0 > 0, <x, y> = x_1 y_1 + ... - x_0 y_0; curvature -c.

The time coordinate comes first, so a point of a d-dimensional space has n = d + 1 entries. The spatial part
is the point: functions compute the time coordinate ``x_0 = sqrt(1/c + |x|^2)`` anew, and the time entry of a
tangent vector, and read the stored ones only to reject x_0 <= 0. Hence the time entry of every cotangent of
an input is 0. Rows outside the domain are NaN; a spatial part of length up to about 1e150 is inside. Every
function takes arrays whose last axis is the vector and whose leading axes broadcast. Each differentiable
function `f` has `f_vjp`.
"""

from __future__ import annotations

from typing import NamedTuple

from array_api_compat import array_namespace

from hypergeom._ball import rim_gap
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
    "dist",
    "dist_vjp",
    "exp",
    "exp_vjp",
    "from_poincare",
    "from_poincare_vjp",
    "log",
    "log_vjp",
    "project",
    "to_poincare",
    "to_poincare_vjp",
]


def _split(x: Array) -> tuple[Array, Array]:
    """Time entry and spatial part."""
    return x[..., :1], x[..., 1:]


def _join(time: Array, space: Array) -> Array:
    return array_namespace(space).concat([time, space], axis=-1)


def _time(space: Array, c: Array) -> Array:
    return array_namespace(space).sqrt(1 / c + dot(space, space))


def _point(x: Array, c: Array) -> tuple[Array, Array]:
    """The time coordinate of the spatial part, NaN where the stored one rejects the row; and that part."""
    xp = array_namespace(x)
    stored, space = _split(x)
    time = _time(space, c)
    return xp.where((stored > 0) & (stored + time < xp.inf), time, xp.full_like(time, xp.nan)), space


class _Chord(NamedTuple):
    """Two points, e = y - x, and the square Q of the chord; q = c Q / 4 = sinh^2(sqrt(c) dist / 2)."""

    x0: Array
    x: Array
    y0: Array
    y: Array
    e0: Array
    e: Array
    Q: Array
    q: Array


def _chord(x: Array, y: Array, c: Array) -> _Chord:
    """Q = (|e_perp|^2 + (4/c) k) / (1 - k), k = (e0 / |s|)^2, s = x + y, e_perp the part of e across s."""
    xp = array_namespace(x)
    (x0, x), (y0, y) = _point(x, c), _point(y, c)
    e, s = y - x, y + x
    xx, yy, xy, ee, ss = dot(x, x), dot(y, y), dot(x, y), dot(e, e), dot(s, s)
    e0 = dot(e, s) / (x0 + y0)
    ones = xp.ones_like(e0)
    positive_ss = xp.where(ss > 0, ss, ones)

    # e_perp is also twice that of y and twice that of -x: the shortest of the three loses least. (The twins take it
    # from the area of x and y, which loses nothing, but needs a fused product.)
    x_is_near = xx <= yy
    nn, ff = xp.where(x_is_near, xx, yy), xp.where(x_is_near, yy, xx)
    n0, f0 = xp.where(x_is_near, x0, y0), xp.where(x_is_near, y0, x0)
    use_e = ee <= 5 * nn
    w = xp.where(use_e, e, 2 * xp.where(x_is_near, x, y))
    w_perp = w - xp.where(use_e, dot(e, s), 2 * (nn + xy)) / positive_ss * s
    k = e0 * e0 / positive_ss

    # 1 - k without cancellation, from |s| - |e0| = (|s| - |f|) - (f0 - |f|) + n0 for the nearer point n and
    # the farther f
    far = k >= 0.5
    s_length, f_length = xp.sqrt(positive_ss), xp.sqrt(xp.where(far, ff, ones))
    difference = (nn + 2 * xy) / (s_length + f_length) - 1 / (c * (f0 + f_length)) + n0
    rest = xp.where(far, difference / s_length * (1 + safe_sqrt(k)), 1 - k)
    product = x0 * y0 - xy
    obtuse = (xy < 0) & (c * product > 2)  # the definition, which then adds numbers of one sign
    Q = xp.where(obtuse, 2 * (product - 1 / c), (dot(w_perp, w_perp) + 4 / c * k) / xp.where(obtuse, ones, rest))
    return _Chord(x0, x, y0, y, e0, e, Q, c * Q / 4)


def _chord_square_vjp(p: _Chord, of_Q: Array, c: Array) -> tuple[Array, Array, Array]:
    """Cotangents of x, y and c from that of Q. The twins split them along x and y, which takes a fused product."""
    xp = array_namespace(p.x)
    wide = dot(p.e, p.e) > p.x0 * p.y0  # e would lose the smaller of the two points
    to_x = xp.where(wide, p.y - p.x * (p.y0 / p.x0), p.e - p.x * (p.e0 / p.x0))
    to_y = xp.where(wide, p.y * (p.x0 / p.y0) - p.x, p.e - p.y * (p.e0 / p.y0))
    return -2 * of_Q * to_x, 2 * of_Q * to_y, -of_Q * (p.e0 / p.x0) * (p.e0 / p.y0) / (c * c)


def _cotangent(space: Array) -> Array:
    """Of an input: its time entry is 0, or NaN in a row that is NaN."""
    xp, first = array_namespace(space), space[..., :1]
    return _join(xp.where(xp.isnan(first), first, xp.zeros_like(first)), space)


@row_op("(n),(n),()->()")
def dist(x: Array, y: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""Geodesic distance of two points.

    .. math:: d(x, y) = \frac{2}{\sqrt c} \operatorname{asinh} \frac{\sqrt{c \langle x - y, x - y \rangle}}{2}

    where the square of the chord is a sum of squares, in place of the difference :math:`-2/c - 2 \langle x, y
    \rangle` that loses all digits of close points: it stays accurate for points that are close, far away, or
    at very different radii. Exactly symmetric, and exactly 0 for equal points.

    Parameters
    ----------
    x, y : array_like, shape (..., d + 1)
        Points of the hyperboloid, time coordinate first.
    c : float or array_like, shape (...)
        Curvature -c; one number, or one for each row. Above 0.
    out : numpy.ndarray, shape (...), optional
        Where to write the result (NumPy arrays only).

    Returns
    -------
    array, shape (...)
        float32 if all arrays are, else float64. NaN where a time coordinate is not above 0.

    Raises
    ------
    ValueError
        If the shapes do not fit, or `c` is a number that is not above 0, or NaN or infinite.
    TypeError
        If a dtype is neither float32, float64 nor an integer one, or the arrays come from different
        libraries.

    References
    ----------
    .. [1] J. G. Ratcliffe, *Foundations of Hyperbolic Manifolds*, 2nd ed., Springer 2006, section 3.2.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> apex, y = np.array([1.0, 0.0]), np.array([np.cosh(2.5), np.sinh(2.5)])
    >>> lorentz.dist(apex, y).round(12)
    np.float64(2.5)
    """
    p = _chord(x, y, c)
    return safe_sqrt(p.Q) * asinh_ratio(p.q)


@row_op("(),(n),(n),()->(n),(n),()")
def dist_vjp(g: Array, x: Array, y: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `dist`; both are 0 at x = y, where `dist` has a kink.

    Parameters
    ----------
    g : array_like, shape (...)
        Cotangent of the distance.
    x, y, c
        As in `dist`.

    Returns
    -------
    x_bar, y_bar, c_bar : array
        Each of the shape of its argument, summed over the axes along which that was broadcast; time entries
        are 0.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> apex, y = np.array([1.0, 0.0]), np.array([np.cosh(2.5), np.sinh(2.5)])
    >>> lorentz.dist_vjp(1.0, apex, y)[0].round(12)
    array([ 0., -1.])
    """
    xp = array_namespace(x)
    p = _chord(x, y, c)
    length = safe_sqrt(p.Q)
    apart = length > 0
    of_Q = xp.where(apart, g / (2 * xp.where(apart, length, xp.ones_like(length)) * xp.sqrt(1 + p.q)), 0 * p.Q)
    x_bar, y_bar, c_bar = _chord_square_vjp(p, of_Q, c)
    curved = xp.where(
        p.q > 1,
        (length / xp.sqrt(1 + p.q) - length * asinh_ratio(p.q)) / (2 * c),
        length * (p.Q * asinh_ratio_slope(p.q)) / 4,
    )
    return _cotangent(x_bar), _cotangent(y_bar), c_bar + g * curved


class _Tangent(NamedTuple):
    """log_x(y), time entry and spatial part."""

    H: Array
    time: Array
    space: Array


def _tangent(p: _Chord) -> _Tangent:
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
    t = _tangent(_chord(x, y, c))
    return _join(t.time, t.space)


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
    p = _chord(x, y, c)
    t = _tangent(p)
    g0, g = _split(g)
    # The time entry of the output is x . w / x0 for its spatial part w.
    fold = g0 / p.x0
    g = g + fold * p.x
    gx, ge = dot(g, p.x), dot(g, p.e)
    of_q = theta_sinh_ratio_slope(p.q) * ge - gx * (1 + t.H) / (1 + p.q)
    x_bar, y_bar, c_bar = _chord_square_vjp(p, c / 4 * of_q, c)
    x_bar = x_bar - t.H * (1 + 2 * p.q) * g + fold * (t.space - t.time / p.x0 * p.x)
    c_bar = c_bar + of_q * p.Q / 4 + fold * t.time / (2 * c * c * p.x0)
    return _cotangent(x_bar), _cotangent(y_bar + t.H * g), c_bar


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
    x0, x = _point(x, c)
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
    return _join(_time(space, c), space)


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
    g0, g = _split(g)
    fold = g0 / _time(space, c)  # the time entry of the output is a function of its spatial part
    g = g + fold * space
    of_rho = r.S * dot(g, r.x) / 2 + sinh_ratio_slope(r.rho) * dot(g, r.v)
    metric_v = r.perp + r.along * r.shrink * r.x
    x_bar = r.cosh * g - 2 * c * of_rho * r.along * c * dot(r.x, r.x) * r.shrink * metric_v
    v_bar = r.S * g + 2 * c * of_rho * metric_v
    return _cotangent(x_bar), _cotangent(v_bar), of_rho * dot(metric_v, metric_v) - fold / (2 * c * c)


@row_op("(n),()->(n)")
def project(x: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    """Compute the time coordinate anew, ``sqrt(1/c + |x|^2)``; the spatial part keeps its bits.

    Parameters
    ----------
    x : array_like, shape (..., d + 1)
        Any vectors, time entry first. The time entry may be wrong, also in its sign.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d + 1)
        Points of the hyperboloid. NaN in rows with a NaN or an infinity, in the time entry too.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> lorentz.project(np.array([0.0, 0.75]))
    array([1.25, 0.75])
    """
    xp = array_namespace(x)
    stored, space = _split(x)
    time = _time(space, c)
    valid = xp.abs(stored) + time < xp.inf
    return xp.where(valid, _join(time, space), xp.full_like(x, xp.nan))


@row_op("(n),()->(d)")
def to_poincare(x: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    """The point of the Poincaré ball, ``x / (1 + sqrt(1 + c |x|^2))`` of the spatial part: stereographic
    projection.

    Parameters
    ----------
    x : array_like, shape (..., d + 1)
        Points of the hyperboloid, time coordinate first.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d)
        NaN in rows where the time coordinate is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> lorentz.to_poincare(np.array([1.25, 0.75, 0.0]))
    array([0.33333333, 0.        ])
    """
    x0, x = _point(x, c)
    return x / (1 + array_namespace(x).sqrt(c) * x0)


@row_op("(d),(n),()->(n),()")
def to_poincare_vjp(g: Array, x: Array, /, c: Curvature = 1.0) -> tuple[Array, Array]:
    """Cotangents of the arguments of `to_poincare`, as `dist_vjp`; `g` has shape (..., d).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> x_bar, c_bar = lorentz.to_poincare_vjp(np.array([1.0, 2.0]), np.array([1.0, 0.0, 0.0]))
    >>> x_bar
    array([0. , 0.5, 1. ])
    """
    x0, x = _point(x, c)
    h = array_namespace(x).sqrt(c) * x0
    scale = 1 / (1 + h)
    of_xx = -dot(g, x) * scale * scale / h
    return _cotangent(scale * g + c * of_xx * x), of_xx * dot(x, x) / 2


@row_op("(d),()->(n)")
def from_poincare(x: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    """The point of the hyperboloid that `to_poincare` takes to x, with spatial part ``2 x / (1 - c |x|^2)``.

    Parameters
    ----------
    x : array_like, shape (..., d)
        Points of the Poincaré ball.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d + 1)
        Time coordinate first. NaN in rows where x is outside the ball.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> lorentz.from_poincare(np.array([0.5, 0.0]))
    array([1.66666667, 1.33333333, 0.        ])
    """
    scale = 2 / rim_gap(x, c)
    return _join((scale - 1) / array_namespace(x).sqrt(c), scale * x)


@row_op("(n),(d),()->(d),()")
def from_poincare_vjp(g: Array, x: Array, /, c: Curvature = 1.0) -> tuple[Array, Array]:
    """Cotangents of the arguments of `from_poincare`, as `dist_vjp`; `g` has shape (..., d + 1).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> x_bar, c_bar = lorentz.from_poincare_vjp(np.array([0.0, 1.0, 2.0]), np.zeros(2))
    >>> x_bar
    array([2., 4.])
    """
    scale, xx = 2 / rim_gap(x, c), dot(x, x)
    g0, g = _split(g)
    fold = g0 * array_namespace(x).sqrt(c) / (scale - 1)
    g = g + fold * scale * x
    of_scale = dot(g, x)
    return scale * g + c * scale * scale * of_scale * x, scale * scale / 2 * xx * of_scale - fold / (2 * c * c)
