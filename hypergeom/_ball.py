"""What the formulas of `hypergeom.poincare` share."""

from __future__ import annotations

from typing import Any, NamedTuple

from array_api_compat import array_namespace

from hypergeom._smooth import dot, safe_sqrt, sinh_ratio, tanh_ratio, tanh_ratio_slope, unit

__all__ = [
    "defect",
    "exp_cotangents",
    "exp_point",
    "gyration",
    "gyration_between",
    "gyration_slopes",
    "rim_gap",
    "transport_cotangents",
    "transport_vector",
]

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
    if x.shape[-1] == 1:  # nothing turns on a line
        none = 0 * (gx + gy + w + g) * e
        return none, none, none
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
    c_bar = f * (
        gX * (we + to_x * xe + to_e * ee) - ge * (wx + to_x * xx + to_e * xe)
    )  # the angle has slope 2 |x ^ y| / N
    return x_bar, y_bar, c_bar


def transport_vector(x: Array, y: Array, v: Array, c: Array) -> Array:
    """Parallel transport of v from x to y."""
    e = y - x
    gx, gy = rim_gap(x, c), rim_gap(y, c)
    return (gy / gx + defect(v)) * gyration_between(v, e, x, gx, gx * gy + c * dot(e, e), c)


def transport_cotangents(g: Array, x: Array, y: Array, v: Array, c: Array) -> tuple[Array, Array, Array, Array]:
    """Cotangents of x, y, v and c, given g that of `transport_vector`."""
    e = y - x
    gx, gy = rim_gap(x, c), rim_gap(y, c)
    N, rho = gx * gy + c * dot(e, e), gy / gx + defect(v)
    x_bar, y_bar, c_bar = gyration_slopes(rho * g, v, x, y, gx, gy, c)
    of_rho = dot(g, gyration_between(v, e, x, gx, N, c))
    return (
        x_bar + 2 * c * rho * of_rho / gx * x,
        y_bar - 2 * c * of_rho / gx * y,
        rho * gyration_between(g, -e, y, gy, N, c),
        c_bar - of_rho * dot(e, y + x) / (gx * gx),
    )


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


def exp_point(x: Array, v: Array, c: Array) -> Array:
    """The exponential map."""
    xp = array_namespace(x)
    g = rim_gap(x, c)
    alpha = c * dot(v, v) / (g * g)  # a^2
    long = alpha > 0.0625
    # x + (S v + g sigma x) / Delta with S = sinh(2a) / (2a), sigma = sinh^2 a
    near = xp.where(long, 0 * alpha, alpha)
    S, sigma = sinh_ratio(4 * near), near * sinh_ratio(near) ** 2
    Delta = 1 + (1 + c * dot(x, x)) * sigma + xp.where(long, 0 * g, 2 * c * dot(x, v) * S / g)
    # From near the rim through the middle that sum cancels; the addition theorems of cosh and sinh do not.
    f = far_end(x, v, c, g, long)
    along = (f.decay - f.omega) * (f.decay + f.omega) + f.gain * (1 + f.omega**2) / 2 * f.lift
    end = (along * f.p + f.omega * f.gain * f.across) / (f.root * f.den)
    return xp.where(long, end, x + (S / Delta * v + g * sigma / Delta * x))


def exp_cotangents(g: Array, x: Array, v: Array, c: Array) -> tuple[Array, Array, Array]:
    """Cotangents of x, v and c, given g that of `exp_point`."""
    xp = array_namespace(x)
    gx, xx, vv, gX = rim_gap(x, c), dot(x, x), dot(v, v), dot(g, x)
    long = c * vv / (gx * gx) > 0.0625
    # Near: through x (+) z with z = tanh_ratio(alpha) v / gx, whose gap is sech^2 sqrt(alpha).
    alpha = xp.where(long, 0 * vv, c * vv / (gx * gx))
    z_of_v, gz = tanh_ratio(alpha) / gx, 1 / xp.cosh(safe_sqrt(alpha)) ** 2
    z = z_of_v * v
    e = x + z
    ee, gZ, zz = dot(e, e), dot(g, z), dot(z, z)
    N = gx * gz + c * ee
    z_bar = gx / N * gyration(g, e, x, gx, N, c)
    v_zbar, slope = dot(v, z_bar), tanh_ratio_slope(alpha)
    kappa = c * zz * gX + gZ
    rate = zz * (gx + c * xx * gz) * gX - 2 * (dot(x, z) + c * xx * zz) * gZ
    endpoint = (gx * e + c * ee * x) / N
    x_near = ((gx + c * ee) * g - 2 * c * kappa * endpoint) / N + 2 * c * gz * v_zbar / (gx * gx) * x
    v_near = z_of_v * z_bar + 2 * c * slope * v_zbar / gx**3 * v
    c_near = rate / (N * N) + slope * (1 + c * xx) * v_zbar * vv / gx**4
    # Far: Jacobi fields. h is the cotangent g after parallel transport to x, times 1 / decay.
    f = far_end(x, v, c, gx, long)
    to_p = f.omega * (2 * xp.expm1(-2 * f.a) * (f.decay + f.omega) / (1 + f.omega) + f.gain * f.lift)
    e = (to_p * f.p + f.omega * f.gain * f.across) / (f.root * f.den)  # end - x
    ee, xe, ge, rim = dot(e, e), dot(x, e), dot(g, e), 4 * f.omega / f.den
    N = gx * rim * f.decay + c * ee
    h = rim / gx * (g + 2 * c / N * ((gx * gX - c * xx * ge) * e - (c * ee * gX + (gx - 2 * c * xe) * ge) * x))
    hu, x_across = dot(h, f.u), x - dot(x, f.u) * f.u
    x_h = f.decay**2 + f.gain / 2 * (f.omega * (1 + f.k) + f.k * f.lift)
    x_far = x_h * (h - hu * f.u) + f.decay * hu * (f.u + 2 * f.root * f.a * x)
    x_far = x_far - f.root * f.gain / 2 * dot(h, x_across) * f.u
    v_far = f.gain / (4 * f.a) * (h - hu * f.u) + f.decay * hu * f.u
    c_far = (dot(x, x_far) + dot(v, v_far) - gX - ge) / xp.where(long, 2 * c + 0 * vv, xp.ones_like(vv))
    return xp.where(long, x_far, x_near), xp.where(long, v_far, v_near), xp.where(long, c_far, c_near)
