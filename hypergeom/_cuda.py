"""CUDA twins of the row functions: kernels of the installed sources, compiled by CuPy when first called.

The launch code, `launch_rows`, knows a GPU by the small protocol `Device`. So it runs on CuPy arrays, and in
tests on NumPy arrays with the kernels emulated on the host.
"""

from __future__ import annotations

import functools
import hashlib
import math
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from hypergeom._rows import batch_of, core_sizes

if TYPE_CHECKING:
    from hypergeom._pairs import PairOp
    from hypergeom._rows import Array, Curvature, RowOp

ROW_BLOCK = 128  # threads a block, row_block in row_kernel.cuh
ROWS_A_BLOCK = ROW_BLOCK // 32  # a warp owns a row
PAIR_BLOCK = 256  # threads a block, pair_block in pair_kernel.cuh
NEAR_SUMS = 130  # sums that a block has room for, near_sums in group_kernel.cuh
# Few rows leave the device idle, unless parts of the other points go to blocks of their own, up to this many in all.
# A matter of the shapes, not of the device: so are the bits.
PAIR_BLOCKS = 512


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


def call(op: RowOp, args: Sequence[Array], c: Curvature) -> Any:
    """Run a row function on CuPy arrays, on the current stream of the GPU that holds them.

    Parameters
    ----------
    op : RowOp
        Which function.
    args : sequence of cupy.ndarray or float
        Its inputs but for the curvature: arrays of one dtype, float32 or float64, with last axes that fit.
        Leading axes broadcast. A number goes to the kernel by value.
    c : cupy.ndarray or float
        Curvature.

    Returns
    -------
    cupy.ndarray or tuple of cupy.ndarray
        One array for each output, nothing summed. The cotangent of the curvature is float64.

    Raises
    ------
    ValueError
        If the arrays lie on more than one GPU.

    Notes
    -----
    CuPy lets every kernel take subnormal float32 numbers, those below 1.2e-38, for zero. NumPy keeps them.
    """
    with _home(op, (*args, c)):
        return launch_rows(op, args, c, _cupy())


def _home(op: RowOp, arrays: Sequence[Any]) -> Any:
    """The one GPU of the arrays."""
    homes = {a.device.id: a.device for a in arrays if not _is_number(a)}
    if len(homes) > 1:
        raise ValueError(f"{op}: needs arrays on one GPU, got arrays on GPUs {sorted(homes)}")
    return homes.popitem()[1]


