"""All pairs on the GPU: compiled by NVRTC for each GPU, run in the emulation through the library's launch code."""

import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from cuda_host import emulation, nvrtc
from cuda_host.cases import cupy_on_a_gpu

import hypergeom.lorentz
import hypergeom.poincare
from hypergeom import _cuda
from hypergeom._pairs import pair_ops

SPACES = ("poincare", "lorentz")
DTYPES = (np.float32, np.float64)
# Around a slice of 16 and of 32 coordinates, tiles of 32 and 64 rows, and grids that stride over tiles.
WIDTHS = (1, 2, 15, 16, 17, 32, 33, 70)
SIZES = ((1, 1), (7, 33), (32, 32), (65, 31), (70, 131), (3, 200))
# A pair is the same bits as on the CPU; the sums over pairs are in another order.
EPS = 1e-14


def draw(space, rng, shape, d, dtype):
    """Points inside, one outside, one at the origin."""
    x = rng.normal(size=(*shape, d))
    x *= rng.uniform(0, 0.8, (*shape, 1)) / np.linalg.norm(x, axis=-1, keepdims=True)
    x[..., 2:3, :] = 0
    if space == "lorentz":
        x = np.concatenate([np.sqrt(1 + (x * x).sum(-1, keepdims=True)), 3 * x], axis=-1)
    return x.astype(dtype)


def on_cpu(op, args, c):
    return op.gufunc(*args, c, np.int64(1))


