"""To other models of hyperbolic space and back: points."""

from __future__ import annotations

from array_api_compat import array_namespace

from hypergeom._ball import rim_gap
from hypergeom._halfspace import above, above_vjp, horizon, horizon_vjp, join_last
from hypergeom._hyperboloid import cotangent, join, point, split
from hypergeom._radial import klein_to_lorentz, lorentz_to_ball, lorentz_to_klein, radial_vjp
from hypergeom._rows import Array, Curvature, row_op
from hypergeom._smooth import dot

__all__ = [
    "from_halfspace",
    "from_halfspace_vjp",
    "from_klein",
    "from_klein_vjp",
    "to_halfspace",
    "to_halfspace_vjp",
    "to_klein",
    "to_klein_vjp",
    "to_poincare",
    "to_poincare_vjp",
]


@row_op("(n),()->(d)")
def to_poincare(x: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    """The point of the Poincaré ball, ``x / (1 + sqrt(1 + c |x|^2))`` of the spatial part: stereographic
    projection.

    Parameters
    ----------
    x : array_like, shape (..., d + 1)
        Points of the hyperboloid, time coordinate first.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d)
        NaN in rows where the time coordinate is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> lorentz.to_poincare(np.array([1.25, 0.75, 0.0]))
    array([0.33333333, 0.        ])
    """
    x0, x = point(x, c)
    return x / (1 + array_namespace(x).sqrt(c) * x0)


@row_op("(d),(n),()->(n),()")
def to_poincare_vjp(g: Array, x: Array, /, c: Curvature = 1.0) -> tuple[Array, Array]:
    """Cotangents of the arguments of `to_poincare`, as `dist_vjp`; `g` has shape (..., d).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> x_bar, c_bar = lorentz.to_poincare_vjp(np.array([1.0, 2.0]), np.array([1.0, 0.0, 0.0]))
    >>> x_bar
    array([0. , 0.5, 1. ])
    """
    x0, x = point(x, c)
    x_bar, c_bar = radial_vjp(g, x, c, lorentz_to_ball(dot(x, x), array_namespace(x).sqrt(c) * x0))
    return cotangent(x_bar), c_bar


@row_op("(n),()->(d)")
def to_klein(x: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    """The point of the Klein ball, ``x / sqrt(1 + c |x|^2)`` of the spatial part: central projection, by which
    geodesics become straight.

    Parameters
    ----------
    x : array_like, shape (..., d + 1)
        Points of the hyperboloid, time coordinate first.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d)
        Beyond a distance of about 19 from the apex the result, though right to the last digit, rounds to the rim. NaN
        in rows where the time coordinate is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> lorentz.to_klein(np.array([1.25, 0.75, 0.0]))
    array([0.6, 0. ])
    """
    x0, x = point(x, c)
    return x / (array_namespace(x).sqrt(c) * x0)


@row_op("(d),(n),()->(n),()")
def to_klein_vjp(g: Array, x: Array, /, c: Curvature = 1.0) -> tuple[Array, Array]:
    """Cotangents of the arguments of `to_klein`, as `dist_vjp`; `g` has shape (..., d).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> x_bar, c_bar = lorentz.to_klein_vjp(np.array([1.0, 2.0]), np.array([1.25, 0.75, 0.0]))
    >>> x_bar
    array([0.   , 0.512, 1.6  ])
    """
    x0, x = point(x, c)
    x_bar, c_bar = radial_vjp(g, x, c, lorentz_to_klein(dot(x, x), array_namespace(x).sqrt(c) * x0))
    return cotangent(x_bar), c_bar


@row_op("(d),()->(n)")
def from_klein(k: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""The point of the hyperboloid for one of the Klein ball, the inverse of `to_klein`.

    .. math:: x = \frac{k}{w}, \qquad x_0 = \frac{1}{\sqrt c \, w}, \qquad w = \sqrt{1 - c |k|^2}

    with the gap under the root in twice the digits.

    Parameters
    ----------
    k : array_like, shape (..., d)
        Points of the Klein ball.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d + 1)
        Time coordinate first. NaN in rows where k is outside the ball.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> lorentz.from_klein(np.array([0.6, 0.0]))
    array([1.25, 0.75, 0.  ])
    """
    xp = array_namespace(k)
    scale = 1 / xp.sqrt(rim_gap(k, c))
    return join(scale / xp.sqrt(c), scale * k)


@row_op("(n),(d),()->(d),()")
def from_klein_vjp(g: Array, k: Array, /, c: Curvature = 1.0) -> tuple[Array, Array]:
    """Cotangents of the arguments of `from_klein`, as `dist_vjp`; `g` has shape (..., d + 1).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> k_bar, c_bar = lorentz.from_klein_vjp(np.array([0.0, 1.0, 2.0]), np.zeros(2))
    >>> k_bar
    array([1., 2.])
    """
    g0, g = split(g)
    return radial_vjp(g, k, c, klein_to_lorentz(array_namespace(k).sqrt(rim_gap(k, c))), g0)


@row_op("(n),()->(d)")
def to_halfspace(x: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""The point of the upper half-space :math:`\{z_d > 0\}`, whose metric is :math:`|dz|^2 / (c z_d^2)`.

    .. math:: z = \frac{(x_1, \ldots, x_{d-1}, 1 / \sqrt c)}{\lambda}, \qquad \lambda = x_0 - x_d

    where :math:`\lambda = (1/c + x_1^2 + \cdots + x_{d-1}^2) / (x_0 + x_d)` does not cancel. The apex goes to
    :math:`(0, \ldots, 0, 1)` and the ideal point :math:`e_d` to infinity, as by `hypergeom.poincare.to_halfspace`;
    but points as far as the hyperboloid's keep their digits.

    Parameters
    ----------
    x : array_like, shape (..., d + 1)
        Points of the hyperboloid, time coordinate first.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d)
        NaN in rows where the time coordinate is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> lorentz.to_halfspace(np.array([1.25, 0.0, 0.75]))
    array([0., 2.])
    """
    return horizon(x, c).z


@row_op("(d),(n),()->(n),()")
def to_halfspace_vjp(g: Array, x: Array, /, c: Curvature = 1.0) -> tuple[Array, Array]:
    """Cotangents of the arguments of `to_halfspace`, as `dist_vjp`; `g` has shape (..., d).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> x_bar, c_bar = lorentz.to_halfspace_vjp(np.array([1.0, 2.0]), np.array([1.0, 0.0, 0.0]))
    >>> x_bar
    array([0., 1., 2.])
    """
    p = horizon(x, c)
    x_bar = horizon_vjp(g, p)
    return cotangent(x_bar), dot(x_bar, p.x) / (2 * c)


@row_op("(d),()->(n)")
def from_halfspace(z: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""The point of the hyperboloid for one of the upper half-space, the inverse of `to_halfspace`.

    .. math:: x = \frac{(2 z_1, \ldots, 2 z_{d-1}, |z|^2 - 1)}{2 \sqrt c \, z_d},
        \qquad x_0 = \frac{|z|^2 + 1}{2 \sqrt c \, z_d}

    Parameters
    ----------
    z : array_like, shape (..., d)
        Points of the half-space: the last coordinate is above 0, the length at most about 1e150.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d + 1)
        Time coordinate first. NaN in rows where z is outside the half-space.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> lorentz.from_halfspace(np.array([0.0, 2.0]))
    array([1.25, 0.  , 0.75])
    """
    p = above(z, c)
    pp = dot(p.first, p.first)
    less = (pp + (p.last - 1) * (p.last + 1)) / 2
    return join(p.scale * ((pp + p.last * p.last + 1) / 2), p.scale * join_last(p.first, less))


@row_op("(n),(d),()->(d),()")
def from_halfspace_vjp(g: Array, z: Array, /, c: Curvature = 1.0) -> tuple[Array, Array]:
    """Cotangents of the arguments of `from_halfspace`, as `dist_vjp`; `g` has shape (..., d + 1).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> z_bar, c_bar = lorentz.from_halfspace_vjp(np.array([0.0, 1.0, 2.0]), np.array([0.0, 1.0]))
    >>> z_bar
    array([1., 2.])
    """
    p = above(z, c)
    pp = dot(p.first, p.first)
    less, more = (pp + (p.last - 1) * (p.last + 1)) / 2, (pp + p.last * p.last + 1) / 2
    g0, g = split(g)
    total = g0 * more + dot(g, join_last(p.first, less))
    return above_vjp(g0, g, p), -p.scale * total / (2 * c)
