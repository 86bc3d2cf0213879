"""Subjects of hypergeom.poincare.horospheres. An ideal point is the direction of the p that was stored."""

import numpy as np
from accuracy.ball import gap, times
from accuracy.harness import Bars, Subject
from accuracy.reverse import cosh, dot, exp, log, norm, sinh, sqrt


def across(x, p):
    """The unit vector u of p, x.u, and x - (x.u) u."""
    u = times(1 / norm(p), p)
    t = dot(x, u)
    return u, t, [xi - t * ui for xi, ui in zip(x, u, strict=True)]


def squared_distance(x, u, c):
    e = [ui - sqrt(c) * xi for xi, ui in zip(x, u, strict=True)]
    return dot(e, e)


def busemann(x, p, c):
    u, t, _ = across(x, p)
    return [-2 * t if c == 0 else log(squared_distance(x, u, c) / gap(x, c)) / sqrt(c)]


def to_horo(x, p, c):
    u, _, perp = across(x, p)
    return busemann(x, p, c) + times(2 / squared_distance(x, u, c), perp)


def from_horo(b, zeta, p, c):
    b = b[0]
    u, _, zeta = across(zeta, p)
    if c == 0:
        return [(zi - b * ui) / 2 for ui, zi in zip(u, zeta, strict=True)]
    root = sqrt(c)
    eta, zz = exp(root * b), dot(zeta, zeta)
    along, h = root * eta * zz / 2 - sinh(root * b) / root, cosh(root * b) + c * eta * zz / 2
    return [(eta * zi + along * ui) / (1 + h) for ui, zi in zip(u, zeta, strict=True)]


def radius(args, c):
    """The Busemann function has the accuracy of the distance from the origin, or of the radius of curvature."""
    return np.full(len(args[0]), 1 / np.sqrt(c)) if c else 2 * np.linalg.norm(args[0], axis=-1)


# At c = 0 the functions run like sqrt(c) and have no derivative in c.
FLAT = {"generic@c=0": Bars(c_bar=np.inf)}


def exact_zeros(args, c):
    """Cotangents that are 0, at the origin for one, are not quite 0 in the truth."""
    return [np.full(len(args[0]), 1e-60)] * (len(args) + 1)


SUBJECTS = [
    Subject("poincare.busemann", busemann, ("x", "ideal"), radius, exact_zeros, elsewhere=FLAT),
    Subject("poincare.to_horo", to_horo, ("x", "ideal"), radius, exact_zeros, elsewhere=FLAT),
    Subject("poincare.from_horo", from_horo, ("b", "zeta", "ideal"), None, exact_zeros, elsewhere=FLAT),
]
