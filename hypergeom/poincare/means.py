"""Means in the ball: the weighted midpoint in closed form, and the Fréchet mean."""

from __future__ import annotations

from typing import NamedTuple

from array_api_compat import array_namespace

from hypergeom import _means
from hypergeom._gpus import on_one_gpu
from hypergeom._means import FrechetMean
from hypergeom._rows import Array, Curvature, row_op
from hypergeom._smooth import dot
from hypergeom._twofold import Twofold, minus, normal, plus, product, quotient, root, times, total
from hypergeom.poincare.maps import exp, log, log_vjp
from hypergeom.poincare.metric import dist, egrad2rgrad

__all__ = ["FrechetMean", "frechet_mean", "frechet_mean_vjp", "midpoint", "midpoint_vjp"]


class _Centre(NamedTuple):
    """Of a group: its mean and n, both with a kept axis of points; the gap of the mean."""

    mean: Twofold
    n: Array
    gap: Array


def _centre(x: Array, w: Array, c: Array) -> _Centre:
    xp, w, c = array_namespace(x), w[..., None], c[..., None]
    one = xp.ones_like(x[..., :1])
    g = normal(minus(Twofold(one, 0 * one), times(total(product(x, x), -1), c)))
    g = Twofold(xp.where(g.hi > 0, g.hi, xp.full_like(g.hi, xp.nan)), g.lo)
    scale = times(quotient(2 * one, g), w)
    space, time = (normal(total(a, -2)) for a in (times(scale, x), plus(scale, Twofold(-w, 0 * w))))
    shrink = 1 / xp.where(time.hi > 0, time.hi, xp.full_like(time.hi, xp.nan))  # keeps squares in range
    space, time = times(space, shrink), times(time, shrink)
    nn = normal(minus(times(time, time), times(total(times(space, space), -1), c)))
    n = root(Twofold(xp.where(nn.hi > 0, nn.hi, xp.full_like(nn.hi, xp.nan)), nn.lo))
    inverse = quotient(xp.ones_like(n.hi), normal(plus(time, n)))
    mean = normal(times(space, inverse))
    return _Centre(mean, n.hi / shrink, _gap(mean, c))


def _gap(a: Twofold, c: Array) -> Array:
    one = array_namespace(a.hi).ones_like(a.hi[..., :1])
    return normal(minus(Twofold(one, 0 * one), times(total(times(a, a), -1), c))).hi


def _refined(m: _Centre, x: Array, w: Array, gap: Array, c: Array) -> _Centre:
    """After one Newton step: near the rim a mean is not as exact as the differences of near points are."""
    xp = array_namespace(x)
    e = (x - m.mean.hi) - m.mean.lo
    ee = dot(e, e)
    n = xp.sum(w * (1 + 2 * c * ee / (gap * m.gap)), axis=-2, keepdims=True)
    step = xp.sum(w / gap * (m.gap * e - c * ee * m.mean.hi), axis=-2, keepdims=True) / n
    rough = m.gap < 2.0**-20
    mean = normal(plus(m.mean, Twofold(xp.where(rough, step, 0 * step), 0 * step)))
    return _Centre(mean, xp.where(rough, n, m.n), xp.where(rough, _gap(mean, c), m.gap))


@on_one_gpu
def midpoint(x: Array, w: Array | None = None, /, c: Curvature = 1.0, *, axis: int = -2) -> Array:
    r"""Weighted midpoint of points, in closed form: the gyromidpoint, or centroid of the hyperboloid.

    .. math:: m = \frac{S}{S_0 + \sqrt{S_0^2 - c |S|^2}}, \qquad
        S = \sum_i w_i \frac{2 x_i}{g_i}, \quad S_0 = \sum_i w_i \Bigl(\frac{2}{g_i} - 1\Bigr)

    with :math:`g_i = 1 - c |x_i|^2` [1]_. Of two points with equal weights it is the middle of the geodesic.
    Of more it is, in general, not the Fréchet mean. The sums cancel by the square of the gap to the rim:
    they are taken with twice the digits, so that the midpoint of a tight cluster near the rim is as accurate
    as a stored point can be.

    Parameters
    ----------
    x : array_like, shape (..., m, d)
        Points of the ball, m of them along `axis`.
    w : array_like, shape (..., m), optional
        Weights, which broadcast with ``x.shape[:-1]``. All 1 by default. They may be negative as long as the
        sum of ``w_i (S_0, S)_i`` is timelike and S_0 above 0.
    c : float or array_like, shape (...)
        Curvature -c; one number, or one for each mean. At least 0.
    axis : int
        The axis of `x` to average over; any but the last.

    Returns
    -------
    array, shape (..., d)
        float32 if all arrays are, else float64. NaN if a point is outside the ball, if there is no point, or
        if the weights have no mean.

    Raises
    ------
    ValueError
        If the shapes or `axis` do not fit, or `c` is a number that is negative, NaN or infinite.
    TypeError
        If a dtype is neither float32, float64 nor an integer one, or the arrays come from different
        libraries.

    References
    ----------
    .. [1] A. A. Ungar, *Analytic Hyperbolic Geometry and Albert Einstein's Special Theory of Relativity*,
       World Scientific 2008, chapter 6.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> poincare.midpoint([[0.0, 0.0], [0.8, 0.0]])
    array([0.5, 0. ])
    """
    groups = _means.arrange("poincare.midpoint", x, w, axis)
    return _midpoint(groups.x, groups.w, c)


