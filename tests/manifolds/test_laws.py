"""The laws that every manifold obeys, on every backend and in both dtypes: one table, one suite."""

import inspect
import itertools
import math
import pickle

import numpy as np
import pytest
from backends import Backend, host
from manifolds.points import Cubic, ambient, difference, each, leaves, row, size, times

from hypergeom.errors import NotOnManifoldError
from hypergeom.manifolds import (
    Euclidean,
    Lorentz,
    LorentzGroup,
    Manifold,
    PoincareBall,
    Product,
    Sphere,
    Stiefel,
    Validating,
)

# Name: manifold, shape of a batch of points, dimension, order of the retraction (None: it is exp)
TABLE = {
    "euclidean": (Euclidean(), (6, 3), 3, None),
    "sphere": (Sphere(), (6, 4), 3, 2),
    "circle": (Sphere(), (6, 2), 1, 2),
    "ball": (PoincareBall(), (6, 3), 3, 2),
    "flat ball": (PoincareBall(0.0), (6, 3), 3, None),
    "curved ball": (PoincareBall(2.5), (6, 2), 2, 2),
    "lorentz": (Lorentz(), (6, 4), 3, 2),
    "curved lorentz": (Lorentz(0.3), (6, 3), 2, 2),
    "stiefel": (Stiefel(), (6, 5, 2), 7, 1),
    "stiefel polar": (Stiefel(retraction="polar"), (6, 4, 2), 5, 1),
    "stiefel cayley": (Stiefel(retraction="cayley"), (6, 5, 2), 7, 2),
    "wide stiefel": (Stiefel(), (6, 4, 3), 6, 1),
    "orthogonal group": (Stiefel(retraction="cayley"), (6, 3, 3), 3, 2),
    "stiefel of one column": (Stiefel(), (6, 4, 1), 3, 2),
    "euclidean stiefel": (Stiefel("euclidean", "polar"), (6, 5, 2), 7, 2),
    "euclidean stiefel qr": (Stiefel("euclidean"), (6, 4, 3), 6, 1),
    "euclidean stiefel cayley": (Stiefel("euclidean", "cayley"), (6, 5, 2), 7, 1),
    "lorentz group": (LorentzGroup(3, 1), (6, 4, 4), 6, 2),
    "balanced group": (LorentzGroup(2, 2), (6, 4, 4), 6, 2),
    "rotations": (LorentzGroup(3, 0), (6, 3, 3), 3, 2),
    "product": (
        Product(Sphere(), Product(PoincareBall(2.0), Euclidean()), Stiefel("euclidean"), weights=(0.25, 3.0, 2.0)),
        ((6, 3), ((6, 2), (6, 1)), (6, 3, 2)),
        2 + 2 + 1 + 3,
        1,
    ),
}
# What runs without `-m slow`: on NumPy all, elsewhere in float64 one manifold of each class. JAX compiles every
# operation for every shape, where a product stands for its factors; Dask plans each of the many operations of a
# hyperbolic function, and tests/test_rows.py holds those functions there.
ONE_OF_EACH = {"euclidean", "sphere", "ball", "lorentz", "stiefel", "euclidean stiefel", "lorentz group", "product"}
QUICK = dict.fromkeys(Backend, ONE_OF_EACH)
QUICK |= {Backend.JAX: {"lorentz", "product"}, Backend.DASK: {"euclidean", "sphere", "stiefel", "lorentz group"}}


def moderate(m, shape, rng):
    """Random points; in hyperbolic space within a few lengths of curvature, where all laws are well conditioned."""
    if isinstance(m, Product):
        return tuple(moderate(*pair, rng) for pair in zip(m.factors, shape, strict=True))
    if isinstance(m, LorentzGroup):
        return m.random_point(shape, rng=rng, cond=4.0)
    if not isinstance(m, (PoincareBall, Lorentz)):
        return m.random_point(shape, rng=rng)
    o = m.origin(shape)
    return m.exp(o, 0.4 / math.sqrt(max(m.c, 1)) * m.random_tangent(o, rng=rng))


