"""Arguments of row functions, and what a GPU's results are to be."""

import numpy as np
import pytest

GROUP = 6  # rows of a group: some of a block's four warps have two
# Both twins form every value in double; lanes add along a row in another order, a thread in the same.
ULPS = {np.dtype(np.float64): 64, np.dtype(np.float32): 1}


def draw(op, dtype, d, rows, rng, count=GROUP):
    """Arguments and curvatures of a row function: points inside, one outside, one at 0, two that coincide."""
    c = rng.uniform(0.3, 1.2, rows)
    args = []
    for name, axes in zip(op.arguments[:-1], op.inputs[:-1], strict=True):
        group = (count,) if "m" in axes else ()
        if axes in ("", "m"):
            args.append(rng.uniform(0.1, 0.9, (rows, *group)))
            continue
        x = rng.normal(size=(rows, *group, d))
        if name == "p" and op.chapter == "horospheres":  # an ideal point
            args.append(x / np.linalg.norm(x, axis=1, keepdims=True))
            continue
        x *= rng.uniform(0, 0.8, (rows, *group, 1)) / np.linalg.norm(x, axis=-1, keepdims=True)
        x[2:3], x[3:4] = 0, 3 / d**0.5
        if args and args[-1].ndim == x.ndim:
            x[4:5] = args[-1][4:5, ..., -d:]
        if name == "z":  # of the half-space
            x[:, -1] = 0.2 + abs(x[:, -1])
            x[3:4, -1] *= -1
        if axes[-1] == "n":
            time = np.sqrt(1 / c.reshape(rows, *(1 for _ in group)) + (x * x).sum(-1))
            time[3:4] = -1  # the other sheet
            x = np.concatenate([time[..., np.newaxis], x], axis=-1)
        args.append(x)
    return [a.astype(dtype) for a in args], c


def cpu_call(op, args, c):
    with np.errstate(all="ignore"):
        return op.gufunc(*args, c)


def tuple_of(outputs):
    return outputs if isinstance(outputs, tuple) else (outputs,)


def assert_twins_agree(op, args, c, call):
    """A GPU's outputs are the CPU's, to a few ulps of the largest entry of the row and its inputs."""
    expected, got = tuple_of(cpu_call(op, args, c)), tuple_of(call(op, args, c))
    assert [(a.shape, a.dtype) for a in got] == [(a.shape, a.dtype) for a in expected]
    for axes, a, b in zip(op.outputs, got, expected, strict=True):
        np.testing.assert_array_equal(np.isnan(a), np.isnan(b))
        core = tuple(range(-len(axes), 0))
        scale = np.abs(b).max(core, keepdims=True, initial=0)
        for arg, arg_axes in zip(args, op.inputs[:-1], strict=True):
            size = np.abs(arg).max(tuple(range(-len(arg_axes), 0)), initial=0)
            scale = np.maximum(scale, np.reshape(size, np.shape(size) + (1,) * len(axes)))
        with np.errstate(invalid="ignore"):
            far = np.abs(a - b) > ULPS[a.dtype] * np.finfo(a.dtype).eps * scale
        assert not far.any(), f"{op}: {a[far][:3]} != {b[far][:3]} in {far.sum()} of {far.size} entries"


def cupy_on_a_gpu():
    """CuPy; skips the test where it is not installed or finds no GPU."""
    cupy = pytest.importorskip("cupy", reason="CuPy is not installed")
    try:
        cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        pytest.skip(f"no CUDA device: {error}")
    return cupy
