"""Responses and hypergradients against ridge regression, which has them in closed form, and differences of others."""

import array_api_strict
import numpy as np
import pytest
from scipy.optimize import minimize, minimize_scalar

from hypergeom.errors import ConvergenceError
from hypergeom.optim import best_response, hypergradient, self_tune


class Ridge:
    """|Xw - y|^2 / 2 + sum_k exp(h_k) |w_k|^2 / 2, group k of the weights having the penalty exp(h_k)."""

    def __init__(self, rng, n=7, groups=2, rows=30):
        self.X, self.Z = rng.normal(size=(rows, n)) / np.sqrt(rows), rng.normal(size=(rows, n)) / np.sqrt(rows)
        w = rng.normal(size=n)
        self.y, self.z = self.X @ w + 0.4 * rng.normal(size=rows), self.Z @ w + 0.1 * rng.normal(size=rows)
        self.member = np.eye(groups)[np.arange(n) % groups]
        self.hyper = rng.normal(size=groups) - 1
        self.gram = self.X.T @ self.X

    def hessian(self, h):
        return self.gram + np.diag(self.member @ np.exp(h))

    def weights(self, h):
        return np.linalg.solve(self.hessian(h), self.X.T @ self.y)

    def response(self, h):
        return -np.linalg.solve(self.hessian(h), self.weights(h)[:, None] * self.member * np.exp(h))

    def validation(self, h):
        """With a part of its own in h. Holds for complex h."""
        r = self.Z @ self.weights(h) - self.z
        return r @ r / 2 + 0.05 * (h @ h)

    def gradient(self, w, h):
        return self.X.T @ (self.X @ w - self.y) + (self.member @ np.exp(h)) * w

    def hvp(self, w, h, v):
        return self.hessian(h) @ v

    def mixed(self, w, h, e):
        return (self.member @ (np.exp(h) * e)) * w

    def validation_gradient(self, w, h):
        return self.Z.T @ (self.Z @ w - self.z), 0.1 * h

    def options(self, exact):
        return {"train_gradient": self.gradient} | ({"train_hvp": self.hvp, "train_mixed": self.mixed} if exact else {})


@pytest.fixture
def ridge(rng):
    return Ridge(rng)


@pytest.mark.parametrize(("exact", "bar"), [(True, 1e-8), (False, 1e-6)])
def test_best_response_of_ridge_regression(ridge, exact, bar):
    h = ridge.hyper
    J = best_response(ridge.weights(h), h, **ridge.options(exact))
    np.testing.assert_allclose(J, ridge.response(h), rtol=0, atol=bar * np.abs(ridge.response(h)).max())


@pytest.mark.parametrize("mode", ["adjoint", "forward"])
@pytest.mark.parametrize(("exact", "bar"), [(True, 1e-8), (False, 1e-6)])
def test_hypergradient_is_the_derivative_of_the_validation_loss(ridge, mode, exact, bar):
    h, step = ridge.hyper, 1e-30
    truth = [ridge.validation(h + 1j * step * e).imag / step for e in np.eye(h.size)]
    got = hypergradient(
        ridge.weights(h), h, validation_gradient=ridge.validation_gradient, mode=mode, **ridge.options(exact)
    )
    np.testing.assert_allclose(got, truth, rtol=0, atol=bar * np.abs(truth).max())


def test_hypergradient_of_a_loss_that_is_not_quadratic(rng):
    X, Z, signs = rng.normal(size=(40, 5)), rng.normal(size=(40, 5)), np.sign(rng.normal(size=40))

    def gradient(w, h):
        return -X.T @ (signs / (1 + np.exp(signs * (X @ w)))) + np.exp(h[0]) * w

    def trained(h):
        def loss(w):
            return np.log1p(np.exp(-signs * (X @ w))).sum() + np.exp(h[0]) * (w @ w) / 2

        w = minimize(loss, np.zeros(5), jac=lambda w: gradient(w, h), tol=1e-12).x
        for _ in range(5):  # Newton to the last digits
            s = 1 / (1 + np.exp(-signs * (X @ w)))
            w = w - np.linalg.solve(X.T @ ((s * (1 - s))[:, None] * X) + np.exp(h[0]) * np.eye(5), gradient(w, h))
        return w

    h, t = np.array([0.3]), 1e-4

    def value(h):
        return np.sin(Z @ trained(h)).sum()

    truth = (8 * (value(h + t) - value(h - t)) - (value(h + 2 * t) - value(h - 2 * t))) / (12 * t)
    got = hypergradient(
        trained(h),
        h,
        train_gradient=gradient,
        validation_gradient=lambda w, h: (Z.T @ np.cos(Z @ w), np.zeros(1)),
    )
    assert abs(got[0] - truth) <= 1e-6 * abs(truth)


