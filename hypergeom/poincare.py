"""The Poincaré ball: points x with c|x|^2 < 1, of curvature -c.

The metric is (2 / g)^2 times the Euclidean one, g = 1 - c|x|^2 the gap to the rim. So c = 0 is flat space
with lengths doubled: there `dist` is 2|x - y|. A point outside the ball, NaN or infinity gives NaN in its
row; nothing is clamped. Every function takes arrays whose last axis is the vector and whose leading axes
broadcast. Each differentiable function `f` has `f_vjp`, the product of a cotangent with its Jacobian.
"""

from __future__ import annotations

import numpy as np
from array_api_compat import array_namespace

from hypergeom._ball import far_end, gyration, rim_gap
from hypergeom._rows import Array, Curvature, row_op
from hypergeom._smooth import (
    asinh_ratio,
    asinh_ratio_slope,
    atanh_ratio,
    atanh_ratio_slope,
    dot,
    safe_sqrt,
    sinh_ratio,
    tanh_ratio,
    tanh_ratio_slope,
    theta_sinh_ratio,
    theta_sinh_ratio_slope,
    unit,
)

__all__ = [
    "dist",
    "dist0",
    "dist0_vjp",
    "dist_vjp",
    "egrad2rgrad",
    "egrad2rgrad_vjp",
    "exp",
    "exp0",
    "exp0_vjp",
    "exp_vjp",
    "log",
    "log0",
    "log0_vjp",
    "log_vjp",
    "mobius_add",
    "mobius_add_vjp",
    "project",
]


