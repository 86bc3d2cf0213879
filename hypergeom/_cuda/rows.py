"""Launches of functions of rows and of groups of rows."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hypergeom._cuda.device import Device, Kernel, cupy_device, dense_rows, home, is_number
from hypergeom._rows import batch_of, core_sizes

if TYPE_CHECKING:
    from hypergeom._rows import Array, Curvature, RowOp

ROW_BLOCK = 128  # threads a block, row_block in row_kernel.cuh
ROWS_A_BLOCK = ROW_BLOCK // 32  # a warp owns a row
NEAR_SUMS = 130  # sums that a block has room for, near_sums in group_kernel.cuh


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
    with home(op, (*args, c)):
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

    rows = math.prod(batch)
    if rows > 0:
        parameter = np.zeros((), _row_call(len(cores)))
        parameter["rows"], parameter["d"] = rows, next(sizes[axes[-1]] for axes in op.inputs if axes)
        dense = []  # keeps the copies until the launch
        for argument, a, core, t in zip(parameter["arg"], [*inputs, *outputs], cores, dtypes, strict=True):
            if is_number(a):
                argument["value"] = a
            else:
                a, argument["stride"] = dense_rows(device.xp, a.astype(t, copy=False), batch, core)
                argument["data"] = device.address(a)
                dense.append(a)
        grid = min(rows if op.groups else -(-rows // ROWS_A_BLOCK), device.max_blocks)
        if op.groups:
            parameter, scratch = _group_parameter(device, parameter, sizes, grid)
            dense.append(scratch)
        device.launch(_row_kernel(op, dtype.name), grid, ROW_BLOCK, (parameter,))
    return tuple(outputs) if len(outputs) > 1 else outputs[0]


def _group_parameter(
    device: Device, call: np.ndarray[Any, Any], sizes: dict[str, int], grid: int
) -> tuple[np.ndarray[Any, Any], Array]:
    """The struct GroupCall of group_kernel.cuh, and the memory it points to."""
    parameter = np.zeros((), [("groups", call.dtype), ("rows", np.int64), ("scratch", np.uint64)])
    parameter["groups"], parameter["rows"] = call, sizes["m"]
    n_sums = sizes["d"] + 1
    if n_sums <= NEAR_SUMS:
        return parameter, None
    scratch = device.xp.empty(grid * (2 * ROWS_A_BLOCK + 1) * n_sums, dtype=np.float64)
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
def _row_kernel(op: RowOp, dtype: str) -> Kernel:
    # One line of the table in place of all: the first call compiles in a second, a whole chapter takes longer.
    one = f'-DHG_ROW_OPS=HG_{"GROUP" if op.groups else "ROW"}_OP({op.name}, "{op.signature}")'
    return Kernel("row_ops.cu", f"{op.space}_{op.name}_{dtype}", (*chapter_options(op.space, op.chapter), one))
