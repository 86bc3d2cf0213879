"""Which GPU is the current one while a function works on CuPy arrays: theirs, as all of them lie on one."""

from __future__ import annotations

import contextlib
import functools
import sys
from collections.abc import Callable, Mapping
from typing import Any, ParamSpec, TypeVar

import array_api_compat
import numpy as np

__all__ = ["gpu_of", "methods_on_one_gpu", "on_gpu", "on_one_gpu", "on_their_gpu", "one_side", "to_host"]

P = ParamSpec("P")
R = TypeVar("R")
C = TypeVar("C")


def on_their_gpu(where: str, xp: Any, named: Mapping[str, Any]) -> Any:
    """For CuPy arrays, a context in which their GPU is the current one; an error where there are several."""
    if not array_api_compat.is_cupy_namespace(xp):
        return contextlib.nullcontext()
    from hypergeom import _cuda

    return _cuda.home(where, named)


def on_gpu(a: object) -> bool:
    """Whether it is a CuPy array."""
    return "cupy" in sys.modules and array_api_compat.is_cupy_array(a)


def to_host(a: Any) -> Any:
    """A CuPy array as a NumPy array; all else as it is."""
    return a.get() if on_gpu(a) else a


def gpu_of(a: Any) -> Any:
    """A context in which the GPU of a CuPy array is the current one; nothing for all else."""
    return a.device if on_gpu(a) else contextlib.nullcontext()


def one_side(where: str, named: Mapping[str, Any]) -> Any:
    """The context of `gpu_of` for several arguments; an error where there are CuPy beside NumPy arrays, or two GPUs."""
    first = next((name for name, a in named.items() if on_gpu(a)), None)
    if first is None:
        return contextlib.nullcontext()
    for name, a in named.items():
        if array_api_compat.is_numpy_array(a):
            raise TypeError(f"{where}: needs arrays of one library, got {name} of NumPy beside {first} of CuPy")
    from hypergeom import _cuda

    return _cuda.home(where, {name: a for name, a in named.items() if on_gpu(a)})


def on_one_gpu(f: Callable[P, R], where: str | None = None) -> Callable[P, R]:
    """A public function made of several others: in all of them, the GPU of its arguments is the current one.

    As in row functions, a NaN is an answer, and NumPy does not warn of it.
    """
    names = f.__code__.co_varnames[: f.__code__.co_argcount]
    where = where or ".".join((*f.__module__.split(".")[1:2], f.__name__))

    @functools.wraps(f)
    def call(*args: P.args, **keywords: P.kwargs) -> R:
        if "cupy" in sys.modules:
            named: dict[str, Any] = {}
            for name, a in (*zip(names, args, strict=False), *keywords.items()):
                parts = (
                    {f"{name}[{k}]": part for k, part in enumerate(a)} if isinstance(a, (tuple, list)) else {name: a}
                )
                named |= {part: v for part, v in parts.items() if array_api_compat.is_cupy_array(v)}
            if named:
                from hypergeom import _cuda

                with _cuda.home(where, named):
                    return f(*args, **keywords)
        with np.errstate(all="ignore"):
            return f(*args, **keywords)

    return call


def methods_on_one_gpu(cls: type[C]) -> type[C]:
    """The same for the public methods of a class."""
    for name, method in list(vars(cls).items()):
        if callable(method) and not name.startswith("_"):
            setattr(cls, name, on_one_gpu(method, f"{cls.__name__}.{name}"))
    return cls
