"""Edges in, closures and splits out."""

import dataclasses
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypergeom.datasets import load_mammals
from hypergeom.embed.hierarchy import (
    Hierarchy,
    ancestor_lists,
    close,
    closure,
    edge_table,
    link_prediction_split,
    rarity_weights,
)

# The diamond 0 -> 1, 2 -> 3 with a tail 3 -> 4 and the shortcut 0 -> 3, which the others imply.
DIAMOND = np.array([[0, 1], [0, 2], [0, 3], [1, 3], [2, 3], [3, 4]])
DIAMOND_CLOSED = [[0, 1], [0, 2], [0, 3], [0, 4], [1, 3], [1, 4], [2, 3], [2, 4], [3, 4]]


@st.composite
def dags(draw, max_nodes=12):
    """Edges of a random DAG in random order, with repetitions, under a random numbering of the nodes."""
    n = draw(st.integers(2, max_nodes))
    pair = st.tuples(st.integers(0, n - 1), st.integers(0, n - 1)).filter(lambda uv: uv[0] != uv[1])
    pairs = np.array(draw(st.lists(pair, min_size=1, max_size=40)))
    return np.array(draw(st.permutations(range(n))))[np.sort(pairs, axis=1)]


def reachability(edges, n):
    """Boolean (n, n) matrix: is there a path? By repeated squaring, so nothing is shared with the code."""
    reached = np.zeros((n, n), dtype=bool)
    reached[edges[:, 0], edges[:, 1]] = True
    for _ in range(n):
        reached |= (reached.astype(int) @ reached) > 0
    return reached


@settings(deadline=None)
@given(dags())
def test_closure_is_reachability(edges):
    np.testing.assert_array_equal(closure(edges), np.argwhere(reachability(edges, edges.max() + 1)))


@settings(deadline=None)
@given(dags())
def test_closure_and_reduction_agree_with_networkx(edges):
    networkx = pytest.importorskip("networkx", reason="networkx is optional: pip install 'hypergeom[graph]'")
    graph = networkx.DiGraph(edges.tolist())
    table = edge_table(edges)
    closed, basic = close(table)
    assert set(map(tuple, closed.tolist())) == set(networkx.transitive_closure_dag(graph).edges)
    reduced = networkx.transitive_reduction(graph).edges
    assert set(map(tuple, table.edges[basic].tolist())) == set(reduced)


@settings(deadline=None)
@given(dags())
def test_closure_is_a_projection(edges):
    closed = closure(edges)
    np.testing.assert_array_equal(closure(closed), closed)
    reduced = edge_table(edges).edges[close(edge_table(edges))[1]]
    np.testing.assert_array_equal(closure(reduced), closed)


def test_closure_of_a_diamond():
    closed = closure(DIAMOND)
    assert closed.dtype == np.int64
    assert closed.tolist() == DIAMOND_CLOSED
    assert close(edge_table(DIAMOND))[1].tolist() == [True, True, False, True, True, True]


def test_closure_of_a_long_chain():
    n = 2000
    chain = np.stack([np.arange(n - 1), np.arange(1, n)], axis=1)
    np.testing.assert_array_equal(closure(chain[::-1]), np.argwhere(np.triu(np.ones((n, n)), 1)))


def test_closure_keeps_labels():
    pairs = [("dog", "canine"), ("canine", "mammal"), ("cat", "mammal"), ("dog", "canine")]
    expected = [["dog", "canine"], ["dog", "mammal"], ["canine", "mammal"], ["cat", "mammal"]]
    assert closure(pairs).tolist() == expected
    assert closure(np.array(pairs)).tolist() == expected
    assert closure([(("tuple", 1), frozenset()), (frozenset(), None.__class__)]).shape == (3, 2)


