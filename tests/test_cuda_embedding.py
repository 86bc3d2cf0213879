"""The embedding trainer and the ranks on a GPU: the kernels, run by the library's launch code, against the CPU's.

One warp makes the visits of one CPU thread, in its order and with its draws.
"""

import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from cuda_host import emulation, nvrtc
from cuda_host.cases import cupy_on_a_gpu

from hypergeom import _cuda
from hypergeom._core import embedding as core
from hypergeom.datasets import load_mammals
from hypergeom.embed import evaluate
from hypergeom.embed.device_trainer import DeviceTrainer
from hypergeom.embed.diffusion import diffusion_start
from hypergeom.embed.hierarchy import ancestor_lists
from hypergeom.embed.trainer import Recipe, Trainer

# Around the four lanes of a row, the 16 coordinates that are summed at once, and the 32 lanes of a warp.
WIDTHS = (1, 2, 5, 10, 33, 100)
SOURCES = sorted(emulation.EMBEDDING_KERNELS)


class Recorder(emulation.EmulatedDevice):
    """The emulated device, with a list of what was launched on it."""

    def __init__(self, **options):
        super().__init__(**options)
        self.launches = []

    def launch(self, kernel, grid, block, args, shared=0):
        self.launches.append((kernel.name, grid, block, shared, args[0].copy()))
        super().launch(kernel, grid, block, args, shared)


@pytest.fixture(params=["forward", "reverse", pytest.param("gpu", marks=pytest.mark.gpu)])
def device(request):
    if request.param == "gpu":
        cupy_on_a_gpu()
        return _cuda.cupy_device()
    return Recorder(reverse=request.param == "reverse")


def host(a):
    return a.get() if hasattr(a, "get") else np.asarray(a)


def recipe(**changes):
    values = {
        "n_epochs": 4,
        "n_negatives": 20,
        "learning_rate": (0.1,),
        "burn_in": 1,
        "hard_negatives": (0.0, 0.0),
        "negative_power": 0.0,
        "margin": 1e-9,
        "curvature": 1.0,
        "hyperbolic": True,
        "threads": 1,
    }
    return Recipe(**{**values, **changes})


def hierarchy():
    """Some nodes have more ancestors than a visit holds, and some more than the sampler's filter holds."""
    chain = [(i, j) for i in range(90) for j in range(i + 1, 90)]
    leaves = [(i, j) for i in range(90, 150) for j in range(i % 50, i % 50 + 1 + i % 7)]
    return np.array(chain + leaves)


def start_of(edges, d, seed=0):
    n = edges.max() + 1
    return np.random.default_rng(seed).uniform(-0.5, 0.5, (n, d)) / np.sqrt(d)


def assert_epochs_agree(edges, start, settings, device, tolerance, epochs=4, uncertain=0.0):
    """Each epoch begins where the CPU's ended: what is rounded differently grows from visit to visit.

    `uncertain` is the share of the projections that rounding may decide.
    """
    weights = np.random.default_rng(1).uniform(0.5, 2, len(edges))
    on_cpu = Trainer(start, edges, weights, settings, seed=5)
    on_gpu = DeviceTrainer(start, edges, weights, settings, 5, device)
    for epoch in range(epochs):
        loss, pairs, projected = on_cpu.epoch(epoch)
        (found,) = on_gpu.numbers([on_gpu.epoch(epoch)])
        assert found[1] == pairs > 0
        assert abs(found[2] - projected) <= uncertain * projected
        np.testing.assert_allclose(found[0], loss, rtol=tolerance)
        rows = host(on_gpu._rows)
        np.testing.assert_allclose(rows, on_cpu._rows, rtol=0, atol=tolerance)
        assert not rows[:, on_cpu._d : on_cpu._lanes].any()  # the padding
        on_gpu._rows[...] = device.xp.asarray(on_cpu._rows)


@pytest.mark.parametrize("hard", [0.0, 8.0], ids=["uniform", "rivals"])
@pytest.mark.parametrize("power", [0.0, 0.75], ids=["", "alias"])
@pytest.mark.parametrize("hyperbolic", [True, False], ids=["hyperbolic", "euclidean"])
@pytest.mark.parametrize("d", WIDTHS)
def test_epochs_are_those_of_one_thread(d, hyperbolic, power, hard, device):
    edges = hierarchy()
    # In one dimension, points that pass each other change the direction of every step: there they are kept from it.
    rate, tolerance = (0.1, 1e-11) if d > 2 else (0.01, 1e-9) if d == 2 else (1e-4, 1e-9)
    settings = recipe(
        learning_rate=(rate,),
        hyperbolic=hyperbolic,
        negative_power=power,
        hard_negatives=(hard, 0.75),
        curvature=0.3 if power else 1.0,
    )
    assert_epochs_agree(edges, start_of(edges, d), settings, device, tolerance)


