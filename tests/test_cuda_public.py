"""The public functions on CuPy arrays: results stay on the GPU of the arguments, and nothing is copied to or from it.

Without a GPU they run on a stand-in for CuPy, whose kernels are those of the emulation (cuda_host/strict_cupy.py).
"""

import importlib

import numpy as np
import pytest
from cuda_host import strict_cupy
from cuda_host.cases import draw

import hypergeom.lorentz
import hypergeom.poincare
from hypergeom._pairs import pair_ops
from hypergeom._rows import row_ops

SPACES = {"poincare": hypergeom.poincare, "lorentz": hypergeom.lorentz}
CURVATURE = 0.7


@pytest.fixture(scope="module")
def cupy():
    with strict_cupy.installed() as module:
        yield module


def each(f, value):
    """f on the arrays in a structure of tuples and lists."""
    if isinstance(value, (tuple, list)):
        return type(value)(each(f, a) for a in value)
    return f(value) if hasattr(value, "shape") else value


def arrays_in(result):
    if isinstance(result, (tuple, list)):
        return [a for part in result for a in arrays_in(part)]
    return arrays_in(tuple(result)) if hasattr(result, "__dataclass_fields__") else [result]


def put(cupy, value):
    with strict_cupy.transfers():
        return each(cupy.asarray, value)


def points(space, rng, *shape, d=3):
    x = rng.normal(size=(*shape, d)) / 5
    return np.concatenate([np.sqrt(1 / CURVATURE + (x * x).sum(-1, keepdims=True)), x], -1) if space == "lorentz" else x


def run_on_both(cupy, f, args, keywords=None):
    """The transfers of f on the GPU, after a comparison of its results with those of NumPy."""
    keywords = keywords or {}
    expected = arrays_in(f(*args, **keywords))
    on_gpu = put(cupy, list(args)), dict(zip(keywords, put(cupy, list(keywords.values())), strict=True))
    with strict_cupy.transfers() as log:
        found = arrays_in(f(*on_gpu[0], **on_gpu[1]))
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert type(a) is cupy.ndarray
        assert (a.shape, a.dtype) == (np.shape(b), np.asarray(b).dtype)
        scale = np.abs(np.nan_to_num(b)).max(initial=1e-300)
        np.testing.assert_allclose(a.host, b, rtol=0, atol=(1e-11 if a.dtype == np.float64 else 1e-5) * scale)
    return log


# --- functions of rows and pairs ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", [name for name, op in row_ops.items() if not op.groups])
def test_row_functions_copy_nothing(name, dtype, cupy):
    op, rng = row_ops[name], np.random.default_rng(3)
    args, c = draw(op, dtype, 4, 9, rng)
    f = getattr(importlib.import_module(f"hypergeom.{op.space}.{op.chapter}"), op.body.__name__)
    for last in (c, CURVATURE, np.asarray(CURVATURE)):
        assert run_on_both(cupy, f, [*args, last]) == []
    if op.vjp:  # cotangents of an argument that was broadcast are summed on the GPU
        assert run_on_both(cupy, f, [*args[:-1], args[-1][:1], CURVATURE]) == []


@pytest.mark.parametrize("name", pair_ops)
def test_functions_of_pairs_copy_nothing(name, cupy):
    op, rng = pair_ops[name], np.random.default_rng(3)
    x, y, g = points(op.space, rng, 2, 7), points(op.space, rng, 5), rng.normal(size=(2, 7, 5))
    f = getattr(SPACES[op.space], op.name)
    for c in (CURVATURE, np.asarray([0.7, 0.6])):
        assert run_on_both(cupy, f, [*([g] if op.vjp else []), x, y, c]) == []


# --- functions made from them ---------------------------------------------------------------------------------------


def composites(space):
    """Arguments of every public function that is neither a row function nor one of pairs."""
    rng = np.random.default_rng(5)
    f, c = SPACES[space], CURVATURE
    x, y, g = points(space, rng, 4, 6), points(space, rng, 4, 6), rng.normal(size=points(space, rng, 4).shape)
    w, scale = rng.uniform(0.5, 1, 6), rng.uniform(0.5, 1, 3)
    z, r, of_logits = rng.normal(size=(5, 3)), rng.normal(size=5), rng.normal(size=(4, 6, 5))
    tangent = rng.normal(size=x.shape)
    cases = {
        "concat": ([x, y], c),
        "concat_vjp": (rng.normal(size=f.concat([x, y], c).shape), [x, y], c),
        "split": (x, (1, 2), c),
        "split_vjp": ([rng.normal(size=a.shape) for a in f.split(x, (1, 2), c)], x, (1, 2), c),
        "midpoint": (x, w, c),
        "midpoint_vjp": (g, x, w, c),
        "frechet_mean": (x, w, c),
        "frechet_mean_vjp": (g, x, w, c),
        "mlr": (x, z, r, c),
        "mlr_vjp": (of_logits, x, z, r, c),
        "project": (x, c),
        "random_normal": (x, scale, c),
        "wrapped_normal_logpdf": (x, y, scale, c),
        "wrapped_normal_logpdf_vjp": (rng.normal(size=(4, 6)), x, y, scale, c),
    }
    if space == "poincare":
        m = rng.normal(size=(2, 3))
        cases |= {"mobius_matvec": (m, x, c), "mobius_matvec_vjp": (rng.normal(size=(4, 6, 2)), m, x, c)}
    else:
        cases |= {"boost_matrix": (x, c), "rotation": (tangent[..., 1:], x[..., 1:])}
        cases |= {"centroid": (x, w, c), "centroid_vjp": (g, x, w, c)}
    return cases


# What documents a copy, and how large each of its copies may be.
COPIES = {
    "random_normal": [("to GPU", 4 * 6 * 3)],  # drawn by NumPy's generator
    # An iteration ends in the question whether all means have converged.
    "frechet_mean": {("to host", 1)},
    "frechet_mean_vjp": {("to host", 1)},
}
ON_THE_HOST = {"random_uniform", "FrechetMean", "Horo"}  # gives NumPy arrays; classes of results


@pytest.mark.parametrize("space", SPACES)
def test_every_public_function_is_in_a_list(space):
    assert composites(space).keys() | ON_THE_HOST == {
        name
        for name in SPACES[space].__all__
        if f"{space}.{name}" not in pair_ops
        and (f"{space}.{name}" not in row_ops or row_ops[f"{space}.{name}"].groups or name == "project")
    } | ({"project"} if space == "lorentz" else set())


@pytest.mark.parametrize(("space", "name"), [(space, name) for space in SPACES for name in composites(space)])
def test_composed_functions_copy_nothing_but_what_is_documented(space, name, cupy):
    f, args = getattr(SPACES[space], name), composites(space)[name]
    keywords = {"rng": 7} if name == "random_normal" else {}
    for last in (args[-1], np.asarray(args[-1])) if name != "rotation" else (args[-1],):
        log = run_on_both(cupy, f, [*args[:-1], last], keywords)
        documented = COPIES.get(name, [])
        assert (log == documented) if isinstance(documented, list) else (set(log) <= documented and 0 < len(log) < 20)
