"""The command line: ``hypergeom demo``, ``hypergeom embed EDGES.csv``, ``hypergeom info``.

Exit status 0 on success, 2 for input that cannot be used (one line on standard error), 130 after Ctrl-C.
Files are written under a temporary name and renamed when they are complete.
"""

from __future__ import annotations

import argparse
import csv
import itertools
import math
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from hypergeom._files import replacing

if TYPE_CHECKING:
    from hypergeom.embed import HyperbolicEmbedding
    from hypergeom.embed.hierarchy import EdgeTable, Hierarchy

__all__ = ["main"]

MANIFOLDS = ("poincare", "lorentz", "euclidean")
DELIMITERS = {".csv": ",", ".tsv": "\t"}
PICTURES = (".svg", ".png", ".pdf")
HEADERS = (("child", "parent"), ("source", "target"), ("id1", "id2"))

EDGES_HELP = """
The table has one edge per line, as UTF-8: .csv is split at commas, .tsv at tabs. Its first line is a header
if an option names a column, or if it has columns child and parent, source and target, or id1 and id2; these
are then the child and the parent. In any other table the first column is the child, the second the parent,
and the first line an edge like the others."""


class InputError(Exception):
    """What the user gave cannot be used; the message is one line that says why."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:  # one line, without the usage
        self.exit(2, f"{self.prog}: error: {message} (see {self.prog} --help)\n")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    args = _parser().parse_args(argv)
    try:
        args.run(args)
    except KeyboardInterrupt:
        print(f"hypergeom {args.command}: interrupted", file=sys.stderr)
        return 130
    except (InputError, OSError) as error:
        print(f"hypergeom {args.command}: error: {error}", file=sys.stderr)
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="hypergeom", description="Hyperbolic embeddings of hierarchies.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    def command(name: str, run: Callable[[argparse.Namespace], None], help: str, **options: Any) -> _Parser:
        made = commands.add_parser(name, help=help, description=help, **options)
        made.set_defaults(run=run)
        return made

    demo = command("demo", _demo, "Embed WordNet's mammals, measure the result and draw it.")
    demo.add_argument("--out", type=Path, default=Path(), metavar="DIR", help="folder for the picture (default: .)")

    embed = command("embed", _embed, "Embed a table of child-parent edges.", epilog=EDGES_HELP)
    embed.add_argument("edges", type=Path, metavar="EDGES", help="table of edges, .csv or .tsv")
    embed.add_argument("--child", metavar="COL", help="column of the child: its name, or its number from 1")
    embed.add_argument("--parent", metavar="COL", help="column of the parent")
    embed.add_argument("--weight", metavar="COL", help="column of edge weights; needs --no-closure")
    embed.add_argument(
        "--closure",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="train on the transitive closure, or on the edges just as they are (default: closure)",
    )
    embed.add_argument("--dim", type=_positive, default=10, help="dimension (default: 10)")
    embed.add_argument("--manifold", choices=MANIFOLDS, default="poincare", help="default: poincare")
    embed.add_argument("--epochs", type=_positive, default=100, help="passes over the edges (default: 100)")
    embed.add_argument("--evaluate", action="store_true", help="print mean rank and MAP of the reconstruction")
    embed.add_argument("--plot", type=Path, metavar="FILE", help="draw the disk: .svg, .png or .pdf")
    embed.add_argument(
        "--out",
        type=Path,
        metavar="FILE",
        help="coordinates: .npz (HyperbolicEmbedding.load), .csv, .tsv, or .txt (word2vec); "
        "default: the name of EDGES with .npz, in this folder",
    )
    for options in (demo, embed):
        options.add_argument("--threads", type=_positive, help="default: by the size of the data")
        options.add_argument("--seed", type=_natural, default=0, help="seed of the random numbers (default: 0)")

    command("info", _info, "Print versions, backends, instruction sets and threads.")
    return parser


def _natural(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number")
    return int(text)


def _positive(text: str) -> int:
    if _natural(text) == 0:
        raise argparse.ArgumentTypeError("must be at least 1")
    return int(text)


# --- embed ----------------------------------------------------------------------------------------------


def _embed(args: argparse.Namespace) -> None:
    from hypergeom.embed import HyperbolicEmbedding
    from hypergeom.embed.hierarchy import Hierarchy, close

    out = args.out or Path(args.edges.stem + ".npz")
    _check_output("--out", out, tuple(_WRITERS), args.edges)
    if args.plot:
        _check_output("--plot", args.plot, PICTURES, args.edges)
        if args.manifold == "euclidean" or args.dim < 2:
            raise InputError("--plot draws the hyperbolic plane: it needs another --manifold, or --dim 2 or more")
    if args.weight and args.closure:
        raise InputError("--weight needs --no-closure: edges that the closure adds have no weight")

    table, weights, columns = _read_edges(args)
    if out.suffix == ".txt":
        _check_words(args.edges, table.labels.tolist())
    model = HyperbolicEmbedding(
        args.dim,
        manifold=args.manifold,
        n_epochs=args.epochs,
        threads=args.threads,
        rng=args.seed,
        verbose=True,
    )
    try:
        closed, basic = close(table)
        edges = closed if args.closure else table.edges
        hierarchy = Hierarchy(edges, table.edges[basic], table.labels, license="")
        print(f"{args.edges}: {len(table.labels):,} nodes, {len(edges):,} edges; {columns}", flush=True)
        model.fit(hierarchy, weights=weights)
    except ValueError as error:  # a cycle, or a hierarchy too small to train on
        raise InputError(f"{args.edges}: {error}") from error
    if args.evaluate:
        mean_rank, mean_average_precision = _quality(model, hierarchy)
        print(f"reconstruction: mean rank {mean_rank:.3f}, MAP {mean_average_precision:.4f}")
    with ExitStack() as outputs:
        _WRITERS[out.suffix](model, outputs.enter_context(replacing(out)))
        if args.plot:
            _draw(model, hierarchy, [outputs.enter_context(replacing(args.plot))])
    print("wrote", " and ".join(str(path) for path in (out, args.plot) if path))


@dataclass(frozen=True)
class _Columns:
    """Where the edges stand in a row, counted from 0."""

    child: int
    parent: int
    weight: int | None
    titles: list[str] | None  # the header, if there is one

    def __str__(self) -> str:
        if self.titles is None:
            return f"no header, child and parent are columns {self.child + 1} and {self.parent + 1}"
        return f"child and parent are columns {self.titles[self.child]!r} and {self.titles[self.parent]!r}"


def _read_edges(args: argparse.Namespace) -> tuple[EdgeTable, Any, _Columns]:
    """The edges of the table, their weights (None without a column of them), and the columns used."""
    import numpy as np

    from hypergeom.embed.hierarchy import edge_table

    rows = _read_rows(args.edges)
    _, first = next(rows, (0, []))
    if len(first) < 2:
        raise InputError(f"{args.edges}: no table of two columns separated by {DELIMITERS[args.edges.suffix]!r}")
    columns = _find_columns(args, first)
    if columns.titles is None:
        rows = itertools.chain([(1, first)], rows)

    pairs, weights = [], []
    for line, row in rows:
        if len(row) != len(first):
            raise InputError(f"{args.edges}: line {line} has {len(row)} fields, the first line has {len(first)}")
        child, parent = row[columns.child], row[columns.parent]
        if not child or not parent:
            raise InputError(f"{args.edges}: line {line} has no {'parent' if child else 'child'}")
        if child == parent:
            raise InputError(f"{args.edges}: line {line}: {child!r} is its own parent")
        pairs.append((child, parent))
        if columns.weight is not None:
            weights.append(_weight(row[columns.weight], f"{args.edges}: line {line}"))
    if not pairs:
        raise InputError(f"{args.edges}: no edges below the header")
    table = edge_table(pairs)
    total = np.bincount(table.index, weights, minlength=len(table.edges)) if weights else None
    return table, total, columns


def _read_rows(file: Path) -> Iterator[tuple[int, list[str]]]:
    """Line number and fields of each line that is not blank."""
    if file.suffix not in DELIMITERS:
        raise InputError(f"{file}: unknown extension {file.suffix!r}, need one of {', '.join(DELIMITERS)}")
    with file.open(newline="", encoding="utf-8-sig") as lines:
        reader = csv.reader(lines, delimiter=DELIMITERS[file.suffix], strict=True)
        try:
            for row in reader:
                if row:
                    yield reader.line_num, [field.strip() for field in row]
        except (csv.Error, UnicodeDecodeError) as error:
            raise InputError(f"{file}: line {reader.line_num + 1}: {error}") from None


def _find_columns(args: argparse.Namespace, first: list[str]) -> _Columns:
    titles = [title.lower() for title in first]
    known = next((pair for pair in HEADERS if set(pair) <= set(titles)), None)
    named = [column for column in (args.child, args.parent, args.weight) if column and not column.isdecimal()]
    defaults = (titles.index(known[0]), titles.index(known[1])) if known else (0, 1)

    def place(column: str | None, default: Any) -> Any:
        if column is None:
            return default
        if (known or named) and column in first:
            return first.index(column)
        if column.isdecimal() and 1 <= int(column) <= len(first):
            return int(column) - 1
        raise InputError(f"{args.edges}: no column {column!r} in its first line: {', '.join(first)}")

    child, parent = place(args.child, defaults[0]), place(args.parent, defaults[1])
    if child == parent:
        raise InputError(f"{args.edges}: column {first[child]!r} is both child and parent; name the other one too")
    return _Columns(child, parent, place(args.weight, None), first if known or named else None)


def _check_words(file: Path, labels: list[str]) -> None:
    spaced = next((label for label in labels if label.split() != [label]), None)
    if spaced is not None:
        raise InputError(f"{file}: word2vec's format (--out .txt) has no place for the space in {spaced!r}")


def _weight(text: str, where: str) -> float:
    try:
        weight = float(text)
    except ValueError:
        weight = math.nan
    if not 0 < weight < math.inf:
        raise InputError(f"{where}: weight {text!r} is not a positive number")
    return weight


# --- output ---------------------------------------------------------------------------------------------


def _check_output(option: str, path: Path, suffixes: Sequence[str], source: Path) -> None:
    """Find out before hours of training that a file cannot be written."""
    if path.suffix not in suffixes:
        raise InputError(f"{option} {path}: unknown extension {path.suffix!r}, need one of {', '.join(suffixes)}")
    if path.is_dir() or path.resolve() == source.resolve():
        raise InputError(f"{option} {path}: would overwrite {'a folder' if path.is_dir() else 'the input'}")
    _check_folder(option, path.parent)


def _check_folder(option: str, folder: Path) -> None:
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise InputError(f"{option}: cannot write in {folder}: {error.strerror}") from None


def _write_table(model: HyperbolicEmbedding, path: Path) -> None:
    first = 0 if model.manifold == "lorentz" else 1  # x0 is the time coordinate
    x = model.embedding_.tolist()
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file, delimiter=DELIMITERS[path.suffix], lineterminator="\n")
        table.writerow(["label", *(f"x{k + first}" for k in range(len(x[0])))])
        table.writerows([label, *row] for label, row in zip(model.labels_.tolist(), x, strict=True))


_WRITERS: dict[str, Callable[[HyperbolicEmbedding, Path], object]] = {
    ".npz": lambda model, path: model.save(path),
    ".csv": _write_table,
    ".tsv": _write_table,
    ".txt": lambda model, path: model.to_word2vec(path),
}


def _draw(model: HyperbolicEmbedding, hierarchy: Hierarchy, files: Sequence[Path]) -> None:
    from hypergeom.plot import disk

    for file in files:
        disk(model.embedding_, edges=hierarchy, manifold=model.manifold_, path=file)


def _quality(model: HyperbolicEmbedding, hierarchy: Hierarchy) -> tuple[float, float]:
    from hypergeom.embed import evaluate

    found = evaluate(model.embedding_, hierarchy.edges, manifold=model.manifold_, threads=model.threads)
    return found.mean_rank, found.map


# --- demo -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Run:
    """Parameters of a run, and what is published for these data in this dimension."""

    parameters: dict[str, Any]
    published: str = ""


BALL_5: dict[str, Any] = {"n_components": 5, "n_epochs": 300, "learning_rate": (0.01, 0.1)}
# In the plane branches cannot pass each other: the run starts gently, at a larger curvature, where the loss is softer.
PLANE: dict[str, Any] = {
    "n_components": 2,
    "manifold": "lorentz",
    "curvature": 4.0,
    "margin": 1e-13,
    "n_epochs": 300,
    "learning_rate": (0.003, 0.1),
}
RUNS = (
    _Run({"n_components": 10}),
    _Run(BALL_5, "1.26  0.927  Nickel & Kiela 2017, figure 2"),
    _Run(PLANE),
)


def _demo(args: argparse.Namespace) -> None:
    from hypergeom.datasets import load_mammals
    from hypergeom.embed import HyperbolicEmbedding

    args.out.mkdir(parents=True, exist_ok=True)
    _check_folder("--out", args.out)
    mammals = load_mammals()
    print(
        f"WordNet's mammals: {len(mammals.labels):,} nodes, {len(mammals.edges):,} edges (the closure)",
        flush=True,
    )
    rows = []
    for run in RUNS:
        model = HyperbolicEmbedding(threads=args.threads, rng=args.seed, verbose=True).set_params(**run.parameters)
        name = f"{model.manifold:9} {model.n_components:3} {model.n_epochs:7}"
        print(f"{model.manifold}, {model.n_components} dimensions, {model.n_epochs} epochs", flush=True)
        model.fit(mammals)
        mean_rank, mean_average_precision = _quality(model, mammals)
        measured = f"{model.seconds_:7.1f} {mean_rank:10.3f} {mean_average_precision:7.4f}"
        rows.append(f"{name} {measured}   {run.published}".rstrip())
    print("\nmanifold  dim  epochs seconds  mean rank     MAP   published", *rows, sep="\n")

    with ExitStack() as outputs:
        pictures = [args.out / name for name in ("mammals.svg", "mammals.png")]
        _draw(model, mammals, [outputs.enter_context(replacing(picture)) for picture in pictures])
    print("\nwrote", " and ".join(map(str, pictures)))


# --- info -----------------------------------------------------------------------------------------------

# The module of each backend, and the distributions that may bring it.
BACKENDS = {
    "cupy": ("cupy-cuda12x", "cupy-cuda13x", "cupy"),
    "torch": ("torch",),
    "jax": ("jax",),
    "dask": ("dask",),
    "networkx": ("networkx",),
}


def _info(args: argparse.Namespace) -> None:
    rows = {
        "hypergeom": metadata.version("hypergeom"),
        "python": platform.python_version(),
        "numpy": metadata.version("numpy"),
        "scipy": metadata.version("scipy"),
        **{module: _backend(module) for module in BACKENDS},
        "instruction set": _instruction_set(),
        "threads": str(len(os.sched_getaffinity(0))),
    }
    for name, value in rows.items():
        print(f"{name:16} {value}")


def _backend(module: str) -> str:
    """What is installed; a backend takes seconds to import, so none is."""
    if util.find_spec(module) is None:
        return "not found"
    for distribution in BACKENDS[module]:
        with suppress(metadata.PackageNotFoundError):
            return metadata.version(distribution)
    return "found, version unknown"


def _instruction_set() -> str:
    """The one for which the row functions that run here were compiled."""
    from hypergeom._core import gufuncs

    return f"{platform.machine()} {gufuncs.ISA}"
