"""Subjects of hypergeom.lorentz.maps."""

import numpy as np
from accuracy import hyperboloid
from accuracy.harness import Bars, Subject

from hypergeom import lorentz


def spread(end, r, c):
    """What one eps of the length r of a step moves its end by, eight times that for the bars of 8."""
    time = np.sqrt(1 / c + np.sum(end[:, 1:] ** 2, axis=1))
    return (1 + r / 8) * time


def of_exp(args, c):
    x, v = (a.astype(float) for a in args)
    return spread(lorentz.exp(x, v, c), np.sqrt(c) * lorentz.norm(x, v, c), c)


def of_exp0(args, c):
    (v,) = (a.astype(float) for a in args)
    return spread(lorentz.exp0(v, c), np.sqrt(c) * np.linalg.norm(v[:, 1:], axis=1), c)


def of_retract(args, c):
    x, v = (a.astype(float) for a in args)
    return spread(lorentz.retract(x, v, c), 0, c)


SUBJECTS = [
    Subject("lorentz.exp", hyperboloid.exp, ("x", "v"), of_exp),
    Subject("lorentz.exp0", hyperboloid.exp0, ("v",), of_exp0),
    Subject("lorentz.log", hyperboloid.log, ("x", "y")),
    Subject("lorentz.log0", hyperboloid.log0, ("y",)),
    Subject("lorentz.retract", hyperboloid.retract, ("x", "v"), of_retract),
    Subject("lorentz.geodesic", hyperboloid.geodesic, ("x", "y", "t")),
]
