"""Exponential map, logarithm, retraction and geodesics: exact properties and identities. Values: tests/accuracy."""

import numpy as np
import pytest
from accuracy import ball
from hypothesis import given, settings
from hypothesis import strategies as st
from poincare.strategies import (
    EPS,
    assert_same_numbers,
    assert_same_rows,
    ball_points,
    points,
    radius,
    rim_points,
    unit_rows,
)

from hypergeom import poincare


@given(ball_points(2))
@settings(max_examples=60, deadline=None)
def test_exp_and_log_are_inverse(case):
    (x, y), c = case
    assert_same_rows(poincare.exp(x, poincare.log(x, y, c), c), y, 2000, 0.05 * radius(c))
    assert_same_rows(poincare.log0(poincare.exp0(y, c), c), y, 200)
    assert_same_rows(poincare.exp0(poincare.log0(y, c), c), y, 200)


@given(ball_points(2))
@settings(max_examples=60, deadline=None)
def test_log_has_the_length_of_the_distance(case):
    (x, y), c = case
    assert_same_numbers(poincare.norm(x, poincare.log(x, y, c), c), poincare.dist(x, y, c), 16)


@given(ball_points(2))
@settings(max_examples=60, deadline=None)
def test_maps_at_the_origin(case):
    (x, _), c = case
    assert_same_rows(poincare.exp(0 * x, x, c), poincare.exp0(x, c), 16)
    assert_same_rows(poincare.log(0 * x, x, c), poincare.log0(x, c), 16)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("d", [1, 2, 7, 8, 19, 64])
def test_exact(dtype, d, rng):
    x, y = (rng.uniform(-1, 1, (2, 50, d)) / np.sqrt(d) * 0.99).astype(dtype)
    np.testing.assert_array_equal(poincare.log(x, x), 0)
    np.testing.assert_array_equal(poincare.exp(x, 0 * x), x)
    np.testing.assert_array_equal(poincare.retract(x, 0 * x), x)
    for t in (0.0, 0.3, 1.0, -5.0):
        np.testing.assert_array_equal(poincare.geodesic(x, x, np.full(50, t, dtype)), x)
    np.testing.assert_array_equal(poincare.geodesic(x, y, np.zeros(50, dtype)), x)
    np.testing.assert_array_equal(poincare.geodesic(x, y, np.ones(50, dtype)), y)


@pytest.mark.parametrize("c", [0.0, 1.0, 1e3])
def test_gradients_at_coincident_points_and_zero_tangents(c, rng):
    x, per_row = points(rng, c=c), np.full(8, c)
    g, zero, t = rng.normal(size=x.shape), np.zeros_like(x), rng.uniform(-1, 2, 8)
    share = t[:, None] * g
    for name, args, desired in (
        ("exp", (x, zero), (g, g)),
        ("retract", (x, zero), (g, g)),
        ("exp0", (zero,), (g,)),
        ("log", (x, x), (-g, g)),
        ("log0", (zero,), (g,)),
        ("geodesic", (x, x, t), (g - share, share, 0 * t)),
    ):
        *bars, c_bar = getattr(poincare, f"{name}_vjp")(g, *args, per_row)
        for bar, true in zip(bars, desired, strict=True):
            np.testing.assert_allclose(bar, true, rtol=1e-12, atol=1e-14, err_msg=name)
        np.testing.assert_allclose(c_bar, 0, atol=1e-14 * radius(c) ** 3)


def test_tiny_tangents_keep_their_digits(rng):
    u = unit_rows(rng)
    for tiny in (1e-300, 1e-200, 1e-160):
        for f in (poincare.exp0, poincare.log0):
            np.testing.assert_array_equal(f(tiny * u), tiny * u)
        for f in (poincare.exp, poincare.retract):
            np.testing.assert_array_equal(f(0 * u, tiny * u), tiny * u)
        np.testing.assert_allclose(poincare.geodesic(0 * u, tiny * u, 0.3), 0.3 * tiny * u, rtol=4 * EPS)


@pytest.mark.parametrize("library", ["twin", "formula"])
def test_no_tangent_is_too_long(library, libraries, rng):
    call = libraries[library]
    u, x = unit_rows(rng), 0.5 * unit_rows(rng)
    for length in (1e3, 1e100):
        for f in (poincare.exp, poincare.retract):
            end = call(f, x, length * u)
            np.testing.assert_allclose(np.linalg.norm(end, axis=1), 1, rtol=1e-5 if f is poincare.retract else 4 * EPS)
        np.testing.assert_allclose(call(poincare.exp0, length * u), u, rtol=4 * EPS)


def test_no_square_is_too_large(rng):
    u, x = unit_rows(rng), 0.5 * unit_rows(rng)
    for length in (1e160, 1e200):
        for f in (poincare.exp, poincare.retract):
            np.testing.assert_allclose(np.linalg.norm(f(x, length * u), axis=1), 1, rtol=4 * EPS)
            for bar in getattr(poincare, f"{f.__name__}_vjp")(u, x, length * u, np.ones(8)):
                assert np.isfinite(bar).all()
        np.testing.assert_allclose(poincare.exp0(length * u), u, rtol=4 * EPS)