@pytest.mark.parametrize("n_negatives", [1, 7, 50, 1200])
def test_rooms_of_any_size(n_negatives, device):
    """Rooms of warps in shared memory and, of many negatives, elsewhere. Nodes are drawn many times in a visit."""
    edges = hierarchy()
    settings = recipe(n_negatives=n_negatives, learning_rate=(0.05,), burn_in=0)
    assert_epochs_agree(edges, start_of(edges, 10), settings, device, 1e-10, epochs=2)
    if isinstance(device, Recorder):
        assert {bool(call["scratch"]) for *_, call in device.launches} == {n_negatives == 1200}


def test_a_node_drawn_twice_at_once_is_written_once(device):
    """As rivals and as uniform draws, whose steps differ: eight rows are written at once, the last is to stay."""
    edges = np.array([[0, 1]])
    start = np.random.default_rng(2).uniform(-0.5, 0.5, (9, 10)) / 3
    start[1] *= 2  # the others are rivals
    assert_epochs_agree(edges, start, recipe(n_negatives=40, hard_negatives=(0.02, 1.0), burn_in=0), device, 1e-12)


def test_steps_beyond_the_rim_are_projected(device):
    """A point that stays on the smallest gap is projected again if rounding says so."""
    edges, settings = hierarchy(), recipe(margin=0.02, learning_rate=(0.5,), burn_in=0)
    start = 1.9 * start_of(edges, 10)
    assert Trainer(start, edges, np.ones(len(edges)), settings, 5).epoch(0)[2] > 1000
    assert_epochs_agree(edges, start, settings, device, 1e-8, epochs=2, uncertain=0.01)


def test_a_start_beyond_the_margin_is_projected_and_counted(device):
    start = np.array([[0.99, 0.0], [0.0, 0.5], [0.8, 0.6]])
    settings = recipe(margin=0.02, learning_rate=(1e-12,), n_negatives=1, burn_in=0)
    trainer = DeviceTrainer(start, np.array([[0, 1]]), np.ones(1), settings, 0, device)
    ((_, _, projected),) = trainer.numbers([trainer.epoch(0)])
    assert projected >= 2
    np.testing.assert_allclose(host(trainer.points), [[0.98, 0.0], [0.0, 0.5], [0.784, 0.588]], atol=1e-10)
    np.testing.assert_allclose(host(trainer._rows)[:, 4], [0.0396, 0.75, 0.0396], rtol=1e-9)


def test_draws_that_end_short(device):
    """All nodes but one are ancestors of node 0; in some epochs the filter passes over that one too."""
    edges = np.stack([np.zeros(60, dtype=np.int64), np.arange(2, 62)], axis=1)
    start = np.random.default_rng(1).uniform(-0.4, 0.4, (62, 3))
    on_cpu, on_gpu = (
        make(start, edges, np.ones(60), recipe(n_negatives=5, burn_in=0), 0, *more)
        for make, more in ((Trainer, ()), (DeviceTrainer, (device,)))
    )
    pairs = [(on_cpu.epoch(epoch)[1], on_gpu.numbers([on_gpu.epoch(epoch)])[0][1]) for epoch in range(40)]
    assert all(a == b for a, b in pairs)
    assert {0, 70} <= {a for a, _ in pairs}


@pytest.mark.parametrize("n_negatives", [20, 1200])
@pytest.mark.parametrize("warps", [2, 5, 13])
def test_many_warps_make_every_visit_once(warps, n_negatives, device):
    """Nothing moves at this rate, so the order of the visits does not matter."""
    edges = hierarchy()
    start, weights = start_of(edges, 10), np.random.default_rng(1).uniform(0.5, 2, len(edges))
    settings = {"n_negatives": n_negatives, "learning_rate": (1e-30,), "burn_in": 0}
    loss, pairs, _ = Trainer(start, edges, weights, recipe(**settings), 5).epoch(0)
    trainer = DeviceTrainer(start, edges, weights, recipe(**settings, threads=warps), 5, device)
    ((found, computed, projected),) = trainer.numbers([trainer.epoch(0)])
    assert (computed, projected) == (pairs, 0)
    np.testing.assert_allclose(found, loss, rtol=1e-13)
    np.testing.assert_allclose(host(trainer.points), start, rtol=0, atol=1e-13)  # of a thousand steps of no length


@pytest.mark.parametrize("margin", [1e-9, 1e-13])
def test_rows_that_warps_write_at_once_stay_harmless(margin, device):
    edges = hierarchy()
    settings = recipe(n_epochs=30, n_negatives=30, learning_rate=(5.0,), margin=margin, threads=12)
    trainer = DeviceTrainer(start_of(edges, 5), edges, np.ones(len(edges)), settings, 0, device)
    results = trainer.numbers([trainer.epoch(epoch) for epoch in range(30)])
    assert np.isfinite([loss for loss, _, _ in results]).all()
    points = host(trainer.points)
    assert np.isfinite(points).all() and (np.linalg.norm(points, axis=1) < 1).all()
    if isinstance(device, Recorder):
        assert {launch[2] for launch in device.launches} == {128}  # four warps a block


