"""polar, msign, mclip and newton_schulz: their identities, accuracy, and what they do with singular matrices."""

import itertools

import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st
from polar.matrices import orthonormal, with_singular_values

from hypergeom.polar import mclip, msign, newton_schulz, ns_coefficients, ns_range, polar, random_jorthogonal

SHAPES = pytest.mark.parametrize(
    "shape", [(1, 1), (5, 5), (9, 4), (4, 9), (100, 100), (130, 70), (3, 70, 90), (2, 3, 6, 4)]
)
DTYPES = pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128])
ACCURATE = pytest.mark.parametrize("method", ["auto", "svd", "qdwh"])


def draw(rng, shape, dtype):
    a = rng.normal(size=shape)
    return (a + 1j * rng.normal(size=shape) if np.issubdtype(dtype, np.complexfloating) else a).astype(dtype)


def adjoint(a):
    return a.conj().swapaxes(-1, -2)


def wide(a):
    return a.astype(complex if np.iscomplexobj(a) else float)


def departure(u):
    """From orthonormal columns or rows."""
    u = wide(u) if u.shape[-2] >= u.shape[-1] else adjoint(wide(u))
    return np.max(np.linalg.norm(adjoint(u) @ u - np.eye(u.shape[-1]), axis=(-2, -1))) / u.shape[-1] ** 0.5


def spectral(a, f):
    u, s, vh = np.linalg.svd(wide(a), full_matrices=False)
    return (u * f(s)[..., None, :]) @ vh


@SHAPES
@DTYPES
@ACCURATE
def test_msign(rng, shape, dtype, method):
    a = draw(rng, shape, dtype)
    o = msign(a, method=method)
    assert o.dtype == dtype and o.shape == shape
    eps = np.finfo(dtype).eps
    assert departure(o) <= (1e-14 if eps < 1e-10 else 1e-6)
    s = np.linalg.svd(wide(a), compute_uv=False)
    error = np.linalg.norm(o - spectral(a, np.ones_like), axis=(-2, -1)) / s.shape[-1] ** 0.5
    assert np.all(error <= (1e-14 if eps < 1e-10 else 1e-6) + 20 * eps * s[..., 0] / s[..., -1])


@pytest.mark.parametrize("cond", [1e3, 1e8, 1e12])
@pytest.mark.parametrize("shape", [(60, 60), (90, 40)])
def test_ill_conditioned_matrices(rng, cond, shape):
    a = with_singular_values(rng, np.logspace(0, -np.log10(cond), min(shape)), *shape)
    o = msign(a, method="qdwh")
    assert departure(o) <= 1e-14
    assert np.linalg.norm(o - msign(a, method="svd")) <= 20 * np.finfo(float).eps * cond * min(shape) ** 0.5
    p = adjoint(o) @ a
    assert np.linalg.norm(a - o @ p) <= 1e-14 * np.linalg.norm(a)  # backward stable whatever the condition
    assert np.linalg.norm(p - p.T) <= 1e-14 * np.linalg.norm(a)


@SHAPES
@DTYPES
@pytest.mark.parametrize("side", ["right", "left"])
@ACCURATE
def test_polar(rng, shape, dtype, side, method):
    a = draw(rng, shape, dtype)
    u, p = polar(a, side=side, method=method)
    eps = np.finfo(dtype).eps
    assert departure(u) <= (1e-14 if eps < 1e-10 else 1e-6)
    np.testing.assert_array_equal(p, adjoint(p))
    product = u @ p if side == "right" else p @ u
    assert np.linalg.norm(product - a) <= 30 * eps * np.linalg.norm(a)
    assert np.linalg.eigvalsh(wide(p)).min() >= -30 * eps * np.linalg.norm(a)
    for index in itertools.islice(np.ndindex(shape[:-2]), 3):
        theirs = scipy.linalg.polar(wide(a[index]), side=side)
        size = np.linalg.norm(a[index])
        assert np.linalg.norm(p[index] - theirs[1]) <= 30 * eps * size
        if a.shape[-2] >= a.shape[-1] and side == "right" and eps < 1e-10 and min(shape[-2:]) < 10:
            assert np.linalg.norm(u[index] - theirs[0]) <= 1e-11


