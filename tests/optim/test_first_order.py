"""RSGD and RAdam, step by step."""

import pickle
from dataclasses import replace

import numpy as np
import pytest
from manifolds.points import difference, each, size, times
from manifolds.test_laws import TABLE, moderate
from optim.problems import same_bits

from hypergeom import lorentz, poincare
from hypergeom.manifolds import Euclidean, Lorentz, LorentzGroup, PoincareBall, Product, Sphere, Stiefel
from hypergeom.optim import RSGD, RAdam, minimize

METHODS = {
    "plain": RSGD(lr=0.1),
    "momentum": RSGD(lr=0.1, momentum=0.7),
    "dampened": RSGD(lr=0.1, momentum=0.7, dampening=0.3),
    "nesterov": RSGD(lr=0.1, momentum=0.7, nesterov=True),
    "radam": RAdam(lr=0.05),
    "amsgrad": RAdam(lr=0.05, betas=(0.8, 0.9), amsgrad=True),
}


def on(method, manifold):
    return replace(method, manifold=manifold)


def run(method, x, gradient, steps, **options):
    state = method.init(x)
    for _ in range(steps):
        x, state = method.step(x, gradient(x), state, **options)
    return x, state


# --- the same as others ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"momentum": 0.9},
        {"momentum": 0.9, "dampening": 0.4},
        {"momentum": 0.9, "nesterov": True},
        {"momentum": 0.5, "weight_decay": 0.3},
    ],
)
def test_in_flat_space_it_is_sgd_of_torch(options, rng):
    torch = pytest.importorskip("torch")
    A = rng.normal(size=(5, 5))
    x = rng.normal(size=5)
    theirs = torch.tensor(x, requires_grad=True)
    method = torch.optim.SGD([theirs], lr=0.02, **options)
    ours, state = x, RSGD(lr=0.02, **options).init(x)
    for _ in range(100):
        theirs.grad = torch.tensor(A.T @ A @ theirs.detach().numpy() + np.sin(theirs.detach().numpy()))
        method.step()
        ours, state = RSGD(lr=0.02, **options).step(ours, A.T @ A @ ours + np.sin(ours), state)
    np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("amsgrad", [False, True])
@pytest.mark.parametrize("weight_decay", [0.0, 0.2])
def test_in_flat_space_it_is_adam_of_torch(amsgrad, weight_decay, rng):
    torch = pytest.importorskip("torch")
    x, G = rng.normal(size=(4, 3)), rng.normal(size=(100, 4, 3)) * np.exp(rng.normal(size=(100, 1, 1)))
    theirs = torch.tensor(x, requires_grad=True)
    options = {"lr": 0.03, "betas": (0.85, 0.95), "amsgrad": amsgrad, "weight_decay": weight_decay}
    method, ours = torch.optim.Adam([theirs], **options), RAdam(**options)
    state = ours.init(x)
    for g in G:
        theirs.grad = torch.tensor(g + x * 0)
        method.step()
        x, state = ours.step(x, g, state)
        np.testing.assert_allclose(x, theirs.detach().numpy(), rtol=1e-14, atol=1e-14)
    assert state.count == 100 and (state.max_second is not None) == amsgrad


@pytest.mark.parametrize("name", ["sphere", "ball"])
def test_rsgd_of_geoopt(name, rng):
    torch, geoopt = pytest.importorskip("torch"), pytest.importorskip("geoopt")
    m, shape = TABLE[name][:2]
    theirs = {"sphere": geoopt.SphereExact(), "ball": geoopt.PoincareBallExact()}[name]
    a, x = rng.normal(size=shape), moderate(m, shape, rng)
    p = geoopt.ManifoldParameter(torch.tensor(x), manifold=theirs)
    method = geoopt.optim.RiemannianSGD([p], lr=0.05)
    state = RSGD(m, lr=0.05).init(x)
    for _ in range(30):
        method.zero_grad()
        ((p - torch.tensor(a)) ** 2).sum().backward()
        method.step()
        x, state = RSGD(m, lr=0.05).step(x, 2 * (x - a), state)
    np.testing.assert_allclose(x, p.detach().numpy(), atol=1e-12)


