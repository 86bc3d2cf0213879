"""What methods do with the leaves of a tree: steps, transport, curves and products, one way for each kind of manifold.

Along a step, exp and parallel transport where both have a closed form; on the Stiefel manifold its retraction and the
projection onto the tangent space; on the groups O(p, q) the Cayley transform and left translation.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from array_api_compat import array_namespace

from hypergeom._rows import Array
from hypergeom.manifolds import Euclidean, Lorentz, LorentzGroup, Manifold, PoincareBall, Sphere, Stiefel, Validating
from hypergeom.manifolds.arguments import as_like
from hypergeom.optim.curves import retraction_curve
from hypergeom.optim.trees import Layout

__all__ = ["Geometry", "Space", "Vectors", "combined", "scaled", "total"]

Vectors: TypeAlias = list[Array]  # one array for each leaf


class Space:
    """A manifold with closed-form exp and transport, as a factor of a product with this weight."""

    def __init__(self, manifold: Manifold, weight: float = 1.0) -> None:
        self.manifold, self.weight = manifold, weight

    @property
    def flat(self) -> bool:
        """Whether coordinates are orthonormal, so that what is done to each entry means something."""
        return False

    def inner(self, x: Array, u: Array, v: Array) -> Array:
        """The product of each point's tangents."""
        product = self.manifold.inner(x, u, v)
        return product if self.weight == 1 else self.weight * product

    def gradient(self, x: Array, g: Array) -> Array:
        """The Riemannian gradient of a Euclidean one."""
        return self._over_weight(self.manifold.egrad2rgrad(x, g))

    def hessian(self, x: Array, g: Array, h: Array, v: Array) -> Array:
        """The Riemannian Hessian times v, of a Euclidean gradient and the Euclidean Hessian times v."""
        return self._over_weight(self.manifold.ehess2rhess(x, g, h, v))

    def _over_weight(self, v: Array) -> Array:
        return v if self.weight == 1 else self.weight**-1 * v

    def ambient(self, x: Array, v: Array) -> Array:
        """The velocity in the space around of a curve through x, of which v is how the manifold stores it."""
        return v

    def tangent(self, x: Array, u: Array) -> Array:
        """The nearest tangent."""
        return self.manifold.project_tangent(x, u)

    def random(self, x: Array, rng: np.random.Generator) -> Array:
        """A standard normal tangent."""
        return self.manifold.random_tangent(x, rng=rng) / self.weight**0.5

    def step(self, x: Array, v: Array) -> Array:
        """The point that v leads to."""
        return self.manifold.exp(x, v)

    def step_with(self, x: Array, v: Array, u: Array) -> tuple[Array, Array]:
        """The point that v leads to, and u transported there."""
        return self.manifold.exp_transport(x, v, u)

    def transport(self, x: Array, v: Array, y: Array, u: Array) -> Array:
        """u transported along the curve of v from x to y."""
        return self.manifold.exp_transport(x, v, u)[1]

    def carried(self, x: Array, v: Array, y: Array, u: Array, velocity: Array) -> Array:
        """As `transport` for a u along v, where the velocity that it has at y is known."""
        return velocity

    def covariant(self, x: Array, v: Array, y: Array, g: Array, g_there: Array, h: float) -> Array:
        """The covariant derivative of a vector field over time h, of which g and g_there are the values at x and y."""
        return self.manifold.project_tangent(x, (self.manifold.transport(y, x, g_there) - g) / h)

    def curve(self, x: Array, v: Array, t: float) -> tuple[Array, Array]:
        """The point that t v leads to, and the velocity there of the curve in t."""
        y, velocity = retraction_curve(self.manifold, x, v, t)
        return y, velocity

    def decay(self, x: Array) -> Array:
        """The Riemannian gradient of half the squared distance from the origin."""
        raise ValueError(
            f"weight_decay must be 0 on {self.manifold}: there is no origin that a weight should be drawn to"
        )

    @property
    def radius(self) -> float:
        """How far a quadratic model may be trusted at most in one point; 0: the root of the dimension."""
        return 0.0


