"""To other models of hyperbolic space and back: points."""

from __future__ import annotations

from array_api_compat import array_namespace

from hypergeom._ball import rim_gap
from hypergeom._halfspace import (
    inversion_of_ball,
    inversion_of_halfspace,
    join_last,
    mirror,
    reflect,
    split_last,
)
from hypergeom._hyperboloid import join, split
from hypergeom._radial import ball_to_klein, ball_to_lorentz, klein_to_ball, radial_vjp
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
    "to_lorentz",
    "to_lorentz_vjp",
]


@row_op("(d),()->(n)", flat=False)
def to_lorentz(x: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    """The point of the hyperboloid that `hypergeom.lorentz.to_poincare` takes to x.

    Its spatial part is ``2 x / (1 - c |x|^2)``.

    Parameters
    ----------
    x : array_like, shape (..., d)
        Points of the ball.
    c, out
        As in `dist`, and so are the errors; `c` is above 0.

    Returns
    -------
    array, shape (..., d + 1)
        Time coordinate first. NaN in rows where x is outside the ball.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> poincare.to_lorentz(np.array([0.5, 0.0]))
    array([1.66666667, 1.33333333, 0.        ])
    """
    scale = 2 / rim_gap(x, c)
    return join((scale - 1) / array_namespace(x).sqrt(c), scale * x)


@row_op("(n),(d),()->(d),()", flat=False)
def to_lorentz_vjp(g: Array, x: Array, /, c: Curvature = 1.0) -> tuple[Array, Array]:
    """Cotangents of the arguments of `to_lorentz`, as `dist_vjp`; `g` has shape (..., d + 1).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> x_bar, c_bar = poincare.to_lorentz_vjp(np.array([0.0, 1.0, 2.0]), np.zeros(2))
    >>> x_bar
    array([2., 4.])
    """
    g0, g = split(g)
    return radial_vjp(g, x, c, ball_to_lorentz(c * dot(x, x), rim_gap(x, c)), g0)


@row_op("(d),()->(d)")
def to_klein(x: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""The point of the Klein ball, in which geodesics are straight.

    .. math:: k = \frac{2 x}{1 + c |x|^2}

    [1]_. Points come closer to the rim: the gap there, :math:`1 - c |k|^2`, is about the square of half the gap of x,
    so that beyond a distance of about 19 from the origin the result, though right to the last digit, rounds to the
    rim itself. At ``c = 0`` it is ``2 x``, which has the lengths of the flat Klein model.

    Parameters
    ----------
    x : array_like, shape (..., d)
        Points of the ball.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d)
        NaN in rows where x is outside the ball.

    References
    ----------
    .. [1] J. W. Cannon, W. J. Floyd, R. Kenyon and W. R. Parry, "Hyperbolic geometry", in *Flavors of Geometry*,
       Cambridge University Press 1997, section 7.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> poincare.to_klein(np.array([0.5, 0.0]))
    array([0.8, 0. ])
    """
    return ball_to_klein(c * dot(x, x), rim_gap(x, c)).scale * x


@row_op("(d),(d),()->(d),()")
def to_klein_vjp(g: Array, x: Array, /, c: Curvature = 1.0) -> tuple[Array, Array]:
    """Cotangents of the arguments of `to_klein`, as `dist_vjp`; `g` has shape (..., d).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> x_bar, c_bar = poincare.to_klein_vjp(np.array([1.0, 2.0]), np.array([0.5, 0.0]))
    >>> x_bar
    array([0.96, 3.2 ])
    """
    return radial_vjp(g, x, c, ball_to_klein(c * dot(x, x), rim_gap(x, c)))


@row_op("(d),()->(d)")
def from_klein(k: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""The point of the Poincaré ball for one of the Klein ball, the inverse of `to_klein`.

    .. math:: x = \frac{k}{1 + \sqrt{1 - c |k|^2}}

    with the gap under the root in twice the digits, as that of the Poincaré ball.

    Parameters
    ----------
    k : array_like, shape (..., d)
        Points of the Klein ball.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d)
        NaN in rows where k is outside the ball.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> poincare.from_klein(np.array([0.8, 0.0]))
    array([0.5, 0. ])
    """
    return klein_to_ball(array_namespace(k).sqrt(rim_gap(k, c))).scale * k


@row_op("(d),(d),()->(d),()")
def from_klein_vjp(g: Array, k: Array, /, c: Curvature = 1.0) -> tuple[Array, Array]:
    """Cotangents of the arguments of `from_klein`, as `dist_vjp`; `g` has shape (..., d).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> k_bar, c_bar = poincare.from_klein_vjp(np.array([1.0, 2.0]), np.zeros(2))
    >>> k_bar
    array([0.5, 1. ])
    """
    return radial_vjp(g, k, c, klein_to_ball(array_namespace(k).sqrt(rim_gap(k, c))))


@row_op("(d),()->(d)", flat=False)
def to_halfspace(x: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""The point of the upper half-space :math:`\{z_d > 0\}`, whose metric is :math:`|dz|^2 / (c z_d^2)`.

    .. math:: z = \frac{(2 s_1, \ldots, 2 s_{d-1}, 1 - |s|^2)}{|s - e_d|^2}, \qquad s = \sqrt c \, x

    an inversion and a reflection [1]_. The origin goes to :math:`(0, \ldots, 0, 1)` and the ideal point :math:`e_d` to
    infinity. Each entry has its digits, also where s is close to :math:`e_d` or to another point of the rim:
    differences from 1 are taken in twice the digits.

    Parameters
    ----------
    x : array_like, shape (..., d)
        Points of the ball.
    c, out
        As in `dist`, and so are the errors; `c` is above 0.

    Returns
    -------
    array, shape (..., d)
        NaN in rows where x is outside the ball.

    References
    ----------
    .. [1] J. G. Ratcliffe, *Foundations of Hyperbolic Manifolds*, 2nd ed., Springer 2006, section 4.6.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> poincare.to_halfspace(np.array([[0.0, 0.0], [0.0, 0.5]]))
    array([[0., 1.],
           [0., 3.]])
    """
    _, P = inversion_of_ball(x, c)
    return join_last(2 * array_namespace(x).sqrt(c) * x[..., :-1], rim_gap(x, c)) / P


@row_op("(d),(d),()->(d),()", flat=False)
def to_halfspace_vjp(g: Array, x: Array, /, c: Curvature = 1.0) -> tuple[Array, Array]:
    """Cotangents of the arguments of `to_halfspace`, as `dist_vjp`; `g` has shape (..., d).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> x_bar, c_bar = poincare.to_halfspace_vjp(np.array([1.0, 2.0]), np.zeros(2))
    >>> x_bar
    array([2., 4.])
    """
    D, P = inversion_of_ball(x, c)
    x_bar = 2 * array_namespace(x).sqrt(c) / P * mirror(D, P, reflect(g))
    return x_bar, dot(x_bar, x) / (2 * c)


@row_op("(d),()->(d)", flat=False)
def from_halfspace(z: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""The point of the ball for one of the upper half-space, the inverse of `to_halfspace`.

    .. math:: x = \frac{(2 z_1, \ldots, 2 z_{d-1}, |z|^2 - 1)}{\sqrt c \, |z + e_d|^2}

    with :math:`|z|^2 - 1` as a sum that keeps its digits near :math:`e_d`, the image of the origin. Points farther than
    about 37 from there round to the rim.

    Parameters
    ----------
    z : array_like, shape (..., d)
        Points of the half-space: the last coordinate is above 0, the length at most about 1e150.
    c, out
        As in `dist`, and so are the errors; `c` is above 0.

    Returns
    -------
    array, shape (..., d)
        NaN in rows where z is outside the half-space.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> poincare.from_halfspace(np.array([[0.0, 1.0], [0.0, 3.0]]))
    array([[0. , 0. ],
           [0. , 0.5]])
    """
    _, P = inversion_of_halfspace(z)
    first, last = split_last(z)
    return join_last(2 * first, dot(first, first) + (last - 1) * (last + 1)) / (array_namespace(z).sqrt(c) * P)


@row_op("(d),(d),()->(d),()", flat=False)
def from_halfspace_vjp(g: Array, z: Array, /, c: Curvature = 1.0) -> tuple[Array, Array]:
    """Cotangents of the arguments of `from_halfspace`, as `dist_vjp`; `g` has shape (..., d).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> z_bar, c_bar = poincare.from_halfspace_vjp(np.array([1.0, 2.0]), np.array([0.0, 1.0]))
    >>> z_bar
    array([0.5, 1. ])
    """
    D, P = inversion_of_halfspace(z)
    root = array_namespace(z).sqrt(c)
    first, last = split_last(z)
    x = join_last(2 * first, dot(first, first) + (last - 1) * (last + 1)) / (root * P)
    return reflect(2 / (root * P) * mirror(D, P, g)), -dot(g, x) / (2 * c)
