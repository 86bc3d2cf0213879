"""What the distributions of both models share: radii of uniform points, and the wrapped normal in the tangent space."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import array_api_compat
import numpy as np
import numpy.typing as npt

from hypergeom._arguments import batch_shape, checked
from hypergeom._rows import sum_to
from hypergeom._smooth import piecewise, sinh_ratio, sinh_ratio_slope

__all__ = ["check_number", "logpdf", "logpdf_vjp", "normal_vectors", "uniform_vectors"]

Array = Any
RandomState = int | np.random.Generator | None
Frame = Callable[[Array, Array, Array], Array]  # (x, mean, c) -> log of x in an orthonormal frame at the mean
FrameVjp = Callable[[Array, Array, Array, Array], tuple[Array, Array, Array]]  # its cotangents of x, mean and c


def check_number(name: str, value: float, what: str, good: bool) -> None:
    if not good:
        raise ValueError(f"{name} needs to be {what}, got {value!r}")


def uniform_vectors(
    function: str, shape: int | tuple[int, ...], d: int, c: float, R: float, rng: RandomState
) -> npt.NDArray[np.float64]:
    """Vectors whose lengths are the distances of uniform points of the geodesic ball from its centre."""
    shape = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    if isinstance(d, bool) or not isinstance(d, (int, np.integer)) or d < 1:
        raise ValueError(f"{function}: d needs to be a positive integer, got {d!r}")
    check_number(f"{function}: R", R, "finite and >= 0", 0 <= R < math.inf)
    rng = np.random.default_rng(rng)
    directions = rng.standard_normal((*shape, d))
    directions /= np.linalg.vector_norm(directions, axis=-1, keepdims=True)
    n = math.prod(shape)
    return directions * _radii(n, d, c, R, rng).reshape(*shape, 1)


def _radii(n: int, d: int, c: float, R: float, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Of density sinh(sqrt(c) r)^(d - 1) on [0, R], exactly."""
    root = math.sqrt(c)
    S = root * R
    if d == 1 or S == 0:
        return R * rng.random(n) ** (1 / d)
    if d == 2:  # the inverse of the distribution function; cosh - 1 = 2 sinh^2 of the half
        if S > 1400:  # where sinh overflows, the density is that of the exponential
            return np.maximum(S + np.log(rng.random(n)), 0.0) / root
        return 2 / root * np.arcsinh(np.sqrt(rng.random(n)) * math.sinh(S / 2))
    out = np.empty(n)
    filled = 0
    while filled < n:  # rejection, which keeps more than half
        u, v = rng.random((2, max(n - filled, 16)))
        if S < 1:  # from the flat density s^(d - 1)
            s = S * u ** (1 / d)
            kept = np.log(v) < (d - 1) * (np.log(np.sinh(s) / s) - math.log(math.sinh(S) / S))
        else:  # from the density e^((d - 1) s) up to S
            s = S + np.log(u + (1 - u) * math.exp(-(d - 1) * S)) / (d - 1)
            kept = np.log(v) < (d - 1) * (np.log(-np.expm1(-2 * s)) - math.log(-math.expm1(-2 * S)))
        s = s[kept][: n - filled]
        out[filled : filled + len(s)] = s
        filled += len(s)
    return out / root


def normal_vectors(
    space: str, mean: Array, scale: Array, c: Any, shape: tuple[int, ...], rng: RandomState
) -> tuple[Array, Array, Any, Any]:
    """Normal vectors of standard deviation `scale`; the mean in float64 where the library has it, c and the dtype of
    the result."""
    name, first = f"{space}.random_normal", int(space == "lorentz")
    xp, _, (wide, deviation), c = checked(name, {"mean": mean, "scale": scale}, c, flat=not first, scalars=("scale",))
    d = wide.shape[-1] - first
    _check_scale(name, deviation, d)
    batch = batch_shape(name, {"mean": wide, "scale": _at_least_1d(xp, deviation)}, c)
    noise = np.random.default_rng(rng).standard_normal((*shape, *batch, d))
    noise = xp.asarray(noise, dtype=wide.dtype, device=array_api_compat.device(wide))
    single = str(getattr(mean, "dtype", "")).endswith("float32")
    return noise * deviation, wide, c, xp.float32 if single else wide.dtype


def _check_scale(name: str, scale: Array, d: int) -> None:
    if d < 1:
        raise ValueError(f"{name}: a point of the hyperboloid needs at least two entries")
    shape = tuple(getattr(scale, "shape", ()))
    if shape and shape[-1] not in (1, d):
        raise ValueError(f"{name}: scale needs a last axis of {d} entries or 1, got shape {shape}")


def _at_least_1d(xp: Any, a: Any) -> Array:
    return xp.reshape(a, (1,)) if getattr(a, "ndim", None) == 0 else xp.ones((1,)) if isinstance(a, (int, float)) else a


class _Arguments(NamedTuple):
    xp: Any
    x: Array
    mean: Array
    scale: Array
    c: Array  # one for each row
    g: Array  # likewise
    dtype: Any