class FlatSpace(Space):
    """Flat space, also for single numbers."""

    @property
    def flat(self) -> bool:
        return True

    def inner(self, x: Array, u: Array, v: Array) -> Array:
        xp = np if type(u) is np.ndarray else array_namespace(u)
        product = xp.vecdot(u, v) if u.ndim else u * v
        return product if self.weight == 1 else self.weight * product

    def gradient(self, x: Array, g: Array) -> Array:
        return self._over_weight(g)

    def hessian(self, x: Array, g: Array, h: Array, v: Array) -> Array:
        return self._over_weight(h)

    def tangent(self, x: Array, u: Array) -> Array:
        return u

    def random(self, x: Array, rng: np.random.Generator) -> Array:
        return as_like(rng.standard_normal(tuple(x.shape)), x) / self.weight**0.5

    def step(self, x: Array, v: Array) -> Array:
        return x + v

    def step_with(self, x: Array, v: Array, u: Array) -> tuple[Array, Array]:
        return x + v, u

    def transport(self, x: Array, v: Array, y: Array, u: Array) -> Array:
        return u

    def curve(self, x: Array, v: Array, t: float) -> tuple[Array, Array]:
        return x + t * v, v

    def decay(self, x: Array) -> Array:
        return x

    def covariant(self, x: Array, v: Array, y: Array, g: Array, g_there: Array, h: float) -> Array:
        return (g_there - g) / h


class SphereSpace(Space):
    """The sphere, with a short way for one NumPy vector, where calls cost more than numbers."""

    def inner(self, x: Array, u: Array, v: Array) -> Array:
        if not _one_vector(u):
            return super().inner(x, u, v)
        return self.weight * float(u.dot(v))

    def gradient(self, x: Array, g: Array) -> Array:
        if not _one_vector(g):
            return super().gradient(x, g)
        u = g - float(x.dot(g)) * x
        return self._over_weight(u - float(x.dot(u)) * x)  # once more takes what rounding left of a long radial part

    def step(self, x: Array, v: Array) -> Array:
        size = math.sqrt(float(v.dot(v))) if _one_vector(v) else 0.0
        if not 0 < size < 1e100:
            return super().step(x, v)
        y = math.cos(size) * x + (math.sin(size) / size) * v
        return y / math.sqrt(float(y.dot(y)))


def _one_vector(v: Array) -> bool:
    return type(v) is np.ndarray and v.ndim == 1


class HyperbolicSpace(Space):
    """The ball or the hyperboloid."""

    def decay(self, x: Array) -> Array:
        return -self.manifold.log(x, self.manifold.origin(tuple(x.shape), like=x))

    @property
    def radius(self) -> float:
        c = _unwrapped(self.manifold).c
        return 4 / math.sqrt(c) if c else 0.0


class ProjectedSpace(Space):
    """The Stiefel manifold: a retraction, and the projection in place of transport."""

    def step(self, x: Array, v: Array) -> Array:
        return self.manifold.retract(x, v)

    def step_with(self, x: Array, v: Array, u: Array) -> tuple[Array, Array]:
        y = self.manifold.retract(x, v)
        return y, self.manifold.project_tangent(y, u)

    def transport(self, x: Array, v: Array, y: Array, u: Array) -> Array:
        return self.manifold.project_tangent(y, u)

    def carried(self, x: Array, v: Array, y: Array, u: Array, velocity: Array) -> Array:
        return self.manifold.project_tangent(y, u)

    def covariant(self, x: Array, v: Array, y: Array, g: Array, g_there: Array, h: float) -> Array:
        rate = (g_there - g) / h
        if _unwrapped(self.manifold).metric == "canonical":
            xp = array_namespace(x)
            gt, vt = xp.matrix_transpose(g), xp.matrix_transpose(v) / h
            turned = (v / h @ gt + g @ vt) @ x / 2
            rate = rate + turned - x @ (xp.matrix_transpose(x) @ turned)
        return self.manifold.project_tangent(x, rate)


