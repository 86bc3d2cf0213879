"""J-orthogonal matrices: their generator, the exchange operator, the residual and the polish."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polar.matrices import orthonormal, shuffled_signature, star

from hypergeom.errors import ConvergenceError
from hypergeom.polar import (
    exchange,
    is_jorthogonal,
    jadjoint,
    jorthogonality_residual,
    random_jorthogonal,
    schulz_polish,
    signature,
)

EPS = np.finfo(float).eps


@pytest.mark.parametrize(
    ("n", "q"), [(1, 0), (1, 1), (2, 1), (7, 1), (8, 4), (9, 6), (5, 0), (5, 5), (128, 1), (512, 128)]
)
@pytest.mark.parametrize("cond", [1.0, 100.0, 1e8])
def test_random_matrices(rng, n, q, cond):
    j = shuffled_signature(rng, n - q, q)
    w = random_jorthogonal(j, cond=cond, rng=rng)
    assert jorthogonality_residual(w, j) <= 1e-15
    assert is_jorthogonal(w, j)
    expected = cond if 0 < q < n else 1.0
    assert np.linalg.norm(w, 2) ** 2 == pytest.approx(expected, rel=1e-10)


def test_blocks_rapidities_and_batches(rng):
    j = np.array([1.0, -1.0, 1.0, -1.0, 1.0])
    w = random_jorthogonal(j, rapidities=[2.0, 0.5], connected=True, size=(4, 3), rng=rng)
    assert w.shape == (4, 3, 5, 5)
    s = np.linalg.svd(w, compute_uv=False)
    np.testing.assert_allclose(s, np.exp([2.0, 0.5, 0.0, -0.5, -2.0]) * np.ones((4, 3, 1)), rtol=1e-12)
    assert np.all(np.linalg.det(w[..., j > 0, :][..., j > 0]) > 0)
    assert np.all(np.linalg.det(w[..., j < 0, :][..., j < 0]) > 0)
    signs = np.sign(np.linalg.det(random_jorthogonal(j, size=200, rng=rng)[:, j > 0][:, :, j > 0]))
    assert set(signs) == {-1.0, 1.0}
    again = random_jorthogonal(j, size=3, rng=5)
    np.testing.assert_array_equal(again, random_jorthogonal(j, size=3, rng=5))
    assert random_jorthogonal(j, rng=1, dtype=np.float32).dtype == np.float32


def test_signature_keeps_the_product_of_lorentz(rng):
    w = random_jorthogonal(signature(3, 1), cond=20, rng=rng)
    x = np.array([np.cosh(1.0), np.sinh(1.0), 0.0, 0.0])
    y = w @ x
    assert -(y[0] ** 2) + y[1:] @ y[1:] == pytest.approx(-1, rel=1e-13)
    np.testing.assert_array_equal(signature(2, 3), [-1, -1, -1, 1, 1])


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 40), data=st.data(), seed=st.integers(0, 2**32 - 1))
def test_exchange_is_an_involution_between_the_groups(n, data, seed):
    rng = np.random.default_rng(seed)
    j = shuffled_signature(rng, n - (q := data.draw(st.integers(0, n))), q)
    w = random_jorthogonal(j, cond=50.0, rng=rng)
    for pivot in (1, -1):
        o = exchange(w, j, pivot=pivot)
        assert np.linalg.norm(o.T @ o - np.eye(n)) <= 1e-12 or not np.any(j == pivot)
        back = exchange(o, j, pivot=pivot)
        assert np.linalg.norm(back - w) <= 10 * EPS * 50 * np.linalg.norm(w)


def test_exchange_by_its_blocks(rng):
    a = rng.normal(size=(2, 5, 5)) + 3 * np.eye(5)
    j = np.array([1, -1, 1, 1, -1])
    x = rng.normal(size=5)
    for pivot in (1, -1):
        on = j == pivot
        for matrix, result in zip(a, exchange(a, j, pivot=pivot), strict=True):
            y = matrix @ x  # the exchange solves for the pivot entries of x
            mixed, swapped = np.where(on, y, x), np.where(on, x, y)
            np.testing.assert_allclose(result @ mixed, swapped, atol=1e-12)


def test_adjoint(rng):
    a, x, y = rng.normal(size=(3, 4, 4)), rng.normal(size=4), rng.normal(size=4)
    j = np.array([1.0, -1.0, -1.0, 1.0])
    np.testing.assert_allclose((jadjoint(a, j) @ x) @ (j * y), (a @ y) @ (j * x), atol=1e-13)


def test_residual_is_accumulated_in_double(rng):
    j = signature(20, 1)
    w = random_jorthogonal(j, cond=1e6, rng=rng).astype(np.float32)
    truth = (
        np.linalg.norm(w.astype(float).T @ np.diag(j) @ w.astype(float) - np.diag(j))
        / np.linalg.norm(w.astype(float)) ** 2
    )
    assert jorthogonality_residual(w, j) == pytest.approx(truth, rel=1e-6)
    assert jorthogonality_residual(w, j).dtype == np.float32
    w = random_jorthogonal(j, cond=4, rng=rng)
    assert not is_jorthogonal(1.001 * w, j) and is_jorthogonal(1.001 * w, j, rtol=0.01)
    assert np.isnan(jorthogonality_residual(np.full((2, 2), np.nan), [1, -1]))


@pytest.mark.parametrize("cond", [1.0, 1e4])
def test_polish_is_quadratic(rng, cond):
    j = shuffled_signature(rng, 12, 4)
    w = random_jorthogonal(j, cond=cond, rng=rng)
    e = rng.normal(size=w.shape)
    near = w @ (np.eye(16) + 1e-4 * e / np.linalg.norm(e))
    distances = [np.linalg.norm(star(x, j) @ x - np.eye(16)) for x in (near, schulz_polish(near, j))]
    assert distances[0] > 5e-5
    assert distances[1] <= distances[0] ** 2 + 100 * EPS * cond
    assert jorthogonality_residual(schulz_polish(near, j, steps=2), j) <= 1e-15
    assert jorthogonality_residual(schulz_polish(near.astype(np.float32), j, steps=2), j) <= 5e-7


@pytest.mark.parametrize("complex_", [False, True])
def test_polish_of_orthonormal_columns(rng, complex_):
    q = orthonormal(rng, 9, 5, complex_)
    near = q + 1e-5 * rng.normal(size=q.shape)
    polished = schulz_polish(near, steps=2)
    assert np.linalg.norm(polished.conj().T @ polished - np.eye(5)) <= 1e-14
    batch = schulz_polish(np.stack([near, q]))
    np.testing.assert_allclose(batch[0], schulz_polish(near), atol=1e-15)


def test_guard(rng):
    j = signature(6, 2)
    w = random_jorthogonal(j, cond=1e6, rng=rng)
    far = w + 0.1 * rng.normal(size=w.shape)
    with pytest.raises(ConvergenceError, match="above the guard"):
        schulz_polish(far, j)
    with pytest.raises(ConvergenceError, match=r"at index \(1, 0\)"):
        schulz_polish(np.stack([w, far])[:, None], j)
    batch = np.stack([w, np.full_like(w, np.nan)])
    assert np.isnan(schulz_polish(batch, j)[1]).all()


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: jadjoint(np.ones((2, 3)), [1, 1]), ValueError, "needs square matrices"),
        (lambda: jadjoint(np.eye(3), [1, 1]), ValueError, "one entry for each of the 3 rows, got 2"),
        (lambda: jadjoint(np.eye(2), [1, 0.5]), ValueError, r"needs entries \+1 and -1"),
        (lambda: jadjoint(np.eye(2), (np.nan, 1)), ValueError, r"needs entries \+1 and -1"),
        (lambda: jadjoint(np.eye(2), 2), TypeError, "j needs to be a sequence"),
        (lambda: jadjoint(np.eye(2) + 1j, [1, -1]), TypeError, "needs real matrices"),
        (lambda: exchange(np.eye(2), [1, -1], pivot=0), ValueError, "pivot must be 1 or -1, got 0"),
        (lambda: random_jorthogonal([1, 2]), ValueError, r"entries \+1 and -1"),
        (lambda: random_jorthogonal([1, -1], cond=0.5), ValueError, "cond must be at least 1"),
        (lambda: random_jorthogonal([1, -1], rapidities=[1.0, 2.0]), ValueError, "rapidities needs 1"),
        (lambda: signature(-1, 2), ValueError, "p must be an integer of at least 0"),
        (lambda: schulz_polish(np.eye(2), [1, -1], steps=0), ValueError, "steps must be"),
        (lambda: schulz_polish(np.eye(2), guard=1.0), ValueError, "guard must be in"),
        (lambda: schulz_polish(np.ones((2, 3))), ValueError, "at least as many rows"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_empty():
    assert exchange(np.zeros((0, 3, 3)), [1, -1, 1]).shape == (0, 3, 3)
    assert exchange(np.zeros((0, 0)), []).shape == (0, 0)
    assert jorthogonality_residual(np.zeros((2, 0, 0)), []).tolist() == [0, 0]
    assert random_jorthogonal([]).shape == (0, 0)
