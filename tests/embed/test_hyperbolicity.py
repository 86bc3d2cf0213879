"""Gromov's delta against brute force and against metrics whose delta is known."""

from itertools import combinations

import numpy as np
import pytest

from hypergeom import lorentz
from hypergeom.embed.hyperbolicity import delta_hyperbolicity


def shortest_paths(weights):
    """Floyd and Warshall; inf where there is no edge."""
    D = np.array(weights, dtype=float)
    np.fill_diagonal(D, 0)
    for k in range(len(D)):
        D = np.minimum(D, D[:, [k]] + D[k])
    return D


def random_metric(rng, kind, n):
    if kind == "points":
        x = rng.normal(size=(n, 3))
        return np.sqrt(((x[:, None] - x) ** 2).sum(-1))
    if kind == "grid":  # many ties, and points that coincide
        x = rng.integers(0, 3, (n, 2))
        return np.abs(x[:, None] - x).sum(-1)
    if kind == "graph":
        weights = np.where(rng.random((n, n)) < 0.4, rng.integers(1, 5, (n, n)), np.inf)
        weights[np.arange(n - 1), np.arange(1, n)] = 1  # connected
        return shortest_paths(np.minimum(weights, weights.T))
    parents = [rng.integers(k) for k in range(1, n)]  # a tree with lengths that are not exact in binary
    weights = np.full((n, n), np.inf)
    weights[np.arange(1, n), parents] = weights[parents, np.arange(1, n)] = rng.random(n - 1) + 0.1
    return shortest_paths(weights)


def delta_of(D, quadruple):
    i, j, k, m = quadruple
    return (D[i, j] + D[k, m] - max(D[i, k] + D[j, m], D[i, m] + D[j, k])) / 2


def brute_force(D):
    i, j, k, m = np.array(list(combinations(range(len(D)), 4))).T
    sums = np.sort([D[i, j] + D[k, m], D[i, k] + D[j, m], D[i, m] + D[j, k]], axis=0)
    return np.max(sums[2] - sums[1]) / 2


@pytest.mark.parametrize("kind", ["points", "grid", "graph", "tree"])
def test_all_methods_against_brute_force(rng, kind):
    for _ in range(10):
        D = random_metric(rng, kind, int(rng.integers(4, 15)))
        truth = brute_force(D)
        tiny = 1e-14 * D.max()
        exact = delta_hyperbolicity(D, base=-1)
        assert exact.delta == pytest.approx(truth, abs=tiny)
        assert delta_of(D, exact.quadruple) == pytest.approx(truth, abs=tiny)
        at_base = delta_hyperbolicity(D, method="basepoint", base=1)
        assert truth / 2 - tiny <= at_base.delta <= truth + tiny
        assert delta_of(D, at_base.quadruple) == pytest.approx(at_base.delta, abs=tiny)
        sample = delta_hyperbolicity(D, method="sample", n_samples=300, rng=0)
        assert sample.delta <= truth + tiny
        assert delta_of(D, sample.quadruple) == sample.delta


@pytest.mark.parametrize("kind", ["points", "graph"])
def test_pruning_over_many_blocks_of_pairs(rng, kind):
    D = random_metric(rng, kind, 45)
    assert delta_hyperbolicity(D).delta == pytest.approx(brute_force(D), rel=1e-13)