class Case:
    """A manifold with points and tangents on one backend, in one dtype."""

    def __init__(self, name, library, dtype, rng):
        self.manifold, self.shape, self.dim, self.order = TABLE[name]
        self.library, self.on_numpy = library, library is np
        self.rng, self.dtype = rng, dtype
        self.eps = float(np.finfo(dtype).eps)
        m = self.manifold
        self.x = self.cast(moderate(m, self.shape, rng))
        # Inside every injectivity radius, and generic.
        self.v = self.tangent(0.3)
        self.u, self.w = self.tangent(1.0), self.tangent(1.0)

    def tangent(self, scale):
        return times(scale, self.manifold.random_tangent(self.x, rng=self.rng))

    def cast(self, point):
        return each(lambda a: self.library.asarray(np.asarray(a, self.dtype)), point)

    def ambient(self):
        """Any vectors of the points' shape."""
        return each(lambda a: self.cast(self.rng.normal(size=tuple(a.shape))), self.x)

    def numpy(self, a):
        return host(a).astype(float)

    def dist(self, x, y):
        """The distance, or what `log` says of it where the manifold has none."""
        m = self.manifold
        return self.numpy(m.norm(x, m.log(x, y)) if isinstance(m, LorentzGroup) else m.dist(x, y))


def runs():
    """Every manifold on every backend in both dtypes; where each call takes long, one of each class in float32."""
    for name, backend, dtype in itertools.product(TABLE, Backend, ("float64", "float32")):
        if dtype == "float32" and backend in (Backend.JAX, Backend.DASK) and name not in ONE_OF_EACH:
            continue
        quick = backend is Backend.NUMPY or (name in QUICK[backend] and dtype == "float64")
        marks = () if quick else pytest.mark.slow
        yield pytest.param((name, backend, dtype), marks=marks, id=f"{name}-{backend.name.lower()}-{dtype}")


@pytest.fixture(params=runs())
def case(request, rng):
    name, backend, dtype = request.param
    with backend.arrays() as library:
        yield Case(name, library, dtype, rng)


@pytest.fixture(params=TABLE)
def plain(request, rng):
    """On NumPy in float64."""
    return Case(request.param, np, "float64", rng)


BAR = 100  # eps; the oracles of the single manifolds hold sharper ones


