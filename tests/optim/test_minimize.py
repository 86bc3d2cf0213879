"""`minimize`: optima in closed form, budgets of iterations, what ends a run, what it tells, and bad input."""

import sys
import time

import numpy as np
import pytest
from optim.problems import Brockett

from hypergeom import lorentz, poincare
from hypergeom.manifolds import Euclidean, Lorentz, LorentzGroup, PoincareBall, Sphere, Stiefel, Validating
from hypergeom.optim import (
    RCG,
    RSGD,
    HyperbolicMuon,
    IterationInfo,
    Muon,
    RAdam,
    StrongWolfe,
    TrustRegion,
    cosine_schedule,
    minimize,
    ravel,
)

DETERMINISTIC = ("rcg", "rlbfgs", "trust_region")


def hessian(method, f):
    return f if method == "trust_region" else None


# --- optima ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["canonical", "euclidean"])
@pytest.mark.parametrize("retraction", ["qr", "polar", "cayley"])
@pytest.mark.parametrize("method", DETERMINISTIC)
def test_eigenvectors(method, metric, retraction, rng):
    f = Brockett(30, 3, rng)
    m = Stiefel(metric, retraction)
    x0 = m.random_point((30, 3), rng=rng)
    options = {"manifold": m, "method": method, "hvp": hessian(method, f.hvp), "maxiter": 400}
    found = minimize(f.cost, x0, gradient=f.gradient, gtol=1e-8, **options)
    assert found.status == "gtol" and found.grad_norm <= 1e-8
    assert abs(found.fun - f.minimum) <= 1e-11
    assert np.abs(found.x.T @ found.x - np.eye(3)).max() <= 1e-13
    np.testing.assert_allclose(np.abs(np.sum(found.x * f.vectors, axis=0)), 1, atol=1e-12)
    assert np.all(np.diff(found.history.fun) <= 1e-15 * 10 * np.abs(found.history.fun[1:]))


def test_trust_region_converges_quadratically_to_rounding(rng):
    f = Brockett(60, 3, rng)
    m = Stiefel("euclidean")
    found = minimize(
        f.cost,
        m.random_point((60, 3), rng=rng),
        gradient=f.gradient,
        hvp=f.hvp,
        manifold=m,
        method="trust_region",
        gtol=1e-12,
    )
    assert found.status == "gtol" and found.grad_norm <= 1e-12
    *_, a, b, c = found.history.grad_norm
    assert b <= 20 * a**1.9 and c <= max(20 * b**1.9, 1e-12)


@pytest.mark.parametrize(
    ("method", "iterations", "evaluations"), [("rcg", 130, 2.6), ("rlbfgs", 110, 1.5), ("trust_region", 25, 2)]
)
def test_budget_of_the_brockett_cost(method, iterations, evaluations, rng):
    """The median of three, from random starts: the largest of many would be a matter of luck."""
    counts = []
    for _ in range(3):
        f = Brockett(200, 4, rng)
        found = minimize(
            f.cost,
            Stiefel().random_point((200, 4), rng=rng),
            gradient=f.gradient,
            hvp=hessian(method, f.hvp),
            manifold=Stiefel(),
            method=method,
            gtol=1e-7,
        )
        assert found.status == "gtol" and found.nfev <= evaluations * found.nit + 1
        counts.append(found.nit)
    assert np.median(counts) <= iterations


