"""Muon in flat space and on O(p, q)."""

import itertools
import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypergeom import lorentz
from hypergeom.errors import ConvergenceError
from hypergeom.manifolds import LorentzGroup
from hypergeom.optim import HyperbolicMuon, Muon, MuonState
from hypergeom.polar import msign, newton_schulz, ns_coefficients, ns_range

GROUPS = [(16, 1), (7, 1), (4, 4), (3, 2), (5, 0), (1, 1)]


def problem(p, q, rng, batch=()):
    group = LorentzGroup(p, q)
    cond = 10.0 if p and q else 1.0
    w = group.random_point((*batch, group.n, group.n), rng=rng, cond=cond)
    return group, w, rng.normal(size=w.shape)


def nuclear(a):
    return np.linalg.svd(a, compute_uv=False).sum(-1)


# --- the direction ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("p", "q"), GROUPS)
def test_direction_is_in_the_algebra(p, q, rng):
    group, w, g = problem(p, q, rng)
    method = HyperbolicMuon(group)
    d, _ = method.direction(w, g, method.init(w))
    assert np.linalg.norm(d + group.inverse(d)) <= 1e-14 * np.linalg.norm(d)
    assert np.linalg.norm(d, 2) <= 1.21


@pytest.mark.parametrize("n", [8, 9])
def test_direction_of_a_momentum_without_full_rank(n, rng):
    group = LorentzGroup(n - 1, 1)
    low = rng.normal(size=(n, 2)) @ rng.normal(size=(2, n))
    momentum = group.project_algebra(low)
    assert np.linalg.matrix_rank(momentum) <= 4
    method = HyperbolicMuon(group, momentum=0.9, nesterov=False)
    d, _ = method.direction(np.eye(n), np.zeros((n, n)), MuonState(momentum, 3))
    assert np.linalg.norm(d + group.inverse(d)) <= 1e-14 * np.linalg.norm(d)
    j = group.j[:, None]
    np.testing.assert_allclose(d, j * msign(j * momentum), atol=1e-3)


