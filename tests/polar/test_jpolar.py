"""jpolar against factors that are known, on matrices of every condition, and its refusals where there is no factor."""

import mpmath
import numpy as np
import pytest
import scipy.linalg
from hypothesis import given, settings
from hypothesis import strategies as st
from polar.matrices import j_polar_case, mp_j_polar, shuffled_signature, star, to_mp, to_numpy

from hypergeom.errors import ConvergenceError, HypergeomError, NoJPolarError
from hypergeom.polar import jorthogonality_residual, jpolar, random_jorthogonal, signature

EPS = np.finfo(float).eps
CONDITIONS = [
    (1, 1e2, 1),
    (1e2, 1e2, 10),
    (1e4, 1e2, 10),
    (1e8, 1e2, 10),
    (1e4, 1e8, 10),
    (1e8, 1e8, 10),
    (1e4, 1e4, 1e4),
]
METHODS = pytest.mark.parametrize("method", ["auto", "newton", "dwh"])


def check_factors(a, j, result, bar):
    w, s, info = result
    assert info.converged
    np.testing.assert_array_equal(j[:, None] * s, (j[:, None] * s).T)
    assert info.j_residual <= 1e-15
    # both are sums of rounding, in an order of their own
    assert jorthogonality_residual(w, j) == pytest.approx(info.j_residual, abs=len(j) ** 0.5 * EPS / 2)
    assert np.linalg.norm(a - w @ s) / np.linalg.norm(a) == pytest.approx(info.residual, abs=1e-16)
    assert info.residual <= bar
    assert info.symmetry <= 10 * bar


def case_bar(conditions, dwh):
    kappa_w, _, kappa_q = conditions
    if kappa_q > 10:  # ill-conditioned eigenvectors count as the condition of W does
        return 2 * EPS * kappa_w * kappa_q if dwh else 1e-5
    return max(1e-13, (20 if dwh else 100) * EPS * kappa_w)