def launch_rows(op: RowOp, args: Sequence[Array], c: Curvature, device: Device) -> Any:
    """As `call`, on any device: broadcast the batch axes, allocate the outputs, launch the kernel."""
    inputs = [*args, c]
    dtype = next(a.dtype for a in args if not _is_number(a))
    dtypes = [dtype] * (len(inputs) + len(op.outputs))
    dtypes[len(inputs) - 1] = np.dtype(np.float64)
    if op.vjp:
        dtypes[-1] = np.dtype(np.float64)
    shapes = [() if _is_number(a) else a.shape for a in inputs]
    sizes = core_sizes(op, shapes)
    cores = [tuple(sizes[axis] for axis in axes) for axes in (*op.inputs, *op.outputs)]
    batch = np.broadcast_shapes(*map(batch_of, shapes, op.inputs))
    n = len(inputs)
    outputs = [device.xp.empty(batch + core, dtype=t) for core, t in zip(cores[n:], dtypes[n:], strict=True)]

    rows = math.prod(batch)
    if rows > 0:
        parameter = np.zeros((), _row_call(len(cores)))
        parameter["rows"], parameter["d"] = rows, next(sizes[axes[-1]] for axes in op.inputs if axes)
        dense = []  # keeps the copies until the launch
        for argument, a, core, t in zip(parameter["arg"], [*inputs, *outputs], cores, dtypes, strict=True):
            if _is_number(a):
                argument["value"] = a
            else:
                a, argument["stride"] = _rows(device.xp, a.astype(t, copy=False), batch, core)
                argument["data"] = device.address(a)
                dense.append(a)
        grid = min(rows if op.groups else -(-rows // ROWS_A_BLOCK), device.max_blocks)
        if op.groups:
            parameter, scratch = _group_parameter(device, parameter, sizes, grid)
            dense.append(scratch)
        device.launch(_row_kernel(op, dtype.name), grid, ROW_BLOCK, (parameter,))
    return tuple(outputs) if len(outputs) > 1 else outputs[0]


def call_pairs(op: PairOp, args: Sequence[Array], c: Curvature) -> Any:
    """As `call`, for a function of all pairs of two sets of points; cotangents are float64 and not summed."""
    with _home(op, (*args, c)):
        return launch_pairs(op, args, c, _cupy())


def launch_pairs(op: PairOp, args: Sequence[Array], c: Curvature, device: Device) -> Any:
    """As `call_pairs`, on any device."""
    xp, x, y = device.xp, args[-2], args[-1]
    m, n, k = x.shape[-2], x.shape[-1], y.shape[-2]
    cs = () if _is_number(c) else c.shape
    batch = np.broadcast_shapes(*(a.shape[:-2] for a in args), cs)
    dense = []  # keeps the copies until the launch

    def matrix(a: Array, *core: int) -> tuple[int, int]:
        a, step = _rows(xp, a, batch, core)
        dense.append(a)
        return device.address(a), step

    call = np.zeros((), _PAIR_CALL)
    call["batches"], call["m"], call["k"], call["n"] = math.prod(batch), m, k, n
    call["x"], call["y"] = matrix(x, m, n), matrix(y, k, n)
    if _is_number(c):
        call["value"] = c
    else:
        call["c"] = matrix(c.astype(np.float64, copy=False))
    call["row"], call["column"] = k, 1
    name = x.dtype.name
    if op.vjp:
        call["pairs"] = matrix(args[0], m, k)
        return _launch_pair_gradient(_pair_kernel(op.space, op.name, name), call, batch, device)
    out = xp.empty((*batch, m, k), dtype=x.dtype)
    if out.size:
        call["pairs"] = device.address(out), m * k
        tiles = math.prod(batch) * -(-m // 32) * -(-k // 32)
        device.launch(_pair_kernel(op.space, op.name, name), min(tiles, device.max_blocks), PAIR_BLOCK, (call,))
    return out


def _launch_pair_gradient(kernel: Kernel, call: Any, batch: tuple[int, ...], device: Device) -> Any:
    """The cotangents of x and c, then, with x and y exchanged, those of y."""
    xp, n = device.xp, int(call["n"])
    bars: list[Array] = []
    c_bar = None
    for _ in range(2):
        m, k = int(call["m"]), int(call["k"])
        tiles = -(-m // 32)
        wanted = -(-PAIR_BLOCKS // max(tiles * math.prod(batch), 1))
        call["chunks"] = chunks = max(min(wanted, -(-k // 32)), 1)
        bar = xp.zeros((chunks, *batch, m, n), dtype=np.float64)
        of_c = xp.zeros((chunks, *batch, tiles), dtype=np.float64)
        if bar.size and k > 0:
            call["bar"], call["c_bar"] = device.address(bar), 0 if bars else device.address(of_c)
            blocks = chunks * math.prod(batch) * tiles
            device.launch(kernel, min(blocks, device.max_blocks), PAIR_BLOCK, (call.copy(),))
        bars.append(bar.sum(axis=0))
        c_bar = of_c.sum(axis=(0, -1)) if c_bar is None else c_bar
        for a, b in (("x", "y"), ("m", "k"), ("row", "column")):
            call[a], call[b] = call[b].copy(), call[a].copy()
    return (*bars, c_bar)


def _is_number(a: Any) -> bool:
    return isinstance(a, (int, float))


def _rows(xp: Any, a: Array, batch: tuple[int, ...], core: tuple[int, ...]) -> tuple[Array, int]:
    """Dense rows of an argument, and the entries from one to the next: 0 where all share one."""
    if math.prod(a.shape[: a.ndim - len(core)]) == 1:
        return xp.ascontiguousarray(a), 0
    return xp.ascontiguousarray(xp.broadcast_to(a, batch + core)), math.prod(core)


def _group_parameter(
    device: Device, call: np.ndarray[Any, Any], sizes: dict[str, int], grid: int
) -> tuple[np.ndarray[Any, Any], Array]:
    """The struct GroupCall of group_kernel.cuh, and the memory it points to."""
    parameter = np.zeros((), [("groups", call.dtype), ("rows", np.int64), ("scratch", np.uint64)])
    parameter["groups"], parameter["rows"] = call, sizes["m"]
    n_sums = sizes["d"] + 1
    if n_sums <= NEAR_SUMS:
        return parameter, None
    scratch = device.xp.empty(grid * (2 * (ROWS_A_BLOCK + 1) + 1) * n_sums, dtype=np.float64)
    parameter["scratch"] = device.address(scratch)
    return parameter, scratch


@functools.cache
def _row_call(n_args: int) -> np.dtype[Any]:
    """The struct RowCall of row_kernel.cuh."""
    argument = [("data", np.uint64), ("stride", np.int64), ("value", np.float64)]
    return np.dtype([("rows", np.int64), ("d", np.int64), ("arg", argument, (n_args,))])


_MATRIX = [("data", np.uint64), ("step", np.int64)]
_PAIR_CALL = np.dtype(  # the struct PairCall of pair_kernel.cuh
    [
        *((name, np.int64) for name in ("batches", "m", "k", "n")),
        *((name, _MATRIX) for name in ("x", "y", "c")),
        ("value", np.float64),
        ("pairs", _MATRIX),
        *((name, np.int64) for name in ("row", "column", "chunks")),
        ("bar", np.uint64),
        ("c_bar", np.uint64),
    ]
)


def pair_options(space: str) -> tuple[str, ...]:
    """What ``pairwise.cu`` needs to know to make the kernels of a space."""
    return (f"-DHG_SPACE={space}", f'-DHG_HEADER="hypergeom/{space}/pairwise.hpp"')


@functools.cache
def _pair_kernel(space: str, name: str, dtype: str) -> Kernel:
    return Kernel("pairwise.cu", f"{space}_{name}_{dtype}", pair_options(space))


def chapter_options(space: str, chapter: str) -> tuple[str, ...]:
    """What ``row_ops.cu`` needs to know to make the kernels of a chapter of row functions."""
    stem = f"hypergeom/{space}/{chapter}"
    return (f"-DHG_SPACE={space}", f'-DHG_HEADER="{stem}.hpp"', f'-DHG_TABLE="{stem}.def"')


@functools.cache
def _row_kernel(op: RowOp, dtype: str) -> Kernel:
    # One line of the table in place of all: the first call compiles in a second, a whole chapter takes longer.
    one = f'-DHG_ROW_OPS=HG_{"GROUP" if op.groups else "ROW"}_OP({op.name}, "{op.signature}")'
    return Kernel("row_ops.cu", f"{op.space}_{op.name}_{dtype}", (*chapter_options(op.space, op.chapter), one))


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


class _CupyDevice:
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
def _cupy() -> _CupyDevice:
    return _CupyDevice()


@functools.cache
def _filling_blocks(device_id: int) -> int:
    # A multiprocessor holds at most 16 of our blocks; twice as many leave no gap where some end early.
    return 32 * int(_cupy().xp.cuda.Device(device_id).attributes["MultiProcessorCount"])


@functools.cache
def _compiled(kernel: Kernel) -> Any:
    # CuPy keeps a binary for each GPU in memory and, on disk, for each architecture, text and options.
    code = (source_folders()[1] / kernel.source).read_text(encoding="utf-8")
    module = _cupy().xp.RawModule(code=code, options=compile_options() + kernel.options)
    return module.get_function(kernel.name)
