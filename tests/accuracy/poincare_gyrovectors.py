"""Subjects of hypergeom.poincare.gyrovectors."""

from accuracy import ball
from accuracy.harness import Subject

SUBJECTS = [Subject("poincare.mobius_add", ball.mobius_add, ("x", "y"))]
