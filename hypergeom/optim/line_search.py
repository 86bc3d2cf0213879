"""A line search for the strong Wolfe conditions that works down to rounding."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from hypergeom.optim.parameters import check_count, check_range

__all__ = ["StrongWolfe", "Trial"]

_ROUNDING = 10 * float(np.finfo(float).eps) / 2  # times |phi(0)|: what the cost cannot tell apart


@dataclass(frozen=True)
class Trial:
    """A point of the curve: where, the value and the slope there, and what the caller knows of it besides."""

    t: float
    fun: float
    slope: float
    known: Any = None

    @property
    def finite(self) -> bool:
        """Whether value and slope are."""
        return math.isfinite(self.fun) and math.isfinite(self.slope)


@dataclass(frozen=True)
class StrongWolfe:
    r"""Steps t along a curve with enough decrease and a small slope [1]_.

    .. math:: \phi(t) \le \phi(0) + c_1 t \phi'(0), \qquad |\phi'(t)| \le c_2 |\phi'(0)|.

    An interval that holds such steps is found, and made smaller by the secant of :math:`\phi'`. Where the cost is not
    finite, the interval ends. Where values differ by less than 10 units of rounding, their difference means nothing,
    and the decrease is judged by slopes: :math:`\phi'(t) \le (2 c_1 - 1) \phi'(0)` [2]_. Without that a search stalls
    where the gradient is the root of rounding.

    Parameters
    ----------
    c1, c2 : float
        0 < c1 < c2 < 1, and c1 < 1/2.
    maxiter : int
        Evaluations in one search.

    References
    ----------
    .. [1] J. Nocedal, S. J. Wright, *Numerical Optimization*, 2nd ed., Springer 2006, section 3.5.
    .. [2] W. W. Hager, H. Zhang, "A new conjugate gradient method with guaranteed descent and an efficient line
       search", SIAM J. Optim. 16, 2005.

    Examples
    --------
    >>> from hypergeom.optim import StrongWolfe
    >>> StrongWolfe(c2=0.9)
    StrongWolfe(c1=0.0001, c2=0.9, maxiter=25)
    """

    c1: float = 1e-4
    c2: float = 0.1
    maxiter: int = 25

    def __post_init__(self) -> None:
        check_range("StrongWolfe", "c1", self.c1, below=0.5)
        check_range("StrongWolfe", "c2", self.c2, below=1)
        check_count("StrongWolfe", "maxiter", self.maxiter, 1)
        if not 0 < self.c1 < self.c2:
            raise ValueError(f"StrongWolfe: needs 0 < c1 < c2, got {self.c1!r} and {self.c2!r}")

    def search(
        self, start: Trial, at: Callable[[float], Trial], first: float, eps: float | None = None
    ) -> Trial | None:
        """A trial that meets the conditions, or at least decreases the cost; None where none is found.

        Parameters
        ----------
        start : Trial
            At t = 0, with a negative slope.
        at : callable
            The trial at a t > 0; not finite where the cost is not.
        first : float
            The first t.
        eps : float, optional
            The rounding of the cost, relative; 10 u of float64 by default.
        """
        noise = (_ROUNDING if eps is None else eps) * abs(start.fun)
        low: Trial = start
        high: Trial | None = None
        t, width = first, math.inf
        for _ in range(self.maxiter):
            trial = at(t)
            enough = trial.finite and self._decreases(start, trial, noise)
            if enough and abs(trial.slope) <= self.c2 * abs(start.slope):
                return trial
            if enough and trial.slope < 0:
                low, before = trial, replace(low, known=None)
                t = self._farther(before, low) if high is None else self._between(low, high)
            else:
                high = replace(trial, known=None)  # never an answer: what the caller knows of it may go
                t = self._between(low, high)
            del trial
            if high is not None:
                # The secant may creep to one end: at least every other step halves the interval. More than the half
                # that a bisection leaves, so that rounding has no say in it.
                if high.t - low.t > 0.6 * width:
                    t = (low.t + high.t) / 2
                width = high.t - low.t
                if not low.t < t < high.t:
                    break
        return low if low.t > 0 else None

    def _decreases(self, start: Trial, trial: Trial, noise: float) -> bool:
        if abs(trial.fun - start.fun) <= noise:
            return trial.slope <= (2 * self.c1 - 1) * start.slope
        return trial.fun <= start.fun + self.c1 * trial.t * start.slope

    @staticmethod
    def _farther(before: Trial, low: Trial) -> float:
        """Beyond a point where the slope is still negative: the root of the secant, 1.5 to 10 times as far."""
        bend = low.slope - before.slope
        step = (low.t - before.t) * -low.slope / bend if bend > 0 else math.inf
        return min(max(low.t + 1.1 * step, 1.5 * low.t), 10 * low.t)

    @staticmethod
    def _between(low: Trial, high: Trial) -> float:
        width = high.t - low.t
        if not high.finite:
            return low.t + width / 10 if low.t == 0 else low.t + width / 3
        if high.slope > 0:  # the root of the secant of slopes
            part = -low.slope / (high.slope - low.slope)
        else:  # the value is too high: the minimum of the parabola
            above = high.fun - low.fun - low.slope * width
            part = -low.slope * width / (2 * above) if above > 0 else 0.5
        return low.t + width * min(max(part, 0.02), 0.98)
