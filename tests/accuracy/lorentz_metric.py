"""Subjects of hypergeom.lorentz.metric."""

from accuracy import hyperboloid
from accuracy.harness import Subject

SUBJECTS = [Subject("lorentz.dist", hyperboloid.dist, ("x", "y"))]
