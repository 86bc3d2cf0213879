"""The loops of the row functions, compiled with AddressSanitizer and UBSan, on ragged sizes and any layout.

Two chapters have all kinds of arguments. What the formulas of the others read is checked where they run as CUDA
kernels.
"""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import numpy as np
import pytest

from hypergeom._core import gufuncs

SOURCES = Path(__file__).parents[2] / "src_c"
FLAGS = {"baseline": [], "v3": ["-march=x86-64-v3"], "v4": ["-march=x86-64-v4"]}
SCRIPT = """
import importlib.util, sys
import numpy as np
spec = importlib.util.spec_from_file_location("gufuncs", sys.argv[1])
gufuncs = importlib.util.module_from_spec(spec)
spec.loader.exec_module(gufuncs)
rng = np.random.default_rng(3)
functions = [f for f in vars(gufuncs).values() if isinstance(f, np.ufunc)]
for f in functions:
    cores = [core.strip("()") for core in f.signature.partition("->")[0].split(",")]
    for d in (1, 2, 7, 8, 9, 17, 300):
        for rows in (0, 1, 3, 8, 9, 17):
            for dtype in (np.float32, np.float64):
                args = []
                for core in cores[:-1]:
                    shape = (rows, d + (core == "n")) if core else (rows,)
                    a = np.empty(shape, dtype)  # an allocation of its own: its ends are guarded
                    a[...] = rng.normal(size=shape) / np.sqrt(d) / 2
                    args.append(a)
                f(*args, rng.uniform(0.5, 1, rows))
                f(*(a[::-1].copy()[::-1] for a in args), 0.5)
                f(*(np.asfortranarray(a) for a in args), np.full(rows, -1.0))
print(len(functions), "done")
"""


def run(command, **options):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, **options)
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]
    return done.stdout


@pytest.mark.slow
def test_sanitizers_are_silent(tmp_path):
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("c++")
    if not compiler or os.uname().sysname != "Linux":
        pytest.skip("needs a C++ compiler on Linux")
    compiler = compiler.split()
    runtime = run([*compiler, "-print-file-name=libasan.so"]).strip()
    if not Path(runtime).is_absolute():
        pytest.skip("the C++ compiler has no AddressSanitizer")
    isa = gufuncs.ISA
    flags = ["-std=gnu++17", "-O1", "-g", "-fPIC", "-Wno-psabi", "-fno-math-errno", "-ffp-contract=off"]
    flags += ["-fsanitize=address,undefined", "-fno-sanitize-recover=undefined"]
    folders = [SOURCES / "include", SOURCES / "cpu", tmp_path, np.get_include(), sysconfig.get_path("include")]
    flags += [f"-I{folder}" for folder in folders]
    tables = [SOURCES / "include" / "hypergeom" / space / "metric.def" for space in ("poincare", "lorentz")]
    objects, lines = [], []
    for table in tables:
        space, chapter = table.parent.name, table.stem
        target = tmp_path / f"{space}_{chapter}.o"
        own = [f"-DHG_SPACE={space}", f"-DHG_CHAPTER={chapter}", f"-DHG_ISA={isa}"]
        own += [
            f'-DHG_{kind}="hypergeom/{space}/{chapter}.{end}"' for kind, end in (("HEADER", "hpp"), ("TABLE", "def"))
        ]
        run([*compiler, *flags, *FLAGS[isa], *own, "-c", SOURCES / "cpu" / "row_ops.cpp", "-o", target])
        objects.append(target)
        lines.append(f"HG_CHAPTER(isa, {space}, {chapter})")
    (tmp_path / "row_chapters.h").write_text(
        f"#define HG_CHAPTERS(isa) {' '.join(lines)}\n#define HG_ISAS(X) X({isa})\n"
    )
    module = tmp_path / "gufuncs.so"
    run([*compiler, *flags, "-shared", SOURCES / "cpu" / "gufuncs.cpp", *objects, "-o", module])
    options = {"LD_PRELOAD": runtime, "ASAN_OPTIONS": "detect_leaks=0", "PYTHONMALLOC": "malloc"}
    printed = run([sys.executable, "-c", SCRIPT, module], env=os.environ | options)
    assert printed.endswith("done\n")
