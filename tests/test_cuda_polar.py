"""The kernels of `hypergeom.polar` on a GPU, by the library's launch code: against the CPU's loops and the truth."""

import numpy as np
import pytest
from cuda_host import emulation
from cuda_host.guarded import Guarded
from polar.matrices import shuffled_signature, with_singular_values

from hypergeom import _cuda
from hypergeom._core import polar as loops
from hypergeom.polar import newton_schulz, ns_coefficients

DTYPES = [np.float32, np.float64]
ORDERS = ("all warps", "the last warp first", "the first warp first")  # as in cuda_host/scheduler.hpp
SIZES = (1, 2, 7, 8, 9, 16, 17, 32)  # around those at which a matrix gets more threads


@pytest.fixture(params=ORDERS)
def device(request):
    made = emulation.EmulatedDevice(reverse=ORDERS.index(request.param))
    made.xp = Guarded()
    yield made
    made.xp.check()


def same(ours, theirs, **bars):
    np.testing.assert_array_equal(np.isfinite(ours), np.isfinite(theirs))
    finite = np.isfinite(theirs)
    np.testing.assert_allclose(np.where(finite, ours, 0), np.where(finite, theirs, 0), **bars)


# --- small_polar.cu ---------------------------------------------------------------------------------------------------


def decomposable(rng, n, count, dtype):
    """Matrices near the identity, others, of all sizes, singular ones, and one without a finite entry."""
    a = np.eye(n) + 0.3 * rng.normal(size=(count, n, n)) / n**0.5
    a[::5] = rng.normal(size=a[::5].shape)
    a *= 10.0 ** rng.integers(-15, 16, (count, 1, 1))
    a[3], a[4, 0], a[6] = 0, 0, np.nan
    a[5] *= 1e250 if dtype == np.float64 else 1e20
    return a.astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
def test_factors_are_the_bits_of_the_loops(n, dtype, device, rng):
    count = 29 if n <= 8 else 7  # more than the blocks take at once
    a, j = decomposable(rng, n, count, dtype), shuffled_signature(rng, n - n // 3, n // 3)
    for polish in (0, 1, 2) if n == 7 else (1,):
        with np.errstate(all="ignore"):
            w, s, *numbers = loops.small_jpolar(a, j, float(polish))
        found = _cuda.small_jpolar(device, a, j, polish)
        np.testing.assert_array_equal(found[0], w)
        np.testing.assert_array_equal(found[1], s)
        iterations, converged, j_residual, residual, symmetry, condition = found[2]
        np.testing.assert_array_equal(iterations, numbers[0])
        np.testing.assert_array_equal(converged, numbers[1])
        assert converged[1:3].all() and not converged[[3, 6]].any()
        # sums of rounding errors, in another order
        for ours, theirs in zip((j_residual, residual, symmetry), numbers[2:5], strict=True):
            same(ours, theirs, rtol=1e-9, atol=1e-18)
        same(condition, numbers[5], rtol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", SIZES)
def test_orthogonal_factors_are_the_bits_of_the_loops(n, dtype, device, rng):
    a = decomposable(rng, n, 14 if n <= 8 else 7, dtype)
    with np.errstate(all="ignore"):
        w, condition = loops.small_orthogonal(a)
    found = _cuda.small_orthogonal(device, a)
    np.testing.assert_array_equal(found[0], w)
    same(found[1], condition, rtol=1e-12)
    assert np.isfinite(found[1][:3]).all() and not np.isfinite(found[1][[3, 6]]).any()


@pytest.mark.parametrize("n", [4, 12])
def test_small_matrices_of_any_layout(n, device, rng):
    big = np.eye(2 * n) + 0.2 * rng.normal(size=(4, 3, 2 * n, 2 * n)) / n**0.5
    j = shuffled_signature(rng, n - 1, 1)
    for a in (
        big[..., ::2, ::2],
        big[::2, 1, :n, :n],
        np.swapaxes(big[..., :n, :n], -1, -2),
        big[0, 0, :n, :n],
        np.broadcast_to(big[0, 0, :n, :n], (5, n, n)),
        big[:0, :, :n, :n],
    ):
        w, s, *_ = loops.small_jpolar(a, j, 1.0)
        found = _cuda.small_jpolar(device, a, j, 1)
        np.testing.assert_array_equal(found[0], w)
        np.testing.assert_array_equal(found[1], s)
        np.testing.assert_array_equal(_cuda.small_orthogonal(device, a)[0], loops.small_orthogonal(a)[0])


# --- newton_schulz.cu -------------------------------------------------------------------------------------------------

SHAPES = [(1, 1), (1, 40), (3, 3), (16, 16), (17, 16), (5, 33), (31, 70), (64, 20), (48, 48), (64, 64), (65, 63)]
TABLES = {
    "jordan": ns_coefficients("jordan", steps=5),
    "polar_express": ns_coefficients("polar_express", steps=8),
    "schulz": ns_coefficients("schulz", steps=3),
    "one step": ns_coefficients("jordan", steps=1),
    "optimal": ns_coefficients("optimal", lower=1e-3),
}


def composed(a, rows, normalize=True):
    """The truth, by the singular values in double precision."""
    u, s, vh = np.linalg.svd(a.astype(float), full_matrices=False)
    s = s / np.linalg.norm(s, axis=-1, keepdims=True) if normalize else s
    for c1, c3, c5 in rows:
        s = s * (c1 + s**2 * (c3 + c5 * s**2))
    return (u * s[..., None, :]) @ vh


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_newton_schulz_is_the_composed_polynomial(shape, dtype, device, rng):
    """Singular values down to 1e-3, of which the slope at 0 multiplies rounding; no worse than twice the array path."""
    s = np.logspace(0, -3, min(shape))
    a = np.stack([with_singular_values(rng, s, *shape) for _ in range(4)]).astype(dtype)
    eps = np.finfo(dtype).eps
    for name in TABLES if shape in ((17, 16), (5, 33)) else ["polar_express"]:
        rows = TABLES[name]
        truth, found = composed(a, rows), _cuda.small_newton_schulz(device, a, rows, True)
        assert found.dtype == dtype and found.shape == a.shape
        off, plain = (
            np.linalg.norm(v - truth, axis=(-2, -1)) / eps
            for v in (found, newton_schulz(a, coefficients=rows, variant="gram"))
        )
        assert np.all(off <= 100 + np.prod(rows[:, 0]))
        if min(shape) >= 16:
            assert off.mean() <= 2 * plain.mean() + 50


@pytest.mark.parametrize("dtype", DTYPES)
def test_newton_schulz_of_skew_and_unnormalized_matrices(dtype, device, rng):
    k = rng.normal(size=(3, 9, 9))
    k = (k - np.swapaxes(k, -1, -2)).astype(dtype)  # singular, as 9 is odd
    eps = np.finfo(dtype).eps
    found = _cuda.small_newton_schulz(device, k, TABLES["polar_express"], True)
    slope = np.prod(TABLES["polar_express"][:, 0])  # at 0, by which rounding is multiplied
    np.testing.assert_allclose(found, -np.swapaxes(found, -1, -2), rtol=0, atol=slope * eps)
    a = np.stack([with_singular_values(rng, np.linspace(0.2, 1, 6), 6, 11) for _ in range(2)]).astype(dtype)
    found = _cuda.small_newton_schulz(device, a, TABLES["schulz"], False)
    np.testing.assert_allclose(found, composed(a, TABLES["schulz"], False), atol=100 * eps)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(7, 12), (20, 6), (40, 33)])