class TestLaws:
    def test_exp_and_log_are_inverse(self, case):
        m, x, v = case.manifold, case.x, case.v
        y = m.exp(x, v)
        assert difference(m.log(x, y), v) <= BAR * case.eps * size(v)
        back = m.exp(x, m.log(x, y))
        assert difference(back, y) <= BAR * case.eps * size(y)

    def test_distance_is_the_norm_of_log(self, case):
        m, x, y = case.manifold, case.x, case.manifold.exp(case.x, case.v)
        dist = case.dist(x, y)
        np.testing.assert_allclose(case.numpy(m.norm(x, m.log(x, y))), dist, rtol=BAR * case.eps)
        np.testing.assert_allclose(case.dist(y, x), dist, rtol=BAR * case.eps)
        np.testing.assert_allclose(case.numpy(m.norm(x, case.v)), dist, rtol=BAR * case.eps, atol=BAR * case.eps)
        assert np.all(dist > 0)
        assert np.all(case.dist(x, x) <= BAR * case.eps)

    def test_norm_is_the_root_of_inner(self, case):
        m, x, u, w = case.manifold, case.x, case.u, case.w
        norm = case.numpy(m.norm(x, u))
        np.testing.assert_allclose(norm**2, case.numpy(m.inner(x, u, u)), rtol=BAR * case.eps)
        both = case.numpy(m.inner(x, u, w))
        np.testing.assert_array_equal(case.numpy(m.inner(x, w, u)), both)
        total = case.numpy(m.inner(x, each(lambda a, b: a + b, u, w), w))
        scale = case.numpy(m.norm(x, w)) * (norm + case.numpy(m.norm(x, w)))
        assert np.all(np.abs(total - both - case.numpy(m.inner(x, w, w))) <= BAR * case.eps * scale)

    def test_transport_is_an_isometry_with_an_inverse(self, case):
        m, x, y = case.manifold, case.x, case.manifold.exp(case.x, case.v)
        u, w = m.transport(x, y, case.u), m.transport(x, y, case.w)
        m.check_tangent(y, u)
        scale = case.numpy(m.norm(x, case.u)) * case.numpy(m.norm(x, case.w))
        error = case.numpy(m.inner(y, u, w)) - case.numpy(m.inner(x, case.u, case.w))
        assert np.all(np.abs(error) <= BAR * case.eps * scale)
        assert difference(m.transport(y, x, u), case.u) <= BAR * case.eps * size(case.u)
        # It takes the velocity to that at the end.
        back = times(-1, m.log(y, x))
        assert difference(m.transport(x, y, case.v), back) <= BAR * case.eps * size(back)

    def test_exp_transport_is_exp_and_transport(self, case):
        m, x, v, u = case.manifold, case.x, case.v, case.u
        y, moved = m.exp_transport(x, v, u)
        assert difference(y, m.exp(x, v)) <= 4 * case.eps * size(y)
        assert difference(moved, m.transport(x, y, u)) <= BAR * case.eps * size(moved)

    def test_geodesic(self, case):
        m, x, y = case.manifold, case.x, case.manifold.exp(case.x, case.v)
        assert difference(m.geodesic(x, y, 0.0), x) <= BAR * case.eps * size(x)
        assert difference(m.geodesic(x, y, 1.0), y) <= BAR * case.eps * size(y)
        middle, dist = m.geodesic(x, y, 0.5), case.dist(x, y)
        np.testing.assert_allclose(case.dist(x, middle), dist / 2, rtol=BAR * case.eps, atol=BAR * case.eps)
        np.testing.assert_allclose(case.dist(middle, y), dist / 2, rtol=BAR * case.eps, atol=BAR * case.eps)
        t = case.cast(np.linspace(-0.5, 1.5, 6))  # one for each row
        at_times = m.geodesic(x, y, t)
        for k in range(6):
            alone = row(m.geodesic(x, y, float(t[k])), k)
            assert difference(row(at_times, k), alone) <= BAR * case.eps * size(alone)
        reached = case.dist(x, at_times)
        np.testing.assert_allclose(reached, np.abs(case.numpy(t)) * dist, rtol=BAR * case.eps, atol=BAR * case.eps)

    def test_gradient_pairs_with_inner(self, case):
        m, x, u, g = case.manifold, case.x, case.u, case.ambient()
        gradient = m.egrad2rgrad(x, g)
        m.check_tangent(x, gradient)
        pairing = sum(
            (a.astype(float) * b).reshape(6, -1).sum(axis=1)
            for a, b in zip(leaves(g), leaves(ambient(m, x, u)), strict=True)
        )
        scale = case.numpy(m.norm(x, gradient)) * case.numpy(m.norm(x, u)) + size(g) * size(u)
        assert np.all(np.abs(case.numpy(m.inner(x, gradient, u)) - pairing) <= BAR * case.eps * scale)

    def test_hessian_is_linear_and_self_adjoint(self, case):
        m, x, u, w = case.manifold, case.x, case.u, case.w
        f = Cubic(case)
        Hu, Hw = (m.ehess2rhess(x, f.gradient(x), f.hessian(x, v), v) for v in (u, w))
        m.check_tangent(x, Hu)
        scale = case.numpy(m.norm(x, Hu)) * case.numpy(m.norm(x, w)) + f.scale(x, u, w)
        error = case.numpy(m.inner(x, Hu, w)) - case.numpy(m.inner(x, u, Hw))
        assert np.all(np.abs(error) <= BAR * case.eps * scale)

    def test_projections(self, case):
        m, x = case.manifold, case.x
        near = each(lambda a, b: a + 0.01 * b, x, case.ambient())
        point = m.project(near)
        m.check(point)
        assert difference(m.project(point), point) <= 4 * case.eps * size(point)
        assert difference(m.project(x), x) <= 4 * case.eps * size(x)
        a, b = case.ambient(), case.ambient()
        tangent, other = m.project_tangent(x, a), m.project_tangent(x, b)
        m.check_tangent(x, tangent)
        assert difference(m.project_tangent(x, tangent), tangent) <= 8 * case.eps * size(tangent)
        assert difference(m.project_tangent(x, case.u), case.u) <= 8 * case.eps * size(case.u)
        if not isinstance(m, Lorentz):  # self-adjoint in the ambient space; in Minkowski space there
            products = [sum(np.sum(p.astype(float) * q) for p, q in zip(leaves(s), leaves(t), strict=True))
                        for s, t in ((tangent, b), (a, other))]  # fmt: skip
            assert abs(products[0] - products[1]) <= BAR * case.eps * size(a) * size(b)

    def test_what_comes_out_passes_the_checks(self, case):
        m = case.manifold
        wrapped = Validating(m)
        x, v, u = case.x, case.v, case.u
        y = wrapped.exp(x, v)
        wrapped.retract(x, v)
        wrapped.exp_transport(x, v, u)
        wrapped.transport(x, y, u)
        wrapped.log(x, y)
        wrapped.geodesic(x, y, 0.3)
        wrapped.random_tangent(wrapped.random_point(case.shape, rng=0, like=x), rng=1)
        wrapped.zero_tangent(wrapped.origin(case.shape, like=x))
        if not isinstance(m, LorentzGroup):
            assert difference(wrapped.dist(x, y), m.dist(x, y)) == 0

    def test_results_keep_library_and_dtype(self, case):
        m, x, v, u, g = case.manifold, case.x, case.v, case.u, case.ambient()
        y = m.exp(x, v)
        results = [
            y, m.log(x, y), m.inner(x, u, v), m.norm(x, v), m.transport(x, y, v), m.retract(x, v),
            *m.exp_transport(x, v, u), m.project(x), m.project_tangent(x, g), m.egrad2rgrad(x, g),
            m.ehess2rhess(x, g, g, v), m.geodesic(x, y, 0.5), m.random_tangent(x, rng=1), m.zero_tangent(x),
            m.random_point(case.shape, rng=1, like=x), m.origin(case.shape, like=x),
        ]  # fmt: skip
        for result in results:
            for leaf in flatten(result):
                assert isinstance(leaf, (type(flatten(x)[0]), *([np.generic] if case.on_numpy else [])))
                assert str(leaf.dtype).endswith(case.dtype)


