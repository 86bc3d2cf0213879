"""Launches of functions of rows and of groups of rows."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hypergeom._cuda.device import Device, Kernel, check_length, cupy_device, grid_for, is_number, spaced_rows
from hypergeom._rows import batch_of, core_sizes

if TYPE_CHECKING:
    from hypergeom._rows import Array, Curvature, RowOp

ROW_BLOCK = 128  # threads a block, row_block in row_kernel.cuh
WARP = 32
# Up to these dimensions a row belongs to one thread, whose rows pass through shared memory, or to 8 lanes. A formula
# has some hundred operations that do not depend on d, and all lanes of a row do them: fewer lanes a row are fewer
# instructions. The rows of threads need room, so that fewer warps are under way, which long rows must not make too few:
# with this much for each, a multiprocessor of an A100 holds six.
SMALL, LARGEST_OF_A_THREAD, LARGEST_OF_8_LANES = 8, 16, 128
ROOM_OF_A_WARP = 24 * 1024
SHARED = 48 * 1024  # bytes that every GPU gives a block without being asked for more
NEAR_SUMS = 130  # sums that a block has room for, near_sums in group_kernel.cuh


def call(op: RowOp, args: Sequence[Array], c: Curvature) -> Any:
    """Run a row function on CuPy arrays, on the current stream of their GPU, which is to be the current one.

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

    Notes
    -----
    CuPy lets every kernel take subnormal float32 numbers, those below 1.2e-38, for zero. NumPy keeps them.
    """
    return launch_rows(op, args, c, cupy_device())


def launch_rows(op: RowOp, args: Sequence[Array], c: Curvature, device: Device) -> Any:
    """As `call`, on any device: broadcast the batch axes, allocate the outputs, launch the kernel."""
    inputs = [*args, c]
    dtype = next(a.dtype for a in args if not is_number(a))
    dtypes = [dtype] * (len(inputs) + len(op.outputs))
    dtypes[len(inputs) - 1] = np.dtype(np.float64)
    if op.vjp:
        dtypes[-1] = np.dtype(np.float64)
    shapes = [() if is_number(a) else a.shape for a in inputs]
    sizes = core_sizes(op, shapes)
    cores = [tuple(sizes[axis] for axis in axes) for axes in (*op.inputs, *op.outputs)]
    batch = np.broadcast_shapes(*map(batch_of, shapes, op.inputs))
    n = len(inputs)
    outputs = [device.xp.empty(batch + core, dtype=t) for core, t in zip(cores[n:], dtypes[n:], strict=True)]

    rows, first = math.prod(batch), next(sizes[axes[-1]] for axes in op.inputs if axes)
    check_length(op, max(first, sizes["n"] if "n" in op.signature else 0))
    if rows > 0:
        parameter = np.zeros((), _row_call(len(cores)))
        parameter["rows"], parameter["d"] = rows, first
        alive = []  # keeps the copies until the launch
        for argument, a, core, t in zip(parameter["arg"], [*inputs, *outputs], cores, dtypes, strict=True):
            if is_number(a):
                argument["value"] = a
            else:
                a, argument["stride"] = spaced_rows(device, a.astype(t, copy=False), batch, core)
                argument["data"] = device.address(a)
                alive.append(a)
        if op.groups:
            grid = grid_for(rows, device.max_blocks)
            parameter, scratch = _group_parameter(device, parameter, sizes, grid)
            alive.append(scratch)
            device.launch(_group_kernel(op, dtype.name), grid, ROW_BLOCK, (parameter,))
        else:
            lanes, grid, block, shared = geometry(op, sizes["d"], rows, dtype.itemsize, device.max_blocks)
            device.launch(row_kernel(op, dtype.name, lanes), grid, block, (parameter,), shared)
    return tuple(outputs) if len(outputs) > 1 else outputs[0]


class Geometry(NamedTuple):
    """How a row function is launched."""

    lanes: int  # a row
    grid: int
    block: int
    shared: int  # bytes a block


def geometry(op: RowOp, d: int, rows: int, itemsize: int, max_blocks: int) -> Geometry:
    """Lanes a row from d, blocks from the number of rows: as many as these need, or as fill the device.

    Where a row belongs to a thread, each warp has a tile of 32 rows for every vector of the signature, whose
    rows have an odd number of entries.
    """
    lanes, block, shared = WARP, ROW_BLOCK, 0
    axes = (*op.inputs, *op.outputs)
    of_warp = itemsize * WARP * (axes.count("d") * (d | 1) + axes.count("n") * (d + 1 | 1))
    if d <= (LARGEST_OF_A_THREAD if of_warp <= ROOM_OF_A_WARP else SMALL):
        while of_warp * (block // WARP) > SHARED:
            block //= 2
        lanes, shared = 1, of_warp * (block // WARP)
    elif d <= LARGEST_OF_8_LANES:
        lanes = 8
    return Geometry(lanes, grid_for(-(-rows // (block // lanes)), max_blocks), block, shared)


def _group_parameter(
    device: Device, call: np.ndarray[Any, Any], sizes: dict[str, int], grid: int
) -> tuple[np.ndarray[Any, Any], Array]:
    """The struct GroupCall of group_kernel.cuh, and the memory it points to."""
    parameter = np.zeros((), [("groups", call.dtype), ("rows", np.int64), ("scratch", np.uint64)])
    parameter["groups"], parameter["rows"] = call, sizes["m"]
    n_sums = sizes["d"] + 1
    if n_sums <= NEAR_SUMS:
        return parameter, None
    scratch = device.xp.empty(grid * (2 * (ROW_BLOCK // WARP + 1) + 1) * n_sums, dtype=np.float64)
    parameter["scratch"] = device.address(scratch)
    return parameter, scratch


@functools.cache
def _row_call(n_args: int) -> np.dtype[Any]:
    """The struct RowCall of row_kernel.cuh."""
    argument = [("data", np.uint64), ("stride", np.int64), ("value", np.float64)]
    return np.dtype([("rows", np.int64), ("d", np.int64), ("arg", argument, (n_args,))])


def chapter_options(space: str, chapter: str) -> tuple[str, ...]:
    """What ``row_ops.cu`` needs to know to make the kernels of a chapter of row functions."""
    stem = f"hypergeom/{space}/{chapter}"
    return (f"-DHG_SPACE={space}", f'-DHG_HEADER="{stem}.hpp"', f'-DHG_TABLE="{stem}.def"')


@functools.cache
def row_kernel(op: RowOp, dtype: str, lanes: int) -> Kernel:
    """The kernel of a row function, compiled alone: that takes half a second, a whole chapter takes ten."""
    kind = {"float32": "float", "float64": "double"}[dtype]
    team = {1: "Serial", 8: "Lanes<8>", WARP: "Warp"}[lanes]
    one = f'HG_DEFINE_KERNEL({op.space}, {op.name}, "{op.signature}", {dtype}, {kind}, {lanes}, {team})'
    options = (*chapter_options(op.space, op.chapter), f"-DHG_ROW_OPS={one}")
    return Kernel("row_ops.cu", f"{op.space}_{op.name}_{dtype}_x{lanes}", options)


@functools.cache
def _group_kernel(op: RowOp, dtype: str) -> Kernel:
    one = f'-DHG_ROW_OPS=HG_GROUP_OP({op.name}, "{op.signature}")'
    return Kernel("row_ops.cu", f"{op.space}_{op.name}_{dtype}", (*chapter_options(op.space, op.chapter), one))
