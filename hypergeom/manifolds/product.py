"""Products of manifolds."""

from __future__ import annotations

import functools
import math
import numbers
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from hypergeom._rows import Array
from hypergeom.errors import NotOnManifoldError
from hypergeom.manifolds.protocol import Manifold, Point, Seed, Shape

__all__ = ["Product"]


@dataclass(frozen=True, init=False, repr=False)
class Product:
    """The product of manifolds: a point is a tuple with a point of each, and so are tangent vectors.

    The methods are those of `Manifold`, factor by factor. Leading axes of the factors broadcast against each other in
    `inner`, `norm` and `dist`.

    Parameters
    ----------
    *factors : Manifold
        At least one; products too.
    weights : sequence of float, optional
        Positive factors of the inner products, so that norms and distances of a factor have that of its weight's root.
        Geodesics and transport do not depend on them; Riemannian gradients and Hessians do.

    Attributes
    ----------
    factors : tuple of Manifold
    weights : tuple of float

    Examples
    --------
    >>> from hypergeom.manifolds import Euclidean, Product, Sphere
    >>> space = Product(Sphere(), Euclidean(), weights=(4.0, 1.0))
    >>> space
    Product(Sphere(), Euclidean(), weights=(4.0, 1.0))
    >>> x, v = ([1.0, 0.0], [0.0]), ([0.0, 1.5], [4.0])
    >>> space.norm(x, v)
    np.float64(5.0)
    >>> space.dim(((2,), (1,)))
    2
    """

    factors: tuple[Manifold, ...]
    weights: tuple[float, ...]

    def __init__(self, *factors: Manifold, weights: Iterable[float] | None = None) -> None:
        if not factors:
            raise ValueError("Product: needs at least one factor")
        for factor in factors:
            if isinstance(factor, type) or not isinstance(factor, Manifold):
                raise TypeError(f"Product: factors must be manifolds, got {factor!r}")
        chosen = (1.0,) * len(factors) if weights is None else tuple(weights)
        if len(chosen) != len(factors):
            raise ValueError(f"Product: needs one weight for each of {len(factors)} factors, got {len(chosen)}")
        for weight in chosen:
            if not isinstance(weight, numbers.Real) or not 0 < weight < math.inf:
                raise ValueError(f"Product: weights must be positive and finite numbers, got {weight!r}")
        object.__setattr__(self, "factors", factors)
        object.__setattr__(self, "weights", tuple(map(float, chosen)))

    def __repr__(self) -> str:
        weights = "" if set(self.weights) == {1.0} else f", weights={self.weights}"
        return f"Product({', '.join(map(repr, self.factors))}{weights})"

    @property
    def point_ndim(self) -> tuple[Any, ...]:
        """Those of the factors."""
        return tuple(factor.point_ndim for factor in self.factors)

    def dim(self, shape: Shape, /) -> int:
        """The sum of the factors' dimensions."""
        return sum(factor.dim(part) for factor, part in self._zip("dim", shape=shape))

    def origin(self, shape: Shape, /, *, like: Point = None) -> Point:
        """Those of the factors."""
        parts = self._zip("origin", shape=shape, like=self._spread(like))
        return tuple(factor.origin(part, like=array) for factor, part, array in parts)

    def random_point(self, shape: Shape, /, *, rng: Seed = None, like: Point = None) -> Point:
        """Independent points of the factors."""
        rng = np.random.default_rng(rng)
        parts = self._zip("random_point", shape=shape, like=self._spread(like))
        return tuple(factor.random_point(part, rng=rng, like=array) for factor, part, array in parts)

    def random_tangent(self, x: Point, /, *, rng: Seed = None) -> Point:
        """Those of the factors, over the roots of their weights."""
        rng = np.random.default_rng(rng)
        drawn = tuple(factor.random_tangent(part, rng=rng) for factor, part in self._zip("random_tangent", x=x))
        return self._scaled(drawn, -0.5)

    def zero_tangent(self, x: Point, /) -> Point:
        """Those of the factors."""
        return tuple(factor.zero_tangent(part) for factor, part in self._zip("zero_tangent", x=x))

    def inner(self, x: Point, u: Point, v: Point, /) -> Array:
        """The weighted sum of the factors' products."""
        products = [factor.inner(*parts) for factor, *parts in self._zip("inner", x=x, u=u, v=v)]
        return sum(weight * product for weight, product in zip(self.weights, products, strict=True))

    def norm(self, x: Point, v: Point, /) -> Array:
        """The root of the weighted sum of squares."""
        return self._length([factor.norm(*parts) for factor, *parts in self._zip("norm", x=x, v=v)])

    def exp(self, x: Point, v: Point, /) -> Point:
        """Those of the factors."""
        return tuple(factor.exp(*parts) for factor, *parts in self._zip("exp", x=x, v=v))

    def log(self, x: Point, y: Point, /) -> Point:
        """Those of the factors."""
        return tuple(factor.log(*parts) for factor, *parts in self._zip("log", x=x, y=y))

    def dist(self, x: Point, y: Point, /) -> Array:
        """The root of the weighted sum of squares."""
        return self._length([factor.dist(*parts) for factor, *parts in self._zip("dist", x=x, y=y)])

    def transport(self, x: Point, y: Point, v: Point, /) -> Point:
        """Those of the factors."""
        return tuple(factor.transport(*parts) for factor, *parts in self._zip("transport", x=x, y=y, v=v))

    def exp_transport(self, x: Point, v: Point, u: Point, /) -> tuple[Point, Point]:
        """Those of the factors."""
        pairs = [factor.exp_transport(*parts) for factor, *parts in self._zip("exp_transport", x=x, v=v, u=u)]
        return tuple(y for y, _ in pairs), tuple(moved for _, moved in pairs)

    def geodesic(self, x: Point, y: Point, t: Any, /) -> Point:
        """Those of the factors, all at time t."""
        return tuple(factor.geodesic(*parts, t) for factor, *parts in self._zip("geodesic", x=x, y=y))

    def retract(self, x: Point, v: Point, /) -> Point:
        """Those of the factors."""
        return tuple(factor.retract(*parts) for factor, *parts in self._zip("retract", x=x, v=v))

    def project(self, x: Point, /) -> Point:
        """Those of the factors."""
        return tuple(factor.project(part) for factor, part in self._zip("project", x=x))

    def project_tangent(self, x: Point, u: Point, /) -> Point:
        """Those of the factors."""
        return tuple(factor.project_tangent(*parts) for factor, *parts in self._zip("project_tangent", x=x, u=u))

    def egrad2rgrad(self, x: Point, g: Point, /) -> Point:
        """Those of the factors, over their weights."""
        parts = tuple(factor.egrad2rgrad(*parts) for factor, *parts in self._zip("egrad2rgrad", x=x, g=g))
        return self._scaled(parts, -1)

    def ehess2rhess(self, x: Point, g: Point, h: Point, v: Point, /) -> Point:
        """Those of the factors, over their weights; h holds what the Hessian mixes between factors."""
        parts = self._zip("ehess2rhess", x=x, g=g, h=h, v=v)
        return self._scaled(tuple(factor.ehess2rhess(*arrays) for factor, *arrays in parts), -1)

    def check(self, x: Point, /, *, atol: float | None = None) -> None:
        """Each factor's own check, in order; the first entry of `index` is the number of the factor."""
        for number, (factor, part) in enumerate(self._zip("check", x=x)):
            with _Factor(number):
                factor.check(part, atol=atol)

    def check_tangent(self, x: Point, v: Point, /, *, atol: float | None = None) -> None:
        """Likewise."""
        for number, (factor, *parts) in enumerate(self._zip("check_tangent", x=x, v=v)):
            with _Factor(number):
                factor.check_tangent(*parts, atol=atol)

    def _spread(self, like: Point) -> tuple[Any, ...]:
        """One array for all factors, or one for each."""
        return like if isinstance(like, tuple) else (like,) * len(self.factors)

    def _zip(self, method: str, **given: Point) -> list[tuple[Any, ...]]:
        """The factors beside the parts of each argument."""
        for name, parts in given.items():
            if not isinstance(parts, tuple) or len(parts) != len(self.factors):
                got = f"of {len(parts)}" if isinstance(parts, tuple) else f", got {type(parts).__name__}"
                raise (ValueError if isinstance(parts, tuple) else TypeError)(
                    f"Product.{method}: {name} must be a tuple with an entry for each of {len(self.factors)} factors"
                    f"{got if got.startswith(',') else ', got one ' + got}"
                )
        return list(zip(self.factors, *given.values(), strict=True))

    def _length(self, lengths: list[Array]) -> Array:
        """Without overflow or underflow of the squares."""
        weighted = [weight**0.5 * a for weight, a in zip(self.weights, lengths, strict=True)]
        return functools.reduce(lambda a, b: array_namespace(a, b).hypot(a, b), weighted)

    def _scaled(self, v: tuple[Point, ...], power: float) -> tuple[Point, ...]:
        """Each part times a power of its weight."""
        return tuple(_times(weight**power, part) for weight, part in zip(self.weights, v, strict=True))


def _times(scale: float, v: Point) -> Point:
    return tuple(_times(scale, part) for part in v) if isinstance(v, tuple) else scale * v


class _Factor:
    """Puts the number of the factor before the index of a failed check."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if isinstance(error, NotOnManifoldError):
            index = (self.number, *error.index)
            raise NotOnManifoldError(error.what, index, error.residual, error.tolerance) from None
