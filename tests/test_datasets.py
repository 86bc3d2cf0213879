"""The data sets: their sizes, their names, and that what is shipped is what WordNet says."""

import sys
from importlib import resources

import numpy as np
import pytest

from hypergeom.datasets import load_mammals, load_wordnet, python_classes
from hypergeom.embed.hierarchy import closure

# Synsets right below mammal.n.01, without hyponyms, that the published set of mammals leaves out.
LEFT_OUT = ("female_mammal.n.01", "tusker.n.01")


@pytest.fixture(scope="module")
def nouns():
    try:
        return load_wordnet()
    except FileNotFoundError as error:
        pytest.skip(str(error))


def parents(hierarchy, label):
    """Labels of the direct parents of a node."""
    child, parent = hierarchy.labels[hierarchy.direct_edges].T
    return set(parent[child == label].tolist())


def mammals_file(nouns):
    """What `mammals.tsv` must hold. To make the file anew, write this to it."""
    labels = nouns.labels.tolist()
    root = labels.index("mammal.n.01")
    kept = np.zeros(len(labels), dtype=bool)
    kept[nouns.edges[nouns.edges[:, 1] == root, 0]] = True
    kept[root] = True
    kept[[labels.index(label) for label in LEFT_OUT]] = False
    edges = nouns.direct_edges[kept[nouns.direct_edges].all(axis=1)]
    rows = sorted(f"{labels[child]}\t{labels[parent]}\n" for child, parent in edges)
    return "".join(["child\tparent\n", *rows])


def check_hierarchy(hierarchy):
    n = len(hierarchy.labels)
    assert len(set(hierarchy.labels.tolist())) == n
    for edges in (hierarchy.edges, hierarchy.direct_edges):
        assert edges.dtype == np.int64
        assert (np.diff(edges @ [n, 1]) > 0).all()
        assert set(np.unique(edges)) == set(range(n))
    np.testing.assert_array_equal(hierarchy.edges, closure(hierarchy.direct_edges))


def test_mammals():
    mammals = load_mammals()
    assert (len(mammals.labels), len(mammals.edges)) == (1180, 6540)
    check_hierarchy(mammals)
    assert not set(LEFT_OUT) & set(mammals.labels.tolist())
    assert parents(mammals, "dog.n.01") == {"canine.n.02"}
    assert parents(mammals, "secretariat.n.02") == {"thoroughbred.n.02"}
    roots = set(range(1180)) - set(mammals.edges[:, 0].tolist())
    assert mammals.labels[list(roots)].tolist() == ["mammal.n.01"]


def test_mammals_carry_the_license_of_wordnet():
    terms = load_mammals().license
    assert "WordNet 3.0 Copyright 2006 by Princeton University.  All rights reserved." in terms
    assert "appear on ALL copies" in terms


def test_nouns(nouns):
    assert (len(nouns.labels), len(nouns.edges)) == (82115, 743241)
    check_hierarchy(nouns)
    assert parents(nouns, "dog.n.01") == {"canine.n.02", "domestic_animal.n.01"}
    assert parents(nouns, "einstein.n.01") == {"physicist.n.01"}  # an instance
    assert nouns.license.startswith("This software and database is being provided to you")
    assert "Copyright 2006 by Princeton University" in nouns.license


def test_mammals_are_those_of_wordnet(nouns):
    shipped = resources.files("hypergeom.datasets").joinpath("mammals.tsv").read_text(encoding="utf-8")
    assert shipped == mammals_file(nouns)


def test_verbs(nouns):
    verbs = load_wordnet("verb")
    assert (len(verbs.labels), len(verbs.edges)) == (13542, 35079)
    check_hierarchy(verbs)
    assert parents(verbs, "walk.v.01") == {"travel.v.01"}


def test_wordnet_of_another_part_of_speech():
    with pytest.raises(ValueError, match="pos must be 'noun' or 'verb', got 'adj'"):
        load_wordnet("adj")


