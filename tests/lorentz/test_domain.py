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
