"""Every method of every manifold with every argument wrong: `tests/test_bad_input.py` for the manifolds."""

import numpy as np
import pytest
from manifolds.points import each, leaves, times
from manifolds.test_laws import TABLE, leaf_manifold, moderate, resized

from hypergeom.errors import ConvergenceError, NoJPolarError, NotOnManifoldError
from hypergeom.manifolds import Euclidean, LorentzGroup, PoincareBall, Product, Validating

# The arguments of each method: x, y points, u, v tangents at x, g, h any vectors, n near a point, t numbers.
METHODS = {
    "inner": "xuv", "norm": "xv", "exp": "xv", "log": "xy", "dist": "xy", "transport": "xyv", "exp_transport": "xvu",
    "geodesic": "xyt", "retract": "xv", "project": "n", "project_tangent": "xg", "egrad2rgrad": "xg",
    "ehess2rhess": "xghv", "zero_tangent": "x", "random_tangent": "x",
}  # fmt: skip
CHECKS = {"check": "x", "check_tangent": "xv"}
ROWS, BAD_ROW = 6, 2


class Arguments:
    """Good arguments of all methods of a manifold; `call` puts others in the place of some."""

    def __init__(self, name, rng):
        self.manifold, self.shape = TABLE[name][:2]
        m = self.manifold
        x = moderate(m, self.shape, rng)
        v = times(0.3, m.random_tangent(x, rng=rng))
        g, h, noise = (each(lambda a: rng.normal(size=a.shape), x) for _ in range(3))
        self.given = {
            "x": x, "y": m.exp(x, v), "u": m.random_tangent(x, rng=rng), "v": v, "g": g, "h": h,
            "n": each(lambda a, b: a + 0.01 * b, x, noise), "t": rng.uniform(-0.5, 1.5, ROWS),
        }  # fmt: skip
        without = {"dist"} if isinstance(m, LorentzGroup) else set()
        self.methods = {name: letters for name, letters in METHODS.items() if name not in without}

    def call(self, method, on=None, **others):
        letters = {**METHODS, **CHECKS}[method]
        options = {"rng": 0} if method == "random_tangent" else {}
        return getattr(on or self.manifold, method)(*({**self.given, **others}[key] for key in letters), **options)

    def calls(self, letters="xyuvghnt", checks=True):
        """Methods beside each of their arguments of these kinds."""
        for method, given in (self.methods | (CHECKS if checks else {})).items():
            for key in given:
                if key in letters:
                    yield method, key


@pytest.fixture(params=TABLE)
def arguments(request, rng):
    return Arguments(request.param, rng)


def test_every_method_is_in_the_list():
    others = {"origin", "random_point", "dim", "point_ndim"}  # which take shapes
    assert {name for name in dir(Euclidean) if not name.startswith("_")} == METHODS.keys() | CHECKS.keys() | others


@pytest.mark.parametrize("dtype", [complex, bool, object, str, np.float16])
def test_rejected_dtypes(arguments, dtype):
    for method, key in arguments.calls():
        for part in range(len(leaves(arguments.given[key]))):
            bad = with_part(arguments.given[key], part, lambda a: a.astype(dtype))
            with pytest.raises(TypeError):
                arguments.call(method, **{key: bad})
    for number in (True, None, "0.5", 0.5j):
        with pytest.raises(TypeError):
            arguments.call("geodesic", t=number)


def test_rejected_shapes(arguments):
    for method, key in arguments.calls("xyuvghn"):
        alone = len({**METHODS, **CHECKS}[method]) == 1
        for part, a in enumerate(leaves(arguments.given[key])):
            core = a.shape[1:]
            shapes = [core[1:], (*a.shape[:-1], 0), (0,) * a.ndim]
            if not alone:
                shapes += [(*a.shape[:-1], core[-1] + 1), (ROWS + 1, *core)]
            for shape in shapes:
                bad = with_part(arguments.given[key], part, lambda a, shape=shape: np.full(shape, 0.1))
                with pytest.raises(ValueError):  # noqa: PT011
                    arguments.call(method, **{key: bad})


def with_part(point, number, f):
    """The point with f of one of its arrays."""
    count = iter(range(len(leaves(point))))
    return each(lambda a: f(a) if next(count) == number else a, point)


def test_no_rows(arguments):
    empty = {key: each(lambda a: a[:0], value) for key, value in arguments.given.items()}
    for method in arguments.methods:
        desired, got = arguments.call(method), arguments.call(method, **empty)
        for a, b in zip(leaves(desired), leaves(got), strict=True):
            assert (b.shape, b.dtype) == ((0, *a.shape[1:]), a.dtype), method
    arguments.call("check", **empty)
    arguments.call("check_tangent", **empty)


def test_integers_are_numbers(arguments):
    m = arguments.manifold
    origin = each(lambda a: np.round(a).astype(int), m.origin(arguments.shape))
    if any(np.any(a != b) for a, b in zip(leaves(origin), leaves(m.origin(arguments.shape)), strict=True)):
        origin = each(lambda a: a.astype(float), m.origin(arguments.shape))  # of the hyperboloid with another c
    nothing = each(lambda a: np.zeros(a.shape, int), origin)
    given = {"x": origin, "y": origin, "n": origin, "t": np.zeros(ROWS, int)} | dict.fromkeys("uvgh", nothing)
    as_floats = {key: each(lambda a: a.astype(float), value) for key, value in given.items()}
    for method in arguments.methods:
        for a, b in zip(
            leaves(arguments.call(method, **given)), leaves(arguments.call(method, **as_floats)), strict=True
        ):
            assert a.dtype == np.float64
            np.testing.assert_array_equal(a, b, err_msg=method)


