"""Distortion, hyperbolic scaling, and the score of a hierarchy."""

import itertools
import math

import array_api_strict
import mpmath
import numpy as np
import pytest

from hypergeom import lorentz, manifolds, poincare
from hypergeom.embed.metrics import (
    _gauss_newton,
    distortion,
    hierarchy_score,
    hmds,
    model_and_curvature,
    spearman,
)
from hypergeom.errors import UnreachableAccuracyError


def points_in_ball(rng, n, d, R):
    """Lorentz points within R of the apex, of all radii."""
    directions = rng.normal(size=(n, d))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    x = np.zeros((n, d + 1))
    x[:, 1:] = np.sinh(R * rng.random((n, 1)) ** 0.5) * directions
    return lorentz.project(x)


def pairwise(x, c=1.0):
    D = lorentz.dist(x[:, None], x[None], c)
    return (D + D.T) / 2


BAD_MATRICES = [
    (np.zeros((3, 4)), ValueError, "square"),
    ([[0, 1], [2, 0]], ValueError, "symmetric"),
    ([[0, -1], [-1, 0]], ValueError, "nonnegative"),
    ([[1, 2], [2, 0]], ValueError, "zero on the diagonal"),
    ([[0, np.nan], [np.nan, 0]], ValueError, "finite"),
    ([[0, 1j], [1j, 0]], TypeError, "real"),
    (np.zeros((2, 2), dtype=object), TypeError, "real"),
    (np.zeros((2, 2), dtype=bool), TypeError, "real"),
]


class TestDistortion:
    def test_by_hand(self):
        D = [[0, 1, 2], [1, 0, 4], [2, 4, 0]]
        E = [[0, 3, 1], [3, 0, 4], [1, 4, 0]]
        worst, average, expansion, contraction = distortion(D, E)
        assert (worst, expansion, contraction) == (6, 3, 2)
        assert average == pytest.approx((2 + 0.5 + 0) / 3)

    def test_scaling_changes_all_but_the_worst(self):
        D = np.array([[0, 1, 2], [1, 0, 4], [2, 4, 0]])
        result = distortion(D, 8 * D)
        assert (result.worst, result.average, result.expansion, result.contraction) == (1, 7, 8, 0.125)

    def test_collapsed_pair(self):
        result = distortion([[0, 1, 1], [1, 0, 1], [1, 1, 0]], [[0, 0, 1], [0, 0, 1], [1, 1, 0]])
        assert (result.contraction, result.worst) == (math.inf, math.inf)

    def test_pairs_at_distance_zero_do_not_count(self):
        result = distortion([[0, 0, 1], [0, 0, 1], [1, 1, 0]], [[0, 5, 1], [5, 0, 1], [1, 1, 0]])
        assert (result.worst, result.average) == (1, 0)

    @pytest.mark.parametrize(("bad", "error", "message"), BAD_MATRICES)
    def test_bad_matrices(self, bad, error, message):
        good = 1.0 - np.eye(len(bad))
        with pytest.raises(error, match=f"D must .*{message}"):
            distortion(bad, good)
        with pytest.raises(error, match=f"E must .*{message}"):
            distortion(good, bad)

    def test_bad_sizes(self):
        with pytest.raises(ValueError, match=r"same shape, got \(2, 2\) and \(3, 3\)"):
            distortion(np.zeros((2, 2)), np.zeros((3, 3)))
        with pytest.raises(ValueError, match="no pair at a distance above 0"):
            distortion(np.zeros((2, 2)), np.zeros((2, 2)))


