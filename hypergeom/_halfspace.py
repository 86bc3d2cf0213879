"""The half-space {z_d > 0}: what the conversions share, as ``poincare/halfspace.hpp`` and ``lorentz/halfspace.hpp``."""

from __future__ import annotations

from typing import Any, NamedTuple

from array_api_compat import array_namespace

from hypergeom._ball import rim_gap
from hypergeom._hyperboloid import point
from hypergeom._smooth import dot

__all__ = [
    "Above",
    "Horizon",
    "above",
    "above_vjp",
    "horizon",
    "horizon_vjp",
    "inversion_of_ball",
    "inversion_of_halfspace",
    "join_last",
    "mirror",
    "mirror_vjp",
    "reflect",
    "split_last",
]

Array = Any


def split_last(x: Array) -> tuple[Array, Array]:
    """All entries but the last, and the last."""
    return x[..., :-1], x[..., -1:]


def join_last(first: Array, last: Array) -> Array:
    return array_namespace(last).concat([first, last], axis=-1)


def reflect(v: Array) -> Array:
    """R v: the last coordinate with the other sign."""
    first, last = split_last(v)
    return join_last(first, -last)


def inversion_of_ball(x: Array, c: Array) -> tuple[Array, Array]:
    """D = sqrt(c) x - e_d and |D|^2."""
    first, last = split_last(array_namespace(x).sqrt(c) * x)
    D = join_last(first, last - 1)
    return D, dot(D, D) + 0 * rim_gap(x, c)


def _inside(z: Array, value: Array) -> Array:
    """NaN outside the half-space, and where |z|^2 overflows."""
    xp = array_namespace(z)
    return xp.where((z[..., -1:] > 0) & (dot(z, z) < xp.inf), value, xp.full_like(value, xp.nan))


def inversion_of_halfspace(z: Array) -> tuple[Array, Array]:
    """D = R z - e_d and |D|^2."""
    first, last = split_last(z)
    D = join_last(first, -last - 1)
    return D, _inside(z, dot(D, D))


def mirror(D: Array, P: Array, v: Array) -> Array:
    """v reflected in the hyperplane across D."""
    return v - 2 * dot(D, v) / P * D


def mirror_vjp(D: Array, P: Array, h: Array, v: Array) -> tuple[Array, Array]:
    """h.mirror(v) / P and its gradient in D."""
    hv, Dh, Dv = dot(h, v), dot(D, h), dot(D, v)
    value = (hv - 2 * Dh * Dv / P) / P
    return value, 2 / P * ((4 * Dh * Dv / P - hv) / P * D - Dv / P * h - Dh / P * v)


class Horizon(NamedTuple):
    """A point of the hyperboloid: time, spatial part, lambda = x0 - x_d and the half-space's point."""

    x0: Array
    x: Array
    lam: Array
    z: Array


def horizon(x: Array, c: Array) -> Horizon:
    xp = array_namespace(x)
    x0, x = point(x, c)
    first, last = split_last(x)
    ahead = last > 0
    far = x0 + xp.where(ahead, last, xp.zeros_like(last))
    lam = xp.where(ahead, (1 / c + dot(first, first)) / far, x0 - last)
    return Horizon(x0, x, lam, join_last(first, 1 / xp.sqrt(c) + 0 * lam) / lam)


def horizon_vjp(g: Array, p: Horizon) -> Array:
    """The cotangent of the spatial part from that of z."""
    (first, last), kappa = split_last(g), dot(g, p.z) / p.lam
    return join_last(first / p.lam - kappa * p.x[..., :-1] / p.x0, kappa * p.lam / p.x0 + 0 * last)


class Above(NamedTuple):
    """A point of the half-space, and 1 / (sqrt(c) z_d)."""

    first: Array
    last: Array
    scale: Array


def above(z: Array, c: Array) -> Above:
    first, last = split_last(z)
    xp = array_namespace(z)
    safe = xp.where(last > 0, last, xp.ones_like(last))
    return Above(first, last, _inside(z, 1 / (xp.sqrt(c) * safe)))


def above_vjp(g0: Array, g: Array, p: Above) -> Array:
    """The cotangent of z from those of the time and the spatial part."""
    first, last = split_last(g)
    level = (p.last - 1) * (p.last + 1) - dot(p.first, p.first)
    of_last = (g0 * level / 2 + last * (level / 2 + 1) - dot(first, p.first)) / p.last
    return p.scale * join_last(first + (g0 + last) * p.first, of_last)
