"""Busemann functions and horospheres of both models."""

import dataclasses

import mpmath as mp
import numpy as np
import pytest
from accuracy import ball, hyperboloid, lorentz_horospheres, poincare_horospheres

from hypergeom import lorentz, poincare

SPACES = {"poincare": poincare, "lorentz": lorentz}
TRUTH = {"poincare": (poincare_horospheres, ball), "lorentz": (lorentz_horospheres, hyperboloid)}


def units(rng, rows, d):
    p = rng.normal(size=(rows, d))
    return p / np.linalg.norm(p, axis=1, keepdims=True)


def points(space, rng, rows, d, c):
    x = rng.uniform(0, 0.95, (rows, 1)) * units(rng, rows, d) / np.sqrt(c)
    return x if space == "poincare" else poincare.to_lorentz(x, c)


def origin(space, d):
    return np.zeros(d) if space == "poincare" else np.eye(d + 1)[0]


@pytest.mark.parametrize("c", [0.01, 1.0, 9.0])
@pytest.mark.parametrize("space", SPACES)
def test_busemann_is_a_limit_of_differences_of_distances(space, c, rng):
    x, p = points(space, rng, 5, 3, c), units(rng, 5, 3)
    _, formulas = TRUTH[space]
    with mp.workdps(80):
        t, k = mp.mpf(60) / mp.sqrt(c), mp.sqrt(c)
        radius = mp.tanh(k * t / 2) / k if space == "poincare" else mp.sinh(k * t) / k
        for xi, pi, b in zip(x, p, SPACES[space].busemann(x, p, c), strict=True):
            length = mp.norm([mp.mpf(v) for v in pi])
            far = [radius * mp.mpf(v) / length for v in pi]
            if space == "lorentz":
                far.insert(0, mp.mpf(1))
            limit = formulas.dist([mp.mpf(v) for v in xi], far, mp.mpf(c))[0] - t
            assert abs(limit - b) < 1e-13 / np.sqrt(c)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("d", [1, 2, 3, 17])
@pytest.mark.parametrize("space", SPACES)
def test_there_and_back(space, d, dtype, rng):
    m, eps = SPACES[space], np.finfo(dtype).eps
    for c in (1e-8, 0.3, 1.0, 1e3, *([0.0] if space == "poincare" else [])):
        x, p = points(space, rng, 20, d, c or 1.0).astype(dtype), units(rng, 20, d).astype(dtype)
        b, zeta = m.to_horo(x, p, c)
        assert (b.shape, zeta.shape, b.dtype, zeta.dtype) == ((20,), (20, d), dtype, dtype)
        np.testing.assert_array_equal(b, m.busemann(x, p, c))
        along = np.abs(np.sum(zeta * p, axis=1))
        assert (along <= 4 * eps * np.linalg.norm(zeta, axis=1)).all()
        back = m.from_horo(b, zeta, p, c)
        # to be compared as points: as close as their roundings
        apart = m.dist(x.astype(float), back.astype(float), c or 0.0)
        size = 2 / (1 - 0.95**2) * np.linalg.norm(x, axis=1) + 1 / np.sqrt(c or 1.0)
        assert (apart <= 100 * eps * size).all()
        b, zeta = rng.normal(size=20) / np.sqrt(c or 1.0), rng.normal(size=(20, d)) / np.sqrt(c or 1.0)
        p = units(rng, 20, d)
        zeta -= np.sum(zeta * p, axis=1, keepdims=True) * p
        again = m.to_horo(m.from_horo(b, zeta, p, c), p, c)
        np.testing.assert_allclose(again.b, b, rtol=1e-11, atol=1e-11 / np.sqrt(c or 1.0))
        np.testing.assert_allclose(again.zeta, zeta, rtol=1e-9, atol=1e-10 / np.sqrt(c or 1.0))


@pytest.mark.parametrize("space", SPACES)
def test_metric_in_horospherical_coordinates(space, rng):
    horo, formulas = TRUTH[space]
    with mp.workdps(60):
        c, h = mp.mpf("0.7"), mp.mpf(10) ** -15
        p, zeta, turn = (list(map(mp.mpf, v)) for v in rng.normal(size=(3, 3)))
        p = [v / mp.norm(p) for v in p]
        zeta, turn = (
            horo.across(v, p)[2] if space == "poincare" else poincare_horospheres.across(v, p)[2] for v in (zeta, turn)
        )
        b, rise = map(mp.mpf, rng.normal(size=2))
        x = horo.from_horo([b], zeta, p, c)
        y = horo.from_horo([b + h * rise], [v + h * t for v, t in zip(zeta, turn, strict=True)], p, c)
        expected = mp.sqrt(rise**2 + mp.exp(2 * mp.sqrt(c) * b) * mp.norm(turn) ** 2)
        assert abs(formulas.dist(x, y, c)[0] / h - expected) < mp.mpf(10) ** -12


