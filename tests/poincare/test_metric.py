"""Lengths in the ball: exact properties and identities. Values and gradients: tests/accuracy."""

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from poincare.strategies import EPS, assert_same_numbers, ball_points, points, rim_points, unit_rows

from hypergeom import poincare


@pytest.mark.parametrize("gap", [0.5, 1e-8, 1e-14])
@pytest.mark.parametrize("d", [1, 2, 7, 8, 16, 19, 64, 128])
def test_gaps_keep_their_digits_in_every_dimension(d, gap, rng):
    c = 0.7
    x = rim_points(rng, 8, d, c, gap)
    for found in (
        2 * np.sqrt(poincare.egrad2rgrad(x, np.ones_like(x), c)[:, 0]),
        2 / poincare.conformal_factor(x, c),
        poincare.transport0(x, np.ones_like(x), c)[:, 0],
        1 / poincare.transport_to0(x, np.ones_like(x), c)[:, 0],
    ):
        with mp.workdps(60):
            for row, value in zip(x, found, strict=True):
                true = 1 - mp.mpf(c) * mp.fdot([mp.mpf(t) for t in row], [mp.mpf(t) for t in row])
                assert abs(value / true - 1) <= 4 * EPS


@pytest.mark.parametrize("c", [0.0, 1.0, 1e3])
def test_kinks_have_the_gradient_0(c, rng):
    x = points(rng, c=c)
    g, per_row = rng.normal(size=8), np.full(8, c)
    for bars in (
        poincare.dist_vjp(g, x, x, per_row),
        poincare.dist0_vjp(g, 0 * x, per_row),
        poincare.norm_vjp(g, x, 0 * x, per_row),
    ):
        for bar in bars:
            np.testing.assert_array_equal(bar, 0)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("d", [1, 2, 7, 8, 19, 64])
def test_exact(dtype, d, rng):
    x, y, u = (rng.uniform(-1, 1, (3, 50, d)) / np.sqrt(d) * 0.99).astype(dtype)
    np.testing.assert_array_equal(poincare.dist(x, x), 0)
    np.testing.assert_array_equal(poincare.dist(x, y), poincare.dist(y, x))
    assert np.all(poincare.dist(x, y) >= 0)
    np.testing.assert_array_equal(poincare.norm(x, 0 * u), 0)
    np.testing.assert_array_equal(poincare.inner(x, u, y), poincare.inner(x, y, u))
    np.testing.assert_array_equal(poincare.project_tangent(x, u), u)
    np.testing.assert_array_equal(poincare.conformal_factor(0 * x), 2)


def test_lengths_of_any_size(rng):
    u, x = unit_rows(rng), points(rng)
    factor = poincare.conformal_factor(x)
    for tiny in (1e-300, 1e-200, 1e-160):
        np.testing.assert_allclose(poincare.dist0(tiny * u), 2 * tiny, rtol=4 * EPS)
        np.testing.assert_allclose(poincare.dist(tiny * u, -tiny * u), 4 * tiny, rtol=4 * EPS)
        np.testing.assert_allclose(poincare.dist0_vjp(1.0, tiny * u)[0], 2 * u, rtol=4 * EPS)
        np.testing.assert_allclose(poincare.dist_vjp(1.0, -tiny * u, tiny * u)[1], 2 * u, rtol=4 * EPS)
    for size in (1e-300, 1e-160, 1e160, 1e290):
        np.testing.assert_allclose(poincare.norm(x, size * u), size * factor, rtol=4 * EPS)
        np.testing.assert_allclose(poincare.norm_vjp(1.0, x, size * u)[1], factor[:, None] * u, rtol=4 * EPS)


def test_inner_keeps_digits_that_cancel():
    u, v = np.array([1.0, 1.0, 1.0]), np.array([1.0, 1e-17, -1.0])
    np.testing.assert_allclose(poincare.inner(np.zeros(3), u, v), 4e-17, rtol=1e-14)


def test_distance_grows_up_to_the_rim():
    gaps = np.geomspace(0.5, 1e-15, 40)
    r = poincare.dist0((1 - gaps)[:, None])
    assert np.all(np.diff(r) > 0)
    assert r[-1] > 30


