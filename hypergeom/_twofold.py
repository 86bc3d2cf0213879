"""Numbers hi + lo with about twice the digits of their dtype, as ``twofold.hpp`` has them, for arrays of any library.

Products are split (Dekker, Veltkamp) for want of a fused one. Automatic differentiation finds the derivatives
of hi + lo in hi; those of the rounding errors come out as 0.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from array_api_compat import array_namespace

__all__ = ["Twofold", "minus", "normal", "plus", "product", "quotient", "root", "times", "total"]

Array = Any


class Twofold(NamedTuple):
    hi: Array
    lo: Array


def normal(a: Twofold) -> Twofold:
    """With lo at most half a unit in the last place of hi."""
    return _sum(a.hi, a.lo)


def _sum(a: Array, b: Array) -> Twofold:
    total = a + b
    of_b = total - a
    return Twofold(total, (a - (total - of_b)) + (b - of_b))


def plus(a: Twofold, b: Twofold) -> Twofold:
    s = _sum(a.hi, b.hi)
    return Twofold(s.hi, s.lo + (a.lo + b.lo))


def minus(a: Twofold, b: Twofold) -> Twofold:
    return plus(a, Twofold(-b.hi, -b.lo))


def _split(a: Array) -> tuple[Array, Array]:
    """Two numbers of half the digits."""
    eps = array_namespace(a).finfo(a.dtype).eps
    scaled = (2.0**27 + 1 if eps < 1e-10 else 2.0**12 + 1) * a
    high = scaled - (scaled - a)
    return high, a - high


def product(a: Array, b: Array) -> Twofold:
    """a b"""
    (a_high, a_low), (b_high, b_low), p = _split(a), _split(b), a * b
    return Twofold(p, ((a_high * b_high - p) + (a_high * b_low + a_low * b_high)) + a_low * b_low)


def times(a: Twofold, b: Twofold | Array) -> Twofold:
    """a b, for b of either kind"""
    if isinstance(b, Twofold):
        p = product(a.hi, b.hi)
        return Twofold(p.hi, p.lo + (a.hi * b.lo + a.lo * b.hi))
    p = product(a.hi, b)
    return Twofold(p.hi, p.lo + a.lo * b)


def quotient(v: Array, a: Twofold) -> Twofold:
    """v / a"""
    q = v / a.hi
    p = product(q, a.hi)
    return Twofold(q, (((v - p.hi) - p.lo) - q * a.lo) / a.hi)


def root(a: Twofold) -> Twofold:
    """Square root of a number above 0."""
    r = array_namespace(a.hi).sqrt(a.hi)
    p = product(r, r)
    return Twofold(r, (((a.hi - p.hi) - p.lo) + a.lo) / (2 * r))


def total(a: Twofold, axis: int) -> Twofold:
    """The sum along an axis, -1 or -2, in halves; the axis stays, with length one."""
    xp = array_namespace(a.hi)

    def part(a: Array, start: int, stop: int) -> Array:
        return a[..., start:stop] if axis == -1 else a[..., start:stop, :]

    count = a.hi.shape[axis]
    if count == 0:
        zeros = xp.sum(a.hi, axis=axis, keepdims=True)
        return Twofold(zeros, zeros)
    while count > 1:
        half = count // 2
        a, last = (
            plus(*(Twofold(*(part(b, k * half, (k + 1) * half) for b in a)) for k in (0, 1))),
            Twofold(*(part(b, 2 * half, count) for b in a)),
        )
        if count % 2:
            a = Twofold(*(xp.concat(pair, axis=axis) for pair in zip(a, last, strict=True)))
        count -= half
    return a
