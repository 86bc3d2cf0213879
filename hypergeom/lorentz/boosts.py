"""Translations of the hyperboloid along geodesics through the apex, and rotations about it."""

from __future__ import annotations

import numpy as np
from array_api_compat import array_namespace, device, is_array_api_obj

from hypergeom._arguments import batch_shape, checked
from hypergeom._gpus import on_one_gpu
from hypergeom._hyperboloid import cotangent, join, point, split, time_of
from hypergeom._rows import Array, Curvature, row_op
from hypergeom._smooth import dot
from hypergeom.lorentz.maps import exp

__all__ = [
    "boost",
    "boost_matrix",
    "boost_to0",
    "boost_to0_vjp",
    "boost_vjp",
    "rotation",
]


def _boost(x0: Array, x: Array, y0: Array, y: Array, c: Array) -> Array:
    root = array_namespace(x).sqrt(c)
    hx, hy, f = root * x0, root * y0, x + y
    return f + c * (dot(y - x, f) / (hx + hy) + dot(x, f) / (1 + hx)) * x


def _boost_vjp(g: Array, x0: Array, x: Array, y0: Array, y: Array, c: Array) -> tuple[Array, Array, Array]:
    """Cotangents of spatial parts."""
    g0, g = split(g)
    o = _boost(x0, x, y0, y, c)
    fold = g0 / time_of(o, c)  # the time entry of the output is a function of its spatial part
    g = g + fold * o
    root = array_namespace(x).sqrt(c)
    hx, hy, xy, gx = root * x0, root * y0, dot(x, y), dot(g, x)
    x_bar = (hy + c * xy / (1 + hx)) * g + c * gx * (y / (1 + hx) - c * xy / (hx * (1 + hx) ** 2) * x)
    y_bar = g + c * gx * (y / hy + x / (1 + hx))
    c_bar = gx * (dot(y, y) / (2 * hy) + xy / (1 + hx) - c * xy * dot(x, x) / (2 * hx * (1 + hx) ** 2))
    return x_bar, y_bar, c_bar - fold / (2 * c * c)


@row_op("(n),(n),()->(n)")
def boost(x: Array, y: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""The translation along the geodesic from the apex to x, which takes the apex to x, applied to y.

    .. math:: y + \left( \sqrt c \, y_0 + \frac{c \, x \cdot y}{1 + \sqrt c \, x_0} \right) x

    of the spatial parts: the Lorentz transformation without rotation [1]_. In the ball it is `poincare.mobius_add`.

    Parameters
    ----------
    x, y : array_like, shape (..., d + 1)
        Points of the hyperboloid, time coordinate first.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d + 1)
        Points of the hyperboloid. NaN in rows where a time coordinate is not above 0.

    References
    ----------
    .. [1] A. A. Ungar, *Analytic Hyperbolic Geometry and Albert Einstein's Special Theory of Relativity*, World
       Scientific 2008, chapter 11.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> x, y = np.array([1.25, 0.75]), np.array([1.25, 0.75])
    >>> lorentz.boost(x, y)
    array([2.125, 1.875])
    """
    (x0, x), (y0, y) = point(x, c), point(y, c)
    o = _boost(x0, x, y0, y, c)
    return join(time_of(o, c), o)


@row_op("(n),(n),(n),()->(n),(n),()")
def boost_vjp(g: Array, x: Array, y: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `boost`, as `dist_vjp`; `g` has shape (..., d + 1).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> g, apex, x = np.array([0.0, 1.0, 2.0]), np.array([1.0, 0.0, 0.0]), np.array([1.25, 0.75, 0.0])
    >>> lorentz.boost_vjp(g, x, apex)[1]
    array([0.  , 1.25, 2.  ])
    """
    (x0, x), (y0, y) = point(x, c), point(y, c)
    x_bar, y_bar, c_bar = _boost_vjp(g, x0, x, y0, y, c)
    return cotangent(x_bar), cotangent(y_bar), c_bar


