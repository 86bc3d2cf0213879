"""The formulas for other libraries where their branches differ from the common case."""

import array_api_strict
import numpy as np
import pytest

from hypergeom import poincare


def strict(f, *args):
    results = f(*map(array_api_strict.asarray, args))
    return tuple(map(np.asarray, results)) if isinstance(results, tuple) else np.asarray(results)


@pytest.mark.parametrize("size", [1e-300, 1e-200, 1.0, 1e200, 1e300])
def test_norms_whose_squares_leave_the_range_of_numbers(size, rng):
    x, v = rng.uniform(-0.5, 0.5, (20, 3)), size * rng.normal(size=(20, 3))
    np.testing.assert_allclose(strict(poincare.norm, x, v), poincare.norm(x, v), rtol=1e-14)
    g = np.ones(20)
    for bar, desired in zip(strict(poincare.norm_vjp, g, x, v), poincare.norm_vjp(g, x, v), strict=True):
        np.testing.assert_allclose(bar, desired, rtol=1e-12, atol=1e-14 * np.abs(desired).max())


def test_nothing_turns_on_a_line(rng):
    """In one dimension gyrations are the identity, also in what rounding would say of their derivatives."""
    g, u, v, w = rng.uniform(-0.9, 0.9, (4, 50, 1))
    for f in (poincare.gyration_vjp, lambda *args: strict(poincare.gyration_vjp, *args)):
        u_bar, v_bar, w_bar, c_bar = f(g, u, v, w)
        assert not u_bar.any() and not v_bar.any() and c_bar == 0
        np.testing.assert_allclose(w_bar, g, rtol=1e-14)
