"""Checks of arguments beside those of row functions: of functions with several core axes, and of those made of others.

The conventions and the messages are those of `hypergeom._rows`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from hypergeom._rows import Array, RowOp, check_curvature, has_float64, one_library, promote

__all__ = ["Checked", "CoreOp", "batch_shape", "checked"]


@dataclass(frozen=True)
class CoreOp(RowOp):
    """A function whose core axes have names, as ``m`` and ``k`` that count points."""

    @functools.cached_property
    def inputs(self) -> tuple[str, ...]:
        """The core axes of each input, as ``"m,d"``; empty for a scalar."""
        return tuple(re.findall(r"\((.*?)\)", self.signature.partition("->")[0]))

    @functools.cached_property
    def outputs(self) -> tuple[str, ...]:
        """The core axes of each output, empty for a scalar."""
        return tuple(re.findall(r"\((.*?)\)", self.signature.partition("->")[2]))

    @functools.cached_property
    def ranks(self) -> tuple[int, ...]:
        """How many core axes each input has."""
        return tuple(len(core.split(",")) if core else 0 for core in self.inputs)

    def check_shapes(self, args: Sequence[Any], c: Any) -> tuple[tuple[int, ...], dict[str, int]]:
        """The shape of the batch and the length of each core axis; an error where the shapes do not fit."""
        shapes = [tuple(getattr(a, "shape", ())) for a in (*args, c)]
        sizes: dict[str, int] = {}
        batches, fits = [], True
        for core, rank, shape in zip(self.inputs, self.ranks, shapes, strict=True):
            start = len(shape) - rank
            batches.append(shape[: max(start, 0)])
            axes = core.split(",") if core else []
            fits &= start >= 0 and all(sizes.setdefault(a, n) == n for a, n in zip(axes, shape[start:], strict=False))
        # A Lorentz vector has a time coordinate more.
        d = sizes.get("d", sizes.get("n", 0) - 1)
        if fits and d >= 1 and sizes.get("n", d + 1) == d + 1:
            try:
                return np.broadcast_shapes(*batches), sizes
            except ValueError:
                pass
        given = ", ".join(f"{name} {shape}" for name, shape in zip(self.arguments, shapes, strict=True))
        raise ValueError(
            f"{self}: shapes {given} do not fit the signature {self.signature} with d >= 1"
            f"{', n = d + 1' if 'n' in self.signature else ''} and leading axes that broadcast"
        )


class Checked(NamedTuple):
    """Arguments of one library."""

    xp: Any
    dtype: Any  # of the result
    arrays: list[Array]  # in float64 where the library has it; numbers stay such
    c: Any


def checked(name: str, named: Mapping[str, Any], c: Any, *, flat: bool, scalars: Collection[str] = ()) -> Checked:
    """The arguments of a function made of row functions: vectors, and `scalars`, which may be numbers."""
    space, _, function = name.partition(".")
    cores = ",".join("()" if key in scalars else "(d)" for key in named)
    op = RowOp(space, "", function, f"{cores},()->()", (*named, "c"), checked, flat)
    xp, given, c = one_library(op, list(named.values()), c)
    dtype, arrays = promote(op, xp, given, c)
    check_curvature(op, c)
    for key, a in zip(named, arrays, strict=True):
        if key not in scalars and (a.ndim < 1 or a.shape[-1] < 1):
            raise ValueError(f"{name}: {key} needs a last axis of at least one entry, got shape {tuple(a.shape)}")
    wide = xp.float64 if has_float64(xp) else xp.float32
    numbers = (int, float)
    arrays = [a if isinstance(a, numbers) else xp.astype(a, wide, copy=False) for a in arrays]
    return Checked(xp, dtype, arrays, c if isinstance(c, numbers) else xp.astype(c, wide, copy=False))


def batch_shape(name: str, named: Mapping[str, Array], c: Any) -> tuple[int, ...]:
    """The shape that the leading axes of vectors, and all axes of c, broadcast to."""
    shape = tuple(getattr(c, "shape", ()))
    try:
        return np.broadcast_shapes(*(tuple(a.shape[:-1]) for a in named.values()), shape)
    except ValueError:
        given = ", ".join(f"{key} {tuple(a.shape)}" for key, a in named.items())
        raise ValueError(f"{name}: leading axes of {given} and c {shape} need to broadcast") from None
