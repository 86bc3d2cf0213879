"""Subjects of hypergeom.poincare.metric."""

from accuracy import ball
from accuracy.harness import Subject

SUBJECTS = [
    Subject("poincare.dist", ball.dist, ("x", "y")),
    Subject("poincare.dist0", ball.dist0, ("y",)),
    Subject("poincare.egrad2rgrad", ball.egrad2rgrad, ("x", "v")),
]
