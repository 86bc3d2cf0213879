"""Meta-SGD against complex steps in flat space, and against differences along geodesics on manifolds."""

import array_api_strict
import numpy as np
import pytest

from hypergeom import lorentz, poincare
from hypergeom.manifolds import Euclidean, Lorentz, PoincareBall, Sphere, Stiefel
from hypergeom.optim import RSGD, RAdam, Task, meta_sgd, meta_train


class Losses:
    """Inner loss sum(cos(A t)) + t.B t / 2 with B symmetric, outer loss sum(sin(C t)), for complex t too."""

    def __init__(self, rng, n):
        self.A, self.C = 0.5 * rng.normal(size=(n, n)), 0.5 * rng.normal(size=(n, n))
        half = 0.1 * rng.normal(size=(n, n))
        self.B = half + half.T

    def inner_gradient(self, t):
        return -np.sin(t @ self.A.T) @ self.A + t @ self.B

    def inner_hvp(self, t, v):
        return -(np.cos(t @ self.A.T) * (v @ self.A.T)) @ self.A + v @ self.B

    def outer(self, t):
        return np.sin(t @ self.C.T).sum()

    def outer_gradient(self, t):
        return np.cos(t @ self.C.T) @ self.C

    def functions(self):
        return self.inner_gradient, self.outer_gradient

    def task(self):
        return Task(self.inner_gradient, self.outer_gradient, self.inner_hvp)


def derivative(f, x):
    """By complex steps, of a real function of an array."""
    step, out = 1e-30, np.empty(np.shape(x))
    for i in np.ndindex(np.shape(x)):
        moved = np.asarray(x, dtype=complex).copy()
        moved[i] += 1j * step
        out[i] = f(moved).imag / step
    return out


def steep(f, x, t=1e-3):
    """By differences of sixth order, of a real function of an array."""
    out = np.empty(np.shape(x))
    for i in np.ndindex(np.shape(x)):
        values = []
        for k in (1, 2, 3):
            ahead, behind = np.array(x, dtype=float), np.array(x, dtype=float)
            ahead[i] += k * t
            behind[i] -= k * t
            values.append(f(ahead) - f(behind))
        out[i] = (45 * values[0] - 9 * values[1] + values[2]) / (60 * t)
    return out


@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize("shape", ["each", "one"])
def test_derivatives_in_flat_space(rng, steps, shape):
    n = 4
    losses, theta = Losses(rng, n), rng.normal(size=n)
    alpha = 0.2 * rng.normal(size=n if shape == "each" else ())

    def after(theta, alpha):
        for _ in range(steps):
            theta = theta - alpha * losses.inner_gradient(theta)
        return theta

    found = meta_sgd(theta, alpha, *losses.functions(), inner_hvp=losses.inner_hvp, steps=steps)
    np.testing.assert_array_equal(found.theta, after(theta, alpha))
    for got, truth in [
        (found.grad_alpha, derivative(lambda a: losses.outer(after(theta, a)), alpha)),
        (found.grad_theta, derivative(lambda t: losses.outer(after(t, alpha)), theta)),
    ]:
        assert got.shape == truth.shape
        # Each step may lengthen errors by the norm of 1 - alpha H.
        np.testing.assert_allclose(got, truth, rtol=0, atol=1e-13 * max(1, np.abs(truth).max()))


def test_first_order_leaves_the_hessian_out(rng):
    losses, theta, alpha = Losses(rng, 3), rng.normal(size=3), 0.1 * rng.normal(size=3)
    found = meta_sgd(theta, alpha, *losses.functions(), steps=3, first_order=True)
    np.testing.assert_array_equal(found.grad_theta, losses.outer_gradient(found.theta))
    with_hvp = meta_sgd(theta, alpha, *losses.functions(), steps=3, first_order=True, inner_hvp=losses.inner_hvp)
    np.testing.assert_array_equal(with_hvp.grad_theta, found.grad_theta)
    without = meta_sgd(theta, alpha, *losses.functions())
    assert without.grad_theta is None
    exact = meta_sgd(theta, alpha, *losses.functions(), inner_hvp=losses.inner_hvp)
    np.testing.assert_array_equal(without.grad_alpha, exact.grad_alpha)


POINTS = {
    "sphere": (Sphere(), (3, 4)),
    "stiefel": (Stiefel(), (3, 5, 2)),
    "ball": (PoincareBall(0.7), (3, 4)),
    "lorentz": (Lorentz(1.3), (3, 5)),
}


