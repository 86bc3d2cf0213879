"""The lists of kernels, and faults seeded into kernels: each is found by what the other tests compare."""

import re
import shutil

import numpy as np
import pytest
from cuda_host import emulation
from cuda_host.cases import assert_twins_agree, draw
from cuda_host.guarded import Guarded

import hypergeom.lorentz
import hypergeom.poincare  # noqa: F401
from hypergeom import _cuda
from hypergeom._pairs import pair_ops
from hypergeom._rows import row_ops


def test_every_source_is_in_the_lists():
    """A new file of kernels is to be compiled and run as the others are: add it to `emulation.SOURCES`."""
    assert {path.name for path in _cuda.source_folders()[1].glob("*.cu")} == emulation.SOURCES.keys()


def test_every_kernel_has_a_name_of_its_own():
    names = [name for source in emulation.SOURCES.values() for _, kernels, _ in source() for name in kernels]
    assert len(names) == len(set(names))
    row_functions = [op for op in row_ops.values() if not op.groups]
    groups = [op for op in row_ops.values() if op.groups]
    of_rows = sum(len(kernels) for _, kernels, _ in emulation.SOURCES["row_ops.cu"]())
    assert of_rows == 2 * (len(emulation.LANES) * len(row_functions) + len(groups)) > 0
    assert sum(len(kernels) for _, kernels, _ in emulation.SOURCES["pairwise.cu"]()) == 2 * 2 * 2


def test_every_kernel_of_the_embedding_is_in_the_list():
    written = r"(?:^HG_\w+_KERNEL\(|__launch_bounds__\([^)]*\)\s+)(embedding_\w+)"
    for source, names in emulation.EMBEDDING_KERNELS.items():
        text = (_cuda.source_folders()[1] / source).read_text()
        assert sorted(re.findall(written, text, re.M)) == sorted(names)


class Seeded(emulation.EmulatedDevice):
    """The emulated device with sources of its own."""

    def __init__(self, headers, kernels, reverse):
        super().__init__(reverse=reverse)
        self.xp, self.headers, self.kernels = Guarded(), headers, kernels
        self.libraries = {}

    def launch(self, kernel, grid, block, args, shared=0):
        if kernel not in self.libraries:
            folders = (self.headers, self.kernels)
            source = self.kernels / kernel.source
            self.libraries[kernel] = emulation.Library(source, [kernel.name], folders, kernel.options)
        self.libraries[kernel].launch(kernel.name, grid, block, *args, shared=shared, reverse=self.reverse)


