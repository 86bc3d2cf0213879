"""Textbook formulas of the ball, for mpmath numbers, and classes of cases: points, tangents, directions."""

import numpy as np
from accuracy.harness import Case
from accuracy.reverse import atanh, dot, norm, sqrt, tanh

from hypergeom import poincare


def mobius_add(x, y, c):
    xy, xx, yy = dot(x, y), dot(x, x), dot(y, y)
    a, b, n = 1 + 2 * c * xy + c * yy, 1 - c * xx, 1 + 2 * c * xy + c * c * xx * yy
    return [(a * xi + b * yi) / n for xi, yi in zip(x, y, strict=True)]


def minus(x):
    return [-xi for xi in x]


def times(k, x):
    return [k * xi for xi in x]


def gap(x, c):
    return 1 - c * dot(x, x)


def dist0(y, c):
    return [2 * norm(y) if c == 0 else 2 * atanh(sqrt(c) * norm(y)) / sqrt(c)]


def dist(x, y, c):
    return dist0(mobius_add(minus(x), y, c), c)


def exp0(v, c):
    r = sqrt(c) * norm(v)
    return times(tanh(r) / r, v) if r else flat_direction(v, c)


def log0(y, c):
    r = sqrt(c) * norm(y)
    return times(atanh(r) / r, y) if r else flat_direction(y, c)


def flat_direction(v, c):
    return [vi + 0 * c for vi in v]


def exp(x, v, c):
    return mobius_add(x, exp0(times(1 / gap(x, c), v), c), c)


def log(x, y, c):
    return times(gap(x, c), log0(mobius_add(minus(x), y, c), c))


def retract(x, v, c):
    w = times(1 / gap(x, c), v)
    return mobius_add(x, times(1 / sqrt(1 + c * dot(w, w)), w), c)


def geodesic(x, y, t, c):
    return exp(x, times(t[0], log(x, y, c)), c)


def exp_transport(x, v, u, c):
    y = exp(x, v, c)
    return [*y, *transport(x, y, u, c)]


def egrad2rgrad(x, u, c):
    g = gap(x, c)
    return times(g * g / 4, u)


def inner(x, u, v, c):
    return [4 * dot(u, v) / (gap(x, c) * gap(x, c))]


def tangent_norm(x, v, c):
    return [2 * norm(v) / gap(x, c)]


def conformal_factor(x, c):
    return [2 / gap(x, c)]


def mobius_sub(x, y, c):
    return mobius_add(x, minus(y), c)


def mobius_scalar(t, x, c):
    r = sqrt(c) * norm(x)
    return times(tanh(t[0] * atanh(r)) / r, x) if r else times(t[0], flat_direction(x, c))


def gyration(u, v, w, c):
    """As a linear function of w (Ungar 2005, section 3.6)."""
    uu, vv, uv, uw, vw = dot(u, u), dot(v, v), dot(u, v), dot(u, w), dot(v, w)
    a = c * vw + 2 * c * c * uv * vw - c * c * uw * vv
    b = -c * uw - c * c * vw * uu
    n = 1 + 2 * c * uv + c * c * uu * vv
    return [wi + 2 * (a * ui + b * vi) / n for ui, vi, wi in zip(u, v, w, strict=True)]


def transport(x, y, v, c):
    return times(gap(y, c) / gap(x, c), gyration(y, minus(x), v, c))


def transport0(y, v, c):
    return times(gap(y, c), v)


def transport_to0(x, v, c):
    return times(1 / gap(x, c), v)


def to_lorentz(x, c):
    g = gap(x, c)
    return [(2 / g - 1) / sqrt(c), *times(2 / g, x)]


def to_klein(x, c):
    return times(2 / (1 + c * dot(x, x)), x)


def from_klein(k, c):
    return times(1 / (1 + sqrt(gap(k, c))), k)


def to_halfspace(x, c):
    s = times(sqrt(c), x)
    square = dot(s[:-1], s[:-1]) + (s[-1] - 1) * (s[-1] - 1)
    return [*times(2 / square, s[:-1]), gap(x, c) / square]


def from_halfspace(z, c):
    square = dot(z[:-1], z[:-1]) + (z[-1] + 1) * (z[-1] + 1)
    return times(1 / (sqrt(c) * square), [*times(2, z[:-1]), dot(z, z) - 1])


def larger_of_x(args, c):
    """exp and its kin move x: their error is relative to the larger of the two."""
    return np.linalg.norm(args[0].astype(float), axis=-1)


