"""Curves of retractions with their exact velocities: the derivative that a line search needs."""

from __future__ import annotations

from typing import Any

from array_api_compat import array_namespace

from hypergeom import polar
from hypergeom._gpus import on_one_gpu
from hypergeom._rows import Array
from hypergeom.manifolds import LorentzGroup, Manifold, Product, Stiefel, Validating
from hypergeom.manifolds.arguments import namespace_and_arrays, parameter
from hypergeom.manifolds.matrices import eye, on_finite
from hypergeom.manifolds.protocol import Point
from hypergeom.manifolds.stiefel_geodesics import frame, skew, transpose

__all__ = ["retraction_curve"]


@on_one_gpu
def retraction_curve(manifold: Manifold, x: Point, v: Point, t: Any, /) -> tuple[Point, Point]:
    r"""The point :math:`y = R_x(t v)` of the curve that optimizers search, and its velocity there.

    R is `exp` where that and parallel transport have a closed form, and the velocity is v transported along. On a
    Stiefel manifold R is its retraction and on a `LorentzGroup` the Cayley transform; there v transported or
    projected is *not* the velocity, and its product with a gradient is not the derivative along the curve.

    Parameters
    ----------
    manifold : Manifold
    x, v : array, or tuple of arrays for a `Product`
        A point, and a tangent vector there.
    t : float, or array with a number for each row
        Any real number.

    Returns
    -------
    y : array or tuple of arrays
        The point at time t.
    velocity : array or tuple of arrays
        The derivative of y in t, a tangent vector at y as the manifold stores them: of a `LorentzGroup` without
        its factor y.

    Raises
    ------
    TypeError
        `manifold` is none.
    ValueError
        Shapes do not fit.

    Notes
    -----
    With :math:`X + t V = Q R`, the diagonal of R positive, and :math:`W = V R^{-1}`, :math:`A = Q^T W`, L its part
    below the diagonal, the velocity along ``"qr"`` is :math:`Q (L - L^T) + W - Q A`; along ``"polar"`` it is the
    derivative of the polar factor, `hypergeom.polar.msign_jvp`. The Cayley transform of a skew-symmetric matrix W
    moves with :math:`(I - \frac t2 W)^{-1} W (X + Y) / 2`, and on the group with
    :math:`X (I - t^2 X^2 / 4)^{-1}` in the algebra [1]_. A row that is not finite or not on the curve is NaN.

    References
    ----------
    .. [1] N. J. Higham, *Functions of Matrices*, SIAM 2008, chapter 3.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom.manifolds import Stiefel
    >>> from hypergeom.optim import retraction_curve
    >>> stiefel = Stiefel()
    >>> x = stiefel.origin((4, 2))
    >>> v = stiefel.random_tangent(x, rng=0)
    >>> y, velocity = retraction_curve(stiefel, x, v, 0.5)
    >>> ahead, behind = (retraction_curve(stiefel, x, v, 0.5 + h)[0] for h in (1e-5, -1e-5))
    >>> bool(np.allclose((ahead - behind) / 2e-5, velocity))
    True
    >>> bool(np.allclose(stiefel.project_tangent(y, v), velocity))
    False
    """
    if isinstance(manifold, type) or not isinstance(manifold, Manifold):
        raise TypeError(f"retraction_curve: needs a manifold, got {manifold!r}")
    if isinstance(manifold, Validating):
        manifold.check(x)
        manifold.check_tangent(x, v)
        y, velocity = retraction_curve(manifold.manifold, x, v, t)
        manifold.check_tangent(y, velocity)
        return y, velocity
    if isinstance(manifold, Product):
        for name, point in (("x", x), ("v", v)):
            if not isinstance(point, tuple) or len(point) != len(manifold.factors):
                raise ValueError(f"retraction_curve: {name} needs {len(manifold.factors)} entries, got {point!r}")
        curves = [retraction_curve(*parts, t) for parts in zip(manifold.factors, x, v, strict=True)]
        return tuple(y for y, _ in curves), tuple(velocity for _, velocity in curves)
    core = manifold.point_ndim
    xp, (x, v) = namespace_and_arrays("retraction_curve", core, x=x, v=v)
    time = parameter("retraction_curve", xp, t, core, x)
    if isinstance(manifold, Stiefel):
        x, v, time = xp.broadcast_arrays(x, v, time)
        return _STIEFEL[manifold.retraction](manifold, x, v, time[..., :1, :1])
    if isinstance(manifold, LorentzGroup):
        velocity = on_finite(_cayley_velocity, v, time + 0 * v)
        return manifold.retract(x, time * v), velocity + xp.zeros_like(x)
    y, velocity = manifold.exp_transport(x, time * v, v)
    return y, velocity


def _qr(manifold: Stiefel, x: Array, v: Array, t: Array) -> tuple[Array, Array]:
    xp = array_namespace(x)
    y = manifold.retract(x, t * v)
    R = xp.triu(transpose(y) @ (x + t * v))  # below the diagonal is rounding
    regular = xp.all(xp.linalg.diagonal(R) > 0, axis=-1)[..., None, None]
    R, v = xp.where(regular, R, eye(R, R.shape[-1])), xp.where(regular, v, xp.full_like(v, xp.nan))
    W = transpose(xp.linalg.solve(transpose(R), transpose(v)))
    A = transpose(y) @ W
    L = xp.tril(A, k=-1)
    return y, y @ (L - transpose(L) - A) + W


def _polar(manifold: Stiefel, x: Array, v: Array, t: Array) -> tuple[Array, Array]:
    return manifold.retract(x, t * v), polar.msign_jvp(x + t * v, v)


def _cayley(manifold: Stiefel, x: Array, v: Array, t: Array) -> tuple[Array, Array]:
    """In the frame Q = [x, Q2] of v, where W = [[A, -B^T], [B, 0]]."""
    xp, p = array_namespace(x), x.shape[-1]

    def curve(x: Array, v: Array, t: Array) -> Array:
        Q = frame(x, v)
        inside = transpose(Q) @ v
        A, B = skew(inside[..., :p, :]), inside[..., p:, :]
        corner = xp.zeros_like(B @ transpose(B))
        W = xp.concat([xp.concat([A, B], axis=-2), xp.concat([-transpose(B), corner], axis=-2)], axis=-1)
        t = t[..., :1, :1]
        left = eye(W, W.shape[-1]) - t * W / 2
        first = W[..., :, :p]  # W x in the frame
        # Y = X + (I - tW/2)^{-1} t W X, and its derivative (I - tW/2)^{-1} W (X + Y) / 2
        moved = t * xp.linalg.solve(left, first)
        velocity = xp.linalg.solve(left, first + W @ moved / 2)
        return Q @ velocity

    velocity = on_finite(curve, x, v, t + 0 * x)
    return manifold.retract(x, t * v), velocity


def _cayley_velocity(v: Array, t: Array) -> Array:
    xp = array_namespace(v)
    half = t * v / 2
    left = eye(v, v.shape[-1]) - half @ half
    regular = (xp.linalg.det(left) != 0)[..., None, None]
    turned = xp.linalg.solve(xp.where(regular, left, eye(left, left.shape[-1])), v)
    return xp.where(regular, turned, xp.full_like(turned, xp.nan))


_STIEFEL = {"qr": _qr, "polar": _polar, "cayley": _cayley}
