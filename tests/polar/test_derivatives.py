"""Derivatives against differences in 50 digits, adjoint identities, equal singular values, and refusals."""

import mpmath
import numpy as np
import pytest
from polar.matrices import (
    mp_derivative,
    mp_j_polar,
    mp_spectral,
    orthonormal,
    shuffled_signature,
    star,
    to_mp,
    to_numpy,
    with_singular_values,
)

from hypergeom.polar import (
    jpolar,
    jpolar_jvp,
    jpolar_vjp,
    mclip,
    mclip_jvp,
    mclip_vjp,
    msign,
    msign_jvp,
    msign_vjp,
    polar,
    polar_vjp,
    random_jorthogonal,
)
from hypergeom.polar.indefinite_derivatives import _bartels_stewart, _by_sign_iteration

SHAPES = pytest.mark.parametrize("shape", [(1, 1), (4, 4), (6, 3), (3, 6)])
COMPLEX = pytest.mark.parametrize("complex_", [False, True])


def draw(rng, shape, complex_=False):
    return rng.normal(size=shape) + (1j * rng.normal(size=shape) if complex_ else 0)


def inner(x, y):
    return np.sum(np.conj(x) * y).real


def relative(got, truth):
    return np.linalg.norm(got - truth) / np.linalg.norm(truth)


def directional(f, a, d):
    return mp_derivative(lambda x: mp_spectral(f, x), to_mp(a), to_mp(d))


SPECTRA = {
    "apart": lambda k: np.linspace(0.5, 2.0, k),
    "close": lambda k: 1.0 + 1e-14 * np.arange(k),
    "small": lambda k: np.r_[0.006, np.linspace(1.0, 2.0, k)][:k],
}


@SHAPES
@COMPLEX
@pytest.mark.parametrize("spectrum", SPECTRA)
def test_msign_derivative(rng, shape, complex_, spectrum):
    a = with_singular_values(rng, SPECTRA[spectrum](min(shape)), *shape, complex_)
    d, g = draw(rng, shape, complex_), draw(rng, shape, complex_)
    jvp = msign_jvp(a, d)
    with mpmath.workdps(50):
        truth = to_numpy(directional(lambda s: mpmath.mpf(1), a, d))
    if np.linalg.norm(truth) > 1e-12:  # of a real 1 x 1 it is 0
        assert relative(jvp, truth) <= 1e-11
    else:
        assert np.linalg.norm(jvp) <= 1e-12
    assert abs(inner(g, jvp) - inner(msign_vjp(g, a), d)) <= 1e-13 * np.linalg.norm(g) * np.linalg.norm(jvp) + 1e-300


def test_equal_singular_values(rng):
    """At a multiple of an orthogonal matrix the derivative is the skew part, to rounding."""
    q = orthonormal(rng, 5, 5)
    d = rng.normal(size=(5, 5))
    e = q.T @ d
    assert relative(msign_jvp(3 * q, d), q @ (e - e.T) / 6) <= 1e-14
    assert relative(mclip_jvp(3 * q, d, 1.0, 4.0), d) <= 1e-14
    assert relative(mclip_jvp(3 * q, d, 0.0, 2.0), 2 * q @ (e - e.T) / 6) <= 1e-14
    assert relative(mclip_jvp(0 * q, d, 0.0, 2.0), d) <= 1e-14


@SHAPES
@COMPLEX
@pytest.mark.parametrize("side", ["right", "left"])
def test_polar_vjp(rng, shape, complex_, side):
    a = with_singular_values(rng, np.linspace(0.5, 2.0, min(shape)), *shape, complex_)
    k = shape[1] if side == "right" else shape[0]
    d, g_u, g_p = draw(rng, shape, complex_), draw(rng, shape, complex_), draw(rng, (k, k), complex_)
    with mpmath.workdps(50):
        du = directional(lambda s: mpmath.mpf(1), a, d)
        u, x, y = mp_spectral(lambda s: mpmath.mpf(1), to_mp(a)), to_mp(a), to_mp(d)
        dp = du.H * x + u.H * y if side == "right" else y * u.H + x * du.H
        du, dp = to_numpy(du), to_numpy(dp)
    assert np.linalg.norm(dp - dp.conj().T) <= 1e-14  # that of a Hermitian matrix
    for pair, change in (
        ((g_u, g_p), inner(g_u, du) + inner(g_p, dp)),
        ((g_u, None), inner(g_u, du)),
        ((None, g_p), inner(g_p, dp)),
    ):
        bar = polar_vjp(pair, a, side=side)
        assert abs(inner(bar, d) - change) <= 1e-12 * (1 + np.linalg.norm(bar)) * np.linalg.norm(d)
    np.testing.assert_array_equal(polar_vjp((None, None), a, side=side), 0)
    np.testing.assert_allclose(polar_vjp((g_u, None), a, side=side), msign_vjp(g_u, a))