def flatten(point):
    return [leaf for part in point for leaf in flatten(part)] if isinstance(point, tuple) else [point]


# Coefficients of the second derivative by central differences of order 8
STENCIL = {0: -205 / 72, 1: 8 / 5, 2: -1 / 5, 3: 8 / 315, 4: -1 / 560}


class TestDerivatives:
    """On NumPy in float64; the other backends agree with it."""

    def test_hessian_is_the_second_derivative_along_geodesics(self, plain):
        m, x = plain.manifold, plain.x
        f = Cubic(plain)
        v = times(0.2, plain.u)
        H = m.ehess2rhess(x, f.gradient(x), f.hessian(x, v), v)
        h = 0.04
        at = {k: f(m.exp(x, times(k * h, v))) for k in range(-4, 5)}
        second = sum(STENCIL[abs(k)] * at[k] for k in at) / h**2
        np.testing.assert_allclose(m.inner(x, H, v), second, rtol=1e-6, atol=1e-6 * np.abs(second).max())

    def test_gradient_is_the_first_derivative_along_geodesics(self, plain):
        m, x, v = plain.manifold, plain.x, plain.u
        f = Cubic(plain)
        h = 1e-3
        first = (f(m.exp(x, times(h, v))) - f(m.exp(x, times(-h, v)))) / (2 * h)
        gradient = m.egrad2rgrad(x, f.gradient(x))
        np.testing.assert_allclose(m.inner(x, gradient, v), first, rtol=1e-3, atol=1e-3 * np.abs(first).max())

    def test_order_of_the_retraction(self, plain):
        m, x, v = plain.manifold, plain.x, plain.u
        if plain.order is None:
            assert difference(m.retract(x, v), m.exp(x, v)) <= 4 * plain.eps * size(x)
            return
        steps = np.array([4e-3, 2e-3, 1e-3])
        errors = [size(m.log(m.exp(x, w), m.retract(x, w))) for w in (times(h, v) for h in steps)]
        slope = np.polyfit(np.log(steps), np.log(errors), 1)[0]
        assert slope == pytest.approx(plain.order + 1, abs=0.2)

    def test_transport_is_parallel(self, plain):
        """Transport to second order along short geodesics leaves the gradient field's derivative: the Hessian."""
        m, x, v = plain.manifold, plain.x, plain.u
        if isinstance(m, LorentzGroup):
            pytest.skip("its transport is left translation, whose connection has torsion: see its own tests")
        f = Cubic(plain)
        H = m.ehess2rhess(x, f.gradient(x), f.hessian(x, v), v)

        def moved(h):
            y = m.exp(x, times(h, v))
            return m.transport(y, x, m.egrad2rgrad(y, f.gradient(y)))

        def central(h):
            return each(lambda a, b: (a - b) / (2 * h), moved(h), moved(-h))

        h = 2e-3
        rate = each(lambda a, b: (4 * a - b) / 3, central(h), central(2 * h))
        assert difference(rate, H) <= 1e-5 * size(H)


