"""The Stiefel manifold of orthonormal frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import array_api_compat
from array_api_compat import array_namespace

from hypergeom._gpus import methods_on_one_gpu
from hypergeom._rows import Array
from hypergeom.manifolds.arguments import (
    as_like,
    broadcast_tangent,
    checked_shape,
    draw_normal,
    namespace_and_arrays,
    parameter,
    zeros,
)
from hypergeom.manifolds.blocks import matrices_by_blocks
from hypergeom.manifolds.checks import raise_worst
from hypergeom.manifolds.matrices import eye, frobenius, on_finite
from hypergeom.manifolds.protocol import Seed
from hypergeom.manifolds.stiefel_geodesics import Geodesic, frame, logarithm, positive_qr, skew, sym, transpose

__all__ = ["Stiefel"]

_METRICS, _RETRACTIONS = ("canonical", "euclidean"), ("qr", "polar", "cayley")


@methods_on_one_gpu
@matrices_by_blocks
@dataclass(frozen=True)
class Stiefel:
    r"""The Stiefel manifold :math:`\{X \in R^{n \times p} : X^T X = I\}`, n >= p.

    The methods are those of `Manifold`; a point is a matrix. Every method that makes points makes its columns
    orthonormal to rounding, so that no number of steps drifts off. On a GPU `exp` copies one number to the
    host, that of squarings of a matrix exponential, and `log` one or more in each iteration.

    Parameters
    ----------
    metric : {"canonical", "euclidean"}
        :math:`\operatorname{tr} U^T (I - \frac12 X X^T) V` or :math:`\operatorname{tr} U^T V` [1]_.
    retraction : {"qr", "polar", "cayley"}
        ``"qr"``: the orthonormal factor of X + V, of first order. ``"polar"``: the nearest point to X + V, of second
        order in the Euclidean metric and of first in the canonical one. ``"cayley"``: the Cayley transform in place of
        the exponential, of second order in the canonical metric and of first in the Euclidean one.

    Notes
    -----
    `log`, and so `dist`, `transport` and `geodesic`, has no closed form: it iterates, and raises `ConvergenceError`
    where that fails. It finds the shortest geodesic if the distance is below the injectivity radius, about
    0.91 pi in the canonical metric [2]_ and pi in the Euclidean one [3]_; farther off it may find a longer one.

    References
    ----------
    .. [1] A. Edelman, T. A. Arias, S. T. Smith, "The geometry of algorithms with orthogonality constraints", SIAM J.
       Matrix Anal. Appl. 20, 1998.
    .. [2] P.-A. Absil, S. Mataigne, "The ultimate upper bound on the injectivity radius of the Stiefel manifold", SIAM
       J. Matrix Anal. Appl. 46, 2025.
    .. [3] R. Zimmermann, J. Stoye, "The injectivity radius of the compact Stiefel manifold under the Euclidean metric",
       SIAM J. Matrix Anal. Appl. 46, 2025.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom.manifolds import Stiefel
    >>> stiefel = Stiefel()
    >>> x = stiefel.origin((4, 2))
    >>> v = 0.1 * stiefel.random_tangent(x, rng=0)
    >>> bool(np.allclose(stiefel.log(x, stiefel.exp(x, v)), v))
    True
    """

    metric: Literal["canonical", "euclidean"] = "canonical"
    retraction: Literal["qr", "polar", "cayley"] = "qr"

    def __post_init__(self) -> None:
        for name, value, known in (
            ("metric", self.metric, _METRICS),
            ("retraction", self.retraction, _RETRACTIONS),
        ):
            if value not in known:
                raise ValueError(f"Stiefel: {name} must be one of {', '.join(map(repr, known))}, got {value!r}")

    @property
    def point_ndim(self) -> int:
        """2: a point is a matrix."""
        return 2

    @property
    def _beta(self) -> int:
        return 1 if self.metric == "canonical" else 2

    def dim(self, shape: tuple[int, ...], /) -> int:
        """``n p - p (p + 1) / 2``."""
        n, p = _checked_shape("dim", shape)[-2:]
        return n * p - p * (p + 1) // 2

    def origin(self, shape: tuple[int, ...], /, *, like: Array = None) -> Array:
        """The first p columns of the identity."""
        x = zeros(_checked_shape("origin", shape), like)
        return x + eye(x, *x.shape[-2:])

    def random_point(self, shape: tuple[int, ...], /, *, rng: Seed = None, like: Array = None) -> Array:
        """Uniform."""
        return as_like(positive_qr(draw_normal(_checked_shape("random_point", shape), rng, None)), like)

    def random_tangent(self, x: Array, /, *, rng: Seed = None) -> Array:
        """A standard normal matrix, projected; in the canonical metric, the part within X times the root of 2."""
        _, (x,) = _arrays("random_tangent", x=x)
        v = _tangent(x, draw_normal(x.shape, rng, x))
        return v if self.metric == "euclidean" else v + (2**0.5 - 1) * x @ skew(transpose(x) @ v)

    def zero_tangent(self, x: Array, /) -> Array:
        """0."""
        xp, (x,) = _arrays("zero_tangent", x=x)
        return xp.zeros_like(x)

    def inner(self, x: Array, u: Array, v: Array, /) -> Array:
        """The metric's product of u and v."""
        xp, (x, u, v) = _arrays("inner", x=x, u=u, v=v)
        product = xp.sum(broadcast_tangent(x, u) * v, axis=(-2, -1))
        if self.metric == "euclidean":
            return product
        return product - xp.sum((transpose(x) @ u) * (transpose(x) @ v), axis=(-2, -1)) / 2

    def norm(self, x: Array, v: Array, /) -> Array:
        """The root of ``inner(x, v, v)``, as a sum of squares."""
        xp, (x, v) = _arrays("norm", x=x, v=v)
        largest = xp.max(xp.abs(v), axis=(-2, -1), keepdims=True)
        scale = xp.where((largest > 0) & (largest < xp.inf), largest, xp.ones_like(largest))
        v = broadcast_tangent(x, v / scale)
        within = transpose(x) @ v
        across = v - x @ within
        part = 1 / 2 if self.metric == "canonical" else 1
        square = part * xp.sum(within * within, axis=(-2, -1)) + xp.sum(across * across, axis=(-2, -1))
        return scale[..., 0, 0] * xp.sqrt(square)

    def exp(self, x: Array, v: Array, /) -> Array:
        """The geodesic of Edelman, Arias and Smith (1998), by two exponentials of skew-symmetric matrices."""
        _, (x, v) = _arrays("exp", x=x, v=v)
        return on_finite(self._exp, x, v)

    def _exp(self, x: Array, v: Array) -> Array:
        Q, geodesic = self._geodesic(x, v)
        return Q[..., :, : x.shape[-1]] + Q @ geodesic.displacement()

    def _geodesic(self, x: Array, v: Array) -> tuple[Array, Geodesic]:
        p = x.shape[-1]
        Q = frame(x, v)
        inside = transpose(Q) @ v
        return Q, Geodesic.shoot(skew(inside[..., :p, :]), inside[..., p:, :], self._beta)

    def log(self, x: Array, y: Array, /) -> Array:
        """The velocity of the geodesic from x to y, by iteration.

        Raises
        ------
        ConvergenceError
            The iteration fails: y is too far away, or for n = p in the other component.
        """
        _, (x, y) = _arrays("log", x=x, y=y)
        return on_finite(lambda x, y: logarithm(x, y, self._beta), x, y)

    def dist(self, x: Array, y: Array, /) -> Array:
        """The norm of `log`, with its error."""
        return self.norm(x, self.log(x, y))

    def transport(self, x: Array, y: Array, v: Array, /) -> Array:
        """Along the geodesic that `log` finds, with its error."""
        _, (x, y, v) = _arrays("transport", x=x, y=y, v=v)
        return self.project_tangent(y, self.exp_transport(x, self.log(x, y), v)[1])

    def exp_transport(self, x: Array, v: Array, u: Array, /) -> tuple[Array, Array]:
        """The transport is the exponential of a linear map of tangent vectors, by its series."""
        xp, (x, v, u) = _arrays("exp_transport", x=x, v=v, u=u)
        x, v, u = xp.broadcast_arrays(x, v, u)
        moved = on_finite(self._transport, x, v, u)
        return self.exp(x, v), moved

    def _transport(self, x: Array, v: Array, u: Array) -> Array:
        xp, p = array_namespace(x), x.shape[-1]
        # A frame of v that u is in as well: what v leaves out goes along with B = 0.
        Q = frame(x, xp.concat([v, u], axis=-1))
        v, u = transpose(Q) @ v, transpose(Q) @ u
        geodesic = Geodesic.shoot(skew(v[..., :p, :]), v[..., p:, :], self._beta)
        C, D = geodesic.transport(skew(u[..., :p, :]), u[..., p:, :])
        return Q @ geodesic.to_end(xp.concat([C, D], axis=-2))

    def geodesic(self, x: Array, y: Array, t: Any, /) -> Array:
        """``exp(x, t log(x, y))``."""
        xp, (x, y) = _arrays("geodesic", x=x, y=y)
        return self.exp(x, parameter("Stiefel.geodesic", xp, t, 2, x) * self.log(x, y))

    def retract(self, x: Array, v: Array, /) -> Array:
        """The retraction that the class was made with."""
        _, (x, v) = _arrays("retract", x=x, v=v)
        if self.retraction == "qr":
            return on_finite(lambda x, v: positive_qr(x + v), x, v)
        if self.retraction == "polar":
            # (X + V)(I + V^T V)^{-1/2} by singular vectors: an eigendecomposition of V^T V would square its condition.
            return on_finite(lambda x, v: _orthonormal(x + v), x, v)
        return on_finite(_cayley, x, v)

    def project(self, x: Array, /) -> Array:
        """The nearest point, the orthonormal polar factor; NaN where the rank is below p."""
        _, (x,) = _arrays("project", x=x)
        return on_finite(_orthonormal, x)

    def project_tangent(self, x: Array, u: Array, /) -> Array:
        """The nearest tangent vector, ``u - x sym(x^T u)``."""
        _, (x, u) = _arrays("project_tangent", x=x, u=u)
        return _tangent(x, u)

    def egrad2rgrad(self, x: Array, g: Array, /) -> Array:
        """``g - x g^T x`` in the canonical metric, ``g - x sym(x^T g)`` in the Euclidean one."""
        _, (x, g) = _arrays("egrad2rgrad", x=x, g=g)
        return self._rgrad(x, g)

    def _rgrad(self, x: Array, g: Array) -> Array:
        across = _tangent(x, g)
        if self.metric == "euclidean":
            return across
        return across + x @ skew(transpose(x) @ g)

    def ehess2rhess(self, x: Array, g: Array, h: Array, v: Array, /) -> Array:
        r"""Riemannian Hessian applied to v.

        In the Euclidean metric the tangent part of :math:`h - v \operatorname{sym}(x^T g)`; in the canonical one the
        covariant derivative along v of :math:`g - x g^T x`, with the Christoffel form of [1]_.

        References
        ----------
        .. [1] A. Edelman, T. A. Arias, S. T. Smith, "The geometry of algorithms with orthogonality constraints", SIAM
           J. Matrix Anal. Appl. 20, 1998, section 2.4.
        """
        _, (x, g, h, v) = _arrays("ehess2rhess", x=x, g=g, h=h, v=v)
        if self.metric == "euclidean":
            return _tangent(x, h - v @ sym(transpose(x) @ g))
        gradient = self._rgrad(x, g)
        derivative = h - v @ (transpose(g) @ x) - x @ (transpose(h) @ x) - x @ (transpose(g) @ v)
        turned = (v @ transpose(gradient) + gradient @ transpose(v)) @ x / 2
        return _tangent(x, derivative + turned - x @ (transpose(x) @ turned))

    def check(self, x: Array, /, *, atol: float | None = None) -> None:
        """The residual is ``|x^T x - I| / sqrt(p)`` in the Frobenius norm."""
        _, (x,) = _arrays("check", x=x)
        excess = transpose(x) @ x - eye(x, x.shape[-1])
        raise_worst("a point of the Stiefel manifold", frobenius(excess) / x.shape[-1] ** 0.5, atol)

    def check_tangent(self, x: Array, v: Array, /, *, atol: float | None = None) -> None:
        """The residual is ``|sym(x^T v)| / |v|`` in the Frobenius norm."""
        xp, (x, v) = _arrays("check_tangent", x=x, v=v)
        self.check(x, atol=atol)
        largest = xp.max(xp.abs(v), axis=(-2, -1), keepdims=True)
        scale = xp.where(largest > 0, largest, xp.ones_like(largest))
        v = xp.where(xp.isfinite(scale), broadcast_tangent(x, v / scale), xp.full_like(scale, xp.nan))
        size = frobenius(v)
        residual = frobenius(sym(transpose(x) @ v)) / xp.where(size > 0, size, xp.ones_like(size))
        raise_worst("a tangent vector of the Stiefel manifold", residual, atol)