def assert_cotangents_agree(actual, desired):
    """Those of points norm-wise; that of c to the size of its terms, which is about that of the others."""
    for a, b in zip(actual, desired, strict=True):
        assert (a.shape, a.dtype) == (np.shape(b), np.float64)
        np.testing.assert_array_equal(np.isnan(a), np.isnan(b))
        if np.ndim(b) >= 2:
            assert np.linalg.norm(np.nan_to_num(a - b)) <= EPS * np.linalg.norm(np.nan_to_num(b))
        else:
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12 * np.linalg.norm(np.nan_to_num(desired[0])))


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("space", SPACES)
def test_emulated_twin_is_the_cpu_twin(space, dtype, reverse):
    rng = np.random.default_rng(7)
    distances, gradient = pair_ops[f"{space}.cdist"], pair_ops[f"{space}.cdist_vjp"]
    for d in WIDTHS:
        for m, k in SIZES:
            x, y = (draw(space, rng, (n,), d, dtype) for n in (m, k))
            y[: min(m, k) // 3] = x[: min(m, k) // 3]
            g, c = rng.normal(size=(m, k)).astype(dtype), rng.uniform(0.3, 1.2)
            found = emulation.emulated_pairs(distances, [x, y], c, reverse=reverse)
            assert found.dtype == dtype
            np.testing.assert_array_equal(found, on_cpu(distances, [x, y], c))
            bars = emulation.emulated_pairs(gradient, [g, x, y], c, reverse=reverse)
            assert_cotangents_agree(bars, on_cpu(gradient, [g, x, y], c))


@pytest.mark.parametrize("blocks", [1, 7])
@pytest.mark.parametrize("space", SPACES)
def test_chunks_of_several_tiles(space, blocks, monkeypatch):
    monkeypatch.setattr(_cuda.pairs, "PAIR_BLOCKS", blocks)
    rng = np.random.default_rng(13)
    x, y, g = (
        draw(space, rng, (50,), 20, np.float64),
        draw(space, rng, (200,), 20, np.float64),
        rng.normal(size=(50, 200)),
    )
    gradient = pair_ops[f"{space}.cdist_vjp"]
    for reverse in (False, True):
        bars = emulation.emulated_pairs(gradient, [g, x, y], 0.7, reverse=reverse)
        assert_cotangents_agree(bars, on_cpu(gradient, [g, x, y], 0.7))


@pytest.mark.parametrize("space", SPACES)
def test_points_outside_are_nan_and_alone(space):
    rng = np.random.default_rng(9)
    x, y = draw(space, rng, (70,), 5, np.float64), draw(space, rng, (40,), 5, np.float64)
    x[66, -1], y[[0, 35], 0] = np.nan, -np.inf
    distances, gradient = pair_ops[f"{space}.cdist"], pair_ops[f"{space}.cdist_vjp"]
    found = emulation.emulated_pairs(distances, [x, y], 1.0)
    np.testing.assert_array_equal(found, on_cpu(distances, [x, y], 1.0))
    assert np.isnan(found[66]).all() and np.isnan(found[:, [0, 35]]).all() and np.isnan(found).sum() == 40 + 2 * 69
    bars = emulation.emulated_pairs(gradient, [np.ones((70, 39)), x, y[1:35].repeat(2, axis=0)[:39]], 1.0)
    assert np.flatnonzero(np.isnan(bars[0]).any(1)).tolist() == [66]
    assert np.isnan(bars[1]).all()


def test_gaps_keep_their_digits_at_the_rim():
    rng = np.random.default_rng(5)
    x = rng.normal(size=(50, 20))
    x *= (1 - 1e-14 * rng.uniform(1, 2, (50, 1))) / np.linalg.norm(x, axis=1, keepdims=True)
    op = pair_ops["poincare.cdist"]
    np.testing.assert_array_equal(emulation.emulated_pairs(op, [x, x], 1.0), on_cpu(op, [x, x], 1.0))


class Recorder(emulation.EmulatedDevice):
    """The emulated device, with a list of what was launched on it."""

    def __init__(self):
        super().__init__()
        self.launches = []

    def launch(self, kernel, grid, block, args, shared=0):
        assert shared == 0
        self.launches.append((kernel, grid, block, args))
        super().launch(kernel, grid, block, args)


@pytest.mark.parametrize("space", SPACES)
def test_batches_and_layouts(space):
    rng, device = np.random.default_rng(3), Recorder()
    distances, gradient = pair_ops[f"{space}.cdist"], pair_ops[f"{space}.cdist_vjp"]
    x, y = draw(space, rng, (2, 1, 40), 6, np.float64), draw(space, rng, (3, 35), 6, np.float64)
    g = rng.normal(size=(2, 3, 40, 35))
    for c in (0.5, np.float64(0.5), np.array(0.5), rng.uniform(0.5, 1, 3), rng.uniform(0.5, 1, (2, 1))):
        for a, b in ((x, y), (x[0, 0], y), (x[..., ::-1, :], np.asfortranarray(y)), (x, y[:1])):
            found = _cuda.launch_pairs(distances, [a, b], c, device)
            np.testing.assert_array_equal(found, on_cpu(distances, [a, b], c))
            shape = (2, 3)
            bars = _cuda.launch_pairs(gradient, [np.swapaxes(np.swapaxes(g, -1, -2).copy(), -1, -2), a, b], c, device)
            desired = [np.broadcast_to(bar, (*shape, *np.shape(bar)[2:])) for bar in on_cpu(gradient, [g, a, b], c)]
            assert_cotangents_agree(bars, desired)


@pytest.mark.parametrize(("m", "k"), [(0, 4), (4, 0), (0, 0)])
def test_no_points_launch_nothing(m, k):
    device = Recorder()
    x, y = np.zeros((2, m, 3), np.float32), np.zeros((2, k, 3), np.float32)
    out = _cuda.launch_pairs(pair_ops["poincare.cdist"], [x, y], 1.0, device)
    assert (out.shape, out.dtype) == ((2, m, k), np.float32)
    bars = _cuda.launch_pairs(pair_ops["poincare.cdist_vjp"], [np.zeros((2, m, k), np.float32), x, y], 1.0, device)
    assert [bar.shape for bar in bars] == [x.shape, y.shape, (2,)]
    assert not any(bar.any() for bar in bars)
    assert device.launches == []


def test_parameter_of_a_launch():
    device = Recorder()
    x, y, g = (np.full(shape, 0.1, np.float32) for shape in ((4, 40, 3), (70, 3), (4, 40, 70)))
    _cuda.launch_pairs(pair_ops["lorentz.cdist"], [x, y], np.full(4, 0.5), device)
    _cuda.launch_pairs(pair_ops["lorentz.cdist_vjp"], [g, x, y], 0.5, device)
    names = [(kernel.source, kernel.name, grid, block) for kernel, grid, block, _ in device.launches]
    vjp = ("pairwise.cu", "lorentz_cdist_vjp_float32", 3, 256)
    assert names == [("pairwise.cu", "lorentz_cdist_float32", 3, 256), vjp, vjp]
    (forward,), (of_x,), (of_y,) = (args for *_, args in device.launches)
    assert [int(forward[name]) for name in ("batches", "m", "k", "n", "row", "column")] == [4, 40, 70, 3, 70, 1]
    assert [int(forward[name]["step"]) for name in ("x", "y", "c", "pairs")] == [120, 0, 1, 2800]
    assert (of_x["c"]["data"], of_x["value"]) == (0, 0.5)
    assert [int(of_y[name]) for name in ("m", "k", "row", "column", "c_bar")] == [70, 40, 1, 70, 0]
    assert of_x["x"] == of_y["y"] and of_x["y"] == of_y["x"]
    assert (of_x["chunks"], of_y["chunks"]) == (3, 2)  # as many as there are tiles of the other points


def test_geometry_is_stated_once_on_each_side():
    header = (_cuda.source_folders()[1] / "pair_kernel.cuh").read_text()
    assert "constexpr int pair_threads = 16;" in header
    assert _cuda.PAIR_BLOCK == 16 * 16


@pytest.mark.slow
@pytest.mark.skipif(emulation.SANITIZE, reason="starts a process with sanitizers of its own")
def test_kernels_stay_within_their_arrays(pytestconfig):
    # -s: the report of a process that is being killed would be lost in a capture
    flags = ["-q", "-x", "-s", "-p", "no:cacheprovider", __file__, "-k", "emulated_twin and forward"]
    command = [sys.executable, "-P", "-m", "pytest", *flags]
    environment = emulation.sanitizer_environment()
    done = subprocess.run(command, cwd=pytestconfig.rootpath, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert re.search(r"^4 passed", done.stdout, re.M), done.stdout[-1000:]


@pytest.mark.parametrize("architecture", nvrtc.ARCHITECTURES)
@pytest.mark.parametrize("space", SPACES)
def test_every_kernel_compiles_without_spills(space, architecture):
    options = _cuda.compile_options() + _cuda.pair_options(space)
    binary = nvrtc.compile_for_all(_cuda.source_folders()[1] / "pairwise.cu", options)[architecture]()
    assert binary.kernels == binary.usage.keys() == set(emulation.pair_kernels(space))
    assert {name: use for name, use in binary.usage.items() if use.stack or use.spills} == {}


@pytest.mark.parametrize("space", SPACES)
def test_nvcc_spills_nothing(space, tmp_path):
    nvcc = shutil.which("nvcc")
    if nvcc is None:
        pytest.skip("there is no nvcc on the PATH")
    options = ["-std=c++17", "--fmad=false", *(f"-I{folder}" for folder in _cuda.source_folders())]
    options += _cuda.pair_options(space)
    path = _cuda.source_folders()[1] / "pairwise.cu"
    usage = nvrtc.nvcc_usage(nvcc, path, "sm_90", options, tmp_path / "kernels.cubin")
    assert usage.keys() == set(emulation.pair_kernels(space))
    assert {name: use for name, use in usage.items() if use.stack or use.spills} == {}


@pytest.fixture(scope="module")
def cupy():
    return cupy_on_a_gpu()


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("space", SPACES)
def test_gpu_twin_is_the_cpu_twin(space, dtype, cupy):
    rng = np.random.default_rng(7)
    distances, gradient = pair_ops[f"{space}.cdist"], pair_ops[f"{space}.cdist_vjp"]
    for d in WIDTHS:
        for m, k in (*SIZES, (1000, 700)):
            x, y = (draw(space, rng, (n,), d, dtype) for n in (m, k))
            g, c = rng.normal(size=(m, k)).astype(dtype), rng.uniform(0.3, 1.2)
            args = [cupy.asarray(a) for a in (g, x, y)]
            found = _cuda.call_pairs(distances, args[1:], c).get()
            np.testing.assert_array_equal(found, on_cpu(distances, [x, y], c))
            bars = [bar.get() for bar in _cuda.call_pairs(gradient, args, c)]
            assert_cotangents_agree(bars, on_cpu(gradient, [g, x, y], c))
            again = [bar.get() for bar in _cuda.call_pairs(gradient, args, c)]
            for a, b in zip(bars, again, strict=True):
                np.testing.assert_array_equal(a, b)


@pytest.mark.gpu
def test_public_functions_stay_on_the_gpu(cupy):
    rng = np.random.default_rng(11)
    for space in (hypergeom.poincare, hypergeom.lorentz):
        name = space.__name__.rpartition(".")[2]
        x, y = draw(name, rng, (2, 50), 6, np.float64), draw(name, rng, (40,), 6, np.float64)
        g = rng.normal(size=(2, 50, 40))
        on_gpu = (space.cdist(cupy.asarray(x), cupy.asarray(y)), *space.cdist_vjp(*map(cupy.asarray, (g, x, y)), 0.5))
        for a, b in zip(on_gpu, (space.cdist(x, y), *space.cdist_vjp(g, x, y, 0.5)), strict=True):
            assert isinstance(a, cupy.ndarray)
            np.testing.assert_allclose(a.get(), b, rtol=1e-11, atol=1e-12)
