"""Points and tangent vectors of the hyperboloid from spatial parts, and projections onto them."""

from __future__ import annotations

from array_api_compat import array_namespace

from hypergeom._hyperboloid import base, cotangent, join, parts, split, time_of
from hypergeom._rows import Array, Curvature, row_op
from hypergeom._smooth import dot

__all__ = [
    "egrad2rgrad",
    "egrad2rgrad_vjp",
    "from_spatial",
    "from_spatial_vjp",
    "project",
    "project_tangent",
    "tangent_from_spatial",
    "tangent_from_spatial_vjp",
    "time",
    "time_vjp",
]


@row_op("(n),()->(n)")
def project(x: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    """Compute the time coordinate anew, ``sqrt(1/c + |x|^2)``; the spatial part keeps its bits.

    Parameters
    ----------
    x : array_like, shape (..., d + 1)
        Any vectors, time entry first. The time entry may be wrong, also in its sign.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d + 1)
        Points of the hyperboloid. NaN in rows with a NaN or an infinity, in the time entry too.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> lorentz.project(np.array([0.0, 0.75]))
    array([1.25, 0.75])
    """
    stored, space = split(x)
    return _finite(space, time_of(space, c) + 0 * stored)


def _finite(space: Array, x0: Array) -> Array:
    """Both in one vector, NaN where a number is not finite."""
    xp = array_namespace(space)
    whole = join(x0, space)
    return xp.where(x0 < xp.inf, whole, xp.full_like(whole, xp.nan))


@row_op("(n),(n),()->(n)")
def project_tangent(x: Array, u: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""Orthogonal projection of any vector onto the tangent space at x, :math:`u + c \langle x, u \rangle x`.

    The time entry of the result is computed anew from its spatial part.

    Parameters
    ----------
    x : array_like, shape (..., d + 1)
        Points of the hyperboloid, time coordinate first.
    u : array_like, shape (..., d + 1)
        Any vectors; their time entries count.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d + 1)
        Tangent vectors at x. NaN in rows where the time coordinate of x is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> lorentz.project_tangent(np.array([1.25, 0.75, 0.0]), np.array([0.0, 0.0, 1.0]))
    array([0., 0., 1.])
    >>> lorentz.project_tangent(np.array([1.25, 0.75]), np.array([1.0, 0.0]))
    array([-0.5625, -0.9375])
    """
    b = base(x, c)
    u0, u = split(u)
    w = u + c * (dot(b.x, u) - b.x0 * u0) * b.x
    return join(dot(b.x, w) / b.x0, w)


@row_op("(n),(n),()->(n)")
def egrad2rgrad(x: Array, u: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    """Riemannian gradient of a function with gradient u in the coordinates of space.

    The sign of the time entry of u is turned, and the result projected: the spatial part is
    ``u + c (x.u + x_0 u_0) x``. A cotangent in the spatial chart, as every `_vjp` gives it, is such a gradient with
    time entry 0.

    Parameters
    ----------
    x : array_like, shape (..., d + 1)
        Points of the hyperboloid, time coordinate first.
    u : array_like, shape (..., d + 1)
        Gradients there; their time entries count.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d + 1)
        Tangent vectors at x. NaN in rows where the time coordinate of x is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> apex, y = np.array([1.0, 0.0]), np.array([np.cosh(2.5), np.sinh(2.5)])
    >>> lorentz.egrad2rgrad(apex, lorentz.sqdist_vjp(0.5, apex, y)[0]).round(12)
    array([ 0. , -2.5])
    """
    b = base(x, c)
    u0, u = split(u)
    xu = dot(b.x, u)
    return join(c * (b.x0 * xu + b.xx * u0), u + c * (xu + b.x0 * u0) * b.x)


@row_op("(n),(n),(n),()->(n),(n),()")
def egrad2rgrad_vjp(g: Array, x: Array, u: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `egrad2rgrad`, as `dist_vjp`, but that of u has a time entry.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> g, x, u = np.array([0.0, 4.0, 1.0]), np.array([1.25, 0.75, 0.0]), np.array([0.0, 1.0, 1.0])
    >>> lorentz.egrad2rgrad_vjp(g, x, u)[1]
    array([3.75, 6.25, 1.  ])
    """
    b = base(x, c)
    (g0, g), (u0, u) = split(g), split(u)
    xu, gx = dot(b.x, u), dot(b.x, g)
    k, to_u = xu + b.x0 * u0, c * (gx + g0 * b.x0)
    x_bar = c * k * g + to_u * u + c * (gx * u0 / b.x0 + g0 * (xu / b.x0 + 2 * u0)) * b.x
    c_bar = g0 * (b.x0 * xu + b.xx * u0) + gx * k - (gx * u0 + g0 * xu) / (2 * c * b.x0)
    return cotangent(x_bar), join(c * (b.x0 * gx + b.xx * g0), g + to_u * b.x), c_bar


