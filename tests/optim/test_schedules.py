"""Schedules, what they promise, and curvature that changes."""

import itertools
import math
import pickle

import numpy as np
import pytest

from hypergeom import poincare
from hypergeom.manifolds import Euclidean, PoincareBall, Product
from hypergeom.optim import (
    RSGD,
    RAdam,
    Schedule,
    change_curvature,
    constant_schedule,
    cosine_schedule,
    curvature_annealing,
    inverse_sqrt_schedule,
    linear_schedule,
    minimize,
    power_schedule,
    sgd_bound,
)

ALL = [
    constant_schedule(0.3),
    power_schedule(0.3, 0.7),
    inverse_sqrt_schedule(0.3),
    linear_schedule(0.3, 0.1, 10),
    cosine_schedule(0.3, 10, warmup=3, final=0.01),
    curvature_annealing(2.0, 10, shape="exponential", warmup=2),
]


@pytest.mark.parametrize("schedule", ALL, ids=lambda s: type(s).__name__)
def test_schedules_are_values(schedule):
    assert isinstance(schedule, Schedule)
    assert pickle.loads(pickle.dumps(schedule)) == schedule and hash(schedule) == hash(schedule)
    assert all(type(schedule(t)) is float for t in (1, 2, 100))
    assert schedule.robbins_monro == isinstance(schedule, power_schedule)


def test_values():
    assert [constant_schedule(2)(t) for t in (1, 9)] == [2.0, 2.0]
    assert power_schedule(2.0, 0.75)(16) == pytest.approx(2 * 16**-0.75, rel=1e-15)
    assert inverse_sqrt_schedule(3.0)(9) == 1.0
    line = linear_schedule(1.0, 0.2, 5)
    np.testing.assert_allclose([line(t) for t in range(1, 8)], [1, 0.8, 0.6, 0.4, 0.2, 0.2, 0.2], rtol=1e-15)
    assert linear_schedule(1.0, 0.2, 1)(1) == 0.2
    wave = cosine_schedule(1.0, 20, warmup=4, final=0.1)
    assert [wave(t) for t in (1, 2, 4)] == [0.25, 0.5, 1.0]
    assert wave(12) == pytest.approx(0.55) and wave(20) == wave(99) == pytest.approx(0.1, rel=1e-15)
    assert all(wave(t) > wave(t + 1) for t in range(4, 20))


@pytest.mark.parametrize("shape", ["linear", "cosine", "exponential"])
def test_curvature_annealing(shape):
    c = curvature_annealing(3.0, 50, shape=shape, warmup=10)
    values = [c(t) for t in range(1, 80)]
    assert values[:10] == [0.0] * 10 and values[49:] == [3.0] * 30
    assert all(a < b for a, b in itertools.pairwise(values[9:50]))
    middle = {"linear": 1.5, "cosine": 1.5, "exponential": 3 * (math.e**2 - 1) / (math.e**4 - 1)}[shape]
    assert c(30) == pytest.approx(middle, rel=1e-14)


def test_which_sums_are_finite():
    """Squares of 1/sqrt(t) exceed every bound, those of a power above 1/2 do not; both sums themselves are infinite."""
    t = np.arange(1, 20001)
    slow, power = inverse_sqrt_schedule(1.0), power_schedule(1.0, 0.75)
    assert sum(slow(int(k)) ** 2 for k in t) > math.log(t[-1])
    assert sum(power(int(k)) ** 2 for k in t) < 2.6124  # zeta(3/2)
    for schedule in (slow, power):
        assert sum(schedule(int(k)) for k in t) > 40
    with pytest.raises(ValueError, match="p must be above 1/2"):
        power_schedule(1.0, 0.5)


