"""Checks of derivatives that were written by hand, before an optimizer trusts them.

`check_gradient` compares a gradient with the cost on any manifold, and `check_vjp` a vector-Jacobian product with its
function. They find relative errors of a millionth, say in which argument, and show their tables.
"""

from hypergeom.check.gradients import GradientCheck, check_gradient
from hypergeom.check.vjps import VJPCheck, check_vjp

__all__ = ["GradientCheck", "VJPCheck", "check_gradient", "check_vjp"]
