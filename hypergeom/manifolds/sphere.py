"""The unit sphere."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

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
from hypergeom.manifolds.vectors import dot, length, scalars

__all__ = ["Sphere"]


@methods_on_one_gpu
@dataclass(frozen=True)
class Sphere:
    r"""The unit sphere :math:`\{x : |x| = 1\}` with the metric of the space around it.

    A point is a vector of n >= 2 entries, and the dimension is n - 1. The methods are those of `Manifold`. All that
    depends on two points is computed from :math:`e = y - x` and :math:`s = x + y`, whichever is shorter, and keeps
    its digits for points that are close and for those that are nearly antipodal. Points that are stored with a
    length of 1 + O(eps) count as the points of the sphere in their direction. For antipodes, `log` and what needs it
    are NaN; `dist` is pi.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom.manifolds import Sphere
    >>> sphere = Sphere()
    >>> east = sphere.log([1.0, 0.0, 0.0], [0.0, 1.0, 0.0])
    >>> east.round(6)
    array([0.      , 1.570796, 0.      ])
    """

    @property
    def point_ndim(self) -> int:
        """1: a point is a vector."""
        return 1

    def dim(self, shape: tuple[int, ...], /) -> int:
        """The length of the vector, less 1."""
        return checked_shape("Sphere.dim", shape, 1, 2)[-1] - 1

    def origin(self, shape: tuple[int, ...], /, *, like: Array = None) -> Array:
        """(1, 0, ..., 0)."""
        x = zeros(checked_shape("Sphere.origin", shape, 1, 2), like)
        xp = array_namespace(x)
        return xp.concat([1 + x[..., :1], x[..., 1:]], axis=-1)

    def random_point(self, shape: tuple[int, ...], /, *, rng: Seed = None, like: Array = None) -> Array:
        """Uniform."""
        return _normalized(draw_normal(checked_shape("Sphere.random_point", shape, 1, 2), rng, like))

    def random_tangent(self, x: Array, /, *, rng: Seed = None) -> Array:
        """A standard normal vector, projected."""
        _, (x,) = _arrays("random_tangent", x=x)
        return _across(x, draw_normal(x.shape, rng, x))

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
        r""":math:`\cos(\theta) x + \frac{\sin \theta}{\theta} v` with :math:`\theta = |v|`, made of length 1."""
        _, (x, v) = _arrays("exp", x=x, v=v)
        return _exp(x, v)

    def log(self, x: Array, y: Array, /) -> Array:
        r""":math:`\theta` times the direction of the part of y across x, :math:`\theta` being the distance."""
        xp, (x, y) = _arrays("log", x=x, y=y)
        p = _pair(x, y)
        # Across x, y and e = y - x and s = x + y have the same part.
        w = _across(x, xp.where(p.acute, p.e, p.s))
        size = length(w)
        at_x = size == 0
        theta = xp.where(p.length_s == 0, xp.full_like(size, xp.nan), p.angle)
        return xp.where(at_x, 0 * theta, theta) / xp.where(at_x, xp.ones_like(size), size) * w

    def dist(self, x: Array, y: Array, /) -> Array:
        r"""The angle, :math:`2 \operatorname{atan2}(|y - x|, |x + y|)` [1]_.

        Exactly symmetric, and exactly 0 for equal points.

        References
        ----------
        .. [1] W. Kahan, "How futile are mindless assessments of roundoff in floating-point computation?", 2006.
        """
        _, (x, y) = _arrays("dist", x=x, y=y)
        return scalars(_pair(x, y).angle)

    def transport(self, x: Array, y: Array, v: Array, /) -> Array:
        r""":math:`v - \frac{\langle y, v \rangle}{1 + \langle x, y \rangle} (x + y)`."""
        xp, (x, y, v) = _arrays("transport", x=x, y=y, v=v)
        p = _pair(x, y)
        along = dot(xp.where(p.acute, p.e, p.s), v)
        unit = p.s / p.length_s  # NaN for antipodes
        return v - 2 * (along / p.length_s) * unit

    def exp_transport(self, x: Array, v: Array, u: Array, /) -> tuple[Array, Array]:
        r"""u plus :math:`\langle v, u \rangle` times the turn of :math:`v / \theta^2` by :math:`\theta`."""
        _, (x, v, u) = _arrays("exp_transport", x=x, v=v, u=u)
        theta, unit = _length_and_unit(v)
        half = theta / 2
        xp = array_namespace(x)
        turn = -xp.sin(theta) * x - 2 * xp.sin(half) ** 2 * unit
        return broadcast_tangent(u, _exp(x, v)), u + dot(unit, u) * turn

    def geodesic(self, x: Array, y: Array, t: Any, /) -> Array:
        """``exp(x, t log(x, y))``."""
        xp, (x, y) = _arrays("geodesic", x=x, y=y)
        return _exp(x, parameter("Sphere.geodesic", xp, t, 1, x) * self.log(x, y))

    def retract(self, x: Array, v: Array, /) -> Array:
        """``(x + v) / |x + v|``, of second order."""
        _, (x, v) = _arrays("retract", x=x, v=v)
        return _normalized(x + v)

    def project(self, x: Array, /) -> Array:
        """``x / |x|``, the nearest point; NaN for 0."""
        _, (x,) = _arrays("project", x=x)
        return _normalized(x)

    def project_tangent(self, x: Array, u: Array, /) -> Array:
        """The part of u across x."""
        _, (x, u) = _arrays("project_tangent", x=x, u=u)
        return _across(x, u)

    def egrad2rgrad(self, x: Array, g: Array, /) -> Array:
        """The part of g across x."""
        _, (x, g) = _arrays("egrad2rgrad", x=x, g=g)
        return _across(x, g)

    def ehess2rhess(self, x: Array, g: Array, h: Array, v: Array, /) -> Array:
        r"""The part of :math:`h - \langle x, g \rangle v` across x [1]_.

        References
        ----------
        .. [1] P.-A. Absil, R. Mahony, J. Trumpf, "An extrinsic look at the Riemannian Hessian", GSI 2013.
        """
        _, (x, g, h, v) = _arrays("ehess2rhess", x=x, g=g, h=h, v=v)
        return _across(x, h - dot(x, g) * v)

    def check(self, x: Array, /, *, atol: float | None = None) -> None:
        """The residual is ``abs(|x| - 1)``."""
        xp, (x,) = _arrays("check", x=x)
        raise_worst("a point of the unit sphere", xp.abs(length(x)[..., 0] - 1), atol)

    def check_tangent(self, x: Array, v: Array, /, *, atol: float | None = None) -> None:
        """The residual is ``abs(x . v) / |v|``."""
        xp, (x, v) = _arrays("check_tangent", x=x, v=v)
        self.check(x, atol=atol)
        size, unit = _length_and_unit(broadcast_tangent(x, v))
        residual = xp.where(xp.isfinite(size), xp.abs(dot(x, unit)), xp.full_like(size, xp.inf))
        raise_worst("a tangent vector of the unit sphere", residual[..., 0], atol)


class _Pair(NamedTuple):
    """Two points: e = y - x, s = x + y, whether the angle is at most pi/2, the length of s, and the angle."""

    e: Array
    s: Array
    acute: Array
    length_s: Array
    angle: Array


def _pair(x: Array, y: Array) -> _Pair:
    xp = array_namespace(x)
    e, s = y - x, x + y
    length_e, length_s = length(e), length(s)
    acute = length_e <= length_s
    # e and s are orthogonal but for the rounding of |x| and |y|, which would swamp the shorter one; the area that
    # they span is that of x and y, twice.
    shorter, longer = xp.where(acute, e, s), xp.where(acute, s, e)
    across = length(_across(longer, shorter))
    angle = 2 * xp.atan2(xp.where(acute, across, length_e), xp.where(acute, length_s, across))
    return _Pair(e, s, acute, length_s, angle)


def _exp(x: Array, v: Array) -> Array:
    xp = array_namespace(x)
    theta, unit = _length_and_unit(v)
    y = x - 2 * xp.sin(theta / 2) ** 2 * x + xp.sin(theta) * unit
    return xp.where(theta == 0, x, y / length(y))


def _across(x: Array, u: Array) -> Array:
    """The part of u orthogonal to x, to its own precision: once more takes what rounding left of a long radial part."""
    xx = dot(x, x)
    u = u - dot(x, u) / xx * x
    return u - dot(x, u) / xx * x


def _length_and_unit(v: Array) -> tuple[Array, Array]:
    """The length, and the direction; 0 where v is 0."""
    xp = array_namespace(v)
    size = length(v)
    return size, v / xp.where(size == 0, xp.ones_like(size), size)


def _normalized(x: Array) -> Array:
    xp = array_namespace(x)
    size = length(x)
    return x / xp.where((size > 0) & (size < xp.inf), size, xp.full_like(size, xp.nan))


def _arrays(method: str, /, **given: Any) -> tuple[Any, list[Array]]:
    xp, arrays = namespace_and_arrays(f"Sphere.{method}", 1, **given)
    if arrays[0].shape[-1] < 2:
        raise ValueError(f"Sphere.{method}: points need at least 2 entries, got shape {tuple(arrays[0].shape)}")
    return xp, arrays
