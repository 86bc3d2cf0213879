"""Every method on every manifold, for arrays, batches and trees: one table."""

from dataclasses import replace

import numpy as np
import pytest
from optim.problems import FORMS, TABLE, Nearest, apart, flat, mapped

from hypergeom.optim import RSGD, RAdam, cosine_schedule, minimize

DETERMINISTIC = ("rcg", "rlbfgs", "trust_region", "differences")
STEPS = {"rsgd": RSGD(lr=0.05), "momentum": RSGD(lr=0.03, momentum=0.6), "radam": RAdam(lr=0.1)}


def fixed(tree):
    for a in flat(tree):
        a.setflags(write=False)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("method", DETERMINISTIC)
@pytest.mark.parametrize("name", TABLE)
def test_finds_the_nearest_point(name, method, form, rng):
    problem = Nearest(name, form, rng)
    fixed(problem.x0)
    found = minimize(
        problem.cost,
        problem.x0,
        gradient=problem.gradient,
        manifold=problem.manifold,
        method="trust_region" if method == "differences" else method,
        hvp=problem.hvp if method == "trust_region" else None,
        gtol=1e-9,
        maxiter=200,
    )
    assert found.status == "gtol", found.message
    assert apart(found.x, problem.target) <= 1e-8
    assert found.fun == problem.cost(found.x) and found.grad_norm <= 1e-9
    problem.check(found.x)
    assert np.all(np.diff(found.history.fun) <= 1e-15 * np.abs(found.history.fun[1:]) + 1e-30)
    assert len(found.history.fun) == found.nit + 1
    assert found.nit <= (60 if method in ("rcg", "rlbfgs") else 15) * (3 if name == "product" else 1)


@pytest.mark.parametrize("form", ["array", "tree"])
@pytest.mark.parametrize("method", STEPS)
@pytest.mark.parametrize("name", TABLE)
def test_steps_come_near(name, method, form, rng):
    problem = Nearest(name, form, rng)
    fixed(problem.x0)
    chosen = STEPS[method]
    if method != "radam" and "ball" in name:  # whose gradients have a quarter of the length
        chosen = replace(chosen, lr=4 * chosen.lr)
    found = minimize(
        problem.cost,
        problem.x0,
        gradient=problem.gradient,
        manifold=problem.manifold,
        method=chosen,
        schedule=cosine_schedule(chosen.lr, 60, final=1e-3) if method == "radam" else None,
        maxiter=60,
        gtol=0.0,
    )
    assert found.status == "maxiter" and found.nit == 60
    # Near the rim of a ball steps of a given length in it are short in the space around.
    assert found.fun < (1 if "ball" in name else 0.2) * problem.cost(problem.x0)
    assert found.fun == problem.cost(found.x) == found.history.fun.min()
    problem.check(found.x)


@pytest.mark.parametrize("name", TABLE)
def test_both_at_once(name, rng):
    """Cost and gradient from one function: the same iterates, one call for each."""
    problem = Nearest(name, "tree", rng)
    calls = []

    def both(x):
        calls.append(1)
        return problem.cost(x), problem.gradient(x)

    options = {"manifold": problem.manifold, "maxiter": 6, "gtol": 0.0}
    apart_ = minimize(problem.cost, problem.x0, gradient=problem.gradient, **options)
    together = minimize(both, problem.x0, gradient=True, **options)
    assert apart(apart_.x, together.x) == 0
    assert together.nfev == together.ngev == len(calls)
    riemannian = minimize(
        problem.cost,
        problem.x0,
        gradient=lambda x: rgrad(problem.manifold, x, problem.gradient(x)),
        gradient_kind="riemannian",
        **options,
    )
    assert apart(riemannian.x, together.x) <= 1e-12


def rgrad(m, x, g):
    if isinstance(m, dict):
        return {key: rgrad(m[key], x[key], g[key]) for key in m}
    return g if m is None else m.egrad2rgrad(x, g)


@pytest.mark.parametrize("method", ["rsgd", "radam", "rcg", "rlbfgs", "trust_region"])
@pytest.mark.parametrize("name", ["sphere", "curved ball", "stiefel", "lorentz group"])
@pytest.mark.parametrize(("backend", "dtype"), [("array_api_strict", "float64"), ("torch", "float32")])
def test_other_libraries(name, method, backend, dtype, rng):
    xp = pytest.importorskip(backend)
    problem = Nearest(name, "batch", rng)
    target = mapped(lambda a: xp.asarray(np.asarray(a, dtype)), problem.target)
    x0 = mapped(lambda a: xp.asarray(np.asarray(a, dtype)), problem.x0)

    def cost(x):
        return sum(float(xp.sum((a - b) ** 2)) for a, b in zip(parts(x), parts(target), strict=True)) / 2

    found = minimize(
        cost,
        x0,
        gradient=lambda x: mapped(lambda a, b: a - b, x, target),
        manifold=problem.manifold,
        method=method,
        maxiter=25,
        gtol=1e-3,
    )
    for a, b in zip(parts(found.x), parts(x0), strict=True):
        assert type(a) is type(b) and a.dtype == b.dtype
    assert found.fun < cost(x0)
    if method not in ("rsgd", "radam"):
        assert found.status == "gtol" and found.fun < 1e-4
    problem.check(found.x)


def parts(x):
    return [a for part in x for a in parts(part)] if isinstance(x, tuple) else [x]
