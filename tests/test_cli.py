"""The command line: what it prints, what it writes, and its one line on bad input."""

import csv
import os
import re
import signal
import subprocess
import sys

import numpy as np
import pytest

import hypergeom.embed
from hypergeom.cli import main

# Two families; leaves enough for the trainer to find nodes that are no ancestors.
PAIRS = [(f"leaf {k}", f"family {k % 2}") for k in range(12)] + [("family 0", "root"), ("family 1", "root")]
QUICK = ["--dim", "2", "--epochs", "3", "--threads", "1"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def edges(folder):
    return write_table(folder / "edges.csv", [("child", "parent"), *PAIRS])


def write_table(path, rows):
    separator = {".csv": ",", ".tsv": "\t"}[path.suffix]
    path.write_text("".join(separator.join(row) + "\n" for row in rows), encoding="utf-8")
    return path.name


def fails(capsys, *argv):
    """The one line that a command with bad input prints."""
    try:
        status = main(argv)
    except SystemExit as stop:  # argparse
        status = stop.code
    out, err = capsys.readouterr()
    assert status == 2
    assert out == ""
    assert err.count("\n") == 1
    return err


# --- embed: what it writes ---


def test_embed_writes_what_load_reads(folder, edges, capsys):
    assert main(["embed", edges, *QUICK]) == 0
    assert "edges.csv: 15 nodes, 26 edges; child and parent are columns 'child' and 'parent'" in (
        capsys.readouterr().out
    )
    model = hypergeom.embed.HyperbolicEmbedding.load(folder / "edges.npz")
    assert model.embedding_.shape == (15, 2)
    assert set(model.labels_.tolist()) == {label for pair in PAIRS for label in pair}
    assert set(os.listdir(folder)) == {edges, "edges.npz"}


@pytest.mark.parametrize(("name", "separator"), [("x.csv", ","), ("x.tsv", "\t")])
@pytest.mark.parametrize(("manifold", "columns"), [("poincare", ["x1", "x2"]), ("lorentz", ["x0", "x1", "x2"])])
def test_embed_writes_a_table(folder, edges, name, separator, manifold, columns):
    assert main(["embed", edges, *QUICK, "--manifold", manifold, "--out", name]) == 0
    assert main(["embed", edges, *QUICK, "--manifold", manifold, "--out", "x.npz"]) == 0
    model = hypergeom.embed.HyperbolicEmbedding.load(folder / "x.npz")
    with open(folder / name, newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file, delimiter=separator)
    assert header == ["label", *columns]
    assert [row[0] for row in rows] == model.labels_.tolist()
    np.testing.assert_array_equal(np.array([row[1:] for row in rows], dtype=float), model.embedding_)


def test_embed_writes_word2vec(folder):
    words = [tuple(label.replace(" ", "_") for label in pair) for pair in PAIRS]
    table = write_table(folder / "t.csv", words)
    assert main(["embed", table, *QUICK, "--out", "x.txt"]) == 0
    header, *rows = (folder / "x.txt").read_text(encoding="utf-8").splitlines()
    assert header == "15 2"
    assert len(rows) == 15


@pytest.mark.parametrize("suffix", [".svg", ".png"])
def test_embed_draws(folder, edges, suffix, capsys):
    assert main(["embed", edges, *QUICK, "--plot", f"disk{suffix}"]) == 0
    assert f"wrote edges.npz and disk{suffix}" in capsys.readouterr().out
    start = (folder / f"disk{suffix}").read_bytes()[:200]
    assert (b"<svg" in start or b"<?xml" in start) if suffix == ".svg" else start.startswith(b"\x89PNG")


def test_embed_evaluates(folder, edges, capsys):
    assert main(["embed", edges, *QUICK, "--evaluate"]) == 0
    model = hypergeom.embed.HyperbolicEmbedding.load(folder / "edges.npz")
    numbers = {label: k for k, label in enumerate(model.labels_.tolist())}
    closed = [[numbers[child], numbers[parent]] for child, parent in hypergeom.embed.closure(PAIRS)]
    found = hypergeom.embed.evaluate(model.embedding_, closed, manifold="poincare")
    assert f"mean rank {found.mean_rank:.3f}, MAP {found.map:.4f}" in capsys.readouterr().out


def test_embed_is_repeatable(folder, edges):
    for name, seed in (("a.tsv", "1"), ("b.tsv", "1"), ("c.tsv", "2")):
        assert main(["embed", edges, *QUICK, "--seed", seed, "--out", name]) == 0
    first, second, other = ((folder / name).read_bytes() for name in ("a.tsv", "b.tsv", "c.tsv"))
    assert first == second != other


def test_closure_or_not(edges, capsys):
    for option, m in (("--closure", 26), ("--no-closure", 14)):
        assert main(["embed", edges, *QUICK, option]) == 0
        assert f"15 nodes, {m} edges" in capsys.readouterr().out


# --- embed: what it reads ---


class Seen:
    """Stands in for the estimator and remembers what it was given."""

    def __init__(self, n_components=10, **options):
        self.manifold, self.options = options["manifold"], options

    def fit(self, hierarchy, *, weights=None):
        Seen.last = {
            "edges": {tuple(pair) for pair in hierarchy.labels[hierarchy.edges].tolist()},
            "direct": {tuple(pair) for pair in hierarchy.labels[hierarchy.direct_edges].tolist()},
            "weights": weights,
        }
        return self

    def save(self, path):
        path.touch()


@pytest.fixture
def seen(monkeypatch):
    monkeypatch.setattr(hypergeom.embed, "HyperbolicEmbedding", Seen)
    return lambda: Seen.last


@pytest.mark.parametrize(
    ("rows", "options"),
    [
        ([("a", "b"), ("b", "c")], []),
        ([("Parent", "CHILD"), ("b", "a"), ("c", "b")], []),
        ([("source", "n", "target"), ("a", "1", "b"), ("b", "2", "c")], []),
        ([("id1", "id2"), ("a", "b"), ("b", "c")], []),
        ([("kind", "genus"), ("a", "b"), ("b", "c")], ["--child", "kind"]),
        ([("genus", "kind"), ("b", "a"), ("c", "b")], ["--child", "kind", "--parent", "genus"]),
        ([("b", "a"), ("c", "b")], ["--child", "2", "--parent", "1"]),
        ([("child", "parent", "3"), ("x", "b", "a"), ("x", "c", "b")], ["--child", "3"]),
        ([(" a ", " b"), ("b ", "c")], []),
    ],
)
@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_columns(folder, seen, rows, options, suffix):
    table = write_table(folder / f"table{suffix}", rows)
    assert main(["embed", table, *options]) == 0
    assert seen()["edges"] == {("a", "b"), ("b", "c"), ("a", "c")}
    assert seen()["direct"] == {("a", "b"), ("b", "c")}


def test_quotes_blank_lines_and_byte_order_mark(folder, seen):
    (folder / "t.csv").write_bytes('\ufeffchild,parent\r\n\r\n"a, or ""A""",b\r\n'.encode())
    assert main(["embed", "t.csv"]) == 0
    assert seen()["edges"] == {('a, or "A"', "b")}


def test_a_closed_table_is_drawn_by_its_reduction(folder, seen):
    table = write_table(folder / "t.tsv", [("a", "b"), ("a", "c"), ("b", "c"), ("a", "b")])
    assert main(["embed", table, "--no-closure"]) == 0
    assert seen()["edges"] == {("a", "b"), ("b", "c"), ("a", "c")}
    assert seen()["direct"] == {("a", "b"), ("b", "c")}
    assert seen()["weights"] is None


def test_weights_of_equal_edges_add_up(folder, seen):
    rows = [("child", "parent", "n"), ("b", "c", "1.5"), ("a", "b", "2"), ("b", "c", "3e1")]
    table = write_table(folder / "t.csv", rows)
    assert main(["embed", table, "--no-closure", "--weight", "n"]) == 0
    assert seen()["weights"].tolist() == [31.5, 2]  # nodes are numbered b, c, a


# --- embed: what it refuses ---


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no table of two columns separated by ','"),
        ("\n\n", "no table of two columns"),
        ("a\nb\n", "no table of two columns"),
        ("a\tb\n", "no table of two columns"),
        ("child,parent\n", "no edges below the header"),
        ("a,b\nb,c,d\n", "line 2 has 3 fields, the first line has 2"),
        ("a,b\n\nb\n", "line 3 has 1 fields, the first line has 2"),
        ("a,b\n,c\n", "line 2 has no child"),
        ("a,b\nb, \n", "line 2 has no parent"),
        ("a,b\nc,c\n", "line 2: 'c' is its own parent"),
        ("a,b\nb,c\nc,a\n", "a hierarchy has no cycle, this is one: 'a' -> 'b' -> 'c' -> 'a'"),
        ('a,"b\n', "unexpected end of data"),
        (b"a,b\n\xff,c\n", "can't decode byte 0xff"),
    ],
)
def test_bad_table(folder, capsys, text, message):
    (folder / "t.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert re.search(f"embed: error: t.csv: .*{re.escape(message)}", fails(capsys, "embed", "t.csv"))
    assert os.listdir(folder) == ["t.csv"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--child", "kind"], "no column 'kind' in its first line: child, parent"),
        (["--parent", "3"], "no column '3' in its first line"),
        (["--parent", "0"], "no column '0' in its first line"),
        (["--child", "parent"], "column 'parent' is both child and parent; name the other one too"),
        (["--weight", "parent"], "--weight needs --no-closure"),
        (["--weight", "parent", "--no-closure"], "line 2: weight 'family 0' is not a positive number"),
        (["--out", "x.json"], "unknown extension '.json', need one of .npz, .csv, .tsv, .txt"),
        (["--out", "edges.csv"], "--out edges.csv: would overwrite the input"),
        (["--out", "no/such/x.npz"], "--out: cannot write in no/such: No such file or directory"),
        (["--plot", "edges.csv/x.svg"], "--plot: cannot write in edges.csv: Not a directory"),
        (["--out", "x.txt"], "word2vec's format (--out .txt) has no place for the space in 'leaf 0'"),
        (["--plot", "x.gif"], "unknown extension '.gif', need one of .svg, .png, .pdf"),
        (["--plot", "x.svg", "--manifold", "euclidean"], "--plot draws the hyperbolic plane"),
        (["--plot", "x.svg", "--dim", "1"], "--plot draws the hyperbolic plane"),
        (["--dim", "0"], "argument --dim: must be at least 1"),
        (["--dim", "2.5"], "argument --dim: '2.5' is not a whole number"),
        (["--epochs", "-1"], "argument --epochs: '-1' is not a whole number"),
        (["--seed", "x"], "argument --seed: 'x' is not a whole number"),
        (["--manifold", "torus"], "argument --manifold: invalid choice: 'torus'"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
    ],
)
def test_bad_option(folder, edges, capsys, options, message):
    assert message in fails(capsys, "embed", edges, *options)
    assert os.listdir(folder) == [edges]


@pytest.mark.parametrize("weight", ["0", "-1", "nan", "inf", "many", ""])
def test_bad_weight(folder, capsys, weight):
    table = write_table(folder / "t.csv", [("a", "b", "1"), ("b", "c", weight)])
    line = fails(capsys, "embed", table, "--weight", "3", "--no-closure")
    assert f"line 2: weight {weight!r} is not a positive number" in line


def test_bad_file(folder, capsys):
    assert "No such file or directory: 'nothere.csv'" in fails(capsys, "embed", "nothere.csv")
    (folder / "folder.csv").mkdir()
    assert "Is a directory: 'folder.csv'" in fails(capsys, "embed", "folder.csv")
    (folder / "t.xlsx").touch()
    assert "t.xlsx: unknown extension '.xlsx', need one of .csv, .tsv" in fails(capsys, "embed", "t.xlsx")


def test_no_command(capsys):
    assert "the following arguments are required: COMMAND" in fails(capsys)


# --- failures while writing ---


@pytest.mark.parametrize("existing", [None, b"an earlier result"])
def test_a_failed_write_leaves_what_was_there(folder, edges, capsys, monkeypatch, existing):
    def half(self, path):
        path.write_bytes(b"half a fi")
        raise OSError(28, "No space left on device", str(path))

    monkeypatch.setattr(hypergeom.embed.HyperbolicEmbedding, "save", half)
    if existing:
        (folder / "edges.npz").write_bytes(existing)
    assert main(["embed", edges, *QUICK]) == 2
    assert "No space left on device" in capsys.readouterr().err
    assert set(os.listdir(folder)) == ({edges, "edges.npz"} if existing else {edges})
    assert not existing or (folder / "edges.npz").read_bytes() == existing


def test_a_picture_that_fails_leaves_no_coordinates(folder, edges, monkeypatch):
    import hypergeom.plot

    def interrupted(*args, path, **options):
        path.write_bytes(b"half a pi")
        raise KeyboardInterrupt

    monkeypatch.setattr(hypergeom.plot, "disk", interrupted)
    assert main(["embed", edges, *QUICK, "--plot", "x.svg"]) == 130
    assert os.listdir(folder) == [edges]


@pytest.mark.skipif(os.name != "posix", reason="sends SIGINT")
def test_ctrl_c_while_training(folder, edges):
    command = "import sys; from hypergeom.cli import main; sys.exit(main())"
    with subprocess.Popen(
        [sys.executable, "-P", "-c", command, "embed", edges, "--epochs", "1000000000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert "15 nodes" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err.endswith("hypergeom embed: interrupted\n")
    assert "Traceback" not in err
    assert os.listdir(folder) == [edges]


# --- demo and info ---


def test_demo(folder, capsys):
    assert main(["demo", "--out", "pictures"]) == 0
    out = capsys.readouterr().out
    assert "1,180 nodes, 6,540 edges" in out
    rows = [line.split() for line in out.splitlines() if re.match(r"(poincare|lorentz) ", line)]
    measured = {(row[0], int(row[1])): (float(row[4]), float(row[5])) for row in rows}
    assert measured.keys() == {("poincare", 10), ("poincare", 5), ("lorentz", 2)}
    for mean_rank, mean_average_precision in measured.values():
        assert 1 <= mean_rank < 5
        assert 0.8 < mean_average_precision <= 1
    mean_rank, mean_average_precision = measured["poincare", 10]
    assert mean_rank <= 1.15
    assert mean_average_precision >= 0.96
    assert "1.26  0.927  Nickel & Kiela 2017" in out
    assert out.endswith("wrote pictures/mammals.svg and pictures/mammals.png\n")
    assert set(os.listdir(folder / "pictures")) == {"mammals.svg", "mammals.png"}


def test_demo_into_a_file(folder, edges, capsys):
    assert "File exists: 'edges.csv'" in fails(capsys, "demo", "--out", edges)


def test_info(capsys):
    before = set(sys.modules)
    assert main(["info"]) == 0
    assert not {"cupy", "torch", "jax", "dask"} & (set(sys.modules) - before)
    lines = dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())
    assert lines["numpy"] == np.__version__
    assert int(lines["threads"]) >= 1
    assert {"hypergeom", "python", "scipy", "cupy", "torch", "jax", "dask", "instruction"} <= set(lines)
