"""The iterations for the J-orthogonal factor of a batch of matrices: Newton, weighted Halley, Schulz."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import array_api_compat
import numpy as np
from array_api_compat import array_namespace

from hypergeom._gpus import on_gpu, to_host
from hypergeom._rows import Array
from hypergeom.polar.arguments import eps, eye, frobenius
from hypergeom.polar.halley import weights
from hypergeom.polar.jorthogonal import star

__all__ = ["Run", "dwh", "host", "inverse_and_logdet", "newton", "schulz", "take"]

_SCALE_ABOVE = 1e-2  # relative change up to which Newton's iteration is scaled


class Run(NamedTuple):
    """What an iteration came to: one entry for each matrix of a flat batch."""

    x: Array
    iterations: np.ndarray[Any, Any]
    converged: np.ndarray[Any, Any]
    inverse_norms: np.ndarray[Any, Any]  # |A^{-1}| of the matrices of the beginning, infinite where it is not known


class _Pieces:
    """Matrices leave the iteration when they are done; this puts them together again in their order."""

    def __init__(self, x: Array) -> None:
        self.active = np.arange(x.shape[0])
        self.iterations = np.zeros(x.shape[0], dtype=np.int64)
        self.converged = np.zeros(x.shape[0], dtype=bool)
        self.inverse_norms = np.full(x.shape[0], np.inf)
        self._parts: list[Array] = []
        self._order: list[np.ndarray[Any, Any]] = []

    def leave(self, x: Array, gone: np.ndarray[Any, Any], converged: bool) -> np.ndarray[Any, Any]:
        """Keeps the matrices that are gone; returns the places of those that stay."""
        places, staying = np.flatnonzero(gone), np.flatnonzero(~gone)
        if len(places):
            self._parts.append(x if not len(staying) else take(x, places))
            self._order.append(self.active[places])
            self.converged[self.active[places]] = converged
            self.active = self.active[staying]
        return staying

    def run(self) -> Run:
        xp = array_namespace(self._parts[0])
        if len(self._parts) == 1:
            x = self._parts[0]
        else:
            x = take(xp.concat(self._parts, axis=0), np.argsort(np.concatenate(self._order)))
        return Run(x, self.iterations, self.converged, self.inverse_norms)


def take(a: Array, places: np.ndarray[Any, Any]) -> Array:
    """The matrices at these places of a flat batch."""
    if isinstance(a, np.ndarray):
        return a[places]
    xp = array_namespace(a)
    return xp.take(a, xp.asarray(places.tolist(), dtype=xp.int64, device=array_api_compat.device(a)), axis=0)


def host(a: Array) -> np.ndarray[Any, Any]:
    """A short array of one number for each matrix, or of a few, on the host."""
    a = to_host(a)
    if isinstance(a, np.ndarray):
        return a
    if a.ndim > 1:
        return np.stack([host(a[k, ...]) for k in range(a.shape[0])])
    return np.asarray([v.item() if hasattr(v, "item") else float(v) for v in a])


def _change(new: Array, old: Array) -> Array:
    """Relative to the new matrix; infinite where that is 0."""
    xp, size = array_namespace(new), frobenius(new)
    ratio = frobenius(new - old) / xp.where(size > 0, size, xp.ones_like(size))
    return xp.where(size > 0, ratio, xp.full_like(ratio, xp.inf))


def newton(x: Array, j: Array, most: int) -> Run:
    """X <- (mu X + X^{-*} / mu) / 2 with mu = |det X|^{-1/n} until X hardly changes; singular matrices leave."""
    if on_gpu(x):
        return _newton_on_gpu(x, j, most)
    n = x.shape[-1]
    pieces, scaled = _Pieces(x), np.ones(x.shape[0], dtype=bool)
    tolerance = 0.1 * math.sqrt(n * eps(x))
    for step in range(most):
        inverse, logdet, regular = inverse_and_logdet(x, need_logdet=bool(scaled.any()))
        if not regular.all():
            staying = pieces.leave(x, ~regular, converged=False)
            x, inverse, logdet, scaled = take(x, staying), take(inverse, staying), logdet[staying], scaled[staying]
            if not len(staying):
                break
        if step == 0:
            pieces.inverse_norms[pieces.active] = host(frobenius(inverse))
        pieces.iterations[pieces.active] += 1
        mu = _column(np.where(scaled, np.exp(-logdet / n), 1.0), x)
        # (mu X + X^{-*} / mu) / 2 with X^{-*} = J X^{-T} J, in few passes
        new = array_namespace(x).matrix_transpose(inverse) * j
        new *= j[:, None] / (2 * mu)
        new += (mu / 2) * x
        change = host(_change(new, x))
        x, scaled = new, scaled & ~(change < _SCALE_ABOVE)
        staying = pieces.leave(x, change < tolerance, converged=True)
        if not len(staying):
            break
        if len(staying) < x.shape[0]:
            x, scaled = take(x, staying), scaled[staying]
    if len(pieces.active):
        pieces.leave(x, np.ones(len(pieces.active), dtype=bool), converged=False)
    return pieces.run()


def _newton_on_gpu(x: Array, j: Array, most: int) -> Run:
    """The same, where the host learns how a step went in one transfer."""
    xp, n = array_namespace(x), x.shape[-1]
    pieces, scaled, on_host = _Pieces(x), xp.ones((x.shape[0], 1, 1), dtype=xp.bool), np.ones(x.shape[0], dtype=bool)
    tolerance = 0.1 * math.sqrt(n * eps(x))
    for step in range(most):
        logdet = xp.linalg.slogdet(x)[1] if on_host.any() else xp.zeros_like(x[:, 0, 0])
        regular = xp.isfinite(logdet)[:, None, None]
        inverse = xp.linalg.inv(xp.where(regular, x, eye(x, n)))
        mu = xp.where(scaled, xp.exp(-logdet / n)[:, None, None], xp.ones_like(x[:, :1, :1]))
        new = xp.matrix_transpose(inverse) * j * (j[:, None] / (2 * mu)) + (mu / 2) * x
        change = _change(new, x)
        scaled = scaled & ~(change < _SCALE_ABOVE)[:, None, None]
        numbers = [logdet, change] + ([frobenius(inverse)] if step == 0 else [])
        known, far, *norms = to_host(xp.stack(numbers)).astype(float)
        if norms:
            pieces.inverse_norms = np.where(np.isfinite(known), norms[0], np.inf)
        lost, x, on_host = ~np.isfinite(known), new, on_host & ~(far < _SCALE_ABOVE)
        pieces.iterations[pieces.active[~lost]] += 1
        for converged in (False, True):
            staying = pieces.leave(x, far < tolerance if converged else lost, converged=converged)
            if not len(staying):
                return pieces.run()
            if len(staying) < x.shape[0]:
                x, scaled, far, on_host = take(x, staying), take(scaled, staying), far[staying], on_host[staying]
    pieces.leave(x, np.ones(len(pieces.active), dtype=bool), converged=False)
    return pieces.run()


def _column(values: np.ndarray[Any, Any], like: Array) -> Array:
    if isinstance(like, np.ndarray):
        return values.astype(like.dtype)[:, None, None]
    xp = array_namespace(like)
    return xp.asarray(values.tolist(), dtype=like.dtype, device=array_api_compat.device(like))[:, None, None]


def inverse_and_logdet(
    x: Array, *, need_logdet: bool = True
) -> tuple[Array, np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Inverses, log|det|, and which matrices are regular; the inverse of a singular one has no meaning."""
    if isinstance(x, np.ndarray) and x.shape[0] == 1 and x.shape[-1] > 1:
        return _by_lapack(x)
    xp = array_namespace(x)
    regular = np.ones(x.shape[0], dtype=bool)
    logdet = np.zeros(x.shape[0])
    if need_logdet:
        logdet = host(xp.linalg.slogdet(x)[1]).astype(float)
        regular = np.isfinite(logdet)
    if regular.all():
        try:
            return xp.linalg.inv(x), logdet, regular
        except (np.linalg.LinAlgError, RuntimeError):  # RuntimeError: PyTorch's
            regular = np.isfinite(host(xp.linalg.slogdet(x)[1]).astype(float))
    safe = xp.where(_mask(regular, x), x, eye(x, x.shape[-1]))
    return xp.linalg.inv(safe), logdet, regular