@pytest.mark.parametrize("dtype", [np.int8, np.uint16, np.int32, np.uint64, object])
def test_any_integer_dtype(dtype):
    table = edge_table(DIAMOND.astype(dtype))
    assert table.edges.dtype == np.int64
    assert table.edges.tolist() == DIAMOND.tolist()
    assert table.labels.tolist() == [0, 1, 2, 3, 4]


def test_read_only_and_strided_arrays():
    wide = np.full((2 * len(DIAMOND), 4), -7)
    wide[::2, 3:0:-2] = DIAMOND
    wide.flags.writeable = False
    table = edge_table(wide[::2, 3:0:-2])
    assert table.edges.tolist() == DIAMOND.tolist()
    assert table.edges.flags.c_contiguous


def test_the_table_is_no_view_of_the_input():
    given_edges = DIAMOND.copy()
    table = edge_table(given_edges)
    table.edges[:] = 0
    np.testing.assert_array_equal(given_edges, DIAMOND)


def test_all_forms_are_read_alike():
    networkx = pytest.importorskip("networkx", reason="networkx is optional: pip install 'hypergeom[graph]'")
    pairs = [("a", "b"), ("b", "c"), ("d", "c")]
    forms = [
        pairs,
        tuple(pairs),
        [list(pair) for pair in pairs],
        iter(pairs),
        np.array(pairs),
        np.array(pairs, dtype=object),
        np.array(pairs, dtype=np.dtypes.StringDType()),
        networkx.DiGraph(pairs),
        networkx.MultiDiGraph(pairs + pairs),
    ]
    for form in forms:
        table = edge_table(form)
        assert table.edges.tolist() == [[0, 1], [1, 2], [3, 2]]
        assert table.labels.tolist() == ["a", "b", "c", "d"]


def test_graph_nodes_are_labels():
    networkx = pytest.importorskip("networkx", reason="networkx is optional: pip install 'hypergeom[graph]'")
    graph = networkx.DiGraph([(30, 20), (20, 10)])
    graph.add_node("alone")
    table = edge_table(graph)
    assert table.labels.tolist() == [30, 20, 10, "alone"]
    graph.remove_node("alone")
    assert closure(graph).tolist() == [[30, 20], [30, 10], [20, 10]]


def test_undirected_graph():
    networkx = pytest.importorskip("networkx", reason="networkx is optional: pip install 'hypergeom[graph]'")
    with pytest.raises(ValueError, match="undirected graph does not say which end is the parent"):
        edge_table(networkx.Graph([(0, 1)]))


def test_equal_edges_are_merged_and_indexed():
    edges = np.array([[2, 0], [1, 0], [2, 0], [2, 1]])
    table = edge_table(edges)
    assert table.edges.tolist() == [[1, 0], [2, 0], [2, 1]]
    np.testing.assert_array_equal(table.edges[table.index], edges)
    weights = np.bincount(table.index, [1.0, 10.0, 100.0, 1000.0], minlength=len(table.edges))
    assert weights.tolist() == [10, 101, 1000]


def test_hierarchy_is_read_with_its_labels():
    hierarchy = Hierarchy(np.array([[1, 0], [2, 0]]), np.array([[1, 0]]), np.array(["a", "b", "c", "x"]), "")
    table = edge_table(hierarchy)
    assert table.labels.tolist() == ["a", "b", "c", "x"]
    assert table.edges.tolist() == [[1, 0], [2, 0]]
    renumbered = edge_table(hierarchy, labels=np.array(["c", "b", "a"]))
    assert renumbered.edges.tolist() == [[0, 2], [1, 2]]


def test_hierarchy_unpacks_and_is_frozen():
    hierarchy = Hierarchy(DIAMOND, DIAMOND, np.array(list("abcde")), "free")
    edges, direct_edges, labels, terms = hierarchy
    assert edges is direct_edges is DIAMOND
    assert (labels[0], terms) == ("a", "free")
    with pytest.raises(dataclasses.FrozenInstanceError):
        hierarchy.license = ""


