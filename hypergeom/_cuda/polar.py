"""Launches of the kernels of `hypergeom.polar`: small matrices in one launch, and the passes between large products."""

from __future__ import annotations

import functools
import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from hypergeom._cuda.device import Device, Kernel, grid_for, spaced_rows

if TYPE_CHECKING:
    from hypergeom._rows import Array

LARGEST_POLAR = 32  # rows of the matrices of small_polar.cu
LARGEST_SHORT_SIDE = 64  # of the matrices of newton_schulz.cu
MOST_STEPS = 32  # ns_steps in newton_schulz.cu
_NS_SIDE, _NS_BLOCK = 16, 256
_STEP_TILE, _STEP_BLOCK = 32, 256
_MATRICES = 4  # polar_matrices in small_polar.cu

_POINTER = np.uint64
_SMALL_POLAR_CALL = np.dtype(  # the struct SmallPolarCall of small_polar.cu
    [
        ("a", _POINTER),
        ("step", np.int64),
        *((name, _POINTER) for name in ("w", "s", "numbers")),
        ("batch", np.int64),
        ("n", np.int32),
        ("polish", np.int32),
        ("negative", np.uint32),
        ("_", np.uint32),
    ]
)
_NEWTON_SCHULZ_CALL = np.dtype(  # the struct NewtonSchulzCall of newton_schulz.cu
    [
        ("x", _POINTER),
        ("step", np.int64),
        ("out", _POINTER),
        ("batch", np.int64),
        *((name, np.int32) for name in ("k", "length", "of_short", "of_long", "steps", "normalize")),
        ("rows", np.float64, (3 * MOST_STEPS,)),
    ]
)
_STEP_CALL = np.dtype(  # the struct MatrixStepCall of matrix_steps.cu
    [
        *((name, _POINTER) for name in ("e", "square", "j", "out")),
        ("batch", np.int64),
        ("n", np.int64),
        *((name, np.float64) for name in ("a", "b", "c")),
    ]
)


class _Team(NamedTuple):
    """Who owns a small matrix."""

    largest: int  # rows of a matrix
    threads: int
    block: int


_TEAMS = (_Team(8, 32, 128), _Team(16, 128, 128), _Team(32, 256, 256))


def small_jpolar(device: Device, a: Array, j: np.ndarray[Any, Any], polish: int) -> tuple[Array, Array, Array]:
    """J-polar decompositions of matrices of up to `LARGEST_POLAR` rows, in double precision for both dtypes.

    Parameters
    ----------
    device : Device
    a : (..., n, n) array
    j : (n,) array
        Signs, on the host.
    polish : int
        Steps of Schulz's at the end.

    Returns
    -------
    w, s : (..., n, n) array
    numbers : (6, ...) float64 array
        Iterations, whether they converged, three residuals and a bound of the condition of s.
    """
    w, s = device.xp.empty(a.shape, dtype=a.dtype), device.xp.empty(a.shape, dtype=a.dtype)
    numbers = device.xp.empty((6, *a.shape[:-2]), dtype=np.float64)
    negative = sum(1 << i for i, sign in enumerate(j.tolist()) if sign < 0)
    _launch_small(device, "jpolar", a, numbers, negative=negative, polish=polish, w=w, s=s)
    return w, s, numbers


def small_orthogonal(device: Device, a: Array) -> tuple[Array, Array]:
    """The orthogonal factors, and condition numbers in the Frobenius norm, infinite or NaN where there is no factor."""
    w, condition = device.xp.empty(a.shape, dtype=a.dtype), device.xp.empty(a.shape[:-2], dtype=np.float64)
    _launch_small(device, "orthogonal", a, condition, negative=0, polish=1, w=w)
    return w, condition


