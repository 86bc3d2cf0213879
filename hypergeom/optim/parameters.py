"""Checks of the numbers that methods are made of."""

from __future__ import annotations

import math
import numbers
from collections.abc import Collection
from typing import Any

__all__ = ["check_choice", "check_count", "check_lr", "check_range", "check_real"]


def check_real(name: str, what: str, value: Any) -> None:
    """A `TypeError` unless it is a real number."""
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name}: {what} must be a number, got {value!r}")


def check_lr(name: str, lr: Any) -> None:
    """A learning rate is positive and finite."""
    check_real(name, "lr", lr)
    if not 0 < lr < math.inf:
        raise ValueError(f"{name}: lr must be positive and finite, got {lr!r}")


def check_count(name: str, what: str, value: Any, least: int) -> None:
    """An integer from `least` on."""
    if isinstance(value, bool) or not isinstance(value, numbers.Integral):
        raise TypeError(f"{name}: {what} must be an integer, got {value!r}")
    if value < least:
        raise ValueError(f"{name}: {what} must be at least {least}, got {value!r}")


def check_range(name: str, what: str, value: Any, least: float = 0.0, below: float = math.inf) -> None:
    """A number from `least` on and below a limit."""
    check_real(name, what, value)
    if not least <= value < below:
        limit = "finite" if below == math.inf else f"below {below:g}"
        raise ValueError(f"{name}: {what} must be at least {least:g} and {limit}, got {value!r}")


def check_choice(name: str, what: str, value: Any, known: Collection[str]) -> None:
    """One of the names that are known."""
    if value not in known:
        raise ValueError(f"{name}: {what} must be one of {', '.join(map(repr, known))}, got {value!r}")
