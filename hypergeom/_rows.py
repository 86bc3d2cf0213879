"""The seam between the public row functions and their twins.

A row function is declared once, in the module of its space::

    @row_op("(d),(d),()->()")
    def dist(x, y, /, c=1.0, *, out=None): ...

The call then goes to the NumPy gufunc of that name for NumPy arrays, to the CUDA kernel for CuPy arrays, and
to the body for the arrays of any other library. The body is the formula in array-API operations. It sees
float arrays of one dtype (float64 where the library has it) in which every scalar of a row, `c` too, keeps a
last axis of length one, and returns its results in the same form; `out` is not for it.

An argument may be a group of rows, ``(m,d)``, with a number for each of its rows, ``(m)``: the function then
maps groups to rows. Such numbers are vectors to the body.

A function named ``f_vjp`` takes the cotangents of the outputs of ``f`` and then the arguments of ``f``. Its
twins return one cotangent a row for each argument of ``f``; the seam sums them over the axes along which the
argument was broadcast.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

import array_api_compat
import numpy as np

from hypergeom import _threads
from hypergeom._core import gufuncs
from hypergeom._gpus import on_their_gpu

__all__ = [
    "DEFAULT_CURVATURE",
    "Array",
    "Curvature",
    "RowOp",
    "batch_of",
    "check_curvature",
    "check_out",
    "core_sizes",
    "has_float64",
    "one_library",
    "promote",
    "row_op",
    "row_ops",
    "sum_to",
]

Array = Any  # an array of any library that follows the array-API standard
Curvature = Any  # a number or an array

P = ParamSpec("P")
R = TypeVar("R")

_INTEGERS = {f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)}
_FLOAT32, _FLOAT64 = np.dtype(np.float32), np.dtype(np.float64)
DEFAULT_CURVATURE = float("1")  # an object of its own: a caller's 1.0 is another one


@dataclass(frozen=True)
class RowOp:
    """A declared row function: one line of a table (``*.def``) and one public function.

    Attributes
    ----------
    space : str
        Package of the function, ``"poincare"`` or ``"lorentz"``.
    chapter : str
        Its module there, and so the header of its formula and its table.
    name : str
        Its name there.
    signature : str
        Signature of the gufunc. The last input is the curvature; the last output of a `_vjp` is its
        cotangent.
    arguments : tuple of str
        Names of all inputs, the curvature last.
    body : callable
        The formula in array-API operations.
    flat : bool
        Whether the curvature may be 0.
    """

    space: str
    chapter: str
    name: str
    signature: str
    arguments: tuple[str, ...]
    body: Callable[..., Any]
    flat: bool

    @functools.cached_property
    def inputs(self) -> tuple[str, ...]:
        """The core axes of each input, a letter each; empty for a scalar."""
        return _core_axes(self.signature.partition("->")[0])

    @functools.cached_property
    def outputs(self) -> tuple[str, ...]:
        """The core axes of each output, a letter each; empty for a scalar."""
        return _core_axes(self.signature.partition("->")[2])

    @property
    def vjp(self) -> bool:
        """Whether this is the gradient of another row function."""
        return self.name.endswith("_vjp")

    @functools.cached_property
    def cotangents(self) -> int:
        """How many inputs of a gradient are cotangents: its outputs belong to the inputs after them."""
        return len(self.inputs) - len(self.outputs)

    @property
    def groups(self) -> bool:
        """Whether it is a function of groups of rows."""
        return any(len(axes) > 1 for axes in self.inputs)

    @property
    def differentiable(self) -> bool:
        """Whether its gradient is declared too."""
        return f"{self}_vjp" in row_ops

    @functools.cached_property
    def gufunc(self) -> np.ufunc:
        """The CPU twin."""
        twin: np.ufunc = getattr(gufuncs, f"{self.space}_{self.name}")
        return twin

    def __str__(self) -> str:
        return f"{self.space}.{self.name}"


def _core_axes(arguments: str) -> tuple[str, ...]:
    return tuple(axes.replace(",", "") for axes in re.findall(r"\(([\w,]*)\)", arguments))


def batch_of(shape: Sequence[int], axes: str) -> tuple[int, ...]:
    """The shape without the core axes."""
    return tuple(shape[: len(shape) - len(axes)])


def core_sizes(op: RowOp, shapes: Sequence[tuple[int, ...]]) -> dict[str, int]:
    """Length of each core axis, that of a vector of both kinds too: a Lorentz vector has a time coordinate more."""
    sizes: dict[str, int] = {}
    for axes, shape in zip(op.inputs, shapes, strict=True):
        sizes.update(zip(axes, shape[len(shape) - len(axes) :], strict=True))
    if "n" in sizes:
        sizes.setdefault("d", sizes["n"] - 1)
    else:
        sizes["n"] = sizes["d"] + 1
    return sizes


get_threads, array, ndarray, float64 = _threads.count.get, np.array, np.ndarray, np.float64  # looked up once

row_ops: dict[str, RowOp] = {}
"""All declared row functions by their qualified name, such as ``"poincare.dist"``."""


def row_op(signature: str, *, flat: bool | None = None) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Declare a row function by the signature of its gufunc; the body is the formula for other libraries.

    `flat` says whether the curvature may be 0; by default it may in the ball.
    """

    def declare(body: Callable[P, R]) -> Callable[P, R]:
        code = body.__code__
        _, space, chapter = body.__module__.split(".")
        name, arguments = body.__name__.removeprefix("_"), code.co_varnames[: code.co_argcount]
        with_flat = space == "poincare" if flat is None else flat
        op = row_ops[f"{space}.{name}"] = RowOp(space, chapter, name, signature, arguments, body, with_flat)
        n_data, is_vjp, gufunc = len(arguments) - 1, op.vjp, op.gufunc
        lowest = 0.0 if op.flat else math.ulp(0.0)

        @functools.wraps(body)
        def call(*args: Any, c: Any = DEFAULT_CURVATURE, out: Any = None) -> Any:
            if len(args) == n_data + 1 and c is DEFAULT_CURVATURE:
                *args, c = args  # type: ignore[assignment]
            if len(args) != n_data or (is_vjp and out is not None):
                raise TypeError(f"{op} takes ({', '.join(arguments)}{'' if is_vjp else ', *, out'})")
            # The common case: a call on one row is to cost little more than the gufunc.
            kind = type(c)
            weak = kind is float  # does not promote float32 data
            if get_threads() == 1 and (
                lowest <= c < math.inf
                if weak or kind is float64
                else kind is ndarray and c.dtype is _FLOAT64 and c.ndim
            ):
                numbers = singles = False
                for a in args:
                    if (given_type := type(a)) is float:
                        numbers = True
                    elif given_type is float64:  # what NumPy returns for one row
                        continue
                    elif given_type is not ndarray:
                        break
                    elif (dtype := a.dtype) is not _FLOAT64:
                        if not (weak and dtype is _FLOAT32):
                            break
                        singles = True
                    if numbers and singles:  # a Python number does not promote float32, a float64 array does
                        break
                else:
                    # NumPy takes long to promote a Python number
                    k = array(c) if weak else c
                    given = [array(a) if type(a) is float else a for a in args] if numbers else args
                    try:
                        if is_vjp:
                            return _sum_cotangents(op, np, gufunc(*given, k), args, c)
                        if out is None:
                            return gufunc(*given, k)
                        if type(out) is ndarray:
                            return gufunc(*given, k, out=out)
                    except ValueError:
                        pass  # shapes that do not fit: found again, and explained, below
            return _dispatch(op, args, c, out)

        return call  # type: ignore[return-value]

    return declare


