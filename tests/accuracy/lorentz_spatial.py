"""Subjects of hypergeom.lorentz.spatial."""

import numpy as np
from accuracy import hyperboloid
from accuracy.harness import Subject


def length_of_u(args, c):
    """Both add to u what may cancel it."""
    return np.linalg.norm(args[1].astype(float), axis=-1)


SUBJECTS = [
    Subject("lorentz.project_tangent", hyperboloid.project_tangent, ("x", "g"), length_of_u, vjp=False),
    Subject("lorentz.egrad2rgrad", hyperboloid.egrad2rgrad, ("x", "g"), length_of_u),
    Subject("lorentz.time", hyperboloid.time, ("xs",)),
    Subject("lorentz.from_spatial", hyperboloid.from_spatial, ("xs",)),
    Subject("lorentz.tangent_from_spatial", hyperboloid.tangent_from_spatial, ("x", "vs")),
]
