"""What `minimize` returns, and what it tells a callback."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np

from hypergeom._results import Result
from hypergeom.optim.trees import Tree

__all__ = ["History", "IterationInfo", "MinimizeResult", "Status"]

Status: TypeAlias = Literal["gtol", "ftol", "xtol", "maxiter", "maxtime", "callback", "line_search"]
Numbers: TypeAlias = "np.ndarray[Any, np.dtype[np.float64]]"


@dataclass(frozen=True)
class IterationInfo:
    """What a callback of `minimize` gets after every iteration.

    Attributes
    ----------
    nit : int
        The number of the iteration, from 1.
    x : tree
        The point that it has reached.
    fun : float
        The cost there; with minibatches that of the batch before the step.
    grad_norm : float
        The Riemannian norm of that gradient.
    step : float
        Length of the step in the metric.
    """

    nit: int
    x: Tree
    fun: float
    grad_norm: float
    step: float


@dataclass(frozen=True)
class History(Result):
    """The course of a run: vectors with an entry for every iteration that was recorded.

    Attributes
    ----------
    fun : array
        Costs; those of the batches before each step with minibatches, else from that of x0 on.
    grad_norm : array
        Riemannian norms of the gradients.
    step : array
        Lengths of the steps that led there, 0 for x0.
    time : array
        Seconds since the start, without those between a checkpoint and its resumption.
    """

    fun: Numbers
    grad_norm: Numbers
    step: Numbers
    time: Numbers


@dataclass(frozen=True)
class MinimizeResult(Result):
    """The result of `minimize`.

    Attributes
    ----------
    x : tree
        The point found: of a run without minibatches the best one, and `fun` and `grad_norm` belong to it.
    fun : float
        The cost there; with minibatches on the last batch.
    grad_norm : float
        The Riemannian norm of the gradient there.
    nit, nfev, ngev, nhev : int
        Iterations, and evaluations of the cost, the gradient and of Hessians times a vector.
    success : bool
        Whether a tolerance was met.
    status : {"gtol", "ftol", "xtol", "maxiter", "maxtime", "callback", "line_search"}
        What ended the run.
    message : str
        The same in words.
    history : History
    state
        That of the method, for its next step.
    """

    x: Tree
    fun: float
    grad_norm: float
    nit: int
    nfev: int
    ngev: int
    nhev: int
    success: bool
    status: Status
    message: str
    history: History
    state: Any
