"""How the checks of the manifolds raise."""

from __future__ import annotations

import numpy as np
from array_api_compat import array_namespace

from hypergeom._rows import Array
from hypergeom.errors import NotOnManifoldError

__all__ = ["raise_worst"]

_TOLERANCE_IN_EPS = 64


def raise_worst(what: str, residual: Array, atol: float | None, default: float | None = None) -> None:
    """Raise `NotOnManifoldError` for the row with the largest residual, if that is above the tolerance.

    The tolerance is `atol`, else `default`, else 64 eps of the dtype; NaN counts as infinite.
    """
    xp = array_namespace(residual)
    if atol is None:
        atol = _TOLERANCE_IN_EPS * float(xp.finfo(residual.dtype).eps) if default is None else default
    elif not atol >= 0:
        raise ValueError(f"atol must be at least 0, got {atol!r}")
    flat = xp.reshape(xp.where(xp.isnan(residual), xp.full_like(residual, xp.inf), residual), (-1,))
    if flat.shape[0] == 0:
        return
    worst = int(xp.argmax(flat))
    if float(flat[worst]) > atol:
        index = tuple(int(i) for i in np.unravel_index(worst, tuple(residual.shape)))
        raise NotOnManifoldError(what, index, float(flat[worst]), float(atol))
