"""To other models of hyperbolic space."""

from __future__ import annotations

from array_api_compat import array_namespace

from hypergeom._ball import rim_gap
from hypergeom._hyperboloid import join, split
from hypergeom._rows import Array, Curvature, row_op
from hypergeom._smooth import dot

__all__ = ["to_lorentz", "to_lorentz_vjp"]


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
    scale, xx = 2 / rim_gap(x, c), dot(x, x)
    g0, g = split(g)
    fold = g0 * array_namespace(x).sqrt(c) / (scale - 1)
    g = g + fold * scale * x
    of_scale = dot(g, x)
    return scale * g + c * scale * scale * of_scale * x, scale * scale / 2 * xx * of_scale - fold / (2 * c * c)