def _dispatch(op: RowOp, args: Sequence[Any], c: Any, out: Any) -> Any:
    """Find the library of the arguments, and the GPU that holds them."""
    xp, given, c = one_library(op, args, c)
    with on_their_gpu(str(op), xp, dict(zip(op.arguments, (*given, c), strict=True))):
        return _call_twin(op, xp, given, c, out)


def check_out(op: RowOp, xp: Any, out: Any) -> None:
    """Results go to NumPy arrays, and only those of NumPy arrays."""
    if out is None:
        return
    if not array_api_compat.is_numpy_namespace(xp):
        raise TypeError(f"{op}: out= is for NumPy arrays, got an array of {xp.__name__} among the arguments")
    for a in out if isinstance(out, tuple) else (out,):
        if not (a is None or isinstance(a, np.ndarray)):
            raise TypeError(f"{op}: needs arrays of one library, got out of type {_type_name(a)} beside numpy.ndarray")


def _call_twin(op: RowOp, xp: Any, given: Sequence[Any], c: Any, out: Any) -> Any:
    """Check and promote the arguments, and call the twin of their library."""
    check_out(op, xp, out)
    dtype, args = promote(op, xp, given, c)
    check_curvature(op, c)
    batch = _check_shapes(op, args, c)
    if array_api_compat.is_numpy_namespace(xp):
        result = _on_cpu(op, args, c, out, batch)
    elif array_api_compat.is_cupy_namespace(xp):
        from hypergeom import _cuda

        result = _cuda.call(op, args, c)
    else:
        result = _by_formula(op, xp, args, c, dtype, batch)
    return _sum_cotangents(op, xp, result, given, c) if op.vjp else result


