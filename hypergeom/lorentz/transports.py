"""Parallel transport of tangent vectors along geodesics of the hyperboloid."""

from __future__ import annotations

from typing import NamedTuple

from array_api_compat import array_namespace

from hypergeom._hyperboloid import (
    Base,
    Chord,
    Parts,
    base,
    chord,
    chord_slopes,
    cotangent,
    join,
    parts,
    split,
    time_of,
)
from hypergeom._rows import Array, Curvature, row_op
from hypergeom._smooth import dot, safe_sqrt, sinh_ratio, sinh_ratio_slope

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


def _lowered(x: Array, x0: Array, v: Array) -> Array:
    """The covector of a tangent vector at x: v - (v_0 / x_0) x."""
    return v - dot(x, v) / (x0 * x0) * x


class _Transport(NamedTuple):
    p: Chord
    to_x: Array  # dnu/dv, which is dQ/dx over -2
    v: Array
    nu: Array
    k: Array
    space: Array


def _transport(x: Array, y: Array, v: Array, c: Array) -> _Transport:
    p, v = chord(x, y, c), v[..., 1:]
    to_x, _ = chord_slopes(p)
    nu = dot(to_x, v)
    k = c * nu / (2 * (1 + p.q))
    return _Transport(p, to_x, v, nu, k, v + k * (p.x + p.y))


@row_op("(n),(n),(n),()->(n)")
def transport(x: Array, y: Array, v: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""Parallel transport of a tangent vector at x along the geodesic to y.

    .. math:: v + \frac{c \langle y, v \rangle}{1 - c \langle x, y \rangle} (x + y)

    An isometry of the tangent spaces [1]_. The products of points are taken from the square of the chord, as in
    `dist`, and the vector is taken apart along x where it may be much longer than its image.

    Parameters
    ----------
    x, y : array_like, shape (..., d + 1)
        Points of the hyperboloid, time coordinate first.
    v : array_like, shape (..., d + 1)
        Tangent vectors at x; their time entries are not read.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d + 1)
        Tangent vectors at y. NaN in rows where a time coordinate is not above 0.

    References
    ----------
    .. [1] B. O'Neill, *Semi-Riemannian Geometry*, Academic Press 1983, chapter 4.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> apex, y = np.array([1.0, 0.0, 0.0]), np.array([1.25, 0.75, 0.0])
    >>> lorentz.transport(apex, y, np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])).round(12)
    array([[0.75, 1.25, 0.  ],
           [0.  , 0.  , 1.  ]])
    """
    r = _transport(x, y, v, c)
    return join(dot(r.p.y, r.space) / r.p.y0, r.space)


@row_op("(n),(n),(n),(n),()->(n),(n),(n),()")
def transport_vjp(g: Array, x: Array, y: Array, v: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array, Array]:
    """Cotangents of the arguments of `transport`, as `dist_vjp`; `g` has shape (..., d + 1).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> apex, y = np.array([1.0, 0.0, 0.0]), np.array([1.25, 0.75, 0.0])
    >>> g, v = np.array([0.0, 1.0, 1.0]), np.zeros(3)
    >>> lorentz.transport_vjp(g, apex, y, v)[2].round(12)
    array([0.  , 1.25, 1.  ])
    """
    r = _transport(x, y, v, c)
    p = r.p
    g0, g = split(g)
    # The time entry of the output is y . w / y0 for its spatial part w.
    fold = g0 / p.y0
    g = g + fold * p.y
    sg = dot(g, p.x + p.y)
    of_nu = c * sg / (2 * (1 + p.q))
    v0, w0 = dot(p.x, r.v) / p.x0, dot(p.y, r.space) / p.y0
    x_bar = r.k * g + of_nu * (r.k * r.to_x - p.y0 / p.x0 * _lowered(p.x, p.x0, r.v))
    y_bar = r.k * g + (of_nu + fold) * _lowered(p.y, p.y0, r.space)
    c_bar = sg * r.nu / (2 * (1 + p.q) ** 2) * (1 + p.e0 * p.e0 / (4 * p.x0 * p.y0))
    c_bar = c_bar - of_nu * v0 * p.e0 * (p.x0 + p.y0) / (2 * c * c * p.x0 * p.x0 * p.y0)
    c_bar = c_bar + fold * w0 / (2 * c * c * p.y0)
    return cotangent(x_bar), cotangent(y_bar), cotangent(g + of_nu * r.to_x), c_bar


@row_op("(n),(n),()->(n)")
def transport0(y: Array, v: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""`transport` from the apex to y: the spatial part is :math:`v + \frac{c \, y \cdot v}{1 + \sqrt c y_0} y`.

    Parameters
    ----------
    y : array_like, shape (..., d + 1)
        Points of the hyperboloid, time coordinate first.
    v : array_like, shape (..., d + 1)
        Tangent vectors at the apex; their time entries are not read.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d + 1)
        Tangent vectors at y. NaN in rows where the time coordinate of y is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> lorentz.transport0(np.array([1.25, 0.75, 0.0]), np.array([0.0, 1.0, 2.0])).round(12)
    array([0.75, 1.25, 2.  ])
    """
    b, v = base(y, c), v[..., 1:]
    yv = dot(b.x, v)
    return join(array_namespace(v).sqrt(c) * yv + 0 * b.x0, v + c * yv / (1 + b.h) * b.x)


