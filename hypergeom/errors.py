"""Exceptions and warnings of hypergeom.

Bad input raises `ValueError` or `TypeError`; the exceptions here say that an algorithm failed.
"""

import math

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
    """A point or tangent vector is farther from its manifold than the tolerance.

    Attributes
    ----------
    what : str
        What it should have been, such as "a point of the unit sphere".
    index : tuple of int
        The worst row; empty for a single point. For a product, the number of the factor comes first.
    residual : float
        How far that row is off, relative to its size.
    tolerance : float
        What was allowed.

    Examples
    --------
    >>> from hypergeom.errors import NotOnManifoldError
    >>> NotOnManifoldError("a point of the unit sphere", (3,), 0.25, 1e-14)
    NotOnManifoldError('not a point of the unit sphere at index (3,): residual 0.25 above the tolerance 1e-14')
    """

    def __init__(
        self, what: str, index: tuple[int, ...] = (), residual: float = math.inf, tolerance: float = 0.0
    ) -> None:
        super().__init__(what, index, residual, tolerance)
        self.what, self.index, self.residual, self.tolerance = what, index, residual, tolerance

    def __str__(self) -> str:
        where = f" at index {self.index}" if self.index else ""
        return f"not {self.what}{where}: residual {self.residual:.3g} above the tolerance {self.tolerance:.3g}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class UnreachableAccuracyError(HypergeomError, ValueError):
    """The requested accuracy is beyond what the algorithm can reach in this dtype."""


class ConvergenceError(HypergeomError):
    """An iteration stopped without meeting its tolerance."""


class CheckpointError(HypergeomError):
    """A checkpoint is damaged, or belongs to another run."""


class AccuracyWarning(UserWarning):
    """A result is usable, but below its usual accuracy."""
