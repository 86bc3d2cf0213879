"""What the bodies of the row functions are made of: sums along rows, and the functions of ``smooth.hpp`` for
arrays.

Those are even functions of a length, written in its square q. Each takes its series below a bound and its
closed form above; neither branch sees the other's arguments, so that automatic differentiation meets no NaN,
and the series keep its result accurate near q = 0.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

from array_api_compat import array_namespace

Array = Any


def dot(x: Array, y: Array) -> Array:
    """Sum of products along the last axis, which stays with length one."""
    return array_namespace(x, y).sum(x * y, axis=-1, keepdims=True)


def unit(e: Array, length: Array) -> Array:
    """The direction of e; 0 where e is 0."""
    xp = array_namespace(e)
    return e / xp.where(length > 0, length, xp.ones_like(length))


def safe_sqrt(q: Array) -> Array:
    """Square root whose derivative at 0 is taken as 0."""
    xp = array_namespace(q)
    positive = q > 0
    return xp.where(positive, xp.sqrt(xp.where(positive, q, xp.ones_like(q))), 0 * q)


def length(v: Array) -> Array:
    """Norm along the last axis, also where squares leave the range of numbers; its derivative at 0 is taken as 0."""
    xp = array_namespace(v)
    size = xp.max(xp.abs(v), axis=-1, keepdims=True)
    in_range = (size > 1e-135) & (size < 1e145)
    scale = xp.where(size < 1, xp.full_like(size, 2.0**600), xp.full_like(size, 2.0**-600))
    scale = xp.where(in_range | (size == 0), xp.ones_like(size), scale)
    w = scale * v
    return safe_sqrt(dot(w, w)) / scale


def piecewise(q: Array, bound: float, below: Callable[[Array], Array], above: Callable[[Array], Array]) -> Array:
    """below(q) where q <= bound, above(q) elsewhere; NaN counts as above."""
    xp = array_namespace(q)
    small = q <= bound
    return xp.where(
        small,
        below(xp.where(small, q, xp.zeros_like(q))),
        above(xp.where(small, xp.full_like(q, max(2 * bound, 1.0)), q)),
    )


def _series(q: Array, coefficients: Sequence[float]) -> Array:
    total = coefficients[-1] + 0 * q
    for coefficient in reversed(coefficients[:-1]):
        total = total * q + coefficient
    return total


@functools.cache
def _odd_reciprocals(first: int, count: int) -> tuple[float, ...]:
    return tuple(1 / (2 * k + first) for k in range(count))


@functools.cache
def _asinh_coefficients(count: int) -> tuple[float, ...]:
    """Of asinh(r) / r in powers of r^2."""
    binomial, out = 1.0, []
    for k in range(count):
        out.append(binomial / (2 * k + 1))
        binomial *= -(2 * k + 1) / (2 * k + 2)
    return tuple(out)


@functools.cache
def _sinh_coefficients(count: int) -> tuple[float, ...]:
    """Of sinh(r) / r in powers of r^2."""
    out = [1.0]
    for k in range(1, count):
        out.append(out[-1] / ((2 * k) * (2 * k + 1)))
    return tuple(out)


# The series of the ratios stand for the derivative that a library takes of them; eight terms do below 0.01.
_TERMS, _BOUND = 8, 0.01
_TANH_COEFFICIENTS = (
    1,
    -1 / 3,
    2 / 15,
    -17 / 315,
    62 / 2835,
    -1382 / 155925,
    21844 / 6081075,
    -929569 / 638512875,
)


def asinh_ratio(q: Array) -> Array:
    """asinh(sqrt q) / sqrt q"""
    xp = array_namespace(q)

    def closed(q: Array) -> Array:
        return xp.asinh(xp.sqrt(q)) / xp.sqrt(q)

    return piecewise(q, _BOUND, lambda q: _series(q, _asinh_coefficients(_TERMS)), closed)


def theta_sinh_ratio(q: Array) -> Array:
    """theta / sinh theta where q = sinh^2(theta / 2)"""
    return asinh_ratio(q) / array_namespace(q).sqrt(1 + q)


def sinh_ratio(q: Array) -> Array:
    """sinh(sqrt q) / sqrt q"""
    xp = array_namespace(q)

    def closed(q: Array) -> Array:
        return xp.sinh(xp.sqrt(q)) / xp.sqrt(q)

    return piecewise(q, _BOUND, lambda q: _series(q, _sinh_coefficients(_TERMS)), closed)


def tanh_ratio(q: Array) -> Array:
    """tanh(sqrt q) / sqrt q"""
    xp = array_namespace(q)

    def closed(q: Array) -> Array:
        return xp.tanh(xp.sqrt(q)) / xp.sqrt(q)

    return piecewise(q, _BOUND, lambda q: _series(q, _TANH_COEFFICIENTS), closed)


def atanh_ratio(q: Array, gap: Array) -> Array:
    """atanh(sqrt q) / sqrt q; the caller knows gap = 1 - q better than q can tell."""
    xp = array_namespace(q)

    def closed(q: Array) -> Array:
        r = xp.sqrt(q)
        return xp.log1p(2 * r * (1 + r) / gap) / (2 * r)

    return piecewise(q, _BOUND, lambda q: _series(q, _odd_reciprocals(1, _TERMS)) + 0 * gap, closed)


def atanh_remainder(q: Array, gap: Array) -> Array:
    """(atanh_ratio(q) - 1) / q = 1/3 + q/5 + q^2/7 + ..."""
    xp = array_namespace(q)

    def series(q: Array) -> Array:  # after one step of atanh t = 2 atanh(t / (1 + sqrt(1 - t^2)))
        w = 1 + xp.sqrt(1 - q)
        return (1 + 2 * _series(q / (w * w), _odd_reciprocals(3, 25)) / w) / (w * w) + 0 * gap

    return piecewise(q, 0.625, series, lambda q: (atanh_ratio(q, gap) - 1) / q)


def asinh_ratio_slope(q: Array) -> Array:
    """Derivative of `asinh_ratio`."""
    xp = array_namespace(q)
    gap = 1 / (1 + q)
    return -0.5 * atanh_remainder(q * gap, gap) * gap * xp.sqrt(gap)


def theta_sinh_ratio_slope(q: Array) -> Array:
    """Derivative of `theta_sinh_ratio`."""
    gap = 1 / (1 + q)
    u = q * gap
    return -0.5 * (1 + (1 + u) * atanh_remainder(u, gap)) * gap * gap


def atanh_ratio_slope(q: Array, gap: Array) -> Array:
    """Derivative of `atanh_ratio` in q."""
    return 0.5 * (1 / gap - atanh_remainder(q, gap))


def sinh_ratio_slope(q: Array) -> Array:
    """Derivative of `sinh_ratio`."""
    xp = array_namespace(q)

    def series(q: Array) -> Array:
        return _series(q, [k * a for k, a in enumerate(_sinh_coefficients(14))][1:])

    return piecewise(q, 4.0, series, lambda q: (xp.cosh(xp.sqrt(q)) - sinh_ratio(q)) / (2 * q))


def tanh_ratio_slope(q: Array) -> Array:
    """Derivative of `tanh_ratio`."""
    xp = array_namespace(q)

    def series(q: Array) -> Array:
        sech = 1 / xp.cosh(safe_sqrt(q))
        return -2 * _series(4 * q, _sinh_coefficients(14)[1:]) * sech * sech

    def closed(q: Array) -> Array:
        sech = 1 / xp.cosh(xp.sqrt(q))
        return (sech * sech - tanh_ratio(q)) / (2 * q)

    return piecewise(q, 1.0, series, closed)
