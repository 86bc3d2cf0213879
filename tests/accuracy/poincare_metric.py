"""Subjects of hypergeom.poincare.metric."""

from accuracy import ball
from accuracy.harness import Subject

SUBJECTS = [
    Subject("poincare.dist", ball.dist, ("x", "y")),
    Subject("poincare.dist0", ball.dist0, ("y",)),
    Subject("poincare.egrad2rgrad", ball.egrad2rgrad, ("x", "v")),
    Subject("poincare.inner", ball.inner, ("x", "u", "v")),
    Subject("poincare.norm", ball.tangent_norm, ("x", "v")),
    Subject("poincare.conformal_factor", ball.conformal_factor, ("x",)),
]