def problem(name, rng):
    """Points near the origin, where functions are tame enough for differences."""
    manifold, shape = POINTS[name]
    losses = Losses(rng, shape[-1])
    origin = manifold.origin(shape)
    return manifold, losses, manifold.exp(origin, 0.2 * manifold.random_tangent(origin, rng=rng))


@pytest.mark.parametrize("name", POINTS)
def test_the_rate_of_a_geodesic_step(rng, name):
    manifold, losses, theta = problem(name, rng)
    alpha = 0.1 * rng.normal(size=3)

    def outer(a):
        v = manifold.egrad2rgrad(theta, losses.inner_gradient(theta))
        return losses.outer(manifold.exp(theta, -a.reshape(3, *[1] * (theta.ndim - 1)) * v))

    found = meta_sgd(theta, alpha, *losses.functions(), manifold=manifold)
    truth = steep(outer, alpha)
    np.testing.assert_allclose(found.grad_alpha, truth, rtol=0, atol=1e-9 * max(1, np.abs(truth).max()))
    manifold.check(found.theta)
    one = meta_sgd(theta, 0.05, *losses.functions(), manifold=manifold)
    each = meta_sgd(theta, np.full(3, 0.05), *losses.functions(), manifold=manifold)
    np.testing.assert_allclose(one.grad_alpha, each.grad_alpha.sum(), rtol=1e-14)


@pytest.mark.parametrize("steps", [1, 3])
@pytest.mark.parametrize("name", ["ball", "lorentz"])
def test_derivatives_through_exp(rng, name, steps):
    manifold, losses, theta = problem(name, rng)
    alpha = 0.02 * rng.normal(size=3)

    def outer(theta, alpha):
        for _ in range(steps):
            v = manifold.egrad2rgrad(theta, losses.inner_gradient(theta))
            theta = manifold.exp(theta, -alpha[:, None] * v)
        return losses.outer(theta)

    found = meta_sgd(theta, alpha, *losses.functions(), inner_hvp=losses.inner_hvp, steps=steps, manifold=manifold)
    truth = steep(lambda a: outer(theta, a), alpha)
    np.testing.assert_allclose(found.grad_alpha, truth, rtol=0, atol=1e-8 * max(1, np.abs(truth).max()))
    # Along tangents, since a stored point of the hyperboloid has its time from the rest.
    v = manifold.random_tangent(theta, rng=rng)
    along = steep(lambda t: outer(manifold.exp(theta, t * v), alpha), np.zeros(()))
    got = np.sum(found.grad_theta * v)
    np.testing.assert_allclose(got, along, rtol=0, atol=1e-8 * max(1, abs(along)))


def test_one_exact_step_agrees_with_the_transported_velocity(rng):
    for name in ("ball", "lorentz"):
        manifold, losses, theta = problem(name, rng)
        alpha = 0.1 * rng.normal(size=3)
        plain = meta_sgd(theta, alpha, *losses.functions(), manifold=manifold)
        exact = meta_sgd(theta, alpha, *losses.functions(), manifold=manifold, inner_hvp=losses.inner_hvp)
        np.testing.assert_allclose(plain.grad_alpha, exact.grad_alpha, rtol=1e-10, atol=1e-12)
        assert plain.grad_theta is None and exact.grad_theta.shape == theta.shape


def test_euclidean_is_flat_space(rng):
    losses, theta, alpha = Losses(rng, 3), rng.normal(size=3), 0.1 * rng.normal(size=3)
    flat = meta_sgd(theta, alpha, *losses.functions(), inner_hvp=losses.inner_hvp, steps=2)
    named = meta_sgd(theta, alpha, *losses.functions(), inner_hvp=losses.inner_hvp, steps=2, manifold=Euclidean())
    np.testing.assert_array_equal(flat.grad_theta, named.grad_theta)


def test_other_libraries_and_dtypes():
    xp = array_api_strict
    theta, alpha = xp.asarray([0.1, 0.2], dtype=xp.float32), xp.asarray([0.1, -0.1], dtype=xp.float32)
    found = meta_sgd(theta, alpha, lambda t: 2 * t, lambda t: t, inner_hvp=lambda t, v: 2 * v, steps=2)
    assert found.theta.dtype == found.grad_theta.dtype == found.grad_alpha.dtype == xp.float32
    ball = meta_sgd(
        theta, 0.1, lambda t: 2 * t, lambda t: t, inner_hvp=lambda t, v: 2 * v, steps=2, manifold=PoincareBall()
    )
    assert ball.grad_alpha.shape == ()


