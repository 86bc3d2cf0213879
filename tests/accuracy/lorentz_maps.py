"""Subjects of hypergeom.lorentz.maps."""

import numpy as np
from accuracy import hyperboloid
from accuracy.harness import Bars, Subject

from hypergeom import lorentz


def spread(end, r, c):
    """How far the end of a step goes when its length is off by r eps; where it is short, eight eps of the end."""
    return (1 + r / 8) * lorentz.time(end[:, 1:], c)


def of_exp(args, c):
    """The part of v across x is rounded as well as its length: two eps of that."""
    x, v = (a.astype(float) for a in args)
    return spread(lorentz.exp(x, v, c), 2 * np.sqrt(c) * lorentz.norm(x, v, c), c)


def of_exp0(args, c):
    (v,) = (a.astype(float) for a in args)
    return spread(lorentz.exp0(v, c), np.sqrt(c) * hyperboloid.norms(v[:, 1:]), c)


def of_geodesic(args, c):
    """Beyond its ends a geodesic is a difference: what eps of x, y and two of the distance move it by."""
    x, y, t = (a.astype(float) for a in args)
    theta = np.sqrt(c) * lorentz.dist(x, y, c)
    lengths = [hyperboloid.norms(p[:, 1:]) for p in (x, y)]
    terms = [
        np.exp((s - 1) * theta) * np.expm1(-2 * s * theta) / np.expm1(-2 * theta) * length
        for s, length in zip((np.abs(1 - t), np.abs(t)), lengths, strict=True)
    ]
    return (1 + (np.abs(t) + 1) * theta / 4) * (terms[0] + terms[1])


def of_retract(args, c):
    x, v = (a.astype(float) for a in args)
    return spread(lorentz.retract(x, v, c), 0, c)


FAR = dict.fromkeys(hyperboloid.FAR, Bars(8, 500))

SUBJECTS = [
    Subject("lorentz.exp", hyperboloid.exp, ("x", "v"), of_exp, elsewhere=FAR),
    Subject(
        "lorentz.exp0", hyperboloid.exp0, ("v0",), of_exp0, bars=Bars(4), elsewhere=dict.fromkeys(FAR, Bars(4, 500))
    ),
    Subject("lorentz.log", hyperboloid.log, ("x", "y"), bars=Bars(10), elsewhere=dict.fromkeys(FAR, Bars(10, 500))),
    Subject("lorentz.log0", hyperboloid.log0, ("y",)),
    Subject("lorentz.retract", hyperboloid.retract, ("x", "v"), of_retract),
    Subject("lorentz.geodesic", hyperboloid.geodesic, ("x", "y", "t"), of_geodesic, elsewhere=FAR),
]