@pytest.mark.parametrize("c", [0.2, 1.0, 40.0])
@pytest.mark.parametrize("space", SPACES)
def test_lines_of_constant_zeta_are_geodesics(space, c, rng):
    m = SPACES[space]
    zeta, p = rng.normal(size=(20, 4)) / np.sqrt(c), units(rng, 20, 4)
    b = rng.uniform(-1, 1, (2, 20)) / np.sqrt(c)
    x, y = (m.from_horo(bk, zeta, p, c) for bk in b)
    np.testing.assert_allclose(m.dist(x, y, c), np.abs(b[0] - b[1]), rtol=1e-10, atol=1e-13)
    # the part of zeta along p does not count
    np.testing.assert_allclose(
        m.from_horo(b[0], zeta + 3 * p / np.sqrt(c), p, c), x, rtol=1e-12, atol=1e-13 / np.sqrt(c)
    )


@pytest.mark.parametrize("c", [1e-8, 1.0, 30.0])
def test_models_agree(c, rng):
    x, p = points("poincare", rng, 30, 4, c), units(rng, 30, 4)
    on_ball, on_hyperboloid = poincare.to_horo(x, p, c), lorentz.to_horo(poincare.to_lorentz(x, c), p, c)
    for a, b in zip(on_ball, on_hyperboloid, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13 / np.sqrt(c))
    far = lorentz.from_horo(*on_ball, p, c)
    np.testing.assert_allclose(
        lorentz.to_poincare(far, c), poincare.from_horo(*on_ball, p, c), rtol=1e-12, atol=1e-14 / np.sqrt(c)
    )


@pytest.mark.parametrize("space", SPACES)
def test_origin(space):
    m, p, x = SPACES[space], np.array([0.6, 0.8]), origin(space, 2)
    b, zeta = m.to_horo(x, p)
    assert b == 0
    assert (zeta == 0).all()
    np.testing.assert_array_equal(m.from_horo(0.0, np.zeros(2), p), x)
    assert float(m.busemann(m.from_horo(-1e-200, np.zeros(2), p), p)) == pytest.approx(-1e-200, rel=1e-14)
    x_bar, p_bar, c_bar = m.busemann_vjp(1.0, x, p)
    np.testing.assert_allclose(x_bar[-2:], -p * (2 if space == "poincare" else 1), rtol=1e-15)
    assert (p_bar == 0).all()
    assert c_bar == 0


def test_flat_space(rng):
    x, p = rng.normal(size=(8, 3)), units(rng, 8, 3)
    t = np.sum(x * p, axis=1)
    b, zeta = poincare.to_horo(x, p, 0)
    np.testing.assert_allclose(b, -2 * t, atol=1e-15)
    np.testing.assert_allclose(zeta, 2 * (x - t[:, None] * p), atol=1e-15)
    np.testing.assert_allclose(poincare.from_horo(b, zeta, p, 0), x, atol=1e-15)
    for nearly in (1e-14, 1e-18):
        assert (np.abs(poincare.busemann(x, p, nearly) - b) <= 3 * np.sqrt(nearly) * np.sum(x * x, axis=1)).all()
    # the functions run like sqrt(c): their derivative in c is taken as 0 there
    assert poincare.busemann_vjp(np.ones(8), x, p, 0.0)[-1] == 0
    assert poincare.to_horo_vjp(np.ones(8), zeta, x, p, 0.0)[-1] == 0
    assert poincare.from_horo_vjp(x, b, zeta, p, 0.0)[-1] == 0


@pytest.mark.parametrize("space", SPACES)
def test_towards_the_ideal_point_and_away_from_it(space, rng):
    m, p = SPACES[space], units(rng, 12, 5)
    sign = np.where(np.arange(12) < 6, -1.0, 1.0)
    r = np.tile([1e-9, 0.3, 1.0, 5.0, 15.0, 30.0], 2)
    v = r[:, None] * p
    x = (
        poincare.exp0(v / 2)
        if space == "poincare"
        else lorentz.exp(np.tile(np.eye(6)[0], (12, 1)), np.insert(v, 0, 0, axis=1))
    )
    # b is -r and r, as well as x can be stored
    assert (np.abs(m.busemann(x, -sign[:, None] * p) - sign * r) <= 8 * np.finfo(float).eps * np.exp(r)).all()


@pytest.mark.parametrize("space", SPACES)
def test_zeta_of_points_beside_the_ray_to_the_ideal_point(space, rng):
    # Across p there is then nothing of x but what the rounding of x and p made of it.
    m, (horo, _) = SPACES[space], TRUTH[space]
    x = points(space, rng, 300, 2, 0.7)
    xs = x[:, -2:]
    p = xs / np.linalg.norm(xs, axis=1, keepdims=True)
    for k, zeta in enumerate(m.to_horo(x, p, 0.7).zeta):
        with mp.workdps(80):
            truth = horo.to_horo(*([mp.mpf(v) for v in a[k]] for a in (x, p)), mp.mpf(0.7))[1:]
            error = mp.norm([mp.mpf(a) - b for a, b in zip(zeta, truth, strict=True)])
            assert error <= 8 * np.finfo(float).eps * mp.norm(truth)


