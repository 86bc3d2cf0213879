"""To other models of hyperbolic space and back: tangent vectors, by the differentials of the maps of points."""

from __future__ import annotations

from array_api_compat import array_namespace

from hypergeom._ball import defect, rim_gap
from hypergeom._halfspace import above, above_vjp, horizon, horizon_vjp, join_last, split_last
from hypergeom._hyperboloid import cotangent, join, point, split
from hypergeom._radial import (
    Radial,
    klein_to_lorentz,
    lorentz_to_ball,
    lorentz_to_klein,
    radial_tangent,
    radial_tangent_vjp,
)
from hypergeom._rows import Array, Curvature, row_op
from hypergeom._smooth import dot

__all__ = [
    "from_halfspace_tangent",
    "from_halfspace_tangent_vjp",
    "from_klein_tangent",
    "from_klein_tangent_vjp",
    "to_halfspace_tangent",
    "to_halfspace_tangent_vjp",
    "to_klein_tangent",
    "to_klein_tangent_vjp",
    "to_poincare_tangent",
    "to_poincare_tangent_vjp",
]


def _vjp(g: Array, x: Array, v: Array, c: Array, r: Radial) -> tuple[Array, Array, Array]:
    x_bar, v_bar, c_bar = radial_tangent_vjp(g, x, v[..., 1:], c, r)
    return cotangent(x_bar), cotangent(v_bar), c_bar


@row_op("(n),(n),()->(d)")
def to_poincare_tangent(x: Array, v: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""The tangent vector of the Poincaré ball at ``to_poincare(x)``: the differential of that map at x, applied to v.

    .. math:: \frac{v_\perp}{1 + h} + \frac{v_\parallel}{h (1 + h)}, \qquad h = \sqrt{1 + c |x|^2}

    for the parts of the spatial v across x and along it: that along it is smaller by h, and does not come from a
    difference. An isometry, as the differential of each conversion: both norms, each in the metric of its model, are
    equal.

    Parameters
    ----------
    x : array_like, shape (..., d + 1)
        Points of the hyperboloid, time coordinate first.
    v : array_like, shape (..., d + 1)
        Tangent vectors at x; their time entries are not read.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d)
        NaN in rows where the time coordinate of x is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> lorentz.to_poincare_tangent(np.array([1.25, 0.75, 0.0]), np.array([0.0, 5.0, 9.0]))
    array([1.77777778, 4.        ])
    """
    x0, x = point(x, c)
    return radial_tangent(x, v[..., 1:], c, lorentz_to_ball(dot(x, x), array_namespace(x).sqrt(c) * x0))


@row_op("(d),(n),(n),()->(n),(n),()")
def to_poincare_tangent_vjp(g: Array, x: Array, v: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `to_poincare_tangent`, as `dist_vjp`; `g` has shape (..., d).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> g, apex = np.array([1.0, 2.0]), np.array([1.0, 0.0, 0.0])
    >>> lorentz.to_poincare_tangent_vjp(g, apex, np.zeros(3))[1]
    array([0. , 0.5, 1. ])
    """
    x0, x = point(x, c)
    return _vjp(g, x, v, c, lorentz_to_ball(dot(x, x), array_namespace(x).sqrt(c) * x0))


@row_op("(n),(n),()->(d)")
def to_klein_tangent(x: Array, v: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""The tangent vector of the Klein ball at ``to_klein(x)``: the differential of that map at x, applied to v.

    .. math:: \frac{v_\perp}{h} + \frac{v_\parallel}{h^3}, \qquad h = \sqrt{1 + c |x|^2}

    for the parts of the spatial v across x and along it, as in `to_poincare_tangent`.

    Parameters
    ----------
    x : array_like, shape (..., d + 1)
        Points of the hyperboloid, time coordinate first.
    v : array_like, shape (..., d + 1)
        Tangent vectors at x; their time entries are not read.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d)
        NaN in rows where the time coordinate of x is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> lorentz.to_klein_tangent(np.array([1.25, 0.75, 0.0]), np.array([0.0, 1.0, 1.0]))
    array([0.512, 0.8  ])
    """
    x0, x = point(x, c)
    return radial_tangent(x, v[..., 1:], c, lorentz_to_klein(dot(x, x), array_namespace(x).sqrt(c) * x0))


@row_op("(d),(n),(n),()->(n),(n),()")
def to_klein_tangent_vjp(g: Array, x: Array, v: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `to_klein_tangent`, as `dist_vjp`; `g` has shape (..., d).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> g, x = np.array([1.0, 2.0]), np.array([1.25, 0.75, 0.0])
    >>> lorentz.to_klein_tangent_vjp(g, x, np.zeros(3))[1]
    array([0.   , 0.512, 1.6  ])
    """
    x0, x = point(x, c)
    return _vjp(g, x, v, c, lorentz_to_klein(dot(x, x), array_namespace(x).sqrt(c) * x0))


