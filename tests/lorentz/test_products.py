"""Concatenation and its inverse."""

import numpy as np
import pytest
from accuracy.hyperboloid import at_radius, unit_rows

from hypergeom import lorentz

C = 0.7


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_split_is_the_inverse_of_concat(dtype, rng):
    sizes = [1, 4, 2]
    xs = [at_radius(2.0, unit_rows(rng, 20, d), C).astype(dtype) for d in sizes]
    whole = lorentz.concat(xs, C)
    assert whole.dtype == dtype
    assert whole.shape == (20, 8)
    np.testing.assert_array_equal(whole, lorentz.project(whole, C))
    for x, part in zip(xs, lorentz.split(whole, sizes, C), strict=True):
        assert part.dtype == dtype
        np.testing.assert_array_equal(part[:, 1:], x[:, 1:])
        np.testing.assert_array_equal(part, lorentz.project(x, C))


def test_leading_axes_broadcast_and_cotangents_are_summed(rng):
    x, y = at_radius(1.0, unit_rows(rng, 5, 2), C), at_radius(1.0, unit_rows(rng, 1, 3), C)[0]
    whole = lorentz.concat([x, y], C)
    assert whole.shape == (5, 6)
    g = rng.normal(size=whole.shape)
    (x_bar, y_bar), c_bar = lorentz.concat_vjp(g, [x, y], C)
    (x_full, y_full), c_full = lorentz.concat_vjp(g, [x, np.broadcast_to(y, (5, 4))], np.full(5, C))
    np.testing.assert_array_equal(x_bar, x_full)
    np.testing.assert_allclose(y_bar, y_full.sum(axis=0), rtol=1e-14)
    np.testing.assert_allclose(c_bar, c_full.sum(), rtol=1e-14)


def test_cotangents_are_those_of_differences(rng):
    x, y = at_radius(1.0, unit_rows(rng, 1, 2), C)[0], at_radius(1.0, unit_rows(rng, 1, 3), C)[0]
    g, t = rng.normal(size=6), 1e-6
    (x_bar, y_bar), c_bar = lorentz.concat_vjp(g, [x, y], C)
    assert x_bar[0] == y_bar[0] == 0

    def derivative(u, v, of_c=0.0):
        ends = [g @ lorentz.concat([x + s * u, y + s * v], C + s * of_c) for s in (t, -t)]
        return (ends[0] - ends[1]) / (2 * t)

    for bar, i in ((x_bar, 0), (y_bar, 1)):
        for k in range(1, len(bar)):
            moved = [np.zeros_like(x), np.zeros_like(y)]
            moved[i][k] = 1
            np.testing.assert_allclose(bar[k], derivative(*moved), rtol=1e-8, atol=1e-8)
    np.testing.assert_allclose(c_bar, derivative(0 * x, 0 * y, 1.0), rtol=1e-8)


def test_split_and_concat_are_adjoint(rng):
    """split is linear in spatial parts but for its times, and so is concat: with time cotangents 0 both are copies."""
    sizes = [2, 3]
    whole = at_radius(1.0, unit_rows(rng, 4, 5), C)
    g = [rng.normal(size=(4, d + 1)) * ([0] + [1] * d) for d in sizes]
    bar, c_bar = lorentz.split_vjp(g, whole, sizes, C)
    np.testing.assert_array_equal(bar, np.concatenate([0 * g[0][:, :1], g[0][:, 1:], g[1][:, 1:]], axis=1))
    assert c_bar == 0
    g[1][:, 0] = 1
    bar, c_bar = lorentz.split_vjp(g, whole, sizes, C)
    part = lorentz.split(whole, sizes, C)[1]
    np.testing.assert_allclose(bar[:, 3:], g[1][:, 1:] + part[:, 1:] / part[:, :1], rtol=1e-14)
    np.testing.assert_allclose(c_bar, np.sum(-1 / (2 * C * C * part[:, 0])), rtol=1e-14)


def test_bad_input(rng):
    x = at_radius(1.0, unit_rows(rng, 4, 5), C)
    for sizes in ([5, 1], [2, 2], [0, 5], [-1, 6], [], [2.0, 3.0]):
        with pytest.raises(ValueError, match="split: sizes need to be integers of at least 1 and to add up to d = 5"):
            lorentz.split(x, sizes, C)
    for g in ([x], [x[:, :3], x[:, :3]], [x[:2, :3], x[:2, :4]]):
        with pytest.raises(ValueError, match=r"split_vjp: g needs the shapes \[\(4, 3\), \(4, 4\)\] of the points"):
            lorentz.split_vjp(g, x, [2, 3], C)
    with pytest.raises(ValueError, match=r"concat_vjp: g needs the shapes \[\(4, 11\)\] of the points, got"):
        lorentz.concat_vjp(x, [x, x], C)
    for bad in ([], x):
        with pytest.raises(ValueError, match="concat: xs needs to be a sequence"):
            lorentz.concat(bad, C)
    with pytest.raises(ValueError, match=r"concat: xs\[1\] needs a last axis of at least two entries"):
        lorentz.concat([x, x[:, :1]], C)
    with pytest.raises(ValueError, match=r"concat: leading axes of xs\[0\] \(4, 6\), xs\[1\] \(3, 6\) and c \(\) need"):
        lorentz.concat([x, x[:3]], C)
    with pytest.raises(ValueError, match="c needs to be finite and > 0"):
        lorentz.concat([x], -1.0)
    outside = x.copy()
    outside[2, 0] = -1
    for result in (lorentz.concat([x, outside], C), lorentz.split(outside, [2, 3], C)[0]):
        assert np.isnan(result).all(axis=1).tolist() == [False, False, True, False]


def test_curvatures_of_rows_leave_the_cotangents_their_shapes(rng):
    """One point at several curvatures: its cotangent is a sum, that of the curvature has one entry each."""
    c, d = np.array([0.5, 0.7, 2.0]), [2, 3]
    spaces = [rng.normal(size=n) for n in d]
    xs = [np.concatenate([[1.0], space]) for space in spaces]
    g = rng.normal(size=(3, 6))
    bars, c_bar = lorentz.concat_vjp(g, xs, c)
    alone = [lorentz.concat_vjp(g[k], xs, c[k]) for k in range(3)]
    assert c_bar.shape == (3,)
    np.testing.assert_allclose(c_bar, [of_c for _, of_c in alone], rtol=1e-13)
    for i, x in enumerate(xs):
        assert bars[i].shape == x.shape
        np.testing.assert_allclose(bars[i], sum(one[i] for one, _ in alone), rtol=1e-13, atol=1e-14)
    whole = lorentz.concat(xs, 0.7)
    parts = [rng.normal(size=(3, n + 1)) for n in d]
    bar, c_bar = lorentz.split_vjp(parts, whole, d, c)
    alone = [lorentz.split_vjp([a[k] for a in parts], whole, d, c[k]) for k in range(3)]
    assert (bar.shape, c_bar.shape) == (whole.shape, (3,))
    np.testing.assert_allclose(bar, sum(one for one, _ in alone), rtol=1e-13, atol=1e-14)
    np.testing.assert_allclose(c_bar, [of_c for _, of_c in alone], rtol=1e-13)
