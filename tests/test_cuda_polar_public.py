"""`hypergeom.polar`, `LorentzGroup` and Muon on CuPy arrays: NumPy's results, the kernels that run, and what is copied.

Without a GPU they run on a stand-in for CuPy, whose kernels are those of the emulation (cuda_host/strict_cupy.py).
"""

import dataclasses
import re

import numpy as np
import pytest
from cuda_host import strict_cupy
from cuda_host.both_sides import host, is_stand_in, put
from cuda_host.cases import cupy_on_a_gpu

from hypergeom import polar
from hypergeom.errors import ConvergenceError, NoJPolarError
from hypergeom.manifolds import LorentzGroup
from hypergeom.optim import HyperbolicMuon, Muon
from hypergeom.polar import indefinite, kernels, orthogonal, random_jorthogonal

J = (-1, -1, 1, 1, 1)
SHUFFLED = (1, -1, 1, 1, -1)


@pytest.fixture(scope="module", params=["stand-in", pytest.param("gpu", marks=pytest.mark.gpu)])
def cupy(request):
    if request.param == "gpu":
        yield cupy_on_a_gpu()
    else:
        with strict_cupy.installed() as module:
            yield module


def leaves(result):
    if isinstance(result, tuple) or dataclasses.is_dataclass(result):
        parts = result if isinstance(result, tuple) else [getattr(result, f.name) for f in dataclasses.fields(result)]
        return [leaf for part in parts for leaf in leaves(part)]
    return [] if isinstance(result, (str, int)) or getattr(result, "dtype", np.dtype("f8")).kind == "U" else [result]


def on_both(cupy, f, *args, bar=2e4):
    """The transfers of f and the kernels it launched, None on a GPU, after a comparison with the results of NumPy."""
    expected = leaves(f(*args))
    on_gpu, before = put(cupy, list(args)), len(strict_cupy.launches() or ())
    with strict_cupy.transfers() as log:
        found = leaves(f(*on_gpu))
    assert len(found) == len(expected) > 0
    for ours, theirs in zip(found, expected, strict=True):
        assert type(ours) is cupy.ndarray
        theirs = np.asarray(theirs)
        assert (ours.shape, ours.dtype) == (theirs.shape, theirs.dtype)
        if theirs.dtype.kind == "f":
            eps = np.finfo(theirs.dtype).eps
            np.testing.assert_array_equal(np.isnan(host(ours)), np.isnan(theirs))
            off = np.nan_to_num(host(ours)) - np.nan_to_num(theirs)
            assert np.linalg.norm(off) <= bar * eps * (1 + np.linalg.norm(np.nan_to_num(theirs)))
        else:
            np.testing.assert_allclose(host(ours), theirs, atol=theirs.dtype.kind == "i")  # iterations
    if not is_stand_in(cupy):
        return None, None
    return log, [name for name, *_ in strict_cupy.launches()[before:]]


