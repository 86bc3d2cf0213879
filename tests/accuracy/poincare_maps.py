"""Subjects of hypergeom.poincare.maps."""

from accuracy import ball
from accuracy.harness import Subject

SUBJECTS = [
    Subject("poincare.exp", ball.exp, ("x", "v"), ball.larger_of_x),
    Subject("poincare.exp0", ball.exp0, ("v",)),
    Subject("poincare.log", ball.log, ("x", "y")),
    Subject("poincare.log0", ball.log0, ("y",)),
    Subject("poincare.retract", ball.retract, ("x", "v"), ball.larger_of_x),
    Subject("poincare.geodesic", ball.geodesic, ("x", "y", "t"), ball.larger_of_x, ball.geodesic_bar_sizes),
]
