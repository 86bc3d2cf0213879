"""The exponential and the logarithmic map of the ball."""

from __future__ import annotations

from array_api_compat import array_namespace

from hypergeom._ball import far_end, gyration, rim_gap
from hypergeom._rows import Array, Curvature, row_op
from hypergeom._smooth import (
    atanh_ratio,
    atanh_ratio_slope,
    dot,
    safe_sqrt,
    sinh_ratio,
    tanh_ratio,
    tanh_ratio_slope,
    theta_sinh_ratio,
    theta_sinh_ratio_slope,
)

__all__ = ["exp", "exp0", "exp0_vjp", "exp_vjp", "log", "log0", "log0_vjp", "log_vjp"]


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
    xp = array_namespace(x)
    g = rim_gap(x, c)
    alpha = c * dot(v, v) / (g * g)  # a^2
    long = alpha > 0.0625
    # x + (S v + g sigma x) / Delta with S = sinh(2a) / (2a), sigma = sinh^2 a
    near = xp.where(long, 0 * alpha, alpha)
    S, sigma = sinh_ratio(4 * near), near * sinh_ratio(near) ** 2
    Delta = 1 + (1 + c * dot(x, x)) * sigma + xp.where(long, 0 * g, 2 * c * dot(x, v) * S / g)
    # From near the rim through the middle that sum cancels; the addition theorems of cosh and sinh do not.
    f = far_end(x, v, c, g, long)
    along = (f.decay - f.omega) * (f.decay + f.omega) + f.gain * (1 + f.omega**2) / 2 * f.lift
    end = (along * f.p + f.omega * f.gain * f.across) / (f.root * f.den)
    return xp.where(long, end, x + (S / Delta * v + g * sigma / Delta * x))


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
    xp = array_namespace(x)
    gx, xx, vv, gX = rim_gap(x, c), dot(x, x), dot(v, v), dot(g, x)
    long = c * vv / (gx * gx) > 0.0625
    # Near: through x (+) z with z = tanh_ratio(alpha) v / gx, whose gap is sech^2 sqrt(alpha).
    alpha = xp.where(long, 0 * vv, c * vv / (gx * gx))
    z_of_v, gz = tanh_ratio(alpha) / gx, 1 / xp.cosh(safe_sqrt(alpha)) ** 2
    z = z_of_v * v
    e = x + z
    ee, gZ, zz = dot(e, e), dot(g, z), dot(z, z)
    N = gx * gz + c * ee
    z_bar = gx / N * gyration(g, e, x, gx, N, c)
    v_zbar, slope = dot(v, z_bar), tanh_ratio_slope(alpha)
    kappa = c * zz * gX + gZ
    rate = zz * (gx + c * xx * gz) * gX - 2 * (dot(x, z) + c * xx * zz) * gZ
    endpoint = (gx * e + c * ee * x) / N
    x_near = ((gx + c * ee) * g - 2 * c * kappa * endpoint) / N + 2 * c * gz * v_zbar / (gx * gx) * x
    v_near = z_of_v * z_bar + 2 * c * slope * v_zbar / gx**3 * v
    c_near = rate / (N * N) + slope * (1 + c * xx) * v_zbar * vv / gx**4
    # Far: Jacobi fields. h is the cotangent g after parallel transport to x, times 1 / decay.
    f = far_end(x, v, c, gx, long)
    to_p = f.omega * (2 * xp.expm1(-2 * f.a) * (f.decay + f.omega) / (1 + f.omega) + f.gain * f.lift)
    e = (to_p * f.p + f.omega * f.gain * f.across) / (f.root * f.den)  # end - x
    ee, xe, ge, rim = dot(e, e), dot(x, e), dot(g, e), 4 * f.omega / f.den
    N = gx * rim * f.decay + c * ee
    h = rim / gx * (g + 2 * c / N * ((gx * gX - c * xx * ge) * e - (c * ee * gX + (gx - 2 * c * xe) * ge) * x))
    hu, x_across = dot(h, f.u), x - dot(x, f.u) * f.u
    x_h = f.decay**2 + f.gain / 2 * (f.omega * (1 + f.k) + f.k * f.lift)
    x_far = x_h * (h - hu * f.u) + f.decay * hu * (f.u + 2 * f.root * f.a * x)
    x_far = x_far - f.root * f.gain / 2 * dot(h, x_across) * f.u
    v_far = f.gain / (4 * f.a) * (h - hu * f.u) + f.decay * hu * f.u
    c_far = (dot(x, x_far) + dot(v, v_far) - gX - ge) / xp.where(long, 2 * c + 0 * vv, xp.ones_like(vv))
    return xp.where(long, x_far, x_near), xp.where(long, v_far, v_near), xp.where(long, c_far, c_near)


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
    return tanh_ratio(c * dot(v, v)) * v


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
