"""The compiled loops over small matrices against the array-API path, and what they do with matrices beside bad ones."""

import os
import subprocess
import sys

import numpy as np
import pytest
from polar.matrices import shuffled_signature, with_singular_values

from hypergeom._core import polar as loops
from hypergeom.errors import HypergeomError
from hypergeom.polar import indefinite, jorthogonality_residual, jpolar, msign, orthogonal, polar, random_jorthogonal
from hypergeom.polar.small import compiles_factors, compiles_sign

EPS = np.finfo(float).eps


@pytest.fixture
def plain(monkeypatch):
    """Runs a function on the path of all libraries."""

    def run(f, *args, **options):
        with monkeypatch.context() as patch:
            patch.setattr(indefinite, "compiles_factors", lambda a: False)
            patch.setattr(orthogonal, "compiles_sign", lambda a: False)
            return f(*args, **options)

    return run


def outcome(f, *args, **options):
    try:
        return f(*args, **options)
    except HypergeomError as error:
        return error


# --- jpolar -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8, 13, 21, 32])
@pytest.mark.parametrize("batch", [(), (1,), (8,), (3, 7)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_factors_are_those_of_the_other_path(rng, plain, n, batch, dtype):
    j = shuffled_signature(rng, n - n // 3, n // 3)
    near = np.eye(n) + 0.3 * rng.normal(size=(*batch, n, n)) / n**0.5
    a = (random_jorthogonal(j, cond=30, size=batch, rng=rng) @ near).astype(dtype)
    assert compiles_factors(a)
    w, s, info = jpolar(a, j)
    other = plain(jpolar, a, j)
    assert w.dtype == s.dtype == info.residual.dtype == info.j_residual.dtype == dtype
    eps = np.finfo(dtype).eps
    size = np.linalg.cond(a.astype(float)).max()
    np.testing.assert_allclose(w, other.w, atol=20 * eps * size)
    np.testing.assert_allclose(s, other.s, atol=20 * eps * size)
    np.testing.assert_array_equal(j[:, None] * s, np.swapaxes(j[:, None] * s, -1, -2))
    assert np.all(info.converged) and info.method.tolist() == other.info.method.tolist()
    assert info.iterations.dtype == other.info.iterations.dtype
    if dtype == np.float64:  # the loops compute in double for both, and iterate until that is reached
        assert np.all(np.abs(info.iterations - other.info.iterations) <= 1)
    assert np.all(info.j_residual <= (1e-15 if dtype == np.float64 else 5e-7))
    # in double precision, of the matrix that is returned: in double itself both are sums of rounding alone
    np.testing.assert_allclose(info.j_residual, jorthogonality_residual(w, j), rtol=1e-6, atol=n**0.5 * EPS)
    off = np.linalg.norm(a - w.astype(float) @ s, axis=(-2, -1)) / np.linalg.norm(a, axis=(-2, -1))
    np.testing.assert_allclose(info.residual, off, atol=n**0.5 * eps)
    np.testing.assert_allclose(info.symmetry, other.info.symmetry, atol=20 * eps * size)


@pytest.mark.parametrize("n", [2, 4, 7, 16])
@pytest.mark.parametrize("check", [False, True])
def test_failures_are_those_of_the_other_path(rng, plain, n, check):
    """Gaussian matrices with and without a factor, singular and nearly singular ones, and ones that are not finite."""
    j = shuffled_signature(rng, n - n // 2, n // 2)
    a = rng.normal(size=(40, n, n))
    a[3], a[9] = 0, np.ones((n, n))
    a[12] = with_singular_values(rng, np.r_[np.ones(n - 1), 1e-17], n, n)
    a[20] = random_jorthogonal(j, cond=1e6, rng=rng) @ np.diag(np.r_[np.ones(n - 1), 1e-19])
    a[30, 0, 0], a[31, -1, 0] = np.nan, np.inf
    w, s, info = jpolar(a, j, check=check, on_failure="nan")
    other = plain(jpolar, a, j, check=check, on_failure="nan")
    np.testing.assert_array_equal(info.converged, other.info.converged)
    assert info.converged.any() and not info.converged[[3, 9, 12, 20, 30, 31]].any()
    np.testing.assert_array_equal(np.isnan(w).all(axis=(1, 2)), ~info.converged)
    np.testing.assert_array_equal(np.isnan(s).all(axis=(1, 2)), ~info.converged)
    for k in np.flatnonzero(np.isfinite(a).all(axis=(1, 2))):
        ours, theirs = outcome(jpolar, a[k], j, check=check), outcome(plain, jpolar, a[k], j, check=check)
        assert type(ours) is type(theirs)
        if not isinstance(ours, HypergeomError):
            np.testing.assert_array_equal(ours.w, w[k])
        elif k not in (3, 9, 12, 20):  # of these, rounding says whether they have an eigenvalue 0 or a tiny one
            assert ours.eigenvalue == pytest.approx(theirs.eigenvalue, rel=1e-6)


def test_eigenvalues_on_the_axis_are_seen(plain):
    """A factor with eigenvalues i and -i: A* A = -1 twice, to which Newton's iteration comes near without end."""
    turn = np.array([[0.0, -1.0], [1.0, 0.0]])
    for j in ([-1, 1], [1, -1]):
        for a in (turn, turn + 1e-9 * np.eye(2), np.array([[1e-9, 1.0], [-1.0, 1e-9]])):
            ours, theirs = outcome(jpolar, a, j), outcome(plain, jpolar, a, j)
            assert type(ours) is type(theirs)


@pytest.mark.parametrize("n", [3, 8])
def test_no_result_depends_on_its_neighbours(rng, n):
    j = shuffled_signature(rng, n - 1, 1)
    a = rng.normal(size=(21, n, n)) * 10.0 ** rng.integers(-3, 4, (21, 1, 1))
    a[4], a[5] = 0, 1e200 * a[5]
    w, s, info = jpolar(a, j, on_failure="nan")
    o = msign(a)
    for k in range(21):
        alone = jpolar(a[k], j, on_failure="nan")
        np.testing.assert_array_equal(alone.w, w[k])
        np.testing.assert_array_equal(alone.s, s[k])
        assert alone.info.iterations == info.iterations[k]
        np.testing.assert_array_equal(msign(a[k]), o[k])


def test_layouts(rng):
    j = [1, -1, 1, 1]
    a = np.eye(4) + 0.2 * rng.normal(size=(6, 4, 4))
    a.flags.writeable = False
    truth, signs = jpolar(a, j), msign(a)
    wide = np.repeat(np.repeat(a, 2, axis=1), 3, axis=2)[:, ::2, ::3]
    for b in (wide, np.asfortranarray(a), a[::-1][::-1], np.swapaxes(np.swapaxes(a, 1, 2).copy(), 1, 2)):
        np.testing.assert_array_equal(jpolar(b, j).w, truth.w)
        np.testing.assert_array_equal(jpolar(b, j).s, truth.s)
        np.testing.assert_array_equal(msign(b), signs)


# --- msign ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "shape", [(1, 1), (2, 2), (16, 16), (9, 17, 17), (8, 32, 32), (20, 5), (5, 20), (3, 8, 3), (9, 30, 80)]
)
@pytest.mark.parametrize("cond", [1.0, 1e6, 1e12])
def test_signs_are_those_of_an_svd(rng, shape, cond):
    k = min(shape[-2:])
    a = np.empty(shape)
    for index in np.ndindex(shape[:-2]):
        a[index] = with_singular_values(rng, np.logspace(0, -np.log10(cond), k), *shape[-2:])
    assert compiles_sign(a)
    o, truth = msign(a), msign(a, method="svd")
    assert np.linalg.norm(o - truth) <= (1e-14 + 20 * EPS * cond) * np.linalg.norm(truth)
    tall = o if shape[-2] >= shape[-1] else np.swapaxes(o, -1, -2)
    gram = np.swapaxes(tall, -1, -2) @ tall
    assert np.all(np.linalg.norm(gram - np.eye(k), axis=(-2, -1)) <= 1e-14 * k**0.5)
    p = np.swapaxes(tall, -1, -2) @ (a if shape[-2] >= shape[-1] else np.swapaxes(a, -1, -2))
    assert np.linalg.norm(p - np.swapaxes(p, -1, -2)) <= 1e-14 * np.linalg.norm(a)  # backward stable
    assert np.linalg.eigvalsh((p + np.swapaxes(p, -1, -2)) / 2).min() > -1e-14


@pytest.mark.parametrize("partial", [True, False])
@pytest.mark.parametrize("shape", [(5, 5), (7, 4), (4, 7), (17, 17)])
def test_singular_matrices_go_to_the_svd(rng, partial, shape):
    a = rng.normal(size=(12, *shape))
    for k in (0, 5, 11):
        a[k] = with_singular_values(rng, np.r_[np.ones(min(shape) - 1), 0.0], *shape)
    a[2], a[3, 1, 2], a[4, 0, 0] = 0, np.nan, np.inf
    if shape == (17, 17):
        a[7] -= a[7].T.copy()
    o, truth = msign(a, partial=partial), msign(a, method="svd", partial=partial)
    for k in range(12):
        if k in (0, 2, 3, 4, 5, 11) or (k == 7 and shape == (17, 17)):
            np.testing.assert_array_equal(o[k], truth[k])
        else:
            np.testing.assert_allclose(o[k], truth[k], atol=1e-14 + 20 * EPS * np.linalg.cond(a[k]))
    u, p = polar(a)
    good = np.delete(np.arange(12), [3, 4])
    np.testing.assert_allclose((u @ p)[good], a[good], atol=1e-13)
    assert np.isnan(u[3:5]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rtol_decides_what_is_singular(rng, dtype):
    s = np.array([1.0, 1e-2, 1e-4, 1e-5])
    a = with_singular_values(rng, s, 4, 4).astype(dtype)
    for rtol, rank in ((0.0, 4), (1e-7, 4), (3e-5, 3), (3e-3, 2), (0.5, 1)):
        kept = np.linalg.svd(msign(a, rtol=rtol), compute_uv=False)
        np.testing.assert_allclose(kept, np.arange(4) < rank, atol=100 * np.finfo(dtype).eps)


def test_powers_of_two_and_far_ranges(rng):
    for shape in ((6, 6), (6, 3)):
        a = rng.normal(size=(9, *shape))
        o = msign(a)
        for k in (-1000, -60, 1, 511, 1000):
            np.testing.assert_array_equal(msign(a * 2.0**k), o)
        b = np.ldexp(a, -1060)
        with np.errstate(under="ignore"):
            np.testing.assert_array_equal(msign(b), msign(np.ldexp(b, 1060)))


def test_loops_scale_by_themselves(rng):
    j = np.array([-1.0, 1.0, 1.0])
    a = np.eye(3) + 0.2 * rng.normal(size=(3, 3, 3))
    w, s, *numbers = loops.small_jpolar(a, j, 1.0)
    for k in (-500, 7, 500):
        again = loops.small_jpolar(2.0**k * a, j, 1.0)
        for ours, theirs in zip(again, (w, 2.0**k * s, *numbers), strict=True):
            np.testing.assert_array_equal(ours, theirs)


SCRIPT = """
import hashlib
import numpy as np
from hypergeom._core import polar
print(polar.ISA)
rng = np.random.default_rng(3)
for n in (1, 2, 7, 8, 20, 32):
    for dtype in (np.float32, np.float64):
        a = rng.normal(size=(11, n, n)).astype(dtype)
        results = polar.small_orthogonal(a) + polar.small_jpolar(a, rng.choice([-1.0, 1.0], n), 1.0)
        print(n, *(hashlib.sha256(np.where(np.isnan(r), 7, r).tobytes()).hexdigest() for r in results))
"""


def test_instruction_sets_give_the_same_bits():
    def run(isa):
        environment = os.environ | {"HYPERGEOM_ISA": isa}
        return subprocess.run([sys.executable, "-P", "-c", SCRIPT], env=environment, capture_output=True, text=True)

    best = run(loops.ISA)
    assert best.returncode == 0, best.stderr
    for isa in ("baseline", "v3"):
        done = run(isa)
        if "needs an instruction set of this machine" in done.stderr:
            continue
        assert done.stdout.splitlines() == [isa, *best.stdout.splitlines()[1:]]
