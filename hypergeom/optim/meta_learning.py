"""Meta-SGD: the start and the learning rates of gradient steps, learned by exact derivatives through them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import array_api_compat
import numpy as np

from hypergeom import lorentz, poincare
from hypergeom._results import Result
from hypergeom._rows import Array
from hypergeom.manifolds import Euclidean, Lorentz, Manifold, PoincareBall

__all__ = ["MetaGradient", "MetaTrainHistory", "MetaTrainResult", "Task", "meta_sgd", "meta_train"]

Gradient = Callable[[Array], Array]
Product = Callable[[Array, Array], Array]


@dataclass(frozen=True)
class MetaGradient(Result):
    """What `meta_sgd` returns.

    Attributes
    ----------
    theta : array
        The parameters after the inner steps.
    grad_alpha : array
        Derivative of the outer loss there in the learning rates.
    grad_theta : array or None
        Its Euclidean gradient in the parameters before the steps; None where it needs `inner_hvp`.
    """

    theta: Array
    grad_alpha: Array
    grad_theta: Array | None


@dataclass(frozen=True)
class Task:
    """A task of `meta_train`: the functions of `meta_sgd`."""

    inner_gradient: Gradient
    outer_gradient: Gradient
    inner_hvp: Product | None = None


@dataclass(frozen=True)
class MetaTrainHistory:
    """Of each meta-step of `meta_train`.

    Attributes
    ----------
    task : (steps,) array of int64
        Its task.
    grad_norm : (steps,) array of float64
        Norm of the gradients in the parameters (Riemannian) and in the learning rates, together.
    """

    task: np.ndarray[Any, Any]
    grad_norm: np.ndarray[Any, Any]


@dataclass(frozen=True)
class MetaTrainResult(Result):
    """What `meta_train` returns.

    Attributes
    ----------
    theta, alpha : array
        Start and learning rates.
    history : MetaTrainHistory
    """

    theta: Array
    alpha: Array
    history: MetaTrainHistory


def _returned(where: str, what: str, found: Array, like: Array) -> Array:
    xp = array_api_compat.array_namespace(like)
    found = found if array_api_compat.is_array_api_obj(found) else xp.asarray(found)
    if tuple(found.shape) != tuple(like.shape):
        raise ValueError(f"{where}: {what} must return the shape {tuple(like.shape)}, got {tuple(found.shape)}")
    return xp.astype(found, like.dtype, copy=False)


class _Inner(NamedTuple):
    """The inner loss by its gradient and, perhaps, its Hessian."""

    where: str
    gradient: Gradient
    hvp: Product | None

    def at(self, theta: Array) -> Array:
        return _returned(self.where, "inner_gradient", self.gradient(theta), theta)

    def times(self, theta: Array, v: Array) -> Array:
        assert self.hvp is not None
        return _returned(self.where, "inner_hvp", self.hvp(theta, v), theta)


class _Flat(NamedTuple):
    """theta - alpha o g(theta), alpha for each entry."""

    inner: _Inner

    def step(self, theta: Array, alpha: Array) -> tuple[Array, Array]:
        g = self.inner.at(theta)
        return theta - alpha * g, g

    def back(self, theta: Array, alpha: Array, g: Array, v: Array, exact: bool) -> tuple[Array, Array]:
        """Cotangents of alpha and theta, of the step from theta, given that of its result."""
        # The derivative of alpha o g(theta) is alpha o H, whose transpose is v -> H (alpha o v).
        return -g * v, v - self.inner.times(theta, alpha * v) if exact else v


class _Curved(NamedTuple):
    """exp(theta, -alpha grad), alpha one number for each point."""

    inner: _Inner
    manifold: Manifold
    axes: tuple[int, ...]  # those of a point

    def step(self, theta: Array, alpha: Array) -> tuple[Array, Array]:
        g = self.inner.at(theta)
        u = self.manifold.egrad2rgrad(theta, g)
        return self.manifold.exp(theta, -self.spread(alpha) * u), g

    def spread(self, alpha: Array) -> Array:
        return alpha[(..., *(None for _ in self.axes))]

    def last(self, theta: Array, alpha: Array, g: Array, v: Array) -> Array:
        """Cotangent of alpha of a last step: the geodesic has the transported start velocity at its end."""
        u = self.manifold.egrad2rgrad(theta, g)
        end, moved = self.manifold.exp_transport(theta, -self.spread(alpha) * u, u)
        return -self.manifold.inner(end, moved, self.manifold.egrad2rgrad(end, v))

    def back(self, theta: Array, alpha: Array, g: Array, v: Array, exact: bool) -> tuple[Array, Array]:
        xp = array_api_compat.array_namespace(theta)
        space, c = (poincare if isinstance(self.manifold, PoincareBall) else lorentz), self.manifold.c  # type: ignore[attr-defined]
        u = space.egrad2rgrad(theta, g, c)
        rate = self.spread(alpha)
        theta_bar, step_bar, _ = space.exp_vjp(v, theta, -rate * u, c)
        more, g_bar, _ = space.egrad2rgrad_vjp(-rate * step_bar, theta, g, c)
        total = theta_bar + more
        return -xp.sum(step_bar * u, axis=self.axes), total + self.inner.times(theta, g_bar) if exact else total


def _check_rates(where: str, theta: Array, alpha: Any, manifold: Manifold | None) -> Array:
    """Learning rates as an array: for each entry in flat space, else for each point."""
    xp = array_api_compat.array_namespace(theta)
    a = alpha if array_api_compat.is_array_api_obj(alpha) else np.asarray(alpha)
    if not (array_api_compat.is_array_api_obj(alpha) and array_api_compat.array_namespace(alpha) is xp):
        a = xp.asarray(a, device=array_api_compat.device(theta))
    if not xp.isdtype(a.dtype, ("real floating", "integral")):
        raise TypeError(f"{where}: alpha needs real numbers, got {a.dtype}")
    shape = tuple(theta.shape) if manifold is None else tuple(theta.shape)[: -manifold.point_ndim]
    if tuple(a.shape) not in (shape, ()):
        each = "entry" if manifold is None else "point"
        raise ValueError(f"{where}: alpha needs a number, or one for each {each}, {shape}; got {tuple(a.shape)}")
    return xp.astype(a, theta.dtype, copy=False)


def _check_point(where: str, theta: Any, manifold: Manifold | None) -> Array:
    theta = theta if array_api_compat.is_array_api_obj(theta) else np.asarray(theta)
    xp = array_api_compat.array_namespace(theta)
    if not xp.isdtype(theta.dtype, ("real floating", "integral")):
        raise TypeError(f"{where}: theta needs real numbers (float32, float64 or integers), got {theta.dtype}")
    theta = theta if xp.isdtype(theta.dtype, "real floating") else xp.astype(theta, xp.float64)
    if manifold is not None:
        manifold.check(theta)
    return theta


def meta_sgd(
    theta: Array,
    alpha: Array,
    inner_gradient: Gradient,
    outer_gradient: Gradient,
    /,
    *,
    inner_hvp: Product | None = None,
    steps: int = 1,
    manifold: Manifold | None = None,
    first_order: bool = False,
) -> MetaGradient:
    r"""Derivatives of an outer loss after gradient steps of an inner one, in their start and learning rates [1]_.

    In flat space the steps are :math:`\theta_{k+1} = \theta_k - \alpha \circ g(\theta_k)`, and with
    :math:`v_K = \nabla L(\theta_K)`, for k = K-1, ..., 0,

    .. math:: \bar\alpha \leftarrow \bar\alpha - g_k \circ v_{k+1}, \qquad
              v_k = v_{k+1} - H_k (\alpha \circ v_{k+1}), \qquad \bar\theta = v_0.

    On a manifold they are :math:`\theta_{k+1} = \exp_{\theta_k}(-\alpha\, \mathrm{grad}_k)`, with one rate for each
    point. The derivative of the last step in its rate is
    :math:`-\langle T\, \mathrm{grad}, \mathrm{grad} L \rangle`, since a geodesic ends with its transported start
    velocity; those before need the derivative of exp, which the Poincaré ball and the Lorentz model have.

    Parameters
    ----------
    theta : array
        Parameters, or points of the manifold.
    alpha : array or float
        Learning rates, of any sign: one for all, or one for each entry, on a manifold for each point.
    inner_gradient, outer_gradient : callable
        Euclidean gradients, of the shape of theta.
    inner_hvp : callable, optional
        ``inner_hvp(theta, v)``, the derivative of `inner_gradient` along v.
    steps : int
        K.
    manifold : Manifold, optional
        Flat space by default.
    first_order : bool
        Leave out H, as in first-order MAML; in flat space `grad_theta` is then :math:`v_K`.

    Returns
    -------
    MetaGradient
        `grad_theta` is None for one step without `inner_hvp` and `first_order`, and on other manifolds than those two.

    Raises
    ------
    ValueError
        More than one step needs `inner_hvp` or ``first_order=True``, and on a manifold one whose exp has a derivative.

    References
    ----------
    .. [1] Z. Li, F. Zhou, F. Chen, H. Li, "Meta-SGD: learning to learn quickly for few-shot learning",
       arXiv:1707.09835, 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom.optim import meta_sgd
    >>> theta, target = np.array([1.0, 2.0]), np.array([0.0, 1.0])
    >>> meta_sgd(theta, 0.1, lambda t: 2 * t, lambda t: t - target, inner_hvp=lambda t, v: 2 * v)
    MetaGradient(theta=array([0.8, 1.6]), grad_alpha=np.float64(-4.0), grad_theta=array([0.64, 0.48]))
    """
    where = "meta_sgd"
    if isinstance(manifold, Euclidean):
        manifold = None
    if steps < 1:
        raise ValueError(f"{where}: steps must be at least 1, got {steps!r}")
    exact = inner_hvp is not None and not first_order
    if steps > 1 and not (exact or first_order):
        raise ValueError(f"{where}: {steps} steps need inner_hvp, or first_order=True")
    chained = isinstance(manifold, PoincareBall | Lorentz)
    if steps > 1 and manifold is not None and not chained:
        raise ValueError(f"{where}: more than one step needs PoincareBall or Lorentz, got {manifold!r}")
    theta = _check_point(where, theta, manifold)
    xp = array_api_compat.array_namespace(theta)
    rates = _check_rates(where, theta, alpha, manifold)
    inner = _Inner(where, inner_gradient, inner_hvp)
    one = rates.ndim == 0 and theta.ndim > (0 if manifold is None else manifold.point_ndim)
    way: _Flat | _Curved = _Flat(inner)
    if manifold is not None:
        way = _Curved(inner, manifold, tuple(range(-manifold.point_ndim, 0)))
    points, slopes = [theta], []
    for _ in range(steps):
        following, g = way.step(points[-1], rates)
        points.append(following)
        slopes.append(g)
    v = _returned(where, "outer_gradient", outer_gradient(points[-1]), theta)
    with_start = exact or first_order
    if isinstance(way, _Curved) and steps == 1 and not (chained and with_start):
        bar = way.last(theta, rates, slopes[0], v)
        return MetaGradient(points[-1], xp.sum(bar) if one else bar, None)
    total: Any = 0.0
    for k in range(steps - 1, -1, -1):
        bar, v = way.back(points[k], rates, slopes[k], v, exact)
        total = total + bar
    return MetaGradient(points[-1], xp.sum(total) if one else total, v if with_start else None)


def meta_train(
    theta0: Array,
    alpha0: Array,
    tasks: Sequence[Task],
    /,
    *,
    method: Any,
    steps: int = 1,
    manifold: Manifold | None = None,
    epochs: int = 1,
    callback: Callable[[int, Array, Array, float], Any] | None = None,
    rng: int | np.random.Generator | None = None,
) -> MetaTrainResult:
    """Learn the start and the learning rates of `meta_sgd` on many tasks, one after the other in random order.

    Parameters
    ----------
    theta0, alpha0 : array
        Start and learning rates to begin with, as in `meta_sgd`.
    tasks : sequence of Task
        All with `inner_hvp`, or all without: those without count by their first order.
    method : RSGD or RAdam
        Moves both: the start on the manifold, the learning rates in flat space.
    steps, manifold
        As in `meta_sgd`.
    epochs : int
        How often all tasks are gone through.
    callback : callable, optional
        ``callback(step, theta, alpha, grad_norm)`` after each task; a true result ends the training.
    rng : int or numpy.random.Generator, optional
        For the order.

    Returns
    -------
    MetaTrainResult

    Examples
    --------
    Of quadratic losses with Hessian 1 a single step finds the minimum, at the right rate.

    >>> import numpy as np
    >>> from hypergeom.optim import RSGD, Task, meta_train
    >>> rng = np.random.default_rng(0)
    >>> def task(goal):
    ...     return Task(lambda x: x - goal, lambda x: x - goal, lambda x, v: v)
    >>> tasks = [task(np.array([3.0, 4.0]) + 0.1 * rng.normal(size=2)) for _ in range(50)]
    >>> found = meta_train(np.zeros(2), np.full(2, 0.1), tasks, method=RSGD(lr=0.1), epochs=20, rng=0)
    >>> bool(np.abs(found.alpha - 1).max() < 0.01)
    True
    """
    where = "meta_train"
    if epochs < 0:
        raise ValueError(f"{where}: epochs must be at least 0, got {epochs!r}")
    if not tasks:
        raise ValueError(f"{where}: needs at least one task")
    if any((task.inner_hvp is None) != (tasks[0].inner_hvp is None) for task in tasks):
        raise ValueError(f"{where}: all tasks need inner_hvp, or none")
    first_order = tasks[0].inner_hvp is None
    if manifold is not None and not isinstance(manifold, Euclidean | PoincareBall | Lorentz):
        raise ValueError(f"{where}: the start moves on Euclidean, PoincareBall or Lorentz, got {manifold!r}")
    theta = _check_point(where, theta0, manifold)
    xp = array_api_compat.array_namespace(theta)
    alpha = _check_rates(where, theta, alpha0, None if isinstance(manifold, Euclidean) else manifold)
    of_theta, of_alpha = replace(method, manifold=manifold), replace(method, manifold=None)
    theta_state, alpha_state = of_theta.init(theta), of_alpha.init(alpha)
    draws = np.random.default_rng(rng)
    chosen: list[int] = []
    norms: list[float] = []
    for _ in range(epochs):
        for i in draws.permutation(len(tasks)):
            task = tasks[int(i)]
            found = meta_sgd(
                theta,
                alpha,
                task.inner_gradient,
                task.outer_gradient,
                inner_hvp=task.inner_hvp,
                steps=steps,
                manifold=manifold,
                first_order=first_order,
            )
            g: Any = found.grad_theta if manifold is None else manifold.egrad2rgrad(theta, found.grad_theta)
            length = xp.sum(g * g) if manifold is None else xp.sum(manifold.inner(theta, g, g))
            norms.append(float(xp.sqrt(length + xp.sum(found.grad_alpha**2))))
            chosen.append(int(i))
            theta, theta_state = of_theta.step(theta, found.grad_theta, theta_state)
            alpha, alpha_state = of_alpha.step(alpha, found.grad_alpha, alpha_state)
            if callback is not None and callback(len(norms), theta, alpha, norms[-1]):
                break
        else:
            continue
        break
    return MetaTrainResult(theta, alpha, MetaTrainHistory(np.asarray(chosen, dtype=np.int64), np.asarray(norms)))
