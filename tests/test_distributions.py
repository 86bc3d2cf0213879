"""Random points have the distribution that they claim, and the density is that of the samples, in both models."""

import mpmath as mp
import numpy as np
import pytest
import scipy.integrate
import scipy.stats
from accuracy import ball, hyperboloid, reverse

from hypergeom import lorentz, poincare

SPACES = {"poincare": poincare, "lorentz": lorentz}
EPS = np.finfo(float).eps


@pytest.fixture(params=SPACES)
def space(request):
    return SPACES[request.param]


def points(space, x, c):
    """Points of the ball in the model of `space`."""
    return x if space is poincare else poincare.to_lorentz(x, c)


def spatial(space, x):
    return x if space is poincare else x[..., 1:]


def random_points(rng, n, d, c, largest=0.9):
    x = rng.normal(size=(n, d))
    return x * rng.uniform(0.1, largest, (n, 1)) / np.linalg.norm(x, axis=1, keepdims=True) / np.sqrt(c)


@pytest.mark.parametrize("c", [1.0, 0.3])
@pytest.mark.parametrize("R", [0.1, 1.0, 3.0, 12.0])
@pytest.mark.parametrize("d", [1, 2, 3, 10])
def test_radii_of_uniform_points(space, d, R, c, rng):
    x = space.random_uniform(4000, d, c, R=R, rng=rng)
    r = space.dist0(x, c)
    assert r.max() <= R * (1 + 8 * EPS)
    grid = np.linspace(0, R, 20001)
    density = np.exp((d - 1) * (np.log(np.sinh(np.sqrt(c) * grid[1:])) - np.log(np.sinh(np.sqrt(c) * R))))
    cdf = np.concatenate([[0], scipy.integrate.cumulative_trapezoid(np.concatenate([[float(d == 1)], density]), grid)])
    assert scipy.stats.kstest(r, lambda t: np.interp(t, grid, cdf / cdf[-1])).pvalue > 1e-5
    direction = spatial(space, x) / np.linalg.norm(spatial(space, x), axis=1, keepdims=True)
    assert np.abs(direction.mean(axis=0)).max() < 5 / np.sqrt(d * 4000)


def test_uniform_points_in_flat_space_and_far(rng):
    x = poincare.random_uniform(4000, 3, 0.0, R=2.0, rng=rng)
    assert scipy.stats.kstest(poincare.dist0(x, 0.0), lambda r: (r / 2) ** 3).pvalue > 1e-5
    far = lorentz.random_uniform((5, 20), 2, R=340.0, rng=rng)
    assert far.shape == (5, 20, 3)
    assert np.all(lorentz.dist0(far) > 300)
    single = poincare.random_uniform(3, 2, R=1.0, rng=rng, dtype=np.float32)
    assert single.dtype == np.float32
    np.testing.assert_array_equal(poincare.random_uniform(4, 2, R=0.0, rng=1), 0)
    a, b = (poincare.random_uniform(4, 5, R=3.0, rng=7) for _ in range(2))
    np.testing.assert_array_equal(a, b)


def test_rejected_arguments_of_uniform_points(space):
    for d in (0, -1, 2.0, True):
        with pytest.raises(ValueError, match="d needs to be a positive integer"):
            space.random_uniform(3, d, R=1.0)
    for R in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="R needs to be finite and >= 0, got"):
            space.random_uniform(3, 2, R=R)
    for c in (-1.0, np.nan, np.inf, *([0.0] if space is lorentz else [])):
        with pytest.raises(ValueError, match=r"c needs to be finite and >=? 0, got"):
            space.random_uniform(3, 2, c, R=1.0)


@pytest.mark.parametrize("c", [1.0, 0.25])
def test_normal_points_have_normal_logarithms(space, c, rng):
    mean = points(space, random_points(rng, 1, 3, c)[0], c)
    scale = np.array([0.3, 0.6, 1.2])
    x = space.random_normal(mean, scale, c, shape=(4000,), rng=rng)
    assert x.shape == (4000, *mean.shape)
    v = spatial(space, space.transport_to0(mean, space.log(mean, x, c), c)) * (2 if space is poincare else 1)
    for k in range(3):
        assert scipy.stats.kstest(v[:, k], scipy.stats.norm(0, scale[k]).cdf).pvalue > 1e-5
    length = np.linalg.norm(v, axis=1)
    np.testing.assert_allclose(length, space.dist(mean, x, c), rtol=1e-9)  # a metric frame


def test_shapes_and_dtypes_of_normal_points(space, rng):
    mean = points(space, random_points(rng, 4, 2, 1.0), 1.0)
    assert space.random_normal(mean, 0.1, shape=(3,), rng=0).shape == (3, *mean.shape)
    assert space.random_normal(mean[0], np.full((5, 1), 0.1), rng=0).shape == (5, mean.shape[1])
    assert space.random_normal(mean.astype(np.float32), 0.1, rng=0).dtype == np.float32
    with pytest.raises(ValueError, match="scale needs a last axis of 2 entries or 1"):
        space.random_normal(mean, np.ones(5), rng=0)
    xp = pytest.importorskip("array_api_strict")
    x = space.random_normal(xp.asarray(mean), 0.1, rng=0)
    assert x.__array_namespace__() is xp
    np.testing.assert_allclose(np.asarray(x), space.random_normal(mean, 0.1, rng=0), rtol=1e-12)


