"""Decentralized optimization on the Stiefel manifold: agents that track the mean gradient through their neighbours."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import array_api_compat
import numpy as np

from hypergeom import polar
from hypergeom._results import Result
from hypergeom._rows import Array
from hypergeom.errors import DivergenceError, NotOnManifoldError
from hypergeom.optim.messages import Exchange, Heard, InMemory, OverMPI
from hypergeom.optim.quantizers import UniformQuantizer

__all__ = ["TrackingHistory", "TrackingResult", "gradient_tracking", "metropolis_weights", "ring_weights"]


@dataclass(frozen=True)
class TrackingHistory:
    """Of each iterate of `gradient_tracking`, the start included: arrays of float64.

    Attributes
    ----------
    grad_norm : (nit + 1,) array
        Norm of the Riemannian gradient of the mean cost, at the polar factor of the mean of the iterates; NaN with
        `comm`, where no agent knows it.
    consensus : (nit + 1,) array
        Mean of the squared distances of the agents' iterates from their mean; NaN with `comm`.
    feasibility : (nit + 1,) array
        The largest ``|x_i^T x_i - 1|_F`` of the agents; with `comm` that of this one.
    bits : (nit + 1,) array
        Sent in the iteration, by all agents or, with `comm`, this one: an iterate and a tracker to each neighbour.
    """

    grad_norm: np.ndarray[Any, Any]
    consensus: np.ndarray[Any, Any]
    feasibility: np.ndarray[Any, Any]
    bits: np.ndarray[Any, Any]


@dataclass(frozen=True)
class TrackingResult(Result):
    """What `gradient_tracking` returns: arrays (n, d, r), or with `comm` this agent's (d, r).

    Attributes
    ----------
    x : array
        Iterates.
    tracker : array
        Their estimates s of the mean gradient.
    quantized : array
        The last quantized gradients q, whose mean is that of the trackers.
    history : TrackingHistory
    nit : int
        Iterations done.
    """

    x: Array
    tracker: Array
    quantized: Array
    history: TrackingHistory
    nit: int


def ring_weights(n: int, /) -> np.ndarray[Any, Any]:
    """Weights of n agents in a ring: 1/3 for each of the two neighbours and for oneself.

    Parameters
    ----------
    n : int
        1 or more; two agents have weights 1/2.

    Returns
    -------
    (n, n) array of float64
        Symmetric, with rows that sum to 1.

    Examples
    --------
    >>> from hypergeom.optim import ring_weights
    >>> ring_weights(4).round(2)
    array([[0.33, 0.33, 0.  , 0.33],
           [0.33, 0.33, 0.33, 0.  ],
           [0.  , 0.33, 0.33, 0.33],
           [0.33, 0.  , 0.33, 0.33]])
    """
    if n < 1:
        raise ValueError(f"ring_weights: n must be at least 1, got {n!r}")
    reach = (-1, 0, 1) if n > 2 else range(n)
    weights = np.zeros((n, n))
    for i in range(n):
        for step in reach:
            weights[i, (i + step) % n] = 1 / len(reach)
    return weights


def metropolis_weights(adjacency: Any, /) -> np.ndarray[Any, Any]:
    r"""Weights :math:`1 / (1 + \max(\deg i, \deg j))` of the edges of a graph, and the rest for oneself.

    Parameters
    ----------
    adjacency : (n, n) array
        Symmetric; an entry that is not 0 is an edge. The diagonal does not count.

    Returns
    -------
    (n, n) array of float64
        Symmetric, with rows that sum to 1.

    References
    ----------
    L. Xiao, S. Boyd, S.-J. Kim, "Distributed average consensus with least-mean-square deviation", J. Parallel Distrib.
    Comput. 67, 2007.

    Examples
    --------
    >>> from hypergeom.optim import metropolis_weights
    >>> metropolis_weights([[0, 1, 0], [1, 0, 1], [0, 1, 0]]).round(2)
    array([[0.67, 0.33, 0.  ],
           [0.33, 0.33, 0.33],
           [0.  , 0.33, 0.67]])
    """
    edges = np.asarray(adjacency) != 0
    if edges.ndim != 2 or edges.shape[0] != edges.shape[1]:
        raise ValueError(f"metropolis_weights: adjacency must be square, got shape {edges.shape}")
    if (edges != edges.T).any():
        raise ValueError("metropolis_weights: adjacency must be symmetric")
    edges &= ~np.eye(len(edges), dtype=bool)
    degree = edges.sum(1)
    weights = np.where(edges, 1 / (1.0 + np.maximum(degree[:, None], degree)), 0.0)
    return weights + np.diag(1 - weights.sum(1))


class _Method(NamedTuple):
    """What one agent does with what it has and hears; all in products of (d, r) arrays, the same for any exchange."""

    xp: Any
    gradient: Callable[[int, Array], Array]
    quantizer: UniformQuantizer | None
    step: float
    penalty: float
    landing: bool
    seed: int

    def misfit(self, x: Array) -> Array:
        """x^T x - 1"""
        r = x.shape[-1]
        return self.xp.matrix_transpose(x) @ x - self.xp.eye(r, dtype=x.dtype, device=array_api_compat.device(x))

    def feasibility(self, x: Array) -> float:
        misfit = self.misfit(x)
        return math.sqrt(float(self.xp.sum(misfit * misfit)))

    def across(self, x: Array, v: Array) -> Array:
        """v - x sym(x^T v), tangent where x is orthonormal."""
        dots = self.xp.matrix_transpose(x) @ v
        return v - x @ ((dots + self.xp.matrix_transpose(dots)) / 2)

    def moved(self, mixed: Array, x: Array, s: Array) -> Array:
        ahead = mixed - self.step * self.across(x, s)
        if self.landing:
            return ahead - (self.step * self.penalty) * (x @ self.misfit(x))
        # The polar factor of numbers that are not finite is an error; they are reported with the iteration.
        return polar.polar(ahead).u if bool(self.xp.all(self.xp.isfinite(ahead))) else ahead

    def euclidean(self, agent: int, x: Array) -> Array:
        found = self.gradient(agent, x)
        found = found if array_api_compat.is_array_api_obj(found) else self.xp.asarray(found)
        if tuple(found.shape) != tuple(x.shape):
            raise ValueError(
                f"gradient_tracking: gradient must return the shape {tuple(x.shape)}, got {tuple(found.shape)}"
            )
        return self.xp.astype(found, x.dtype, copy=False)

    def quantized(self, agent: int, iteration: int, x: Array) -> Array:
        g = self.across(x, self.euclidean(agent, x))
        return g if self.quantizer is None else self.quantizer(g, seed=self.seed, agent=agent, iteration=iteration)


class _Agents(NamedTuple):
    """Arrays of the agents that this process plays."""

    x: dict[int, Array]
    s: dict[int, Array]
    q: dict[int, Array]

    def feasibility(self, method: _Method) -> float:
        found = [method.feasibility(x) for x in self.x.values()]
        return math.nan if any(math.isnan(f) for f in found) else max(found)


def _mixed(weights: np.ndarray[Any, Any], i: int, heard: dict[int, Array]) -> Array:
    """Sum over j of W_ij v_j in ascending order, whose rounding is then the same in any process."""
    total = None
    for j in sorted(heard):
        if weights[i, j] != 0:
            part = float(weights[i, j]) * heard[j]
            total = part if total is None else total + part
    return total


def _iterate(
    method: _Method, w: np.ndarray[Any, Any], agents: _Agents, heard: tuple[Heard, Heard], t: int
) -> _Agents | None:
    """The agents after iteration t, or None where one is not near an orthonormal matrix any more."""
    new = _Agents({}, {}, {})
    for i, x in agents.x.items():
        new.x[i] = method.moved(_mixed(w, i, heard[0][i]), x, agents.s[i])
    if not new.feasibility(method) <= 0.5:
        return None
    for i, x in new.x.items():
        new.q[i] = method.quantized(i, t, x)
        new.s[i] = _mixed(w, i, heard[1][i]) + new.q[i] - agents.q[i]
    return new


def _check_weights(weights: Any) -> np.ndarray[Any, Any]:
    w = np.asarray(weights, dtype=np.float64)
    if w.ndim != 2 or w.shape[0] != w.shape[1] or len(w) == 0:
        raise ValueError(f"gradient_tracking: weights must be square, got shape {w.shape}")
    asymmetry, excess = float(np.abs(w - w.T).max()), float(np.abs(w.sum(1) - 1).max())
    if not (asymmetry <= 1e-12 and excess <= 1e-12 and w.min() >= 0):
        raise ValueError(
            "gradient_tracking: weights must be symmetric and doubly stochastic to 1e-12, got an asymmetry of "
            f"{asymmetry:.3g}, rows that sum to 1 but for {excess:.3g}, and a least entry of {w.min():.3g}"
        )
    return w


def _check_numbers(step: float, penalty: float, mode: str, maxiter: int, gtol: float, alone: bool) -> None:
    where = "gradient_tracking"
    if not 0 < step < math.inf:
        raise ValueError(f"{where}: step must be positive and finite, got {step!r}")
    if not 0 <= penalty < math.inf:
        raise ValueError(f"{where}: penalty must be at least 0 and finite, got {penalty!r}")
    if mode not in ("landing", "projection"):
        raise ValueError(f"{where}: mode must be 'landing' or 'projection', got {mode!r}")
    if maxiter < 0:
        raise ValueError(f"{where}: maxiter must be at least 0, got {maxiter!r}")
    if gtol < 0 or (gtol > 0 and not alone):
        raise ValueError(f"{where}: gtol must be at least 0, and 0 with comm, where no agent knows it; got {gtol!r}")


def _start(x0: Any, n: int, mine: list[int]) -> tuple[Any, dict[int, Array]]:
    """The library, and where each of these agents begins."""
    x = x0 if array_api_compat.is_array_api_obj(x0) else np.asarray(x0)
    xp = array_api_compat.array_namespace(x)
    if not xp.isdtype(x.dtype, ("real floating", "integral")):
        raise TypeError(f"gradient_tracking: x0 needs real numbers, got {x.dtype}")
    x = x if xp.isdtype(x.dtype, "real floating") else xp.astype(x, xp.float64)
    if x.ndim not in (2, 3) or x.shape[-2] < x.shape[-1] or (x.ndim == 3 and x.shape[0] != n):
        raise ValueError(f"gradient_tracking: x0 needs the shape (d, r) or ({n}, d, r), d >= r; got {tuple(x.shape)}")
    return xp, {i: x[i, ...] if x.ndim == 3 else x for i in mine}


def _check_start(method: _Method, x: dict[int, Array]) -> None:
    for i, one in x.items():
        residual = method.feasibility(one)
        if not residual <= 0.5:
            raise NotOnManifoldError("a matrix near one with orthonormal columns, in x0", (i,), residual, 0.5)


class _Record:
    """The history as it grows."""

    def __init__(self, method: _Method, n: int, alone: bool, sent: int) -> None:
        self.method, self.n, self.alone, self.sent = method, n, alone, sent
        self.rows: list[tuple[float, float, float, float]] = []

    def add(self, agents: _Agents) -> float:
        """Remember these iterates; the norm of the gradient."""
        grad, consensus = math.nan, math.nan
        if self.alone:
            xp, x = self.method.xp, list(agents.x.values())
            mean = sum(x[1:], x[0]) / self.n
            consensus = sum(float(xp.sum((one - mean) ** 2)) for one in x) / self.n
            u = polar.polar(mean).u
            slopes = [self.method.euclidean(i, u) for i in agents.x]
            g = self.method.across(u, sum(slopes[1:], slopes[0]) / self.n)
            grad = math.sqrt(float(xp.sum(g * g)))
        bits = self.sent if self.rows else 0
        self.rows.append((grad, consensus, agents.feasibility(self.method), bits))
        return grad

    def history(self) -> TrackingHistory:
        return TrackingHistory(*np.asarray(self.rows, dtype=np.float64).reshape(-1, 4).T)


def gradient_tracking(
    gradient: Callable[[int, Array], Array],
    x0: Array,
    /,
    *,
    weights: Any,
    quantizer: UniformQuantizer | None = None,
    step: float = 0.1,
    penalty: float = 1.0,
    mode: Literal["landing", "projection"] = "landing",
    maxiter: int = 1000,
    gtol: float = 0.0,
    seed: int = 0,
    comm: Any = None,
    callback: Callable[[int, Array], Any] | None = None,
) -> TrackingResult:
    r"""Minimize the mean of the agents' costs over orthonormal (d, r) matrices, each talking to its neighbours only.

    Agent i has an iterate :math:`x_i`, a tracker :math:`s_i` of the mean gradient, and the quantized gradient
    :math:`q_i = Q(P_{x_i} \nabla f_i(x_i))`, with :math:`P_x v = v - x\,\mathrm{sym}(x^T v)`. It begins with
    :math:`s_i = q_i`, and an iteration is

    .. math::

       x_i &\leftarrow \textstyle\sum_j W_{ij} x_j - \alpha P_{x_i} s_i - \alpha\beta\, x_i (x_i^T x_i - 1)
             && \text{("landing" [1]_)} \\
       x_i &\leftarrow \mathrm{polar}\bigl(\textstyle\sum_j W_{ij} x_j - \alpha P_{x_i} s_i\bigr)
             && \text{("projection" [2]_)} \\
       s_i &\leftarrow \textstyle\sum_j W_{ij} s_j + q_i^{new} - q_i,

    with the step :math:`\alpha` and the penalty :math:`\beta`. The mean of s is the mean of q in every iteration,
    whatever Q is. With a Q of accuracy :math:`\delta` that is right in the mean, the squared norm of the gradient falls
    to a floor proportional to :math:`\delta^2`; without Q it falls to rounding, at a linear rate.

    Parameters
    ----------
    gradient : callable
        ``gradient(i, x)``, the Euclidean gradient of the cost of agent i at x (d, r).
    x0 : (d, r) or (n, d, r) array
        Orthonormal columns, or near them.
    weights : (n, n) array
        W: symmetric, not negative, with rows that sum to 1. Agents with a weight above 0 are neighbours.
    quantizer : UniformQuantizer, optional
        Q. By default gradients are not quantized.
    step : float
        With a Hessian of norm at most 1 on a ring, landing converges for steps up to 0.2.
    penalty : float
    mode : {"landing", "projection"}
    maxiter : int
    gtol : float
        End where the gradient of the mean cost, at the polar factor of the mean, has no larger norm.
    seed : int
        Of the quantizer.
    comm : mpi4py communicator, optional
        Then each of its n processes makes the same call, evaluates ``gradient(comm.rank, x)`` only, sends to its
        neighbours only, and gets its own (d, r). The iterates are those of one process, bit for bit. NumPy only.
    callback : callable, optional
        ``callback(nit, x)`` after each iteration; a true result ends it (not with `comm`).

    Returns
    -------
    TrackingResult

    Raises
    ------
    DivergenceError
        An iterate is farther than 1/2 from orthonormal, or not finite: take a smaller step. With `comm`, all processes
        raise it, after the iterations that the news needs to reach the last one.

    References
    ----------
    .. [1] P. Ablin, G. Peyre, "Fast and accurate optimization on the orthogonal manifold without retraction", AISTATS
       2022.
    .. [2] S. Chen, A. Garcia, M. Hong, S. Shahrampour, "Decentralized Riemannian gradient descent on the Stiefel
       manifold", ICML 2021.

    Examples
    --------
    Leading eigenvectors of the mean of four matrices:

    >>> import numpy as np
    >>> from hypergeom.optim import gradient_tracking, ring_weights
    >>> rng = np.random.default_rng(0)
    >>> A = rng.normal(size=(4, 30, 6)) * np.array([2, 2, 1, 0.5, 0.5, 0.1]) / 12
    >>> S = np.matrix_transpose(A) @ A
    >>> found = gradient_tracking(lambda i, x: -S[i] @ x, np.eye(6, 2), weights=ring_weights(4), maxiter=3000)
    >>> top = np.linalg.eigh(S.mean(0)).eigenvectors[:, -2:]
    >>> bool(np.abs(found.x @ np.matrix_transpose(found.x) - top @ top.T).max() < 1e-10)
    True
    """
    w = _check_weights(weights)
    _check_numbers(step, penalty, mode, maxiter, gtol, comm is None)
    n = len(w)
    if comm is not None and comm.size != n:
        raise ValueError(f"gradient_tracking: comm has {comm.size} processes, weights are for {n} agents")
    if comm is not None and callback is not None:
        raise ValueError("gradient_tracking: needs callback=None with comm, where one process cannot end the others")
    xp, start = _start(x0, n, list(range(n)) if comm is None else [comm.rank])
    if comm is not None and not array_api_compat.is_numpy_namespace(xp):
        raise TypeError(f"gradient_tracking: comm needs NumPy arrays, got those of {xp.__name__}")
    method = _Method(xp, gradient, quantizer, step, penalty, mode == "landing", seed)
    _check_start(method, start)
    neighbours = {i: [int(j) for j in np.flatnonzero(w[i]) if j != i] for i in start}
    exchange: Exchange = InMemory(neighbours) if comm is None else OverMPI(comm, neighbours[comm.rank])
    q = {i: method.quantized(i, 0, one) for i, one in start.items()}
    agents = _Agents(start, dict(q), q)
    one = next(iter(start.values()))
    size = one.shape[0] * one.shape[1] * int(xp.finfo(one.dtype).bits)
    record = _Record(method, n, comm is None, 2 * size * sum(map(len, neighbours.values())))
    grad, nit = record.add(agents), 0
    while nit < maxiter and not grad <= gtol:
        heard = exchange(agents.x, agents.s)
        found = None if exchange.failing else _iterate(method, w, agents, heard, nit + 1)
        if exchange.over(nit, found is not None):
            advice = "|x^T x - 1| exceeds 1/2, or is not finite; a smaller step may help"
            raise DivergenceError(nit, _stacked(xp, agents.x, comm), advice)
        nit += 1
        if found is None:
            continue  # the news is on its way to the others
        agents = found
        grad = record.add(agents)
        if callback is not None and callback(nit, _stacked(xp, agents.x, comm)):
            break
    x, s, q = (_stacked(xp, part, comm) for part in agents)
    return TrackingResult(x, s, q, record.history(), nit)


def _stacked(xp: Any, arrays: dict[int, Array], comm: Any) -> Array:
    return xp.stack(list(arrays.values())) if comm is None else arrays[comm.rank]
