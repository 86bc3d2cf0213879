"""Spanning trees, directions around a node, and the combinatorial embedding."""

import math
from collections import deque

import numpy as np
import pytest

from hypergeom import lorentz, manifolds, poincare
from hypergeom.embed.hierarchy import closure, edge_table
from hypergeom.embed.metrics import distortion
from hypergeom.embed.tree import spanning_tree, spherical_code, tree_embedding
from hypergeom.errors import UnreachableAccuracyError

CHAIN = [[k + 1, k] for k in range(60)]
STAR = [[k, 0] for k in range(1, 30)]
TERNARY = [[k, (k - 1) // 3] for k in range(1, 121)]  # 121 nodes, depth 4
FOREST = [[1, 0], [2, 1], [4, 3], [6, 5]]


def shallow_tree(rng, n):
    """A random tree of depth 3 at most."""
    parents, depth = [], [0]
    for _ in range(1, n):
        parents.append(int(rng.choice(np.flatnonzero(np.array(depth) < 3))))
        depth.append(depth[parents[-1]] + 1)
    return [[k + 1, parent] for k, parent in enumerate(parents)]


def tree_distances(edges):
    """Breadth-first search from every node; inf between trees."""
    n = np.max(edges) + 1
    neighbors = [[] for _ in range(n)]
    for u, v in edges:
        neighbors[u].append(v)
        neighbors[v].append(u)
    D = np.full((n, n), np.inf)
    for start in range(n):
        D[start, start] = 0
        queue = deque([start])
        while queue:
            u = queue.popleft()
            for v in neighbors[u]:
                if D[start, v] == np.inf:
                    D[start, v] = D[start, u] + 1
                    queue.append(v)
    return D


def pairwise(x, model="lorentz", c=1.0):
    dist = lorentz.dist if model == "lorentz" else poincare.dist
    D = dist(x[:, None], x[None], c)
    return (D + D.T) / 2


class TestSpanningTree:
    def test_deepest_parent_lowest_number(self):
        # 5 -> 4, 3, 1: 4 and 3 are at depth 2 (4 by 4 -> 2 -> 0, 3 by 3 -> 1 -> 0), and 3 is the lower.
        edges = [[5, 4], [5, 3], [5, 1], [4, 2], [3, 1], [2, 0], [1, 0], [4, 0]]
        tree = spanning_tree(edge_table(edges))
        assert tree.parent.tolist() == [-1, 0, 0, 1, 2, 3]
        assert tree.depth.tolist() == [0, 1, 1, 2, 2, 3]

    def test_a_closure_gives_the_same_tree(self, rng):
        for _ in range(20):
            edges = np.sort(rng.integers(0, 25, (45, 2)), axis=1)
            edges = edges[edges[:, 0] < edges[:, 1]]
            direct, closed = (spanning_tree(edge_table(e)) for e in (edges, closure(edges)))
            np.testing.assert_array_equal(direct.parent, closed.parent)
            np.testing.assert_array_equal(direct.depth, closed.depth)
            inner = direct.parent >= 0
            assert np.all(direct.depth[inner] == direct.depth[direct.parent[inner]] + 1)

    def test_levels_and_subtrees(self):
        tree = spanning_tree(edge_table(FOREST))
        assert [nodes.tolist() for nodes in tree.levels()] == [[0, 3, 5], [1, 4, 6], [2]]
        assert tree.subtree_sizes().tolist() == [3, 2, 1, 2, 1, 2, 1]

    def test_cycle(self):
        with pytest.raises(ValueError, match=r"no cycle, this is one: (2 -> 3 -> 2|3 -> 2 -> 3)"):
            spanning_tree(edge_table([[1, 0], [2, 1], [2, 3], [3, 2]]))


class TestSphericalCode:
    @pytest.mark.parametrize(("size", "d"), [(1, 2), (5, 3), (6, 3), (50, 3), (300, 5), (700, 10), (3, 40)])
    def test_unit_vectors_starting_at_the_pole(self, size, d):
        code = spherical_code(size, d)
        assert code.shape == (size, d)
        np.testing.assert_allclose(np.linalg.norm(code, axis=1), 1, rtol=1e-14)
        np.testing.assert_array_equal(code[0], np.eye(1, d)[0])
        np.testing.assert_array_equal(code, spherical_code(size, d))

    @pytest.mark.parametrize(("size", "d"), [(100, 3), (400, 5)])
    def test_every_beginning_is_as_well_separated_as_half_the_best(self, size, d):
        """Caps of the half angle are disjoint, which bounds the best separation by the area of the sphere."""
        code = spherical_code(size, d)
        cosines = code @ code.T - 2 * np.eye(size)
        t = np.linspace(0, np.pi, 20_001)
        area = np.cumsum(np.sin(t) ** (d - 2))
        area /= area[-1]
        for k in (2 * d, size // 4, size):
            separation = np.arccos(cosines[:k, :k].max())
            best = 2 * t[np.searchsorted(area, 1 / k)]
            assert separation > 0.5 * best

    def test_more_than_the_greedy_rule_places(self):
        code = spherical_code(5000, 3)
        assert len(np.unique(code, axis=0)) == 5000


@pytest.mark.parametrize("model", ["lorentz", "poincare"])
class TestTreeEmbedding:
    @pytest.mark.parametrize("d", [2, 3, 6])
    @pytest.mark.parametrize("edges", [CHAIN[:12], STAR, TERNARY], ids=["chain", "star", "ternary"])
    def test_every_edge_has_the_length(self, edges, d, model):
        x = tree_embedding(edges, n_components=d, scale=1.5, manifold=model)
        assert x.shape == (len(edges) + 1, d + (model == "lorentz"))
        D = pairwise(x, model)
        child, parent = np.transpose(edges)
        np.testing.assert_allclose(D[child, parent], 1.5, rtol=1e-7)
        assert np.all(1.5 * (1 + 1e-7) * tree_distances(edges) >= D)

    @pytest.mark.parametrize("d", [2, 3, 10])
    def test_distortion_tends_to_1(self, d, rng, model):
        """A turn by the angle a costs 2 log(1 / sin(a/2)), in the plane the least angle is 2 pi / degree."""
        edges = shallow_tree(rng, 60)
        tree = tree_distances(edges)
        turn = 2 * math.log(1 / math.sin(math.pi / np.bincount(np.ravel(edges)).max()))
        for scale in (2 * turn + 1, 8.6):
            x = tree_embedding(edges, n_components=d, scale=scale, manifold=model)
            result = distortion(scale * tree, pairwise(x, model))
            assert result.worst < 1.05 / (1 - turn / scale)
            assert result.expansion < 1 + 1e-4

    @pytest.mark.parametrize("d", [2, 4])
    def test_small_trees_nearly_isometric(self, d, model):
        x = tree_embedding([[1, 0], [2, 0], [3, 1], [4, 1]], n_components=d, scale=13.0, manifold=model)
        D = 13 * tree_distances([[1, 0], [2, 0], [3, 1], [4, 1]])
        assert distortion(D, pairwise(x, model)).worst < 1.05

    def test_curvature(self, model):
        c = 0.25
        manifold = manifolds.Lorentz(c) if model == "lorentz" else manifolds.PoincareBall(c)
        x = tree_embedding(TERNARY, n_components=3, scale=3.0, manifold=manifold)
        manifold.check(x)
        child, parent = np.transpose(TERNARY)
        np.testing.assert_allclose(manifold.dist(x[child], x[parent]), 3.0, rtol=1e-9)
        unit = tree_embedding(TERNARY, n_components=3, scale=1.5, manifold=model)
        np.testing.assert_allclose(x, 2 * unit, rtol=1e-9, atol=1e-12)

    def test_a_forest_hangs_on_the_origin(self, model):
        x = tree_embedding(FOREST, scale=2.0, n_components=3, manifold=model)
        roots = lorentz.to_poincare(x[[0, 3, 5]]) if model == "lorentz" else x[[0, 3, 5]]
        np.testing.assert_allclose(poincare.dist0(roots), 2.0, rtol=1e-12)
        D = pairwise(roots, "poincare")
        assert D[0, 1] == pytest.approx(D[0, 2]) == pytest.approx(D[1, 2])

    def test_too_large_a_scale_says_which_one_fits(self, model):
        with pytest.raises(UnreachableAccuracyError, match=f"too large for {model}.*a scale of") as caught:
            tree_embedding(TERNARY, n_components=2, scale=60.0, manifold=model)
        fits = float(str(caught.value).split("a scale of ")[1].split()[0])
        assert 5 < fits < 10
        tree_embedding(TERNARY, n_components=2, scale=fits, manifold=model)

    def test_the_root_is_the_origin(self, model):
        x = tree_embedding(STAR, manifold=model)
        assert x[0].tolist() == ([1, 0, 0] if model == "lorentz" else [0, 0])


def test_models_agree():
    in_lorentz, in_ball = (tree_embedding(TERNARY, n_components=5, manifold=m) for m in ("lorentz", "poincare"))
    np.testing.assert_allclose(lorentz.to_poincare(in_lorentz), in_ball, rtol=1e-13, atol=1e-15)


def test_directions_around_a_node_are_as_far_apart_as_they_can_be():
    """In the plane at equal angles, in d dimensions in a simplex, which is more than right angles."""
    edges = [[1, 0], [2, 0], [3, 0], [4, 0], [5, 1], [6, 1], [7, 1]]  # four neighbors of 0, four of 1
    for d, cosine in ((2, math.cos(2 * math.pi / 4)), (3, -1 / 3), (8, -1 / 3)):
        x = tree_embedding(edges, n_components=d, scale=2.0)
        expected = np.arccosh(np.cosh(2) ** 2 - np.sinh(2) ** 2 * cosine)
        nearest = pairwise(x)[np.ix_([5, 6, 7, 0], [5, 6, 7, 0])][~np.eye(4, dtype=bool)]
        assert nearest.min() == pytest.approx(expected, rel=1e-9)


def test_labels_networkx_and_closures_are_edges_too():
    networkx = pytest.importorskip("networkx", reason="networkx is optional")
    named = [("dog", "canine"), ("canine", "mammal"), ("cat", "mammal")]
    x = tree_embedding(named)
    np.testing.assert_array_equal(tree_embedding(networkx.DiGraph(named)), x)
    np.testing.assert_array_equal(tree_embedding([*named, ("dog", "mammal")]), x)


def test_tens_of_thousands_of_nodes(rng):
    """About a second; a loop over the nodes would take minutes."""
    n = 80_000
    edges = np.stack([np.arange(1, n), (rng.random(n - 1) ** 2 * np.arange(1, n)).astype(int)], axis=1)
    x = tree_embedding(edges, n_components=10, scale=0.5)
    np.testing.assert_allclose(lorentz.dist(x[edges[:, 0]], x[edges[:, 1]]), 0.5, rtol=1e-4)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n_components": 1}, "n_components must be at least 2, got 1"),
        ({"scale": 0.0}, "scale must be positive and finite, got 0.0"),
        ({"scale": np.inf}, "scale must be positive"),
        ({"scale": np.nan}, "scale must be positive"),
        ({"manifold": "euclidean"}, "manifold must be 'lorentz' or 'poincare'"),
        ({"manifold": "klein"}, "manifold must be one of"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        tree_embedding([[1, 0]], **options)


def test_bad_edges():
    with pytest.raises(ValueError, match="cycle"):
        tree_embedding([[0, 1], [1, 2], [2, 0]])
    with pytest.raises(ValueError, match="its own parent"):
        tree_embedding([[0, 0]])
    with pytest.raises(ValueError, match="at least one edge"):
        tree_embedding(np.empty((0, 2), dtype=int))
    with pytest.raises(TypeError, match="integers or labels"):
        tree_embedding([[0.0, 1.0]])