def test_known_labels():
    known = np.array(["root", "a", "b"])
    table = edge_table([("a", "root"), ("b", "a")], labels=known)
    assert table.edges.tolist() == [[1, 0], [2, 1]]
    assert table.labels is known
    with pytest.raises(ValueError, match="unknown label 'c'"):
        edge_table([("c", "root")], labels=known)
    with pytest.raises(ValueError, match=r"3 in row 1 is not the number of a node: 3 nodes are known"):
        edge_table([[1, 0], [3, 0]], labels=known)


@pytest.mark.parametrize(
    ("edges", "error", "message"),
    [
        ([], ValueError, "at least one edge, got none"),
        (np.empty((0, 2), dtype=int), ValueError, "at least one edge, got none"),
        (np.empty((0, 2), dtype=str), ValueError, "at least one edge, got none"),
        (np.arange(6), ValueError, r"shape \(m, 2\), rows \(child, parent\), got \(6,\)"),
        (np.zeros((2, 3), dtype=int), ValueError, r"got \(2, 3\)"),
        ([[0, 1], [1, 2, 3]], ValueError, r"row 1 is \[1, 2, 3\]"),
        ([0, 1], ValueError, "row 0 is 0"),
        (["ab", "cd"], ValueError, "row 0 is 'ab'"),
        ([{"a", "b"}], ValueError, "row 0 is {"),
        ("edges.csv", TypeError, "got str"),
        (None, TypeError, "got NoneType"),
        (7, TypeError, "got int"),
        (np.array([[0.0, 1.0]]), TypeError, "array of float64"),
        (np.array([[0.0, np.nan]]), TypeError, "array of float64"),
        (np.array([[0j, 1j]]), TypeError, "array of complex128"),
        (np.array([[True, False]]), TypeError, "array of bool"),
        ([("a", "b"), ("c", float("nan"))], TypeError, "row 1 holds nan"),
        ([("a", "b"), (None, "b")], TypeError, "row 1 holds None"),
        ([(0, 1.5)], TypeError, "row 0 holds 1.5"),
        ([(["a"], "b")], TypeError, "labels must be hashable"),
        ([[0, 1], [1, -1]], ValueError, "-1 in row 1 is not the number of a node"),
        ([[0, 2**31]], ValueError, "2147483648 in row 0 is not the number of a node"),
        (np.array([[0, 2**64 - 1]], dtype=np.uint64), ValueError, "row 0 is not the number"),
        ([[0, 1], [2, 2]], ValueError, r"node 2 is its own parent \(row 1\)"),
        ([("a", "b"), ("b", "b")], ValueError, r"node 'b' is its own parent \(row 1\)"),
    ],
)
def test_bad_edges(edges, error, message):
    for function in (edge_table, closure):
        with pytest.raises(error, match=message):
            function(edges)
    with pytest.raises(error, match=message):
        link_prediction_split(edges, fraction=0.1)


@pytest.mark.parametrize("length", [2, 3, 8, 50])
@settings(deadline=None)
@given(data=st.data())
def test_a_cycle_is_named(length, data):
    """Below the cycle hangs a node, above it is a root: neither is part of what the error names."""
    ring = [(f"n{k}", f"n{(k + 1) % length}") for k in range(length)]
    edges = data.draw(st.permutations([*ring, ("below", "n0"), ("n1", "root")]))
    with pytest.raises(ValueError, match="a hierarchy has no cycle, this is one: ") as caught:
        closure(edges)
    walk = str(caught.value).partition("one: ")[2].replace("'", "").split(" -> ")
    assert walk[0] == walk[-1]
    shown = [step for step in pairwise(walk) if "more)" not in "".join(step)]
    assert set(shown) <= set(ring)
    assert len(walk) == (length + 1 if length <= 8 else 8)


