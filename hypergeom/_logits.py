"""The seam of `mlr`: a matrix product and what follows it entry by entry, in array-API operations for arrays of any
library, NumPy's and CuPy's too.

The conventions are those of `hypergeom._rows`. The body sees float arrays of one dtype (float64 where the
library has it) whose leading axes broadcast: x of shape (..., m, d), z of shape (..., k, d), r of shape
(..., 1, k) and c of shape (..., 1, 1); r and c and the logits keep these axes in its results.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, ParamSpec, TypeVar

import array_api_compat
import numpy as np
from array_api_compat import array_namespace

from hypergeom import _rows
from hypergeom._arguments import CoreOp
from hypergeom._gpus import on_their_gpu
from hypergeom._smooth import dot

__all__ = ["Directions", "directions", "logits"]

Array = Any

P = ParamSpec("P")
R = TypeVar("R")


def logits(signature: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Declare `mlr` or its gradient by the signature that it would have as a gufunc."""

    def declare(body: Callable[P, R]) -> Callable[P, R]:
        code = body.__code__
        _, space, chapter = body.__module__.split(".")
        arguments = code.co_varnames[: code.co_argcount]
        op = CoreOp(space, chapter, body.__name__, signature, arguments, body, space == "poincare")

        @functools.wraps(body)
        def call(*args: Any, c: Any = _rows.DEFAULT_CURVATURE) -> Any:
            if len(args) == len(arguments) and c is _rows.DEFAULT_CURVATURE:
                *args, c = args  # type: ignore[assignment]
            if len(args) != len(arguments) - 1:
                raise TypeError(f"{op} takes ({', '.join(arguments)})")
            return _dispatch(op, args, c)

        return call  # type: ignore[return-value]

    return declare


def _dispatch(op: CoreOp, args: Sequence[Any], c: Any) -> Any:
    """Find the library of the arguments, and the GPU that holds them."""
    xp, given, c = _rows.one_library(op, args, c)
    with on_their_gpu(str(op), xp, dict(zip(op.arguments, (*given, c), strict=True))):
        return _call_body(op, xp, given, c)


def _call_body(op: CoreOp, xp: Any, given: Sequence[Any], c: Any) -> Any:
    """Check and promote the arguments, call the body, bring its results to their shapes and dtypes."""
    dtype, args = _rows.promote(op, xp, given, c)
    _rows.check_curvature(op, c)
    batch, sizes = op.check_shapes(args, c)
    wide = xp.float64 if _rows.has_float64(xp) else xp.float32
    inputs = [xp.astype(a, wide, copy=False) for a in args]
    inputs[-1] = inputs[-1][..., None, :]
    if isinstance(c, (int, float)):
        curvature = xp.full((), float(c), dtype=wide, device=array_api_compat.device(args[0]))
    else:
        curvature = xp.astype(c, wide, copy=False)
    valid = (curvature >= 0 if op.flat else curvature > 0) & (curvature < math.inf)
    curvature = xp.where(valid, curvature, xp.full_like(curvature, math.nan))
    with np.errstate(all="ignore"):  # a NaN is an answer, as in row functions
        results: Any = op.body(*inputs, curvature[..., None, None])
    if not op.vjp:
        return xp.astype(xp.broadcast_to(results, (*batch, sizes["m"], sizes["k"])), dtype, copy=False)
    *bars, r_bar, c_bar = results
    finished = []
    for bar, rank, a in zip((*bars, r_bar[..., 0, :], c_bar[..., 0, 0]), op.ranks[1:], (*given[1:], c), strict=True):
        bar = xp.broadcast_to(bar, (*batch, *bar.shape[bar.ndim - rank :]))
        finished.append(_rows.sum_to(xp, xp.astype(bar, dtype, copy=False) if rank else bar, a))
    return tuple(finished)


class Directions(NamedTuple):
    """u = z/|z| and its products with points, and |z| as a row of the logits; NaN for z = 0."""

    u: Array
    length: Array
    products: Array

    def back(self, of_products: Array, of_length: Array, x: Array) -> tuple[Array, Array]:
        """Cotangents of x and z from those of the products and, summed over the points, of the length."""
        xp = array_namespace(x)
        column = xp.matrix_transpose
        along = xp.sum(of_products * self.products, axis=-2, keepdims=True)
        across = xp.matmul(column(of_products), x) - column(along) * self.u
        return xp.matmul(of_products, self.u), across / column(self.length) + column(of_length) * self.u


def directions(x: Array, z: Array) -> Directions:
    xp = array_namespace(x)
    largest = xp.max(xp.abs(z), axis=-1, keepdims=True)
    w = z / largest  # no square of it underflows to 0
    norm = xp.sqrt(dot(w, w))
    u = w / norm
    return Directions(u, xp.matrix_transpose(largest * norm), xp.matmul(x, xp.matrix_transpose(u)))