@pytest.mark.parametrize(("p", "q"), GROUPS)
@pytest.mark.parametrize("steps", [8, 5])
def test_direction_is_that_of_steepest_descent(p, q, steps, rng):
    """<g, D> is the nuclear norm of the gradient, to the range of the coefficients, and nothing of norm 1 has more."""
    group, w, g = problem(p, q, rng)
    method = HyperbolicMuon(group, momentum=0.0, nesterov=False, steps=steps)
    d, _ = method.direction(w, g, method.init(w))
    gradient = group.egrad2rgrad(w, g)
    best = nuclear(gradient)
    least = np.linalg.svd(gradient, compute_uv=False)[: group.n // 2 * 2].min() / np.linalg.norm(gradient)
    low, high = ns_range(ns_coefficients("polar_express", steps=steps), least)
    if steps == 8 and least > 1e-3:
        assert low >= 0.9999 and high <= 1.0001
    rounding = 1e-13 / least
    low, high = low - rounding, high + rounding
    assert low * best <= (gradient * d).sum() <= high * best
    others = group.random_tangent(np.broadcast_to(w, (500, *w.shape)), rng=rng)
    others /= np.linalg.norm(others, 2, axis=(-2, -1))[:, None, None]
    assert (gradient * others).sum(axis=(-2, -1)).max() <= best * (1 + 1e-12)


@pytest.mark.parametrize(("p", "q"), GROUPS)
def test_steps_are_equivariant(p, q, rng):
    """From Q W, with the gradient Q^{-T} G, a step goes where Q takes the step from W."""
    group, w, g = problem(p, q, rng)
    turn = problem(p, q, rng)[1]
    method = HyperbolicMuon(group)
    state = MuonState(group.random_tangent(w, rng=rng), 3)
    there, state_there = method.step(turn @ w, group.inverse(turn).T @ g, state)
    here, state_here = method.step(w, g, state)
    scale = np.linalg.norm(turn, 2) * np.linalg.norm(w, 2)
    assert np.abs(there - turn @ here).max() <= 1e-13 * scale**2
    assert np.abs(state_there.momentum - state_here.momentum).max() <= 1e-13 * scale**2 * np.abs(g).max()


def test_on_the_orthogonal_group_it_is_orthogonal_muon(rng):
    group, w, g = problem(6, 0, rng)
    method = HyperbolicMuon(group, momentum=0.0, nesterov=False, steps=12)
    d, _ = method.direction(w, g, method.init(w))
    np.testing.assert_allclose(d, msign((w.T @ g - g.T @ w) / 2), atol=1e-13)


@given(st.floats(0.01, 1.6), st.integers(0, 10**9))
@settings(max_examples=40, deadline=None)
def test_the_learning_rate_is_a_hyperbolic_distance(lr, seed):
    """The image of the apex moves by at most 2 artanh(lr |D| / 2), however far out it is."""
    group, w, g = problem(5, 1, np.random.default_rng(seed))
    method = HyperbolicMuon(group, momentum=0.0, nesterov=False, polish_every=0)
    d, _ = method.direction(w, g, method.init(w))
    moved, _ = method.step(w, g, method.init(w), lr=lr)
    bound = 2 * np.arctanh(lr * np.linalg.norm(d, 2) / 2)
    apart = lorentz.dist(w[:, 0] * np.sign(w[0, 0]), moved[:, 0] * np.sign(w[0, 0]))
    assert apart <= bound * (1 + 1e-12) + 1e-12


# --- the loop --------------------------------------------------------------------------------------------


def procrustes(rng, n=17, count=256, rapidity=2.0):
    """Points, and where a Lorentz transformation that is sought takes them."""
    group = LorentzGroup(n - 1, 1)
    target = group.random_point((n, n), rng=rng, cond=np.exp(2 * rapidity))
    v = rng.normal(size=(count, n))
    v[:, 0] = 0
    x = lorentz.exp0(v / np.sqrt(n))
    return group, target, x, x @ target.T


def gradient(w, x, y):
    """Of the mean distance of the pairs."""
    image = x @ w.T
    g, _, _ = lorentz.dist_vjp(np.full(len(x), 1 / len(x)), image, y)
    return g.T @ x


def error(w, x, y):
    return lorentz.dist(x @ w.T, y).mean()


def test_lorentz_procrustes(rng):
    group, _, x, y = procrustes(rng)
    method = HyperbolicMuon(group)
    w = group.origin((17, 17))
    assert error(w, x, y) > 1
    state = method.init(w)
    for t in range(400):
        w, state = method.step(w, gradient(w, x, y), state, lr=0.05 * (1 - t / 400))
    assert error(w, x, y) <= 5e-3
    group.check(w)

    flat, state = group.origin((17, 17)), Muon().init(w)  # leaves the group
    for t in range(50):
        flat, state = Muon(lr=0.05).step(flat, gradient(flat, x, y), state, lr=0.05 * (1 - t / 400))
    assert group.residual(flat) > 1e-3


def test_resumes_bit_for_bit(rng):
    group, _, x, y = procrustes(rng, n=6, count=20)
    method = HyperbolicMuon(group, polish_every=3)
    w = group.origin((6, 6))
    state = method.init(w)
    for t in range(20):
        if t == 8:
            saved = pickle.dumps((method, w, state))
        w, state = method.step(w, gradient(w, x, y), state)
    again, v, resumed = pickle.loads(saved)
    assert again == method
    for _ in range(8, 20):
        v, resumed = again.step(v, gradient(v, x, y), resumed)
    np.testing.assert_array_equal(v, w)
    np.testing.assert_array_equal(resumed.momentum, state.momentum)
    assert resumed.count == state.count == 20


@pytest.mark.parametrize(("every", "bar"), [(10, 1e-6), (1, 1e-7)])
def test_drift_in_single_precision(every, bar, rng):
    group = LorentzGroup(16, 1)
    method = HyperbolicMuon(group, polish_every=every)
    w = group.origin((17, 17), like=np.zeros(1, np.float32))
    state = method.init(w)
    for _ in range(300):
        w, state = method.step(w, rng.normal(size=(17, 17)).astype(np.float32), state)
    assert w.dtype == state.momentum.dtype == np.float32
    assert group.residual(w) <= bar
    assert group.component(w) == (1, 1)


def test_polish_falls_back_on_the_projection(rng):
    group = LorentzGroup(3, 1)
    w = group.random_point((4, 4), rng=rng, cond=4.0)
    off = 1.4 * (w + 0.02 * rng.normal(size=w.shape))
    with pytest.raises(ConvergenceError):
        group.polish(off)
    method = HyperbolicMuon(group, polish_every=1)
    moved, _ = method.step(off, np.zeros((4, 4)), method.init(w))
    assert group.residual(moved) < 1e-13


def test_weight_decay_shrinks_boosts_alone(rng):
    group = LorentzGroup(3, 1)
    method = HyperbolicMuon(group, weight_decay=0.5, momentum=0.0)
    w = group.random_point((4, 4), rng=rng, cond=20.0)
    state, zero = method.init(w), np.zeros((4, 4))
    sizes = []
    for t in range(200):
        sizes.append(np.linalg.norm(w, 2))
        w, state = method.step(w, zero, state, lr=0.05 * (1 - t / 200))
    assert all(b < a for a, b in itertools.pairwise(sizes[:21]))
    assert np.linalg.norm(w, 2) < 1.1
    group.check(w)


def test_nothing_is_changed_in_place(rng):
    group, w, g = problem(4, 1, rng)
    state = HyperbolicMuon(group).init(w)
    for a in (w, g, state.momentum):
        a.setflags(write=False)
    HyperbolicMuon(group).step(w, g, state)
    Muon().step(w, g, Muon().init(w))


def test_batches_are_single_problems(rng):
    group, w, g = problem(4, 1, rng, batch=(3,))
    method = HyperbolicMuon(group)
    together, _ = method.step(w, g, method.init(w))
    for k in range(3):
        alone, _ = method.step(w[k], g[k], method.init(w[k]))
        np.testing.assert_allclose(together[k], alone, atol=1e-13)


# --- in flat space ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("nesterov", [True, False])
@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (2, 4, 4)])
@pytest.mark.parametrize("scale", ["jordan", "rms", "none"])
def test_muon_is_its_recurrence(nesterov, shape, scale, rng):
    method = Muon(lr=0.1, momentum=0.8, nesterov=nesterov, weight_decay=0.3, scale=scale)
    w = rng.normal(size=shape)
    state, M = method.init(w), np.zeros(shape)
    m, n = shape[-2:]
    s = {"jordan": max(1, m / n) ** 0.5, "rms": 0.2 * max(m, n) ** 0.5, "none": 1}[scale]
    for t in range(4):
        g = rng.normal(size=shape)
        M = 0.8 * M + 0.2 * g
        U = 0.2 * g + 0.8 * M if nesterov else M
        lr = 0.1 if t < 2 else 0.05
        expected = (1 - lr * 0.3) * w - lr * s * newton_schulz(U, coefficients="jordan", steps=5)
        w, state = method.step(w, g, state, lr=None if t < 2 else lr)
        np.testing.assert_allclose(w, expected, rtol=1e-13, atol=1e-14)
    assert state.count == 4


