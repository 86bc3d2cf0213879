"""Conversions of the ball: isometries to the Klein ball, the hyperboloid and the half-space, and back."""

import mpmath as mp
import numpy as np
import pytest
from accuracy import ball
from accuracy.reverse import differential

from hypergeom import lorentz, poincare

DIMENSIONS = (1, 2, 3, 16, 40)
CURVATURES = (1e-8, 0.5, 1.0, 1e3)
DTYPES = (np.float64, np.float32)


def points(rng, d, c, rows=20, farthest=2.0):
    """Within the distance `farthest` / sqrt(c) of the origin."""
    x = rng.normal(size=(rows, d))
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return np.tanh(farthest * rng.uniform(0, 0.5, (rows, 1))) / np.sqrt(c) * x


def gap(x, c):
    return 1 - c * np.sum(x * x, axis=-1)


def klein_distance(k, m, c):
    """Half the logarithm of the cross ratio with the two ends of the chord."""
    e = m - k
    a, b, w = np.sum(e * e, axis=-1), np.sum(k * e, axis=-1), np.sum(k * k, axis=-1) - 1 / c
    root = np.sqrt(b * b - a * w)
    low, high = (-b - root) / a, (-b + root) / a  # k + t e is on the rim there, k at t = 0, m at t = 1
    return np.log((1 - low) / -low * high / (high - 1)) / (2 * np.sqrt(c))


def halfspace_distance(z, w, c):
    return 2 / np.sqrt(c) * np.arcsinh(np.linalg.norm(z - w, axis=-1) / (2 * np.sqrt(z[..., -1] * w[..., -1])))


def klein_norm(k, u, c):
    g = gap(k, c)
    return np.sqrt(np.sum(u * u, axis=-1) / g + c * np.sum(k * u, axis=-1) ** 2 / g**2)


def halfspace_norm(z, u, c):
    return np.linalg.norm(u, axis=-1) / (np.sqrt(c) * z[..., -1])


def lorentz_norm(w):
    return np.sqrt(np.sum(w[..., 1:] ** 2, axis=-1) - w[..., 0] ** 2)


