"""Exponential, logarithm, retraction and geodesics: identities, and what holds exactly."""

import numpy as np
import pytest
from accuracy.hyperboloid import at_radius, generic, tangent_rows, unit_rows
from hypothesis import given, settings
from hypothesis import strategies as st

from hypergeom import lorentz, poincare

EPS = np.finfo(np.float64).eps
ROWS = 8


def points(rng, c, R=3.0, rows=ROWS, d=3):
    found = generic(rng, d, np.float64, rows, c, R)
    return found["x"], found["y"], tangent_rows(rng, found["x"], c)


@st.composite
def two_points(draw, R=3.0):
    d, dtype = draw(st.integers(1, 40)), draw(st.sampled_from([np.float32, np.float64]))
    c = 10.0 ** draw(st.floats(-8, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return [at_radius(rng.uniform(0, R, (5, 1)), unit_rows(rng, 5, d), c).astype(dtype) for _ in range(2)], c


@given(two_points())
@settings(max_examples=60, deadline=None)
def test_exp_and_log_are_inverse(case):
    (x, y), c = case
    end = lorentz.exp(x, lorentz.log(x, y, c), c)
    assert end.dtype == x.dtype
    # rounding of a tangent at radius R moves its endpoint by e^R eps
    assert np.all(np.sqrt(c) * lorentz.dist(end, y, c) <= 4000 * np.finfo(x.dtype).eps)
    again = lorentz.exp0(lorentz.log0(y, c), c)
    np.testing.assert_allclose(again, y, rtol=64 * np.finfo(x.dtype).eps)


@given(two_points(), st.integers(-6, 6))
@settings(max_examples=60, deadline=None)
def test_scaling_of_the_curvature(case, exponent):
    (x, y), c = case
    k = 2.0**exponent  # a power of two: the same bits, but for c
    scaled = [(p / k).astype(p.dtype) for p in (x, y)]
    one = x.dtype.type(k)
    np.testing.assert_array_equal(lorentz.log(*scaled, c * k * k) * one, lorentz.log(x, y, c))
    np.testing.assert_array_equal(lorentz.exp(*scaled, c * k * k) * one, lorentz.exp(x, y, c))


@given(two_points(), st.floats(-1, 2))
@settings(max_examples=60, deadline=None)
def test_geodesics_have_constant_speed(case, t):
    (x, y), c = (p.astype(np.float64) for p in case[0]), case[1]
    end, r = lorentz.geodesic(x, y, t, c), lorentz.dist(x, y, c)
    atol = 1e-9 / np.sqrt(c)
    np.testing.assert_allclose(lorentz.dist(x, end, c), abs(t) * r, rtol=1e-9, atol=atol)
    np.testing.assert_allclose(lorentz.dist(end, y, c), abs(1 - t) * r, rtol=1e-9, atol=atol)
    np.testing.assert_allclose(lorentz.geodesic(y, x, 1 - t, c), end, rtol=1e-11)
    other = lorentz.exp(x, t * lorentz.log(x, y, c), c)
    assert np.all(np.sqrt(c) * lorentz.dist(other, end, c) < 1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("d", [1, 2, 7, 8, 19, 64])
def test_exact(dtype, d, rng):
    x, y = lorentz.project(rng.normal(size=(2, 50, 1 + d)).astype(dtype))
    zero = np.zeros_like(x)
    np.testing.assert_array_equal(lorentz.log(x, x), 0)
    for f in (lorentz.exp, lorentz.retract):
        np.testing.assert_array_equal(f(x, zero)[:, 1:], x[:, 1:])
    np.testing.assert_array_equal(lorentz.geodesic(x, y, 0)[:, 1:], x[:, 1:])
    np.testing.assert_array_equal(lorentz.geodesic(x, y, 1)[:, 1:], y[:, 1:])
    np.testing.assert_array_equal(lorentz.geodesic(x, x, 0.5)[:, 1:], x[:, 1:])
    np.testing.assert_array_equal(lorentz.log0(lorentz.project(zero)), 0)
    np.testing.assert_array_equal(lorentz.exp0(zero), lorentz.project(zero))
    np.testing.assert_array_equal(lorentz.log0(x)[:, 0], 0)


@pytest.mark.parametrize("c", [1.0, 1e-8, 1e3])
def test_maps_at_the_apex_are_those_from_it(c, rng):
    apex = lorentz.project(np.zeros((ROWS, 4)), c)
    y = at_radius(rng.uniform(0, 5, (ROWS, 1)), unit_rows(rng, ROWS, 3), c)
    v = tangent_rows(rng, apex, c, 0.1, 5)
    np.testing.assert_allclose(lorentz.exp0(v, c), lorentz.exp(apex, v, c), rtol=1e-14)
    np.testing.assert_allclose(lorentz.log0(y, c)[:, 1:], lorentz.log(apex, y, c)[:, 1:], rtol=1e-14)
    moved = v + np.array([7.0, 0, 0, 0])  # the time entry of a tangent is not read
    np.testing.assert_array_equal(lorentz.exp0(moved, c), lorentz.exp0(v, c))


def test_the_retraction_is_of_second_order(rng):
    x, _, v = points(rng, 0.6)
    errors = [
        np.max(np.sqrt(np.sum((lorentz.retract(x, t * v, 0.6) - lorentz.exp(x, t * v, 0.6)) ** 2, axis=1)))
        for t in (1e-2, 1e-3)
    ]
    assert 800 < errors[0] / errors[1] < 1200  # t^3


def test_the_retraction_goes_the_way_of_exp(rng):
    c = 0.6
    x, _, v = points(rng, c)
    r = np.sqrt(c) * lorentz.norm(x, v, c)[:, None]
    np.testing.assert_allclose(lorentz.retract(x, v, c), lorentz.exp(x, 2 * np.arcsinh(r / 2) / r * v, c), rtol=1e-12)


def test_outputs_lie_on_the_manifold(rng):
    c = 0.5
    x, y, v = points(rng, c)
    for end in (lorentz.exp(x, v, c), lorentz.retract(x, 50 * v, c), lorentz.geodesic(x, y, 0.3, c)):
        np.testing.assert_allclose(end[:, 0], np.sqrt(1 / c + np.sum(end[:, 1:] ** 2, axis=1)), rtol=4 * EPS)
    w = lorentz.log(x, y, c)
    np.testing.assert_allclose(w[:, 0], np.sum(x[:, 1:] * w[:, 1:], axis=1) / x[:, 0], rtol=1e-13, atol=1e-13)


def test_time_entries_are_not_read(rng):
    x, y, v = points(rng, 1.0)
    other = x.copy()
    other[:, 0] *= rng.uniform(0.1, 10, ROWS)
    g = rng.normal(size=x.shape)
    for f in (lorentz.exp, lorentz.retract):
        np.testing.assert_array_equal(f(other, v * [0, 1, 1, 1]), f(x, v))
    np.testing.assert_array_equal(lorentz.log(other, y), lorentz.log(x, y))
    for a, b in zip(lorentz.log_vjp(g, other, y), lorentz.log_vjp(g, x, y), strict=True):
        np.testing.assert_array_equal(a, b)


def test_exp_overflows_to_infinity():
    apex = lorentz.project(np.zeros((1, 3)))
    for length in (720.0, 1e3, 1e4, 1e150):
        v = np.array([[0.0, length, 0.0]])
        for end in (lorentz.exp(apex, v), lorentz.exp0(v)):
            np.testing.assert_array_equal(end, [[np.inf, np.inf, 0.0]])
    v = np.array([[0.0, 705.0, 0.0]])
    for end in (lorentz.exp(apex, v), lorentz.exp0(v)):
        np.testing.assert_allclose(end, [[np.sinh(705.0), np.sinh(705.0), 0.0]], rtol=4 * 705 * EPS)
    v = np.array([[0.0, 100.0, 0.0]], np.float32)
    np.testing.assert_array_equal(lorentz.exp0(v), np.array([[np.inf, np.inf, 0.0]], np.float32))
    far = lorentz.retract(apex, np.array([[0.0, 1e100, 0.0]]))
    np.testing.assert_allclose(far, [[5e199, 5e199, 0.0]], rtol=1e-14)


@pytest.mark.parametrize("R", [5.0, 20.0, 50.0, 100.0, 300.0])
def test_there_and_back_through_the_apex(R, rng):
    """On an axis, where a tangent along x can be stored: the radii add without the loss of e^R."""
    for length in (R - 0.5, R, R + 3, 2 * R):
        x = lorentz.project(np.array([0.0, np.sinh(R), 0.0]))
        v = np.array([0.0, -length * x[0], 0.0])
        end = lorentz.exp(x, v)
        exact = np.arcsinh(x[1]) - length
        assert abs(end[1] - np.sinh(exact)) <= 8 * (1 + R) * EPS * np.cosh(exact)
        assert end[2] == 0


def test_cotangents_at_coincident_points_and_zero_tangents(rng):
    c = 0.7
    generic_x, _, _ = points(rng, c)
    zero, g, per_row = np.zeros_like(generic_x), rng.normal(size=generic_x.shape), np.full(ROWS, c)
    for x in (generic_x, lorentz.project(zero, c)):
        folded = g[:, 1:] + g[:, :1] / x[:, :1] * x[:, 1:]
        # log_x(y) = y - x, exp_x(v) = x + v and the geodesic (1 - t) x + t y to first order, in the chart
        for bars, shares in (
            (lorentz.log_vjp(g, x, x, per_row), (-1, 1)),
            (lorentz.exp_vjp(g, x, zero, per_row), (1, 1)),
            (lorentz.retract_vjp(g, x, zero, per_row), (1, 1)),
            (lorentz.geodesic_vjp(g, x, x, np.full(ROWS, 0.25), per_row), (0.75, 0.25)),
        ):
            for bar, share in zip(bars, shares, strict=False):
                np.testing.assert_allclose(bar[:, 1:], share * folded, rtol=1e-13, atol=1e-13)
                np.testing.assert_array_equal(bar[:, 0], 0)
        # In c, a square of the rounding of a rounding, of the part of x across x.
        np.testing.assert_allclose(lorentz.log_vjp(g, x, x, per_row)[2], 0, atol=1e-60)
        np.testing.assert_allclose(lorentz.geodesic_vjp(g, x, x, np.full(ROWS, 0.25), per_row)[2], 0, atol=1e-60)


def test_maps_correspond_to_those_of_the_ball(rng):
    """A tangent v of the ball at the origin is 2 v at the apex."""
    v = rng.normal(size=(20, 3))
    w = np.concatenate([np.zeros((20, 1)), 2 * v], axis=1)
    np.testing.assert_allclose(lorentz.to_poincare(lorentz.exp0(w)), poincare.exp0(v), rtol=1e-13)
    y = lorentz.exp0(w)
    np.testing.assert_allclose(lorentz.log0(y)[:, 1:], 2 * poincare.log0(lorentz.to_poincare(y)), rtol=1e-12)


def test_float32_results_are_rounded_float64_results(rng):
    x, y = lorentz.project(rng.normal(size=(2, 500, 20)).astype(np.float32))
    for f in (lorentz.exp, lorentz.log, lorentz.retract):
        np.testing.assert_array_equal(f(x, y), f(x.astype(float), y.astype(float)).astype(np.float32))
