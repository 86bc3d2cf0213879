"""`check_gradient`: right gradients pass on every manifold, and wrong ones do not."""

import math

import numpy as np
import pytest
from manifolds.points import Cubic, leaves, times
from manifolds.test_laws import TABLE, Case

from hypergeom import lorentz, poincare
from hypergeom.check import check_gradient
from hypergeom.errors import CheckError, NotOnManifoldError
from hypergeom.manifolds import Lorentz, PoincareBall, Sphere, Stiefel


class Problem:
    """A smooth cost at a single point, so that an error of one entry is not lost among many."""

    def __init__(self, name, rng):
        case = Case(name, np, "float64", rng)
        self.f, self.x, self.manifold = Cubic(case), case.x, case.manifold

    def cost(self, x):
        return float(self.f(x).sum())

    def gradient(self, x):
        return self.f.gradient(x)

    def spoilt(self, x, factor):
        """One entry, the largest, times a factor."""
        g = self.gradient(x)
        parts = [np.array(a) for a in leaves(g)]
        k = int(np.argmax([np.max(np.abs(a)) for a in parts]))
        largest = np.unravel_index(np.argmax(np.abs(parts[k])), parts[k].shape)
        parts[k][largest] *= factor
        return rebuilt(g, iter(parts))


def rebuilt(point, parts):
    return tuple(rebuilt(part, parts) for part in point) if isinstance(point, tuple) else next(parts)