@settings(max_examples=40, deadline=None)
@given(
    m=st.integers(1, 40), n=st.integers(1, 40), seed=st.integers(0, 2**32 - 1), method=st.sampled_from(["svd", "qdwh"])
)
def test_identities_of_msign(m, n, seed, method):
    rng = np.random.default_rng(seed)
    a = with_singular_values(rng, rng.uniform(0.1, 2, min(m, n)), m, n)
    o = msign(a, method=method)
    q, r = orthonormal(rng, m, m), orthonormal(rng, n, n)
    np.testing.assert_allclose(msign(-a, method=method), -o, atol=1e-13)
    np.testing.assert_allclose(msign(3.7 * a, method=method), o, atol=1e-13)
    np.testing.assert_allclose(msign(a.T, method=method), o.T, atol=1e-13)
    np.testing.assert_allclose(msign(q @ a @ r, method=method), q @ o @ r, atol=1e-12)
    np.testing.assert_allclose(msign(o, method=method), o, atol=1e-13)


@ACCURATE
def test_powers_of_two_change_no_bit(rng, method):
    a = rng.normal(size=(7, 7))
    o = msign(a, method=method)
    for k in (-60, 1, 511, 1000, -1000):
        np.testing.assert_array_equal(msign(a * 2.0**k, method=method), o)


@pytest.mark.parametrize("method", ["ns", "gram", "svd", "qdwh"])
def test_tiny_matrices_in_float32(rng, method):
    """X / (|X| + 1e-7) makes them vanish."""
    a = rng.normal(size=(8, 20)).astype(np.float32)
    np.testing.assert_array_equal(msign(a * np.float32(2.0**-60), method=method), msign(a, method=method))
    np.testing.assert_array_equal(msign(a * np.float32(2.0**60), method=method), msign(a, method=method))


@pytest.mark.parametrize("method", ["svd", "qdwh"])
def test_rank_deficient_matrices(rng, method):
    a = with_singular_values(rng, np.array([3.0, 1.0, 0.0, 0.0]), 9, 4)
    o = msign(a, method=method)
    np.testing.assert_allclose(np.linalg.svd(o, compute_uv=False), [1, 1, 0, 0], atol=1e-13)
    np.testing.assert_allclose(o, np.linalg.pinv(a, rtol=1e-10).T @ scipy.linalg.sqrtm(a.T @ a).real, atol=1e-7)
    assert departure(msign(a, method=method, partial=False)) <= 1e-14
    u, p = polar(a, method=method)
    assert departure(u) <= 1e-14
    np.testing.assert_allclose(u @ p, a, atol=1e-13)
    s = np.array([1.0, 1e-3, 1e-5, 1e-9])
    b = with_singular_values(rng, s, 6, 4)
    for rtol, rank in ((0.0, 4), (1e-6, 3), (1e-4, 2), (0.5, 1)):
        kept = np.linalg.svd(msign(b, method=method, rtol=rtol), compute_uv=False)
        np.testing.assert_allclose(kept, np.arange(4) < rank, atol=1e-12)


@pytest.mark.parametrize("method", ["svd", "qdwh", "ns", "gram"])
def test_msign_stays_in_the_algebra_of_odd_dimension(rng, method):
    """A skew matrix of odd dimension is singular, and U V^T fills its null pair arbitrarily."""
    k = rng.normal(size=(17, 17))
    k = k - k.T
    o = msign(k, method=method)
    assert np.linalg.norm(o + o.T) <= 1e-13 * np.linalg.norm(o)
    if method in ("svd", "qdwh"):
        completed = msign(k, method=method, partial=False)
        assert np.linalg.norm(completed + completed.T) >= 0.1 * np.linalg.norm(completed)


def test_polar_of_a_j_orthogonal_matrix(rng):
    """The orthogonal factor is in O(p) x O(q), and the other in O(p, q)."""
    j = np.array([-1.0, -1.0, 1.0, 1.0, 1.0])
    w = random_jorthogonal(j, cond=1e3, rng=rng)
    u, p = polar(w)
    np.testing.assert_allclose(u[:2, 2:], 0, atol=1e-13)
    np.testing.assert_allclose(u[2:, :2], 0, atol=1e-13)
    np.testing.assert_allclose(p.T @ (j[:, None] * p), np.diag(j), atol=1e-11)


# --- mclip ------------------------------------------------------------------------------------------------


