"""What is no matrix of distances, or no points, is an error of every function of `hypergeom.embed` that takes such."""

import numpy as np
import pytest

from hypergeom.embed import delta_hyperbolicity, distortion, evaluate, hierarchy_score, hmds, spearman
from hypergeom.manifolds import PoincareBall

OF_DISTANCES = {
    "delta": lambda D, good: delta_hyperbolicity(D),
    "delta from a base": lambda D, good: delta_hyperbolicity(D, method="basepoint"),
    "delta of a sample": lambda D, good: delta_hyperbolicity(D, method="sample", rng=0),
    "distortion of D": distortion,
    "distortion by E": lambda E, good: distortion(good, E),
    "hmds": lambda D, good: hmds(D, 2),
}
PAIRS, SCORES = np.array([[1, 0], [2, 1], [3, 0], [3, 4]]), np.array([1.0, 2.0, 3.0, 4.0])
OF_POINTS = {
    "evaluate": lambda x: evaluate(x, PAIRS),
    "hierarchy_score": lambda x: hierarchy_score(x, np.zeros(3), manifold="poincare"),
    "spearman": lambda x: spearman(x, PAIRS, SCORES, manifold="poincare"),
}
NO_NUMBERS = [complex, bool, object, "U20"]


@pytest.fixture
def points(rng):
    return PoincareBall().random_point((6, 3), rng=rng)


@pytest.fixture
def distances(points):
    D = PoincareBall().dist(points[:, None], points)
    D = (D + D.T) / 2
    np.fill_diagonal(D, 0)
    return D


def pair(D, value):
    D = D.copy()
    D[1, 2] = D[2, 1] = value
    return D


@pytest.mark.parametrize("name", OF_DISTANCES)
def test_no_distances(name, distances):
    f = OF_DISTANCES[name]
    for dtype in NO_NUMBERS:
        with pytest.raises(TypeError, match="must hold real numbers"):
            f(distances.astype(dtype), distances)
    with pytest.raises(TypeError, match="must hold real numbers"):
        f(None, distances)
    for bad in (np.nan, np.inf, -np.inf, -1.0):
        with pytest.raises(ValueError, match=r"must be (finite|nonnegative)"):
            f(pair(distances, bad), distances)
    for bad in (distances[0], distances[None], distances[:0], distances[:, :3], 1.0):
        with pytest.raises(ValueError, match="must be a square matrix of distances"):
            f(bad, distances)
    lopsided = distances.copy()
    lopsided[1, 2] *= 1 + 1e-6
    with pytest.raises(ValueError, match="symmetric"):
        f(lopsided, distances)
    with pytest.raises(ValueError, match="diagonal"):
        f(distances + 1e-3 * np.eye(6), distances)


@pytest.mark.parametrize("name", OF_DISTANCES)
def test_distances_of_any_kind_and_layout(name, distances):
    f = OF_DISTANCES[name]
    whole = np.round(3 * distances)
    for given, same, rtol in (
        (whole.astype(np.int32), whole, 1e-9),
        (distances.astype(np.float32), distances.astype(np.float32).astype(float), 1e-6),
        (distances.tolist(), distances, 1e-9),
        (np.asfortranarray(distances), distances, 1e-9),
        (np.repeat(distances, 2, axis=1)[:, ::2], distances, 1e-9),
    ):
        if name == "hmds" and rtol > 1e-9:
            continue  # gives points in float32, with distances of their own
        if isinstance(given, np.ndarray):
            given.flags.writeable = False
        for a, b in zip(f(given, distances), f(same, distances), strict=True):
            if isinstance(a, float):  # points are those up to an isometry
                np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol)


@pytest.mark.parametrize("name", OF_POINTS)
def test_no_points(name, points):
    f = OF_POINTS[name]
    for dtype in NO_NUMBERS:
        with pytest.raises(TypeError):
            f(points.astype(dtype))
    f(points.astype(np.float32))
    for bad in (np.nan, np.inf, -np.inf, 1.0):
        x = points.copy()
        x[3, 1] = bad
        if name == "hierarchy_score":
            np.testing.assert_array_equal(np.isnan(f(x)), np.arange(6) == 3)
            continue
        with pytest.raises(ValueError, match=r"row 3|NaN for pair 2"):
            f(x)


def test_no_scores(points):
    for dtype in NO_NUMBERS:
        with pytest.raises(TypeError, match="scores must hold real numbers"):
            spearman(points, PAIRS, SCORES.astype(dtype), manifold="poincare")
