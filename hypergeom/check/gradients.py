"""A gradient against its cost, on any manifold."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from hypergeom._results import Result
from hypergeom.check.differences import extrapolated
from hypergeom.errors import CheckError
from hypergeom.optim.objective import Objective
from hypergeom.optim.parameters import check_choice, check_count
from hypergeom.optim.spaces import Geometry, Vectors, combined, scaled
from hypergeom.optim.trees import Layout, Tree

__all__ = ["GradientCheck", "check_gradient"]

_STEPS = np.logspace(0, -6, 45)
_WINDOW = 8
# Of a right gradient 2, or more where the second derivative is 0. In float32 hardly a decade of steps is both short and
# above rounding.
_SLOPE, _SLOPE_FLOAT32 = 1.9, 1.5
_DISCREPANCY = 1e-7


@dataclass(frozen=True)
class GradientCheck(Result):
    """What `check_gradient` found, in the worst of its directions.

    Attributes
    ----------
    passed : bool
    slope : float
        Of the error over the step, both in logarithms: 2 for a right gradient, 1 for a wrong one; NaN if `exact`.
    discrepancy : float
        The error of the directional derivative, relative to the norm of the gradient.
    steps, errors : array
        Steps t, and errors of the linear model there.
    window : tuple of int
        First and last of the steps that the slope was taken from.
    directional_derivative : float
        As differences of the cost say it.
    tangency : float
        How far a Riemannian gradient is from the tangent space, relative to its norm.
    exact : bool
        Whether the linear model is right to rounding.
    """

    passed: bool
    slope: float
    discrepancy: float
    steps: Any
    errors: Any
    window: tuple[int, int]
    directional_derivative: float
    tangency: float
    exact: bool

    def __str__(self) -> str:
        slope = "none, the cost is linear" if self.exact else f"{self.slope:.3f} (a right gradient has 2)"
        return "\n".join(
            (
                f"gradient check: {'passed' if self.passed else 'FAILED'}",
                f"  slope of the error     {slope}",
                f"  discrepancy            {self.discrepancy:.1e}",
                f"  derivative             {self.directional_derivative:.9g}",
                f"  part that is normal    {self.tangency:.1e}",
            )
        )

    def raise_if_failed(self) -> None:
        """Raise `CheckError` with the table unless it passed."""
        if not self.passed:
            raise CheckError(str(self))

    def plot(self, ax: Any = None) -> Any:
        """The errors over the steps in logarithms, with a line of slope 2; returns the axes of matplotlib."""
        if ax is None:
            import matplotlib.pyplot as plt

            ax = plt.subplots(layout="constrained")[1]
        shown = self.errors > 0
        ax.loglog(self.steps[shown], self.errors[shown], ".", label="error of the linear model")
        if np.any(shown):
            middle = self.steps[shown][0], self.errors[shown][0]
            ax.loglog(self.steps, middle[1] * (self.steps / middle[0]) ** 2, "--", color="0.5", label="slope 2")
        first, last = self.window
        if last > first:
            ax.axvspan(self.steps[last], self.steps[first], alpha=0.1)
        ax.set(xlabel="step", ylabel="error", title="passed" if self.passed else "failed")
        ax.legend()
        return ax


def check_gradient(
    cost: Callable[..., Any],
    gradient: Callable[..., Tree] | bool,
    x: Tree,
    /,
    *,
    manifold: Any = None,
    direction: Tree = None,
    samples: int = 3,
    gradient_kind: Literal["euclidean", "riemannian"] = "euclidean",
    rng: Any = None,
) -> GradientCheck:
    r"""Compare a gradient with differences of the cost.

    For a right gradient the error of the linear model,
    :math:`|f(R_x(t v)) - f(x) - t \langle g, v \rangle|`, falls like :math:`t^2`, and for a wrong one like t, where
    rounding lets one see it. That alone passes a gradient that is wrong by a thousandth; so the derivative along v, by
    extrapolated differences, must also agree to 1e-7 of the norm of the gradient, or to ten times its own error.

    Parameters
    ----------
    cost, gradient, manifold, gradient_kind
        As for `hypergeom.optim.minimize`.
    x : tree
        The point.
    direction : tree, optional
        A tangent vector; by default the gradient, and `samples` random ones. Of several the worst is reported.
    samples : int
    rng : int, Generator or None

    Returns
    -------
    GradientCheck
        Never an error for a cost that is not smooth: that does not pass.

    Raises
    ------
    NotOnManifoldError
        x is not on the manifold.
    ValueError
        The cost is not finite at x, or the gradient has another shape.

    References
    ----------
    .. [1] N. Boumal, *An Introduction to Optimization on Smooth Manifolds*, Cambridge 2023, section 4.8.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom.check import check_gradient
    >>> from hypergeom.manifolds import Sphere
    >>> A, x = np.diag([1.0, 2.0, 4.0]), np.array([0.6, 0.0, 0.8])
    >>> check_gradient(lambda x: x @ A @ x, lambda x: 2 * A @ x, x, manifold=Sphere(), rng=0).passed
    True
    >>> print(check_gradient(lambda x: x @ A @ x, lambda x: 2.001 * A @ x, x, manifold=Sphere(), rng=0).passed)
    False
    """
    check_choice("check_gradient", "gradient_kind", gradient_kind, ("euclidean", "riemannian"))
    check_count("check_gradient", "samples", samples, 1)
    layout, point = Layout.of("check_gradient: x", x, manifold)
    geometry = Geometry(layout)
    geometry.check(point)
    objective = Objective(geometry, cost, gradient, riemannian=gradient_kind == "riemannian", where="check_gradient")
    at = objective.evaluate(point)
    if not math.isfinite(at.fun):
        raise ValueError(f"check_gradient: the cost must be finite at x, got {at.fun}")
    tangency = _tangency(geometry, point, at.grad) if gradient_kind == "riemannian" else 0.0
    if direction is not None:
        directions = [layout.flatten("check_gradient: direction", direction)]
    else:
        generator = np.random.default_rng(rng)
        directions = [geometry.random(point, generator) for _ in range(samples)]
        if 0 < at.grad_norm < math.inf:
            directions.append(at.grad)
    found = []
    for v in directions:
        size = geometry.norm(point, v)
        if not 0 < size < math.inf:
            raise ValueError(f"check_gradient: direction must have a positive and finite norm, got {size}")
        found.append(_along(objective, point, at.fun, at.grad, scaled(1 / size, v), tangency))
    return min(found, key=lambda check: (check.passed, -check.discrepancy))


def _along(objective: Objective, x: Vectors, fun: float, grad: Vectors, v: Vectors, tangency: float) -> GradientCheck:
    geometry = objective.geometry

    def f(t: float) -> float:
        with np.errstate(all="ignore"):
            return objective.value(geometry.curve(x, v, t)[0]).fun

    size, claimed = geometry.norm(x, grad), geometry.inner(x, grad, v)
    values = np.array([f(float(t)) for t in _STEPS])
    with np.errstate(all="ignore"):
        errors = np.abs(values - fun - _STEPS * claimed)
    floor = (100 if geometry.eps < 1e-10 else 5) * geometry.eps * (abs(fun) + abs(claimed))
    slope, window, exact = _straightest(errors, floor)
    derivative = extrapolated(f, 0.25)
    found = float(derivative.value)
    scale = size if size > 0 else 1.0
    discrepancy = abs(claimed - found) / scale if math.isfinite(found) else math.inf
    noise = 10 * derivative.error / scale
    tolerance = max(_DISCREPANCY * max(1.0, 1e3 * geometry.eps / _DISCREPANCY), noise)
    # An estimate that allows everything says nothing.
    right = discrepancy <= tolerance and (noise < 1e-2 or exact)
    least = _SLOPE if geometry.eps < 1e-10 else _SLOPE_FLOAT32
    passed = bool((exact or slope >= least) and right and tangency <= max(_DISCREPANCY, 1e3 * geometry.eps))
    return GradientCheck(passed, slope, discrepancy, _STEPS.copy(), errors, window, found, tangency, exact)


def _straightest(errors: Any, floor: float) -> tuple[float, tuple[int, int], bool]:
    """The slope of the errors where they are straightest, above rounding; the window; whether all is rounding."""
    finite = np.isfinite(errors)
    above = finite & (errors > floor)
    if not above.any():
        return math.nan, (0, 0), bool(finite.all())
    best = (math.inf, math.nan, (0, 0))
    length = min(_WINDOW, int(above.sum()))
    for k in range(len(errors) - length + 1):
        if not above[k : k + length].all():
            continue
        t, e = np.log(_STEPS[k : k + length]), np.log(errors[k : k + length])
        if length < 3:
            return math.nan, (0, 0), True  # all but one or two of the errors are rounding
        slope, offset = np.polyfit(t, e, 1)
        miss = float(np.sum((e - slope * t - offset) ** 2))
        if miss < best[0]:
            best = (miss, float(slope), (k, k + length - 1))
    return best[1], best[2], False


def _tangency(geometry: Geometry, x: Vectors, g: Vectors) -> float:
    parts = zip(geometry.spaces, x, g, strict=True)
    tangent = [space.manifold.project_tangent(a, v) if a.ndim else v for space, a, v in parts]
    off = combined(1.0, g, -1.0, tangent)
    size = math.sqrt(sum(float(np.sum(np.asarray(a, float) ** 2)) for a in g))
    return math.sqrt(sum(float(np.sum(np.asarray(a, float) ** 2)) for a in off)) / (size or 1.0)