@pytest.mark.parametrize("device", ["forward", pytest.param("gpu", marks=pytest.mark.gpu)], indirect=True)
def test_many_warps_learn_as_well(device):
    mammals = load_mammals()
    settings = recipe(n_epochs=25, learning_rate=(0.02, 0.2), burn_in=2, hard_negatives=(8.0, 0.4), threads=None)
    found = []
    for seed in (0, 1):
        start = diffusion_start(mammals.edges, 1180, 10, np.random.default_rng(seed))
        given = (start, mammals.edges, np.ones(len(mammals.edges)), settings, seed)
        for trainer in (Trainer(*given), DeviceTrainer(*given, device)):
            for epoch in range(25):
                trainer.epoch(epoch)
            score = evaluate(host(trainer.points), mammals.edges)
            found.append((score.mean_rank, score.map))
    (cpu_rank, cpu_map), (gpu_rank, gpu_map) = np.mean(found[::2], axis=0), np.mean(found[1::2], axis=0)
    assert gpu_rank < 1.1 * cpu_rank
    assert gpu_map > cpu_map - 0.02


def test_warps_seldom_meet_in_a_row():
    mammals, device = load_mammals(), Recorder()
    device.max_blocks = 1000
    given = (np.zeros((1180, 2)), mammals.edges, np.ones(len(mammals.edges)))
    trainer = DeviceTrainer(*given, recipe(threads=None), 0, device)
    assert trainer._warps(94) == 1180 // (94 + 6540 // 1179 + 1)  # that many visits hold each row about once
    assert trainer._warps(5000) == 1
    device.max_blocks = 2
    assert trainer._warps(94) == 8
    assert DeviceTrainer(*given, recipe(threads=3), 0, device)._warps(94) == 3


def test_no_visits_launch_nothing():
    device, empty = Recorder(), np.zeros(0, np.int32)
    rows, options = np.zeros((3, 8)), {"learning_rate": 0.1, "lanes": 4, "max_positives": 32}
    found = _cuda.run_epoch(
        device, rows, 2, [empty] * 5, empty, warps=4, hyperbolic=True, n_negatives=3, seed=0, epoch=0, **options
    )
    assert (found == 0).all() and found.shape == (3,)
    ranks, rivals = _cuda.reconstruction_ranks(device, np.zeros((3, 2)), np.ones(3), np.zeros(4), empty, empty)
    assert (ranks.shape, rivals.shape, device.launches) == ((0,), (3, 0), [])


@pytest.mark.parametrize(
    ("warps", "d", "n_negatives", "grid", "block"),
    [(1, 10, 5, 1, 32), (3, 10, 5, 1, 96), (9, 10, 5, 3, 128), (9, 10, 100, 5, 64), (9, 10, 200, 9, 32)],
)
def test_geometry_of_a_launch(warps, d, n_negatives, grid, block):
    edges, device = hierarchy(), Recorder()
    settings = recipe(n_negatives=n_negatives, threads=warps, burn_in=0)
    DeviceTrainer(start_of(edges, d), edges, np.ones(len(edges)), settings, 7, device).epoch(2)
    ((name, *found, shared, call),) = device.launches
    assert (name, *found) == ("embedding_epoch_hyperbolic", grid, block)
    assert 0 < shared <= 48 * 1024 and shared == block // 32 * 8 * (
        call["partners"] * 16 + 24 + (call["partners"] + 1) // 2
    )
    options = call["options"]
    assert (options["seed"], options["epoch"], options["threads"]) == (7, 2, warps)
    assert (call["table"]["n"], call["table"]["d"], call["partners"]) == (150, d, 32 + n_negatives)
    assert call["n_visits"] > 150


# --- ranks --------------------------------------------------------------------------------------------------------


def random_edges(n, rng):
    return np.array([(i, j) for i in range(1, n) for j in range(i) if rng.random() < 0.1 or j == 0])