@SHAPES
@DTYPES
@pytest.mark.parametrize("method", ["auto", "svd", "qdwh"])
@pytest.mark.parametrize(
    "bounds", [(0.3, 1.0), (0.0, 0.7), (-2.0, 0.7), (0.5, np.inf), (0.6, 0.6), (-1.0, -0.3), (-np.inf, 0.5)]
)
def test_mclip(rng, shape, dtype, method, bounds):
    a = draw(rng, shape, dtype)
    a /= np.linalg.norm(a, 2, axis=(-2, -1), keepdims=True) / 2.5
    got = mclip(a, *bounds, method=method)
    assert got.dtype == dtype
    truth = spectral(a, lambda s: np.clip(s, *bounds))
    s = np.linalg.svd(wide(a), compute_uv=False)
    cond = (
        np.max(s[..., 0] / s[..., -1]) if bounds[0] > 0 or bounds[1] < 0 else 1
    )  # the smallest are moved with their vectors
    eps = np.finfo(dtype).eps
    bar = 1e-13 if eps < 1e-10 else 1e-5
    assert np.linalg.norm(got - truth) <= (bar + 20 * eps * cond) * np.linalg.norm(truth)
    values = np.linalg.svd(wide(got), compute_uv=False)
    low, high = np.sort(np.abs(np.clip(s, *bounds)), axis=-1)[..., [0, -1]].T
    assert np.all(high + 10 * eps * s.max() * s.shape[-1] ** 0.5 >= values.T)
    assert np.all(low - 10 * eps * s.max() * s.shape[-1] ** 0.5 <= values.T)


@pytest.mark.parametrize(("dtype", "bar"), [(np.float64, 1e-12), (np.float32, 5e-4)])
@pytest.mark.parametrize("method", ["svd", "qdwh"])
def test_mclip_of_a_large_matrix(rng, dtype, bar, method):
    a = with_singular_values(rng, np.logspace(0, 3, 40), 60, 40).astype(dtype)
    truth = spectral(a, lambda s: np.minimum(s, 1))
    assert np.linalg.norm(mclip(a, 0, 1, method=method) - truth) <= bar * np.linalg.norm(truth)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_mclip_in_products_alone(rng, dtype):
    a = with_singular_values(rng, np.logspace(-2, 1, 30), 30, 50).astype(dtype)
    error = 1e-8 if dtype == np.float64 else 1e-5
    for bounds in ((0.1, 1.0), (0.0, 2.0), (0.5, np.inf)):
        truth = spectral(a, lambda s, b=bounds: np.clip(s, *b))
        assert np.linalg.norm(mclip(a, *bounds, method="ns") - truth, 2) <= 10 * error * np.linalg.norm(a)


def test_mclip_is_not_a_shift_without_its_argument(rng):
    """(a + b)/2 msign(M) + (b - a)/2 mclip_{-1,1}(2 M/(b - a)) lacks a shift of the argument of mclip."""
    a = rng.normal(size=(40, 40))
    a *= 2.5 / np.linalg.norm(a, 2)
    o, truth = msign(a), mclip(a, 0.0, 1.0)

    def symmetric_clip(x):
        """clip(s, -1, 1) of signed values along the vectors of a: those of a symmetric matrix times o"""
        s, v = np.linalg.eigh((o.T @ x + x.T @ o) / 2)
        return o @ (v * np.clip(s, -1, 1)) @ v.T

    wrong = 0.5 * o + 0.5 * mclip(2 * a, -1.0, 1.0)
    right = 0.5 * o + 0.5 * symmetric_clip(2 * a - o)
    assert np.linalg.norm(wrong - truth) >= 0.25 * np.linalg.norm(truth)
    assert np.linalg.norm(right - truth) <= 1e-12 * np.linalg.norm(truth)
    for method in ("svd", "qdwh"):
        assert np.linalg.norm(mclip(a, 0.0, 1.0, method=method) - right) <= 1e-12 * np.linalg.norm(truth)


@pytest.mark.parametrize("method", ["svd", "qdwh"])
def test_identities_of_mclip(rng, method):
    a = with_singular_values(rng, rng.uniform(0.1, 3, 8), 12, 8)
    clipped = mclip(a, 0.5, 1.5, method=method)
    np.testing.assert_allclose(mclip(clipped, 0.5, 1.5, method=method), clipped, atol=1e-13)
    np.testing.assert_allclose(mclip(a, 0.7, 0.7, method=method), 0.7 * msign(a), atol=1e-13)
    np.testing.assert_allclose(mclip(a, 0, 10, method=method), a, atol=1e-13)
    nearest = np.linalg.norm(a - mclip(a, 0, 1, method=method))
    for _ in range(20):
        other = rng.normal(size=a.shape)
        other *= rng.uniform() / np.linalg.norm(other, 2)
        assert np.linalg.norm(a - other) >= nearest
    low = np.array([0.1, 0.4, 0.6])
    together = mclip(np.stack([a] * 3), low, 1.0, method=method)
    for k in range(3):
        np.testing.assert_allclose(together[k], mclip(a, low[k], 1.0, method=method), atol=1e-14)


