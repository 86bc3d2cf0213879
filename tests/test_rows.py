"""The seam: all twins of all row functions agree, and the conventions hold for each of them."""

import doctest
import functools
import importlib.util
import inspect
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from backends import Backend, host

from hypergeom import _cuda, _threads, lorentz, poincare
from hypergeom._core import gufuncs
from hypergeom._rows import row_ops

SPACES = {"poincare": poincare, "lorentz": lorentz}
ROWS = 11
GROUP = 5  # rows of a group, for functions of groups
FORWARD = [name for name, op in row_ops.items() if not op.vjp]
VJPS = [name for name, op in row_ops.items() if op.vjp]


def runner(backend):
    """A function (op, args, c) -> tuple of NumPy arrays; all arguments have the full batch shape.

    The reference is the gufunc on contiguous rows; NumPy is it on others.
    """
    if backend is Backend.CUDA_HOST:
        call = emulated_call()
        return lambda op, args, c: as_tuple(call(op, args, c))
    if backend is Backend.NUMPY:
        return lambda op, args, c: as_tuple(function(op)(*map(scattered, args), scattered(c)))
    xp = backend.library()
    return lambda op, args, c: tuple(map(host, as_tuple(function(op)(*map(xp.asarray, args), xp.asarray(c)))))


@functools.cache
def emulated_call():
    """`hypergeom._cuda.call` on the host emulation of CUDA."""
    source = Path(__file__).parent / "cuda_host" / "emulation.py"
    spec = importlib.util.spec_from_file_location("cuda_host_emulation", source)
    emulation = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(emulation)
    return emulation.emulated_call


def function(op):
    return getattr(sys.modules[op.body.__module__], op.body.__name__)


def as_tuple(results):
    return results if isinstance(results, tuple) else (results,)


def scattered(a):
    """The same array, read-only, backwards in memory and with gaps between its entries."""
    memory = np.full((*a.shape, 3), np.nan, a.dtype)[::-1]
    memory[..., 1] = a
    view = memory[..., 1]
    view.flags.writeable = False
    return view


def example(op, rng, d=3, dtype=np.float64, rows=ROWS):
    """Arguments of a row function by their names, points inside the domain; and one curvature a row."""
    points = ("x", "y", "u", "v") if op.name.startswith("gyration") else ("x", "y", "p")
    c = rng.uniform(0.5, 2, rows).astype(dtype).astype(float)
    args = []
    for name, axes in zip(op.arguments[:-1], op.inputs[:-1], strict=True):
        a = rng.normal(size=(rows, *core_shape(axes, d)))
        one, k = (*a.shape[:-1], 1), np.reshape(c, (-1,) + (1,) * (a.ndim - 1))
        if name == "margin" or axes == "m":
            a = rng.uniform(0.1, 0.9, a.shape)
        elif name == "t":
            a = rng.uniform(-1, 2, rows)
        elif name == "p" and op.chapter == "horospheres":  # an ideal point
            a /= np.linalg.norm(a, axis=1, keepdims=True)
        elif name in points and axes[-1] == "d":
            a *= rng.uniform(0.1, 0.9, one) / np.sqrt(k) / np.linalg.norm(a, axis=-1, keepdims=True)
        elif name in points:  # from the apex to R = 4
            a *= np.sinh(4 * rng.uniform(size=one) ** 2) / np.linalg.norm(a[..., 1:], axis=-1, keepdims=True)
            a = lorentz.project(a, k[..., 0])
        elif name == "k":  # of the Klein ball
            a *= rng.uniform(0.1, 0.9, one) / np.sqrt(k) / np.linalg.norm(a, axis=-1, keepdims=True)
        elif name == "z":  # of the half-space
            a[:, -1] = rng.uniform(0.2, 3, rows)
        elif name == "v":
            # A formula in plain sums knows how near the rim a step ends, but not how near a point is.
            a *= 10 ** rng.uniform(-3, -1 if op.name.startswith("exp_transport") else 0, (rows, 1))
        args.append(a.astype(dtype))
    return args, c


