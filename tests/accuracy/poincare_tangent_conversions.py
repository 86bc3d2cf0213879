"""Subjects of hypergeom.poincare.tangent_conversions: the truth is the derivative of the map of points."""

from accuracy import ball
from accuracy.harness import Subject
from accuracy.reverse import differential

NOT_FLAT = {"generic@c=0": None}

SUBJECTS = [
    Subject("poincare.to_lorentz_tangent", differential(ball.to_lorentz), ("x", "v"), elsewhere=NOT_FLAT),
    Subject("poincare.to_klein_tangent", differential(ball.to_klein), ("x", "v")),
    Subject("poincare.from_klein_tangent", differential(ball.from_klein), ("x", "v")),
    Subject("poincare.to_halfspace_tangent", differential(ball.to_halfspace), ("x", "v"), elsewhere=NOT_FLAT),
    Subject("poincare.from_halfspace_tangent", differential(ball.from_halfspace), ("z", "uz"), elsewhere=NOT_FLAT),
]