@row_op("(n),(n),(n),()->(n),(n),()")
def transport0_vjp(g: Array, y: Array, v: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `transport0`, as `dist_vjp`; `g` has shape (..., d + 1).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> g, y = np.array([0.0, 1.0, 2.0]), np.array([1.25, 0.75, 0.0])
    >>> lorentz.transport0_vjp(g, y, np.array([0.0, 1.0, 1.0]))[1].round(12)
    array([0.  , 1.25, 2.  ])
    """
    b, v = base(y, c), v[..., 1:]
    g0, g = split(g)
    g0 = g0 + 0 * b.x0
    root = array_namespace(v).sqrt(c)
    yv, gy, kappa = dot(b.x, v), dot(b.x, g), c / (1 + b.h)
    to_v = kappa * gy + root * g0
    y_bar = to_v * v + kappa * yv * g - kappa * kappa * yv * gy / b.h * b.x
    return cotangent(y_bar), cotangent(g + to_v * b.x), yv * (gy / b.h + g0 / root) / 2


@row_op("(n),(n),()->(n)")
def transport_to0(x: Array, v: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""`transport` from x to the apex, the inverse of `transport0`.

    The part of v across x is kept, and the part along it is divided by :math:`\sqrt c x_0`.

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
    array, shape (..., d + 1)
        Tangent vectors at the apex, with time entry 0. NaN in rows where the time coordinate of x is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> lorentz.transport_to0(np.array([1.25, 0.75, 0.0]), np.array([0.75, 1.25, 2.0])).round(12)
    array([0., 1., 2.])
    """
    b = base(x, c)
    p = parts(b, v[..., 1:])
    return join(0 * b.x0, p.perp + p.along / b.h * b.x)


@row_op("(n),(n),(n),()->(n),(n),()")
def transport_to0_vjp(g: Array, x: Array, v: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `transport_to0`, as `dist_vjp`; the time entry of `g` does not count.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> g, x = np.array([0.0, 1.0, 2.0]), np.array([1.25, 0.75, 0.0])
    >>> lorentz.transport_to0_vjp(g, x, np.array([0.75, 1.25, 2.0]))[1].round(12)
    array([0. , 0.8, 2. ])
    """
    b = base(x, c)
    p, q = parts(b, v[..., 1:]), parts(b, g[..., 1:])
    x_bar = -c * b.xx / (b.h * (1 + b.h)) * (q.along * p.perp + p.along * q.perp)
    x_bar = x_bar - c * p.along * q.along * b.xx / b.h**3 * b.x
    c_bar = -(p.along * b.xx) * (q.along * b.xx) / (2 * b.h**3)
    return cotangent(x_bar), cotangent(q.perp + q.along / b.h * b.x), c_bar


class _Carried(NamedTuple):
    """The endpoint o and the image w of u, both as functions of rho = c |v|^2."""

    b: Base
    v: Parts
    u: Parts
    rho: Array
    cosh: Array
    slope: Array
    T: Array  # (cosh r - 1) / rho
    iota: Array  # <u, v>
    o: Array
    o0: Array
    w: Array


def _carried(x: Array, v: Array, u: Array, c: Array) -> _Carried:
    b = base(x, c)
    p, q = parts(b, v[..., 1:]), parts(b, u[..., 1:])
    rho = c * dot(p.v, p.lowered) + 0 * b.x0
    cosh, slope = array_namespace(x).cosh(safe_sqrt(rho)), sinh_ratio(rho)
    T = sinh_ratio(rho / 4) ** 2 / 2
    iota = dot(q.v, p.lowered)
    o = cosh * b.x + slope * p.v
    w = q.v + c * iota * (slope * b.x + T * p.v)
    return _Carried(b, p, q, rho, cosh, slope, T, iota, o, time_of(o, c), w)


@row_op("(n),(n),(n),()->(n),(n)")
def exp_transport(
    x: Array, v: Array, u: Array, /, c: Curvature = 1.0, *, out: tuple[Array, Array] | None = None
) -> tuple[Array, Array]:
    r"""`exp` of v, and u transported along with it, in one pass.

    .. math:: \left( \exp_x(v), \quad u + c \langle u, v \rangle \left( \frac{\sinh r}{r} x
        + \frac{\cosh r - 1}{r^2} v \right) \right), \qquad r^2 = c \langle v, v \rangle

    Parameters
    ----------
    x : array_like, shape (..., d + 1)
        Points of the hyperboloid, time coordinate first.
    v, u : array_like, shape (..., d + 1)
        Tangent vectors at x; their time entries are not read.
    c
        As in `dist`, and so are the errors.
    out : tuple of two numpy.ndarray, optional
        Where to write the results (NumPy arrays only).

    Returns
    -------
    end, image : array, shape (..., d + 1)
        Points, and tangent vectors at them. NaN in rows where the time coordinate of x is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> apex, v = np.array([1.0, 0.0]), np.array([0.0, np.log(2)])
    >>> end, image = lorentz.exp_transport(apex, v, np.array([0.0, 2.0]))
    >>> end.round(12), image.round(12)
    (array([1.25, 0.75]), array([1.5, 2.5]))
    """
    r = _carried(x, v, u, c)
    return join(r.o0, r.o), join(dot(r.o, r.w) / r.o0, r.w)


@row_op("(n),(n),(n),(n),(n),()->(n),(n),(n),()")
def exp_transport_vjp(
    g: Array, h: Array, x: Array, v: Array, u: Array, /, c: Curvature = 1.0
) -> tuple[Array, Array, Array, Array]:
    """Cotangents of the arguments of `exp_transport`, as `dist_vjp`, for those of its two results.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> g, h, apex = np.array([0.0, 1.0, 2.0]), np.array([0.0, 3.0, 4.0]), np.array([1.0, 0.0, 0.0])
    >>> x_bar, v_bar, u_bar, c_bar = lorentz.exp_transport_vjp(g, h, apex, np.zeros(3), np.zeros(3))
    >>> v_bar, u_bar
    (array([0., 1., 2.]), array([0., 3., 4.]))
    """
    r = _carried(x, v, u, c)
    b, p, q = r.b, r.v, r.u
    (g0, g), (h0, h) = split(g), split(h)
    w0 = dot(r.o, r.w) / r.o0
    g, h = g + g0 / r.o0 * r.o, h + h0 / r.o0 * r.o
    c_bar = (h0 * w0 / r.o0 - g0) / (2 * c * c * r.o0)
    g = g + h0 / r.o0 * _lowered(r.o, r.o0, r.w)  # the time entry of the image goes through the endpoint
    # of the endpoint, as in `exp_vjp`
    flat, turn = b.xx * b.shrink, c * r.iota
    tilt, tilt_u, rho_c = c * p.along * flat, c * q.along * flat, dot(p.lowered, p.lowered)
    of_rho = r.slope * dot(g, b.x) / 2 + sinh_ratio_slope(r.rho) * dot(g, p.v)
    x_bar = r.cosh * g - 2 * c * of_rho * tilt * p.lowered
    v_bar = r.slope * g + 2 * c * of_rho * p.lowered
    c_bar = c_bar + of_rho * rho_c
    # of the image
    Z = r.slope * dot(h, b.x) + r.T * dot(h, p.v)
    T_slope = sinh_ratio(r.rho / 4) * sinh_ratio_slope(r.rho / 4) / 4
    of_rho = turn * (sinh_ratio_slope(r.rho) * dot(h, b.x) + T_slope * dot(h, p.v))
    x_bar = x_bar + turn * r.slope * h - (2 * c * of_rho * tilt + c * Z * tilt_u) * p.lowered - c * Z * tilt * q.lowered
    v_bar = v_bar + turn * r.T * h + 2 * c * of_rho * p.lowered + c * Z * q.lowered
    c_bar = c_bar + r.iota * Z - c * (p.along * flat) * (q.along * flat) * Z + of_rho * rho_c
    return cotangent(x_bar), cotangent(v_bar), cotangent(h + c * Z * p.lowered), c_bar
