"""Subjects of hypergeom.lorentz.transports."""

import numpy as np
from accuracy import hyperboloid
from accuracy.harness import Bars, Subject

from hypergeom import lorentz


def spread(args, c):
    """Two eps of the length of the step, as in `exp`, move the endpoint and turn the image."""
    x, v, u = (a.astype(float) for a in args)
    end, _ = lorentz.exp_transport(x, v, u, c)
    grown = 1 + np.sqrt(c) * lorentz.norm(x, v, c) / 4
    time = lorentz.time(end[:, 1:], c)
    return grown * time, grown * np.sqrt(c) * time * lorentz.norm(x, u, c)


def longest(args, c):
    """How long in coordinates a vector of the length of v can be at y: along y it is cosh R times as long as across."""
    x, y, v = (a.astype(float) for a in args)
    return np.sqrt(c) * y[:, 0] * lorentz.norm(x, v, c)


def lifted(args, c):
    """What transport from the apex does to the part of v along y: an eps of v across y counts as much."""
    y, v = (a.astype(float) for a in args)
    return np.sqrt(c) * y[:, 0] * hyperboloid.norms(v[:, 1:])


FAR = dict.fromkeys(hyperboloid.FAR, Bars(10, 500))
LINE = {"line": Bars(10)}  # of unequal radii as well

SUBJECTS = [
    Subject(
        "lorentz.transport", hyperboloid.transport, ("x", "y", "v"), longest, elsewhere=FAR | LINE, homogeneous=True
    ),
    Subject("lorentz.transport0", hyperboloid.transport0, ("y", "v0"), lifted),
    Subject("lorentz.transport_to0", hyperboloid.transport_to0, ("x", "v")),
    Subject(
        "lorentz.exp_transport", hyperboloid.exp_transport, ("x", "v", "u"), spread, elsewhere=FAR, homogeneous=True
    ),
]