class TestTinyAndZero:
    def test_zero_tangent(self, plain):
        m, x = plain.manifold, plain.x
        zero = m.zero_tangent(x)
        assert size(zero) == 0
        assert np.all(m.norm(x, zero) == 0)
        assert difference(m.exp(x, zero), x) <= 8 * plain.eps * size(x)
        assert difference(m.retract(x, zero), x) <= 8 * plain.eps * size(x)
        assert difference(m.exp_transport(x, zero, plain.u)[1], plain.u) <= 8 * plain.eps * size(plain.u)

    def test_close_points_keep_their_digits(self, plain):
        m, x = plain.manifold, plain.x
        v = times(1e-9, plain.u)
        y = m.exp(x, v)
        w = m.log(x, y)
        # y is rounded, so v is not log y; distances agree with the log to the last digits, and there and back too
        assert difference(w, v) <= 8 * plain.eps * size(x)
        np.testing.assert_allclose(plain.dist(x, y), m.norm(x, w), rtol=BAR * plain.eps)
        flipped = times(-1, m.transport(y, x, m.log(y, x)))
        assert difference(flipped, w) <= BAR * plain.eps * size(w)


class TestRandom:
    def test_seeds_and_generators(self, plain):
        m, shape = plain.manifold, plain.shape
        for draw in (lambda seed: m.random_point(shape, rng=seed), lambda seed: m.random_tangent(plain.x, rng=seed)):
            assert difference(draw(5), draw(np.random.default_rng(5))) == 0
            assert difference(draw(5), draw(6)) > 0
            assert difference(draw(None), draw(None)) > 0

    def test_tangents_are_standard_normal(self, plain):
        m = plain.manifold
        x = each(lambda a: np.broadcast_to(a[:1], (20000, *a.shape[1:])), plain.x)
        v = m.random_tangent(x, rng=plain.rng)
        squares = m.norm(x, v) ** 2  # chi-squared with as many degrees of freedom as the dimension
        assert squares.mean() == pytest.approx(plain.dim, abs=6 * math.sqrt(2 * plain.dim / 20000))
        u = each(lambda a: np.broadcast_to(a[:1], (20000, *a.shape[1:])), plain.u)
        along = m.inner(x, u, v) / m.norm(x, u)
        assert along.mean() == pytest.approx(0, abs=6 / math.sqrt(20000))
        assert along.var() == pytest.approx(1, abs=6 * math.sqrt(2 / 20000))

    def test_points_have_full_support(self, plain):
        x = plain.manifold.random_point(resized(plain.shape, 4000), rng=plain.rng)
        plain.manifold.check(x)
        if isinstance(plain.manifold, (Sphere, Stiefel)):  # uniform: the mean is 0, each entry's square 1/n
            mean, n = x.mean(axis=0), x.shape[1]
            assert np.abs(mean).max() < 6 / math.sqrt(4000 * n)
            np.testing.assert_allclose((x**2).mean(axis=0), 1 / n, atol=6 / n / math.sqrt(2000))


