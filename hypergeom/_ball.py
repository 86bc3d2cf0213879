"""What the formulas of `hypergeom.poincare` share."""

from __future__ import annotations

from typing import Any, NamedTuple

from array_api_compat import array_namespace

from hypergeom._smooth import dot, safe_sqrt, unit

__all__ = ["FarEnd", "defect", "far_end", "gyration", "gyration_between", "gyration_slopes", "rim_gap"]

Array = Any


def rim_gap(x: Array, c: Array) -> Array:
    """1 - c|x|^2, NaN outside the ball."""
    xp = array_namespace(x)
    gap = 1 - c * dot(x, x)
    return xp.where(gap > 0, gap, xp.full_like(gap, xp.nan))


def defect(v: Array) -> Array:
    """0, or NaN where an entry of a vector is infinite or NaN: added to the gap it makes the row NaN."""
    return array_namespace(v).sum(0 * v, axis=-1, keepdims=True)


def gyration_between(w: Array, e: Array, x: Array, gx: Array, N: Array, c: Array) -> Array:
    """gyr[y, -x] w with e = y - x, as w plus multiples of x and e that do not cancel."""
    ee, we, wx = dot(e, e), dot(w, e), dot(w, x)
    along_e = 2 * c * dot(x, e) * wx - gx * wx - c * dot(x, x) * we
    return w + 2 * c / N * (along_e * e + (gx * we - c * ee * wx) * x)


def gyration(w: Array, e: Array, x: Array, gx: Array, N: Array, c: Array) -> Array:
    """gyr[y, x] w with e = x + y."""
    return gyration_between(w, e, -x, gx, N, c)


def gyration_slopes(
    g: Array, w: Array, x: Array, y: Array, gx: Array, gy: Array, c: Array
) -> tuple[Array, Array, Array]:
    """Cotangents of x, y and c, given g that of gyr[y, -x] w."""
    e = y - x
    ee, xe, wx, we, gX, ge = dot(e, e), dot(x, e), dot(w, x), dot(w, e), dot(g, x), dot(g, e)
    xx, N = dot(x, x), gx * gy + c * ee
    f, across = 2 / N, gX * we - ge * wx
    to_x, to_e = f * c * (gx * we - c * ee * wx), f * c * (2 * c * xe * wx - gx * wx - c * xx * we)
    moved = (to_x * gX + to_e * ge) / N
    of_gx, of_gy, of_xx = f * c * across - moved * gy, -moved * gx, -f * c * c * ge * we
    of_ee, of_xe = -c * (moved + f * c * wx * gX), 2 * f * c * c * ge * wx
    of_wx = f * c * (2 * c * xe * ge - gx * ge - c * ee * gX)
    of_we = f * c * (gx * gX - c * xx * ge)
    y_bar = of_xe * x - 2 * c * of_gy * y + 2 * of_ee * e + of_we * w + to_e * g
    x_bar = (2 * of_xx - 2 * c * of_gx - of_xe) * x + (of_xe - 2 * of_ee) * e + (of_wx - of_we) * w + (to_x - to_e) * g
    c_bar = f * (gX * (we + to_x * xe + to_e * ee) - ge * (wx + to_x * xx + to_e * xe))  # the angle has slope 2 |x ^ y| / N
    return x_bar, y_bar, c_bar


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