@row_op("(d),(d),()->(n)")
def from_klein_tangent(k: Array, u: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""The tangent vector of the hyperboloid for one of the Klein ball, the inverse of `to_klein_tangent`.

    .. math:: v = \frac{u}{w} + \frac{c \, k \cdot u}{w^3} k, \qquad v_0 = \frac{\sqrt c \, k \cdot u}{w^3},
        \qquad w = \sqrt{1 - c |k|^2}

    Parameters
    ----------
    k : array_like, shape (..., d)
        Points of the Klein ball.
    u : array_like, shape (..., d)
        Tangent vectors at k, in the coordinates of the Klein ball.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d + 1)
        Tangent vectors at ``from_klein(k)``, time entry first. NaN in rows where k is outside the ball.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> lorentz.from_klein_tangent(np.array([0.6, 0.0]), np.array([0.512, 0.8]))
    array([0.6, 1. , 1. ])
    """
    xp = array_namespace(k)
    w = xp.sqrt(rim_gap(k, c))
    return join(xp.sqrt(c) * dot(k, u) / w**3, radial_tangent(k, u, c, klein_to_lorentz(w)))


@row_op("(n),(d),(d),()->(d),(d),()")
def from_klein_tangent_vjp(g: Array, k: Array, u: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `from_klein_tangent`, as `dist_vjp`; `g` has shape (..., d + 1).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> g, k, u = np.array([0.0, 1.0, 2.0]), np.zeros(2), np.array([3.0, 4.0])
    >>> lorentz.from_klein_tangent_vjp(g, k, u)[1]
    array([1., 2.])
    """
    g0, g = split(g)
    return radial_tangent_vjp(g, k, u, c, klein_to_lorentz(array_namespace(k).sqrt(rim_gap(k, c))), g0)


