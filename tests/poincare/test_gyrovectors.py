"""The algebra of gyrovectors: identities. Values and gradients: tests/accuracy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from poincare.strategies import (
    assert_same_numbers,
    assert_same_rows,
    ball_points,
    points,
    radius,
    rim_points,
    unit_rows,
)

from hypergeom import poincare


@given(ball_points(3))
@settings(max_examples=60, deadline=None)
def test_translations_are_isometries(case):
    (p, x, y), c = case
    p, x, y = p / 2, x / 2, y / 2
    there = poincare.dist(poincare.mobius_add(p, x, c), poincare.mobius_add(p, y, c), c)
    assert_same_numbers(there, poincare.dist(x, y, c), 100, 0.1 * radius(c))


@given(ball_points(2))
@settings(max_examples=60, deadline=None)
def test_left_cancellation(case):
    (x, y), c = case
    assert_same_rows(poincare.mobius_add(-x, poincare.mobius_add(x, y, c), c), y, 2000, 0.05 * radius(c))


@given(ball_points(2))
@settings(max_examples=60, deadline=None)
def test_subtraction(case):
    (x, y), c = case
    np.testing.assert_array_equal(poincare.mobius_sub(x, y, c), poincare.mobius_add(x, -y, c))
    np.testing.assert_array_equal(poincare.mobius_sub(x, x, c), 0)


@given(ball_points(3, reach=0.7))
@settings(max_examples=60, deadline=None)
def test_gyration_is_its_definition_by_four_additions(case):
    (u, v, w), c = (a.astype(float) for a in case[0]), case[1]
    moved = poincare.mobius_add(u, poincare.mobius_add(v, w, c), c)
    desired = poincare.mobius_sub(moved, 0 * u, c)
    found = poincare.mobius_add(poincare.mobius_add(u, v, c), poincare.gyration(u, v, w, c), c)
    assert_same_rows(found, desired, 2000, 0.05 * radius(c))
    desired = poincare.mobius_add(-poincare.mobius_add(u, v, c), moved, c)
    assert_same_rows(poincare.gyration(u, v, w, c), desired, 4000, 0.05 * radius(c))


@given(ball_points(4))
@settings(max_examples=60, deadline=None)
def test_gyrations_are_orthogonal(case):
    (u, v, w, z), c = case
    assert_same_numbers(np.linalg.norm(poincare.gyration(u, v, w, c), axis=-1), np.linalg.norm(w, axis=-1), 24)
    assert_same_rows(poincare.gyration(v, u, poincare.gyration(u, v, w, c), c), w, 48)
    u, v, w, z = (a.astype(float) for a in (u, v, w, z))
    size = np.linalg.norm(w, axis=-1) * np.linalg.norm(z, axis=-1)
    turned = np.sum(poincare.gyration(u, v, w, c) * poincare.gyration(u, v, z, c), axis=-1)
    assert np.all(abs(turned - np.sum(w * z, axis=-1)) <= 1e-14 * size)


@given(ball_points(2))
@settings(max_examples=60, deadline=None)
def test_gyrocommutativity(case):
    (u, v), c = case
    swapped = poincare.gyration(u, v, poincare.mobius_add(v, u, c), c)
    assert_same_rows(swapped, poincare.mobius_add(u, v, c), 200, 0.01 * radius(c))


def test_gyrations_at_the_rim(rng):
    u, v, w = rim_points(rng, gap=1e-14), rim_points(rng, gap=1e-14), unit_rows(rng)
    np.testing.assert_allclose(np.linalg.norm(poincare.gyration(u, v, w), axis=1), 1, rtol=1e-14)
    np.testing.assert_array_equal(poincare.gyration(u[:, :1], v[:, :1] / 2, w[:, :1]), w[:, :1])


@given(ball_points(1, reach=0.8), st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_multiples_are_repeated_sums(case, n):
    (x,), c = case
    x = x.astype(float)
    total = 0 * x
    for _ in range(n):
        total = poincare.mobius_add(x, total, c)
    assert_same_rows(poincare.mobius_scalar(float(n), x, c), total, 100)
    assert_same_rows(poincare.mobius_scalar(-float(n), x, c), -total, 100)


@given(ball_points(1), st.floats(-3, 3), st.floats(-3, 3))
@settings(max_examples=60, deadline=None)
def test_multiples_add_and_multiply(case, s, t):
    (x,), c = case
    x = x.astype(float) * 0.6
    sx, tx = poincare.mobius_scalar(s, x, c), poincare.mobius_scalar(t, x, c)
    assert_same_rows(poincare.mobius_add(sx, tx, c), poincare.mobius_scalar(s + t, x, c), 20000, 0.01 * radius(c))
    assert_same_rows(poincare.mobius_scalar(s, tx, c), poincare.mobius_scalar(s * t, x, c), 20000, 0.01 * radius(c))
    assert_same_numbers(poincare.dist0(tx, c), abs(t) * poincare.dist0(x, c), 4000, 1e-3 * radius(c))


@pytest.mark.parametrize("gap", [0.5, 1e-6, 1e-14])
def test_multiples_keep_the_gap(gap, rng):
    x = rim_points(rng, gap=gap)
    np.testing.assert_array_equal(poincare.mobius_scalar(1.0, x), x)
    np.testing.assert_array_equal(poincare.mobius_scalar(-1.0, x), -x)
    np.testing.assert_array_equal(poincare.mobius_scalar(0.0, x), 0 * x)
    np.testing.assert_allclose(poincare.dist0(poincare.mobius_scalar(0.5, x)), poincare.dist0(x) / 2, rtol=1e-7)


def test_gradients_where_points_coincide(rng):
    x, g = points(rng), unit_rows(rng)
    for bars in (
        poincare.mobius_add_vjp(g, x, -x),
        poincare.mobius_sub_vjp(g, x, x),
        poincare.gyration_vjp(g, x, -x, g),
        poincare.gyration_vjp(g, 0 * x, 0 * x, g),
        poincare.mobius_scalar_vjp(g, 2.0, 0 * x),
        poincare.mobius_scalar_vjp(g, 0.0, x, 0.0),
    ):
        assert all(np.isfinite(bar).all() for bar in bars)
    np.testing.assert_array_equal(poincare.gyration_vjp(g, x, -x, g)[2], g)
    np.testing.assert_array_equal(poincare.mobius_scalar_vjp(g, 2.0, 0 * x)[1], 2 * g)