def _arguments(name: str, x: Array, mean: Array, scale: Array, c: Any, g: Array = 1.0) -> _Arguments:
    """All with the axes of the batch, in float64 where the library has it; and the dtype of the result."""
    first = int(name.startswith("lorentz"))
    named = {"x": x, "mean": mean, "scale": scale, "g": g}
    xp, dtype, (x, mean, scale, g), c = checked(name, named, c, flat=not first, scalars=("scale", "g"))
    if x.shape[-1] != mean.shape[-1]:
        raise ValueError(
            f"{name}: x and mean need the same last axis, got shapes {tuple(x.shape)} and {tuple(mean.shape)}"
        )
    _check_scale(name, scale, x.shape[-1] - first)
    device = array_api_compat.device(x)
    scale, c, g = (
        xp.full((), a, dtype=x.dtype, device=device) if isinstance(a, (int, float)) else a for a in (scale, c, g)
    )
    batch = batch_shape(name, {"x": x, "mean": mean, "scale": _at_least_1d(xp, scale)}, c)
    x, mean = (xp.broadcast_to(a, (*batch, a.shape[-1])) for a in (x, mean))
    try:
        g = xp.broadcast_to(g, batch)
    except (ValueError, RuntimeError):
        raise ValueError(f"{name}: g needs shape {batch}, got {tuple(g.shape)}") from None
    return _Arguments(xp, x, mean, scale, xp.broadcast_to(c, batch), g, dtype)


class _Density(NamedTuple):
    """The logarithm of the density, and its derivatives."""

    value: Array
    of_v: Array
    of_scale: Array
    of_c: Array  # at fixed v


def _density(v: Array, scale: Array, c: Array) -> _Density:
    """log N(v; 0, scale^2) - (d - 1) log(sinh(r) / r), r = sqrt(c)|v|."""
    xp = array_api_compat.array_namespace(v)
    d, c = v.shape[-1], c[..., None]
    scale = xp.where((scale > 0) & (scale < math.inf), scale, xp.full_like(scale, math.nan)) + 0 * v
    z = v / scale
    vv = xp.sum(v * v, axis=-1, keepdims=True)
    log_ratio, slope = _log_sinh_ratio(c * vv)
    normal = xp.sum(-z * z / 2 - xp.log(scale), axis=-1, keepdims=True) - d / 2 * math.log(2 * math.pi)
    return _Density(
        (normal - (d - 1) * log_ratio)[..., 0],
        -z / scale - 2 * (d - 1) * c * slope * v,
        (z * z - 1) / scale,
        -(d - 1) * (slope * vv)[..., 0],
    )


def logpdf(space: str, frame: Frame, x: Array, mean: Array, scale: Array, c: Any) -> Array:
    """The logarithm of the density of the wrapped normal."""
    a = _arguments(f"{space}.wrapped_normal_logpdf", x, mean, scale, c)
    return a.xp.astype(_density(frame(a.x, a.mean, a.c), a.scale, a.c).value, a.dtype, copy=False)


def logpdf_vjp(
    space: str, frame: Frame, frame_vjp: FrameVjp, g: Array, x: Array, mean: Array, scale: Array, c: Any
) -> tuple[Array, Array, Array, Array]:
    """Cotangents of x, mean, scale and c."""
    a = _arguments(f"{space}.wrapped_normal_logpdf_vjp", x, mean, scale, c, g)
    p = _density(frame(a.x, a.mean, a.c), a.scale, a.c)
    x_bar, mean_bar, c_bar = frame_vjp(a.g[..., None] * p.of_v, a.x, a.mean, a.c)
    bars = (x_bar, mean_bar, a.g[..., None] * p.of_scale, c_bar + a.g * p.of_c)
    given = (of if isinstance(of, (int, float)) else _as_array(of) for of in (x, mean, scale, c))
    x_bar, mean_bar, scale_bar, c_bar = (sum_to(a.xp, bar, of) for bar, of in zip(bars, given, strict=True))
    return x_bar, mean_bar, scale_bar, c_bar


def _as_array(a: Any) -> Array:
    return a if array_api_compat.is_array_api_obj(a) else np.asarray(a)


def _log_sinh_ratio(q: Array) -> tuple[Array, Array]:
    """log(sinh(r) / r) for q = r^2, and its derivative in q."""
    xp = array_api_compat.array_namespace(q)

    def far(q: Array) -> Array:
        r = xp.sqrt(q)
        return r + xp.log1p(-xp.exp(-2 * r)) - xp.log(2 * r)

    def far_slope(q: Array) -> Array:
        r = xp.sqrt(q)
        return (1 / (r * xp.tanh(r)) - 1 / q) / 2

    def near(q: Array) -> Array:  # log1p of the series' tail
        return xp.log1p(q * _tail(q))

    return piecewise(q, 4.0, near, far), piecewise(q, 4.0, lambda q: sinh_ratio_slope(q) / sinh_ratio(q), far_slope)


def _tail(q: Array) -> Array:
    """(sinh_ratio(q) - 1) / q = 1/3! + q/5! + ..."""
    total = 1 / math.factorial(29) + 0 * q
    for k in range(13, 0, -1):
        total = total * q + 1 / math.factorial(2 * k + 1)
    return total