def test_far_points_of_the_hyperboloid_keep_all_digits(rng):
    # the exponential of a rounded sqrt(c) b would lose those of its integer part
    p, zeta = units(rng, 40, 3), rng.normal(size=(40, 3))
    b, c = rng.uniform(-600, 600, 40), rng.uniform(0.1, 1, 40)
    for k, x in enumerate(lorentz.from_horo(b, zeta, p, c)):
        with mp.workdps(700):
            truth = lorentz_horospheres.from_horo(
                *([mp.mpf(v) for v in np.atleast_1d(a[k])] for a in (b, zeta, p)), mp.mpf(c[k])
            )
            error = mp.norm([mp.mpf(a) - t for a, t in zip(x, truth, strict=True)])
            assert error <= 8 * np.finfo(float).eps * mp.norm(truth)


def test_no_overflow_in_the_ball(rng):
    p = units(rng, 1, 3)[0]
    for b in (-1e5, -800.0, 800.0, 1e5):
        x = poincare.from_horo(b, np.array([1.0, 2.0, 0.0]), p)
        np.testing.assert_allclose(np.linalg.norm(x), 1, rtol=1e-14)
        assert all(np.isfinite(bar).all() for bar in poincare.from_horo_vjp(p, b, p, p))
    np.testing.assert_allclose(poincare.from_horo(-1e5, np.zeros(3), p), p, rtol=1e-14)


def test_overflow_on_the_hyperboloid():
    for b in (-1e5, -720.0, 720.0, 1e5):
        x = lorentz.from_horo(b, np.array([0.0, 2.0, 0.0]), np.array([1.0, 0.0, 0.0]))
        assert x[0] == x[1] == np.inf
        assert x[3] == 0
        assert not np.isnan(x).any()
    x = lorentz.from_horo(-705.0, np.array([0.0, 2.0, 0.0]), np.array([1.0, 0.0, 0.0]))
    np.testing.assert_allclose(x, [np.cosh(705), np.sinh(705), 0, 0], rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize("space", SPACES)
def test_ideal_points_that_are_not_unit_vectors(space, rng):
    m = SPACES[space]
    x, p = points(space, rng, 4, 3, 1.0), units(rng, 4, 3)
    scaled = p * np.array([1.0, 1 + 4e-7, 1 + 6e-7, 0])[:, None]
    good = [True, True, False, False]
    b, zeta = m.to_horo(x, scaled)
    np.testing.assert_array_equal(np.isfinite(m.busemann(x, scaled)), good)
    np.testing.assert_array_equal(np.isfinite(b), good)
    np.testing.assert_array_equal(np.isfinite(zeta), np.array(good)[:, None] * np.ones(3, bool))
    # only the direction counts
    np.testing.assert_allclose(b[:2], m.busemann(x, p)[:2], rtol=1e-13, atol=1e-14)
    back = m.from_horo(b, zeta, scaled)
    np.testing.assert_array_equal(np.isfinite(back).all(axis=1), good)
    for bars in (
        m.busemann_vjp(np.ones(4), x, scaled, np.ones(4)),
        m.to_horo_vjp(np.ones(4), p, x, scaled, np.ones(4)),
        m.from_horo_vjp(x, np.ones(4), p, scaled, np.ones(4)),
    ):
        for bar in bars:
            np.testing.assert_array_equal(np.isnan(bar).reshape(4, -1).all(axis=1), np.logical_not(good))


@pytest.mark.parametrize("space", SPACES)
def test_results_are_frozen_and_unpack(space, rng):
    m = SPACES[space]
    x, p = points(space, rng, 4, 3, 1.0), units(rng, 4, 3)
    result = m.to_horo(x, p)
    assert isinstance(result, m.Horo)
    with pytest.raises(dataclasses.FrozenInstanceError):
        result.b = 0
    out = np.empty(4), np.empty((4, 3))
    written = m.to_horo(x, p, out=out)
    assert (written.b is out[0], written.zeta is out[1]) == (True, True)
    np.testing.assert_array_equal(out[0], result.b)
    np.testing.assert_array_equal(out[1], result.zeta)
    x[1] = np.nan
    assert np.isnan(m.to_horo(x, p).zeta).all(axis=1).tolist() == [False, True, False, False]
    with pytest.raises(ValueError, match=rf"^{space}\.to_horo: shapes x .* p \(4, 2\).* do not fit"):
        m.to_horo(x, p[:, :2])
    with pytest.raises(ValueError, match=rf"^{space}\.to_horo: c needs"):
        m.to_horo(x, p, -1.0)
