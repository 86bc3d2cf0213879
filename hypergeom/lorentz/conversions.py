"""To other models of hyperbolic space."""

from __future__ import annotations

from array_api_compat import array_namespace

from hypergeom._hyperboloid import cotangent, point
from hypergeom._rows import Array, Curvature, row_op
from hypergeom._smooth import dot

__all__ = ["to_poincare", "to_poincare_vjp"]


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
    h = array_namespace(x).sqrt(c) * x0
    scale = 1 / (1 + h)
    of_xx = -dot(g, x) * scale * scale / h
    return cotangent(scale * g + c * of_xx * x), of_xx * dot(x, x) / 2
