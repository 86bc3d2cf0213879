"""The exponential and the logarithmic map of the ball, the retraction, and geodesics."""

from __future__ import annotations

from array_api_compat import array_namespace

from hypergeom._ball import defect, exp_cotangents, exp_point, rim_gap
from hypergeom._rows import Array, Curvature, row_op
from hypergeom._smooth import (
    asinh_ratio,
    asinh_ratio_slope,
    atanh_ratio,
    atanh_ratio_slope,
    dot,
    tanh_ratio,
    tanh_ratio_slope,
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


@row_op("(d),(d),()->(d)")
def exp(x: Array, v: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""Exponential map: the point that the geodesic from x with velocity v reaches at time 1.

    .. math:: \exp_x(v) = x \oplus \tanh\Bigl(\frac{\sqrt c |v|}{g}\Bigr) \frac{v}{\sqrt c |v|},
        \qquad g = 1 - c|x|^2

    [1]_. A short tangent is evaluated as x plus a displacement, so that ``exp(x, 0)`` is exactly x and tiny tangents
    keep their digits; a long one by addition theorems that do not cancel, from near the rim through the middle
    too. No tangent is too long. At ``c = 0`` it is ``x + v``.

    Parameters
    ----------
    x : array_like, shape (..., d)
        Points of the ball.
    v : array_like, shape (..., d)
        Tangent vectors at x, in the coordinates of the ball.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d)
        NaN in rows where x is outside the ball.

    References
    ----------
    .. [1] O.-E. Ganea, G. Bécigneul and T. Hofmann, "Hyperbolic neural networks", NeurIPS 2018, lemma 2.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> x, v = np.array([0.3, 0.1]), np.array([0.0, 0.4])
    >>> y = poincare.exp(x, v)
    >>> np.allclose(poincare.log(x, y), v)
    True
    """
    return exp_point(x, v, c)


@row_op("(d),(d),(d),()->(d),(d),()")
def exp_vjp(g: Array, x: Array, v: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `exp`, as `dist_vjp`; `g` has shape (..., d).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> g, x, v = np.array([1.0, 2.0]), np.array([0.3, 0.1]), np.zeros(2)
    >>> poincare.exp_vjp(g, x, v)[1]
    array([1., 2.])
    """
    return exp_cotangents(g, x, v, c)


@row_op("(d),(d),()->(d)")
def retract(x: Array, v: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""Retraction: a point near `exp` of v at x, for less; equal to the second order in v.

    .. math:: R_x(v) = x \oplus \frac{v / g}{\sqrt{1 + c |v|^2 / g^2}}, \qquad g = 1 - c|x|^2

    On the hyperboloid it is ``(1 + r^2 / 2) x + sqrt(1 + r^2 / 4) v`` with r the length of v times ``sqrt(c)``. It runs
    along the same geodesic as `exp`, and as far as ``2 asinh(r / 2)`` is less than r; it is evaluated in the same way.
    At ``c = 0`` it is ``x + v``.

    Parameters
    ----------
    x : array_like, shape (..., d)
        Points of the ball.
    v : array_like, shape (..., d)
        Tangent vectors at x.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d)
        NaN in rows where x is outside the ball.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> poincare.retract(np.zeros(2), np.array([[0.75, 0.0], [0.0, 1e8]]))
    array([[0.6, 0. ],
           [0. , 1. ]])
    """
    gap = rim_gap(x, c)
    return exp_point(x, asinh_ratio(c * dot(v, v) / (gap * gap)) * v, c)


@row_op("(d),(d),(d),()->(d),(d),()")
def retract_vjp(g: Array, x: Array, v: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `retract`, as `dist_vjp`; `g` has shape (..., d).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> g, x, v = np.array([1.0, 2.0]), np.array([0.3, 0.1]), np.zeros(2)
    >>> poincare.retract_vjp(g, x, v)[1]
    array([1., 2.])
    """
    gap, xx, vv = rim_gap(x, c), dot(x, x), dot(v, v)
    alpha = c * vv / (gap * gap)
    ratio = asinh_ratio(alpha)
    x_bar, w_bar, c_bar = exp_cotangents(g, x, ratio * v, c)
    of_alpha = asinh_ratio_slope(alpha) * dot(w_bar, v)
    return (
        x_bar + 4 * c * c * vv * of_alpha / gap**3 * x,
        ratio * w_bar + 2 * c * of_alpha / (gap * gap) * v,
        c_bar + of_alpha * vv * (1 + c * xx) / gap**3,
    )


@row_op("(d),(d),(),()->(d)")
def geodesic(x: Array, y: Array, t: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    """The point at time t of the geodesic that is at x at time 0 and at y at time 1: ``exp(x, t log(x, y))``.

    It is evaluated from the nearer of the two: exactly x and y at these times, and accurate near both of them.

    Parameters
    ----------
    x, y : array_like, shape (..., d)
        Points of the ball.
    t : array_like, shape (...)
        Times, any numbers.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d)
        NaN in rows where x or y is outside the ball.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> x, y = np.array([-0.5, 0.0]), np.array([0.8, 0.0])
    >>> poincare.geodesic(x, y, [0.0, 0.5, 1.0]).round(6)
    array([[-0.5     ,  0.      ],
           [ 0.267949,  0.      ],
           [ 0.8     ,  0.      ]])
    """
    base, other, s, _ = _from_the_nearer(x, y, t)
    return exp_point(base, s * _log(base, other, c), c)


@row_op("(d),(d),(d),(),()->(d),(d),(),()")
def geodesic_vjp(g: Array, x: Array, y: Array, t: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array, Array]:
    """Cotangents of the arguments of `geodesic`, as `dist_vjp`; `g` has shape (..., d).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> x, y = np.array([0.0, 0.0]), np.array([0.5, 0.0])
    >>> x_bar, y_bar, t_bar, c_bar = poincare.geodesic_vjp(np.array([1.0, 2.0]), x, y, 1.0)
    >>> x_bar, y_bar
    (array([0., 0.]), array([1., 2.]))
    """
    xp = array_namespace(x)
    base, other, s, swap = _from_the_nearer(x, y, t)
    v = _log(base, other, c)
    base_bar, v_bar, c_bar = exp_cotangents(g, base, s * v, c)
    near_bar, other_bar, of_log = _log_cotangents(s * v_bar, base, other, c)
    base_bar, of_s = base_bar + near_bar, dot(v_bar, v)
    return (
        xp.where(swap, other_bar, base_bar),
        xp.where(swap, base_bar, other_bar),
        xp.where(swap, -of_s, of_s),
        c_bar + of_log,
    )


def _from_the_nearer(x: Array, y: Array, t: Array) -> tuple[Array, Array, Array, Array]:
    """The end of the geodesic that is nearer at time t, the other, the time from there, whether that is y."""
    xp = array_namespace(x)
    swap = t > 0.5
    return xp.where(swap, y, x), xp.where(swap, x, y), xp.where(swap, 1 - t, t), swap


@row_op("(d),()->(d)")
def exp0(v: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    """Exponential map at the origin, ``tanh(sqrt(c) |v|) v / (sqrt(c) |v|)``.

    Parameters
    ----------
    v : array_like, shape (..., d)
        Tangent vectors at the origin.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d)
        Points of the ball; beyond ``sqrt(c) |v| = 19`` they round to its rim, outside of which `dist` gives
        NaN.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> poincare.exp0(np.array([0.0, np.log(3) / 2]))
    array([0. , 0.5])
    """
    return (tanh_ratio(c * dot(v, v)) + defect(v)) * v


@row_op("(d),(d),()->(d),()")
def exp0_vjp(g: Array, v: Array, /, c: Curvature = 1.0) -> tuple[Array, Array]:
    """Cotangents of the arguments of `exp0`, as `dist_vjp`; `g` has shape (..., d).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> v_bar, c_bar = poincare.exp0_vjp(np.array([1.0, 2.0]), np.zeros(2))
    >>> v_bar
    array([1., 2.])
    """
    vv, gv = dot(v, v), dot(g, v)
    slope = tanh_ratio_slope(c * vv)
    return tanh_ratio(c * vv) * g + 2 * c * slope * gv * v, gv * vv * slope


@row_op("(d),(d),()->(d)")
def log(x: Array, y: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""Logarithmic map: the velocity at x of the geodesic that reaches y at time 1, the inverse of `exp`.

    .. math:: \log_x(y) = H(q) \frac{g_x e - c |e|^2 x}{g_y}, \qquad e = y - x,
        \quad q = \frac{c |e|^2}{g_x g_y}, \quad H(q) = \frac{\operatorname{asinh} \sqrt q}{\sqrt{q (1 + q)}}

    with :math:`g_x = 1 - c|x|^2`, which is the map of [1]_ with Möbius addition expanded around e. Exactly 0
    for equal points. At ``c = 0`` it is ``y - x``.

    Parameters
    ----------
    x, y : array_like, shape (..., d)
        Points of the ball.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d)
        Tangent vectors at x. NaN in rows where x or y is outside the ball.

    References
    ----------
    .. [1] O.-E. Ganea, G. Bécigneul and T. Hofmann, "Hyperbolic neural networks", NeurIPS 2018, lemma 2.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> x, y = np.array([0.3, 0.1]), np.array([-0.2, 0.5])
    >>> v = poincare.log(x, y)
    >>> np.isclose(2 * np.linalg.norm(v) / (1 - x @ x), poincare.dist(x, y))
    np.True_
    """
    return _log(x, y, c)


def _log(x: Array, y: Array, c: Array) -> Array:
    e = y - x
    ee, gx, gy = dot(e, e), rim_gap(x, c), rim_gap(y, c)
    scale = theta_sinh_ratio(c * ee / (gx * gy)) / gy
    return scale * gx * e - scale * c * ee * x


@row_op("(d),(d),(d),()->(d),(d),()")
def log_vjp(g: Array, x: Array, y: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `log`, as `dist_vjp`; `g` has shape (..., d).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> g, x = np.array([1.0, 2.0]), np.array([0.3, 0.1])
    >>> poincare.log_vjp(g, x, x)[:2]
    (array([-1., -2.]), array([1., 2.]))
    """
    return _log_cotangents(g, x, y, c)


def _log_cotangents(g: Array, x: Array, y: Array, c: Array) -> tuple[Array, Array, Array]:
    e = y - x
    ee, gx, gy, ge, gX = dot(e, e), rim_gap(x, c), rim_gap(y, c), dot(g, e), dot(g, x)
    D = gx * gy
    q = c * ee / D
    H, slope, M = theta_sinh_ratio(q), theta_sinh_ratio_slope(q), gx * ge - c * ee * gX
    of_ee = c * (slope * M / D - H * gX) / gy
    of_gx = (H * ge - slope * M * q / gx) / gy
    of_gy = -(slope * q + H) * M / (gy * gy)
    return (
        -H * (gx + c * ee) / gy * g - 2 * c * of_gx * x - 2 * of_ee * e,
        H * gx / gy * g - 2 * c * of_gy * y + 2 * of_ee * e,
        ee * slope * M * (1 / gx + 1 / gy - 1) / (gy * D) + H / (gy * gy) * (ge * dot(e, y + x) - ee * gX),
    )


@row_op("(d),()->(d)")
def log0(y: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    """Logarithmic map at the origin, ``atanh(sqrt(c) |y|) y / (sqrt(c) |y|)``, the inverse of `exp0`.

    Parameters
    ----------
    y : array_like, shape (..., d)
        Points of the ball.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d)
        Tangent vectors at the origin. NaN in rows where y is outside the ball.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> poincare.log0(np.array([0.0, 0.5])).round(6)
    array([0.      , 0.549306])
    """
    return atanh_ratio(c * dot(y, y), rim_gap(y, c)) * y


@row_op("(d),(d),()->(d),()")
def log0_vjp(g: Array, y: Array, /, c: Curvature = 1.0) -> tuple[Array, Array]:
    """Cotangents of the arguments of `log0`, as `dist_vjp`; `g` has shape (..., d).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> y_bar, c_bar = poincare.log0_vjp(np.array([0.0, 3.0]), np.array([0.0, 0.5]))
    >>> y_bar.round(12)
    array([0., 4.])
    """
    yy, gy, gap = dot(y, y), dot(g, y), rim_gap(y, c)
    slope = atanh_ratio_slope(c * yy, gap)
    return atanh_ratio(c * yy, gap) * g + 2 * c * slope * gy * y, gy * yy * slope
