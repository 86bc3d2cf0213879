"""Lengths in the ball: distances, the metric, gradients, and what puts points inside."""

from __future__ import annotations

import numpy as np
from array_api_compat import array_namespace

from hypergeom._ball import defect, rim_gap
from hypergeom._rows import Array, Curvature, row_op
from hypergeom._smooth import (
    asinh_ratio,
    asinh_ratio_slope,
    atanh_ratio,
    atanh_ratio_slope,
    dot,
    length,
    safe_sqrt,
    unit,
)

__all__ = [
    "conformal_factor",
    "conformal_factor_vjp",
    "dist",
    "dist0",
    "dist0_vjp",
    "dist_vjp",
    "egrad2rgrad",
    "egrad2rgrad_vjp",
    "inner",
    "inner_vjp",
    "norm",
    "norm_vjp",
    "project",
    "project_tangent",
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


@row_op("(d),(d),(d),()->()")
def inner(x: Array, u: Array, v: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    """Inner product of two tangent vectors at x, ``4 u.v / (1 - c|x|^2)^2``.

    Parameters
    ----------
    x : array_like, shape (..., d)
        Points of the ball.
    u, v : array_like, shape (..., d)
        Tangent vectors at x.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (...)
        NaN where x is outside the ball.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> float(poincare.inner(np.array([0.5, 0.0]), np.array([0.75, 0.0]), np.array([1.5, 3.0])).round(12))
    8.0
    """
    scale = 2 / (rim_gap(x, c) + defect(u) + defect(v))
    return scale * (scale * dot(u, v))


@row_op("(),(d),(d),(d),()->(d),(d),(d),()")
def inner_vjp(g: Array, x: Array, u: Array, v: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array, Array]:
    """Cotangents of the arguments of `inner`, as `dist_vjp`.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> u, v = np.array([1.0, 0.0]), np.array([1.0, 3.0])
    >>> x_bar, u_bar, v_bar, c_bar = poincare.inner_vjp(1.0, np.zeros(2), u, v)
    >>> u_bar, v_bar
    (array([ 4., 12.]), array([4., 0.]))
    """
    scale = 2 / (rim_gap(x, c) + defect(u) + defect(v))
    to_uv = g * scale * scale
    of_gap = -scale * (to_uv * dot(u, v))
    return -2 * c * of_gap * x, to_uv * v, to_uv * u, -of_gap * dot(x, x)


@row_op("(d),(d),()->()")
def norm(x: Array, v: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    """Length of a tangent vector at x, ``2 |v| / (1 - c|x|^2)``.

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
    array, shape (...)
        NaN where x is outside the ball.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> poincare.norm(np.array([0.5, 0.0]), np.array([[0.0, 0.75], [0.0, 3e-300]]))
    array([2.e+000, 8.e-300])
    """
    r = length(v)
    return 2 / (rim_gap(x, c) + 0 * r) * r


@row_op("(),(d),(d),()->(d),(d),()")
def norm_vjp(g: Array, x: Array, v: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `norm`, as `dist_vjp`; that of v is 0 at v = 0, where `norm` has a kink.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> x_bar, v_bar, c_bar = poincare.norm_vjp(1.0, np.array([0.5, 0.0]), np.array([0.0, 1e-300]))
    >>> v_bar.round(12)
    array([0.        , 2.66666667])
    """
    r = length(v)
    gap = rim_gap(x, c) + 0 * r
    scale = 2 * g / gap
    of_gap = -scale * r / gap
    return -2 * c * of_gap * x, scale * unit(v, r), -of_gap * dot(x, x)


@row_op("(d),()->()")
def conformal_factor(x: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    """Length at x of a vector of Euclidean length 1, ``2 / (1 - c|x|^2)``.

    Parameters
    ----------
    x : array_like, shape (..., d)
        Points of the ball.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (...)
        NaN where x is outside the ball.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> poincare.conformal_factor(np.array([[0.0, 0.0], [0.6, 0.0], [1.0, 0.0]]))
    array([2.   , 3.125,   nan])
    """
    return 2 / rim_gap(x, c)


@row_op("(),(d),()->(d),()")
def conformal_factor_vjp(g: Array, x: Array, /, c: Curvature = 1.0) -> tuple[Array, Array]:
    """Cotangents of the arguments of `conformal_factor`, as `dist_vjp`.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> x_bar, c_bar = poincare.conformal_factor_vjp(9.0, np.array([0.5, 0.0]))
    >>> x_bar.round(12), float(c_bar.round(12))
    (array([32.,  0.]), 8.0)
    """
    gap = rim_gap(x, c)
    of_gap = -2 * g / (gap * gap)
    return -2 * c * of_gap * x, -of_gap * dot(x, x)


@row_op("(d),(d),()->(d)")
def project_tangent(x: Array, u: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    """The tangent vector at x nearest to u, which is u: all directions of the ball are tangent.

    Parameters
    ----------
    x : array_like, shape (..., d)
        Points of the ball.
    u : array_like, shape (..., d)
        Vectors.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d)
        u. NaN in rows where x is outside the ball.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> poincare.project_tangent(np.array([0.5, 0.0]), np.array([3.0, 4.0]))
    array([3., 4.])
    """
    xp = array_namespace(x)
    gap = rim_gap(x, c) + defect(u)
    return xp.where(gap > 0, u, xp.nan + 0 * u)


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
    return ((rim_gap(x, c) + defect(u)) / 2) ** 2 * u


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
    gap, gu = rim_gap(x, c) + defect(u), dot(g, u)
    return -c * gap * gu * x, (gap / 2) ** 2 * g, -gap * gu / 2 * dot(x, x)


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
