"""Conversions of the hyperboloid: isometries to the ball, the Klein ball and the half-space, and back."""

import mpmath as mp
import numpy as np
import pytest
from accuracy import hyperboloid
from accuracy.hyperboloid import at_radius, unit_rows
from accuracy.reverse import differential

from hypergeom import lorentz

DIMENSIONS = (1, 2, 3, 16, 40)
CURVATURES = (1e-8, 0.5, 1.0, 1e3)
DTYPES = (np.float64, np.float32)
NAMES = ("to_poincare", "to_klein", "from_klein", "to_halfspace", "from_halfspace")


def points(rng, d, c, R=2.0, rows=20):
    return at_radius(R * rng.uniform(0, 1, (rows, 1)), unit_rows(rng, rows, d), c)


def tangents(rng, x, c):
    """Of the size of x and of sqrt(1/c) across it."""
    v = rng.normal(size=x.shape) / np.sqrt(c) + rng.normal(size=(len(x), 1)) * x
    v[:, 0] = np.nan_to_num(np.sum(x[:, 1:] * v[:, 1:], axis=1) / x[:, 0])
    return v


def norm(x, v, c):
    """Of a tangent vector, from its parts across x and along it."""
    x, v = x[:, 1:], v[:, 1:]
    xx, xv = np.sum(x * x, axis=1), np.sum(x * v, axis=1)
    along = xv / np.where(xx > 0, xx, 1)
    across = v - along[:, None] * x
    return np.sqrt(np.sum(across**2, axis=1) + along**2 * xx / (1 + c * xx))