@pytest.mark.parametrize("method", ["svd", "qdwh", "ns"])
def test_mclip_of_zero(method):
    np.testing.assert_array_equal(mclip(np.zeros((4, 3)), -1.0, 1.0, method=method), 0)
    np.testing.assert_array_equal(mclip(np.zeros((4, 3)), 0.0, np.inf, method=method), 0)


# --- Newton-Schulz ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape", [(1, 1), (6, 6), (20, 7), (7, 20), (3, 10, 10), (200, 200), (140, 600), (2, 300, 130)]
)
@pytest.mark.parametrize("variant", ["auto", "gemm", "gram"])
@pytest.mark.parametrize("name", ["jordan", "you6", "polar_express", "schulz"])
@DTYPES
def test_newton_schulz_is_the_composed_polynomial(rng, shape, variant, name, dtype):
    a = draw(rng, shape, dtype)
    got = newton_schulz(a, coefficients=name, variant=variant)
    assert got.dtype == dtype

    def f(s):
        x = s / np.linalg.norm(s, axis=-1, keepdims=True)
        for row in ns_coefficients(name):
            x = x * (row[0] + x * x * (row[1] + x * x * row[2]))
        return x

    truth = spectral(a, f)
    amplification = np.prod(ns_coefficients(name)[:, 0]) / 10 + 10
    assert np.linalg.norm(got - truth) <= amplification * np.finfo(dtype).eps * np.linalg.norm(truth) * 10


