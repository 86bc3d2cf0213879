"""Subjects of hypergeom.poincare.conversions."""

from accuracy import ball
from accuracy.harness import Subject

SUBJECTS = [Subject("poincare.to_lorentz", ball.to_lorentz, ("x",), elsewhere={"generic@c=0": None})]
