"""The public functions on CuPy arrays: results stay on the GPU of the arguments, and nothing is copied to or from it.

Without a GPU they run on a stand-in for CuPy, whose kernels are those of the emulation (cuda_host/strict_cupy.py).
"""

import importlib
import re

import numpy as np
import pytest
from cuda_host import strict_cupy
from cuda_host.both_sides import each, host, is_stand_in, put, run_on_both
from cuda_host.cases import cupy_on_a_gpu, draw

import hypergeom.lorentz
import hypergeom.poincare
from hypergeom import manifolds
from hypergeom._pairs import pair_ops
from hypergeom._rows import row_ops

SPACES = {"poincare": hypergeom.poincare, "lorentz": hypergeom.lorentz}
CURVATURE = 0.7


@pytest.fixture(scope="module", params=["stand-in", pytest.param("gpu", marks=pytest.mark.gpu)])
def cupy(request):
    if request.param == "gpu":
        yield cupy_on_a_gpu()
    else:
        with strict_cupy.installed() as module:
            yield module


@pytest.fixture
def two_gpus(cupy):
    if cupy.cuda.runtime.getDeviceCount() < 2:
        pytest.skip("there is one GPU")
    return cupy


def points(space, rng, *shape, d=3):
    x = rng.normal(size=(*shape, d)) / 5
    return np.concatenate([np.sqrt(1 / CURVATURE + (x * x).sum(-1, keepdims=True)), x], -1) if space == "lorentz" else x


# --- functions of rows and pairs ----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", [name for name, op in row_ops.items() if not op.groups])
def test_row_functions_copy_nothing(name, dtype, cupy):
    op, rng = row_ops[name], np.random.default_rng(3)
    args, c = draw(op, dtype, 4, 9, rng)
    f = getattr(importlib.import_module(f"hypergeom.{op.space}.{op.chapter}"), op.body.__name__)
    for last in (c, CURVATURE, np.asarray(CURVATURE)):
        assert run_on_both(cupy, f, [*args, last]) in ([], None)
    if op.vjp:  # cotangents of an argument that was broadcast are summed on the GPU
        assert run_on_both(cupy, f, [*args[:-1], args[-1][:1], CURVATURE]) in ([], None)


@pytest.mark.parametrize("name", pair_ops)
def test_functions_of_pairs_copy_nothing(name, cupy):
    op, rng = pair_ops[name], np.random.default_rng(3)
    x, y, g = points(op.space, rng, 2, 7), points(op.space, rng, 5), rng.normal(size=(2, 7, 5))
    f = getattr(SPACES[op.space], op.name)
    for c in (CURVATURE, np.asarray([0.7, 0.6])):
        assert run_on_both(cupy, f, [*([g] if op.vjp else []), x, y, c]) in ([], None)


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
        assert (
            log is None or (log == documented)
            if isinstance(documented, list)
            else (set(log) <= documented and 0 < len(log) < 20)
        )


# --- manifolds ------------------------------------------------------------------------------------------------------

MANIFOLDS = {
    "ball": (manifolds.PoincareBall(CURVATURE), (5, 3)),
    "lorentz": (manifolds.Lorentz(CURVATURE), (5, 4)),
    "sphere": (manifolds.Sphere(), (5, 3)),
    "euclidean": (manifolds.Euclidean(), (5, 3)),
    "stiefel": (manifolds.Stiefel(), (5, 6, 2)),
    "stiefel-euclidean": (manifolds.Stiefel(metric="euclidean"), (5, 6, 2)),
    "product": (manifolds.Product(manifolds.PoincareBall(CURVATURE), manifolds.Sphere()), ((5, 3), (5, 4))),
}
# Checks ask a question of the host, and random numbers are NumPy's.
COPIES_OF_METHODS = {"check": "to host", "check_tangent": "to host"}
COPIES_OF_METHODS |= {"random_point": "to GPU", "random_tangent": "to GPU"}
# The exponential of a matrix is squared as often as its norm demands; its logarithm iterates.
COPIES_OF_STIEFEL = dict.fromkeys(["exp", "exp_transport", "log", "dist", "transport", "geodesic"], "to host")


