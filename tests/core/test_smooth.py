"""The smooth functions of a squared length, on both sides of where their series end, through gradients in c.

On a line, `log0` and `exp0` multiply y by s(c y^2); their gradient in c is y^3 s'(c y^2) for a cotangent of 1.
"""

import mpmath
import numpy as np
import pytest

from hypergeom import lorentz, poincare

EPS = np.finfo(float).eps


def ratio(f):
    return lambda q: f(mpmath.sqrt(q)) / mpmath.sqrt(q)


# Gradient in c for a row y, its cotangent 1; the function s; and the largest q = y^2
SLOPES = {
    "atanh": (lambda y: poincare.log0_vjp(np.ones_like(y), y, np.ones(len(y)))[1], ratio(mpmath.atanh), 0.99),
    "tanh": (lambda y: poincare.exp0_vjp(np.ones_like(y), y, np.ones(len(y)))[1], ratio(mpmath.tanh), 30.0),
    "asinh": (lambda y: lorentz.log0_vjp(spatial(y), point(y), np.ones(len(y)))[1], ratio(mpmath.asinh), 100.0),
    "sinh": (lambda y: lorentz.exp0_vjp(spatial(y), spatial(y, y), np.ones(len(y)))[1], ratio(mpmath.sinh), 100.0),
}


def spatial(y, values=1.0):
    return np.concatenate([0 * y, values + 0 * y], axis=1)


def point(y):
    return np.concatenate([np.sqrt(1 + y * y), y], axis=1)


@pytest.mark.parametrize("name", SLOPES)
def test_slopes_keep_their_digits_across_the_ends_of_their_series(name, rng):
    gradient, s, largest = SLOPES[name]
    y = np.sqrt(largest * 10 ** rng.uniform(-9, 0, (600, 1)))
    got = gradient(y)[:, None]
    with mpmath.workdps(60):
        for (value,), (found,) in zip(y.tolist(), got.tolist(), strict=True):
            q = mpmath.mpf(value) ** 2
            h = q * mpmath.mpf(10) ** -20
            truth = (s(q + h) - s(q - h)) / (2 * h) * mpmath.mpf(value) ** 3
            assert abs(found / truth - 1) <= 8 * EPS, float(q)
