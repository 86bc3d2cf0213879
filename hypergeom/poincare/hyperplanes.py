"""Hyperplanes of the ball: signed distances, and the logits of multinomial regression."""

from __future__ import annotations

from typing import NamedTuple

from array_api_compat import array_namespace

from hypergeom._ball import rim_gap
from hypergeom._logits import Directions, directions, logits
from hypergeom._rows import Array, Curvature, row_op
from hypergeom._smooth import asinh_ratio, asinh_ratio_slope, dot, sinh_ratio, sinh_ratio_slope
from hypergeom.poincare.metric import conformal_factor

__all__ = ["dist2plane", "dist2plane_vjp", "mlr", "mlr_vjp"]


class _Plane(NamedTuple):
    """A point x, e = x - p, the unit normal u at p, and B = M slope = sinh(sqrt(c) d) / sqrt(c)."""

    e: Array
    u: Array
    norm: Array  # of the normal
    ee: Array
    pu: Array
    gx: Array
    gp: Array
    M: Array
    slope: Array
    B: Array


def _plane(x: Array, p: Array, a: Array, c: Array) -> _Plane:
    xp = array_namespace(x)
    e, norm = x - p, xp.sqrt(dot(a, a))
    u = a / norm
    ee, pu, gx, gp = dot(e, e), dot(p, u), rim_gap(x, c), rim_gap(p, c)
    M, slope = gp * dot(e, u) - c * ee * pu, 2 / (gp * gx)
    return _Plane(e, u, norm, ee, pu, gx, gp, M, slope, slope * M)


