"""The limited-memory method of Broyden, Fletcher, Goldfarb and Shanno on manifolds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hypergeom.optim.descent import Accepted, Move, Stalled, downhill, searched, steepest
from hypergeom.optim.line_search import StrongWolfe
from hypergeom.optim.objective import Iterate, Objective
from hypergeom.optim.parameters import check_count
from hypergeom.optim.spaces import Geometry, Vectors, combined, scaled

__all__ = ["RLBFGS", "RLBFGSState"]

_CAUTION = 1e-10


@dataclass(frozen=True)
class RLBFGSState:
    """What an iteration of `RLBFGS` hands to the next.

    Attributes
    ----------
    steps, changes : list of list of array
        The last steps and changes of the gradient, oldest first, as tangents at the point.
    """

    steps: list[Vectors]
    changes: list[Vectors]


@dataclass(frozen=True, kw_only=True)
class RLBFGS:
    r"""Riemannian L-BFGS [1]_: about one evaluation for each iteration, for costs that take long.

    The pairs :math:`s = T(t d)`, :math:`y = g' - T g` are kept at the current point: all are transported in every
    iteration, and their products computed anew. A pair is kept if :math:`\langle s, y \rangle \ge 10^{-10} |s|^2`,
    and the first Hessian is :math:`\langle y, y \rangle / \langle s, y \rangle` of the newest.

    Parameters
    ----------
    memory : int
        How many pairs.
    line_search : StrongWolfe

    References
    ----------
    .. [1] W. Huang, K. A. Gallivan, P.-A. Absil, "A Broyden class of quasi-Newton methods for Riemannian
       optimization", SIAM J. Optim. 25, 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom.optim import minimize
    >>> def rosenbrock(x):
    ...     a, b = x[1] - x[0] ** 2, 1 - x[0]
    ...     return 100 * a**2 + b**2, np.array([-400 * a * x[0] - 2 * b, 200 * a])
    >>> found = minimize(rosenbrock, np.array([-1.2, 1.0]), gradient=True, method="rlbfgs")
    >>> found.success, found.x.round(6)
    (True, array([1., 1.]))
    """

    memory: int = 10
    line_search: StrongWolfe = StrongWolfe(c2=0.9)  # noqa: RUF009

    def __post_init__(self) -> None:
        check_count("RLBFGS", "memory", self.memory, 1)
        if not isinstance(self.line_search, StrongWolfe):
            raise TypeError(f"RLBFGS: line_search must be a StrongWolfe, got {self.line_search!r}")

    def start(self, objective: Objective, iterate: Iterate) -> RLBFGSState:
        """Nothing."""
        return RLBFGSState([], [])

    def remapped(self, state: RLBFGSState, f: Callable[[Vectors], Vectors]) -> RLBFGSState:
        """The state with f on its tangents."""
        return RLBFGSState([f(s) for s in state.steps], [f(y) for y in state.changes])

    def advance(self, objective: Objective, iterate: Iterate, state: RLBFGSState, t: int) -> Move:
        """Search along the quasi-Newton direction, or along that of steepest descent where it leads nowhere."""
        geometry = objective.geometry
        direction, found = self._direction(geometry, iterate, state), None
        slope = downhill(geometry, iterate, direction)
        if state.steps and slope is not None:
            found = searched(objective, iterate, direction, slope, self.line_search, 1.0)
        if found is None:
            state = RLBFGSState([], [])
            direction, slope = steepest(iterate)
            found = searched(objective, iterate, direction, slope, self.line_search, 1 / iterate.grad_norm)
        if found is None:
            raise Stalled
        length = found.t * geometry.norm(iterate.x, direction)
        return Move(found.iterate, self._updated(geometry, iterate, direction, found, state), length)

    def _direction(self, geometry: Geometry, at: Iterate, state: RLBFGSState) -> Vectors:
        def inner(u: Vectors, v: Vectors) -> float:
            return geometry.inner(at.x, u, v)

        q = scaled(-1.0, at.grad)
        pairs = [(s, y, inner(s, y)) for s, y in zip(state.steps, state.changes, strict=True)]
        # Transport that is not an isometry may have spoilt the sign.
        pairs = [(s, y, sy) for s, y, sy in pairs if sy > 0]
        if not pairs:
            return q
        parts = []
        for s, y, sy in reversed(pairs):
            parts.append(inner(s, q) / sy)
            q = combined(1.0, q, -parts[-1], y)
        _, y, sy = pairs[-1]
        q = scaled(sy / inner(y, y), q)
        for (s, y, sy), part in zip(pairs, reversed(parts), strict=True):
            q = combined(1.0, q, part - inner(y, q) / sy, s)
        return q

    def _updated(
        self, geometry: Geometry, at: Iterate, direction: Vectors, found: Accepted, state: RLBFGSState
    ) -> RLBFGSState:
        there, tv = found.iterate, scaled(found.t, direction)

        def carry(u: Vectors) -> Vectors:
            return geometry.transport(at.x, tv, there.x, u)

        s = geometry.carried(at.x, tv, there.x, tv, scaled(found.t, found.velocity))
        y = combined(1.0, there.grad, -1.0, carry(at.grad))
        keep = geometry.inner(there.x, s, y) >= _CAUTION * geometry.inner(there.x, s, s)
        steps, changes = state.steps, state.changes
        if keep and len(steps) == self.memory:
            del steps[0], changes[0]
        # One by one in the lists of the old state, which nobody needs any more: two sets of pairs would be too many.
        for vectors in (steps, changes):
            for k, u in enumerate(vectors):
                vectors[k] = carry(u)
        return RLBFGSState([*steps, s], [*changes, y]) if keep else RLBFGSState(steps, changes)
