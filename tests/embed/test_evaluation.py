"""Ranks and mean average precision against brute force."""

import numpy as np
import pytest

from hypergeom import poincare
from hypergeom._core import embedding as core
from hypergeom.datasets import load_mammals
from hypergeom.embed import HyperbolicEmbedding, closure, evaluate
from hypergeom.embed.hierarchy import ancestor_lists


def tree_edges(n, rng):
    return closure(np.array([(i, rng.integers(0, i)) for i in range(1, n)]))


def brute_force(distance, edges):
    """The definition, read literally: rank by counting, average precision by sorting."""
    ranks, precisions = [], {}
    ancestors = {}
    for u, v in edges:
        ancestors.setdefault(u, set()).add(v)
    for u, v in edges:
        rivals = [w for w in range(len(distance)) if w != u and w not in ancestors[u]]
        d = distance[u]
        ranks.append(1 + sum(d[w] < d[v] for w in rivals) + 0.5 * sum(d[w] == d[v] for w in rivals))
        precisions.setdefault(u, []).append(ranks[-1])
    average = [np.mean([j / (r + j - 1) for j, r in enumerate(sorted(rs), 1)]) for rs in precisions.values()]
    return np.array(ranks), np.mean(average)


@pytest.fixture
def rng():
    return np.random.default_rng(5)


@pytest.mark.parametrize("d", [1, 2, 5, 10])
@pytest.mark.parametrize("n", [60, 64, 65, 200])
@pytest.mark.parametrize("c", [1.0, 2.5])
def test_against_brute_force(rng, n, d, c):
    edges = tree_edges(n, rng)
    x = rng.normal(size=(n, d))
    x *= rng.uniform(0, 0.999, (n, 1)) / np.linalg.norm(x, axis=1, keepdims=True) / np.sqrt(c)
    distance = poincare.dist(x[:, None], x[None], c)
    ranks, mean_average_precision = brute_force(distance, edges)
    for points, manifold in ((x, "poincare"), (poincare.to_lorentz(x, c), "lorentz")):
        found = evaluate(points, edges, manifold=manifold, c=c, threads=2)
        np.testing.assert_array_equal(found.ranks, ranks)
        assert found.mean_rank == pytest.approx(ranks.mean(), rel=1e-14)
        assert found.map == pytest.approx(mean_average_precision, rel=1e-12)


def test_euclidean(rng):
    edges, x = tree_edges(80, rng), rng.normal(size=(80, 3))
    found = evaluate(x, edges, manifold="euclidean")
    np.testing.assert_array_equal(found.ranks, brute_force(np.linalg.norm(x[:, None] - x, axis=2), edges)[0])


def test_ties_count_one_half(rng):
    edges = tree_edges(60, rng)
    x = rng.integers(-2, 3, (60, 2)) / 4.0  # many equal points; all keys are exact, so ties are exact too
    found = evaluate(x, edges, manifold="euclidean", threads=1)
    ranks, mean_average_precision = brute_force(np.sum((x[:, None] - x) ** 2, axis=2), edges)
    assert (ranks % 1 == 0.5).any()
    np.testing.assert_array_equal(found.ranks, ranks)
    assert found.map == pytest.approx(mean_average_precision, rel=1e-12)
    constant = evaluate(np.zeros((60, 2)), edges)
    assert constant.mean_rank > 10


def test_query_node_is_not_its_own_rival():
    """Counting the query as nearer, as gensim does, would make every rank one worse."""
    x = np.array([[0.0, 0.0], [0.5, 0.0]])
    assert evaluate(x, [[1, 0]]).ranks.tolist() == [1.0]


@pytest.fixture
def gensim():
    return pytest.importorskip("gensim.models.poincare", reason="gensim is not installed")


def test_gensim_counts_every_rank_one_worse(gensim, rng, tmp_path):
    edges, x = tree_edges(60, rng), rng.uniform(-0.5, 0.5, (60, 3))
    pairs = [(str(u), str(v)) for u, v in edges]
    model = gensim.PoincareModel(pairs, size=3, dtype=np.float64)
    model.kv.vectors = x[[int(name) for name in model.kv.index_to_key]]
    file = tmp_path / "edges.tsv"
    file.write_text("".join(f"{u}\t{v}\n" for u, v in pairs))
    theirs, ours = gensim.ReconstructionEvaluation(str(file), model.kv).evaluate(), evaluate(x, edges)
    assert theirs["mean_rank"] == pytest.approx(ours.mean_rank + 1, rel=1e-12)
    one_worse = [np.sort(ours.ranks[edges[:, 0] == u] + 1) for u in np.unique(edges[:, 0])]
    precision = [np.mean(np.arange(1, len(r) + 1) / (r + np.arange(len(r)))) for r in one_worse]
    assert theirs["MAP"] == pytest.approx(np.mean(precision), rel=1e-12)


