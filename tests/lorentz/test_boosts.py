"""Boosts and rotations: isometries, inverses, matrices."""

import numpy as np
import pytest
from accuracy.hyperboloid import at_radius, generic, tangent_rows, unit_rows

from hypergeom import lorentz, poincare

DIMENSIONS = pytest.mark.parametrize("d", [1, 2, 3, 8, 33])
C = 0.7


def case(rng, d, R=3.0, rows=20):
    found = generic(rng, d, np.float64, rows, C, R)
    return found["x"], found["y"], generic(rng, d, np.float64, rows, C, R)["x"]


@DIMENSIONS
def test_boosts_are_isometries_and_inverse(d, rng):
    x, y, z = case(rng, d)
    by, bz = lorentz.boost(x, y, C), lorentz.boost(x, z, C)
    np.testing.assert_allclose(lorentz.dist(by, bz, C), lorentz.dist(y, z, C), rtol=1e-9)
    np.testing.assert_allclose(lorentz.boost_to0(x, by, C), y, rtol=1e-9, atol=1e-9)
    apex = lorentz.project(0 * x, C)
    np.testing.assert_array_equal(lorentz.boost(x, apex, C)[:, 1:], x[:, 1:])
    np.testing.assert_allclose(lorentz.boost(apex, y, C), y, rtol=1e-15)
    np.testing.assert_array_equal(lorentz.boost_to0(x, x, C)[:, 1:], 0)
    np.testing.assert_allclose(lorentz.dist0(lorentz.boost_to0(x, y, C), C), lorentz.dist(x, y, C), rtol=1e-12)


@DIMENSIONS
def test_boosts_are_the_addition_of_the_ball(d, rng):
    x, y, _ = case(rng, d)
    p, q = lorentz.to_poincare(x, C), lorentz.to_poincare(y, C)
    np.testing.assert_allclose(lorentz.to_poincare(lorentz.boost(x, y, C), C), poincare.mobius_add(p, q, C), atol=1e-13)
    np.testing.assert_allclose(
        lorentz.to_poincare(lorentz.boost_to0(x, y, C), C), poincare.mobius_add(-p, q, C), atol=1e-12
    )


@pytest.mark.parametrize("R", [20.0, 100.0, 150.0])
def test_opposite_points_far_away(R, rng):
    """y = -x but for a step: the boosts nearly cancel, and the distance from the apex is that of the step."""
    u = unit_rows(rng, 20, 3)
    x, y = at_radius(R, u, 1.0), at_radius(R + 1.5, -u, 1.0)
    np.testing.assert_allclose(
        lorentz.dist0(lorentz.boost(x, y)), lorentz.dist(lorentz.project(-x * [-1, 1, 1, 1]), y), rtol=1e-12
    )
    mirrored = x * [1, -1, -1, -1]
    np.testing.assert_array_equal(lorentz.boost(x, mirrored)[:, 1:], 0)


@DIMENSIONS
def test_boost_matrix(d, rng):
    x, y, _ = case(rng, d)
    for c in (C, np.full(20, C)):
        matrix = lorentz.boost_matrix(x, c)
        assert matrix.shape == (20, d + 1, d + 1)
        np.testing.assert_allclose((matrix @ y[..., None])[..., 0], lorentz.boost(x, y, C), rtol=1e-11, atol=1e-11)
        form = np.diag([-1.0] + [1.0] * d)
        np.testing.assert_allclose(
            np.swapaxes(matrix, 1, 2) @ form @ matrix, np.broadcast_to(form, matrix.shape), atol=1e-10
        )
    assert lorentz.boost_matrix(x.astype(np.float32), C).dtype == np.float32
    bad = x.copy()
    bad[3, 0] = -1
    assert np.isnan(lorentz.boost_matrix(bad, C)).all(axis=(1, 2)).tolist() == [k == 3 for k in range(20)]


def test_boost_of_a_tangent_at_the_apex_is_its_transport(rng):
    x, _, _ = case(rng, 3)
    apex = lorentz.project(0 * x, C)
    v = tangent_rows(rng, apex, C)
    moved = (lorentz.boost_matrix(x, C) @ v[..., None])[..., 0]
    np.testing.assert_allclose(moved, lorentz.transport0(x, v, C), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@DIMENSIONS
def test_rotation(d, dtype, rng):
    u, v = (unit_rows(rng, 20, d).astype(dtype) for _ in range(2))
    if d == 1:
        v = u
    turn, eps = lorentz.rotation(u, v), np.finfo(dtype).eps
    assert turn.dtype == dtype
    error = np.linalg.norm((turn @ u[..., None])[..., 0] - v, axis=1)
    assert np.all(error <= 16 * eps * (1 + 1 / np.linalg.norm(u + v, axis=1)))  # of a plane that is known so well
    np.testing.assert_allclose(turn @ np.swapaxes(turn, 1, 2), np.broadcast_to(np.eye(d), turn.shape), atol=16 * eps)
    np.testing.assert_allclose(np.linalg.det(turn.astype(float)), 1, atol=1e-4 if dtype == np.float32 else 1e-12)
    # what is across both stays, so the trace is that of a turn in one plane
    np.testing.assert_allclose(np.trace(turn, axis1=1, axis2=2), d - 2 + 2 * np.sum(u * v, axis=1), atol=64 * eps * d)
    np.testing.assert_array_equal(lorentz.rotation(u, u), np.broadcast_to(np.eye(d, dtype=dtype), turn.shape))


def test_small_and_impossible_rotations(rng):
    u = np.array([1.0, 0.0, 0.0])
    turn = lorentz.rotation(u, np.array([1.0, 1e-12, 0.0]))
    np.testing.assert_allclose(turn[1, 0], 1e-12, rtol=1e-12)
    np.testing.assert_allclose(turn[0, 1], -1e-12, rtol=1e-12)
    assert np.isnan(lorentz.rotation(u, -u)).all()
    assert np.isnan(lorentz.rotation(u, 2 * u)).all()
    assert lorentz.rotation([1, 0], [0, 1]).tolist() == [[0, -1], [1, 0]]
    for bad in (np.ones(2), np.float64(1.0), np.zeros(0)):
        with pytest.raises(ValueError, match=r"rotation: (needs u and v|v needs a last axis)"):
            lorentz.rotation(u, bad)
