"""To other models of hyperbolic space and back: tangent vectors, by the differentials of the maps of points."""

from __future__ import annotations

from array_api_compat import array_namespace

from hypergeom._ball import rim_gap
from hypergeom._halfspace import inversion_of_ball, inversion_of_halfspace, mirror, mirror_vjp, reflect
from hypergeom._hyperboloid import join, split
from hypergeom._radial import ball_to_klein, ball_to_lorentz, klein_to_ball, radial_tangent, radial_tangent_vjp
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
    "to_lorentz_tangent",
    "to_lorentz_tangent_vjp",
]


@row_op("(d),(d),()->(n)", flat=False)
def to_lorentz_tangent(x: Array, v: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""The tangent vector of the hyperboloid at ``to_lorentz(x)``: the differential of that map at x, applied to v.

    .. math:: w = \frac{2}{g} v + \frac{4 c \, x \cdot v}{g^2} x, \qquad w_0 = \frac{4 \sqrt c \, x \cdot v}{g^2},
        \qquad g = 1 - c |x|^2

    An isometry, as the differential of each conversion: the norms of v and w in the metrics of their models are equal.

    Parameters
    ----------
    x : array_like, shape (..., d)
        Points of the ball.
    v : array_like, shape (..., d)
        Tangent vectors at x, in the coordinates of the ball.
    c, out
        As in `dist`, and so are the errors; `c` is above 0.

    Returns
    -------
    array, shape (..., d + 1)
        Time entry first. NaN in rows where x is outside the ball.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> poincare.to_lorentz_tangent(np.array([0.5, 0.0]), np.array([9.0, 9.0]))
    array([32., 40., 24.])
    """
    r = ball_to_lorentz(c * dot(x, x), rim_gap(x, c))
    assert r.time is not None
    return join(2 * array_namespace(x).sqrt(c) * r.time[1] * dot(x, v), radial_tangent(x, v, c, r))


@row_op("(n),(d),(d),()->(d),(d),()", flat=False)
def to_lorentz_tangent_vjp(g: Array, x: Array, v: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `to_lorentz_tangent`, as `dist_vjp`; `g` has shape (..., d + 1).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> g, x, v = np.array([0.0, 1.0, 2.0]), np.zeros(2), np.array([3.0, 4.0])
    >>> poincare.to_lorentz_tangent_vjp(g, x, v)[1]
    array([2., 4.])
    """
    g0, g = split(g)
    return radial_tangent_vjp(g, x, v, c, ball_to_lorentz(c * dot(x, x), rim_gap(x, c)), g0)


@row_op("(d),(d),()->(d)")
def to_klein_tangent(x: Array, v: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""The tangent vector of the Klein ball at ``to_klein(x)``: the differential of that map at x, applied to v.

    .. math:: \frac{2}{1 + q} v_\perp + \frac{2 (1 - q)}{(1 + q)^2} v_\parallel, \qquad q = c |x|^2

    for the parts of v across x and along it: that along it shrinks with the gap, and does not come from a difference.

    Parameters
    ----------
    x : array_like, shape (..., d)
        Points of the ball.
    v : array_like, shape (..., d)
        Tangent vectors at x, in the coordinates of the ball.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d)
        NaN in rows where x is outside the ball.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> poincare.to_klein_tangent(np.array([0.5, 0.0]), np.array([1.0, 1.0]))
    array([0.96, 1.6 ])
    """
    return radial_tangent(x, v, c, ball_to_klein(c * dot(x, x), rim_gap(x, c)))


@row_op("(d),(d),(d),()->(d),(d),()")
def to_klein_tangent_vjp(g: Array, x: Array, v: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `to_klein_tangent`, as `dist_vjp`; `g` has shape (..., d).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> g, x, v = np.array([1.0, 2.0]), np.array([0.5, 0.0]), np.array([1.0, 1.0])
    >>> poincare.to_klein_tangent_vjp(g, x, v)[1]
    array([0.96, 3.2 ])
    """
    return radial_tangent_vjp(g, x, v, c, ball_to_klein(c * dot(x, x), rim_gap(x, c)))


@row_op("(d),(d),()->(d)")
def from_klein_tangent(k: Array, u: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""The tangent vector of the Poincaré ball for one of the Klein ball, the inverse of `to_klein_tangent`.

    .. math:: \frac{u}{1 + w} + \frac{c \, k \cdot u}{w (1 + w)^2} k, \qquad w = \sqrt{1 - c |k|^2}

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
    array, shape (..., d)
        Tangent vectors at ``from_klein(k)``. NaN in rows where k is outside the ball.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> poincare.from_klein_tangent(np.array([0.8, 0.0]), np.array([0.96, 1.6])).round(12)
    array([1., 1.])
    """
    return radial_tangent(k, u, c, klein_to_ball(array_namespace(k).sqrt(rim_gap(k, c))))


@row_op("(d),(d),(d),()->(d),(d),()")
def from_klein_tangent_vjp(g: Array, k: Array, u: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `from_klein_tangent`, as `dist_vjp`; `g` has shape (..., d).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> g, k, u = np.array([1.0, 2.0]), np.zeros(2), np.array([3.0, 4.0])
    >>> poincare.from_klein_tangent_vjp(g, k, u)[1]
    array([0.5, 1. ])
    """
    return radial_tangent_vjp(g, k, u, c, klein_to_ball(array_namespace(k).sqrt(rim_gap(k, c))))


@row_op("(d),(d),()->(d)", flat=False)
def to_halfspace_tangent(x: Array, v: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""The tangent vector of the half-space at ``to_halfspace(x)``: the differential of that map at x, applied to v.

    .. math:: \frac{2 \sqrt c}{|D|^2} R \Bigl(v - \frac{2 D \cdot v}{|D|^2} D\Bigr), \qquad D = \sqrt c \, x - e_d

    where R changes the sign of the last coordinate: the map is conformal, and so keeps all digits everywhere.

    Parameters
    ----------
    x : array_like, shape (..., d)
        Points of the ball.
    v : array_like, shape (..., d)
        Tangent vectors at x, in the coordinates of the ball.
    c, out
        As in `dist`, and so are the errors; `c` is above 0.

    Returns
    -------
    array, shape (..., d)
        NaN in rows where x is outside the ball.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> poincare.to_halfspace_tangent(np.array([0.0, 0.5]), np.array([1.0, 1.0]))
    array([8., 8.])
    """
    D, P = inversion_of_ball(x, c)
    return 2 * array_namespace(x).sqrt(c) / P * reflect(mirror(D, P, v))


@row_op("(d),(d),(d),()->(d),(d),()", flat=False)
def to_halfspace_tangent_vjp(g: Array, x: Array, v: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `to_halfspace_tangent`, as `dist_vjp`; `g` has shape (..., d).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> g, x, v = np.array([1.0, 2.0]), np.array([0.0, 0.5]), np.array([1.0, 1.0])
    >>> poincare.to_halfspace_tangent_vjp(g, x, v)[1]
    array([ 8., 16.])
    """
    D, P = inversion_of_ball(x, c)
    root, g = array_namespace(x).sqrt(c), reflect(g)
    value, of_D = mirror_vjp(D, P, g, v)
    x_bar = 2 * c * of_D
    return x_bar, 2 * root / P * mirror(D, P, g), (2 * root * value + dot(x_bar, x)) / (2 * c)


@row_op("(d),(d),()->(d)", flat=False)
def from_halfspace_tangent(z: Array, u: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""The tangent vector of the ball for one of the half-space, the inverse of `to_halfspace_tangent`.

    .. math:: \frac{2}{\sqrt c \, |D|^2} \Bigl(R u - \frac{2 D \cdot R u}{|D|^2} D\Bigr), \qquad D = R z - e_d

    where R changes the sign of the last coordinate.

    Parameters
    ----------
    z : array_like, shape (..., d)
        Points of the half-space, as in `from_halfspace`.
    u : array_like, shape (..., d)
        Tangent vectors at z, in the coordinates of the half-space.
    c, out
        As in `dist`, and so are the errors; `c` is above 0.

    Returns
    -------
    array, shape (..., d)
        Tangent vectors at ``from_halfspace(z)``. NaN in rows where z is outside the half-space.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> poincare.from_halfspace_tangent(np.array([0.0, 3.0]), np.array([8.0, 8.0]))
    array([1., 1.])
    """
    D, P = inversion_of_halfspace(z)
    return 2 / (array_namespace(z).sqrt(c) * P) * mirror(D, P, reflect(u))


@row_op("(d),(d),(d),()->(d),(d),()", flat=False)
def from_halfspace_tangent_vjp(g: Array, z: Array, u: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `from_halfspace_tangent`, as `dist_vjp`; `g` has shape (..., d).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> g, z, u = np.array([1.0, 2.0]), np.array([0.0, 3.0]), np.array([8.0, 8.0])
    >>> poincare.from_halfspace_tangent_vjp(g, z, u)[1]
    array([0.125, 0.25 ])
    """
    D, P = inversion_of_halfspace(z)
    root = array_namespace(z).sqrt(c)
    value, of_D = mirror_vjp(D, P, g, reflect(u))
    return reflect(2 / root * of_D), reflect(2 / (root * P) * mirror(D, P, g)), -value / (root * c)