@pytest.mark.parametrize("kind", ["flat", "ball", "hyperboloid"])
@pytest.mark.parametrize("method", [RSGD(lr=0.05), RAdam(lr=0.02)], ids=["rsgd", "radam"])
def test_training_finds_a_start_from_which_one_step_helps(rng, kind, method):
    manifold = {"flat": None, "ball": PoincareBall(), "hyperboloid": Lorentz()}[kind]
    goals = 0.3 + 0.05 * rng.normal(size=(30, 2))
    theta0 = np.zeros(2)
    if kind == "hyperboloid":
        goals, theta0 = lorentz.from_spatial(goals), lorentz.from_spatial(np.zeros(2))

    def task(goal):
        if manifold is None:
            return Task(lambda x: x - goal, lambda x: x - goal, lambda x, v: v)
        space = poincare if kind == "ball" else lorentz

        def gradient(x):  # of half the squared distance
            return space.dist_vjp(space.dist(x, goal), x, goal)[0]

        return Task(gradient, gradient)

    def after(theta, alpha):
        found = [meta_sgd(theta, alpha, t.inner_gradient, t.outer_gradient, manifold=manifold).theta for t in tasks]
        flat = manifold or Euclidean()
        return np.mean([flat.dist(x, goal) for x, goal in zip(found, goals, strict=True)])

    tasks = [task(goal) for goal in goals]
    alpha0 = np.full(2, 0.1) if manifold is None else 0.1
    found = meta_train(theta0, alpha0, tasks, method=method, manifold=manifold, epochs=12, rng=1)
    assert after(found.theta, found.alpha) < 0.25 * after(theta0, alpha0)
    assert found.history.grad_norm.shape == found.history.task.shape == (12 * 30,)
    np.testing.assert_array_equal(np.sort(found.history.task[:30]), np.arange(30))
    again = meta_train(theta0, alpha0, tasks, method=method, manifold=manifold, epochs=12, rng=1)
    np.testing.assert_array_equal(again.theta, found.theta)


def test_callback_ends_training(rng):
    tasks = [Losses(rng, 2).task() for _ in range(4)]
    seen = []
    found = meta_train(
        np.zeros(2),
        0.1,
        tasks,
        method=RSGD(lr=0.01),
        epochs=3,
        callback=lambda step, theta, alpha, norm: seen.append(norm) or step == 5,
    )
    np.testing.assert_array_equal(found.history.grad_norm, seen)
    assert len(seen) == 5


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 0}, "steps must be at least 1"),
        ({"steps": 2}, "2 steps need inner_hvp, or first_order=True"),
        ({"steps": 2, "first_order": True, "manifold": Sphere()}, "more than one step needs PoincareBall or Lorentz"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        meta_sgd(np.array([1.0, 0.0]), 0.1, lambda t: t, lambda t: t, **options)


def test_bad_arguments():
    theta = np.zeros(2)
    with pytest.raises(ValueError, match=r"alpha needs a number, or one for each entry, \(2,\); got \(3,\)"):
        meta_sgd(theta, np.zeros(3), lambda t: t, lambda t: t)
    with pytest.raises(ValueError, match=r"inner_gradient must return the shape \(2,\), got \(1,\)"):
        meta_sgd(theta, 0.1, lambda t: t[:1], lambda t: t)
    with pytest.raises(ValueError, match=r"outer_gradient must return the shape \(2,\), got \(1,\)"):
        meta_sgd(theta, 0.1, lambda t: t, lambda t: t[:1])
    with pytest.raises(ValueError, match="not a point"):
        meta_sgd(theta, 0.1, lambda t: t, lambda t: t, manifold=Sphere())
    with pytest.raises(TypeError, match="theta needs real numbers"):
        meta_sgd(theta * 1j, 0.1, lambda t: t, lambda t: t)
    with pytest.raises(ValueError, match="needs at least one task"):
        meta_train(theta, 0.1, [], method=RSGD())
    mixed = [Task(lambda t: t, lambda t: t), Task(lambda t: t, lambda t: t, lambda t, v: v)]
    with pytest.raises(ValueError, match="all tasks need inner_hvp, or none"):
        meta_train(theta, 0.1, mixed, method=RSGD())
    with pytest.raises(ValueError, match="the start moves on Euclidean, PoincareBall or Lorentz"):
        meta_train(np.eye(2)[0], 0.1, mixed[:1], method=RSGD(), manifold=Sphere())