@row_op("(d),()->()")
def time(xs: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    """The time coordinate of the point with the spatial part xs, ``sqrt(1/c + |xs|^2)``.

    Parameters
    ----------
    xs : array_like, shape (..., d)
        Spatial parts: any finite vectors.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (...)

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> lorentz.time(np.array([0.75, 0.0]))
    np.float64(1.25)
    """
    return split(_finite(xs, time_of(xs, c)))[0]


@row_op("(),(d),()->(d),()")
def time_vjp(g: Array, xs: Array, /, c: Curvature = 1.0) -> tuple[Array, Array]:
    """Cotangents of the arguments of `time`, as `dist_vjp`.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> lorentz.time_vjp(1.0, np.array([0.75, 0.0]))[0]
    array([0.6, 0. ])
    """
    scale = g / split(_finite(xs, time_of(xs, c)))[0]
    return scale * xs, -scale / (2 * c * c)


@row_op("(d),()->(n)")
def from_spatial(xs: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    """The point with the spatial part xs: `time` before it.

    Parameters
    ----------
    xs, c, out
        As in `time`, and so are the errors.

    Returns
    -------
    array, shape (..., d + 1)
        Points of the hyperboloid. NaN in rows with a NaN or an infinity.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> lorentz.from_spatial(np.array([0.75, 0.0]))
    array([1.25, 0.75, 0.  ])
    """
    return _finite(xs, time_of(xs, c))


@row_op("(n),(d),()->(d),()")
def from_spatial_vjp(g: Array, xs: Array, /, c: Curvature = 1.0) -> tuple[Array, Array]:
    """Cotangents of the arguments of `from_spatial`, as `dist_vjp`; `g` has shape (..., d + 1).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> lorentz.from_spatial_vjp(np.array([1.0, 2.0, 0.0]), np.array([0.75, 0.0]))[0]
    array([2.6, 0. ])
    """
    g0, g = split(g)
    scale = g0 / split(_finite(xs, time_of(xs, c)))[0]
    return g + scale * xs, -scale / (2 * c * c)


@row_op("(n),(d),()->(n)")
def tangent_from_spatial(x: Array, vs: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    """The tangent vector at x with the spatial part vs; its time entry is ``x.vs / x_0``.

    Parameters
    ----------
    x : array_like, shape (..., d + 1)
        Points of the hyperboloid, time coordinate first.
    vs : array_like, shape (..., d)
        Spatial parts: any vectors.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d + 1)
        Tangent vectors at x. NaN in rows where the time coordinate of x is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> lorentz.tangent_from_spatial(np.array([1.25, 0.75, 0.0]), np.array([1.0, 2.0]))
    array([0.6, 1. , 2. ])
    """
    b = base(x, c)
    time = dot(b.x, vs) / b.x0
    return join(time, vs + 0 * time)


@row_op("(n),(n),(d),()->(n),(d),()")
def tangent_from_spatial_vjp(g: Array, x: Array, vs: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `tangent_from_spatial`, as `dist_vjp`; `g` has shape (..., d + 1).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> g, x = np.array([1.0, 2.0, 0.0]), np.array([1.25, 0.75, 0.0])
    >>> lorentz.tangent_from_spatial_vjp(g, x, np.array([1.0, 2.0]))[1]
    array([2.6, 0. ])
    """
    b = base(x, c)
    g0, g = split(g)
    p, scale = parts(b, vs), g0 / b.x0
    return (
        cotangent(scale * p.lowered),
        g + scale * b.x,
        scale * p.along * b.xx * b.shrink / (2 * c),
    )
