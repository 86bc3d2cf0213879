"""What line-search methods share: the cost along the curve of a direction, and what comes of a search."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from hypergeom.optim.line_search import StrongWolfe, Trial
from hypergeom.optim.objective import Iterate, Objective, all_finite
from hypergeom.optim.spaces import Geometry, Vectors, scaled

__all__ = ["Accepted", "Move", "Solver", "Stalled", "downhill", "searched", "steepest"]


class Stalled(Exception):  # noqa: N818
    """No step makes the cost smaller."""


@dataclass(frozen=True)
class Move:
    """An iteration: where it led, what the method keeps, and the length of the step."""

    iterate: Iterate
    state: Any
    length: float


class Solver(Protocol):
    """A method that `minimize` drives with costs and gradients of its own choice of points."""

    def start(self, objective: Objective, iterate: Iterate) -> Any:
        """The state before the first iteration."""

    def advance(self, objective: Objective, iterate: Iterate, state: Any, t: int) -> Move:
        """Iteration t, from 1; `Stalled` where there is none."""

    def remapped(self, state: Any, f: Any) -> Any:
        """The state with f, which maps tangents at the iterate, on all that are in it."""


@dataclass(frozen=True)
class Accepted:
    """The end of a line search."""

    iterate: Iterate
    t: float
    velocity: Vectors
    slope: float  # at the beginning


def searched(
    objective: Objective, at: Iterate, direction: Vectors, slope: float, search: StrongWolfe, first: float
) -> Accepted | None:
    """Search along the curve of a direction with this slope, from an iterate."""
    geometry = objective.geometry

    def trial(t: float) -> Trial:
        with np.errstate(all="ignore"):
            y, velocity = geometry.curve(at.x, direction, t)
        if not all_finite(y):
            return Trial(t, math.inf, math.nan)
        value = objective.value(y)
        if not math.isfinite(value.fun):
            return Trial(t, math.inf, math.nan)
        there = objective.completed(value)
        with np.errstate(all="ignore"):
            along = geometry.inner(y, there.grad, velocity) if there.finite else math.nan
        return Trial(t, there.fun, along, (there, velocity))

    found = search.search(Trial(0.0, at.fun, slope), trial, first, 5 * geometry.eps)
    if found is None:
        return None
    there, velocity = found.known
    return Accepted(there, found.t, velocity, slope)


def downhill(geometry: Geometry, at: Iterate, direction: Vectors) -> float | None:
    """The slope along a direction; None if that does not lead down."""
    slope = geometry.inner(at.x, at.grad, direction)
    return slope if -math.inf < slope < 0 else None


def steepest(at: Iterate) -> tuple[Vectors, float]:
    """The direction of steepest descent, and the slope there."""
    return scaled(-1.0, at.grad), -(at.grad_norm**2)
