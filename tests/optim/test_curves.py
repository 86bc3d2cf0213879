"""Velocities of the curves that line searches follow, and second derivatives along them."""

import math

import numpy as np
import pytest
from backends import Backend
from manifolds.points import Cubic, difference, each, size, times
from manifolds.test_laws import TABLE, Case
from optim.problems import ambient

from hypergeom.errors import NotOnManifoldError
from hypergeom.manifolds import LorentzGroup, Sphere, Stiefel, Validating
from hypergeom.optim import retraction_curve
from hypergeom.optim.spaces import Geometry
from hypergeom.optim.trees import Layout


@pytest.mark.parametrize("name", TABLE)
def test_velocity_is_the_derivative(name, rng):
    case = Case(name, np, "float64", rng)
    m, x, v = case.manifold, case.x, case.tangent(0.5)
    for t in (-0.6, 0.0, 0.8):
        y, velocity = retraction_curve(m, x, v, t)
        m.check(y)
        m.check_tangent(y, velocity)

        def central(h, t=t):
            ahead, behind = (retraction_curve(m, x, v, t + s)[0] for s in (h, -h))
            return each(lambda a, b: (a - b) / (2 * h), ahead, behind)

        h = 4e-3
        rate = each(lambda a, b, c: (64 * a - 20 * b + c) / 45, central(h), central(2 * h), central(4 * h))
        assert difference(rate, ambient(m, y, velocity)) <= 1e-10 * size(rate)
    assert difference(retraction_curve(m, x, v, 0.0)[0], x) <= 1e-14 * size(x)
    assert difference(retraction_curve(m, x, v, 0.0)[1], v) <= 1e-13 * size(v)


@pytest.mark.parametrize(
    "name", ["stiefel", "stiefel polar", "euclidean stiefel qr", "lorentz group", "balanced group"]
)
def test_curve_is_that_of_the_retraction(name, rng):
    """Where the velocity is not the transported tangent: that would be off by far more than rounding."""
    case = Case(name, np, "float64", rng)
    m, x, v = case.manifold, case.x, case.v
    y, velocity = retraction_curve(m, x, v, 1.0)
    assert difference(y, m.retract(x, v)) == 0
    naive = v if isinstance(m, LorentzGroup) else m.project_tangent(y, v)
    assert difference(naive, velocity) > 1e-3 * size(v)


@pytest.mark.parametrize("backend", [Backend.ARRAY_API_STRICT, Backend.TORCH])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", TABLE)
def test_other_libraries_agree(name, backend, dtype, rng):
    case = Case(name, backend.library(), dtype, rng)
    t = case.cast(np.linspace(-1, 1, 6))  # one for each row
    y, velocity = retraction_curve(case.manifold, case.x, case.v, t)
    numpy = [each(lambda a: np.asarray(a).astype(float), point) for point in (case.x, case.v)]
    for ours, theirs in zip((y, velocity), retraction_curve(case.manifold, *numpy, np.asarray(t, float)), strict=True):
        assert difference(each(np.asarray, ours), theirs) <= 200 * case.eps * size(theirs)
        assert str(first(ours).dtype).endswith(dtype)


@pytest.mark.parametrize("name", TABLE)
def test_line_searches_follow_these_curves(name, rng):
    case = Case(name, np, "float64", rng)
    layout, x = Layout.of("x", case.x, case.manifold)
    v = layout.flatten("v", case.v)
    y, velocity = Geometry(layout).curve(x, v, 0.7)
    curve = retraction_curve(case.manifold, case.x, case.v, 0.7)
    for ours, theirs in zip((y, velocity), curve, strict=True):
        assert difference(layout.unflatten(ours), theirs) <= 1e-14 * size(theirs)


def first(point):
    return first(point[0]) if isinstance(point, tuple) else point


def test_rows_without_a_curve_are_nan():
    m = Stiefel()
    x = np.stack([np.eye(3, 2)] * 3)
    v = np.zeros_like(x)
    v[0, 0, 1], v[0, 1, 0] = 1, -1
    v[1] = np.nan
    y, velocity = retraction_curve(m, x, v, 0.5)
    for part in (y, velocity):
        assert np.isfinite(part[[0, 2]]).all() and np.isnan(part[1]).all()
    group = LorentzGroup(1, 1)
    boost = np.array([[0.0, 2.0], [2.0, 0.0]])  # the Cayley transform has a pole at t = 1
    y, velocity = retraction_curve(group, np.eye(2), boost, 1.0)
    assert np.isnan(y).all() and np.isnan(velocity).all()


def test_bad_input(rng):
    sphere = Sphere()
    x = sphere.random_point((3,), rng=rng)
    with pytest.raises(TypeError, match="needs a manifold"):
        retraction_curve(Sphere, x, x, 1.0)
    with pytest.raises(ValueError, match="shapes"):
        retraction_curve(sphere, x, x[:2], 1.0)
    with pytest.raises(NotOnManifoldError):
        retraction_curve(Validating(sphere), x, x, 1.0)
    v = sphere.random_tangent(x, rng=rng)
    assert difference(retraction_curve(Validating(sphere), x, v, 0.5)[1], retraction_curve(sphere, x, v, 0.5)[1]) == 0


# --- Hessians --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", TABLE)
def test_cubic_remainder_along_geodesics(name, rng):
    """f(exp(t v)) less its model of second order falls like t^3: any missing curvature term leaves t^2."""
    case = Case(name, np, "float64", rng)
    m, x, v = case.manifold, case.x, times(0.5, case.u)
    f = Cubic(case)
    g = f.gradient(x)
    slope = m.inner(x, m.egrad2rgrad(x, g), v)
    bend = m.inner(x, m.ehess2rhess(x, g, f.hessian(x, v), v), v)
    steps = np.array([4e-2, 2e-2, 1e-2, 5e-3])
    errors = np.array([np.abs(f(m.exp(x, times(t, v))) - f(x) - t * slope - t * t / 2 * bend).sum() for t in steps])
    assert np.polyfit(np.log(steps), np.log(errors), 1)[0] == pytest.approx(3, abs=0.15)


@pytest.mark.parametrize("name", TABLE)
def test_differences_of_gradients_are_the_hessian(name, rng):
    """To first order in the step, symmetric on every manifold: the connection is that of the metric, or symmetrized."""
    case = Case(name, np, "float64", rng)
    m, x, u, w = case.manifold, case.x, case.u, case.w
    f = Cubic(case)
    layout, leaves = Layout.of("x", x, m)
    geometry = Geometry(layout)

    def flat(point):
        return layout.flatten("point", point)

    def gradient(y):
        return geometry.gradient(y, flat(f.gradient(layout.unflatten(y))))

    def difference_along(v, h):
        step = [h * a for a in flat(v)]
        y = geometry.step(leaves, step)
        return geometry.covariant(leaves, step, y, gradient(leaves), gradient(y), h)

    exact = flat(m.ehess2rhess(x, f.gradient(x), f.hessian(x, u), u))
    size_of = geometry.norm(leaves, exact)
    misses = []
    for h in (1e-4, 5e-5):
        found = difference_along(u, h)
        misses.append(geometry.norm(leaves, [a - b for a, b in zip(found, exact, strict=True)]) / size_of)
    assert misses[0] <= 5e-3 and misses[1] <= 0.6 * misses[0] + 1e-9
    uw, wu = (geometry.inner(leaves, difference_along(a, 1e-6), flat(b)) for a, b in ((u, w), (w, u)))
    assert math.isclose(uw, wu, rel_tol=1e-3, abs_tol=1e-4 * size_of * geometry.norm(leaves, flat(w)))
