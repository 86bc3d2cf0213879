"""Subjects of hypergeom.lorentz.metric."""

from accuracy import hyperboloid
from accuracy.harness import Bars, Subject

from hypergeom import lorentz


def lengths(args, c):
    """An inner product may cancel: its error is relative to the lengths of its vectors."""
    x, u, v = (a.astype(float) for a in args)
    return lorentz.norm(x, u, c) * lorentz.norm(x, v, c)


SUBJECTS = [
    Subject("lorentz.dist", hyperboloid.dist, ("x", "y")),
    Subject("lorentz.dist0", hyperboloid.dist0, ("y",)),
    Subject("lorentz.sqdist", hyperboloid.sqdist, ("x", "y"), bars=Bars(16)),  # of squares: twice the error
    Subject("lorentz.chord2", hyperboloid.chord2, ("x", "y"), bars=Bars(16)),
    Subject("lorentz.inner", hyperboloid.inner, ("x", "u", "v"), lengths),
    Subject("lorentz.norm", hyperboloid.tangent_norm, ("x", "v")),
]
