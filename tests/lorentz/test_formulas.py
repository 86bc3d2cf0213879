"""The formulas for other libraries keep the digits of the twins where a shorter way to the chord would lose them."""

import array_api_strict
import numpy as np
import pytest

from hypergeom import lorentz

EPS = np.finfo(float).eps
ROWS = 200


def pairs(rng, far, near, angles):
    """Points at these distances from the apex with angles between them."""
    u = rng.normal(size=(ROWS, 3))
    u /= np.linalg.norm(u, axis=1, keepdims=True)
    across = rng.normal(size=(ROWS, 3))
    across -= np.sum(across * u, axis=1, keepdims=True) * u
    across /= np.linalg.norm(across, axis=1, keepdims=True)
    a = rng.uniform(*angles, (ROWS, 1))
    return lorentz.from_spatial(np.sinh(far) * u), lorentz.from_spatial(
        np.sinh(near) * (np.cos(a) * u + np.sin(a) * across)
    )


CASES = {
    "far and near": (10.0, 0.5, (0.5, 3.0)),
    "near and far": (0.01, 9.0, (0.5, 3.0)),
    "close, across": (6.0, 6.0, (1e-6, 1e-4)),
    "opposite, unequal": (10.0, 3.0, (np.pi - 0.01, np.pi)),
    "opposite": (10.0, 10.0, (np.pi - 0.01, np.pi)),
    "wide": (9.0, 9.0, (0.1, 1.5)),
    "tiny": (1e-8, 3e-8, (0.0, 3.0)),
    "far and tiny": (6.0, 1e-9, (0.0, 3.0)),
}


def worst(result, desired):
    """The largest error of a row."""
    result, desired = (np.reshape(a, (ROWS, -1)) for a in (np.asarray(result), desired))
    return np.max(np.linalg.norm(result - desired, axis=1) / np.linalg.norm(desired, axis=1))


@pytest.mark.parametrize("case", CASES)
def test_distances_logarithms_and_gradients_of_pairs(case, rng):
    x, y = pairs(rng, *CASES[case])
    on = [array_api_strict.asarray(a) for a in (x, y)]
    g = np.ones(ROWS)
    for f in (lorentz.dist, lorentz.log):
        for a, b in ((x, y), (y, x)):
            found = f(array_api_strict.asarray(a), array_api_strict.asarray(b))
            assert worst(found, f(a, b)) <= 16 * EPS
    found = lorentz.dist_vjp(array_api_strict.asarray(g), *on)
    for bar, desired in zip(found[:2], lorentz.dist_vjp(g, x, y)[:2], strict=True):
        assert worst(bar, desired) <= 32 * EPS
