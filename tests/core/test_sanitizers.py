"""The embedding kernels, compiled with the compiler's sanitizers into a program of their own."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SOURCES = [
    HERE / "embedding.cpp",
    ROOT / "src_c" / "cpu" / "embedding_trainer.cpp",
    ROOT / "src_c" / "cpu" / "rank_evaluation.cpp",
]


@pytest.mark.parametrize(
    ("sanitizers", "threads"),
    [("address,undefined", ("3", "3")), ("thread", ("3", "1"))],  # the trainer's threads race by design
)
def test_sanitizers_are_silent(sanitizers, threads, tmp_path):
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("c++")
    if not compiler or os.uname().sysname != "Linux":
        pytest.skip("needs a C++ compiler on Linux")
    flags = ["-std=c++17", "-O1", "-g", "-Wno-psabi", f"-fsanitize={sanitizers}", "-fno-sanitize-recover=all"]
    folders = [f"-I{ROOT / 'src_c'}", f"-I{ROOT / 'src_c' / 'include'}"]
    program = tmp_path / "embedding"
    built = subprocess.run(
        [*compiler.split(), *flags, *folders, *map(str, SOURCES), "-pthread", "-o", program],
        capture_output=True,
        text=True,
    )
    if "cannot find" in built.stderr and "san" in built.stderr:
        pytest.skip(f"the compiler has no runtime for -fsanitize={sanitizers}")
    assert built.returncode == 0, built.stderr
    done = subprocess.run([program, *threads], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "done\n"