def test_what_is_not_finite_poisons_its_row_alone(arguments, rng):
    for method, key in arguments.calls(checks=False):
        for part, a in enumerate(leaves(arguments.given[key])):
            bad = rng.choice([np.nan, np.inf, -np.inf])
            position = (BAD_ROW, *(int(rng.integers(n)) for n in a.shape[1:]))
            poisoned = with_part(
                arguments.given[key], part, lambda a, at=position, bad=bad: changed(a, at, lambda _: bad)
            )
            moved = with_part(
                arguments.given[key], part, lambda a, at=position: changed(a, at, lambda b: 0.9 * b + 0.01)
            )
            where = f"{method}: {key}{list(position)}"
            with np.errstate(all="raise"):
                results = leaves(arguments.call(method, **{key: poisoned}))
            good, other = leaves(arguments.call(method)), leaves(safely(arguments, method, **{key: moved}))
            for got, was, now in zip(results, good, other, strict=True):
                rest = np.arange(ROWS) != BAD_ROW
                # of matrices, the number of steps is that of the batch
                np.testing.assert_allclose(got[rest], was[rest], rtol=1e-11, atol=1e-13, err_msg=where)
                kept = np.isfinite(got[BAD_ROW])
                same = np.isclose(got[BAD_ROW], was[BAD_ROW], rtol=1e-11, atol=1e-13)
                unmoved = np.isclose(was[BAD_ROW], now[BAD_ROW], rtol=1e-6, atol=1e-9)
                assert np.all(~kept | (same & unmoved)), where


def changed(a, position, f):
    a = a.copy()
    a[position] = f(a[position])
    return a


def safely(arguments, method, **others):
    """The results, or NaN where an algorithm fails off the manifold."""
    try:
        return arguments.call(method, **others)
    except (ConvergenceError, NoJPolarError):
        return each(lambda a: np.full(np.shape(a), np.nan), arguments.call(method))


def test_what_is_off_is_named_by_the_validating_wrapper(arguments):
    wrapped = Validating(arguments.manifold)
    for method, key in arguments.calls("xyuv"):
        for part in range(len(leaves(arguments.given[key]))):
            m = leaf_manifold(arguments.manifold, part)
            anywhere = isinstance(m, (PoincareBall, Euclidean))  # their tangents are all vectors
            off = np.inf if anywhere and (key in "uv" or isinstance(m, Euclidean) or m.c == 0) else 3.0
            x = leaves(arguments.given["x"])[part]
            shift = off * (x[BAD_ROW] if key in "uv" and off < np.inf else np.ones_like(x[BAD_ROW]))

            def shifted(a, shift=shift):
                return changed(a, BAD_ROW, lambda row: row + shift)

            if key in "uv" and isinstance(m, LorentzGroup):  # stored without their factor x
                bad = with_part(arguments.given[key], part, lambda a: a + np.eye(a.shape[-1]))
            else:
                bad = with_part(arguments.given[key], part, shifted)
            with pytest.raises(NotOnManifoldError) as caught, np.errstate(all="ignore"):
                arguments.call(method, wrapped, **{key: bad})
            if method not in CHECKS:
                assert f"({key} of {method})" in str(caught.value)


def test_rows_off_the_manifold_do_not_disturb_others(arguments):
    if isinstance(arguments.manifold, (LorentzGroup, Product)):
        algorithms = {"log", "dist", "transport", "geodesic"}
    else:
        algorithms = {"log", "dist", "transport", "geodesic"} if arguments.manifold.point_ndim == 2 else set()
    rest = np.arange(ROWS) != BAD_ROW
    for method, key in arguments.calls("xyuv", checks=False):
        if method in algorithms and key in "xy":  # an iteration that fails says so: see the tests of these manifolds
            continue
        bad = each(lambda a: changed(a, BAD_ROW, lambda row: 3 * row + 1), arguments.given[key])
        with np.errstate(all="raise"):
            results = arguments.call(method, **{key: bad})
        for got, was in zip(leaves(results), leaves(arguments.call(method)), strict=True):
            np.testing.assert_allclose(got[rest], was[rest], rtol=1e-11, atol=1e-12, err_msg=method)


def test_shapes_of_new_points(arguments):
    m = arguments.manifold
    for make in (m.origin, m.dim, lambda shape: m.random_point(shape, rng=0)):
        for bad in (None, 1.5, "3", object()):
            with pytest.raises(TypeError):
                make(bad)
        for bad in ((), (-1,), resized(arguments.shape, -1), each_shape(lambda s: (*s[:-1], 0), arguments.shape)):
            with pytest.raises(ValueError):  # noqa: PT011
                make(bad)


def each_shape(f, shape):
    return tuple(each_shape(f, part) for part in shape) if isinstance(shape[0], tuple) else f(shape)
