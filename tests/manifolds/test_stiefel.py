"""The Stiefel manifold against the textbook's formulas, the equation of parallel transport, and mpmath."""

import array_api_strict
import mpmath
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from hypergeom.errors import ConvergenceError
from hypergeom.manifolds import Sphere, Stiefel

CANONICAL, EUCLIDEAN = Stiefel(), Stiefel("euclidean")
BOTH = pytest.mark.parametrize("manifold", [CANONICAL, EUCLIDEAN], ids=["canonical", "euclidean"])
SHAPES = pytest.mark.parametrize("shape", [(5, 2), (4, 3), (3, 3), (6, 1), (9, 4)])
EPS = np.finfo(float).eps


def case(manifold, shape, rng, scale=1.0):
    x = manifold.random_point(shape, rng=rng)
    v = manifold.random_tangent(x, rng=rng)
    return x, scale * v / manifold.norm(x, v)


def christoffel(manifold, x, u, v):
    """Of the extension to all matrices: covariant derivative = derivative + this. Edelman, Arias and Smith 1998."""
    if manifold.metric == "euclidean":
        return x @ (u.T @ v + v.T @ u) / 2
    return x @ (u.T @ v + v.T @ u) / 2 + (np.eye(len(x)) - x @ x.T) @ (u @ v.T + v @ u.T) @ x / 2


def integrate(manifold, x, v, u):
    """End of the geodesic and of the parallel field along it, from their differential equations."""

    def rate(_, state):
        x, v, u = state.reshape(3, *np.shape(v0))
        return np.stack([v, -christoffel(manifold, x, v, v), -christoffel(manifold, x, v, u)]).ravel()

    v0 = v
    done = solve_ivp(rate, (0, 1), np.stack([x, v, u]).ravel(), method="DOP853", rtol=1e-13, atol=1e-14)
    return done.y[:, -1].reshape(3, *x.shape)


@BOTH
@SHAPES
def test_exp_and_transport_solve_their_equations(rng, manifold, shape):
    x, v = case(manifold, shape, rng, 2.0)
    u = manifold.random_tangent(x, rng=rng)
    end, velocity, field = integrate(manifold, x, v, u)
    y, moved = manifold.exp_transport(x, v, u)
    np.testing.assert_allclose(y, end, atol=1e-11)
    np.testing.assert_allclose(moved, field, atol=1e-11)
    np.testing.assert_allclose(manifold.exp_transport(x, v, v)[1], velocity, atol=1e-11)


@SHAPES
def test_exp_of_the_textbook(rng, shape):
    x, v = case(CANONICAL, shape, rng)
    A, p = x.T @ v, shape[1]
    big = (np.eye(len(x)) - x @ x.T / 2) @ v @ x.T
    np.testing.assert_allclose(CANONICAL.exp(x, v), expm(big - big.T) @ x, atol=1e-13)
    S = np.block([[A, -v.T @ v], [np.eye(p), A]])
    textbook = np.hstack([x, v]) @ expm(S)[:, :p] @ expm(-A)
    np.testing.assert_allclose(EUCLIDEAN.exp(x, v), textbook, atol=1e-13)


@BOTH
@pytest.mark.parametrize("length", [1e-12, 1e-3, 1.0, 10.0])
def test_exp_against_mpmath(rng, high_precision, manifold, length):
    x, v = case(manifold, (5, 2), rng, length)
    y = manifold.exp(x, v)

    def truth(x, v, c):
        X, V = (mpmath.matrix(np.reshape(np.array(a, dtype=object), (5, 2)).tolist()) for a in (x, v))
        # the nearest point of the manifold, and the tangent there: stored ones are rounded
        for _ in range(8):
            X = X * (3 * mpmath.eye(2) - X.T * X) / 2
        V = V - X * (X.T * V + V.T * X) / 2
        A = X.T * V
        if manifold.metric == "canonical":
            W = (mpmath.eye(5) - X * X.T / 2) * V * X.T
            return list(mpmath.expm(W - W.T) * X)
        S = mpmath.matrix(4, 4)
        S[:2, :2], S[:2, 2:], S[2:, :2], S[2:, 2:] = A, -V.T * V, mpmath.eye(2), A
        XV = mpmath.matrix(5, 4)
        XV[:, :2], XV[:, 2:] = X, V
        return list((XV * mpmath.expm(S))[:, :2] * mpmath.expm(-A))

    expected = high_precision.at(60).evaluate(truth, (x.ravel(), v.ravel()), 1)
    assert high_precision.at(60).error(y.ravel(), expected) <= (6 + 8 * length) * EPS


