"""The algebra of gyrovectors: Möbius addition, multiplication by numbers, gyrations."""

from __future__ import annotations

from array_api_compat import array_namespace

from hypergeom import _ball
from hypergeom._ball import defect, gyration_between, gyration_slopes, rim_gap
from hypergeom._rows import Array, Curvature, row_op
from hypergeom._smooth import atanh_ratio, atanh_ratio_slope, dot, safe_sqrt, tanh_ratio, tanh_ratio_slope

__all__ = [
    "gyration",
    "gyration_vjp",
    "mobius_add",
    "mobius_add_vjp",
    "mobius_scalar",
    "mobius_scalar_vjp",
    "mobius_sub",
    "mobius_sub_vjp",
]


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
    return _sum(x, y, c)


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
    return _sum_vjp(g, x, y, c)


def _sum(x: Array, y: Array, c: Array) -> Array:
    e = x + y
    ee, gx = dot(e, e), rim_gap(x, c)
    N = gx * rim_gap(y, c) + c * ee
    return gx / N * e + c * ee / N * x


def _sum_vjp(g: Array, x: Array, y: Array, c: Array) -> tuple[Array, Array, Array]:
    e = x + y
    ee, yy, gx, gy, ge, gX = dot(e, e), dot(y, y), rim_gap(x, c), rim_gap(y, c), dot(g, e), dot(g, x)
    N = gx * gy + c * ee
    kappa = dot(g, y) + c * yy * gX
    x_bar = ((gx + c * ee) * g - 2 * c * kappa / N * (gx * e + c * ee * x)) / N
    c_bar = gx / N * (gx * ge + c * ee * gX) / N * yy - ee * kappa / (N * N)
    return x_bar, gx / N * _ball.gyration(g, e, x, gx, N, c), c_bar


@row_op("(d),(d),()->(d)")
def mobius_sub(x: Array, y: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""Möbius subtraction :math:`x \oplus (-y)`, as `mobius_add`. Exactly 0 for equal points.

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

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> poincare.mobius_sub(np.array([0.5, 0.0]), np.array([0.2, 0.0])).round(6)
    array([0.333333, 0.      ])
    """
    return _sum(x, -y, c)


@row_op("(d),(d),(d),()->(d),(d),()")
def mobius_sub_vjp(g: Array, x: Array, y: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `mobius_sub`, as `dist_vjp`; `g` has shape (..., d).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> g = np.array([1.0, 2.0])
    >>> x_bar, y_bar, c_bar = poincare.mobius_sub_vjp(g, np.zeros(2), np.array([0.0, 0.5]))
    >>> x_bar, y_bar
    (array([1.25, 1.5 ]), array([-1., -2.]))
    """
    x_bar, y_bar, c_bar = _sum_vjp(g, x, -y, c)
    return x_bar, -y_bar, c_bar


@row_op("(),(d),()->(d)")
def mobius_scalar(t: Array, x: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""Möbius multiplication of points by numbers: t times as far from the origin.

    .. math:: t \otimes x = \tanh\bigl(t \operatorname{atanh}(\sqrt c |x|)\bigr) \frac{x}{\sqrt c |x|}

    [1]_. For a whole number t it is the sum of t times x by `mobius_add`. At ``c = 0`` it is ``t x``.

    Parameters
    ----------
    t : array_like, shape (...)
        Numbers.
    x : array_like, shape (..., d)
        Points of the ball.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d)
        NaN in rows where x is outside the ball.

    References
    ----------
    .. [1] A. A. Ungar, *Analytic Hyperbolic Geometry: Mathematical Foundations and Applications*, World
       Scientific 2005, section 6.2.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> x = np.array([0.5, 0.0])
    >>> poincare.mobius_scalar(2.0, x), poincare.mobius_add(x, x)
    (array([0.8, 0. ]), array([0.8, 0. ]))
    """
    xx = dot(x, x)
    ratio = atanh_ratio(c * xx, rim_gap(x, c))
    return t * ratio * tanh_ratio(c * xx * (t * ratio) ** 2) * x


@row_op("(d),(),(d),()->(),(d),()")
def mobius_scalar_vjp(g: Array, t: Array, x: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `mobius_scalar`, as `dist_vjp`; `g` has shape (..., d).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> t_bar, x_bar, c_bar = poincare.mobius_scalar_vjp(np.array([1.0, 2.0]), 3.0, np.zeros(2))
    >>> x_bar
    array([3., 6.])
    """
    xx, gX, gap = dot(x, x), dot(g, x), rim_gap(x, c)
    q = c * xx
    ratio = atanh_ratio(q, gap)
    of_t = t * ratio
    tau2 = q * of_t * of_t
    sech2 = 1 / array_namespace(x).cosh(safe_sqrt(tau2)) ** 2
    slope = t * (tanh_ratio_slope(tau2) * of_t * of_t * ratio + atanh_ratio_slope(q, gap) * sech2)
    return sech2 * ratio * gX + 0 * t, of_t * tanh_ratio(tau2) * g + 2 * c * slope * gX * x, slope * xx * gX


@row_op("(d),(d),(d),()->(d)")
def gyration(u: Array, v: Array, w: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""The gyration of u and v, applied to w: what is missing for Möbius addition to be associative.

    .. math:: u \oplus (v \oplus w) = (u \oplus v) \oplus \operatorname{gyr}[u, v] w

    A rotation in the plane of u and v [1]_, evaluated as w plus multiples of v and u + v that do not cancel, in
    place of four additions. At ``c = 0`` it is w.

    Parameters
    ----------
    u, v : array_like, shape (..., d)
        Points of the ball.
    w : array_like, shape (..., d)
        Points or vectors.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d)
        NaN in rows where u or v is outside the ball.

    References
    ----------
    .. [1] A. A. Ungar, *Analytic Hyperbolic Geometry: Mathematical Foundations and Applications*, World
       Scientific 2005, section 3.4.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> u, v = np.array([0.3, 0.1]), np.array([-0.2, 0.5])
    >>> vu = poincare.mobius_add(v, u)
    >>> np.allclose(poincare.gyration(u, v, vu), poincare.mobius_add(u, v))
    True
    """
    e = u + v
    gv = rim_gap(v, c)
    N = gv * rim_gap(u, c) + c * dot(e, e) + defect(w)
    return _ball.gyration(w, e, v, gv, N, c)


@row_op("(d),(d),(d),(d),()->(d),(d),(d),()")
def gyration_vjp(g: Array, u: Array, v: Array, w: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array, Array]:
    """Cotangents of the arguments of `gyration`, as `dist_vjp`; `g` has shape (..., d).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> g, u, v = np.array([1.0, 2.0]), np.array([0.3, 0.1]), np.zeros(2)
    >>> u_bar, v_bar, w_bar, c_bar = poincare.gyration_vjp(g, u, v, np.ones(2))
    >>> w_bar
    array([1., 2.])
    """
    e = u + v
    gu, gv = rim_gap(u, c) + defect(w), rim_gap(v, c)
    v_bar, u_bar, c_bar = gyration_slopes(g, w, -v, u, gv, gu, c)
    return u_bar, -v_bar, gyration_between(g, e, -u, gu, gu * gv + c * dot(e, e), c), c_bar
