"""Subjects of hypergeom.poincare.hyperplanes."""

from accuracy import ball
from accuracy.harness import Subject

SUBJECTS = [
    # v is tangent at x, so the plane goes through x; y is the point.
    Subject("poincare.dist2plane", ball.dist2plane, ("y", "x", "v"), ball.rounded_normal, ball.hyperplane_bar_sizes),
]
