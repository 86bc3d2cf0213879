"""What each kernel moves and computes, counted as it runs (ptx.py), and the time that follows on some GPUs."""

import csv
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from cuda_host import polar_work, ptx
from cuda_host.cases import draw

import hypergeom.lorentz
import hypergeom.poincare  # noqa: F401
from hypergeom import _cuda
from hypergeom._pairs import pair_ops
from hypergeom._rows import row_ops
from hypergeom.embed.device_trainer import DeviceTrainer
from hypergeom.embed.trainer import Recipe

FOLDER = Path(__file__).parents[2] / "docs" / "gpu"


class Card(NamedTuple):
    """Rates a second: bytes, and instructions of all lanes: any, of double precision, conversions of 64 bits."""

    bytes: float
    instructions: float
    doubles: float
    conversions: float


# Bytes and operations of the data sheets, of which a fused product and sum is two. The rest are shares of them, by the
# throughput a cycle and multiprocessor in the CUDA C++ Programming Guide: instructions of four warps, so 128 lanes;
# products and sums in single precision 64, 128, 64, 128; in double 32, 64, 2, 2; conversions of 64 bits 16, 16, 2, 2.
CARDS = {
    "A100": Card(2039e9, 19.5e12, 9.7e12 / 2, 9.7e12 / 4),
    "H100": Card(3350e9, 67e12 / 2, 34e12 / 2, 34e12 / 8),
    "T4": Card(320e9, 8.1e12, 8.1e12 / 64, 8.1e12 / 64),
    "A10": Card(600e9, 31.2e12 / 2, 31.2e12 / 128, 31.2e12 / 128),
}
FAST, SLOW = ("A100", "H100"), ("T4", "A10")  # at double precision
# Instructions that the compiler makes of one, where nothing is rare (sm_90, CUDA 13.0).
WEIGHTS = {"div.rn.f64": 8, "sqrt.rn.f64": 8, "rcp.rn.f64": 5}
FREE = ("mov.", "abs.", "neg.", "selp.", "ld.", "st.", "cvt.")  # of these none is an instruction of double precision

DTYPES = (np.float32, np.float64)
USUAL = 16
MAIN = [
    f"{space}.{name}"
    for space, names in {
        "poincare": ("dist", "exp", "log", "mobius_add", "transport"),
        "lorentz": ("dist", "exp", "log", "transport"),
    }.items()
    for name in names
]
MAIN_DIMENSIONS = (2, 16, 128)
CURVATURE = 0.7


PLAIN = Recipe(
    n_epochs=1,
    n_negatives=50,
    learning_rate=(0.05,),
    burn_in=0,
    hard_negatives=(0.0, 0.0),
    negative_power=0.0,
    margin=1e-5,
    curvature=1.0,
    hyperbolic=True,
    threads=1,
)


class Work(NamedTuple):
    """Of one row, pair, matrix or entry: bytes that must move, that move, that are asked of the caches; instructions."""

    kernel: str
    d: int
    unit: str
    must: float
    moved: float
    asked: float
    doubles: float
    conversions: float
    instructions: float

    def times(self, card):
        """Picoseconds by memory, by arithmetic of double precision, by all instructions."""
        arithmetic = self.doubles / card.doubles + self.conversions / card.conversions
        return tuple(1e12 * t for t in (self.moved / card.bytes, arithmetic, self.instructions / card.instructions))


def doubles(counts):
    """Warps that run an instruction of double precision: to compute, and to convert."""
    computing = sum(
        n * WEIGHTS.get(name, 1) for name, n in counts.items() if name.endswith("f64") and not name.startswith(FREE)
    )
    return computing, sum(n for name, n in counts.items() if name.startswith("cvt.") and "f64" in name)


def work(kernel, d, unit, units, must, launches, *, cached=True):
    """What some launches did, for each of so many units; without caches, all that is asked for moves."""
    size = ptx.SECTOR / units
    asked = size * sum(counts.loaded + counts.stored for _, counts in launches)
    moved = size * sum(len(found) for _, counts in launches for found in counts.touched.values())
    computing, converting = (
        ptx.WARP / units * sum(n) for n in zip(*(doubles(counts) for _, counts in launches), strict=True)
    )
    every = ptx.WARP / units * sum(counts.total() for _, counts in launches)
    return Work(kernel, d, unit, must / units, moved if cached else asked, asked, computing, converting, every)


def bytes_of(*arrays):
    return sum(a.nbytes for a in arrays)


def tuple_of(outputs):
    return outputs if isinstance(outputs, tuple) else (outputs,)


def of_rows(job):
    """A row function, on as many rows as a block takes in two rounds."""
    name, dtype, d = job
    op, device = row_ops[name], ptx.PtxDevice(max_blocks=1)
    usual = 8  # rows that `draw` has for rare cases
    if op.groups:
        rows, count = 2, 64
    else:
        how = _cuda.rows.geometry(op, d, 10**6, dtype().itemsize, 1)
        rows, count = 2 * how.block // how.lanes, 1
    args, _ = draw(op, dtype, d, rows + usual, np.random.default_rng(1), count)
    args = [device.xp.array(a[usual:]) for a in args]
    out = tuple_of(_cuda.launch_rows(op, args, CURVATURE, device))
    for a in out:
        assert np.isfinite(a).all()
    kernel = device.launches[0][0]
    return work(kernel, d, "row", rows * count, bytes_of(*args, *out), device.launches)


