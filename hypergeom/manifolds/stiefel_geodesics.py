r"""Geodesics of the Stiefel manifold, their logarithm, and parallel transport along them.

All happens in the frame of a tangent vector V at X: the columns of an orthonormal matrix Q = [X, Q2] that span X and
V. There V is the pair (A, B) of :math:`A = X^T V`, skew-symmetric, and :math:`B = Q_2^T V`. With beta = 1 for the
canonical metric and 2 for the Euclidean one, the geodesic is

.. math:: Q\, e^{t \Omega} \begin{pmatrix} e^{(1 - \beta) t A} \\ 0 \end{pmatrix}, \qquad
    \Omega = \begin{pmatrix} \beta A & -B^T \\ B & 0 \end{pmatrix}

[1]_: two exponentials of skew-symmetric matrices, so that it stays on the manifold and no long vector is too much for
it. Both metrics are naturally reductive; in the frame that moves along, the parallel transport of a tangent (C, D)
is a linear equation with constant coefficients

.. math:: C' = -(\beta - \tfrac12) [A, C] + \tfrac12 (B^T D - D^T B), \qquad D' = -\tfrac{\beta}{2} (B C - D A).

References
----------
.. [1] R. Zimmermann, K. Hüper, "Computing the Riemannian logarithm on the Stiefel manifold: metrics, methods, and
   performance", SIAM J. Matrix Anal. Appl. 43, 2022.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import array_api_compat
from array_api_compat import array_namespace

from hypergeom._rows import Array
from hypergeom.errors import ConvergenceError
from hypergeom.manifolds.matrix_exponential import expm1

__all__ = ["Geodesic", "frame", "logarithm", "positive_qr", "skew", "sym", "transpose"]


def transpose(a: Array) -> Array:
    """Of the last two axes."""
    return array_namespace(a).matrix_transpose(a)


def sym(a: Array) -> Array:
    """The symmetric part."""
    return (a + transpose(a)) / 2


def skew(a: Array) -> Array:
    """The skew-symmetric part."""
    return (a - transpose(a)) / 2


def positive_qr(a: Array) -> Array:
    """The orthonormal factor of the thin QR factorization whose triangular factor has a diagonal >= 0."""
    xp = array_namespace(a)
    q, r = xp.linalg.qr(a)
    k = r.shape[-2]
    diagonal = xp.linalg.diagonal(r[..., :, :k])[..., None, :]
    return xp.where(diagonal < 0, -q, q)


def frame(x: Array, v: Array) -> Array:
    """Orthonormal columns: those of x, and as many more as v has, or as there is room for, with v in their span.

    The factorization is of both together: where v has dependent columns, or there is no room for all, the columns
    that v leaves free are orthogonal to x all the same.
    """
    return positive_qr(array_namespace(x).concat([x, v], axis=-1))


class Geodesic(NamedTuple):
    """A geodesic in its frame, over unit time; F = exp(Omega) - I and G = exp((1 - beta) A) - I."""

    A: Array
    B: Array
    beta: int
    F: Array
    G: Array | None

    @classmethod
    def shoot(cls, A: Array, B: Array, beta: int) -> Geodesic:
        """The geodesic with this velocity."""
        xp = array_namespace(A)
        zeros = xp.zeros((*B.shape[:-1], B.shape[-2]), dtype=B.dtype, device=array_api_compat.device(B))
        left, right = xp.concat([beta * A, B], axis=-2), xp.concat([-transpose(B), zeros], axis=-2)
        return cls(A, B, beta, expm1(xp.concat([left, right], axis=-1)), None if beta == 1 else expm1((1 - beta) * A))

    def displacement(self) -> Array:
        """End point less starting point."""
        f = self.F[..., :, : self.A.shape[-1]]
        if self.G is None:
            return f
        xp = array_namespace(f)
        top = xp.concat([self.G, xp.zeros_like(self.B)], axis=-2)
        return f + top + f @ self.G

    def to_end(self, w: Array) -> Array:
        """A tangent vector in the frame that has moved along, in the fixed frame."""
        w = w + self.F @ w
        return w if self.G is None else w + w @ self.G

    def from_end(self, w: Array) -> Array:
        """The inverse of `to_end`."""
        w = w + transpose(self.F) @ w
        return w if self.G is None else w + w @ transpose(self.G)

    def transport(self, C: Array, D: Array, backward: bool = False) -> tuple[Array, Array]:
        """Parallel transport over unit time in the frame that moves along: the exponential's series, in steps."""
        xp = array_namespace(C)
        sign = -1 if backward else 1
        a, b = sign * (self.beta - 0.5) * self.A, sign * 0.5 * self.B
        half_beta_A, half_beta_B = sign * self.beta / 2 * self.A, sign * self.beta / 2 * self.B
        size = xp.sum(self.A**2, axis=(-2, -1)) + xp.sum(self.B**2, axis=(-2, -1))
        largest = math.sqrt(float(xp.max(size))) if math.prod(size.shape) else 0.0
        steps = max(1, math.ceil(self.beta * largest)) if largest < math.inf else 1
        for _ in range(steps):
            c, d = C, D
            for k in range(1, 24):
                turned = transpose(b) @ d
                c, d = _commutator(a, c) + turned - transpose(turned), d @ half_beta_A - half_beta_B @ c
                c, d = c / (steps * k), d / (steps * k)
                C, D = C + c, D + d
        return C, D


