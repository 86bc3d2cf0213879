"""Parallel transport: an isometry, its inverse, and its companions."""

import numpy as np
import pytest
from accuracy.hyperboloid import generic, tangent_rows

from hypergeom import lorentz

DIMENSIONS = pytest.mark.parametrize("d", [1, 2, 3, 8, 33])
C = 0.7


def case(rng, d, R=3.0, rows=20):
    found = generic(rng, d, np.float64, rows, C, R)
    return found["x"], found["y"], tangent_rows(rng, found["x"], C), tangent_rows(rng, found["x"], C)


@DIMENSIONS
def test_transport_keeps_inner_products_and_the_tangent_space(d, rng):
    x, y, u, v = case(rng, d)
    pu, pv = lorentz.transport(x, y, u, C), lorentz.transport(x, y, v, C)
    np.testing.assert_allclose(lorentz.inner(y, pu, pv, C), lorentz.inner(x, u, v, C), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(lorentz.norm(y, pv, C), lorentz.norm(x, v, C), rtol=1e-12)
    np.testing.assert_allclose(pv[:, 0], np.sum(y[:, 1:] * pv[:, 1:], axis=1) / y[:, 0], rtol=1e-11, atol=1e-12)


@DIMENSIONS
def test_there_and_back(d, rng):
    x, y, v, _ = case(rng, d)
    scale = np.linalg.norm(v, axis=1, keepdims=True)
    back = lorentz.transport(y, x, lorentz.transport(x, y, v, C), C)
    assert np.all(abs(back - v) <= 1e-11 * scale)
    at_apex = lorentz.transport_to0(x, v, C)
    np.testing.assert_array_equal(at_apex[:, 0], 0)
    assert np.all(abs(lorentz.transport0(x, at_apex, C) - v) <= 1e-12 * scale)
    apex = lorentz.project(0 * x, C)
    np.testing.assert_allclose(at_apex[:, 1:], lorentz.transport(x, apex, v, C)[:, 1:], rtol=1e-11, atol=1e-12)
    w = lorentz.transport0(y, at_apex, C)
    np.testing.assert_allclose(w, lorentz.transport(apex, y, at_apex, C), rtol=1e-11, atol=1e-12)


@DIMENSIONS
def test_the_velocity_of_a_geodesic_is_transported_to_the_velocity(d, rng):
    x, y, _, _ = case(rng, d)
    moved = lorentz.transport(x, y, lorentz.log(x, y, C), C)
    np.testing.assert_allclose(moved, -lorentz.log(y, x, C), rtol=1e-11, atol=1e-11)


def test_nowhere_and_at_the_apex(rng):
    x, _, v, _ = case(rng, 4)
    np.testing.assert_allclose(lorentz.transport(x, x, v, C)[:, 1:], v[:, 1:], rtol=1e-13, atol=1e-14)
    end, image = lorentz.exp_transport(x, 0 * v, v, C)
    np.testing.assert_array_equal(end[:, 1:], x[:, 1:])
    np.testing.assert_allclose(image[:, 1:], v[:, 1:], rtol=1e-13, atol=1e-14)
    apex = lorentz.project(0 * x, C)
    np.testing.assert_array_equal(lorentz.transport0(apex, v, C), v * ([0] + [1] * 4))


@DIMENSIONS
@pytest.mark.parametrize("length", [1e-3, 0.1, 1.0, 6.0])
def test_exp_transport_is_both(d, length, rng):
    x, _, v, u = case(rng, d)
    v *= length
    end, image = lorentz.exp_transport(x, v, u, C)
    np.testing.assert_array_equal(end, lorentz.exp(x, v, C))
    other = lorentz.transport(x, end, u, C)
    assert np.all(np.linalg.norm(image - other, axis=1) <= 1e-9 * np.linalg.norm(other, axis=1))
    np.testing.assert_allclose(lorentz.norm(end, image, C), lorentz.norm(x, u, C), rtol=1e-10)
    back = lorentz.log(end, x, C)
    np.testing.assert_allclose(lorentz.exp_transport(x, v, v, C)[1], -back, rtol=1e-8, atol=1e-9 * length)


def test_exp_transport_of_one_argument_is_its_gradient_in_parts(rng):
    """With the cotangent of one result 0, the other's is that of exp, or of transport by the chain rule."""
    x, _, v, u = case(rng, 3)
    g, zero, c = rng.normal(size=x.shape), 0 * x, np.full(len(x), C)
    x_bar, v_bar, u_bar, c_bar = lorentz.exp_transport_vjp(g, zero, x, v, u, c)
    for a, b in zip((x_bar, v_bar, c_bar), lorentz.exp_vjp(g, x, v, c), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(u_bar, 0)
    x_bar, v_bar, u_bar, c_bar = lorentz.exp_transport_vjp(zero, g, x, v, u, c)
    end = lorentz.exp(x, v, c)
    through_x, of_end, of_u, of_c = lorentz.transport_vjp(g, x, end, u, c)
    of_x, of_v, again_c = lorentz.exp_vjp(of_end, x, v, c)
    for a, b in ((x_bar, through_x + of_x), (v_bar, of_v), (u_bar, of_u), (c_bar, of_c + again_c)):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-8 * abs(b).max())


@DIMENSIONS
def test_the_gradient_in_v_is_the_transport_back_of_covectors(d, rng):
    """<G, P v> = <P^T G, v> of tangents, and P^T is the transport back of the vector that belongs to G."""
    x, y, v, _ = case(rng, d)
    g = rng.normal(size=x.shape)
    bar = lorentz.transport_vjp(g, x, y, v, C)[2]
    np.testing.assert_allclose(
        np.sum(bar * v, axis=1), np.sum(g * lorentz.transport(x, y, v, C), axis=1), rtol=1e-9, atol=1e-10
    )
    chart = lorentz.tangent_from_spatial_vjp(g, y, v[:, 1:], C)[1]  # the cotangent of the spatial part
    raised = lorentz.egrad2rgrad(y, np.concatenate([0 * g[:, :1], chart], axis=1), C)
    there = lorentz.egrad2rgrad(x, bar, C)
    np.testing.assert_allclose(lorentz.transport(y, x, raised, C), there, rtol=1e-9, atol=1e-9 * abs(there).max())