class TestHMDS:
    @pytest.mark.parametrize("model", ["lorentz", "poincare"])
    @pytest.mark.parametrize("c", [1.0, 0.25, 4.0])
    @pytest.mark.parametrize(("n", "d"), [(12, 2), (60, 3), (80, 10)])
    def test_exact_data_of_diameter_12(self, rng, n, d, c, model):
        x = points_in_ball(rng, n, d, 6.0) / math.sqrt(c)
        D = pairwise(x, c)
        points, eigenvalues, residual = hmds(D, d, c, model=model)
        assert residual <= 1e-11 / math.sqrt(c)
        dist = lorentz.dist if model == "lorentz" else poincare.dist
        assert np.abs(dist(points[:, None], points[None], c) - D).max() == residual
        assert points.shape == (n, d + (model == "lorentz"))
        assert np.count_nonzero(eigenvalues < -1e-9 * eigenvalues[-1]) == d
        assert np.all(np.diff(eigenvalues) >= 0)

    def test_refining_exact_data_keeps_the_bar(self, rng):
        D = pairwise(points_in_ball(rng, 40, 3, 6.0))
        assert hmds(D, 3, refine=3).residual <= 1e-11

    @pytest.mark.parametrize(("n", "d"), [(10, 2), (20, 10), (14, 9)])
    def test_dimensions_that_only_near_points_use(self, rng, n, d):
        """Half of the points are far out, half next to the apex: some eigenvalues are 1e-12 of the largest."""
        u = rng.normal(size=(n, d))
        u /= np.linalg.norm(u, axis=1, keepdims=True)
        radius = np.where(np.arange(n)[:, np.newaxis] < d // 2, 6.0, rng.uniform(0.5e-3, 2e-3, (n, 1)))
        D = pairwise(lorentz.project(np.concatenate([np.zeros((n, 1)), np.sinh(radius) * u], axis=1)))
        _, eigenvalues, residual = hmds(D, d)
        eps = np.finfo(float).eps
        assert residual <= 8 * eps * eigenvalues[-1] / math.sqrt(-eigenvalues[d - 1])
        assert hmds(D, d, refine=1).residual <= 1e-11

    @pytest.mark.parametrize("diameter", [1e-12, 1e-9, 1e-6, 1e-3, 0.5, 1.5])
    @pytest.mark.parametrize("c", [1.0, 0.01, 30.0])
    def test_close_points(self, rng, diameter, c):
        x = points_in_ball(rng, 20, 3, diameter / 2) / math.sqrt(c)
        D = pairwise(lorentz.project(x, c), c)
        result = hmds(D, 3, c)
        assert result.residual <= 1e-11 * min(1, diameter) / math.sqrt(c)

    @pytest.mark.parametrize("diameter", [1e-6, 0.5, 4.0, 12.0])
    def test_fewer_dimensions_than_asked_for(self, rng, diameter):
        """Points that coincide, and few dimensions: rounding must not make coordinates of its own."""
        x = points_in_ball(rng, 6, 2, diameter / 2)[[0, 0, 0, 1, 1, 2, 3, 4, 5]]
        D = pairwise(x)
        np.fill_diagonal(D, 0)
        points, eigenvalues, residual = hmds(D, 6)
        assert residual <= 1e-11
        assert np.count_nonzero(np.abs(points[:, 1:]).max(axis=0)) == 2
        assert eigenvalues.shape == (9,)

    def test_missing_coordinates_are_zero(self):
        points, _, residual = hmds([[0, 1, 2], [1, 0, 1], [2, 1, 0]], 5)  # a geodesic
        assert np.count_nonzero(np.abs(points).max(axis=0) > 1e-7) == 2
        assert np.all(points[:, 4:] == 0)
        assert residual < 1e-12

    def test_refinement_lowers_the_stress_of_noisy_data(self, rng):
        D = pairwise(points_in_ball(rng, 30, 4, 3.0))
        noise = 1 + 0.1 * rng.normal(size=D.shape)
        D = D * (noise + noise.T) / 2
        stresses = [((pairwise(hmds(D, 2, refine=k).points) - D) ** 2).sum() for k in (0, 1, 5, 20)]
        assert np.all(np.diff(stresses) <= 0)
        assert stresses[-1] < 0.7 * stresses[0]

    def test_gauss_newton_converges_quadratically(self, rng):
        n = 25
        D = pairwise(points_in_ball(rng, n, 3, 2.0))
        x = hmds(D * (1 + 1e-3 * np.cos(np.add.outer(np.arange(n), np.arange(n)))), 3).points
        errors = [np.abs(pairwise(x) - D).max()]
        for _ in range(3):
            x, _ = _gauss_newton(x, D, 1.0)
            errors.append(np.abs(pairwise(x) - D).max())
        assert errors[0] > 1e-4
        assert all(after <= 10 * before**2 + 1e-13 for before, after in itertools.pairwise(errors))

    def test_other_array_libraries(self, rng):
        D = pairwise(points_in_ball(rng, 12, 3, 2.0))
        for model, refine in (("lorentz", 0), ("poincare", 2)):
            result = hmds(array_api_strict.asarray(D), 3, model=model, refine=refine)
            assert isinstance(result.points, type(array_api_strict.asarray(D)))
            assert result.residual < 1e-11

    def test_float32(self, rng):
        D = pairwise(points_in_ball(rng, 10, 2, 2.0)).astype(np.float32)
        result = hmds(D, 2)
        assert result.points.dtype == result.eigenvalues.dtype == np.float32
        assert result.residual < 1e-3

    def test_one_point(self):
        assert hmds([[0.0]], 2).points.tolist() == [[1, 0, 0]]

    @pytest.mark.parametrize(("bad", "error", "message"), BAD_MATRICES)
    def test_bad_matrices(self, bad, error, message):
        with pytest.raises(error, match=f"D must .*{message}"):
            hmds(bad, 2)

    @pytest.mark.parametrize(
        ("d", "options", "message"),
        [
            (0, {}, "d must be at least 1, got 0"),
            (2, {"c": 0.0}, "c must be positive"),
            (2, {"c": np.nan}, "c must be positive"),
            (2, {"model": "klein"}, "model must be 'lorentz' or 'poincare', got 'klein'"),
            (2, {"refine": -1}, "refine must be at least 0"),
        ],
    )
    def test_bad_options(self, d, options, message):
        with pytest.raises(ValueError, match=message):
            hmds([[0, 1], [1, 0]], d, **options)

    def test_out_of_reach(self):
        with pytest.raises(UnreachableAccuracyError, match="at most 36, got 50"):
            hmds([[0, 100], [100, 0]], 2, 0.25)
        with pytest.raises(ValueError, match="at least one point"):
            hmds(np.zeros((0, 0)), 2)


class TestHierarchyScore:
    def test_formula_in_the_ball(self, rng):
        u, v = 0.5 * rng.uniform(-1, 1, (2, 7, 3))
        norms = np.linalg.norm(v, axis=1) - np.linalg.norm(u, axis=1)
        expected = -(1 + 1000 * norms) * poincare.dist(u, v)
        np.testing.assert_allclose(hierarchy_score(u, v, manifold="poincare"), expected, rtol=1e-11)
        expected = -(1 + 3 * norms) * poincare.dist(u, v)
        np.testing.assert_allclose(hierarchy_score(u, v, manifold="poincare", alpha=3), expected, rtol=1e-12)

    @pytest.mark.parametrize("c", [0.3, 1.0, 7.0])
    def test_models_agree(self, rng, c):
        u, v = 0.6 / math.sqrt(c) * rng.uniform(-1, 1, (2, 9, 2))
        in_ball = hierarchy_score(u, v, manifold=manifolds.PoincareBall(c))
        X, Y = poincare.to_lorentz(u, c), poincare.to_lorentz(v, c)
        np.testing.assert_allclose(hierarchy_score(X, Y, manifold=manifolds.Lorentz(c)), in_ball, rtol=1e-10)

    def test_euclidean(self):
        u, v = np.array([3.0, 4.0]), np.array([0.0, 0.0])
        assert hierarchy_score(u, v, manifold="euclidean") == -(1 - 5000) * 5

    def test_far_out(self):
        """Radii 30 and 31: the norms in the ball differ by 1.2e-13, of which float64 has three digits."""
        u, v = (np.array([math.cosh(R), 0.0, math.sinh(R)]) for R in (31, 30))
        with mpmath.workdps(50):
            norms = mpmath.tanh(mpmath.mpf(15)) - mpmath.tanh(mpmath.mpf(31) / 2)
            expected = -(1 + mpmath.mpf(10) ** 15 * norms) * float(lorentz.dist(u, v))
        got = hierarchy_score(u, v, manifold="lorentz", alpha=1e15)
        assert got == pytest.approx(float(expected), rel=1e-11)

    def test_broadcasting_and_lists(self):
        scores = hierarchy_score([[0.5, 0.0], [0.0, 0.9]], [0.0, 0.1], manifold="poincare")
        assert scores.shape == (2,)

    def test_points_outside_are_nan(self):
        assert np.isnan(hierarchy_score(np.array([1.0, 0.5]), np.array([0.0, 0.5]), manifold="poincare"))


class TestSpearman:
    x = np.array([[0.0, 0.0], [0.5, 0.0], [0.9, 0.0], [0.0, 0.9]])
    pairs = np.array([[1, 0], [2, 1], [0, 3], [2, 3]])

    def test_ranks(self):
        predicted = hierarchy_score(self.x[self.pairs[:, 0]], self.x[self.pairs[:, 1]], manifold="poincare")
        assert spearman(self.x, self.pairs, predicted**3, manifold="poincare") == pytest.approx(1)
        assert spearman(self.x, self.pairs, -predicted, manifold="poincare") == pytest.approx(-1)
        lifted = poincare.to_lorentz(self.x)
        gold = [6, 4, 1, 2]
        in_ball = spearman(self.x, self.pairs, gold, manifold="poincare")
        assert spearman(lifted, self.pairs, gold, manifold="lorentz") == pytest.approx(in_ball)

    @pytest.mark.parametrize(
        ("x", "pairs", "scores", "error", "message"),
        [
            (x[0], pairs, [1, 2, 3, 4], ValueError, "x must have shape"),
            (x, pairs[:1], [1], ValueError, "m at least 2"),
            (x, pairs[:, :1], [1, 2, 3, 4], ValueError, "pairs must have shape"),
            (x, pairs + 0.5, [1, 2, 3, 4], TypeError, "pairs must hold integers"),
            (x, pairs + 1, [1, 2, 3, 4], ValueError, "from 0, got 1 to 4"),
            (x, pairs - 1, [1, 2, 3, 4], ValueError, "from 0, got -1 to 2"),
            (x, pairs, [1, 2, 3], ValueError, r"scores must have shape \(4,\)"),
            (x, pairs, [1, 2, np.nan, 4], ValueError, "scores: NaN for pair 2"),
            (x, pairs, [1, 1, 1, 1], ValueError, "scores: all are 1.0"),
            (3 * x, pairs, [1, 2, 3, 4], ValueError, "hierarchy scores of x: NaN for pair 0"),
            (0 * x, pairs, [1, 2, 3, 4], ValueError, "hierarchy scores of x: all are"),
        ],
    )
    def test_bad_input(self, x, pairs, scores, error, message):
        with pytest.raises(error, match=message):
            spearman(x, pairs, scores, manifold="poincare")


class TestModelAndCurvature:
    def test_objects(self):
        assert model_and_curvature(manifolds.PoincareBall(2.0)) == ("poincare", 2.0)
        assert model_and_curvature(manifolds.Lorentz(0.5)) == ("lorentz", 0.5)
        assert model_and_curvature(manifolds.Euclidean()) == ("euclidean", 0.0)
        with pytest.raises(ValueError, match=r"manifold must have c > 0, got PoincareBall\(c=0.0\)"):
            model_and_curvature(manifolds.PoincareBall(0))

    def test_bad_manifolds(self):
        with pytest.raises(ValueError, match="one of poincare, lorentz, euclidean, got 'klein'"):
            model_and_curvature("klein")
        with pytest.raises(TypeError, match="got 3"):
            model_and_curvature(3)