@SHAPES
@COMPLEX
@pytest.mark.parametrize(
    "bounds", [(0.8, 1.7), (0.0, 1.2), (-1.0, 1.2), (1.1, np.inf), (-2.0, -0.5), (0.9, 0.9), (0.0, 9.0)]
)
def test_mclip_derivative(rng, shape, complex_, bounds):
    low, high = bounds
    k = min(shape)
    a = with_singular_values(rng, np.r_[0.5, 1.0, 1.0 + 1e-14, 2.0][-k:], *shape, complex_)
    d, g = draw(rng, shape, complex_), draw(rng, shape, complex_)
    jvp = mclip_jvp(a, d, low, high)

    def clip(s):
        bounded = mpmath.mpf(max(s, low))
        return bounded if high == np.inf else min(bounded, mpmath.mpf(high))

    with mpmath.workdps(50):
        truth = to_numpy(directional(clip, a, d))
    assert np.linalg.norm(jvp - truth) <= 1e-11 * np.linalg.norm(truth) + 1e-13
    ga, g_low, g_high = mclip_vjp(g, a, low, high)
    assert abs(inner(g, jvp) - inner(ga, d)) <= 1e-13 * np.linalg.norm(g) * (1 + np.linalg.norm(jvp))
    h = 1e-6
    for bound, bar in (("low", g_low), ("high", g_high)):
        if not np.isfinite(low if bound == "low" else high) or low == high:
            continue
        moved = [mclip(a, low + s * h * (bound == "low"), high + s * h * (bound == "high")) for s in (1, -1)]
        assert bar == pytest.approx(inner(g, moved[0] - moved[1]) / (2 * h), abs=1e-8)


def test_cotangents_of_the_bounds_have_their_shapes(rng):
    a, g = rng.normal(size=(2, 3, 5, 4)), rng.normal(size=(2, 3, 5, 4))
    low, high = np.full((3,), 0.5), 1.0
    ga, g_low, g_high = mclip_vjp(g, a, low, high)
    assert ga.shape == a.shape and g_low.shape == (3,) and g_high.shape == ()
    single = [[mclip_vjp(g[i, k], a[i, k], 0.5, 1.0) for k in range(3)] for i in range(2)]
    np.testing.assert_allclose(g_low, [sum(single[i][k][1] for i in range(2)) for k in range(3)], atol=1e-13)
    np.testing.assert_allclose(g_high, sum(single[i][k][2] for i in range(2) for k in range(3)), atol=1e-13)


def test_nothing_is_added_to_the_denominator(rng):
    """eps = 1e-3 in the Sylvester equation of msign costs the third digit."""
    a = with_singular_values(rng, np.linspace(0.05, 1.0, 8), 8, 8)
    g, d, h = rng.normal(size=(8, 8)), rng.normal(size=(8, 8)), 1e-5
    steps = [msign(a + k * h * d) for k in (1, -1, 2, -2)]
    difference = (8 * (steps[0] - steps[1]) - (steps[2] - steps[3])) / (12 * h)
    back = msign_vjp(g, a)
    size = np.linalg.norm(back) * np.linalg.norm(d)
    assert abs(inner(back, d) - inner(g, difference)) <= 1e-8 * size
    u, s, vh = np.linalg.svd(a)
    e = u.T @ g @ vh.T
    padded = u @ ((e - e.T) / (s[:, None] + s + 1e-3)) @ vh
    assert np.linalg.norm(padded - back) >= 1e-4 * np.linalg.norm(back)