@pytest.mark.parametrize("seeds", [1, pytest.param(60, marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", TABLE)
def test_right_and_wrong_gradients(name, seeds, rng):
    for _ in range(seeds):
        p = Problem(name, rng)

        def check(gradient, p=p):
            return check_gradient(p.cost, gradient, p.x, manifold=p.manifold, rng=rng)

        right = check(p.gradient)
        assert right.passed, right
        assert right.discrepancy <= 1e-7 and (right.exact or right.slope > 1.9)
        right.raise_if_failed()
        assert not check(lambda x, p=p: times(1 + 2e-4, p.gradient(x))).passed
        assert not check(lambda x, p=p: p.spoilt(x, 1.01)).passed


def test_a_slope_alone_would_pass_it(rng):
    """Wrong by 2e-4: the error has slope 2 where steps are long."""
    a = rng.normal(size=5)
    found = check_gradient(
        lambda x: float(np.sum((x - a) ** 2)), lambda x: 2.0004 * (x - a), rng.normal(size=5), rng=rng
    )
    assert not found.passed and found.discrepancy > 1e-5
    with pytest.raises(CheckError, match="FAILED"):
        found.raise_if_failed()


@pytest.mark.parametrize("seed", range(10))
def test_distances(seed):
    """Hand-derived gradients of the library itself."""
    rng = np.random.default_rng(seed)
    for m, space in ((PoincareBall(0.7), poincare), (Lorentz(0.7), lorentz)):
        x, y = m.random_point((2, 5), rng=rng)
        found = check_gradient(
            lambda x, y=y, s=space: s.dist(x, y, 0.7) ** 2,
            lambda x, y=y, s=space: s.dist_vjp(2 * s.dist(x, y, 0.7), x, y, 0.7)[0],
            x,
            manifold=m,
            rng=rng,
        )
        assert found.passed, found


def test_trees_directions_and_both_at_once(rng):
    A = rng.normal(size=(4, 4))

    def both(x):
        y = A @ x["w"] + x["b"]
        return float(np.sum(y**3)), {"w": 3 * A.T @ y**2, "b": 3 * np.sum(y**2, axis=0)}

    x = {"w": Stiefel().random_point((4, 2), rng=rng), "b": rng.normal(size=2)}
    m = {"w": Stiefel(), "b": None}
    assert check_gradient(both, True, x, manifold=m, rng=rng).passed
    along = {"w": np.zeros((4, 2)), "b": np.array([2.0, 0.0])}
    found = check_gradient(both, True, x, manifold=m, direction=along)
    assert found.passed and found.directional_derivative == pytest.approx(both(x)[1]["b"][0], rel=1e-9)

    def wrong(x):
        value, g = both(x)
        return value, {"w": g["w"], "b": 1.001 * g["b"]}

    assert not check_gradient(wrong, True, x, manifold=m, direction=along).passed
    assert check_gradient(
        wrong, True, x, manifold=m, direction={"w": Stiefel().random_tangent(x["w"], rng=1), "b": np.zeros(2)}
    ).passed


def test_riemannian_gradients_must_be_tangent(rng):
    A, x = np.diag(np.arange(1.0, 6.0)), Sphere().random_point((5,), rng=rng)
    options = {"manifold": Sphere(), "gradient_kind": "riemannian", "rng": rng}
    right = check_gradient(lambda x: x @ A @ x, lambda x: 2 * Sphere().egrad2rgrad(x, A @ x), x, **options)
    assert right.passed and right.tangency <= 1e-14
    wrong = check_gradient(lambda x: x @ A @ x, lambda x: 2 * A @ x, x, **options)
    assert not wrong.passed and wrong.tangency > 0.1


def test_linear_costs_are_exact(rng):
    a = rng.normal(size=4)
    right = check_gradient(lambda x: a @ x, lambda x: a, rng.normal(size=4), rng=rng)
    assert right.passed and right.exact and math.isnan(right.slope) and "linear" in str(right)
    assert not check_gradient(lambda x: a @ x, lambda x: a * (1 + 1e-5), rng.normal(size=4), rng=rng).passed
    constant = check_gradient(lambda x: 3.0, lambda x: 0 * x, a, rng=rng)
    assert constant.passed and constant.exact
    assert not check_gradient(lambda x: 3.0 * x[0], lambda x: 0 * x, a, rng=rng).passed


@pytest.mark.parametrize("scale", [1e-8, 1.0, 1e8])
def test_scales_of_costs(scale, rng):
    A = rng.normal(size=(5, 5))
    for shift in (0.0, 3.0):
        f = lambda x, s=shift: scale * (float(np.sum(np.sin(A @ x))) + s)  # noqa: E731
        x = rng.normal(size=5)
        assert check_gradient(f, lambda x: scale * A.T @ np.cos(A @ x), x, rng=rng).passed
        assert not check_gradient(f, lambda x: scale * 1.001 * A.T @ np.cos(A @ x), x, rng=rng).passed


def test_costs_that_are_not_smooth(rng):
    """At a kink, at a wall, and where the cost is noise: no errors, and no pass."""
    for cost in (
        lambda x: float(np.sum(np.abs(x))),
        lambda x: 0.0 if not x.any() else math.nan,
        lambda x: 0.0 if not x.any() else math.inf,
        lambda x: 0.0 if not x.any() else float(np.random.default_rng(int(1e9 * abs(x[0]))).normal()),
    ):
        assert not check_gradient(cost, lambda x: np.ones(3), np.zeros(3), rng=rng).passed


def test_single_precision(rng):
    A = rng.normal(size=(5, 5)).astype(np.float32)
    x = Sphere().random_point((5,), rng=rng, like=A)
    cost = lambda x: float(x @ A @ x)  # noqa: E731
    assert check_gradient(cost, lambda x: (A + A.T) @ x, x, manifold=Sphere(), rng=rng).passed
    assert not check_gradient(cost, lambda x: 1.02 * (A + A.T) @ x, x, manifold=Sphere(), rng=rng).passed


@pytest.mark.parametrize("backend", ["array_api_strict", "torch"])
def test_other_libraries(backend, rng):
    xp = pytest.importorskip(backend)
    x, a = (xp.asarray(v) for v in Sphere().random_point((2, 4), rng=rng))
    found = check_gradient(
        lambda x: float(xp.sum((x - a) ** 4)), lambda x: 4 * (x - a) ** 3, x, manifold=Sphere(), rng=rng
    )
    assert found.passed


def test_plot(rng):
    import matplotlib

    matplotlib.use("agg")
    found = check_gradient(lambda x: float(np.sum(x**3)), lambda x: 3 * x**2, rng.normal(size=3), rng=rng)
    ax = found.plot()
    assert ax.get_title() == "passed" and len(ax.lines) == 2
    matplotlib.pyplot.close(ax.figure)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"x": np.ones(3)}, NotOnManifoldError, "unit sphere"),
        ({"cost": lambda x: math.nan}, ValueError, "must be finite at x"),
        ({"gradient": lambda x: x[:2]}, ValueError, "needs the shape"),
        ({"direction": np.zeros(3)}, ValueError, "positive and finite norm"),
        ({"direction": np.zeros(2)}, ValueError, "direction: needs the shape"),
        ({"samples": 0}, ValueError, "samples"),
        ({"gradient_kind": "other"}, ValueError, "gradient_kind"),
    ],
)
def test_bad_input(options, error, match):
    given = {"cost": lambda x: float(x[0]), "gradient": lambda x: np.eye(3)[0], "x": np.eye(3)[1]} | options
    with pytest.raises(error, match=match):
        check_gradient(given.pop("cost"), given.pop("gradient"), given.pop("x"), manifold=Sphere(), **given)
