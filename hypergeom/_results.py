"""The base of result objects: frozen dataclasses with named fields that also unpack."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Result:
    """Base of every result dataclass: iterating runs over the fields in their order.

    Examples
    --------
    >>> @dataclass(frozen=True)
    ... class Fit(Result):
    ...     slope: float
    ...     intercept: float
    >>> slope, intercept = Fit(2.0, -1.0)
    >>> slope
    2.0
    """

    def __iter__(self) -> Iterator[Any]:
        return (getattr(self, field.name) for field in fields(self))