def _mask(values: np.ndarray[Any, Any], like: Array) -> Array:
    xp = array_namespace(like)
    return xp.asarray(values.tolist(), dtype=xp.bool, device=array_api_compat.device(like))[:, None, None]


def _by_lapack(x: np.ndarray[Any, Any]) -> tuple[Array, np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """One LU factorization for both; the transpose of a C-ordered matrix is in LAPACK's order."""
    from scipy.linalg import lapack

    getrf, getri = lapack.get_lapack_funcs(("getrf", "getri"), (x,))
    lu, pivots, info = getrf(x[0].T)
    diagonal = np.abs(np.diagonal(lu))
    if info != 0 or not np.all(diagonal > 0):
        return x, np.asarray([-np.inf]), np.asarray([False])
    logdet = float(np.sum(np.log(diagonal, dtype=np.float64)))
    inverse, info = getri(lu, pivots, lwork=64 * len(lu), overwrite_lu=1)
    return inverse.T[None], np.asarray([logdet]), np.asarray([info == 0 and math.isfinite(logdet)])


def dwh(x: Array, j: Array, lower: Array, most: int) -> Run:
    """The dynamically weighted Halley iteration in the indefinite product, "qrldl"; spec(S) of S = W^* X in [lower, 1].

    X (I + c X^* X)^{-1} comes from a QR factorization of [sqrt(c) X; I]: forming J + c X^T J X would square the
    condition.
    """
    xp = array_namespace(x)
    pieces, n = _Pieces(x), x.shape[-1]
    tolerance, tiny = 0.1 * math.sqrt(n * eps(x)), 10 * eps(x)
    lower = xp.minimum(lower, xp.ones_like(lower))
    for _ in range(most):
        done = 1 - lower < tiny
        one = xp.ones_like(lower)
        a, b, c = weights(xp.where(done, one, lower))
        new = _halley_step(x, j, a, b, c)
        lower = xp.where(done, one, xp.minimum(lower * (a + b * lower * lower) / (1 + c * lower * lower), one))
        pieces.iterations[pieces.active] += 1
        change, x = host(_change(new, x)), new
        lost = ~np.isfinite(change)
        if lost.any():
            staying = pieces.leave(x, lost, converged=False)
            x, lower, change = take(x, staying), take(lower, staying), change[staying]
        if len(pieces.active):
            # third order: the change of the next step is its cube
            staying = pieces.leave(x, change < tolerance ** (2 / 3), converged=True)
            if len(staying) < x.shape[0]:
                x, lower = take(x, staying), take(lower, staying)
        if not len(pieces.active):
            break
    if len(pieces.active):
        pieces.leave(x, np.ones(len(pieces.active), dtype=bool), converged=False)
    return pieces.run()


def _halley_step(x: Array, j: Array, a: Array, b: Array, c: Array) -> Array:
    xp, n = array_namespace(x), x.shape[-1]
    root, ratio = xp.sqrt(c), b / c
    identity = xp.broadcast_to(eye(x, n), x.shape)
    q, _ = xp.linalg.qr(xp.concat([root * x, identity], axis=-2))
    q1, q2 = q[..., :n, :], q[..., n:, :]
    m = xp.matrix_transpose(q1) @ (j[:, None] * q1) + xp.matrix_transpose(q2) @ (j[:, None] * q2)
    m = (m + xp.matrix_transpose(m)) / 2
    solved = _symmetric_solve(m, xp.matrix_transpose(q2))
    return ratio * x + (a - ratio) / root * ((q1 @ solved) * j)


def _symmetric_solve(m: Array, right: Array) -> Array:
    xp = array_namespace(m)
    if isinstance(m, np.ndarray) and m.shape[0] == 1:
        from scipy.linalg import lapack

        sysv, sysv_lwork = lapack.get_lapack_funcs(("sysv", "sysv_lwork"), (m,))
        work, _ = sysv_lwork(m.shape[-1])
        _, _, solved, info = sysv(m[0], right[0], lwork=int(work), overwrite_a=1)
        return solved[None] if info == 0 else np.full_like(right, np.nan)
    try:
        return xp.linalg.solve(m, right)
    except (np.linalg.LinAlgError, RuntimeError):
        return _each(xp.linalg.solve, m, right)


def _each(f: Callable[[Array, Array], Array], m: Array, right: Array) -> Array:
    xp, results = array_namespace(m), []
    for k in range(m.shape[0]):
        try:
            results.append(f(m[k, ...], right[k, ...]))
        except (np.linalg.LinAlgError, RuntimeError):
            results.append(xp.full_like(right[k, ...], xp.nan))
    return xp.stack(results)


def schulz(x: Array, j: Array, most: int) -> Run:
    """X <- X (3 I - X^* X) / 2, which finds the factor if spec(S) is nearly real and in (0, sqrt 3)."""
    pieces, tolerance = _Pieces(x), 0.1 * math.sqrt(x.shape[-1] * eps(x))
    for _ in range(most):
        new = x + x @ (eye(x, x.shape[-1]) - star(x, j) @ x) / 2
        pieces.iterations[pieces.active] += 1
        size, change = host(array_namespace(x).stack([frobenius(new), _change(new, x)]))
        x = new
        lost = ~np.isfinite(change) | ~(size < 1 / eps(x))
        staying = pieces.leave(x, lost, converged=False)
        x, change = take(x, staying), change[staying]
        if len(staying):
            staying = pieces.leave(x, change < tolerance, converged=True)
            x = take(x, staying)
        if not len(pieces.active):
            break
    if len(pieces.active):
        pieces.leave(x, np.ones(len(pieces.active), dtype=bool), converged=False)
    return pieces.run()
