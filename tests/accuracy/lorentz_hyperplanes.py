"""Subjects of hypergeom.lorentz.hyperplanes."""

from accuracy import hyperboloid
from accuracy.harness import Subject

SUBJECTS = [
    # v is tangent at x, so the plane goes through x; y is the point.
    Subject(
        "lorentz.dist2plane",
        hyperboloid.dist2plane,
        ("y", "x", "v"),
        hyperboloid.rounded_normal,
        hyperboloid.hyperplane_bar_sizes,
    ),
]
