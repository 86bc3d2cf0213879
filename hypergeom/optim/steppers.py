"""First-order methods as `minimize` drives them: one for all leaves, or one for each."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from array_api_compat import array_namespace

from hypergeom.errors import DivergenceError
from hypergeom.manifolds import Euclidean, LorentzGroup, Validating
from hypergeom.optim.descent import Move
from hypergeom.optim.first_order import FirstOrder
from hypergeom.optim.muon import HyperbolicMuon, Muon
from hypergeom.optim.objective import Iterate, Objective
from hypergeom.optim.radam import RAdam
from hypergeom.optim.rsgd import RSGD
from hypergeom.optim.spaces import Geometry, Vectors
from hypergeom.optim.trees import Layout, names, path_name

__all__ = ["FIRST_ORDER", "Stepper", "bound", "first_order_method", "method_manifold"]

FIRST_ORDER = ("rsgd", "radam", "muon", "hyperbolic_muon")
Method: TypeAlias = Any  # a FirstOrder, Muon or HyperbolicMuon, a dict of them, or, before `bound`, a name

ADVICE = "take a smaller lr, or one that grows over the first steps"


def first_order_method(method: Any) -> bool:
    """Whether these are steps of a gradient: a name, an instance, or a dict of those."""
    if isinstance(method, dict):
        return bool(method) and all(first_order_method(part) for part in method.values())
    return method in FIRST_ORDER if isinstance(method, str) else isinstance(method, (FirstOrder, Muon, HyperbolicMuon))


def method_manifold(method: Any) -> Any:
    """The manifold that a method was made with, as `minimize` takes it; None where it has none."""
    if isinstance(method, dict):
        parts = {key: method_manifold(part) for key, part in method.items()}
        return parts if any(part is not None for part in parts.values()) else None
    return method.group if isinstance(method, HyperbolicMuon) else getattr(method, "manifold", None)


def bound(method: Method, layout: Layout) -> Method:
    """The method of this layout: names become instances, and Muon a dict of one for each leaf."""
    return _bound(method, layout, layout.template)


def _bound(method: Method, layout: Layout, template: Any) -> Method:
    if isinstance(method, dict):
        if not isinstance(template, dict) or set(method) != set(template):
            keys = f"the keys {names(template)}" if isinstance(template, dict) else "no keys"
            raise ValueError(f"minimize: method has the keys {names(method)}, and x0 has {keys}")
        return {key: _bound(method[key], layout, part) for key, part in template.items()}
    if method in ("rsgd", "radam"):
        return RSGD() if method == "rsgd" else RAdam()
    if isinstance(method, FirstOrder):
        return method
    if isinstance(template, dict):
        return {key: _bound(method, layout, part) for key, part in template.items()}
    if isinstance(template, tuple):
        raise ValueError("minimize: muon and hyperbolic_muon take arrays, and x0 has a point of a Product")
    leaf = layout.leaves[template]
    manifold = leaf.manifold.manifold if isinstance(leaf.manifold, Validating) else leaf.manifold
    where = f"minimize: x0{path_name(leaf.path)}"
    if isinstance(method, Muon) or method == "muon":
        if not isinstance(manifold, Euclidean) or len(leaf.shape) < 2:
            raise ValueError(f"{where}: muon needs matrices in flat space, got shape {leaf.shape} and {manifold}")
        return Muon() if method == "muon" else method
    if not isinstance(manifold, LorentzGroup):
        raise ValueError(f"{where}: hyperbolic_muon needs a LorentzGroup as manifold, got {manifold}")
    if isinstance(method, HyperbolicMuon) and method.group != manifold:
        raise ValueError(f"{where}: the method is one of {method.group}, and the manifold is {manifold}")
    return HyperbolicMuon(manifold) if method == "hyperbolic_muon" else method


@dataclass(frozen=True)
class _Part:
    """A method and the leaves that it moves."""

    method: Any
    path: tuple[Any, ...]
    leaves: tuple[int, ...]
    geometry: Geometry


class Stepper:
    """The steps of a method, or of a dict of methods, on lists of leaves."""

    def __init__(self, method: Method, geometry: Geometry, schedule: Callable[[int], float] | None) -> None:
        self.schedule, self.method = schedule, method
        self.rebind(geometry)

    @property
    def needs_euclidean(self) -> bool:
        """Whether a method takes the gradient as it comes from the user."""
        return not all(isinstance(part.method, FirstOrder) for part in self.parts)

    def rebind(self, geometry: Geometry) -> None:
        """On other manifolds from now on."""
        self.geometry = geometry
        self.alone = self.method if isinstance(self.method, FirstOrder) else None
        self.parts = list(_parts(self.method, geometry.layout, geometry.layout.template, ()))

    def start(self, objective: Objective, iterate: Iterate) -> Any:
        """The state before the first step."""
        return self.fresh(iterate.x)

    def fresh(self, x: Vectors) -> Any:
        """The state before the first step."""
        states = []
        for part in self.parts:
            leaves = [x[k] for k in part.leaves]
            if isinstance(part.method, FirstOrder):
                states.append(part.method.start(part.geometry, leaves))
            else:
                states.append(part.method.init(leaves[0]))
        return self._joined(states)

    def step(self, at: Iterate, state: Any, t: int) -> tuple[Vectors, Any, float]:
        """Step t, from 1: the next point and state, and the length of the step."""
        if self.alone is not None:
            return self._one_step(self.alone, at, state, t)
        x = list(at.x)
        squares = 0.0
        states = []
        for part, held in zip(self.parts, self._split(state), strict=True):
            lr = part.method.lr if self.schedule is None else self._scheduled(t)
            old = [at.x[k] for k in part.leaves]
            if isinstance(part.method, FirstOrder):
                grad = [at.grad[k] for k in part.leaves]
                new, held, v = part.method.leaf_steps(part.geometry, old, grad, held, lr)
                with np.errstate(all="ignore"):
                    squares += part.geometry.inner(old, v, v)
            elif lr == 0:
                new = old
            else:
                moved, held = part.method.step(old[0], at.egrad[part.leaves[0]], held, lr=lr)
                new = [moved]
                squares += _chord(part.method, old[0], moved)
            states.append(held)
            for k, a in zip(part.leaves, new, strict=True):
                x[k] = a
        return x, self._joined(states), squares**0.5 if squares >= 0 else float("nan")

    def _one_step(self, method: FirstOrder, at: Iterate, state: Any, t: int) -> tuple[Vectors, Any, float]:
        lr = method.lr if self.schedule is None else self._scheduled(t)
        x, state, v = method.leaf_steps(self.geometry, at.x, at.grad, state, lr)
        along_gradient = isinstance(method, RSGD) and not method.momentum and not method.weight_decay
        if along_gradient:
            return x, state, lr * at.grad_norm
        with np.errstate(all="ignore"):
            return x, state, self.geometry.norm(at.x, v)

    def _scheduled(self, t: int) -> float:
        assert self.schedule is not None
        lr = float(self.schedule(t))
        if not 0 <= lr < float("inf"):
            raise ValueError(f"minimize: schedule({t}) must be at least 0 and finite, got {lr!r}")
        return lr

    def advance(self, objective: Objective, iterate: Iterate, state: Any, t: int) -> Move:
        """A step, and cost and gradient where it leads."""
        x, state, length = self.step(iterate, state, t)
        there = objective.evaluate(x)
        if not there.finite:
            raise DivergenceError(t - 1, objective.geometry.layout.unflatten(iterate.x), ADVICE)
        return Move(there, state, length)

    def remapped(self, state: Any, f: Callable[[Vectors], Vectors]) -> Any:
        """The state with f, which maps tangents, on the momenta."""
        held = self._split(state)
        zeros: Vectors = [None] * len(self.geometry.spaces)
        for part, one in zip(self.parts, held, strict=True):
            for k, a in zip(part.leaves, _momenta(part, one), strict=True):
                zeros[k] = a
        if all(a is None for a in zeros):
            return state
        moved = f(zeros)
        states = []
        for part, one in zip(self.parts, held, strict=True):
            if one.momentum is not None:
                new = part.geometry.layout.unflatten([moved[k] for k in part.leaves])
                one = dataclasses.replace(one, momentum=new)
            states.append(one)
        return self._joined(states)

    def _joined(self, states: list[Any]) -> Any:
        if not isinstance(self.method, dict):
            return states[0]
        tree: dict[Any, Any] = {}
        for part, state in zip(self.parts, states, strict=True):
            inside = tree
            for key in part.path[:-1]:
                inside = inside.setdefault(key, {})
            inside[part.path[-1]] = state
        return tree

    def _split(self, state: Any) -> list[Any]:
        if not isinstance(self.method, dict):
            return [state]
        states = []
        for part in self.parts:
            inside = state
            for key in part.path:
                inside = inside[key]
            states.append(inside)
        return states


def _parts(method: Method, layout: Layout, template: Any, path: tuple[Any, ...]) -> Any:
    if isinstance(method, dict):
        for key, part in template.items():
            yield from _parts(method[key], layout, part, (*path, key))
        return
    numbers: list[int] = []
    renumbered = _renumbered(template, numbers)
    leaves = tuple(layout.leaves[k] for k in numbers)
    yield _Part(method, path, tuple(numbers), Geometry(Layout(leaves, renumbered, layout.namespace)))


def _renumbered(template: Any, numbers: list[int]) -> Any:
    if isinstance(template, dict):
        return {key: _renumbered(part, numbers) for key, part in template.items()}
    if isinstance(template, tuple):
        return tuple(_renumbered(part, numbers) for part in template)
    numbers.append(template)
    return len(numbers) - 1


def _momenta(part: _Part, state: Any) -> Vectors:
    if state.momentum is None:
        return [None] * len(part.leaves)
    return part.geometry.layout.flatten("minimize: momentum", state.momentum)


def _chord(method: Any, old: Any, new: Any) -> float:
    """The square of the length of a step that is only known by its ends."""
    v = method.group.inverse(old) @ (new - old) if isinstance(method, HyperbolicMuon) else new - old
    return float(array_namespace(v).sum(v * v))