# --- the momentum ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["momentum", "radam"])
@pytest.mark.parametrize("name", TABLE)
def test_momentum_is_a_tangent_vector_at_the_new_point(name, method, rng):
    m, shape = TABLE[name][:2]
    x = moderate(m, shape, rng)
    chosen = on(METHODS[method], m)
    state = chosen.init(x)
    for _ in range(3):
        g = each(lambda a: rng.normal(size=a.shape), x)
        x, state = chosen.step(x, times(0.3, g), state)
        m.check(x)
        m.check_tangent(x, state.momentum)


def test_first_momentum_is_the_gradient(rng):
    """And not the Euclidean one, with no dampening and no bias."""
    x = Sphere().random_point((4,), rng=rng)
    g = rng.normal(size=4)
    method = RSGD(Sphere(), lr=0.1, momentum=0.9, dampening=0.5)
    y, state = method.step(x, g, method.init(x))
    rgrad = Sphere().egrad2rgrad(x, g)
    there, moved = Sphere().exp_transport(x, -0.1 * rgrad, rgrad)
    np.testing.assert_allclose(y, there, atol=1e-15)
    np.testing.assert_allclose(state.momentum, moved, atol=1e-15)


def test_momentum_is_transported(rng):
    """Along a geodesic the momentum of a constant pull keeps its length, and its angle with the velocity."""
    m = Lorentz()
    x = m.random_point((5,), rng=rng)
    method = RSGD(m, lr=0.1, momentum=0.9)
    state = method.init(x)
    x, state = method.step(x, rng.normal(size=5), state)
    first = state.momentum
    before = x
    x, state = method.step(x, np.zeros(5), state)
    assert m.norm(x, state.momentum) == pytest.approx(0.9 * m.norm(before, first), rel=1e-12)
    np.testing.assert_allclose(state.momentum, 0.9 * m.transport(before, x, first), rtol=1e-12, atol=1e-13)


