"""The CUDA twins: compiled by NVRTC for each GPU, run in the emulation through the library's launch code."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cuda_host import emulation, nvrtc

import hypergeom.lorentz
import hypergeom.poincare
from hypergeom import _cuda
from hypergeom._rows import row_ops

# In a process with sanitizers: those of some chapters.
SOME = os.environ.get("CUDA_HOST_CHAPTERS")
OPS = {name: op for name, op in row_ops.items() if not SOME or f"{op.space}-{op.chapter}" in SOME.split()}
CHAPTERS = emulation.chapters()
IDS = [f"{space}-{chapter}" for space, chapter in CHAPTERS]
DTYPES = (np.float32, np.float64)
# Around the warp's 32 lanes and the emulated grid's 12 warps.
WIDTHS = (1, 2, 31, 32, 33, 100)
ROWS = (0, 1, 7, 65)
GROUP = 6  # rows of a group: some of a block's four warps have two
# Both twins form every value in double, but add along a row in another order.
ULPS = {np.dtype(np.float64): 64, np.dtype(np.float32): 1}


def draw(op, dtype, d, rows, rng, count=GROUP):
    """Arguments and curvatures of a row function: points inside, one outside, one at 0, two that coincide."""
    c = rng.uniform(0.3, 1.2, rows)
    args = []
    for name, axes in zip(op.arguments[:-1], op.inputs[:-1], strict=True):
        group = (count,) if "m" in axes else ()
        if axes in ("", "m"):
            args.append(rng.uniform(0.1, 0.9, (rows, *group)))
            continue
        x = rng.normal(size=(rows, *group, d))
        if name == "p" and op.chapter == "horospheres":  # an ideal point
            args.append(x / np.linalg.norm(x, axis=1, keepdims=True))
            continue
        x *= rng.uniform(0, 0.8, (rows, *group, 1)) / np.linalg.norm(x, axis=-1, keepdims=True)
        x[2:3], x[3:4] = 0, 3 / d**0.5
        if args and args[-1].ndim == x.ndim:
            x[4:5] = args[-1][4:5, ..., -d:]
        if name == "z":  # of the half-space
            x[:, -1] = 0.2 + abs(x[:, -1])
            x[3:4, -1] *= -1
        if axes[-1] == "n":
            time = np.sqrt(1 / c.reshape(rows, *(1 for _ in group)) + (x * x).sum(-1))
            time[3:4] = -1  # the other sheet
            x = np.concatenate([time[..., np.newaxis], x], axis=-1)
        args.append(x)
    return [a.astype(dtype) for a in args], c


def cpu_call(op, args, c):
    with np.errstate(all="ignore"):
        return op.gufunc(*args, c)


def tuple_of(outputs):
    return outputs if isinstance(outputs, tuple) else (outputs,)


def assert_twins_agree(op, args, c, call):
    """A GPU's outputs are the CPU's, to a few ulps of the largest entry of the row and its inputs."""
    expected, got = tuple_of(cpu_call(op, args, c)), tuple_of(call(op, args, c))
    assert [(a.shape, a.dtype) for a in got] == [(a.shape, a.dtype) for a in expected]
    for axes, a, b in zip(op.outputs, got, expected, strict=True):
        np.testing.assert_array_equal(np.isnan(a), np.isnan(b))
        core = tuple(range(-len(axes), 0))
        scale = np.abs(b).max(core, keepdims=True, initial=0)
        for arg, arg_axes in zip(args, op.inputs[:-1], strict=True):
            size = np.abs(arg).max(tuple(range(-len(arg_axes), 0)), initial=0)
            scale = np.maximum(scale, np.reshape(size, np.shape(size) + (1,) * len(axes)))
        with np.errstate(invalid="ignore"):
            far = np.abs(a - b) > ULPS[a.dtype] * np.finfo(a.dtype).eps * scale
        assert not far.any(), f"{op}: {a[far][:3]} != {b[far][:3]} in {far.sum()} of {far.size} entries"


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OPS)
def test_emulated_twin_is_the_cpu_twin(name, dtype, reverse):
    op, rng = OPS[name], np.random.default_rng(7)

    def call(op, args, c):
        return emulation.emulated_call(op, args, c, reverse=reverse)

    for d in WIDTHS:
        for rows in ROWS:
            args, c = draw(op, dtype, d, rows, rng)
            assert_twins_agree(op, args, c, call)
            if rows > 1:  # one row of the first argument, and one curvature, for all
                assert_twins_agree(op, [args[0][-1], *args[1:]], 0.75, call)


@pytest.mark.parametrize("name", [name for name, op in OPS.items() if op.groups])
def test_groups_of_any_size_and_of_long_rows(name):
    op, rng = OPS[name], np.random.default_rng(9)
    for d, group in ((_cuda.NEAR_SUMS - 2, 3), (_cuda.NEAR_SUMS, 2), (200, 9), (2, 0), (2, 1), (3, 130)):
        args, c = draw(op, np.float64, d, 5, rng, group)
        assert_twins_agree(op, args, c, emulation.emulated_call)


@pytest.mark.parametrize(("d", "group"), [(3, 9), (_cuda.NEAR_SUMS, 6)])
def test_means_near_the_rim_are_refined_by_a_block(d, group):
    rng = np.random.default_rng(5)
    x = rng.normal(size=(2, 1, d))
    x = (1 - 1e-9) * x / np.linalg.norm(x, axis=-1, keepdims=True) + 2e-10 * rng.uniform(-1, 1, (2, group, d)) / d
    op = OPS["poincare.midpoint_vjp"]
    args = [rng.normal(size=(2, d)), x, rng.uniform(0.1, 1, (2, group))]
    for got, expected in zip(emulation.emulated_call(op, args, 1.0), cpu_call(op, args, 1.0), strict=True):
        assert np.linalg.norm(got - expected) <= 1e-13 * np.linalg.norm(expected)


@pytest.mark.parametrize("d", [3, 32, 100])
def test_gaps_keep_their_digits_on_a_warp(d):
    rng = np.random.default_rng(5)
    x = rng.normal(size=(20, d))
    x *= (1 - 1e-13 * rng.uniform(1, 2, (20, 1))) / np.linalg.norm(x, axis=1, keepdims=True)
    op, args = OPS["poincare.egrad2rgrad"], [x, np.ones_like(x)]
    np.testing.assert_allclose(emulation.emulated_call(op, args, 1.0), cpu_call(op, args, 1.0), rtol=2e-15)


@pytest.mark.skipif(emulation.SANITIZE, reason="starts a process with sanitizers of its own")
@pytest.mark.parametrize(
    "chapter", [id_ if id_ == "poincare-metric" else pytest.param(id_, marks=pytest.mark.slow) for id_ in IDS]
)
def test_kernels_stay_within_their_arrays(chapter, pytestconfig):
    # -s: the report of a process that is being killed would be lost in a capture
    flags = ["-q", "-x", "-s", "-p", "no:cacheprovider", __file__, "-k", "emulated_twin and forward"]
    command = [sys.executable, "-P", "-m", "pytest", *flags]
    environment = emulation.sanitizer_environment() | {"CUDA_HOST_CHAPTERS": chapter}
    done = subprocess.run(command, cwd=pytestconfig.rootpath, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    count = 2 * sum(f"{op.space}-{op.chapter}" == chapter for op in row_ops.values())
    assert re.search(rf"^{count} passed", done.stdout, re.M), done.stdout[-1000:]


class Recorder(emulation.EmulatedDevice):
    """The emulated device, with a list of what was launched on it."""

    def __init__(self):
        super().__init__()
        self.launches = []

    def launch(self, kernel, grid, block, args):
        self.launches.append((kernel, grid, block, args))
        super().launch(kernel, grid, block, args)


@pytest.fixture
def device():
    return Recorder()


def test_zero_rows_launch_nothing(device):
    out = _cuda.launch_rows(OPS["poincare.exp"], [np.zeros((0, 3, 5), np.float32)] * 2, 1.0, device)
    assert (out.shape, out.dtype, device.launches) == ((0, 3, 5), np.float32, [])


@pytest.mark.parametrize(("rows", "blocks"), [(1, 1), (4, 1), (5, 2), (12, 3), (1000, 3)])
def test_grid_covers_the_rows_or_fills_the_device(device, rows, blocks):
    _cuda.launch_rows(OPS["poincare.dist"], [np.zeros((rows, 2))] * 2, 1.0, device)
    ((kernel, grid, block, _),) = device.launches
    assert (kernel.source, kernel.name, grid, block) == ("row_ops.cu", "poincare_dist_float64", blocks, 128)


def test_parameter_of_a_launch(device):
    x, y = np.full((6, 3), 0.1, np.float32), np.full((1, 3), 0.2, np.float32)
    _cuda.launch_rows(OPS["lorentz.dist_vjp"], [2.0, x, y], np.full(6, 0.5), device)
    ((kernel, _, _, (parameter,)),) = device.launches
    assert kernel.name == "lorentz_dist_vjp_float32"
    assert (parameter["rows"], parameter["d"]) == (6, 3)
    # G, x, y, c -> x_bar, y_bar, c_bar
    assert parameter["arg"]["stride"].tolist() == [0, 3, 0, 1, 3, 3, 1]
    assert (parameter["arg"]["data"] == 0).tolist() == [True] + [False] * 6
    assert parameter["arg"]["value"][0] == 2


def test_arguments_of_any_layout(device):
    op, rng = OPS["poincare.exp_vjp"], np.random.default_rng(3)
    big = rng.uniform(-0.2, 0.2, (5, 7, 8))
    layouts = [
        [big[..., :3], big[..., 3:6], big[..., 5:]],
        [big[:, :, ::3], big[::-1, ::-1, 4:7], np.asfortranarray(big[..., :3])],
        [big[:, :1, :3], big[:1, :, :3], big[0, 0, :3]],
        [np.broadcast_to(big[:1, :1, :3], (5, 7, 3)), big[0, :, :3], big[..., 1:4]],
    ]
    for args in layouts:
        for c in (0.5, np.float32(0.5), np.array(0.5), rng.uniform(0.1, 1, 7), rng.uniform(0.1, 1, (5, 1))):
            before = [a.copy() for a in args]
            assert_twins_agree(op, args, c, lambda *call: _cuda.launch_rows(*call, device))
            for a, b in zip(args, before, strict=True):
                np.testing.assert_array_equal(a, b)


def test_geometry_is_stated_once_on_each_side():
    header = (_cuda.source_folders()[1] / "row_kernel.cuh").read_text()
    assert f"constexpr int row_block = {_cuda.ROW_BLOCK};" in header
    assert (
        f"constexpr int near_sums = {_cuda.NEAR_SUMS};" in (_cuda.source_folders()[1] / "group_kernel.cuh").read_text()
    )


def test_installed_sources_are_complete():
    headers, kernels = _cuda.source_folders()
    assert {path.name for path in kernels.glob("*.cu")} >= {"row_ops.cu"}
    assert (headers / "hypergeom" / "config.h").is_file()


def test_every_row_function_is_a_line_of_the_table():
    assert set(emulation.table()) == {(op.space, op.chapter, op.name, op.signature) for op in OPS.values()}


def test_an_edited_header_changes_the_compile_options(tmp_path, monkeypatch):
    folders = enumerate(_cuda.source_folders())
    copies = tuple(Path(shutil.copytree(folder, tmp_path / str(k))) for k, folder in folders)
    monkeypatch.setattr(_cuda, "source_folders", lambda: copies)
    before = _cuda.compile_options.__wrapped__()
    assert before == _cuda.compile_options.__wrapped__()
    with (copies[0] / "hypergeom" / "team.hpp").open("a") as header:
        header.write("\n")
    assert before != _cuda.compile_options.__wrapped__()


@pytest.mark.parametrize("architecture", nvrtc.ARCHITECTURES)
@pytest.mark.parametrize(("space", "chapter"), CHAPTERS, ids=IDS)
def test_every_kernel_compiles_without_spills(space, chapter, architecture):
    options = _cuda.compile_options() + _cuda.chapter_options(space, chapter)
    binary = nvrtc.compile_for(_cuda.source_folders()[1] / "row_ops.cu", architecture, options)
    assert binary.kernels == binary.usage.keys() == set(emulation.row_kernels(space, chapter))
    assert {name: use for name, use in binary.usage.items() if use.stack or use.spills} == {}


def test_one_row_function_compiles_alone():
    for name in ("log_vjp", "midpoint_vjp"):
        kernel = _cuda._row_kernel(OPS[f"lorentz.{name}"], "float64")
        options = _cuda.compile_options() + kernel.options
        binary = nvrtc.compile_for(_cuda.source_folders()[1] / kernel.source, "sm_80", options)
        assert binary.kernels == {f"lorentz_{name}_float32", f"lorentz_{name}_float64"}


@pytest.mark.parametrize(("space", "chapter"), CHAPTERS, ids=IDS)
def test_nvcc_spills_nothing(space, chapter, tmp_path):
    nvcc = shutil.which("nvcc")
    if nvcc is None:
        pytest.skip("there is no nvcc on the PATH")
    options = ["-std=c++17", "--fmad=false", *(f"-I{folder}" for folder in _cuda.source_folders())]
    options += _cuda.chapter_options(space, chapter)
    path = _cuda.source_folders()[1] / "row_ops.cu"
    usage = nvrtc.nvcc_usage(nvcc, path, "sm_90", options, tmp_path / "kernels.cubin")
    assert usage.keys() == set(emulation.row_kernels(space, chapter))
    assert {name: use for name, use in usage.items() if use.stack or use.spills} == {}


@pytest.fixture(scope="module")
def cupy():
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed")
    try:
        cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        pytest.skip(f"no CUDA device: {error}")
    return cupy


@pytest.mark.gpu
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OPS)
def test_gpu_twin_is_the_cpu_twin(name, dtype, cupy):
    op, rng = OPS[name], np.random.default_rng(7)

    def call(op, args, c):
        c = c if isinstance(c, float) else cupy.asarray(c)
        outputs = tuple_of(_cuda.call(op, [cupy.asarray(a) for a in args], c))
        return tuple(out.get() for out in outputs)

    for d in WIDTHS:
        for rows in (*ROWS, 200_000 // d):
            args, c = draw(op, dtype, d, rows, rng)
            assert_twins_agree(op, args, c, call)
            if rows > 1:
                assert_twins_agree(op, [args[0][-1], *args[1:]], 0.75, call)


@pytest.mark.gpu
def test_public_functions_stay_on_the_gpu(cupy):
    rng = np.random.default_rng(11)
    x, y, g = rng.uniform(-0.2, 0.2, (3, 50, 6))
    for space in (hypergeom.poincare, hypergeom.lorentz):
        on_gpu = space.exp_vjp(cupy.asarray(g), cupy.asarray(x), cupy.asarray(y[0]), cupy.asarray(0.7))
        for a, b in zip(on_gpu, space.exp_vjp(g, x, y[0], np.asarray(0.7)), strict=True):
            assert isinstance(a, cupy.ndarray)
            np.testing.assert_allclose(a.get(), b, rtol=1e-12, atol=1e-13)


@pytest.mark.gpu
def test_launches_are_on_the_current_stream(cupy):
    x = cupy.full((1_000_000, 16), 0.1)
    with cupy.cuda.Stream(non_blocking=True):
        y = cupy.zeros_like(x)
        for _ in range(20):
            y += 0.005
        assert float(hypergeom.poincare.dist(x, y).max()) < 1e-14