def of_pairs(job):
    """All pairs of 64 and 64 points."""
    name, dtype, d = job
    op, device, n = pair_ops[name], ptx.PtxDevice(max_blocks=10**6), 64
    rng = np.random.default_rng(1)
    x, y = rng.uniform(-1, 1, (2, n, d)) * 0.8 / d**0.5
    if op.space == "lorentz":
        x, y = (np.concatenate([np.sqrt(1 / CURVATURE + (a * a).sum(-1, keepdims=True)), a], axis=-1) for a in (x, y))
    args = [device.xp.array(a.astype(dtype)) for a in (x, y)]
    if op.vjp:
        args.insert(0, device.xp.array(rng.normal(size=(n, n)).astype(dtype)))
    out = tuple_of(_cuda.launch_pairs(op, args, CURVATURE, device))
    return work(device.launches[0][0], d, "pair", n * n, bytes_of(*args, *out), device.launches)


def of_training(job):
    """Visits of nodes in a tree, with 50 negatives; rows are anywhere in memory, so nothing is cached."""
    _, _, d = job
    device, n = ptx.PtxDevice(max_blocks=1), 1000
    child = np.arange(n - 30, n)
    edges = np.stack([np.repeat(child, 3), (child[:, None] // (2, 4, 8)).ravel()], axis=1)
    points = np.random.default_rng(1).uniform(-0.5, 0.5, (n, d)) / d**0.5
    trainer = DeviceTrainer(points, edges, np.ones(len(edges)), PLAIN, 1, device)
    _, pairs, _ = trainer.epoch(0)
    must = 2 * 8 * (d + 1) * (pairs + len(child))
    return work(device.launches[0][0], d, "pair", pairs, must, device.launches, cached=False)


def of_ranks(job):
    """Ranks of the ancestors of some nodes among 1000, which the caches hold."""
    _, _, d = job
    device, n, queries = ptx.PtxDevice(max_blocks=1), 1000, np.arange(900, 904, dtype=np.int32)
    x = device.xp.array(np.random.default_rng(1).uniform(-0.5, 0.5, (n, d)) / d**0.5)
    start = np.zeros(n + 1, np.int64)
    start[901:905], start[905:] = (5, 10, 15, 20), 20
    ancestors = np.arange(20, dtype=np.int32) * 7
    gap = device.xp.array(1 - (x * x).sum(axis=1))
    _cuda.reconstruction_ranks(device, x, gap, start, ancestors, queries)
    pairs = len(queries) * n
    return work(device.launches[0][0], d, "pair", pairs, bytes_of(x, gap), device.launches)


def of_polar(job):
    """A kernel of `hypergeom.polar`, on matrices of d rows, those of Newton-Schulz with twice as many columns."""
    kernel, unit, count, must, launches = polar_work.run(*job)
    return work(kernel, job[2], unit, count, must, launches)


KINDS = {"rows": of_rows, "pairs": of_pairs, "training": of_training, "ranks": of_ranks, "polar": of_polar}


def jobs(main):
    """Those of the table of the main functions in several dimensions, or of all kernels in one."""
    dimensions = MAIN_DIMENSIONS if main else (USUAL,)
    names = [name for op in MAIN for name in (op, f"{op}_vjp")] if main else list(row_ops)
    yield from (("rows", (name, dtype, d)) for name in names for d in dimensions for dtype in DTYPES)
    yield from (("pairs", (name, dtype, d)) for name in pair_ops for d in dimensions for dtype in DTYPES)
    if not main:
        yield from ((kind, (kind, np.float64, 10)) for kind in ("training", "ranks"))
        yield from polar_work.jobs()


def measured(job):
    kind, arguments = job
    return KINDS[kind](arguments)


def shown(number):
    return f"{number:.3g}" if number < 1000 else f"{number:.0f}"


COUNTS = ("must", "moves", "asks", "doubles", "conversions", "instructions")


def header(cards=FAST):
    times = [f"{name} {what}" for name in cards for what in ("memory", "doubles", "all")]
    return ["kernel", "d", "of a", *COUNTS, *times]


def line(w, cards=FAST):
    times = [t for name in cards for t in w.times(CARDS[name])]
    return [w.kernel, w.d, w.unit, *map(shown, (*w[3:], *times))]


# The tables: whether of the main functions in several dimensions, and of which cards.
TABLES = {"roofline_main": (True, FAST), "roofline": (False, FAST + SLOW), "slow_doubles": (True, SLOW)}


def write(folder=FOLDER):
    folder.mkdir(exist_ok=True)
    with ProcessPoolExecutor(2) as pool:
        found = {main: list(pool.map(measured, jobs(main))) for main in (True, False)}
    for name, (main, cards) in TABLES.items():
        with open(folder / f"{name}.csv", "w", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(header(cards))
            table.writerows(line(w, cards) for w in found[main] if name != "slow_doubles" or "float32" in w.kernel)
