"""The Fréchet mean of both models: stationary, and differentiated, in many digits."""

from dataclasses import astuple

import mpmath as mp
import numpy as np
import pytest
from means_oracle import (
    EPS,
    SIZES,
    ball,
    cluster,
    directions,
    drop,
    error,
    frechet,
    lift,
    mean_log,
    row,
    rows,
    time,
    vjp,
    weights,
)

from hypergeom import lorentz, poincare
from hypergeom.errors import ConvergenceError

SPACES = {"poincare": poincare, "lorentz": lorentz}


@pytest.fixture(autouse=True)
def digits():
    with mp.workdps(90):
        yield


@pytest.mark.parametrize("radius", [1, 4, 10])
@pytest.mark.parametrize(("d", "m"), SIZES)
def test_frechet_mean_is_stationary(d, m, radius, rng, libraries):
    c = 10.0 ** rng.uniform(-3, 3)
    x, w = ball(rng, (m, d), c, radius), weights(rng, m)
    X, k, total = poincare.to_lorentz(x, c), mp.mpf(c), mp.fsum(row(w))
    for library, call in libraries.items():
        # other libraries sum the gap to the rim as it is written
        lost = X[:, 0].max() * np.sqrt(c) if library == "formula" else 1
        result = poincare.FrechetMean(*call(lambda *args: astuple(poincare.frechet_mean(*args)), x, w, c))
        assert result.converged, library
        assert result.iterations <= 25
        mean = lift(row(result.point), k)
        r = mean_log(mean, [lift(xi, k) for xi in rows(x)], row(w), k)
        length = mp.sqrt(mp.fdot(r, r) - (mp.fdot(r, mean) / time(mean, k)) ** 2) / total
        reach = max(poincare.dist(result.point, x, c).max(), float(mp.norm(mean)))
        assert length <= 32 * EPS * reach * lost, library
        assert abs(length - result.grad_norm) <= 32 * EPS * reach * lost, library

        result = lorentz.FrechetMean(*call(lambda *args: astuple(lorentz.frechet_mean(*args)), X, w, c))
        assert result.converged, library
        mean = row(result.point[1:])
        r = mean_log(mean, rows(X[:, 1:]), row(w), k)
        length = mp.sqrt(mp.fdot(r, r) - (mp.fdot(r, mean) / time(mean, k)) ** 2) / total
        h = float(time(mean, k)) * np.sqrt(c)
        assert length <= 32 * EPS * h * lost * max(lorentz.dist(result.point, X, c).max(), 1 / np.sqrt(c)), library
        np.testing.assert_allclose(result.variance, w @ lorentz.dist(result.point, X, c) ** 2 / w.sum(), rtol=1e-13)


@pytest.mark.parametrize("k", [2, 5, 9, 12])
def test_frechet_mean_near_the_rim(k, rng):
    for d, m in SIZES:
        x, w = cluster(rng, m, d, k), weights(rng, m)
        result = poincare.frechet_mean(x, w)
        assert result.converged
        assert result.grad_norm <= 32 * EPS * poincare.to_lorentz(result.point)[0]
        assert lorentz.frechet_mean(poincare.to_lorentz(x), w).converged


def test_far_points_have_a_frechet_mean(rng):
    X = lorentz.project(
        np.concatenate([np.zeros((30, 1)), np.sinh(rng.uniform(1, 200, (30, 1))) * directions(rng, 30, 3)], 1)
    )
    apex = np.array([1.0, 0, 0, 0])
    result = lorentz.frechet_mean(X)
    assert result.converged or result.point[0] > 1e4
    assert result.variance <= (lorentz.dist(X, apex) ** 2).mean()
    # the centroid, where the search would begin, is close to the farthest
    pairs = np.concatenate([X, X * np.array([1, -1, -1, -1])])
    farther = lorentz.project(np.array([[0.0, np.sinh(220.0), 0, 0]]))
    result = lorentz.frechet_mean(np.concatenate([pairs, farther]))
    assert result.converged
    assert lorentz.dist(result.point, apex) < 5
    with np.errstate(all="raise", under="ignore"):
        lorentz.frechet_mean(lorentz.project(X * 2.0**200))
    # a mean that no stored point is close to does not count as found
    far = lorentz.project(np.array([[0.0, 1e30, 0.0], [0.0, 1e30, 1e2]]))
    assert not lorentz.frechet_mean(far).converged