def resized(shape, n):
    return tuple(resized(part, n) for part in shape) if isinstance(shape[0], tuple) else (n, *shape[1:])


def first_ndim(ndim):
    return sum(first_ndim(part) for part in ndim) if isinstance(ndim, tuple) else ndim


class TestShapes:
    def test_dimension(self, plain):
        m = plain.manifold
        assert m.dim(plain.shape) == plain.dim
        assert m.dim(each(lambda a: a.shape[1:], plain.x)) == plain.dim
        assert first_ndim(m.point_ndim) == sum(a.ndim - 1 for a in leaves(plain.x))

    def test_origin(self, plain):
        m = plain.manifold
        x = m.origin(plain.shape)
        m.check(x)
        assert [a.shape for a in leaves(x)] == [a.shape for a in leaves(plain.x)]
        assert np.all(plain.dist(x, x) <= 8 * plain.eps)

    def test_batches_broadcast(self, plain):
        m, x, v, u = plain.manifold, plain.x, plain.v, plain.u
        one = row(x, 0)
        y = m.exp(each(lambda a: np.repeat(a[:1], 6, axis=0), x), m.project_tangent(one, v))
        calls = [
            (m.log, (one, y)), (plain.dist, (one, y)), (plain.dist, (y, one)), (m.log, (y, one)),
            (m.project_tangent, (one, u)), (m.egrad2rgrad, (one, u)), (m.inner, (one, u, row(u, 1))),
            (m.norm, (one, u)), (m.ehess2rhess, (one, u, row(v, 0), v)),
            (m.transport, (y, one, v)),
        ]  # fmt: skip
        for f, args in calls:
            full = [each(lambda a, b: np.broadcast_to(a, b.shape).copy(), a, x) for a in args]
            assert difference(f(*args), f(*full)) <= BAR * plain.eps * size(f(*full)), f.__name__
        tangents = m.project_tangent(one, u)
        end = m.exp(one, times(0.1, tangents))
        assert leaves(end)[0].shape == leaves(x)[0].shape
        assert leaves(m.exp_transport(one, row(m.project_tangent(x, v), 0), tangents)[0])[0].shape[0] == 6

    def test_empty_batch(self, plain):
        m = plain.manifold
        x = m.random_point(resized(plain.shape, 0), rng=0)
        v = m.random_tangent(x, rng=0)
        y = m.exp(x, v)
        assert plain.dist(x, y).shape == (0,)
        for result in (m.log(x, y), m.transport(x, y, v), m.retract(x, v), m.project(x), m.ehess2rhess(x, v, v, v)):
            assert leaves(result)[0].shape == leaves(x)[0].shape
        m.check(x)
        m.check_tangent(x, v)

    def test_single_points_and_sequences(self, plain):
        m = plain.manifold
        x, v = row(plain.x, 0), row(plain.v, 0)
        y = m.exp(each(np.ndarray.tolist, x), each(np.ndarray.tolist, v))
        assert difference(y, row(m.exp(plain.x, plain.v), 0)) <= 8 * plain.eps * size(y)
        assert np.ndim(plain.dist(x, y)) == 0
        m.check(each(np.ndarray.tolist, x))

    def test_read_only_and_strided(self, plain):
        m = plain.manifold

        def awkward(a):
            b = np.repeat(a, 2, axis=0)[::2]
            b.setflags(write=False)
            return b

        x, v = each(awkward, plain.x), each(awkward, plain.v)
        assert difference(m.exp(x, v), m.exp(plain.x, plain.v)) == 0
        m.project(x)
        copies = m.project_tangent(x, v), m.egrad2rgrad(x, v), m.project(x)
        for copy in copies:
            for a, b in zip(leaves(copy), leaves(x), strict=True):
                assert a.flags.writeable and not np.may_share_memory(a, b)