def core_shape(axes, d):
    return tuple({"d": d, "n": d + 1, "m": GROUP}[axis] for axis in axes)


def assert_close(actual, desired, eps):
    """Norm-wise, over the whole batch."""
    assert actual.shape == desired.shape
    assert np.linalg.norm(actual.astype(float) - desired) <= eps * np.linalg.norm(desired.astype(float))


def assert_rows_close(actual, desired, eps):
    """Norm-wise, over each row; what terms of the size of 1 cancel to is known to their rounding."""
    assert np.shape(actual) == np.shape(desired)
    for a, b in zip(np.asarray(actual, float), np.asarray(desired, float), strict=True):
        assert np.linalg.norm(a - b) <= eps * max(np.linalg.norm(b), 0.01)


def assert_equal(actual, desired):
    """All outputs, bit for bit."""
    for a, b in zip(as_tuple(actual), as_tuple(desired), strict=True):
        np.testing.assert_array_equal(a, b)


def dtype_of(results):
    """The one dtype of all outputs."""
    (dtype,) = {result.dtype for result in as_tuple(results)}
    return dtype


def table():
    """Signatures of all tables by space, chapter and name."""
    folder = _cuda.source_folders()[0] / "hypergeom"
    return {
        (path.parent.name, path.stem, name): signature
        for path in folder.glob("*/*.def")
        for name, signature in re.findall(r'^HG_(?:ROW|GROUP)_OP\((\w+), "(.+)"\)', path.read_text(), re.M)
    }


def test_every_line_of_the_table_has_its_declaration_and_its_gufunc():
    assert table() == {(op.space, op.chapter, op.name): op.signature for op in row_ops.values()}
    compiled = {name: f for name, f in vars(gufuncs).items() if isinstance(f, np.ufunc)}
    assert {name: f.signature for name, f in compiled.items()} == {
        f"{space}_{name}": signature for (space, _, name), signature in table().items()
    }
    for f in compiled.values():
        assert [types.partition("->")[0][-1] for types in f.types] == ["d", "d"]  # c is float64


def test_every_function_is_differentiable_but_the_projections():
    assert {name for name in FORWARD if not row_ops[name].differentiable} == {
        "poincare.project",
        "poincare.project_tangent",
        "lorentz.project",
        "lorentz.project_tangent",
    }
    for name in VJPS:
        op, of = row_ops[name], row_ops[name.removesuffix("_vjp")]
        assert op.inputs == of.outputs + of.inputs
        assert op.outputs == of.inputs


def test_every_function_is_public_and_documented():
    for name, op in row_ops.items():
        module, public = SPACES[op.space], getattr(SPACES[op.space], op.name)
        assert op.name in module.__all__, name
        assert "Examples\n    --------\n    >>>" in public.__doc__, name
        assert inspect.signature(public).parameters["c"].default == 1.0


CHAPTERS = sorted({op.body.__module__ for op in row_ops.values()})


@pytest.mark.parametrize("module", [*(sys.modules[name] for name in CHAPTERS), _threads], ids=lambda m: m.__name__)
def test_examples(module):
    failed, attempted = doctest.testmod(module)
    assert attempted > 0
    assert failed == 0


@pytest.mark.parametrize("name", row_ops)
@pytest.mark.parametrize("backend", Backend)
def test_twins_agree(backend, name, rng):
    run, op = runner(backend), row_ops[name]
    for d in (1, 2, 7, 8, 33, 70) if backend in (Backend.NUMPY, Backend.CUDA_HOST) else (1, 3, 20):
        for dtype, eps in ((np.float64, 1e-12), (np.float32, 1.2e-7)):
            args, c = example(op, rng, d, dtype)
            desired, actual = as_tuple(op.gufunc(*args, c)), run(op, args, c.astype(dtype))
            assert len(actual) == len(desired) == len(op.outputs)
            for k, (a, b) in enumerate(zip(actual, desired, strict=True)):
                of_c = op.vjp and k == len(desired) - 1
                if backend is Backend.CUDA_HOST:
                    assert a.dtype == (np.float64 if of_c else dtype)
                else:
                    assert a.dtype == dtype
                # the sum over c may cancel in a row, but not to nothing
                assert_rows_close(a, b, 1e-6 if of_c else eps)


