"""What the formulas of `hypergeom.poincare` share."""

from __future__ import annotations

from typing import Any, NamedTuple

from array_api_compat import array_namespace

from hypergeom._smooth import dot, safe_sqrt, unit

__all__ = ["FarEnd", "far_end", "gyration", "rim_gap"]

Array = Any


def rim_gap(x: Array, c: Array) -> Array:
    """1 - c|x|^2, NaN outside the ball."""
    xp = array_namespace(x)
    gap = 1 - c * dot(x, x)
    return xp.where(gap > 0, gap, xp.full_like(gap, xp.nan))


def gyration(w: Array, e: Array, x: Array, gx: Array, N: Array, c: Array) -> Array:
    """gyr[y, x] w with e = x + y, as w plus multiples of x and e that do not cancel."""
    ee, we, wx = dot(e, e), dot(w, e), dot(w, x)
    along_e = gx * wx - c * dot(x, x) * we + 2 * c * dot(x, e) * wx
    return w + 2 * c / N * (along_e * e - (gx * we + c * ee * wx) * x)


class FarEnd(NamedTuple):
    """The end of a long tangent: u = v/|v| and p = x/|x| in its plane, with exponentials of one sign."""

    u: Array
    p: Array
    across: Array  # the part of u across x
    root: Array  # sqrt(c)
    a: Array  # half the metric length times sqrt(c), and e^{-2a}
    decay: Array
    k: Array  # sqrt(c)|x|
    omega: Array  # (1 - k) / (1 + k)
    lift: Array  # 1 + u.p
    gain: Array  # 1 - decay^2
    den: Array


def far_end(x: Array, v: Array, c: Array, g: Array, long: Array) -> FarEnd:
    """Any numbers, but no NaN, in rows that are not `long`."""
    xp = array_namespace(x)
    vv, r = dot(v, v), safe_sqrt(dot(x, x))
    norm = xp.sqrt(xp.where(long, vv, xp.ones_like(vv)))
    root = xp.sqrt(xp.where(long, c + 0 * vv, xp.ones_like(vv)))
    u, p, k, a = v / norm, unit(x, r), root * r, root * norm / g
    cosine = dot(u, p)
    across = u - cosine * p
    lift = xp.where(cosine < 0, dot(across, across) / (1 + xp.abs(cosine)), 1 + cosine)
    omega, decay, gain = g / (1 + k) ** 2, xp.exp(-2 * a), -xp.expm1(-4 * a)
    den = (decay + omega) ** 2 + gain * (1 - omega * omega) / 2 * lift
    return FarEnd(u, p, across, root, a, decay, k, omega, lift, gain, den)
