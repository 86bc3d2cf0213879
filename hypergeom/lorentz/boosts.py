"""Translations of the hyperboloid along geodesics through the apex, and rotations about it."""

from __future__ import annotations

from array_api_compat import array_namespace

from hypergeom._hyperboloid import cotangent, join, point, split, time_of
from hypergeom._rows import Array, Curvature, row_op
from hypergeom._smooth import dot

__all__ = [
    "boost",
    "boost_to0",
    "boost_to0_vjp",
    "boost_vjp",
]


def _boost(x0: Array, x: Array, y0: Array, y: Array, c: Array) -> Array:
    root = array_namespace(x).sqrt(c)
    hx, hy, f = root * x0, root * y0, x + y
    return f + c * (dot(y - x, f) / (hx + hy) + dot(x, f) / (1 + hx)) * x


def _boost_vjp(
    g: Array, x0: Array, x: Array, y0: Array, y: Array, c: Array
) -> tuple[Array, Array, Array]:
    """Cotangents of spatial parts."""
    g0, g = split(g)
    o = _boost(x0, x, y0, y, c)
    fold = g0 / time_of(o, c)  # the time entry of the output is a function of its spatial part
    g = g + fold * o
    root = array_namespace(x).sqrt(c)
    hx, hy, xy, gx = root * x0, root * y0, dot(x, y), dot(g, x)
    x_bar = (hy + c * xy / (1 + hx)) * g + c * gx * (y / (1 + hx) - c * xy / (hx * (1 + hx) ** 2) * x)
    y_bar = g + c * gx * (y / hy + x / (1 + hx))
    c_bar = gx * (dot(y, y) / (2 * hy) + xy / (1 + hx) - c * xy * dot(x, x) / (2 * hx * (1 + hx) ** 2))
    return x_bar, y_bar, c_bar - fold / (2 * c * c)


@row_op("(n),(n),()->(n)")
def boost(x: Array, y: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""The translation along the geodesic from the apex to x, which takes the apex to x, applied to y.

    .. math:: y + \left( \sqrt c \, y_0 + \frac{c \, x \cdot y}{1 + \sqrt c \, x_0} \right) x

    of the spatial parts: the Lorentz transformation without rotation [1]_. In the ball it is `poincare.mobius_add`.

    Parameters
    ----------
    x, y : array_like, shape (..., d + 1)
        Points of the hyperboloid, time coordinate first.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d + 1)
        Points of the hyperboloid. NaN in rows where a time coordinate is not above 0.

    References
    ----------
    .. [1] A. A. Ungar, *Analytic Hyperbolic Geometry and Albert Einstein's Special Theory of Relativity*, World
       Scientific 2008, chapter 11.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> x, y = np.array([1.25, 0.75]), np.array([1.25, 0.75])
    >>> lorentz.boost(x, y)
    array([2.125, 1.875])
    """
    (x0, x), (y0, y) = point(x, c), point(y, c)
    o = _boost(x0, x, y0, y, c)
    return join(time_of(o, c), o)


@row_op("(n),(n),(n),()->(n),(n),()")
def boost_vjp(g: Array, x: Array, y: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `boost`, as `dist_vjp`; `g` has shape (..., d + 1).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> g, apex, x = np.array([0.0, 1.0, 2.0]), np.array([1.0, 0.0, 0.0]), np.array([1.25, 0.75, 0.0])
    >>> lorentz.boost_vjp(g, x, apex)[1]
    array([0.  , 1.25, 2.  ])
    """
    (x0, x), (y0, y) = point(x, c), point(y, c)
    x_bar, y_bar, c_bar = _boost_vjp(g, x0, x, y0, y, c)
    return cotangent(x_bar), cotangent(y_bar), c_bar


@row_op("(n),(n),()->(n)")
def boost_to0(x: Array, y: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    """The inverse of `boost`: the translation that takes x to the apex, applied to y.

    It is the boost by the point with the spatial part -x; in the ball, ``mobius_add(-x, y)``.

    Parameters
    ----------
    x, y, c, out
        As in `boost`, and so are the errors.

    Returns
    -------
    array, shape (..., d + 1)
        Points of the hyperboloid. NaN in rows where a time coordinate is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> x, y = np.array([1.25, 0.75]), np.array([2.125, 1.875])
    >>> lorentz.boost_to0(x, y)
    array([1.25, 0.75])
    """
    (x0, x), (y0, y) = point(x, c), point(y, c)
    o = _boost(x0, -x, y0, y, c)
    return join(time_of(o, c), o)


@row_op("(n),(n),(n),()->(n),(n),()")
def boost_to0_vjp(g: Array, x: Array, y: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `boost_to0`, as `dist_vjp`; `g` has shape (..., d + 1).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> g, x = np.array([0.0, 1.0, 2.0]), np.array([1.25, 0.75, 0.0])
    >>> lorentz.boost_to0_vjp(g, x, x)[1].round(12)
    array([0. , 0.8, 2. ])
    """
    (x0, x), (y0, y) = point(x, c), point(y, c)
    x_bar, y_bar, c_bar = _boost_vjp(g, x0, -x, y0, y, c)
    return cotangent(-x_bar), cotangent(y_bar), c_bar
