"""Linear maps of points, and points of products: what layers of neural networks are made of.

Both go through the tangent space at the origin: ``exp0(M log0(x))``. Everything is computed in float64 where the
library has it.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from typing import Any

import array_api_compat
import numpy as np

from hypergeom._arguments import Checked, batch_shape, checked
from hypergeom._gpus import on_one_gpu
from hypergeom._rows import Array, Curvature
from hypergeom._smooth import atanh_ratio, atanh_ratio_slope, dot, tanh_ratio
from hypergeom.poincare.maps import exp0, exp0_vjp, log0
from hypergeom.poincare.metric import conformal_factor

__all__ = ["concat", "concat_vjp", "mobius_matvec", "mobius_matvec_vjp", "split", "split_vjp"]


@on_one_gpu
def mobius_matvec(m: Array, x: Array, /, c: Curvature = 1.0) -> Array:
    r"""Matrices applied to points.

    .. math:: M \otimes x = \exp_0(M \log_0 x) = \tanh\Bigl(\frac{|Mx|}{|x|} \operatorname{atanh}(\sqrt c |x|)\Bigr)
        \frac{Mx}{\sqrt c |Mx|}

    [1]_. An orthogonal matrix rotates; t times the identity is `mobius_scalar`. At ``c = 0`` it is ``M x``.

    Parameters
    ----------
    m : array_like, shape (..., k, d)
        Matrices. Leading axes broadcast with those of `x`; one matrix for all is one product of matrices.
    x : array_like, shape (..., d)
        Points of the ball.
    c
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., k)
        Points of the ball. NaN in rows where x is outside the ball.

    References
    ----------
    .. [1] O.-E. Ganea, G. Bécigneul and T. Hofmann, "Hyperbolic neural networks", NeurIPS 2018, section 3.2.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> x = np.array([0.5, 0.0])
    >>> poincare.mobius_matvec(np.array([[0.0, 2.0], [2.0, 0.0]]), x), poincare.mobius_scalar(2.0, x)
    (array([0. , 0.8]), array([0.8, 0. ]))
    """
    xp, dtype, (m, x), c = _arrays("mobius_matvec", {"m": m, "x": x}, c)
    _check_product(m, x)
    return xp.astype(exp0(_apply(xp, m, log0(x, c)), c), dtype)


@on_one_gpu
def mobius_matvec_vjp(g: Array, m: Array, x: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `mobius_matvec`, as `dist_vjp`; `g` has shape (..., k).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> m = np.array([[0.0, 1.0], [1.0, 0.0]])
    >>> m_bar, x_bar, c_bar = poincare.mobius_matvec_vjp(np.array([1.0, 2.0]), m, np.zeros(2))
    >>> x_bar
    array([2., 1.])
    """
    given = (m, x, c)
    xp, _, (g, m, x), c = _arrays("mobius_matvec_vjp", {"g": g, "m": m, "x": x}, c)
    _check_product(m, x)
    tangent = log0(x, c)
    v = _apply(xp, m, tangent)
    if g.shape != v.shape:
        raise ValueError(f"poincare.mobius_matvec_vjp: g needs shape {tuple(v.shape)}, got {tuple(g.shape)}")
    v_bar, c_bar = exp0_vjp(g, v, c)
    rows = xp.broadcast_to(tangent, (*v.shape[:-1], x.shape[-1]))
    if m.ndim == 2:
        m_bar = xp.matmul(xp.reshape(v_bar, (-1, m.shape[0])).T, xp.reshape(rows, (-1, m.shape[1])))
    else:
        m_bar = _sum_to(xp, v_bar[..., :, None] * rows[..., None, :], m.shape)
    k = _column(c)
    to_x, slope = _log0_scale(x, c)
    # Along x the gradient is that of the length, which v_bar knows only up to rounding.
    of_scale = _sech2(xp, v, k) * dot(g, v) / to_x
    x_bar = to_x * _apply(xp, xp.matrix_transpose(m), v_bar) + 2 * k * slope * of_scale * x
    c_bar = c_bar + _sum_to(xp, (slope * of_scale * dot(x, x))[..., 0], _shape(c))
    bars = (m_bar, _sum_to(xp, x_bar, x.shape), c_bar)
    m_bar, x_bar, c_bar = (_like(xp, bar, a) for bar, a in zip(bars, given, strict=True))
    return m_bar, x_bar, c_bar


