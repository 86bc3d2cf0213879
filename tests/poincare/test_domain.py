"""What is not in the ball is NaN, and alone."""

import numpy as np
import pytest

from hypergeom import poincare
from hypergeom._rows import row_ops

OUTSIDE = [[1.0, 0.0], [0.8, 0.8], [1e200, 0.0], [np.nan, 0.0], [0.0, np.inf], [-np.inf, np.nan]]
NOT_FINITE = OUTSIDE[3:]
OURS = ("metric", "maps", "transports", "gyrovectors")
NAMES = sorted(op.name for op in row_ops.values() if op.space == "poincare" and op.chapter in OURS and not op.vjp)


def points_of(op):
    """Which arguments are points."""
    names = ("x", "y", "u", "v") if op.name == "gyration" else () if op.name == "project" else ("x", "y")
    return [k for k, name in enumerate(op.arguments) if name in names]


def results_of(name, args, c):
    """All outputs of a function and of its gradient."""
    op = row_ops[f"poincare.{name}"]
    outputs = op.gufunc(*args, c)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    if not op.differentiable:
        return outputs
    cotangents = [np.ones_like(o) for o in outputs]
    return *outputs, *row_ops[f"poincare.{name}_vjp"].gufunc(*cotangents, *args, c)


def good_arguments(op, rows):
    good = [[0.3, -0.4], [0.1, 0.2], [-0.2, 0.1]]
    return [np.tile(good[k], (rows, 1)) if axis else np.full(rows, 0.4) for k, axis in enumerate(op.inputs[:-1])]


@pytest.mark.parametrize("bad", OUTSIDE)
@pytest.mark.parametrize("name", NAMES)
def test_rows_outside_are_nan_and_alone(name, bad):
    op = row_ops[f"poincare.{name}"]
    for k in points_of(op):
        args = good_arguments(op, 3)
        args[k][1] = bad
        for result in results_of(name, args, np.ones(3)):
            assert np.isfinite(result[[0, 2]]).all()
            assert np.isnan(result[1]).all()


@pytest.mark.parametrize("bad", NOT_FINITE)
@pytest.mark.parametrize("name", NAMES)
def test_vectors_that_are_not_finite_make_the_row_nan(name, bad):
    op = row_ops[f"poincare.{name}"]
    for k, axis in enumerate(op.inputs[:-1]):
        args = good_arguments(op, 3)
        args[k][1] = bad if axis else bad[0] if np.isnan(bad[0]) else np.nan
        for result in results_of(name, args, np.ones(3)):
            assert np.isfinite(result[[0, 2]]).all(), op.arguments[k]
            assert np.isnan(result[1]).all(), op.arguments[k]


@pytest.mark.parametrize("c", [-1.0, -1e-300, np.nan, np.inf])
@pytest.mark.parametrize("name", NAMES)
def test_bad_entries_of_an_array_of_curvatures_are_nan(name, c):
    args = good_arguments(row_ops[f"poincare.{name}"], 3)
    for a in args:
        a[1] = 0
    for result in results_of(name, args, np.array([c, c, 1.0])):
        assert np.isnan(result[:2]).all()
        assert np.isfinite(result[2]).all()


@pytest.mark.parametrize("name", NAMES)
def test_float32_results_are_rounded_float64_results(name, rng):
    op = row_ops[f"poincare.{name}"]
    args = [
        rng.uniform(-1, 1, (500, 19) if axis else 500).astype(np.float32) / np.float32(5) for axis in op.inputs[:-1]
    ]
    if op.name == "project":
        args[1] = np.abs(args[1])
    single, double = (op.gufunc(*[a.astype(t) for a in args], 1.0) for t in (np.float32, np.float64))
    for a, b in zip(*(r if isinstance(r, tuple) else (r,) for r in (single, double)), strict=True):
        np.testing.assert_array_equal(a, b.astype(np.float32))


def test_public_functions_say_what_is_wrong():
    with pytest.raises(ValueError, match="c needs to be finite"):
        poincare.transport(np.zeros(2), np.zeros(2), np.zeros(2), -1.0)
    with pytest.raises(ValueError, match="shapes"):
        poincare.geodesic(np.zeros((3, 2)), np.zeros((3, 2)), np.zeros(4))
