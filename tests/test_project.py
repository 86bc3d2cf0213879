"""The files around the code agree with it, and with each other."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SUFFIXES = (".py", ".pyi", ".pyx", ".hpp", ".h", ".cpp", ".cu", ".cuh")
MODULES = [path.relative_to(ROOT) for path in sorted((ROOT / "hypergeom").rglob("*.py"))]


def read(path):
    return (ROOT / path).read_text(encoding="utf-8")


def source_files():
    folders = ("hypergeom", "src_c", "src_cuda", "tests", "asv_benchmarks", "docs")
    files = (path for folder in folders for path in sorted((ROOT / folder).rglob("*")))
    return [path for path in files if path.suffix in SUFFIXES and "generated" not in path.parts]


def test_one_version():
    version = tomllib.loads(read("pyproject.toml"))["project"]["version"]
    assert f"version: '{version}'," in read("meson.build")
    assert re.search(rf"^## \[{re.escape(version)}\]", read("CHANGELOG.md"), re.M)


def test_ci_runs_the_commands_of_the_readme():
    commands = ("pip install . && hypergeom demo", "pip install '.[test]' && pytest")
    for command in commands:
        assert f"\n{command}\n" in read("README.md")
        assert f"\n({command})\n" in read(".ci/run")


def test_files_are_short():
    lengths = {path.relative_to(ROOT): len(path.read_text().splitlines()) for path in source_files()}
    assert {path: n for path, n in lengths.items() if n > 620} == {}


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_functions_are_short(module):
    for node in ast.walk(ast.parse(read(module))):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
            assert body[-1].end_lineno - body[0].lineno < 62, node.name


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_imports_run_one_way(module):
    """Nobody imports a private name of a module beside it, and only the seam knows where kernels are."""
    for node in ast.walk(ast.parse(read(module))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("hypergeom."):
            private = [alias.name for alias in node.names if alias.name.startswith("_")]
            assert private == [], f"{node.module}: {private}"
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        assert "cupy" not in names or module.parent.name == "_cuda"


@pytest.mark.parametrize("k", range(6))
def test_examples_of_the_readme_run(k, tmp_path):
    blocks = re.findall(r"^```python\n(.*?)^```", read("README.md"), re.M | re.S)
    assert len(blocks) == 6
    command = [sys.executable, "-W", "error", "-c", blocks[k]]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