def methods(manifold, shape):
    """Arguments of every method of a manifold, by name: (args, keywords)."""
    x, y = (manifold.random_point(shape, rng=seed) for seed in (1, 2))
    u, v = (manifold.random_tangent(x, rng=seed) for seed in (3, 4))
    v = each(lambda a: a / 4, v)
    y = manifold.exp(x, v)
    t = np.linspace(0, 1, 5)
    return {
        "zero_tangent": ((x,), {}),
        "random_tangent": ((x,), {"rng": 5}),
        "random_point": ((shape,), {"rng": 5, "like": x}),
        "origin": ((shape,), {"like": x}),
        "check": ((x,), {}),
        "check_tangent": ((x, v), {}),
        "inner": ((x, u, v), {}),
        "norm": ((x, v), {}),
        "exp": ((x, v), {}),
        "log": ((x, y), {}),
        "dist": ((x, y), {}),
        "transport": ((x, y, u), {}),
        "exp_transport": ((x, v, u), {}),
        "geodesic": ((x, y, t), {}),
        "retract": ((x, v), {}),
        "project": ((each(lambda a: 1.1 * a, x),), {}),
        "project_tangent": ((x, y), {}),
        "egrad2rgrad": ((x, u), {}),
        "ehess2rhess": ((x, u, y, v), {}),
    }


@pytest.mark.parametrize(
    ("kind", "method"), [(kind, name) for kind in MANIFOLDS for name in methods(*MANIFOLDS["sphere"])]
)
def test_methods_of_manifolds_copy_nothing_but_what_is_documented(kind, method, cupy):
    manifold, shape = MANIFOLDS[kind]
    args, keywords = methods(manifold, shape)[method]
    log = run_on_both(cupy, getattr(manifold, method), args, keywords)
    if log is None:
        return
    documented = COPIES_OF_METHODS | (COPIES_OF_STIEFEL if kind.startswith("stiefel") else {})
    assert {direction for direction, _ in log} == ({documented[method]} if method in documented else set())
    assert method.startswith("random") or all(size == 1 for _, size in log)


def test_every_method_of_a_manifold_is_in_the_list():
    assert methods(*MANIFOLDS["sphere"]).keys() | {"dim", "point_ndim"} == {
        name for name in dir(manifolds.Manifold) if not name.startswith("_")
    }


# --- arrays that do not belong together -------------------------------------------------------------------------------


def on_gpu(cupy, gpu, *arrays):
    with cupy.cuda.Device(gpu):
        return put(cupy, list(arrays))


def calls():
    """Functions of several arrays: (f, their names, arrays)."""
    rng = np.random.default_rng(2)
    ball, sheet = points("poincare", rng, 4, 6), points("lorentz", rng, 4, 6)
    c, w, m, g = np.full((), CURVATURE), np.ones(6), rng.normal(size=(2, 3)), rng.normal(size=(4, 6, 6))
    sphere = manifolds.Sphere().random_point((4, 3), rng=1)
    return {
        "poincare.dist": (hypergeom.poincare.dist, "xyc", (ball, ball, c)),
        "lorentz.exp_vjp": (hypergeom.lorentz.exp_vjp, "gxvc", (sheet, sheet, sheet, c)),
        "poincare.mobius_scalar": (hypergeom.poincare.mobius_scalar, "txc", (w, ball, c)),
        "poincare.cdist": (hypergeom.poincare.cdist, "xyc", (ball, ball, c)),
        "lorentz.cdist_vjp": (hypergeom.lorentz.cdist_vjp, "gxyc", (g, sheet, sheet, c)),
        "poincare.midpoint": (hypergeom.poincare.midpoint, "xwc", (ball, w, c)),
        "lorentz.frechet_mean": (hypergeom.lorentz.frechet_mean, "xwc", (sheet, w, c)),
        "poincare.mlr": (hypergeom.poincare.mlr, "xzrc", (ball, m, w[:2], c)),
        "poincare.mobius_matvec": (hypergeom.poincare.mobius_matvec, "mxc", (m, ball, c)),
        "Sphere.dist": (manifolds.Sphere().dist, "xy", (sphere, sphere)),
        "PoincareBall.exp": (manifolds.PoincareBall(1.0).exp, "xv", (ball, ball)),
    }


@pytest.mark.parametrize("name", calls())
def test_arrays_of_two_gpus_are_named(name, two_gpus):
    f, names, arrays = calls()[name]
    for k in range(1, len(arrays)):
        there, here = on_gpu(two_gpus, 1, *arrays), on_gpu(two_gpus, 0, *arrays)
        mixed = [*here[:k], there[k], *here[k + 1 :]]
        expected = f"{name}: needs arrays on one GPU, got {names[0]} on GPU 0 beside {names[k]} on GPU 1"
        with pytest.raises(ValueError, match=re.escape(expected)):
            f(*mixed)


