"""The two models of hyperbolic space: the functions of `hypergeom.poincare` and `hypergeom.lorentz` as methods."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hypergeom import lorentz, poincare
from hypergeom._gpus import methods_on_one_gpu
from hypergeom._rows import Array
from hypergeom.manifolds.arguments import checked_shape, curvature, draw_normal, namespace_and_arrays, zeros
from hypergeom.manifolds.checks import raise_worst
from hypergeom.manifolds.protocol import Seed
from hypergeom.manifolds.vectors import dot, finite_or_inf, length

__all__ = ["Lorentz", "PoincareBall"]


@methods_on_one_gpu
@dataclass(frozen=True)
class PoincareBall:
    r"""The Poincaré ball :math:`c |x|^2 < 1` of curvature -c.

    The methods are those of `Manifold`, and their formulas stand in `hypergeom.poincare`.

    Parameters
    ----------
    c : float
        At least 0; at 0 this is flat space with lengths doubled.

    Examples
    --------
    >>> from hypergeom.manifolds import PoincareBall
    >>> ball = PoincareBall()
    >>> float(ball.dist([0.0, 0.0], [0.5, 0.0]).round(6))
    1.098612
    """

    c: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "c", curvature(self.c, "PoincareBall", flat=True))

    @property
    def point_ndim(self) -> int:
        """1: a point is a vector."""
        return 1

    def dim(self, shape: tuple[int, ...], /) -> int:
        """The length of the vector."""
        return checked_shape("PoincareBall.dim", shape, 1)[-1]

    def origin(self, shape: tuple[int, ...], /, *, like: Array = None) -> Array:
        """0."""
        return zeros(checked_shape("PoincareBall.origin", shape, 1), like)

    def random_point(self, shape: tuple[int, ...], /, *, rng: Seed = None, like: Array = None) -> Array:
        """`exp` of a `random_tangent` at the origin."""
        z = draw_normal(checked_shape("PoincareBall.random_point", shape, 1), rng, like)
        return poincare.exp0(z / 2, self.c)

    def random_tangent(self, x: Array, /, *, rng: Seed = None) -> Array:
        """A standard normal vector times ``(1 - c|x|^2) / 2``."""
        xp, (x,) = _arrays("PoincareBall.random_tangent", x=x)
        # the Riemannian gradient takes the square of that factor
        factor = xp.sqrt(poincare.egrad2rgrad(x, xp.ones_like(x), self.c))
        return factor * draw_normal(x.shape, rng, x)

    def zero_tangent(self, x: Array, /) -> Array:
        """0."""
        xp, (x,) = _arrays("PoincareBall.zero_tangent", x=x)
        return xp.zeros_like(x)

    def inner(self, x: Array, u: Array, v: Array, /) -> Array:
        """See `poincare.inner`."""
        return poincare.inner(x, u, v, self.c)

    def norm(self, x: Array, v: Array, /) -> Array:
        """See `poincare.norm`."""
        return poincare.norm(x, v, self.c)

    def exp(self, x: Array, v: Array, /) -> Array:
        """See `poincare.exp`."""
        return poincare.exp(x, v, self.c)

    def log(self, x: Array, y: Array, /) -> Array:
        """See `poincare.log`."""
        return poincare.log(x, y, self.c)

    def dist(self, x: Array, y: Array, /) -> Array:
        """See `poincare.dist`."""
        return poincare.dist(x, y, self.c)

    def transport(self, x: Array, y: Array, v: Array, /) -> Array:
        """See `poincare.transport`."""
        return poincare.transport(x, y, v, self.c)

    def exp_transport(self, x: Array, v: Array, u: Array, /) -> tuple[Array, Array]:
        """See `poincare.exp_transport`."""
        y, moved = poincare.exp_transport(x, v, u, self.c)
        return y, moved

    def geodesic(self, x: Array, y: Array, t: Any, /) -> Array:
        """See `poincare.geodesic`."""
        return poincare.geodesic(x, y, t, self.c)

    def retract(self, x: Array, v: Array, /) -> Array:
        """See `poincare.retract`; of second order."""
        return poincare.retract(x, v, self.c)

    def project(self, x: Array, /) -> Array:
        """See `poincare.project`: rows on or beyond the rim are put back inside."""
        return poincare.project(x, self.c)

    def project_tangent(self, x: Array, u: Array, /) -> Array:
        """See `poincare.project_tangent`: u itself."""
        return poincare.project_tangent(x, u, self.c)

    def egrad2rgrad(self, x: Array, g: Array, /) -> Array:
        """See `poincare.egrad2rgrad`: ``(1 - c|x|^2)^2 / 4`` times g."""
        return poincare.egrad2rgrad(x, g, self.c)

    def ehess2rhess(self, x: Array, g: Array, h: Array, v: Array, /) -> Array:
        r"""Riemannian Hessian applied to v, from that of the conformal metric's connection.

        .. math:: \frac{\gamma^2}{4} h - \frac{c \gamma}{2} \bigl(\langle v, g \rangle x + \langle x, v \rangle g -
            \langle x, g \rangle v\bigr), \qquad \gamma = 1 - c |x|^2

        References
        ----------
        .. [1] J. M. Lee, *Introduction to Riemannian Manifolds*, 2nd ed., Springer 2018, chapter 7.
        """
        xp, (x, g, h, v) = _arrays("PoincareBall.ehess2rhess", x=x, g=g, h=h, v=v)
        half_gap = xp.sqrt(poincare.egrad2rgrad(x, xp.ones_like(x), self.c)[..., :1])
        turned = dot(v, g) * x + dot(x, v) * g - dot(x, g) * v
        return poincare.egrad2rgrad(x, h, self.c) - self.c * half_gap * turned

    def check(self, x: Array, /, *, atol: float | None = None) -> None:
        """The residual is how far x is beyond the rim, relative to its radius; nothing is allowed by default.

        Inside is what the functions of `hypergeom.poincare` take to be inside, which they decide exactly.
        """
        xp, (x,) = _arrays("PoincareBall.check", x=x)
        unknown = finite_or_inf(x)
        x = xp.where(xp.isfinite(unknown)[..., None], x, xp.zeros_like(x))
        inside = xp.isfinite(poincare.dist0(x, self.c)) if self.c else xp.ones_like(unknown, dtype=xp.bool)
        beyond = self.c**0.5 * length(x)[..., 0] - 1
        eps = xp.full_like(beyond, float(xp.finfo(x.dtype).eps))
        residual = unknown + xp.where(inside, xp.zeros_like(beyond), xp.where(beyond > eps, beyond, eps))
        raise_worst(f"a point of the Poincaré ball with c = {self.c:g}", residual, atol, default=0.0)

    def check_tangent(self, x: Array, v: Array, /, *, atol: float | None = None) -> None:
        """Every entry of v must be finite."""
        xp, (x, v) = _arrays("PoincareBall.check_tangent", x=x, v=v)
        self.check(x, atol=atol)
        raise_worst("a tangent vector of the Poincaré ball", finite_or_inf(v + xp.zeros_like(x)), atol)


@methods_on_one_gpu
@dataclass(frozen=True)
class Lorentz:
    r"""The hyperboloid :math:`\langle x, x \rangle = -1/c` of curvature -c, time coordinate first.

    The methods are those of `Manifold`, and their formulas stand in `hypergeom.lorentz`. The space around it is
    Minkowski space: Euclidean gradients have a time entry, which is 0 for functions of the spatial part.

    Parameters
    ----------
    c : float
        Above 0.

    Examples
    --------
    >>> from hypergeom.manifolds import Lorentz
    >>> hyperboloid = Lorentz()
    >>> hyperboloid.check(hyperboloid.project([0.0, 0.75]))
    >>> hyperboloid.check([1.0, 0.75])  # doctest: +NORMALIZE_WHITESPACE
    Traceback (most recent call last):
        ...
    hypergeom.errors.NotOnManifoldError: not a point of the hyperboloid with c = 1: residual 0.2 above the
    tolerance 1.42e-14
    """

    c: float = 1.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "c", curvature(self.c, "Lorentz", flat=False))

    @property
    def point_ndim(self) -> int:
        """1: a point is a vector."""
        return 1

    def dim(self, shape: tuple[int, ...], /) -> int:
        """The length of the vector, less 1."""
        return checked_shape("Lorentz.dim", shape, 1, 2)[-1] - 1

    def origin(self, shape: tuple[int, ...], /, *, like: Array = None) -> Array:
        """The apex ``(1/sqrt(c), 0, ..., 0)``."""
        return lorentz.project(zeros(checked_shape("Lorentz.origin", shape, 1, 2), like), self.c)

    def random_point(self, shape: tuple[int, ...], /, *, rng: Seed = None, like: Array = None) -> Array:
        """`exp` of a `random_tangent` at the apex."""
        z = draw_normal(checked_shape("Lorentz.random_point", shape, 1, 2), rng, like)
        return lorentz.exp(lorentz.project(0 * z, self.c), z, self.c)

    def random_tangent(self, x: Array, /, *, rng: Seed = None) -> Array:
        r"""Spatial part :math:`z + c \langle x, z \rangle x / (1 + \sqrt c x_0)` with standard normal z."""
        xp, (x,) = _arrays("Lorentz.random_tangent", x=x)
        x = lorentz.project(x, self.c)
        time, space = x[..., :1], x[..., 1:]
        z = draw_normal(space.shape, rng, x)
        v = z + dot(self.c**0.5 / (1 + self.c**0.5 * time) * space, z) * (self.c**0.5 * space)
        return xp.concat([dot(space / time, v), v], axis=-1)

    def zero_tangent(self, x: Array, /) -> Array:
        """0."""
        xp, (x,) = _arrays("Lorentz.zero_tangent", x=x)
        return xp.zeros_like(x)

    def inner(self, x: Array, u: Array, v: Array, /) -> Array:
        """See `lorentz.inner`."""
        return lorentz.inner(x, u, v, self.c)

    def norm(self, x: Array, v: Array, /) -> Array:
        """See `lorentz.norm`."""
        return lorentz.norm(x, v, self.c)

    def exp(self, x: Array, v: Array, /) -> Array:
        """See `lorentz.exp`."""
        return lorentz.exp(x, v, self.c)

    def log(self, x: Array, y: Array, /) -> Array:
        """See `lorentz.log`."""
        return lorentz.log(x, y, self.c)

    def dist(self, x: Array, y: Array, /) -> Array:
        """See `lorentz.dist`."""
        return lorentz.dist(x, y, self.c)

    def transport(self, x: Array, y: Array, v: Array, /) -> Array:
        """See `lorentz.transport`."""
        return lorentz.transport(x, y, v, self.c)

    def exp_transport(self, x: Array, v: Array, u: Array, /) -> tuple[Array, Array]:
        """See `lorentz.exp_transport`."""
        y, moved = lorentz.exp_transport(x, v, u, self.c)
        return y, moved

    def geodesic(self, x: Array, y: Array, t: Any, /) -> Array:
        """See `lorentz.geodesic`."""
        return lorentz.geodesic(x, y, t, self.c)

    def retract(self, x: Array, v: Array, /) -> Array:
        """See `lorentz.retract`; of second order."""
        return lorentz.retract(x, v, self.c)

    def project(self, x: Array, /) -> Array:
        """See `lorentz.project`: the time coordinate is computed anew."""
        return lorentz.project(x, self.c)

    def project_tangent(self, x: Array, u: Array, /) -> Array:
        """See `lorentz.project_tangent`: orthogonal in Minkowski space."""
        return lorentz.project_tangent(x, u, self.c)

    def egrad2rgrad(self, x: Array, g: Array, /) -> Array:
        """See `lorentz.egrad2rgrad`."""
        return lorentz.egrad2rgrad(x, g, self.c)

    def ehess2rhess(self, x: Array, g: Array, h: Array, v: Array, /) -> Array:
        r"""The Riemannian gradient that belongs to h, plus :math:`c (x \cdot g) v`.

        The second term is the part of g across the hyperboloid times its second fundamental form [1]_.

        References
        ----------
        .. [1] P.-A. Absil, R. Mahony, J. Trumpf, "An extrinsic look at the Riemannian Hessian", GSI 2013.
        """
        xp, (x, g, h, v) = _arrays("Lorentz.ehess2rhess", x=x, g=g, h=h, v=v)
        x = lorentz.project(x, self.c)
        v = xp.concat([dot(x[..., 1:] / x[..., :1], v[..., 1:]), v[..., 1:] + 0 * x[..., 1:]], axis=-1)
        return lorentz.egrad2rgrad(x, h, self.c) + self.c * dot(x, g) * v

    def check(self, x: Array, /, *, atol: float | None = None) -> None:
        """The residual is the error of the time coordinate, relative to it."""
        xp, (x,) = _arrays("Lorentz.check", x=x)
        stored = x[..., 0]
        time = lorentz.project(x, self.c)[..., 0]
        residual = xp.abs(stored - time) / time
        raise_worst(f"a point of the hyperboloid with c = {self.c:g}", residual, atol)

    def check_tangent(self, x: Array, v: Array, /, *, atol: float | None = None) -> None:
        """The residual is the error of the time entry, relative to the length of the spatial part."""
        xp, (x, v) = _arrays("Lorentz.check_tangent", x=x, v=v)
        self.check(x, atol=atol)
        x = lorentz.project(x, self.c)
        v = v + xp.zeros_like(x)
        time = dot(x[..., 1:] / x[..., :1], v[..., 1:])[..., 0]
        error, size = xp.abs(v[..., 0] - time), length(v[..., 1:])[..., 0]
        infinite = xp.full_like(size, xp.inf)
        residual = xp.where(size > 0, error / xp.where(size > 0, size, infinite), xp.where(error == 0, error, infinite))
        raise_worst(f"a tangent vector of the hyperboloid with c = {self.c:g}", residual, atol)


def _arrays(where: str, /, **given: Any) -> tuple[Any, list[Array]]:
    xp, arrays = namespace_and_arrays(where, 1, **given)
    if where.startswith("Lorentz") and arrays[0].shape[-1] < 2:
        raise ValueError(f"{where}: points need at least 2 entries, got shape {tuple(arrays[0].shape)}")
    return xp, arrays