def test_coefficients_as_rows(rng):
    rows = ns_coefficients("polar_express", steps=6)
    method = Muon(coefficients=rows)
    assert method == Muon(coefficients=rows.copy()) and hash(method) == hash(Muon(coefficients=rows))
    w, g = rng.normal(size=(2, 4, 4))
    named, _ = Muon(coefficients="polar_express", steps=6).step(w, g, method.init(w))
    np.testing.assert_array_equal(method.step(w, g, method.init(w))[0], named)


@pytest.mark.parametrize("backend", ["array_api_strict", "torch"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_on_every_backend(backend, dtype, rng):
    xp = pytest.importorskip(backend)
    group, w, g = problem(4, 1, rng)
    for method in (Muon(), HyperbolicMuon(group, polish_every=1)):
        a, b = (xp.asarray(v.astype(dtype)) for v in (w, g))
        moved, state = method.step(a, b, method.init(a))
        assert isinstance(moved, type(a)) and moved.dtype == a.dtype == state.momentum.dtype
        expected, _ = method.step(w, g, method.init(w))
        np.testing.assert_allclose(np.asarray(moved), expected, atol=1e3 * np.finfo(dtype).eps)


@pytest.mark.parametrize(
    ("change", "error", "match"),
    [
        ({"lr": 0.0}, ValueError, "lr must be positive"),
        ({"lr": float("nan")}, ValueError, "lr must be positive"),
        ({"lr": "1"}, TypeError, "lr must be a number"),
        ({"momentum": 1.0}, ValueError, "momentum must be at least 0 and below 1"),
        ({"weight_decay": -1.0}, ValueError, "weight_decay must be at least 0"),
        ({"steps": 0}, ValueError, "steps must be at least 1"),
        ({"steps": 2.5}, TypeError, "steps must be an integer"),
        ({"coefficients": "you7"}, ValueError, "you7"),
    ],
)
def test_bad_parameters(change, error, match):
    with pytest.raises(error, match=match):
        Muon(**change)
    with pytest.raises(error, match=match):
        HyperbolicMuon(LorentzGroup(2, 1), **change)


def test_bad_parameters_of_one(rng):
    group, w, g = problem(2, 1, rng)
    with pytest.raises(ValueError, match="scale must be"):
        Muon(scale="max")
    with pytest.raises(TypeError, match="group must be a LorentzGroup"):
        HyperbolicMuon((2, 1))
    with pytest.raises(ValueError, match="retraction must be"):
        HyperbolicMuon(group, retraction="qr")
    with pytest.raises(ValueError, match="polish_every must be at least 0"):
        HyperbolicMuon(group, polish_every=-1)
    with pytest.raises(ValueError, match="below 2"):
        HyperbolicMuon(group, lr=1.7)
    method = HyperbolicMuon(group)
    with pytest.raises(ValueError, match="below 2"):
        method.step(w, g, method.init(w), lr=2.0)
    with pytest.raises(ValueError, match="shapes"):
        method.step(w, g[:2], method.init(w))