class GroupSpace(Space):
    """O(p, q): the Cayley transform, and tangents that left translation leaves as they are."""

    def ambient(self, x: Array, v: Array) -> Array:
        return x @ v

    def step(self, x: Array, v: Array) -> Array:
        return self._polished(self.manifold.retract(x, v))

    def step_with(self, x: Array, v: Array, u: Array) -> tuple[Array, Array]:
        return self.step(x, v), u

    def transport(self, x: Array, v: Array, y: Array, u: Array) -> Array:
        return u

    def curve(self, x: Array, v: Array, t: float) -> tuple[Array, Array]:
        y, velocity = retraction_curve(self.manifold, x, v, t)
        return self._polished(y), velocity

    def carried(self, x: Array, v: Array, y: Array, u: Array, velocity: Array) -> Array:
        return u

    def covariant(self, x: Array, v: Array, y: Array, g: Array, g_there: Array, h: float) -> Array:
        # Left translation has torsion; half of the bracket, projected, makes the derivative symmetric.
        vt = array_namespace(v).matrix_transpose(v) / h
        return self.manifold.project_tangent(x, (g_there - g) / h - (vt @ g - g @ vt) / 2)

    def _polished(self, y: Array) -> Array:
        """Without what rounding has added: half of y^* y - I, to first order. No number of steps drifts off."""
        group = _unwrapped(self.manifold)
        miss = group.inverse(y) @ y - group.origin(tuple(y.shape), like=y)
        return y - y @ miss / 2


def _unwrapped(manifold: Any) -> Any:
    while isinstance(manifold, Validating):
        manifold = manifold.manifold
    return manifold


def _space(manifold: Manifold, weight: float) -> Space:
    inner = _unwrapped(manifold)
    if isinstance(inner, Euclidean):
        return FlatSpace(manifold, weight)
    if isinstance(manifold, Sphere):
        return SphereSpace(manifold, weight)
    if isinstance(inner, (PoincareBall, Lorentz)):
        return HyperbolicSpace(manifold, weight)
    if isinstance(inner, Stiefel):
        return ProjectedSpace(manifold, weight)
    if isinstance(inner, LorentzGroup):
        return GroupSpace(manifold, weight)
    return Space(manifold, weight)


