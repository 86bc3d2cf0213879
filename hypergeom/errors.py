"""Exceptions and warnings of hypergeom.

Bad input raises `ValueError` or `TypeError`; the exceptions here say that an algorithm failed.
"""

import math
from typing import Any

import numpy as np

__all__ = [
    "AccuracyWarning",
    "CheckError",
    "CheckpointError",
    "ConvergenceError",
    "DivergenceError",
    "HypergeomError",
    "NoJPolarError",
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


class ConvergenceError(HypergeomError, np.linalg.LinAlgError):
    """An iteration stopped without meeting its tolerance."""


class DivergenceError(ConvergenceError):
    """The cost or the gradient of an optimizer is not finite any more.

    Attributes
    ----------
    nit : int
        Iterations done.
    x : array, or tree of arrays
        The last iterate with a finite cost and gradient.
    advice : str
        What may help.

    Examples
    --------
    >>> from hypergeom.errors import DivergenceError
    >>> DivergenceError(12, None, "take a smaller lr")
    DivergenceError('diverged after iteration 12: take a smaller lr')
    """

    def __init__(self, nit: int, x: Any, advice: str) -> None:
        super().__init__(nit, x, advice)
        self.nit, self.x, self.advice = nit, x, advice

    def __str__(self) -> str:
        return f"diverged after iteration {self.nit}: {self.advice}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class NoJPolarError(HypergeomError, np.linalg.LinAlgError):
    """A matrix has no J-polar factor: it is singular, or A* A has an eigenvalue on the closed negative real axis.

    Attributes
    ----------
    diagnosis : str
        What stands in the way, such as "singular".
    index : tuple of int
        The matrix in its batch; empty for a single one.
    eigenvalue : complex or None
        The eigenvalue of A* A that stands in the way.

    Examples
    --------
    >>> from hypergeom.errors import NoJPolarError
    >>> NoJPolarError("singular", (3,))
    NoJPolarError('no J-polar factor at index (3,): singular')
    """

    def __init__(self, diagnosis: str, index: tuple[int, ...] = (), eigenvalue: complex | None = None) -> None:
        super().__init__(diagnosis, index, eigenvalue)
        self.diagnosis, self.index, self.eigenvalue = diagnosis, index, eigenvalue

    def __str__(self) -> str:
        where = f" at index {self.index}" if self.index else ""
        return f"no J-polar factor{where}: {self.diagnosis}"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"


class CheckpointError(HypergeomError):
    """A checkpoint is damaged, or belongs to another run."""


class CheckError(HypergeomError, AssertionError):
    """A check of `hypergeom.check` did not pass; the message is its table."""


class AccuracyWarning(UserWarning):
    """A result is usable, but below its usual accuracy."""