# --- symmetry --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["nesterov", "amsgrad", "rcg", "rlbfgs"])
@pytest.mark.parametrize("name", ["sphere", "lorentz", "stiefel"])
def test_iterates_are_equivariant_under_isometries(name, method, rng):
    """Turned coordinates make turned iterates: what depended on the frame would show."""
    m, shape = TABLE[name][:2]
    n = shape[1]
    Q = np.linalg.qr(rng.normal(size=(n, n)))[0]
    adjoint = Q.T
    if name == "lorentz":
        group = LorentzGroup(n - 1, 1)
        Q = group.random_point((n, n), rng=rng, cond=3.0)
        adjoint = group.inverse(Q)
    x, a = moderate(m, shape[1:], rng), rng.normal(size=shape[1:])

    def cost(x):
        return float(np.sum((x - a) ** 2) + np.sum(np.sin(x)))

    def gradient(x):
        return 2 * (x - a) + np.cos(x)

    steps = 8 if method in METHODS else 4  # line searches magnify rounding
    options = {"manifold": m, "maxiter": steps, "gtol": 0.0, "method": METHODS.get(method, method)}
    here = minimize(cost, x, gradient=gradient, **options).x
    there = minimize(
        lambda y: cost(adjoint @ y), Q @ x, gradient=lambda y: adjoint.T @ gradient(adjoint @ y), **options
    ).x
    np.testing.assert_allclose(there, Q @ here, atol=1e-9 if method in METHODS else 1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_ball_and_hyperboloid_agree(method, rng):
    ball, hyperboloid = PoincareBall(), Lorentz()
    targets = moderate(ball, (5, 3), rng)
    others = poincare.to_lorentz(targets)
    x = run(on(METHODS[method], ball), targets[0] / 2, lambda x: sum_of_squares_ball(x, targets), 40)
    y = run(
        on(METHODS[method], hyperboloid),
        poincare.to_lorentz(targets[0] / 2),
        lambda x: lorentz.dist_vjp(lorentz.dist(x, others), x, others)[0],
        40,
    )
    np.testing.assert_allclose(poincare.to_lorentz(x[0]), y[0], rtol=1e-9, atol=1e-9)


def sum_of_squares_ball(x, targets):
    return poincare.dist_vjp(poincare.dist(x, targets), x, targets)[0]


# --- weight decay ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [RSGD(lr=0.1, weight_decay=0.5), RAdam(lr=0.1, weight_decay=0.5)])
@pytest.mark.parametrize("m", [PoincareBall(0.7), Lorentz(0.7)])
def test_weight_decay_pulls_toward_the_origin_along_a_geodesic(method, m, rng):
    o = m.origin((4,))
    v = m.random_tangent(o, rng=rng)
    x = m.exp(o, 1.5 / m.norm(o, v) * v)  # farther than five steps of RAdam
    start = m.dist(x, o)
    y, _ = run(on(method, m), x, np.zeros_like, 5)
    assert m.dist(x, y) + m.dist(y, o) == pytest.approx(start, rel=1e-12)
    if isinstance(method, RSGD):
        assert m.dist(y, o) == pytest.approx(start * 0.95**5, rel=1e-12)


@pytest.mark.parametrize("m", [Sphere(), Stiefel(), LorentzGroup(2, 1)])
@pytest.mark.parametrize("kind", [RSGD, RAdam])
def test_weight_decay_means_nothing_elsewhere(m, kind):
    x = m.origin((3, 3))
    with pytest.raises(ValueError, match="weight_decay must be 0"):
        kind(m, weight_decay=0.1).init(x)


# --- rows ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["euclidean", "sphere", "curved ball", "lorentz", "stiefel", "lorentz group"])
def test_rows_are_dense_steps_of_these_rows(name, method, rng):
    m, shape = TABLE[name][:2]
    x = moderate(m, (20, *shape[1:]), rng)
    chosen = on(METHODS[method], m)
    state = chosen.init(x)
    for _ in range(3):
        rows = rng.choice(20, size=6, replace=False)
        g = 0.3 * rng.normal(size=(6, *shape[1:]))
        dense = np.zeros_like(x)
        dense[rows] = g
        y, new = chosen.step(x, g, state, rows=rows)
        other, all_rows = chosen.step(x, dense, state)
        assert difference(y[rows], other[rows]) <= 4e-16 * size(other[rows])
        untouched = np.setdiff1d(np.arange(20), rows)
        for before, after in zip(buffers(x, state), buffers(y, new), strict=True):
            assert np.array_equal(before[untouched], after[untouched])
        for after, full in zip(buffers(y, new), buffers(other, all_rows), strict=True):
            assert np.abs(after[rows] - full[rows]).max() <= 1e-15 * max(np.abs(full).max(), 1)
        assert new.count == state.count + 1
        x, state = y, new


def buffers(x, state):
    fields = (getattr(state, name, None) for name in ("momentum", "second", "max_second"))
    return [x, *(b for b in fields if b is not None)]


@pytest.mark.parametrize("backend", ["numpy", "array_api_strict", "torch"])
def test_rows_that_come_several_times_are_summed(backend, rng):
    xp = pytest.importorskip(backend)
    m = PoincareBall()
    x = m.random_point((10, 3), rng=rng)
    rows, g = np.array([7, 2, 7, 5, 2, 7]), rng.normal(size=(6, 3))
    sums = np.stack([g[rows == k].sum(axis=0) for k in (2, 5, 7)])
    method = RAdam(m, lr=0.1)
    y, state = method.step(xp.asarray(x), xp.asarray(g), method.init(xp.asarray(x)), rows=xp.asarray(rows))
    once, single = method.step(x, sums, method.init(x), rows=np.array([2, 5, 7]))
    np.testing.assert_allclose(np.asarray(y), once, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(np.asarray(state.second), single.second, rtol=1e-13)
    z, _ = method.step(xp.asarray(x), xp.asarray(g[[0, 3, 1]]), method.init(xp.asarray(x)), rows=xp.asarray([7, 5, 2]))
    straight, _ = method.step(x, g[[1, 3, 0]], method.init(x), rows=[2, 5, 7])
    np.testing.assert_allclose(np.asarray(z), straight, rtol=1e-14, atol=1e-15)


def test_rows_of_a_tree(rng):
    method = RSGD({"a": Sphere(), "b": None}, lr=0.1, momentum=0.5)
    x = {"a": Sphere().random_point((6, 3), rng=rng), "b": rng.normal(size=4)}
    g = {"a": rng.normal(size=(2, 3)), "b": rng.normal(size=4)}
    y, state = method.step(x, g, method.init(x), rows={"a": [1, 4]})
    assert np.array_equal(y["a"][[0, 2, 3, 5]], x["a"][[0, 2, 3, 5]])
    np.testing.assert_allclose(y["b"], x["b"] - 0.1 * g["b"])
    np.testing.assert_allclose(
        y["a"][[1, 4]], Sphere().exp(x["a"][[1, 4]], -0.1 * Sphere().egrad2rgrad(x["a"][[1, 4]], g["a"]))
    )
    unmoved, _ = method.step(x, {"a": np.zeros((0, 3)), "b": g["b"]}, state, rows={"a": []})
    assert np.array_equal(unmoved["a"], x["a"])


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        ([0, 6], r"rows must lie in \[0, 6\), got 6"),
        ([-1, 2], "got -1"),
        ([0.5, 1.0], "vector of integers"),
        ([[0, 1]], "vector of integers"),
        ([0], r"needs the shape \(1, 3\)"),
        ({"a": [0, 1]}, "must be an integer array"),
    ],
)
def test_bad_rows(rows, match, rng):
    x, g = rng.normal(size=(6, 3)), np.zeros((2, 3))
    method = RSGD()
    with pytest.raises((ValueError, TypeError), match=match):
        method.step(x, g, method.init(x), rows=rows)
    with pytest.raises(ValueError, match="leading axis"):
        method.step(x[0], g, method.init(x[0]), rows=[0, 1])


