"""Numbers of wide range: every operation is that of float64 with exponents that do not end."""

import ctypes
import os
import shutil
import subprocess
from pathlib import Path

import mpmath as mp
import numpy as np
import pytest

HERE = Path(__file__).parent
SOURCES = HERE.parents[1] / "src_c"
NUMBER = np.dtype([("m", float), ("e", np.int64)])


@pytest.fixture(scope="module")
def core(tmp_path_factory):
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("c++")
    if not compiler:
        pytest.skip("needs a C++ compiler")
    target = tmp_path_factory.mktemp("core") / "wide.so"
    flags = ["-std=gnu++17", "-O1", "-ffp-contract=off", "-shared", "-fPIC", f"-I{SOURCES / 'include'}"]
    command = [*compiler.split(), *flags, str(HERE / "wide.cpp"), "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(target))


def numbers(m, e=0):
    out = np.empty(np.shape(m), NUMBER)
    out["m"], out["e"] = m, e
    return out


def call(core, name, *args):
    args = [np.ascontiguousarray(a) for a in (*args, *args[:1], *args[:1])][:3]
    out = np.empty_like(args[0])
    core[f"{name}_wide"](*(a.ctypes.data_as(ctypes.c_void_p) for a in (*args, out)), ctypes.c_size_t(out.size))
    return out


def value(number):
    return mp.ldexp(mp.mpf(float(number["m"])), int(number["e"]))


def draw(rng, n, width):
    return numbers(rng.choice([-1, 1], n) * rng.uniform(1, 2, n), rng.integers(-width, width + 1, n))


ARITHMETIC = {
    "add": lambda x, y, z: x + y,
    "subtract": lambda x, y, z: x - y,
    "multiply": lambda x, y, z: x * y,
    "divide": lambda x, y, z: x / y,
    "fused": lambda x, y, z: mp.fdot([(x, y), (z, 1)]),
    "root": lambda x, y, z: mp.sqrt(abs(x)),
    "less": lambda x, y, z: mp.mpf(x < y),
    "most": lambda x, y, z: mp.mpf(x >= y),
    "equal": lambda x, y, z: mp.mpf(x == y),
}


@pytest.mark.parametrize("width", [1, 60, 300, 5000])
@pytest.mark.parametrize("name", ARITHMETIC)
def test_operations_round_once(core, name, width, rng):
    x, y, z = (draw(rng, 300, width) for _ in range(3))
    y[:20] = x[:20]
    z[20:120]["m"], z[20:120]["e"] = -x[20:120]["m"] * y[20:120]["m"], x[20:120]["e"] + y[20:120]["e"]  # cancels
    z[120:130]["m"] = 0
    got = call(core, name, x, y, z)
    with mp.workprec(53):
        for g, *args in zip(got, x, y, z, strict=True):
            assert value(g) == ARITHMETIC[name](*map(value, args)), (name, args)
            assert g["m"] == 0 or 1 <= abs(g["m"]) < 2


FUNCTIONS = {  # with the largest argument, as a power of ten, and units in the last place
    "exp": (mp.exp, 4, 2),
    "expm1": (mp.expm1, 4, 4),
    "log": (lambda x: mp.log(abs(x)), 2000, 2),
    "log1p": (mp.log1p, 2000, 2),
    "sinh": (mp.sinh, 4, 4),
    "cosh": (mp.cosh, 4, 4),
    "tanh": (mp.tanh, 4, 4),
    "asinh": (mp.asinh, 2000, 4),
    "asinh_ratio": (lambda q: mp.asinh(mp.sqrt(q)) / mp.sqrt(q), 2000, 8),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_reach_beyond_doubles(core, name, rng):
    truth, high, bar = FUNCTIONS[name]
    x = draw(rng, 300, 1)
    x["e"] = rng.uniform(-30, high / np.log10(2) - 1, 300).astype(int)
    if name in ("log", "log1p", "asinh", "asinh_ratio"):
        x["m"] = abs(x["m"])
    with mp.workdps(60):
        for g, v in zip(call(core, name, x), x, strict=True):
            right = truth(value(v))
            assert abs(value(g) - right) <= bar * 2.0**-52 * abs(right), (name, v)


def test_special_values(core):
    inf, nan = np.inf, np.nan
    x = numbers([inf, -inf, nan, 0.0, 1.0])
    one = numbers(np.ones(5))
    for name, expected in {
        "add": [inf, -inf, nan, 1, 2],
        "multiply": [inf, -inf, nan, 0, 1],
        "divide": [inf, -inf, nan, 0, 1],
        "fused": [inf, -inf, nan, 1, 2],
        "less": [0, 1, 0, 1, 0],
        "equal": [0, 0, 0, 0, 1],
        "exp": [inf, 0, nan, 1, np.e],
        "log": [inf, nan, nan, -inf, 0],
        "expm1": [inf, -1, nan, 0, np.e - 1],
        "tanh": [1, -1, nan, 0, np.tanh(1)],
        "asinh": [inf, nan, nan, 0, np.arcsinh(1)],
    }.items():
        got = [core_double(core, g) for g in call(core, name, x, one, one)]
        if name == "asinh":
            got[1] = nan  # of x >= 0
        np.testing.assert_allclose(got, expected, rtol=1e-15, err_msg=name)


def core_double(core, number):
    core.to_double.restype = ctypes.c_double
    return core.to_double(ctypes.c_double(number["m"]), ctypes.c_longlong(int(number["e"])))


def test_to_double_rounds_once(core, rng):
    for m, e in [*zip(rng.uniform(1, 2, 200), rng.integers(-1090, 1030, 200), strict=True), (1.5, -1200), (-1.5, 2000)]:
        expected = np.ldexp(m, e, dtype=float) if e < 1024 else np.copysign(np.inf, m)
        assert core_double(core, numbers(m, e)) == expected