def test_ancestor_lists():
    rng = np.random.default_rng(0)
    table = edge_table(rng.permutation(DIAMOND))
    indptr, indices = ancestor_lists(rng.permutation(table.edges), n=6)
    assert (indptr.dtype, indices.dtype) == (np.int64, np.int32)
    assert [indices[a:b].tolist() for a, b in pairwise(indptr)] == [
        [1, 2, 3],
        [3],
        [3],
        [4],
        [],
        [],
    ]
    np.testing.assert_array_equal(indices, table.edges[:, 1])


def test_rarity_weights():
    edges = [("a", "root"), ("b", "root"), ("c", "root"), ("c", "b"), ("a", "root")]
    weights = rarity_weights(edges, common=12, power=0.5, largest=3)
    np.testing.assert_allclose(weights, [2, 2, 2, 3, 2])  # equal rows are one edge; the root has three
    np.testing.assert_array_equal(rarity_weights(edges, power=0), 1)
    np.testing.assert_array_equal(rarity_weights(edges, common=1), 1)
    mammals = load_mammals()
    assert rarity_weights(mammals).shape == (6540,)


@pytest.mark.parametrize(("name", "value"), [("common", -1), ("power", -0.1), ("largest", 0.5), ("power", np.nan)])
def test_bad_rarity(name, value):
    with pytest.raises(ValueError, match=f"{name} must be finite and at least"):
        rarity_weights([[1, 0]], **{name: value})


@settings(deadline=None)
@given(dags(), st.floats(0.01, 0.5), st.integers(0, 2**32))
def test_split_partitions_the_closure(edges, fraction, seed):
    closed = closure(edges)
    table = edge_table(edges)
    reduced = set(map(tuple, table.edges[close(table)[1]].tolist()))
    size = int(fraction * (len(closed) - len(reduced)))
    if size == 0:
        with pytest.raises(ValueError, match="non-basic pairs is less than one pair"):
            link_prediction_split(edges, fraction=fraction, rng=seed)
        return
    parts = link_prediction_split(edges, fraction=fraction, rng=seed)
    assert [len(part) for part in parts[1:]] == [size, size]
    train, valid, test = (set(map(tuple, part.tolist())) for part in parts)
    assert reduced <= train
    assert train | valid | test == set(map(tuple, closed.tolist()))
    assert len(train) + len(valid) + len(test) == len(closed)
    np.testing.assert_array_equal(closure(parts[0]), closed)  # what is held out follows from the rest
    again = link_prediction_split(edges, fraction=fraction, rng=np.random.default_rng(seed))
    for first, second in zip(parts, again, strict=True):
        np.testing.assert_array_equal(first, second)


def test_split_draws_uniformly():
    """Each of the four non-basic pairs of the diamond is held out equally often."""
    drawn = [link_prediction_split(DIAMOND, fraction=0.34, rng=seed)[2] for seed in range(600)]
    pairs, counts = np.unique(np.concatenate(drawn), axis=0, return_counts=True)
    assert pairs.tolist() == [[0, 3], [0, 4], [1, 4], [2, 4]]
    assert (abs(counts - 150) < 50).all()


def test_split_keeps_labels():
    chain = [("a", "b"), ("b", "c"), ("c", "d")]
    train, valid, test = link_prediction_split(chain, fraction=0.34, rng=0)
    assert (train.shape, valid.shape, test.shape) == ((4, 2), (1, 2), (1, 2))
    assert set(map(tuple, chain)) <= set(map(tuple, train.tolist()))


@pytest.mark.parametrize("fraction", [0, -0.1, 0.51, 1.0, np.nan, np.inf])
def test_bad_fraction(fraction):
    with pytest.raises(ValueError, match="fraction must be above 0 and at most"):
        link_prediction_split(DIAMOND, fraction=fraction)


def test_fraction_too_small_for_the_data():
    with pytest.raises(ValueError, match="of the 4 non-basic pairs is less than one pair"):
        link_prediction_split(DIAMOND, fraction=0.2)