@pytest.mark.parametrize("name", FORWARD)
def test_dtypes(name, rng):
    op = row_ops[name]
    f, (args, c) = function(op), example(op, rng)

    singles = [a.astype(np.float32) for a in args]
    assert dtype_of(f(*args)) == np.float64
    assert dtype_of(f(*singles)) == np.float32
    assert dtype_of(f(*singles, 1)) == np.float32
    assert dtype_of(f(*singles, c.astype(np.float32))) == np.float32
    assert dtype_of(f(*singles, c)) == np.float64
    if len(args) > 1:
        assert dtype_of(f(args[0], *singles[1:])) == np.float64
    zeros = [np.zeros_like(a, dtype=np.int16) for a in args]
    if op.space == "lorentz" and op.inputs[0][-1:] == "n":
        zeros[0][..., 0] = 1
    if "m" in op.inputs:
        zeros[op.inputs.index("m")][:] = 1
    assert dtype_of(f(*zeros)) == np.float64
    assert_equal(f(*zeros), f(*(a.astype(float) for a in zeros)))
    assert_equal(f(*(a.astype(a.dtype.newbyteorder()) for a in args)), f(*args))
    assert_equal(f(*(a.tolist() for a in args)), f(*args))


@pytest.mark.parametrize("name", VJPS)
def test_cotangents_have_the_shapes_and_dtypes_of_their_arguments(name, rng):
    op = row_ops[name]
    f, n = function(op), len(op.outputs) - 1  # arguments besides the cotangents and c
    stack = [example(op, rng, rows=4) for _ in range(3)]
    args, c = [np.stack(a) for a in zip(*(s[0] for s in stack), strict=True)], np.full((3, 4), 0.5)
    g, points = args[: op.cotangents], args[op.cotangents :]
    rows = f(*args, c)
    for k in range(n):
        # the k-th argument is shared by the first batch axis, c by the second
        shared = [p[0] if i == k else p for i, p in enumerate(points)]
        full = [np.broadcast_to(p, q.shape) for p, q in zip(shared, points, strict=True)]
        desired, actual = f(*g, *full, c), f(*g, *shared, c[:, :1])
        for i, (a, b) in enumerate(zip(actual[:-1], desired[:-1], strict=True)):
            assert_close(a, b.sum(axis=0) if i == k else b, 1e-14)
        assert actual[-1].shape == (3, 1)
        assert_close(actual[-1], desired[-1].sum(axis=1, keepdims=True), 1e-13)
    total = f(*args, 0.5)[-1]
    assert isinstance(total, np.ndarray)
    assert total.shape == ()
    assert_close(total, rows[-1].sum(), 1e-13)
    np.testing.assert_array_equal(f(*args, np.array(0.5))[-1], total)

    single = f(*g, *(p.astype(np.float32) for p in points), c.astype(np.float32))
    assert [bar.dtype for bar in single] == [np.float32] * (n + 1)
    axes = op.inputs[op.cotangents :]
    integer = f(
        *g,
        *(
            np.round(p * 0).astype(int) + ((np.arange(p.shape[-1]) == 0) & (core[-1:] == "n") | (core == "m"))
            for p, core in zip(points, axes, strict=False)
        ),
    )
    assert [bar.dtype for bar in integer] == [np.float64] * (n + 1)


