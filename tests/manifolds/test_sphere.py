"""The sphere against mpmath, on the stored floats: points that are close, far apart and nearly antipodal."""

import mpmath
import numpy as np
import pytest

from hypergeom.manifolds import Sphere

sphere = Sphere()


def unit(v):
    return [a / mpmath.norm(v) for a in v]


def true_dist(x, y):
    x, y = unit(x), unit(y)
    e, s = (mpmath.norm([b + sign * a for a, b in zip(x, y, strict=True)]) for sign in (-1, 1))
    return 2 * mpmath.atan2(e, s)


def true_log(x, y):
    theta = true_dist(x, y)
    x, y = unit(x), unit(y)
    w = [b - mpmath.fdot(x, y) * a for a, b in zip(x, y, strict=True)]
    return [theta / mpmath.norm(w) * a for a in w]


def true_exp(x, v):
    theta = mpmath.norm(v)
    return unit([mpmath.cos(theta) * a + mpmath.sin(theta) / theta * b for a, b in zip(x, v, strict=True)])


def true_transport(x, y, v):
    x, y = unit(x), unit(y)
    factor = mpmath.fdot(y, v) / (1 + mpmath.fdot(x, y))
    return [a - factor * (b + c) for a, b, c in zip(v, x, y, strict=True)]


def pairs(rng, d, angle, count=20):
    """Stored unit vectors at about this angle."""
    x = sphere.random_point((count, d), rng=rng)
    v = sphere.random_tangent(x, rng=rng)
    v /= np.linalg.norm(v, axis=-1, keepdims=True)
    return x, np.cos(angle) * x + np.sin(angle) * v


ANGLES = [1e-13, 1e-8, 1e-3, 0.3, 1.5, 2.5, np.pi - 1e-3, np.pi - 1e-8]
DIMENSIONS = [2, 3, 17]


@pytest.mark.parametrize("d", DIMENSIONS)
@pytest.mark.parametrize("angle", ANGLES)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_dist_and_log(rng, high_precision, d, angle, dtype):
    x, y = (a.astype(dtype) for a in pairs(rng, d, angle))
    eps = np.finfo(dtype).eps
    dist, log = sphere.dist(x, y), sphere.log(x, y)
    assert dist.dtype == log.dtype == dtype
    np.testing.assert_array_equal(dist, sphere.dist(y, x))
    for k in range(len(x)):
        truth = high_precision.evaluate(lambda x, y, c: [true_dist(x, y)], (x[k], y[k]), 1)
        if truth[0] < 1e-3 * eps:
            continue  # the same direction but for rounding: no digit of the angle is stored
        assert high_precision.error(dist[k], truth) <= 6 * eps
        if np.array_equal(x[k], -y[k]):
            assert np.isnan(log[k]).all()
            continue
        truth = high_precision.evaluate(lambda x, y, c: true_log(x, y), (x[k], y[k]), 1)
        assert high_precision.error(log[k], truth) <= 8 * eps


@pytest.mark.parametrize("d", DIMENSIONS)
@pytest.mark.parametrize("length", [1e-300, 1e-160, 1e-12, 0.1, 1.0, 3.0, 30.0])
def test_exp(rng, high_precision, d, length):
    x = sphere.random_point((20, d), rng=rng)
    v = sphere.random_tangent(x, rng=rng)
    v *= length / np.linalg.norm(v, axis=-1, keepdims=True)
    y = sphere.exp(x, v)
    for k in range(len(x)):
        truth = high_precision.evaluate(lambda x, v, c: true_exp(x, v), (x[k], v[k]), 1)
        # beyond a turn, the rounding of the length counts
        assert high_precision.error(y[k], truth) <= (4 + 2 * length) * np.finfo(float).eps


@pytest.mark.parametrize("d", DIMENSIONS)
@pytest.mark.parametrize("angle", ANGLES)
def test_transport(rng, high_precision, d, angle):
    x, y = pairs(rng, d, angle)
    v = sphere.random_tangent(x, rng=rng)
    moved = sphere.transport(x, y, v)
    for k in range(len(x)):
        truth = high_precision.evaluate(lambda x, y, v, c: true_transport(x, y, v), (x[k], y[k], v[k]), 1)
        if np.array_equal(x[k], -y[k]):
            assert np.isnan(moved[k]).all()
            continue
        # Near antipodes the geodesic turns by eps over the small angle when a point moves by eps.
        assert high_precision.error(moved[k], truth) <= 8 * np.finfo(float).eps / min(1, (np.pi - angle))


def test_tiny_tangents_keep_their_digits():
    x, v = np.array([1.0, 0.0, 0.0]), np.array([0.0, 3e-300, 4e-300])
    assert sphere.norm(x, v) == pytest.approx(5e-300, rel=1e-15)
    np.testing.assert_allclose(sphere.exp(x, v)[1:], v[1:], rtol=1e-15)
    np.testing.assert_allclose(sphere.log(x, sphere.exp(x, v))[1:], v[1:], rtol=1e-15)
    assert sphere.dist(x, sphere.exp(x, v)) == pytest.approx(5e-300, rel=1e-15)


def test_exact_cases(rng):
    x = sphere.random_point((50, 5), rng=rng)
    np.testing.assert_array_equal(sphere.dist(x, x), 0)
    np.testing.assert_array_equal(sphere.log(x, x), 0)
    np.testing.assert_array_equal(sphere.exp(x, 0 * x), x)
    np.testing.assert_array_equal(sphere.dist(x, -x), np.pi)
    v = sphere.random_tangent(x, rng=rng)
    with np.errstate(invalid="ignore", divide="ignore"):
        assert np.isnan(sphere.log(x, -x)).all()
        assert np.isnan(sphere.transport(x, -x, v)).all()
        assert np.isnan(sphere.geodesic(x, -x, 0.5)).all()
        assert np.isnan(sphere.project(0 * x)).all()


def test_many_steps_do_not_drift(rng):
    x = sphere.random_point((50, 4), rng=rng)
    for _ in range(2000):  # small ones: the cosine of a large one shrinks what was off before
        x = sphere.exp(x, 1e-3 * sphere.random_tangent(x, rng=rng))
    assert np.abs(np.linalg.norm(x, axis=-1) - 1).max() < 4 * np.finfo(float).eps


def test_gradient_near_a_critical_point_stays_tangent(rng):
    """A long radial part is taken off twice, or its rounding would be all that is left."""
    x = sphere.random_point((200, 6), rng=rng)
    g = 1e6 * x + 1e-9 * rng.normal(size=x.shape)
    sphere.check_tangent(x, sphere.egrad2rgrad(x, g))
    sphere.check_tangent(x, sphere.project_tangent(x, g))


def test_needs_two_entries():
    with pytest.raises(ValueError, match=r"Sphere\.exp: points need at least 2 entries, got shape \(1,\)"):
        sphere.exp([1.0], [0.0])
    with pytest.raises(ValueError, match=r"Sphere\.dim: shape must end in the length of a vector, at least 2"):
        sphere.dim((1,))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_tolerance_is_64_eps(dtype):
    eps = np.finfo(dtype).eps
    sphere.check(np.array([0, 1 + 64 * eps], dtype))
    with pytest.raises(ValueError, match="residual"):
        sphere.check(np.array([0, 1 + 66 * eps], dtype))
