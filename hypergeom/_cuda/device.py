"""What a GPU is to the launch code, the sources of its kernels, and CuPy as the one that there is."""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

if TYPE_CHECKING:
    from hypergeom._rows import Array


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

    def launch(self, kernel: Kernel, grid: int, block: int, args: tuple[np.ndarray[Any, Any], ...]) -> None:
        """Start `grid` blocks of `block` threads; a parameter is the value of a NumPy array of size one."""


def home(op: object, arrays: Sequence[Any]) -> Any:
    """The one GPU of the arrays."""
    homes = {a.device.id: a.device for a in arrays if not is_number(a)}
    if len(homes) > 1:
        raise ValueError(f"{op}: needs arrays on one GPU, got arrays on GPUs {sorted(homes)}")
    return homes.popitem()[1]


def is_number(a: Any) -> bool:
    return isinstance(a, (int, float))


def dense_rows(xp: Any, a: Array, batch: tuple[int, ...], core: tuple[int, ...]) -> tuple[Array, int]:
    """Dense rows of an argument, and the entries from one to the next: 0 where all share one."""
    if math.prod(a.shape[: a.ndim - len(core)]) == 1:
        return xp.ascontiguousarray(a), 0
    return xp.ascontiguousarray(xp.broadcast_to(a, batch + core)), math.prod(core)


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
        return _filling_blocks(self.xp.cuda.runtime.getDevice())

    def address(self, array: Array) -> int:
        return int(array.data.ptr)

    def launch(self, kernel: Kernel, grid: int, block: int, args: tuple[np.ndarray[Any, Any], ...]) -> None:
        _compiled(kernel)((grid,), (block,), args)


@functools.cache
def cupy_device() -> CupyDevice:
    return CupyDevice()


@functools.cache
def _filling_blocks(device_id: int) -> int:
    # A multiprocessor holds at most 16 of our blocks; twice as many leave no gap where some end early.
    return 32 * int(cupy_device().xp.cuda.Device(device_id).attributes["MultiProcessorCount"])


@functools.cache
def _compiled(kernel: Kernel) -> Any:
    # CuPy keeps a binary for each GPU in memory and, on disk, for each architecture, text and options.
    code = (source_folders()[1] / kernel.source).read_text(encoding="utf-8")
    module = cupy_device().xp.RawModule(code=code, options=compile_options() + kernel.options)
    return module.get_function(kernel.name)