def test_rank_deficient_matrices_have_no_derivative(rng):
    a = with_singular_values(rng, np.r_[1.0, 0.5, 0.0], 5, 3)
    a[:, :] = np.round(a, 12)
    singular = np.diag([1.0, 0.5, 0.0])
    g = rng.normal(size=(3, 3))
    assert not np.isfinite(msign_vjp(g, singular)).all()
    assert not np.isfinite(msign_jvp(singular, g)).all()
    assert np.isfinite(mclip_jvp(singular, g, 0.0, 0.7)).all()
    assert not np.isfinite(mclip_jvp(singular, g, 0.1, 0.7)).all()
    batch = np.stack([singular, np.eye(3), np.full((3, 3), np.nan), np.full((3, 3), np.inf)])
    back = msign_vjp(np.broadcast_to(g, batch.shape), batch)
    np.testing.assert_array_equal(np.isfinite(back).all(axis=(1, 2)), [False, True, False, False])
    ga, g_low, _ = mclip_vjp(np.broadcast_to(g, batch.shape), batch, np.zeros(4), 0.7)
    np.testing.assert_array_equal(np.isfinite(ga).all(axis=(1, 2)), [True, True, False, False])
    np.testing.assert_array_equal(np.isfinite(g_low), [True, True, False, False])


def test_scaled_matrices(rng):
    a, d = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    for k in (-500, 500):
        np.testing.assert_array_equal(msign_jvp(a * 2.0**k, d) * 2.0**k, msign_jvp(a, d))
        np.testing.assert_array_equal(mclip_jvp(a * 2.0**k, d, 2.0**k, 2.0 ** (k + 1)), mclip_jvp(a, d, 1.0, 2.0))


# --- jpolar -----------------------------------------------------------------------------------------------


def j_case(rng, n, q, cond=30):
    j = shuffled_signature(rng, n - q, q)
    return random_jorthogonal(j, cond=cond, rng=rng) @ (np.eye(n) + 0.3 * rng.normal(size=(n, n)) / n**0.5), j


@pytest.mark.parametrize(("n", "q"), [(1, 1), (2, 1), (5, 1), (6, 3), (4, 0)])
def test_jpolar_derivative_against_mpmath(rng, n, q):
    a, j = j_case(rng, n, q)
    d = rng.normal(size=(n, n))
    dw, ds = jpolar_jvp(a, d, j)
    with mpmath.workdps(50):
        signs = mpmath.diag([mpmath.mpf(float(v)) for v in j])
        truth = mp_derivative(lambda x: mp_j_polar(x, j), to_mp(a), to_mp(d))
        w = mp_j_polar(to_mp(a), j)
        of_s = signs * truth.T * signs * to_mp(a) + signs * w.T * signs * to_mp(d)
        truth, of_s = to_numpy(truth), to_numpy(of_s)
    assert np.linalg.norm(dw - truth) <= 1e-11 * np.linalg.norm(truth) + 1e-13
    assert relative(ds, of_s) <= 1e-11
    np.testing.assert_array_equal(j[:, None] * ds, (j[:, None] * ds).T)


@pytest.mark.parametrize(("n", "q"), [(2, 1), (7, 2), (20, 10)])
def test_jpolar_vjp(rng, n, q):
    a, j = j_case(rng, n, q)
    d, g_w, g_s = rng.normal(size=(3, n, n))
    dw, ds = jpolar_jvp(a, d, j)
    for pair, change in (
        ((g_w, g_s), inner(g_w, dw) + inner(g_s, ds)),
        ((g_w, None), inner(g_w, dw)),
        ((None, g_s), inner(g_s, ds)),
    ):
        bar = jpolar_vjp(pair, a, j)
        assert abs(inner(bar, d) - change) <= 1e-12 * np.linalg.norm(bar) * np.linalg.norm(d)
    h = 1e-4
    ends = [(r.w, r.s) for r in (jpolar(a + k * h * d, j) for k in (1, -1, 2, -2))]
    by_steps = [(8 * (ends[0][i] - ends[1][i]) - (ends[2][i] - ends[3][i])) / (12 * h) for i in (0, 1)]
    change = inner(g_w, by_steps[0]) + inner(g_s, by_steps[1])
    assert (
        abs(inner(jpolar_vjp((g_w, g_s), a, j), d) - change) <= 1e-8 * np.linalg.norm(dw) * np.linalg.norm(g_w) + 1e-8
    )
    np.testing.assert_array_equal(jpolar_vjp((None, None), a, j), 0)


