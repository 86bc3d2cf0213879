"""Points whose spatial parts are those of others side by side, and the way back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from array_api_compat import is_array_api_obj

from hypergeom._arguments import Checked, batch_shape, checked
from hypergeom._gpus import on_one_gpu
from hypergeom._hyperboloid import cotangent
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
    xp, dtype, points, c = _arrays("concat", _named("concat", xs), c)
    return xp.astype(from_spatial(_side_by_side(xp, "concat", points, c), c), dtype)


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
    given, given_c = xs, c
    xp, _, (g, *points), c = _arrays("concat_vjp", {"g": g, **_named("concat_vjp", xs)}, c)
    space = _side_by_side(xp, "concat_vjp", points, c)
    _check_cotangents("concat_vjp", [g], [space])
    bar, c_bar = from_spatial_vjp(g, space, c)
    bars, start = [], 0
    for x, argument in zip(points, given, strict=True):
        end = start + x.shape[-1] - 1
        bars.append(_like(xp, _sum_to(xp, bar[..., start:end], x), argument))
        start = end
    return bars, _like(xp, c_bar, given_c)


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
    xp, dtype, (x,), c = _arrays("split", {"x": x}, c)
    return [xp.astype(from_spatial(part, c), dtype) for part in _pieces("split", _space(xp, x, c), sizes)]


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
    given, given_c = x, c
    xp, _, (x, *g), c = _arrays("split_vjp", {"x": x, **{f"g[{i}]": a for i, a in enumerate(g)}}, c)
    parts = _pieces("split_vjp", _space(xp, x, c), sizes)
    _check_cotangents("split_vjp", g, parts)
    pairs = [from_spatial_vjp(bar, part, c) for bar, part in zip(g, parts, strict=True)]
    bar = xp.concat([space for space, _ in pairs], axis=-1)
    return _like(xp, _sum_to(xp, bar, x), given), _like(xp, sum(of_c for _, of_c in pairs), given_c)


def _named(name: str, xs: Sequence[Array]) -> dict[str, Array]:
    if is_array_api_obj(xs) or len(xs) == 0:
        raise ValueError(f"lorentz.{name}: xs needs to be a sequence of at least one array of points")
    return {f"xs[{i}]": x for i, x in enumerate(xs)}


def _arrays(name: str, given: dict[str, Array], c: Curvature) -> Checked:
    """The arguments in float64 (a number `c` as it is)."""
    arguments = checked(f"lorentz.{name}", given, c, flat=False)
    for key, a in zip(given, arguments.arrays, strict=True):
        if a.shape[-1] < 2:
            raise ValueError(
                f"lorentz.{name}: {key} needs a last axis of at least two entries, got shape {tuple(a.shape)}"
            )
    return arguments


def _space(xp: Any, x: Array, c: Array) -> Array:
    """The spatial parts, NaN where rows are no points."""
    return exp(x, xp.zeros_like(x), c)[..., 1:]


def _side_by_side(xp: Any, name: str, points: Sequence[Array], c: Array) -> Array:
    batch = batch_shape(f"lorentz.{name}", {f"xs[{i}]": x for i, x in enumerate(points)}, c)
    return xp.concat([xp.broadcast_to(_space(xp, x, c), (*batch, x.shape[-1] - 1)) for x in points], axis=-1)


def _check_cotangents(name: str, g: Sequence[Array], spaces: Sequence[Array]) -> None:
    needed = [(*space.shape[:-1], space.shape[-1] + 1) for space in spaces]
    found = [tuple(a.shape) for a in g]
    if found != needed:
        raise ValueError(f"lorentz.{name}: g needs the shapes {needed} of the points, got {found}")


def _pieces(name: str, space: Array, sizes: Sequence[int]) -> list[Array]:
    d, sizes = space.shape[-1], list(sizes)
    if not all(isinstance(n, (int, np.integer)) and n >= 1 for n in sizes) or sum(sizes) != d:
        raise ValueError(
            f"lorentz.{name}: sizes need to be integers of at least 1 and to add up to d = {d}, got {sizes}"
        )
    ends = [sum(sizes[: k + 1]) for k in range(len(sizes))]
    return [space[..., end - size : end] for size, end in zip(sizes, ends, strict=True)]


def _sum_to(xp: Any, bar: Array, x: Array) -> Array:
    """The cotangent of x from that of its spatial part, summed over the axes along which x was broadcast."""
    new = bar.ndim - x.ndim
    stretched = (new + i for i, n in enumerate(x.shape[:-1]) if n == 1 and bar.shape[new + i] != 1)
    bar = xp.sum(bar, axis=(*range(new), *stretched), keepdims=True)
    return cotangent(xp.reshape(bar, (*x.shape[:-1], x.shape[-1] - 1)))


def _like(xp: Any, bar: Array, argument: Any) -> Array:
    """A cotangent in the dtype of its argument, if that is one of floats."""
    dtype = getattr(argument, "dtype", None)
    bar = xp.asarray(bar)  # NumPy's sums are scalars
    return xp.astype(bar, dtype) if str(dtype).rpartition(".")[2] in ("float32", "float64") else bar