def test_sgd_bound():
    gap, beta, s, lr = 1.3, 4.0, 0.6, 0.2
    for t in (1, 10, 5000):
        top = 2 * gap + beta * s * lr**2 * (1 + math.log(t))
        bottom = 2 * lr * (math.sqrt(t + 1) - 1)
        assert sgd_bound(t, lr0=lr, smoothness=beta, gap=gap, variance=s) == pytest.approx(top / bottom, rel=1e-13)
        assert sgd_bound(t, lr0=lr, smoothness=beta, gap=gap, second_moment=s) == pytest.approx(top / bottom / 2)
    assert sgd_bound(10, lr0=1.0, smoothness=beta, gap=gap, second_moment=s) > 0
    with pytest.raises(ValueError, match=r"at most 1 / smoothness = 0\.25"):
        sgd_bound(10, lr0=0.26, smoothness=beta, gap=gap, variance=s)
    for both in ({}, {"variance": s, "second_moment": s}):
        with pytest.raises(ValueError, match="exactly one"):
            sgd_bound(10, lr0=0.1, smoothness=beta, gap=gap, **both)


def test_the_bound_holds(rng):
    """Noisy steps on a quadratic: the mean of the squared gradient falls below what is promised."""
    d, beta, sigma, steps, runs = 4, 2.0, 0.5, 300, 200
    A, x = np.diag([2.0, 1.0, 0.5, 0.1]), np.tile(rng.normal(size=d), (runs, 1))
    gap = 0.5 * float(x[0] @ A @ x[0])
    rate, best = inverse_sqrt_schedule(1 / beta), math.inf
    for t in range(1, steps + 1):
        best = min(best, float(np.mean(np.sum((x @ A) ** 2, axis=1))))
        x = x - rate(t) * (x @ A + sigma / d**0.5 * rng.normal(size=x.shape))
    bound = sgd_bound(steps, lr0=1 / beta, smoothness=beta, gap=gap, variance=sigma**2)
    assert best <= bound


@pytest.mark.parametrize(
    "make",
    [
        lambda: constant_schedule(0.0),
        lambda: power_schedule(0.1, 1.1),
        lambda: power_schedule(-0.1),
        lambda: inverse_sqrt_schedule(math.inf),
        lambda: linear_schedule(0.1, 0.0, 5),
        lambda: linear_schedule(0.1, 0.1, 0),
        lambda: cosine_schedule(0.1, 5, warmup=5),
        lambda: cosine_schedule(0.1, 0),
        lambda: cosine_schedule(0.1, 5, final=-1.0),
        lambda: curvature_annealing(0.0, 5),
        lambda: curvature_annealing(1.0, 0),
        lambda: curvature_annealing(1.0, 5, shape="step"),
        lambda: curvature_annealing(1.0, 5, warmup=7),
        lambda: sgd_bound(0, lr0=0.1, smoothness=1.0, gap=1.0, variance=1.0),
        lambda: sgd_bound(1, lr0=0.1, smoothness=1.0, gap=-1.0, variance=1.0),
        lambda: change_curvature(np.zeros(2), -1.0, 1.0),
        lambda: change_curvature(np.zeros(2), 0.0, 1.0, tangents=[np.zeros(3)]),
    ],
)
def test_bad_parameters(make):
    with pytest.raises(ValueError, match=r"must|do not fit"):
        make()


