"""The functions of the user on lists of leaves: counted, and checked in shape, dtype and kind."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import array_api_compat
import numpy as np

from hypergeom.optim.spaces import Geometry, Vectors

__all__ = ["Iterate", "Objective", "Value", "all_finite"]


@dataclass(frozen=True)
class Iterate:
    """A point, and what is known of the cost there."""

    x: Vectors
    fun: float
    egrad: Vectors  # as the user's function returns it; empty where no method needs it
    grad: Vectors
    grad_norm: float

    @property
    def finite(self) -> bool:
        """Whether cost and gradient are."""
        return math.isfinite(self.fun) and math.isfinite(self.grad_norm)


@dataclass(frozen=True)
class Value:
    """The cost at a point, and the gradient where it came along."""

    x: Vectors
    fun: float
    gradient: Any


class Objective:
    """Cost, gradient and Hessian of the user, as functions of leaves."""

    def __init__(
        self,
        geometry: Geometry,
        cost: Callable[..., Any],
        gradient: Callable[..., Any] | bool,
        *,
        riemannian: bool = False,
        hvp: Callable[..., Any] | None = None,
        where: str = "minimize",
    ) -> None:
        self.geometry, self.where = geometry, where
        self.cost, self.user_gradient, self.hvp = cost, gradient, hvp
        self.together, self.riemannian = gradient is True, riemannian
        self.nfev = self.ngev = self.nhev = 0
        self.keep_euclidean = True
        self.batch: tuple[Any, ...] = ()
        self.keywords: dict[str, Any] = {}

    def value(self, x: Vectors) -> Value:
        """The cost, and the gradient if the user's function returns both."""
        self.nfev += 1
        result = self.cost(self.geometry.layout.unflatten(x), *self.batch, **self.keywords)
        if not self.together:
            return Value(x, _number(self.where, result), None)
        self.ngev += 1
        if not isinstance(result, tuple) or len(result) != 2:
            raise ValueError(
                f"{self.where}: with gradient=True cost must return (value, gradient), got {type(result).__name__}"
            )
        return Value(x, _number(self.where, result[0]), result[1])

    def completed(self, value: Value) -> Iterate:
        """The gradient at a point whose cost is known."""
        geometry, x, raw = self.geometry, value.x, value.gradient
        if not self.together:
            self.ngev += 1
            assert callable(self.user_gradient)
            raw = self.user_gradient(geometry.layout.unflatten(x), *self.batch, **self.keywords)
        egrad = geometry.layout.flatten(f"{self.where}: gradient", raw)
        with np.errstate(all="ignore"):
            grad = egrad if self.riemannian else geometry.gradient(x, egrad)
            kept = egrad if self.keep_euclidean else []
            return Iterate(x, value.fun, kept, grad, geometry.norm(x, grad))

    def gradient(self, x: Vectors) -> Iterate:
        """The gradient; the cost stays unknown, NaN, where it is a function of its own."""
        return self.completed(self.value(x) if self.together else Value(x, math.nan, None))

    def evaluate(self, x: Vectors) -> Iterate:
        """Cost and gradient."""
        return self.completed(self.value(x))

    def hessian(self, at: Iterate, v: Vectors) -> Vectors:
        """The Riemannian Hessian times v, from the user's derivative of the Euclidean gradient."""
        assert self.hvp is not None
        self.nhev += 1
        layout, geometry = self.geometry.layout, self.geometry
        direction = layout.unflatten(geometry.ambient(at.x, v))
        raw = self.hvp(layout.unflatten(at.x), direction, *self.batch, **self.keywords)
        return geometry.hessian(at.x, at.egrad, layout.flatten(f"{self.where}: hvp", raw), v)


def _number(where: str, value: Any) -> float:
    if type(value) is float or isinstance(value, (float, int)):
        return float(value)
    shape = getattr(value, "shape", None)
    if shape == () and not np.iscomplexobj(value) and not str(getattr(value, "dtype", "")).startswith("complex"):
        return float(value)
    if shape is not None and tuple(shape) != ():
        raise ValueError(f"{where}: cost must return a number, got an array of shape {tuple(shape)}")
    raise TypeError(f"{where}: cost must return a real number, got {value!r}")


def all_finite(x: Vectors) -> bool:
    """Whether all entries are, of NumPy arrays; on a GPU to look would be to wait."""
    return all(not array_api_compat.is_numpy_array(a) or bool(np.isfinite(a).all()) for a in x)
