"""What every manifold can do."""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from hypergeom._rows import Array

__all__ = ["Manifold", "Point", "Shape"]

Point: TypeAlias = Any  # an array, or a tuple with a point of each factor of a product
Shape: TypeAlias = Any  # a tuple of lengths, or a tuple of shapes for a product
Seed: TypeAlias = int | np.random.Generator | None


@runtime_checkable
class Manifold(Protocol):
    """The protocol of the manifolds: what optimizers, and other code for any manifold, may call.

    Points are arrays whose last `point_ndim` axes are the vector or the matrix; leading axes broadcast. Tangent
    vectors have the shape of their points, in ambient coordinates. A row outside the manifold gives NaN or
    garbage, never an error: `check` and `check_tangent` are for that. Points of a `Product` are tuples.

    Below, x and y are points, and u and v tangents at x.
    """

    @property
    def point_ndim(self) -> Any:
        """Number of axes of one point; a tuple of numbers for a product."""

    def dim(self, shape: Shape, /) -> int:
        """Dimension of the manifold of points of this shape; leading axes do not count."""

    def origin(self, shape: Shape, /, *, like: Point = None) -> Point:
        """The manifold's distinguished point in every row; in the library, dtype and device of `like`."""

    def random_point(self, shape: Shape, /, *, rng: Seed = None, like: Point = None) -> Point:
        """Random points: uniform if the manifold is compact, else `exp` of a `random_tangent` at the origin."""

    def random_tangent(self, x: Point, /, *, rng: Seed = None) -> Point:
        """Standard normal tangent vectors: independent coordinates in an orthonormal frame of the metric."""

    def zero_tangent(self, x: Point, /) -> Point:
        """The tangent vector 0."""

    def inner(self, x: Point, u: Point, v: Point, /) -> Array:
        """Riemannian inner product."""

    def norm(self, x: Point, v: Point, /) -> Array:
        """Riemannian norm."""

    def exp(self, x: Point, v: Point, /) -> Point:
        """The point that the geodesic from x with velocity v reaches at time 1."""

    def log(self, x: Point, y: Point, /) -> Point:
        """The tangent vector at x that `exp` takes to y along the shortest geodesic."""

    def dist(self, x: Point, y: Point, /) -> Array:
        """Geodesic distance."""

    def transport(self, x: Point, y: Point, v: Point, /) -> Point:
        """Parallel transport of v from x to y along the shortest geodesic."""

    def exp_transport(self, x: Point, v: Point, u: Point, /) -> tuple[Point, Point]:
        """``exp(x, v)``, and u transported there along that geodesic."""

    def geodesic(self, x: Point, y: Point, t: Any, /) -> Point:
        """The point at time t, any real number or one for each row, of the geodesic that is at x at 0 and y at 1."""

    def retract(self, x: Point, v: Point, /) -> Point:
        """A point near ``exp(x, v)`` that is cheaper to compute, for small v."""

    def project(self, x: Point, /) -> Point:
        """A point of the manifold near any x of the ambient space."""

    def project_tangent(self, x: Point, u: Point, /) -> Point:
        """A tangent vector at x near any u of the ambient space."""

    def egrad2rgrad(self, x: Point, g: Point, /) -> Point:
        """Riemannian gradient of a function with Euclidean gradient g."""

    def ehess2rhess(self, x: Point, g: Point, h: Point, v: Point, /) -> Point:
        """Riemannian Hessian applied to v, of a function with Euclidean gradient g; h is the Euclidean one times v."""

    def check(self, x: Point, /, *, atol: float | None = None) -> None:
        """Raise `NotOnManifoldError` unless every row is a point, to a relative residual of 64 eps or `atol`."""

    def check_tangent(self, x: Point, v: Point, /, *, atol: float | None = None) -> None:
        """Raise `NotOnManifoldError` unless every x is a point and every v a tangent vector there, likewise."""
