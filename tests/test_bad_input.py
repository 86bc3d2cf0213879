"""Bad input of every public function: what is not finite poisons what depends on it, and no other row.

`tests/test_rows.py` holds row functions to their errors; here are the functions made of them, and for all of them rows
that hold NaN or infinities.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import pytest
from backends import Backend
from test_rows import example, function

from hypergeom import lorentz, poincare
from hypergeom._rows import row_ops

ROWS, BAD_ROW = 5, 2
SPACES = {"poincare": poincare, "lorentz": lorentz}
POINTS = {"x", "y", "p", "k", "z", "mean"}
NOT_FINITE = (np.nan, np.inf, -np.inf)


def flat(results):
    """All arrays among results, which may be tuples of tuples."""
    if isinstance(results, (tuple, list)):
        return [a for result in results for a in flat(result)]
    return [np.asarray(results)] if not hasattr(results, "__dataclass_fields__") else flat(list(results))


@dataclass(frozen=True)
class Case:
    """A function of arrays whose first axis counts rows, or groups, that have nothing to do with each other."""

    call: Callable  # of a list of arrays and of c
    arrays: dict[str, np.ndarray]
    points: set[str] = field(default_factory=set)  # in Lorentz, their time coordinates need to be above 0
    vectors: set[str] = field(default_factory=set)  # of which Lorentz does not read the time
    has_c: bool = True

    def __call__(self, arrays, c=0.7):
        return flat(self.call(list(arrays), c))


def row_case(name, rng):
    op = row_ops[name]
    args, _ = example(op, rng, rows=ROWS)
    points = {n for n, axes in zip(op.arguments, op.inputs, strict=True) if axes == "n" and n in ("x", "y")}
    arrays = dict(zip(op.arguments[:-1], args, strict=True))
    vectors = {n for n, axes in zip(op.arguments, op.inputs, strict=True) if axes == "n"} - points
    if op.groups:
        points, vectors = {n for n in ("x",) if op.space == "lorentz"}, {"g"} if op.space == "lorentz" else set()
    f = function(op)
    return Case(lambda a, c: f(*a, c), arrays, points, vectors)


def composite_case(name, rng):
    space, _, which = name.partition(".")
    f = getattr(SPACES[space], which)
    of, is_vjp = which.removesuffix("_vjp"), which.endswith("_vjp")
    first = int(space == "lorentz")

    def point(*shape):
        x = rng.uniform(-0.4, 0.4, (ROWS, *shape))
        return poincare.to_lorentz(x, 0.7) if first else x

    def normal(*shape):
        return rng.normal(size=(ROWS, *shape))

    a = {
        "concat": lambda: {"x": point(2), "y": point(3)},
        "split": lambda: {"x": point(3)},
        "mobius_matvec": lambda: {"m": normal(2, 3), "x": point(3)},
        "mlr": lambda: {"x": point(4, 3), "z": normal(2, 3), "r": normal(2)},
        "cdist": lambda: {"x": point(4, 3), "y": point(2, 3)},
        "midpoint": lambda: {"x": point(4, 3), "w": rng.uniform(0.1, 1, (ROWS, 4))},
        "boost_matrix": lambda: {"x": point(3)},
        "wrapped_normal_logpdf": lambda: {
            "x": point(3),
            "mean": point(3),
            "scale": rng.uniform(0.5, 2, (ROWS, 3)),
        },
        "random_normal": lambda: {"mean": point(3), "scale": rng.uniform(0.5, 2, (ROWS, 3))},
    }
    arrays = a[{"frechet_mean": "midpoint", "centroid": "midpoint"}.get(of, of)]()
    points = {n for n in arrays if n in ("x", "y", "mean")} if first else set()
    calls = {
        "concat": lambda a, c: f(a, c),
        "concat_vjp": lambda a, c: f(a[0], a[1:], c),
        "split": lambda a, c: f(a[0], [1, 2], c),
        "split_vjp": lambda a, c: f(a[:2], a[2], [1, 2], c),
        "random_normal": lambda a, c: f(*a, c, rng=0),
    }
    call = calls.get(which, lambda a, c: f(*a, c))
    vectors = set()
    if is_vjp:
        forward = composite_case(f"{space}.{of}", rng)
        outputs = forward(arrays.values())[: 1 if of == "frechet_mean" else None]
        arrays = {**{f"g{i}": normal(*o.shape[1:]) for i, o in enumerate(outputs)}, **arrays}
        if first and of not in ("mlr", "cdist", "wrapped_normal_logpdf"):
            vectors = {n for n in arrays if n[0] == "g"}
    return Case(call, arrays, points, vectors)


def rotation_case(rng):
    u, v = (a / np.linalg.norm(a, axis=1, keepdims=True) for a in rng.normal(size=(2, ROWS, 3)))
    return Case(lambda a, c: lorentz.rotation(*a), {"u": u, "v": v}, has_c=False)


def is_tested(name):
    space, _, which = name.partition(".")
    return callable(getattr(SPACES[space], which)) and not inspect.isclass(getattr(SPACES[space], which))


PUBLIC = [f"{space}.{which}" for space, module in SPACES.items() for which in module.__all__]
COMPOSITE = [name for name in PUBLIC if (is_tested(name) and name not in row_ops) or ".midpoint" in name]
COMPOSITE = [name for name in COMPOSITE if name.partition(".")[2] not in ("rotation", "random_uniform")]
NAMES = [name for name in row_ops if ".midpoint" not in name] + COMPOSITE + ["lorentz.rotation"]


def case_of(name, rng):
    if name == "lorentz.rotation":
        return rotation_case(rng)
    return composite_case(name, rng) if name in COMPOSITE else row_case(name, rng)


def entries(a):
    """Positions of numbers in a row: all of a vector, some of a group."""
    return [p for p in np.ndindex(a.shape[1:]) if len(a.shape) < 3 or p[0] == 1]


def replaced(arrays, name, position, value):
    changed = {n: a.copy() for n, a in arrays.items()}
    changed[name][(BAD_ROW, *position)] = value
    return changed


def moved_a_little(arrays, name, position):
    changed = {n: a.copy() for n, a in arrays.items()}
    changed[name][(BAD_ROW, *position)] *= 0.9
    return changed


def poisoned(case, name):
    """(argument, position, bad value, whether a function reads that entry) to be tried."""
    for argument, a in case.arrays.items():
        if argument == "margin":  # has a range of its own
            continue
        for position in entries(a):
            for bad in NOT_FINITE:
                if "frechet" not in name or argument != "w" or bad != -np.inf:  # a negative weight is an error
                    yield argument, position, bad, not (argument in case.vectors and position[-1:] == (0,))


def poison_one_by_one(case, name, tried):
    """Every function must say NaN or infinity of what it cannot know, and of that alone."""
    c = np.full(ROWS, 0.7)
    good = case(case.arrays.values(), c)
    for argument, position, bad, is_read in tried:
        whole = argument in POINTS  # of which no entry alone can move
        other = case(moved_a_little(case.arrays, argument, position[:-1] if whole else position).values(), c)
        with np.errstate(all="raise"):
            results = case(replaced(case.arrays, argument, position, bad).values(), c)
        for k, (result, desired, changed) in enumerate(zip(results, good, other, strict=True)):
            where = f"{argument}{list(position)} = {bad}, output {k}"
            rest = np.arange(ROWS) != BAD_ROW
            np.testing.assert_array_equal(result[rest], desired[rest], err_msg=where)
            got, was, moved = result[BAD_ROW], desired[BAD_ROW], changed[BAD_ROW]
            if result.dtype.kind != "f" or (not is_read and np.array_equal(got, was)):
                continue
            kept = np.isfinite(got)
            assert np.all(~kept | ((got == was) & (got == moved))), where
            if not name.endswith("_vjp") and got.ndim == 1 and (was != moved).any():
                assert not kept[int(name.startswith("lorentz")) :].any(), where


@pytest.mark.parametrize("name", NAMES)
def test_what_is_not_finite_poisons_what_depends_on_it_alone(name, rng):
    case = case_of(name, rng)
    poison_one_by_one(case, name, poisoned(case, name))


def through(xp, case):
    """The same case on arrays of another library."""

    def call(arrays, c):
        with np.errstate(all="ignore"):  # of NumPy, on which that library may compute
            return case.call([xp.asarray(a) for a in arrays], xp.asarray(c))

    return replace(case, call=call)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("backend", [Backend.ARRAY_API_STRICT, pytest.param(Backend.TORCH, marks=pytest.mark.slow)])
def test_formulas_are_poisoned_alike(name, backend, rng):
    case = through(backend.library(), case_of(name, rng))
    tried = list(poisoned(case, name))
    if backend is not Backend.TORCH:  # one entry of each argument, and one value; PyTorch tries all
        by_argument = {}
        for one in tried:
            by_argument.setdefault(one[0], []).append(one)
        tried = [choices[rng.integers(len(choices))] for choices in by_argument.values()]
    poison_one_by_one(case, name, tried)


@pytest.mark.parametrize("name", [name for name in NAMES if not name.endswith("_vjp") and name != "lorentz.rotation"])
@pytest.mark.parametrize("backend", [Backend.NUMPY, pytest.param(Backend.TORCH, marks=pytest.mark.slow)])
def test_whole_rows_are_poisoned_at_the_origin(backend, name, rng):
    """There a formula may multiply what is not finite by nothing."""
    case, c = case_of(name, rng), np.full(ROWS, 0.7)
    if backend is not Backend.NUMPY:
        case = through(backend.library(), case)
    for argument, a in case.arrays.items():
        is_point, is_time = argument in POINTS, argument in case.points
        if argument not in ("w", "p", "a", "scale") and not (argument == "z" and "mlr" not in name):
            a[BAD_ROW] = 0
        if is_point and is_time:
            a[BAD_ROW, ..., 0] = 1 / np.sqrt(0.7)
    for argument, position, bad, is_read in poisoned(case, name):
        results = case(replaced(case.arrays, argument, position, bad).values(), c)
        if "exp_transport" in name and argument == "u":
            results = results[1:]  # the point does not depend on it
        for result in results:
            got = result[BAD_ROW]
            if is_read and result.dtype.kind == "f" and (got.ndim < 2 or "midpoint" in name):
                space = got[int(name.startswith("lorentz")) :] if got.ndim else got
                assert not np.isfinite(space).any(), (argument, position, bad)


# --- functions made of row functions: what tests/test_rows.py asks of those -------------------------------


def composite(name, rng):
    case = case_of(name, rng)
    return case, list(case.arrays), list(case.arrays.values())


WITH_ARRAYS = [*COMPOSITE, "lorentz.rotation"]


@pytest.mark.parametrize("name", WITH_ARRAYS)
def test_rejected_dtypes(name, rng):
    case, names, arrays = composite(name, rng)
    for k in range(len(names)):
        for dtype in (np.complex128, np.bool_, object, "U3", np.float16):
            bad = list(arrays)
            bad[k] = bad[k].astype(dtype)
            with pytest.raises(TypeError):
                case(bad)
    if case.has_c:
        for c in (True, 1j, "1", None, np.ones(ROWS, bool), np.ones(ROWS, complex), np.ones(ROWS, object)):
            with pytest.raises(TypeError):
                case(arrays, c)


@pytest.mark.parametrize("name", WITH_ARRAYS)
def test_rejected_shapes(name, rng):
    case, names, arrays = composite(name, rng)
    free = ("concat", "boost_matrix", "midpoint", "centroid", "frechet_mean")  # points of any dimension
    for k, a in enumerate(arrays):
        shapes = [(ROWS + 1, *a.shape[1:])] if len(arrays) > 1 else []
        if a.ndim > 1:
            shapes.append(())
            if names[k] != "w":
                shapes.append((*a.shape[:-1], 0))
            if names[k] == "w" or name.partition(".")[2] not in free:
                shapes.append((*a.shape[:-1], a.shape[-1] + 1))
        for shape in shapes:
            if names[k] == "scale" and shape == ():  # one for all
                continue
            bad = list(arrays)
            bad[k] = np.full(shape, 0.1)
            with pytest.raises(ValueError):  # noqa: PT011
                case(bad)
    if case.has_c:
        with pytest.raises(ValueError):  # noqa: PT011
            case(arrays, np.full(ROWS + 1, 0.7))


@pytest.mark.parametrize("name", COMPOSITE)
def test_rejected_curvatures(name, rng):
    case, _, arrays = composite(name, rng)
    for c in (-1.0, -1e-300, np.nan, np.inf, np.float64(-1), np.array(-1.0), *([0.0, 0] if "lorentz" in name else [])):
        with pytest.raises(ValueError, match=r"\bc needs to be"):
            case(arrays, c)


@pytest.mark.parametrize("name", COMPOSITE)
def test_bad_curvatures_of_rows(name, rng):
    case, _, arrays = composite(name, rng)
    c = np.full(ROWS, 0.7)
    good = case(arrays, c)
    for bad in (-1.0, np.nan, np.inf, *([0.0] if "lorentz" in name else [])):
        c[BAD_ROW] = bad
        with np.errstate(all="raise"):
            results = case(arrays, c)
        for result, desired in zip(results, good, strict=True):
            rest = np.arange(ROWS) != BAD_ROW
            np.testing.assert_array_equal(result[rest], desired[rest])
            if result.dtype.kind == "f":
                assert np.isnan(result[BAD_ROW]).all()


@pytest.mark.parametrize("name", WITH_ARRAYS)
def test_no_rows(name, rng):
    case, _, arrays = composite(name, rng)
    c = np.full(ROWS, 0.7)
    for result, desired in zip(case([a[:0] for a in arrays], c[:0]), case(arrays, c), strict=True):
        assert result.shape == (0, *desired.shape[1:])
        assert result.dtype == desired.dtype


@pytest.mark.parametrize("name", WITH_ARRAYS)
def test_arrays_of_any_layout_are_read_and_not_written_to(name, rng):
    case, _, arrays = composite(name, rng)
    desired = case(arrays)
    spread = []
    for a in arrays:
        memory = np.full((*a.shape, 2), np.nan)[::-1]
        memory[..., 0] = a
        spread.append(memory[..., 0])
        spread[-1].flags.writeable = False
    for result, expected in zip(case(spread), desired, strict=True):
        np.testing.assert_allclose(result, expected, rtol=1e-13, atol=1e-14)
    for a, b in zip(spread, arrays, strict=True):
        np.testing.assert_array_equal(a, b)
    one = [np.broadcast_to(a[:1], a.shape) for a in arrays]  # zero strides, read-only
    if "random" not in name:
        first = case([a[:1] for a in arrays], np.full(1, 0.7))
        for result, expected in zip(case(one, np.full(ROWS, 0.7)), first, strict=True):
            np.testing.assert_allclose(result, np.broadcast_to(expected, result.shape), rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("name", WITH_ARRAYS)
def test_dtype_of_results(name, rng):
    case, _, arrays = composite(name, rng)
    for dtype in (np.float32, np.float64):
        for result in case([a.astype(dtype) for a in arrays], np.full(ROWS, 0.7, dtype)):
            assert result.dtype == dtype or result.dtype.kind in "ib"
    lists = case([a.tolist() for a in arrays])
    for result, desired in zip(lists, case(arrays), strict=True):
        np.testing.assert_array_equal(result, desired)


@pytest.mark.parametrize("name", [name for name in COMPOSITE if name.endswith("_vjp")])
def test_cotangents_of_what_rows_share_are_sums(name, rng):
    """Also where the curvature alone has rows."""
    case, c = case_of(name, rng), np.full(ROWS, 0.7)
    cotangents = len(case.arrays) - len(case_of(name.removesuffix("_vjp"), rng).arrays)
    arrays = list(case.arrays.values())
    shared = [a if i < cotangents else a[0] for i, a in enumerate(arrays)]
    full = [a if i < cotangents else np.broadcast_to(a[0], a.shape) for i, a in enumerate(arrays)]
    for got, each, argument in zip(case(shared, c), case(full, c), [*shared[cotangents:], c], strict=True):
        assert got.shape == argument.shape
        desired = each if argument is c else each.sum(axis=0)
        np.testing.assert_allclose(got, desired, rtol=1e-10, atol=1e-12)
