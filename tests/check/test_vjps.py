"""`check_vjp`: right cotangents pass, and of wrong ones the argument is named."""

import numpy as np
import pytest

from hypergeom import lorentz, poincare, polar
from hypergeom.check import check_vjp
from hypergeom.errors import CheckError


def product(a, b, *, scale=1.0):
    return scale * (a @ np.sin(b))


def product_vjp(g, a, b, *, scale=1.0):
    return scale * g @ np.sin(b).T, scale * np.cos(b) * (a.T @ g)


def product_jvp(a, b, da, db, *, scale=1.0):
    return scale * (da @ np.sin(b) + a @ (np.cos(b) * db))


@pytest.fixture
def matrices(rng):
    return rng.normal(size=(4, 4)), rng.normal(size=(4, 4))


@pytest.mark.parametrize("method", ["auto", "adjoint", "complex", "difference"])
def test_right_ones_pass(method, matrices, rng):
    jvp = product_jvp if method == "adjoint" else None
    found = check_vjp(product, product_vjp, matrices, f_jvp=jvp, method=method, kwargs={"scale": 2.5}, rng=rng)
    assert found.passed, found
    assert found.method == ("complex" if method == "auto" else method) and list(found.errors) == [0, 1]
    found.raise_if_failed()


@pytest.mark.parametrize("method", ["adjoint", "complex", "difference"])
@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.parametrize(
    "spoil",
    [lambda bar: 1.0001 * bar, lambda bar: -bar, lambda bar: bar.T, lambda bar: bar[:3], lambda bar: bar * np.nan],
    ids=["factor", "sign", "transposed", "shape", "nan"],
)
def test_the_wrong_one_is_named(spoil, which, method, matrices, rng):
    def wrong(g, a, b):
        bars = list(product_vjp(g, a, b))
        bars[which] = spoil(bars[which])
        return tuple(bars)

    found = check_vjp(product, wrong, matrices, f_jvp=product_jvp, method=method, rng=rng)
    assert not found.passed
    assert [k for k, error in found.errors.items() if not error <= found.tolerance] == [which]
    assert f"argument {which}: error" in str(found) and "<- wrong" in str(found)
    with pytest.raises(CheckError, match="FAILED"):
        found.raise_if_failed()
    assert check_vjp(product, wrong, matrices, wrt=[1 - which], method="difference", rng=rng).passed


@pytest.mark.parametrize("space", [poincare, lorentz])
@pytest.mark.parametrize("name", ["dist", "exp", "log", "transport", "exp_transport"])
def test_row_functions(space, name, rng):
    n = 4 if space is lorentz else 3

    def points():
        v = 0.6 * rng.normal(size=(5, 3))
        x = poincare.exp0(v, 0.8)
        return poincare.to_lorentz(x, 0.8) if space is lorentz else x

    u, v = rng.normal(size=(2, 5, n)) / 2
    args = {"dist": (points(), points()), "exp": (points(), u), "log": (points(), points())}
    args |= {"transport": (points(), points(), u), "exp_transport": (points(), u, v)}
    f, f_vjp = getattr(space, name), getattr(space, f"{name}_vjp")
    found = check_vjp(f, f_vjp, (*args[name], 0.8), rng=rng)
    assert found.passed, found
    assert found.method == "difference" and len(found.errors) == len(args[name]) + 1  # c is a float among them


def test_functions_of_singular_values(rng):
    a = rng.normal(size=(3, 6, 4))
    found = check_vjp(polar.msign, polar.msign_vjp, (a,), f_jvp=polar.msign_jvp, rng=rng)
    assert found.passed and found.method == "adjoint"


def test_what_is_not_analytic_betrays_itself(rng):
    """Absolute values, conjugates and comparisons go through the complex step, and give nonsense there."""
    x = rng.uniform(0.5, 2, size=6) * [1, -1, 1, 1, -1, -1]
    cases = {
        "abs": (np.abs, lambda g, x: g * np.sign(x)),
        "conj": (lambda x: np.conj(x) * x, lambda g, x: 2 * g * x),
        "relu": (lambda x: np.where(x.real > 0, np.abs(x), 0.0), lambda g, x: g * (x > 0)),
    }
    for f, f_vjp in cases.values():
        found = check_vjp(f, f_vjp, (x,), rng=rng)
        assert found.passed and found.method == "difference"
    forced = check_vjp(*cases["abs"], (x,), method="complex", rng=rng)
    assert not forced.passed


def test_complex_arguments(rng):
    a, b = rng.normal(size=(2, 3, 3)) + 1j * rng.normal(size=(2, 3, 3))

    def f_vjp(g, a, b):
        return g @ b.conj().T, a.conj().T @ g

    assert check_vjp(lambda a, b: a @ b, f_vjp, (a, b), rng=rng).passed
    forgotten = check_vjp(lambda a, b: a @ b, lambda g, a, b: (g @ b.T, a.conj().T @ g), (a, b), rng=rng)
    assert forgotten.errors[0] > 1e-3 and forgotten.errors[1] < 1e-9
    real = check_vjp(lambda a: np.abs(a) ** 2, lambda g, a: 2 * g * a, (a,), rng=rng)
    assert real.passed
    with pytest.raises(ValueError, match="needs real arguments"):
        check_vjp(lambda a: a, lambda g, a: g, (a,), method="complex")


def test_single_precision(rng):
    a, b = (rng.normal(size=(4, 4)).astype(np.float32) for _ in range(2))
    found = check_vjp(product, product_vjp, (a, b), rng=rng)
    assert found.passed and found.tolerance == 1e-4
    assert not check_vjp(product, lambda g, a, b: (product_vjp(g, a, b)[0] * 1.01, b), (a, b), rng=rng).passed


def test_other_arguments_and_libraries(rng):
    torch = pytest.importorskip("torch")

    def f(x, power, name):
        return x**power

    found = check_vjp(f, lambda g, x, power, name: 3 * g * x**2, (rng.normal(size=4), 3, "cube"), rng=rng)
    assert found.passed and list(found.errors) == [0]
    x = torch.asarray(rng.normal(size=4))
    assert check_vjp(lambda x: torch.sin(x), lambda g, x: g * torch.cos(x), (x,), rng=rng).passed
    assert check_vjp(lambda t: np.float64(t) ** 2, lambda g, t: 2 * g * t, (1.5,), rng=rng).passed


@pytest.mark.parametrize(
    ("args", "options", "match"),
    [
        ((np.ones(2),), {"method": "adjoint"}, "needs f_jvp"),
        ((np.ones(2),), {"method": "best"}, "method must be one of"),
        ((3, "text"), {}, "needs an array"),
        ((np.ones(2), np.ones(2)), {}, "a cotangent for each of 2 arrays"),
        ((np.array([np.nan, 1.0]),), {}, "finite"),
        ((np.ones(2),), {"wrt": [1]}, "wrt must name some of"),
        ((np.ones(2),), {"samples": 0}, "samples"),
    ],
)
def test_bad_input(args, options, match):
    with pytest.raises(ValueError, match=match):
        check_vjp(lambda x, *rest: x, lambda g, *rest: g, args, **options)