def test_newton_schulz_of_extreme_matrices(shape, dtype, device, rng):
    """Powers of two do not change a bit; zeros stay; what is not finite is NaN, and no other matrix is."""
    a = rng.normal(size=(8, *shape)).astype(dtype)
    truth = _cuda.small_newton_schulz(device, a, TABLES["jordan"], True)
    far = 100 if dtype == np.float32 else 1015
    b = a.copy()
    b[0], b[1], b[2] = a[0] * dtype(2.0) ** far, a[1] * dtype(2.0) ** -far, a[2] * dtype(2.0) ** -7
    b[3], b[4, 2, 3], b[5, 0, 0] = 0, np.nan, -np.inf
    found = _cuda.small_newton_schulz(device, b, TABLES["jordan"], True)
    np.testing.assert_array_equal(found[[0, 1, 2, 6, 7]], truth[[0, 1, 2, 6, 7]])
    np.testing.assert_array_equal(found[3], 0)
    assert np.isnan(found[4:6]).all()
    if dtype == np.float64:  # subnormal numbers, which float32 on a GPU has not
        tiny = np.ldexp(a[:2], -1060)
        normal = _cuda.small_newton_schulz(device, np.ldexp(tiny, 1060), TABLES["jordan"], True)
        np.testing.assert_array_equal(_cuda.small_newton_schulz(device, tiny, TABLES["jordan"], True), normal)


def test_newton_schulz_of_any_layout(device, rng):
    big = rng.normal(size=(4, 3, 10, 22))
    for a in (
        big[..., ::2],
        big[1, 2],
        np.swapaxes(big, -1, -2),
        big[::-1, 0],
        np.broadcast_to(big[0, 0], (5, 10, 22)),
        big[:0],
        big[..., :0],
    ):
        found = _cuda.small_newton_schulz(device, a, TABLES["jordan"], True)
        dense = _cuda.small_newton_schulz(device, np.ascontiguousarray(a), TABLES["jordan"], True)
        np.testing.assert_array_equal(found, dense)


