"""The Lorentz group and its kin: the matrices that keep an indefinite inner product."""

from __future__ import annotations

import numbers
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from array_api_compat import array_namespace

from hypergeom import polar
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
from hypergeom.manifolds.checks import raise_worst
from hypergeom.manifolds.matrices import eye, frobenius, on_finite
from hypergeom.manifolds.matrix_exponential import expm1
from hypergeom.manifolds.protocol import Seed
from hypergeom.manifolds.stiefel_geodesics import transpose
from hypergeom.polar.indefinite_iterations import inverse_and_logdet
from hypergeom.polar.jorthogonal import signed, star
from hypergeom.polar.kernels import algebra_projection, has_kernels

__all__ = ["LorentzGroup"]


@methods_on_one_gpu
@dataclass(frozen=True)
class LorentzGroup:
    r"""The group O(p, q) of the matrices W with :math:`W^T J W = J`, :math:`J = \operatorname{diag}(j)`.

    j has q entries -1, then p entries +1, as in `hypergeom.polar.signature`: ``LorentzGroup(d, 1)`` acts on the points
    ``(..., d + 1)`` of `hypergeom.lorentz` with c = 1, by ``w @ x``. With q = 0 it is the orthogonal group.

    The methods are those of `Manifold`, and some of the group. **A tangent vector at W is stored without its factor
    W**: as the X of W X, in the algebra so(p, q) of the matrices with :math:`X^* = -X`,
    :math:`X^* = J X^T J`. The metric is the Frobenius product of these X, which is invariant under left
    multiplication, and transport is left translation: it changes nothing in X and is exact.

    Parameters
    ----------
    p, q : int
        How many entries of j are +1 and -1; not negative, and not both 0.

    Notes
    -----
    `exp` is the exponential of the group, W expm(X). Its curves W expm(t X) are geodesics of the connection of left
    translation [1]_ but not of the Frobenius metric: no metric of the group is invariant from both sides and positive
    where p and q are positive. So `log` is the inverse of this `exp`, the principal logarithm of
    :math:`W_1^{-1} W_2`, where that exists; and `dist` raises `NotImplementedError`, because the length of a shortest
    path has no closed form.

    References
    ----------
    .. [1] P.-A. Absil, R. Mahony, R. Sepulchre, "Optimization Algorithms on Matrix Manifolds", Princeton 2008,
       chapters 4 and 5.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom.manifolds import LorentzGroup
    >>> group = LorentzGroup(2, 1)
    >>> w = group.exp(group.origin((3, 3)), [[0.0, 1.0, 0.0], [1.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    >>> w[:, 0].round(4)  # where the boost takes the apex: cosh 1, sinh 1
    array([1.5431, 1.1752, 0.    ])
    >>> bool(np.allclose(w @ group.inverse(w), np.eye(3)))
    True
    """

    p: int
    q: int

    def __post_init__(self) -> None:
        for name, value in (("p", self.p), ("q", self.q)):
            if isinstance(value, bool) or not isinstance(value, numbers.Integral):
                raise TypeError(f"LorentzGroup: {name} must be an integer, got {value!r}")
            if value < 0:
                raise ValueError(f"LorentzGroup: {name} must not be negative, got {value!r}")
            object.__setattr__(self, name, int(value))
        if self.n == 0:
            raise ValueError("LorentzGroup: p + q must be positive, got p = 0 and q = 0")

    @property
    def n(self) -> int:
        """p + q."""
        return self.p + self.q

    @property
    def j(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """The diagonal of J."""
        return np.asarray(polar.signature(self.p, self.q))

    @property
    def point_ndim(self) -> int:
        """2: a point is a matrix."""
        return 2

    def dim(self, shape: tuple[int, ...], /) -> int:
        """``n (n - 1) / 2``."""
        self._checked_shape("dim", shape)
        return self.n * (self.n - 1) // 2

    def origin(self, shape: tuple[int, ...], /, *, like: Array = None) -> Array:
        """The identity."""
        empty = zeros(self._checked_shape("origin", shape), like)
        return empty + eye(empty, self.n)

    def random_point(
        self,
        shape: tuple[int, ...],
        /,
        *,
        rng: Seed = None,
        like: Array = None,
        cond: float = 10.0,
        connected: bool = True,
    ) -> Array:
        """As `hypergeom.polar.random_jorthogonal`, with the condition number `cond`.

        Two random rotations of the entries of each sign, between them boosts; with `connected` in the component of the
        identity, else in any.
        """
        lengths = self._checked_shape("random_point", shape)
        values = polar.random_jorthogonal(self.j, cond=cond, connected=connected, size=lengths[:-2], rng=rng)
        return as_like(values, like)

    def random_tangent(self, x: Array, /, *, rng: Seed = None) -> Array:
        """A standard normal matrix, projected."""
        _, (x,) = self._arrays("random_tangent", x=x)
        return self._skew_part(draw_normal(tuple(x.shape), rng, x))

    def zero_tangent(self, x: Array, /) -> Array:
        """0."""
        xp, (x,) = self._arrays("zero_tangent", x=x)
        return xp.zeros_like(x)

    def inner(self, x: Array, u: Array, v: Array, /) -> Array:
        """The sum of the products of the entries of u and v."""
        xp, (x, u, v) = self._arrays("inner", x=x, u=u, v=v)
        return xp.sum(broadcast_tangent(x, u) * v, axis=(-2, -1))

    def norm(self, x: Array, v: Array, /) -> Array:
        """The Frobenius norm of v."""
        xp, (x, v) = self._arrays("norm", x=x, v=v)
        v = broadcast_tangent(x, v)
        largest = xp.max(xp.abs(v), axis=(-2, -1), keepdims=True)
        scale = xp.where((largest > 0) & (largest < xp.inf), largest, xp.ones_like(largest))
        return scale[..., 0, 0] * frobenius(v / scale)

    def exp(self, x: Array, v: Array, /) -> Array:
        """``x expm(v)``."""
        _, (x, v) = self._arrays("exp", x=x, v=v)
        return x + x @ expm1(v)

    def log(self, x: Array, y: Array, /) -> Array:
        """The v in the algebra with ``exp(x, v) = y``, the principal logarithm of ``inverse(x) @ y``.

        NaN where that has an eigenvalue on the closed negative real axis: then there is no principal logarithm, such as
        for points in different components. The square roots on the way are J-polar factors [1]_, so that they stay in
        the group.

        References
        ----------
        .. [1] N. J. Higham, D. S. Mackey, N. Mackey, F. Tisseur, "Functions preserving matrix groups and iterations for
           the matrix square root", SIAM J. Matrix Anal. Appl. 26, 2005.
        """
        _, (x, y) = self._arrays("log", x=x, y=y)
        # inverse(x) y - I, with the digits of y - x
        return on_finite(lambda x, y: self._skew_part(_log1p(self._adjoint(x) @ (y - x), self.j)), x, y)

    def dist(self, x: Array, y: Array, /) -> Array:
        """Not there: raises `NotImplementedError`, see the notes of the class."""
        raise NotImplementedError(
            "LorentzGroup.dist: the distance of the Frobenius metric, which is invariant under left multiplication "
            "only, has no closed form; norm(x, log(x, y)) is the length of the curve x expm(t v) from x to y"
        )

    def transport(self, x: Array, y: Array, v: Array, /) -> Array:
        """v itself: left translation."""
        _, (x, y, v) = self._arrays("transport", x=x, y=y, v=v)
        return broadcast_tangent(x, broadcast_tangent(y, v))

    def exp_transport(self, x: Array, v: Array, u: Array, /) -> tuple[Array, Array]:
        """``exp(x, v)``, and u itself."""
        _, (x, v, u) = self._arrays("exp_transport", x=x, v=v, u=u)
        return self.exp(x, broadcast_tangent(u, v)), broadcast_tangent(x, broadcast_tangent(v, u))

    def geodesic(self, x: Array, y: Array, t: Any, /) -> Array:
        """``exp(x, t log(x, y))``."""
        xp, (x, y) = self._arrays("geodesic", x=x, y=y)
        return self.exp(x, parameter("LorentzGroup.geodesic", xp, t, 2, x) * self.log(x, y))

    def retract(self, x: Array, v: Array, /, *, method: Literal["cayley", "expm"] = "cayley") -> Array:
        """``x (I - v/2)^{-1} (I + v/2)``, the Cayley transform in place of the exponential, of second order.

        In the group wherever ``I - v/2`` is nonsingular, for which ``norm_2(v) < 2`` suffices; NaN where it is
        singular. ``method="expm"`` is `exp`.
        """
        if method not in ("cayley", "expm"):
            raise ValueError(f"LorentzGroup.retract: method must be 'cayley' or 'expm', got {method!r}")
        if method == "expm":
            return self.exp(x, v)
        _, (x, v) = self._arrays("retract", x=x, v=v)
        return on_finite(_cayley, x, v)

    def project(self, x: Array, /) -> Array:
        """The J-orthogonal factor of x, see `hypergeom.polar.jpolar`.

        Raises
        ------
        NoJPolarError
            x has none.
        """
        _, (x,) = self._arrays("project", x=x)
        return on_finite(lambda x: polar.jpolar(x, self.j).w, x)

    def project_tangent(self, x: Array, u: Array, /) -> Array:
        """The nearest matrix to u in the algebra: as `project_algebra`."""
        _, (x, u) = self._arrays("project_tangent", x=x, u=u)
        return broadcast_tangent(x, self._skew_part(u))

    def egrad2rgrad(self, x: Array, g: Array, /) -> Array:
        """``project_algebra(x^T g)``."""
        _, (x, g) = self._arrays("egrad2rgrad", x=x, g=g)
        return self._skew_part(transpose(x) @ g)

    def ehess2rhess(self, x: Array, g: Array, h: Array, v: Array, /) -> Array:
        r"""Riemannian Hessian applied to v, where h is the Euclidean one applied to x v.

        :math:`P(v^T A + x^T h) - \frac12 P(v^T r - r v^T)` with :math:`A = x^T g`, :math:`r = P(A)` and P the
        projection onto the algebra. The second term makes it symmetric: this is the second derivative along ``exp`` and
        along ``retract``.
        """
        _, (x, g, h, v) = self._arrays("ehess2rhess", x=x, g=g, h=h, v=v)
        A, vt = transpose(x) @ g, transpose(v)
        r = self._skew_part(A)
        return self._skew_part(vt @ A + transpose(x) @ h - (vt @ r - r @ vt) / 2)

    def check(self, x: Array, /, *, atol: float | None = None) -> None:
        """The residual is ``norm(x^T J x - J) / norm(x)^2`` in the Frobenius norm."""
        _, (x,) = self._arrays("check", x=x)
        raise_worst(f"a point of O({self.p}, {self.q})", self.residual(x), atol)

    def check_tangent(self, x: Array, v: Array, /, *, atol: float | None = None) -> None:
        """The residual is ``norm(v + v^*) / (2 norm(v))`` in the Frobenius norm."""
        xp, (x, v) = self._arrays("check_tangent", x=x, v=v)
        self.check(x, atol=atol)
        size = frobenius(v)
        residual = frobenius(v + self._adjoint(v)) / (2 * xp.where(size > 0, size, xp.ones_like(size)))
        raise_worst(f"a tangent vector of O({self.p}, {self.q})", residual, atol)

    # --- of the group -------------------------------------------------------------------------------------------------

    def inverse(self, w: Array, /) -> Array:
        """``J w^T J``."""
        _, (w,) = self._arrays("inverse", w=w)
        return self._adjoint(w)

    def project_algebra(self, e: Array, /) -> Array:
        """The nearest matrix in the algebra so(p, q), ``(e - J e^T J) / 2``."""
        _, (e,) = self._arrays("project_algebra", e=e)
        return self._skew_part(e)

    def polish(self, w: Array, /, *, steps: int = 1) -> Array:
        """Take off the drift of many steps: as `hypergeom.polar.schulz_polish`.

        Raises
        ------
        ConvergenceError
            w is too far from the group for that; `project` may help.
        """
        _, (w,) = self._arrays("polish", w=w)
        return polar.schulz_polish(w, self.j, steps=steps)

    def residual(self, w: Array, /) -> Array:
        """How far w is off, ``norm(w^T J w - J) / norm(w)^2`` in the Frobenius norm."""
        _, (w,) = self._arrays("residual", w=w)
        return polar.jorthogonality_residual(w, self.j)

    def component(self, w: Array, /) -> tuple[Array, Array]:
        """The signs of the determinants of the blocks of + and of - entries: (1, 1) in the identity's component.

        The group has four components where p and q are positive. The sign of an empty block is 1.
        """
        xp, (w,) = self._arrays("component", w=w)
        return xp.sign(xp.linalg.det(w[..., self.q :, self.q :])), xp.sign(xp.linalg.det(w[..., : self.q, : self.q]))

    # ------------------------------------------------------------------------------------------------------------------

    def _adjoint(self, a: Array) -> Array:
        return star(a, signed(self.j, a))

    def _skew_part(self, a: Array) -> Array:
        if has_kernels(a):
            return algebra_projection(a, signed(self.j, a))
        return (a - self._adjoint(a)) / 2

    def _checked_shape(self, method: str, shape: Any) -> tuple[int, ...]:
        lengths = checked_shape(f"LorentzGroup.{method}", shape, 2)
        self._check_size(method, lengths)
        return lengths

    def _check_size(self, method: str, shape: tuple[int, ...]) -> None:
        if tuple(shape[-2:]) != (self.n, self.n):
            raise ValueError(f"LorentzGroup.{method}: a point of {self} is {self.n} by {self.n}, got shape {shape}")

    def _arrays(self, method: str, /, **given: Any) -> tuple[Any, list[Array]]:
        xp, arrays = namespace_and_arrays(f"LorentzGroup.{method}", 2, **given)
        self._check_size(method, tuple(arrays[0].shape))
        return xp, arrays


def _cayley(x: Array, v: Array) -> Array:
    xp, one = array_namespace(x), eye(v, v.shape[-1])
    left = one - v / 2
    try:
        turned = _solved(left, v)
    except (np.linalg.LinAlgError, RuntimeError):  # RuntimeError: PyTorch's
        regular = (xp.linalg.det(left) != 0)[..., None, None]
        turned = xp.linalg.solve(xp.where(regular, left, one), v)
        turned = xp.where(regular, turned, xp.full_like(turned, xp.nan))
    return x + x @ turned


def _solved(a: Array, b: Array) -> Array:
    """a^{-1} b; for one large NumPy matrix by its inverse, which LAPACK finds in half the time of as many solutions."""
    if isinstance(a, np.ndarray) and a.ndim == 2 and len(a) >= _LARGE:
        inverses, _, regular = inverse_and_logdet(a[None])
        if regular.all():
            return inverses[0] @ b
    return array_namespace(a).linalg.solve(a, b)


_LARGE = 64
_NEAR = 0.25  # the norm of d up to which the series below holds to rounding


def _log1p(d: Array, j: Array) -> Array:
    """The principal logarithm of I + d in the group, by repeated square roots and 2 artanh(d / (2 + d))."""
    xp = array_namespace(d)
    one = eye(d, d.shape[-1])
    scale = xp.ones_like(d[..., :1, :1])
    for _ in range(64):
        far = frobenius(d)[..., None, None] > _NEAR
        if not bool(xp.any(far)):
            break
        # The J-polar factor of I + W is the root of W; root - I = d / (I + root) keeps the digits of a small d.
        root = polar.jpolar(xp.where(far, 2 * one + d, one), j, on_failure="nan").w
        half = _solve_right(d, one + root)
        d, scale = xp.where(far, half, d), xp.where(far, 2 * scale, scale)
    z = _solve_right(d, 2 * one + d)
    square, total, power = z @ z, z, z
    for k in range(3, 19, 2):
        power = power @ square
        total = total + power / k
    return 2 * scale * total


def _solve_right(a: Array, b: Array) -> Array:
    """a b^{-1}; NaN where b is NaN."""
    solve: Callable[[Array, Array], Array] = array_namespace(a).linalg.solve
    return transpose(on_finite(solve, transpose(b), transpose(a)))