@on_one_gpu
def concat(xs: Sequence[Array], /, c: Curvature = 1.0) -> Array:
    r"""The point of a larger ball that has the given points as its parts (beta-concatenation).

    .. math:: \exp_0\Bigl(\frac{\beta_d}{\beta_{d_1}} \log_0 x_1, \dots, \frac{\beta_d}{\beta_{d_n}} \log_0 x_n\Bigr),
        \qquad \beta_d = B(d/2, 1/2), \quad d = d_1 + \dots + d_n

    [1]_. The factors keep the mean length of vectors of random direction. `split` is its inverse.

    Parameters
    ----------
    xs : sequence of array_like, shapes (..., d_1), ..., (..., d_n)
        Points of balls of one curvature; leading axes broadcast.
    c
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d)
        NaN in rows where one of them is outside its ball.

    References
    ----------
    .. [1] R. Shimizu, Y. Mukuta and T. Harada, "Hyperbolic neural networks++", ICLR 2021, section 3.3.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> x = poincare.concat([np.array([0.5]), np.array([0.0, 0.1])])
    >>> [part.round(6) for part in poincare.split(x, [1, 2])]
    [array([0.5]), array([0. , 0.1])]
    """
    xp, dtype, xs, c = _arrays("concat", _named(xs), c)
    return xp.astype(exp0(xp.concat(_concat_parts(xp, xs, c), axis=-1), c), dtype)


@on_one_gpu
def concat_vjp(g: Array, xs: Sequence[Array], /, c: Curvature = 1.0) -> tuple[tuple[Array, ...], Array]:
    """Cotangents of the arguments of `concat`, as `dist_vjp`: of each of the points, and of c; `g` has shape (..., d).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> (x_bar, y_bar), c_bar = poincare.concat_vjp(np.ones(2), [np.zeros(1), np.zeros(1)])
    >>> x_bar.round(6)
    array([0.63662])
    """
    given, given_c = xs, c
    xp, _, (g, *xs), c = _arrays("concat_vjp", {"g": g, **_named(xs)}, c)
    parts = _concat_parts(xp, xs, c)
    v = xp.concat(parts, axis=-1)
    if g.shape != v.shape:
        raise ValueError(f"poincare.concat_vjp: g needs shape {tuple(v.shape)}, got {tuple(g.shape)}")
    v_bar, c_bar = exp0_vjp(g, v, c)
    k, vv, gv = _column(c), dot(v, v), dot(g, v)
    across, along = tanh_ratio(k * vv), _sech2(xp, v, k)
    bars: list[Array] = []
    start = 0
    for x, part in zip(xs, parts, strict=True):
        d = x.shape[-1]
        share = dot(part, part) / xp.where(vv > 0, vv, xp.ones_like(vv))
        to_x, slope = _log0_scale(x, c)
        of_part = across * (dot(g[..., start : start + d], part) - gv * share) + along * gv * share
        of_scale = of_part / to_x
        x_bar = _beta_ratio(v.shape[-1], d) * to_x * v_bar[..., start : start + d] + 2 * k * slope * of_scale * x
        bars.append(_like(xp, _sum_to(xp, x_bar, x.shape), given[len(bars)]))
        c_bar = c_bar + _sum_to(xp, (slope * of_scale * dot(x, x))[..., 0], _shape(c))
        start += d
    return tuple(bars), _like(xp, c_bar, given_c)


