"""Subjects of hypergeom.lorentz.conversions."""

from accuracy import hyperboloid
from accuracy.harness import Subject

SUBJECTS = [
    Subject("lorentz.to_poincare", hyperboloid.to_poincare, ("x",)),
    Subject("lorentz.to_klein", hyperboloid.to_klein, ("x",)),
    Subject("lorentz.from_klein", hyperboloid.from_klein, ("k",)),
    Subject("lorentz.to_halfspace", hyperboloid.to_halfspace, ("x",)),
    Subject("lorentz.from_halfspace", hyperboloid.from_halfspace, ("z",)),
]
