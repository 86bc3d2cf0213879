"""What the horospheres of `hypergeom.poincare` and `hypergeom.lorentz` share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from array_api_compat import array_namespace

from hypergeom._results import Result
from hypergeom._smooth import atanh_remainder, dot

__all__ = ["Horo", "Level", "direction", "is_small", "level", "log1p_remainder"]

Array = Any


@dataclass(frozen=True)
class Horo(Result):
    """Horospherical coordinates with respect to an ideal point p; unpacks as ``b, zeta``.

    The metric is ``db^2 + exp(2 sqrt(c) b) |dzeta|^2``.

    Attributes
    ----------
    b : array, shape (...)
        Busemann function: signed distance of the horosphere from the one through the origin, below 0 towards p.
    zeta : array, shape (..., d)
        Point of the horosphere: orthogonal to p.
    """

    b: Array
    zeta: Array


def direction(p: Array) -> tuple[Array, Array]:
    """p/|p| and 1/|p|; NaN where p is not of length 1."""
    xp = array_namespace(p)
    pp = dot(p, p)
    valid = xp.abs(pp - 1) <= 1e-6
    scale = xp.where(valid, 1 / xp.sqrt(xp.where(valid, pp, xp.ones_like(pp))), xp.full_like(pp, xp.nan))
    return scale * p, scale


class Level(NamedTuple):
    """A horosphere: eta = 1 + z = exp(sqrt(c) b), z = sqrt(c) y."""

    root: Array
    y: Array
    z: Array
    eta: Array
    b: Array


def is_small(z: Array) -> Array:
    return (z > -0.5) & (z < 1)


def level(root: Array, y: Array, eta: Array) -> Level:
    """From y near eta = 1, from eta elsewhere."""
    xp = array_namespace(y)
    z = root * y
    small, ones = is_small(z), xp.ones_like(z)
    b = xp.where(
        small,
        y * _log1p_ratio(xp.where(small, z, 0 * ones)),
        xp.log(xp.where(small, ones, eta)) / xp.where(small, ones, root),
    )
    return Level(root, y, z, eta, b)


def _log1p_ratio(z: Array) -> Array:
    """log(1 + z) / z"""
    xp = array_namespace(z)
    tiny = xp.abs(z) < 0.01
    other, total = xp.where(tiny, xp.ones_like(z), z), 0 * z
    for k in range(8, 0, -1):
        total = 1 / k - total * xp.where(tiny, z, xp.zeros_like(z))
    return xp.where(tiny, total, xp.log1p(other) / other)


def log1p_remainder(z: Array) -> Array:
    """m of log(1 + z) = 2 w (1 + w^2 m), w = z / (2 + z)"""
    xp = array_namespace(z)
    z = xp.where(is_small(z), z, xp.zeros_like(z))
    square = (z / (2 + z)) ** 2
    return atanh_remainder(square, 1 - square)
