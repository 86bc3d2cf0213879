"""Random points of the hyperboloid, and the density of the wrapped normal distribution."""

from __future__ import annotations

import math
from typing import Any

import array_api_compat
import numpy as np
from array_api_compat import array_namespace

from hypergeom import _distributions as shared
from hypergeom._gpus import on_one_gpu
from hypergeom._rows import Array, Curvature
from hypergeom.lorentz.maps import exp, exp0, log, log_vjp
from hypergeom.lorentz.transports import transport0, transport_to0, transport_to0_vjp

__all__ = ["random_normal", "random_uniform", "wrapped_normal_logpdf", "wrapped_normal_logpdf_vjp"]


def random_uniform(
    shape: int | tuple[int, ...],
    d: int,
    /,
    c: float = 1.0,
    *,
    R: float,
    rng: int | np.random.Generator | None = None,
    dtype: Any = np.float64,
) -> Any:
    r"""Points that are uniform, by the volume of the space, in the ball of radius R about the apex.

    Their distances from the apex have the density :math:`\sinh^{d-1}(\sqrt c\, r)`, and are drawn exactly: from the
    inverse of the distribution function for d = 2, else by rejection.

    Parameters
    ----------
    shape : int or tuple of int
        How many points.
    d : int
        Dimension of the space.
    c : float
        Curvature -c, above 0.
    R : float
        Radius, a distance.
    rng : int or numpy.random.Generator, optional
        Seed or generator.
    dtype : dtype
        float64 or float32.

    Returns
    -------
    numpy.ndarray, shape (..., d + 1)
        Time coordinate first.

    Raises
    ------
    ValueError
        If `d` is not a positive integer, or `c` or `R` is negative, NaN or infinite.

    Examples
    --------
    >>> from hypergeom import lorentz
    >>> x = lorentz.random_uniform(1000, 3, R=5.0, rng=0)
    >>> bool((lorentz.dist0(x) <= 5).all())
    True
    """
    shared.check_number("lorentz.random_uniform: c", c, "finite and > 0", 0 < c < math.inf)
    v = shared.uniform_vectors("lorentz.random_uniform", shape, d, c, R, rng)
    return exp0(_tangent(np, v), float(c)).astype(dtype, copy=False)


@on_one_gpu
def random_normal(
    mean: Array,
    scale: Array,
    /,
    c: Curvature = 1.0,
    *,
    shape: tuple[int, ...] = (),
    rng: int | np.random.Generator | None = None,
) -> Array:
    """Points of the wrapped normal distribution: a normal tangent vector, carried from the apex to the mean [1]_.

    Parameters
    ----------
    mean : array, shape (..., d + 1)
        Points of the hyperboloid.
    scale : float or array, shape (..., d) or (..., 1)
        Standard deviation along each axis of an orthonormal frame, so a length of the space, not of coordinates.
    c : float or array, shape (...)
        Curvature -c, above 0.
    shape : tuple of int
        Further axes of the sample, in front.
    rng : int or numpy.random.Generator, optional
        Seed or generator. The numbers are NumPy's, and so are copied to the GPU of a mean that lies there.

    Returns
    -------
    array, shape (..., d + 1)
        With the axes of `shape` in front; in the library, on the device and in the dtype of `mean`.

    References
    ----------
    .. [1] Y. Nagano, S. Yamaguchi, Y. Fujita and M. Koyama, "A wrapped normal distribution on hyperbolic space for
       gradient-based learning", ICML 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> mean = np.array([1.25, 0.75, 0.0])
    >>> x = lorentz.random_normal(mean, 0.1, shape=(1000,), rng=0)
    >>> x.shape, bool(np.median(lorentz.dist(x, mean)) < 0.2)
    ((1000, 3), True)
    """
    v, exact, c, dtype = shared.normal_vectors("lorentz", mean, scale, c, shape, rng)
    xp = array_namespace(exact)
    return xp.astype(exp(exact, transport0(exact, _tangent(xp, v), c), c), dtype, copy=False)


@on_one_gpu
def wrapped_normal_logpdf(x: Array, mean: Array, scale: Array, /, c: Curvature = 1.0) -> Array:
    r"""Logarithm of the density of `random_normal` at x, by the volume of the space.

    .. math:: \log p(x) = \log N(v; 0, \text{scale}^2) - (d - 1) \log \frac{\sinh(\sqrt c\, r)}{\sqrt c\, r},
        \qquad r = |v| = d(\text{mean}, x)

    with v the logarithm of x in an orthonormal frame at the mean, the one carried there from the apex.

    Parameters
    ----------
    x : array, shape (..., d + 1)
        Points of the hyperboloid.
    mean, scale, c
        As in `random_normal`.

    Returns
    -------
    array, shape (...)
        NaN where a time coordinate is not above 0, or the scale is not above 0 or infinite.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> x, mean = np.array([1.25, 0.75, 0.0]), np.array([1.0, 0.0, 0.0])
    >>> lorentz.wrapped_normal_logpdf(x, mean, 1.0).round(6)
    np.float64(-2.156934)
    """
    return shared.logpdf("lorentz", _frame, x, mean, scale, c)


@on_one_gpu
def wrapped_normal_logpdf_vjp(
    g: Array, x: Array, mean: Array, scale: Array, /, c: Curvature = 1.0
) -> tuple[Array, Array, Array, Array]:
    """Cotangents of x, mean, scale and c of `wrapped_normal_logpdf`; `g` has the shape of its result.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> x, mean = np.array([1.25, 0.75, 0.0]), np.array([1.0, 0.0, 0.0])
    >>> x_bar, *_ = lorentz.wrapped_normal_logpdf_vjp(1.0, x, mean, 1.0)
    >>> bool(x_bar[1] < 0)
    True
    """
    return shared.logpdf_vjp("lorentz", _frame, _frame_vjp, g, x, mean, scale, c)


def _tangent(xp: Any, v: Array) -> Array:
    """The tangent vector at the apex."""
    return xp.concat([xp.zeros_like(v[..., :1]), v], axis=-1)


def _frame(x: Array, mean: Array, c: Array) -> Array:
    return transport_to0(mean, log(mean, x, c), c)[..., 1:]


def _frame_vjp(v_bar: Array, x: Array, mean: Array, c: Array) -> tuple[Array, Array, Array]:
    xp = array_api_compat.array_namespace(v_bar)
    mean_bar, u_bar, c_bar = transport_to0_vjp(_tangent(xp, v_bar), mean, log(mean, x, c), c)
    other_mean, x_bar, other_c = log_vjp(u_bar, mean, x, c)
    return x_bar, mean_bar + other_mean, c_bar + other_c