# A gyration turns the plane of two points: where they are parallel, and so always in one dimension, it and its gradient
# have none of the terms that they have elsewhere.
def gyration_bar_sizes(args, c):
    u, v, w = (np.linalg.norm(a, axis=-1) for a in args)
    root = np.sqrt(between(-args[0], args[1], c))
    return c * v * w / root, c * u * w / root, 1 + 0 * u, u * v * w / root


def transport_bar_sizes(args, c):
    x, y, v = (np.linalg.norm(a, axis=-1) for a in args)
    gx, gy = (2 / poincare.conformal_factor(a, c) for a in args[:2])
    return 0 * x, gy / gx * c * x * v, 0 * x, v * (x * x * gy + y * y * gx) / gx**2


# Between ends that are far apart, a point of a geodesic hardly moves but along it: what a cotangent across it leaves of
# the gradient is a small difference of large parts.
def geodesic_bar_sizes(args, c):
    x, y, t = args
    gx, gy, gz = (2 / poincare.conformal_factor(a, c) for a in (x, y, poincare.geodesic(x, y, t, c)))
    gz = np.nan_to_num(gz)  # that may have been rounded to the rim
    of_x, of_y = np.abs(1 - t) * gz / gx, np.abs(t) * gz / gy
    of_c = (of_x * np.linalg.norm(x, axis=-1) + of_y * np.linalg.norm(y, axis=-1)) / (2 * c) if c else 0 * t
    return of_x, of_y, gz / gx * np.linalg.norm(poincare.log(x, y, c), axis=-1), of_c


def between(x, y, c):
    """g_x g_y + c|y - x|^2"""
    gx, gy = (2 / poincare.conformal_factor(a, c) for a in (x, y))
    return gx * gy + c * np.sum((y - x) ** 2, axis=-1)


# Cases. `x`, `y` are points, `v` and `u` tangent vectors at x (v the one that sets the class), `w` is any vector, `p`
# a direction, `t` a number for each row, `z` the point of the half-space for x, `uz` a tangent vector there. As a point
# of the Klein ball any point of the ball will do. `ideal` is a direction too, that of x or its opposite, nearly or
# exactly, in two batches of three, and `b`, `zeta` are horospherical coordinates of x; `normal` is v, or u where v is
# 0.
def unit_rows(rng, rows, d):
    x = rng.normal(size=(rows, d))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def ideal_rows(rng, x):
    """Any directions, or those of the rows of x but for errors of all sizes."""
    rows, d = x.shape
    x = x / np.maximum(np.abs(x).max(axis=1, keepdims=True), 1e-200)  # whose squares may overflow
    u, r = unit_rows(rng, rows, d), np.linalg.norm(x, axis=1, keepdims=True)
    if rng.uniform() < 1 / 3:
        return u
    u = rng.choice([-1, 1, 1]) * x / np.where(r > 0, r, 1) + 10 ** rng.uniform(-20, -1, (rows, 1)) * u
    return u / np.linalg.norm(u, axis=1, keepdims=True)


def generic(rng, d, dtype, rows, c, scale, gap=0.1):
    x, y, v = (scale * rng.uniform(0.1, 1 - gap, (rows, 1)) * unit_rows(rng, rows, d) for _ in range(3))
    return {"x": x, "y": y, "v": v}


def close(rng, d, dtype, rows, c, scale, t=1e-12):
    f = generic(rng, d, dtype, rows, c, scale)
    x, v = f["x"].astype(dtype), max(t, 8 * float(np.finfo(dtype).eps)) * f["v"]
    return {"x": x, "y": x + v, "v": v}


def tiny_second(rng, d, dtype, rows, c, scale, size=1e-9):
    f = generic(rng, d, dtype, rows, c, scale)
    return {"x": f["x"], "y": size * f["y"], "v": size * f["v"]}


def rim(rng, d, dtype, rows, c, scale, gap):
    gap = max(gap, 4 * np.finfo(dtype).eps)
    x, y = ((1 - gap * rng.uniform(1, 2, (rows, 1))) * scale * unit_rows(rng, rows, d) for _ in range(2))
    v, u = (gap * scale * unit_rows(rng, rows, d) for _ in range(2))
    return {name: a.astype(dtype) for name, a in {"x": x, "y": y, "v": v, "u": u}.items()}


def across(rng, d, dtype, rows, c, scale, gap):
    """Two points near the rim, and the tangent from the one to the other."""
    f = rim(rng, d, dtype, rows, c, scale, gap)
    return f | {"v": poincare.log(f["x"], f["y"], c)}