class TestChecks:
    def test_worst_row_is_named(self, plain):
        m = plain.manifold
        for number, _ in enumerate(leaves(plain.x)):
            bad = each(np.copy, plain.x)
            flat = isinstance(leaf_manifold(m, number), (PoincareBall, Euclidean))
            leaves(bad)[number][4] *= np.nan if flat else 1 + 1e-3
            with pytest.raises(NotOnManifoldError) as caught:
                m.check(bad)
            assert caught.value.index[-1] == 4
            assert caught.value.residual > caught.value.tolerance
            assert str(caught.value.index) in str(caught.value)
            assert f"{caught.value.tolerance:.3g}" in str(caught.value)
            copy = pickle.loads(pickle.dumps(caught.value))
            assert (str(copy), copy.index, copy.residual) == (
                str(caught.value), caught.value.index, caught.value.residual
            )  # fmt: skip
            with pytest.raises(NotOnManifoldError):
                m.check_tangent(bad, plain.v)

    def test_bad_tangents_are_found(self, plain):
        m = plain.manifold
        for number, _ in enumerate(leaves(plain.x)):
            bad = each(np.copy, plain.u)
            if isinstance(leaf_manifold(m, number), (PoincareBall, Euclidean)):
                leaves(bad)[number][2] = np.inf
            else:
                leaves(bad)[number][2] += 1e-3 * leaves(plain.x)[number][2]
            with pytest.raises(NotOnManifoldError) as caught:
                m.check_tangent(plain.x, bad)
            assert caught.value.index[-1] == 2

    def test_tolerance(self, plain):
        m = plain.manifold
        x = each(lambda a: a * (1 + 1e-7), plain.x)
        if any(isinstance(leaf_manifold(m, k), (Sphere, Lorentz, Stiefel)) for k in range(len(leaves(x)))):
            with pytest.raises(NotOnManifoldError):
                m.check(x)
        m.check(x, atol=1e-6)
        with pytest.raises(ValueError, match="atol must be at least 0"):
            m.check(x, atol=-1.0)
        with pytest.raises(ValueError, match="atol must be at least 0"):
            m.check(x, atol=float("nan"))

    def test_nan_and_infinity_stay_in_their_row(self, plain):
        m = plain.manifold
        for bad in (np.nan, np.inf):
            x, v = each(np.copy, plain.x), each(np.copy, plain.v)
            for a in leaves(x):
                a[1] = bad
            y = m.exp(plain.x, v)
            with np.errstate(invalid="ignore", over="ignore", divide="ignore"):
                results = m.exp(x, v), m.log(x, y), m.retract(x, v), m.geodesic(x, y, 0.5), m.project(x)
                good = [f(plain.x, v) for f in (m.exp, m.retract)]
            for result in results:
                for a in leaves(result):
                    assert not np.isfinite(a[1]).all()
                    assert np.isfinite(np.delete(a, 1, axis=0)).all()
            for result, truth in zip((results[0], results[2]), good, strict=True):
                for a, b in zip(leaves(result), leaves(truth), strict=True):
                    np.testing.assert_allclose(np.delete(a, 1, axis=0), np.delete(b, 1, axis=0), rtol=1e-12, atol=1e-14)
            with pytest.raises(NotOnManifoldError):
                m.check(x)


def leaf_manifold(m, number):
    """The manifold of an array among the leaves of a point."""
    flat = []

    def walk(manifold):
        for factor in manifold.factors:
            walk(factor) if isinstance(factor, Product) else flat.append(factor)

    if not isinstance(m, Product):
        return m
    walk(m)
    return flat[number]


