"""A wrapper that checks every point and tangent vector on the way in and out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypergeom._rows import Array
from hypergeom.errors import NotOnManifoldError
from hypergeom.manifolds.protocol import Manifold, Point, Seed, Shape

__all__ = ["Validating"]


@dataclass(frozen=True)
class Validating:
    """A manifold that checks the arguments and the results of every call, for debugging.

    It has the methods of `Manifold`. A point or tangent vector that is not one raises `NotOnManifoldError`, whose
    message names the method and the argument. What may lie anywhere in the ambient space is not checked: the vectors
    of `project` and `project_tangent`, Euclidean gradients and Hessians.

    Parameters
    ----------
    manifold : Manifold
        What does the work.
    atol : float, optional
        The tolerance of the checks; 64 eps of the dtype by default.

    Examples
    --------
    >>> from hypergeom.manifolds import Sphere, Validating
    >>> sphere = Validating(Sphere())
    >>> sphere.exp([0.0, 1.0], [0.5, 0.5])  # doctest: +NORMALIZE_WHITESPACE
    Traceback (most recent call last):
        ...
    hypergeom.errors.NotOnManifoldError: not a tangent vector of the unit sphere (v of exp): residual 0.707 above the
    tolerance 1.42e-14
    """

    manifold: Manifold
    atol: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.manifold, type) or not isinstance(self.manifold, Manifold):
            raise TypeError(f"Validating: needs a manifold, got {self.manifold!r}")
        if self.atol is not None and not self.atol >= 0:
            raise ValueError(f"Validating: atol must be at least 0, got {self.atol!r}")

    @property
    def point_ndim(self) -> Any:
        """That of the manifold."""
        return self.manifold.point_ndim

    def dim(self, shape: Shape, /) -> int:
        """That of the manifold."""
        return self.manifold.dim(shape)

    def check(self, x: Point, /, *, atol: float | None = None) -> None:
        """The manifold's check, to the tolerance of this object unless another is given."""
        self.manifold.check(x, atol=self.atol if atol is None else atol)

    def check_tangent(self, x: Point, v: Point, /, *, atol: float | None = None) -> None:
        """The manifold's check, to the tolerance of this object unless another is given."""
        self.manifold.check_tangent(x, v, atol=self.atol if atol is None else atol)

    def _point(self, where: str, x: Point) -> Point:
        with _Named(where):
            self.check(x)
        return x

    def _tangent(self, where: str, x: Point, v: Point) -> Point:
        with _Named(where):
            self.check_tangent(x, v)
        return v

    def origin(self, shape: Shape, /, *, like: Point = None) -> Point:
        """`origin` of the manifold."""
        return self._point("the result of origin", self.manifold.origin(shape, like=like))

    def random_point(self, shape: Shape, /, *, rng: Seed = None, like: Point = None) -> Point:
        """`random_point` of the manifold."""
        return self._point("the result of random_point", self.manifold.random_point(shape, rng=rng, like=like))

    def random_tangent(self, x: Point, /, *, rng: Seed = None) -> Point:
        """`random_tangent` of the manifold."""
        self._point("x of random_tangent", x)
        return self._tangent("the result of random_tangent", x, self.manifold.random_tangent(x, rng=rng))

    def zero_tangent(self, x: Point, /) -> Point:
        """`zero_tangent` of the manifold."""
        self._point("x of zero_tangent", x)
        return self._tangent("the result of zero_tangent", x, self.manifold.zero_tangent(x))

    def inner(self, x: Point, u: Point, v: Point, /) -> Array:
        """`inner` of the manifold."""
        self._point("x of inner", x)
        self._tangent("u of inner", x, u)
        self._tangent("v of inner", x, v)
        return self.manifold.inner(x, u, v)

    def norm(self, x: Point, v: Point, /) -> Array:
        """`norm` of the manifold."""
        self._point("x of norm", x)
        self._tangent("v of norm", x, v)
        return self.manifold.norm(x, v)

    def exp(self, x: Point, v: Point, /) -> Point:
        """`exp` of the manifold."""
        self._point("x of exp", x)
        self._tangent("v of exp", x, v)
        return self._point("the result of exp", self.manifold.exp(x, v))

    def log(self, x: Point, y: Point, /) -> Point:
        """`log` of the manifold."""
        self._point("x of log", x)
        self._point("y of log", y)
        return self._tangent("the result of log", x, self.manifold.log(x, y))

    def dist(self, x: Point, y: Point, /) -> Array:
        """`dist` of the manifold."""
        self._point("x of dist", x)
        self._point("y of dist", y)
        return self.manifold.dist(x, y)

    def transport(self, x: Point, y: Point, v: Point, /) -> Point:
        """`transport` of the manifold."""
        self._point("x of transport", x)
        self._point("y of transport", y)
        self._tangent("v of transport", x, v)
        return self._tangent("the result of transport", y, self.manifold.transport(x, y, v))

    def exp_transport(self, x: Point, v: Point, u: Point, /) -> tuple[Point, Point]:
        """`exp_transport` of the manifold."""
        self._point("x of exp_transport", x)
        self._tangent("v of exp_transport", x, v)
        self._tangent("u of exp_transport", x, u)
        y, moved = self.manifold.exp_transport(x, v, u)
        self._point("the result of exp_transport", y)
        return y, self._tangent("the result of exp_transport", y, moved)

    def geodesic(self, x: Point, y: Point, t: Any, /) -> Point:
        """`geodesic` of the manifold."""
        self._point("x of geodesic", x)
        self._point("y of geodesic", y)
        return self._point("the result of geodesic", self.manifold.geodesic(x, y, t))

    def retract(self, x: Point, v: Point, /) -> Point:
        """`retract` of the manifold."""
        self._point("x of retract", x)
        self._tangent("v of retract", x, v)
        return self._point("the result of retract", self.manifold.retract(x, v))

    def project(self, x: Point, /) -> Point:
        """`project` of the manifold."""
        return self._point("the result of project", self.manifold.project(x))

    def project_tangent(self, x: Point, u: Point, /) -> Point:
        """`project_tangent` of the manifold."""
        self._point("x of project_tangent", x)
        return self._tangent("the result of project_tangent", x, self.manifold.project_tangent(x, u))

    def egrad2rgrad(self, x: Point, g: Point, /) -> Point:
        """`egrad2rgrad` of the manifold."""
        self._point("x of egrad2rgrad", x)
        return self._tangent("the result of egrad2rgrad", x, self.manifold.egrad2rgrad(x, g))

    def ehess2rhess(self, x: Point, g: Point, h: Point, v: Point, /) -> Point:
        """`ehess2rhess` of the manifold."""
        self._point("x of ehess2rhess", x)
        self._tangent("v of ehess2rhess", x, v)
        return self._tangent("the result of ehess2rhess", x, self.manifold.ehess2rhess(x, g, h, v))


class _Named:
    """Adds to a failed check what was checked."""

    def __init__(self, where: str) -> None:
        self.where = where

    def __enter__(self) -> None:
        pass

    def __exit__(self, kind: Any, error: BaseException | None, traceback: Any) -> None:
        if isinstance(error, NotOnManifoldError):
            what = f"{error.what} ({self.where})"
            raise NotOnManifoldError(what, error.index, error.residual, error.tolerance) from None
