"""What the kernels of `hypergeom.polar` move and compute, for the roofline."""

import numpy as np
from cuda_host import ptx

from hypergeom import _cuda
from hypergeom.polar import ns_coefficients

# Kernel, rows (and columns) of a matrix: of those with several teams, the size that fills one.
NAMES = {
    "jpolar": (8, 16, 32),
    "orthogonal": (8, 16, 32),
    "newton_schulz": (16, 32, 64),
    "ns_epilogue": (128,),
    "schulz_rhs": (128,),
    "algebra_project": (128,),
}


def launch(name, dtype, n, device, count=None):
    """Runs a kernel; what it is of, how many of these, and its arrays."""
    rng = np.random.default_rng(1)
    if name in ("jpolar", "orthogonal"):
        count = 4 if n == 8 else 1  # those of a block
        a = device.xp.array((np.eye(n) + 0.3 * rng.normal(size=(count, n, n)) / n**0.5).astype(dtype))
        if name == "jpolar":
            arrays = _cuda.small_jpolar(device, a, np.where(np.arange(n) == 0, -1.0, 1.0), 1)
        else:
            arrays = _cuda.small_orthogonal(device, a)
        return "matrix", count, (a, *arrays)
    if name == "newton_schulz":
        a = device.xp.array(rng.normal(size=(1, n, 2 * n)).astype(dtype))
        return "matrix", 1, (a, _cuda.small_newton_schulz(device, a, ns_coefficients("jordan", steps=5), True))
    e, j = device.xp.array(rng.normal(size=(n, n)).astype(dtype)), device.xp.array(np.ones(n, dtype))
    if name == "ns_epilogue":
        square = device.xp.array(e)
        return "entry", n * n, (e, square, _cuda.ns_epilogue(device, e, square, (2.0, 0.5, 0.25)))
    if name == "schulz_rhs":
        return "entry", n * n, (e, _cuda.schulz_rhs(device, e, j, 1.0))
    return "entry", n * n, (e, _cuda.algebra_project(device, e, j))


def jobs():
    for name, sizes in NAMES.items():
        yield from (("polar", (name, dtype, n)) for n in sizes for dtype in (np.float32, np.float64))


def run(name, dtype, n):
    """Kernel, what it is of, how many, bytes that must move, and the launches."""
    device = ptx.PtxDevice(max_blocks=10**6)
    unit, count, arrays = launch(name, dtype, n, device)
    return device.launches[0][0], unit, count, sum(a.nbytes for a in arrays), device.launches
