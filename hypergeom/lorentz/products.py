"""Points whose spatial parts are those of others side by side, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from array_api_compat import array_namespace, is_array_api_obj

from hypergeom._gpus import on_one_gpu
from hypergeom._rows import Array, Curvature
from hypergeom.lorentz.maps import exp
from hypergeom.lorentz.spatial import from_spatial, from_spatial_vjp

__all__ = ["concat", "concat_vjp", "split", "split_vjp"]


@on_one_gpu
def concat(xs: Sequence[Array], /, c: Curvature = 1.0) -> Array:
    """The point of a larger space whose spatial part is that of the points, side by side.

    Parameters
    ----------
    xs : sequence of array_like, shapes (..., d_1 + 1), ..., (..., d_k + 1)
        Points of hyperboloids of one curvature, time coordinate first; leading axes broadcast.
    c
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d_1 + ... + d_k + 1)
        NaN in rows where a time coordinate is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> lorentz.concat([np.array([1.25, 0.75]), np.array([1.0, 0.0])])
    array([1.25, 0.75, 0.  ])
    """
    _, space = _side_by_side(xs, c)
    return from_spatial(space, c)


@on_one_gpu
def concat_vjp(g: Array, xs: Sequence[Array], /, c: Curvature = 1.0) -> tuple[list[Array], Array]:
    """Cotangents of the points, in a list, and of c for `concat`, as `dist_vjp`.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> apex = np.array([1.0, 0.0])
    >>> lorentz.concat_vjp(np.array([1.0, 2.0, 3.0]), [apex, apex])[0]
    [array([0., 2.]), array([0., 3.])]
    """
    xs, space = _side_by_side(xs, c)
    bar, c_bar = from_spatial_vjp(g, space, c)
    bars, start = [], 0
    for x in xs:
        end = start + x.shape[-1] - 1
        bars.append(_sum_to(bar[..., start:end], x))
        start = end
    return bars, c_bar


@on_one_gpu
def split(x: Array, sizes: Sequence[int], /, c: Curvature = 1.0) -> list[Array]:
    """The inverse of `concat`: points whose spatial parts have the dimensions `sizes`.

    Parameters
    ----------
    x : array_like, shape (..., d + 1)
        Points of the hyperboloid, time coordinate first.
    sizes : sequence of int
        Dimensions, each at least 1; their sum is d.
    c
        As in `dist`, and so are the errors.

    Returns
    -------
    list of array, shapes (..., sizes[k] + 1)
        NaN in rows where the time coordinate of x is not above 0.

    Raises
    ------
    ValueError
        If `sizes` do not add up to d.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> lorentz.split(np.array([1.25, 0.75, 0.0]), [1, 1])
    [array([1.25, 0.75]), array([1., 0.])]
    """
    x = _checked(x, c)
    return [from_spatial(part, c) for part in _pieces("split", x[..., 1:], sizes)]


@on_one_gpu
def split_vjp(g: Sequence[Array], x: Array, sizes: Sequence[int], /, c: Curvature = 1.0) -> tuple[Array, Array]:
    """Cotangents of x and c for `split`, as `dist_vjp`; `g` is a list of cotangents of its points.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> g, apex = [np.array([1.0, 2.0]), np.array([1.0, 3.0])], np.array([1.0, 0.0, 0.0])
    >>> lorentz.split_vjp(g, apex, [1, 1])[0]
    array([0., 2., 3.])
    """
    x = _checked(x, c)
    parts = _pieces("split_vjp", x[..., 1:], sizes)
    if len(g) != len(parts):
        raise ValueError(f"lorentz.split_vjp: g needs {len(parts)} cotangents, one for each size, got {len(g)}")
    pairs = [from_spatial_vjp(bar, part, c) for bar, part in zip(g, parts, strict=True)]
    bar = array_namespace(x).concat([space for space, _ in pairs], axis=-1)
    return _sum_to(bar, x), sum(of_c for _, of_c in pairs)


def _checked(x: Array, c: Curvature) -> Array:
    """The same points as floats, NaN where they are none."""
    if not is_array_api_obj(x):
        x = np.asarray(x)
    return exp(x, array_namespace(x).zeros_like(x), c)


def _side_by_side(xs: Sequence[Array], c: Curvature) -> tuple[list[Array], Array]:
    if is_array_api_obj(xs) or len(xs) == 0:
        raise ValueError("lorentz.concat: xs needs to be a sequence of one array or more")
    points = [_checked(x, c) for x in xs]
    xp = array_namespace(*points)
    try:
        batch = np.broadcast_shapes(*(tuple(x.shape[:-1]) for x in points))
    except ValueError:
        shapes = ", ".join(str(tuple(x.shape)) for x in points)
        raise ValueError(f"lorentz.concat: the leading axes of the shapes {shapes} need to broadcast") from None
    return points, xp.concat([xp.broadcast_to(x[..., 1:], (*batch, x.shape[-1] - 1)) for x in points], axis=-1)


def _pieces(name: str, space: Array, sizes: Sequence[int]) -> list[Array]:
    d = space.shape[-1]
    if sum(sizes) != d or any(size < 1 for size in sizes):
        raise ValueError(f"lorentz.{name}: sizes need to be at least 1 and to add up to d = {d}, got {list(sizes)}")
    ends = [sum(sizes[: k + 1]) for k in range(len(sizes))]
    return [space[..., end - size : end] for size, end in zip(sizes, ends, strict=True)]


def _sum_to(bar: Any, x: Array) -> Array:
    """The cotangent of x from that of its spatial part, summed over the axes along which x was broadcast."""
    xp = array_namespace(bar)
    new = bar.ndim - x.ndim
    stretched = (new + i for i, n in enumerate(x.shape[:-1]) if n == 1 and bar.shape[new + i] != 1)
    bar = xp.sum(bar, axis=(*range(new), *stretched), keepdims=True)
    bar = xp.reshape(bar, (*x.shape[:-1], x.shape[-1] - 1))
    zero = bar[..., :1]
    return xp.astype(xp.concat([xp.where(xp.isnan(zero), zero, xp.zeros_like(zero)), bar], axis=-1), x.dtype)