def test_a_long_sum_of_float32_cotangents_keeps_its_digits():
    v = np.full((200_000, 1), 0.1, np.float32)
    g = np.ones((200_000, 1), np.float32)
    bar, _ = poincare.exp0_vjp(g, np.full((1, 1), 0.1, np.float32))
    np.testing.assert_allclose(bar[0, 0], 200_000 * poincare.exp0_vjp(g[:1], v[:1])[0][0, 0], rtol=3e-7)


@pytest.mark.parametrize("name", FORWARD)
def test_out(name, rng):
    op = row_ops[name]
    f, (args, c) = function(op), example(op, rng)
    desired = as_tuple(f(*args, c))

    def write(outputs, *args):
        """The outputs, through `out`, which is an array or a tuple of as many as there are outputs."""
        out = tuple(outputs) if len(outputs) > 1 else outputs[0]
        assert all(a is b for a, b in zip(as_tuple(f(*args, c, out=out)), outputs, strict=True))
        return tuple(outputs)

    assert_equal(write(tuple(np.full_like(a, np.nan) for a in desired), *args), desired)
    strided = [np.full((*a.shape, 2), np.nan) for a in desired]
    assert_equal(write([a[..., 0] for a in strided], *args), desired)
    assert all(np.isnan(a[..., 1]).all() for a in strided)
    for k, a in enumerate(args):  # in place, whole and shifted by a row
        if len(desired) == 1 and a.shape == desired[0].shape:
            own = [b.copy() for b in args]
            assert_equal(write([own[k]], *own), desired)
            longer = np.concatenate([a, a[:1]])
            own = [longer[:-1] if i == k else b for i, b in enumerate(args)]
            assert_equal(write([longer[1:]], *own), desired)
    with pytest.raises(ValueError, match=r"shape|dimension|vectors"):
        write([np.empty(7)] * len(desired), *args)
    with pytest.raises(TypeError, match="cast"):
        write([np.empty(a.shape, int) for a in desired], *args)