@pytest.mark.parametrize("c", [1.0, 0.3])
def test_density_of_the_plane_integrates_to_one(c):
    mean, scale = np.array([0.4, -0.2]), np.array([0.7, 1.1])
    r, angle = np.meshgrid(np.linspace(0, 16, 1201), np.linspace(0, 2 * np.pi, 241)[:-1], indexing="ij")
    v = np.stack([np.cos(angle), np.sin(angle)], axis=-1) * r[..., None]
    x = lorentz.exp(poincare.to_lorentz(mean, c), lorentz.transport0(poincare.to_lorentz(mean, c), with_zero(v), c), c)
    density = np.exp(lorentz.wrapped_normal_logpdf(x, poincare.to_lorentz(mean, c), scale, c))
    area = np.sinh(np.sqrt(c) * r) / np.sqrt(c)
    total = scipy.integrate.simpson((density * area).mean(axis=1) * 2 * np.pi, x=r[:, 0])
    assert total == pytest.approx(1, abs=1e-6)


def with_zero(v):
    return np.concatenate([np.zeros_like(v[..., :1]), v], axis=-1)


@pytest.mark.parametrize("d", [1, 2, 5])
def test_models_agree(d, rng):
    c = 0.7
    x, mean = random_points(rng, 20, d, c), random_points(rng, 20, d, c)
    scale = rng.uniform(0.3, 2, (20, d))
    X, M = poincare.to_lorentz(x, c), poincare.to_lorentz(mean, c)
    ours = poincare.wrapped_normal_logpdf(x, mean, scale, c)
    np.testing.assert_allclose(lorentz.wrapped_normal_logpdf(X, M, scale, c), ours, rtol=1e-11, atol=1e-11)
    a, b = (s.random_normal(m, scale, c, rng=5) for s, m in ((poincare, mean), (lorentz, M)))
    np.testing.assert_allclose(lorentz.to_poincare(b, c), a, rtol=1e-10)


# The density in many digits.
def frame(name, x, mean, c):
    if name == "poincare":
        return ball.times(2 / ball.gap(mean, c), ball.log(mean, x, c))
    mean, x = hyperboloid.point(mean, c), hyperboloid.point(x, c)
    u = hyperboloid.log(mean, x, c)
    # to the apex o along the geodesic: u + c <o, u> / (1 - c <o, m>) (o + m)
    o = [1 / reverse.sqrt(c), *(0 for _ in mean[1:])]
    k = c * hyperboloid.product(o, u) / (1 - c * hyperboloid.product(o, mean))
    return [ui + k * (oi + mi) for ui, oi, mi in zip(u, o, mean, strict=True)][1:]


def logpdf(name, x, mean, scale, c):
    v = frame(name, x, mean, c)
    s = reverse.sqrt(c) * reverse.norm(v)
    total = -(len(v) - 1) * reverse.log(reverse.sinh(s) / s)
    for vi, si in zip(v, scale, strict=True):
        total = total - vi * vi / (2 * si * si) - reverse.log(si) - mp.log(2 * mp.pi) / 2
    return total


@pytest.mark.parametrize("c", [1.0, 1e-6, 0.3])
@pytest.mark.parametrize("name", SPACES)
def test_density_and_gradient_in_many_digits(name, c, rng):
    space, d, rows = SPACES[name], 3, 6
    x, mean = (points(space, random_points(rng, rows, d, c, 0.99), c) for _ in range(2))
    unit = 1 / np.sqrt(c)
    scale = rng.uniform(0.3, 2, (rows, d)) * unit
    g = rng.normal(size=rows)
    values = space.wrapped_normal_logpdf(x, mean, scale, c)
    bars = space.wrapped_normal_logpdf_vjp(g, x, mean, scale, np.full(rows, c))
    with mp.workdps(80):
        truth = [[], [], [], []]
        for k in range(rows):
            args = [[reverse.Number(mp.mpf(float(t))) for t in a[k]] for a in (x, mean, scale)]
            curvature = reverse.Number(mp.mpf(c))
            total = logpdf(name, *args, curvature)
            assert abs(values[k] - total.value) <= 100 * EPS * max(1, abs(total.value))
            flat = reverse.gradient(total, [t for a in args for t in a] + [curvature])
            for column, a in zip(truth, (*args, [curvature]), strict=True):
                column.append([float(g[k] * t) for t in flat[: len(a)]])
                flat = flat[len(a) :]
    for bar, true in zip(bars, truth, strict=True):
        true = np.array(true)
        if bar.ndim > 1 and bar.shape[1] == d + 1:
            true[:, 0] = 0
        bar = bar.reshape(true.shape)
        assert np.linalg.norm(bar - true) <= 4000 * EPS * np.linalg.norm(true)


def test_gradients_are_summed_over_broadcast_axes(space, rng):
    x = points(space, random_points(rng, 6, 2, 1.0), 1.0)
    mean = points(space, random_points(rng, 1, 2, 1.0)[0], 1.0)
    g = rng.normal(size=6)
    x_bar, mean_bar, scale_bar, c_bar = space.wrapped_normal_logpdf_vjp(g, x, mean, 0.8, 1.0)
    full = space.wrapped_normal_logpdf_vjp(g, x, np.tile(mean, (6, 1)), np.full((6, 2), 0.8), np.ones(6))
    np.testing.assert_allclose(x_bar, full[0])
    np.testing.assert_allclose(mean_bar, full[1].sum(axis=0), rtol=1e-10)
    np.testing.assert_allclose(scale_bar, full[2].sum(), rtol=1e-10)
    np.testing.assert_allclose(c_bar, full[3].sum(), rtol=1e-10)


def test_bad_rows_are_nan(space):
    x = points(space, np.array([[0.1, 0.2], [0.3, 0.1]]), 1.0)
    x[0, -1] = np.nan
    assert np.isnan(space.wrapped_normal_logpdf(x, x[1], 1.0)).tolist() == [True, False]
    assert np.isnan(space.wrapped_normal_logpdf(x[1], x[1], np.array([[0.0], [1.0]]))).tolist() == [True, False]
