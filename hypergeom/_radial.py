"""Maps x -> s(q) x with q = c|x|^2, between the ball, the Klein ball and the hyperboloid; as ``radial.hpp``."""

from __future__ import annotations

from typing import Any, NamedTuple

from array_api_compat import array_namespace

from hypergeom._smooth import dot

__all__ = [
    "Radial",
    "ball_to_klein",
    "ball_to_lorentz",
    "klein_to_ball",
    "klein_to_lorentz",
    "lorentz_to_ball",
    "lorentz_to_klein",
    "radial_tangent",
    "radial_tangent_vjp",
    "radial_vjp",
]

Array = Any


class Radial(NamedTuple):
    """s, the derivative t = s + 2q s' along the ray, and their slopes s' and t' in q.

    A map onto the hyperboloid has the time T(q) / sqrt(c) too: T, T' and T''. One from it has |x|^2 s' and |x|^2 t',
    since far from the apex s' and t' underflow.
    """

    scale: Array
    slope: Array
    of_scale: Array
    of_slope: Array
    time: tuple[Array, Array, Array] | None = None
    of_c: tuple[Array, Array] | None = None


def ball_to_lorentz(q: Array, g: Array) -> Radial:
    """With g = 1 - q."""
    time = ((1 + q) / g, 2 / g**2, 4 / g**3)
    return Radial(2 / g, 2 * (1 + q) / g**2, 2 / g**2, (6 + 2 * q) / g**3, time)


def ball_to_klein(q: Array, g: Array) -> Radial:
    k = 1 / (1 + q) + 0 * g
    return Radial(2 * k, 2 * g * k**2, -2 * k**2, (2 * q - 6) * k**3)


def klein_to_ball(w: Array) -> Radial:
    """With w = sqrt(1 - q)."""
    k = 1 / (1 + w)
    return Radial(k, k / w, k**2 / (2 * w), (1 + 2 * w) * k**2 / (2 * w**3))


def klein_to_lorentz(w: Array) -> Radial:
    k = 1 / w
    return Radial(k, k**3, k**3 / 2, 1.5 * k**5, (k, k**3 / 2, 0.75 * k**5))


def lorentz_to_ball(xx: Array, h: Array) -> Radial:
    """With h = sqrt(1 + q)."""
    k, r = 1 / (1 + h), 1 / h
    part = xx * r * k
    of_c = (-part * k / 2, -part * (2 + r) * r * k / 2)
    return Radial(k, r * k, -r * k**2 / 2, -(2 + r) * (r * k) ** 2 / 2, None, of_c)


def lorentz_to_klein(xx: Array, h: Array) -> Radial:
    r = 1 / h
    part = xx * r * r
    return Radial(r, r**3, -(r**3) / 2, -1.5 * r**5, None, (-part * r / 2, -1.5 * part * r**3))


def radial_tangent(x: Array, v: Array, c: Array, r: Radial) -> Array:
    """The Jacobian times v."""
    return r.scale * v + 2 * c * r.of_scale * dot(x, v) * x


def _split(x: Array, v: Array) -> tuple[Array, Array]:
    """v = along x + across. (The twins split a second time by fused products.)"""
    xp, xx = array_namespace(x), dot(x, x)
    along = dot(x, v) / xp.where(xx > 0, xx, xp.ones_like(xx))
    return along, v - along * x


def _of_c(x: Array, r: Radial) -> tuple[Array, Array]:
    """Derivatives of s and t in c."""
    return r.of_c or (dot(x, x) * r.of_scale, dot(x, x) * r.of_slope)


def radial_vjp(g: Array, x: Array, c: Array, r: Radial, g0: Array | None = None) -> tuple[Array, Array]:
    """Cotangents of x and c; `g0` is that of the time."""
    along, across = _split(x, g)
    xx, xg = dot(x, x), dot(x, g)
    x_bar, c_bar = r.scale * across + r.slope * along * x, _of_c(x, r)[0] * xg
    if r.time is None:
        return x_bar, c_bar
    T, slope, _ = r.time
    to_time = g0 / array_namespace(x).sqrt(c)
    return x_bar + 2 * c * to_time * slope * x, c_bar + to_time * (xx * slope - T / (2 * c))


def radial_tangent_vjp(
    g: Array, x: Array, v: Array, c: Array, r: Radial, g0: Array | None = None
) -> tuple[Array, Array, Array]:
    """Cotangents of x, v and c from those of the Jacobian times v and, `g0`, of 2 sqrt(c) T' x.v."""
    (along_v, across_v), (along_g, across_g) = _split(x, v), _split(x, g)
    xx, xv, xg, both = dot(x, x), dot(x, v), dot(x, g), dot(across_v, across_g)
    bend, (of_scale, of_slope) = 2 * c * r.of_scale, _of_c(x, r)
    x_bar = bend * (xv * across_g + xg * across_v + both * x) + 2 * c * r.of_slope * xg * along_v * x
    v_bar = r.scale * across_g + r.slope * along_g * x
    c_bar = of_scale * both + of_slope * xv * along_g
    if r.time is None:
        return x_bar, v_bar, c_bar
    _, slope, curve = r.time
    to_time = g0 / array_namespace(x).sqrt(c)
    first = 2 * c * to_time * slope
    x_bar = x_bar + first * v + 4 * c * c * to_time * curve * xv * x
    return x_bar, v_bar + first * x, c_bar + to_time * xv * (slope + 2 * c * xx * curve)