def _launch_small(
    device: Device, name: str, a: Array, numbers: Array, *, negative: int, polish: int, **arrays: Array
) -> None:
    batch, n = math.prod(a.shape[:-2]), a.shape[-1]
    if math.prod(a.shape) == 0:
        return
    call = np.zeros((), _SMALL_POLAR_CALL)
    a, call["step"] = spaced_rows(device, a, a.shape[:-2], (n, n))
    call["a"], call["numbers"] = device.address(a), device.address(numbers)
    for field, array in arrays.items():
        call[field] = device.address(array)
    call["batch"], call["n"], call["polish"], call["negative"] = batch, n, polish, negative
    team = next(team for team in _TEAMS if n <= team.largest)
    in_block = team.block // team.threads
    shared = 8 * in_block * (_MATRICES * n * (n | 1) + 2 * n + team.threads // 32)
    grid = grid_for(-(-batch // in_block), device.max_blocks)
    device.launch(_small_kernel(name, a.dtype.name, team.largest), grid, team.block, (call,), shared)


@functools.cache
def _small_kernel(name: str, dtype: str, largest: int) -> Kernel:
    return Kernel("small_polar.cu", f"{name}_batched_small_{dtype}_x{largest}")


def small_newton_schulz(device: Device, a: Array, rows: np.ndarray[Any, Any], normalize: bool) -> Array:
    """Newton-Schulz steps of matrices whose short side has up to `LARGEST_SHORT_SIDE` entries.

    Parameters
    ----------
    device : Device
    a : (..., m, n) array
    rows : (k, 3) array, k <= MOST_STEPS
        Coefficients.
    normalize : bool
        Whether to divide by the Frobenius norm first.

    Returns
    -------
    (..., m, n) array
        NaN for a matrix that is not finite.
    """
    m, n = a.shape[-2:]
    out = device.xp.empty(a.shape, dtype=a.dtype)
    if math.prod(a.shape) == 0:
        return out
    call = np.zeros((), _NEWTON_SCHULZ_CALL)
    a, call["step"] = spaced_rows(device, a, a.shape[:-2], (m, n))
    call["x"], call["out"] = device.address(a), device.address(out)
    call["batch"] = batch = math.prod(out.shape[:-2])
    call["k"], call["length"] = k, _ = min(m, n), max(m, n)
    call["of_short"], call["of_long"] = (n, 1) if m <= n else (1, n)
    call["steps"], call["normalize"] = len(rows), normalize
    call["rows"][: 3 * len(rows)] = rows.ravel()
    tile = next(side for side in (_NS_SIDE, 2 * _NS_SIDE, 4 * _NS_SIDE) if k <= side)
    device.launch(_ns_kernel(out.dtype.name, tile), grid_for(batch, device.max_blocks), _NS_BLOCK, (call,))
    return out


@functools.cache
def _ns_kernel(dtype: str, tile: int) -> Kernel:
    return Kernel("newton_schulz.cu", f"ns_batched_small_{dtype}_x{tile}")


def ns_epilogue(device: Device, r: Array, square: Array, row: tuple[float, float, float]) -> Array:
    """``a I + b r + c r^2`` in place of the square, which must be an array of its own in one piece."""
    return _step(device, "ns_epilogue", _blocks_of_rows(r), r, square, square=square, row=row)


def schulz_rhs(device: Device, e: Array, j: Array | None, diagonal: float) -> Array:
    """``(diagonal I - J e) / 2`` for signs j of the dtype of e; without j, J is the identity."""
    out = device.xp.empty(e.shape, dtype=e.dtype)
    return _step(device, "schulz_rhs", _blocks_of_rows(e), e, out, j=j, row=(diagonal, 0, 0))


def algebra_project(device: Device, e: Array, j: Array) -> Array:
    """``(e - J e^T J) / 2`` for signs j of the dtype of e."""
    out = device.xp.empty(e.shape, dtype=e.dtype)
    tiles = -(-e.shape[-1] // _STEP_TILE)
    return _step(device, "algebra_project", math.prod(e.shape[:-2]) * tiles**2, e, out, j=j)


def _blocks_of_rows(e: Array) -> int:
    return -(-int(math.prod(e.shape[:-1])) * _STEP_TILE // _STEP_BLOCK)


def _step(
    device: Device,
    name: str,
    blocks: int,
    e: Array,
    out: Array,
    *,
    j: Array | None = None,
    square: Array | None = None,
    row: tuple[float, float, float] = (0.0, 0.0, 0.0),
) -> Array:
    if math.prod(e.shape) == 0:
        return out
    e = device.xp.ascontiguousarray(e)
    call = np.zeros((), _STEP_CALL)
    for field, array in {"e": e, "square": square, "j": j, "out": out}.items():
        call[field] = 0 if array is None else device.address(array)
    call["batch"], call["n"] = math.prod(e.shape[:-2]), e.shape[-1]
    call["a"], call["b"], call["c"] = row
    device.launch(_step_kernel(name, e.dtype.name), grid_for(blocks, device.max_blocks), _STEP_BLOCK, (call,))
    return out


@functools.cache
def _step_kernel(name: str, dtype: str) -> Kernel:
    return Kernel("matrix_steps.cu", f"{name}_{dtype}")