@pytest.mark.parametrize(("method", "iterations"), [("rcg", 30), ("rlbfgs", 30), ("trust_region", 15)])
def test_frechet_mean(method, iterations, rng):
    m, ball = Lorentz(), PoincareBall()
    o = m.origin((50, 4))
    v = m.random_tangent(o, rng=rng)
    y = m.exp(o, (rng.uniform(0, 4, size=50) / m.norm(o, v))[:, None] * v)
    z = lorentz.to_poincare(y)
    options = {"method": method, "gtol": 1e-9}
    on_sheet = minimize(
        lambda x: float(np.mean(lorentz.dist(x, y) ** 2) / 2),
        m.origin((4,)),
        gradient=lambda x: lorentz.dist_vjp(lorentz.dist(x, y) / 50, x, y)[0],
        manifold=m,
        **options,
    )
    in_ball = minimize(
        lambda x: float(np.mean(poincare.dist(x, z) ** 2) / 2),
        np.zeros(3),
        gradient=lambda x: poincare.dist_vjp(poincare.dist(x, z) / 50, x, z)[0],
        manifold=ball,
        **options,
    )
    for found in (on_sheet, in_ball):
        assert found.status == "gtol" and found.nit <= iterations
    np.testing.assert_allclose(lorentz.to_poincare(on_sheet.x), in_ball.x, atol=1e-9)
    np.testing.assert_allclose(on_sheet.x, lorentz.frechet_mean(y).point, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(("method", "iterations"), [("rcg", 150), ("rlbfgs", 120), ("trust_region", 20)])
def test_lorentz_procrustes(method, iterations, rng):
    group = LorentzGroup(5, 1)
    target, x = group.random_point((6, 6), rng=rng, cond=6.0), rng.normal(size=(40, 6))
    y = x @ target.T
    found = minimize(
        lambda w: 0.5 * float(np.sum((x @ w.T - y) ** 2)),
        np.eye(6),
        gradient=lambda w: (x @ w.T - y).T @ x,
        hvp=hessian(method, lambda w, v: (x @ v.T).T @ x),
        manifold=group,
        method=method,
        gtol=1e-7,
    )
    assert found.status == "gtol" and found.nit <= iterations
    np.testing.assert_allclose(found.x, target, atol=1e-7)
    group.check(found.x)


@pytest.mark.parametrize("method", DETERMINISTIC)
def test_procrustes_on_a_tree(method, rng):
    """min |A W + 1 b^T - B|: a frame and a shift, which is the mean of what the frame leaves; and rotations alone."""
    A, B = rng.normal(size=(30, 4)), rng.normal(size=(30, 3))

    def both(x):
        r = A @ x["w"] + x["b"] - B
        return 0.5 * float(np.sum(r**2)), {"w": A.T @ r, "b": r.sum(axis=0)}

    m = {"w": Stiefel("euclidean", "polar"), "b": Euclidean()}
    x0 = {"w": Stiefel().random_point((4, 3), rng=rng), "b": np.zeros(3)}
    found = minimize(both, x0, gradient=True, manifold=m, method=method, gtol=1e-9)
    assert found.status == "gtol"
    np.testing.assert_allclose(found.x["b"], (B - A @ found.x["w"]).mean(axis=0), atol=1e-10)
    m, A = Stiefel(retraction="cayley"), rng.normal(size=(9, 4))
    target = m.exp(np.eye(4), 0.5 * m.random_tangent(np.eye(4), rng=rng))
    square = minimize(
        lambda w: 0.5 * float(np.sum((A @ w - A @ target) ** 2)),
        np.eye(4),
        gradient=lambda w: A.T @ (A @ w - A @ target),
        manifold=m,
        method=method,
        gtol=1e-10,
    )
    np.testing.assert_allclose(square.x, target, atol=1e-8)


def rosenbrock(x):
    a, b = x[1:] - x[:-1] ** 2, 1 - x[:-1]
    g = np.zeros_like(x)
    g[:-1] = -400 * a * x[:-1] - 2 * b
    g[1:] += 200 * a
    return float(np.sum(100 * a**2 + b**2)), g


def test_rlbfgs_in_flat_space_takes_no_more_than_scipy():
    from scipy.optimize import minimize as scipy_minimize

    x0 = np.tile([-1.2, 1.0], 5)
    theirs = scipy_minimize(rosenbrock, x0, jac=True, method="L-BFGS-B", options={"gtol": 1e-8, "ftol": 0})
    ours = minimize(rosenbrock, x0, gradient=True, method="rlbfgs", gtol=1e-7)
    assert ours.success and ours.nfev <= 1.3 * theirs.nfev
    assert ours.fun == pytest.approx(theirs.fun, abs=1e-12)


@pytest.mark.parametrize("beta", ["hager_zhang", "polak_ribiere", "hestenes_stiefel", "dai_yuan", "fletcher_reeves"])
def test_conjugate_gradients_of_a_quadratic(beta, rng):
    """With a search that is nearly exact, n steps do: all the formulas are the same one then."""
    A = np.diag(np.linspace(1, 20, 6))
    method = RCG(beta=beta, line_search=StrongWolfe(c1=1e-10, c2=1e-9))
    found = minimize(lambda x: 0.5 * x @ A @ x, rng.normal(size=6), gradient=lambda x: A @ x, method=method, gtol=1e-9)
    assert found.status == "gtol" and found.nit <= 8


class Staged:
    """Gradients g0 at the start and g1 wherever the search goes first, at a lower cost, in flat space."""

    def __init__(self, g0, g1):
        self.g0, self.g1 = np.asarray(g0, float), np.asarray(g1, float)

    def direction(self, **options):
        """The second direction."""
        method = RCG(line_search=StrongWolfe(c2=0.9), **options)
        found = minimize(
            lambda x: -1e6 * float(x.any()),
            np.zeros(len(self.g0)),
            gradient=lambda x: self.g1 if x.any() else self.g0,
            method=method,
            maxiter=1,
        )
        assert found.nit == 1
        return found.state.direction[0]


@pytest.mark.parametrize("beta", ["hager_zhang", "polak_ribiere", "hestenes_stiefel", "dai_yuan", "fletcher_reeves"])
@pytest.mark.parametrize(
    ("scale", "along"), [(1.0, 0.1), (1.0, -0.6), (1e-3, -0.6), (1e3, 0.3), (1e3, -0.8), (30.0, -0.85)]
)
def test_directions_of_conjugate_gradients(beta, scale, along, rng):
    """Against the formulas, as far as they lead down; the bound of Hager and Zhang's is reached in some cases."""
    g0, g1 = scale * np.array([1.0, 0.0, 0.0]), scale * np.array([along, 0.0, 0.0])
    g1[1:] += 0.3 * scale * rng.normal(size=2) * (along > 0)
    d, y = -g0, g1 - g0
    formulas = {
        "hager_zhang": max(
            (y - 2 * d * (y @ y) / (y @ d)) @ g1 / (y @ d),
            -1 / (np.linalg.norm(d) * min(0.01, np.linalg.norm(g0))),
        ),
        "polak_ribiere": max(0.0, g1 @ y / (g0 @ g0)),
        "hestenes_stiefel": max(0.0, g1 @ y / (d @ y)),
        "dai_yuan": g1 @ g1 / (d @ y),
        "fletcher_reeves": g1 @ g1 / (g0 @ g0),
    }
    expected = -g1 + formulas[beta] * d
    if expected @ g1 >= 0:
        expected = -g1
    np.testing.assert_allclose(Staged(g0, g1).direction(beta=beta), expected, rtol=1e-12, atol=1e-12 * scale)


def test_restarts(rng):
    A, x0 = np.diag(np.linspace(1, 30, 6)), rng.normal(size=6)

    def direction(nit):
        found = minimize(
            lambda x: 0.5 * x @ A @ x, x0, gradient=lambda x: A @ x, method=RCG(restart=3), maxiter=nit, gtol=0.0
        )
        return found.state.direction[0] + A @ found.x  # 0 for steepest descent

    assert [bool(np.allclose(direction(nit), 0)) for nit in range(7)] == [True, False, False, True, False, False, True]


def test_radius_follows_the_ratio():
    """A parabola is its own model: at the boundary the radius doubles, and a model with a false bend does not."""
    options = {"method": TrustRegion(radius=8.0, max_radius=100.0), "maxiter": 1}
    found = minimize(
        lambda x: 0.5 * float(x @ x), np.array([10.0]), gradient=lambda x: x, hvp=lambda x, v: v, **options
    )
    assert found.state.radius == 16.0 and found.history.step[-1] == 8.0
    found = minimize(
        lambda x: 0.5 * float(x @ x), np.array([10.0]), gradient=lambda x: x, hvp=lambda x, v: 0 * v, **options
    )
    assert found.state.radius == 8.0
    # a step inside that makes things worse: the next radius is a quarter of the step, not of the radius
    found = minimize(
        lambda x: float(x.any()), np.zeros(1), gradient=lambda x: np.ones(1), hvp=lambda x, v: v, **options
    )
    assert found.state.radius == 0.25 and found.history.step[-1] == 0 and found.fun == 0


def test_single_precision(rng):
    f = Brockett(30, 2, rng)
    f.A, f.N = f.A.astype(np.float32), f.N.astype(np.float32)
    for method in DETERMINISTIC:
        found = minimize(
            f.cost,
            Stiefel().random_point((30, 2), rng=rng).astype(np.float32),
            gradient=f.gradient,
            manifold=Stiefel(),
            method=method,
            gtol=1e-4,
        )
        assert found.status == "gtol" and found.x.dtype == np.float32
        assert found.fun == pytest.approx(f.minimum, abs=2e-5)


def test_single_numbers_are_leaves():
    """As the logarithm of a curvature that is learned."""
    found = minimize(
        lambda x: float((x["s"] - 2.0) ** 2 + np.sum(x["v"] ** 2)),
        {"s": 0.0, "v": np.ones(2)},
        gradient=lambda x: {"s": 2 * (x["s"] - 2.0), "v": 2 * x["v"]},
    )
    assert found.success and float(found.x["s"]) == pytest.approx(2.0, abs=1e-6)


def test_what_is_found_at_a_validating_manifold(rng):
    A = np.diag([1.0, 2.0, 3.0])
    x0 = Sphere().random_point((3,), rng=rng)
    for method in (*DETERMINISTIC, "rsgd", "radam"):
        options = {"gradient": lambda x: 2 * A @ x, "hvp": hessian(method, lambda x, v: 2 * A @ v), "method": method}
        plain = minimize(lambda x: x @ A @ x, x0, manifold=Sphere(), maxiter=5, **options)
        checked = minimize(lambda x: x @ A @ x, x0, manifold=Validating(Sphere(), 1e-6), maxiter=5, **options)
        np.testing.assert_allclose(checked.x, plain.x, atol=1e-9)


# --- what ends a run -------------------------------------------------------------------------------------


def sphere_problem():
    A = np.diag([1.0, 2.0, 3.0, 5.0])
    x0 = np.array([0.5, 0.5, -0.5, 0.5])
    return lambda x: float(x @ A @ x), x0, lambda x: 2 * A @ x


def test_statuses():
    cost, x0, gradient = sphere_problem()

    def run(**options):
        return minimize(cost, x0, gradient=gradient, manifold=Sphere(), **options)

    assert run().status == "gtol" and run().success
    done = run(gtol=0.0, ftol=1e-3)
    assert done.status == "ftol" and done.success
    assert done.history.fun[-2] - done.history.fun[-1] <= 1e-3 * max(1, done.fun)
    done = run(gtol=0.0, xtol=1e-3)
    assert done.status == "xtol" and done.success and done.history.step[-1] <= 1e-3
    done = run(maxiter=2)
    assert done.status == "maxiter" and done.nit == 2 and not done.success
    assert run(maxiter=0).nit == 0 and run(maxiter=0).fun == cost(x0)
    assert run(maxtime=0.0, gtol=0.0).status == "maxtime"
    assert run(callback=lambda info: info.nit == 3, gtol=0.0).nit == 3

    def stops(info):
        raise StopIteration

    done = run(callback=stops)
    assert done.status == "callback" and done.nit == 1 and "callback" in done.message
    for method in DETERMINISTIC:
        done = run(gtol=0.0, method=method, maxiter=300)
        assert done.status in ("line_search", "maxiter", "gtol") and done.grad_norm < 1e-7
        assert done.fun == pytest.approx(1.0, abs=1e-15)
    assert minimize(cost, np.eye(4)[0], gradient=gradient, manifold=Sphere()).nit == 0


def test_a_gradient_of_the_wrong_sign_is_a_line_search_that_fails():
    cost, x0, gradient = sphere_problem()
    for method in DETERMINISTIC:
        done = minimize(cost, x0, gradient=lambda x: -gradient(x), manifold=Sphere(), method=method)
        assert done.status == "line_search" and not done.success
        assert done.fun == cost(done.x) == cost(x0)


@pytest.mark.parametrize("method", ["rsgd", "radam"])
def test_the_best_point_is_returned(method, rng):
    """With a step that is too long the last point is not the best."""
    A = np.diag([1.0, 30.0])
    chosen = RSGD(lr=0.06, momentum=0.9) if method == "rsgd" else RAdam(lr=0.3)
    found = minimize(
        lambda x: x @ A @ x, np.array([1.0, 1.0]), gradient=lambda x: 2 * A @ x, method=chosen, maxiter=37, gtol=0.0
    )
    assert found.fun == found.history.fun.min() < found.history.fun[-1]
    assert found.fun == found.x @ A @ found.x
    assert found.grad_norm == pytest.approx(np.linalg.norm(2 * A @ found.x), rel=1e-14)


@pytest.mark.parametrize("method", ["rsgd", "radam", *DETERMINISTIC])
def test_history_and_callback(method):
    cost, x0, gradient = sphere_problem()
    seen = []
    options = {"manifold": Sphere(), "method": method, "maxiter": 7, "gtol": 0.0}
    found = minimize(cost, x0, gradient=gradient, callback=seen.append, **options)
    assert all(isinstance(info, IterationInfo) for info in seen)
    assert [info.nit for info in seen] == list(range(1, found.nit + 1))
    h = found.history
    for name in ("fun", "grad_norm", "step"):
        np.testing.assert_array_equal(getattr(h, name)[1:], [getattr(info, name) for info in seen])
    assert h.step[0] == 0 and h.fun[0] == cost(x0) and np.all(np.diff(h.time) >= 0)
    for before, info in zip([x0, *(i.x for i in seen)], seen, strict=False):
        assert cost(info.x) == info.fun
        if method == "rsgd":  # exp: the length of the step is the distance
            assert Sphere().dist(before, info.x) == pytest.approx(info.step, rel=1e-9)
    thin = minimize(cost, x0, gradient=gradient, record_every=3, **options)
    np.testing.assert_array_equal(thin.history.fun, h.fun[::3])


def test_progress(capsys, monkeypatch):
    cost, x0, gradient = sphere_problem()
    minimize(cost, x0, gradient=gradient, manifold=Sphere(), verbose=True)
    assert "minimize" in capsys.readouterr().err
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    minimize(cost, x0, gradient=gradient, manifold=Sphere(), verbose=True)
    assert "minimize: 1/1000, fun" in capsys.readouterr().err


def test_counts():
    cost, x0, gradient = sphere_problem()
    calls = {"cost": 0, "gradient": 0, "hvp": 0}

    def counted(name, f):
        def call(*args):
            calls[name] += 1
            return f(*args)

        return call

    for method in ("rsgd", *DETERMINISTIC):
        for key in calls:
            calls[key] = 0
        found = minimize(
            counted("cost", cost),
            x0,
            gradient=counted("gradient", gradient),
            hvp=hessian(method, counted("hvp", lambda x, v: gradient(v))),
            manifold=Sphere(),
            method=method,
            maxiter=12,
        )
        assert (found.nfev, found.ngev, found.nhev) == tuple(calls.values())


# --- schedules, minibatches, methods of leaves -----------------------------------------------------------


def test_schedule_overrides_lr():
    cost, x0, gradient = sphere_problem()
    seen = []

    def schedule(t):
        seen.append(t)
        return 0.1 / t

    found = minimize(cost, x0, gradient=gradient, manifold=Sphere(), method="rsgd", schedule=schedule, maxiter=4)
    assert seen == [1, 2, 3, 4]
    x, method = x0, RSGD(Sphere())
    state = method.init(x)
    for t in range(1, 5):
        x, state = method.step(x, gradient(x), state, lr=0.1 / t)
    np.testing.assert_allclose(found.x, x, atol=1e-15)
    still = minimize(
        cost, x0, gradient=gradient, manifold=Sphere(), method="rsgd", schedule=cosine_schedule(0.1, 3), maxiter=3
    )
    assert still.history.step[-1] == 0


class Means:
    """Least squares with rows drawn at random."""

    def __init__(self, rng):
        self.data = rng.normal(size=(50, 3)) + np.arange(1.0, 4.0)

    def batch(self, t, generator):
        return self.data[generator.choice(50, size=5, replace=False)]

    def cost(self, x, batch):
        return 0.5 * float(np.mean(np.sum((x - batch) ** 2, axis=1)))

    def gradient(self, x, batch):
        return x - batch.mean(axis=0)


def test_batches_depend_on_seed_and_step_alone(rng):
    problem = Means(rng)
    options = {"gradient": problem.gradient, "method": RSGD(lr=0.1), "batch": problem.batch}
    a = minimize(problem.cost, np.zeros(3), rng=5, maxiter=20, **options)
    b = minimize(problem.cost, np.zeros(3), rng=5, maxiter=20, **options)
    np.testing.assert_array_equal(a.x, b.x)
    assert a.status == "maxiter" and len(a.history.fun) == 20
    other = minimize(problem.cost, np.zeros(3), rng=6, maxiter=20, **options)
    assert np.abs(a.x - other.x).max() > 1e-6
    drawn = minimize(problem.cost, np.zeros(3), rng=np.random.default_rng(3), maxiter=20, **options)
    again = minimize(problem.cost, np.zeros(3), rng=np.random.default_rng(3), maxiter=20, **options)
    np.testing.assert_array_equal(drawn.x, again.x)

    steps = []
    minimize(
        lambda x, batch: 0.0,
        np.zeros(3),
        gradient=lambda x, batch: x,
        method="rsgd",
        batch=lambda t, generator: steps.append((t, generator.random())),
        rng=1,
        maxiter=4,
    )
    assert [t for t, _ in steps] == [0, 1, 2, 3, 3]  # the last once more, for the cost that is returned
    assert len({number for _, number in steps}) == 4 and steps[3] == steps[4]
    assert a.fun == problem.cost(a.x, problem.batch(19, generator_of(5, 19)))


def generator_of(seed, t):
    return np.random.Generator(np.random.Philox(np.random.SeedSequence([seed], spawn_key=(t,))))


def test_a_method_for_each_leaf(rng):
    target = {"w": rng.normal(size=(4, 3)), "p": Sphere().random_point((5, 3), rng=rng), "more": {"b": np.ones(2)}}
    group = LorentzGroup(2, 1)
    target["g"] = group.exp(np.eye(3), 0.3 * group.random_tangent(np.eye(3), rng=rng))
    x0 = {
        "w": np.zeros((4, 3)),
        "p": Sphere().random_point((5, 3), rng=rng),
        "more": {"b": np.zeros(2)},
        "g": np.eye(3),
    }
    method = {"w": "muon", "p": RSGD(lr=0.2), "more": {"b": RAdam(lr=0.1)}, "g": HyperbolicMuon(group, momentum=0.5)}

    def cost(x):
        return ravel_cost(x, target)

    def gradient(x):
        return {
            "w": x["w"] - target["w"],
            "p": x["p"] - target["p"],
            "more": {"b": x["more"]["b"] - target["more"]["b"]},
            "g": x["g"] - target["g"],
        }

    m = {"w": None, "p": Sphere(), "more": None, "g": group}
    found = minimize(
        cost,
        x0,
        gradient=gradient,
        manifold=m,
        method=method,
        maxiter=300,
        schedule=lambda t: 0.2 * (1 - t / 301),
        gtol=0.0,
    )
    assert found.fun < 1e-3 * cost(x0)
    assert set(found.state) == {"w", "p", "more", "g"} and found.state["more"]["b"].count == 300
    alone = minimize(
        lambda w: float(np.sum((w - target["w"]) ** 2)) / 2,
        x0["w"],
        gradient=lambda w: w - target["w"],
        method=Muon(),
        maxiter=300,
        schedule=lambda t: 0.2 * (1 - t / 301),
        gtol=0.0,
    )
    np.testing.assert_allclose(alone.x, found.x["w"], atol=0.05)


def ravel_cost(x, y):
    return float(np.sum((ravel(x)[0] - ravel(y)[0]) ** 2)) / 2


def test_ravel(rng):
    tree = {"a": rng.normal(size=(2, 3)), "b": {"c": rng.normal(size=4), "d": (np.float32(1.5), rng.normal(size=1))}}
    vector, unravel = ravel(tree)
    assert vector.shape == (12,)
    back = unravel(vector)
    np.testing.assert_array_equal(back["a"], tree["a"])
    assert back["b"]["d"][0] == 1.5 and isinstance(back["b"]["d"], tuple)
    np.testing.assert_array_equal(ravel(np.arange(4).reshape(2, 2))[1](np.arange(4.0)), [[0.0, 1.0], [2.0, 3.0]])
    with pytest.raises(ValueError, match="vector of 12 entries"):
        unravel(vector[:3])
    with pytest.raises(ValueError, match="at least one array"):
        ravel({})
    with pytest.raises(TypeError, match="real numbers"):
        ravel({"a": np.ones(2, complex)})


def test_maxtime_is_kept():
    begin = time.perf_counter()
    found = minimize(
        lambda x: float(x @ x),
        np.ones(3),
        gradient=lambda x: 2 * x,
        method=RSGD(lr=1e-9),
        maxtime=0.05,
        maxiter=10**8,
        callback=lambda info: time.sleep(1e-3),
    )
    assert found.status == "maxtime" and time.perf_counter() - begin < 5