class Geometry:
    """The spaces of all leaves of a tree: the same operations on lists of arrays, with numbers for products."""

    def __init__(self, layout: Layout) -> None:
        self.layout = layout
        self.spaces = [_space(leaf.manifold, leaf.weight) for leaf in layout.leaves]
        self.alone = self.spaces[0] if len(self.spaces) == 1 else None

    def inner(self, x: Vectors, u: Vectors, v: Vectors) -> float:
        """The product of tangents, summed over all leaves and points."""
        if self.alone is not None:
            return float(total(self.alone.inner(x[0], u[0], v[0])))
        products = [total(s.inner(*parts)) for s, *parts in zip(self.spaces, x, u, v, strict=True)]
        return float(sum(products[1:], products[0]))

    def norm(self, x: Vectors, v: Vectors) -> float:
        """The root of `inner`; NaN where rounding or overflow leave nothing."""
        square = self.inner(x, v, v)
        return math.sqrt(square) if square >= 0 else math.nan

    def gradient(self, x: Vectors, g: Vectors) -> Vectors:
        """Riemannian gradients of Euclidean ones."""
        return [s.gradient(*parts) for s, *parts in zip(self.spaces, x, g, strict=True)]

    def hessian(self, x: Vectors, g: Vectors, h: Vectors, v: Vectors) -> Vectors:
        """The Riemannian Hessian times v."""
        return [s.hessian(*parts) for s, *parts in zip(self.spaces, x, g, h, v, strict=True)]

    def ambient(self, x: Vectors, v: Vectors) -> Vectors:
        """Velocities in the space around."""
        return [s.ambient(*parts) for s, *parts in zip(self.spaces, x, v, strict=True)]

    def step(self, x: Vectors, v: Vectors) -> Vectors:
        """The points that v leads to."""
        return [s.step(*parts) for s, *parts in zip(self.spaces, x, v, strict=True)]

    def transport(self, x: Vectors, v: Vectors, y: Vectors, u: Vectors) -> Vectors:
        """u transported along the curve of v from x to y."""
        return [s.transport(*parts) for s, *parts in zip(self.spaces, x, v, y, u, strict=True)]

    def carried(self, x: Vectors, v: Vectors, y: Vectors, u: Vectors, velocity: Vectors) -> Vectors:
        """As `transport` for a u along v, where the velocities at y are known."""
        return [s.carried(*parts) for s, *parts in zip(self.spaces, x, v, y, u, velocity, strict=True)]

    def covariant(self, x: Vectors, v: Vectors, y: Vectors, g: Vectors, g_there: Vectors, h: float) -> Vectors:
        """The covariant derivative over time h of a field with these values at x and y."""
        leaves = zip(self.spaces, x, v, y, g, g_there, strict=True)
        return [s.covariant(point, tangent, end, here, there, h) for s, point, tangent, end, here, there in leaves]

    def curve(self, x: Vectors, v: Vectors, t: float) -> tuple[Vectors, Vectors]:
        """The points that t v leads to, and the velocities there."""
        pairs = [s.curve(point, tangent, t) for s, point, tangent in zip(self.spaces, x, v, strict=True)]
        return [y for y, _ in pairs], [velocity for _, velocity in pairs]

    def tangent(self, x: Vectors, u: Vectors) -> Vectors:
        """Nearest tangents."""
        return [s.tangent(*parts) for s, *parts in zip(self.spaces, x, u, strict=True)]

    def random(self, x: Vectors, rng: np.random.Generator) -> Vectors:
        """Standard normal tangents."""
        return [s.random(a, rng) for s, a in zip(self.spaces, x, strict=True)]

    def check(self, x: Vectors) -> None:
        """Raise `NotOnManifoldError` unless all leaves are points."""
        for leaf, a in zip(self.layout.leaves, x, strict=True):
            if a.ndim:
                leaf.manifold.check(a)

    @functools.cached_property
    def eps(self) -> float:
        """The coarsest of the dtypes' eps."""
        return max(float(self.layout.namespace.finfo(leaf.dtype).eps) for leaf in self.layout.leaves)

    @functools.cached_property
    def dim(self) -> int:
        """The dimension of all leaves and points together."""
        return sum(points * one for _, points, one in self._sizes())

    @functools.cached_property
    def radius(self) -> float:
        """How far a quadratic model may be trusted at most."""
        sizes = zip(self.layout.leaves, self._sizes(), strict=True)
        return math.sqrt(sum(leaf.weight * points * (space.radius**2 or one) for leaf, (space, points, one) in sizes))

    def _sizes(self) -> list[tuple[Space, int, int]]:
        """Of each leaf its space, how many points it holds, and the dimension of one."""
        sizes = []
        for leaf, space in zip(self.layout.leaves, self.spaces, strict=True):
            if not leaf.shape:
                sizes.append((space, 1, 1))
                continue
            points = math.prod(leaf.shape[: len(leaf.shape) - leaf.manifold.point_ndim])
            sizes.append((space, points, leaf.manifold.dim(leaf.shape)))
        return sizes


def total(products: Any) -> Any:
    """The sum over all points; a number of NumPy as it is."""
    if type(products) is float or type(products) is np.float64 or not getattr(products, "ndim", 0):
        return products
    return array_namespace(products).sum(products)


def scaled(a: float, v: Sequence[Array]) -> Vectors:
    """a v."""
    return [a * part for part in v]


def combined(a: float, u: Sequence[Array], b: float, v: Sequence[Array]) -> Vectors:
    """a u + b v."""
    return [a * p + b * q for p, q in zip(u, v, strict=True)]