@pytest.mark.parametrize("d", DIMENSIONS)
@pytest.mark.parametrize("c", CURVATURES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_there_and_back(d, c, dtype, rng):
    x = lorentz.project(points(rng, d, c).astype(dtype), c)
    exact, eps = lorentz.project(x.astype(float), c), np.finfo(dtype).eps
    g = 2 / (1 + np.sqrt(c) * exact[:, 0])  # the gap of the ball's point
    for model, back, power in (
        ("klein", lorentz.from_klein, 2),
        ("halfspace", lorentz.from_halfspace, 1),
    ):
        again = back(getattr(lorentz, f"to_{model}")(x, c), c)
        assert again.dtype == dtype
        moved = lorentz.dist(exact, lorentz.project(again.astype(float), c), c)
        assert np.all(moved <= 32 * eps / g**power / np.sqrt(c)), model


@pytest.mark.parametrize("side", [1, -1])
def test_half_space_there_and_back_at_any_distance(side, rng):
    """Where the ball has long ended: to R = 100, and towards the ideal point e_d."""
    for d in (1, 2, 5):
        for lean in (0.0, 1e-30, 1e-3):
            u = lean * unit_rows(rng, 20, d)
            u[:, -1] = side
            x = at_radius(rng.uniform(0, 100, (20, 1)), u / np.linalg.norm(u, axis=1, keepdims=True), 1.0)
            z = lorentz.to_halfspace(x)
            assert np.all(z[:, -1] > 0)
            back = lorentz.from_halfspace(z)
            size = np.linalg.norm(x, axis=1, keepdims=True)
            assert np.all(abs(back - x) <= 1e-14 * size)


@pytest.mark.parametrize("d", DIMENSIONS)
@pytest.mark.parametrize("c", CURVATURES)
def test_distances_are_kept(d, c, rng):
    x, y = points(rng, d, c), points(rng, d, c)
    z, w = lorentz.to_halfspace(x, c), lorentz.to_halfspace(y, c)
    chord = np.linalg.norm(z - w, axis=1) / (2 * np.sqrt(z[:, -1] * w[:, -1]))
    np.testing.assert_allclose(2 / np.sqrt(c) * np.arcsinh(chord), lorentz.dist(x, y, c), rtol=1e-12)
    k, m = lorentz.to_klein(x, c), lorentz.to_klein(y, c)
    cosine = 1 - c * np.sum(k * m, axis=1)
    cosine /= np.sqrt((1 - c * np.sum(k * k, axis=1)) * (1 - c * np.sum(m * m, axis=1)))
    np.testing.assert_allclose(cosine, np.cosh(np.sqrt(c) * lorentz.dist(x, y, c)), rtol=1e-11)


@pytest.mark.parametrize("d", DIMENSIONS)
@pytest.mark.parametrize("c", CURVATURES)
@pytest.mark.parametrize("R", [2.0, 6.0])
def test_norms_are_kept_and_tangents_come_back(d, c, R, rng):
    x = points(rng, d, c, R)
    v = tangents(rng, x, c)
    length, size = norm(x, v, c), np.linalg.norm(v, axis=1, keepdims=True)
    b, k, z = lorentz.to_poincare(x, c), lorentz.to_klein(x, c), lorentz.to_halfspace(x, c)
    w = lorentz.to_poincare_tangent(x, v, c)
    g = 2 / (1 + np.sqrt(c) * x[:, 0])
    np.testing.assert_allclose(2 / g * np.linalg.norm(w, axis=1), length, rtol=1e-11)
    u = lorentz.to_klein_tangent(x, v, c)
    kg = 1 / (c * x[:, 0] ** 2)
    along = np.sum(k * u, axis=1)
    np.testing.assert_allclose(np.sqrt(np.sum(u * u, axis=1) / kg + c * along**2 / kg**2), length, rtol=1e-9)
    t = lorentz.to_halfspace_tangent(x, v, c)
    np.testing.assert_allclose(np.linalg.norm(t, axis=1) / (np.sqrt(c) * z[:, -1]), length, rtol=1e-11)
    assert np.all(abs(lorentz.from_halfspace_tangent(z, t, c) - v) <= 1e-9 * size)
    assert np.all(abs(lorentz.from_klein_tangent(k, u, c) - v) <= 1e-6 * size)
    assert b.shape == k.shape == z.shape


def example(name, rng, d, c):
    x = points(rng, d, c)
    if name.startswith("to"):
        return x, tangents(rng, x, c)
    return getattr(lorentz, name.replace("from", "to"))(x, c), rng.normal(size=(len(x), d))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("d", [1, 3])
def test_tangents_are_differences_of_points(name, d, rng):
    c = 0.7
    base, v = example(name, rng, d, c)
    got = getattr(lorentz, f"{name}_tangent")(base, v, c)
    with mp.workdps(60):
        h = mp.mpf(10) ** -20
        for b, w, found in zip(base, v, got, strict=True):
            ends = [
                getattr(hyperboloid, name)(
                    [mp.mpf(bi) + s * h * mp.mpf(wi) for bi, wi in zip(b, w, strict=True)], mp.mpf(c)
                )
                for s in (1, -1)
            ]
            slope = [float((p - m) / (2 * h)) for p, m in zip(*ends, strict=True)]
            np.testing.assert_allclose(found, slope, rtol=1e-12, atol=1e-13 * np.linalg.norm(slope))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("d", [1, 4])
def test_vjps_are_adjoint_to_the_tangents(name, d, rng):
    c = 0.7
    base, v = example(name, rng, d, c)
    moved = getattr(lorentz, f"{name}_tangent")(base, v, c)
    g = rng.normal(size=moved.shape)
    for bar in (
        getattr(lorentz, f"{name}_vjp")(g, base, c)[0],
        getattr(lorentz, f"{name}_tangent_vjp")(g, base, v, c)[1],
    ):
        if name.startswith("to"):
            np.testing.assert_array_equal(bar[:, 0], 0)
        np.testing.assert_allclose(np.sum(bar * v, axis=1), np.sum(g * moved, axis=1), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("name", NAMES)
def test_time_entries_are_not_read(name, rng):
    if name.startswith("from"):
        return
    x = points(rng, 3, 1.0)
    v, g = tangents(rng, x, 1.0), rng.normal(size=(len(x), 3))
    other, moved = x.copy(), v.copy()
    other[:, 0] *= rng.uniform(0.5, 2, len(x))
    moved[:, 0] = rng.normal(size=len(x))
    np.testing.assert_array_equal(getattr(lorentz, name)(other), getattr(lorentz, name)(x))
    f, f_vjp = getattr(lorentz, f"{name}_tangent"), getattr(lorentz, f"{name}_tangent_vjp")
    np.testing.assert_array_equal(f(other, moved), f(x, v))
    for a, b in zip(f_vjp(g, other, moved), f_vjp(g, x, v), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", ["from_klein", "from_halfspace"])
def test_outputs_lie_on_the_manifold(name, rng):
    base, u = example(name, rng, 3, 2.0)
    x, v = getattr(lorentz, name)(base, 2.0), getattr(lorentz, f"{name}_tangent")(base, u, 2.0)
    np.testing.assert_allclose(x, lorentz.project(x, 2.0), rtol=1e-14)
    np.testing.assert_allclose(v[:, 0], np.sum(x[:, 1:] * v[:, 1:], axis=1) / x[:, 0], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("name", NAMES)
def test_scaling_of_the_curvature(name, rng):
    base, v = example(name, rng, 3, 1.0)
    scale = 8.0
    root, unit = (1 if name == "from_halfspace" else scale), (1 if name == "to_halfspace" else scale)
    f, tangent = getattr(lorentz, name), getattr(lorentz, f"{name}_tangent")
    np.testing.assert_array_equal(f(base / root, scale**2) * unit, f(base, 1.0))
    np.testing.assert_array_equal(tangent(base / root, v / root, scale**2) * unit, tangent(base, v, 1.0))


@pytest.mark.parametrize("R", [5.0, 40.0, 100.0])
@pytest.mark.parametrize("d", [1, 2, 4])
@pytest.mark.parametrize("c", [1.0, 2.0])
def test_what_lies_along_a_far_point_is_not_what_is_left_of_a_difference(R, d, c, rng):
    """A tangent along an axis: the parts of it across x are 0, and rounding errors are not multiplied by e^R."""
    x = at_radius(np.full((1, 1), R), np.eye(d)[-1:], c)
    v = x * rng.uniform(0.5, 1)
    h = np.sqrt(c) * x[:, 0]
    length = np.linalg.norm(v[:, 1:], axis=1)
    flat = lorentz.to_poincare_tangent(x, v, c)
    np.testing.assert_allclose(np.linalg.norm(flat, axis=1), length / (h * (1 + h)), rtol=1e-14)
    np.testing.assert_allclose(np.linalg.norm(lorentz.to_klein_tangent(x, v, c), axis=1), length / h**3, rtol=1e-14)
    z, w = lorentz.to_halfspace(x, c), lorentz.to_halfspace_tangent(x, v, c)
    np.testing.assert_allclose(np.linalg.norm(w, axis=1), length / h * np.sqrt(c) * z[:, -1], rtol=1e-14)
    g = np.eye(d)[-1:]
    np.testing.assert_allclose(abs(lorentz.to_poincare_vjp(g, x, c)[0][0, -1]), 1 / (h * (1 + h)), rtol=1e-14)


@pytest.mark.parametrize("d", [1, 2, 5])
def test_apex_and_the_ideal_point_at_infinity(d):
    up = np.eye(d)[-1]
    apex = np.concatenate([[0.5], 0 * up])
    np.testing.assert_array_equal(lorentz.to_halfspace(apex, 4.0), up)
    np.testing.assert_array_equal(lorentz.from_halfspace(up, 4.0), apex)
    x = at_radius(np.array([[-100.0], [-1.0], [50.0], [300.0]]), up[None], 1.0)
    np.testing.assert_allclose(lorentz.to_halfspace(x)[:, -1], np.exp([-100, -1, 50, 300]), rtol=1e-13)
    assert np.isfinite(lorentz.from_halfspace(np.array([1e-150, 1e150])[:, None] * up)).all()


@pytest.mark.parametrize("R", [200.0, 300.0])
def test_gradients_do_not_overflow(R, rng):
    x, g = points(rng, 3, 1.0, R) * 1.0, rng.normal(size=(20, 3))
    for name in ("to_poincare", "to_klein", "to_halfspace"):
        x_bar, c_bar = getattr(lorentz, f"{name}_vjp")(g, x, np.ones(20))
        assert np.isfinite(x_bar).all()
        assert np.isfinite(c_bar).all()
        assert np.isfinite(getattr(lorentz, f"{name}_tangent")(x, x)).all()


@pytest.mark.parametrize("library", ["twin", "formula"])
@pytest.mark.parametrize("name", NAMES)
def test_rows_outside_are_nan_and_alone(name, library, libraries):
    call, c = libraries[library], np.ones(3)
    cotangent = np.ones((3, 3 if name.startswith("from") else 2))
    good, bad = {
        "from_klein": ([0.1, 0.2], ([1.0, 0.0], [np.nan, 0.0], [0.0, np.inf], [0.8, 0.7])),
        "from_halfspace": ([0.1, 0.2], ([1.0, 0.0], [0.0, -1.0], [np.nan, 1.0], [0.0, np.inf], [1e200, 1.0])),
    }.get(name, ([1.0, 0.1, 0.2], ([0.0, 0.1, 0.2], [-1.0, 0.0, 0.0], [np.nan, 0.0, 0.0], [1.0, np.inf, 0.0])))
    for row in bad:
        base, v = np.array([good, row, good]), np.ones((3, len(good)))
        with np.errstate(all="ignore"):
            results = [
                call(getattr(lorentz, name), base, c),
                call(getattr(lorentz, f"{name}_tangent"), base, v, c),
                *call(getattr(lorentz, f"{name}_vjp"), cotangent, base, c),
                *call(getattr(lorentz, f"{name}_tangent_vjp"), cotangent, base, v, c),
            ]
        for r in results:
            assert np.isnan(r[1]).all(), row
            assert np.isfinite(r[[0, 2]]).all(), row


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_bad_tangents_are_nan(bad):
    for name in NAMES:
        n = 3 if name.startswith("from") else 4
        v = np.zeros((2, n))
        v[0, -3], v[1, -1] = bad, bad
        base = np.full((1, n), 0.3) + (np.arange(n) == 0) * (n == 4)
        apex = np.zeros((1, n)) + (
            (np.arange(n) == 0) * (n == 4) if name != "from_halfspace" else np.arange(n) == n - 1
        )
        for x in (base, apex):
            assert np.isnan(getattr(lorentz, f"{name}_tangent")(x, v)).all(), name


@pytest.mark.parametrize("c", [0.0, -1.0, np.nan, np.inf])
def test_bad_entries_of_an_array_of_curvatures_are_nan(c):
    for name in NAMES:
        x = np.full((2, 2 if name.startswith("from") else 3), 0.2)
        f, tangent = getattr(lorentz, name), getattr(lorentz, f"{name}_tangent")
        for r in (f(x, np.array([c, 1.0])), tangent(x, x, np.array([c, 1.0]))):
            assert np.isnan(r[0]).all(), name
            assert np.isfinite(r[1]).all(), name


@pytest.mark.parametrize("R", [3.0, 15.0])
def test_tangents_across_the_ray_keep_their_digits(R, rng, high_precision):
    """Their time entries all but vanish; the maps onto the hyperboloid multiply what is left of them by e^R."""
    u = unit_rows(rng, 20, 4)
    u[::2] = 2 * np.exp(-R) * u[::2] + np.eye(4)[-1]  # units from the geodesic towards e_d
    x = at_radius(R * rng.uniform(0.8, 1, (20, 1)), u / np.linalg.norm(u, axis=1, keepdims=True), 1.0)
    v = rng.normal(size=x.shape)
    space, w = x[:, 1:], v[:, 1:]
    w -= np.sum(space * w, axis=1, keepdims=True) / np.sum(space * space, axis=1, keepdims=True) * space
    for model in ("klein", "halfspace"):
        base = getattr(lorentz, f"to_{model}")(x)
        u = getattr(lorentz, f"to_{model}_tangent")(x, v)
        got = getattr(lorentz, f"from_{model}_tangent")(base, u)
        for row in range(len(x)):
            f = differential(getattr(hyperboloid, f"from_{model}"))
            truth = high_precision.evaluate(f, [base[row], u[row]], 1.0)
            assert high_precision.error(got[row], truth) <= 8 * np.finfo(float).eps, model


@pytest.mark.parametrize("R", [1.0, 20.0, 80.0])
@pytest.mark.parametrize("side", [1, -1])
def test_gradients_of_tangents_on_a_line(R, side, rng):
    """One dimension: second derivatives of three functions of one variable, at any distance."""
    c = 2.0
    x = at_radius(np.array([[R]]), np.array([[float(side)]]), c)
    x0, xs, (v, g) = x[0, 0], x[0, 1], rng.uniform(0.5, 1, 2)
    tangent, cotangent, h = np.array([[0, v]]), np.array([[g]]), np.sqrt(c) * x0
    z = lorentz.to_halfspace(x, c)[0, 0]
    second = {
        "to_poincare": -c * xs * (1 + 2 * h) / (h**3 * (1 + h) ** 2),
        "to_klein": -3 * c * xs / h**5,
        "to_halfspace": 1 / (np.sqrt(c) * x0**3),
    }
    first = {"to_poincare": 1 / (h * (1 + h)), "to_klein": 1 / h**3, "to_halfspace": z / x0}
    for name in first:
        x_bar, v_bar, _ = getattr(lorentz, f"{name}_tangent_vjp")(cotangent, x, tangent, c)
        np.testing.assert_allclose(x_bar, [[0, second[name] * v * g]], rtol=1e-13)
        np.testing.assert_allclose(v_bar, [[0, first[name] * g]], rtol=1e-13)
