"""Subjects of hypergeom.lorentz.tangent_conversions: the truth is the derivative of the map of points."""

from accuracy import hyperboloid
from accuracy.harness import Subject
from accuracy.reverse import differential

SUBJECTS = [
    Subject("lorentz.to_poincare_tangent", differential(hyperboloid.to_poincare), ("x", "v")),
    Subject("lorentz.to_klein_tangent", differential(hyperboloid.to_klein), ("x", "v")),
    Subject("lorentz.from_klein_tangent", differential(hyperboloid.from_klein), ("k", "uk")),
    Subject("lorentz.to_halfspace_tangent", differential(hyperboloid.to_halfspace), ("x", "v")),
    Subject("lorentz.from_halfspace_tangent", differential(hyperboloid.from_halfspace), ("z", "uz")),
]