@row_op("(d),(d),(d),()->()")
def dist2plane(x: Array, p: Array, a: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""Signed distance of x from the hyperplane through p with normal a; positive on the side that a points to.

    .. math:: d = \frac{1}{\sqrt c} \operatorname{asinh}
        \frac{2 \sqrt c \, (g_p \, e \cdot a - c |e|^2 \, p \cdot a)}{g_p g_x |a|},
        \qquad e = x - p, \quad g_x = 1 - c|x|^2

    which is the distance of [1]_ with Möbius addition expanded around e. The length of a does not count. The error
    is that of one rounding of a. At ``c = 0`` it is ``2 e . a / |a|``.

    Parameters
    ----------
    x, p : array_like, shape (..., d)
        Points of the ball.
    a : array_like, shape (..., d)
        Normal vectors, tangent at p.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (...)
        NaN where x or p is outside the ball, or a is 0.

    References
    ----------
    .. [1] O.-E. Ganea, G. Bécigneul and T. Hofmann, "Hyperbolic neural networks", NeurIPS 2018, theorem 5.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> p, a = np.zeros(2), np.array([1.0, 0.0])
    >>> poincare.dist2plane(np.array([[0.5, 0.0], [-0.5, 0.0], [0.0, 0.9]]), p, a).round(6)
    array([ 1.098612, -1.098612,  0.      ])
    """
    B = _plane(x, p, a, c).B
    return B * asinh_ratio(c * B * B)


@row_op("(),(d),(d),(d),()->(d),(d),(d),()")
def dist2plane_vjp(g: Array, x: Array, p: Array, a: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array, Array]:
    """Cotangents of the arguments of `dist2plane`, as `dist_vjp`; `g` has shape (...).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> p, a = np.zeros(2), np.array([1.0, 0.0])
    >>> x_bar, p_bar, a_bar, c_bar = poincare.dist2plane_vjp(1.0, p, p, a)
    >>> x_bar, p_bar
    (array([2., 0.]), array([-2.,  0.]))
    """
    r = _plane(x, p, a, c)
    q = c * r.B * r.B
    of_B = g / array_namespace(x).sqrt(1 + q)
    of_M, swing = of_B * r.slope, 2 * c * r.pu
    of_u = of_M if a.shape[-1] > 1 else 0 * of_M  # in one dimension a normal does not turn
    return (
        of_M * (r.gp * r.u - swing * r.e) + 2 * c * of_B * r.B / r.gx * x,
        of_M * (swing * (r.e - c * r.ee / r.gp * p) - (r.gp + c * r.ee) * r.u),
        of_u / r.norm * ((r.gp * r.e - c * r.ee * p) - r.M * r.u),
        of_B * r.B * dot(x, x) / r.gx - of_M * r.ee * r.pu / r.gp + g * r.B**3 * asinh_ratio_slope(q),
    )


class _Logits(NamedTuple):
    """B = (2 cosh u.x - (1 + c|x|^2) shift) / g, for all points and hyperplanes."""

    directions: Directions
    g: Array
    cosh: Array  # of 2 sqrt(c) r
    shift: Array  # sinh(2 sqrt(c) r) / sqrt(c)
    B: Array


def _logits(x: Array, z: Array, r: Array, c: Array) -> _Logits:
    d, g = directions(x, z), 2 / conformal_factor(x, c[..., 0])[..., None]
    half = r * sinh_ratio(c * r * r)
    cosh, shift = 1 + 2 * c * half * half, 2 * r * sinh_ratio(4 * c * r * r)
    return _Logits(d, g, cosh, shift, (2 * cosh * d.products - (2 - g) * shift) / g)


@logits("(m,d),(k,d),(k),()->(m,k)")
def mlr(x: Array, z: Array, r: Array, /, c: Curvature = 1.0) -> Array:
    r"""Logits of multinomial logistic regression: distances from k hyperplanes, times the lengths of their normals.

    .. math:: \operatorname{mlr}(x, z, r)_{ij} = \frac{2 |z_j|}{\sqrt c} \operatorname{asinh} \left( \sqrt c \,
        \frac{2 \cosh(2 \sqrt c r_j) \, x_i \cdot z_j / |z_j| - (1 + c |x_i|^2) \sinh(2 \sqrt c r_j) / \sqrt c}
        {1 - c|x_i|^2} \right)

    [1]_: the hyperplane is orthogonal to the geodesic from the origin in the direction of z, and meets it at the
    distance 2 r, where ``exp0(r z / |z|)`` is: so ``2 |z| dist2plane(x, exp0(r z / |z|), z)``, and the same number as
    ``lorentz.mlr(X, 2 z, 2 r)`` of the hyperboloid's points. One matrix product for all pairs. The error is that of
    one rounding of z and of r. At ``c = 0`` it is ``4 (z . x - r |z|)``.

    Parameters
    ----------
    x : array_like, shape (..., m, d)
        Points of the ball.
    z : array_like, shape (..., k, d)
        Normals of the hyperplanes, as tangent vectors at the origin. Leading axes broadcast with those of x.
    r : array_like, shape (..., k)
        Offsets of the hyperplanes along z, as lengths of tangent vectors at the origin.
    c : float or array_like, shape (...)
        Curvature -c; one number, or one for each batch of points. At least 0.

    Returns
    -------
    array, shape (..., m, k)
        float32 if all arrays are, else float64. NaN in the row of an x outside the ball and in the column of a z = 0.

    Raises
    ------
    ValueError
        If the shapes do not fit, or `c` is a number that is negative, NaN or infinite.
    TypeError
        If a dtype is neither float32, float64 nor an integer one, or the arrays come from different
        libraries.

    References
    ----------
    .. [1] R. Shimizu, Y. Mukuta and T. Harada, "Hyperbolic neural networks++", ICLR 2021, section 3.1.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> x, z = np.array([[0.5, 0.0], [0.0, 0.5]]), np.array([[1.0, 0.0]])
    >>> poincare.mlr(x, z, np.array([0.0])).round(6)
    array([[2.197225],
           [0.      ]])
    """
    t = _logits(x, z, r, c)
    return 2 * t.directions.length * t.B * asinh_ratio(c * t.B * t.B)


@logits("(m,k),(m,d),(k,d),(k),()->(m,d),(k,d),(k),()")
def mlr_vjp(g: Array, x: Array, z: Array, r: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array, Array]:
    """Cotangents of the arguments of `mlr`.

    Parameters
    ----------
    g : array_like, shape (..., m, k)
        Cotangent of the logits.
    x, z, r, c
        As in `mlr`.

    Returns
    -------
    x_bar, z_bar, r_bar, c_bar : array
        Each of the shape of its argument, summed over the axes along which that was broadcast.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> x, z = np.array([[0.5, 0.0]]), np.array([[1.0, 0.0]])
    >>> x_bar, z_bar, r_bar, c_bar = poincare.mlr_vjp(np.array([[1.0]]), x, z, np.array([0.0]), c=0)
    >>> x_bar, z_bar, r_bar
    (array([[4., 0.]]), array([[2., 0.]]), array([-4.]))
    """
    xp = array_namespace(x)
    t = _logits(x, z, r, c)
    B, u, length = t.B, t.directions.products, t.directions.length
    q, opposite = c * B * B, 2 - t.g
    of_B = 2 * length * g / xp.sqrt(1 + q)
    of_g = of_B * (B - t.shift) / t.g  # times -1
    x_bar, z_bar = t.directions.back(
        2 * of_B * t.cosh / t.g, xp.sum(2 * g * B * asinh_ratio(q), axis=-2, keepdims=True), x
    )
    r_bar = of_B * (4 * c * t.shift * u - 2 * opposite * t.cosh) / t.g
    of_sinh = 2 * u * r * t.shift - 8 * opposite * r**3 * sinh_ratio_slope(4 * c * r * r)
    c_bar = of_B * of_sinh / t.g + of_g * dot(x, x) + 2 * length * g * B**3 * asinh_ratio_slope(q)
    return (
        x_bar + 2 * c * xp.sum(of_g, axis=-1, keepdims=True) * x,
        z_bar,
        xp.sum(r_bar, axis=-2, keepdims=True),
        xp.sum(c_bar, axis=(-2, -1), keepdims=True),
    )