@row_op("(n),(n),()->(n)")
def boost_to0(x: Array, y: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    """The inverse of `boost`: the translation that takes x to the apex, applied to y.

    It is the boost by the point with the spatial part -x; in the ball, ``mobius_add(-x, y)``.

    Parameters
    ----------
    x, y, c, out
        As in `boost`, and so are the errors.

    Returns
    -------
    array, shape (..., d + 1)
        Points of the hyperboloid. NaN in rows where a time coordinate is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> x, y = np.array([1.25, 0.75]), np.array([2.125, 1.875])
    >>> lorentz.boost_to0(x, y)
    array([1.25, 0.75])
    """
    (x0, x), (y0, y) = point(x, c), point(y, c)
    o = _boost(x0, -x, y0, y, c)
    return join(time_of(o, c), o)


@row_op("(n),(n),(n),()->(n),(n),()")
def boost_to0_vjp(g: Array, x: Array, y: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `boost_to0`, as `dist_vjp`; `g` has shape (..., d + 1).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> g, x = np.array([0.0, 1.0, 2.0]), np.array([1.25, 0.75, 0.0])
    >>> lorentz.boost_to0_vjp(g, x, x)[1].round(12)
    array([0. , 0.8, 2. ])
    """
    (x0, x), (y0, y) = point(x, c), point(y, c)
    x_bar, y_bar, c_bar = _boost_vjp(g, x0, -x, y0, y, c)
    return cotangent(-x_bar), cotangent(y_bar), c_bar


@on_one_gpu
def boost_matrix(x: Array, /, c: Curvature = 1.0) -> Array:
    r"""The matrix of `boost`: ``boost(x, y) = boost_matrix(x) @ y``.

    .. math:: \begin{pmatrix} h & \sqrt c \, x^T \\ \sqrt c \, x & I + \frac{c}{1 + h} x x^T \end{pmatrix},
        \qquad h = \sqrt{1 + c |x|^2}

    of the spatial part x. Its inverse is that of -x. A product with it reads the time coordinate of y, and cancels far
    from the apex where `boost` does not.

    Parameters
    ----------
    x : array_like, shape (..., d + 1)
        Points of the hyperboloid, time coordinate first.
    c
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d + 1, d + 1)
        NaN where the time coordinate of x is not above 0.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> lorentz.boost_matrix(np.array([1.25, 0.75]))
    array([[1.25, 0.75],
           [0.75, 1.25]])
    """
    if not is_array_api_obj(x):
        x = np.asarray(x)
    xp = array_namespace(x)
    x = exp(x, xp.zeros_like(x), c)  # the same point, checked, of a floating dtype
    root = xp.asarray(c, dtype=x.dtype, device=device(x))[..., None] ** 0.5 if is_array_api_obj(c) else c**0.5
    w = root * x
    h, space = w[..., :1], w[..., 1:]
    top = w[..., None, :]
    d = space.shape[-1]
    block = xp.eye(d, dtype=x.dtype, device=device(x)) + space[..., :, None] * (space / (1 + h))[..., None, :]
    return xp.concat([top, xp.concat([space[..., :, None], block], axis=-1)], axis=-2)


@on_one_gpu
def rotation(u: Array, v: Array, /) -> Array:
    r"""The smallest rotation that takes the unit vector u to the unit vector v.

    It turns the plane of both and leaves what is across it. With s = u + v and e = v - u,

    .. math:: I + \frac{e s^T - s e^T}{2} - \frac12 \left( e e^T + \frac{|e|^2}{|s|^2} s s^T \right),

    which is exactly I for equal vectors, and turns by a small angle with all its digits. For obtuse angles it is formed
    as the product of two reflections, across u and across s.

    Parameters
    ----------
    u, v : array_like, shape (..., d)
        Unit vectors of space; leading axes broadcast.

    Returns
    -------
    array, shape (..., d, d)
        NaN where u = -v, between which there are many smallest rotations, and where the square of a length is not 1 to
        1e-6.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import lorentz
    >>> lorentz.rotation(np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    array([[ 0., -1.],
           [ 1.,  0.]])
    """
    xp, dtype, (u, v), _ = checked("lorentz.rotation", {"u": u, "v": v}, 1.0, flat=False)
    if u.shape[-1] != v.shape[-1]:
        raise ValueError(
            f"lorentz.rotation: needs u and v of one shape (..., d), d >= 1, got {tuple(u.shape)}, {tuple(v.shape)}"
        )
    batch_shape("lorentz.rotation", {"u": u, "v": v}, 1.0)
    uu, vv = dot(u, u), dot(v, v)
    unit = (xp.abs(uu - 1) <= 1e-6) & (xp.abs(vv - 1) <= 1e-6)
    u, v = u / xp.sqrt(uu), v / xp.sqrt(vv)
    s, e = u + v, v - u
    ss = dot(s, s)
    apart = unit & (ss > 0)
    ratio = xp.where(apart, dot(e, e) / xp.where(ss > 0, ss, xp.ones_like(ss)), xp.full_like(ss, xp.nan))
    turn = e[..., :, None] * s[..., None, :]
    shrink = e[..., :, None] * e[..., None, :] + (ratio * s)[..., :, None] * s[..., None, :]
    half = s / xp.sqrt(xp.where(apart, ss, xp.full_like(ss, xp.nan)))
    fold = 4 * dot(half, u) * half - 2 * u
    reflected = fold[..., :, None] * u[..., None, :] - 2 * half[..., :, None] * half[..., None, :]
    acute = (turn - xp.matrix_transpose(turn)) / 2 - shrink / 2
    one = xp.eye(u.shape[-1], dtype=s.dtype, device=device(s))
    return xp.astype(one + xp.where((ss >= 2)[..., None], acute, reflected), dtype, copy=False)
