"""Textbook formulas of the hyperboloid, for mpmath numbers, and classes of cases. The spatial part is the point."""

import mpmath as mp
import numpy as np
from accuracy.ball import ideal_rows
from accuracy.harness import Case
from accuracy.reverse import acosh, cosh, dot, sinh, sqrt

from hypergeom import lorentz


def point(x, c):
    """The point whose spatial part was stored."""
    return [sqrt(1 / c + dot(x[1:], x[1:])), *x[1:]]


def tangent(x, v):
    """The tangent vector at the point x whose spatial part was stored."""
    return [dot(x[1:], v[1:]) / x[0], *v[1:]]


def product(x, y):
    return dot(x[1:], y[1:]) - x[0] * y[0]


def combine(a, x, b, y):
    return [a * xi + b * yi for xi, yi in zip(x, y, strict=True)]


def dist(x, y, c):
    return [acosh(-c * product(point(x, c), point(y, c))) / sqrt(c)]


def log(x, y, c):
    x, y = point(x, c), point(y, c)
    cosine = -c * product(x, y)
    theta = acosh(cosine)
    if not theta:
        return combine(1, y, -1, x)
    scale = theta / sinh(theta)
    return combine(scale, y, -scale * cosine, x)


def exp(x, v, c):
    x = point(x, c)
    v = tangent(x, v)
    r = sqrt(c * product(v, v))
    return combine(cosh(r), x, sinh(r) / r if r else mp.mpf(1), v)


def origin(d, c):
    return [1 / sqrt(c), *[mp.mpf(0)] * d]


def exp0(v, c):
    return exp(origin(len(v) - 1, c), v, c)


def log0(y, c):
    return log(origin(len(y) - 1, c), y, c)


def retract(x, v, c):
    x = point(x, c)
    v = tangent(x, v)
    rho = c * product(v, v)
    return combine(1 + rho / 2, x, sqrt(1 + rho / 4), v)


def geodesic(x, y, t, c):
    x, y, t = point(x, c), point(y, c), t[0]
    theta = acosh(-c * product(x, y))
    if not theta:
        return combine(1 - t, x, t, y)
    return combine(sinh((1 - t) * theta) / sinh(theta), x, sinh(t * theta) / sinh(theta), y)


def carry(x, y, v, c):
    """The transport of a tangent vector from x to y, both with their time coordinates."""
    s = combine(1, x, 1, y)
    return combine(1, v, c * product(y, v) / (1 - c * product(x, y)), s)


def transport(x, y, v, c):
    x = point(x, c)
    return carry(x, point(y, c), tangent(x, v), c)


def transport0(y, v, c):
    return transport(origin(len(y) - 1, c), y, v, c)


def transport_to0(x, v, c):
    return transport(x, origin(len(x) - 1, c), v, c)


def exp_transport(x, v, u, c):
    end = exp(x, v, c)
    x = point(x, c)
    return end + carry(x, end, tangent(x, u), c)


def boost(x, y, c):
    """A point y of the apex's tangent cone, by the two halves of a boost: reflections in the middle and the apex."""
    x, y, e = point(x, c), point(y, c), origin(len(x) - 1, c)
    y = [y[0], *[-yi for yi in y[1:]]]
    m = combine(1, x, 1, e)  # along the middle of the geodesic
    reflected = combine(2 * product(m, y) / product(m, m), m, -1, y)
    return reflected


def boost_to0(x, y, c):
    return boost([x[0], *[-xi for xi in x[1:]]], y, c)


def dist0(y, c):
    return [acosh(sqrt(c) * point(y, c)[0]) / sqrt(c)]


def sqdist(x, y, c):
    d = dist(x, y, c)[0]
    return [d * d]


def chord2(x, y, c):
    e = combine(1, point(y, c), -1, point(x, c))
    return [product(e, e)]


def inner(x, u, v, c):
    x = point(x, c)
    return [product(tangent(x, u), tangent(x, v))]


def tangent_norm(x, v, c):
    return [sqrt(inner(x, v, v, c)[0])]


def project_tangent(x, u, c):
    x = point(x, c)
    return tangent(x, combine(1, u, c * product(x, u), x))


def egrad2rgrad(x, u, c):
    return project_tangent(x, [-u[0], *u[1:]], c)


def time(xs, c):
    return [sqrt(1 / c + dot(xs, xs))]


