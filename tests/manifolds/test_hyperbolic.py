"""The two models of hyperbolic space: the same mathematics as `hypergeom.poincare` and `hypergeom.lorentz`."""

import numpy as np
import pytest

from hypergeom import lorentz, poincare
from hypergeom.errors import NotOnManifoldError
from hypergeom.manifolds import Lorentz, PoincareBall

# methods that hand their arguments on, and how many points and tangents they take
DELEGATED = {
    "exp": 2, "log": 2, "dist": 2, "inner": 3, "norm": 2, "transport": 3, "exp_transport": 3, "retract": 2,
    "project": 1, "project_tangent": 2, "egrad2rgrad": 2,
}  # fmt: skip


@pytest.mark.parametrize("method", DELEGATED)
@pytest.mark.parametrize(("manifold", "module"), [(PoincareBall(0.7), poincare), (Lorentz(0.7), lorentz)])
def test_methods_are_the_functions(rng, manifold, module, method):
    x = manifold.random_point((5, 3), rng=rng)
    y, v, u = manifold.random_point((5, 3), rng=rng), manifold.random_tangent(x, rng=rng), rng.normal(size=(5, 3))
    args = {"log": (x, y), "dist": (x, y), "transport": (x, y, v)}.get(method, (x, v, u)[: DELEGATED[method]])
    for got, expected in zip(
        np.atleast_1d(getattr(manifold, method)(*args)), np.atleast_1d(getattr(module, method)(*args, 0.7)), strict=True
    ):
        np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize(("manifold", "module"), [(PoincareBall(0.7), poincare), (Lorentz(0.7), lorentz)])
def test_geodesic_is_the_function(rng, manifold, module):
    x, y = manifold.random_point((2, 5, 3), rng=rng)
    for t in (0.3, rng.random(5)):
        np.testing.assert_array_equal(manifold.geodesic(x, y, t), module.geodesic(x, y, t, 0.7))


def test_models_have_the_same_hessian(rng):
    """Of one function in both charts: on tangent vectors that correspond, their quadratic forms agree."""
    c = 0.6
    ball, hyperboloid = PoincareBall(c), Lorentz(c)
    y = ball.random_point((20, 3), rng=rng)
    v = ball.random_tangent(y, rng=rng)
    g = 1 - c * np.sum(y * y, axis=-1, keepdims=True)
    x = np.concatenate([(2 - g) / g / np.sqrt(c), 2 * y / g], axis=-1)
    yv = np.sum(y * v, axis=-1, keepdims=True)
    pushed = 2 / g * v + 4 * c * yv / g**2 * y
    u = np.concatenate([np.sum(x[:, 1:] * pushed, axis=-1, keepdims=True) / x[:, :1], pushed], axis=-1)

    # f = w . x + (w . x)^2 of the spatial part, and of it as a function of y by the chain rule
    w = rng.normal(size=3)
    s = x[:, 1:] @ w
    G = np.concatenate([np.zeros((20, 1)), (1 + 2 * s)[:, None] * w], axis=-1)
    H = np.concatenate([np.zeros((20, 1)), 2 * (pushed @ w)[:, None] * w], axis=-1)
    flat = hyperboloid.ehess2rhess(x, G, H, u)
    one = np.sum(flat[:, 1:] * u[:, 1:], axis=-1) - flat[:, 0] * u[:, 0]

    def gradient(y):
        g = 1 - c * np.sum(y * y, axis=-1, keepdims=True)
        yw = (y @ w)[:, None]
        return (1 + 4 * yw / g) * (2 / g * w + 4 * c * yw / g**2 * y)

    steps = {1: 4 / 5, 2: -1 / 5, 3: 4 / 105, 4: -1 / 280}
    h = 1e-3 * g
    hv = sum(a * (gradient(y + k * h * v) - gradient(y - k * h * v)) for k, a in steps.items()) / h
    two = np.sum(ball.ehess2rhess(y, gradient(y), hv, v) * v, axis=-1) * 4 / g[:, 0] ** 2
    np.testing.assert_allclose(one, two, rtol=1e-8, atol=1e-8 * np.abs(one).max())


@pytest.mark.parametrize("c", [0.5, 1.0, 3.0])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_ball_decides_its_rim_as_the_functions_do(rng, c, dtype):
    x = rng.normal(size=(4000, 3)).astype(dtype)
    x /= np.sqrt(c) * np.linalg.norm(x, axis=-1, keepdims=True)  # on the rim, but for rounding
    inside = np.isfinite(poincare.dist0(x, c))
    assert 0 < np.count_nonzero(inside) < len(x)
    PoincareBall(c).check(x[inside])
    for row in x[~inside][:50]:
        with pytest.raises(NotOnManifoldError) as caught:
            PoincareBall(c).check(row)
        assert 0 < caught.value.residual < 1e-6 and caught.value.tolerance == 0
    PoincareBall(c).check(x, atol=1e-6)


