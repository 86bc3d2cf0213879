"""Volumes in hyperbolic space: of balls and spheres, and how many small balls cover a large one."""

from __future__ import annotations

import math
import numbers
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hypergeom._results import Result

__all__ = ["CoveringBounds", "ball_volume", "covering_bounds", "sphere_area"]

Values = Any  # a float64 number or array of NumPy


@dataclass(frozen=True)
class CoveringBounds(Result):
    """Result of `covering_bounds`.

    Attributes
    ----------
    log_lower, log_upper : float or array
        Natural logarithms of the bounds.
    """

    log_lower: Values
    log_upper: Values


def ball_volume(R: npt.ArrayLike, d: int, /, c: npt.ArrayLike = 1.0, *, log: bool = False) -> Values:
    r"""Volume of a geodesic ball.

    .. math:: V(R) = \frac{2 \pi^{d/2}}{\Gamma(d/2)} \int_0^R \Bigl(\frac{\sinh \sqrt c t}{\sqrt c}\Bigr)^{d-1} dt

    [1]_. It grows like :math:`e^{(d - 1) \sqrt c R}`.

    Parameters
    ----------
    R : float or array_like
        Radius, at least 0.
    d : int
        Dimension of the space, at least 1.
    c : float or array_like
        Curvature -c, at least 0: at 0 the space is flat. Broadcasts against R.
    log : bool
        Return the natural logarithm, which does not overflow.

    Returns
    -------
    float or array
        NaN for a negative radius, or an entry of an array `c` that is negative or not finite.

    Raises
    ------
    ValueError
        If `d` is below 1, or `c` is a number that is negative, NaN or infinite.
    TypeError
        If `d` is not an integer, or `R` or `c` is not real.

    References
    ----------
    .. [1] J. G. Ratcliffe, *Foundations of Hyperbolic Manifolds*, 2nd ed., Springer 2006, section 3.4.

    Examples
    --------
    >>> from hypergeom.manifolds import ball_volume
    >>> ball_volume(1.0, 2).round(6)  # 4 pi sinh(1/2)^2
    np.float64(3.412276)
    >>> ball_volume(1e4, 3, log=True).round(3)
    np.float64(20000.452)
    """
    R, c = _radius_and_curvature("ball_volume", R, d, c)
    # The integral is R J / z times the integrand at R, z = sqrt(c) R.
    mean = _mean_power(np.sqrt(c) * R, d - 1)
    return _times_sphere(R, d, c, d, mean, log)


def sphere_area(R: npt.ArrayLike, d: int, /, c: npt.ArrayLike = 1.0, *, log: bool = False) -> Values:
    r"""Area of the boundary of a geodesic ball, :math:`\frac{2 \pi^{d/2}}{\Gamma(d/2)} (\sinh(\sqrt c R) / \sqrt
    c)^{d-1}`: the derivative of `ball_volume` in R, with its parameters.

    Examples
    --------
    >>> from hypergeom.manifolds import sphere_area
    >>> sphere_area(1.0, 2).round(6)  # 2 pi sinh(1)
    np.float64(7.384007)
    """
    R, c = _radius_and_curvature("sphere_area", R, d, c)
    return _times_sphere(R, d, c, d - 1, np.ones_like(R), log)


def covering_bounds(R: npt.ArrayLike, r: npt.ArrayLike, d: int, /, c: npt.ArrayLike = 1.0) -> CoveringBounds:
    r"""Bounds of the least number N of balls of radius r that cover a ball of radius R.

    .. math:: \frac{V(R)}{V(r)} \le N \le \frac{V(R + r/2)}{V(r/2)}

    The balls must have the volume of what they cover; and balls of radius r/2 about points of the large ball that are
    r apart from each other do not overlap [1]_.

    Parameters
    ----------
    R, r : float or array_like
        Radii, above 0.
    d, c
        As in `ball_volume`, and so are the errors.

    Returns
    -------
    CoveringBounds
        The lower bound is at least log 1 = 0.

    References
    ----------
    .. [1] R. Vershynin, *High-Dimensional Probability*, Cambridge University Press 2018, section 4.2.

    Examples
    --------
    >>> from hypergeom.manifolds import covering_bounds
    >>> lower, upper = covering_bounds(10.0, 1.0, 2)
    >>> lower.round(3), upper.round(3)
    (np.float64(9.917), np.float64(11.865))
    """
    R, c = _radius_and_curvature("covering_bounds", R, d, c)
    r, c = _radius_and_curvature("covering_bounds", r, d, c)
    R, r = (np.where(a > 0, a, np.nan) for a in (R, r))
    half = r / 2
    upper = ball_volume(R + half, d, c, log=True) - ball_volume(half, d, c, log=True)
    lower = np.maximum(ball_volume(R, d, c, log=True) - ball_volume(r, d, c, log=True), 0.0)
    return CoveringBounds(lower[()], upper[()])


