"""Conjugate gradients on manifolds."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from hypergeom.optim.descent import Accepted, Move, Stalled, downhill, searched, steepest
from hypergeom.optim.line_search import StrongWolfe
from hypergeom.optim.objective import Iterate, Objective
from hypergeom.optim.parameters import check_choice, check_count
from hypergeom.optim.spaces import Geometry, Vectors, combined, scaled

__all__ = ["RCG", "RCGState"]

_BETAS = ("hager_zhang", "polak_ribiere", "hestenes_stiefel", "dai_yuan", "fletcher_reeves")


@dataclass(frozen=True)
class RCGState:
    """What an iteration of `RCG` hands to the next.

    Attributes
    ----------
    direction : list of array
        The next direction, one array for each leaf.
    decrease : float
        By how much the last step made the cost smaller; NaN before the first.
    t, slope : float
        The last step, in units of its direction, and the slope at its beginning.
    length : float
        Its length in the metric.
    since : int
        Iterations since the direction was that of steepest descent.
    """

    direction: Vectors
    decrease: float
    t: float
    slope: float
    length: float
    since: int


@dataclass(frozen=True, kw_only=True)
class RCG:
    r"""Riemannian conjugate gradients [1]_: the method for many parameters and accurate optima.

    From the gradient g' at the new point, and the last gradient g and direction d transported there,
    the next direction is :math:`-g' + \beta T d`, with :math:`y = g' - T g` in

    .. math:: \beta_{HZ} = \frac{1}{\langle y, Td \rangle}
        \Bigl\langle y - 2 \frac{|y|^2}{\langle y, Td \rangle} T d,\; g' \Bigr\rangle
        \ge \frac{-1}{|Td| \min(0.01, |g|)} .

    Where that does not lead down, it is -g'.

    Parameters
    ----------
    beta : {"hager_zhang", "polak_ribiere", "hestenes_stiefel", "dai_yuan", "fletcher_reeves"}
        Those of Polak and Ribière and of Hestenes and Stiefel are not let below 0.
    line_search : StrongWolfe
    restart : int, optional
        Take the direction of steepest descent after so many iterations; never by default.

    References
    ----------
    .. [1] H. Sato, *Riemannian Optimization and Its Applications*, Springer 2021, chapter 4.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom.manifolds import Sphere
    >>> from hypergeom.optim import RCG, minimize
    >>> A = np.diag([1.0, 2.0, 5.0])
    >>> found = minimize(lambda x: x @ A @ x, np.array([0.6, 0.0, 0.8]), gradient=lambda x: 2 * A @ x,
    ...                  manifold=Sphere(), method=RCG(beta="polak_ribiere"))
    >>> found.status, round(found.fun, 9)
    ('gtol', 1.0)
    """

    beta: Literal["hager_zhang", "polak_ribiere", "hestenes_stiefel", "dai_yuan", "fletcher_reeves"] = "hager_zhang"
    line_search: StrongWolfe = StrongWolfe()  # noqa: RUF009
    restart: int | None = None

    def __post_init__(self) -> None:
        check_choice("RCG", "beta", self.beta, _BETAS)
        if not isinstance(self.line_search, StrongWolfe):
            raise TypeError(f"RCG: line_search must be a StrongWolfe, got {self.line_search!r}")
        if self.restart is not None:
            check_count("RCG", "restart", self.restart, 1)

    def start(self, objective: Objective, iterate: Iterate) -> RCGState:
        """The direction of steepest descent."""
        return RCGState(steepest(iterate)[0], math.nan, math.nan, math.nan, math.nan, 0)

    def remapped(self, state: RCGState, f: Callable[[Vectors], Vectors]) -> RCGState:
        """The state with f on its direction."""
        return replace(state, direction=f(state.direction))

    def advance(self, objective: Objective, iterate: Iterate, state: RCGState, t: int) -> Move:
        """Search along the direction, or along that of steepest descent where it leads nowhere; then turn."""
        geometry = objective.geometry
        direction, since, found = state.direction, state.since, None
        slope = downhill(geometry, iterate, direction)
        if slope is not None:
            first = _first_step(geometry, iterate, direction, slope, state)
            found = searched(objective, iterate, direction, slope, self.line_search, first)
        if found is None and (since or slope is None):
            (direction, slope), since = steepest(iterate), 0
            first = _first_step(geometry, iterate, direction, slope, state)
            found = searched(objective, iterate, direction, slope, self.line_search, first)
        if found is None or slope is None:
            raise Stalled
        there = found.iterate
        since += 1
        turned, since = self._next_direction(geometry, iterate, direction, found, since)
        length = found.t * geometry.norm(iterate.x, direction)
        state = RCGState(turned, iterate.fun - there.fun, found.t, slope, length, since)
        return Move(there, state, length)

    def _next_direction(
        self, geometry: Geometry, at: Iterate, direction: Vectors, found: Accepted, since: int
    ) -> tuple[Vectors, int]:
        there = found.iterate
        if self.restart is not None and since >= self.restart:
            return steepest(there)[0], 0
        tv = scaled(found.t, direction)
        old = geometry.transport(at.x, tv, there.x, at.grad)
        carried = geometry.carried(at.x, tv, there.x, direction, found.velocity)
        y = combined(1.0, there.grad, -1.0, old)
        beta = self._beta(lambda u, v: geometry.inner(there.x, u, v), at, there.grad, y, carried)
        if not math.isfinite(beta):
            return steepest(there)[0], 0
        turned = combined(-1.0, there.grad, beta, carried)
        return (steepest(there)[0], 0) if downhill(geometry, there, turned) is None else (turned, since)

    def _beta(
        self, inner: Callable[[Vectors, Vectors], float], at: Iterate, g: Vectors, y: Vectors, d: Vectors
    ) -> float:
        if self.beta in ("fletcher_reeves", "polak_ribiere"):
            top = inner(g, g) if self.beta == "fletcher_reeves" else max(0.0, inner(g, y))
            return float(top / at.grad_norm**2)
        yd = inner(y, d)
        if yd == 0:
            return math.nan
        if self.beta == "dai_yuan":
            return inner(g, g) / yd
        if self.beta == "hestenes_stiefel":
            return max(0.0, inner(g, y) / yd)
        least = -1 / (math.sqrt(inner(d, d)) * min(0.01, at.grad_norm))
        return max((inner(y, g) - 2 * inner(y, y) * inner(d, g) / yd) / yd, least)


def _first_step(geometry: Geometry, at: Iterate, direction: Vectors, slope: float, state: RCGState) -> float:
    """As far as a parabola with the last decrease would go, or as the last slope and step say where that is noise."""
    size = geometry.norm(at.x, direction)
    if math.isnan(state.decrease):
        return 1 / size
    if state.decrease > 1e3 * geometry.eps * abs(at.fun):
        t = -2 * state.decrease / slope
    else:
        t = state.t * state.slope / slope
    return float(min(max(t * size, 1e-3 * state.length), 1e3 * state.length) / size)