# (file, text, fault, row function, dimension)
FAULTS = {
    "no fault": ("row_kernel.cuh", "__syncwarp();", "__syncwarp();", "lorentz.to_poincare", 5),
    "no fault in groups": ("group_kernel.cuh", "r < rows", "r < rows", "poincare.midpoint_vjp", 5),
    "no fault in pairs": ("pair_kernel.cuh", "i < count", "i < count", "lorentz.cdist_vjp", 20),
    "no barrier after the load": ("row_kernel.cuh", "__syncwarp();\n            if", "if", "poincare.exp0", 5),
    "no barrier before the store": (
        "row_kernel.cuh",
        "__syncwarp();\n            (Tile",
        "(Tile",
        "poincare.exp0",
        5,
    ),
    "a lane too many": ("row_kernel.cuh", "rank() < count)", "rank() <= count)", "poincare.dist", 5),
    "a row too many": ("row_kernel.cuh", "row < call.rows", "row <= call.rows", "poincare.dist", 17),
    "rows left out": ("row_kernel.cuh", "(gridDim.x) * blockDim.x", "(gridDim.x + 1) * blockDim.x", "poincare.dist", 5),
    "rows of lanes left out": (
        "row_kernel.cuh",
        "(gridDim.x) * (row_block / Team::size)",
        "(gridDim.x) * row_block",
        "poincare.dist",
        17,
    ),
    "a store beyond the last row": ("row_kernel.cuh", "each_entry(count,", "each_entry(tile_rows,", "poincare.exp0", 5),
    "an entry too late in the next row": ("row_kernel.cuh", "entry >= n", "entry > n", "poincare.exp0", 6),
    "dense rows taken for granted": ("row_kernel.cuh", "first * a.stride", "first * n", "poincare.exp", 5),
    "one row for all, step by step": ("row_kernel.cuh", "all_alike ? 0 : k", "k", "poincare.exp", 5),
    "tiles that overlap": (
        "row_kernel.cuh",
        "tiles_size(d, vectors_before<Op, i, 'd'>",
        "tiles_size(d, 0",
        "poincare.exp",
        5,
    ),
    "tiles beyond what was asked for": ("row_kernel.cuh", "return n | 1;", "return n + 2;", "poincare.exp", 5),
    "warps that share a tile": ("row_kernel.cuh", "warp * tiles_size", "0 * tiles_size", "poincare.exp", 5),
    "no time coordinate": ("row_kernel.cuh", "first - (Op", "first - 0 * (Op", "lorentz.exp", 5),
    "a mask of other lanes": ("warp.hpp", "<< (threadIdx.x & (32 - size))", "", "poincare.dist", 17),
    "a mask of the warp": (
        "warp.hpp",
        "return size == 32 ? 0xffffffffu :",
        "return 0xffffffffu; ",
        "poincare.dist",
        17,
    ),
    "the rank in the warp": ("warp.hpp", "& (size - 1)", "& 31", "poincare.dist", 17),
    "half of the lanes": ("warp.hpp", "lane = size / 2", "lane = size / 4", "poincare.dist", 17),
    "sums of groups not begun": (
        "group_kernel.cuh",
        "to[k] = {0, 0};\n        __syncthreads();",
        "to[k] = {0, 0};",
        "poincare.midpoint",
        5,
    ),
    "sums of a group not complete": (
        "group_kernel.cuh",
        "to + warp * n_sums);\n        __syncthreads();",
        "to + warp * n_sums);",
        "poincare.midpoint",
        5,
    ),
    "a group too many": (
        "group_kernel.cuh",
        "group < call.groups.rows",
        "group <= call.groups.rows",
        "poincare.midpoint",
        5,
    ),
    "the rows of a group by one warp": ("group_kernel.cuh", "r = warp; r", "r = 0; r", "poincare.midpoint", 5),
    "c_bar of one warp": ("group_kernel.cuh", "(part[1] + part[3])", "(part[1] + part[1])", "poincare.midpoint_vjp", 5),
    "a slice used too early": (
        "pair_kernel.cuh",
        "y.load(slices.y, begin);\n        __syncthreads();",
        "y.load(slices.y, begin);",
        "poincare.cdist",
        40,
    ),
    "a slice replaced too early": (
        "pair_kernel.cuh",
        "{\n        __syncthreads();\n        x.load",
        "{\n        x.load",
        "poincare.cdist",
        40,
    ),
    "a slice of half a tile": ("pair_kernel.cuh", "t < tile * width", "t < tile * width / 2", "poincare.cdist", 40),
    "the last entry of a row": (
        "pair_kernel.cuh",
        "first + q < n",
        "first + q < n - 1",
        "poincare.cdist_vjp",
        40,
    ),
    "a row of pairs too many": ("pairwise.cu", "row >= x.count", "row > x.count", "poincare.cdist", 5),
    "a column of pairs too many": ("pairwise.cu", "column >= y.count", "column > y.count", "poincare.cdist", 5),
    "a batch for another": (
        "pairwise.cu",
        "task / high % call.batches",
        "task % call.batches",
        "poincare.cdist_vjp",
        5,
    ),
    "the time entry of a sum": ("pairwise.cu", "q < Space::first", "q < 0", "lorentz.cdist_vjp", 5),
}


def seed(tmp_path, file, text, fault):
    """Copies of the sources, with a fault in one of them."""
    headers, kernels = (shutil.copytree(path, tmp_path / path.name) for path in _cuda.source_folders())
    (changed,) = (path for path in (*headers.rglob(file), *kernels.rglob(file)))
    before = changed.read_text()
    assert text in before
    changed.write_text(before.replace(text, fault))
    return headers, kernels


def rows_agree(op, d, devices):
    rng = np.random.default_rng(1)
    many, c = draw(op, np.float64, d, 420, rng)
    some, k = draw(op, np.float64, d, 37, rng)  # the last tile is not full
    for device in devices:
        for args, curvature in ((many, c), (some, k), ([some[0][5], *some[1:]], 0.6)):
            assert_twins_agree(op, args, curvature, lambda *call: _cuda.launch_rows(*call, device))  # noqa: B023
            device.xp.check()


def pairs_agree(op, d, devices):
    rng = np.random.default_rng(1)
    x, y = (rng.uniform(-0.2, 0.2, (2, n, d)) for n in (70, 45))
    if op.space == "lorentz":
        x, y = (np.concatenate([np.sqrt(1 / 0.7 + (a * a).sum(-1, keepdims=True)), a], -1) for a in (x, y))
    args = [rng.normal(size=(2, 70, 45)), x, y] if op.vjp else [x, y]
    expected = op.gufunc(*args, 0.7, np.int64(1))
    for device in devices:
        found = _cuda.launch_pairs(op, args, 0.7, device)
        device.xp.check()
        for a, b in zip(*(v if op.vjp else (v,) for v in (found, expected)), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-12 * np.abs(b).max())


@pytest.mark.parametrize(
    "fault", [pytest.param(fault, marks=() if i < 4 else pytest.mark.slow) for i, fault in enumerate(FAULTS)]
)
def test_seeded_faults_are_found(fault, tmp_path):
    *change, name, d = FAULTS[fault]
    sources = seed(tmp_path, *change)
    devices = [Seeded(*sources, reverse) for reverse in (False, True)]
    op, agree = (pair_ops[name], pairs_agree) if name in pair_ops else (row_ops[name], rows_agree)
    if change[1] == change[2]:
        agree(op, d, devices)
    else:
        with pytest.raises((AssertionError, emulation.EmulationError)):
            agree(op, d, devices)
