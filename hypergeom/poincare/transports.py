"""Parallel transport along the geodesics of the ball."""

from __future__ import annotations

from hypergeom._ball import defect, exp_cotangents, exp_point, rim_gap, transport_cotangents, transport_vector
from hypergeom._rows import Array, Curvature, row_op
from hypergeom._smooth import dot

__all__ = [
    "exp_transport",
    "exp_transport_vjp",
    "transport",
    "transport0",
    "transport0_vjp",
    "transport_to0",
    "transport_to0_vjp",
    "transport_vjp",
]


@row_op("(d),(d),(d),()->(d)")
def transport(x: Array, y: Array, v: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""Parallel transport of tangent vectors along the geodesic from x to y.

    .. math:: P_{x \to y} v = \frac{g_y}{g_x} \operatorname{gyr}[y, -x] v, \qquad
        \operatorname{gyr}[y, -x] v = v + \frac{2c}{N} \bigl[(g_x\, e.v - c |e|^2\, x.v)\, x
        - (g_x\, x.v + c |x|^2\, e.v - 2c\, (x.e)(x.v))\, e\bigr]

    with :math:`g_x = 1 - c|x|^2`, :math:`e = y - x` and :math:`N = g_x g_y + c |e|^2`: the map of [1]_, with the
    gyration as v and multiples of x and e that do not cancel. It keeps inner products. Exactly v for equal points.
    At ``c = 0`` it is v.

    Parameters
    ----------
    x, y : array_like, shape (..., d)
        Points of the ball.
    v : array_like, shape (..., d)
        Tangent vectors at x.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d)
        Tangent vectors at y. NaN in rows where x or y is outside the ball.

    References
    ----------
    .. [1] A. A. Ungar, *Analytic Hyperbolic Geometry: Mathematical Foundations and Applications*, World
       Scientific 2005, chapter 7.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> x, y, v = np.array([0.3, 0.1]), np.array([-0.2, 0.5]), np.array([0.0, 0.4])
    >>> w = poincare.transport(x, y, v)
    >>> np.isclose(poincare.norm(y, w), poincare.norm(x, v))
    np.True_
    """
    return transport_vector(x, y, v, c)


@row_op("(d),(d),(d),(d),()->(d),(d),(d),()")
def transport_vjp(g: Array, x: Array, y: Array, v: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array, Array]:
    """Cotangents of the arguments of `transport`, as `dist_vjp`; `g` has shape (..., d).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> g, x = np.array([1.0, 2.0]), np.array([0.3, 0.1])
    >>> x_bar, y_bar, v_bar, c_bar = poincare.transport_vjp(g, x, x, np.ones(2))
    >>> v_bar
    array([1., 2.])
    """
    return transport_cotangents(g, x, y, v, c)


@row_op("(d),(d),(d),()->(d),(d)")
def exp_transport(
    x: Array, v: Array, u: Array, /, c: Curvature = 1.0, *, out: tuple[Array, Array] | None = None
) -> tuple[Array, Array]:
    """A step along a geodesic, `exp`, and the parallel transport of u to its end, in one pass.

    Parameters
    ----------
    x : array_like, shape (..., d)
        Points of the ball.
    v, u : array_like, shape (..., d)
        Tangent vectors at x.
    c
        As in `dist`, and so are the errors.
    out : tuple of numpy.ndarray, optional
        Where to write the two results (NumPy arrays only).

    Returns
    -------
    y, w : array, shape (..., d)
        ``exp(x, v)`` and ``transport(x, y, u)``. The transport does not suffer from the rounding of y. NaN in rows
        where x is outside the ball.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> x, v, u = np.array([0.3, 0.1]), np.array([0.0, 0.4]), np.array([1.0, 0.0])
    >>> y, w = poincare.exp_transport(x, v, u)
    >>> np.allclose(y, poincare.exp(x, v)), np.allclose(w, poincare.transport(x, y, u))
    (True, True)
    """
    y = exp_point(x, v, c) + defect(u)
    return y, transport_vector(x, y, u, c)


@row_op("(d),(d),(d),(d),(d),()->(d),(d),(d),()")
def exp_transport_vjp(
    g: Array, h: Array, x: Array, v: Array, u: Array, /, c: Curvature = 1.0
) -> tuple[Array, Array, Array, Array]:
    """Cotangents of the arguments of `exp_transport`, as `dist_vjp`; `g` is that of y and `h` that of w.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> g, h, x, zero = np.array([1.0, 2.0]), np.array([3.0, 4.0]), np.array([0.3, 0.1]), np.zeros(2)
    >>> x_bar, v_bar, u_bar, c_bar = poincare.exp_transport_vjp(g, h, x, zero, zero)
    >>> v_bar, u_bar
    (array([1., 2.]), array([3., 4.]))
    """
    x_bar, y_bar, u_bar, c_bar = transport_cotangents(h, x, exp_point(x, v, c) + defect(u), u, c)
    of_x, v_bar, of_c = exp_cotangents(g + y_bar, x, v, c)
    return x_bar + of_x, v_bar, u_bar, c_bar + of_c


@row_op("(d),(d),()->(d)")
def transport0(y: Array, v: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    """Parallel transport of tangent vectors from the origin to y, ``(1 - c|y|^2) v``.

    Parameters
    ----------
    y : array_like, shape (..., d)
        Points of the ball.
    v : array_like, shape (..., d)
        Tangent vectors at the origin.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d)
        Tangent vectors at y. NaN in rows where y is outside the ball.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> poincare.transport0(np.array([0.5, 0.0]), np.array([0.0, 1.0]))
    array([0.  , 0.75])
    """
    return (rim_gap(y, c) + defect(v)) * v


@row_op("(d),(d),(d),()->(d),(d),()")
def transport0_vjp(g: Array, y: Array, v: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `transport0`, as `dist_vjp`; `g` has shape (..., d).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> g, y, v = np.array([1.0, 0.0]), np.array([0.5, 0.0]), np.array([1.0, 1.0])
    >>> poincare.transport0_vjp(g, y, v)[0]
    array([-1., -0.])
    """
    gap, gv = rim_gap(y, c) + defect(v), dot(g, v)
    return (-2 * c * gv + 0 * gap) * y, gap * g, 0 * gap - gv * dot(y, y)


@row_op("(d),(d),()->(d)")
def transport_to0(x: Array, v: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    """Parallel transport of tangent vectors from x to the origin, ``v / (1 - c|x|^2)``.

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
        Tangent vectors at the origin. NaN in rows where x is outside the ball.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> poincare.transport_to0(np.array([0.5, 0.0]), np.array([0.0, 0.75]))
    array([0., 1.])
    """
    return v / (rim_gap(x, c) + defect(v))


@row_op("(d),(d),(d),()->(d),(d),()")
def transport_to0_vjp(g: Array, x: Array, v: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `transport_to0`, as `dist_vjp`; `g` has shape (..., d).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> g, x, v = np.array([1.0, 0.0]), np.array([0.5, 0.0]), np.array([9.0, 1.0])
    >>> poincare.transport_to0_vjp(g, x, v)[0].round(12)
    array([16.,  0.])
    """
    gap = rim_gap(x, c) + defect(v)
    of_gap = -dot(g, v) / (gap * gap)
    return -2 * c * of_gap * x, g / gap, -of_gap * dot(x, x)