def _tangent(x: Array, u: Array) -> Array:
    """The part along the manifold, to its own precision: once more takes what rounding left of a long other part."""
    u = u - x @ sym(transpose(x) @ u)
    return u - x @ sym(transpose(x) @ u)


def _orthonormal(x: Array) -> Array:
    xp = array_namespace(x)
    u, s, vh = xp.linalg.svd(x, full_matrices=False)
    smallest, largest = s[..., -1:, None], s[..., :1, None]
    full_rank = smallest > 4 * float(xp.finfo(x.dtype).eps) * largest
    return xp.where(full_rank, u @ vh, xp.full_like(x, xp.nan))


def _cayley(x: Array, v: Array) -> Array:
    """(I - W/2)^{-1} (I + W/2) x, W the skew-symmetric matrix of v = W x, in the frame of v."""
    xp, p = array_namespace(x), x.shape[-1]
    Q = frame(x, v)
    inside = transpose(Q) @ v
    A, B = skew(inside[..., :p, :]), inside[..., p:, :]
    zeros = xp.zeros((*B.shape[:-1], B.shape[-2]), dtype=B.dtype, device=array_api_compat.device(B))
    half = xp.concat([xp.concat([A, B], axis=-2), xp.concat([-transpose(B), zeros], axis=-2)], axis=-1) / 2
    identity = eye(half, half.shape[-1])
    # (I - W/2)^{-1} (I + W/2) = I + (I - W/2)^{-1} W
    moved = xp.linalg.solve(identity - half, 2 * half[..., :, :p])
    return Q[..., :, :p] + Q @ moved


def _checked_shape(method: str, shape: Any) -> tuple[int, ...]:
    lengths = checked_shape(f"Stiefel.{method}", shape, 2)
    _check_tall(method, lengths)
    return lengths


def _check_tall(method: str, shape: tuple[int, ...]) -> None:
    if shape[-2] < shape[-1]:
        raise ValueError(f"Stiefel.{method}: a point needs at least as many rows as columns, got shape {shape}")


def _arrays(method: str, /, **given: Any) -> tuple[Any, list[Array]]:
    xp, arrays = namespace_and_arrays(f"Stiefel.{method}", 2, **given)
    _check_tall(method, tuple(arrays[0].shape))
    return xp, arrays