@pytest.mark.parametrize("d", DIMENSIONS)
@pytest.mark.parametrize("c", CURVATURES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_there_and_back(d, c, dtype, rng):
    x = points(rng, d, c).astype(dtype)
    exact = x.astype(float)
    eps, g = np.finfo(dtype).eps, gap(exact, c)
    # Rounding moves a point of the Klein ball by 1 / g^2, one of the others by 1 / g.
    for there, back, power in (
        (poincare.to_klein, poincare.from_klein, 2),
        (poincare.to_halfspace, poincare.from_halfspace, 1),
        (poincare.to_lorentz, lorentz.to_poincare, 1),
    ):
        again = back(there(x, c), c)
        assert again.dtype == dtype
        assert np.all(poincare.dist(exact, again.astype(float), c) <= 32 * eps / g**power / np.sqrt(c))


@pytest.mark.parametrize("d", DIMENSIONS)
@pytest.mark.parametrize("c", CURVATURES)
def test_distances_are_kept(d, c, rng):
    x, y = points(rng, d, c), points(rng, d, c)
    r = poincare.dist(x, y, c)
    np.testing.assert_allclose(klein_distance(poincare.to_klein(x, c), poincare.to_klein(y, c), c), r, rtol=1e-11)
    z, w = poincare.to_halfspace(x, c), poincare.to_halfspace(y, c)
    np.testing.assert_allclose(halfspace_distance(z, w, c), r, rtol=1e-12)
    np.testing.assert_allclose(lorentz.dist(poincare.to_lorentz(x, c), poincare.to_lorentz(y, c), c), r, rtol=1e-12)


@pytest.mark.parametrize("d", DIMENSIONS)
@pytest.mark.parametrize("c", CURVATURES)
def test_norms_are_kept_and_tangents_come_back(d, c, rng):
    x, v = points(rng, d, c), rng.normal(size=(20, d)) / np.sqrt(c)
    norm = 2 * np.linalg.norm(v, axis=-1) / gap(x, c)
    k, z = poincare.to_klein(x, c), poincare.to_halfspace(x, c)
    u, w = poincare.to_klein_tangent(x, v, c), poincare.to_halfspace_tangent(x, v, c)
    np.testing.assert_allclose(klein_norm(k, u, c), norm, rtol=1e-12)
    np.testing.assert_allclose(halfspace_norm(z, w, c), norm, rtol=1e-13)
    np.testing.assert_allclose(lorentz_norm(poincare.to_lorentz_tangent(x, v, c)), norm, rtol=1e-11)
    size = np.linalg.norm(v, axis=-1, keepdims=True)
    assert np.all(abs(poincare.from_klein_tangent(k, u, c) - v) <= 1e-12 * size)
    assert np.all(abs(poincare.from_halfspace_tangent(z, w, c) - v) <= 1e-12 * size)
    X, V = poincare.to_lorentz(x, c), poincare.to_lorentz_tangent(x, v, c)
    assert np.all(abs(lorentz.to_poincare_tangent(X, V, c) - v) <= 1e-12 * size)


@pytest.mark.parametrize("d", DIMENSIONS)
@pytest.mark.parametrize("c", CURVATURES)
def test_ways_through_the_hyperboloid_agree(d, c, rng):
    x, v = points(rng, d, c), rng.normal(size=(20, d)) / np.sqrt(c)
    X, V = poincare.to_lorentz(x, c), poincare.to_lorentz_tangent(x, v, c)
    for model in ("klein", "halfspace"):
        there = getattr(poincare, f"to_{model}")(x, c)
        np.testing.assert_allclose(getattr(lorentz, f"to_{model}")(X, c), there, rtol=1e-12, atol=1e-13 / np.sqrt(c))
        moved = getattr(poincare, f"to_{model}_tangent")(x, v, c)
        np.testing.assert_allclose(
            getattr(lorentz, f"to_{model}_tangent")(X, V, c), moved, rtol=1e-11, atol=1e-12 * abs(moved).max()
        )
        np.testing.assert_allclose(
            lorentz.to_poincare(getattr(lorentz, f"from_{model}")(there, c), c),
            getattr(poincare, f"from_{model}")(there, c),
            rtol=1e-12,
            atol=1e-13 / np.sqrt(c),
        )


NAMES = ("to_lorentz", "to_klein", "from_klein", "to_halfspace", "from_halfspace")


def example(name, rng, d, c):
    """A point of the model that the function takes, and a tangent vector there."""
    x = points(rng, d, c)
    return (poincare.to_halfspace(x, c) if name == "from_halfspace" else x), rng.normal(size=(20, d))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("d", [1, 3])
def test_tangents_are_differences_of_points(name, d, rng):
    c = 0.7
    base, v = example(name, rng, d, c)
    got = getattr(poincare, f"{name}_tangent")(base, v, c)
    with mp.workdps(60):
        h = mp.mpf(10) ** -20
        for b, w, found in zip(base, v, got, strict=True):
            ends = [
                getattr(ball, name)([mp.mpf(bi) + s * h * mp.mpf(wi) for bi, wi in zip(b, w, strict=True)], mp.mpf(c))
                for s in (1, -1)
            ]
            slope = [float((p - m) / (2 * h)) for p, m in zip(*ends, strict=True)]
            np.testing.assert_allclose(found, slope, rtol=1e-12, atol=1e-13 * np.linalg.norm(slope))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("d", [1, 4])
def test_vjps_are_adjoint_to_the_tangents(name, d, rng):
    c = 0.7
    base, v = example(name, rng, d, c)
    moved = getattr(poincare, f"{name}_tangent")(base, v, c)
    g = rng.normal(size=moved.shape)
    for bar in (
        getattr(poincare, f"{name}_vjp")(g, base, c)[0],
        getattr(poincare, f"{name}_tangent_vjp")(g, base, v, c)[1],
    ):
        np.testing.assert_allclose(np.sum(bar * v, axis=1), np.sum(g * moved, axis=1), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("name", NAMES)
def test_scaling_of_the_curvature(name, rng):
    base, v = example(name, rng, 3, 1.0)
    scale, root = 8.0, 1 if name == "from_halfspace" else 8.0
    unit = 1 if name == "to_halfspace" else scale
    f, tangent = getattr(poincare, name), getattr(poincare, f"{name}_tangent")
    c = scale * scale  # a power of two: the same bits
    np.testing.assert_array_equal(f(base / root, c) * unit, f(base, 1.0))
    np.testing.assert_array_equal(tangent(base / root, v / root, c) * unit, tangent(base, v, 1.0))


def test_flat_space():
    x, v = np.array([[0.3, -70.0]]), np.array([[1.0, 2.0]])
    np.testing.assert_array_equal(poincare.to_klein(x, 0), 2 * x)
    np.testing.assert_array_equal(poincare.from_klein(x, 0), x / 2)
    np.testing.assert_allclose(poincare.to_klein_tangent(x, v, 0), 2 * v, rtol=1e-15)
    np.testing.assert_allclose(poincare.from_klein_tangent(x, v, 0), v / 2, rtol=1e-15)
    for f in (poincare.to_halfspace, poincare.from_halfspace, poincare.to_lorentz):
        with pytest.raises(ValueError, match="c needs to be finite and > 0, got 0"):
            f(x, 0)


@pytest.mark.parametrize("d", [1, 2, 5])
def test_origin_and_the_ideal_point_at_infinity(d):
    up = np.eye(d)[-1]
    np.testing.assert_array_equal(poincare.to_halfspace(0 * up, 3.0), up)
    np.testing.assert_array_equal(poincare.from_halfspace(up, 3.0), 0 * up)
    heights = poincare.to_halfspace(np.array([0.9, 1 - 1e-9, 1 - 2**-53])[:, None] * up)[:, -1]
    np.testing.assert_allclose(heights, [19, 2e9 * (1 - 5e-10), 2**54 - 1], rtol=1e-7)
    np.testing.assert_allclose(poincare.to_halfspace(-0.9 * up)[-1], 1 / 19, rtol=1e-14)
    ends = poincare.from_halfspace(np.array([1e150, 1e-150])[:, None] * up, 4.0)
    np.testing.assert_allclose(ends[:, -1], [0.5, -0.5], rtol=1e-15)


@pytest.mark.parametrize("library", ["twin", "formula"])
@pytest.mark.parametrize("bad", [np.nan, np.inf, 2.0, 1.0])
def test_rows_outside_are_nan_and_alone(bad, library, libraries):
    call, c, good, g = libraries[library], np.ones(3), np.array([0.1, 0.2]), np.ones((3, 2))
    x = np.array([good, [bad, 0.0], good])
    outside = [-1.0, 0.0, np.nan, np.inf, 1e200]
    z = np.array([good, [0.0, outside[int(np.nan_to_num(bad, nan=3, posinf=4)) % 5]], good])
    for name in NAMES:
        base = z if name == "from_halfspace" else x
        cotangent = np.ones((3, 3)) if name == "to_lorentz" else g
        with np.errstate(all="ignore"):
            results = [
                call(getattr(poincare, name), base, c),
                call(getattr(poincare, f"{name}_tangent"), base, g, c),
                *call(getattr(poincare, f"{name}_vjp"), cotangent, base, c),
                *call(getattr(poincare, f"{name}_tangent_vjp"), cotangent, base, g, c),
            ]
        for r in results:
            assert np.isnan(r[1]).all(), name
            assert np.isfinite(r[[0, 2]]).all(), name


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_bad_tangents_are_nan(bad):
    v = np.array([[bad, 0.0, 0.1], [0.1, 0.0, bad]])
    for x in (np.zeros((2, 3)), np.full((2, 3), 0.3)):
        for name in NAMES:
            base = x + np.array([0, 0, 1.0]) if name == "from_halfspace" else x
            assert np.isnan(getattr(poincare, f"{name}_tangent")(base, v)).all(), name


@pytest.mark.parametrize("c", [-1.0, np.nan, np.inf])
def test_bad_entries_of_an_array_of_curvatures_are_nan(c):
    x = np.full((2, 2), 0.2)
    for name in NAMES:
        f, tangent = getattr(poincare, name), getattr(poincare, f"{name}_tangent")
        for r in (f(x, np.array([c, 1.0])), tangent(x, x, np.array([c, 1.0]))):
            assert np.isnan(r[0]).all(), name
            assert np.isfinite(r[1]).all(), name


def test_near_the_rim_the_klein_ball_ends_first():
    x = np.array([[1 - 1e-6], [1 - 1e-9], [1 - 2**-53]])
    k = poincare.to_klein(x)
    np.testing.assert_allclose(1 - k[0, 0], 5e-13, rtol=1e-3)
    np.testing.assert_array_equal(k[1:], 1.0)  # right to the last digit, and so the rim
    assert np.isnan(poincare.from_klein(k[1:])).all()
    assert poincare.to_halfspace(x)[-1, 0] == 2**54 - 1


@pytest.mark.parametrize("gap_to_rim", [1e-3, 1e-8, 1e-14])
@pytest.mark.parametrize("d", [1, 3])
def test_what_lies_along_the_ray_is_not_what_is_left_of_a_difference(gap_to_rim, d, rng):
    """Along an axis the Klein map shrinks by the gap; rounding errors across are not part of what it keeps."""
    x, axis = (1 - gap_to_rim) * np.eye(d)[-1], np.eye(d)[-1]
    v, g = rng.uniform(0.5, 1, 2)
    r = x[-1]
    q, gap = r * r, (1 - r) * (1 + r)
    slope, bend = 2 * gap / (1 + q) ** 2, 2 * r * (2 * q - 6) / (1 + q) ** 3
    np.testing.assert_allclose(poincare.to_klein_tangent(x, v * axis), slope * v * axis, rtol=1e-13)
    np.testing.assert_allclose(poincare.to_klein_vjp(g * axis, x)[0], slope * g * axis, rtol=1e-13)
    x_bar, v_bar, _ = poincare.to_klein_tangent_vjp(g * axis, x, v * axis)
    np.testing.assert_allclose(v_bar, slope * g * axis, rtol=1e-13)
    np.testing.assert_allclose(x_bar, bend * v * g * axis, rtol=1e-13)


def test_nearly_orthogonal_tangents_keep_their_digits(rng, high_precision):
    """Where a map stretches what lies along x, a product x.v that all but vanishes counts with all its digits."""
    x = (1 - 1e-9) * unit_vectors(rng, 20, 5)
    v = rng.normal(size=x.shape)
    v -= np.sum(x * v, axis=1, keepdims=True) / np.sum(x * x, axis=1, keepdims=True) * x
    for name in ("to_lorentz", "from_klein"):
        got = getattr(poincare, f"{name}_tangent")(x, v)
        for row in range(len(x)):
            truth = high_precision.evaluate(differential(getattr(ball, name)), [x[row], v[row]], 1.0)
            assert high_precision.error(got[row], truth) <= 8 * np.finfo(float).eps


def unit_vectors(rng, rows, d):
    x = rng.normal(size=(rows, d))
    return x / np.linalg.norm(x, axis=1, keepdims=True)
