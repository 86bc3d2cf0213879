"""The compiled loops give the same bits on every instruction set."""

import os
import subprocess
import sys

import pytest

from hypergeom._core import gufuncs

# Prints a hash of the results of all row functions on random rows, in several dimensions and both dtypes.
SCRIPT = """
import hashlib
import numpy as np
from hypergeom import lorentz, poincare
from hypergeom._core import gufuncs
from hypergeom._rows import row_ops

print(gufuncs.ISA)
rng = np.random.default_rng(5)
for name, op in sorted(row_ops.items()):
    if op.groups:  # test_means.py has them
        continue
    digest = hashlib.sha256()
    for d in (1, 2, 5, 8, 19):
        for dtype in (np.float32, np.float64):
            args = []
            for axis in op.inputs[:-1]:
                a = rng.normal(size=(21, d + (axis == "n")) if axis else 21) / np.sqrt(d) / 2
                a = a * 10.0 ** rng.integers(-3, 1, (21, 1) if axis else 21)
                if axis == "n" and dtype == np.float64:
                    a[::6] *= 1e200  # whose squares overflow
                args.append((lorentz.project(a, 0.8) if axis == "n" else a).astype(dtype))
            results = op.gufunc(*args, 0.8)
            for result in results if isinstance(results, tuple) else (results,):
                digest.update(np.where(np.isnan(result), 7, result).tobytes())
    print(name, digest.hexdigest())
"""


def run(isa, script=SCRIPT):
    environment = os.environ | {"HYPERGEOM_ISA": isa}
    return subprocess.run([sys.executable, "-P", "-c", script], env=environment, capture_output=True, text=True)


@pytest.fixture(scope="module")
def best():
    done = run(gufuncs.ISA)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("isa", ["baseline", "v3"])
def test_instruction_sets_give_the_same_bits(isa, best):
    done = run(isa)
    if "needs an instruction set of this machine" in done.stderr:
        pytest.skip(f"this machine has no {isa}")
    assert done.returncode == 0, done.stderr
    name, *lines = done.stdout.splitlines()
    assert name == isa
    assert lines == best[1:]


def test_unknown_instruction_set_is_an_error():
    done = run("v9", "import hypergeom")
    assert done.returncode != 0
    assert "HYPERGEOM_ISA=v9: needs an instruction set of this machine: v4, v3 or baseline" in done.stderr