# --- matrix_steps.cu --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n", [1, 5, 31, 32, 33, 65])
@pytest.mark.parametrize("batch", [(), (3,), (2, 2)])
def test_steps_are_their_formulas(n, dtype, batch, device, rng):
    e, j = rng.normal(size=(*batch, n, n)).astype(dtype), shuffled_signature(rng, n - n // 3, n // 3).astype(dtype)
    np.testing.assert_array_equal(
        _cuda.algebra_project(device, e, j), (e - j[:, None] * np.swapaxes(e, -1, -2) * j) / 2
    )
    for sign, column in ((j, j[:, None]), (None, dtype(1))):
        for diagonal in (1.0, 3.0):
            expected = (dtype(diagonal) * np.eye(n, dtype=dtype) - column * e) / 2
            np.testing.assert_array_equal(_cuda.schulz_rhs(device, e, sign, diagonal), expected)
    r = e @ np.swapaxes(e, -1, -2)
    square, row = r @ r, (3.4445, -4.7750, 2.0315)
    expected = dtype(row[1]) * r + dtype(row[2]) * square + dtype(row[0]) * np.eye(n, dtype=dtype)
    np.testing.assert_array_equal(_cuda.ns_epilogue(device, r, square, row), expected)


def test_steps_of_views_and_of_nothing(device, rng):
    e, j = rng.normal(size=(3, 8, 8)), np.array([1.0, -1, 1, 1])
    view = e[:, ::2, 1::2]
    np.testing.assert_array_equal(
        _cuda.algebra_project(device, view, j), (view - j[:, None] * np.swapaxes(view, -1, -2) * j) / 2
    )
    assert _cuda.algebra_project(device, e[:0], np.ones(8)).shape == (0, 8, 8)
    assert _cuda.schulz_rhs(device, e[:, :0, :0], None, 1.0).shape == (3, 0, 0)


# --- launches ---------------------------------------------------------------------------------------------------------


class Recorder(emulation.EmulatedDevice):
    """A device that only takes notes."""

    def __init__(self, max_blocks=10**6):
        super().__init__()
        self.max_blocks, self.launches = max_blocks, []

    def launch(self, kernel, grid, block, args, shared=0):
        self.launches.append((kernel.name, grid, block, shared))


def test_launches():
    device, eye = Recorder(), np.eye
    for n, name, grid, block, shared in (
        (8, "jpolar_batched_small_float64_x8", 25, 128, 4 * 8 * (4 * 8 * 9 + 16 + 1)),
        (9, "jpolar_batched_small_float64_x16", 100, 128, 8 * (4 * 9 * 9 + 18 + 4)),
        (32, "jpolar_batched_small_float64_x32", 100, 256, 8 * (4 * 32 * 33 + 64 + 8)),
    ):
        _cuda.small_jpolar(device, np.broadcast_to(eye(n), (100, n, n)), np.ones(n), 1)
        assert device.launches.pop() == (name, grid, block, shared) and shared <= 48 * 1024
    for shape, name in (((100, 16), "x16"), ((17, 17), "x32"), ((33, 900), "x64"), ((64, 64), "x64")):
        _cuda.small_newton_schulz(device, np.zeros((7, *shape), np.float32), TABLES["jordan"], True)
        assert device.launches.pop() == (f"ns_batched_small_float32_{name}", 7, 256, 0)
    _cuda.algebra_project(device, np.zeros((2, 70, 70)), np.ones(70))
    _cuda.schulz_rhs(device, np.zeros((2, 70, 70)), None, 1.0)
    assert device.launches == [("algebra_project_float64", 18, 256, 0), ("schulz_rhs_float64", 18, 256, 0)]


@pytest.mark.gpu
def test_a_gpu_gives_what_the_emulation_gives():
    from cuda_host.cases import cupy_on_a_gpu

    cupy, rng = cupy_on_a_gpu(), np.random.default_rng(2)
    real, emulated = _cuda.cupy_device(), emulation.EmulatedDevice()
    for n in SIZES:
        a, j = decomposable(rng, n, 29, np.float64), shuffled_signature(rng, n - n // 3, n // 3)
        for ours, theirs in zip(
            _cuda.small_jpolar(real, cupy.asarray(a), j, 1)[:2], _cuda.small_jpolar(emulated, a, j, 1)[:2], strict=True
        ):
            np.testing.assert_array_equal(ours.get(), theirs)
    for shape in SHAPES:
        a = rng.normal(size=(5, *shape))
        for name in TABLES:
            ours = _cuda.small_newton_schulz(real, cupy.asarray(a), TABLES[name], True).get()
            np.testing.assert_allclose(
                ours, _cuda.small_newton_schulz(emulated, a, TABLES[name], True), rtol=0, atol=1e-9
            )
