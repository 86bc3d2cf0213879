"""Minimize a function on a manifold, with a gradient derived by hand."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import numpy as np

from hypergeom._gpus import gpu_of
from hypergeom.manifolds import PoincareBall
from hypergeom.optim.batches import Batches
from hypergeom.optim.conjugate_gradient import RCG
from hypergeom.optim.lbfgs import RLBFGS
from hypergeom.optim.loop import Limits, Loop, Options
from hypergeom.optim.objective import Objective
from hypergeom.optim.parameters import check_choice, check_count, check_range
from hypergeom.optim.result import IterationInfo, MinimizeResult
from hypergeom.optim.spaces import Geometry
from hypergeom.optim.steppers import FIRST_ORDER, Stepper, bound, first_order_method, method_manifold
from hypergeom.optim.trees import Layout, Tree, path_name
from hypergeom.optim.trust_region import TrustRegion

__all__ = ["minimize"]

_SEARCHING: dict[str, Callable[[], Any]] = {"rcg": RCG, "rlbfgs": RLBFGS, "trust_region": TrustRegion}


def minimize(
    cost: Callable[..., Any],
    x0: Tree,
    /,
    *,
    gradient: Callable[..., Tree] | bool,
    manifold: Any = None,
    method: Any = "rcg",
    hvp: Callable[..., Tree] | None = None,
    gradient_kind: Literal["euclidean", "riemannian"] = "euclidean",
    maxiter: int = 1000,
    gtol: float = 1e-6,
    ftol: float = 0.0,
    xtol: float = 0.0,
    maxtime: float | None = None,
    schedule: Callable[[int], float] | None = None,
    batch: Callable[[int, np.random.Generator], Any] | None = None,
    curvature: Callable[[int], float] | None = None,
    callback: Callable[[IterationInfo], Any] | None = None,
    verbose: bool = False,
    record_every: int = 1,
    checkpoint: str | Path | None = None,
    checkpoint_every: int = 100,
    resume: str | Path | None = None,
    rng: Any = None,
) -> MinimizeResult:
    r"""Minimize a cost over points of a manifold.

    A *tree* is an array or a nested dict of arrays; where the manifold is a `Product`, its points, tuples, stand for
    an array. Leading axes of arrays count points, and costs are sums over all of them. Nothing that is passed in is
    ever changed.

    Parameters
    ----------
    cost : callable
        ``cost(x)``, a number; with ``gradient=True`` the pair of that and the gradient.
    x0 : tree
        A point to start from.
    gradient : callable or True
        ``gradient(x)``, a tree like x: the partial derivatives of the cost in the entries of x, as of any smooth
        function around the manifold.
    manifold : Manifold, or dict of them in the shape of x0, optional
        Flat space by default, or what `method` was made with.
    method : str, method, or dict
        ``"rcg"``, ``"rlbfgs"`` and ``"trust_region"`` find optima to many digits, ``"rsgd"``, ``"radam"``, ``"muon"``
        and ``"hyperbolic_muon"`` take steps of given lengths, for training; or an instance of `RCG`, `RLBFGS`,
        `TrustRegion`, `RSGD`, `RAdam`, `Muon`, `HyperbolicMuon`, or a dict with one of the last four for each leaf.
    hvp : callable, optional
        ``hvp(x, v)``, the derivative of the *Euclidean* gradient along v in the space around, for ``"trust_region"``.
        For a `LorentzGroup` v comes as the velocity W X.
    gradient_kind : {"euclidean", "riemannian"}
        What `gradient` returns.
    maxiter : int
    gtol : float
        Stop where the Riemannian norm of the gradient is at most this; not looked at with `batch`.
    ftol : float
        Stop where the cost changed by at most this times the larger of its size and 1; not looked at if 0.
    xtol : float
        Stop after a step at most this long; not looked at if 0.
    maxtime : float, optional
        Stop after so many seconds.
    schedule : callable, optional
        ``schedule(t)``, t from 1, in place of the learning rate of first-order methods.
    batch : callable, optional
        ``batch(t, generator)``, t from 0: an object that cost, gradient and hvp get as their second argument in step
        t. The generator depends on `rng` and t alone. For first-order methods.
    curvature : callable, optional
        ``curvature(t)``, t from 1: the c of all `PoincareBall` of `manifold` in step t. Before it changes,
        `change_curvature` moves points and all that the method keeps. Cost, gradient and hvp get the keyword `c`.
    callback : callable
        Called with an `IterationInfo` after every iteration; if it returns something true, or raises `StopIteration`,
        the run ends.
    verbose : bool
        Show a bar of tqdm, or without tqdm a line a second on the standard error.
    record_every : int
        Iterations between the entries of the history.
    checkpoint : path, optional
        An .npz file that is written every `checkpoint_every` iterations and at the end, and is complete at any time.
    checkpoint_every : int
    resume : path, optional
        A checkpoint to go on from, with the same functions and options: all that follows has the bits of a run without
        an interruption.
    rng : int, Generator or None
        For `batch`.

    Returns
    -------
    MinimizeResult
        Without `batch` it is never worse than the best point that was found, but for rounding.

    Raises
    ------
    ValueError
        Options out of their range or that do not fit, a gradient of another shape than x, or a cost or gradient that is
        not finite at x0.
    TypeError
        Arrays that are not real, or of several libraries.
    NotOnManifoldError
        x0 is not on the manifold.
    DivergenceError
        Cost or gradient of a first-order method are not finite any more. Other methods take shorter steps.
    CheckpointError
        `resume` is damaged or belongs to another run.

    Notes
    -----
    Line searches use the true derivative along the curve, see `retraction_curve`.

    Examples
    --------
    The largest eigenvalue of a matrix, on the sphere:

    >>> import numpy as np
    >>> from hypergeom.manifolds import Sphere
    >>> from hypergeom.optim import minimize
    >>> A = np.diag([5.0, 2.0, 1.0])
    >>> found = minimize(lambda x: -x @ A @ x, np.ones(3) / 3**0.5, gradient=lambda x: -2 * A @ x, manifold=Sphere())
    >>> found.status, round(found.fun, 9), abs(found.x).round(4)
    ('gtol', -5.0, array([1., 0., 0.]))
    """
    manifold = _one_manifold(manifold, method)
    limits = _limits(maxiter, gtol, ftol, xtol, maxtime)
    options = _options(callback, verbose, record_every, checkpoint, checkpoint_every, curvature)
    layout, x = Layout.of("minimize: x0", x0, manifold)
    _check_fitting(layout, gradient, gradient_kind, hvp, curvature)
    with gpu_of(x[0]):
        geometry = Geometry(layout)
        geometry.check(x)
        solver = _solver(method, geometry, schedule, batch, gradient_kind)
        objective = Objective(geometry, cost, gradient, riemannian=gradient_kind == "riemannian", hvp=hvp)
        objective.keep_euclidean = hvp is not None or (isinstance(solver, Stepper) and solver.needs_euclidean)
        loop = Loop(objective, solver, limits, options, _fingerprint(solver, layout, batch, gradient_kind))
        if batch is not None:
            loop.batches = Batches(batch, rng)
        if resume is None:
            loop.begin(x)
        else:
            loop.resume(Path(resume), x)
        return loop.run()


def _one_manifold(manifold: Any, method: Any) -> Any:
    """That of the call or of the method."""
    made_with = method_manifold(method)
    if manifold is None or made_with is None or isinstance(method, dict):
        return made_with if manifold is None else manifold
    if made_with != manifold:
        raise ValueError(f"minimize: the method was made with {made_with}, and manifold is {manifold}")
    return manifold


def _limits(maxiter: Any, gtol: Any, ftol: Any, xtol: Any, maxtime: Any) -> Limits:
    check_count("minimize", "maxiter", maxiter, 0)
    for what, value in (("gtol", gtol), ("ftol", ftol), ("xtol", xtol)):
        check_range("minimize", what, value)
    if maxtime is not None and (not isinstance(maxtime, (int, float)) or not maxtime >= 0):
        raise ValueError(f"minimize: maxtime must be at least 0, got {maxtime!r}")
    return Limits(int(maxiter), float(gtol), float(ftol), float(xtol), None if maxtime is None else float(maxtime))


def _options(callback: Any, verbose: bool, record_every: int, path: Any, path_every: int, curvature: Any) -> Options:
    check_count("minimize", "record_every", record_every, 1)
    check_count("minimize", "checkpoint_every", path_every, 1)
    return Options(callback, verbose, record_every, None if path is None else Path(path), path_every, curvature)


def _check_fitting(layout: Layout, gradient: Any, kind: str, hvp: Any, curvature: Any) -> None:
    check_choice("minimize", "gradient_kind", kind, ("euclidean", "riemannian"))
    if gradient is not True and not callable(gradient):
        raise TypeError(f"minimize: gradient must be a function or True, got {gradient!r}")
    if kind == "riemannian" and hvp is not None:
        raise ValueError("minimize: hvp needs the Euclidean gradient, and gradient_kind is 'riemannian'")
    if curvature is not None and not any(isinstance(leaf.manifold, PoincareBall) for leaf in layout.leaves):
        raise ValueError("minimize: curvature needs a PoincareBall among the manifolds")
    for leaf in layout.leaves:
        if math.prod(leaf.shape) == 0:
            raise ValueError(f"minimize: x0{path_name(leaf.path)} is empty, its shape is {leaf.shape}")


def _solver(method: Any, geometry: Geometry, schedule: Any, batch: Any, kind: str) -> Any:
    if first_order_method(method):
        chosen = bound(method, geometry.layout)
        if kind == "riemannian" and not all(hasattr(part, "advance") for part in _instances(chosen)):
            raise ValueError("minimize: muon and hyperbolic_muon need the Euclidean gradient")
        return Stepper(chosen, geometry, schedule)
    if isinstance(method, str) and method in _SEARCHING:
        method = _SEARCHING[method]()
    if not isinstance(method, (RCG, RLBFGS, TrustRegion)):
        known = ", ".join(map(repr, (*FIRST_ORDER, *_SEARCHING)))
        raise ValueError(f"minimize: method must be one of {known}, or an instance of a method, got {method!r}")
    for what, value in (("schedule", schedule), ("batch", batch)):
        if value is not None:
            raise ValueError(f"minimize: {what} is for first-order methods, got method {method!r}")
    return method


def _instances(method: Any) -> list[Any]:
    if isinstance(method, dict):
        return [one for part in method.values() for one in _instances(part)]
    return [method]


def _fingerprint(solver: Any, layout: Layout, batch: Any, kind: str) -> dict[str, Any]:
    """What a checkpoint must agree in with the run that goes on from it."""
    return {
        "method": repr(solver.method if isinstance(solver, Stepper) else solver),
        "leaves": [
            [path_name(leaf.path), repr(leaf.manifold), leaf.weight, list(leaf.shape), str(leaf.dtype)]
            for leaf in layout.leaves
        ],
        "library": layout.namespace.__name__,
        "batches": batch is not None,
        "gradient_kind": kind,
    }