@pytest.mark.parametrize("shape", [(48, 192), (150, 450)])
def test_gram_form_starts_anew(rng, shape):
    """Rounding makes eigenvalues of a Gram matrix negative, and each step on it multiplies them by up to 69."""
    a = with_singular_values(rng, np.arange(shape[0]) < shape[0] // 2, *shape).astype(np.float32)
    rows = ns_coefficients("polar_express", steps=12)
    got = newton_schulz(a, coefficients=rows, variant="gram")
    assert np.linalg.norm(got - a) <= 3e-3 * np.linalg.norm(a)  # rounding of a, which the steps magnify by 10,000
    x = a / np.linalg.norm(a)
    r, q = x @ x.T, np.eye(shape[0], dtype=np.float32)
    with np.errstate(all="ignore"):
        for c0, c1, c2 in rows.astype(np.float32):
            z = c0 * np.eye(shape[0], dtype=np.float32) + c1 * r + c2 * (r @ r)
            r, q = z @ r @ z, q @ z
        assert not np.linalg.norm(q @ x - a) <= 1e-2 * np.linalg.norm(a)


@pytest.mark.parametrize("variant", ["gemm", "gram"])
def test_optimal_rows_reach_their_range(rng, variant):
    a = with_singular_values(rng, np.logspace(0, -2, 30), 30, 80)
    a /= np.linalg.norm(a)
    lower = float(np.linalg.svd(a, compute_uv=False)[-1])
    method = {"gemm": "ns", "gram": "gram"}[variant]
    np.testing.assert_allclose(msign(a, method=method, lower=lower * (1 - 1e-9)), msign(a), atol=1e-12)
    four = msign(a, method=method, lower=lower, steps=4)
    least, largest = ns_range(ns_coefficients("optimal", lower=lower, steps=4), lower)
    s = np.linalg.svd(four, compute_uv=False)
    assert least - 1e-3 <= s.min() and s.max() <= largest + 1e-3
    np.testing.assert_allclose([s.min()], [least], atol=1e-10)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_equivariance_of_newton_schulz(rng, dtype):
    a = rng.normal(size=(12, 30)).astype(dtype)
    q, r = orthonormal(rng, 12, 12).astype(dtype), orthonormal(rng, 30, 30).astype(dtype)
    got, turned = newton_schulz(q @ a @ r), q @ newton_schulz(a) @ r
    assert np.linalg.norm(got - turned) <= (1e-5 if dtype == np.float32 else 1e-12) * np.linalg.norm(turned)


def test_without_normalization(rng):
    a = with_singular_values(rng, rng.uniform(0.9, 1.1, 6), 9, 6)
    np.testing.assert_allclose(newton_schulz(a, coefficients="taylor", normalize=False), msign(a), atol=1e-13)


# --- bad and odd input ------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["svd", "qdwh", "ns", "gram"])
def test_not_finite_matrices_are_alone(rng, method):
    a = rng.normal(size=(4, 6, 5))
    a[1, 2, 3], a[2, 0, 0] = np.nan, np.inf
    o = msign(a, method=method)
    assert np.isnan(o[1:3]).all()
    for k in (0, 3):
        np.testing.assert_allclose(o[k], msign(a[k], method=method), atol=1e-14)
    c = mclip(a, 0.5, 1.0, method="svd" if method == "gram" else method)
    assert np.isnan(c[1:3]).all() and np.isfinite(c[[0, 3]]).all()
    if method in ("svd", "qdwh"):
        u, p = polar(a, method=method)
        assert np.isnan(u[1:3]).all() and np.isnan(p[1:3]).all() and np.isfinite(p[[0, 3]]).all()


@pytest.mark.parametrize("method", ["svd", "qdwh", "ns", "gram"])
def test_zero_and_empty_matrices(method):
    np.testing.assert_array_equal(msign(np.zeros((4, 3)), method=method), 0)
    for shape in ((0, 3), (3, 0), (0, 0), (0, 4, 3), (2, 0, 5)):
        assert msign(np.zeros(shape), method=method).shape == shape
        assert newton_schulz(np.zeros(shape)).shape == shape
        assert mclip(np.zeros(shape), 0.0, 1.0).shape == shape
        assert polar(np.zeros(shape)).u.shape == shape


def test_layouts_and_integers(rng):
    a = rng.integers(-9, 9, (6, 6))
    for f in (msign, newton_schulz, lambda a: mclip(a, 0.5, 1.0), lambda a: polar(a).u):
        truth = f(a.astype(float))
        assert truth.dtype == np.float64
        for b in (a, np.asfortranarray(a), np.repeat(a, 2, axis=0)[::2], a[::-1][::-1], a.tolist()):
            if isinstance(b, np.ndarray):
                b.flags.writeable = False
            np.testing.assert_allclose(f(b), truth, atol=1e-13)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: msign(np.ones(3)), "needs at least two axes"),
        (lambda: msign(np.eye(3), method="newton"), "method must be one of"),
        (lambda: msign(np.eye(3), steps=3), "are options of 'ns' and 'gram'"),
        (lambda: msign(np.eye(3), method="ns", partial=False), "partial and rtol are options"),
        (lambda: msign(np.eye(3), method="ns", lower=0.1, coefficients="jordan"), "give either"),
        (lambda: msign(np.eye(3), method="ns", coefficients="optimal"), "needs the rows"),
        (lambda: msign(np.eye(3), method="ns", steps=0), "steps must be"),
        (lambda: msign(np.eye(3), method="ns", lower=2.0), "0 < lower < upper"),
        (lambda: msign(np.eye(3), rtol=-1.0), "rtol must be in"),
        (lambda: polar(np.eye(3), side="up"), "side must be one of 'right', 'left', got 'up'"),
        (lambda: polar(np.eye(3), method="ns"), "method must be one of"),
        (lambda: mclip(np.eye(3), 2.0, 1.0), "needs lower <= upper"),
        (lambda: mclip(np.eye(3), np.nan, 1.0), "lower must not be NaN"),
        (lambda: mclip(np.eye(3), np.inf, np.inf), "lower < inf"),
        (lambda: mclip(np.eye(3), np.zeros(2), 1.0), "broadcast to the leading axes"),
        (lambda: mclip(np.eye(3), 0.0, 1.0, method="gram"), "method must be one of"),
        (lambda: newton_schulz(np.eye(3), variant="fast"), "variant must be one of"),
        (lambda: newton_schulz(np.eye(3), coefficients=np.ones(3)), "finite rows of shape"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("a", ["text", object(), [["a"]], {"a": 1}])
def test_not_an_array(a):
    for f in (msign, polar, newton_schulz):
        with pytest.raises(TypeError, match="needs to be an array of numbers"):
            f(a)
