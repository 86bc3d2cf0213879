"""Hyperparameters by gradients: the response of trained weights, hypergradients, training that tunes itself.

With ``w(h)`` the minimizer of a training loss L(w, h), its Hessian H in w and the mixed derivative M = d2L / dw dh, the
response is ``J = dw/dh = -H^-1 M``, and a validation loss F(w, h) has the derivative ``dF/dh + J^T dF/dw`` along
the weights that belong to h (implicit function theorem).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import array_api_compat
import numpy as np

from hypergeom._results import Result
from hypergeom._rows import Array
from hypergeom.errors import ConvergenceError
from hypergeom.manifolds.arguments import namespace_and_arrays

__all__ = ["SelfTuneHistory", "SelfTuneResult", "best_response", "hypergradient", "self_tune"]

Seed = int | np.random.Generator | None
Gradient = Callable[[Array, Array], Array]
Product = Callable[[Array, Array, Array], Array]


@dataclass(frozen=True)
class SelfTuneHistory:
    """Of each iteration of `self_tune`.

    Attributes
    ----------
    hypergradient_norm : (nit,) array of float64
    hyper : (nit, h) array of float64
        The hyperparameters at which that hypergradient was taken.
    """

    hypergradient_norm: np.ndarray[Any, Any]
    hyper: np.ndarray[Any, Any]


@dataclass(frozen=True)
class SelfTuneResult(Result):
    """What `self_tune` returns.

    Attributes
    ----------
    w : (n,) array
        Weights.
    hyper : (h,) array
        Hyperparameters.
    response : (n, h) array
        J, the derivative of the trained weights in the hyperparameters.
    hypergradient : (h,) array
        The last one: of the validation loss, at `w`, `hyper` and `response`.
    history : SelfTuneHistory
    nit : int
        Iterations done.
    success : bool
        Whether the norm of the hypergradient has come below `gtol`.
    """

    w: Array
    hyper: Array
    response: Array
    hypergradient: Array
    history: SelfTuneHistory
    nit: int
    success: bool


class _Training(NamedTuple):
    """The training loss by its gradient and second derivatives, of the function `where`."""

    where: str
    xp: Any
    gradient: Gradient
    hvp: Product
    mixed: Product

    def column(self, w: Array, hyper: Array, j: int) -> Array:
        """M times the unit vector j."""
        count = self.xp.arange(hyper.shape[0], device=array_api_compat.device(hyper))
        return self.mixed(w, hyper, self.xp.astype(count == j, hyper.dtype))

    def columns(self, w: Array, hyper: Array) -> Array:
        return self.xp.stack([self.column(w, hyper, j) for j in range(hyper.shape[0])], axis=1)


def _vector(where: str, xp: Any, given: Any, like: Array, what: str) -> Array:
    """What a function of the user returned, as a vector like another one."""
    found = given if array_api_compat.is_array_api_obj(given) else xp.asarray(given)
    if tuple(found.shape) != tuple(like.shape):
        raise ValueError(f"{where}: {what} must return the shape {tuple(like.shape)}, got {tuple(found.shape)}")
    return xp.astype(found, like.dtype, copy=False)


def _training(where: str, xp: Any, gradient: Gradient, hvp: Product | None, mixed: Product | None) -> _Training:
    """Checked functions; differences of the gradient for those that are not given."""

    def checked_gradient(w: Array, hyper: Array) -> Array:
        return _vector(where, xp, gradient(w, hyper), w, "train_gradient")

    def along(w: Array, hyper: Array, dw: Array | None, dh: Array | None) -> Array:
        # The cube root of eps balances the error of a central difference, of second order, with rounding.
        moved, step = (w, dw) if dw is not None else (hyper, dh)
        size = float(xp.linalg.vector_norm(step))
        if size == 0:
            return xp.zeros_like(w)
        t = float(xp.finfo(w.dtype).eps) ** (1 / 3) * (1 + float(xp.linalg.vector_norm(moved))) / size
        ahead = (w + t * dw, hyper) if dw is not None else (w, hyper + t * dh)
        behind = (w - t * dw, hyper) if dw is not None else (w, hyper - t * dh)
        return (checked_gradient(*ahead) - checked_gradient(*behind)) / (2 * t)

    def checked_hvp(w: Array, hyper: Array, v: Array) -> Array:
        if hvp is None:
            return along(w, hyper, v, None)
        return _vector(where, xp, hvp(w, hyper, v), w, "train_hvp")

    def checked_mixed(w: Array, hyper: Array, e: Array) -> Array:
        if mixed is None:
            return along(w, hyper, None, e)
        return _vector(where, xp, mixed(w, hyper, e), w, "train_mixed")

    return _Training(where, xp, checked_gradient, checked_hvp, checked_mixed)


def _vectors(where: str, w: Any, hyper: Any) -> tuple[Any, Array, Array]:
    """The two vectors in one library and dtype; a number stands for one hyperparameter."""
    xp, (w_, *_) = namespace_and_arrays(where, 1, w=w)
    if not array_api_compat.is_array_api_obj(hyper):
        hyper = xp.asarray(hyper, dtype=w_.dtype, device=array_api_compat.device(w_))
    xp, (hyper_, *_) = namespace_and_arrays(where, 1, hyper=xp.reshape(hyper, (1,)) if hyper.ndim == 0 else hyper)
    if w_.ndim != 1 or hyper_.ndim != 1:
        raise ValueError(
            f"{where}: w and hyper must be vectors, got shapes {tuple(w_.shape)} and {tuple(hyper_.shape)}; "
            "`ravel` makes a vector of a tree"
        )
    return xp, w_, xp.astype(hyper_, w_.dtype, copy=False)


def _solve(train: _Training, w: Array, hyper: Array, b: Array, tol: float) -> Array:
    """H^-1 b by conjugate gradients (Hestenes and Stiefel 1952), to a residual of tol |b|."""
    xp = train.xp
    x, r = xp.zeros_like(b), b
    p, rr = r, float(xp.sum(r * r))
    target = tol * math.sqrt(rr)
    for _ in range(10 * b.shape[0] + 20):
        if not math.isfinite(rr):
            raise ConvergenceError(f"{train.where}: a product with the training Hessian is not finite")
        if math.sqrt(rr) <= target:
            return x
        Hp = train.hvp(w, hyper, p)
        curvature = float(xp.sum(p * Hp))
        if not curvature > 0:
            raise ConvergenceError(
                f"{train.where}: the training Hessian is not positive definite: p.Hp = {curvature:.3g} along a "
                f"direction of length {float(xp.linalg.vector_norm(p)):.3g}; w must be near a strict minimum"
            )
        alpha = rr / curvature
        x, r = x + alpha * p, r - alpha * Hp
        before, rr = rr, float(xp.sum(r * r))
        p = r + (rr / before) * p
    raise ConvergenceError(
        f"{train.where}: conjugate gradients reached a residual of {math.sqrt(rr):.3g} in "
        f"{10 * b.shape[0] + 20} steps, {target:.3g} was asked for; a larger tol, or exact products, may help"
    )


def _check_tol(where: str, tol: float) -> None:
    if not 0 < tol < 1:
        raise ValueError(f"{where}: tol must lie between 0 and 1, got {tol!r}")


def _response(train: _Training, w: Array, hyper: Array, tol: float) -> Array:
    solved = [_solve(train, w, hyper, train.column(w, hyper, j), tol) for j in range(hyper.shape[0])]
    return -train.xp.stack(solved, axis=1)


def best_response(
    w: Array,
    hyper: Array,
    /,
    *,
    train_gradient: Gradient,
    train_hvp: Product | None = None,
    train_mixed: Product | None = None,
    tol: float = 1e-10,
) -> Array:
    r"""Derivative of trained weights in the hyperparameters, :math:`J = -H^{-1} M`.

    Parameters
    ----------
    w : (n,) array
        A minimizer of the training loss at `hyper`.
    hyper : (h,) array
    train_gradient : callable
        ``train_gradient(w, hyper)``, the gradient (n,) of the training loss in w.
    train_hvp : callable, optional
        ``train_hvp(w, hyper, v)``, its Hessian in w times v. By default a central difference of the gradient.
    train_mixed : callable, optional
        ``train_mixed(w, hyper, e)``, the derivative (n,) of the gradient along the hyperparameters' direction e. By
        default a central difference too.
    tol : float
        Of the conjugate gradients: residual over right side.

    Returns
    -------
    (n, h) array

    Raises
    ------
    ConvergenceError
        The Hessian is not positive definite along a direction that the solver met, or the solver did not reach `tol`.

    Examples
    --------
    Ridge regression, where the response of the weights to the penalty is :math:`-(X^T X + h)^{-1} w`:

    >>> import numpy as np
    >>> from hypergeom.optim import best_response
    >>> X, y = np.array([[1.0, 0], [1, 1], [0, 2]]), np.array([1.0, 2, 3])
    >>> w = np.linalg.solve(X.T @ X + 0.5 * np.eye(2), X.T @ y)
    >>> J = best_response(w, np.array([0.5]), train_gradient=lambda w, h: X.T @ (X @ w - y) + h * w)
    >>> np.round(J[:, 0] + np.linalg.solve(X.T @ X + 0.5 * np.eye(2), w), 8)
    array([0., 0.])
    """
    where = "best_response"
    _check_tol(where, tol)
    xp, w, hyper = _vectors(where, w, hyper)
    return _response(_training(where, xp, train_gradient, train_hvp, train_mixed), w, hyper, tol)


def _validation(where: str, xp: Any, found: Any, w: Array, hyper: Array) -> tuple[Array, Array]:
    try:
        g_w, g_hyper = found
    except (TypeError, ValueError):
        raise ValueError(f"{where}: validation_gradient must return a pair (g_w, g_hyper), got {found!r}") from None
    g_hyper = xp.reshape(xp.asarray(g_hyper), (-1,)) if getattr(g_hyper, "ndim", 0) == 0 else g_hyper
    return (
        _vector(where, xp, g_w, w, "validation_gradient, first,"),
        _vector(where, xp, g_hyper, hyper, "validation_gradient, second,"),
    )


def hypergradient(
    w: Array,
    hyper: Array,
    /,
    *,
    train_gradient: Gradient,
    validation_gradient: Callable[[Array, Array], tuple[Array, Array]],
    train_hvp: Product | None = None,
    train_mixed: Product | None = None,
    mode: Literal["adjoint", "forward"] = "adjoint",
    tol: float = 1e-10,
) -> Array:
    r"""Derivative of a validation loss in the hyperparameters, along the weights that training makes of them.

    .. math:: \frac{dF}{dh} = \partial_h F + J^T \partial_w F, \qquad J^T \partial_w F = -M^T H^{-1} \partial_w F

    Parameters
    ----------
    w, hyper, train_gradient, train_hvp, train_mixed, tol
        As in `best_response`.
    validation_gradient : callable
        ``validation_gradient(w, hyper)``, the pair of derivatives (n,) and (h,) of the validation loss.
    mode : {"adjoint", "forward"}
        One linear system with the Hessian, or one for each hyperparameter.

    Returns
    -------
    (h,) array

    Raises
    ------
    ConvergenceError
        As in `best_response`.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom.optim import hypergradient
    >>> hypergradient(
    ...     np.array([1.0, 0.5]),  # minimizes (1 + h) |w|^2 / 2 - w.[2, 1] at h = 1
    ...     np.array([1.0]),
    ...     train_gradient=lambda w, h: (1 + h) * w - np.array([2.0, 1.0]),
    ...     validation_gradient=lambda w, h: (w, np.zeros(1)),  # of |w|^2 / 2
    ... ).round(8)
    array([-0.625])
    """
    where = "hypergradient"
    if mode not in ("adjoint", "forward"):
        raise ValueError(f"{where}: mode must be 'adjoint' or 'forward', got {mode!r}")
    _check_tol(where, tol)
    xp, w, hyper = _vectors(where, w, hyper)
    train = _training(where, xp, train_gradient, train_hvp, train_mixed)
    g_w, g_hyper = _validation(where, xp, validation_gradient(w, hyper), w, hyper)
    if mode == "forward":
        return g_hyper + xp.matrix_transpose(_response(train, w, hyper, tol)) @ g_w
    q = _solve(train, w, hyper, g_w, tol)
    return g_hyper - xp.matrix_transpose(train.columns(w, hyper)) @ q


@dataclass(frozen=True)
class _Tuning:
    """The options of `self_tune`, checked."""

    response: Literal["delta", "implicit", "sampled"]
    train_steps: int
    train_lr: float
    response_steps: int
    response_lr: float
    hyper_lr: float
    perturbation: float
    samples: int

    def __post_init__(self) -> None:
        if self.response not in ("delta", "implicit", "sampled"):
            raise ValueError(f"self_tune: response must be 'delta', 'implicit' or 'sampled', got {self.response!r}")
        for name in ("train_lr", "response_lr", "hyper_lr", "perturbation"):
            value = getattr(self, name)
            if not 0 < value < math.inf:
                raise ValueError(f"self_tune: {name} must be positive and finite, got {value!r}")
        for name in ("train_steps", "response_steps", "samples"):
            value = getattr(self, name)
            if value < 1:
                raise ValueError(f"self_tune: {name} must be at least 1, got {value!r}")

    def respond(self, train: _Training, w: Array, hyper: Array, J: Array, draws: np.random.Generator) -> Array:
        if self.response == "implicit":
            return _response(train, w, hyper, 1e-10)
        xp = train.xp
        for _ in range(self.response_steps):
            if self.response == "delta":
                HJ = xp.stack([train.hvp(w, hyper, J[:, j]) for j in range(hyper.shape[0])], axis=1)
                slope = HJ + train.columns(w, hyper)
            else:
                slope = self._sampled_slope(train, w, hyper, J, draws)
            J = J - self.response_lr * slope
        return J

    def _sampled_slope(self, train: _Training, w: Array, hyper: Array, J: Array, draws: np.random.Generator) -> Array:
        # The difference of opposite samples removes the part g e^T, whose mean is 0 and whose variance is not.
        xp, total = train.xp, train.xp.zeros_like(J)
        for _ in range(self.samples):
            drawn = self.perturbation * draws.standard_normal(hyper.shape[0])
            e = xp.asarray(drawn, dtype=hyper.dtype, device=array_api_compat.device(hyper))
            up, down = (train.gradient(w + s * (J @ e), hyper + s * e) for s in (1, -1))
            total = total + ((up - down) / 2)[:, None] * e[None, :]
        return total / (self.samples * self.perturbation**2)


def self_tune(
    w0: Array,
    hyper0: Array,
    /,
    *,
    train_gradient: Gradient,
    validation_gradient: Callable[[Array, Array], tuple[Array, Array]],
    train_hvp: Product | None = None,
    train_mixed: Product | None = None,
    response: Literal["delta", "implicit", "sampled"] = "delta",
    train_steps: int = 20,
    train_lr: float = 0.1,
    response_steps: int = 20,
    response_lr: float | None = None,
    hyper_lr: float = 0.1,
    perturbation: float = 0.1,
    samples: int = 4,
    maxiter: int = 200,
    gtol: float = 1e-6,
    callback: Callable[[int, Array, Array, float], Any] | None = None,
    rng: Seed = None,
) -> SelfTuneResult:
    r"""Train weights and hyperparameters together, with a learned response of the ones to the others.

    An iteration takes `train_steps` steps of gradient descent on the weights, improves the response J, and takes one
    step of the hyperparameters along :math:`-(\partial_h F + J^T \partial_w F)`. J is

    - ``"delta"`` [1]_: improved by :math:`J \leftarrow J - lr (H J + M)`, gradient descent on the quadratic model
      whose minimizer is :math:`-H^{-1} M`. Nothing is sampled.
    - ``"implicit"``: solved for, as in `best_response`.
    - ``"sampled"`` [2]_: improved by gradients of the training loss at hyperparameters perturbed by normal e of
      deviation s, in opposite pairs:
      :math:`J \leftarrow J - lr \,\overline{(g(w + Je, h + e) - g(w - Je, h - e))\, e^T} / 2 s^2`.

    Parameters
    ----------
    w0 : (n,) array
    hyper0 : (h,) array
    train_gradient, train_hvp, train_mixed
        As in `best_response`.
    validation_gradient
        As in `hypergradient`.
    response : {"delta", "implicit", "sampled"}
    train_steps, response_steps : int
        Steps on the weights and on J in an iteration.
    train_lr, response_lr, hyper_lr : float
        Lengths of the steps; `response_lr` is `train_lr` by default. Gradient descent on w, and on J, needs a length
        below 2 over the largest eigenvalue of H.
    perturbation : float
        s.
    samples : int
        Pairs of samples in a step of J.
    maxiter : int
    gtol : float
        The iteration ends where the norm of the hypergradient, in the J that there is, is no larger.
    callback : callable, optional
        ``callback(nit, w, hyper, hypergradient_norm)``; a true result ends the iteration.
    rng : int or numpy.random.Generator, optional
        For ``"sampled"``.

    Returns
    -------
    SelfTuneResult

    Raises
    ------
    ConvergenceError
        Weights, response or hyperparameters are not finite any more: a length of steps is too large.

    References
    ----------
    .. [1] J. Bae, R. Grosse, "Delta-STN: efficient bilevel optimization for neural networks using structured response
       Jacobians", NeurIPS 2020.
    .. [2] M. MacKay et al., "Self-tuning networks: bilevel optimization of hyperparameters using structured
       best-response functions", ICLR 2019.

    Examples
    --------
    The penalty of a ridge regression, as its logarithm, tuned on other data:

    >>> import numpy as np
    >>> from hypergeom.optim import self_tune
    >>> rng = np.random.default_rng(0)
    >>> X, Z, w = rng.normal(size=(20, 8)) / 4, rng.normal(size=(40, 8)) / 6, rng.normal(size=8)
    >>> y, z = X @ w + 0.3 * rng.normal(size=20), Z @ w
    >>> found = self_tune(
    ...     np.zeros(8),
    ...     np.array([-3.0]),
    ...     train_gradient=lambda w, h: X.T @ (X @ w - y) + np.exp(h) * w,
    ...     validation_gradient=lambda w, h: (Z.T @ (Z @ w - z), np.zeros(1)),
    ...     train_lr=0.4,
    ...     hyper_lr=1.0,
    ...     maxiter=1000,
    ... )
    >>> found.success
    True
    """
    where = "self_tune"
    lr = train_lr if response_lr is None else response_lr
    tuning = _Tuning(response, train_steps, train_lr, response_steps, lr, hyper_lr, perturbation, samples)
    if maxiter < 0:
        raise ValueError(f"{where}: maxiter must be at least 0, got {maxiter!r}")
    xp, w, hyper = _vectors(where, w0, hyper0)
    train = _training(where, xp, train_gradient, train_hvp, train_mixed)
    draws = np.random.default_rng(rng)
    J = xp.zeros((w.shape[0], hyper.shape[0]), dtype=w.dtype, device=array_api_compat.device(w))
    slope = xp.zeros_like(hyper)
    norms: list[float] = []
    hypers: list[Any] = []
    success = False
    while len(norms) < maxiter and not success:
        for _ in range(train_steps):
            w = w - train_lr * train.gradient(w, hyper)
        J = tuning.respond(train, w, hyper, J, draws)
        g_w, g_hyper = _validation(where, xp, validation_gradient(w, hyper), w, hyper)
        slope = g_hyper + xp.matrix_transpose(J) @ g_w
        norms.append(float(xp.linalg.vector_norm(slope)))
        hypers.append([float(v) for v in hyper])
        if not math.isfinite(norms[-1]):
            raise ConvergenceError(
                f"{where}: not finite after iteration {len(norms)}; smaller train_lr, response_lr or hyper_lr may help"
            )
        success = norms[-1] <= gtol
        if callback is not None and callback(len(norms), w, hyper, norms[-1]):
            break
        if not success and len(norms) < maxiter:
            hyper = hyper - hyper_lr * slope
    history = SelfTuneHistory(np.asarray(norms), np.reshape(np.asarray(hypers), (len(norms), hyper.shape[0])))
    return SelfTuneResult(w, hyper, J, slope, history, len(norms), success)