@pytest.mark.parametrize(("response", "bar"), [("implicit", 1e-6), ("delta", 1e-6), ("sampled", 5e-3)])
def test_self_tuning_reaches_the_best_penalty(rng, response, bar):
    ridge = Ridge(rng, groups=1)
    least = minimize_scalar(lambda h: ridge.validation(np.array([h])), bounds=(-15, 5), method="bounded").fun
    lr = 1 / np.linalg.eigvalsh(ridge.gram)[-1]
    found = self_tune(
        np.zeros(7),
        np.array([-1.0]),
        validation_gradient=ridge.validation_gradient,
        response=response,
        train_lr=lr / 2,
        hyper_lr=0.5,
        maxiter=600,
        rng=rng,
        **ridge.options(response != "sampled"),
    )
    assert ridge.validation(found.hyper) - least <= bar
    assert found.history.hyper.shape == (found.nit, 1)
    assert found.history.hyper[0] == -1 and found.history.hyper[-1] == found.hyper
    assert found.history.hypergradient_norm.shape == (found.nit,)
    np.testing.assert_array_equal(np.abs(found.hypergradient), found.history.hypergradient_norm[-1])
    if response != "sampled":
        assert found.success and found.history.hypergradient_norm[-1] <= 1e-6
        truth = ridge.response(found.hyper)
        np.testing.assert_allclose(found.response, truth, rtol=0, atol=1e-5 * np.abs(truth).max())


def test_opposite_samples_have_no_part_of_the_gradient(ridge, rng):
    """Far from the minimum, where the gradient is large: the response of a quadratic loss with a linear mixed part."""

    def gradient(w, h):
        return ridge.gram @ w + 100 + w.sum() + ridge.member @ h

    found = self_tune(
        np.zeros(7),
        np.zeros(2),
        train_gradient=gradient,
        validation_gradient=lambda w, h: (0 * w, 0 * h + 1),
        response="sampled",
        train_steps=1,
        train_lr=1e-8,
        response_steps=400,
        response_lr=0.02,
        samples=2,
        maxiter=1,
        rng=rng,
    )
    truth = -np.linalg.solve(ridge.gram + 1, ridge.member)
    assert np.abs(found.response - truth).max() <= 0.25 * np.abs(truth).max()


def test_same_seed_same_result_and_callback_ends(ridge):
    def run(**options):
        return self_tune(
            np.zeros(7),
            ridge.hyper,
            validation_gradient=ridge.validation_gradient,
            response="sampled",
            maxiter=5,
            **ridge.options(False),
            **options,
        )

    first, second = run(rng=3), run(rng=3)
    np.testing.assert_array_equal(first.w, second.w)
    np.testing.assert_array_equal(first.response, second.response)
    seen = []
    ended = run(callback=lambda nit, w, h, norm: seen.append((nit, norm)) or nit == 2)
    assert ended.nit == 2 and not ended.success and [nit for nit, _ in seen] == [1, 2]
    assert seen[-1][1] == ended.history.hypergradient_norm[-1]


def test_other_libraries(ridge):
    xp = array_api_strict
    X, y, member = (xp.asarray(a) for a in (ridge.X, ridge.y, ridge.member))

    def gradient(w, h):
        return X.T @ (X @ w - y) + (member @ xp.exp(h)) * w

    h = ridge.hyper
    J = best_response(xp.asarray(ridge.weights(h)), xp.asarray(h), train_gradient=gradient)
    np.testing.assert_allclose(np.asarray(J), ridge.response(h), rtol=0, atol=1e-6 * np.abs(ridge.response(h)).max())
    found = self_tune(
        xp.zeros(7),
        xp.asarray(h),
        train_gradient=gradient,
        validation_gradient=lambda w, h: (w, h),
        response="sampled",
        maxiter=2,
        rng=0,
    )
    assert found.w.dtype == xp.float64 and found.response.shape == (7, 2)


def test_an_indefinite_hessian_is_an_error():
    def gradient(w, h):
        return np.array([1.0, -1.0]) * w + h

    with pytest.raises(ConvergenceError, match="best_response: the training Hessian is not positive definite"):
        best_response(np.zeros(2), np.ones(1), train_gradient=gradient)


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid value")
def test_steps_that_are_too_long_are_an_error(ridge):
    with pytest.raises(ConvergenceError, match="self_tune: not finite"):
        self_tune(
            np.zeros(7),
            ridge.hyper,
            validation_gradient=ridge.validation_gradient,
            train_lr=1e200,
            **ridge.options(False),
        )


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"response": "linear"}, ValueError, "response must be 'delta', 'implicit' or 'sampled', got 'linear'"),
        ({"train_lr": 0.0}, ValueError, "train_lr must be positive"),
        ({"train_steps": 0}, ValueError, "train_steps must be at least 1"),
        ({"maxiter": -1}, ValueError, "maxiter must be at least 0"),
        ({"train_gradient": lambda w, h: w[:-1]}, ValueError, r"train_gradient must return the shape \(7,\)"),
        ({"validation_gradient": lambda w, h: w.sum()}, ValueError, "must return a pair"),
    ],
)
def test_bad_options(ridge, change, error, message):
    options = {"validation_gradient": ridge.validation_gradient} | ridge.options(True) | change
    with pytest.raises(error, match=message):
        self_tune(np.zeros(7), ridge.hyper, **options)


def test_bad_arguments(ridge):
    with pytest.raises(ValueError, match="w and hyper must be vectors"):
        best_response(np.zeros((2, 2)), np.zeros(1), **ridge.options(True))
    with pytest.raises(TypeError, match="w needs real numbers"):
        best_response(np.zeros(2, dtype=complex), np.zeros(1), **ridge.options(True))
    with pytest.raises(ValueError, match="mode must be"):
        hypergradient(np.zeros(7), ridge.hyper, validation_gradient=None, mode="both", **ridge.options(True))
    with pytest.raises(ValueError, match="tol must lie between"):
        best_response(np.zeros(7), ridge.hyper, tol=0.0, **ridge.options(True))
