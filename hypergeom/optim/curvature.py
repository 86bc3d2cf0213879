"""The Poincaré ball while its curvature changes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from array_api_compat import array_namespace

from hypergeom import poincare
from hypergeom._gpus import on_one_gpu
from hypergeom._rows import Array
from hypergeom.manifolds.arguments import curvature, namespace_and_arrays

__all__ = ["change_curvature"]


@on_one_gpu
def change_curvature(x: Array, c: float, c_new: float, /, *, tangents: Iterable[Array] = ()) -> tuple[Array, ...]:
    r"""Points of the ball, and tangent vectors there, for another curvature.

    A point keeps its coordinates in the tangent space of the origin, :math:`x' = \exp_0^{c'}(\log_0^c x)`, and so its
    distance from the origin. A tangent vector keeps its direction and its norm,
    :math:`v' = v (1 - c' |x'|^2) / (1 - c |x|^2)`.

    Parameters
    ----------
    x : array, shape (..., d)
        Points of the ball of curvature -c.
    c, c_new : float
        At least 0.
    tangents : sequence of array, shape (..., d)

    Returns
    -------
    x : array, shape (..., d)
    *tangents : array, shape (..., d)

    Raises
    ------
    ValueError
        A curvature is negative, or shapes do not fit.

    Notes
    -----
    On the ball this is smooth at c = 0, unlike on the hyperboloid, whose time coordinate is :math:`1 / \sqrt c`.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> from hypergeom.optim import change_curvature
    >>> x, v = np.array([0.3, 0.4]), np.array([1.0, 0.0])
    >>> y, w = change_curvature(x, 0.0, 1.0, tangents=[v])
    >>> bool(np.isclose(poincare.dist0(y, 1.0), poincare.dist0(x, 0.0)))
    True
    >>> bool(np.isclose(poincare.norm(y, w, 1.0), poincare.norm(x, v, 0.0)))
    True
    """
    c, c_new = (curvature(value, "change_curvature", flat=True) for value in (c, c_new))
    given: dict[str, Any] = {f"tangents[{k}]": v for k, v in enumerate(tangents)}
    _, (x, *vectors) = namespace_and_arrays("change_curvature", 1, x=x, **given)
    if c == c_new:
        return x, *vectors
    moved = poincare.exp0(poincare.log0(x, c), c_new)
    factor = _gap(moved, c_new) / _gap(x, c)
    return moved, *(factor * v for v in vectors)


def _gap(x: Array, c: float) -> Array:
    """1 - c |x|^2 of each row, over 2, as the functions of the ball compute it: its square makes gradients."""
    xp = array_namespace(x)
    return xp.sqrt(poincare.egrad2rgrad(x, xp.ones_like(x), c))[..., :1]