@pytest.mark.parametrize("c", [0.0, 0.7])
def test_retraction_is_of_second_order(c, rng):
    x, v = points(rng, c=c, gap=0.4), unit_rows(rng)
    errors = [
        np.linalg.norm(poincare.retract(x, h * v, c) - poincare.exp(x, h * v, c), axis=1) for h in (1e-2, 5e-3, 2.5e-3)
    ]
    if c == 0:
        np.testing.assert_array_equal(errors, 0)
    else:
        np.testing.assert_allclose(errors[0] / errors[1], 8, rtol=0.1)
        np.testing.assert_allclose(errors[1] / errors[2], 8, rtol=0.1)


@given(ball_points(2))
@settings(max_examples=60, deadline=None)
def test_retraction_is_its_definition(case):
    (x, v), c = case
    x, v = x.astype(float), v.astype(float)
    w = v * poincare.conformal_factor(x, c)[:, None] / 2
    z = w / np.sqrt(1 + c * np.sum(w * w, axis=1, keepdims=True))
    assert_same_rows(poincare.retract(x, v, c), poincare.mobius_add(x, z, c), 2000, 0.05 * radius(c))


@pytest.mark.parametrize("gap", [0.5, 1e-6, 1e-14])
def test_retraction_stays_in_the_ball(gap, rng):
    x = rim_points(rng, 200, 5, 1.0, gap)
    for length in (1e-16, 1e-6, 0.1, 1.0):
        assert np.isfinite(poincare.dist0(poincare.retract(x, length * gap * unit_rows(rng, 200, 5)))).all()


@given(ball_points(2), st.floats(-0.5, 1.5), st.floats(-0.5, 1.5))
@settings(max_examples=60, deadline=None)
def test_geodesics_have_constant_speed(case, s, t):
    (x, y), c = case
    x, y = x.astype(float) * 0.7, y.astype(float) * 0.7
    apart = poincare.dist(poincare.geodesic(x, y, s, c), poincare.geodesic(x, y, t, c), c)
    assert_same_numbers(apart, abs(t - s) * poincare.dist(x, y, c), 4000, 0.1 * radius(c))


@given(ball_points(2), st.floats(-0.5, 1.5))
@settings(max_examples=60, deadline=None)
def test_geodesics_are_exp_of_log_from_both_ends(case, t):
    (x, y), c = case
    x, y = x.astype(float) * 0.9, y.astype(float) * 0.9
    found = poincare.geodesic(x, y, t, c)
    assert_same_rows(found, poincare.exp(x, t * poincare.log(x, y, c), c), 4000, 0.05 * radius(c))
    np.testing.assert_allclose(found, poincare.geodesic(y, x, 1 - t, c), rtol=1e-11, atol=1e-13 * radius(c))


def test_geodesics_reach_both_ends_at_the_rim(rng):
    x, y = rim_points(rng, gap=1e-10), rim_points(rng, gap=1e-10)
    for t in (1e-3, 0.25, 0.5, 0.75, 1 - 1e-3):
        z = poincare.geodesic(x, y, t)
        total = poincare.dist(x, y)
        np.testing.assert_allclose(poincare.dist(x, z), t * total, atol=1e-4)  # of the rounding of z
        np.testing.assert_allclose(poincare.dist(z, y), (1 - t) * total, atol=1e-4)


@pytest.mark.parametrize("exponent", [-300, -100, 100, 250])
def test_extreme_curvatures_are_scalings(exponent, rng):
    x, y, v = points(rng), points(rng), points(rng)
    t, g = rng.uniform(-1, 2, 8), unit_rows(rng)
    k = 2.0**exponent
    c = 1 / (k * k)
    for name, args, of_size in (
        ("exp", (x, v), (1, 1)),
        ("retract", (x, v), (1, 1)),
        ("log", (x, y), (1, 1)),
        ("geodesic", (x, y, t), (1, 1, 0)),
        ("mobius_add", (x, y), (1, 1)),
        ("mobius_sub", (x, y), (1, 1)),
        ("mobius_scalar", (t, x), (0, 1)),
        ("transport", (x, y, g), (1, 1, 0)),
        ("gyration", (x, y, g), (1, 1, 0)),
        ("exp0", (v,), (1,)),
        ("log0", (x,), (1,)),
    ):
        f = getattr(poincare, name)
        scaled = [a * k if size else a for a, size in zip(args, of_size, strict=True)]
        back = 1.0 if name in ("transport", "gyration") else k
        np.testing.assert_allclose(f(*scaled, c) / back, f(*args, 1.0), rtol=1e-12, err_msg=name)
        bars = getattr(poincare, f"{name}_vjp")(g, *scaled, c)[:-1]
        for bar, true, size in zip(bars, getattr(poincare, f"{name}_vjp")(g, *args, 1.0)[:-1], of_size, strict=True):
            np.testing.assert_allclose(bar * (k if size else 1) / back, true, rtol=1e-9, atol=1e-12, err_msg=name)


def test_the_middle_of_a_long_geodesic(rng, high_precision):
    """Where the rounding of its length, 65, moves a point most."""
    x = rim_points(rng, 40, 2, gap=1e-14)
    y = -x + 1e-9 * rng.normal(size=x.shape)
    y *= (1 - 1e-14) / np.linalg.norm(y, axis=1, keepdims=True)
    t = 0.5 + rng.uniform(-0.02, 0.02, 40)
    for row, found in enumerate(poincare.geodesic(x, y, t)):
        truth = high_precision.evaluate(ball.geodesic, (x[row], y[row], t[row]), 1.0)
        assert high_precision.error(found, truth, 1.0) <= 4 * EPS
