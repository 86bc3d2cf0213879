"""`minimize` and what it says of functions that misbehave and of bad input."""

import math

import numpy as np
import pytest

from hypergeom.errors import ConvergenceError, DivergenceError, NotOnManifoldError
from hypergeom.manifolds import Lorentz, Product, Sphere
from hypergeom.optim import RCG, RLBFGS, RSGD, RAdam, StrongWolfe, TrustRegion, minimize

DETERMINISTIC = ("rcg", "rlbfgs", "trust_region")


@pytest.mark.parametrize("method", DETERMINISTIC)
@pytest.mark.parametrize("wall", [math.inf, math.nan])
def test_methods_back_off_from_what_is_not_finite(method, wall):
    """The logarithm has a wall near the minimum, and the first step would go far beyond."""
    found = minimize(
        lambda x: float(x[0] - np.log(x[0])) if x[0] > 0 else wall,
        np.array([30.0]),
        gradient=lambda x: 1 - 1 / x,
        method=TrustRegion(radius=50.0, max_radius=100.0) if method == "trust_region" else method,
        gtol=1e-9,
    )
    assert found.status == "gtol" and found.x == pytest.approx([1.0], abs=1e-8)


@pytest.mark.parametrize("method", [RSGD(lr=1.0), RAdam(lr=1e200, betas=(0.0, 0.0)), RSGD(lr=1.0, momentum=0.9)])
def test_divergence(method):
    with pytest.raises(DivergenceError) as caught:
        minimize(quartic, np.array([2.0, 1.0]), gradient=True, method=method)
    error = caught.value
    assert isinstance(error, ConvergenceError) and "lr" in error.advice and str(error.nit) in str(error)
    assert np.isfinite(quartic(error.x)[0])
    with pytest.raises(DivergenceError):
        minimize(lambda x, b: quartic(x), np.ones(2) * 3, gradient=True, method=method, batch=lambda t, g: None, rng=0)


def quartic(x):
    with np.errstate(all="ignore"):
        return float(np.sum(x**4)), 4 * x**3


def test_exceptions_of_the_user_pass_through(rng):
    class OwnError(Exception):
        pass

    def breaks(x):
        raise OwnError

    for method in ("rsgd", *DETERMINISTIC):
        with pytest.raises(OwnError):
            minimize(breaks, np.ones(2), gradient=lambda x: x, method=method)
        with pytest.raises(OwnError):
            minimize(lambda x: 0.0, np.ones(2), gradient=breaks, method=method)


NOTHING = np.zeros(3)


@pytest.mark.parametrize(
    ("options", "error", "match"),
    [
        ({"method": "adam"}, ValueError, "method must be one of 'rsgd'.*got 'adam'"),
        ({"method": RSGD}, ValueError, "instance"),
        ({"gradient_kind": "other"}, ValueError, "gradient_kind must be one of"),
        ({"maxiter": -1}, ValueError, "maxiter must be at least 0, got -1"),
        ({"maxiter": 1.5}, TypeError, "integer"),
        ({"gtol": -1e-3}, ValueError, "gtol"),
        ({"maxtime": -1}, ValueError, "maxtime"),
        ({"record_every": 0}, ValueError, "record_every"),
        ({"manifold": {"a": Sphere()}}, ValueError, "manifold is a dict"),
        ({"manifold": "sphere"}, TypeError, "needs a manifold"),
        ({"manifold": Sphere()}, NotOnManifoldError, "unit sphere"),
        ({"manifold": Sphere(), "method": RSGD(Lorentz())}, ValueError, "was made with"),
        ({"manifold": Product(Sphere())}, ValueError, "tuple of 1 entries"),
        ({"schedule": lambda t: 0.1}, ValueError, "schedule is for first-order methods"),
        ({"batch": lambda t, g: None}, ValueError, "batch is for first-order methods"),
        ({"schedule": lambda t: -0.1, "method": "rsgd"}, ValueError, r"schedule\(1\) must be at least 0"),
        ({"curvature": lambda t: 1.0}, ValueError, "PoincareBall"),
        ({"gradient": None}, TypeError, "gradient must be a function or True"),
        ({"gradient": lambda x: x[:2]}, ValueError, r"gradient: needs the shape \(3,\) of x, got \(2,\)"),
        ({"gradient": lambda x: {"a": x}}, ValueError, "needs an array as x, got a dict"),
        ({"gradient": lambda x: 1j * x}, TypeError, "real numbers"),
        ({"gradient": True}, ValueError, "must return .value, gradient."),
        ({"gradient": lambda x: np.full(3, np.nan)}, ValueError, "must be finite at x0"),
        ({"gradient_kind": "riemannian", "hvp": lambda x, v: v}, ValueError, "hvp needs the Euclidean gradient"),
        ({"method": "muon"}, ValueError, "muon needs matrices in flat space"),
        ({"method": "hyperbolic_muon"}, ValueError, "needs a LorentzGroup"),
        ({"method": {"a": "rsgd"}}, ValueError, "method has the keys"),
    ],
)
def test_bad_input(options, error, match):
    with pytest.raises(error, match=match):
        minimize(lambda x: float(x @ x), np.ones(3), **{"gradient": lambda x: 2 * x, **options})


@pytest.mark.parametrize(
    ("cost", "x0", "error", "match"),
    [
        (lambda x: math.nan, NOTHING, ValueError, "finite at x0, got cost nan"),
        (lambda x: x, NOTHING, ValueError, r"number, got an array of shape \(3,\)"),
        (lambda x: 1j, NOTHING, TypeError, "real number"),
        (lambda x: "0", NOTHING, TypeError, "real number"),
        (lambda x: 0.0, np.ones(3, complex), TypeError, "real numbers"),
        (lambda x: 0.0, np.zeros((0, 3)), ValueError, "empty"),
        (lambda x: 0.0, {}, ValueError, "at least one array"),
        (lambda x: 0.0, {"a": NOTHING, "b": "text"}, TypeError, r"x0\['b'\]: needs real numbers"),
    ],
)
def test_bad_costs_and_points(cost, x0, error, match):
    with pytest.raises(error, match=match):
        minimize(cost, x0, gradient=lambda x: x)


@pytest.mark.parametrize(
    "make",
    [
        lambda: RCG(beta="other"),
        lambda: RCG(restart=0),
        lambda: RLBFGS(memory=0),
        lambda: TrustRegion(radius=-1.0),
        lambda: TrustRegion(radius=2.0, max_radius=1.0),
        lambda: TrustRegion(rho=0.3),
        lambda: TrustRegion(kappa=1.0),
        lambda: TrustRegion(fd_step=0.0),
        lambda: TrustRegion(max_inner=0),
        lambda: StrongWolfe(c1=0.2, c2=0.1),
        lambda: StrongWolfe(c2=1.0),
        lambda: StrongWolfe(c1=0.0),
        lambda: StrongWolfe(maxiter=0),
    ],
)
def test_bad_methods(make):
    with pytest.raises(ValueError, match=r"must|needs|above"):
        make()
    with pytest.raises(TypeError):
        RCG(line_search="exact")
