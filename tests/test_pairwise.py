"""All pairs of two sets of points: those of `dist`, bit for bit, and the sums of `dist_vjp`."""

import doctest
import inspect
import os
import subprocess
import sys

import mpmath as mp
import numpy as np
import pytest

import hypergeom
from hypergeom import lorentz, poincare
from hypergeom._core import pairwise
from hypergeom._pairs import pair_ops

EPS = np.finfo(np.float64).eps
WIDTHS = (1, 2, 3, 7, 8, 16, 33, 128)
# Around the lanes of a pack, the four rows that go together, the 64 rows of a tile and the 128 of a panel.
SIZES = ((1, 1), (3, 17), (4, 8), (5, 64), (66, 65), (133, 9), (2, 131))


class Space:
    """Points of one space, from a spread that reaches far out."""

    def __init__(self, module):
        self.module, self.name = module, module.__name__.rpartition(".")[2]
        self.cdist, self.cdist_vjp = module.cdist, module.cdist_vjp
        self.dist, self.dist_vjp = module.dist, module.dist_vjp
        self.time = int(module is lorentz)

    def points(self, rng, shape, d, c=1.0, dtype=np.float64, gap=0.05):
        u = rng.normal(size=(*shape, d))
        u *= rng.uniform(size=(*shape, 1)) ** 0.2 / np.linalg.norm(u, axis=-1, keepdims=True)
        if self.module is poincare:
            return ((1 - gap) * u / np.sqrt(c)).astype(dtype)
        return self.on_space(3 * u / np.sqrt(c), c).astype(dtype)

    def on_space(self, x, c):
        """The point of these coordinates."""
        if self.module is poincare:
            return x
        return lorentz.project(np.concatenate([np.zeros_like(x[..., :1]), x], axis=-1), c)

    def pairs(self, x, y, c):
        """`dist` of all pairs, by broadcasting."""
        c = np.asarray(c)[..., None, None] if np.ndim(c) else c
        return self.dist(x[..., :, None, :], y[..., None, :, :], c)

    def sums(self, g, x, y, c):
        """Cotangents from `dist_vjp` in float64, nothing summed over batches, and the size of the terms of c_bar."""
        g, x, y = (np.asarray(a, np.float64) for a in (g, x, y))
        every = np.broadcast_to(np.asarray(c, np.float64)[..., None, None], g.shape)
        x, y = np.broadcast_to(x[..., :, None, :], (*g.shape, x.shape[-1])), y[..., None, :, :]
        y = np.broadcast_to(y, x.shape)
        x_bar, y_bar, c_bar = self.dist_vjp(g, x, y, every)
        return x_bar.sum(-2), y_bar.sum(-3), c_bar.sum((-1, -2)), np.abs(c_bar).sum((-1, -2))


@pytest.fixture(params=[poincare, lorentz], ids=["poincare", "lorentz"])
def space(request):
    return Space(request.param)