def _radius_and_curvature(where: str, R: Any, d: Any, c: Any) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    if isinstance(d, bool) or not isinstance(d, numbers.Integral):
        raise TypeError(f"{where}: d must be an integer, got {d!r}")
    if d < 1:
        raise ValueError(f"{where}: d must be at least 1, got {d}")
    R, c = np.asarray(R), np.asarray(c)
    for name, a in (("the radius", R), ("c", c)):
        if a.dtype.kind not in "iuf":
            raise TypeError(f"{where}: {name} must be real, got {a.dtype}")
    if c.ndim == 0 and not 0 <= c < math.inf:
        raise ValueError(f"{where}: c must be at least 0 and finite, got {c}")
    R, c = np.broadcast_arrays(R.astype(np.float64), c.astype(np.float64))
    return np.where(R >= 0, R, np.nan), np.where((c >= 0) & (c < math.inf), c, np.nan)


def _times_sphere(R: Any, d: int, c: Any, power: int, factor: Any, log: bool) -> Values:
    """Area of the unit sphere times R^power (sinh z / z)^(d - 1) times the factor, z = sqrt(c) R."""
    z = np.sqrt(c) * R
    log_area = math.log(2) + d / 2 * math.log(math.pi) - math.lgamma(d / 2)
    area = 2 * math.pi ** (d / 2) / math.gamma(d / 2) if d <= 300 else math.exp(log_area)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore", under="ignore"):
        # log(sinh z / z) without overflow, and its digits for small z
        large = z > 1
        square = np.where(large, 0, z) ** 2
        log_ratio = np.where(
            large,
            z + np.log1p(-np.exp(-2 * np.where(large, z, 1))) - np.log(2 * np.where(large, z, 1)),
            np.log1p(square * _sinh_excess(square)),
        )
        logarithm = log_area + np.where(power, power * np.log(R), 0.0) + (d - 1) * log_ratio + np.log(factor)
        if log:
            return logarithm[()]
        ratio = np.where(large, np.sinh(z) / np.where(z > 0, z, 1), 1 + square * _sinh_excess(square))
        direct = area * factor * R**power * ratio ** (d - 1)
        normal = (direct > 1e-290) & (direct < 1e290)  # else a factor may have left the range of float64
        return np.where(normal, direct, np.exp(logarithm))[()]


def _sinh_excess(square: Any) -> Any:
    """(sinh z / z - 1) / z^2 for z <= 1"""
    total = np.zeros_like(square)
    for k in range(10, 0, -1):
        total = total * square + 1 / math.factorial(2 * k + 1)
    return total


def _mean_power(z: Any, n: int) -> Any:
    r""":math:`\int_0^z \sinh^n t\, dt / (z \sinh^n z)`, which is 1 / (n + 1) at z = 0."""
    small = z <= 1.5
    return np.where(small, _mean_by_series(np.where(small, z, 0), n), _mean_by_parts(np.where(small, 2, z), n))


def _mean_by_series(z: Any, n: int) -> Any:
    """tanh(z) / (z (n + 1)) times 2F1(1/2, 1; (n + 3)/2; tanh(z)^2), a sum of positive terms."""
    t = np.tanh(z)
    square, term, total = t * t, np.ones_like(z), np.ones_like(z)
    for k in range(230):  # tanh(1.5)^460 < eps
        term = term * square * ((k + 0.5) / (k + (n + 3) / 2))
        total = total + term
    return np.where(z > 0, t / np.where(z > 0, z, 1), 1.0) * total / (n + 1)


def _mean_by_parts(z: Any, n: int) -> Any:
    """J_n = coth(z) / n - (n - 1) / (n sinh(z)^2) J_{n-2}, which damps errors while sinh(z) > 1."""
    decay = np.exp(-2 * z)
    inverse_square = 4 * decay / (1 - decay) ** 2
    J = np.tanh(z / 2) if n % 2 else z
    for k in range(2 + n % 2, n + 1, 2):
        J = 1 / np.tanh(z) / k - (k - 1) / k * inverse_square * J
    return J / z
