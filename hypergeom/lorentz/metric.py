"""Lengths on the hyperboloid: distances, and what puts points on it."""

from __future__ import annotations

from array_api_compat import array_namespace

from hypergeom._hyperboloid import base, chord, chord_square_vjp, cotangent, parts
from hypergeom._rows import Array, Curvature, row_op
from hypergeom._smooth import asinh_ratio, asinh_ratio_slope, dot, safe_sqrt, theta_sinh_ratio, unit

__all__ = [
    "chord2",
    "chord2_vjp",
    "dist",
    "dist0",
    "dist0_vjp",
    "dist_vjp",
    "inner",
    "inner_vjp",
    "norm",
    "norm_vjp",
    "sqdist",
    "sqdist_vjp",
]


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
    p = chord(x, y, c)
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
    p = chord(x, y, c)
    length = safe_sqrt(p.Q)
    apart = length > 0
    of_Q = xp.where(apart, g / (2 * xp.where(apart, length, xp.ones_like(length)) * xp.sqrt(1 + p.q)), 0 * p.Q)
    x_bar, y_bar, c_bar = chord_square_vjp(p, of_Q, c)
    curved = xp.where(
        p.q > 1,
        (length / xp.sqrt(1 + p.q) - length * asinh_ratio(p.q)) / (2 * c),
        length * (p.Q * asinh_ratio_slope(p.q)) / 4,
    )
    return cotangent(x_bar), cotangent(y_bar), c_bar + g * curved


