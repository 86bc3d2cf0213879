"""The loop of `minimize`: iterations, what ends them, and what is written down on the way."""

from __future__ import annotations

import time
from array import array
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hypergeom.errors import DivergenceError
from hypergeom.manifolds import PoincareBall
from hypergeom.optim import checkpoint
from hypergeom.optim.batches import Batches
from hypergeom.optim.curvature import change_curvature
from hypergeom.optim.descent import Move, Stalled
from hypergeom.optim.objective import Iterate, Objective
from hypergeom.optim.progress import Progress
from hypergeom.optim.result import History, IterationInfo, MinimizeResult, Status
from hypergeom.optim.spaces import Geometry, Vectors
from hypergeom.optim.steppers import ADVICE, Stepper
from hypergeom.optim.trees import Layout

__all__ = ["Limits", "Loop", "Options"]

_ROUNDING_IN_EPS = 64
_MESSAGES: dict[str, str] = {
    "gtol": "the norm of the gradient is at most gtol",
    "ftol": "the cost fell by at most ftol, relative to its size",
    "xtol": "a step was at most xtol long",
    "maxiter": "the largest number of iterations was reached",
    "maxtime": "the time was up",
    "callback": "the callback stopped the run",
    "line_search": "no step makes the cost smaller: it is at its rounding, or cost and gradient do not belong together",
}


@dataclass(frozen=True)
class Limits:
    """What ends a run."""

    maxiter: int
    gtol: float
    ftol: float
    xtol: float
    maxtime: float | None


@dataclass(frozen=True)
class Options:
    """What happens on the way."""

    callback: Callable[[IterationInfo], Any] | None
    verbose: bool
    record_every: int
    path: Path | None
    path_every: int
    curvature: Callable[[int], float] | None


