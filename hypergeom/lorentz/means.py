"""Means on the hyperboloid: the weighted centroid in closed form, and the Fréchet mean."""

from __future__ import annotations

from typing import NamedTuple

from array_api_compat import array_namespace

from hypergeom import _means
from hypergeom._gpus import on_one_gpu
from hypergeom._hyperboloid import cotangent, join, point, split
from hypergeom._means import FrechetMean
from hypergeom._rows import Array, Curvature, row_op
from hypergeom._smooth import dot
from hypergeom._twofold import Twofold, minus, normal, plus, product, quotient, root, times, total
from hypergeom.lorentz.maps import exp, log, log_vjp
from hypergeom.lorentz.metric import dist

__all__ = ["FrechetMean", "centroid", "centroid_vjp", "frechet_mean", "frechet_mean_vjp", "midpoint", "midpoint_vjp"]


class _Centre(NamedTuple):
    """Of a group: its mean and N, with a kept axis of points; the time coordinates of the points."""

    time: Twofold
    space: Twofold
    N: Array
    times: Twofold


def _centre(x: Array, w: Array, c: Array) -> _Centre:
    xp, w, c = array_namespace(x), w[..., None], c[..., None]
    x0, x = point(x, c)
    inverse_c = quotient(xp.ones_like(c), Twofold(c, 0 * c))
    long = root(normal(plus(inverse_c, total(product(x, x), -1))))
    x0 = Twofold(xp.where(x0 > 0, long.hi, x0), long.lo)
    space, time = (normal(total(a, -2)) for a in (product(w, x), times(x0, w)))
    shrink = 1 / xp.where(time.hi > 0, time.hi, xp.full_like(time.hi, xp.nan))  # keeps squares in range
    space, time = times(space, shrink), times(time, shrink)
    nn = normal(minus(times(time, time), total(times(space, space), -1)))
    # Beyond R = 33, where the sums of a tight cluster cancel to nothing, no mean rather than a wrong one.
    N = root(times(Twofold(xp.where(nn.hi > 2.0**-96, nn.hi, xp.full_like(nn.hi, xp.nan)), nn.lo), c))
    inverse = quotient(xp.ones_like(N.hi), N)
    return _Centre(normal(times(time, inverse)), normal(times(space, inverse)), N.hi / shrink, x0)


@on_one_gpu
def midpoint(x: Array, w: Array | None = None, /, c: Curvature = 1.0, *, axis: int = -2) -> Array:
    r"""Weighted midpoint of points, in closed form: the centroid.

    .. math:: m = \frac{S}{\sqrt{-c \langle S, S \rangle}}, \qquad S = \sum_i w_i x_i

    [1]_, the minimum of :math:`\sum_i w_i \langle m - x_i, m - x_i \rangle`; the gyromidpoint of the ball is
    the same point. Of two points with equal weights it is the middle of the geodesic. Of more it is, in
    general, not the Fréchet mean. Far from the apex the square of S cancels by e^{2R}: time coordinates and
    sums are taken with twice the digits. `centroid` is another name of this function.

    Parameters
    ----------
    x : array_like, shape (..., m, d + 1)
        Points of the hyperboloid, time coordinate first; m of them along `axis`.
    w : array_like, shape (..., m), optional
        Weights, which broadcast with ``x.shape[:-1]``. All 1 by default. They may be negative as long as S is
        timelike with ``S_0 > 0``.
    c : float or array_like, shape (...)
        Curvature -c; one number, or one for each mean. Above 0.
    axis : int
        The axis of `x` to average over; any but the last.

    Returns
    -------
    array, shape (..., d + 1)
        float32 if all arrays are, else float64. NaN if the time coordinate of a point is not above 0, if
        there is no point, or if the weights have no mean. NaN, too, where a cluster lies so far out for its
        size, from a distance of 33 on, that its sums cancel by all their digits.

    Raises
    ------
    ValueError
        If the shapes or `axis` do not fit, or `c` is a number that is not above 0, or NaN or infinite.
    TypeError
        If a dtype is neither float32, float64 nor an integer one, or the arrays come from different
        libraries.

    References
    ----------
    .. [1] M. Law, R. Liao, J. Snell, R. Zemel, "Lorentzian distance learning for hyperbolic
       representations", ICML 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> lorentz.midpoint([[1.25, 0.75], [1.25, -0.75]])
    array([1., 0.])
    """
    groups = _means.arrange("lorentz.midpoint", x, w, axis)
    return _midpoint(groups.x, groups.w, c)


