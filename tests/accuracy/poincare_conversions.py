"""Subjects of hypergeom.poincare.conversions."""

from accuracy import ball
from accuracy.harness import Subject

NOT_FLAT = {"generic@c=0": None}

SUBJECTS = [
    Subject("poincare.to_lorentz", ball.to_lorentz, ("x",), elsewhere=NOT_FLAT),
    Subject("poincare.to_klein", ball.to_klein, ("x",)),
    Subject("poincare.from_klein", ball.from_klein, ("x",)),
    Subject("poincare.to_halfspace", ball.to_halfspace, ("x",), elsewhere=NOT_FLAT),
    Subject("poincare.from_halfspace", ball.from_halfspace, ("z",), elsewhere=NOT_FLAT),
]
