"""Subjects of hypergeom.lorentz.horospheres. An ideal point is the direction of the p that was stored."""

import numpy as np
from accuracy.harness import Subject
from accuracy.hyperboloid import point
from accuracy.poincare_horospheres import across
from accuracy.reverse import cosh, dot, exp, log, sinh, sqrt


def seen(x, p, c):
    x = point(x, c)
    _, t, perp = across(x[1:], p)
    return sqrt(c) * (x[0] - t), perp


def busemann(x, p, c):
    eta, _ = seen(x, p, c)
    return [log(eta) / sqrt(c)]


def to_horo(x, p, c):
    eta, perp = seen(x, p, c)
    return [log(eta) / sqrt(c), *(v / eta for v in perp)]


def from_horo(b, zeta, p, c):
    b = b[0]
    u, _, zeta = across(zeta, p)
    root = sqrt(c)
    eta, zz = exp(root * b), dot(zeta, zeta)
    lift = root * eta * zz / 2
    along = lift - sinh(root * b) / root
    return [cosh(root * b) / root + lift, *(eta * zi + along * ui for ui, zi in zip(u, zeta, strict=True))]


def radius(args, c):
    return np.full(len(args[0]), 1 / np.sqrt(c))


def exact_zeros(args, c):
    """Cotangents that are 0, at the origin for one, are not quite 0 in the truth."""
    return [np.full(len(args[0]), 1e-60)] * (len(args) + 1)


SUBJECTS = [
    Subject("lorentz.busemann", busemann, ("x", "ideal"), radius, exact_zeros),
    Subject("lorentz.to_horo", to_horo, ("x", "ideal"), radius, exact_zeros),
    Subject("lorentz.from_horo", from_horo, ("b", "zeta", "ideal"), None, exact_zeros),
]