def one_library(op: RowOp, args: Sequence[Any], c: Any) -> tuple[Any, list[Any], Any]:
    """The array namespace of the arguments. For NumPy, sequences become arrays; scalars stay numbers."""
    values = [*args, c]
    foreign = [a for a in values if array_api_compat.is_array_api_obj(a) and not _is_numpy(a)]
    if not foreign:
        for i, (axis, a) in enumerate(zip(op.inputs, values, strict=True)):
            if axis or type(a) not in (int, float):
                values[i] = np.asarray(a)
        return np, values[:-1], values[-1]

    xp = array_api_compat.array_namespace(foreign[0])
    for i, (axis, a) in enumerate(zip(op.inputs, values, strict=True)):
        if not axis and isinstance(a, (int, float, np.integer, np.floating)):
            values[i] = a if isinstance(a, bool) else float(a)
        elif _is_numpy(a) or not array_api_compat.is_array_api_obj(a) or array_api_compat.array_namespace(a) is not xp:
            raise TypeError(
                f"{op}: needs arrays of one library, got {op.arguments[i]} of type {_type_name(a)} "
                f"beside {_type_name(foreign[0])}"
            )
    return xp, values[:-1], values[-1]


def promote(op: RowOp, xp: Any, args: Sequence[Any], c: Any) -> tuple[Any, list[Any]]:
    """One real floating dtype for all data, and the data in it. Numbers do not count, an array `c` does."""
    names = set()
    for name, a in zip(op.arguments, (*args, c), strict=True):
        if type(a) in (int, float):
            continue
        dtype = "bool" if isinstance(a, bool) else _dtype_name(a)
        if dtype not in _INTEGERS and dtype not in ("float32", "float64"):
            raise TypeError(f"{op}: {name} needs dtype float32, float64 or an integer dtype, got {dtype}")
        names.add(dtype)
    dtype = getattr(xp, "float32" if names == {"float32"} else "float64")
    return dtype, [a if type(a) in (int, float) else xp.astype(a, dtype, copy=False) for a in args]


def check_curvature(op: RowOp, c: Any) -> None:
    """A bad number is an error; a bad entry of an array makes its rows NaN."""
    if (isinstance(c, (int, float)) or (_is_numpy(c) and c.ndim == 0)) and not (
        0 <= c < math.inf and (c > 0 or op.flat)
    ):
        raise ValueError(f"{op}: c needs to be finite and {'>= 0' if op.flat else '> 0'}, got {c}")


def _check_shapes(op: RowOp, args: Sequence[Any], c: Any) -> tuple[int, ...]:
    """The shape of the batch."""
    shapes = [getattr(a, "shape", ()) for a in (*args, c)]
    if all(len(shape) >= len(axes) for shape, axes in zip(shapes, op.inputs, strict=True)):
        sizes = core_sizes(op, shapes)
        fits = (
            all(n == sizes[axis] for axis, n in zip(axes, shape[len(shape) - len(axes) :], strict=True))
            for axes, shape in zip(op.inputs, shapes, strict=True)
        )
        if sizes["n"] == sizes["d"] + 1 >= 2 and all(fits):
            try:
                return np.broadcast_shapes(*map(batch_of, shapes, op.inputs))
            except ValueError:
                pass
    given = ", ".join(f"{name} {tuple(shape)}" for name, shape in zip(op.arguments, shapes, strict=True))
    raise ValueError(
        f"{op}: shapes {given} do not fit the signature {op.signature} with d >= 1"
        f"{', n = d + 1' if 'n' in op.signature else ''} and leading axes that broadcast"
    )