class TestValues:
    def test_protocol(self, plain):
        m = plain.manifold
        assert isinstance(m, Manifold)
        wrapped = Validating(m)
        for name, method in inspect.getmembers(Manifold, inspect.isfunction):
            if name.startswith("_"):
                continue
            wanted = list(inspect.signature(method).parameters.values())
            for other in (m, wrapped):
                got = list(inspect.signature(getattr(type(other), name)).parameters.values())
                # a manifold may have options beside those of all
                got = [p for p in got if p.kind is not p.KEYWORD_ONLY or p.name in {w.name for w in wanted}]
                assert [(p.name, p.kind, p.default) for p in got] == [(p.name, p.kind, p.default) for p in wanted], name

    def test_pickle_hash_equality(self, plain):
        for m in (plain.manifold, Validating(plain.manifold), Validating(plain.manifold, 1e-3)):
            copy = pickle.loads(pickle.dumps(m))
            assert copy == m and hash(copy) == hash(m) and copy is not m
            classes = (Euclidean, Lorentz, LorentzGroup, PoincareBall, Product, Sphere, Stiefel, Validating)
            names = {c.__name__: c for c in classes}
            assert eval(repr(m), names) == m
            assert len(repr(m)) < 200
            with pytest.raises(AttributeError):
                m.anything = 1

    def test_all_are_different(self):
        manifolds = [m for m, *_ in TABLE.values()]
        assert len(set(manifolds)) == len({repr(m) for m in manifolds})
        assert PoincareBall(1) == PoincareBall() != Lorentz()
        assert Product(Sphere()) == Product(Sphere(), weights=[1]) != Product(Sphere(), weights=[2])


class TestBadInput:
    def test_shapes(self, plain):
        m = plain.manifold
        if isinstance(m, Product):
            with pytest.raises(
                ValueError, match=r"Product\.exp: x must be a tuple with an entry for each of 3 factors"
            ):
                m.exp(plain.x[:2], plain.v)
            with pytest.raises(TypeError, match=r"Product\.exp: v must be a tuple .* got ndarray"):
                m.exp(plain.x, plain.x[0])
            with pytest.raises(ValueError, match=r"Product\.random_point: shape must be a tuple"):
                m.random_point((3, 2), rng=0)
            return
        name, x = type(m).__name__, plain.x
        module = "poincare" if name == "PoincareBall" else "lorentz" if name == "Lorentz" else name
        for args in ((x, x[..., :-1]), (x[:4], x), (1.0, x), (x, 1.0)):
            with pytest.raises(ValueError, match=rf"{module}\.exp: shapes .*fit"):
                m.exp(*args)
        with pytest.raises(ValueError, match=rf"{name}\.check: .*shape"):
            m.check(np.float64(1.0))
        with pytest.raises(ValueError, match=rf"{name}\.origin: shape must end in"):
            m.origin(())
        with pytest.raises(TypeError, match=rf"{name}\.origin: shape must be a tuple of integers"):
            m.origin(None)

    @pytest.mark.parametrize("dtype", [complex, bool, object, str])
    def test_dtypes(self, plain, dtype):
        m = plain.manifold
        bad = each(lambda a: np.zeros(a.shape, dtype), plain.x)
        for f, args in ((m.exp, (bad, plain.v)), (m.log, (plain.x, bad)), (m.check, (bad,)), (m.zero_tangent, (bad,))):
            with pytest.raises(TypeError):
                f(*args)

    def test_mixed_libraries(self, plain):
        strict = pytest.importorskip("array_api_strict")
        with pytest.raises(TypeError, match="one library"):
            plain.manifold.log(plain.x, each(strict.asarray, plain.x))

    def test_integers_become_float64(self, plain):
        zeros = each(lambda a: np.zeros(a.shape, int), plain.x)
        g = plain.manifold.egrad2rgrad(plain.x, zeros)
        assert all(a.dtype == np.float64 and not a.any() for a in leaves(g))
