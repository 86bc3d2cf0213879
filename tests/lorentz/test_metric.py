"""Distances and inner products: identities at any dimension, curvature and dtype, and what holds exactly."""

import mpmath as mp
import numpy as np
import pytest
from accuracy.hyperboloid import at_radius, tangent_rows, unit_rows
from hypothesis import given, settings
from hypothesis import strategies as st

from hypergeom import lorentz

EPS = np.finfo(np.float64).eps
DIMENSIONS = pytest.mark.parametrize("d", [1, 2, 3, 8, 33])


@st.composite
def hyperboloid_points(draw, count, R=3.0):
    d, dtype = draw(st.integers(1, 40)), draw(st.sampled_from([np.float32, np.float64]))
    c = 10.0 ** draw(st.floats(-8, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    points = [at_radius(rng.uniform(0, R, (5, 1)), unit_rows(rng, 5, d), c).astype(dtype) for _ in range(count)]
    return points, c


@given(hyperboloid_points(2), st.integers(-6, 6))
@settings(max_examples=60, deadline=None)
def test_scaling_of_the_curvature(case, exponent):
    (x, y), c = case
    k = 2.0**exponent  # a power of two: the same bits, but for c
    scaled = [(p / k).astype(p.dtype) for p in (x, y)]
    one = x.dtype.type(k)
    np.testing.assert_array_equal(lorentz.dist(*scaled, c * k * k) * one, lorentz.dist(x, y, c))
    np.testing.assert_array_equal(lorentz.dist0(scaled[0], c * k * k) * one, lorentz.dist0(x, c))
    np.testing.assert_array_equal(lorentz.chord2(*scaled, c * k * k) * one * one, lorentz.chord2(x, y, c))


@given(hyperboloid_points(2))
@settings(max_examples=60, deadline=None)
def test_lengths_of_one_chord(case):
    (x, y), c = (p.astype(np.float64) for p in case[0]), case[1]
    r = lorentz.dist(x, y, c)
    np.testing.assert_allclose(lorentz.sqdist(x, y, c), r * r, rtol=8 * EPS)
    np.testing.assert_allclose(lorentz.chord2(x, y, c), (2 * np.sinh(np.sqrt(c) * r / 2)) ** 2 / c, rtol=64 * EPS)
    apex = lorentz.project(0 * x, c)
    np.testing.assert_allclose(lorentz.dist0(y, c), lorentz.dist(apex, y, c), rtol=8 * EPS)
    np.testing.assert_allclose(lorentz.norm(x, lorentz.log(x, y, c), c), r, rtol=1e-12)


@DIMENSIONS
def test_inner_is_the_product_with_time_entries(d, rng):
    c = 0.7
    x = at_radius(rng.uniform(0, 1, (20, 1)), unit_rows(rng, 20, d), c)
    u, v, w = (tangent_rows(rng, x, c) for _ in range(3))
    plain = np.sum(u[:, 1:] * v[:, 1:], axis=1) - u[:, 0] * v[:, 0]
    np.testing.assert_allclose(lorentz.inner(x, u, v, c), plain, atol=1e-13)
    np.testing.assert_allclose(lorentz.inner(x, u, v, c), lorentz.inner(x, v, u, c), rtol=1e-14)
    np.testing.assert_allclose(lorentz.norm(x, v, c) ** 2, lorentz.inner(x, v, v, c), rtol=1e-14)
    both = lorentz.inner(x, u, v + 2 * w, c)
    np.testing.assert_allclose(both, lorentz.inner(x, u, v, c) + 2 * lorentz.inner(x, u, w, c), atol=1e-13)


@DIMENSIONS
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_exact(dtype, d, rng):
    x, y = lorentz.project(rng.normal(size=(2, 50, 1 + d)).astype(dtype))
    g = rng.normal(size=50).astype(dtype)
    for f in (lorentz.dist, lorentz.sqdist, lorentz.chord2):
        np.testing.assert_array_equal(f(x, x), 0)
        for other in (y, x[:, [0, *range(d, 0, -1)]]):  # as far from the apex, too
            np.testing.assert_array_equal(f(x, other), f(other, x))
    for name in ("dist", "sqdist", "chord2"):
        for bar in getattr(lorentz, f"{name}_vjp")(g, x, x):
            np.testing.assert_array_equal(bar, 0)
    for bar in lorentz.norm_vjp(g, x, 0 * x):
        np.testing.assert_array_equal(bar, 0)
    assert lorentz.dist0(lorentz.project(0 * x[0])) == 0
    np.testing.assert_array_equal(lorentz.dist0_vjp(g, lorentz.project(0 * x))[0], 0)


def test_parallel_points_and_vectors_have_no_part_across(rng):
    """Where a remainder across x would count e^R-fold: on an axis, and at a multiple that is exact."""
    R = np.array([30.0, 60.0, 100.0, 300.0])[:, None]
    for direction in ([0.0, 1.0, 0.0], [0.0, 0.5, 0.25]):
        x = lorentz.project(np.sinh(R) * np.array(direction))
        y = lorentz.project(x / 8)
        np.testing.assert_allclose(lorentz.dist(x, y), lorentz.dist0(x) - lorentz.dist0(y), rtol=1e-12)
        assert np.all(lorentz.norm(x, x) < 1.1)  # of the radial vector |x|, over cosh(R)


def test_tiny_lengths_keep_their_digits(rng):
    u = unit_rows(rng, 8, 3)
    apex = lorentz.project(np.zeros((8, 4)))
    for tiny in (1e-300, 1e-200, 1e-160):
        y, v = apex.copy(), 0 * apex
        y[:, 1:] = v[:, 1:] = tiny * u
        np.testing.assert_allclose(lorentz.dist(apex, y), tiny, rtol=4 * EPS)
        np.testing.assert_allclose(lorentz.dist0(y), tiny, rtol=4 * EPS)
        np.testing.assert_allclose(lorentz.norm(at_radius(1.0, u, 1.0), v), tiny * np.cosh(1.0) ** -1, rtol=8 * EPS)
        np.testing.assert_allclose(lorentz.dist_vjp(1.0, apex, y)[1][:, 1:], u, rtol=4 * EPS)
        np.testing.assert_allclose(lorentz.norm_vjp(1.0, apex, v)[1][:, 1:], u, rtol=4 * EPS)


def test_gradient_of_the_squared_distance_is_the_logarithm(rng):
    c = 0.6
    x, y = (at_radius(rng.uniform(0, 3, (30, 1)), unit_rows(rng, 30, 4), c) for _ in range(2))
    gradient = lorentz.egrad2rgrad(x, lorentz.sqdist_vjp(np.full(30, -0.5), x, y, c)[0], c)
    np.testing.assert_allclose(gradient, lorentz.log(x, y, c), rtol=1e-12, atol=1e-12)


def test_float32_results_are_rounded_float64_results(rng):
    x, y, u, v = lorentz.project(rng.normal(size=(4, 500, 20)).astype(np.float32))
    for f, args in (
        (lorentz.dist, (x, y)),
        (lorentz.sqdist, (x, y)),
        (lorentz.inner, (x, u, v)),
        (lorentz.norm, (x, v)),
    ):
        np.testing.assert_array_equal(f(*args), f(*(a.astype(float) for a in args)).astype(np.float32))


@pytest.mark.parametrize("d", [64, 128])
def test_a_near_point_that_is_off_the_line_in_the_largest_entry_of_the_far_one(d):
    """What is left of it across the line is first found with d times as much along the line."""
    far = np.full(d, 1e7)
    far[0] = 1.25e7
    near = 0.5 * far
    near[0] += 3.0
    x, y = lorentz.from_spatial(far), lorentz.from_spatial(near)
    with mp.workdps(60):
        a, b = ([mp.mpf(float(v)) for v in p[1:]] for p in (x, y))
        times = [mp.sqrt(1 + mp.fsum(v * v for v in p)) for p in (a, b)]
        true = mp.acosh(times[0] * times[1] - mp.fdot(a, b))
        assert abs(mp.mpf(float(lorentz.dist(x, y))) - true) <= 10 * EPS * true
        assert abs(mp.mpf(float(lorentz.dist(y, x))) - true) <= 10 * EPS * true


@pytest.mark.parametrize("d", [8, 33, 128])
def test_neighbours_of_equal_length_are_as_far_from_each_other(d, rng):
    """Both ways, to the last bit, also where the squares of the two lengths round to the same number."""
    x = at_radius(rng.uniform(4, 6, (20000, 1)), unit_rows(rng, 20000, d), 1.0)
    y = lorentz.from_spatial(np.nextafter(x[:, 1:], x[:, 1:] * rng.choice([0, 2], (20000, 1))))
    np.testing.assert_array_equal(lorentz.dist(x, y), lorentz.dist(y, x))
    np.testing.assert_array_equal(lorentz.chord2(x, y), lorentz.chord2(y, x))


@pytest.mark.parametrize("size", [1e-300, 1e-200, 1e155, 1e200, 1e300])
def test_norms_whose_squares_leave_the_range_of_numbers(size, rng):
    x, v = lorentz.from_spatial(rng.normal(size=(20, 3))), rng.normal(size=(20, 4))
    desired = lorentz.norm(x, v)
    np.testing.assert_allclose(lorentz.norm(x, size * v) / size, desired, rtol=1e-14)
    np.testing.assert_allclose(lorentz.inner(x, size * v, v) / size, lorentz.inner(x, v, v), rtol=1e-13)
    (x_bar, v_bar, _), (of_x, of_v, _) = (lorentz.norm_vjp(np.ones(20), x, w) for w in (size * v, v))
    np.testing.assert_allclose(x_bar / size, of_x, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(v_bar, of_v, rtol=1e-11, atol=1e-13)
