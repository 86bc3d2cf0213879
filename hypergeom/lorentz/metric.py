"""Lengths on the hyperboloid: distances, and what puts points on it."""

from __future__ import annotations

from array_api_compat import array_namespace

from hypergeom._hyperboloid import chord, chord_square_vjp, cotangent, join, split, time_of
from hypergeom._rows import Array, Curvature, row_op
from hypergeom._smooth import asinh_ratio, asinh_ratio_slope, safe_sqrt

__all__ = ["dist", "dist_vjp", "project"]


@row_op("(n),(n),()->()")
def dist(x: Array, y: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""Geodesic distance of two points.

    .. math:: d(x, y) = \frac{2}{\sqrt c} \operatorname{asinh} \frac{\sqrt{c \langle x - y, x - y \rangle}}{2}

    where the square of the chord is a sum of squares, in place of the difference :math:`-2/c - 2 \langle x, y
    \rangle` that loses all digits of close points: it stays accurate for points that are close, far away, or
    at very different radii. Exactly symmetric, and exactly 0 for equal points.

    Parameters
    ----------
    x, y : array_like, shape (..., d + 1)
        Points of the hyperboloid, time coordinate first.
    c : float or array_like, shape (...)
        Curvature -c; one number, or one for each row. Above 0.
    out : numpy.ndarray, shape (...), optional
        Where to write the result (NumPy arrays only).

    Returns
    -------
    array, shape (...)
        float32 if all arrays are, else float64. NaN where a time coordinate is not above 0.

    Raises
    ------
    ValueError
        If the shapes do not fit, or `c` is a number that is not above 0, or NaN or infinite.
    TypeError
        If a dtype is neither float32, float64 nor an integer one, or the arrays come from different
        libraries.

    References
    ----------
    .. [1] J. G. Ratcliffe, *Foundations of Hyperbolic Manifolds*, 2nd ed., Springer 2006, section 3.2.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> apex, y = np.array([1.0, 0.0]), np.array([np.cosh(2.5), np.sinh(2.5)])
    >>> lorentz.dist(apex, y).round(12)
    np.float64(2.5)
    """
    p = chord(x, y, c)
    return safe_sqrt(p.Q) * asinh_ratio(p.q)


@row_op("(),(n),(n),()->(n),(n),()")
def dist_vjp(g: Array, x: Array, y: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `dist`; both are 0 at x = y, where `dist` has a kink.

    Parameters
    ----------
    g : array_like, shape (...)
        Cotangent of the distance.
    x, y, c
        As in `dist`.

    Returns
    -------
    x_bar, y_bar, c_bar : array
        Each of the shape of its argument, summed over the axes along which that was broadcast; time entries
        are 0.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> apex, y = np.array([1.0, 0.0]), np.array([np.cosh(2.5), np.sinh(2.5)])
    >>> lorentz.dist_vjp(1.0, apex, y)[0].round(12)
    array([ 0., -1.])
    """
    xp = array_namespace(x)
    p = chord(x, y, c)
    length = safe_sqrt(p.Q)
    apart = length > 0
    of_Q = xp.where(apart, g / (2 * xp.where(apart, length, xp.ones_like(length)) * xp.sqrt(1 + p.q)), 0 * p.Q)
    x_bar, y_bar, c_bar = chord_square_vjp(p, of_Q, c)
    curved = xp.where(
        p.q > 1,
        (length / xp.sqrt(1 + p.q) - length * asinh_ratio(p.q)) / (2 * c),
        length * (p.Q * asinh_ratio_slope(p.q)) / 4,
    )
    return cotangent(x_bar), cotangent(y_bar), c_bar + g * curved


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
    xp = array_namespace(x)
    stored, space = split(x)
    time = time_of(space, c)
    valid = xp.abs(stored) + time < xp.inf
    return xp.where(valid, join(time, space), xp.full_like(x, xp.nan))