@row_op("(m,d),(m),()->(d)")
def _midpoint(x: Array, w: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    return _centre(x, w, c).mean.hi[..., 0, :]


@on_one_gpu
def midpoint_vjp(
    g: Array, x: Array, w: Array | None = None, /, c: Curvature = 1.0, *, axis: int = -2
) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `midpoint`, as `dist_vjp`.

    Parameters
    ----------
    g : array_like, shape (..., d)
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
    >>> from hypergeom import poincare
    >>> x_bar, w_bar, c_bar = poincare.midpoint_vjp([1.0, 0.0], [[-0.5, 0.0], [0.5, 0.0]])
    >>> w_bar
    array([-0.2,  0.2])
    """
    groups = _means.arrange("poincare.midpoint_vjp", x, w, axis)
    return groups.restore(*_midpoint_vjp(g, groups.x, groups.w, c))


@row_op("(d),(m,d),(m),()->(m,d),(m),()")
def _midpoint_vjp(g: Array, x: Array, w: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    # The chain rule, rid of a factor 1 / gap by which its terms cancel.
    m, w, c, g = _centre(x, w, c), w[..., None], c[..., None], g[..., None, :]
    xp = array_namespace(x)
    gap = _gap(Twofold(x, 0 * x), c)
    m = _refined(m, x, w, gap, c)
    e = (x - m.mean.hi) - m.mean.lo
    slope, eg, ee = dot(g, m.mean.hi), dot(g, e), dot(e, e)
    kappa = (m.gap * eg - c * slope * ee) / (m.n * gap)
    x_bar = w * ((m.gap * g - 2 * c * slope * e) / (m.n * gap) + 2 * c * kappa / gap * x)
    c_bar = w * (kappa * dot(e, x + m.mean.hi) - slope * ee / m.n) / (gap * m.gap)
    return x_bar, kappa[..., 0], xp.sum(c_bar, axis=-2)


def _frame(point: Array, c: Array) -> _means.Frame:
    xp = array_namespace(point)
    ones = xp.ones_like(point)
    half_gap = xp.sqrt(egrad2rgrad(point, ones, c[..., 0] if c.ndim else c)[..., :1])
    length = xp.linalg.vector_norm(point, axis=-1, keepdims=True) / half_gap
    return _means.Frame(lambda v: v / half_gap, lambda v: v * half_gap, length, 1.0)


_SPACE = _means.Space("poincare", 0, midpoint, dist, exp, log, log_vjp, _frame)


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

    It is the one point where :math:`\sum_i w_i \log_m(x_i) = 0` [1]_. From the midpoint on, each group takes
    Newton steps with the exact Hessian; where such a step neither lowers the objective nor halves the
    gradient, it takes in its place one that never fails, to the midpoint with weights :math:`w_i \theta_i /
    \sinh \theta_i`, :math:`\theta_i = \sqrt c\, d(m, x_i)`: that minimizes a bound from above which touches
    the objective at m. A step costs about two evaluations of `log` for each point and the solution of a
    system of ``min(m, d)`` equations; two to five of them are usual.

    Parameters
    ----------
    x : array_like, shape (..., m, d)
        Points of the ball, m of them along `axis`.
    w : array_like, shape (..., m), optional
        Weights at least 0, which broadcast with ``x.shape[:-1]``. All 1 by default.
    c, axis
        As in `midpoint`.
    tol : float, optional
        Where to stop: the length of ``sum w log / sum w``. By default 16 units of rounding of float64
        (float32 where the library has no other) times the largest distance from the mean m; or four of them
        times ``2 |m| / (1 - c |m|^2)``, since rounding m to its coordinates moves it by about one.
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

    References
    ----------
    .. [1] H. Karcher, "Riemannian center of mass and mollifier smoothing", *Communications on Pure and
       Applied Mathematics* 30 (1977).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> x = np.array([[0.0, 0.0], [0.8, 0.0], [0.0, 0.5]])
    >>> mean = poincare.frechet_mean(x)
    >>> mean.point.round(6), bool(mean.converged)
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
    g : array_like, shape (..., d)
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
    >>> from hypergeom import poincare
    >>> x_bar, w_bar, c_bar = poincare.frechet_mean_vjp([1.0, 0.0], [[-0.5, 0.0], [0.5, 0.0]])
    >>> w_bar.round(12)
    array([-0.27465307,  0.27465307])
    """
    return _means.frechet_mean_vjp(_SPACE, g, x, w, c, axis, tol, max_iter, mean)