@on_one_gpu
def split(x: Array, sizes: Sequence[int], /, c: Curvature = 1.0) -> tuple[Array, ...]:
    """Points of smaller balls that are the parts of x, the inverse of `concat`.

    Parameters
    ----------
    x : array_like, shape (..., d)
        Points of the ball.
    sizes : sequence of int
        Dimensions of the parts, with the sum d.
    c
        As in `dist`, and so are the errors.

    Returns
    -------
    tuple of array, shapes (..., sizes[0]), ...
        NaN in rows where x is outside the ball.

    Raises
    ------
    ValueError
        If `sizes` are not numbers of at least 1 with the sum d.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> [part.shape for part in poincare.split(np.zeros((10, 5)), [2, 3])]
    [(10, 2), (10, 3)]
    """
    xp, dtype, (x,), c = _arrays("split", {"x": x}, c)
    return tuple(xp.astype(exp0(part, c), dtype) for part in _split_parts("split", x, sizes, c))


@on_one_gpu
def split_vjp(g: Sequence[Array], x: Array, sizes: Sequence[int], /, c: Curvature = 1.0) -> tuple[Array, Array]:
    """Cotangents of x and c of `split`, as `dist_vjp`; `g` are those of the parts.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> x_bar, c_bar = poincare.split_vjp([np.ones(1), np.ones(1)], np.zeros(2), [1, 1])
    >>> x_bar.round(6)
    array([1.570796, 1.570796])
    """
    given, given_c = x, c
    xp, _, (x, *g), c = _arrays("split_vjp", {"x": x, **{f"g[{i}]": a for i, a in enumerate(g)}}, c)
    parts = _split_parts("split_vjp", x, sizes, c)
    if [a.shape for a in g] != [part.shape for part in parts]:
        needed, found = ([tuple(a.shape) for a in arrays] for arrays in (parts, g))
        raise ValueError(f"poincare.split_vjp: g needs shapes {needed}, got {found}")
    k = _column(c)
    to_x, slope = _log0_scale(x, c)
    bars, of_scale, c_bar = [], 0 * to_x, 0.0
    for a, part in zip(g, parts, strict=True):
        bar, of_c = exp0_vjp(a, part, c)
        bars.append(_beta_ratio(part.shape[-1], x.shape[-1]) * bar)
        of_scale, c_bar = of_scale + _sech2(xp, part, k) * dot(a, part) / to_x, c_bar + of_c
    x_bar = to_x * xp.concat(bars, axis=-1) + 2 * k * slope * of_scale * x
    c_bar = c_bar + _sum_to(xp, (slope * of_scale * dot(x, x))[..., 0], _shape(c))
    return _like(xp, _sum_to(xp, x_bar, x.shape), given), _like(xp, c_bar, given_c)


def _concat_parts(xp: Any, xs: Sequence[Array], c: Array) -> list[Array]:
    """The tangent vectors at the origin that are joined."""
    batch = batch_shape("poincare.concat", {f"xs[{i}]": x for i, x in enumerate(xs)}, c)
    d = sum(x.shape[-1] for x in xs)
    return [xp.broadcast_to(_beta_ratio(d, x.shape[-1]) * log0(x, c), (*batch, x.shape[-1])) for x in xs]


def _split_parts(name: str, x: Array, sizes: Sequence[int], c: Array) -> list[Array]:
    d, sizes = x.shape[-1], list(sizes)
    if not all(isinstance(n, (int, np.integer)) and n >= 1 for n in sizes) or sum(sizes) != d:
        raise ValueError(f"poincare.{name}: sizes need to be integers >= 1 with the sum {d}, got {sizes}")
    tangent, parts, start = log0(x, c), [], 0
    for n in sizes:
        parts.append(_beta_ratio(n, d) * tangent[..., start : start + n])
        start += n
    return parts


