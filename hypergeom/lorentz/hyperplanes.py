"""Hyperplanes of the hyperboloid: signed distances, and the logits of multinomial regression."""

from __future__ import annotations

from typing import NamedTuple

from array_api_compat import array_namespace

from hypergeom._hyperboloid import Chord, chord, cotangent, point
from hypergeom._logits import Directions, directions, logits
from hypergeom._rows import Array, Curvature, row_op
from hypergeom._smooth import asinh_ratio, asinh_ratio_slope, dot, sinh_ratio, sinh_ratio_slope

__all__ = ["dist2plane", "dist2plane_vjp", "mlr", "mlr_vjp"]


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
    of_a = of_L if a.shape[-1] > 2 else 0 * of_L  # in one dimension a normal does not turn
    along, tilt = r.along * r.shrink, r.a0 / (c * p0)
    of_times = (r.B * tilt / r.N - k.e0 * (k.x0 + k.y0) / (c * p0 * x0 * norm)) * tilt / 2
    return (
        cotangent(of_L * (r.a - along_x * x + x_x * x)),
        cotangent(of_L * (ratio * r.a0 - x0) / p0 * (r.a_perp + along * p)),
        cotangent(of_a * (r.x_perp - ratio * r.a_perp + (r.rho - ratio * along) * p)),
        of_B * of_times + g * r.B**3 * asinh_ratio_slope(q),
    )


class _Logits(NamedTuple):
    """B = cosh u.x - sinh x0, for all points and hyperplanes."""

    x0: Array
    x: Array
    directions: Directions
    cosh: Array  # of sqrt(c) r
    ratio: Array  # sinh(sqrt(c) r) / (sqrt(c) r)
    sinh: Array
    B: Array


def _logits(x: Array, z: Array, r: Array, c: Array) -> _Logits:
    xp = array_namespace(x)
    x0, x = point(x, c)
    d, root, ratio = directions(x, z), xp.sqrt(c), sinh_ratio(c * r * r)
    cosh, sinh = xp.cosh(root * r), root * r * ratio
    return _Logits(x0, x, d, cosh, ratio, sinh, cosh * d.products - sinh * x0)


@logits("(m,n),(k,d),(k),()->(m,k)")
def mlr(x: Array, z: Array, r: Array, /, c: Curvature = 1.0) -> Array:
    r"""Logits of multinomial logistic regression: distances from k hyperplanes, times the lengths of their normals.

    .. math:: \operatorname{mlr}(x, z, r)_{ij} = \frac{|z_j|}{\sqrt c} \operatorname{asinh} \left( \sqrt c \,
        \Bigl(\cosh(\sqrt c r_j) \frac{x_i \cdot z_j}{|z_j|} - \sinh(\sqrt c r_j) \, x_{i0}\Bigr) \right)

    with the spatial part and the time coordinate of x; the model of [1]_ without its square root, which is
    :math:`|z|`. The hyperplane is orthogonal to the geodesic from the apex in the direction of z, and meets it at the
    distance r; so it is ``|z| dist2plane(x, p, a)`` with p on that geodesic and a along it. One matrix product for all
    pairs. The error is that of one rounding of z and of r.

    Parameters
    ----------
    x : array_like, shape (..., m, d + 1)
        Points of the hyperboloid, time coordinate first.
    z : array_like, shape (..., k, d)
        Normals of the hyperplanes, as spatial parts of tangent vectors at the apex. Leading axes broadcast with those
        of x.
    r : array_like, shape (..., k)
        Signed distances of the hyperplanes from the apex, along z.
    c : float or array_like, shape (...)
        Curvature -c; one number, or one for each batch of points. Above 0.

    Returns
    -------
    array, shape (..., m, k)
        float32 if all arrays are, else float64. NaN in the row of an x with a time coordinate not above 0 and in the
        column of a z = 0.

    Raises
    ------
    ValueError
        If the shapes do not fit, or `c` is a number that is not above 0, or NaN or infinite.
    TypeError
        If a dtype is neither float32, float64 nor an integer one, or the arrays come from different
        libraries.

    References
    ----------
    .. [1] A. Bdeir, K. Schwethelm and N. Landwehr, "Fully hyperbolic convolutional neural networks for computer
       vision", ICLR 2024, section 4.3.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> x, z = np.array([[np.cosh(2.5), np.sinh(2.5), 0.0]]), np.array([[2.0, 0.0]])
    >>> lorentz.mlr(x, z, np.array([1.0])).round(12)
    array([[3.]])
    """
    t = _logits(x, z, r, c)
    return t.directions.length * t.B * asinh_ratio(c * t.B * t.B)


@logits("(m,k),(m,n),(k,d),(k),()->(m,n),(k,d),(k),()")
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
        Each of the shape of its argument, summed over the axes along which that was broadcast; time entries are 0.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> apex, z = np.array([[1.0, 0.0, 0.0]]), np.array([[2.0, 0.0]])
    >>> x_bar, z_bar, r_bar, c_bar = lorentz.mlr_vjp(np.array([[1.0]]), apex, z, np.array([0.0]))
    >>> x_bar, r_bar
    (array([[0., 2., 0.]]), array([-2.]))
    """
    xp = array_namespace(x)
    t = _logits(x, z, r, c)
    B, u, length, root = t.B, t.directions.products, t.directions.length, xp.sqrt(c)
    q = c * B * B
    of_B = length * g / xp.sqrt(1 + q)
    x_bar, z_bar = t.directions.back(of_B * t.cosh, xp.sum(g * B * asinh_ratio(q), axis=-2, keepdims=True), t.x)
    x_bar = x_bar - xp.sum(of_B * t.sinh, axis=-1, keepdims=True) / t.x0 * t.x
    r_bar = root * of_B * (t.sinh * u - t.cosh * t.x0)
    # sinh x0 in one, of which the derivatives of both cancel towards c = 0
    of_offset = 2 * r * r * sinh_ratio_slope(c * r * r) + t.cosh * dot(t.x, t.x)
    B_c = r * r * t.ratio * u / 2 - r / (2 * root * t.x0) * of_offset
    c_bar = of_B * B_c + length * g * B**3 * asinh_ratio_slope(q)
    return (
        cotangent(x_bar),
        z_bar,
        xp.sum(r_bar, axis=-2, keepdims=True),
        xp.sum(c_bar, axis=(-2, -1), keepdims=True),
    )
