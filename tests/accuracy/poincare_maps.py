"""Subjects of hypergeom.poincare.maps."""

from accuracy import ball
from accuracy.harness import Bars, Subject

SUBJECTS = [
    # The tangent's length is rounded before its exponential, which multiplies by the log of the gap.
    Subject("poincare.exp", ball.exp, ("x", "v"), ball.larger_of_x, elsewhere={"inward": Bars(24)}),
    Subject("poincare.exp0", ball.exp0, ("v",)),
    Subject("poincare.log", ball.log, ("x", "y")),
    Subject("poincare.log0", ball.log0, ("y",)),
]
