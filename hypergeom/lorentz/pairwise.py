"""All pairs of two sets of points of the hyperboloid."""

from __future__ import annotations

from hypergeom._pairs import pair_op
from hypergeom._rows import Array, Curvature
from hypergeom.lorentz.metric import dist, dist_vjp

__all__ = ["cdist", "cdist_vjp"]


@pair_op("(m,n),(k,n),()->(m,k)")
def cdist(x: Array, y: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""Geodesic distances of all pairs of two sets of points.

    .. math:: \operatorname{cdist}(x, y)_{ij} = d(x_i, y_j)

    with the formula of `dist`, and for NumPy arrays its bits. The differences of coordinates of each pair come first,
    so that close pairs keep all digits; a matrix product, as in :math:`|x|^2 + |y|^2 - 2 x \cdot y`, would lose them.

    Parameters
    ----------
    x : array_like, shape (..., m, d + 1)
        Points of the hyperboloid, time coordinate first. m may be 0.
    y : array_like, shape (..., k, d + 1)
        Points of the hyperboloid, time coordinate first. k may be 0. Leading axes broadcast with those of `x`.
    c : float or array_like, shape (...)
        Curvature -c; one number, or one for each batch of points. Above 0.
    out : numpy.ndarray, shape (..., m, k), optional
        Where to write the result (NumPy arrays only).

    Returns
    -------
    array, shape (..., m, k)
        float32 if all arrays are, else float64. NaN in the row of each x, and in the column of each y, that
        has no time coordinate above 0.

    Raises
    ------
    ValueError
        If the shapes do not fit, or `c` is a number that is not above 0, or NaN or infinite.
    TypeError
        If a dtype is neither float32, float64 nor an integer one, or the arrays come from different
        libraries.

    See Also
    --------
    dist : of rows that belong together.
    hypergeom.threads : on several threads, which share the rows of `x`.

    Notes
    -----
    NumPy and CuPy arrays go through a kernel that works in tiles and makes no array of m k d numbers. On the CPU
    its memory beside the result is below 1 MB for each thread while d <= 4000, and some ten rows of d numbers
    beyond. Arrays of other libraries take the formula of `dist` on rows that broadcast, with temporaries of m k d
    numbers.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> r = np.array([0.0, 1.0, 2.5])
    >>> x = np.stack([np.cosh(r), np.sinh(r)], axis=1)
    >>> lorentz.cdist(x[:2], x).round(12)
    array([[0. , 1. , 2.5],
           [1. , 0. , 1.5]])
    """
    return dist(x[..., :, None, :], y[..., None, :, :], _of_batch(c))


@pair_op("(m,k),(m,n),(k,n),()->(m,n),(k,n),()")
def cdist_vjp(g: Array, x: Array, y: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    r"""Cotangents of the arguments of `cdist`: the sums of those of `dist_vjp` over all pairs.

    .. math:: \bar x_i = \sum_j g_{ij} \frac{\partial d(x_i, y_j)}{\partial x_i}

    in the spatial chart, and those of y and c alike.
    Pairs that coincide add nothing to it. The sums run over differences of coordinates, in an order that
    does not depend on the number of threads.

    Parameters
    ----------
    g : array_like, shape (..., m, k)
        Cotangent of the distances.
    x, y, c
        As in `cdist`, and so are the errors.

    Returns
    -------
    x_bar, y_bar, c_bar : array
        Each of the shape of its argument, summed over the leading axes along which that was broadcast.
        Time entries are 0.
        A point that has no time coordinate above 0 makes NaN its own cotangent, those of all points that it is
        paired with, and `c_bar` of its batch.

    Notes
    -----
    One pass over `g`, with no other array of its size on NumPy and CuPy arrays.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> r = np.array([0.0, 1.0, 2.5])
    >>> x = np.stack([np.cosh(r), np.sinh(r)], axis=1)
    >>> x_bar, y_bar, c_bar = lorentz.cdist_vjp(np.ones((1, 3)), x[:1], x)
    >>> x_bar.round(12)
    array([[ 0., -2.]])
    """
    bars = dist_vjp(g, x[..., :, None, :], y[..., None, :, :], _of_batch(c))
    c_bar = bars[2] if isinstance(c, (int, float)) else bars[2][..., 0, 0]
    return bars[0][..., :, 0, :], bars[1][..., 0, :, :], c_bar


def _of_batch(c: Curvature) -> Curvature:
    """The curvature with axes of length one for the pairs of a batch."""
    return c if isinstance(c, (int, float)) else c[..., None, None]
