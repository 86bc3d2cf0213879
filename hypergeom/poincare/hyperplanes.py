"""Hyperplanes of the ball: signed distances, and the logits of multinomial regression."""

from __future__ import annotations

from typing import NamedTuple

from array_api_compat import array_namespace

from hypergeom._ball import rim_gap
from hypergeom._rows import Array, Curvature, row_op
from hypergeom._smooth import asinh_ratio, asinh_ratio_slope, dot

__all__ = ["dist2plane", "dist2plane_vjp"]


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
    return (
        of_M * (r.gp * r.u - swing * r.e) + 2 * c * of_B * r.B / r.gx * x,
        of_M * (swing * (r.e - c * r.ee / r.gp * p) - (r.gp + c * r.ee) * r.u),
        of_M / r.norm * ((r.gp * r.e - c * r.ee * p) - r.M * r.u),
        of_B * r.B * dot(x, x) / r.gx - of_M * r.ee * r.pu / r.gp + g * r.B**3 * asinh_ratio_slope(q),
    )
