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
from hypergeom._arguments import CoreOp
from hypergeom._core import pairwise
from hypergeom._gpus import on_their_gpu
from hypergeom._rows import (
    DEFAULT_CURVATURE,
    Array,
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
class PairOp(CoreOp):
    """A declared function of all pairs; ``m`` and ``k`` in its signature count points."""

    @functools.cached_property
    def gufunc(self) -> np.ufunc:
        """The CPU twin; its last input is the number of threads. Cotangents are float64."""
        twin: np.ufunc = getattr(pairwise, f"{self.space}_{self.name}")
        return twin


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
    batch, sizes = op.check_shapes(args, c)
    work = math.prod(batch) * math.prod(sizes.values())  # entries of coordinates that all pairs take together
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


def _on_cpu(op: PairOp, args: Sequence[Array], c: Any, out: Any, work: int) -> Any:
    """The gufunc, on as many threads as `hypergeom.threads` says."""
    dtype = next(a.dtype for a in args if isinstance(a, np.ndarray))
    inputs = [*(np.asarray(a, dtype=dtype) for a in args), np.asarray(c, dtype=np.float64)]
    far = _far_batches(op, inputs)
    if far is not None and out is not None:
        inputs = [a.copy() for a in inputs]  # which `out` may overlap
    threads = np.int64(1 if work < _threads.MIN_ENTRIES else _threads.count.get())
    result = op.gufunc(*inputs, threads) if out is None else op.gufunc(*inputs, threads, out=out)
    return result if far is None else _redone(op, inputs, result, far)


def _far_batches(op: PairOp, inputs: Sequence[Array]) -> Array | None:
    """Which batches hold far points, if any does."""
    if op.space != "lorentz" or inputs[0].dtype != np.float64:
        return None
    times = (a[..., 0] for a in inputs[-3:-1])
    x, y = (((a > FAR) & (a < math.inf)).any(axis=-1) for a in times)
    return x | y if x.any() or y.any() else None


def _redone(op: PairOp, inputs: Sequence[Array], result: Any, far: Array) -> Any:
    """The result, that of batches with far points by the functions of one pair, which know such points."""
    outputs = [np.asarray(a) for a in (result if op.vjp else (result,))]
    batch = outputs[0].shape[:-2]
    wide = [np.broadcast_to(a, (*batch, *a.shape[a.ndim - n :])) for a, n in zip(inputs, op.ranks, strict=True)]
    for where in map(tuple, np.argwhere(np.broadcast_to(far, batch))):
        again = op.body(*(a[where][np.newaxis] for a in wide))
        for a, new in zip(outputs, again if op.vjp else (again,), strict=True):
            a[where] = new[0]
    return outputs if op.vjp else result