@BOTH
@SHAPES
@pytest.mark.parametrize("length", [1e-10, 0.1, 1.5, 2.6])
def test_log_inverts_exp_to_the_injectivity_radius(rng, manifold, shape, length):
    for _ in range(5):
        x, v = case(manifold, shape, rng, length)
        y = manifold.exp(x, v)
        w = manifold.log(x, y)
        # y is rounded; near the injectivity radius log magnifies that
        assert np.linalg.norm(w - v) <= (60 * np.linalg.norm(v) + 20 + 500 * (length > 2)) * EPS
        assert manifold.dist(x, y) == pytest.approx(length, rel=400 * EPS, abs=20 * EPS)


@BOTH
def test_log_in_float32(rng, manifold):
    x = manifold.random_point((20, 6, 3), rng=rng)
    v = manifold.random_tangent(x, rng=rng)
    v *= (1.0 / manifold.norm(x, v))[:, None, None]
    x, v = x.astype(np.float32), v.astype(np.float32)
    w = manifold.log(x, manifold.exp(x, v))
    assert w.dtype == np.float32
    np.testing.assert_allclose(w, v, atol=50 * np.finfo(np.float32).eps)


@BOTH
def test_close_points_keep_their_digits(rng, manifold):
    """log of the stored points, to their own digits: their difference is tiny and exact."""
    x, v = case(manifold, (5, 2), rng, 1e-9)
    y = manifold.exp(x, v)
    w = manifold.log(x, y)
    shift = y - x  # differs from the log in the second order
    along = shift - x @ (x.T @ shift + shift.T @ x) / 2
    assert np.linalg.norm(w - along) <= 2e-9 * 1e-9 + 20 * EPS * 1e-9


@BOTH
def test_log_is_the_same_in_batches(rng, manifold):
    """Rows that are done wait for the others without moving."""
    x = manifold.random_point((4, 5, 2), rng=rng)
    v = manifold.random_tangent(x, rng=rng)
    v *= (np.array([1e-6, 0.1, 1.0, 2.0]) / manifold.norm(x, v))[:, None, None]
    y = manifold.exp(x, v)
    together = manifold.log(x, y)
    for k in range(4):
        np.testing.assert_allclose(manifold.log(x[k], y[k]), together[k], rtol=1e-12, atol=1e-13)
    strict = manifold.log(array_api_strict.asarray(x), array_api_strict.asarray(y))
    np.testing.assert_allclose(np.asarray(strict), together, rtol=1e-12, atol=1e-13)


def test_no_geodesic_between_the_components_of_the_orthogonal_group(rng):
    x = CANONICAL.random_point((3, 3), rng=rng)
    y = x * np.array([-1.0, 1.0, 1.0])
    with pytest.raises(ConvergenceError, match=r"Stiefel\.log: 1 of 1 rows did not converge in 200 steps"):
        CANONICAL.log(x, y)
    with pytest.raises(ConvergenceError):
        CANONICAL.dist(x, y)


@BOTH
def test_one_column_is_the_sphere(rng, manifold):
    x, v = case(manifold, (4, 1), rng, 1.3)
    u = manifold.random_tangent(x, rng=rng)
    sphere = Sphere()
    y, moved = (a[:, 0] for a in manifold.exp_transport(x, v, u))
    expected, turned = sphere.exp_transport(x[:, 0], v[:, 0], u[:, 0])
    np.testing.assert_allclose(y, expected, atol=4 * EPS)
    np.testing.assert_allclose(moved, turned, atol=16 * EPS * np.linalg.norm(u))
    g, h = rng.normal(size=(2, 4, 1))
    hessian = manifold.ehess2rhess(x, g, h, v)[:, 0]
    np.testing.assert_allclose(hessian, sphere.ehess2rhess(x[:, 0], g[:, 0], h[:, 0], v[:, 0]), atol=50 * EPS)


@BOTH
@pytest.mark.parametrize("columns", [[0], [1, 2], [0, 1, 2]])
def test_tangents_of_low_rank(rng, manifold, columns):
    """Columns that v leaves free must not spoil the frame: v has zero columns, or lies within the span of x."""
    x = manifold.random_point((7, 3), rng=rng)
    v = manifold.random_tangent(x, rng=rng)
    v -= x @ (x.T @ v)
    v[:, columns] = 0
    for w in (v, x @ np.array([[0.0, 1, 2], [-1, 0, 3], [-2, -3, 0]])):
        y, moved = manifold.exp_transport(x, w, manifold.random_tangent(x, rng=rng))
        manifold.check(y)
        manifold.check_tangent(y, moved)
        np.testing.assert_allclose(y, integrate(manifold, x, w, w)[0], atol=1e-11)
        for retraction in ("qr", "polar", "cayley"):
            manifold.check(Stiefel(manifold.metric, retraction).retract(x, w))