@row_op("(d),(d),()->()")
def dist(x: Array, y: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""Geodesic distance of two points.

    .. math:: d(x, y) = \frac{2}{\sqrt c} \operatorname{asinh}
        \sqrt{\frac{c |y - x|^2}{(1 - c|x|^2)(1 - c|y|^2)}}

    the form in asinh of the cross ratio [1]_: it keeps all digits for close points, where those in acosh and
    atanh lose half of them or all. Exactly symmetric, and exactly 0 for equal points. At ``c = 0`` it is ``2
    |y - x|``.

    Parameters
    ----------
    x, y : array_like, shape (..., d)
        Points of the ball.
    c : float or array_like, shape (...)
        Curvature -c; one number, or one for each row. At least 0.
    out : numpy.ndarray, shape (...), optional
        Where to write the result (NumPy arrays only).

    Returns
    -------
    array, shape (...)
        float32 if all arrays are, else float64. NaN where x or y is outside the ball.

    Raises
    ------
    ValueError
        If the shapes do not fit, or `c` is a number that is negative, NaN or infinite.
    TypeError
        If a dtype is neither float32, float64 nor an integer one, or the arrays come from different
        libraries.

    References
    ----------
    .. [1] A. F. Beardon, *The Geometry of Discrete Groups*, Springer 1983, section 7.2.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> x = np.array([0.0, 0.0])
    >>> y = np.array([[0.5, 0.0], [0.0, 0.9]])
    >>> poincare.dist(x, y).round(6)
    array([1.098612, 2.944439])
    """
    e = y - x
    uu = dot(e, e) / (rim_gap(x, c) * rim_gap(y, c))
    return 2 * safe_sqrt(uu) * asinh_ratio(c * uu)


@row_op("(),(d),(d),()->(d),(d),()")
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
        Each of the shape of its argument, summed over the axes along which that was broadcast.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> x_bar, y_bar, c_bar = poincare.dist_vjp(1.0, np.array([0.0, 0.0]), np.array([0.6, 0.8]), c=0)
    >>> x_bar, y_bar
    (array([-1.2, -1.6]), array([1.2, 1.6]))
    """
    xp = array_namespace(x)
    e = y - x
    ee, gx, gy = dot(e, e), rim_gap(x, c), rim_gap(y, c)
    D = gx * gy
    q, length = c * ee / D, safe_sqrt(ee)
    scale = 2 * g / xp.sqrt(D + c * ee)
    along_e = scale * unit(e, length)
    rate = 2 * ee / D * asinh_ratio_slope(q) + (dot(x, x) / gx + dot(y, y) / gy) / xp.sqrt(1 + q)
    return (
        scale * c * length / gx * x - along_e,
        scale * c * length / gy * y + along_e,
        g * length / xp.sqrt(D) * rate,
    )


@row_op("(d),()->()")
def dist0(y: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    """Geodesic distance from the origin, ``2 atanh(sqrt(c) |y|) / sqrt(c)``.

    Parameters
    ----------
    y : array_like, shape (..., d)
        Points of the ball.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (...)
        NaN where y is outside the ball.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> poincare.dist0(np.array([[1e-300, 0.0], [0.0, 0.5]]))
    array([2.00000000e-300, 1.09861229e+000])
    """
    yy = dot(y, y)
    return 2 * safe_sqrt(yy) * atanh_ratio(c * yy, rim_gap(y, c))


@row_op("(),(d),()->(d),()")
def dist0_vjp(g: Array, y: Array, /, c: Curvature = 1.0) -> tuple[Array, Array]:
    """Cotangents of the arguments of `dist0`, as `dist_vjp`; that of y is 0 at the origin.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> y_bar, c_bar = poincare.dist0_vjp(1.0, np.array([0.0, 0.5]))
    >>> y_bar.round(12)
    array([0.        , 2.66666667])
    """
    yy, gap = dot(y, y), rim_gap(y, c)
    length = safe_sqrt(yy)
    return 2 * g / gap * unit(y, length), 2 * g * length * yy * atanh_ratio_slope(c * yy, gap)


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


@row_op("(d),(d),()->(d)")
def mobius_add(x: Array, y: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""Möbius addition: the translation that takes the origin to x, applied to y.

    .. math:: x \oplus y = \frac{g_x e + c |e|^2 x}{g_x g_y + c |e|^2}, \qquad e = x + y

    with :math:`g_x = 1 - c|x|^2`. This is the formula of [1]_ collected around the sum e, which is small
    where y is close to -x. Neither commutative nor associative. At ``c = 0`` it is ``x + y``.

    Parameters
    ----------
    x, y : array_like, shape (..., d)
        Points of the ball.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d)
        NaN in rows where x or y is outside the ball.

    References
    ----------
    .. [1] A. A. Ungar, *Analytic Hyperbolic Geometry: Mathematical Foundations and Applications*, World
       Scientific 2005.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> x, y = np.array([0.3, 0.1]), np.array([-0.2, 0.5])
    >>> np.allclose(poincare.mobius_add(-x, poincare.mobius_add(x, y)), y)
    True
    """
    e = x + y
    ee, gx = dot(e, e), rim_gap(x, c)
    N = gx * rim_gap(y, c) + c * ee
    return gx / N * e + c * ee / N * x


@row_op("(d),(d),(d),()->(d),(d),()")
def mobius_add_vjp(g: Array, x: Array, y: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `mobius_add`, as `dist_vjp`; `g` has shape (..., d).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> g = np.array([1.0, 2.0])
    >>> x_bar, y_bar, c_bar = poincare.mobius_add_vjp(g, np.zeros(2), np.array([0.0, 0.5]))
    >>> x_bar, y_bar
    (array([1.25, 1.5 ]), array([1., 2.]))
    """
    e = x + y
    ee, yy, gx, gy, ge, gX = dot(e, e), dot(y, y), rim_gap(x, c), rim_gap(y, c), dot(g, e), dot(g, x)
    N = gx * gy + c * ee
    kappa = dot(g, y) + c * yy * gX
    x_bar = ((gx + c * ee) * g - 2 * c * kappa / N * (gx * e + c * ee * x)) / N
    c_bar = gx / N * (gx * ge + c * ee * gX) / N * yy - ee * kappa / (N * N)
    return x_bar, gx / N * gyration(g, e, x, gx, N, c), c_bar


def project(x: Array, /, c: Curvature = 1.0, *, margin: float | None = None, out: Array | None = None) -> Array:
    """Scale points with ``sqrt(c) |x| > 1 - margin`` to ``1 - margin``; the others keep their bits.

    Parameters
    ----------
    x : array_like, shape (..., d)
        Points of space, inside the ball or not.
    c, out
        As in `dist`. All of flat space is the ball of ``c = 0``.
    margin : float, optional
        In units of the radius of the ball, in [0, 1). Four units of rounding of the dtype of `x` by default.

    Returns
    -------
    array, shape (..., d)

    Raises
    ------
    ValueError
        As `dist`, and if `margin` is out of its range.
    TypeError
        As `dist`.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> poincare.project(np.array([[0.3, 0.4], [3.0, 4.0]]), margin=0.5)
    array([[0.3, 0.4],
           [0.3, 0.4]])
    """
    if margin is None:
        single = str(getattr(x, "dtype", "")).endswith("float32")
        margin = 4 * float(np.finfo(np.float32 if single else np.float64).eps)
    elif not 0 <= margin < 1:
        raise ValueError(f"poincare.project: margin needs to be in [0, 1), got {margin}")
    return _project(x, float(margin), c, out=out)


@row_op("(d),(),()->(d)")
def _project(x: Array, margin: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    xp = array_namespace(x)
    r = safe_sqrt(c * dot(x, x))
    limit = 1 - margin
    inside = r <= limit
    return xp.where(inside, xp.ones_like(r), limit / xp.where(inside, xp.ones_like(r), r) + 0 * r) * x


@row_op("(d),(d),()->(d)")
def egrad2rgrad(x: Array, u: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    """Riemannian gradient of a function with Euclidean gradient u at x, ``(1 - c|x|^2)^2 u / 4``.

    Parameters
    ----------
    x : array_like, shape (..., d)
        Points of the ball.
    u : array_like, shape (..., d)
        Euclidean gradients there.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d)
        Tangent vectors at x. NaN in rows where x is outside the ball.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> poincare.egrad2rgrad(np.array([0.6, 0.0]), np.array([0.0, 100.0])).round(12)
    array([ 0.  , 10.24])
    """
    return (rim_gap(x, c) / 2) ** 2 * u


@row_op("(d),(d),(d),()->(d),(d),()")
def egrad2rgrad_vjp(g: Array, x: Array, u: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `egrad2rgrad`, as `dist_vjp`; `g` has shape (..., d).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> g, x, u = np.array([4.0, 0.0]), np.zeros(2), np.array([1.0, 1.0])
    >>> x_bar, u_bar, c_bar = poincare.egrad2rgrad_vjp(g, x, u)
    >>> u_bar
    array([1., 0.])
    """
    gap, gu = rim_gap(x, c), dot(g, u)
    return -c * gap * gu * x, (gap / 2) ** 2 * g, -gap * gu / 2 * dot(x, x)
