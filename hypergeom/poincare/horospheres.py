"""Busemann functions of the ball and the coordinates of its horospheres."""

from __future__ import annotations

from typing import NamedTuple

from array_api_compat import array_namespace

from hypergeom._ball import rim_gap
from hypergeom._horospheres import Horo, Level, direction, is_small, level, log1p_remainder
from hypergeom._rows import Array, Curvature, row_op
from hypergeom._smooth import dot, safe_sqrt, sinh_ratio, sinh_ratio_slope

__all__ = ["Horo", "busemann", "busemann_vjp", "from_horo", "from_horo_vjp", "to_horo", "to_horo_vjp"]


class _Seen(NamedTuple):
    """x seen from the ideal point u = p/|p|: x = t u + perp, F = |u - sqrt(c) x|^2 = toward^2 + c |perp|^2."""

    u: Array
    scale: Array  # 1/|p|
    t: Array
    perp: Array
    gap: Array
    toward: Array  # 1 - sqrt(c) t
    F: Array
    level: Level


def _seen(x: Array, p: Array, c: Array) -> _Seen:
    xp = array_namespace(x)
    (u, scale), gap, root = direction(p), rim_gap(x, c), safe_sqrt(c)
    t = dot(x, u)
    perp = x - t * u
    square, positive = dot(perp, perp), t > 0
    # (1 - sqrt(c) t) (1 + sqrt(c) t) = g + c |perp|^2
    toward = xp.where(positive, (gap + c * square) / (1 + root * xp.where(positive, t, xp.zeros_like(t))), 1 - root * t)
    F = toward * toward + c * square
    return _Seen(u, scale, t, perp, gap, toward, F, level(root, 2 * (root * square - t * toward) / gap, F / gap))


def _level_by_curvature(x: Array, c: Array, r: _Seen) -> Array:
    xp, (root, y, z, eta, b) = array_namespace(x), r.level
    flat = c == 0
    c, root, two = xp.where(flat, 1 + c, c), xp.where(flat, 1 + root, root), 2 + z
    xx = dot(x, x)
    rate = (3 + z) / ((1 + z) * two) - 4 * log1p_remainder(z) / two**3
    near = dot(r.perp, r.perp) / (root * r.gap**2) - xx * y / r.gap + y**3 * rate / 4
    far = (y / eta - b) / (2 * c) + xx / (root * r.gap)
    return xp.where(flat, 0 * b, xp.where(is_small(z), near, far))


