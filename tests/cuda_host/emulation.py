"""Compile a .cu file with the C++ compiler and run its kernels on the host (see cuda_host.hpp)."""

import atexit
import ctypes
import functools
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest

from hypergeom import _cuda

LANES = (1, 8, 32)  # that a row may belong to
HERE = Path(__file__).parent
# Set in the processes that run with the sanitizers' runtime preloaded.
SANITIZE = "CUDA_HOST_SANITIZE" in os.environ
SANITIZERS = ["-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"] if SANITIZE else []


class EmulationError(RuntimeError):
    """What the emulated device found wrong in a launch."""


class _Launch(ctypes.Structure):
    _fields_ = [
        ("grid", ctypes.c_uint * 3),
        ("block", ctypes.c_uint * 3),
        ("shared", ctypes.c_ulonglong),
        ("reverse", ctypes.c_int),
        ("first", ctypes.c_ulonglong),
        ("count", ctypes.c_ulonglong),
    ]


def compiler():
    """Command of the C++ compiler; skips the test where there is none."""
    found = os.environ.get("CXX") or shutil.which("g++") or shutil.which("c++")
    if not found or os.uname().sysname != "Linux":
        pytest.skip("the emulation of CUDA needs a C++ compiler on Linux")
    return [*found.split(), "-std=c++17", "-fPIC"]


