import os
import zlib

import hypothesis
import mpmath
import numpy as np
import pytest

SEED = int(os.environ.get("HYPERGEOM_TEST_SEED", np.random.SeedSequence().entropy % 2**32))


if "HYPERGEOM_TEST_SEED" in os.environ:
    hypothesis.settings.register_profile("repeatable", derandomize=True)
    hypothesis.settings.load_profile("repeatable")


def pytest_report_header():
    return f"random cases: HYPERGEOM_TEST_SEED={SEED}"


def pytest_collection_modifyitems(config, items):
    if "slow" not in config.option.markexpr:
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="slow: run it with `pytest -m slow`"))


@pytest.fixture
def rng(request):
    """Random numbers, fresh in every session; the header of the report says how to have them again."""
    return np.random.default_rng([SEED, zlib.crc32(request.node.name.encode())])


class HighPrecision:
    """The truth: functions of lists of mpmath numbers, evaluated and differentiated with many digits."""

    step = mpmath.mpf(10) ** -40

    def __init__(self, digits=120):
        self.digits = digits

    def at(self, digits):
        return HighPrecision(digits)

    def evaluate(self, f, args, c):
        """f at one row, as a list; arguments are arrays of the stored floats."""
        with mpmath.workdps(self.digits):
            return f(*(self._row(a) for a in args), mpmath.mpf(float(c)))

    def vjp(self, f, cotangent, args, c):
        """Derivatives of cotangent . f(*args, c) in the entries of each argument and in c."""
        with mpmath.workdps(self.digits):
            rows, weights, c = [self._row(a) for a in args], self._row(cotangent), mpmath.mpf(float(c))

            def value(k, i, shift):
                moved = [list(row) for row in rows]
                if k < len(rows):
                    moved[k][i] += shift
                    return mpmath.fdot(weights, f(*moved, c))
                return mpmath.fdot(weights, f(*moved, c + shift))

            def derivative(k, i, size):
                h = self.step * size
                if k == len(rows) and c == 0:  # only c >= 0 means anything
                    return (value(k, i, h) - value(k, i, 0)) / h
                return (value(k, i, h) - value(k, i, -h)) / (2 * h)

            scale = 1 / mpmath.sqrt(c) if c else mpmath.mpf(1)
            bars = [[derivative(k, i, scale) for i in range(len(row))] for k, row in enumerate(rows)]
            return [*bars, [derivative(len(rows), 0, c or mpmath.mpf(1))]]

    @staticmethod
    def _row(a):
        return [mpmath.mpf(float(v)) for v in np.atleast_1d(a)]

    def error(self, got, truth, size=0.0):
        """Norm of the difference of one row, relative to that of the truth or to a given size."""
        with mpmath.workdps(self.digits):
            difference = mpmath.norm([g - t for g, t in zip(self._row(got), truth, strict=True)])
            scale = max(mpmath.norm(truth), mpmath.mpf(size))
            return float(difference / scale) if difference else 0.0

    def batch_error(self, got, truth, size=0.0):
        """The same over all rows of a batch at once."""
        return self.error(np.ravel(got), [entry for row in truth for entry in row], size)


@pytest.fixture(scope="session")
def high_precision():
    return HighPrecision()


@pytest.fixture(scope="session")
def libraries():
    """Ways to call a function of NumPy arrays: on its twin for NumPy, or on its formula through another library."""
    import array_api_strict

    def formula(f, *args):
        results = f(*(array_api_strict.asarray(a) if isinstance(a, np.ndarray) else a for a in args))
        return tuple(map(np.asarray, results)) if isinstance(results, tuple) else np.asarray(results)

    return {"twin": lambda f, *args: f(*args), "formula": formula}
