"""What the means of both models share: groups of points along any axis, and the Fréchet mean."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import array_api_compat
import numpy as np

from hypergeom._arguments import checked
from hypergeom._results import Result
from hypergeom._rows import Array, Curvature, sum_to
from hypergeom.errors import ConvergenceError

__all__ = ["Frame", "FrechetMean", "Groups", "Space", "arrange", "frechet_mean", "frechet_mean_vjp"]


# --- groups of points -------------------------------------------------------------------------------------


class Groups(NamedTuple):
    """Points (..., m, d) and weights (..., m), and what takes their cotangents back to the arguments."""

    x: Array
    w: Array
    axis: int  # of the points, in the argument, from its end
    weights: Array  # as given, or None

    def restore(self, x_bar: Array, w_bar: Array, c_bar: Array) -> tuple[Array, Array, Array]:
        xp = array_api_compat.array_namespace(x_bar)
        if self.axis != -2:
            x_bar, w_bar = xp.moveaxis(x_bar, -2, self.axis), xp.moveaxis(w_bar, -1, self.axis + 1)
        if self.weights is not None and w_bar.shape != self.weights.shape:
            w_bar = sum_to(xp, w_bar, self.weights)
        return x_bar, w_bar, c_bar


def _as_array(a: Any) -> Array:
    return a if array_api_compat.is_array_api_obj(a) else np.asarray(a)


def arrange(name: str, x: Any, w: Any, axis: int) -> Groups:
    """The points with `axis` as the last but one, and as many weights. What does not fit is an error."""
    x = _as_array(x)
    xp = array_api_compat.array_namespace(x)
    try:
        given = operator.index(axis)
    except TypeError:
        raise TypeError(f"{name}: axis needs to be an integer, got {axis!r}") from None
    k = given - x.ndim if given >= 0 else given
    if not -x.ndim <= k <= -2:
        raise ValueError(
            f"{name}: axis needs to be an axis of x, of shape {tuple(x.shape)}, other than its last, which is that of "
            f"the vectors; got {axis}"
        )
    count = x.shape[k]
    moved = x if k == -2 else xp.moveaxis(x, k, -2)
    if w is None:
        dtype = x.dtype if x.dtype == xp.float32 else getattr(xp, "float64", xp.float32)
        ones = xp.ones((), dtype=dtype, device=array_api_compat.device(x))
        return Groups(moved, xp.broadcast_to(ones, moved.shape[:-1]), k, None)
    w = np.asarray(w) if array_api_compat.is_numpy_namespace(xp) and not array_api_compat.is_array_api_obj(w) else w
    if not array_api_compat.is_array_api_obj(w) or array_api_compat.array_namespace(w) is not xp:
        return Groups(moved, w, k, w)  # an error that the row function explains
    j, shape = k + 1, tuple(w.shape)
    padded = (1,) * (-j - w.ndim) + shape
    if w.ndim == 0 or padded[j] not in (1, count):
        raise ValueError(
            f"{name}: w needs a shape that broadcasts with {tuple(x.shape[:-1])}, and at least one axis, got {shape}"
        )
    wide = xp.reshape(w, padded)
    if padded[j] != count:
        wide = xp.broadcast_to(wide, (*padded[:j], count, *padded[len(padded) + j + 1 :]))
    return Groups(moved, wide if k == -2 else xp.moveaxis(wide, j, -1), k, w)


# --- the Fréchet mean -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FrechetMean(Result):
    """Result of `frechet_mean`: an array of one entry for each group in every field.

    Attributes
    ----------
    point : array, shape (..., d)
        The means (Lorentz: d + 1 entries). NaN where `midpoint` is.
    variance : array, shape (...)
        ``sum w d^2 / sum w`` there.
    grad_norm : array, shape (...)
        Length of ``sum w log / sum w`` there.
    iterations : array of int, shape (...)
        Steps taken.
    converged : array of bool, shape (...)
        Whether `grad_norm` is within the tolerance.
    """

    point: Array
    variance: Array
    grad_norm: Array
    iterations: Array
    converged: Array


class Frame(NamedTuple):
    """An orthonormal frame at points: tangent vectors of the chart to it and back, both symmetric maps."""

    to: Callable[[Array], Array]
    back: Callable[[Array], Array]
    length: Array  # of the spatial part on the hyperboloid: how far a rounding error of the point moves it
    loss: Array | float  # by how much more a rounding error of a logarithm counts


class Space(NamedTuple):
    """The functions of a model that the Fréchet mean is made of."""

    name: str
    first: int  # the first entry of the spatial part
    midpoint: Callable[..., Array]
    dist: Callable[..., Array]
    exp: Callable[..., Array]
    log: Callable[..., Array]
    log_vjp: Callable[..., tuple[Array, Array, Array]]
    frame: Callable[[Array, Array], Frame]

    def tangent(self, xp: Any, v: Array) -> Array:
        """Of a spatial part; its time entry is not read, and that of a cotangent is 0."""
        return xp.concat([xp.zeros_like(v[..., :1]), v], axis=-1) if self.first else v


class _Problem(NamedTuple):
    """Groups of points in the widest dtype, weights divided by their sum."""

    space: Space
    xp: Any
    x: Array
    w: Array
    total: Array  # of the weights, with a kept axis
    c: Curvature  # for a function of groups, and of points
    c_of_points: Curvature
    column: Array  # beside points, an array in any case

    def evaluate(self, mean: Array) -> _State:
        xp, there = self.xp, mean[..., None, :]
        frame = self.space.frame(there, self.column)
        v = self.space.log(there, self.x, self.c_of_points)[..., self.space.first :]
        distance = self.space.dist(there, self.x, self.c_of_points)[..., None]
        w = self.w[..., None]
        gradient = frame.to(xp.sum(w * v, axis=-2, keepdims=True))
        length = xp.linalg.vector_norm(gradient, axis=-1)[..., 0]
        largest = (frame.loss * xp.max(distance, axis=-2, keepdims=True))[..., 0, 0]
        scale, root = xp.maximum(largest, frame.length[..., 0, 0] / 4), xp.sqrt(self.column)
        variance = xp.sum(w * distance * distance, axis=-2)[..., 0]
        return _State(frame, v, root * distance, gradient, length, variance, scale, (root * frame.length)[..., 0, 0])

    @property
    def column_of_means(self) -> Array:
        return self.column[..., 0] if self.column.ndim else self.column

    def origin(self, like: Array) -> Array:
        """The point that both models have in their middle, once for each of other points."""
        space = self.xp.zeros_like(like[..., self.space.first :])
        if not self.space.first:
            return space
        time = self.xp.zeros_like(like[..., :1]) + 1 / self.xp.sqrt(self.column_of_means)
        return self.xp.concat([time, space], axis=-1)


class _State(NamedTuple):
    """Points tried as means, one for each group; beside them, with an axis of points, what they give."""

    frame: Frame
    v: Array  # logarithms
    theta: Array  # sqrt(c) times distances
    gradient: Array  # the mean of the logarithms, in the frame
    grad_norm: Array
    variance: Array
    scale: Array  # of the rounding errors of the gradient
    size: Array  # sqrt(c) times the spatial part on the hyperboloid


def _problem(space: Space, name: str, groups: Groups, c: Curvature) -> tuple[_Problem, Array]:
    """The problem and the midpoints, these in the dtype of the result."""
    try:
        start = space.midpoint(groups.x, groups.w, c)
    except (ValueError, TypeError) as error:
        raise type(error)(str(error).replace(f"{space.name}.midpoint:", f"{space.name}.{name}:")) from None
    xp = array_api_compat.array_namespace(start)
    wide = xp.float64 if "float64" in xp.__array_namespace_info__().dtypes(kind="real floating") else xp.float32
    x, w = (xp.astype(a, wide, copy=False) for a in (groups.x, groups.w))
    if bool(xp.any(w < 0)):
        raise ValueError(f"{space.name}.{name}: w needs to be at least 0, got {float(xp.min(w)):.6g}")
    total = xp.sum(w, axis=-1, keepdims=True)
    total = xp.where(total > 0, total, xp.full_like(total, math.nan))
    if isinstance(c, (int, float, np.number)):
        c = c_of_points = float(c)
        column = xp.full((), c, dtype=wide, device=_device(x))
    else:
        c = xp.astype(_as_array(c), wide, copy=False)
        c_of_points, column = (c[..., None], c[..., None, None]) if c.ndim else (c, c)
    return _Problem(space, xp, x, w / total, total, c, c_of_points, column), start


def _device(a: Array) -> Any:
    return array_api_compat.device(a)


def _majorizer_step(p: _Problem, s: _State) -> Array:
    """The minimum of a bound of the objective that touches it: the midpoint with weights w theta / sinh theta."""
    xp, theta = p.xp, s.theta[..., 0]
    nearest = xp.min(theta, axis=-1, keepdims=True)  # scales the weights: e^-theta may underflow
    near = theta < 1e-4
    safe = xp.where(near, xp.ones_like(theta), theta)
    far = -2 * safe * xp.exp(nearest - safe) / xp.expm1(-2 * safe)
    return p.space.midpoint(p.x, p.w * xp.where(near, xp.exp(nearest) * (1 - theta * theta / 6), far), p.c)


def _newton_step(p: _Problem, s: _State, mean: Array) -> Array:
    v = s.frame.back(_hessian_solve(p, s, s.gradient))[..., 0, :]
    return p.space.exp(mean, p.space.tangent(p.xp, v), p.c)


def _hessian_solve(p: _Problem, s: _State, right: Array) -> Array:
    """H^-1 right in the frame, H = sum w (kappa I + (1 - kappa) u u^T), kappa = theta coth theta.

    H = a I - V^T U, with the directions u as rows of U and w (kappa - 1) u as those of V, has d rows. The smaller
    of it and a I - U V^T, which has one for each point, is solved, in O(m d min(m, d)) operations.
    """
    xp, theta = p.xp, s.theta
    v = s.frame.to(s.v)
    length = xp.linalg.vector_norm(v, axis=-1, keepdims=True)
    u = v / xp.where(length > 0, length, xp.ones_like(length))
    near = theta < 1e-4
    safe = xp.where(near, xp.ones_like(theta), theta)
    excess = xp.where(near, theta * theta / 3, safe * (1 + xp.exp(-2 * safe)) / -xp.expm1(-2 * safe) - 1)
    weight = p.w[..., None] * excess
    valid = xp.isfinite(s.grad_norm)[..., None, None]
    a = 1 + xp.where(valid, xp.sum(weight, axis=-2, keepdims=True), xp.zeros_like(valid, dtype=theta.dtype))
    U = xp.where(valid, u, xp.zeros_like(u))
    VT, column = xp.matrix_transpose(xp.where(valid, weight, xp.zeros_like(weight)) * U), xp.matrix_transpose(right)
    m, d = U.shape[-2:]
    unit = a * xp.eye(min(m, d), dtype=U.dtype, device=_device(U))
    if d <= m:
        solution = xp.linalg.solve(unit - VT @ U, column)
    else:
        solution = (column + VT @ xp.linalg.solve(unit - U @ VT, U @ column)) / a
    return xp.matrix_transpose(solution)


def frechet_mean(
    space: Space, x: Any, w: Any, c: Curvature, axis: int, tol: float | None, max_iter: int
) -> FrechetMean:
    """`frechet_mean` of a model."""
    name = f"{space.name}.frechet_mean"
    if tol is not None and not tol >= 0:
        raise ValueError(f"{name}: tol needs to be at least 0, got {tol!r}")
    if isinstance(max_iter, bool) or not isinstance(max_iter, (int, np.integer)) or max_iter < 0:
        raise ValueError(f"{name}: max_iter needs to be an integer that is not negative, got {max_iter!r}")
    p, start = _problem(space, "frechet_mean", arrange(name, x, w, axis), c)
    xp = p.xp
    point = start if start.dtype == p.x.dtype else space.midpoint(p.x, p.w, p.c)
    if p.x.shape[-2] == 0:
        nothing = start[..., 0]
        iterations, converged = _counts(xp, nothing)
        return FrechetMean(start, nothing, nothing, iterations, converged)
    point, state = _start(p, point)
    iterations, newton = _counts(xp, state.grad_norm)
    fallback, before, eps = point, state, xp.finfo(p.x.dtype).eps
    for step in range(max_iter + 1):
        converged = state.grad_norm <= (16 * eps * state.scale if tol is None else tol)
        converged = converged & (16 * eps * state.size < 1)  # else rounding the point moves it as far as anything
        done = converged | (xp.isnan(state.grad_norm) & ~newton)
        if step == max_iter or bool(xp.all(done)):
            break
        failed = newton & ~((2 * state.grad_norm <= before.grad_norm) | (state.variance < before.variance))
        further = xp.where(failed[..., None], fallback, _newton_step(p, state, point))
        fallback, before, newton = _majorizer_step(p, state), state, ~failed
        point = xp.where(done[..., None], point, further)
        iterations = iterations + xp.astype(~done, iterations.dtype)
        state = p.evaluate(point)
    point, variance, length = (xp.astype(a, start.dtype, copy=False) for a in (point, state.variance, state.grad_norm))
    return FrechetMean(point, variance, length, iterations, converged)


def _start(p: _Problem, point: Array) -> tuple[Array, _State]:
    """The midpoint, or the origin where that is better: the midpoint of far points is close to the farthest."""
    state = p.evaluate(point)
    if not bool(p.xp.any(~(state.size < 1e4))):
        return point, state
    origin = p.origin(point)
    at_origin = p.evaluate(origin)
    better = (state.variance <= at_origin.variance)[..., None]
    point = p.xp.where(better, point, origin + 0 * at_origin.variance[..., None])  # NaN stays NaN
    return point, p.evaluate(point)


def _counts(xp: Any, like: Array) -> tuple[Array, Array]:
    return xp.zeros_like(like, dtype=xp.int64), xp.zeros_like(like, dtype=xp.bool)


def frechet_mean_vjp(
    space: Space,
    g: Any,
    x: Any,
    w: Any,
    c: Curvature,
    axis: int,
    tol: float | None,
    max_iter: int,
    mean: FrechetMean | None,
) -> tuple[Array, Array, Array]:
    """`frechet_mean_vjp` of a model: with H G* = the cotangent, those of sum w G*.log_m(x), m held."""
    name = f"{space.name}.frechet_mean_vjp"
    groups = arrange(name, x, w, axis)
    p, start = _problem(space, "frechet_mean_vjp", groups, c)
    xp, g = p.xp, _as_array(g)
    if mean is None:
        mean = frechet_mean(space, p.x, xp.astype(groups.w, p.x.dtype, copy=False), p.c, -2, tol, max_iter)
    if g.shape != start.shape or mean.point.shape != start.shape:
        raise ValueError(
            f"{name}: g and the mean's point need shape {tuple(start.shape)}, got {tuple(g.shape)} and "
            f"{tuple(mean.point.shape)}"
        )
    checked(name, {"g": g}, 1.0, flat=True)
    lost = ~mean.converged & ~xp.isnan(mean.grad_norm)
    if bool(xp.any(lost)):
        raise ConvergenceError(
            f"{name}: {int(xp.sum(xp.astype(lost, xp.int64)))} of {math.prod(lost.shape)} means have not converged"
        )
    point, g = (xp.astype(a, p.x.dtype, copy=False) for a in (mean.point, g))
    g, of_time = g[..., None, :], None
    if space.first:  # the time entry of the mean is a function of its spatial part
        of_time = g[..., :1] / point[..., None, :1]
        g = g[..., 1:] + of_time * point[..., None, 1:]
    if p.x.shape[-2] == 0:
        return groups.restore(groups.x, groups.w, xp.full_like(p.c if p.column.ndim else p.column, math.nan))
    state = p.evaluate(point)
    cotangent = state.frame.to(_hessian_solve(p, state, state.frame.back(g)))
    pulled = space.tangent(xp, p.w[..., None] * cotangent)
    _, x_bar, c_bar = space.log_vjp(pulled, point[..., None, :], p.x, p.c_of_points)
    w_bar = xp.sum(cotangent * state.v, axis=-1) / p.total
    if of_time is not None:
        c_bar = c_bar + sum_to(xp, -of_time[..., 0] / (2 * p.column_of_means**2), p.c_of_points)
    if p.column.ndim:
        c_bar = c_bar[..., 0]
    if array_api_compat.is_array_api_obj(c):
        c_bar = sum_to(xp, c_bar, c)  # in its dtype
    return groups.restore(sum_to(xp, x_bar, groups.x), sum_to(xp, w_bar, groups.w), c_bar)
