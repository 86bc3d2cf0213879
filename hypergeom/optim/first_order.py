"""What methods of a gradient a step share: trees, rows, and the way from public states to leaves and back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol, TypeAlias, runtime_checkable

import numpy as np
from array_api_compat import array_namespace

from hypergeom._gpus import gpu_of
from hypergeom._rows import Array
from hypergeom.optim.parameters import check_lr
from hypergeom.optim.rows import Rows, checked_rows, gathered, scattered
from hypergeom.optim.spaces import Geometry, Space, Vectors
from hypergeom.optim.trees import Layout, Tree

__all__ = ["Buffers", "FirstOrder", "LeafStep", "StepMethod"]

Buffers: TypeAlias = tuple[Any, ...]  # arrays, or None for what a method does without


@runtime_checkable
class StepMethod(Protocol):
    """A method that `minimize` can drive: a state, and steps that are pure functions."""

    def init(self, x: Tree, /) -> Any:
        """The state before the first step."""

    def step(self, x: Tree, egrad: Tree, state: Any, /, *, lr: float | None = None) -> tuple[Tree, Any]:
        """The next point and state."""


class LeafStep(NamedTuple):
    """A step of one leaf: the point, what the state holds of the leaf, and the tangent that x has moved along."""

    x: Array
    buffers: Buffers
    v: Array


class FirstOrder(ABC):
    """Base of the methods that take a manifold, a gradient and buffers that move with the point."""

    manifold: Any
    lr: float
    weight_decay: float

    @abstractmethod
    def fresh(self, space: Space, x: Array) -> Buffers:
        """The buffers of a leaf before the first step."""

    @abstractmethod
    def advance(self, space: Space, x: Array, g: Array, buffers: Buffers, count: int, lr: float) -> LeafStep:
        """A step of one leaf, the one after `count` others, with the Riemannian gradient g."""

    @abstractmethod
    def joined(self, buffers: tuple[Tree, ...], count: int) -> Any:
        """The state with these trees of buffers."""

    @abstractmethod
    def split(self, state: Any) -> tuple[Tree, ...]:
        """The trees of buffers of a state."""

    def init(self, x: Tree, /) -> Any:
        """The state before the first step.

        Parameters
        ----------
        x : tree
            A point, or a tree of them, with any leading axes.

        Returns
        -------
        state
            Of zeros.
        """
        layout, leaves = Layout.of(f"{type(self).__name__}.init", x, self.manifold)
        with gpu_of(leaves[0]):
            return self.start(Geometry(layout), leaves)

    def start(self, geometry: Geometry, x: Vectors) -> Any:
        """The state before the first step, of leaves."""
        fresh = [self.fresh(*pair) for pair in zip(geometry.spaces, x, strict=True)]
        return self._state(geometry.layout, fresh, 0)

    def step(
        self, x: Tree, egrad: Tree, state: Any, /, *, lr: float | None = None, rows: Any = None
    ) -> tuple[Tree, Any]:
        """One step; nothing is changed in place.

        Parameters
        ----------
        x, egrad : tree
            The point, and the Euclidean gradient there.
        state
            Of `init`, or of the step before.
        lr : float, optional
            In place of that of the method.
        rows : integer array, shape (k,), optional
            Indices into the leading axis of x; `egrad` then has shape (k, ...), rows that are named several times are
            summed, and all others keep their bits, in x and in the state. For a dict, a dict with the rows of some of
            its leaves.

        Returns
        -------
        x : tree
        state

        Raises
        ------
        ValueError
            lr is not positive, shapes do not fit, or a row is out of range.
        """
        where = f"{type(self).__name__}.step"
        lr = self.lr if lr is None else lr
        check_lr(where, lr)
        layout, leaves = Layout.of(where, x, self.manifold)
        geometry = Geometry(layout)
        with gpu_of(leaves[0]):
            if rows is None:
                g = geometry.gradient(leaves, layout.flatten(f"{where}: egrad", egrad))
                leaves, state, _ = self.leaf_steps(geometry, leaves, g, state, float(lr))
            else:
                leaves, state = self._row_steps(geometry, leaves, egrad, state, float(lr), rows)
        return layout.unflatten(leaves), state

    def leaf_steps(
        self, geometry: Geometry, x: Vectors, g: Vectors, state: Any, lr: float
    ) -> tuple[Vectors, Any, Vectors]:
        """A step of all leaves, with Riemannian gradients; also the tangents that they have moved along."""
        with np.errstate(all="ignore"):
            return self._leaf_steps(geometry, x, g, state, lr)

    def _leaf_steps(
        self, geometry: Geometry, x: Vectors, g: Vectors, state: Any, lr: float
    ) -> tuple[Vectors, Any, Vectors]:
        if geometry.layout.template == 0:
            step = self.advance(geometry.spaces[0], x[0], g[0], self.split(state), state.count, lr)
            return [step.x], self.joined(step.buffers, state.count + 1), [step.v]
        buffers = self._buffers(geometry.layout, state)
        steps = [
            self.advance(space, point, gradient, held, state.count, lr)
            for space, point, gradient, held in zip(geometry.spaces, x, g, buffers, strict=True)
        ]
        state = self._state(geometry.layout, [step.buffers for step in steps], state.count + 1)
        return [step.x for step in steps], state, [step.v for step in steps]

    def _row_steps(
        self, geometry: Geometry, x: Vectors, egrad: Tree, state: Any, lr: float, rows: Any
    ) -> tuple[Vectors, Any]:
        where, layout = f"{type(self).__name__}.step", geometry.layout
        chosen = checked_rows(where, layout, rows)
        g = gathered(where, layout, egrad, chosen)
        moved: Vectors = []
        kept: list[Buffers] = []
        for parts in zip(geometry.spaces, x, g, self._buffers(layout, state), chosen, strict=True):
            new, buffers = self._leaf_rows(*parts, state.count, lr)
            moved.append(new)
            kept.append(buffers)
        return moved, self._state(layout, kept, state.count + 1)

    def _leaf_rows(
        self,
        space: Space,
        x: Array,
        g: Array,
        buffers: Buffers,
        rows: Rows | None,
        count: int,
        lr: float,
    ) -> tuple[Array, Buffers]:
        if rows is None:
            step = self.advance(space, x, space.gradient(x, g), buffers, count, lr)
            return step.x, step.buffers
        if not rows.index.shape[0]:
            return x, buffers
        xp = array_namespace(x)
        part = xp.take(x, rows.index, axis=0)
        held = tuple(None if b is None else xp.take(b, rows.index, axis=0) for b in buffers)
        step = self.advance(space, part, space.gradient(part, g), held, count, lr)
        new = tuple(None if b is None else scattered(b, rows, s) for b, s in zip(buffers, step.buffers, strict=True))
        return scattered(x, rows, step.x), new

    def _buffers(self, layout: Layout, state: Any) -> list[Buffers]:
        trees = self.split(state)
        if layout.template == 0:
            return [trees]
        columns = [[None] * len(layout.leaves) if tree is None else _leaves(layout.template, tree) for tree in trees]
        return list(zip(*columns, strict=True))

    def _state(self, layout: Layout, buffers: list[Buffers], count: int) -> Any:
        columns = list(zip(*buffers, strict=True))
        trees = tuple(None if column[0] is None else layout.unflatten(list(column)) for column in columns)
        return self.joined(trees, count)


def _leaves(template: Any, tree: Tree) -> list[Any]:
    """The leaves of a tree in the order of the numbers of the template."""
    if isinstance(template, Mapping):
        return [leaf for key, part in template.items() for leaf in _leaves(part, tree[key])]
    if isinstance(template, tuple):
        return [leaf for part, below in zip(template, tree, strict=True) for leaf in _leaves(part, below)]
    return [tree]
