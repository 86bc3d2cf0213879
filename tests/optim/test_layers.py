"""One backward sweep, against complex steps and in training on several manifolds."""

import numpy as np
import pytest

from hypergeom import poincare
from hypergeom.manifolds import Euclidean, PoincareBall, Stiefel
from hypergeom.optim import RAdam, layered, minimize

LINEAR = (lambda W, h: h @ W, lambda g, W, h: (h.T @ g, g @ W.T))
BIASED = (lambda p, h: h @ p["W"] + p["b"], lambda g, p, h: ({"W": h.T @ g, "b": g.sum(0)}, g @ p["W"].T))
SINE = (lambda s, h: np.sin(s * h), lambda g, s, h: ((g * np.cos(s * h) * h).sum(), g * s * np.cos(s * h)))


def square(h, y):
    return ((h - y) ** 2).sum() / 2, h - y


LAYERS = {"a": BIASED, "b": SINE, "c": LINEAR, "d": SINE, "e": BIASED}


def parameters(rng):
    def biased():
        return {"W": rng.normal(size=(3, 3)), "b": rng.normal(size=3)}

    return {"a": biased(), "b": np.asarray(0.7), "c": rng.normal(size=(3, 3)), "d": np.asarray(1.3), "e": biased()}


def moved(params, name, key, index):
    """With a complex step in one number."""
    params = {k: dict(v) if isinstance(v, dict) else v for k, v in params.items()}
    home, key = (params[name], key) if key else (params, name)
    home[key] = home[key].astype(complex)
    home[key][index] += 1e-30j
    return params


@pytest.mark.parametrize("every", [1, 2, 3, 5, 9])
def test_gradient_of_all_parameters(rng, every):
    params, batch = parameters(rng), (rng.normal(size=(4, 3)), rng.normal(size=(4, 3)))
    f = layered(LAYERS, square, checkpoint_every=every)
    value, gradient = f(params, batch)
    assert list(gradient) == list(params)
    for name, g in gradient.items():
        for key, part in g.items() if isinstance(g, dict) else [(None, g)]:
            part = np.asarray(part)
            truth = [f(moved(params, name, key, i), batch)[0].imag / 1e-30 for i in np.ndindex(part.shape)]
            np.testing.assert_allclose(part.ravel(), truth, rtol=1e-12, atol=1e-12 * np.abs(truth).max())
    plain = layered(LAYERS, square)(params, batch)
    assert plain[0] == value
    np.testing.assert_array_equal(plain[1]["c"], gradient["c"])


def test_fewer_values_are_kept_and_more_are_computed():
    calls = []
    layer = (lambda p, h: calls.append("forward") or h + p, lambda g, p, h: calls.append("back") or (g, g))
    names = [str(k) for k in range(7)]
    params = dict.fromkeys(names, 1.0)
    for every, forward in ((1, 7), (3, 7 + 2 + 2), (7, 7 + 6)):
        calls.clear()
        layered(dict.fromkeys(names, layer), square, checkpoint_every=every)(params, (np.zeros(2), np.zeros(2)))
        assert calls.count("forward") == forward and calls.count("back") == 7


def test_training_on_three_manifolds(rng):
    """Orthonormal coordinates, then distances to points of the ball, then a linear layer."""

    def distances(points, h):
        return poincare.cdist(h, points)

    def distances_vjp(g, points, h):
        h_bar, points_bar, _ = poincare.cdist_vjp(g, h, points)
        return points_bar, h_bar

    layers = {"frame": LINEAR, "points": (distances, distances_vjp), "out": LINEAR}
    manifolds = {"frame": Stiefel(), "points": PoincareBall(), "out": Euclidean()}
    frame, points, out = np.linalg.qr(rng.normal(size=(6, 2))).Q, 0.4 * rng.normal(size=(3, 2)) / 2, np.ones((3, 1))
    x = rng.uniform(-0.3, 0.3, size=(60, 6))
    y = distances(points, x @ frame) @ out
    f = layered(layers, square)
    x0 = {"frame": np.eye(6, 2), "points": 0.1 * rng.normal(size=(3, 2)), "out": np.ones((3, 1)) / 2}
    start = f(x0, (x, y))[0]

    def batch(t, draws):
        rows = draws.choice(60, size=20, replace=False)
        return x[rows], y[rows]

    found = minimize(
        f, x0, gradient=True, manifold=manifolds, method=RAdam(manifolds, lr=0.02), batch=batch, maxiter=400, rng=1
    )
    assert f(found.x, (x, y))[0] < 0.1 * start
    Stiefel().check(found.x["frame"])
    PoincareBall().check(found.x["points"])


def test_bad_arguments():
    with pytest.raises(ValueError, match="needs at least one layer"):
        layered({}, square)
    with pytest.raises(ValueError, match="checkpoint_every must be at least 1, got 0"):
        layered(LAYERS, square, checkpoint_every=0)
    with pytest.raises(ValueError, match=r"needs parameters named \['a'\], got \['b'\]"):
        layered({"a": LINEAR}, square)({"b": np.eye(2)}, (np.eye(2), np.eye(2)))