def test_jpolar_vjp_with_one_sign_is_polar_vjp(rng):
    a = rng.normal(size=(6, 6)) + 3 * np.eye(6)
    g_u, g_p = rng.normal(size=(2, 6, 6))
    assert relative(jpolar_vjp((g_u, g_p), a, np.ones(6)), polar_vjp((g_u, g_p), a)) <= 1e-12


def test_jpolar_derivatives_of_batches(rng):
    j = np.array([1.0, -1.0, 1.0, 1.0])
    a = np.eye(4) + 0.1 * rng.normal(size=(2, 3, 4, 4))
    d = rng.normal(size=(3, 4, 4))
    dw, ds = jpolar_jvp(a, d, j)
    assert dw.shape == ds.shape == a.shape
    bar = jpolar_vjp((d, d), a, j)
    for i in range(2):
        for k in range(3):
            np.testing.assert_allclose(dw[i, k], jpolar_jvp(a[i, k], d[k], j)[0], atol=1e-13)
            np.testing.assert_allclose(bar[i, k], jpolar_vjp((d[k], d[k]), a[i, k], j), atol=1e-13)


def test_both_solvers_of_the_sylvester_equation(rng):
    a, j = j_case(rng, 12, 5)
    s, c = jpolar(a, j).s, rng.normal(size=(12, 12))
    k = _bartels_stewart(s, c)
    assert relative(s @ k + k @ s, c) <= 1e-12
    assert relative(_by_sign_iteration(s, c), k) <= 1e-12
    assert relative(s.T @ (z := _bartels_stewart(s.T, c)) + z @ s.T, c) <= 1e-12


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: msign_jvp(np.eye(3), np.eye(4)), ValueError, "needs the last two axes"),
        (lambda: msign_vjp(np.ones((2, 3, 3)), np.ones((4, 3, 3))), ValueError, "leading axes that broadcast"),
        (lambda: polar_vjp(np.eye(3), np.eye(3)), TypeError, "needs to be a pair"),
        (lambda: polar_vjp((np.eye(3), None), np.eye(3), side="top"), ValueError, "side must be one of"),
        (lambda: polar_vjp((None, np.eye(2)), np.eye(3)), ValueError, "needs the last two axes"),
        (lambda: mclip_vjp(np.eye(3), np.eye(3), 2.0, 1.0), ValueError, "lower <= upper"),
        (lambda: mclip_jvp(np.eye(3), np.eye(3), np.nan, 1.0), ValueError, "must not be NaN"),
        (lambda: jpolar_jvp(np.eye(3), np.eye(2), [1, 1, -1]), ValueError, "needs the last two axes"),
        (lambda: jpolar_vjp(np.eye(2), np.eye(2), [1, -1]), TypeError, "needs to be a pair"),
        (lambda: jpolar_vjp((1j * np.eye(2), None), np.eye(2), [1, -1]), TypeError, "needs real matrices"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_empty():
    z = np.zeros((0, 3, 3))
    assert msign_vjp(z, z).shape == z.shape and mclip_vjp(z, z, 0, 1)[1].shape == ()
    assert jpolar_vjp((z, z), z, [1, -1, 1]).shape == z.shape and polar_vjp((z, z), z).shape == z.shape


def test_of_star(rng):
    """The derivative of W stays in the tangent space: W^* dW is in the algebra."""
    a, j = j_case(rng, 6, 2)
    dw, _ = jpolar_jvp(a, rng.normal(size=(6, 6)), j)
    k = star(jpolar(a, j).w, j) @ dw
    assert np.linalg.norm(k + star(k, j)) <= 1e-13 * np.linalg.norm(k)
    u, p = polar(a)
    assert u.shape == p.shape
