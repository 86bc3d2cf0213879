"""Small real hierarchies: WordNet's mammals, an installed WordNet, the classes of the running interpreter.

Each loader returns a `Hierarchy`, which everything in `hypergeom.embed` takes in place of `edges`.
"""

from __future__ import annotations

import itertools
import os
import re
from collections import Counter
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from hypergeom.embed.hierarchy import Hierarchy, close, edge_table

__all__ = ["Hierarchy", "load_mammals", "load_wordnet", "python_classes"]


def load_mammals() -> Hierarchy:
    """The mammals of WordNet 3.0: 1,180 nodes and 6,540 edges, shipped with the package.

    The set of the literature on hyperbolic embeddings [1]_: the transitive closure of the noun synsets below
    ``mammal.n.01``, named as by NLTK, with their instances (eleven racehorses and the fossil Lucy). As in the
    published file, two childless synsets right below the root are left out: ``female_mammal.n.01`` and
    ``tusker.n.01``.

    Returns
    -------
    Hierarchy
        `edges`, `direct_edges` (the hypernym pointers), `labels`, and WordNet's `license`.

    References
    ----------
    .. [1] M. Nickel, D. Kiela, "Poincaré embeddings for learning hierarchical representations", NeurIPS
       2017.

    Examples
    --------
    >>> from hypergeom.datasets import load_mammals
    >>> mammals = load_mammals()
    >>> len(mammals.labels), len(mammals.edges)
    (1180, 6540)
    >>> dog = mammals.labels.tolist().index("dog.n.01")
    >>> mammals.labels[mammals.direct_edges[mammals.direct_edges[:, 0] == dog, 1]].tolist()
    ['canine.n.02']
    """
    folder = resources.files(__name__)
    lines = folder.joinpath("mammals.tsv").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("\t") for line in lines[1:]]
    return _hierarchy(pairs, license=folder.joinpath("NOTICE").read_text(encoding="utf-8"))


def load_wordnet(pos: str = "noun", *, path: str | os.PathLike[str] | None = None) -> Hierarchy:
    """The hypernym hierarchy of an installed WordNet.

    WordNet 3.0 has 82,115 nouns with 743,241 pairs in the closure, the set of the literature [1]_, and 13,542
    verbs with 35,079.

    Parameters
    ----------
    pos : {"noun", "verb"}
        Part of speech; adjectives and adverbs have no hypernyms.
    path : path, optional
        The folder with ``data.noun`` and ``index.noun``. By default it is looked for in the folders that the
        environment variables ``WNSEARCHDIR`` and ``WNHOME`` name, and where Debian, WordNet's own installer
        and NLTK put it.

    Returns
    -------
    Hierarchy
        `labels` are the names that NLTK gives the synsets, such as ``dog.n.01``: first word, part of speech,
        number of that sense of the word. `direct_edges` are the pointers to hypernyms and instance hypernyms.
        Synsets with neither hypernyms nor hyponyms are left out.

    Raises
    ------
    FileNotFoundError
        There is no WordNet; the message says how to get it.
    ValueError
        `pos` is another part of speech, or the files are not in WordNet's format.

    References
    ----------
    .. [1] M. Nickel, D. Kiela, "Poincaré embeddings for learning hierarchical representations", NeurIPS
       2017.

    Examples
    --------
    >>> from hypergeom.datasets import load_wordnet
    >>> nouns = load_wordnet()  # doctest: +SKIP
    >>> len(nouns.labels), len(nouns.edges)  # doctest: +SKIP
    (82115, 743241)
    """
    if pos not in ("noun", "verb"):
        raise ValueError(f"pos must be 'noun' or 'verb', got {pos!r}")
    folder = _find_wordnet(pos, path)
    try:
        senses = _read_index(folder / f"index.{pos}")
        synsets = _read_data(folder / f"data.{pos}")
        names = {offset: f"{word}.{pos[0]}.{senses[word].index(offset) + 1:02d}" for offset, word, _ in synsets}
        pairs = [(names[offset], names[parent]) for offset, _, parents in synsets for parent in parents]
    except (IndexError, KeyError, ValueError) as error:
        raise ValueError(f"{folder}: data.{pos} and index.{pos} are not a WordNet: {error!r}") from error
    return _hierarchy(pairs, license=_read_license(folder / f"data.{pos}"))


