"""Subjects of hypergeom.poincare.transports."""

from accuracy import ball
from accuracy.harness import Subject

SUBJECTS = [
    Subject("poincare.transport", ball.transport, ("x", "y", "u"), bar_sizes=ball.transport_bar_sizes),
    Subject("poincare.transport0", ball.transport0, ("y", "u")),
    Subject("poincare.transport_to0", ball.transport_to0, ("x", "u")),
]