# --- curvature -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("c", [0.0, 1e-9, 0.7, 3.0])
@pytest.mark.parametrize("c_new", [0.0, 1e-9, 0.4, 5.0])
def test_change_curvature(c, c_new, rng):
    # Within 3 lengths of curvature: beyond, coordinates that are rounded are not as precise as the distances.
    z = rng.normal(size=(50, 3))
    z *= rng.uniform(0.1, 3, size=(50, 1)) / np.linalg.norm(z, axis=1, keepdims=True)
    x = poincare.exp0(z / (2 * max(c, c_new, 1) ** 0.5), c)
    u, v = rng.normal(size=(2, 50, 3))
    y, p, q = change_curvature(x, c, c_new, tangents=(u, v))
    PoincareBall(c_new).check(y)
    np.testing.assert_allclose(poincare.dist0(y, c_new), poincare.dist0(x, c), rtol=1e-13)
    np.testing.assert_allclose(poincare.norm(y, p, c_new), poincare.norm(x, u, c), rtol=1e-12)
    np.testing.assert_allclose(poincare.inner(y, p, q, c_new), poincare.inner(x, u, v, c), rtol=1e-10, atol=1e-11)
    cross = np.abs(p * np.roll(u, 1, axis=1) - np.roll(p, 1, axis=1) * u)
    assert cross.max() <= 1e-12 * np.abs(p).max() * np.abs(u).max()
    back, *tangents = change_curvature(y, c_new, c, tangents=(p, q))
    np.testing.assert_allclose(back, x, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(tangents, [u, v], rtol=1e-11, atol=1e-13)
    (same,) = change_curvature(x, c, c)
    np.testing.assert_array_equal(same, x)


@pytest.mark.parametrize("method", [RSGD(lr=0.1, momentum=0.8), RAdam(lr=0.05), "rcg", "rlbfgs", "trust_region"])
def test_minimize_while_the_curvature_grows(method, rng):
    """From flat space to c = 1: the end is what the cost of c = 1 has as its minimum."""
    ball = PoincareBall(1.0)
    targets = ball.random_point((6, 2), rng=rng)
    seen = []

    def cost(x, c):
        seen.append(c)
        p = poincare.exp0(poincare.log0(targets, 1.0), c)
        return float(np.sum(poincare.dist(x, p, c) ** 2)) / 12

    def gradient(x, c):
        p = poincare.exp0(poincare.log0(targets, 1.0), c)
        return poincare.dist_vjp(poincare.dist(x, p, c) / 6, x, p, c)[0]

    found = minimize(
        cost,
        np.zeros(2) + 0.1,
        gradient=gradient,
        manifold=PoincareBall(0.0),
        method=method,
        curvature=curvature_annealing(1.0, 12, warmup=2),
        schedule=cosine_schedule(method.lr, 200, final=1e-3) if not isinstance(method, str) else None,
        maxiter=200,
        gtol=1e-4 if not isinstance(method, str) else 1e-8,
    )
    assert seen[0] == 0.0 and (seen[-1] == 1.0 or found.nit < 12) and sorted(seen) == seen
    if found.nit >= 12:
        mean = poincare.frechet_mean(targets, c=1.0).point
        np.testing.assert_allclose(found.x, mean, atol=2e-3)


def test_annealing_moves_points_and_momenta(rng):
    """Every change keeps distances from the origin and the length of the momentum, and flat leaves as they are."""
    x0 = (0.3 * rng.normal(size=(3, 2)), rng.normal(size=2))
    start = 1e-3 * rng.normal(size=(3, 2))
    found = minimize(
        lambda x, t, c: 0.0,
        x0,
        gradient=lambda x, t, c: (start if t == 0 else np.zeros((3, 2)), np.zeros(2)),
        manifold=Product(PoincareBall(0.0), Euclidean()),
        method=RSGD(lr=1e-12, momentum=0.5),
        curvature=curvature_annealing(2.0, 5),
        batch=lambda t, generator: t,
        maxiter=8,
    )
    np.testing.assert_array_equal(found.x[1], x0[1])
    np.testing.assert_allclose(poincare.dist0(found.x[0], 2.0), poincare.dist0(x0[0], 0.0), rtol=1e-9)
    # the first gradient came at c = 0.4, where it became the momentum, and was halved in each of seven steps
    x = change_curvature(x0[0], 0.0, 0.4)[0]
    first = poincare.norm(x, poincare.egrad2rgrad(x, start, 0.4), 0.4)
    np.testing.assert_allclose(poincare.norm(found.x[0], found.state.momentum[0], 2.0), first / 2**7, rtol=1e-9)