@functools.cache
def build_folder():
    folder = Path(tempfile.mkdtemp(prefix="cuda_host_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def run_compiler(*args):
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    done = subprocess.run([*compiler(), *map(str, args)], env=environment, capture_output=True, text=True)
    if done.returncode:
        pytest.fail(f"the C++ compiler rejects a .cu file:\n{done.stderr[:4000]}", pytrace=False)


@functools.cache
def scheduler():
    target = build_folder() / "scheduler.o"
    # It is not under test itself, but tells the sanitizer when it changes stacks.
    flags = ["-O2", "-DCUDA_HOST_SANITIZE"] if SANITIZE else ["-O2"]
    run_compiler(*flags, "-c", HERE / "scheduler.cpp", "-o", target)
    return target


def _included(source):
    """The files beside it that a .cu file includes, and those that they include."""
    for name in re.findall(r'^#include "(\w+\.cuh)"', source.read_text(), re.M):
        yield source.parent / name
        yield from _included(source.parent / name)


class Library:
    """The kernels of one .cu file, compiled for the host.

    Parameters
    ----------
    source : Path
        The file; it is included unmodified.
    kernels : sequence of str
        Names of the ``extern "C"`` kernels to launch.
    folders : sequence of Path
        Where its headers lie.
    options : sequence of str
        Further options of the compiler.
    """

    def __init__(self, source, kernels, folders=(), options=()):
        stem = Path(tempfile.mkdtemp(dir=build_folder())) / source.stem
        text = "".join(path.read_text() for path in (source, *_included(source)))
        arrays = re.findall(r"extern\s+__shared__\s+([\w ]+?)\s+(\w+)\s*\[\s*\]", text)
        lines = ['#include "cuda_host.hpp"', f'#include "{source}"']
        lines += [f"CUDA_HOST_DYNAMIC_SHARED({kind}, {name})" for kind, name in dict.fromkeys(arrays)]
        lines += [f"CUDA_HOST_KERNEL({name})" for name in kernels]
        stem.with_suffix(".cpp").write_text("\n".join(lines) + "\n")
        # Nothing of this library may be shared with another: its static variables are its device's memory.
        flags = [
            "-O1",
            "-D__CUDACC__",
            "-shared",
            "-fvisibility=hidden",
            "-fno-gnu-unique",
            "-ffp-contract=off",
            *SANITIZERS,
        ]
        flags += [*options, *(f"-I{folder}" for folder in (HERE, *folders))]
        run_compiler(*flags, stem.with_suffix(".cpp"), scheduler(), "-o", stem.with_suffix(".so"))
        self._dll = ctypes.CDLL(str(stem.with_suffix(".so")))
        self._dll.cuda_host_error.restype = ctypes.c_char_p

    def launch(self, kernel, grid, block, *args, shared=0, reverse=False, blocks=None):
        """Run a kernel to its end; `grid` and `block` are numbers or tuples, an argument holds one value.

        Of a grid that is too large to be run, `blocks` is the range of those blocks that are.
        """
        threads = [(*np.atleast_1d(size).tolist(), 1, 1)[:3] for size in (grid, block)]
        some = (blocks.start, len(blocks)) if blocks else (0, 0)
        how = _Launch((ctypes.c_uint * 3)(*threads[0]), (ctypes.c_uint * 3)(*threads[1]), shared, reverse, *some)
        values = [np.asarray(a) for a in args]
        addresses = (ctypes.c_void_p * len(values))(*(a.ctypes.data for a in values))
        sizes = (ctypes.c_size_t * len(values))(*(a.nbytes for a in values))
        count = ctypes.c_size_t(len(values))
        if self._dll[f"cuda_host_launch_{kernel}"](ctypes.byref(how), addresses, sizes, count):
            raise EmulationError(self._dll.cuda_host_error().decode())


@functools.cache
def table():
    """The lines (space, chapter, name, signature) of all tables of functions of rows and of groups of rows."""
    return tuple(
        (path.parent.name, path.stem, name, signature)
        for path in sorted((_cuda.source_folders()[0] / "hypergeom").glob("*/*.def"))
        for name, signature in re.findall(r'^HG_(?:ROW|GROUP)_OP\((\w+), "([^"]+)"\)', path.read_text(), re.M)
    )


def chapters():
    """The pairs (space, chapter) that have a table."""
    return sorted({line[:2] for line in table()})


def row_kernels(space, chapter):
    """Names of the kernels that row_ops.cu makes of a table."""
    names = []
    for s, c, name, signature in table():
        if (s, c) == (space, chapter):
            teams = [""] if "(m" in signature else [f"_x{lanes}" for lanes in LANES]
            names += [f"{space}_{name}_{dtype}{team}" for dtype in ("float32", "float64") for team in teams]
    return names


@functools.cache
def row_library(space, chapter):
    headers, kernels = _cuda.source_folders()
    options = _cuda.chapter_options(space, chapter)
    return Library(kernels / "row_ops.cu", row_kernels(space, chapter), (headers, kernels), options)


def pair_kernels(space):
    """Names of the kernels that pairwise.cu makes for a space."""
    return [f"{space}_{name}_{dtype}" for name in ("cdist", "cdist_vjp") for dtype in ("float32", "float64")]


@functools.cache
def pair_library(space):
    headers, kernels = _cuda.source_folders()
    return Library(kernels / "pairwise.cu", pair_kernels(space), (headers, kernels), _cuda.pair_options(space))


# Of each file of src_cuda/, for each set of options with which it is compiled: these, its kernels, and their library.
def _row_sources():
    return [
        (_cuda.chapter_options(*pair), row_kernels(*pair), lambda pair=pair: row_library(*pair)) for pair in chapters()
    ]


def _pair_sources():
    spaces = sorted({space for space, _ in chapters()})
    return [
        (_cuda.pair_options(space), pair_kernels(space), lambda space=space: pair_library(space)) for space in spaces
    ]


EMBEDDING_KERNELS = {
    "embedding.cu": ["embedding_epoch_hyperbolic", "embedding_epoch_euclidean"],
    "ranks.cu": ["embedding_ranks"],
}
DTYPES = ("float32", "float64")
POLAR_KERNELS = {
    "matrix_steps.cu": [
        f"{name}_{dtype}" for name in ("ns_epilogue", "schulz_rhs", "algebra_project") for dtype in DTYPES
    ],
    "newton_schulz.cu": [f"ns_batched_small_{dtype}_x{tile}" for dtype in DTYPES for tile in (16, 32, 64)],
    "small_polar.cu": [
        f"{name}_batched_small_{dtype}_x{rows}"
        for name in ("jpolar", "orthogonal")
        for rows in (8, 16, 32)
        for dtype in DTYPES
    ],
}
# The kernels of the sources that are compiled once, without options.
PLAIN_KERNELS = EMBEDDING_KERNELS | POLAR_KERNELS


@functools.cache
def plain_library(source):
    headers, kernels = _cuda.source_folders()
    return Library(kernels / source, PLAIN_KERNELS[source], (headers, kernels))


def _plain_sources(source):
    return lambda: [((), PLAIN_KERNELS[source], lambda: plain_library(source))]


SOURCES = {"row_ops.cu": _row_sources, "pairwise.cu": _pair_sources}
SOURCES |= {source: _plain_sources(source) for source in PLAIN_KERNELS}


@functools.cache
def library_with(source, name):
    """The whole library of a source that has one kernel: compiled once for all kernels of a chapter."""
    ((_, _, library),) = [entry for entry in SOURCES[source]() if name in entry[1]]
    return library()


@functools.cache
def library_of(kernel):
    """As `library_with`, for a kernel with options that are those of the library, and perhaps the one line it needs."""
    ((options, _, library),) = [entry for entry in SOURCES[kernel.source]() if kernel.name in entry[1]]
    assert kernel.options[: len(options)] == options
    return library()


class EmulatedDevice:
    """`hypergeom._cuda.Device` over NumPy arrays."""

    xp = np
    max_blocks = 3  # so that kernels must stride over the rows

    def __init__(self, *, reverse=False):
        self.reverse = reverse

    def address(self, array):
        return array.ctypes.data

    def launch(self, kernel, grid, block, args, shared=0):
        library_of(kernel).launch(kernel.name, grid, block, *args, shared=shared, reverse=self.reverse)


def emulated_call(op, args, c, *, reverse=False):
    """`hypergeom._cuda.call` for NumPy arrays, on the emulated device."""
    return _cuda.launch_rows(op, args, c, EmulatedDevice(reverse=reverse))


def emulated_pairs(op, args, c, *, reverse=False):
    """`hypergeom._cuda.call_pairs` for NumPy arrays, on the emulated device."""
    return _cuda.launch_pairs(op, args, c, EmulatedDevice(reverse=reverse))


def sanitizer_environment():
    """Environment of a Python process whose emulated kernels run under AddressSanitizer and UBSan."""
    command = [*compiler(), "-print-file-name=libasan.so"]
    runtime = subprocess.run(command, capture_output=True, text=True).stdout.strip()
    if not Path(runtime).is_absolute():
        pytest.skip("the C++ compiler has no AddressSanitizer")
    return os.environ | {
        "CUDA_HOST_SANITIZE": "1",
        "LD_PRELOAD": runtime,
        "ASAN_OPTIONS": "detect_leaks=0",  # the interpreter itself leaks at its end
        "PYTHONPATH": os.pathsep.join(filter(None, [str(HERE.parent), os.environ.get("PYTHONPATH")])),
    }