@pytest.mark.parametrize("name", row_ops)
def test_inputs_are_broadcast_and_never_written_to(name, rng):
    op = row_ops[name]
    f, (args, c) = function(op), example(op, rng)
    for a in args:
        a.flags.writeable = False
    one = [np.broadcast_to(a[:1], a.shape) for a in args]  # zero strides
    for whole, single in zip(
        as_tuple(f(*one, np.full(ROWS, c[0]))), as_tuple(f(*(a[0] for a in args), c[:1])), strict=True
    ):
        np.testing.assert_array_equal(whole, np.broadcast_to(single, whole.shape))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_scalar_that_numpy_returns_for_one_row_goes_straight_to_the_gufunc(dtype, monkeypatch):
    x, y = np.asarray([0.1, 0.2], dtype=dtype), np.asarray([0.3, -0.2], dtype=dtype)
    g, t = np.float64(0.7), np.float64(0.3)
    slow = poincare.dist_vjp(np.asarray(g), x, y), poincare.geodesic(x, y, np.asarray(t))
    monkeypatch.setattr("hypergeom._rows._dispatch", None)
    direct = poincare.dist_vjp(g, x, y), poincare.geodesic(x, y, t)
    for a, b in zip((*direct[0], direct[1]), (*slow[0], slow[1]), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", row_ops)
def test_no_rows(name, rng):
    op = row_ops[name]
    args, c = example(op, rng, rows=0)
    for result, axes in zip(as_tuple(function(op)(*args, c)), op.outputs, strict=True):
        assert result.shape == (0, *core_shape(axes, 3))
        assert result.dtype == np.float64


@pytest.mark.parametrize("name", row_ops)
def test_results_do_not_depend_on_batch_position_or_alignment(name, rng):
    op = row_ops[name]
    for d in (2, 13, 40):
        args, c = example(op, rng, d)
        whole = as_tuple(op.gufunc(*args, c))
        moved = [np.empty(a.size + 1)[1:].reshape(a.shape) for a in args]
        for a, b in zip(moved, args, strict=True):
            a[:] = b
        for result in (
            op.gufunc(*moved, c),
            [
                np.stack(r)
                for r in zip(*(as_tuple(op.gufunc(*(a[i] for a in args), c[i])) for i in range(ROWS)), strict=True)
            ],
        ):
            for a, b in zip(as_tuple(result) if not isinstance(result, list) else result, whole, strict=True):
                np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("name", row_ops)
def test_nan_rows_raise_no_warning(name, rng):
    op = row_ops[name]
    args, c = example(op, rng)
    args = [np.full_like(a, np.nan) for a in args[:-1]] + [np.full_like(args[-1], 1e200)]
    with np.errstate(all="raise"):
        results = as_tuple(function(op)(*args, c))
    # the domain of these is the whole space
    whole = ("project", "exp0", "exp0_vjp", "time", "time_vjp", "from_spatial", "from_spatial_vjp")
    far_point = name.startswith("lorentz.") and len(args) == 1 + op.vjp  # a single vector, at 1e200 a point as others
    if name.partition(".")[2] not in whole and not far_point:
        assert all(np.isnan(r).all() for r in results)


@pytest.mark.parametrize("name", row_ops)
def test_rejected_dtypes(name, rng):
    op = row_ops[name]
    f, (args, c) = function(op), example(op, rng)
    for k, argument in enumerate(op.arguments):
        for dtype in (np.complex128, np.bool_, np.float16, np.longdouble, object, "U3"):
            bad = [*args, c]
            bad[k] = bad[k].astype(dtype)
            with pytest.raises(TypeError, match=f"^{name}: {argument} needs dtype float32, float64 .* got "):
                f(*bad)
    for c in (True, 1j, "1", None):
        with pytest.raises(TypeError, match=f"^{name}: c needs dtype"):
            f(*args, c)


@pytest.mark.parametrize("name", row_ops)
def test_rejected_shapes(name, rng):
    op = row_ops[name]
    f, (args, c) = function(op), example(op, rng)
    vectors = [k for k, axis in enumerate(op.inputs) if axis]
    for k in vectors:
        for shape in ((), (ROWS, 0), (ROWS, 9), (ROWS + 1, args[k].shape[-1])):
            if len(vectors) == 1 and shape == (ROWS, 9):
                continue
            bad = list(args)
            bad[k] = np.zeros(shape)
            with pytest.raises(
                ValueError, match=rf"^{name}: shapes .*{op.arguments[k]} {re.escape(str(shape))}.* do not fit"
            ):
                f(*bad, c)
            if len(vectors) > 1 or len(shape) < 2 or shape[1] == 0:
                with pytest.raises(ValueError, match=f"^{name}: shapes "):
                    f(*bad, 1.0)
    with pytest.raises(ValueError, match=rf"c \({ROWS + 1},\).* do not fit"):
        f(*args, np.ones(ROWS + 1))
    with pytest.raises(ValueError, match="d >= 1"):
        f(*(np.zeros(int(axis == "n")) if axis else 0.5 for axis in op.inputs[:-1]))


@pytest.mark.parametrize("name", row_ops)
def test_rejected_curvatures(name, rng):
    op = row_ops[name]
    f, (args, _) = function(op), example(op, rng)
    for c in (-1, -1e-300, np.nan, np.inf, np.float64(-1), np.array(-1.0)) + (() if op.flat else (0, 0.0)):
        with pytest.raises(ValueError, match=f"^{name}: c needs to be finite and >=? 0, got"):
            f(*args, c)
    if op.flat:
        f(*args, 0)


@pytest.mark.parametrize("name", row_ops)
def test_rejected_calls(name, rng):
    op = row_ops[name]
    f, (args, c) = function(op), example(op, rng)
    for bad, options in (
        (args[1:], {}),
        ((), {}),
        ((*args, c, c), {}),
        ((*args, c), {"c": c}),
        (args, {"bogus": 1}),
        ((), dict(zip(op.arguments, args, strict=False))),
    ):
        with pytest.raises(TypeError):
            f(*bad, **options)
    if op.vjp:
        with pytest.raises(TypeError):
            f(*args, out=np.empty_like(args[0]))


def test_arrays_of_two_libraries_are_rejected(rng):
    xp = pytest.importorskip("array_api_strict")
    x = np.array([0.1, 0.2])
    for args in ((x, xp.asarray(x)), (xp.asarray(x), x), (xp.asarray(x), [0.1, 0.2])):
        with pytest.raises(TypeError, match=r"arrays of one library, got .* of type .* beside array_api_strict"):
            poincare.dist(*args)
    with pytest.raises(TypeError, match=r"got c of type numpy\.ndarray"):
        poincare.dist0(xp.asarray(x), np.ones(3))
    with pytest.raises(TypeError, match="out= is for NumPy arrays"):
        poincare.dist0(xp.asarray(x), out=np.empty(()))
    assert float(poincare.dist0(xp.asarray(x), np.float64(0.5))) == poincare.dist0(x, 0.5)


@pytest.mark.parametrize("name", FORWARD)
def test_scalars_of_other_libraries(name, rng):
    xp = pytest.importorskip("array_api_strict")
    op = row_ops[name]
    f, (args, _) = function(op), example(op, rng, dtype=np.float32)
    for c in (0.5, np.float32(0.25), *([0] if op.flat else [])):  # at most that of the points
        for result, desired in zip(as_tuple(f(*map(xp.asarray, args), c)), as_tuple(f(*args, c)), strict=True):
            assert result.dtype == xp.float32
            assert_close(np.asarray(result), desired, 1.2e-7)


@pytest.mark.parametrize("name", [name for name in FORWARD if row_ops[name].differentiable])
def test_autograd_through_the_formula_is_the_vjp(name, rng):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    op = row_ops[f"{name}_vjp"]
    args, c = example(op, rng)
    cotangents, args = args[: op.cotangents], args[op.cotangents :]
    leaves = [torch.tensor(a, requires_grad=True) for a in (*args, c)]
    torch.autograd.backward(as_tuple(function(row_ops[name])(*leaves)), [torch.tensor(g) for g in cotangents])
    for leaf, bar in zip(leaves, function(op)(*cotangents, *args, c), strict=True):
        assert_close(leaf.grad.numpy() if leaf.grad is not None else 0 * bar, bar, 1e-10)


@pytest.mark.parametrize("name", [name for name in FORWARD if row_ops[name].differentiable])
@pytest.mark.parametrize("c", [0.0, 0.5])
def test_autograd_is_finite_at_coincident_points_and_the_origin(name, c, rng):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    op = row_ops[name]
    if c == 0 and not op.flat:
        pytest.skip("the hyperboloid has no flat limit")
    args, _ = example(op, rng)
    first = next(k for k, axes in enumerate(op.inputs) if axes)
    for scale in (0.0, 1e-200, 1.0):
        y = scale * args[first]
        if op.inputs[first][-1:] == "n":
            y = lorentz.project(y, c)
        if op.arguments[first] == "z":  # from the half-space's image of the origin on
            y[:, -1] += 1 - scale
        kept = {"p", "a", "t"}  # normals, ideal points, numbers
        leaves = [
            y if k == first or name in ("x", "y") else a if name in kept or axes == "m" else 0 * a
            for k, (name, axes, a) in enumerate(zip(op.arguments[:-1], op.inputs[:-1], args, strict=True))
        ]
        leaves = [torch.tensor(a, requires_grad=True) for a in (*leaves, np.full(ROWS, c))]
        sum(result.sum() for result in as_tuple(function(op)(*leaves))).backward()
        assert all(leaf.grad is None or torch.isfinite(leaf.grad).all() for leaf in leaves)