@given(ball_points(3))
@settings(max_examples=60, deadline=None)
def test_norm_is_the_root_of_inner(case):
    (x, u, v), c = case
    assert_same_numbers(poincare.norm(x, u, c) ** 2, poincare.inner(x, u, u, c), 16)
    assert_same_numbers(poincare.norm(x, u, c) / poincare.conformal_factor(x, c), np.linalg.norm(u, axis=-1), 16)
    bound = poincare.norm(x, u, c) * poincare.norm(x, v, c)
    assert np.all(np.abs(poincare.inner(x, u, v, c)) <= bound * (1 + 16 * np.finfo(x.dtype).eps))


@given(ball_points(3))
@settings(max_examples=60, deadline=None)
def test_egrad2rgrad_represents_the_differential(case):
    (x, u, v), c = case
    x, u, v = (a.astype(float) for a in (x, u, v))
    size = np.linalg.norm(u, axis=-1) * np.linalg.norm(v, axis=-1)
    found = poincare.inner(x, poincare.egrad2rgrad(x, u, c), v, c)
    assert np.all(abs(found - np.sum(u * v, axis=-1)) <= 64 * EPS * size)


@given(ball_points(2), st.floats(-6, 6))
@settings(max_examples=60, deadline=None)
def test_scaling_of_the_curvature(case, exponent):
    (x, y), c = case
    k = 2.0 ** round(exponent)  # a power of two: the same bits, but for c
    scaled = [(a / k).astype(a.dtype) for a in (x, y)]
    size = x.dtype.type(k)
    np.testing.assert_array_equal(poincare.dist(*scaled, c * k * k) * size, poincare.dist(x, y, c))
    np.testing.assert_array_equal(poincare.norm(*scaled, c * k * k) * size, poincare.norm(x, y, c))


def test_project(rng):
    x = 3 * rng.uniform(size=(100, 1)) * unit_rows(rng, 100)
    for c, margin in ((1.0, None), (4.0, 1e-3), (0.25, 0.0)):
        y = poincare.project(x, c, margin=margin)
        limit = 1 - (4 * EPS if margin is None else margin)
        inside = np.sqrt(c) * np.linalg.norm(x, axis=1) < limit * (1 - 4 * EPS)
        np.testing.assert_array_equal(y[inside], x[inside])
        np.testing.assert_allclose(np.sqrt(c) * np.linalg.norm(y[~inside], axis=1), limit, rtol=4 * EPS)
        np.testing.assert_allclose(
            y / np.linalg.norm(y, axis=1, keepdims=True), x / np.linalg.norm(x, axis=1, keepdims=True)
        )
    np.testing.assert_array_equal(poincare.project(x, 0), x)
    assert np.isfinite(poincare.dist0(poincare.project(x))).all()
    single = poincare.project(x.astype(np.float32))
    assert single.dtype == np.float32
    assert np.isfinite(poincare.dist0(single)).all()
    for length in (1e160, 1e200):
        np.testing.assert_allclose(poincare.project(length * x[:8]), x[:8] / np.linalg.norm(x[:8], axis=1)[:, None])


@pytest.mark.parametrize("margin", [-1e-3, 1.0, np.nan])
def test_project_rejects_margin(margin):
    with pytest.raises(ValueError, match=r"margin needs to be in \[0, 1\)"):
        poincare.project(np.zeros(2), margin=margin)


def test_no_digit_is_lost_between_small_distances_and_flat_ones(rng):
    """On a line, where a distance is that of two numbers: over all sizes, also where its cube begins to count."""
    x = rng.uniform(0.1, 0.5, (2000, 1))
    y = x + x * 10 ** rng.uniform(-9, -2, (2000, 1))
    for c in (1.0, 0.7):
        got = poincare.dist(x, y, c)
        with mp.workdps(40):
            k = mp.sqrt(mp.mpf(c))
            truth = [
                2 / k * (mp.atanh(k * mp.mpf(b)) - mp.atanh(k * mp.mpf(a)))
                for (a,), (b,) in zip(x.tolist(), y.tolist(), strict=True)
            ]
            worst = max(abs(d / t - 1) for d, t in zip(got.tolist(), truth, strict=True))
        assert worst <= 8 * np.finfo(float).eps
