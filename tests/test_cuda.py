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
from cuda_host.cases import assert_twins_agree, cpu_call, cupy_on_a_gpu, draw, tuple_of

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
# Around the 8 or 16 entries of a thread's row, the 8 lanes and the 32 lanes of others; rows around the tile of a warp,
# and more than the emulated grid of three blocks takes at once.
WIDTHS = (1, 2, 7, 8, 9, 16, 17, 31, 33, 128, 129)
ROWS_OF_THREADS, ROWS_OF_LANES = (0, 1, 31, 33, 420), (0, 1, 7, 65)


@pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OPS)
def test_emulated_twin_is_the_cpu_twin(name, dtype, reverse):
    op, rng = OPS[name], np.random.default_rng(7)

    def call(op, args, c):
        return emulation.emulated_call(op, args, c, reverse=reverse)

    for d in WIDTHS:
        for rows in ROWS_OF_THREADS if d <= 16 and not op.groups else ROWS_OF_LANES:
            args, c = draw(op, dtype, d, rows, rng)
            assert_twins_agree(op, args, c, call)
            if rows > 1:  # one row of the first argument, and one curvature, for all
                assert_twins_agree(op, [np.asarray(args[0][-1]), *args[1:]], 0.75, call)


@pytest.mark.parametrize("name", [name for name, op in OPS.items() if not op.groups])
def test_a_thread_gives_the_bits_of_the_cpu(name):
    """It adds along its row in the same order."""
    op, rng = OPS[name], np.random.default_rng(8)
    for d in (1, 3, 8, 16):
        if _cuda.rows.geometry(op, d, 40, 8, 3).lanes > 1:
            continue
        args, c = draw(op, np.float64, d, 40, rng)
        found, expected = emulation.emulated_call(op, args, c), cpu_call(op, args, c)
        for a, b in zip(tuple_of(found), tuple_of(expected), strict=True):
            np.testing.assert_array_equal(a, b)


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


@pytest.mark.parametrize("d", [3, 32, 130])
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

    def launch(self, kernel, grid, block, args, shared=0):
        self.launches.append((kernel, grid, block, args, shared))
        super().launch(kernel, grid, block, args, shared)


@pytest.fixture
def device():
    return Recorder()


def test_zero_rows_launch_nothing(device):
    out = _cuda.launch_rows(OPS["poincare.exp"], [np.zeros((0, 3, 5), np.float32)] * 2, 1.0, device)
    assert (out.shape, out.dtype, device.launches) == ((0, 3, 5), np.float32, [])


@pytest.mark.parametrize(
    ("d", "rows", "lanes", "blocks", "shared"),
    [
        (2, 1, 1, 1, 4 * 32 * 2 * 3 * 8),
        (7, 128, 1, 1, 4 * 32 * 2 * 7 * 8),
        (8, 129, 1, 2, 4 * 32 * 2 * 9 * 8),
        (8, 385, 1, 3, 4 * 32 * 2 * 9 * 8),
        (9, 16, 1, 1, 4 * 32 * 2 * 9 * 8),
        (16, 129, 1, 2, 4 * 32 * 2 * 17 * 8),
        (17, 16, 8, 1, 0),
        (128, 17, 8, 2, 0),
        (129, 4, 32, 1, 0),
        (129, 5, 32, 2, 0),
        (200, 1000, 32, 3, 0),
    ],
)
def test_grid_covers_the_rows_or_fills_the_device(device, d, rows, lanes, blocks, shared):
    _cuda.launch_rows(OPS["poincare.dist"], [np.zeros((rows, d))] * 2, 1.0, device)
    ((kernel, grid, block, _, asked),) = device.launches
    assert (kernel.source, kernel.name) == ("row_ops.cu", f"poincare_dist_float64_x{lanes}")
    assert (grid, block, asked) == (blocks, 128, shared)


