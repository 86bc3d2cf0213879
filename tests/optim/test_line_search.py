"""The line search by itself, on functions of one variable that are meant to break it."""

import math

import numpy as np
import pytest

from hypergeom.optim import StrongWolfe
from hypergeom.optim.line_search import Trial


def search(f, derivative, first=1.0, method=None):
    """The trial that was found, and the number of evaluations."""
    method = method or StrongWolfe()
    count = 0

    def at(t):
        nonlocal count
        count += 1
        with np.errstate(all="ignore"):
            return Trial(t, float(f(t)), float(derivative(t)))

    start = Trial(0.0, float(f(0.0)), float(derivative(0.0)))
    return start, method.search(start, at, first), count


def straight(t):
    """Zero curvature up to 5."""
    return -t if t < 5 else (t - 5) ** 2 - t


SMOOTH = {
    "parabola": (lambda t: (t - 3) ** 2, lambda t: 2 * (t - 3)),
    "far parabola": (lambda t: (t - 3e4) ** 2, lambda t: 2 * (t - 3e4)),
    "near parabola": (lambda t: (t - 3e-5) ** 2, lambda t: 2 * (t - 3e-5)),
    "quartic": (lambda t: (t - 2) ** 4, lambda t: 4 * (t - 2) ** 3),
    "straight": (straight, lambda t: -1 if t < 5 else 2 * (t - 5) - 1),
    "waves": (lambda t: 0.01 * t**2 - t - np.sin(3 * t) / 2, lambda t: 0.02 * t - 1 - 1.5 * np.cos(3 * t)),
    "exponential": (lambda t: np.exp(t) - 10 * t, lambda t: np.exp(t) - 10),
    "valley": (lambda t: -t / (t**2 + 2), lambda t: (t**2 - 2) / (t**2 + 2) ** 2),
}


@pytest.mark.parametrize("c2", [0.9, 0.1, 1e-3])
@pytest.mark.parametrize("first", [1e-3, 1.0, 100.0])
@pytest.mark.parametrize("name", SMOOTH)
def test_both_conditions_hold(name, first, c2):
    f, derivative = SMOOTH[name]
    method = StrongWolfe(c2=c2, maxiter=60)
    start, found, count = search(f, derivative, first, method)
    assert found is not None
    assert found.fun <= start.fun + 1e-4 * found.t * start.slope
    assert abs(found.slope) <= c2 * abs(start.slope)
    assert count <= 30


def test_few_evaluations():
    """A parabola takes the first step and one of the secant; a good first step nothing more."""
    f, derivative = SMOOTH["parabola"]
    assert search(f, derivative, 3.0)[2] == 1
    assert search(f, derivative, 1.0)[2] <= 3
    assert search(f, derivative, 20.0)[2] == 2


@pytest.mark.parametrize("beyond", [math.inf, math.nan, -math.inf])
@pytest.mark.parametrize("wall", [1e-6, 0.5, 40.0])
def test_walls(beyond, wall):
    """Where the function ends, or lies that it goes down for ever; the minimum is close to the wall."""
    bottom = 0.9 * wall
    start, found, count = search(
        lambda t: (t - bottom) ** 2 if t < wall else beyond,
        lambda t: 2 * (t - bottom) if t < wall else -1.0,
        method=StrongWolfe(maxiter=40),
    )
    assert abs(found.slope) <= 0.1 * abs(start.slope) and found.fun < start.fun
    assert count <= 25


def test_a_cliff_that_is_not_smooth():
    """A jump upwards before any step with a small slope: what is found is at least lower."""
    start, found, _ = search(lambda t: -t if t < 0.3 else 5.0, lambda t: -1.0)
    assert found.t < 0.3 and found.fun < start.fun


def test_nothing_lower():
    _, found, count = search(abs, lambda t: -1.0)
    assert found is None and count <= 25
    _, found, _ = search(lambda t: 0.0 if t == 0 else math.nan, lambda t: -1.0)
    assert found is None


def test_down_to_rounding():
    """Next to the minimum values say nothing, and slopes still do: a search by values would fail there."""
    shift, at = 1e6, 1e-9
    f, derivative = (lambda t: shift + (t - at) ** 2), (lambda t: 2 * (t - at))
    start, found, count = search(f, derivative, 1.0, StrongWolfe(maxiter=60))
    assert found is not None and abs(found.slope) <= 0.1 * abs(start.slope) and count <= 60
    assert found.fun == start.fun
    values_only = StrongWolfe(maxiter=60)
    at_noise = values_only.search(start, lambda t: Trial(t, f(t) + 1e-10 * (t > 0), derivative(t)), 1.0, eps=0.0)
    assert at_noise is None
