"""Hyperplanes of the hyperboloid: signed distances, and the logits of multinomial regression."""

from __future__ import annotations

from typing import NamedTuple

from array_api_compat import array_namespace

from hypergeom._hyperboloid import Chord, chord, cotangent
from hypergeom._rows import Array, Curvature, row_op
from hypergeom._smooth import asinh_ratio, asinh_ratio_slope, dot

__all__ = ["dist2plane", "dist2plane_vjp"]


class _Plane(NamedTuple):
    """A point and a hyperplane: L = <a, x>, N = <a, a>, B = L / sqrt(N) = sinh(sqrt(c) d) / sqrt(c).

    Far from the apex a and x are split along p, where a.x - a0 x0 cancels. x - (x0/p0) p = x_perp + rho p.
    """

    chord: Chord  # from p to x
    a: Array
    a_perp: Array
    along: Array
    a0: Array
    shrink: Array  # the metric divides along^2 by 1 + c|p|^2
    x_perp: Array
    rho: Array
    L: Array
    N: Array
    B: Array


def _plane(x: Array, p: Array, a: Array, c: Array) -> _Plane:
    xp = array_namespace(x)
    k = chord(p, x, c)
    p, x, a = k.x, k.y, a[..., 1:]
    pp, ones = dot(p, p), xp.ones_like(k.Q)
    safe_pp, far = xp.where(pp > 0, pp, ones), c * pp > 1
    along = dot(a, p) / safe_pp
    a_perp = a - along * p
    x_perp = x - xp.where(far, dot(x, p) / safe_pp, ones) * p
    rho = xp.where(far, (k.e0 / (c * k.x0) - k.Q / 2) / safe_pp, -k.e0 / k.x0)
    shrink = 1 / (1 + c * pp)
    L = dot(xp.where(far, a_perp, a), x_perp) + along * pp * rho
    N = dot(a_perp, a_perp) + along * along * pp * shrink
    return _Plane(k, a, a_perp, along, along * pp / k.x0, shrink, x_perp, rho, L, N, L / xp.sqrt(N))


@row_op("(n),(n),(n),()->()")
def dist2plane(x: Array, p: Array, a: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""Signed distance of x from the hyperplane through p with normal a; positive on the side that a points to.

    .. math:: d = \frac{1}{\sqrt c} \operatorname{asinh} \frac{\sqrt c \, \langle a, x \rangle}
        {\sqrt{\langle a, a \rangle}}

    [1]_, with both products in the parts of a and x along p and across it, which do not cancel. The length of a does
    not count. The error is that of one rounding of a.

    Parameters
    ----------
    x, p : array_like, shape (..., d + 1)
        Points of the hyperboloid, time coordinate first.
    a : array_like, shape (..., d + 1)
        Normal vectors, tangent at p; their time entries are not read.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (...)
        NaN where a time coordinate of x or p is not above 0, or a is 0.

    References
    ----------
    .. [1] J. G. Ratcliffe, *Foundations of Hyperbolic Manifolds*, 2nd ed., Springer 2006, section 3.2.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> apex, a = np.array([1.0, 0.0]), np.array([0.0, 3.0])
    >>> lorentz.dist2plane(np.array([np.cosh(2.5), -np.sinh(2.5)]), apex, a).round(12)
    np.float64(-2.5)
    """
    B = _plane(x, p, a, c).B
    return B * asinh_ratio(c * B * B)


@row_op("(),(n),(n),(n),()->(n),(n),(n),()")
def dist2plane_vjp(g: Array, x: Array, p: Array, a: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array, Array]:
    """Cotangents of the arguments of `dist2plane`, as `dist_vjp`; `g` has shape (...).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> apex, a = np.array([1.0, 0.0]), np.array([0.0, 3.0])
    >>> x_bar, p_bar, a_bar, c_bar = lorentz.dist2plane_vjp(1.0, apex, apex, a)
    >>> x_bar, p_bar
    (array([0., 1.]), array([ 0., -1.]))
    """
    xp = array_namespace(x)
    r = _plane(x, p, a, c)
    k = r.chord
    p0, p, x0, x = k.x0, k.x, k.y0, k.y
    q, norm, ratio = c * r.B * r.B, xp.sqrt(r.N), r.L / r.N
    of_B = g / xp.sqrt(1 + q)
    of_L, xx = of_B / norm, dot(x, x)
    safe_xx = xp.where(xx > 0, xx, xp.ones_like(xx))
    far = c * xx > 1
    along_x = xp.where(far, dot(r.a, x) / safe_xx, 0 * xx)
    x_x = xp.where(far, (r.L + r.a0 / (c * x0)) / safe_xx, -r.a0 / x0)
    along, tilt = r.along * r.shrink, r.a0 / (c * p0)
    of_times = (r.B * tilt / r.N - k.e0 * (k.x0 + k.y0) / (c * p0 * x0 * norm)) * tilt / 2
    return (
        cotangent(of_L * (r.a - along_x * x + x_x * x)),
        cotangent(of_L * (ratio * r.a0 - x0) / p0 * (r.a_perp + along * p)),
        cotangent(of_L * (r.x_perp - ratio * r.a_perp + (r.rho - ratio * along) * p)),
        of_B * of_times + g * r.B**3 * asinh_ratio_slope(q),
    )