@pytest.mark.parametrize("n", [32, 128, pytest.param(512, marks=pytest.mark.slow)])
@pytest.mark.parametrize("share", ["one", "quarter", "half"])
@pytest.mark.parametrize("conditions", CONDITIONS)
@METHODS
def test_problem_set(rng, n, share, conditions, method):
    q = {"one": 1, "quarter": n // 4, "half": n // 2}[share]
    a, w0, _, j = j_polar_case(rng, n, q, *conditions)
    result = jpolar(a, j, method=method)
    dwh = method == "dwh"
    check_factors(a, j, result, case_bar(conditions, dwh))
    assert result.info.iterations <= (10 if dwh else 12)
    assert result.info.method == ("dwh" if dwh else "newton")
    if conditions[1:] == (1e2, 10):
        bar = max(1e-12, (200 if dwh else 1e4) * EPS * conditions[0])
        assert np.linalg.norm(result.w - w0) <= bar * np.linalg.norm(w0)


@pytest.mark.parametrize("n", [32, 128])
@pytest.mark.parametrize(("kappa_w", "bar"), [(1, 5e-6), (1e2, 5e-5), (1e4, 5e-3)])
@METHODS
def test_problem_set_in_single_precision(rng, n, kappa_w, bar, method):
    a, _, _, j = j_polar_case(rng, n, n // 4, kappa_w, 1e2, 10 if kappa_w > 1 else 1)
    w, s, info = jpolar(a.astype(np.float32), j, method=method)
    assert w.dtype == s.dtype == info.residual.dtype == np.float32
    assert info.j_residual <= 5e-7 and info.residual <= bar and info.symmetry <= 10 * bar


@pytest.mark.parametrize("bounds", [(1e-2, 1.0), (1e-3, 1.0), (1e-1, 1.0), (1e-2, 10.0)])
def test_bounds_of_the_spectrum(rng, bounds):
    """Those that are wrong by ten cost steps, not digits."""
    a, _, _, j = j_polar_case(rng, 48, 12, 1e4, 1e2, 10)
    result = jpolar(a, j, method="dwh", bounds=bounds)
    check_factors(a, j, result, 1e-11)
    assert result.info.iterations <= 10
    scaled = jpolar(2.0**70 * a, j, method="dwh", bounds=tuple(2.0**70 * v for v in bounds))
    np.testing.assert_array_equal(scaled.w, result.w)


@METHODS
@pytest.mark.parametrize("n", [8, 16, 64])
def test_complex_spectrum(rng, n, method):
    """To 1.5 radians off the positive axis."""
    q = n // 2
    j = signature(q, q)
    angles, sizes = rng.uniform(-1.5, 1.5, q), 10 ** rng.uniform(-1, 0, q)
    angles[0] = 1.5
    c, s = np.diag(sizes * np.cos(angles)), np.diag(sizes * np.sin(angles))
    vectors = random_jorthogonal(j, cond=10, rng=rng)
    s = vectors @ np.block([[c, s], [-s, c]]) @ star(vectors, j)
    a = random_jorthogonal(j, cond=1e4, rng=rng) @ s
    result = jpolar(a, j, method=method)
    check_factors(a, j, result, 2e-11)
    assert result.info.iterations <= 12
    assert np.min(np.linalg.eigvals(result.s).real) > 0


@pytest.mark.parametrize("n", [4, 8, 16, 32, 64])
@pytest.mark.parametrize("method", ["auto", "dwh"])
def test_gaussian_matrices(rng, n, method):
    """Where the factor exists it is found, and where it does not this is said."""
    found = 0
    for k in range(60):
        j = shuffled_signature(rng, n - (1 if k % 2 else n // 2), 1 if k % 2 else n // 2)
        a = rng.normal(size=(n, n))
        values = np.linalg.eigvals(star(a, j) @ a)
        if np.any((values.imag == 0) & (values.real <= 0)):
            with pytest.raises(NoJPolarError, match="eigenvalue") as error:
                jpolar(a, j, method=method)
            assert np.min(np.abs(values - error.value.eigenvalue)) <= 1e-6 * abs(error.value.eigenvalue)
            continue
        if np.min(np.pi - np.abs(np.angle(values))) < 1e-4:
            continue  # so near to none that rounding may decide
        result = jpolar(a, j, method=method)
        found += 1
        assert result.info.iterations <= (20 if method == "auto" else 12)
        assert result.info.j_residual <= 1e-15 and np.min(np.linalg.eigvals(result.s).real) > 0
    assert found > 5


def test_schulz_is_no_way_from_afar(rng):
    """It needs a nearly real spectrum: of Gaussian matrices whose factor exists it finds none."""
    j, tried = signature(16, 16), 0
    while tried < 10:
        a = rng.normal(size=(32, 32))
        try:
            jpolar(a, j)
        except NoJPolarError:
            continue
        tried += 1
        with pytest.raises((ConvergenceError, NoJPolarError)):
            jpolar(a, j, method="schulz")
    near = random_jorthogonal(j, cond=100, rng=rng) @ (np.eye(32) + 0.01 * rng.normal(size=(32, 32)))
    np.testing.assert_allclose(jpolar(near, j, method="schulz").w, jpolar(near, j).w, atol=1e-11)


# --- where there is no factor -----------------------------------------------------------------------------


@pytest.mark.parametrize("n", [2, 4, 5, 8, 9, 16, 32])
def test_tangent_vectors_have_no_factor(rng, n):
    """Of O(n, 1): with X in the algebra (W X)^* (W X) = -X^2 is singular or has a negative eigenvalue."""
    j = signature(n - 1, 1)
    for k in range(200):
        skew = rng.normal(size=(n, n))
        x = j[:, None] * (skew - skew.T)
        w = random_jorthogonal(j, cond=(1, 10, 100)[k % 3], rng=rng)
        values = np.linalg.eigvals(-x @ x)
        assert np.min(values.real) <= 1e-12 * np.max(np.abs(values))
        with pytest.raises(NoJPolarError):
            jpolar(w @ x, j)


@pytest.mark.parametrize("check", [True, False])
def test_known_offending_eigenvalues(check):
    j = np.array([1.0, -1.0, 1.0])
    a = np.array([[1.0, 0.0, 0.0], [0.0, 2.0, 0.0], [0.0, 0.0, 5.0]])
    assert jpolar(a, j, check=check).info.converged
    b = a[[1, 0, 2]]  # maps time to space and back: A* A = diag(-1, -4, 25)
    with pytest.raises(NoJPolarError, match=r"the eigenvalue -(1|4) on the negative real axis") as error:
        jpolar(b, j, check=check)
    assert min(abs(error.value.eigenvalue + 1), abs(error.value.eigenvalue + 4)) <= 1e-12
    assert error.value.index == ()
    assert isinstance(error.value, HypergeomError) and isinstance(error.value, np.linalg.LinAlgError)
    with pytest.raises(NoJPolarError, match=r"at index \(1, 0\): A\* A has the eigenvalue"):
        jpolar(np.stack([a, b])[:, None], j, check=check)
    with pytest.raises(NoJPolarError, match=r"eigenvalue -(1e|4e)"):
        jpolar(1e20 * b, j, check=check)


@METHODS
def test_singular_matrices(rng, method):
    j = np.array([1.0, -1.0, 1.0, 1.0])
    for a in (np.zeros((4, 4)), np.diag([1.0, 2.0, 0.0, 1.0]), np.ones((4, 4))):
        with pytest.raises(NoJPolarError) as error:
            jpolar(a, j, method=method)
        assert error.value.diagnosis == "singular"
    w = random_jorthogonal(j, rng=rng)
    with pytest.raises(NoJPolarError):
        jpolar(w @ np.diag([1.0, 1.0, 0.0, 2.0]), j, method=method)


def test_failures_in_a_batch_are_alone(rng):
    j = signature(4, 2)
    good = np.eye(6) + 0.1 * rng.normal(size=(5, 6, 6))
    bad = good.copy()
    bad[1] = np.diag(np.arange(1.0, 7))[[5, 1, 2, 3, 4, 0]]  # takes a coordinate of time to one of space
    bad[3, 0, 0] = np.nan
    bad[4] = 0
    with pytest.raises(ValueError, match=r"NaN or inf at index \(3,\)"):
        jpolar(bad, j)
    with pytest.raises(NoJPolarError, match=r"at index \(1,\)"):
        jpolar(bad[:3], j)
    w, s, info = jpolar(bad, j, on_failure="nan")
    np.testing.assert_array_equal(info.converged, [True, False, True, False, False])
    for k in range(5):
        if info.converged[k]:
            np.testing.assert_allclose(w[k], jpolar(good[k], j).w, atol=1e-14)
            assert info.residual[k] <= 1e-13
        else:
            assert np.isnan(w[k]).all() and np.isnan(s[k]).all() and np.isnan(info.residual[k])


def test_too_few_iterations(rng):
    a = random_jorthogonal([1, -1, 1], rng=rng) @ np.diag([1.0, 5.0, 25.0])
    with pytest.raises(ConvergenceError, match="does not find the factor"):
        jpolar(a, [1, -1, 1], method="newton", maxiter=1)


# --- identities -------------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 40), data=st.data(), seed=st.integers(0, 2**32 - 1), batch=st.sampled_from([(), (3,), (2, 2)]))
def test_identities(n, data, seed, batch):
    rng = np.random.default_rng(seed)
    j = shuffled_signature(rng, n - (q := data.draw(st.integers(0, n))), q)
    a = np.eye(n) + 0.3 * rng.normal(size=(*batch, n, n)) / n**0.5
    w, s, info = jpolar(a, j)
    assert info.converged.shape == batch and np.all(info.iterations <= 12)
    turn = random_jorthogonal(j, cond=10, rng=rng)
    size = np.linalg.norm(w, axis=(-2, -1)).max() * 10
    np.testing.assert_allclose(w @ s, a, atol=1e-13 * n)
    np.testing.assert_allclose(jpolar(turn @ a, j).w, turn @ w, atol=1e-12 * size)
    np.testing.assert_allclose(jpolar(a @ turn, j).w, w @ turn, atol=1e-12 * size)
    np.testing.assert_allclose(jpolar(2.5 * a, j).w, w, atol=1e-12 * size)
    np.testing.assert_allclose(jpolar(w, j).w, w, atol=1e-13 * size)
    np.testing.assert_allclose(jpolar(w, j).s, np.broadcast_to(np.eye(n), a.shape), atol=1e-12 * size)
    np.testing.assert_allclose(jpolar(a, -j).w, w, atol=1e-12 * size)
    np.testing.assert_allclose(s @ s, star(a, j) @ a, atol=1e-12 * size)


@METHODS
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_with_one_sign_it_is_the_polar_decomposition(rng, method, sign):
    a = rng.normal(size=(20, 20))
    a += 0.1 * np.linalg.norm(a, 2) * np.eye(20)
    w, s, _ = jpolar(a, sign * np.ones(20), method=method)
    u, p = scipy.linalg.polar(a)
    cond = np.linalg.cond(a)
    np.testing.assert_allclose(w, u, atol=1e-13 + 20 * EPS * cond)
    np.testing.assert_allclose(s, p, atol=1e-13 * np.linalg.norm(a))


@METHODS
@pytest.mark.parametrize("n", [1, 2, 3, 6])
def test_against_mpmath(rng, n, method):
    for q in range(n + 1):
        j = shuffled_signature(rng, n - q, q)
        a = random_jorthogonal(j, cond=100, rng=rng) @ (np.eye(n) + 0.3 * rng.normal(size=(n, n)) / n**0.5)
        with mpmath.workdps(50):
            truth = mp_j_polar(to_mp(a), j)
            error = np.linalg.norm(to_numpy(to_mp(jpolar(a, j, method=method).w) - truth))
        assert error <= 2e3 * EPS * np.linalg.norm(a) * np.linalg.norm(np.linalg.inv(a))


@METHODS
def test_powers_of_two_change_no_bit(rng, method):
    a, _, _, j = j_polar_case(rng, 6, 2, 10, 10, 3)
    w, s, info = jpolar(a, j, method=method)
    for k in (-300, 1, 300, 1000):
        scaled = jpolar(a * 2.0**k, j, method=method)
        np.testing.assert_array_equal(scaled.w, w)
        np.testing.assert_array_equal(scaled.s, s * 2.0**k)
        assert scaled.info.iterations == info.iterations and scaled.info.residual == info.residual
    b = np.ldexp(a, -1060)  # subnormal: digits are gone
    with np.errstate(under="ignore"):
        np.testing.assert_array_equal(jpolar(b, j, method=method).w, jpolar(np.ldexp(b, 1060), j, method=method).w)


def test_polish_brings_the_residual_down(rng):
    a, _, _, j = j_polar_case(rng, 128, 64, 1e4, 1e2, 10)
    rough, once = (jpolar(a, j, polish=k).info.j_residual for k in (0, 1))
    assert once <= 2e-16 and once <= rough


def test_layouts_and_integers(rng):
    a = rng.integers(-2, 3, (5, 5)) + 20 * np.eye(5, dtype=int)
    j = [1, -1, 1, -1, 1]
    truth = jpolar(a.astype(float), j)
    for b in (a, np.asfortranarray(a), np.repeat(a, 2, axis=0)[::2], a.tolist()):
        if isinstance(b, np.ndarray):
            b.flags.writeable = False
        np.testing.assert_array_equal(jpolar(b, tuple(j)).w, truth.w)
    w, _, info = jpolar(np.stack([a, 2 * a]), np.array(j))
    np.testing.assert_allclose(w, [truth.w] * 2, atol=1e-14)
    assert info.method.tolist() == ["newton", "newton"]


def test_empty():
    for shape in ((0, 3, 3), (0, 0), (2, 0, 0)):
        w, s, info = jpolar(np.zeros(shape), [1, -1, 1][: shape[-1]])
        assert w.shape == s.shape == shape and info.converged.shape == shape[:-2]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: jpolar(np.ones((2, 3)), [1, 1]), ValueError, "needs square matrices"),
        (lambda: jpolar(np.ones(3), [1, 1]), ValueError, "at least two axes"),
        (lambda: jpolar(np.eye(3), [1, -1]), ValueError, "one entry for each of the 3 rows"),
        (lambda: jpolar(np.eye(2), [1, 0]), ValueError, r"entries \+1 and -1"),
        (lambda: jpolar(np.eye(2) * 1j, [1, -1]), TypeError, "needs real matrices"),
        (lambda: jpolar("matrix", [1, -1]), TypeError, "an array of numbers"),
        (lambda: jpolar(np.eye(2), [1, -1], method="svd"), ValueError, "method must be one of"),
        (lambda: jpolar(np.eye(2), [1, -1], on_failure="ignore"), ValueError, "on_failure must be one of"),
        (lambda: jpolar(np.eye(2), [1, -1], maxiter=0), ValueError, "maxiter must be"),
        (lambda: jpolar(np.eye(2), [1, -1], polish=-1), ValueError, "polish must be"),
        (lambda: jpolar(np.eye(2), [1, -1], bounds=(1, 2)), ValueError, "are an option of 'dwh'"),
        (lambda: jpolar(np.eye(2), [1, -1], method="dwh", bounds=(2, 1)), ValueError, "0 < lower <= upper"),
        (lambda: jpolar(np.eye(2), [1, -1], method="dwh", bounds=3.0), ValueError, "must be two numbers"),
        (lambda: jpolar([[np.inf, 0], [0, 1]], [1, -1]), ValueError, "needs finite matrices"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