def from_spatial(xs, c):
    return time(xs, c) + xs


def tangent_from_spatial(x, vs, c):
    return tangent(point(x, c), [0, *vs])


def to_poincare(x, c):
    x = point(x, c)
    return [xi / (1 + sqrt(c) * x[0]) for xi in x[1:]]


def to_klein(x, c):
    x = point(x, c)
    return [xi / (sqrt(c) * x[0]) for xi in x[1:]]


def from_klein(k, c):
    w = sqrt(1 - c * dot(k, k))
    return [1 / (sqrt(c) * w), *(ki / w for ki in k)]


def to_halfspace(x, c):
    x = point(x, c)
    return [xi / (x[0] - x[-1]) for xi in x[1:-1]] + [1 / (sqrt(c) * (x[0] - x[-1]))]


def from_halfspace(z, c):
    square, scale = dot(z, z), 1 / (2 * sqrt(c) * z[-1])
    return [scale * (square + 1), *(2 * scale * zi for zi in z[:-1]), scale * (square - 1)]


def norms(rows):
    """Also of rows whose squares overflow."""
    scale = np.maximum(np.abs(rows).max(axis=-1, keepdims=True), 1e-200)
    return scale[..., 0] * np.linalg.norm(rows / scale, axis=-1)


def larger_of_x(args, c):
    """exp and its kin move x: their error is relative to the larger of the two."""
    return norms(args[0].astype(float))


# Cases: as in ball.py. A radius R is the distance from the apex times sqrt(c). `k` and `z` are the points of the Klein
# ball and of the half-space for x, `uk` and `uz` tangent vectors there; k lies no closer to the rim than can be stored,
# and in float32 z no farther from the apex than e^2R can.
def unit_rows(rng, rows, d):
    x = rng.normal(size=(rows, d))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def with_time(space, c):
    return lorentz.project(np.concatenate([np.ones_like(space[:, :1]), space], axis=1), c)


def at_radius(r, directions, c):
    """Points at the distance r / sqrt(c) from the apex."""
    return with_time(np.sinh(r) / np.sqrt(c) * directions, c)


def tangent_rows(rng, x, c, low=0.1, high=2.0):
    """Tangent vectors at x whose metric lengths times sqrt(c) lie in [low, high].

    Far from the apex they are nearly across x: what rounding adds across x to a part along x is as long as e^R eps
    of it.
    """
    rows, d = x.shape[0], x.shape[1] - 1
    direction, r = unit_rows(rng, rows, d), norms(x[:, 1:])[:, None]
    outwards = x[:, 1:] / np.where(r > 0, r, 1)
    cosine = np.sum(outwards * direction, axis=1, keepdims=True)
    h = np.sqrt(c) * x[:, :1]
    stretch = h if d == 1 else np.minimum(h, 0.01 / np.finfo(np.float32).eps)
    space = (direction - cosine * outwards) + stretch * cosine * outwards
    v = np.concatenate([np.sum(x[:, 1:] / x[:, :1] * space, axis=1, keepdims=True), space], axis=1)
    return v * (rng.uniform(low, high, (rows, 1)) / (np.sqrt(c) * lorentz.norm(x, v, c)[:, None]))


def generic(rng, d, dtype, rows, c, R=3.0):
    low = 0.1 if R < 10 else 0.9
    x, y = (at_radius(R * rng.uniform(low, 1, (rows, 1)), unit_rows(rng, rows, d), c) for _ in range(2))
    return {"x": x, "y": y}


def close(rng, d, dtype, rows, c, R=1.0, t=1e-12):
    x = generic(rng, d, dtype, rows, c, R)["x"].astype(dtype).astype(float)
    t = max(t, 8 * float(np.finfo(dtype).eps))
    goal = at_radius(rng.uniform(1.5, 2, (rows, 1)), unit_rows(rng, rows, d), c)
    step = lorentz.log(x, goal, c) / (np.sqrt(c) * lorentz.dist(x, goal, c)[:, None])
    y = lorentz.project(x + t * rng.uniform(0.1, 2, (rows, 1)) * step, c)
    return {"x": x, "y": y, "v": t * tangent_rows(rng, x, c)}


