"""The seam of functions of all pairs of two sets of points, as `hypergeom._rows` is that of functions of rows.

Such a function is declared in the module ``pairwise`` of its space::

    @pair_op("(m,d),(k,d),()->(m,k)")
    def cdist(x, y, /, c=1.0, *, out=None): ...

It has kernels of its own: gufuncs of ``hypergeom._core.pairwise`` for NumPy arrays, which take the number of
threads as one more input, and those of ``pairwise.cu`` for CuPy arrays. Arrays of any other library go to the
body, which calls the function of one pair on rows that broadcast. The conventions are those of row functions.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

import array_api_compat
import numpy as np

from hypergeom import _threads
from hypergeom._core import pairwise
from hypergeom._gpus import on_their_gpu
from hypergeom._rows import (
    DEFAULT_CURVATURE,
    Array,
    RowOp,
    check_curvature,
    check_out,
    one_library,
    promote,
    sum_to,
)

FAR = 2.0**240  # times of points whose products leave the range of double

__all__ = ["PairOp", "pair_op", "pair_ops"]

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class PairOp(RowOp):
    """A declared function of all pairs; ``m`` and ``k`` in its signature count points."""

    @functools.cached_property
    def inputs(self) -> tuple[str, ...]:
        """The core axes of each input, as ``"m,d"``; empty for a scalar."""
        return _cores(self.signature.partition("->")[0])

    @functools.cached_property
    def outputs(self) -> tuple[str, ...]:
        """The core axes of each output, empty for a scalar."""
        return _cores(self.signature.partition("->")[2])

    @functools.cached_property
    def gufunc(self) -> np.ufunc:
        """The CPU twin; its last input is the number of threads. Cotangents are float64."""
        twin: np.ufunc = getattr(pairwise, f"{self.space}_{self.name}")
        return twin


def _cores(signature: str) -> tuple[str, ...]:
    return tuple(core.strip("()") for core in signature.replace("),(", ") (").split())


pair_ops: dict[str, PairOp] = {}
"""All declared functions of pairs by their qualified name, such as ``"poincare.cdist"``."""


def pair_op(signature: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Declare a function of all pairs by its signature; the body is the formula for other libraries."""

    def declare(body: Callable[P, R]) -> Callable[P, R]:
        code = body.__code__
        _, space, chapter = body.__module__.split(".")
        arguments = code.co_varnames[: code.co_argcount]
        op = PairOp(space, chapter, body.__name__, signature, arguments, body, space == "poincare")
        pair_ops[str(op)] = op
        n_data, has_out = len(arguments) - 1, not op.vjp

        @functools.wraps(body)
        def call(*args: Any, c: Any = DEFAULT_CURVATURE, out: Any = None) -> Any:
            if len(args) == n_data + 1 and c is DEFAULT_CURVATURE:
                *args, c = args  # type: ignore[assignment]
            if len(args) != n_data or not (out is None or has_out):
                raise TypeError(f"{op} takes ({', '.join(arguments)}{', *, out' if has_out else ''})")
            return _dispatch(op, args, c, out)

        return call  # type: ignore[return-value]

    return declare


def _dispatch(op: PairOp, args: Sequence[Any], c: Any, out: Any) -> Any:
    """Find the library of the arguments, and the GPU that holds them."""
    xp, given, c = one_library(op, args, c)
    with on_their_gpu(str(op), xp, dict(zip(op.arguments, (*given, c), strict=True))):
        return _call_twin(op, xp, given, c, out)


def _call_twin(op: PairOp, xp: Any, given: Sequence[Any], c: Any, out: Any) -> Any:
    """Check and promote the arguments, and call the twin of their library."""
    check_out(op, xp, out)
    _, args = promote(op, xp, given, c)
    check_curvature(op, c)
    work = _check_shapes(op, args, c)
    if array_api_compat.is_numpy_namespace(xp):
        result = _on_cpu(op, args, c, out, work)
    elif array_api_compat.is_cupy_namespace(xp):
        from hypergeom import _cuda

        result = _cuda.call_pairs(op, args, c)
    else:
        result = op.body(*args, c)
    if not op.vjp:
        return result
    return tuple([sum_to(xp, bar, a) for bar, a in zip(result, (*given[1:], c), strict=True)])


def _check_shapes(op: PairOp, args: Sequence[Any], c: Any) -> int:
    """Entries of coordinates that all pairs take together; an error where the shapes do not fit."""
    shapes = [getattr(a, "shape", ()) for a in (*args, c)]
    sizes: dict[str, int] = {}
    batches = []
    for core, shape in zip(op.inputs, shapes, strict=True):
        axes = core.split(",") if core else []
        n_batch = len(shape) - len(axes)
        batches.append(shape[: max(n_batch, 0)])
        if n_batch < 0 or any(sizes.setdefault(a, n) != n for a, n in zip(axes, shape[n_batch:], strict=True)):
            break
    else:
        vector = "n" if "n" in sizes else "d"
        try:
            batch = np.broadcast_shapes(*batches)
            if sizes[vector] > (vector == "n"):
                return math.prod(batch) * math.prod(sizes.values())
        except ValueError:
            pass
    given = ", ".join(f"{name} {tuple(shape)}" for name, shape in zip(op.arguments, shapes, strict=True))
    raise ValueError(
        f"{op}: shapes {given} do not fit the signature {op.signature} with d >= 1"
        f"{', n = d + 1' if 'n' in op.signature else ''} and leading axes that broadcast"
    )


def _on_cpu(op: PairOp, args: Sequence[Array], c: Any, out: Any, work: int) -> Any:
    """The gufunc, on as many threads as `hypergeom.threads` says."""
    dtype = next(a.dtype for a in args if isinstance(a, np.ndarray))
    inputs = [*(np.asarray(a, dtype=dtype) for a in args), np.asarray(c, dtype=np.float64)]
    if op.space == "lorentz" and dtype == np.float64 and any((a[..., 0] > FAR).any() for a in inputs[-3:-1]):
        result = op.body(*inputs[:-1], c)  # by the functions of one pair, which know such points
        if out is None:
            return result
        out[...] = result
        return out
    threads = np.int64(1 if work < _threads.MIN_ENTRIES else _threads.count.get())
    return op.gufunc(*inputs, threads) if out is None else op.gufunc(*inputs, threads, out=out)
