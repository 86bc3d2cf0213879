"""Subjects of hypergeom.lorentz.metric."""

from accuracy import hyperboloid
from accuracy.harness import Bars, Subject

from hypergeom import lorentz


def lengths(args, c):
    """An inner product may cancel: its error is relative to the lengths of its vectors."""
    x, u, v = (a.astype(float) for a in args)
    return lorentz.norm(x, u, c) * lorentz.norm(x, v, c)


# A square has twice the relative error of the distance, which 128 plain summands bring to 5 eps.
OF_SQUARES = Bars(16)

SUBJECTS = [
    Subject("lorentz.dist", hyperboloid.dist, ("x", "y")),
    Subject("lorentz.dist0", hyperboloid.dist0, ("y",)),
    Subject("lorentz.sqdist", hyperboloid.sqdist, ("x", "y"), bars=OF_SQUARES),
    Subject("lorentz.chord2", hyperboloid.chord2, ("x", "y"), bars=OF_SQUARES),
    Subject("lorentz.inner", hyperboloid.inner, ("x", "u", "v"), lengths),
    Subject("lorentz.norm", hyperboloid.tangent_norm, ("x", "v")),
]