@row_op("(n),()->()")
def dist0(y: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""Geodesic distance from the apex, :math:`\operatorname{asinh}(\sqrt c |y|) / \sqrt c` of the spatial part.

    Parameters
    ----------
    y : array_like, shape (..., d + 1)
        Points of the hyperboloid, time coordinate first.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (...)
        NaN where the time coordinate is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> lorentz.dist0(np.array([np.cosh(2.5), np.sinh(2.5)])).round(12)
    np.float64(2.5)
    """
    b = base(y, c)
    return safe_sqrt(b.xx) * asinh_ratio(c * b.xx) + 0 * b.x0


@row_op("(),(n),()->(n),()")
def dist0_vjp(g: Array, y: Array, /, c: Curvature = 1.0) -> tuple[Array, Array]:
    """Cotangents of the arguments of `dist0`, as `dist_vjp`; that of y is 0 at the apex.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> y_bar, c_bar = lorentz.dist0_vjp(1.0, np.array([1.25, 0.0, 0.75]))
    >>> y_bar
    array([0. , 0. , 0.8])
    """
    b = base(y, c)
    length = safe_sqrt(b.xx)
    c_bar = g * length * (b.xx * asinh_ratio_slope(c * b.xx)) + 0 * b.x0
    return cotangent(g / b.h * unit(b.x, length)), c_bar


@row_op("(n),(n),()->()")
def sqdist(x: Array, y: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    """Square of the geodesic distance, as in `dist`; smooth, also at x = y, with the gradient ``-2 log_x(y)``.

    Parameters
    ----------
    x, y : array_like, shape (..., d + 1)
        Points of the hyperboloid, time coordinate first.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (...)
        NaN where a time coordinate is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> apex, y = np.array([1.0, 0.0]), np.array([np.cosh(2.5), np.sinh(2.5)])
    >>> lorentz.sqdist(apex, y).round(12)
    np.float64(6.25)
    """
    p = chord(x, y, c)
    return p.Q * asinh_ratio(p.q) ** 2


@row_op("(),(n),(n),()->(n),(n),()")
def sqdist_vjp(g: Array, x: Array, y: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `sqdist`, as `dist_vjp`.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> apex, y = np.array([1.0, 0.0]), np.array([np.cosh(2.5), np.sinh(2.5)])
    >>> lorentz.sqdist_vjp(1.0, apex, y)[0].round(12)
    array([ 0., -5.])
    """
    xp = array_namespace(x)
    p = chord(x, y, c)
    A = asinh_ratio(p.q)
    x_bar, y_bar, c_bar = chord_square_vjp(p, g * theta_sinh_ratio(p.q), c)
    curved = xp.where(p.q > 1, (1 / xp.sqrt(1 + p.q) - A) * A / c, A * asinh_ratio_slope(p.q) * p.Q / 2)
    return cotangent(x_bar), cotangent(y_bar), c_bar + g * p.Q * curved


@row_op("(n),(n),()->()")
def chord2(x: Array, y: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""Square of the chord, :math:`\langle x - y, x - y \rangle = \frac 4 c \sinh^2(\sqrt c \, d(x, y) / 2)`.

    A sum of squares, as in `dist`; exactly symmetric, and exactly 0 for equal points.

    Parameters
    ----------
    x, y : array_like, shape (..., d + 1)
        Points of the hyperboloid, time coordinate first.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (...)
        NaN where a time coordinate is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> lorentz.chord2(np.array([1.0, 0.0]), np.array([1.25, 0.75])).round(12)
    np.float64(0.5)
    """
    return chord(x, y, c).Q


@row_op("(),(n),(n),()->(n),(n),()")
def chord2_vjp(g: Array, x: Array, y: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `chord2`, as `dist_vjp`.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> lorentz.chord2_vjp(1.0, np.array([1.0, 0.0]), np.array([1.25, 0.75]))[1]
    array([0. , 1.2])
    """
    p = chord(x, y, c)
    x_bar, y_bar, c_bar = chord_square_vjp(p, g, c)
    return cotangent(x_bar), cotangent(y_bar), c_bar


@row_op("(n),(n),(n),()->()")
def inner(x: Array, u: Array, v: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""Inner product :math:`\langle u, v \rangle` of two tangent vectors at x.

    .. math:: u_\perp \cdot v_\perp + \frac{u_\parallel \cdot v_\parallel}{1 + c |x|^2}

    of the parts of the spatial parts across x and along it. Far from the apex the product as it is defined, with
    the time entries, cancels.

    Parameters
    ----------
    x : array_like, shape (..., d + 1)
        Points of the hyperboloid, time coordinate first.
    u, v : array_like, shape (..., d + 1)
        Tangent vectors at x; their time entries are not read.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (...)
        NaN where the time coordinate of x is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> x, u, v = np.array([1.25, 0.75, 0.0]), np.array([0.6, 1.0, 2.0]), np.array([0.0, 0.0, 3.0])
    >>> lorentz.inner(x, u, v)
    np.float64(6.0)
    >>> lorentz.inner(x, u, u).round(12)
    np.float64(4.64)
    """
    b = base(x, c)
    pu, pv = parts(b, u[..., 1:]), parts(b, v[..., 1:])
    return dot(pu.perp, pv.perp) + pu.along * pv.along * b.xx * b.shrink


@row_op("(),(n),(n),(n),()->(n),(n),(n),()")
def inner_vjp(g: Array, x: Array, u: Array, v: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array, Array]:
    """Cotangents of the arguments of `inner`, as `dist_vjp`.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> x, u, v = np.array([1.25, 0.75, 0.0]), np.array([0.6, 1.0, 2.0]), np.array([0.0, 0.0, 3.0])
    >>> lorentz.inner_vjp(1.0, x, u, v)[1]
    array([0., 0., 3.])
    """
    b = base(x, c)
    pu, pv = parts(b, u[..., 1:]), parts(b, v[..., 1:])
    flat = b.xx * b.shrink
    x_bar = -c * flat * (pv.along * pu.lowered + pu.along * pv.lowered)
    c_bar = -g * (pu.along * flat) * (pv.along * flat)
    return cotangent(g * x_bar), cotangent(g * pv.lowered), cotangent(g * pu.lowered), c_bar


@row_op("(n),(n),()->()")
def norm(x: Array, v: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    """Length of a tangent vector at x, the root of ``inner(x, v, v)``.

    Parameters
    ----------
    x, v, c, out
        As in `inner`, and so are the errors.

    Returns
    -------
    array, shape (...)
        NaN where the time coordinate of x is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> lorentz.norm(np.array([1.25, 0.75, 0.0]), np.array([[0.6, 1.0, 0.0], [0.0, 0.0, 3.0]]))
    array([0.8, 3. ])
    """
    b = base(x, c)
    p = parts(b, v[..., 1:])
    return safe_sqrt(dot(p.perp, p.perp) + p.along * p.along * b.xx * b.shrink)


@row_op("(),(n),(n),()->(n),(n),()")
def norm_vjp(g: Array, x: Array, v: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `norm`, as `dist_vjp`; all are 0 at v = 0, where `norm` has a kink.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> lorentz.norm_vjp(1.0, np.array([1.25, 0.75, 0.0]), np.array([0.6, 1.0, 0.0]))[1]
    array([0. , 0.8, 0. ])
    """
    b = base(x, c)
    p = parts(b, v[..., 1:])
    flat = b.xx * b.shrink
    length = safe_sqrt(dot(p.perp, p.perp) + p.along * p.along * flat)
    v_bar = g * unit(p.lowered, length)
    return cotangent(-c * p.along * flat * v_bar), cotangent(v_bar), -g * unit((p.along * flat) ** 2, 2 * length)