def _commutator(a: Array, c: Array) -> Array:
    """c a - a c"""
    return c @ a - a @ c


# --- the logarithm ----------------------------------------------------------------------------------------------

_MEMORY, _NEAR = 5, 0.2


def logarithm(x: Array, y: Array, beta: int, max_iter: int = 200) -> Array:
    """The velocity at x of a geodesic that reaches y at time 1, by shooting.

    Each step transports what misses y back to x and adds it to the velocity; near the solution, Anderson's
    mixing of the last steps [1]_ makes the convergence fast.

    Raises
    ------
    ConvergenceError
        After `max_iter` steps.

    References
    ----------
    .. [1] H. F. Walker, P. Ni, "Anderson acceleration for fixed-point iterations", SIAM J. Numer. Anal. 49, 2011.
    """
    xp = array_namespace(x)
    p = x.shape[-1]
    shift = y - x
    Q = frame(x + xp.zeros_like(y), shift)
    target = transpose(Q) @ shift
    A, B = skew(target[..., :p, :]), target[..., p:, :]
    scale = _norm(target)
    tolerance = 16 * math.sqrt(p) * float(xp.finfo(x.dtype).eps)
    mixing, before = _Mixing(), xp.full_like(scale, xp.inf)
    running = scale > 0
    for _ in range(max_iter):
        geodesic = Geodesic.shoot(A, B, beta)
        residual = target - geodesic.displacement()
        end = geodesic.displacement() + _first_columns(target)
        across = residual - end @ sym(transpose(end) @ residual)
        back = geodesic.from_end(across)
        c, d = geodesic.transport(skew(back[..., :p, :]), back[..., p:, :], backward=True)
        miss = _norm(across)
        # What misses y also across the manifold is small only near y, and not near its antipodes.
        arrived = (miss <= tolerance * xp.where(scale < 1, scale, 1.0)) & (_norm(residual) < 0.5)
        dA, dB = mixing.step(A, B, c, d, (miss < _NEAR) & (miss < before))
        # The last step is too short for a prediction: what is left there is rounding.
        dA, dB = xp.where(arrived, c, dA), xp.where(arrived, d, dB)
        A, B = xp.where(running, A + dA, A), xp.where(running, B + dB, B)
        before = miss
        running = running & ~arrived
        if not bool(xp.any(running)):
            return Q @ xp.concat([A, B], axis=-2)
    raise ConvergenceError(
        f"Stiefel.log: {int(xp.count_nonzero(running))} of {math.prod(running.shape)} rows did not converge in "
        f"{max_iter} steps: the points may be farther apart than the injectivity radius, or in two components"
    )


def _norm(a: Array) -> Array:
    xp = array_namespace(a)
    return xp.sqrt(xp.sum(a * a, axis=(-2, -1), keepdims=True))


def _first_columns(a: Array) -> Array:
    xp = array_namespace(a)
    return xp.eye(*a.shape[-2:], dtype=a.dtype, device=array_api_compat.device(a))


class _Mixing:
    """Anderson's mixing: the step that the last ones predict to leave no residual, in the sense of least squares."""

    def __init__(self) -> None:
        self.last: tuple[Array, Array] | None = None
        self.differences: list[tuple[Array, Array]] = []

    def step(self, A: Array, B: Array, c: Array, d: Array, trusted: Array) -> tuple[Array, Array]:
        """From the iterate (A, B) and its residual (c, d); the residual itself, and a new start, where not trusted."""
        xp = array_namespace(A)
        *batch, rows, p = c.shape
        rows += d.shape[-2]

        def flat(a: Array, b: Array) -> Array:
            return xp.reshape(xp.concat([a, b], axis=-2), (*batch, rows * p))

        z, f = flat(A, B), flat(c, d)
        last, self.last = self.last, (z, f)
        if last is None:
            return c, d
        trusted = trusted[..., 0]
        kept = [*self.differences[1 - _MEMORY :], (z - last[0], f - last[1])]
        self.differences = [tuple(xp.where(trusted, a, xp.zeros_like(a)) for a in pair) for pair in kept]
        dz, df = (xp.stack(list(column), axis=-1) for column in zip(*self.differences, strict=True))
        weights = xp.linalg.pinv(df, rtol=1e3 * float(xp.finfo(f.dtype).eps)) @ f[..., None]
        mixed = xp.reshape(f - ((dz + df) @ weights)[..., 0], (*batch, rows, p))
        return skew(mixed[..., :p, :]), mixed[..., p:, :]