class Loop:
    """A run: the functions, the method, and all that changes."""

    def __init__(self, objective: Objective, solver: Any, limits: Limits, options: Options, name: Any) -> None:
        self.objective, self.solver, self.limits, self.options = objective, solver, limits, options
        self.fingerprint: Any = name
        self.batches: Batches | None = None
        self.x: Vectors = []
        self.iterate: Iterate | None = None
        self.best: Iterate | None = None
        self.state: Any = None
        self.c: float | None = None
        self.nit, self.elapsed = 0, 0.0
        self.history = tuple(array("d") for _ in range(4))
        self.started = time.perf_counter()
        self.progress: Progress | None = None

    # --- beginning ----------------------------------------------------------------------------------------

    def begin(self, x: Vectors) -> None:
        """From a point; without batches its cost and gradient are evaluated."""
        self.x = x
        if self.batches is not None:
            self.state = self.solver.fresh(x)
            return
        self._change_curvature(1)
        self.iterate = self.best = self._first(self.objective.evaluate(self.x))
        self.state = self.solver.start(self.objective, self.iterate)
        self._record(self.iterate.fun, self.iterate.grad_norm, 0.0)

    def _first(self, iterate: Iterate) -> Iterate:
        if not iterate.finite:
            raise ValueError(
                f"minimize: cost and gradient must be finite at x0, got cost {iterate.fun} and a gradient of norm "
                f"{iterate.grad_norm}"
            )
        return iterate

    def resume(self, path: Path, x: Vectors) -> None:
        """From a checkpoint."""
        saved = checkpoint.read(path, self.fingerprint, x[0])
        self.x, self.state, self.iterate, self.best = (saved[key] for key in ("x", "state", "iterate", "best"))
        self.nit, self.elapsed = saved["nit"], saved["elapsed"]
        self.objective.nfev, self.objective.ngev, self.objective.nhev = saved["counters"]
        self.history = tuple(array("d", column.tobytes()) for column in saved["history"])
        if self.iterate is not None:
            self.x = self.iterate.x
            self.best = self.best or self.iterate
        if self.batches is not None:
            self.batches.restore(saved["entropy"])
        if saved["c"] is not None:
            self._use_curvature(saved["c"])

    def save(self) -> None:
        """Write a checkpoint."""
        assert self.options.path is not None
        o, best = self.objective, None if self.best is self.iterate else self.best
        content = {
            "x": None if self.iterate is not None else self.x,
            "iterate": self.iterate,
            "best": best,
            "state": self.state,
            "nit": self.nit,
            "elapsed": self._time(),
            "counters": [o.nfev, o.ngev, o.nhev],
            "history": [np.asarray(column) for column in self.history],
            "entropy": None if self.batches is None else self.batches.entropy,
            "c": self.c,
        }
        checkpoint.write(self.options.path, self.fingerprint, content)

    # --- iterations ---------------------------------------------------------------------------------------

    def run(self) -> MinimizeResult:
        """All iterations."""
        if self.options.verbose:
            self.progress = Progress(self.limits.maxiter, self.nit)
        saved = -1
        try:
            while True:
                status = self._over()
                if status is None:
                    status = self._minibatch() if self.batches is not None else self._iteration()
                    if self.options.path is not None and self.nit % self.options.path_every == 0 and self.nit != saved:
                        self.save()
                        saved = self.nit
                if status is not None:
                    break
        finally:
            if self.progress is not None:
                self.progress.close()
        if self.options.path is not None and self.nit != saved:
            self.save()
        return self._result(status)

    def _over(self) -> Status | None:
        if self.iterate is not None and self.iterate.grad_norm <= self.limits.gtol:
            return "gtol"
        if self.nit >= self.limits.maxiter:
            return "maxiter"
        if self.limits.maxtime is not None and self._time() >= self.limits.maxtime:
            return "maxtime"
        return None

    def _iteration(self) -> Status | None:
        assert self.iterate is not None
        assert self.best is not None
        if self._change_curvature(self.nit + 1):
            self.iterate = self.best = self._known(self.objective.evaluate(self.x), self.iterate.x)
        before = self.iterate
        try:
            move: Move = self.solver.advance(self.objective, before, self.state, self.nit + 1)
        except Stalled:
            return "line_search"
        self.nit += 1
        there = move.iterate
        self.iterate, self.state, self.x = there, move.state, there.x
        if there.fun <= self.best.fun:
            self.best = there
        stop = self._told(there.fun, there.grad_norm, move.length)
        if stop is not None or there is before:
            return stop
        if there.grad_norm <= self.limits.gtol:
            return None  # that is said first
        if abs(before.fun - there.fun) <= self.limits.ftol * max(abs(before.fun), abs(there.fun), 1.0) > 0:
            return "ftol"
        return "xtol" if move.length <= self.limits.xtol and self.limits.xtol > 0 else None

    def _minibatch(self) -> Status | None:
        assert self.batches is not None
        self._change_curvature(self.nit + 1)
        self.objective.batch = (self.batches(self.nit),)
        at = self.objective.evaluate(self.x)
        at = self._first(at) if self.nit == 0 else self._known(at, self.best.x if self.best is not None else self.x)
        self.best = at
        self.x, self.state, length = self.solver.step(at, self.state, self.nit + 1)
        self.nit += 1
        stop = self._told(at.fun, at.grad_norm, length)
        return "xtol" if stop is None and 0 < length <= self.limits.xtol else stop

    def _known(self, iterate: Iterate, last: Vectors) -> Iterate:
        if not iterate.finite:
            raise DivergenceError(self.nit, self.objective.geometry.layout.unflatten(last), ADVICE)
        return iterate

    def _told(self, fun: float, grad_norm: float, step: float) -> Status | None:
        """Record an iteration, and ask the callback."""
        if self.nit % self.options.record_every == 0:
            self._record(fun, grad_norm, step)
        if self.progress is not None:
            self.progress.show(self.nit, fun, grad_norm)
        if self.options.callback is not None:
            x = self.objective.geometry.layout.unflatten(list(self.x))
            try:
                if self.options.callback(IterationInfo(self.nit, x, fun, grad_norm, step)):
                    return "callback"
            except StopIteration:
                return "callback"
        return None

    def _record(self, *numbers: float) -> None:
        for column, number in zip(self.history, (*numbers, self._time()), strict=True):
            column.append(number)

    def _time(self) -> float:
        return self.elapsed + time.perf_counter() - self.started

    # --- curvature ----------------------------------------------------------------------------------------

    def _change_curvature(self, t: int) -> bool:
        """Before step t: whether the curvature is another one now, and the point and all tangents with it."""
        if self.options.curvature is None:
            return False
        c = float(self.options.curvature(t))
        old = self.objective.geometry
        if self.c is None:
            self.c = next(leaf.manifold.c for leaf in old.layout.leaves if isinstance(leaf.manifold, PoincareBall))
            self._use_curvature(self.c)
        if c == self.c:
            return False
        x = self.x

        def moved(tangents: Vectors) -> Vectors:
            return [_moved(leaf, a, v, c)[1] for leaf, a, v in zip(old.layout.leaves, x, tangents, strict=True)]

        if self.state is not None:
            self.state = self.solver.remapped(self.state, moved)
        self.x = [_moved(leaf, a, None, c)[0] for leaf, a in zip(old.layout.leaves, x, strict=True)]
        self._use_curvature(c)
        return True

    def _use_curvature(self, c: float) -> None:
        layout = self.objective.geometry.layout
        leaves = tuple(
            replace(leaf, manifold=PoincareBall(c)) if isinstance(leaf.manifold, PoincareBall) else leaf
            for leaf in layout.leaves
        )
        self.c = c
        self.objective.geometry = Geometry(Layout(leaves, layout.template, layout.namespace))
        self.objective.keywords = {"c": c}
        if isinstance(self.solver, Stepper):
            self.solver.rebind(self.objective.geometry)

    # --- end ----------------------------------------------------------------------------------------------

    def _result(self, status: Status) -> MinimizeResult:
        o = self.objective
        if self.batches is not None:
            o.batch = (self.batches(max(self.nit - 1, 0)),)
            end = o.evaluate(self.x)
            end = self._first(end) if self.nit == 0 else self._known(end, self.best.x if self.best else self.x)
        else:
            assert self.iterate is not None
            assert self.best is not None
            # Of those that rounding cannot tell from the best the last has the smallest gradient.
            near = self.iterate.fun - self.best.fun <= _ROUNDING_IN_EPS * o.geometry.eps * abs(self.best.fun)
            end = self.iterate if near else self.best
        columns = [np.array(column, dtype=float) for column in self.history]
        return MinimizeResult(
            x=o.geometry.layout.unflatten(list(end.x)),
            fun=end.fun,
            grad_norm=end.grad_norm,
            nit=self.nit,
            nfev=o.nfev,
            ngev=o.ngev,
            nhev=o.nhev,
            success=status in ("gtol", "ftol", "xtol"),
            status=status,
            message=_MESSAGES[status],
            history=History(*columns),
            state=self.state,
        )


def _moved(leaf: Any, x: Any, v: Any, c: float) -> tuple[Any, Any]:
    """A point and a tangent of a leaf at another curvature."""
    if not isinstance(leaf.manifold, PoincareBall):
        return x, v
    new = change_curvature(x, leaf.manifold.c, c, tangents=() if v is None else (v,))
    return new[0], v if v is None else new[1]
