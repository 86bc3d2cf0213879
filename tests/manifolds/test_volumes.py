"""Volumes in hyperbolic space against quadrature with many digits, in flat space, and far out."""

import math

import mpmath
import numpy as np
import pytest

from hypergeom.manifolds import CoveringBounds, ball_volume, covering_bounds, sphere_area

EPS = np.finfo(float).eps
RADII = [1e-6, 0.01, 0.5, 1.4999, 1.5001, 3.0, 20.0]
DIMENSIONS = [1, 2, 3, 4, 5, 8, 17, 64]


def true_volume(R, d, c):
    with mpmath.workdps(40):
        R, k = mpmath.mpf(R), mpmath.sqrt(mpmath.mpf(c))
        sphere = 2 * mpmath.pi ** (mpmath.mpf(d) / 2) / mpmath.gamma(mpmath.mpf(d) / 2)
        # in s = t / R, and relative to the value at R, so that every scale is alike
        top = mpmath.sinh(k * R) if k else R
        steps = [0] + [1 - mpmath.mpf(2) ** -j for j in range(1, 12)] + [1]
        ratio = mpmath.quad(lambda s: ((mpmath.sinh(k * R * s) if k else R * s) / top) ** (d - 1), steps)
        return sphere * (top / (k if k else 1)) ** (d - 1) * R * ratio


@pytest.mark.parametrize("d", DIMENSIONS)
@pytest.mark.parametrize("c", [0.0, 1e-8, 1.0, 30.0])
def test_ball_volume(d, c):
    for R in RADII:
        truth = true_volume(R, d, c)
        got, log = ball_volume(R, d, c), ball_volume(R, d, c, log=True)
        digits = 8 + d * (2 + math.sqrt(c) * R)  # the rounding of sqrt(c) R, in a power of its exponential
        if 1e-290 < truth < 1e290:
            assert abs(got / truth - 1) <= digits * EPS
        assert abs(log - mpmath.log(truth)) <= 4 * digits * EPS


@pytest.mark.parametrize("d", DIMENSIONS)
@pytest.mark.parametrize("c", [0.0, 1e-8, 1.0, 30.0])
def test_sphere_area_is_the_derivative_of_the_volume(d, c):
    for R in RADII:
        with mpmath.workdps(40):
            k, R_ = mpmath.sqrt(mpmath.mpf(c)), mpmath.mpf(R)
            truth = 2 * mpmath.pi ** (mpmath.mpf(d) / 2) / mpmath.gamma(mpmath.mpf(d) / 2)
            truth *= (mpmath.sinh(k * R_) / k if k else R_) ** (d - 1)
        digits = 8 + d * (2 + math.sqrt(c) * R)
        if 1e-290 < truth < 1e290:
            assert abs(sphere_area(R, d, c) / truth - 1) <= digits * EPS
        assert abs(sphere_area(R, d, c, log=True) - mpmath.log(truth)) <= 4 * digits * EPS


def test_closed_forms():
    R = np.linspace(0.1, 8, 30)
    for c in (0.2, 1.0, 5.0):
        k = math.sqrt(c)
        np.testing.assert_allclose(ball_volume(R, 2, c), 4 * np.pi / c * np.sinh(k * R / 2) ** 2, rtol=1e-13)
        np.testing.assert_allclose(ball_volume(R, 3, c), np.pi / k**3 * (np.sinh(2 * k * R) - 2 * k * R), rtol=1e-12)
        np.testing.assert_allclose(ball_volume(R, 1, c), 2 * R, rtol=1e-14)


@pytest.mark.parametrize("d", [1, 2, 3, 10, 100])
@pytest.mark.parametrize("R", [1e2, 1e3, 1e4])
def test_far_out_in_logarithms(d, R):
    with mpmath.workdps(30):
        half = mpmath.mpf(d) / 2
        sphere = 2 * mpmath.pi**half / mpmath.gamma(half)
        n = d - 1
        # int sinh^n = 2^-n e^(nR) / n (1 + O(e^-2R))
        truth = mpmath.log(sphere) + (mpmath.log(2 * R / 2) if n == 0 else n * R - n * mpmath.log(2) - mpmath.log(n))
    assert ball_volume(R, d, log=True) == pytest.approx(float(truth), rel=8 * EPS)
    if d > 1:
        growth = ball_volume(R + 1, d, 4.0, log=True) - ball_volume(R, d, 4.0, log=True)
        assert growth == pytest.approx((d - 1) * 2, rel=1e-9)


def test_covering_bounds(rng):
    for _ in range(20):
        d, c = int(rng.integers(1, 12)), float(10 ** rng.uniform(-3, 2))
        R, r = rng.uniform(0.1, 5, 2)
        bounds = covering_bounds(R, r, d, c)
        assert isinstance(bounds, CoveringBounds)
        lower, upper = bounds
        volumes = [true_volume(a, d, c) for a in (R, r, R + r / 2, r / 2)]
        assert lower == pytest.approx(max(0.0, float(mpmath.log(volumes[0] / volumes[1]))), abs=1e-11)
        assert upper == pytest.approx(float(mpmath.log(volumes[2] / volumes[3])), abs=1e-11)
        assert 0 <= lower <= upper
    lower, upper = covering_bounds(1e4, 1.0, 5)
    assert np.isfinite([lower, upper]).all() and lower < upper


def test_line_is_covered_exactly():
    """On a line N = R / r, rounded up: within the bounds R / r and 2 R / r + 1."""
    lower, upper = covering_bounds(3.0, 0.5, 1)
    assert math.exp(lower) == pytest.approx(6) and math.exp(upper) == pytest.approx(13)


def test_arrays_broadcast():
    R, c = np.array([[0.5], [2.0]]), np.array([0.0, 1.0, 4.0])
    got = ball_volume(R, 3, c)
    assert got.shape == (2, 3)
    for i in range(2):
        for j in range(3):
            assert got[i, j] == ball_volume(R[i, 0], 3, c[j])
    lower, upper = covering_bounds(R, 0.1, 3, c)
    assert lower.shape == upper.shape == (2, 3)
    assert np.ndim(ball_volume(1.0, 2)) == 0


def test_edges():
    assert ball_volume(0.0, 3) == 0
    assert ball_volume(0, 3, log=True) == -np.inf
    assert sphere_area(0.0, 3) == 0
    assert sphere_area(0.0, 1) == 2
    assert ball_volume(1e4, 3) == np.inf
    assert np.isnan(ball_volume(-1.0, 3))
    assert np.isnan(ball_volume(1.0, 3, np.array([-1.0, np.inf, np.nan]))).all()
    assert np.isnan(covering_bounds(1.0, 0.0, 3).log_lower)
    assert np.isnan(ball_volume(np.nan, 2))


@pytest.mark.parametrize("f", [ball_volume, sphere_area, lambda R, d, c=1.0: covering_bounds(R, 0.5, d, c)])
def test_bad_input(f):
    for d in (0, -1):
        with pytest.raises(ValueError, match=f"d must be at least 1, got {d}"):
            f(1.0, d)
    for d in (2.0, True, "2"):
        with pytest.raises(TypeError, match="d must be an integer"):
            f(1.0, d)
    for c in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="c must be at least 0 and finite"):
            f(1.0, 2, c)
    for R in (1j, "1", True, None):
        with pytest.raises(TypeError, match="the radius must be real"):
            f(R, 2)
