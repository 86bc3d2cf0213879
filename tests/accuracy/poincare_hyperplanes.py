"""Subjects of hypergeom.poincare.hyperplanes."""

import numpy as np
from accuracy.ball import gap, minus, mobius_add
from accuracy.harness import Subject
from accuracy.reverse import asinh, dot, norm, sqrt

from hypergeom import poincare


def dist2plane(x, p, a, c):
    """By Möbius addition, as Ganea, Bécigneul and Hofmann (2018) have it."""
    w = mobius_add(minus(p), x, c)
    s = 2 * dot(w, a) / (gap(w, c) * norm(a))
    return [s if c == 0 else asinh(sqrt(c) * s) / sqrt(c)]


def rounded_normal(args, c):
    """What an error of size 1 of the unit normal does to the distance."""
    x, p, a = (b.astype(float) for b in args)
    length = poincare.dist(x, p, c)
    root = np.sqrt(c)
    return np.sinh(root * length) / (root * np.cosh(root * poincare.dist2plane(x, p, a, c))) if c else length


def bar_sizes(args, c):
    """The same error in the cotangents. That of a vanishes where the geodesic from p to x has the direction of a."""
    x, p, a = (b.astype(float) for b in args)
    slope, ones = rounded_normal(args, c), np.ones(len(x))
    x_bar, p_bar, _, c_bar = poincare.dist2plane_vjp(ones, x, p, a, c * ones)
    x_size, p_size = (np.linalg.norm(bar, axis=-1) for bar in (x_bar, p_bar))
    turn = np.sqrt(c) * slope
    return turn * x_size, turn * p_size, (1 + turn) * slope / np.linalg.norm(a, axis=-1), turn * np.abs(c_bar)


SUBJECTS = [
    # The normal is tangent at x, so the plane goes through x; y is the point.
    Subject("poincare.dist2plane", dist2plane, ("y", "x", "normal"), rounded_normal, bar_sizes),
]