@BOTH
@pytest.mark.parametrize("retraction", ["exp", "qr", "polar", "cayley"])
def test_many_steps_do_not_drift(rng, manifold, retraction):
    m = Stiefel(manifold.metric, "qr" if retraction == "exp" else retraction)
    x = m.random_point((8, 3), rng=rng)
    for _ in range(500):
        v = m.random_tangent(x, rng=rng)
        x = m.exp(x, v) if retraction == "exp" else m.retract(x, v)
    assert np.abs(x.T @ x - np.eye(3)).max() < 16 * EPS


@pytest.mark.parametrize("length", [1.0, 1e4, 1e8])
def test_retractions(rng, length):
    x, v = case(EUCLIDEAN, (6, 3), rng, length)
    q, r = np.linalg.qr(x + v)
    np.testing.assert_allclose(Stiefel(retraction="qr").retract(x, v), q * np.sign(np.diag(r)), atol=8 * EPS)
    polar = Stiefel(retraction="polar").retract(x, v)
    EUCLIDEAN.check(polar)
    if length == 1:
        values, vectors = np.linalg.eigh(np.eye(3) + v.T @ v)
        np.testing.assert_allclose(polar, (x + v) @ (vectors / np.sqrt(values)) @ vectors.T, atol=32 * EPS)
    big = (np.eye(6) - x @ x.T / 2) @ v @ x.T
    W = big - big.T
    cayley = np.linalg.solve(np.eye(6) - W / 2, (np.eye(6) + W / 2) @ x)
    got = Stiefel(retraction="cayley").retract(x, v)
    EUCLIDEAN.check(got)
    np.testing.assert_allclose(got, cayley, atol=1e-12 * length)


def test_inner_products_by_their_definition(rng):
    x, u = case(CANONICAL, (6, 3), rng)
    v = CANONICAL.random_tangent(x, rng=rng)
    assert CANONICAL.inner(x, u, v) == pytest.approx(
        np.trace(u.T @ (np.eye(6) - x @ x.T / 2) @ v), rel=1e-13, abs=1e-14
    )
    assert EUCLIDEAN.inner(x, u, v) == pytest.approx(np.trace(u.T @ v), rel=1e-13, abs=1e-14)
    g = rng.normal(size=(6, 3))
    np.testing.assert_allclose(CANONICAL.egrad2rgrad(x, g), g - x @ g.T @ x, atol=1e-14)
    sym = (x.T @ g + g.T @ x) / 2
    np.testing.assert_allclose(EUCLIDEAN.egrad2rgrad(x, g), g - x @ sym, atol=1e-14)


def test_tiny_norms_do_not_underflow(rng):
    x, v = case(CANONICAL, (5, 2), rng, 1.0)
    assert CANONICAL.norm(x, 1e-200 * v) == pytest.approx(1e-200, rel=1e-14)
    assert CANONICAL.norm(x, 1e200 * v) == pytest.approx(1e200, rel=1e-14)
    CANONICAL.check_tangent(x, 1e200 * v)


def test_project(rng):
    a = rng.normal(size=(10, 5, 2))
    u, _, vh = np.linalg.svd(a, full_matrices=False)
    np.testing.assert_allclose(CANONICAL.project(a), u @ vh, atol=1e-14)
    a[3, :, 1] = 2 * a[3, :, 0]
    assert np.isnan(CANONICAL.project(a)[3]).all()
    assert np.isfinite(np.delete(CANONICAL.project(a), 3, axis=0)).all()


def test_bad_parameters():
    with pytest.raises(ValueError, match=r"metric must be one of 'canonical', 'euclidean', got 'flat'"):
        Stiefel("flat")
    with pytest.raises(ValueError, match=r"retraction must be one of 'qr', 'polar', 'cayley', got 'svd'"):
        Stiefel(retraction="svd")
    with pytest.raises(
        ValueError, match=r"Stiefel\.check: a point needs at least as many rows as columns, got shape \(2, 3\)"
    ):
        Stiefel().check(np.ones((2, 3)))
    with pytest.raises(ValueError, match=r"Stiefel\.dim: a point needs"):
        Stiefel().dim((2, 3))