@pytest.mark.parametrize("name", calls())
def test_numpy_beside_cupy_is_named(name, cupy):
    f, _, arrays = calls()[name]
    for k in range(len(arrays)):
        here = on_gpu(cupy, 0, *arrays)
        mixed = [*here[:k], arrays[k], *here[k + 1 :]]
        with pytest.raises(TypeError, match="needs arrays of one library") as raised:
            f(*mixed)
        assert "numpy" in str(raised.value) and "cupy" in str(raised.value)


def test_results_go_to_numpy_arrays_only(cupy):
    x = np.full((3, 2), 0.1)
    (on_it,) = on_gpu(cupy, 0, x)
    for f, args in ((hypergeom.poincare.exp0, [x]), (hypergeom.poincare.cdist, [x, x])):
        out = put(cupy, np.empty(f(*args).shape))
        with pytest.raises(TypeError, match=r"out= is for NumPy arrays, got an array of \S*cupy among the arguments"):
            f(*[on_it for _ in args], out=out)
        with pytest.raises(TypeError, match=r"got out of type \S+\.ndarray beside numpy.ndarray"):
            f(*args, out=out)


def test_work_is_done_on_the_gpu_of_the_arrays(two_gpus):
    """Not on the current one; and the current one stays that."""
    cupy, rng = two_gpus, np.random.default_rng(4)
    x, g, w = points("poincare", rng, 5, 6), rng.normal(size=(5, 6)), np.ones(6)
    there = on_gpu(cupy, 1, g, x, x[:1].astype(np.float32), np.asarray(CURVATURE, np.float32))
    found = hypergeom.poincare.dist_vjp(*there)
    assert {a.device.id for a in found} == {1} and cupy.cuda.Device().id == 0
    assert [a.dtype for a in found] == [np.float64, np.float32, np.float32]
    (w,) = on_gpu(cupy, 1, w)
    others = [hypergeom.poincare.cdist(there[1][0], there[1][1]), hypergeom.poincare.midpoint(there[1])]
    with strict_cupy.transfers():
        others += [*hypergeom.poincare.frechet_mean(there[1], w), manifolds.Sphere().project(there[1])]
    assert {a.device.id for a in others} == {1} and cupy.cuda.Device().id == 0
    if is_stand_in(cupy):
        assert {launch[-1] for launch in strict_cupy.launches()[-3:]} == {1}


def test_layouts_are_read_where_they_lie(cupy):
    rng = np.random.default_rng(6)
    big = rng.uniform(-0.2, 0.2, (4, 6, 8))
    (g,) = on_gpu(cupy, 0, big)
    views = {
        "columns": lambda a: a[..., 2:5],
        "reversed": lambda a: a[::-1, :, :3],
        "rows reversed": lambda a: a[0, ::-1, :3],
        "every other": lambda a: a[:, ::2, :3],
        "strided": lambda a: a[..., ::3],
        "transposed": lambda a: a.transpose(1, 0, 2)[..., :3],
        "zero rows": lambda a: a[:0, :, :3],
        "one row": lambda a: a[1, 2, :3],
        "one number": lambda a: a[..., :1],
    }
    for name, view in views.items():
        for f in (hypergeom.poincare.exp0, lambda x: hypergeom.poincare.cdist(x, x) if x.ndim > 1 else x):
            np.testing.assert_allclose(host(f(view(g))), f(view(big)), rtol=1e-13, err_msg=name)


def test_seeded_copies_are_found():
    with strict_cupy.installed() as cupy:
        find_seeded_copies(cupy)


def find_seeded_copies(cupy):
    (x,) = on_gpu(cupy, 0, np.full(3, 0.25))
    faults = [
        lambda: float(x[0]),
        lambda: int(x[0]),
        lambda: bool(x[0] > 0),
        lambda: x[0].item(),
        lambda: x.get(),
        lambda: x.tolist(),
        lambda: cupy.asnumpy(x),
        lambda: x[x > 0],
        lambda: cupy.nonzero(x),
        lambda: cupy.where(x > 0),
        lambda: f"{x}",
        lambda: range(3)[x[0].astype(np.int64)],
        lambda: cupy.asarray(0.5),
        lambda: cupy.asarray(np.zeros(3)),
        lambda: cupy.array([1, 2]),
    ]
    for fault in faults:
        with pytest.raises(strict_cupy.TransferError):
            fault()
    for mixture in (
        lambda: np.asarray(x),
        lambda: x + np.zeros(3),
        lambda: np.zeros(3) + x,
        lambda: cupy.sum(np.ones(2)),
    ):
        with pytest.raises(TypeError):
            mixture()
    assert isinstance(x + np.float64(1), cupy.ndarray) and isinstance(2 * x, cupy.ndarray)
