"""exp, log and their kin of the core: units in the last place, the same bits in doubles and packs, exact sums."""

import ctypes
import itertools
import os
import re
import shutil
import subprocess
from fractions import Fraction
from pathlib import Path

import mpmath as mp
import numpy as np
import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
ISAS = {"baseline": [], "v3": ["-march=x86-64-v3"], "v4": ["-march=x86-64-v4", "-mprefer-vector-width=512"]}


def project_flags():
    """Those that meson.build compiles row functions with."""
    lists = re.findall(
        r"^(?:core|exact)_flags = cpp\.get_supported_arguments\((.+)\)$", (ROOT / "meson.build").read_text(), re.M
    )
    return [flag for text in lists for flag in re.findall(r"'(-[^']+)'", text)]


@pytest.fixture(scope="module", params=ISAS)
def core(request, tmp_path_factory):
    compiler = os.environ.get("CXX") or shutil.which("g++") or shutil.which("c++")
    if not compiler or os.uname().machine != "x86_64":
        pytest.skip("needs a C++ compiler on x86-64")
    cpu = Path("/proc/cpuinfo").read_text()
    if {"v3": "avx2", "v4": "avx512f"}.get(request.param, "") not in cpu:
        pytest.skip(f"this machine has no {request.param}")
    target = tmp_path_factory.mktemp("core") / "elementary.so"
    flags = [*project_flags(), *ISAS[request.param], "-std=gnu++17", "-O2", "-shared", "-fPIC", "-DHG_ISA=tested"]
    folders = [f"-I{ROOT / 'src_c'}", f"-I{ROOT / 'src_c' / 'include'}"]
    command = [*compiler.split(), *flags, *folders, str(HERE / "elementary.cpp"), "-o", str(target)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return ctypes.CDLL(str(target))


def call(core, name, x, kind):
    x = np.ascontiguousarray(x)
    assert x.size % core.lanes() == 0
    out = np.empty_like(x)
    pointer = ctypes.POINTER(ctypes.c_double)
    core[f"{name}_{kind}"](x.ctypes.data_as(pointer), out.ctypes.data_as(pointer), ctypes.c_size_t(x.size))
    return out


def ulps(got, truth):
    """Distance from the truth in units of the last place of the result."""
    with mp.workdps(60):
        unit = mp.mpf(float(np.spacing(abs(got))))
        return float(abs(mp.mpf(float(got)) - truth) / unit)


def exponents(rng, low, high, n):
    return 10.0 ** rng.uniform(low, high, n)


def ratio(f):
    return lambda q: f(mp.sqrt(q)) / mp.sqrt(q)


def slope(f):
    return lambda q: mp.diff(f, q, h=q * mp.mpf(10) ** -25)


# Of sinh_ratio no large arguments: there the rounding of sqrt(q) counts sqrt(q)-fold.
TRUTH = {
    "exp": (mp.exp, lambda r, n: r.uniform(-740, 709, n), 1),
    "expm1": (mp.expm1, lambda r, n: r.choice([-1, 1], n) * exponents(r, -300, 2.8, n), 2),
    "log": (mp.log, lambda r, n: np.where(r.random(n) < 0.5, exponents(r, -323, 308, n), r.uniform(0.5, 2, n)), 1),
    "log1p": (mp.log1p, lambda r, n: np.where(r.random(n) < 0.2, -r.random(n), exponents(r, -300, 308, n)), 1),
    "sinh": (mp.sinh, lambda r, n: r.choice([-1, 1], n) * exponents(r, -300, 2.8, n), 2),
    "cosh": (mp.cosh, lambda r, n: r.choice([-1, 1], n) * exponents(r, -300, 2.8, n), 2),
    "tanh": (mp.tanh, lambda r, n: r.choice([-1, 1], n) * exponents(r, -300, 2, n), 2),
    "asinh": (mp.asinh, lambda r, n: exponents(r, -300, 307, n), 2),
    "asinh_ratio": (ratio(mp.asinh), lambda r, n: exponents(r, -300, 300, n), 4),
    "theta_sinh_ratio": (lambda q: ratio(mp.asinh)(q) / mp.sqrt(1 + q), lambda r, n: exponents(r, -300, 150, n), 5),
    "sinh_ratio": (ratio(mp.sinh), lambda r, n: exponents(r, -300, 1, n), 6),
    "tanh_ratio": (ratio(mp.tanh), lambda r, n: exponents(r, -300, 5, n), 4),
    "atanh_ratio": (ratio(mp.atanh), lambda r, n: r.uniform(0, 1, n) * r.choice([1, 1e-3, 1e-30], n), 4),
}
SLOPES = {
    "asinh_ratio_slope": ("asinh_ratio", lambda r, n: exponents(r, -30, 20, n)),
    "theta_sinh_ratio_slope": ("theta_sinh_ratio", lambda r, n: exponents(r, -30, 20, n)),
    "sinh_ratio_slope": ("sinh_ratio", lambda r, n: exponents(r, -30, 1, n)),
    "tanh_ratio_slope": ("tanh_ratio", lambda r, n: exponents(r, -30, 4, n)),
    "atanh_ratio_slope": ("atanh_ratio", lambda r, n: r.uniform(0, 1, n) * r.choice([1, 1e-3, 1e-30], n)),
}


def functions():
    yield from TRUTH.items()
    for name, (of, draw) in SLOPES.items():
        yield name, (slope(TRUTH[of][0]), draw, 10)


@pytest.mark.parametrize(("name", "about"), list(functions()), ids=lambda a: a if isinstance(a, str) else "")
def test_last_place(core, name, about, rng):
    truth, draw, bar = about
    x = draw(rng, 400)
    got = call(core, name, x, "pack")
    np.testing.assert_array_equal(got, call(core, name, x, "double"))
    with mp.workdps(80):
        worst = max((ulps(g, truth(mp.mpf(float(v)))), v) for g, v in zip(got, x, strict=True) if np.isfinite(g))
    assert worst[0] <= bar, worst


def test_special_values(core):
    inf, nan = np.inf, np.nan
    expected = {
        "exp": {0.0: 1, inf: inf, -inf: 0, nan: nan, 800.0: inf, -800.0: 0, -745.0: 5e-324},
        "expm1": {0.0: 0, inf: inf, -inf: -1, nan: nan, 800.0: inf, -800.0: -1, 1e-310: 1e-310, -1e-310: -1e-310},
        "log": {0.0: -inf, 1.0: 0, inf: inf, -1.0: nan, nan: nan, -inf: nan, 5e-324: np.log(5e-324)},
        "log1p": {0.0: 0, inf: inf, -1.0: -inf, -2.0: nan, nan: nan, 1e-310: 1e-310, -1e-310: -1e-310},
        "sinh": {0.0: 0, inf: inf, -inf: -inf, nan: nan, 1e-310: 1e-310},
        "cosh": {0.0: 1, inf: inf, -inf: inf, nan: nan},
        "tanh": {0.0: 0, inf: 1, -inf: -1, nan: nan, 1e3: 1, 1e-310: 1e-310},
        "asinh": {0.0: 0, inf: inf, nan: nan, 1e-310: 1e-310, 1e200: np.arcsinh(1e200)},
        "asinh_ratio": {0.0: 1, nan: nan},
        "sinh_ratio": {0.0: 1, nan: nan},
        "tanh_ratio": {0.0: 1, nan: nan},
    }
    for name, values in expected.items():
        x = np.array([*values, *([0.0] * (-len(values) % 8))])
        for kind in ("double", "pack"):
            np.testing.assert_allclose(call(core, name, x, kind)[: len(values)], [*values.values()], rtol=4e-16)


def test_exact_sums_and_products(core, rng):
    """The project's flags must leave every rounding as it is written."""
    a, b = rng.normal(size=(2, 500)) * 10.0 ** rng.integers(-30, 30, (2, 500))
    hi, lo = ctypes.c_double(), ctypes.c_double()
    for (x, y), (name, exact) in itertools.product(
        zip(a, b, strict=True), {"exact_sum": Fraction.__add__, "exact_product": Fraction.__mul__}.items()
    ):
        core[name](ctypes.c_double(x), ctypes.c_double(y), ctypes.byref(hi), ctypes.byref(lo))
        assert Fraction(hi.value) + Fraction(lo.value) == exact(Fraction(x), Fraction(y))
