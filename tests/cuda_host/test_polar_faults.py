"""Faults seeded into the kernels of `hypergeom.polar`: what the tests compare with the CPU finds each of them."""

import numpy as np
import pytest
from cuda_host.test_embedding_faults import expect

from hypergeom import _cuda
from hypergeom._core import polar as loops
from hypergeom.polar import newton_schulz, ns_coefficients

pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")

ORDERS = (0, 1, 2)  # of the warps of a block, as in scheduler.hpp
# (file, text, fault)
SMALL_FAULTS = {
    "no fault": ("small_polar.cu", "__syncwarp();", "__syncwarp();"),
    "the sign of the inverse adjoint": ("small_polar.hpp", "half * old + other *", "half * old - other *"),
    "signs of rows alone": ("small_polar.hpp", "task.j[i] * task.j[c] * y", "task.j[i] * y"),
    "no transposition": ("small_polar.hpp", "* y[c * stride + i])", "* y[i * stride + c])"),
    "no scaling": ("small_polar.hpp", "hypergeom::exp(log_det * (-1.0 / n))", "S(1)"),
    "columns not put back": ("small_polar.hpp", "for (int k = n - 1; k >= 0; --k)", "for (int k = -1; k >= 0; --k)"),
    "a polish without signs": (
        "small_polar.hpp",
        "multiply<true>(team, task, x, x, square)",
        "multiply<false>(team, task, x, x, square)",
    ),
    "half a polish": ("small_polar.hpp", "entry += 1.5", "entry += 1.0"),
    "s in another scale": ("small_polar.hpp", "scale_by(team, task, 1 / scale, s)", "scale_by(team, task, scale, s)"),
    "a condition of squares": (
        "small_polar.hpp",
        "norm(team, task, s) * inverse",
        "square_of(team, task, s) * inverse",
    ),
    "rows exchanged too early": ("small_polar.hpp", "team.sync();  // the pivot", "// the pivot"),
    "a row used before it is scaled": (
        "small_polar.hpp",
        "a[k * stride + c] *= inverse;\n        team.sync();",
        "a[k * stride + c] *= inverse;",
    ),
    "a factor overwritten": ("small_polar.hpp", "            team.sync_row();\n", ""),
    "a row eliminated too late": (
        "small_polar.hpp",
        "-= factor * a[k * stride + c];\n        }\n        team.sync();",
        "-= factor * a[k * stride + c];\n        }",
    ),
    "the last of the pivots": ("small_polar.cu", "size == own && of_other < row", "size == own && of_other > row"),
    "a sum of one warp": ("small_polar.cu", "k < warps; ++k", "k < 1; ++k"),
    "a sum not waited for": (
        "small_polar.cu",
        "parts[rank() / 32] = v;\n            sync();",
        "parts[rank() / 32] = v;",
    ),
    "matrices that share a room": ("small_polar.cu", "in_block * words", "0 * words"),
    "a matrix too many": ("small_polar.cu", "r < call.batch; r", "r <= call.batch; r"),
    "matrices left out": ("small_polar.cu", "Int64(gridDim.x) * teams", "Int64(gridDim.x + 1) * teams"),
    "one matrix for all": ("small_polar.cu", "r * call.step, a)", "0 * call.step, a)"),
    "another sign": ("small_polar.cu", ">> i & 1", ">> (i + 1) & 1"),
}
NS_FAULTS = {
    "no fault": ("newton_schulz.cu", "__syncthreads();", "__syncthreads();"),
    "no restart": ("newton_schulz.cu", "ns_restart = 2", "ns_restart = 32"),
    "the identity off the diagonal": ("newton_schulz.cu", "== column + b * ns_side ? a0", "== column + b ? a0"),
    "the sign of the square": ("newton_schulz.cu", "+ c0 * square.v[a][b] +", "- c0 * square.v[a][b] +"),
    "the coefficients of another step": ("newton_schulz.cu", "3 * start + 3", "3 * start"),
    "not normalized": ("newton_schulz.cu", "gram.v[a][b] /= trace", "gram.v[a][b] /= 1"),
    "the square of the norm": ("newton_schulz.cu", "norm = sqrt(trace)", "norm = trace"),
    "the other order": (
        "newton_schulz.cu",
        "publish(polynomial(gram, call.rows + 3 * start + 3));\n                q = times(q);",
        "const Symmetric z = polynomial(gram, call.rows + 3 * start + 3);\n"
        "                publish(q);\n                q = times(z);",
    ),
    "a row of slices too few": ("newton_schulz.cu", "part * ns_side + q]", "part + q]"),
    "the last column": (
        "newton_schulz.cu",
        "first + q < call.length) {\n                v",
        "first + q + 1 < call.length) {\n                v",
    ),
    "a column too many": ("newton_schulz.cu", "first + q < call.length) out", "first + q <= call.length) out"),
    "rows for columns": ("newton_schulz.cu", "Int64(i) * call.of_short", "Int64(i) * call.of_long"),
    "a slice read too early": (
        "newton_schulz.cu",
        "load_slice(from, first);\n            __syncthreads();",
        "load_slice(from, first);",
    ),
    "a slice replaced too early": (
        "newton_schulz.cu",
        "product[a]);\n            __syncthreads();",
        "product[a]);",
    ),
    "a matrix published too early": (
        "newton_schulz.cu",
        "publish(const Symmetric& s) {\n        __syncthreads();",
        "publish(const Symmetric& s) {",
    ),
    "squares out of range": ("newton_schulz.cu", "up = most > 0 &&", "up = most < 0 &&"),
    "a matrix for another": (
        "newton_schulz.cu",
        "out = static_cast<T*>(call.out) + r * entries",
        "out = static_cast<T*>(call.out)",
    ),
    "the largest entry of a warp": ("newton_schulz.cu", "part < ns_block / 32", "part < 1"),
}
STEP_FAULTS = {
    "no fault": ("matrix_steps.cu", "__syncthreads();", "__syncthreads();"),
    "a sum of parts": ("matrix_steps.cu", "tile[r][column] - sign", "tile[r][column] + sign"),
    "the sign of a row": ("matrix_steps.cu", "j[i + r] * j[k + column]", "j[i + r]"),
    "not across": ("matrix_steps.cu", "across[column][r]", "across[r][column]"),
    "tiles below left out": ("matrix_steps.cu", "if (i < k) store", "if (i > k) store"),
    "a tile used too early": ("matrix_steps.cu", "room.tile[1]);\n            __syncthreads();", "room.tile[1]);"),
    "a tile replaced too early": (
        "matrix_steps.cu",
        "room.tile[0]);\n            __syncthreads();\n        }",
        "room.tile[0]);\n        }",
    ),
    "a row too many": ("matrix_steps.cu", "if (i + r < call.n && k + column < call.n) {", "if (k + column < call.n) {"),
    "a batch for another": ("matrix_steps.cu", "task / (tiles * tiles);", "task % call.batch;"),
    "the identity elsewhere": ("matrix_steps.cu", "(i == k ? a : T(0));\n", "(i == k + 1 ? a : T(0));\n"),
    "the square without its factor": ("matrix_steps.cu", "c * square[at]", "square[at]"),
    "the sign of e": ("matrix_steps.cu", "(i == k ? a : T(0)) - (j", "(i == k ? a : T(0)) + (j"),
    "a sign of the column": ("matrix_steps.cu", "j[i] * e[at]", "j[k] * e[at]"),
    "twice the factor": ("matrix_steps.cu", "e[at] : e[at])) * T(0.5)", "e[at] : e[at])) * T(1)"),
    "rows left out": ("matrix_steps.cu", "Int64(gridDim.x) * step_rows", "Int64(gridDim.x + 1) * step_rows"),
    "an entry too many": ("matrix_steps.cu", "r < rows;", "r <= rows;"),
}


