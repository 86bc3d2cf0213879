"""Subjects of hypergeom.lorentz.boosts."""

from accuracy import hyperboloid
from accuracy.harness import Subject

SUBJECTS = [
    Subject("lorentz.boost", hyperboloid.boost, ("x", "y")),
    Subject("lorentz.boost_to0", hyperboloid.boost_to0, ("x", "y")),
]
