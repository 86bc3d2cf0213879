"""Points of the ball for property tests: any dimension, curvature and dtype."""

import numpy as np
from hypothesis import strategies as st

EPS = np.finfo(np.float64).eps


def unit_rows(rng, rows=8, d=3):
    x = rng.normal(size=(rows, d))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def points(rng, rows=8, d=3, c=1.0, gap=0.1):
    """Points from near the origin to a relative distance `gap` from the rim."""
    return rng.uniform(0, 1 - gap, (rows, 1)) * radius(c) * unit_rows(rng, rows, d)


def rim_points(rng, rows=8, d=3, c=1.0, gap=1e-9):
    return (1 - gap * rng.uniform(1, 2, (rows, 1))) * radius(c) * unit_rows(rng, rows, d)


def radius(c):
    return 1 / np.sqrt(c) if c else 1.0


@st.composite
def ball_points(draw, count, least=1, reach=0.97):
    """`count` batches of points, and a curvature. Errors of identities grow as 1 / gap, which stays above 0.05 here."""
    d = draw(st.integers(least, 40))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    c = draw(st.one_of(st.just(0.0), st.floats(-8, 3).map(lambda e: 10.0**e)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    found = rng.normal(size=(count, 5, d))
    found *= rng.uniform(0, reach, (count, 5, 1)) / np.linalg.norm(found, axis=-1, keepdims=True)
    return [p.astype(dtype) for p in found * radius(c)], c


def assert_same_rows(actual, desired, factor, unit=0.0):
    """Equal up to `factor` units of rounding of the row's norm, or of `unit`."""
    assert actual.dtype == desired.dtype
    difference = np.linalg.norm(actual.astype(float) - desired, axis=-1)
    size = np.maximum(np.linalg.norm(desired.astype(float), axis=-1), unit)
    assert np.all(difference <= factor * np.finfo(actual.dtype).eps * size)


def assert_same_numbers(actual, desired, factor, unit=0.0):
    assert_same_rows(np.asarray(actual)[..., None], np.asarray(desired)[..., None], factor, unit)
