"""What the formulas of `hypergeom.lorentz` share."""

from __future__ import annotations

from typing import Any, NamedTuple

from array_api_compat import array_namespace

from hypergeom._smooth import dot, safe_sqrt

__all__ = [
    "Base",
    "Chord",
    "Parts",
    "base",
    "chord",
    "chord_square_vjp",
    "cotangent",
    "join",
    "parts",
    "point",
    "split",
    "time_of",
]

Array = Any


def split(x: Array) -> tuple[Array, Array]:
    """Time entry and spatial part."""
    return x[..., :1], x[..., 1:]


def join(time: Array, space: Array) -> Array:
    return array_namespace(space).concat([time, space], axis=-1)


def time_of(space: Array, c: Array) -> Array:
    return array_namespace(space).sqrt(1 / c + dot(space, space))


def point(x: Array, c: Array) -> tuple[Array, Array]:
    """The time coordinate of the spatial part, NaN where the stored one rejects the row; and that part."""
    xp = array_namespace(x)
    stored, space = split(x)
    time = time_of(space, c)
    return xp.where((stored > 0) & (stored + time < xp.inf), time, xp.full_like(time, xp.nan)), space


class Base(NamedTuple):
    """A point with vectors: h = sqrt(c) x0; the metric multiplies the square of a part along x by `shrink`."""

    x0: Array
    x: Array
    xx: Array
    h: Array
    shrink: Array  # 1 / (c x0^2)


def base(x: Array, c: Array) -> Base:
    x0, x = point(x, c)
    xx = dot(x, x)
    return Base(x0, x, xx, array_namespace(x).sqrt(c) * x0, 1 / (1 + c * xx) + 0 * x0)


class Parts(NamedTuple):
    """A vector, v = perp + along x; its covector in the metric is perp + shrink along x."""

    v: Array
    along: Array
    perp: Array
    lowered: Array


def parts(b: Base, v: Array) -> Parts:
    xp = array_namespace(v)
    along = dot(b.x, v) / xp.where(b.xx > 0, b.xx, xp.ones_like(b.xx))
    perp = v - along * b.x
    return Parts(v, along, perp, perp + along * b.shrink * b.x)


class Chord(NamedTuple):
    """Two points, e = y - x, and the square Q of the chord; q = c Q / 4 = sinh^2(sqrt(c) dist / 2)."""

    x0: Array
    x: Array
    y0: Array
    y: Array
    e0: Array
    e: Array
    Q: Array
    q: Array


def chord(x: Array, y: Array, c: Array) -> Chord:
    """Q = (|e_perp|^2 + (4/c) k) / (1 - k), k = (e0 / |s|)^2, s = x + y, e_perp the part of e across s."""
    xp = array_namespace(x)
    (x0, x), (y0, y) = point(x, c), point(y, c)
    e, s = y - x, y + x
    xx, yy, xy, ee, ss = dot(x, x), dot(y, y), dot(x, y), dot(e, e), dot(s, s)
    e0 = dot(e, s) / (x0 + y0)
    ones = xp.ones_like(e0)
    positive_ss = xp.where(ss > 0, ss, ones)

    # e_perp is also twice that of y and twice that of -x: the shortest of the three loses least. (The twins take it
    # from the area of x and y, which loses nothing, but needs a fused product.)
    x_is_near = xx <= yy
    nn, ff = xp.where(x_is_near, xx, yy), xp.where(x_is_near, yy, xx)
    n0, f0 = xp.where(x_is_near, x0, y0), xp.where(x_is_near, y0, x0)
    use_e = ee <= 5 * nn
    w = xp.where(use_e, e, 2 * xp.where(x_is_near, x, y))
    w_perp = w - xp.where(use_e, dot(e, s), 2 * (nn + xy)) / positive_ss * s
    k = e0 * e0 / positive_ss

    # 1 - k without cancellation, from |s| - |e0| = (|s| - |f|) - (f0 - |f|) + n0 for the nearer point n and
    # the farther f
    far = k >= 0.5
    s_length, f_length = xp.sqrt(positive_ss), xp.sqrt(xp.where(far, ff, ones))
    difference = (nn + 2 * xy) / (s_length + f_length) - 1 / (c * (f0 + f_length)) + n0
    rest = xp.where(far, difference / s_length * (1 + safe_sqrt(k)), 1 - k)
    product = x0 * y0 - xy
    obtuse = (xy < 0) & (c * product > 2)  # the definition, which then adds numbers of one sign
    Q = xp.where(obtuse, 2 * (product - 1 / c), (dot(w_perp, w_perp) + 4 / c * k) / xp.where(obtuse, ones, rest))
    return Chord(x0, x, y0, y, e0, e, Q, c * Q / 4)


def chord_square_vjp(p: Chord, of_Q: Array, c: Array) -> tuple[Array, Array, Array]:
    """Cotangents of x, y and c from that of Q. The twins split them along x and y, which takes a fused product."""
    xp = array_namespace(p.x)
    wide = dot(p.e, p.e) > p.x0 * p.y0  # e would lose the smaller of the two points
    to_x = xp.where(wide, p.y - p.x * (p.y0 / p.x0), p.e - p.x * (p.e0 / p.x0))
    to_y = xp.where(wide, p.y * (p.x0 / p.y0) - p.x, p.e - p.y * (p.e0 / p.y0))
    return -2 * of_Q * to_x, 2 * of_Q * to_y, -of_Q * (p.e0 / p.x0) * (p.e0 / p.y0) / (c * c)


def cotangent(space: Array) -> Array:
    """Of an input: its time entry is 0, or NaN in a row that is NaN."""
    xp, first = array_namespace(space), space[..., :1]
    return join(xp.where(xp.isnan(first), first, xp.zeros_like(first)), space)