def assert_close(actual, desired, eps, size=None):
    """Norm-wise, relative to the truth or to a given size."""
    assert actual.shape == desired.shape
    scale = np.linalg.norm(desired if size is None else size)
    assert np.linalg.norm(actual.astype(np.float64) - desired) <= eps * scale


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("d", WIDTHS)
def test_distances_are_those_of_dist_bit_for_bit(space, d, dtype, rng):
    for m, k in SIZES:
        c = rng.uniform(0.1, 3)
        x, y = (space.points(rng, (n,), d, c, dtype) for n in (m, k))
        y[: min(m, k) // 2] = x[: min(m, k) // 2]
        found = space.cdist(x, y, c)
        assert (found.shape, found.dtype) == ((m, k), dtype)
        np.testing.assert_array_equal(found, space.pairs(x, y, c))
        np.testing.assert_array_equal(space.cdist(y, x, c).T, found)
        assert np.all(np.diag(space.cdist(x, x, c)) == 0)


@pytest.mark.parametrize("size", [1e-200, 1e-160, 1e-12, 1e-3, 1.0])
def test_close_and_tiny_points(space, size, rng):
    for d in (1, 3, 16):
        x = size * space.points(rng, (9,), d)[..., space.time :]
        x = space.on_space(np.concatenate([x, 0 * x[:1], -x[:3], x * (1 + 1e-12)]), 1.0)
        np.testing.assert_array_equal(space.cdist(x, x), space.pairs(x, x, 1.0))
        if space.module is poincare:
            np.testing.assert_array_equal(space.cdist(x, x, 0), space.pairs(x, x, 0))


@pytest.mark.parametrize("gap", [1e-2, 1e-6, 1e-15])
def test_points_near_the_rim_and_far_from_the_apex(space, gap, rng):
    for d in (2, 8, 33):
        u = rng.normal(size=(40, d))
        u /= np.linalg.norm(u, axis=1, keepdims=True)
        r = 1 - gap * rng.uniform(1, 2, (40, 1)) if space.module is poincare else rng.uniform(0.1, 1, (40, 1)) / gap**10
        x = space.on_space(r * u, 1.0)
        found = space.cdist(x, x[:19])
        assert np.isfinite(found).all() and found.max() > 5
        np.testing.assert_array_equal(found, space.pairs(x, x[:19], 1.0))


def test_batches_broadcast(space, rng):
    d = 5
    c = rng.uniform(0.5, 2, (2, 1, 3))
    x = space.points(rng, (2, 1, 3, 7), d, 2)
    y = space.points(rng, (4, 1, 11), d, 2)
    found = space.cdist(x, y, c)
    assert found.shape == (2, 4, 3, 7, 11)
    np.testing.assert_array_equal(found, space.pairs(x, y, c))
    np.testing.assert_array_equal(space.cdist(x[0, 0, 0], y, c)[1, 2, 0], space.pairs(x[0, 0, 0], y[2, 0], c[1, 0, 0]))
    np.testing.assert_array_equal(space.cdist(x, y, c=0.5), space.pairs(x, y, 0.5))
    np.testing.assert_array_equal(space.cdist(x, y, np.array(0.5)), space.pairs(x, y, 0.5))


def scattered(a):
    """The same array, read-only, backwards in memory and with gaps between its entries."""
    memory = np.full((*a.shape, 3), np.nan, a.dtype)[::-1]
    memory[..., 1] = a
    view = memory[..., 1]
    view.flags.writeable = False
    return view


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_memory_of_any_layout(space, dtype, rng):
    x, y = (space.points(rng, (3, n), 9, 1.0, dtype) for n in (70, 21))
    g = rng.normal(size=(3, 70, 21)).astype(dtype)
    desired, bars = space.cdist(x, y), space.cdist_vjp(g, x, y)
    for change in (scattered, np.asfortranarray, lambda a: a.astype(a.dtype.newbyteorder())):
        np.testing.assert_array_equal(space.cdist(change(x), change(y)), desired)
        for a, b in zip(space.cdist_vjp(change(g), change(x), change(y)), bars, strict=True):
            np.testing.assert_array_equal(a, b)
    one = np.broadcast_to(x[:1, :1], x.shape)
    np.testing.assert_array_equal(space.cdist(one, y[0]), space.pairs(one, y[0], 1.0))


def test_out(space, rng):
    x, y = (space.points(rng, (n,), 9 - space.time) for n in (12, 9))
    desired = space.cdist(x, y)
    out = np.full_like(desired, np.nan)
    assert space.cdist(x, y, out=out) is out
    np.testing.assert_array_equal(out, desired)
    wide = np.full((12, 18), np.nan)
    space.cdist(x, y, 1.0, out=wide[:, ::2])
    np.testing.assert_array_equal(wide[:, ::2], desired)
    assert np.isnan(wide[:, 1::2]).all()
    columns = np.empty((9, 12)).T
    np.testing.assert_array_equal(space.cdist(x, y, out=columns), desired)
    own = x.copy()
    np.testing.assert_array_equal(space.cdist(own, y, out=own), desired)  # in place of its own input
    with pytest.raises(ValueError, match=r"shape|dimension"):
        space.cdist(x, y, out=np.empty((9, 12)))
    with pytest.raises(TypeError, match="cast"):
        space.cdist(x, y, out=np.empty((12, 9), int))


@pytest.mark.parametrize("n", [2, 3])
def test_results_do_not_depend_on_the_number_of_threads(space, n, rng):
    for shapes in (((300,), (203,)), ((5, 70), (70,)), ((400,), (3,)), ((1,), (3000,))):
        x, y = (space.points(rng, shape, 7, 2) for shape in shapes)
        c = rng.uniform(0.5, 2, x.shape[:-2])
        desired = space.cdist(x, y, c)
        g = rng.normal(size=desired.shape)
        bars = space.cdist_vjp(g, x, y, c)
        with hypergeom.threads(n):
            np.testing.assert_array_equal(space.cdist(x, y, c), desired)
            for a, b in zip(space.cdist_vjp(g, x, y, c), bars, strict=True):
                np.testing.assert_array_equal(a, b)


def test_results_do_not_depend_on_the_instruction_set():
    script = """
import hashlib
import numpy as np
from hypergeom import lorentz, poincare
rng = np.random.default_rng(3)
digest = hashlib.sha256()
for dtype in (np.float32, np.float64):
    for d in (3, 16, 33):
        x, y = (rng.normal(size=(n, d)) for n in (150, 77))
        x[:20] = y[:20]
        g = rng.normal(size=(150, 77)).astype(dtype)
        for space in (poincare, lorentz):
            if space is poincare:
                x, y = (a / (1 + np.linalg.norm(a, axis=1, keepdims=True)) for a in (x, y))
            else:
                x, y = poincare.to_lorentz(x), poincare.to_lorentz(y)
            a, b = x.astype(dtype), y.astype(dtype)
            for result in (space.cdist(a, b), *space.cdist_vjp(g, a, b)):
                digest.update(np.ascontiguousarray(result).tobytes())
print(digest.hexdigest())
"""
    found = set()
    for isa in ("baseline", "v3", "v4"):
        done = subprocess.run(
            [sys.executable, "-P", "-c", script],
            env=os.environ | {"HYPERGEOM_ISA": isa},
            capture_output=True,
            text=True,
        )
        if done.returncode == 0:
            found.add(done.stdout)
        else:
            assert isa != "baseline" and "needs an instruction set of this machine" in done.stderr, done.stderr
    assert len(found) == 1


MEMORY = """
import resource
import sys
import numpy as np
import hypergeom
from hypergeom import lorentz, poincare

m, d, threads = 2000, int(sys.argv[2]), int(sys.argv[3])
space = {"poincare": poincare, "lorentz": lorentz}[sys.argv[1]]
x, y = np.random.default_rng(1).uniform(-0.5, 0.5, (2, m, d)) / d**0.5
if space is lorentz:
    x, y = poincare.to_lorentz(x), poincare.to_lorentz(y)
g, out = np.ones((m, m)), np.ones((m, m))

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024

with hypergeom.threads(threads):
    few = space.cdist_vjp(g[:70, :70], x[:70], y[:70]), space.cdist(x[:200], y[:200])
    before = peak()
    space.cdist(x, y, out=out)
    print(peak() - before)
    before = peak()
    bars = space.cdist_vjp(g, x, y)
    print(peak() - before - sum(bar.nbytes for bar in bars))
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the unit of ru_maxrss is that of Linux")
@pytest.mark.parametrize(("d", "threads"), [(16, 1), (16, 2), (300, 1)])
def test_memory_beside_the_output(space, d, threads):
    command = [sys.executable, "-P", "-c", MEMORY, space.name, str(d), str(threads)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    for extra in map(int, done.stdout.split()):
        assert extra < 1 << 20


@pytest.mark.parametrize("bad", ["nan", "inf", "outside"])
def test_points_outside_are_nan_and_alone(space, bad, rng):
    x, y = space.points(rng, (13,), 3), space.points(rng, (70,), 3)
    desired = space.cdist(x, y)
    x[[0, 5], -1] = {"nan": np.nan, "inf": np.inf, "outside": 2}[bad]
    y[[3, 69], space.time] = {"nan": np.nan, "inf": -np.inf, "outside": 2}[bad]
    if bad == "outside" and space.time:
        x[[0, 5], 0], y[[3, 69], 0] = 0, -1
    desired[[0, 5]] = desired[:, [3, 69]] = np.nan
    with np.errstate(all="raise"):
        np.testing.assert_array_equal(space.cdist(x, y), desired)
        g = rng.normal(size=desired.shape)
        x_bar, y_bar, c_bar = space.cdist_vjp(g, x, y)
        assert np.isnan(x_bar).all() and np.isnan(y_bar).all() and np.isnan(c_bar)
        # with batches of one x each, and no bad y: those alone
        good = [i for i in range(70) if i not in (3, 69)]
        x_bar, _, c_bar = space.cdist_vjp(g[:, None, good], x[:, None], y[good], np.ones(13))
        assert np.flatnonzero(np.isnan(x_bar[:, 0]).any(1)).tolist() == [0, 5]
        assert np.flatnonzero(np.isnan(c_bar)).tolist() == [0, 5]


@pytest.mark.parametrize("c", [-1.0, np.nan, np.inf])
def test_bad_entries_of_an_array_of_curvatures_are_nan(space, c, rng):
    x = space.points(rng, (3, 4), 2)
    curvatures = np.array([1.0, c, 1.0])
    found = space.cdist(x, x, curvatures)
    assert np.isnan(found[1]).all() and np.isfinite(found[[0, 2]]).all()
    for bar in space.cdist_vjp(np.ones((3, 4, 4)), x, x, curvatures):
        assert np.isnan(bar[1]).all() and np.isfinite(bar[[0, 2]]).all()


@pytest.mark.parametrize("d", WIDTHS)
def test_vjp_is_the_sum_of_those_of_pairs(space, d, rng):
    for m, k in (*SIZES, (200, 150)):
        for dtype, tail in ((np.float64, 0), (np.float32, np.finfo(np.float32).eps)):
            c = rng.uniform(0.1, 3)
            x, y = (space.points(rng, (n,), d, c, dtype) for n in (m, k))
            y[: min(m, k) // 3] = x[: min(m, k) // 3]
            g = rng.normal(size=(m, k)).astype(dtype)
            *bars, size = space.sums(g, x, y, c)
            found = space.cdist_vjp(g, x, y, c)
            for a, b, like in zip(found, bars, (x, y, np.zeros(())), strict=True):
                assert (a.shape, a.dtype) == (like.shape, like.dtype)
                assert_close(a, b, 100 * EPS + (tail if a.ndim else 0), size if a.ndim == 0 else None)
            if space.time:
                assert not found[0][:, 0].any() and not found[1][:, 0].any()


@pytest.mark.parametrize("gap", [1e-2, 1e-8, 1e-14])
def test_vjp_near_the_rim_and_far_from_the_apex(space, gap, rng):
    u = rng.normal(size=(60, 4))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    u[30:] = u[:30]  # on one line with the origin
    r = 1 - gap * rng.uniform(1, 2, (60, 1)) if space.module is poincare else rng.uniform(0.1, 1, (60, 1)) / gap
    x = space.on_space(r * u, 1.0)
    g = rng.uniform(0.5, 1, (60, 60))
    *bars, size = space.sums(g, x, x, 1.0)
    for a, b in zip(space.cdist_vjp(g, x, x), bars, strict=True):
        assert_close(a, b, 100 * EPS, size if a.ndim == 0 else None)


# The textbook formulas, for 120 digits.
def true_dist(space, x, y, c):
    if space.module is poincare:
        gaps = (1 - c * mp.fdot(x, x)) * (1 - c * mp.fdot(y, y))
        e = [b - a for a, b in zip(x, y, strict=True)]
        return mp.acosh(1 + 2 * c * mp.fdot(e, e) / gaps) / mp.sqrt(c) if c else 2 * mp.sqrt(mp.fdot(e, e))
    times = [mp.sqrt(1 / c + mp.fdot(a[1:], a[1:])) for a in (x, y)]
    return mp.acosh(c * (times[0] * times[1] - mp.fdot(x[1:], y[1:]))) / mp.sqrt(c)


def true_cdist(space, n, x, y, c):
    rows = [[a[i : i + n] for i in range(0, len(a), n)] for a in (x, y)]
    return [true_dist(space, a, b, c) for a in rows[0] for b in rows[1]]


@pytest.mark.parametrize("c", [1.0, 1e-8, 700.0, 0.0])
def test_against_120_digits(space, c, rng, high_precision):
    if c == 0 and space.time:
        pytest.skip("the hyperboloid has no flat limit")
    x, y = (space.points(rng, (m,), 3, c or 1.0, gap=1e-6) for m in (4, 9))
    y[0] = x[1]  # adds nothing
    for row, step in enumerate((0.5, 0.1, 1e-2, 1e-3, 1e-6), start=1):  # from curved to flat
        y[row] = space.on_space((1 - step) * x[0, space.time :], c)
    g = rng.normal(size=(4, 9))

    def f(x_row, y_row, c):
        return true_cdist(space, x.shape[1], x_row, y_row, c)

    args = (x.ravel(), y.ravel())
    truth = high_precision.evaluate(f, args, c)
    for value, true in zip(space.cdist(x, y, c).ravel(), truth, strict=True):
        assert high_precision.error(value, [true], 1e-40) <= 8 * EPS
    bars = space.cdist_vjp(g, x, y, c)
    size = space.sums(g, x, y, c)[-1]
    for bar, true in zip(bars, high_precision.vjp(f, g.ravel(), args, c), strict=True):
        error = high_precision.error(bar.ravel(), true, 0 if bar.ndim else float(size))
        assert error <= (100 if bar.ndim else 1000) * EPS


def test_coincident_points_add_nothing(space, rng):
    x = space.points(rng, (1, 5), 6)
    x = np.concatenate([x, 0 * x], axis=1)
    if space.time:
        x[..., 0] = 1
    for c in (1.0, 0.3) if space.time else (1.0, 0.0):
        g = np.diag(rng.normal(size=10))
        for bar in space.cdist_vjp(g, x[0], x[0], c):
            np.testing.assert_array_equal(bar, 0)
    everywhere = np.broadcast_to(x[0, :1], (70, x.shape[-1]))
    for bar in space.cdist_vjp(rng.normal(size=(70, 70)), everywhere, everywhere):
        np.testing.assert_array_equal(bar, 0)


def test_lengths_that_leave_the_range_in_units_of_the_curvature():
    x = np.array([[0.0], [3e-170], [-1e-165]])
    np.testing.assert_allclose(poincare.cdist(x, x[:1], 1e-290)[:, 0], 2 * np.abs(x[:, 0]), rtol=4 * EPS)


def test_tiny_distances_keep_their_direction(space):
    x = np.array([[0.0, 0.0], [3e-302, 4e-302]])
    x_bar, y_bar, _ = space.cdist_vjp(np.full((2, 2), 1e20), *(space.on_space(a, 1.0) for a in (x, -x)))
    each = 1e20 * (2 - space.time) * np.array([0.6, 0.8])
    np.testing.assert_allclose(x_bar[:, space.time :], [each, 2 * each], rtol=1e-14)
    np.testing.assert_allclose(y_bar[:, space.time :], [-each, -2 * each], rtol=1e-14)


def test_cotangents_have_the_shapes_and_dtypes_of_their_arguments(space, rng):
    x, y = space.points(rng, (2, 1, 5), 3, 2), space.points(rng, (3, 4), 3, 2)
    g, c = rng.normal(size=(2, 3, 5, 4)), rng.uniform(0.5, 2, (2, 1))
    whole = space.sums(g, x, y, c)
    found = space.cdist_vjp(g, x, y, c)
    for a, b, axes, like in zip(found, whole[:3], ((1,), (0,), (1,)), (x, y, c), strict=True):
        assert a.shape == like.shape
        assert_close(a, b.sum(axis=axes).reshape(like.shape), 1e-13)
    for number in (0.7, 1, np.float64(0.5), np.array(0.5)):
        total = space.cdist_vjp(g, x, y, number)[2]
        assert isinstance(total, np.ndarray)
        assert total.shape == ()
        assert_close(total, space.sums(g, x, y, number)[2].sum(), 1e-12, space.sums(g, x, y, number)[3].sum())
    single = space.cdist_vjp(g, x.astype(np.float32), y, c)
    assert [bar.dtype for bar in single] == [np.float32, np.float64, np.float64]
    single = space.cdist_vjp(*(a.astype(np.float32) for a in (g, x, y, c)))
    assert [bar.dtype for bar in single] == [np.float32] * 3


def test_dtypes(space, rng):
    x, y = space.points(rng, (4,), 3), space.points(rng, (5,), 3)
    singles = [a.astype(np.float32) for a in (x, y)]
    rounded = space.cdist(*(a.astype(np.float64) for a in singles)).astype(np.float32)
    np.testing.assert_array_equal(space.cdist(*singles), rounded)
    assert space.cdist(*singles, np.ones(1, np.float32)).dtype == np.float32
    assert space.cdist(*singles, np.ones(1)).dtype == np.float64
    assert space.cdist(singles[0], y).dtype == np.float64
    zeros = np.zeros((3, 2 + space.time), np.int16)
    zeros[:, 0] = space.time
    assert space.cdist(zeros, zeros).dtype == np.float64
    np.testing.assert_array_equal(space.cdist(x.tolist(), y.tolist()), space.cdist(x, y))


@pytest.mark.parametrize(("m", "k"), [(0, 4), (4, 0), (0, 0)])
def test_no_points(space, m, k):
    n = 3 + space.time
    x, y = np.ones((2, m, n)), np.ones((2, k, n), np.float64)
    assert space.cdist(x, y).shape == (2, m, k)
    for bar, shape in zip(
        space.cdist_vjp(np.ones((2, m, k)), x, y, np.ones(2)), ((2, m, n), (2, k, n), (2,)), strict=True
    ):
        assert bar.shape == shape
        assert not bar.any()
    assert space.cdist(x[:0], y[:0]).shape == (0, m, k)
    assert [bar.shape for bar in space.cdist_vjp(np.ones((0, m, k)), x[:0], y[:0])] == [(0, m, n), (0, k, n), ()]


@pytest.mark.parametrize("library", ["array_api_strict", "torch", "jax.numpy", "dask.array"])
@pytest.mark.parametrize("c", [0.5, "array"])
def test_other_libraries(space, library, c, rng):
    xp = pytest.importorskip(library, reason=f"{library} is not installed")
    if library == "jax.numpy":
        sys.modules["jax"].config.update("jax_enable_x64", True)
    x, y, g = space.points(rng, (2, 6), 3, 2), space.points(rng, (5,), 3, 2), rng.normal(size=(2, 6, 5))
    c = rng.uniform(0.5, 2, 2) if c == "array" else c
    foreign = [*map(xp.asarray, (g, x, y)), xp.asarray(c) if isinstance(c, np.ndarray) else c]
    found = space.cdist(*foreign[1:])
    assert type(found) is type(foreign[0])
    assert_close(np.asarray(found), space.cdist(x, y, c), 1e-13)
    for a, b in zip(space.cdist_vjp(*foreign), space.cdist_vjp(g, x, y, c), strict=True):
        assert_close(np.asarray(a), b, 1e-11)
    single = [xp.astype(a, xp.float32) if library == "array_api_strict" else None for a in foreign[:3]]
    if single[0] is not None:
        assert space.cdist(*single[1:], 0.5).dtype == xp.float32
        assert {a.dtype for a in space.cdist_vjp(*single, 0.5)[:2]} == {xp.float32}


def test_autograd_through_the_formula_is_the_vjp(space, rng):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    x, y, c = space.points(rng, (2, 6), 3, 2), space.points(rng, (5,), 3, 2), rng.uniform(0.5, 2, 2)
    y[0] = x[0, 0]
    g = rng.normal(size=(2, 6, 5))
    leaves = [torch.tensor(a, requires_grad=True) for a in (x, y, c)]
    space.cdist(*leaves).backward(torch.tensor(g))
    for leaf, bar in zip(leaves, space.cdist_vjp(g, x, y, c), strict=True):
        assert_close(leaf.grad.numpy(), bar, 1e-11)


def test_rejected_shapes(space):
    n = 3 + space.time
    x, y, g = np.zeros((4, n)), np.zeros((5, n)), np.zeros((4, 5))
    f, f_vjp, name = space.cdist, space.cdist_vjp, space.name
    bad = [
        (x[0], y),
        (x, y[0]),
        (x, y[:, :-1]),
        (x[:, :0], y[:, :0]),
        (x[:, : space.time], y[:, : space.time]),
        (1.0, y),
    ]
    for args in bad:
        with pytest.raises(ValueError, match=rf"^{name}\.cdist: shapes x \(.*\), y \(.*\), c \(.*\) do not fit"):
            f(*args)
        with pytest.raises(ValueError, match=rf"^{name}\.cdist_vjp: shapes g \(4, 5\), x "):
            f_vjp(g, *args)
    for args in ((g.T, x, y), (g[0], x, y), (g[:, :4], x, y), (1.0, x, y)):
        with pytest.raises(ValueError, match=rf"^{name}\.cdist_vjp: shapes g .* do not fit the signature \(m,k\),"):
            f_vjp(*args)
    with pytest.raises(ValueError, match=r"c \(3,\) do not fit"):
        f(np.zeros((2, 4, n)), y, np.ones(3))
    with pytest.raises(ValueError, match="leading axes that broadcast"):
        f(np.zeros((2, 4, n)), np.zeros((3, 5, n)))


def test_rejected_dtypes_and_curvatures(space, rng):
    x = space.points(rng, (4,), 3)
    g = np.ones((4, 4))
    for dtype in (np.complex128, np.bool_, np.float16, np.longdouble, object, "U3"):
        with pytest.raises(TypeError, match=rf"^{space.name}\.cdist: y needs dtype float32, float64 .* got "):
            space.cdist(x, x.astype(dtype))
        with pytest.raises(TypeError, match=rf"^{space.name}\.cdist_vjp: g needs dtype"):
            space.cdist_vjp(g.astype(dtype), x, x)
    for c in (True, 1j, "1", None):
        with pytest.raises(TypeError, match="c needs dtype"):
            space.cdist(x, x, c)
    for c in (-1, np.nan, np.inf, np.float64(-1), *([0, 0.0] if space.time else [])):
        for f, args in ((space.cdist, (x, x)), (space.cdist_vjp, (g, x, x))):
            with pytest.raises(ValueError, match=r"c needs to be finite and >=? 0, got"):
                f(*args, c)


def test_rejected_calls(space, rng):
    x = space.points(rng, (4,), 3)
    for args, options in (((x,), {}), ((x, x, 1.0, 1.0), {}), ((x, x, 1.0), {"c": 1.0}), ((x, x), {"bogus": 1})):
        with pytest.raises(TypeError):
            space.cdist(*args, **options)
    with pytest.raises(TypeError):
        space.cdist(x=x, y=x)
    with pytest.raises(TypeError, match=r"takes \(g, x, y, c\)"):
        space.cdist_vjp(np.ones((4, 4)), x, x, out=np.empty((4, 4)))
    xp = pytest.importorskip("array_api_strict")
    with pytest.raises(TypeError, match="arrays of one library"):
        space.cdist(x, xp.asarray(x))
    with pytest.raises(TypeError, match="out= is for NumPy arrays"):
        space.cdist(xp.asarray(x), xp.asarray(x), out=np.empty((4, 4)))


def test_every_function_is_public_documented_and_compiled(space):
    for name in ("cdist", "cdist_vjp"):
        op, public = pair_ops[f"{space.name}.{name}"], getattr(space.module, name)
        assert name in space.module.__all__
        assert "Examples\n    --------\n    >>>" in public.__doc__
        assert inspect.signature(public).parameters["c"].default == 1.0
        assert op.gufunc.nin == len(op.inputs) + 1 and op.gufunc.nout == len(op.outputs)
    failed, attempted = doctest.testmod(sys.modules[space.cdist.__module__])
    assert attempted > 0 and failed == 0
    ufuncs = {name for name, f in vars(pairwise).items() if isinstance(f, np.ufunc)}
    assert ufuncs == {str(op).replace(".", "_") for op in pair_ops.values()}


def test_pairs_of_far_points_are_those_of_dist(rng):
    x, y = (lorentz.from_spatial(rng.normal(size=(k, 3)) * 10.0 ** rng.uniform(0, 300, (k, 1))) for k in (5, 4))
    x[0] = lorentz.from_spatial(np.full(3, 1e250))
    out = np.empty((5, 4))
    assert lorentz.cdist(x, y, out=out) is out
    np.testing.assert_array_equal(out, lorentz.dist(x[:, None], y))
    assert np.isfinite(out).all()
    g = rng.normal(size=(5, 4))
    x_bar, y_bar, c_bar = lorentz.cdist_vjp(g, x, y)
    single = lorentz.dist_vjp(g, x[:, None], y[None], np.ones((5, 4)))
    np.testing.assert_allclose(x_bar, single[0][:, 0], rtol=1e-12)
    np.testing.assert_allclose(y_bar, single[1][0], rtol=1e-12)
    np.testing.assert_allclose(c_bar, single[2].sum(), rtol=1e-12)