def python_classes() -> Hierarchy:
    """The classes of the running interpreter, from `object` down: a real hierarchy without any download.

    Returns
    -------
    Hierarchy
        `direct_edges` go from each class to its base classes. Classes may have several, so this is no tree.
        `labels` are ``module.qualname``; where classes share one, those defined later get ``#2``, ``#3``, ...
        `license` is empty. What it holds depends on the modules that are loaded.

    Examples
    --------
    >>> from hypergeom.datasets import python_classes
    >>> classes = python_classes()
    >>> bool_ = classes.labels.tolist().index("builtins.bool")
    >>> classes.labels[classes.edges[classes.edges[:, 0] == bool_, 1]].tolist()
    ['builtins.object', 'builtins.int']
    """
    names: dict[type, str] = {}
    times_used: Counter[str] = Counter()
    classes: list[type] = [object]  # grows while it is read: breadth first
    for cls in classes:
        if cls not in names:
            name = f"{cls.__module__}.{cls.__qualname__}"
            times_used[name] += 1
            names[cls] = name if times_used[name] == 1 else f"{name}#{times_used[name]}"
            classes += type.__subclasses__(cls)
    return _hierarchy([(names[cls], names[base]) for cls in names for base in cls.__bases__], license="")


def _hierarchy(pairs: Sequence[Sequence[str]], *, license: str) -> Hierarchy:
    table = edge_table(pairs)
    closed, _ = close(table)
    return Hierarchy(closed, table.edges, table.labels, license)


def _find_wordnet(pos: str, path: str | os.PathLike[str] | None) -> Path:
    if path is None:
        folders = [Path(os.environ[name]) for name in ("WNSEARCHDIR", "WNHOME") if name in os.environ]
        folders += [folder / "dict" for folder in folders]
        folders += [Path("/usr/share/wordnet"), Path("/usr/local/WordNet-3.0/dict")]
        folders += [Path.home() / "nltk_data/corpora/wordnet"]
    else:
        folders = [Path(path)]
    for folder in folders:
        if all((folder / f"{kind}.{pos}").is_file() for kind in ("data", "index")):
            return folder
    raise FileNotFoundError(
        f"no WordNet (data.{pos}, index.{pos}) in {', '.join(map(str, folders))}; "
        "get it with `apt-get install wordnet-base`, or name its folder with path="
    )


def _read_index(file: Path) -> dict[str, list[str]]:
    """The synsets of each word, as offsets into the data file, in the order of the senses."""
    senses = {}
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            if not line.startswith("  "):
                word, _, n_senses, *fields = line.split()
                senses[word] = fields[-int(n_senses) :]
    return senses


def _read_data(file: Path) -> list[tuple[str, str, list[str]]]:
    """Offset, first word, and offsets of the hypernyms (instance hypernyms included) of each synset.

    A line is ``offset file type w_cnt (word lex_id)... p_cnt (symbol offset pos source/target)... | gloss``,
    w_cnt being hexadecimal; the symbols of interest are ``@`` and ``@i``.
    """
    synsets = []
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            if line.startswith("  "):
                continue
            fields = line.partition("|")[0].split()
            start = 5 + 2 * int(fields[3], 16)
            pointers = fields[start : start + 4 * int(fields[start - 1])]
            targets = zip(pointers[::4], pointers[1::4], strict=True)
            parents = [offset for symbol, offset in targets if symbol in ("@", "@i")]
            synsets.append((fields[0], fields[4].lower(), parents))
    return synsets


def _read_license(file: Path) -> str:
    """The numbered lines at the head of the file, without their numbers."""
    with file.open(encoding="utf-8") as lines:
        head = itertools.takewhile(lambda line: line.startswith("  "), lines)
        return "\n".join(re.sub(r"^ *\d+ ", "", line).rstrip() for line in head) + "\n"
