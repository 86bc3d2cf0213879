"""Subjects of hypergeom.lorentz.hyperplanes."""

import numpy as np
from accuracy.harness import Subject
from accuracy.hyperboloid import CASES, norms, point, product, tangent
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
    """The same error in the cotangents. That of a vanishes where the geodesic from p to x has the direction of a."""
    x, p, a = (b.astype(float) for b in args)
    slope, ones = rounded_normal(args, c), np.ones(len(x))
    x_bar, p_bar, _, c_bar = lorentz.dist2plane_vjp(ones, x, p, a, c * ones)
    x_size, p_size = (norms(bar) for bar in (x_bar, p_bar))
    turn = np.sqrt(c) * slope
    return turn * x_size, turn * p_size, (1 + turn) * slope / lorentz.norm(p, a, c), turn * np.abs(c_bar)


# Far from p the rounding of the normal alone moves the plane by more than a double can say.
BEYOND = {case.name: None for case in CASES if case.name.startswith("beyond") and "from_apex" not in case.name}

SUBJECTS = [
    # The normal is tangent at x, so the plane goes through x; y is the point.
    Subject("lorentz.dist2plane", dist2plane, ("y", "x", "normal"), rounded_normal, bar_sizes, elsewhere=BEYOND),
]