@pytest.mark.parametrize("name", SPACES)
@pytest.mark.parametrize("radius", [1, 5])
@pytest.mark.parametrize(("d", "m"), [(1, 3), (2, 2), (2, 4), (3, 2)])
def test_frechet_mean_vjp(name, radius, d, m, rng, libraries):
    space, c = SPACES[name], 10.0 ** rng.uniform(-2, 2)
    x, w, k = ball(rng, (m, d), c, radius), weights(rng, m), mp.mpf(c)
    if name == "lorentz":
        x = poincare.to_lorentz(x, c)
    first = int(name == "lorentz")
    g = rng.normal(size=d + first)
    near = (
        lift(row(poincare.frechet_mean(x, w, c).point), k)
        if not first
        else row(lorentz.frechet_mean(x, w, c).point[1:])
    )

    def mean(x, w, c):
        if first:
            s = frechet(near, x, w, c)
            return [time(s, c), *s]
        return drop(frechet(near, [lift(xi, c) for xi in x], w, c), c)

    with mp.workdps(70):
        truth = vjp(mean, row(g), rows(x[:, first:]), row(w), k, mp.mpf(10) ** -18)
    for library, call in libraries.items():
        x_bar, w_bar, c_bar = call(space.frechet_mean_vjp, g, x, w, np.array(c))
        if first:
            np.testing.assert_array_equal(x_bar[:, 0], 0)
        of_c = 0.1 * np.linalg.norm(g) * np.linalg.norm(x[:, first:], axis=1).max() / c
        for bar, true, size in zip((x_bar[:, first:], w_bar, c_bar), truth, (0, 0, of_c), strict=True):
            assert error(bar, true, size) <= 1000 * EPS, library


def test_frechet_mean_vjp_takes_an_earlier_mean_and_needs_one_that_converged(rng):
    x, g = ball(rng, (6, 5, 3)), rng.normal(size=(6, 3))
    mean = poincare.frechet_mean(x)
    for a, b in zip(poincare.frechet_mean_vjp(g, x, mean=mean), poincare.frechet_mean_vjp(g, x), strict=True):
        np.testing.assert_array_equal(a, b)
    short = poincare.frechet_mean(x, max_iter=1)
    assert not short.converged.any()
    np.testing.assert_array_equal(short.iterations, 1)
    for options in ({"mean": short}, {"max_iter": 1}):
        with pytest.raises(ConvergenceError, match=r"^poincare\.frechet_mean_vjp: 6 of 6 means have not converged"):
            poincare.frechet_mean_vjp(g, x, **options)
    with pytest.raises(ValueError, match=r"frechet_mean_vjp: g and the mean's point need shape \(6, 3\), got \(3,\)"):
        poincare.frechet_mean_vjp(g[0], x)


def test_each_group_stops_for_itself(rng):
    x = np.concatenate([1e-3 * ball(rng, (3, 5, 2)), ball(rng, (3, 5, 2), radius=9)])
    together = poincare.frechet_mean(x)
    for k in range(6):
        alone = poincare.frechet_mean(x[k])
        assert alone.iterations == together.iterations[k]
        np.testing.assert_allclose(alone.point, together.point[k], rtol=1e-13)
    assert len(set(together.iterations.tolist())) > 1
    point, variance, grad_norm, iterations, converged = together
    assert [a.shape for a in (point, variance, grad_norm, iterations, converged)] == [(6, 2), *[(6,)] * 4]
    loose = poincare.frechet_mean(x, tol=1e-3)
    assert (loose.iterations <= iterations).all()
    assert (loose.grad_norm <= 1e-3).all()


def test_float32_means_are_computed_in_float64(rng):
    x, w = ball(rng, (7, 9, 3)).astype(np.float32), rng.uniform(0, 1, (7, 9)).astype(np.float32)
    g = rng.normal(size=(7, 3)).astype(np.float32)
    single, double = poincare.frechet_mean(x, w), poincare.frechet_mean(x.astype(float), w.astype(float))
    assert [a.dtype for a in single] == [np.float32] * 3 + [np.int64, np.bool_]
    assert single.converged.all()
    np.testing.assert_array_equal(single.point, double.point.astype(np.float32))
    np.testing.assert_array_equal(
        poincare.midpoint(x, w), poincare.midpoint(x.astype(float), w.astype(float)).astype(np.float32)
    )
    bars, doubles = (
        poincare.frechet_mean_vjp(g, x, w),
        poincare.frechet_mean_vjp(g.astype(float), x.astype(float), w.astype(float)),
    )
    for a, b in zip(bars[:2], doubles[:2], strict=True):
        assert a.dtype == np.float32
        np.testing.assert_array_equal(a, b.astype(np.float32))


def test_means_of_other_libraries(rng):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    x, w = ball(rng, (4, 6, 3)), rng.uniform(0, 1, (4, 6))
    theirs, ours = poincare.frechet_mean(torch.asarray(x), torch.asarray(w)), poincare.frechet_mean(x, w)
    assert all(isinstance(a, torch.Tensor) for a in theirs)
    np.testing.assert_allclose(theirs.point.numpy(), ours.point, rtol=1e-12)
    leaves = [torch.tensor(a, requires_grad=True) for a in (x, w)]
    poincare.midpoint(*leaves).sum().backward()
    for leaf, bar in zip(leaves, poincare.midpoint_vjp(np.ones((4, 3)), x, w)[:2], strict=True):
        np.testing.assert_allclose(leaf.grad.numpy(), bar, rtol=1e-11, atol=1e-13)


def test_steps_that_fail_are_replaced(rng):
    r = np.sinh(30 * rng.uniform(size=(400, 10, 1)))
    X = lorentz.project(np.concatenate([np.zeros_like(r), r * directions(rng, 400, 10, 3)], axis=-1))
    result = lorentz.frechet_mean(X)
    # Newton's steps alone lose a third of these
    assert result.converged[result.point[:, 0] < 1e10].all()
    assert (result.iterations[result.point[:, 0] < 1e3] <= 40).all()