def test_better_than_gensim_in_as_many_epochs(gensim):
    mammals = load_mammals()
    pairs = [tuple(pair) for pair in mammals.labels[mammals.edges].tolist()]
    model = gensim.PoincareModel(pairs, size=5, negative=10, burn_in=0, dtype=np.float64, seed=0)
    model.train(epochs=3)
    place = [model.kv.key_to_index[name] for name in mammals.labels.tolist()]
    theirs = evaluate(model.kv.vectors[place], mammals.edges)
    plain = HyperbolicEmbedding(5, n_epochs=3, n_negatives=10, burn_in=0, hard_negatives=(0, 0), rng=0).fit(mammals)
    ours = evaluate(plain.embedding_, mammals.edges)
    assert ours.mean_rank < theirs.mean_rank
    assert ours.map > theirs.map


def test_nodes_and_order(rng):
    edges = tree_edges(100, rng)
    x = rng.uniform(-0.5, 0.5, (100, 3))
    every = evaluate(x, edges)
    shuffled = rng.permutation(len(edges))
    np.testing.assert_array_equal(evaluate(x, edges[shuffled]).ranks, every.ranks[shuffled])
    some = evaluate(x, edges, nodes=[7, 50])
    asked = np.isin(edges[:, 0], [7, 50])
    np.testing.assert_array_equal(some.ranks[asked], every.ranks[asked])
    assert np.isnan(some.ranks[~asked]).all()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"x": np.zeros(3)}, ValueError, "matrix"),
        ({"x": np.array([[0.0, 0.0], [1.0, 0.5]])}, ValueError, "row 1"),
        ({"x": np.array([[0.0, 0.0], [np.nan, 0.5]])}, ValueError, "row 1"),
        ({"x": np.array([["a", "b"]])}, TypeError, "real numbers"),
        ({"edges": [[2, 0]]}, ValueError, "2"),
        ({"nodes": [0]}, ValueError, "nothing to rank"),
        ({"nodes": [5]}, ValueError, r"\[0, 2\)"),
        ({"nodes": [0.5]}, TypeError, "nodes"),
        ({"manifold": "sphere"}, ValueError, "manifold"),
        ({"c": -1.0}, ValueError, "c must"),
        ({"threads": 0}, ValueError, "threads"),
    ],
)
def test_bad_input(change, error, message):
    arguments = {"x": np.array([[0.0, 0.0], [0.5, 0.0]]), "edges": [[1, 0]], **change}
    with pytest.raises(error, match=message):
        evaluate(arguments.pop("x"), arguments.pop("edges"), **arguments)


def test_read_only_and_strided(rng):
    edges = tree_edges(50, rng)
    wide = rng.uniform(-0.4, 0.4, (50, 6))
    view = wide[:, ::2]
    wide.flags.writeable = False
    np.testing.assert_array_equal(evaluate(view, edges).ranks, evaluate(view.copy(), edges).ranks)


@pytest.mark.parametrize("reach", [1.0, 2.0])
def test_rivals_are_the_nearest_that_are_no_ancestors(rng, reach):
    """What the training draws its hard negatives from."""
    n, width = 150, 6
    edges, x = tree_edges(n, rng), rng.uniform(-0.5, 0.5, (n, 3))
    start, ancestors = ancestor_lists(edges, n)
    gap = 1 - np.sum(x * x, axis=1)
    queries = np.flatnonzero(np.diff(start)).astype(np.int32)
    _, rivals = core.reconstruction_ranks(x, gap, start, ancestors, queries, threads=2, n_rivals=width, reach=reach)
    cosh = np.cosh(poincare.dist(x[:, None], x))
    for u in range(n):
        own = ancestors[start[u] : start[u + 1]]
        others = np.setdiff1d(np.arange(n), [u, *own])
        near = others[cosh[u, others] - 1 <= reach * (cosh[u, own] - 1).max(initial=0)]
        expected = near[np.argsort(cosh[u, near])][:width]
        np.testing.assert_array_equal(rivals[u], np.pad(expected, (0, width - len(expected)), constant_values=-1))