@pytest.mark.parametrize(("n", "delta"), [(4, 1.0), (5, 0.5), (8, 2.0), (9, 1.5), (40, 10.0)])
def test_cycles(n, delta):
    steps = np.arange(n)
    around = np.abs(steps[:, None] - steps)
    result = delta_hyperbolicity(np.minimum(around, n - around))
    assert result.delta == delta
    assert result.relative == 2 * delta / (n // 2)
    assert result.diameter == n // 2


def test_one_base_point_can_miss_delta():
    rng = np.random.default_rng(4)
    graphs = [random_metric(rng, "graph", 9) for _ in range(20)]
    missing = [brute_force(D) - delta_hyperbolicity(D, method="basepoint").delta for D in graphs]
    assert max(missing) > 0.2


def test_ideal_squares_of_the_hyperbolic_plane_tend_to_log_2():
    """Far out on two orthogonal axes of H^2, delta comes within e^-R of its supremum log(2)."""
    R = 15.0
    opposite, neighbor = 2 * R, 2 * np.arcsinh(np.sinh(R) / np.sqrt(2))
    D = np.full((4, 4), neighbor)
    D[[0, 1, 2, 3], [2, 3, 0, 1]] = opposite
    np.fill_diagonal(D, 0)
    assert delta_hyperbolicity(D).delta == pytest.approx(np.log(2), abs=1e-12)


@pytest.mark.parametrize("c", [0.25, 1.0, 9.0])
def test_hyperbolic_plane_stays_below_its_supremum(rng, c):
    """log(2) / sqrt(c), which random points do not reach and ideal squares do."""
    angles, radii = rng.uniform(0, 2 * np.pi, 40), rng.uniform(0, 12, 40)
    x = np.sinh(radii) * np.array([np.cos(angles), np.sin(angles)])
    X = lorentz.project(np.vstack([np.zeros(40), x / np.sqrt(c)]).T, c)
    D = lorentz.dist(X[:, None], X[None], c)
    delta = delta_hyperbolicity((D + D.T) / 2).delta
    assert 0.3 * np.log(2) / np.sqrt(c) < delta <= np.log(2) / np.sqrt(c)
    square = lorentz.project(np.sinh(16.0) / np.sqrt(c) * np.array([[0, 1, 0], [0, 0, 1], [0, -1, 0], [0, 0, -1.0]]), c)
    delta = delta_hyperbolicity(lorentz.dist(square[:, None], square[None], c)).delta
    assert delta == pytest.approx(np.log(2) / np.sqrt(c), abs=1e-12)


def test_large_tree_is_done_by_its_base_point():
    n = 150
    depth = np.floor(np.log2(np.arange(1, n + 1))).astype(int)
    D = np.zeros((n, n))
    for u, v in combinations(range(n), 2):
        a, b = u + 1, v + 1
        while a != b:
            a, b = (a // 2, b) if a > b else (a, b // 2)
        D[u, v] = D[v, u] = depth[u] + depth[v] - 2 * depth[a - 1]
    assert delta_hyperbolicity(D, base=17).delta == 0


@pytest.mark.parametrize("n", [0, 1, 3])
def test_fewer_than_four_points(n):
    delta, relative, quadruple, diameter, method = delta_hyperbolicity(1.0 - np.eye(n))
    assert (delta, relative, quadruple, method) == (0, 0, (), "exact")
    assert diameter == (1 if n > 1 else 0)


def test_all_points_in_one_place():
    result = delta_hyperbolicity(np.zeros((5, 5)))
    assert (result.delta, result.relative) == (0, 0)


@pytest.mark.parametrize("method", ["exact", "basepoint", "sample"])
@pytest.mark.parametrize(
    ("D", "error", "message"),
    [
        (np.zeros((3, 4)), ValueError, "square"),
        (np.zeros(4), ValueError, "square"),
        ([[0, 1], [2, 0]], ValueError, "symmetric"),
        ([[0, -1], [-1, 0]], ValueError, "nonnegative"),
        ([[1, 2], [2, 0]], ValueError, "zero on the diagonal"),
        ([[0, np.nan], [np.nan, 0]], ValueError, "finite"),
        ([[0, np.inf], [np.inf, 0]], ValueError, "finite"),
        ([[0, 1j], [1j, 0]], TypeError, "real"),
        ([["0", "1"], ["1", "0"]], TypeError, "real"),
        (np.zeros((2, 2), dtype=object), TypeError, "real"),
        (np.zeros((2, 2), dtype=bool), TypeError, "real"),
    ],
)
def test_bad_distances(method, D, error, message):
    with pytest.raises(error, match=message):
        delta_hyperbolicity(D, method=method)


def test_bad_options():
    D = 1.0 - np.eye(5)
    with pytest.raises(ValueError, match="method must be"):
        delta_hyperbolicity(D, method="fast")
    with pytest.raises(ValueError, match="base must number one of the 5 points, got 5"):
        delta_hyperbolicity(D, base=5)
    with pytest.raises(ValueError, match="n_samples must be at least 1"):
        delta_hyperbolicity(D, method="sample", n_samples=0)


def test_exact_needs_the_triangle_inequality():
    D = 1.0 - np.eye(5)
    D[0, 1] = D[1, 0] = 3
    with pytest.raises(ValueError, match=r"not a metric: d\(0, 1\) = 3 exceeds d\(0, 2\) \+ d\(2, 1\)"):
        delta_hyperbolicity(D)
    assert delta_hyperbolicity(D, method="sample", rng=0).delta == 1


def test_read_only_and_strided_input():
    D = np.zeros((8, 8))
    D[::2, ::2] = [[0, 1, 2, 1], [1, 0, 1, 2], [2, 1, 0, 1], [1, 2, 1, 0]]
    D.setflags(write=False)
    assert delta_hyperbolicity(D[::2, ::2]).delta == 1