def test_wordnet_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="apt-get install wordnet-base") as caught:
        load_wordnet(path=tmp_path)
    assert str(tmp_path) in str(caught.value)


# Two senses of "bank" and an instance, in the format of WordNet's files.
TOY_DATA = """\
  1 These are the terms,
  2 and they are short.
00000064 17 n 01 object 0 000 | a thing
00000100 17 n 02 Bank 0 b 1 001 @ 00000064 n 0000 ~ | sloping land
00000200 14 n 0a bank 1 c 0 d 0 e 0 f 0 g 0 h 0 i 0 j 0 k 0 002 @ 00000064 n 0000 + 00000001 v 0101 | a | b
00000300 14 n 01 Sparkasse 0 001 @i 00000200 n 0000 | one of them
00000400 14 n 01 loner 0 000 | has neither hypernym nor hyponym
"""
TOY_INDEX = """\
  1 These are the terms,
bank n 2 2 @ + 2 1 00000200 00000100
loner n 1 0 1 0 00000400
object n 1 0 1 0 00000064
sparkasse n 1 1 @i 1 0 00000300
"""


@pytest.fixture
def toy_wordnet(tmp_path):
    (tmp_path / "data.noun").write_text(TOY_DATA)
    (tmp_path / "index.noun").write_text(TOY_INDEX)
    return tmp_path


def test_wordnet_format(toy_wordnet):
    toy = load_wordnet(path=toy_wordnet)
    check_hierarchy(toy)
    assert sorted(toy.labels.tolist()) == ["bank.n.01", "bank.n.02", "object.n.01", "sparkasse.n.01"]
    assert parents(toy, "bank.n.02") == parents(toy, "bank.n.01") == {"object.n.01"}
    assert parents(toy, "sparkasse.n.01") == {"bank.n.01"}
    assert toy.license == "These are the terms,\nand they are short.\n"


@pytest.mark.parametrize(("variable", "below"), [("WNSEARCHDIR", ""), ("WNHOME", "dict")])
def test_wordnet_is_found_by_environment(toy_wordnet, tmp_path, monkeypatch, variable, below):
    folder = tmp_path / "elsewhere" / below
    folder.mkdir(parents=True)
    for name in ("data.noun", "index.noun"):
        (toy_wordnet / name).rename(folder / name)
    monkeypatch.setenv(variable, str(tmp_path / "elsewhere"))
    assert len(load_wordnet().labels) == 4


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("data.noun", "not a WordNet\n"),
        ("data.noun", TOY_DATA.replace("00000064 n", "00000065 n")),
        ("index.noun", TOY_INDEX.replace("bank", "blank")),
        ("index.noun", "bank\n"),
    ],
)
def test_damaged_wordnet(toy_wordnet, file, text):
    (toy_wordnet / file).write_text(text)
    with pytest.raises(ValueError, match=r"data.noun and index.noun are not a WordNet") as caught:
        load_wordnet(path=toy_wordnet)
    assert str(toy_wordnet) in str(caught.value)


def test_python_classes():
    class First: ...

    class Second(First, dict): ...

    twin = type("First", (First,), {"__qualname__": First.__qualname__})

    classes = python_classes()
    check_hierarchy(classes)
    here = f"{__name__}.test_python_classes.<locals>"
    assert parents(classes, f"{here}.Second") == {f"{here}.First", "builtins.dict"}
    assert parents(classes, f"{here}.First#2") == {f"{here}.First"}
    assert twin.__mro__[1] is First
    assert parents(classes, "builtins.bool") == {"builtins.int"}
    assert len(classes.labels) > len(sys.builtin_module_names)
    roots = set(range(len(classes.labels))) - set(classes.edges[:, 0].tolist())
    assert classes.labels[list(roots)].tolist() == ["builtins.object"]
    assert classes.license == ""


def test_python_classes_twice_are_the_same():
    first, second = python_classes(), python_classes()
    np.testing.assert_array_equal(first.labels, second.labels)
    np.testing.assert_array_equal(first.edges, second.edges)
