"""Rows outside the domain are NaN, and they alone."""

import numpy as np
import pytest

from hypergeom import lorentz

X = np.array([1.5, 1.0, 0.5])
OF_TWO_POINTS = ("dist", "sqdist", "chord2", "log", "boost", "boost_to0")
OF_A_POINT = ("dist0", "log0", "to_poincare")
OF_A_TANGENT = ("exp", "retract", "norm", "egrad2rgrad", "project_tangent", "transport_to0", "transport0")


def results(name, args, c):
    """The outputs of a function and, for ones as cotangents, of its gradient."""
    values = getattr(lorentz, name)(*args, c)
    values = values if isinstance(values, tuple) else (values,)
    bars = getattr(lorentz, f"{name}_vjp", None)
    return [*values, *(() if bars is None else bars(*map(np.ones_like, values), *args, c))]


def calls(x, y, v):
    t = np.full(len(x), 0.3)
    yield from ((name, (x, y)) for name in OF_TWO_POINTS)
    yield from ((name, (x,)) for name in OF_A_POINT)
    yield from ((name, (x, v)) for name in OF_A_TANGENT)
    yield "geodesic", (x, y, t)
    yield "inner", (x, v, v)
    yield "transport", (x, y, v)
    yield "exp_transport", (x, v, v)
    yield "tangent_from_spatial", (x, v[:, 1:])


@pytest.mark.parametrize(
    "bad",
    [
        [0.0, 0.1, 0.2],
        [-1.0, 0.1, 0.2],
        [np.nan, 0.1, 0.2],
        [np.inf, 0.1, 0.2],
        [1.0, np.nan, 0.0],
        [1.0, 0.0, -np.inf],
    ],
)
@pytest.mark.parametrize("d", [1, 2])
def test_rows_outside_are_nan_and_alone(bad, d):
    if d == 1:
        bad = [bad[0], bad[1] + bad[2]]
    inside = X[: d + 1]
    x, y = np.array([inside, bad, inside]), np.array([X[[0, 2, 1]][: d + 1], inside, bad])
    v, ones = np.full_like(x, 0.5), np.ones(3)
    for name, args in calls(x, y, v):
        outside = [1, 2] if any(a is y for a in args) else [1]
        for result in results(name, args, ones):
            assert np.isfinite(np.delete(result, outside, axis=0)).all(), name
            assert np.isnan(result[outside]).all(), name
    assert np.isfinite(lorentz.project(x)[1]).all() == np.isfinite(bad).all()  # which repairs a time coordinate


def test_bad_tangents_are_nan():
    x, v = np.array([X] * 3), np.array([[0.0, 0.1, 0.2], [0.0, np.nan, 0.0], [0.0, 0.0, np.inf]])
    for name in ("exp", "retract"):
        for result in results(name, (x, v), np.ones(3)):
            assert np.isfinite(result[0]).all()
            assert np.isnan(result[1:]).all()
    for name in ("transport", "exp_transport", "inner"):
        args = {"transport": (x, x, v), "exp_transport": (x, v, v), "inner": (x, v, v)}[name]
        for result in results(name, args, np.ones(3))[:2]:
            assert np.isfinite(result[0]).all()
            assert not np.isfinite(result[1:]).all(axis=-1).any() if result.ndim > 1 else True


@pytest.mark.parametrize("c", [0.0, -1.0, np.nan, np.inf])
def test_bad_entries_of_an_array_of_curvatures_are_nan(c):
    x = np.array([X, [1.0, 0.0, 0.0], X])
    c = np.array([c, c, 1.0])
    given = [
        *calls(x, x[::-1].copy(), x),
        ("project", (x,)),
        ("exp0", (x,)),
        ("time", (x[:, 1:],)),
        ("from_spatial", (x[:, 1:],)),
    ]
    for name, args in given:
        for result in results(name, args, c):
            assert np.isnan(result[:2]).all(), name
            assert np.isfinite(result[2]).all(), name


def test_far_rows_are_points_and_do_not_depend_on_others(rng):
    # Squares of coordinates overflow beyond the distance 355.
    for d in (1, 2, 7):
        x, y = (rng.normal(size=(9, d)) / 3 for _ in range(2))
        x[::2] *= 10.0 ** rng.uniform(200, 303, (5, 1))
        y[::3] *= 10.0 ** rng.uniform(200, 303, (3, 1))
        c = rng.uniform(0.5, 2, 9)
        x, y = lorentz.from_spatial(x, c), lorentz.from_spatial(y, c)
        v = lorentz.tangent_from_spatial(x, rng.normal(size=(9, d)), c)
        for name, args in calls(x, y, v):
            whole = results(name, args, c)
            for k in range(9):
                alone = results(name, tuple(a[k : k + 1] for a in args), c[k : k + 1])
                for a, b in zip(whole, alone, strict=True):
                    np.testing.assert_array_equal(a[k], b[0], name)
        assert np.isfinite(lorentz.log(x, y, c)).all()
        assert np.isfinite(lorentz.dist_vjp(np.ones(9), x, y, c)[0]).all()
        assert (lorentz.dist(x, x, c) == 0).all()
        np.testing.assert_array_equal(lorentz.dist(x, y, c), lorentz.dist(y, x, c))


def test_steps_to_far_points_are_steps_back(rng):
    x, v = lorentz.from_spatial(rng.normal(size=(6, 3))), np.zeros((6, 4))
    v[:, 1:] = rng.normal(size=(6, 3))
    v = lorentz.project_tangent(x, v)
    v *= rng.uniform(360, 690, (6, 1)) / lorentz.norm(x, v)[:, None]
    y = lorentz.exp(x, v)
    np.testing.assert_allclose(lorentz.dist(x, y), lorentz.norm(x, v), rtol=1e-14)
    np.testing.assert_allclose(lorentz.log(x, y), v, rtol=1e-12)


def test_stored_times_of_far_points_do_not_count():
    # |x + y|^2 overflows, but neither |x|^2 nor |y|^2 does.
    x, y = lorentz.from_spatial(np.array([[1.2e154, 0.0, 0.0], [1.1e154, 4e153, 0.0]]))
    ones = [np.concatenate([[1.0], p[1:]]) for p in (x, y)]
    assert lorentz.dist(*ones) == lorentz.dist(x, y) > 700
    np.testing.assert_array_equal(lorentz.log(*ones), lorentz.log(x, y))
