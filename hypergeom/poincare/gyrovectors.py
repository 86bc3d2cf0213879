"""The algebra of gyrovectors: Möbius addition."""

from __future__ import annotations

from hypergeom._ball import gyration, rim_gap
from hypergeom._rows import Array, Curvature, row_op
from hypergeom._smooth import dot

__all__ = ["mobius_add", "mobius_add_vjp"]


@row_op("(d),(d),()->(d)")
def mobius_add(x: Array, y: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""Möbius addition: the translation that takes the origin to x, applied to y.

    .. math:: x \oplus y = \frac{g_x e + c |e|^2 x}{g_x g_y + c |e|^2}, \qquad e = x + y

    with :math:`g_x = 1 - c|x|^2`. This is the formula of [1]_ collected around the sum e, which is small
    where y is close to -x. Neither commutative nor associative. At ``c = 0`` it is ``x + y``.

    Parameters
    ----------
    x, y : array_like, shape (..., d)
        Points of the ball.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d)
        NaN in rows where x or y is outside the ball.

    References
    ----------
    .. [1] A. A. Ungar, *Analytic Hyperbolic Geometry: Mathematical Foundations and Applications*, World
       Scientific 2005.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> x, y = np.array([0.3, 0.1]), np.array([-0.2, 0.5])
    >>> np.allclose(poincare.mobius_add(-x, poincare.mobius_add(x, y)), y)
    True
    """
    e = x + y
    ee, gx = dot(e, e), rim_gap(x, c)
    N = gx * rim_gap(y, c) + c * ee
    return gx / N * e + c * ee / N * x


@row_op("(d),(d),(d),()->(d),(d),()")
def mobius_add_vjp(g: Array, x: Array, y: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `mobius_add`, as `dist_vjp`; `g` has shape (..., d).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> g = np.array([1.0, 2.0])
    >>> x_bar, y_bar, c_bar = poincare.mobius_add_vjp(g, np.zeros(2), np.array([0.0, 0.5]))
    >>> x_bar, y_bar
    (array([1.25, 1.5 ]), array([1., 2.]))
    """
    e = x + y
    ee, yy, gx, gy, ge, gX = dot(e, e), dot(y, y), rim_gap(x, c), rim_gap(y, c), dot(g, e), dot(g, x)
    N = gx * gy + c * ee
    kappa = dot(g, y) + c * yy * gX
    x_bar = ((gx + c * ee) * g - 2 * c * kappa / N * (gx * e + c * ee * x)) / N
    c_bar = gx / N * (gx * ge + c * ee * gX) / N * yy - ee * kappa / (N * N)
    return x_bar, gx / N * gyration(g, e, x, gx, N, c), c_bar
