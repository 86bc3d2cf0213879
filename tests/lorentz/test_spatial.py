"""What makes points and tangent vectors of spatial parts."""

import numpy as np
import pytest
from accuracy.hyperboloid import at_radius, tangent_rows, unit_rows

from hypergeom import lorentz

EPS = np.finfo(np.float64).eps
DIMENSIONS = pytest.mark.parametrize("d", [1, 2, 3, 8, 33])


def test_project(rng):
    x = rng.normal(size=(50, 4))
    for c in (1.0, 1e-8, 1e3):
        y = lorentz.project(x, c)
        np.testing.assert_array_equal(y[:, 1:], x[:, 1:])
        np.testing.assert_allclose(y[:, 0], np.sqrt(1 / c + np.sum(x[:, 1:] ** 2, axis=1)), rtol=4 * EPS)
    far = np.array([[0.0, 1e152, 0.0], [1.0, 0.0, 1e300]])
    np.testing.assert_array_equal(lorentz.project(far), [[1e152, 1e152, 0.0], [1e300, 0.0, 1e300]])


@DIMENSIONS
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_one_time_coordinate(d, dtype, rng):
    xs = rng.normal(size=(20, d)).astype(dtype)
    x = lorentz.from_spatial(xs, 0.3)
    np.testing.assert_array_equal(x[:, 1:], xs)
    np.testing.assert_array_equal(x[:, 0], lorentz.time(xs, 0.3))
    np.testing.assert_array_equal(lorentz.project(x, 0.3), x)


def test_far_and_bad_spatial_parts():
    xs = np.array([[1e300, 0.0], [np.inf, 0.0], [np.nan, 1.0], [0.75, 0.0]])
    np.testing.assert_array_equal(lorentz.time(xs), [1e300, np.nan, np.nan, 1.25])
    np.testing.assert_array_equal(np.isnan(lorentz.from_spatial(xs)).all(axis=1), [False, True, True, False])
    for result in (
        *lorentz.time_vjp(np.ones(4), xs, np.ones(4)),
        *lorentz.from_spatial_vjp(np.ones((4, 3)), xs, np.ones(4)),
    ):
        assert np.isfinite(result[[0, 3]]).all()
        assert np.isnan(result[1:3]).all()


@DIMENSIONS
def test_tangents(d, rng):
    c = 0.7
    x = at_radius(rng.uniform(0, 2, (20, 1)), unit_rows(rng, 20, d), c)
    v = lorentz.tangent_from_spatial(x, rng.normal(size=(20, d)), c)
    np.testing.assert_allclose(np.sum(x[:, 1:] * v[:, 1:], axis=1), x[:, 0] * v[:, 0], rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(lorentz.project_tangent(x, v, c), v, rtol=1e-12, atol=1e-13)
    w = lorentz.project_tangent(x, rng.normal(size=(20, d + 1)), c)
    np.testing.assert_allclose(lorentz.project_tangent(x, w, c), w, rtol=1e-12, atol=1e-13)


def test_projection_onto_a_tangent_space_is_orthogonal(rng):
    c = 0.7
    x, g = at_radius(1.0, unit_rows(rng, 20, 3), c), rng.normal(size=(20, 4))
    v = tangent_rows(rng, x, c)
    rest = g - lorentz.project_tangent(x, g, c)
    np.testing.assert_allclose(np.sum(rest[:, 1:] * v[:, 1:], axis=1) - rest[:, 0] * v[:, 0], 0, atol=1e-13)


@DIMENSIONS
def test_riemannian_gradients_pair_with_the_metric_as_differentials(d, rng):
    """<grad, v> = u . v of the ambient product, for a tangent v; the time entry of u counts."""
    c = 0.7
    x, u = at_radius(1.5, unit_rows(rng, 20, d), c), rng.normal(size=(20, d + 1))
    v = tangent_rows(rng, x, c)
    gradient = lorentz.egrad2rgrad(x, u, c)
    np.testing.assert_allclose(lorentz.inner(x, gradient, v, c), np.sum(u * v, axis=1), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(
        gradient[:, 0], np.sum(x[:, 1:] * gradient[:, 1:], axis=1) / x[:, 0], rtol=1e-12, atol=1e-12
    )
