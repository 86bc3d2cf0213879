"""Faults seeded into the kernels of the embedding: what the tests compare with the CPU finds each of them."""

import contextlib
import faulthandler
import os
import sys

import numpy as np
import pytest
from cuda_host import emulation
from cuda_host.test_kernels import Seeded, seed

from hypergeom import _cuda
from hypergeom._core import embedding as core
from hypergeom.embed.device_trainer import DeviceTrainer
from hypergeom.embed.hierarchy import ancestor_lists
from hypergeom.embed.trainer import Recipe, Trainer

# A process with threads of its own may not fork safely; these have none.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")

# (file, text, fault)
EPOCH_FAULTS = {
    "no fault": ("embedding.cu", "__syncwarp();", "__syncwarp();"),
    "numbers in the order of the blocks": ("embedding.cu", "lane_ < stream_blocks ? a : b", "lane_ & 1 ? a : b"),
    "a draw in the place of its neighbour": ("embedding.cu", "(1u << lane_) - 1", "(2u << lane_) - 1"),
    "a filter of half the bits": ("embedding.cu", "hash_(own[k]) >> 5 ==", "(hash_(own[k]) >> 5 & 15) =="),
    "rivals weigh as uniform draws": ("embedding.cu", "k < n_pos + partners.near", "k < n_pos"),
    "a partner too many": (
        "embedding.cu",
        "if (k < n && lane % row_lanes == 0) room.ee",
        "if (lane % row_lanes == 0) room.ee",
    ),
    "rows read before the node is": (
        "embedding.cu",
        "room.u[i] = __ldcg(u_row + i);\n        __syncwarp();",
        "room.u[i] = __ldcg(u_row + i);",
    ),
    "the first of two equal partners stays": ("embedding.cu", "room.ids[k]) return false", "room.ids[k]) return true"),
    "rows written in any order": ("embedding.cu", "__syncwarp();  // a node", "// a node"),
    "a pull of some lanes": ("embedding.cu", "apart = row_lanes; apart < Warp", "apart = 2 * row_lanes; apart < Warp"),
    "a pull of the first coordinates": ("embedding.cu", "begin += slice)", "begin += 2 * slice)"),
    "no curl": ("embedding.cu", "curl += weight * ee", "curl += 0 * ee"),
    "steps beyond the rim": ("embedding.cu", "if (needs_mending(m.gap", "if (false && needs_mending(m.gap"),
    "an old gap": ("embedding.cu", ", __stcg(u_row + lanes, shift.gap)", ""),
    "visits left out": ("embedding.cu", "i += warps)", "i += warps + 1)"),
    "warps that share a room": ("embedding.cu", "shared + in_block * size", "shared"),
    "warps that share scratch": ("embedding.cu", "call.scratch + warp * size", "call.scratch + 0 * size"),
    "a warp too many": ("embedding.cu", "if (warp >= warps) return;", ""),
    "the pull without its tilt": ("embedding_step.hpp", "return {gap_u, curl}", "return {gap_u, 0}"),
    "another salt": ("embedding_visit.hpp", "0x9E3779B1u", "0x7E3779B1u"),
}
RANK_FAULTS = {
    "no fault": ("ranks.cu", "__syncwarp();", "__syncwarp();"),
    "keys used before they are sorted": (
        "ranks.cu",
        "= keys[a];\n        }\n        __syncwarp();",
        "= keys[a];\n        }",
    ),
    "ties in the wrong place": ("embedding_visit.hpp", "if (sorted[middle] < key)", "if (sorted[middle] <= key)"),
    "ties that count as nearer": ("ranks.cu", "call.sorted[k] == key[q] ? call.tied :", "false ? call.tied :"),
    "ancestors among the rivals": ("ranks.cu", "!embedding::contains(own", "!!embedding::contains(own"),
    "the node among its rivals": ("ranks.cu", "&& v[q] != u &&", "&&"),
    "the last node many times": ("ranks.cu", "q * Warp::size < call.n && key", "q * Warp::size >= 0 && key"),
    "the farthest of some ancestors": ("ranks.cu", "apart = Warp::size / 2; apart", "apart = Warp::size / 4; apart"),
    "a query for another": ("ranks.cu", "q += Int64(gridDim.x) * warps", "q += Int64(gridDim.x) * warps + 1"),
    "a room too small": ("ranks.cu", "nearest->count > near_room - stretch", "nearest->count > near_room"),
    "rivals not sorted": ("ranks.cu", "if (in_order(j, i) == ascending)", "if (in_order(j, i))"),
    "a sort without barriers": ("ranks.cu", "                }\n                __syncwarp();", "                }"),
    "rivals given up too soon": ("ranks.cu", "farthest = keys[width - 1]", "farthest = keys[width / 2]"),
    "warps that share their rivals": ("ranks.cu", "hg_rank_room + in_block * words", "hg_rank_room"),
}


