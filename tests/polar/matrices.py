"""Matrices with known factors, and their truth in mpmath."""

import mpmath
import numpy as np

from hypergeom.polar import random_jorthogonal


def orthonormal(rng, m, n, complex_=False):
    a = rng.normal(size=(m, n)) + (1j * rng.normal(size=(m, n)) if complex_ else 0)
    return np.linalg.qr(a)[0]


def with_singular_values(rng, s, m, n, complex_=False):
    k = min(m, n)
    u, v = orthonormal(rng, m, k, complex_), orthonormal(rng, n, k, complex_)
    return (u * s) @ v.conj().T


def shuffled_signature(rng, p, q):
    return rng.permutation(np.r_[np.ones(p), -np.ones(q)])


def star(a, j):
    return j[:, None] * np.swapaxes(a, -1, -2) * j


def j_polar_case(rng, n, q, kappa_w, kappa_d, kappa_q):
    """A = W S with cond(W), the spread of the spectrum of S, and the condition of its eigenvectors as given."""
    j = shuffled_signature(rng, n - q, q)
    w = random_jorthogonal(j, cond=kappa_w, rng=rng)
    vectors = random_jorthogonal(j, cond=kappa_q, rng=rng)
    s = (vectors * rng.permutation(np.logspace(-np.log10(kappa_d), 0, n))) @ star(vectors, j)
    return w @ s, w, s, j


def to_mp(a):
    return mpmath.matrix(
        [[mpmath.mpc(complex(v)) if np.iscomplexobj(a) else mpmath.mpf(float(v)) for v in r] for r in a]
    )


def to_numpy(a):
    values = [[a[i, k] for k in range(a.cols)] for i in range(a.rows)]
    kind = complex if any(isinstance(v, mpmath.mpc) for row in values for v in row) else float
    return np.array([[kind(v) for v in row] for row in values])


def mp_j_polar(a, j):
    """W of a matrix of mpmath numbers, by Newton's iteration."""
    signs = mpmath.diag([mpmath.mpf(float(v)) for v in j])
    w = a.copy()
    for _ in range(200):
        new = (w + signs * (w**-1).T * signs) / 2
        change, w = mpmath.mnorm(new - w, "f") / mpmath.mnorm(new, "f"), new
        if change < mpmath.mpf(10) ** (-mpmath.mp.dps // 2 - 2):
            return (w + signs * (w**-1).T * signs) / 2
    raise AssertionError("no factor")


def mp_spectral(f, a):
    """U f(S) V^H of a matrix of mpmath numbers."""
    u, s, v = mpmath.svd(a)
    return u * mpmath.diag([f(x) for x in s]) * v


def mp_derivative(f, a, d):
    """Of a function of matrices, by central differences with many digits."""
    h = mpmath.mpf(10) ** -20
    return (f(a + h * d) - f(a - h * d)) / (2 * h)
