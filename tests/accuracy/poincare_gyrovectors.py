"""Subjects of hypergeom.poincare.gyrovectors."""

from accuracy import ball
from accuracy.harness import Subject

SUBJECTS = [
    Subject("poincare.mobius_add", ball.mobius_add, ("x", "y")),
    Subject("poincare.mobius_sub", ball.mobius_sub, ("x", "y")),
    Subject("poincare.mobius_scalar", ball.mobius_scalar, ("t", "x")),
    Subject("poincare.gyration", ball.gyration, ("x", "y", "w"), bar_sizes=ball.gyration_bar_sizes),
]
