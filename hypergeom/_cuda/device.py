"""What a GPU is to the launch code, the sources of its kernels, and CuPy as the one that there is."""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Mapping, Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

if TYPE_CHECKING:
    from hypergeom._rows import Array


LARGEST_GRID = 2**31 - 1
LONGEST_VECTOR = 2**28  # a few times as many entries are still an int; rows may be as many as there is memory for


class Kernel(NamedTuple):
    """An ``extern "C"`` kernel of a source file, and the options that select it there."""

    source: str
    name: str
    options: tuple[str, ...] = ()


class Device(Protocol):
    """Where kernels run: the library of its arrays, and what that library cannot say."""

    @property
    def xp(self) -> Any: ...

    @property
    def max_blocks(self) -> int:
        """Blocks that fill the device; a kernel strides over what rows are left."""

    def address(self, array: Array) -> int:
        """Address of the first entry."""

    def launch(
        self, kernel: Kernel, grid: int, block: int, args: tuple[np.ndarray[Any, Any], ...], shared: int = 0
    ) -> None:
        """Start `grid` blocks of `block` threads, with `shared` bytes of dynamic shared memory for each.

        A parameter is the value of a NumPy array of size one.
        """


def home(where: str, named: Mapping[str, Any]) -> Any:
    """The one GPU of the arguments, to be the current one while they are worked on."""
    gpus = {name: a.device for name, a in named.items() if hasattr(a, "device")}
    first, gpu = next(iter(gpus.items()))
    for name, other in gpus.items():
        if other.id != gpu.id:
            raise ValueError(
                f"{where}: needs arrays on one GPU, got {first} on GPU {gpu.id} beside {name} on GPU {other.id}"
            )
    return gpu


def check_length(where: object, n: int) -> None:
    """An error for vectors whose entries an int of the kernels cannot count."""
    if n > LONGEST_VECTOR:
        raise ValueError(f"{where}: needs vectors of at most {LONGEST_VECTOR} entries on a GPU, got {n}")


def grid_for(tasks: int, max_blocks: int) -> int:
    """Blocks for so many tasks, over which a kernel strides: as many as fill the device, and as CUDA takes."""
    return min(tasks, max_blocks, LARGEST_GRID)


def is_number(a: Any) -> bool:
    return isinstance(a, (int, float))


def spaced_rows(device: Device, a: Array, batch: tuple[int, ...], core: tuple[int, ...]) -> tuple[Array, int]:
    """An argument with dense core axes, and the entries from one row to the next, 0 where all share one.

    It is copied only where its rows are not dense, not at equal distances, or not at whole multiples of an entry.
    """
    xp, n_batch = device.xp, a.ndim - len(core)
    dense = _step(core, a.strides[n_batch:], a.itemsize) is not None and device.address(a) % a.itemsize == 0
    if dense and math.prod(a.shape[:n_batch]) == 1:
        return a, 0
    if dense:
        missing = len(batch) - n_batch
        steps = [0 if n == 1 else step for n, step in zip(a.shape[:n_batch], a.strides[:n_batch], strict=True)]
        step = _step(batch, (*(0 for _ in range(missing)), *steps))
        if step is not None and step % a.itemsize == 0:
            return a, step // a.itemsize
    elif math.prod(a.shape[:n_batch]) == 1:
        return a.copy(), 0
    return xp.broadcast_to(a, batch + core).copy(), math.prod(core)


def _step(shape: Sequence[int], strides: Sequence[int], innermost: int | None = None) -> int | None:
    """Bytes from one entry to the next of some axes taken as one, in C order; None where that differs."""
    step = next_stride = innermost
    for n, stride in zip(reversed(shape), reversed(strides), strict=True):
        if n == 1:
            continue
        if next_stride is None:
            step = next_stride = stride
        if stride != next_stride:
            return None
        next_stride *= n
    return 0 if step is None else step


@functools.cache
def source_folders() -> tuple[Path, Path]:
    """The installed folders that hold ``hypergeom/*.hpp`` and the ``.cu`` files."""
    package = files("hypergeom")
    # An editable install maps single files into the source tree: ask for a file, not for its folder.
    header = Path(str(package / "_include" / "hypergeom" / "config.h"))
    kernels = Path(str(package / "_cuda_src" / "row_kernel.cuh"))
    return header.parents[1], kernels.parent


@functools.cache
def compile_options() -> tuple[str, ...]:
    """Options for NVRTC: the folders, and a hash of all sources, so that CuPy's cache misses edited ones."""
    digest = hashlib.sha256()
    for path in sorted(path for folder in source_folders() for path in folder.rglob("*") if path.is_file()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    folders = (f"-I{folder}" for folder in source_folders())
    return ("-std=c++17", "-default-device", "--fmad=false", *folders, f"-DHG_SOURCES_{digest.hexdigest()[:16]}")


class CupyDevice:
    def __init__(self) -> None:
        import cupy

        self.xp = cupy

    @property
    def max_blocks(self) -> int:
        return filling_blocks(self.xp.cuda.runtime.getDevice())

    def address(self, array: Array) -> int:
        return int(array.data.ptr)

    def launch(
        self, kernel: Kernel, grid: int, block: int, args: tuple[np.ndarray[Any, Any], ...], shared: int = 0
    ) -> None:
        # On CuPy's current stream. Arrays that only the launch code knows may be freed before the kernel ends: CuPy's
        # pool gives their memory out again only to work that comes later on the same stream.
        compiled(kernel)((grid,), (block,), args, shared_mem=shared)


@functools.cache
def cupy_device() -> CupyDevice:
    return CupyDevice()


@functools.cache
def filling_blocks(device_id: int) -> int:
    # A multiprocessor holds at most 16 of our blocks; twice as many leave no gap where some end early.
    return 32 * int(cupy_device().xp.cuda.Device(device_id).attributes["MultiProcessorCount"])


@functools.cache
def compiled(kernel: Kernel) -> Any:
    # CuPy keeps a binary for each GPU in memory and, on disk, for each architecture, text and options.
    code = (source_folders()[1] / kernel.source).read_text(encoding="utf-8")
    module = cupy_device().xp.RawModule(code=code, options=compile_options() + kernel.options)
    return module.get_function(kernel.name)
