"""Parallel transport in the ball: identities. Values and gradients: tests/accuracy."""

import numpy as np
import pytest
from hypothesis import given, settings
from poincare.strategies import assert_same_numbers, assert_same_rows, ball_points, points, rim_points, unit_rows

from hypergeom import poincare


@given(ball_points(3))
@settings(max_examples=60, deadline=None)
def test_there_and_back(case):
    (x, y, v), c = case
    there = poincare.transport(x, y, v, c)
    assert_same_rows(poincare.transport(y, x, there, c), v, 64)
    np.testing.assert_array_equal(poincare.transport(x, x, v, c), v)


@given(ball_points(4))
@settings(max_examples=60, deadline=None)
def test_lengths_and_angles_are_kept(case):
    (x, y, v, u), c = (a.astype(float) for a in case[0]), case[1]
    there, other = poincare.transport(x, y, v, c), poincare.transport(x, y, u, c)
    assert_same_numbers(poincare.norm(y, there, c), poincare.norm(x, v, c), 64)
    size = poincare.norm(x, v, c) * poincare.norm(x, u, c)
    assert np.all(abs(poincare.inner(y, there, other, c) - poincare.inner(x, v, u, c)) <= 1e-13 * size)


@given(ball_points(2))
@settings(max_examples=60, deadline=None)
def test_the_velocity_of_a_geodesic_is_transported(case):
    (x, y), c = (a.astype(float) for a in case[0]), case[1]
    there = poincare.transport(x, y, poincare.log(x, y, c), c)
    assert_same_rows(there, -poincare.log(y, x, c), 64)


@given(ball_points(2))
@settings(max_examples=60, deadline=None)
def test_transport_to_and_from_the_origin(case):
    (x, v), c = case
    assert_same_rows(poincare.transport0(x, v, c), poincare.transport(0 * x, x, v, c), 16)
    assert_same_rows(poincare.transport_to0(x, v, c), poincare.transport(x, 0 * x, v, c), 16)
    assert_same_rows(poincare.transport_to0(x, poincare.transport0(x, v, c), c), v, 16)


@given(ball_points(3, reach=0.8))
@settings(max_examples=60, deadline=None)
def test_transport_is_a_gyration(case):
    (x, y, v), c = (a.astype(float) for a in case[0]), case[1]
    scale = poincare.conformal_factor(x, c) / poincare.conformal_factor(y, c)
    assert_same_rows(poincare.transport(x, y, v, c), scale[:, None] * poincare.gyration(y, -x, v, c), 32)


@given(ball_points(3, reach=0.8))
@settings(max_examples=60, deadline=None)
def test_exp_transport_is_exp_and_transport(case):
    (x, v, u), c = case
    y, w = poincare.exp_transport(x, v, u, c)
    np.testing.assert_array_equal(y, poincare.exp(x, v, c))
    if x.dtype == np.float64:  # a rounded y is another point
        assert_same_rows(w, poincare.transport(x, poincare.project(y, c), u, c), 1e7)
    short = (0.2 * v).astype(x.dtype)
    y, w = poincare.exp_transport(x, short, u, c)
    assert_same_rows(w, poincare.transport(x, y, u, c), 4000)
    y, w = poincare.exp_transport(x, 0 * v, u, c)
    np.testing.assert_array_equal(y, x)
    np.testing.assert_array_equal(w, u)


@pytest.mark.parametrize("c", [0.0, 1.0])
def test_exp_transport_at_rest(c, rng):
    x, g, h, u = points(rng), unit_rows(rng), unit_rows(rng), unit_rows(rng)
    x_bar, v_bar, u_bar, _ = poincare.exp_transport_vjp(g, h, x, 0 * x, u, c)
    np.testing.assert_allclose(x_bar, g, rtol=1e-12, atol=1e-14)
    np.testing.assert_array_equal(u_bar, h)
    _, y_bar, _, _ = poincare.transport_vjp(h, x, x, u, c)
    np.testing.assert_allclose(v_bar, g + y_bar, rtol=1e-12, atol=1e-13)


def test_no_step_is_too_long(rng):
    x, u = points(rng), unit_rows(rng)
    for length in (1e3, 1e200):
        y, w = poincare.exp_transport(x, length * u, u)
        np.testing.assert_allclose(np.linalg.norm(y, axis=1), 1, rtol=1e-15)
        np.testing.assert_array_equal(w, 0 * w)
        for bar in poincare.exp_transport_vjp(u, u, x, length * u, u, np.ones(8)):
            assert np.isfinite(bar).all()


def test_across_the_rim(rng):
    x, y, v = rim_points(rng, gap=1e-14), rim_points(rng, gap=1e-14), unit_rows(rng)
    np.testing.assert_allclose(poincare.norm(y, poincare.transport(x, y, v)), poincare.norm(x, v), rtol=1e-14)


def test_out_of_two_results(rng):
    x, v, u = (rng.uniform(-0.3, 0.3, (70_000, 3)) for _ in range(3))
    out = np.empty_like(x), np.empty_like(x)
    found = poincare.exp_transport(x, v, u, out=out)
    assert found[0] is out[0] and found[1] is out[1]
    with pytest.raises((TypeError, ValueError), match="out"):
        poincare.exp_transport(x, v, u, out=out[0])


def test_transport_on_a_line_is_a_ratio_of_gaps(rng):
    """From rim to rim too, where the rounding of a turn would count for as much as the vector itself."""
    for gap in (1e-1, 1e-8, 1e-15):
        x, y = 1 - gap * rng.uniform(0.5, 1, (2, 50, 1))
        signs = rng.choice([-1.0, 1.0], (2, 50, 1))
        x, y, v = x * signs[0], y * signs[1], rng.normal(size=(50, 1))
        ratio = poincare.conformal_factor(x) / poincare.conformal_factor(y)
        np.testing.assert_allclose(poincare.transport(x, y, v)[:, 0], ratio * v[:, 0], rtol=1e-15)
