"""Manifolds as objects: the functions of `hypergeom.poincare` and `hypergeom.lorentz` behind one set of names."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from hypergeom import lorentz, poincare
from hypergeom.errors import NotOnManifoldError

__all__ = ["Euclidean", "Lorentz", "PoincareBall"]

Array: TypeAlias = Any


def _check_curvature(c: float, name: str) -> None:
    if not 0 < c < np.inf:
        raise ValueError(f"{name}: c must be positive and finite (the curvature is -c), got {c!r}")


def _raise_worst(residual: Array, tolerance: float, what: str) -> None:
    residual = np.where(np.isnan(residual), np.inf, residual)
    if residual.size and residual.max() > tolerance:
        row = np.unravel_index(residual.argmax(), residual.shape)
        where = f" in row {tuple(int(i) for i in row)}" if row else ""
        raise NotOnManifoldError(f"not a point of {what}{where}: residual {residual.max():.3g} above {tolerance:.3g}")


@dataclass(frozen=True)
class PoincareBall:
    """The ball c|x|^2 < 1 of curvature -c; see `hypergeom.poincare`.

    Examples
    --------
    >>> from hypergeom.manifolds import PoincareBall
    >>> ball = PoincareBall()
    >>> float(ball.dist([0.0, 0.0], [0.5, 0.0]).round(6))
    1.098612
    """

    c: float = 1.0

    def __post_init__(self) -> None:
        _check_curvature(self.c, "PoincareBall")

    def dist(self, x: Array, y: Array, /) -> Array:
        """Geodesic distance of points."""
        return poincare.dist(x, y, self.c)

    def exp(self, x: Array, v: Array, /) -> Array:
        """End of the geodesic that leaves x with velocity v."""
        return poincare.exp(x, v, self.c)

    def log(self, x: Array, y: Array, /) -> Array:
        """Tangent vector at x that `exp` takes to y."""
        return poincare.log(x, y, self.c)

    def project(self, x: Array, /) -> Array:
        """Put rows on or beyond the rim back inside."""
        return poincare.project(x, self.c)

    def egrad2rgrad(self, x: Array, g: Array, /) -> Array:
        """Riemannian gradient of a function with Euclidean gradient g."""
        return poincare.egrad2rgrad(x, g, self.c)

    def check(self, x: Array, /) -> None:
        """Raise `NotOnManifoldError` unless every row lies inside the ball."""
        outside = np.where(self.c * np.sum(np.asarray(x) ** 2, axis=-1) < 1, 0.0, np.inf)
        _raise_worst(outside, 0.0, f"the ball of curvature -{self.c:g}")


@dataclass(frozen=True)
class Lorentz:
    """The hyperboloid <x, x> = -1/c of curvature -c; see `hypergeom.lorentz`."""

    c: float = 1.0

    def __post_init__(self) -> None:
        _check_curvature(self.c, "Lorentz")

    def dist(self, x: Array, y: Array, /) -> Array:
        """Geodesic distance of points."""
        return lorentz.dist(x, y, self.c)

    def exp(self, x: Array, v: Array, /) -> Array:
        """End of the geodesic that leaves x with velocity v."""
        return lorentz.exp(x, v, self.c)

    def log(self, x: Array, y: Array, /) -> Array:
        """Tangent vector at x that `exp` takes to y."""
        return lorentz.log(x, y, self.c)

    def project(self, x: Array, /) -> Array:
        """Recompute the time coordinates."""
        return lorentz.project(x, self.c)

    def check(self, x: Array, /) -> None:
        """Raise `NotOnManifoldError` unless every time coordinate fits its spatial part, to 64 eps relative."""
        x = np.asarray(x)
        time = lorentz.project(np.abs(x), self.c)[..., 0]
        _raise_worst(np.abs(x[..., 0] - time) / time, 64 * np.finfo(time.dtype).eps, f"the hyperboloid, c = {self.c:g}")


@dataclass(frozen=True)
class Euclidean:
    """Flat space: the control."""

    def dist(self, x: Array, y: Array, /) -> Array:
        """``|y - x|``."""
        return np.linalg.vector_norm(np.asarray(y) - np.asarray(x), axis=-1)

    def exp(self, x: Array, v: Array, /) -> Array:
        """x + v."""
        return np.asarray(x) + np.asarray(v)

    def log(self, x: Array, y: Array, /) -> Array:
        """y - x."""
        return np.asarray(y) - np.asarray(x)

    def project(self, x: Array, /) -> Array:
        """x itself."""
        return np.asarray(x)

    def egrad2rgrad(self, x: Array, g: Array, /) -> Array:
        """g itself."""
        return np.asarray(g)

    def check(self, x: Array, /) -> None:
        """Raise `NotOnManifoldError` unless every entry is finite."""
        _raise_worst(np.where(np.isfinite(np.asarray(x)).all(axis=-1), 0.0, np.inf), 0.0, "Euclidean space")
