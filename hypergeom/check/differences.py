"""Derivatives by central differences, extrapolated, with an estimate of their error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

__all__ = ["Derivative", "extrapolated"]

_LEVELS = 10


@dataclass(frozen=True)
class Derivative:
    """A derivative, and an estimate of the norm of its error: infinite where there was nothing finite to go by."""

    value: Any
    error: float


def extrapolated(f: Callable[[float], Any], first: float) -> Derivative:
    """The derivative at 0 of f, a number or an array, from central differences with steps first / 2^k.

    In Romberg's table, whose columns take away a power of the step each, the entry counts that differs least from those
    that it is made of [1]_.

    References
    ----------
    .. [1] C. J. F. Ridders, "Accurate computation of F'(x) and F'(x) F''(x)", Adv. Eng. Software 4, 1982.
    """
    best = Derivative(np.asarray(f(0.0)) * np.nan, np.inf)
    before: list[Any] = []
    for level in range(_LEVELS):
        h = first / 2**level
        with np.errstate(all="ignore"):
            row = [(np.asarray(f(h)) - np.asarray(f(-h))) / (2 * h)]
            for k, old in enumerate(before):
                row.append(row[-1] + (row[-1] - old) / (4 ** (k + 1) - 1))
                error = max(_size(row[-1] - row[-2]), _size(row[-1] - old))
                if error < best.error:
                    best = Derivative(row[-1], error)
        before = row
    return best


def _size(a: Any) -> float:
    size = float(np.sqrt(np.sum(np.abs(a) ** 2)))
    return size if np.isfinite(size) else np.inf
