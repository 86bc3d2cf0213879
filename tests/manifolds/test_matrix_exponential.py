"""The exponential of small matrices against scipy and mpmath."""

import array_api_strict
import mpmath
import numpy as np
import pytest
import scipy.linalg

from hypergeom.manifolds.matrix_exponential import expm1


def matrices(rng, kind, n, norm, count=10):
    a = rng.normal(size=(count, n, n))
    if kind == "skew":
        a = a - a.swapaxes(-1, -2)
    return norm * a / np.abs(a).sum(axis=-2, keepdims=True).max(axis=-1, keepdims=True)


@pytest.mark.parametrize("kind", ["skew", "general"])
@pytest.mark.parametrize("norm", [0.01, 1.0, 5.0, 20.0])
def test_against_scipy(rng, kind, norm):
    a = matrices(rng, kind, 6, norm)
    truth = scipy.linalg.expm(a)
    error = np.linalg.norm(np.eye(6) + expm1(a) - truth, axis=(-2, -1))
    assert np.all(error <= 1e-14 * (3 + norm) ** 2 * np.linalg.norm(truth, axis=(-2, -1)))


@pytest.mark.parametrize("kind", ["skew", "general"])
@pytest.mark.parametrize("norm", [1e-200, 1e-12, 1e-3, 0.5, 3.9, 5.3, 11.9, 25.0])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_against_mpmath(rng, high_precision, kind, norm, dtype):
    if dtype == np.float32 and norm < 1e-30:
        norm = 1e-30
    a = matrices(rng, kind, 4, norm, 3).astype(dtype)
    got = expm1(a)
    assert got.dtype == dtype
    for k in range(3):
        with mpmath.workdps(60):
            b = mpmath.matrix([[mpmath.mpf(float(v)) for v in row] for row in a[k]])
            total, term = mpmath.matrix(4, 4), mpmath.eye(4)
            for i in range(1, 250):
                term = term * b / i
                total += term
            error = high_precision.at(60).error(got[k].ravel(), list(total))
        assert error <= (4 + 4 * norm) * np.finfo(dtype).eps


def test_each_matrix_is_scaled_for_itself(rng):
    a = np.concatenate([matrices(rng, "general", 3, norm, 2) for norm in (1e-9, 1.0, 40.0)])
    together = expm1(a)
    for k in range(len(a)):
        np.testing.assert_array_equal(expm1(a[k]), together[k])


def test_not_finite_and_empty():
    a = np.zeros((3, 2, 2))
    a[1, 0, 0] = np.inf
    a[2, 1, 0] = np.nan
    result = expm1(a)
    np.testing.assert_array_equal(result[0], 0)
    assert np.isnan(result[1:]).all()
    assert expm1(np.zeros((0, 2, 2))).shape == (0, 2, 2)


def test_other_libraries(rng):
    a = matrices(rng, "skew", 4, 12.0)
    np.testing.assert_allclose(np.asarray(expm1(array_api_strict.asarray(a))), expm1(a), atol=1e-14)