@pytest.mark.parametrize("d", WIDTHS)
@pytest.mark.parametrize("n", [2, 65, 128, 129, 300])
def test_ranks_are_those_of_the_cpu(n, d, device):
    """Also where nodes share a place: half of the points are there twice."""
    rng, xp = np.random.default_rng(n), device.xp
    edges = random_edges(n, rng)
    x = rng.uniform(-0.5, 0.5, (n, d)) / np.sqrt(d)
    x[n // 2 :] = x[: n - n // 2]
    gap = 1 - (x * x).sum(axis=1)
    start, ancestors = ancestor_lists(edges, n)
    queries = np.flatnonzero(np.diff(start)).astype(np.int32)
    for some, n_rivals, reach in ((queries, 0, 1.0), (queries, 5, 2.0), (queries, 64, 1e9), (queries[::3], 128, 3.0)):
        expected, rivals = core.reconstruction_ranks(
            x, gap, start, ancestors, some.copy(), threads=1, n_rivals=n_rivals, reach=reach
        )
        given = [xp.asarray(a) for a in (x, gap, start, ancestors, some.copy())]
        ranks, found = map(host, _cuda.reconstruction_ranks(device, *given, n_rivals=n_rivals, reach=reach))
        np.testing.assert_array_equal(ranks, expected)
        assert (ranks.dtype, found.dtype, found.shape) == (np.float64, np.int32, (n, n_rivals))
        np.testing.assert_array_equal(found < 0, rivals < 0)

        def keys(nodes):
            return np.where(nodes < 0, 0, ((x[:, None] - x[nodes]) ** 2).sum(-1) / gap[nodes])

        np.testing.assert_allclose(keys(found), keys(rivals), rtol=1e-13)  # of equal ones the CPU takes any
        for u, row in enumerate(found):
            assert len(set(row[row >= 0])) == (row >= 0).sum()
            assert not {u, *ancestors[start[u] : start[u + 1]]} & set(row[row >= 0])


def test_equal_rivals_come_in_their_order(device):
    x = np.zeros((200, 2))
    x[:100] = 0.5
    start, ancestors = ancestor_lists(np.array([[0, 199]]), 200)
    given = [device.xp.asarray(a) for a in (x, np.ones(200), start, ancestors, np.zeros(1, np.int32))]
    ranks, rivals = map(host, _cuda.reconstruction_ranks(device, *given, n_rivals=110, reach=1.0))
    np.testing.assert_array_equal(rivals[0], np.arange(1, 111))
    assert ranks == [1 + 99 + 99 / 2]


def test_too_many_rivals_are_refused():
    with pytest.raises(ValueError, match=r"n_rivals needs to be at most 128 on a GPU, got 129"):
        _cuda.reconstruction_ranks(Recorder(), *([np.zeros((3, 2))] * 5), n_rivals=129)


# --- the kernels --------------------------------------------------------------------------------------------------


def test_geometry_is_stated_once_on_each_side():
    text = (_cuda.source_folders()[1] / "ranks.cu").read_text()
    of_module = sys.modules["hypergeom._cuda.embedding"]
    for name, value in (("rank_block", of_module.RANK_BLOCK), ("near_room", of_module.NEAR_ROOM)):
        assert f"constexpr int {name} = {value};" in text
    assert of_module.NEAR_STRETCH == 4 * 32 and "constexpr int held = 4, stretch = held * Warp::size;" in text


@pytest.mark.slow
@pytest.mark.skipif(emulation.SANITIZE, reason="starts a process with sanitizers of its own")
def test_kernels_stay_within_their_arrays(pytestconfig):
    # -s: the report of a process that is being killed would be lost in a capture
    chosen = "forward and ((one_thread and alias and rivals) or any_size or of_the_cpu or harmless or end_short)"
    flags = ["-q", "-x", "-s", "-p", "no:cacheprovider", __file__, "-k", chosen]
    environment = emulation.sanitizer_environment()
    command = [sys.executable, "-P", "-m", "pytest", *flags]
    done = subprocess.run(command, cwd=pytestconfig.rootpath, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    assert re.search(r"^49 passed", done.stdout, re.M), done.stdout[-1000:]


@pytest.mark.parametrize("architecture", nvrtc.ARCHITECTURES)
@pytest.mark.parametrize("source", SOURCES)
def test_every_kernel_compiles_without_spills(source, architecture):
    path = _cuda.source_folders()[1] / source
    binary = nvrtc.compile_for_all(path, _cuda.compile_options())[architecture]()
    assert binary.kernels == binary.usage.keys() == set(emulation.EMBEDDING_KERNELS[source])
    assert {name: use for name, use in binary.usage.items() if use.stack or use.spills} == {}


@pytest.mark.parametrize("source", SOURCES)
def test_nvcc_spills_nothing(source, tmp_path):
    nvcc = shutil.which("nvcc")
    if nvcc is None:
        pytest.skip("there is no nvcc on the PATH")
    options = ["-std=c++17", "--fmad=false", *(f"-I{folder}" for folder in _cuda.source_folders())]
    path = _cuda.source_folders()[1] / source
    usage = nvrtc.nvcc_usage(nvcc, path, "sm_90", options, tmp_path / "kernels.cubin")
    assert usage.keys() == set(emulation.EMBEDDING_KERNELS[source])
    assert {name: use for name, use in usage.items() if use.stack or use.spills} == {}