@functools.cache
def _beta_ratio(n: int, k: int) -> float:
    """B(n/2, 1/2) / B(k/2, 1/2), from whole numbers: differences of logarithms of Gamma would lose digits."""
    (a, power_a), (b, power_b) = _beta(n), _beta(k)
    return a / b * math.pi ** (power_a - power_b)


@functools.cache
def _beta(n: int) -> tuple[float, int]:
    """B(n/2, 1/2) as a number and a power of pi. With B(1/2, 1/2) = pi, that of n + 1 is 2 pi / n over that of n."""
    odd = n - 1 + n % 2
    central = math.comb(odd - 1, odd // 2) / 2 ** (odd - 1)  # B(odd/2, 1/2) / pi
    return (central, 1) if n % 2 else (2 / (odd * central), 0)


def _apply(xp: Any, m: Array, rows: Array) -> Array:
    """Matrices times rows; one matrix for all rows is one product."""
    if m.ndim == 2:
        return xp.matmul(rows, xp.matrix_transpose(m))
    return xp.matmul(m, rows[..., None])[..., 0]


def _log0_scale(x: Array, c: Array) -> tuple[Array, Array]:
    """L = atanh(sqrt q) / sqrt q of q = c|x|^2, with log0 x = L x, and its derivative in q."""
    q, gap = _column(c) * dot(x, x), (2 / conformal_factor(x, c))[..., None]
    return atanh_ratio(q, gap), atanh_ratio_slope(q, gap)


def _sech2(xp: Any, v: Array, k: Array) -> Array:
    """1 / cosh^2 of sqrt(c)|v|: the gap of exp0(v), to its last digits."""
    decay = xp.exp(-2 * xp.sqrt(k * dot(v, v)))
    return 4 * decay / (1 + decay) ** 2


def _named(xs: Sequence[Array]) -> dict[str, Array]:
    if array_api_compat.is_array_api_obj(xs) or len(xs) == 0:
        raise ValueError("poincare.concat: xs needs to be a sequence of at least one array of points")
    return {f"xs[{i}]": x for i, x in enumerate(xs)}


def _arrays(name: str, given: dict[str, Array], c: Curvature) -> Checked:
    """The arguments in float64 (a number `c` as it is)."""
    return checked(f"poincare.{name}", given, c, flat=True)


def _check_product(m: Array, x: Array) -> None:
    shapes = f"m {tuple(m.shape)}, x {tuple(x.shape)}"
    if m.ndim < 2 or m.shape[-1] != x.shape[-1]:
        raise ValueError(f"poincare.mobius_matvec: needs m of shape (..., k, d) and x of shape (..., d), got {shapes}")
    try:
        np.broadcast_shapes(m.shape[:-2], x.shape[:-1])
    except ValueError:
        raise ValueError(f"poincare.mobius_matvec: leading axes of {shapes} do not broadcast") from None


def _column(c: Array) -> Array:
    """The curvature against rows."""
    return c[..., None] if array_api_compat.is_array_api_obj(c) else c


def _shape(c: Array) -> tuple[int, ...]:
    return tuple(getattr(c, "shape", ()))


def _sum_to(xp: Any, a: Array, shape: tuple[int, ...]) -> Array:
    """Sum over the axes along which an argument of that shape was broadcast."""
    if a.shape == shape:
        return a
    new = a.ndim - len(shape)
    stretched = (new + i for i, n in enumerate(shape) if n == 1 and a.shape[new + i] != 1)
    return xp.reshape(xp.sum(a, axis=(*range(new), *stretched), keepdims=True), shape)


def _like(xp: Any, bar: Array, argument: Any) -> Array:
    """A cotangent in the dtype of its argument, if that is one of floats."""
    dtype = getattr(argument, "dtype", None)
    bar = xp.asarray(bar)  # NumPy's sums are scalars
    return xp.astype(bar, dtype) if str(dtype).rpartition(".")[2] in ("float32", "float64") else bar
