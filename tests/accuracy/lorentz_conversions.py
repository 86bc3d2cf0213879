"""Subjects of hypergeom.lorentz.conversions."""

from accuracy import hyperboloid
from accuracy.harness import Subject

SUBJECTS = [Subject("lorentz.to_poincare", hyperboloid.to_poincare, ("x",))]
