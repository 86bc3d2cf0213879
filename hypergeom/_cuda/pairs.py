"""Launches of functions of all pairs of points."""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from hypergeom._cuda.device import Device, Kernel, check_length, cupy_device, grid_for, is_number, spaced_rows

if TYPE_CHECKING:
    from hypergeom._pairs import PairOp
    from hypergeom._rows import Array, Curvature

PAIR_BLOCK = 256  # threads a block, pair_block in pair_kernel.cuh
# Few rows leave the device idle, unless parts of the other points go to blocks of their own, up to this many in all.
# A matter of the shapes, not of the device: so are the bits.
PAIR_BLOCKS = 512


def call_pairs(op: PairOp, args: Sequence[Array], c: Curvature) -> Any:
    """As `hypergeom._cuda.call`, for all pairs of two sets of points; cotangents are float64 and not summed."""
    return launch_pairs(op, args, c, cupy_device())


def launch_pairs(op: PairOp, args: Sequence[Array], c: Curvature, device: Device) -> Any:
    """As `call_pairs`, on any device."""
    xp, x, y = device.xp, args[-2], args[-1]
    m, n, k = x.shape[-2], x.shape[-1], y.shape[-2]
    check_length(op, n)
    cs = () if is_number(c) else c.shape
    batch = np.broadcast_shapes(*(a.shape[:-2] for a in args), cs)
    dense = []  # keeps the copies until the launch

    def matrix(a: Array, *core: int) -> tuple[int, int]:
        a, step = spaced_rows(device, a, batch, core)
        dense.append(a)
        return device.address(a), step

    call = np.zeros((), _PAIR_CALL)
    call["batches"], call["m"], call["k"], call["n"] = math.prod(batch), m, k, n
    call["x"], call["y"] = matrix(x, m, n), matrix(y, k, n)
    if is_number(c):
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
        device.launch(_pair_kernel(op.space, op.name, name), grid_for(tiles, device.max_blocks), PAIR_BLOCK, (call,))
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
            device.launch(kernel, grid_for(blocks, device.max_blocks), PAIR_BLOCK, (call.copy(),))
        bars.append(bar.sum(axis=0))
        c_bar = of_c.sum(axis=(0, -1)) if c_bar is None else c_bar
        for a, b in (("x", "y"), ("m", "k"), ("row", "column")):
            call[a], call[b] = call[b].copy(), call[a].copy()
    return (*bars, c_bar)


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
