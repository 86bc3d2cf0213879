"""Subjects of hypergeom.lorentz.hyperplanes."""

import numpy as np
from accuracy.harness import Subject
from accuracy.hyperboloid import point, product, tangent
from accuracy.reverse import asinh, sqrt

from hypergeom import lorentz


def dist2plane(x, p, a, c):
    p = point(p, c)
    a = tangent(p, a)
    return [asinh(sqrt(c) * product(a, point(x, c)) / sqrt(product(a, a))) / sqrt(c)]


def rounded_normal(args, c):
    """What an error of size 1 of the unit normal does to the distance."""
    x, p, a = (b.astype(float) for b in args)
    root = np.sqrt(c)
    return np.sinh(root * lorentz.dist(x, p, c)) / (root * np.cosh(root * lorentz.dist2plane(x, p, a, c)))


def bar_sizes(args, c):
    """The cotangent of the normal a vanishes where the geodesic from p to x has the direction of a."""
    slope = rounded_normal(args, c)
    return 0 * slope, 0 * slope, slope / lorentz.norm(args[1], args[2], c), 0 * slope


SUBJECTS = [
    # v is tangent at x, so the plane goes through x; y is the point.
    Subject("lorentz.dist2plane", dist2plane, ("y", "x", "v"), rounded_normal, bar_sizes),
]