@row_op("(m,n),(m),()->(n)")
def _midpoint(x: Array, w: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    m = _centre(x, w, c)
    return join(m.time.hi, m.space.hi)[..., 0, :]


@on_one_gpu
def midpoint_vjp(
    g: Array, x: Array, w: Array | None = None, /, c: Curvature = 1.0, *, axis: int = -2
) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `midpoint`, as `dist_vjp`.

    Parameters
    ----------
    g : array_like, shape (..., d + 1)
        Cotangent of the mean.
    x, w, c, axis
        As in `midpoint`.

    Returns
    -------
    x_bar, w_bar, c_bar : array
        Each of the shape of its argument. Without weights, `w_bar` is that of weights 1, one for each point.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> x_bar, w_bar, c_bar = lorentz.midpoint_vjp([0.0, 1.0], [[1.25, 0.75], [1.25, -0.75]])
    >>> w_bar
    array([ 0.3, -0.3])
    """
    groups = _means.arrange("lorentz.midpoint_vjp", x, w, axis)
    return groups.restore(*_midpoint_vjp(g, groups.x, groups.w, c))


@row_op("(n),(m,n),(m),()->(m,n),(m),()")
def _midpoint_vjp(g: Array, x: Array, w: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    m, w, c, g = _centre(x, w, c), w[..., None], c[..., None], g[..., None, :]
    (g0, g), (_, x) = split(g), split(x)
    fold = g0 / m.time.hi  # the time entry of the output is a function of its spatial part
    g = g + fold * m.space.hi
    slope, e, x0 = dot(g, m.space.hi), (x - m.space.hi) - m.space.lo, m.times
    # cosh of the distance less 1, and k = x_0 m - m_0 x: both cancel
    cosh = times(minus(times(m.time, x0), total(times(m.space, x), -1)), c)
    versed = (cosh.hi - 1) + cosh.lo
    cross = minus(times(m.space, x0), times(m.time, x))
    k = cross.hi + cross.lo
    x_bar = w / m.N * (g + c * slope / x0.hi * k)
    spread = array_namespace(x).sum(w * dot(k, k / x0.hi), axis=-2, keepdims=True)
    c_bar = -fold / (2 * c * c) - slope / (2 * m.N * m.time.hi) * spread
    return cotangent(x_bar), ((dot(g, e) - slope * versed) / m.N)[..., 0], c_bar[..., 0, :]


centroid, centroid_vjp = midpoint, midpoint_vjp


def _frame(point: Array, c: Array) -> _means.Frame:
    time, space = split(point)
    h = array_namespace(point).sqrt(c) * time
    velocity, half = space / time, c * space / (1 + h)  # neither overflows
    return _means.Frame(
        lambda v: v - dot(v, velocity) / array_namespace(point).sqrt(c) * half,
        lambda v: v + dot(v, half) * space,
        time * array_namespace(point).linalg.vector_norm(velocity, axis=-1, keepdims=True),
        h,
    )


_SPACE = _means.Space("lorentz", 1, midpoint, dist, exp, log, log_vjp, _frame)


@on_one_gpu
def frechet_mean(
    x: Array,
    w: Array | None = None,
    /,
    c: Curvature = 1.0,
    *,
    axis: int = -2,
    tol: float | None = None,
    max_iter: int = 100,
) -> FrechetMean:
    r"""Fréchet (Karcher) mean: the point m with the smallest :math:`\sum_i w_i d(m, x_i)^2`.

    As `hypergeom.poincare.frechet_mean`, with the same steps.

    Parameters
    ----------
    x : array_like, shape (..., m, d + 1)
        Points of the hyperboloid, time coordinate first; m of them along `axis`.
    w : array_like, shape (..., m), optional
        Weights at least 0, which broadcast with ``x.shape[:-1]``. All 1 by default.
    c, axis
        As in `midpoint`.
    tol : float, optional
        Where to stop: the length of ``sum w log / sum w``. By default 16 units of rounding of float64
        (float32 where the library has no other) times the largest distance from the mean m and the
        hyperbolic cosine of that of m from the apex, by which rounding errors of coordinates count; or four
        of them times the spatial part of m, since rounding m moves it by about one.
    max_iter : int
        Largest number of steps.

    Returns
    -------
    FrechetMean
        ``(point, variance, grad_norm, iterations, converged)``; float32 input is computed in float64. A mean
        so far out that rounding moves it by its distance from anything never counts as converged.

    Raises
    ------
    ValueError
        As `midpoint`; a weight is negative; `tol` or `max_iter` is negative.
    TypeError
        As `midpoint`.

    Notes
    -----
    Whether to go on is a question of the host: on a GPU each iteration copies one truth value to it, and two more
    are copied before the first.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz, poincare
    >>> x = np.array([[0.0, 0.0], [0.8, 0.0], [0.0, 0.5]])
    >>> mean = lorentz.frechet_mean(poincare.to_lorentz(x))
    >>> lorentz.to_poincare(mean.point).round(6), bool(mean.converged)
    (array([0.311009, 0.111864]), True)
    """
    return _means.frechet_mean(_SPACE, x, w, c, axis, tol, max_iter)


@on_one_gpu
def frechet_mean_vjp(
    g: Array,
    x: Array,
    w: Array | None = None,
    /,
    c: Curvature = 1.0,
    *,
    axis: int = -2,
    tol: float | None = None,
    max_iter: int = 100,
    mean: FrechetMean | None = None,
) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `frechet_mean`, for a cotangent of its point.

    By the implicit function theorem at the solution; no step is differentiated.

    Parameters
    ----------
    g : array_like, shape (..., d + 1)
        Cotangent of `FrechetMean.point`.
    x, w, c, axis, tol, max_iter
        As in `frechet_mean`.
    mean : FrechetMean, optional
        What `frechet_mean` returned for the same arguments; else it is called.

    Returns
    -------
    x_bar, w_bar, c_bar : array
        As those of `midpoint_vjp`.

    Raises
    ------
    hypergeom.errors.ConvergenceError
        If a mean has not converged.
    ValueError, TypeError
        As `frechet_mean`.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> x_bar, w_bar, c_bar = lorentz.frechet_mean_vjp([0.0, 1.0], [[1.25, 0.75], [1.25, -0.75]])
    >>> w_bar.round(12)
    array([ 0.34657359, -0.34657359])
    """
    return _means.frechet_mean_vjp(_SPACE, g, x, w, c, axis, tol, max_iter, mean)