def from_apex(rng, d, dtype, rows, c, R=3.0):
    y = generic(rng, d, dtype, rows, c, R)["y"]
    apex = lorentz.project(0 * y, c)
    apex[rows // 2 :] = at_radius(0.5, unit_rows(rng, rows - rows // 2, d), c)  # where more than noise is not 0
    return {"x": apex, "y": y, "v": tangent_rows(rng, apex, c, 0.1, min(R, 80.0 if dtype == np.float32 else R))}


def to_apex(rng, d, dtype, rows, c, R=3.0):
    x = generic(rng, d, dtype, rows, c, R)["x"]
    apex = lorentz.project(0 * x, c)
    return {"x": x, "y": apex, "v": lorentz.log(x, apex, c)}


def unequal(rng, d, dtype, rows, c, r, R):
    """Directions up to 120 degrees apart at two radii."""
    u, w = unit_rows(rng, rows, d), unit_rows(rng, rows, d)
    if d > 1:
        w -= np.sum(u * w, axis=1, keepdims=True) * u
        w /= np.linalg.norm(w, axis=1, keepdims=True)
        angle = rng.uniform(0.3, 2, (rows, 1))
        w = np.cos(angle) * u + np.sin(angle) * w
    return {"x": at_radius(r, u, c), "y": at_radius(R, w, c)}


def aligned(rng, d, dtype, rows, c, R=5.0):
    """One geodesic through the apex, both on the same side, and a tangent along it."""
    x = generic(rng, d, dtype, rows, c, R)["x"].astype(dtype).astype(float)
    y = x.copy()
    y[:, 1:] *= rng.uniform(0.01, 0.9, (rows, 1))
    v = x * rng.uniform(-1, 1, (rows, 1)) / np.linalg.norm(x[:, 1:], axis=1, keepdims=True)
    return {"x": x, "y": lorentz.project(y, c), "v": v}


def line(rng, d, dtype, rows, c, R, apart):
    """On one ray from the apex, as nearly as they can be stored."""
    u = unit_rows(rng, rows, d)
    x, y = at_radius(R, u, c), at_radius(R - apart, u, c)
    return {"x": x, "y": y, "v": lorentz.log(x, y, c), "t": rng.uniform(0, 1, rows)}


def ideal(rng, d, dtype, rows, c, R, side):
    """Towards the ideal point e_d or the opposite one, at distances of some units from that geodesic; y is anywhere."""
    u = unit_rows(rng, rows, d) * rng.uniform(0, 4 * np.exp(-R), (rows, 1))
    u[:, -1] = side
    x = at_radius(R * rng.uniform(0.9, 1, (rows, 1)), u / np.linalg.norm(u, axis=1, keepdims=True), c)
    return generic(rng, d, dtype, rows, c) | {"x": x}


def opposite(rng, d, dtype, rows, c, R=5.0):
    found = aligned(rng, d, dtype, rows, c, R)
    found["y"][:, 1:] *= -1
    return found | {"v": -found["v"]}


def klein(rng, x, c, dtype):
    space = x[:, 1:]
    length = norms(space)[:, None]
    farthest = -np.log(16 * np.finfo(dtype).eps) / 2  # there 1 - c|k|^2 is 64 eps
    k = np.tanh(np.minimum(np.arcsinh(np.sqrt(c) * length), farthest)) / np.sqrt(c)
    k = k * (space / np.maximum(length, 1e-100))
    return {"k": k, "uk": rng.uniform(0.1, 1, (len(k), 1)) * unit_rows(rng, *k.shape)}


def above(rng, x, c, dtype):
    space = x[:, 1:]
    if dtype == np.float32:
        length = np.linalg.norm(space, axis=1, keepdims=True)
        space = space * np.minimum(1, np.sinh(40) / np.sqrt(c) / np.maximum(length, 1e-100))
    z = lorentz.to_halfspace(with_time(space, c), c)
    return {"z": z, "uz": z[:, -1:] * rng.uniform(0.1, 1, (len(z), 1)) * unit_rows(rng, *z.shape)}


def _case(name, points, c=1.0, digits=120, single=True, slack=1, **options):
    def make(rng, d, dtype, rows):
        found = points(rng, d, dtype, rows, c, **options)
        x = lorentz.project(found["x"].astype(dtype).astype(float), c)
        space = rng.uniform(0.1, 0.9, (rows, 1)) * unit_rows(rng, rows, d) / np.sqrt(c)
        found = {
            "v": tangent_rows(rng, x, c),
            "v0": lorentz.log0(x, c),
            "u": tangent_rows(rng, x, c),
            "w": with_time(space, c),
            "g": rng.normal(size=x.shape),
            "xs": x[:, 1:],
            "vs": rng.normal(size=x[:, 1:].shape),
            "p": unit_rows(rng, rows, d),
            "t": rng.uniform(-1, 2, rows) if single else rng.uniform(0, 1, rows),  # points that can be stored
        } | found
        found |= klein(rng, x, c, dtype) | above(rng, x, c, dtype)
        found = {name: np.asarray(a).astype(dtype) for name, a in found.items()}
        found["ideal"] = ideal_rows(rng, found["x"][:, 1:].astype(float)).astype(dtype)
        found["normal"] = np.where(found["v"].any(axis=1, keepdims=True), found["v"], found["u"])
        found["b"], found["zeta"] = lorentz.to_horo(found["x"], found["ideal"], c)
        return found

    return Case(name, make, c, digits, single=single, slack=slack)


def _cases():
    yield from (_case(f"generic@c={c:g}", generic, c) for c in (1.0, 1e-8, 1e3))
    yield from (_case(f"generic@R={R:g}", generic, R=R, digits=300) for R in (0.01, 10.0, 30.0))
    yield from (_case(f"far@R={R:g}", generic, R=R, digits=400) for R in (80.0,))
    yield from (_case(f"close@c={c:g}", close, c) for c in (1.0, 1e-8, 1e3))
    for R in (20.0, 50.0):
        yield from (_case(f"close@R={R:g},t={t:g}", close, R=R, t=t, digits=300) for t in (1e-3, 1e-12))
    yield _case("from_apex@R=3", from_apex)
    yield _case("from_apex@R=80", from_apex, 0.5, R=80.0, digits=400)
    yield from (_case(f"to_apex@R={R:g}", to_apex, 2.0, R=R, digits=300) for R in (3.0, 10.0, 30.0))
    for r, R in ((1, 10), (10, 1), (2, 80), (5, 20), (80, 40)):
        yield _case(f"unequal@{r:g},{R:g}", unequal, r=float(r), R=float(R), digits=400)
    yield _case("aligned", aligned, digits=300)
    for R in (10.0, 40.0, 80.0):
        yield from (_case(f"line@R={R:g},{a:g}", line, R=R, apart=a, digits=400) for a in (0.1, 5.0))
    yield _case("opposite", opposite, 3.0)
    for R in (4.0, 20.0, 80.0):
        yield from (_case(f"ideal@R={R:g},{side:+d}", ideal, 2.0, R=R, side=side, digits=400) for side in (1, -1))
    # Where squares of coordinates overflow, and float32 has no such points. Lengths are exponents there: what rounds
    # one of 700 turns into as many eps of a gradient.
    beyond = {"digits": 1500, "single": False, "slack": 10}
    for c, R in ((1.0, 700.0), (1e-8, 680.0), (1e3, 700.0)):  # so that vectors can be stored, too
        yield _case(f"beyond@c={c:g}", generic, c, R=R, **beyond)
        yield _case(f"beyond@from_apex,c={c:g}", from_apex, c, R=R, **beyond)
        yield _case(f"beyond@to_apex,c={c:g}", to_apex, c, R=R, **beyond)
    yield from (_case(f"beyond@R={R:g}", generic, 2.0, R=R, **beyond) for R in (350.0, 390.0))
    yield from (_case(f"beyond@{r:g},{R:g}", unequal, r=r, R=R, **beyond) for r, R in ((1.5, 690.0), (690.0, 1.5)))
    yield from (_case(f"beyond@{r:g},{R:g}", unequal, r=r, R=R, **beyond) for r, R in ((200.0, 690.0), (690.0, 400.0)))


CASES = list(_cases())

# The cases with points, or steps, farther than 10 from the apex; cotangents are held to 500 there.
FAR = tuple(
    case.name
    for case in CASES
    if case.name.split("@")[0] in ("far", "beyond")
    or case.name.startswith(("close@R=", "unequal@2", "unequal@5", "unequal@80", "line@R=40", "line@R=80"))
    or case.name in ("generic@R=30", "from_apex@R=80", "to_apex@R=30", "ideal@R=20,+1", "ideal@R=20,-1")
    or case.name.startswith("ideal@R=80")
)
