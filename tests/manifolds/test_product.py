"""Products: what their weights do, and how their checks name a factor."""

import numpy as np
import pytest

from hypergeom.errors import NotOnManifoldError
from hypergeom.manifolds import Euclidean, PoincareBall, Product, Sphere, Stiefel, Validating

WEIGHTS = (4.0, 0.25)
SPACE = Product(Sphere(), Euclidean(), weights=WEIGHTS)


@pytest.fixture
def point(rng):
    return SPACE.random_point(((7, 3), (7, 2)), rng=rng)


def test_weights_multiply_inner_products(rng, point):
    u, v = SPACE.random_tangent(point, rng=rng), SPACE.random_tangent(point, rng=rng)
    inner = 4 * np.sum(u[0] * v[0], axis=-1) + np.sum(u[1] * v[1], axis=-1) / 4
    np.testing.assert_allclose(SPACE.inner(point, u, v), inner, atol=1e-14)
    y = SPACE.random_point(((7, 3), (7, 2)), rng=rng)
    dist = np.sqrt(4 * Sphere().dist(point[0], y[0]) ** 2 + Euclidean().dist(point[1], y[1]) ** 2 / 4)
    np.testing.assert_allclose(SPACE.dist(point, y), dist, rtol=1e-14)


def test_weights_divide_gradients_and_hessians_but_not_geodesics(rng, point):
    plain = Product(Sphere(), Euclidean())
    g, h, v = (tuple(rng.normal(size=a.shape) for a in point) for _ in range(3))
    for weighted, unweighted in (
        (SPACE.egrad2rgrad(point, g), plain.egrad2rgrad(point, g)),
        (SPACE.ehess2rhess(point, g, h, v), plain.ehess2rhess(point, g, h, v)),
    ):
        for w, a, b in zip(WEIGHTS, weighted, unweighted, strict=True):
            np.testing.assert_allclose(w * a, b, rtol=1e-15)
    v = plain.random_tangent(point, rng=rng)
    for a, b in zip(SPACE.exp(point, v), plain.exp(point, v), strict=True):
        np.testing.assert_array_equal(a, b)


def test_norms_do_not_overflow():
    space = Product(Euclidean(), Euclidean())
    x = (np.zeros(1), np.zeros(1))
    assert space.norm(x, (np.array([3e200]), np.array([4e200]))) == pytest.approx(5e200)
    assert space.dist(x, (np.array([3e-200]), np.array([4e-200]))) == pytest.approx(5e-200)


def test_check_names_the_factor():
    space = Product(PoincareBall(), Product(Euclidean(), Sphere()))
    good = (np.zeros((2, 2)), (np.zeros((2, 1)), np.array([[1.0, 0], [0, 1]])))
    space.check(good)
    bad = (good[0], (good[1][0], np.array([[1.0, 0], [0, 1.5]])))
    for check in (space.check, Validating(space).check, lambda x: space.check_tangent(x, good)):
        with pytest.raises(
            NotOnManifoldError, match=r"not a point of the unit sphere .*at index \(1, 1, 1\)|at index"
        ) as e:
            check(bad)
        assert e.value.index == (1, 1, 1)
        assert e.value.residual == pytest.approx(0.5)


def test_one_array_tells_the_library_of_all_factors():
    like = np.zeros(1, np.float32)
    for point in (SPACE.origin(((3,), (2,)), like=like), SPACE.random_point(((3,), (2,)), rng=0, like=like)):
        assert [a.dtype for a in point] == [np.float32, np.float32]


def test_one_generator_draws_all_factors():
    a, b = Product(Euclidean(), Euclidean()).random_point(((5,), (5,)), rng=3)
    assert np.all(a != b)


def test_bad_factors_and_weights():
    with pytest.raises(ValueError, match="at least one factor"):
        Product()
    for factor in (Sphere, "sphere", None):
        with pytest.raises(TypeError, match="Product: factors must be manifolds, got"):
            Product(factor)
        with pytest.raises(TypeError, match="Validating: needs a manifold, got"):
            Validating(factor)
    with pytest.raises(ValueError, match="one weight for each of 2 factors, got 1"):
        Product(Sphere(), Sphere(), weights=[1])
    for weight in (0, -1.0, np.nan, np.inf, "1", None):
        with pytest.raises(ValueError, match="weights must be positive and finite numbers"):
            Product(Sphere(), weights=[weight])
    with pytest.raises(ValueError, match="atol must be at least 0"):
        Validating(Sphere(), -1.0)


class TestValidating:
    def test_what_goes_in(self):
        m = Validating(Sphere())
        x, off, v, bad = [0.0, 1.0], [0.0, 1.1], [1.0, 0.0], [1.0, 1.0]
        for f, args, named in (
            (m.exp, (off, v), "x of exp"), (m.exp, (x, bad), "v of exp"), (m.log, (x, off), "y of log"),
            (m.dist, (off, x), "x of dist"), (m.transport, (x, x, bad), "v of transport"),
            (m.exp_transport, (x, v, bad), "u of exp_transport"), (m.inner, (x, bad, v), "u of inner"),
            (m.norm, (x, bad), "v of norm"), (m.retract, (x, bad), "v of retract"),
            (m.geodesic, (x, off, 0.5), "y of geodesic"),
            (m.egrad2rgrad, (off, v), "x of egrad2rgrad"), (m.ehess2rhess, (x, v, v, bad), "v of ehess2rhess"),
            (m.project_tangent, (off, v), "x of project_tangent"), (m.zero_tangent, (off,), "x of zero_tangent"),
            (m.random_tangent, (off,), "x of random_tangent"),
        ):  # fmt: skip
            with pytest.raises(NotOnManifoldError, match=named):
                f(*args)

    def test_what_comes_out(self):
        m = Validating(Sphere())
        with np.errstate(invalid="ignore", divide="ignore"):
            with pytest.raises(NotOnManifoldError, match=r"not a tangent vector .*the result of log.*residual inf"):
                m.log([0.0, 1.0], [0.0, -1.0])
            with pytest.raises(NotOnManifoldError, match="the result of project"):
                m.project([0.0, 0.0])

    def test_tolerance(self):
        x = np.array([0.0, 1 + 1e-6])
        Validating(Sphere(), 1e-5).dist(x, x)
        Validating(Sphere(), 1e-9).check(x, atol=1e-5)
        with pytest.raises(NotOnManifoldError):
            Validating(Sphere(), 1e-9).check(x)

    def test_passes_on(self):
        m = Validating(Stiefel("euclidean"))
        assert m.dim((4, 2)) == 5 and m.point_ndim == 2
        assert Product(m, Sphere()).dim(((4, 2), (3,))) == 7