def _on_cpu(op: RowOp, args: Sequence[Any], c: Any, out: Any, batch: tuple[int, ...]) -> Any:
    """The gufunc, on as many threads as `hypergeom.threads` says."""
    dtype = next(a.dtype for a in args if isinstance(a, np.ndarray))
    inputs = [*(np.asarray(a, dtype=dtype) for a in args), np.asarray(c, dtype=np.float64)]
    sizes = core_sizes(op, [a.shape for a in inputs])
    n = _threads.count.get()
    longest = max(batch, default=1)
    if n == 1 or longest <= 1 or math.prod(batch) * sizes["d"] * sizes.get("m", 1) < _threads.MIN_ENTRIES:
        return op.gufunc(*inputs) if out is None else op.gufunc(*inputs, out=out)
    shapes = [(*batch, *(sizes[axis] for axis in axes)) for axes in op.outputs]
    if out is None:
        dtypes = [dtype] * len(shapes)
        if op.vjp:
            dtypes[-1] = _FLOAT64
        outputs = [np.empty(*pair) for pair in zip(shapes, dtypes, strict=True)]
    else:
        outputs = list(out) if isinstance(out, tuple) else [out]
        if [getattr(o, "shape", None) for o in outputs] != shapes or any(
            np.may_share_memory(o, a) for o in outputs for a in inputs
        ):
            return op.gufunc(*inputs, out=out)  # one window's output may be another's input
    batches = [batch_of(a.shape, axes) for a, axes in zip(inputs, op.inputs, strict=True)]
    _threads.split_rows(op.gufunc, inputs, outputs, batches, batch, min(n, longest))
    return tuple(outputs) if len(outputs) > 1 else outputs[0]


def _by_formula(op: RowOp, xp: Any, args: Sequence[Any], c: Any, dtype: Any, batch: tuple[int, ...]) -> Any:
    """The body, in float64 where the library has it."""
    reference = next(a for a in args if array_api_compat.is_array_api_obj(a))
    device = array_api_compat.device(reference)
    wide = xp.float64 if has_float64(xp) else xp.float32
    inputs = []
    for axis, a in zip(op.inputs, [*args, c], strict=True):
        if isinstance(a, (int, float)):
            inputs.append(xp.full((), float(a), dtype=wide, device=device))
        else:
            a = xp.astype(a, wide, copy=False)
            inputs.append(a if axis else a[..., None])
    k = inputs[-1]
    valid = (k >= 0 if op.flat else k > 0) & (k < math.inf)
    inputs[-1] = xp.where(valid, k, xp.full_like(k, math.nan))
    results = op.body(*inputs)
    finished = []
    for axis, a in zip(op.outputs, results if isinstance(results, tuple) else (results,), strict=True):
        a = xp.broadcast_to(a, (*batch, *a.shape[a.ndim - max(len(axis), 1) :]))
        finished.append(xp.astype(a if axis else a[..., 0], dtype, copy=False))
    if op.vjp:
        finished[-1] = xp.astype(finished[-1], wide, copy=False)
    return tuple(finished) if len(finished) > 1 else finished[0]


def _sum_cotangents(op: RowOp, xp: Any, cotangents: Any, args: Sequence[Any], c: Any) -> tuple[Any, ...]:
    """Each cotangent summed to the shape of its argument, in its dtype; the given ones have no argument."""
    return tuple(
        [
            bar if type(a) is ndarray and bar.shape == a.shape and bar.dtype is a.dtype else sum_to(xp, bar, a)
            for bar, a in zip(cotangents, (*args[op.cotangents :], c), strict=True)
        ]
    )


def sum_to(xp: Any, bar: Any, argument: Any) -> Any:
    if isinstance(argument, (int, float)):  # NumPy's sums and ufuncs give scalars, not arrays
        if type(bar) is float64:  # of one row
            return array(bar)
        return np.asarray(np.add.reduce(bar, axis=None)) if xp is np else xp.sum(bar)
    shape, dtype = argument.shape, argument.dtype
    if bar.shape != shape:
        new = bar.ndim - len(shape)
        stretched = (new + i for i, n in enumerate(shape) if n == 1 and bar.shape[new + i] != 1)
        wide = None if bar.dtype == xp.float32 and not has_float64(xp) else xp.float64
        bar = xp.reshape(xp.sum(bar, axis=(*range(new), *stretched), dtype=wide, keepdims=True), shape)
    if bar.dtype != dtype and _dtype_name(argument) not in _INTEGERS:
        bar = xp.astype(bar, dtype)
    return bar


def has_float64(xp: Any) -> bool:
    return "float64" in xp.__array_namespace_info__().dtypes(kind="real floating")


def _is_numpy(a: Any) -> bool:
    return isinstance(a, (np.ndarray, np.generic))


def _type_name(a: Any) -> str:
    return f"{type(a).__module__}.{type(a).__qualname__}".removeprefix("builtins.")


def _dtype_name(a: Any) -> str:
    return getattr(a.dtype, "name", None) or str(a.dtype).rpartition(".")[2]
