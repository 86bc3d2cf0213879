"""Exceptions and warnings of hypergeom.

Bad input raises `ValueError` or `TypeError`; the exceptions here say that an algorithm failed.
"""

__all__ = [
    "AccuracyWarning",
    "CheckpointError",
    "ConvergenceError",
    "HypergeomError",
    "NotOnManifoldError",
    "UnreachableAccuracyError",
]


class HypergeomError(Exception):
    """Base class of the exceptions of hypergeom."""


class NotOnManifoldError(HypergeomError, ValueError):
    """A point or tangent vector is farther from its manifold than the tolerance."""


class UnreachableAccuracyError(HypergeomError, ValueError):
    """The requested accuracy is beyond what the algorithm can reach in this dtype."""


class ConvergenceError(HypergeomError):
    """An iteration stopped without meeting its tolerance."""


class CheckpointError(HypergeomError):
    """A checkpoint is damaged, or belongs to another run."""


class AccuracyWarning(UserWarning):
    """A result is usable, but below its usual accuracy."""
