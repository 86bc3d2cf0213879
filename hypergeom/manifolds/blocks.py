"""Manifolds of matrices on Dask arrays, whose library factorizes no stacks of matrices: by blocks, through NumPy."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

import array_api_compat
import numpy as np

from hypergeom.manifolds.arguments import namespace_and_arrays, parameter

__all__ = ["matrices_by_blocks"]

C = TypeVar("C")

_METHODS = ("exp", "log", "dist", "transport", "exp_transport", "geodesic", "retract", "project", "component")


def matrices_by_blocks(cls: type[C]) -> type[C]:
    """Let the methods of a class that factorize matrices work on the blocks of Dask arrays; their results are lazy."""
    for name in _METHODS:
        if hasattr(cls, name):
            setattr(cls, name, _by_blocks(getattr(cls, name), f"{cls.__name__}.{name}"))
    return cls


def _by_blocks(method: Callable[..., Any], where: str) -> Callable[..., Any]:
    names = list(inspect.signature(method).parameters)[1:]

    @functools.wraps(method)
    def call(self: Any, /, *args: Any, **options: Any) -> Any:
        if not any(map(array_api_compat.is_dask_array, args)):
            return method(self, *args, **options)
        points = {name: a for name, a in zip(names, args, strict=False) if name != "t"}
        xp, arrays = namespace_and_arrays(where, 2, **points)
        cores = ["m,n"] * len(arrays)
        if "t" in names and len(args) > len(arrays):
            t = parameter(where, xp, args[-1], 2, arrays[0])
            arrays.append(t[..., 0, 0] if t.ndim else t)
            cores.append("")
        f = functools.partial(method, self, **options)
        # On no rows, for the errors and for the kinds of the results.
        rows = [(0, *a.shape[-2:]) if core else (0,) for a, core in zip(arrays, cores, strict=True)]
        none = f(*(np.zeros(shape, a.dtype) for shape, a in zip(rows, arrays, strict=True)))
        kinds = none if isinstance(none, tuple) else (none,)
        results = ["m,n" if a.ndim == 3 else "" for a in kinds]
        signature = "->".join(",".join(f"({core})" for core in side) for side in (cores, results))
        dtypes = [a.dtype for a in kinds]
        apply_gufunc = importlib.import_module("dask.array").apply_gufunc
        return apply_gufunc(
            f, signature, *arrays, output_dtypes=dtypes if isinstance(none, tuple) else dtypes[0], allow_rechunk=True
        )

    return call
