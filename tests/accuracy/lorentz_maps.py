"""Subjects of hypergeom.lorentz.maps."""

from accuracy import hyperboloid
from accuracy.harness import Subject

SUBJECTS = [
    Subject("lorentz.exp", hyperboloid.exp, ("x", "v"), hyperboloid.larger_of_x),
    Subject("lorentz.log", hyperboloid.log, ("x", "y")),
]
