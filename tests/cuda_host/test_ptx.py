"""What NVRTC makes of the kernels, run by an interpreter: the results are the CPU's."""

from fractions import Fraction

import numpy as np
import pytest
from cuda_host import emulation, nvrtc, polar_work, ptx
from cuda_host.cases import assert_twins_agree, draw

import hypergeom.lorentz
import hypergeom.poincare  # noqa: F401
from hypergeom import _cuda
from hypergeom._pairs import pair_ops
from hypergeom._rows import row_ops

SOME = ("poincare.dist", "lorentz.exp_vjp", "poincare.midpoint_vjp")
NAMES = [name if name in SOME else pytest.param(name, marks=pytest.mark.slow) for name in row_ops]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", NAMES)
def test_rows_are_those_of_the_cpu(name, dtype):
    op, rng = row_ops[name], np.random.default_rng(3)
    device = ptx.PtxDevice()
    for d in (3,) if op.groups else (3, 19, 130):
        args, c = draw(op, dtype, d, 9, rng)
        assert_twins_agree(op, args, c, lambda *call: _cuda.launch_rows(*call, device))
    assert len({kernel for kernel, _ in device.launches}) == (1 if op.groups else 3)


@pytest.mark.parametrize("dtype", [np.float32, pytest.param(np.float64, marks=pytest.mark.slow)])
@pytest.mark.parametrize("space", ["poincare", "lorentz"])
def test_distances_of_pairs_are_the_bits_of_the_cpu(space, dtype):
    rng = np.random.default_rng(4)
    x, y = (rng.uniform(-0.2, 0.2, (n, 5)) for n in (35, 9))
    if space == "lorentz":
        x, y = (np.concatenate([np.sqrt(1 / 0.7 + (a * a).sum(-1, keepdims=True)), a], axis=-1) for a in (x, y))
    x, y, G = x.astype(dtype), y.astype(dtype), rng.normal(size=(35, 9)).astype(dtype)
    device = ptx.PtxDevice()
    op, gradient = pair_ops[f"{space}.cdist"], pair_ops[f"{space}.cdist_vjp"]
    np.testing.assert_array_equal(_cuda.launch_pairs(op, [x, y], 0.7, device), op.gufunc(x, y, 0.7, np.int64(1)))
    found = _cuda.launch_pairs(gradient, [G, x, y], 0.7, device)
    for a, b in zip(found, gradient.gufunc(G, x, y, 0.7, np.int64(1)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-13 * np.abs(b).max())


def test_fused_products_are_rounded_once():
    rng = np.random.default_rng(5)
    a, b, c = rng.normal(size=(3, 500)) * 2.0 ** rng.integers(-30, 30, (3, 500))
    c[:250] = -a[:250] * b[:250] * (1 + rng.choice([0, 1e-16, 1e-13], 250))
    for x, y, z, found in zip(a, b, c, ptx.fused(a, b, c), strict=True):
        assert found == float(Fraction(x) * Fraction(y) + Fraction(z))


KERNEL = """
struct Call { double* out; const float* x; };
extern "C" __global__ void halves(Call call) {
    __shared__ double room[64];
    const int t = threadIdx.x;
    double v = call.x[t % 32];
    if (t % 32 < 16) v = v * 3; else v = v + 1 + t;
    room[t] = v;
    __syncthreads();
    v = room[63 - t];
    for (int lane = 16; lane > 0; lane >>= 1) v += __shfl_xor_sync(MASK, v, lane);
    call.out[t] = __shfl_sync(MASK, v, 3) / 2;
}
"""


def halves(counts, mask="0xffffffffu"):
    """Its result on 64 threads, and what that is to be."""
    xp = ptx.PtxDevice.xp
    x, out = xp.array(np.arange(32, dtype=np.float32)), xp.empty(64)
    parameter = np.array([out.ctypes.data, x.ctypes.data], np.uint64)
    program = ptx.Program(nvrtc.ptx(KERNEL.encode(), ("--fmad=false", f"-DMASK={mask}")), "halves")
    ptx.run(program, 1, 64, parameter, 0, counts)
    x = np.tile(x, 2)
    v = np.where(np.arange(64) % 32 < 16, x * 3.0, x + 1 + np.arange(64))
    return out, v.reshape(2, 32)[::-1].sum(axis=1).repeat(32) / 2


def test_counts_are_those_of_warps():
    counts = ptx.Counts()
    np.testing.assert_array_equal(*halves(counts))
    # Both warps run both branches. A division by 2 is a product.
    assert (counts["mul.rn.f64"], counts["add.rn.f64"], counts["bar.sync"]) == (2 + 2, 2 * (2 + 5), 2)
    assert (counts["shfl.sync.bfly.b32"], counts["shfl.sync.idx.b32"]) == (2 * 2 * 5, 2 * 2)
    # Both ask for the same numbers.
    assert (counts.loaded, counts.stored) == (2 * 32 * 4 // 32, 64 * 8 // 32)
    assert {kind: len(found) for kind, found in counts.touched.items()} == {"ld": 4, "st": 16}


QUICK = [("jpolar", np.float64), ("newton_schulz", np.float32), ("ns_epilogue", np.float32), ("schulz_rhs", np.float64)]
POLAR = [(name, dtype) for name in polar_work.NAMES for dtype in (np.float32, np.float64)]


@pytest.mark.parametrize(
    ("name", "dtype"), [job if job in QUICK else pytest.param(*job, marks=pytest.mark.slow) for job in POLAR]
)
def test_matrices_are_those_of_the_emulation(name, dtype):
    """Factors are the bits of the CPU's loops, which those of the emulation are."""
    n = polar_work.NAMES[name][0]
    found, expected = (polar_work.launch(name, dtype, n, d)[2] for d in (ptx.PtxDevice(), emulation.EmulatedDevice()))
    for a, b in zip(found, expected, strict=True):
        if a.ndim == 2 and name == "jpolar":  # residuals are sums of rounding errors
            np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-18)
        else:
            np.testing.assert_array_equal(a, b)


def test_lanes_outside_the_mask_are_found():
    with pytest.raises(AssertionError, match="not in the mask"):
        halves(ptx.Counts(), mask="0x0000ffffu")


@pytest.mark.parametrize("architecture", nvrtc.ARCHITECTURES)
def test_instructions_of_a_binary_are_told_apart(architecture, tmp_path):
    """Those of double precision: the products, sums and conversions that are written there."""
    for name, text, expected in (
        ("double.cu", KERNEL, (2 + 2 + 5, 2)),
        ("float.cu", KERNEL.replace("double", "float"), (0, 0)),
    ):
        (tmp_path / name).write_text(text)
        binary = nvrtc.compile_for(tmp_path / name, architecture, ("--fmad=false", "-DMASK=0xffffffffu"))
        assert binary.doubles == {"halves": expected}
        assert binary.usage["halves"].shared == (512 if name == "double.cu" else 256)