def inward(rng, d, dtype, rows, c, scale, gap):
    """From near the rim along the diameter, to both sides of the origin."""
    f = rim(rng, d, dtype, rows, c, scale, gap)
    y = (rng.uniform(-1, 1, (rows, 1)) * f["x"]).astype(dtype)
    return f | {"y": y, "v": poincare.log(f["x"], y, c)}


def from_origin(rng, d, dtype, rows, c, scale):
    f = generic(rng, d, dtype, rows, c, scale)
    return f | {"x": 0 * f["x"]}


def to_origin(rng, d, dtype, rows, c, scale):
    f = generic(rng, d, dtype, rows, c, scale)
    return f | {"y": 0 * f["y"], "v": -f["x"]}


def ideal(rng, d, dtype, rows, c, scale, gap, side):
    """Close to the ideal point e_d or to the opposite one, within a few gaps."""
    gap = max(gap, 8 * np.finfo(dtype).eps)
    x = gap * rng.uniform(0.1, 1, (rows, 1)) * unit_rows(rng, rows, d)
    x[:, -1] = side * (1 - gap - abs(x[:, -1]))
    f = rim(rng, d, dtype, rows, c, scale, gap)
    return f | {"x": (scale * x).astype(dtype)}


def opposite(rng, d, dtype, rows, c, scale):
    f = generic(rng, d, dtype, rows, c, scale)
    return f | {"y": -f["x"] * (1 + 1e-9 * rng.uniform(size=(rows, 1)))}


def long_tangent(rng, d, dtype, rows, c, scale):
    f = generic(rng, d, dtype, rows, c, scale)
    return f | {"v": 40 * f["v"]}


def along(rng, d, dtype, rows, c, scale):
    f = generic(rng, d, dtype, rows, c, scale)
    return f | {"y": rng.uniform(-1, 1, (rows, 1)) * f["x"], "v": rng.uniform(-2, 2, (rows, 1)) * f["x"]}


def above(rng, x, c):
    z = poincare.to_halfspace(x, c)
    return {"z": z, "uz": z[:, -1:] * rng.uniform(0.1, 1, (len(x), 1)) * unit_rows(rng, *x.shape)}


def _case(name, points, c=1.0, **options):
    def make(rng, d, dtype, rows):
        scale = 1 / np.sqrt(c) if c else 1.0
        found = {
            "u": scale * rng.uniform(0.1, 1, (rows, 1)) * unit_rows(rng, rows, d),
            "w": scale * rng.uniform(0.1, 0.9, (rows, 1)) * unit_rows(rng, rows, d),
            "p": unit_rows(rng, rows, d),
            "t": rng.uniform(-1, 2, rows),
        } | points(rng, d, dtype, rows, c, scale, **options)
        found |= above(rng, found["x"].astype(dtype).astype(float), c or 1.0)
        found = {name: np.asarray(a).astype(dtype) for name, a in found.items()}
        found["ideal"] = ideal_rows(rng, found["x"].astype(float)).astype(dtype)
        found["normal"] = np.where(found["v"].any(axis=1, keepdims=True), found["v"], found["u"])
        found["b"], found["zeta"] = poincare.to_horo(found["x"], found["ideal"], c)
        return found

    return Case(name, make, c, vjp=options.get("gap", 1) >= 1e-14)


def _cases():

    yield from (_case(f"generic@c={c:g}", generic, c) for c in (1.0, 0.0, 1e-8, 1e3))
    yield from (_case(f"close@t={t:g},c={c:g}", close, c, t=t) for t in (1e-4, 1e-12, 1e-15) for c in (1.0, 1e-8, 1e3))
    for gap in (1e-2, 1e-6, 1e-9, 2e-15):
        yield from (_case(f"rim@{gap:g},c={c:g}", rim, c, gap=gap) for c in (1.0, 1e-8, 1e3))
    for gap in (1e-2, 1e-9, 1e-14):
        yield _case(f"across@{gap:g}", across, gap=gap)
        yield _case(f"inward@{gap:g}", inward, gap=gap)
    yield from (_case(f"tiny_second@{size:g}", tiny_second, size=size) for size in (1e-9, 1e-30))
    yield _case("from_origin", from_origin)
    yield _case("to_origin", to_origin)
    yield _case("opposite", opposite)
    yield _case("long_tangent", long_tangent)
    yield _case("along", along, 2.0)
    yield from (
        _case(f"ideal@{side * gap:g}", ideal, 2.0, gap=gap, side=side) for gap in (1e-3, 1e-13) for side in (1, -1)
    )


CASES = list(_cases())