@pytest.mark.parametrize("name", [name for name, op in OPS.items() if not op.groups])
def test_tiles_fit_into_the_shared_memory_of_any_gpu(name):
    for d in range(1, 17):
        for itemsize in (4, 8):
            how = _cuda.rows.geometry(OPS[name], d, 1000, itemsize, 10**6)
            vectors = [axes for axes in (*OPS[name].inputs, *OPS[name].outputs) if axes]
            if d > 8 and how.lanes == 8:
                continue  # see the next test
            assert how.lanes == 1 and how.grid == -(-1000 // how.block)
            assert how.block in (64, 128) and (how.block == 128 or 2 * how.shared > _cuda.rows.SHARED)
            assert how.block * itemsize * len(vectors) * d <= how.shared <= _cuda.rows.SHARED == 48 * 1024


def test_threads_have_longer_rows_where_enough_warps_find_room():
    # of two, five and nine vectors
    for itemsize, longest in {4: (16, 16, 16), 8: (16, 16, 10)}.items():
        for name, d in zip(("poincare.dist", "poincare.exp_vjp", "lorentz.exp_transport_vjp"), longest, strict=True):
            lanes = [_cuda.rows.geometry(OPS[name], n, 1, itemsize, 9).lanes for n in (d, d + 1)]
            assert lanes == [1, 8], (name, itemsize)


def test_rows_of_an_even_length_get_an_entry_more():
    op = OPS["lorentz.exp"]  # three vectors of d + 1 entries
    assert [_cuda.rows.geometry(op, d, 1, 4, 9).shared for d in (6, 7, 8)] == [4 * 32 * 3 * n * 4 for n in (7, 9, 9)]


def test_many_vectors_take_half_a_block():
    how = _cuda.rows.geometry(OPS["lorentz.exp_transport_vjp"], 8, 100, 8, 3)
    assert how == (1, 2, 64, 2 * 32 * 8 * 9 * 8)


def test_parameter_of_a_launch(device):
    x, y = np.full((6, 3), 0.1, np.float32), np.full((1, 3), 0.2, np.float32)
    _cuda.launch_rows(OPS["lorentz.dist_vjp"], [2.0, x, y], np.full(6, 0.5), device)
    ((kernel, _, _, (parameter,), _),) = device.launches
    assert kernel.name == "lorentz_dist_vjp_float32_x1"
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
        for c in (0.5, np.array(0.5, np.float32), np.array(0.5), rng.uniform(0.1, 1, 7), rng.uniform(0.1, 1, (5, 1))):
            before = [a.copy() for a in args]
            assert_twins_agree(op, args, c, lambda *call: _cuda.launch_rows(*call, device))
            for a, b in zip(args, before, strict=True):
                np.testing.assert_array_equal(a, b)


def test_rows_at_equal_distances_are_not_copied(device):
    big = np.random.default_rng(4).uniform(-0.2, 0.2, (4, 6, 8))
    views = [
        (big, 8),
        (big[..., :3], 8),
        (big[..., 5:], 8),
        (big[0, ::2, :3], 16),
        (big[0, ::-1, :3], -8),
        (big[::-1, 2, :3], -48),
        (big[:, :1, :3], 48),
        (big[1, 2], 0),
        (np.broadcast_to(big[1, 2], (5, 8)), 0),
    ]
    for x, stride in views:
        out = _cuda.launch_rows(OPS["poincare.exp0"], [x], 1.0, device)
        np.testing.assert_array_equal(out, cpu_call(OPS["poincare.exp0"], [x], 1.0))
        call = device.launches[-1][3][0]["arg"][0]
        assert (int(call["data"]), int(call["stride"])) == (x.ctypes.data, stride)


@pytest.mark.parametrize(
    "fields", [[("x", "f8", 3), ("k", "i2")], [("k", "i2"), ("x", "f8", 3), ("pad", "i2", 3)]], ids=["apart", "begin"]
)
def test_rows_that_do_not_lie_at_whole_entries_are_copied(device, fields):
    records = np.zeros(9, fields)
    x = records["x"]
    x[...] = np.random.default_rng(4).uniform(-0.2, 0.2, (9, 3))
    assert not x.flags.aligned
    for a in (x, x[4]):
        out = _cuda.launch_rows(OPS["poincare.exp0"], [a], 1.0, device)
        np.testing.assert_array_equal(out, cpu_call(OPS["poincare.exp0"], [a], 1.0))
        assert device.launches[-1][3][0]["arg"][0]["data"] % 8 == 0


def test_read_only_arguments_and_mixed_dtypes(device):
    x, c = np.full((5, 3), 0.1), np.full(5, 0.5, np.float32)
    x.flags.writeable = c.flags.writeable = False
    out = _cuda.launch_rows(OPS["poincare.exp0"], [x], c, device)
    np.testing.assert_array_equal(out, cpu_call(OPS["poincare.exp0"], [x], 0.5))


class OneBlock(Recorder):
    """Runs one block only, of a grid of three."""

    def launch(self, kernel, grid, block, args, shared=0):
        assert grid == 3
        emulation.library_of(kernel).launch(kernel.name, grid, block, *args, blocks=range(1, 2))


def test_the_scratch_of_a_block_is_its_own():
    """Blocks of the emulation run one after the other, and would not disturb one another."""
    given = []

    class Poisoned:
        def __getattr__(self, name):
            return getattr(np, name)

        def empty(self, shape, dtype):
            given.append(np.full(shape, 7, dtype))
            return given[-1]

    device, d = OneBlock(), 200
    device.xp = Poisoned()
    args, c = draw(OPS["poincare.midpoint_vjp"], np.float64, d, 3, np.random.default_rng(1), 5)
    _cuda.launch_rows(OPS["poincare.midpoint_vjp"], args, c, device)
    (scratch,) = (a for a in given if a.ndim == 1 and a.size > 3 * d)
    scratch = scratch.reshape(3, -1, d + 1)
    assert scratch.shape[1] == 2 * 4 + 1
    assert (scratch[[0, 2]] == 7).all()
    assert not (scratch[1][:, :d] == 7).any()  # the cotangent has no last entry


def test_geometry_is_stated_once_on_each_side():
    header = (_cuda.source_folders()[1] / "row_kernel.cuh").read_text()
    assert f"constexpr int row_block = {_cuda.ROW_BLOCK};" in header
    assert (
        f"constexpr int near_sums = {_cuda.NEAR_SUMS};" in (_cuda.source_folders()[1] / "group_kernel.cuh").read_text()
    )


def test_every_kernel_is_run():
    """Every kernel of the lists is one that the cases above launch."""
    run = set()
    for op in OPS.values():
        for dtype in DTYPES:
            if op.groups:
                run.add(f"{op.space}_{op.name}_{dtype.__name__}")
                continue
            for d in WIDTHS:
                how = _cuda.rows.geometry(op, d, 100, dtype().itemsize, 3)
                run.add(_cuda.rows.row_kernel(op, dtype.__name__, how.lanes).name)
    assert run == {name for pair in CHAPTERS for name in emulation.row_kernels(*pair)}


def test_installed_sources_are_complete():
    headers, kernels = _cuda.source_folders()
    assert {path.name for path in kernels.glob("*.cu")} >= {"row_ops.cu"}
    assert (headers / "hypergeom" / "config.h").is_file()


def test_every_row_function_is_a_line_of_the_table():
    assert set(emulation.table()) == {(op.space, op.chapter, op.name, op.signature) for op in OPS.values()}


def test_an_edited_header_changes_the_compile_options(tmp_path, monkeypatch):
    folders = enumerate(_cuda.source_folders())
    copies = tuple(Path(shutil.copytree(folder, tmp_path / str(k))) for k, folder in folders)
    monkeypatch.setattr(_cuda.device, "source_folders", lambda: copies)
    before = _cuda.compile_options.__wrapped__()
    assert before == _cuda.compile_options.__wrapped__()
    with (copies[0] / "hypergeom" / "team.hpp").open("a") as header:
        header.write("\n")
    assert before != _cuda.compile_options.__wrapped__()


@pytest.mark.parametrize("architecture", nvrtc.ARCHITECTURES)
@pytest.mark.parametrize(
    ("space", "chapter"),
    [
        pytest.param(*pair, id=id_, marks=[pytest.mark.slow] * (id_ != "poincare-hyperplanes"))
        for pair, id_ in zip(CHAPTERS, IDS, strict=True)
    ],
)
def test_every_kernel_compiles_without_spills(space, chapter, architecture):
    options = _cuda.compile_options() + _cuda.chapter_options(space, chapter)
    binary = nvrtc.compile_for_all(_cuda.source_folders()[1] / "row_ops.cu", options)[architecture]()
    assert binary.kernels == binary.usage.keys() == set(emulation.row_kernels(space, chapter))
    assert {name: use for name, use in binary.usage.items() if use.stack or use.spills} == {}


@pytest.mark.parametrize("lanes", emulation.LANES)
def test_one_kernel_compiles_alone(lanes):
    """It is all that a first call waits for."""
    for name, dtype in (("geodesic_vjp", "float64"), ("dist", "float32")):
        kernel = _cuda.rows.row_kernel(OPS[f"lorentz.{name}"], dtype, lanes)
        options = _cuda.compile_options() + kernel.options
        binary = nvrtc.compile_for(_cuda.source_folders()[1] / kernel.source, "sm_80", options)
        assert binary.kernels == {kernel.name} == {f"lorentz_{name}_{dtype}_x{lanes}"}


@pytest.fixture(scope="module")
def cupy():
    return cupy_on_a_gpu()


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
        for rows in (*ROWS_OF_THREADS, 200_000 // d):
            args, c = draw(op, dtype, d, rows, rng)
            assert_twins_agree(op, args, c, call)
            if rows > 1:
                assert_twins_agree(op, [np.asarray(args[0][-1]), *args[1:]], 0.75, call)


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
