"""Flat space."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from array_api_compat import array_namespace

from hypergeom._gpus import methods_on_one_gpu
from hypergeom._rows import Array
from hypergeom.manifolds.arguments import (
    broadcast_tangent,
    checked_shape,
    draw_normal,
    namespace_and_arrays,
    parameter,
    zeros,
)
from hypergeom.manifolds.checks import raise_worst
from hypergeom.manifolds.protocol import Seed
from hypergeom.manifolds.vectors import dot, finite_or_inf, length, scalars

__all__ = ["Euclidean"]


@methods_on_one_gpu
@dataclass(frozen=True)
class Euclidean:
    """Flat space: the control. Points and tangent vectors are any vectors; the methods are those of `Manifold`.

    Examples
    --------
    >>> from hypergeom.manifolds import Euclidean
    >>> flat = Euclidean()
    >>> flat.exp([1.0, 2.0], [3.0, 4.0]), flat.norm([1.0, 2.0], [3.0, 4.0])
    (array([4., 6.]), np.float64(5.0))
    """

    @property
    def point_ndim(self) -> int:
        """1: a point is a vector."""
        return 1

    def dim(self, shape: tuple[int, ...], /) -> int:
        """The length of the vector."""
        return checked_shape("Euclidean.dim", shape, 1)[-1]

    def origin(self, shape: tuple[int, ...], /, *, like: Array = None) -> Array:
        """0."""
        shape = checked_shape("Euclidean.origin", shape, 1)
        return zeros(shape, like)

    def random_point(self, shape: tuple[int, ...], /, *, rng: Seed = None, like: Array = None) -> Array:
        """Standard normal."""
        return draw_normal(checked_shape("Euclidean.random_point", shape, 1), rng, like)

    def random_tangent(self, x: Array, /, *, rng: Seed = None) -> Array:
        """Standard normal."""
        _, (x,) = _arrays("random_tangent", x=x)
        return draw_normal(x.shape, rng, x)

    def zero_tangent(self, x: Array, /) -> Array:
        """0."""
        xp, (x,) = _arrays("zero_tangent", x=x)
        return xp.zeros_like(x)

    def inner(self, x: Array, u: Array, v: Array, /) -> Array:
        """``u . v``."""
        _, (x, u, v) = _arrays("inner", x=x, u=u, v=v)
        return scalars(dot(broadcast_tangent(x, u), v))

    def norm(self, x: Array, v: Array, /) -> Array:
        """``|v|``."""
        _, (x, v) = _arrays("norm", x=x, v=v)
        return scalars(length(broadcast_tangent(x, v)))

    def exp(self, x: Array, v: Array, /) -> Array:
        """``x + v``."""
        _, (x, v) = _arrays("exp", x=x, v=v)
        return x + v

    def log(self, x: Array, y: Array, /) -> Array:
        """``y - x``."""
        _, (x, y) = _arrays("log", x=x, y=y)
        return y - x

    def dist(self, x: Array, y: Array, /) -> Array:
        """``|y - x|``."""
        _, (x, y) = _arrays("dist", x=x, y=y)
        return scalars(length(y - x))

    def transport(self, x: Array, y: Array, v: Array, /) -> Array:
        """v itself."""
        _, (x, y, v) = _arrays("transport", x=x, y=y, v=v)
        return broadcast_tangent(y, broadcast_tangent(x, v))

    def exp_transport(self, x: Array, v: Array, u: Array, /) -> tuple[Array, Array]:
        """``x + v`` and u."""
        _, (x, v, u) = _arrays("exp_transport", x=x, v=v, u=u)
        y = x + v
        return broadcast_tangent(u, y), broadcast_tangent(y, u)

    def geodesic(self, x: Array, y: Array, t: Any, /) -> Array:
        """``x + t (y - x)``, from the nearer end."""
        xp, (x, y) = _arrays("geodesic", x=x, y=y)
        t = parameter("Euclidean.geodesic", xp, t, 1, x)
        return xp.where(t > 0.5, y - (1 - t) * (y - x), x + t * (y - x))

    def retract(self, x: Array, v: Array, /) -> Array:
        """``x + v``."""
        _, (x, v) = _arrays("retract", x=x, v=v)
        return x + v

    def project(self, x: Array, /) -> Array:
        """x itself."""
        _, (x,) = _arrays("project", x=x)
        return _copy(x)

    def project_tangent(self, x: Array, u: Array, /) -> Array:
        """u itself."""
        _, (x, u) = _arrays("project_tangent", x=x, u=u)
        return broadcast_tangent(x, u)

    def egrad2rgrad(self, x: Array, g: Array, /) -> Array:
        """g itself."""
        _, (x, g) = _arrays("egrad2rgrad", x=x, g=g)
        return broadcast_tangent(x, g)

    def ehess2rhess(self, x: Array, g: Array, h: Array, v: Array, /) -> Array:
        """h itself."""
        _, (x, g, h, v) = _arrays("ehess2rhess", x=x, g=g, h=h, v=v)
        return broadcast_tangent(x, broadcast_tangent(g, broadcast_tangent(v, h)))

    def check(self, x: Array, /, *, atol: float | None = None) -> None:
        """Every entry must be finite."""
        _, (x,) = _arrays("check", x=x)
        raise_worst("a point of Euclidean space", finite_or_inf(x), atol)

    def check_tangent(self, x: Array, v: Array, /, *, atol: float | None = None) -> None:
        """Every entry must be finite."""
        _, (x, v) = _arrays("check_tangent", x=x, v=v)
        self.check(x, atol=atol)
        raise_worst("a tangent vector of Euclidean space", finite_or_inf(broadcast_tangent(x, v)), atol)


def _arrays(method: str, /, **given: Any) -> tuple[Any, list[Array]]:
    return namespace_and_arrays(f"Euclidean.{method}", 1, **given)


def _copy(x: Array) -> Array:
    return array_namespace(x).asarray(x, copy=True)