def test_ball_names_the_row_farthest_outside():
    with pytest.raises(
        NotOnManifoldError, match=r"the Poincaré ball with c = 1 at index \(1,\): residual 1 above"
    ) as caught:
        PoincareBall().check([[1.5, 0.0], [0.0, 2.0], [0.9, 0.0]])
    assert caught.value.index == (1,)
    with pytest.raises(NotOnManifoldError) as caught:
        PoincareBall().check([[1.5, 0.0], [0.0, np.nan]], atol=1.0)
    assert (caught.value.index, caught.value.residual) == ((1,), np.inf)


def test_hyperboloid_is_checked_relative_to_its_size(rng):
    for R in (0.0, 1.0, 30.0, 300.0):
        x = Lorentz().project(np.array([0.0, np.sinh(R), 0.5]))
        Lorentz().check(x)
        off = x * np.array([1 + 1e-6, 1, 1])
        with pytest.raises(NotOnManifoldError) as caught:
            Lorentz().check(off)
        assert caught.value.residual == pytest.approx(1e-6, rel=1e-6)
        Lorentz().check(off, atol=1.1e-6)
    with pytest.raises(NotOnManifoldError) as caught:
        Lorentz().check([[1.25, 0.75], [-1.25, 0.75]])
    assert (caught.value.index, caught.value.residual) == ((1,), 2)


def test_tangents_of_the_hyperboloid():
    x = Lorentz().project([0.0, 0.75])
    Lorentz().check_tangent(x, [0.6, 1.0])
    Lorentz().check_tangent(x, [0.0, 0.0])
    for v, residual in (([0.7, 1.0], 0.1), ([0.1, 0.0], np.inf), ([np.nan, 1.0], np.inf)):
        with pytest.raises(NotOnManifoldError, match="a tangent vector of the hyperboloid") as caught:
            Lorentz().check_tangent(x, v)
        assert caught.value.residual == pytest.approx(residual)


@pytest.mark.parametrize("manifold", [PoincareBall(0.6), Lorentz(0.6)])
def test_random_vectors_have_the_length_of_the_normal_ones(manifold):
    entries = 3 + isinstance(manifold, Lorentz)
    z = np.random.default_rng(7).standard_normal((50, entries))[:, -3:]
    o = manifold.origin((50, entries))
    if isinstance(manifold, PoincareBall):
        np.testing.assert_allclose(
            manifold.dist(o, manifold.random_point((50, 3), rng=7)), np.linalg.norm(z, axis=-1), rtol=1e-13
        )
        x = np.random.default_rng(1).uniform(-0.7, 0.7, (50, 3))
        v = manifold.random_tangent(x, rng=7)
        gap = 1 - 0.6 * np.sum(x * x, axis=-1)
        np.testing.assert_allclose(2 / gap * np.linalg.norm(v, axis=-1), np.linalg.norm(z, axis=-1), rtol=1e-13)
    else:
        np.testing.assert_allclose(
            manifold.dist(o, manifold.random_point((50, 4), rng=7)), np.linalg.norm(z, axis=-1), rtol=1e-13
        )
        x = manifold.project(np.random.default_rng(1).normal(size=(50, 4)) * 5)
        v = manifold.random_tangent(x, rng=7)
        z = np.random.default_rng(7).standard_normal((50, 3))
        square = np.sum(v[:, 1:] ** 2, axis=-1) - v[:, 0] ** 2
        np.testing.assert_allclose(square, np.sum(z * z, axis=-1), rtol=1e-11)


@pytest.mark.parametrize("cls", [PoincareBall, Lorentz])
def test_bad_curvature(cls):
    for c in (-1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match=rf"{cls.__name__}: c must be .* and finite .*, got"):
            cls(c)
    for c in ("1", None, True, np.ones(2), 1j):
        with pytest.raises(TypeError, match=rf"{cls.__name__}: c must be a number, got"):
            cls(c)
    assert cls(np.float32(0.5)) == cls(0.5)
    assert type(cls(np.float64(0.5)).c) is type(cls(2).c) is float


def test_flat_limit():
    assert PoincareBall(0).dist([0.0, 0.0], [3.0, 4.0]) == 10
    PoincareBall(0).check([1e200, 0.0])
    with pytest.raises(ValueError, match="Lorentz: c must be positive"):
        Lorentz(0)
    with pytest.raises(ValueError, match=r"Lorentz\.check: points need at least 2 entries"):
        Lorentz().check([1.0])