# --- long runs, values, errors ---------------------------------------------------------------------------


@pytest.mark.parametrize("steps", [400, pytest.param(100_000, marks=pytest.mark.slow)])
@pytest.mark.parametrize("method", ["plain", "radam"])
@pytest.mark.parametrize("name", ["sphere", "ball", "lorentz", "stiefel", "euclidean stiefel", "lorentz group"])
def test_long_runs_stay_on_the_manifold(name, method, steps, rng):
    m, shape = TABLE[name][:2]
    a = x = moderate(m, shape[1:], rng)
    noise = rng.normal(size=(64, *x.shape))
    k = iter(range(steps + 1))
    x, _ = run(on(METHODS[method], m), x, lambda x: (x - a) * 2 + noise[next(k) % 64], steps)
    m.check(x)


def test_states_and_methods_are_values(rng):
    method = RAdam(Product(Sphere(), Euclidean()), lr=0.1)
    assert method == RAdam(Product(Sphere(), Euclidean()), lr=0.1) and hash(method) == hash(
        pickle.loads(pickle.dumps(method))
    )
    x = (Sphere().random_point((3,), rng=rng), rng.normal(size=2))
    g = (rng.normal(size=3), rng.normal(size=2))
    for a in (*x, *g):
        a.setflags(write=False)
    y, state = method.step(x, g, method.init(x))
    again, _ = method.step(*pickle.loads(pickle.dumps((y, g, state))))
    assert same_bits(again, method.step(y, g, state)[0])
    with pytest.raises(AttributeError):
        state.count = 3


@pytest.mark.parametrize(
    ("make", "error", "match"),
    [
        (lambda: RSGD(lr=0.0), ValueError, "lr must be positive"),
        (lambda: RSGD(lr="1"), TypeError, "lr must be a number"),
        (lambda: RSGD(momentum=1.0), ValueError, "momentum must be at least 0 and below 1"),
        (lambda: RSGD(momentum=-0.1), ValueError, "momentum"),
        (lambda: RSGD(nesterov=True), ValueError, "nesterov needs momentum"),
        (lambda: RSGD(weight_decay=-1.0), ValueError, "weight_decay"),
        (lambda: RAdam(betas=(0.9, 1.0)), ValueError, r"betas\[1\] must be at least 0 and below 1"),
        (lambda: RAdam(betas=0.9), ValueError, "two numbers"),
        (lambda: RAdam(eps=-1e-8), ValueError, "eps"),
        (lambda: RAdam(lr=float("inf")), ValueError, "lr"),
        (lambda: RSGD("sphere").init(np.ones(2)), TypeError, "needs a manifold"),
        (lambda: RSGD().init(np.ones(2, complex)), TypeError, "real numbers"),
        (lambda: RSGD(Stiefel()).init(np.ones(2)), ValueError, "at least 2 axes"),
        (lambda: RSGD().step(np.ones(2), np.ones(2), RSGD().init(np.ones(2)), lr=-1.0), ValueError, "lr"),
        (lambda: RSGD().step(np.ones(2), np.ones(3), RSGD().init(np.ones(2))), ValueError, r"\(2,\) of x, got \(3,\)"),
    ],
)
def test_bad_parameters(make, error, match):
    with pytest.raises(error, match=match):
        make()