@row_op("(n),(n),()->(d)")
def to_halfspace_tangent(x: Array, v: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""The tangent vector of the half-space at ``to_halfspace(x)``: the differential of that map at x, applied to v.

    .. math:: \frac{(v_1, \ldots, v_{d-1}, 0) - \mu z}{\lambda}, \qquad \lambda = x_0 - x_d, \quad \mu = v_0 - v_d

    with :math:`\mu = (x_1 v_1 + \cdots + x_{d-1} v_{d-1} - \lambda v_d) / x_0`, for the part of v across x; what lies
    along x is carried on its own, as in `to_poincare_tangent`.

    Parameters
    ----------
    x : array_like, shape (..., d + 1)
        Points of the hyperboloid, time coordinate first.
    v : array_like, shape (..., d + 1)
        Tangent vectors at x; their time entries are not read.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d)
        NaN in rows where the time coordinate of x is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> lorentz.to_halfspace_tangent(np.array([1.25, 0.0, 0.75]), np.array([0.0, 1.0, 1.0]))
    array([2. , 1.6])
    """
    p = horizon(x, c)
    first, last = split_last(v[..., 1:])
    mu = (dot(first, p.x[..., :-1]) - p.lam * last) / p.x0
    return (join_last(first, 0 * last) - mu * p.z) / p.lam


@row_op("(d),(n),(n),()->(n),(n),()")
def to_halfspace_tangent_vjp(g: Array, x: Array, v: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `to_halfspace_tangent`, as `dist_vjp`; `g` has shape (..., d).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> g, apex = np.array([1.0, 2.0]), np.array([1.0, 0.0, 0.0])
    >>> lorentz.to_halfspace_tangent_vjp(g, apex, np.zeros(3))[1]
    array([0., 1., 2.])
    """
    p, v = horizon(x, c), v[..., 1:]
    (x_first, _), (v_first, v_last), (g_first, g_last) = split_last(p.x), split_last(v), split_last(g)
    xv = dot(p.x, v)
    mu = (dot(x_first, v_first) - p.lam * v_last) / p.x0 / p.lam
    gz = dot(g, p.z)
    bend = (2 * gz * mu - dot(g_first, v_first) / p.lam) / p.lam
    metric_v = v - xv / (p.x0 * p.x0) * p.x
    of_lam = join_last(x_first, -p.lam) / p.x0  # the derivative of lambda
    x_bar = bend * of_lam - mu / p.lam * join_last(g_first, 0 * g_last) - gz / (p.lam * p.x0) * metric_v
    if p.x.shape[-1] == 1:  # where those terms cancel
        x_bar = gz * p.lam * v / p.x0**3
    level = (bend * p.lam + gz * xv / (p.x0 * p.x0)) / (c * p.x0 * p.lam)
    c_bar = (g_last * mu / (array_namespace(x).sqrt(c) * p.lam) - level) / (2 * c)
    return cotangent(x_bar), cotangent(horizon_vjp(g, p)), c_bar


@row_op("(d),(d),()->(n)")
def from_halfspace_tangent(z: Array, u: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""The tangent vector of the hyperboloid for one of the half-space, the inverse of `to_halfspace_tangent`.

    .. math:: v = \frac{1}{\sqrt c \, z_d} \Bigl(u_1 - \frac{u_d}{z_d} z_1, \ldots, u_{d-1} - \frac{u_d}{z_d} z_{d-1},
        m + \frac{u_d}{z_d}\Bigr), \qquad v_0 = \frac{m}{\sqrt c \, z_d}

    with :math:`m = z \cdot u - (|z|^2 + 1) u_d / (2 z_d)`, in twice the digits.

    Parameters
    ----------
    z : array_like, shape (..., d)
        Points of the half-space, as in `from_halfspace`.
    u : array_like, shape (..., d)
        Tangent vectors at z, in the coordinates of the half-space.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d + 1)
        Tangent vectors at ``from_halfspace(z)``, time entry first. NaN in rows where z is outside the half-space.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> lorentz.from_halfspace_tangent(np.array([0.0, 2.0]), np.array([2.0, 1.6]))
    array([0.6, 1. , 1. ])
    """
    p = above(z, c)
    first, last = split_last(u)
    tilt = last / p.last
    m = dot(p.first, first) + ((p.last - 1) * (p.last + 1) - dot(p.first, p.first)) * tilt / 2
    return (p.scale + defect(u)) * join(m, join_last(first - tilt * p.first, m + tilt))


@row_op("(n),(d),(d),()->(d),(d),()")
def from_halfspace_tangent_vjp(g: Array, z: Array, u: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `from_halfspace_tangent`, as `dist_vjp`; `g` has shape (..., d + 1).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> g, z, u = np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0]), np.array([3.0, 4.0])
    >>> lorentz.from_halfspace_tangent_vjp(g, z, u)[1]
    array([1., 2.])
    """
    p = above(z, c)
    g0, g = split(g)
    (first, last), (g_first, g_last) = split_last(u), split_last(g)
    tilt, both, pp = last / p.last, g0 + g_last, dot(p.first, p.first)
    gu, gz, zu = dot(g_first, first), dot(g_first, p.first), dot(p.first, first)
    of_last = (tilt * (2 * gz + g0 * (pp + 1) + g_last * (pp - 1)) - gu - both * zu) / p.last
    z_bar = p.scale * join_last(both * first - tilt * (g_first + both * p.first), of_last)
    u_bar = above_vjp(g0, g, p)
    return z_bar, u_bar, -dot(u_bar, u) / (2 * c)