@row_op("(d),(d),()->()")
def busemann(x: Array, p: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""Busemann function of the ideal point p: the limit of ``dist(x, y) - dist(0, y)`` as y goes to p.

    .. math:: b_p(x) = \frac{1}{\sqrt c} \log \frac{|p - \sqrt c \, x|^2}{1 - c|x|^2}

    [1]_. It is 0 at the origin and falls towards p; its level sets are the horospheres at p. The error is relative to
    the larger of abs(b) and 1/sqrt(c). At ``c = 0`` it is ``-2 p . x``.

    Parameters
    ----------
    x : array_like, shape (..., d)
        Points of the ball.
    p : array_like, shape (..., d)
        Ideal points, as vectors of length 1. Only their directions count, so that a rounded p is an ideal point too.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (...)
        NaN where x is outside the ball, or abs(\|p\|^2 - 1) > 1e-6.

    References
    ----------
    .. [1] M. R. Bridson and A. Haefliger, *Metric Spaces of Non-Positive Curvature*, Springer 1999, section II.8.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> p = np.array([1.0, 0.0])
    >>> poincare.busemann(np.array([[0.5, 0.0], [-0.5, 0.0], [0.0, 0.0]]), p).round(6)
    array([-1.098612,  1.098612,  0.      ])
    """
    return _seen(x, p, c).level.b


@row_op("(),(d),(d),()->(d),(d),()")
def busemann_vjp(g: Array, x: Array, p: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `busemann`, as `dist_vjp`; that of p is orthogonal to p.

    That of c is taken as 0 at ``c = 0``, towards which it grows like ``1 / sqrt(c)``.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> x_bar, p_bar, c_bar = poincare.busemann_vjp(1.0, np.zeros(2), np.array([1.0, 0.0]))
    >>> x_bar
    array([-2.,  0.])
    """
    r = _seen(x, p, c)
    to_F, root = 2 * g / r.F, r.level.root
    return (
        2 * g * root / r.gap * x - to_F * (r.toward * r.u - root * r.perp),
        -to_F * r.scale * r.perp,
        g * _level_by_curvature(x, c, r),
    )


def to_horo(x: Array, p: Array, /, c: Curvature = 1.0, *, out: tuple[Array, Array] | None = None) -> Horo:
    r"""Horospherical coordinates of x with respect to the ideal point p.

    .. math:: b = b_p(x), \qquad \zeta = \frac{2 (x - (x \cdot p) p)}{|p - \sqrt c \, x|^2}

    In them the metric is :math:`db^2 + e^{2 \sqrt c b} |d\zeta|^2` [1]_: the geodesics of constant zeta come from p,
    and b is the distance along them. The same pair as that of `hypergeom.lorentz.to_horo`.

    Parameters
    ----------
    x, p, c
        As in `busemann`, and so are the errors.
    out : tuple of numpy.ndarray, shapes (...) and (..., d), optional
        Where to write b and zeta (NumPy arrays only).

    Returns
    -------
    Horo
        ``b``, shape (...), and ``zeta``, shape (..., d), orthogonal to p. NaN as in `busemann`.

    References
    ----------
    .. [1] M. R. Bridson and A. Haefliger, *Metric Spaces of Non-Positive Curvature*, Springer 1999, section II.8.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> b, zeta = poincare.to_horo(np.array([0.0, 0.5]), np.array([1.0, 0.0]))
    >>> b.round(6), zeta
    (np.float64(0.510826), array([0. , 0.8]))
    """
    return Horo(*_to_horo(x, p, c, out=out))


@row_op("(d),(d),()->(),(d)")
def _to_horo(
    x: Array, p: Array, /, c: Curvature = 1.0, *, out: tuple[Array, Array] | None = None
) -> tuple[Array, Array]:
    r = _seen(x, p, c)
    return r.level.b, 2 / r.F * r.perp


@row_op("(),(d),(d),(d),()->(d),(d),()")
def to_horo_vjp(g_b: Array, g_zeta: Array, x: Array, p: Array, /, c: Curvature = 1.0) -> tuple[Array, Array, Array]:
    """Cotangents of the arguments of `to_horo`, as `busemann_vjp`; those of b and zeta have their shapes.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> x, p = np.zeros(2), np.array([1.0, 0.0])
    >>> poincare.to_horo_vjp(1.0, np.array([0.0, 1.0]), x, p)[0]
    array([-2.,  2.])
    """
    xp = array_namespace(x)
    r = _seen(x, p, c)
    root, to_F = r.level.root, 2 / r.F
    gu = dot(g_zeta, r.u)
    g_perp, of_zeta = g_zeta - gu * r.u, to_F * dot(g_zeta, r.perp)
    of_F = root * of_zeta - g_b
    flat = c == 0
    eta_c = r.level.y / (2 * xp.where(flat, 1 + root, root) * r.level.eta)
    return (
        to_F * (g_perp + of_F * (r.toward * r.u - root * r.perp)) + 2 * g_b * root / r.gap * x,
        -to_F * r.scale * ((gu - of_F) * r.perp + r.t * g_perp),
        g_b * _level_by_curvature(x, c, r) - xp.where(flat, 0 * eta_c, of_zeta * eta_c),
    )


class _Placed(NamedTuple):
    """X / (1 + h) with X = eta zeta + A u; eta, cosh, sinh, A and 1 + h are times unit."""

    u: Array
    scale: Array
    zeta: Array  # the part across p
    tilt: Array  # along p
    root: Array
    beta: Array
    far: Array
    unit: Array
    eta: Array
    cosh: Array
    sinh: Array  # over sqrt(c)
    zz: Array
    A: Array
    weight: Array


def _placed(b: Array, zeta: Array, p: Array, c: Array) -> _Placed:
    xp = array_namespace(zeta)
    (u, scale), root = direction(p), safe_sqrt(c)
    tilt = dot(zeta, u)
    zeta = zeta - tilt * u
    zz, beta = dot(zeta, zeta), root * b
    far, ones = xp.abs(beta) > 1, xp.ones_like(beta)
    shift = xp.where(far, xp.abs(beta), 0 * ones)
    eta, shrunk = xp.exp(beta - shift), xp.exp(-beta - shift)
    near = xp.where(far, 0 * ones, b * sinh_ratio(xp.where(far, ones, c * b * b)))
    sinh = xp.where(far, (eta - shrunk) / (2 * xp.where(far, root + 0 * beta, ones)), near)
    unit, cosh, A = xp.exp(-shift), (eta + shrunk) / 2, root * eta * zz / 2 - sinh
    weight = 1 / (unit + cosh + c * eta * zz / 2)
    return _Placed(u, scale, zeta, tilt, root, beta, far, unit, eta, cosh, sinh, zz, A, weight)


@row_op("(),(d),(d),()->(d)")
def from_horo(b: Array, zeta: Array, p: Array, /, c: Curvature = 1.0, *, out: Array | None = None) -> Array:
    r"""The point with horospherical coordinates b and zeta: the inverse of `to_horo`.

    .. math:: x = \frac{X}{1 + \sqrt{1 + c |X|^2}}, \qquad X = \eta \zeta
        + \Bigl(\frac{\sqrt c}{2} \eta |\zeta|^2 - \frac{\sinh \sqrt c \, b}{\sqrt c}\Bigr) p,
        \qquad \eta = e^{\sqrt c b}

    without overflow at any b, and without cancellation. At ``c = 0`` it is ``(zeta - b p) / 2``.

    Parameters
    ----------
    b : array_like, shape (...)
        Values of the Busemann function.
    zeta : array_like, shape (..., d)
        Points of the horosphere; a part along p does not count.
    p : array_like, shape (..., d)
        Ideal points, as in `busemann`.
    c, out
        As in `dist`, and so are the errors.

    Returns
    -------
    array, shape (..., d)
        Points of the ball; far out they round to its rim. NaN in rows where abs(\|p\|^2 - 1) > 1e-6.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> x, p = np.array([0.2, 0.5]), np.array([1.0, 0.0])
    >>> poincare.from_horo(*poincare.to_horo(x, p), p).round(12)
    array([0.2, 0.5])
    """
    r = _placed(b, zeta, p, c)
    return r.weight * r.eta * r.zeta + r.weight * r.A * r.u


@row_op("(d),(),(d),(d),()->(),(d),(d),()")
def from_horo_vjp(
    g: Array, b: Array, zeta: Array, p: Array, /, c: Curvature = 1.0
) -> tuple[Array, Array, Array, Array]:
    """Cotangents of the arguments of `from_horo`, as `busemann_vjp`; `g` has shape (..., d).

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> g, p = np.array([1.0, 2.0]), np.array([1.0, 0.0])
    >>> b_bar, zeta_bar, p_bar, c_bar = poincare.from_horo_vjp(g, 0.0, np.zeros(2), p)
    >>> float(b_bar), zeta_bar
    (-0.5, array([0., 1.]))
    """
    xp = array_namespace(g)
    r = _placed(b, zeta, p, c)
    W, root = r.weight, r.root
    gu, gz = dot(g, r.u), dot(g, r.zeta)
    g_perp = g - gu * r.u
    turn = root * W * ((r.unit + r.eta) * gu - root * r.eta * gz)
    flat = c == 0
    safe_c, safe_root = xp.where(flat, 1 + c, c), xp.where(flat, 1 + root, root)
    near = b**3 * sinh_ratio_slope(xp.where(r.far, 0 * r.beta, r.beta * r.beta))
    A_c = r.eta * r.zz * (1 + r.beta) / (4 * safe_root) - xp.where(r.far, (b * r.cosh - r.sinh) / (2 * safe_c), near)
    h_c = b * r.sinh / 2 + r.eta * r.zz * (2 + r.beta) / 4
    c_bar = W * (r.eta * b / (2 * safe_root) * gz + A_c * gu - W * (r.eta * gz + r.A * gu) * h_c)
    return (
        W * W * r.unit * (root * (r.unit + r.eta) * gz + (c * r.eta * r.zz / 2 - r.unit - r.cosh) * gu),
        W * r.eta * (g_perp + turn * r.zeta),
        W * r.scale * ((r.A - r.eta * r.tilt) * g_perp - r.eta * (gu + r.tilt * turn) * r.zeta),
        xp.where(flat, 0 * c_bar, c_bar),
    )