def recipe(**changes):
    values = {"n_epochs": 4, "n_negatives": 20, "learning_rate": (0.1,), "burn_in": 0, "hard_negatives": (0.5, 0.5)}
    fixed = {"negative_power": 0.0, "margin": 0.2, "curvature": 1.0, "hyperbolic": True, "threads": 1}
    return Recipe(**{**fixed, **values, **changes})


def epochs_agree(device):
    rng = np.random.default_rng(0)
    edges = np.array([(i, j) for i in range(150) for j in range(i + 1, 150) if i < 3 or j < i + 5 + i % 40])
    weights = rng.uniform(0.5, 2, len(edges))
    start = rng.uniform(-0.4, 0.4, (150, 18)) / np.sqrt(18) * 2
    # One warp step by step; then many, in shared memory and not, when nothing moves.
    for changes, tolerance in (
        ({}, 1e-10),
        ({"n_negatives": 90, "margin": 1e-9}, 1e-10),
        ({"learning_rate": (1e-30,), "threads": 7}, 1e-12),
        ({"learning_rate": (1e-30,), "threads": 7, "n_negatives": 400}, 1e-12),
    ):
        on_cpu = Trainer(start, edges, weights, recipe(**{**changes, "threads": 1}), 5)
        on_gpu = DeviceTrainer(start, edges, weights, recipe(**changes), 5, device)
        for epoch in range(1, 3):
            (found,) = on_gpu.numbers([on_gpu.epoch(epoch)])
            loss, pairs, projected = on_cpu.epoch(epoch)
            device.xp.check()
            assert found[1] == pairs and abs(found[2] - projected) <= 0.02 * projected
            np.testing.assert_allclose(found[0], loss, rtol=tolerance)
            np.testing.assert_allclose(on_gpu._rows, on_cpu._rows, rtol=0, atol=tolerance)
            on_gpu._rows[...] = on_cpu._rows
    return True


def ranks_agree(device):
    rng = np.random.default_rng(1)
    n = 330
    edges = np.array([(i, j) for i in range(1, n) for j in range(i) if rng.random() < 0.1 or j == 0])
    x = rng.uniform(-0.5, 0.5, (n, 3))
    x[n // 2 :] = x[: n - n // 2]
    gap = 1 - (x * x).sum(axis=1)
    start, ancestors = ancestor_lists(edges, n)
    queries = np.flatnonzero(np.diff(start)).astype(np.int32)
    for n_rivals, reach in ((0, 1.0), (20, 1e9)):
        expected, rivals = core.reconstruction_ranks(
            x, gap, start, ancestors, queries, threads=1, n_rivals=n_rivals, reach=reach
        )
        ranks, found = _cuda.reconstruction_ranks(
            device, x, gap, start, ancestors, queries, n_rivals=n_rivals, reach=reach
        )
        device.xp.check()
        np.testing.assert_array_equal(ranks, expected)
        far = ((x[:, None] - x[found]) ** 2).sum(-1) / gap[found]
        np.testing.assert_allclose(far, ((x[:, None] - x[rivals]) ** 2).sum(-1) / gap[rivals], rtol=1e-13)
        assert all(len(set(row)) == len(row) for row in found[queries])
    return True


def expect(change, agree, tmp_path, orders=(0, 1)):
    """In a process of its own, whose memory a fault may damage."""
    sources = seed(tmp_path, *change)
    devices = [Seeded(*sources, reverse) for reverse in orders]
    seeded = change[1] != change[2]
    child = os.fork()
    if child == 0:
        faulthandler.disable()
        code = 2
        with contextlib.suppress(BaseException):
            code = run(agree, devices, seeded)
        os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    # A fault that kills the process is found, too.
    assert code == 0 or (seeded and code < 0)


def run(agree, devices, seeded):
    """0 if the devices agree with the CPU, or do not where a fault was seeded."""
    try:
        all(agree(device) for device in devices)
    except (AssertionError, emulation.EmulationError) as found:
        if not seeded:
            print(found, file=sys.stderr)
        return 0 if seeded else 1
    return 1 if seeded else 0


@pytest.mark.slow
@pytest.mark.parametrize("fault", EPOCH_FAULTS)
def test_faults_of_the_trainer_are_found(fault, tmp_path):
    expect(EPOCH_FAULTS[fault], epochs_agree, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("fault", RANK_FAULTS)
def test_faults_of_the_ranks_are_found(fault, tmp_path):
    expect(RANK_FAULTS[fault], ranks_agree, tmp_path)