def small_agree(device):
    rng = np.random.default_rng(1)
    for n, count in ((5, 27), (11, 7)):
        j = np.where(np.arange(n) % 3 == 1, -1.0, 1.0)
        a = np.eye(n) + 0.4 * rng.normal(size=(count, n, n)) / n**0.5
        a[0] *= 1e9
        a[1] = np.where(j < 0, 3.0, 1.0) * np.eye(n)[rng.permutation(n)]
        a[2] = 1 - 2 * np.eye(n)  # pivots of one size
        w, s, *numbers = loops.small_jpolar(a, j, 1.0)
        ours = _cuda.small_jpolar(device, a, j, 1)
        device.xp.check()
        np.testing.assert_array_equal(ours[0], w)
        np.testing.assert_array_equal(ours[1], s)
        for k, (found, expected) in enumerate(zip(ours[2], numbers, strict=True)):
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-18 if 2 <= k < 5 else 0)
    return True


def ns_agree(device):
    rng = np.random.default_rng(1)
    for shape, dtype, table in (((14, 37), np.float32, "polar_express"), ((40, 20), np.float64, "polar_express")):
        u, v = (np.linalg.qr(rng.normal(size=(4, size, min(shape))))[0] for size in shape)
        a = ((u * np.logspace(0, -3, min(shape))) @ np.swapaxes(v, -1, -2)).astype(dtype)
        a[1] *= dtype(2.0) ** 100
        a[2] = np.roll(a[2], shape[0] // 2, axis=0)  # the largest entry anywhere
        a[3, -1, -1] = 1e6
        rows = ns_coefficients(table, steps=8)
        found = _cuda.small_newton_schulz(device, a, rows, True)
        device.xp.check()
        truth = newton_schulz(a.astype(float), coefficients=rows, variant="gemm")
        plain = newton_schulz(a, coefficients=rows, variant="gram")
        off, usual = (np.linalg.norm(b - truth, axis=(-2, -1)) / np.finfo(dtype).eps for b in (found, plain))
        if dtype == np.float64:  # two roundings differ; of float32, the other is the truth
            usual = usual + 100
        assert off[:3].mean() <= 2 * usual[:3].mean() + 50
        assert off[3] <= 2 * usual[3] + 1000
    return True


def steps_agree(device):
    rng = np.random.default_rng(1)
    for n in (7, 33, 70):
        e, j = rng.normal(size=(3, n, n)), np.where(np.arange(n) % 3 == 1, -1.0, 1.0)
        expected = (e - j[:, None] * np.swapaxes(e, -1, -2) * j) / 2
        np.testing.assert_array_equal(_cuda.algebra_project(device, e, j), expected)
        np.testing.assert_array_equal(_cuda.schulz_rhs(device, e, j, 3.0), (3 * np.eye(n) - j[:, None] * e) / 2)
        square = rng.normal(size=e.shape)
        expected = 0.5 * e - 0.25 * square + 2 * np.eye(n)
        np.testing.assert_array_equal(_cuda.ns_epilogue(device, e, square, (2.0, 0.5, -0.25)), expected)
        device.xp.check()
    return True


@pytest.mark.slow
@pytest.mark.parametrize("fault", SMALL_FAULTS)
def test_faults_of_small_decompositions_are_found(fault, tmp_path):
    expect(SMALL_FAULTS[fault], small_agree, tmp_path, ORDERS)


@pytest.mark.slow
@pytest.mark.parametrize("fault", NS_FAULTS)
def test_faults_of_newton_schulz_are_found(fault, tmp_path):
    expect(NS_FAULTS[fault], ns_agree, tmp_path, ORDERS)


@pytest.mark.slow
@pytest.mark.parametrize("fault", STEP_FAULTS)
def test_faults_of_the_steps_are_found(fault, tmp_path):
    expect(STEP_FAULTS[fault], steps_agree, tmp_path, ORDERS)