def matrices(n=5, dtype=float, batch=(3,)):
    """Matrices with a J-polar factor, others, and rectangular ones."""
    rng = np.random.default_rng(n)
    j = J if n == 5 else polar.signature(n - n // 2, n // 2)
    a = random_jorthogonal(j, cond=4, size=batch, rng=rng) @ (
        np.eye(n) + 0.1 * rng.normal(size=(*batch, n, n)) / n**0.5
    )
    return tuple(v.astype(dtype) for v in (a, rng.normal(size=(*batch, n, n)), rng.normal(size=(*batch, n + 1, n - 1))))


# --- functions of hypergeom.polar -------------------------------------------------------------------------------------

# f(a, g, b), the kernels it launches on small matrices, and the directions of what it copies. A verdict on the host is
# on the existence of a factor, on the rank, on the next step of an iteration, on a guard or a bound.
NOTHING, ASKS, BOTH_WAYS = set(), {"to host"}, {"to host", "to GPU"}
JPOLAR, SIGN, NS = {"jpolar_batched_small"}, {"orthogonal_batched_small"}, {"ns_batched_small"}
CALLS = {
    "exchange": (lambda a, g, b: polar.exchange(a, J), set(), {"to GPU"}),
    "is_jorthogonal": (lambda a, g, b: polar.is_jorthogonal(a, J), set(), NOTHING),
    "jadjoint": (lambda a, g, b: polar.jadjoint(a, J), set(), NOTHING),
    "jorthogonality_residual": (lambda a, g, b: polar.jorthogonality_residual(a, J), set(), NOTHING),
    "jpolar": (lambda a, g, b: polar.jpolar(a, J), JPOLAR, BOTH_WAYS),
    "jpolar newton": (lambda a, g, b: polar.jpolar(a, J, maxiter=20), {"schulz_rhs"}, BOTH_WAYS),
    "jpolar dwh": (lambda a, g, b: polar.jpolar(a, J, method="dwh"), {"schulz_rhs"}, BOTH_WAYS),
    "jpolar schulz": (
        lambda a, g, b: polar.jpolar(polar.jpolar(a, J).w, J, method="schulz"),
        JPOLAR | {"schulz_rhs"},
        BOTH_WAYS,
    ),
    "jpolar_jvp": (lambda a, g, b: polar.jpolar_jvp(a, g, J), JPOLAR, BOTH_WAYS),
    "jpolar_vjp": (lambda a, g, b: polar.jpolar_vjp((g, g), a, J), JPOLAR, BOTH_WAYS),
    "mclip": (lambda a, g, b: polar.mclip(b, 0.5, 1.0), set(), BOTH_WAYS),
    "mclip qdwh": (lambda a, g, b: polar.mclip(b, 0.5, 1.0, method="qdwh"), set(), BOTH_WAYS),
    "mclip ns": (lambda a, g, b: polar.mclip(b, 0.0, 1.0, method="ns"), NS, BOTH_WAYS),
    "mclip_jvp": (lambda a, g, b: polar.mclip_jvp(b, 2 * b, 0.5, 1.0), set(), BOTH_WAYS),
    "mclip_vjp": (lambda a, g, b: polar.mclip_vjp(2 * b, b, 0.5, 1.0), set(), BOTH_WAYS),
    "msign": (lambda a, g, b: polar.msign(b), SIGN, ASKS),
    "msign qdwh": (lambda a, g, b: polar.msign(b, method="qdwh"), set(), ASKS),
    "msign svd": (lambda a, g, b: polar.msign(b, method="svd"), set(), NOTHING),
    "msign ns": (lambda a, g, b: polar.msign(b, method="ns"), {"ns_epilogue"}, NOTHING),
    "msign gram": (lambda a, g, b: polar.msign(b, method="gram"), NS, NOTHING),
    "msign_jvp": (lambda a, g, b: polar.msign_jvp(a, g), set(), NOTHING),
    "msign_vjp": (lambda a, g, b: polar.msign_vjp(g, a), set(), NOTHING),
    "newton_schulz": (lambda a, g, b: polar.newton_schulz(b), NS, NOTHING),
    "newton_schulz gemm": (lambda a, g, b: polar.newton_schulz(b, variant="gemm"), {"ns_epilogue"}, NOTHING),
    "newton_schulz complex": (lambda a, g, b: polar.newton_schulz(b + 1j * b), set(), NOTHING),
    "polar": (lambda a, g, b: polar.polar(a), SIGN, ASKS),
    "polar_vjp": (lambda a, g, b: polar.polar_vjp((g, g), a), set(), NOTHING),
    "schulz_polish": (lambda a, g, b: polar.schulz_polish(polar.jpolar(a, J).w, J), JPOLAR | {"schulz_rhs"}, BOTH_WAYS),
}
OTHERS = {"JPolarInfo", "JPolarResult", "PolarResult", "ns_coefficients", "ns_range", "random_jorthogonal", "signature"}


def test_every_function_is_called():
    assert {name.split()[0] for name in CALLS} | OTHERS == set(polar.__all__)


def kinds(launched):
    return {re.sub(r"_float\d\d(_x\d+)?$", "", name) for name in launched}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", CALLS)
def test_functions_copy_nothing_but_what_is_documented(name, dtype, cupy):
    f, expected, directions = CALLS[name]
    log, launched = on_both(cupy, f, *matrices(dtype=dtype))
    if log is not None:
        assert kinds(launched) == expected
        assert all(np.dtype(dtype).name in kernel for kernel in launched)
        assert {direction for direction, _ in log} == directions


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [33, 70])
def test_matrices_too_large_for_one_launch(n, dtype, cupy):
    j = polar.signature(n - n // 2, n // 2)
    a, _, b = matrices(n, dtype, (2,))
    log, launched = on_both(cupy, lambda a: polar.jpolar(a, j), a)
    if log is not None:
        assert kinds(launched) == {"schulz_rhs"}
        # the host learns how a step went in one transfer, and asks no more than a few times at the end
        iterations = int(np.max(polar.jpolar(a, j).info.iterations))
        assert len([size for direction, size in log if direction == "to host"]) <= iterations + 6
    for coefficients in ("jordan", "schulz"):
        _, launched = on_both(cupy, lambda b, c=coefficients: polar.newton_schulz(b, coefficients=c), b)
        kernel = {"ns_batched_small"} if n == 33 else {"ns_epilogue"} if coefficients == "jordan" else set()
        assert launched is None or kinds(launched) == kernel
    on_both(cupy, polar.msign, a)


def test_long_rows_of_few_matrices_are_left_to_products(cupy, monkeypatch):
    monkeypatch.setattr(kernels, "_LONGEST_ALONE", 100)
    b = np.random.default_rng(1).normal(size=(3, 101))
    _, launched = on_both(cupy, polar.newton_schulz, b)
    assert launched is None or kinds(launched) == {"ns_epilogue"}
    _, launched = on_both(cupy, polar.newton_schulz, np.tile(b, (32, 1, 1)))
    assert launched is None or kinds(launched) == {"ns_batched_small"}


@pytest.mark.parametrize("n", [2, 4, 7])
def test_failures_are_those_of_numpy(n, cupy):
    """Gaussian matrices with and without a factor, singular and nearly singular ones, and ones that are not finite."""
    rng = np.random.default_rng(n)
    j = polar.signature(n - n // 2, n // 2)
    a = rng.normal(size=(25, n, n))
    a[3], a[9] = 0, np.ones((n, n))
    a[20, 0, 0], a[21, -1, 0] = np.nan, np.inf
    on_both(cupy, lambda a: polar.jpolar(a, j, on_failure="nan"), a)
    expected = polar.jpolar(a, j, on_failure="nan").info.converged
    assert expected.any() and not expected.all()
    (there,) = put(cupy, [a])
    for k in (3, *np.flatnonzero(~expected[:20])[:3]):
        with pytest.raises(NoJPolarError) as here:
            polar.jpolar(a[k], j)
        with strict_cupy.transfers(), pytest.raises(NoJPolarError) as on_gpu:
            polar.jpolar(there[int(k)], j)
        assert on_gpu.value.index == here.value.index
        assert on_gpu.value.eigenvalue == pytest.approx(here.value.eigenvalue, rel=1e-6)
    with strict_cupy.transfers(), pytest.raises(NoJPolarError, match=r"at index \(0,\): singular"):
        polar.jpolar(there[3:20], j)
    with strict_cupy.transfers(), pytest.raises(ValueError, match=r"NaN or inf at index \(20,\)"):
        polar.jpolar(there, j)


@pytest.mark.parametrize("shape", [(6, 6), (7, 4), (4, 7)])
@pytest.mark.parametrize("partial", [True, False])
def test_signs_of_singular_matrices(shape, partial, cupy):
    rng = np.random.default_rng(3)
    a = rng.normal(size=(2, 5, *shape))
    a[0, 1], a[1, 2] = 0, np.nan
    a[0, 3, :, 0] = a[0, 3, :, 1]
    a[1, 4, 0] = 2 * a[1, 4, 1]
    a[1, 1] *= 2.0**600
    if partial:
        log, _ = on_both(cupy, polar.msign, a)
        assert log is None or {direction for direction, _ in log} == BOTH_WAYS
    else:  # the null space is arbitrary: what is not is the product
        (there,) = put(cupy, [a])
        with strict_cupy.transfers():
            u, p = (host(v) for v in polar.polar(there))
        finite = np.isfinite(a).all(axis=(-2, -1))
        np.testing.assert_array_equal(np.isfinite(u).all(axis=(-2, -1)), finite)
        size = np.abs(a[finite]).max(axis=(-2, -1), keepdims=True)
        assert np.all(np.abs((u @ p - a)[finite]) <= 1e-13 * size)


def test_sign_near_a_power_of_two_and_by_neighbours(cupy):
    rng = np.random.default_rng(4)
    a = rng.normal(size=(6, 5, 8)).astype(np.float32)
    many = np.concatenate([a, a * np.float32(2.0**-60), a * np.float32(2.0**60)])
    many[3], many[4, 1, 1] = 0, np.inf
    for f in (polar.newton_schulz, lambda a: polar.msign(a, method="gram")):
        (there,) = put(cupy, [many])
        o = host(f(there))
        np.testing.assert_array_equal(o[6:12], o[12:])
        keep = [0, 1, 2, 5]
        np.testing.assert_array_equal(o[keep], o[6:12][keep])
        assert np.all(o[3] == 0) and np.isnan(o[4]).all()


# --- the group and the methods ----------------------------------------------------------------------------------------

GROUP_CALLS = {
    "exp": (("w", "v"), set(), ASKS),
    "log": (("w", "near"), {"algebra_project", "jpolar_batched_small"}, BOTH_WAYS),
    "transport": (("w", "near", "v"), set(), NOTHING),
    "exp_transport": (("w", "v", "v"), set(), ASKS),
    "retract": (("w", "v"), set(), NOTHING),
    "inner": (("w", "v", "v"), set(), NOTHING),
    "norm": (("w", "v"), set(), NOTHING),
    "project": (("rough",), {"jpolar_batched_small"}, BOTH_WAYS),
    "project_tangent": (("w", "g"), {"algebra_project"}, NOTHING),
    "project_algebra": (("g",), {"algebra_project"}, NOTHING),
    "egrad2rgrad": (("w", "g"), {"algebra_project"}, NOTHING),
    "ehess2rhess": (("w", "g", "g", "v"), {"algebra_project"}, NOTHING),
    "inverse": (("w",), set(), NOTHING),
    "polish": (("drifted",), {"schulz_rhs"}, ASKS),
    "residual": (("w",), set(), NOTHING),
    "component": (("w",), set(), NOTHING),
    "check": (("w",), set(), ASKS),
    "check_tangent": (("w", "v"), set(), ASKS),
    "zero_tangent": (("w",), set(), NOTHING),
    "geodesic": (("w", "near", "t"), {"algebra_project", "jpolar_batched_small"}, BOTH_WAYS),
}
NOT_OF_ARRAYS = {"p", "q", "n", "j", "point_ndim", "dim", "dist", "origin", "random_point", "random_tangent"}


def points(group, n=5):
    rng = np.random.default_rng(6)
    w = group.random_point((3, n, n), rng=1)
    v = 0.3 * group.random_tangent(w, rng=2)
    return {
        "w": w,
        "v": v,
        "near": group.exp(w, v),
        "rough": w @ (np.eye(n) + 0.05 * rng.normal(size=(3, n, n))),
        "g": rng.normal(size=(3, n, n)),
        "drifted": w * (1 + 1e-6),
        "t": np.asarray(0.25),
    }


def test_every_method_of_the_group_is_called():
    methods = {name for name in dir(LorentzGroup) if not name.startswith("_")}
    assert methods | {"p", "q"} == GROUP_CALLS.keys() | NOT_OF_ARRAYS


@pytest.mark.parametrize("name", GROUP_CALLS)
def test_methods_of_the_group(name, cupy):
    group = LorentzGroup(4, 1)
    arguments, expected, directions = GROUP_CALLS[name]
    args = [points(group)[a] for a in arguments]
    if name.startswith("check"):
        before = len(strict_cupy.launches() or ())
        with strict_cupy.transfers() as log:
            getattr(group, name)(*put(cupy, args))
        launched = [launch[0] for launch in strict_cupy.launches()[before:]] if is_stand_in(cupy) else None
        log = [entry for entry in log if entry[0] == "to host"] if is_stand_in(cupy) else None
    else:
        log, launched = on_both(cupy, getattr(group, name), *args)
    if log is not None:
        assert kinds(launched) == expected
        assert {direction for direction, _ in log} == directions


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("shape", [(4, 6), (2, 6, 4), (70, 80)])
def test_muon_copies_nothing(shape, dtype, cupy):
    rng = np.random.default_rng(7)
    w, g = (rng.normal(size=shape).astype(dtype) for _ in range(2))

    def run(w, g):
        method = Muon(weight_decay=0.1)
        state = method.init(w)
        for _ in range(3):
            w, state = method.step(w, w + g, state)
        return w, state.momentum

    log, launched = on_both(cupy, run, w, g)
    if log is not None:
        assert log == []
        assert kinds(launched) == ({"ns_batched_small"} if min(shape) <= 64 else {"ns_epilogue"})


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [5, 70])
def test_hyperbolic_muon_asks_when_it_polishes_only(n, dtype, cupy):
    rng = np.random.default_rng(8)
    group = LorentzGroup(n - 1, 1)
    w, g = group.random_point((n, n), rng=1).astype(dtype), rng.normal(size=(n, n)).astype(dtype)

    def run(w, g, steps=4):
        method = HyperbolicMuon(group, polish_every=4, weight_decay=0.01)
        state = method.init(w)
        for _ in range(steps):
            w, state = method.step(w, g, state)
        return w, state.momentum

    log, launched = on_both(cupy, run, w, g)
    if log is not None:
        assert log == [("to host", 1)]
        small = {"ns_batched_small"} if n <= 64 else {"ns_epilogue"}
        assert kinds(launched) == small | {"algebra_project", "schulz_rhs"}
    (there,) = put(cupy, [w])
    with strict_cupy.transfers():
        d, _ = HyperbolicMuon(group).direction(there, there, HyperbolicMuon(group).init(there))
    j = group.j.astype(dtype)
    np.testing.assert_array_equal(j[:, None] * host(d).T * j, -host(d))  # in the algebra, to the bit


# --- where it runs, and errors ----------------------------------------------------------------------------------------


def test_work_is_done_on_the_gpu_of_the_arrays(cupy):
    if cupy.cuda.runtime.getDeviceCount() < 2:
        pytest.skip("there is one GPU")
    a, g, b = matrices()
    with cupy.cuda.Device(1):
        a, g, b = put(cupy, [a, g, b])
    with strict_cupy.transfers():
        found = [
            polar.jpolar(a, J).w,
            polar.msign(b),
            polar.newton_schulz(b),
            polar.schulz_polish(polar.jpolar(a, J).w, J),
        ]
        found += [LorentzGroup(3, 2).project_algebra(g), polar.msign_vjp(g, a), polar.mclip(b, 0.1, 1.0)]
        muon = Muon()
        found.append(muon.step(a, g, muon.init(a))[0])
    assert {v.device.id for v in found} == {1} and cupy.cuda.Device().id == 0
    if is_stand_in(cupy):
        assert {launch[-1] for launch in strict_cupy.launches()[-7:]} == {1}
    with cupy.cuda.Device(0):
        (other,) = put(cupy, [np.ones((3, 5, 5))])
    with pytest.raises(ValueError, match=r"polar.msign_vjp: needs arrays on one GPU, got g on GPU 0 beside a on GPU 1"):
        polar.msign_vjp(other, a)


def test_numpy_beside_cupy_is_named(cupy):
    a, g, _ = matrices()
    (there,) = put(cupy, [a])
    for f in (lambda: polar.msign_vjp(g, there), lambda: polar.jpolar_jvp(there, g, J)):
        with pytest.raises(TypeError, match="needs arrays of one library"):
            f()


def test_layouts_and_signs_from_the_gpu(cupy):
    rng = np.random.default_rng(9)
    big = np.eye(4) + 0.1 * rng.normal(size=(3, 6, 4, 4))
    j = np.array([1.0, -1.0, 1.0, -1.0])
    there, on_gpu = put(cupy, [big, j])
    views = (lambda a: a[:, ::2], lambda a: a[::-1], lambda a: a.swapaxes(-1, -2), lambda a: a[0, 0], lambda a: a[:0])
    for view in views:
        with strict_cupy.transfers():
            w, s, _ = polar.jpolar(view(there), on_gpu)
            o, x = polar.msign(view(there)), polar.newton_schulz(view(there)[..., :3])
        expected = polar.jpolar(view(big), j)
        for ours, theirs in (
            (w, expected.w),
            (s, expected.s),
            (o, polar.msign(view(big))),
            (x, polar.newton_schulz(view(big)[..., :3])),
        ):
            np.testing.assert_allclose(host(ours), theirs, rtol=0, atol=1e-12)


def test_a_matrix_outside_of_the_guard(cupy):
    w = random_jorthogonal(SHUFFLED, cond=10, size=3, rng=1)
    w[1] *= 1.5
    (there,) = put(cupy, [w])
    with strict_cupy.transfers(), pytest.raises(ConvergenceError, match=r"at index \(1,\)"):
        polar.schulz_polish(there, SHUFFLED)


def test_seeded_copies_are_found(cupy, monkeypatch):
    """What asks the host in silence is seen: a question for each matrix, signs from the host."""
    if not is_stand_in(cupy):
        pytest.skip("only the stand-in counts copies")
    (b,) = put(cupy, [matrices()[2]])
    monkeypatch.setattr(orthogonal, "to_host", lambda a: [float(v) for v in a])
    with pytest.raises(strict_cupy.TransferError):
        polar.msign(b)
    (a,) = put(cupy, [matrices()[0]])
    with pytest.raises(strict_cupy.TransferError):
        indefinite.jpolar(a, J)
