"""Trees: an array, or a nested dict of arrays; a point of a `Product`, a tuple, is a leaf of either."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import array_api_compat
import numpy as np

from hypergeom._rows import Array
from hypergeom.manifolds import Euclidean, Manifold, Product, Validating

__all__ = ["Layout", "Leaf", "Tree", "as_real_array", "names", "path_name", "ravel"]

Tree: TypeAlias = Any  # an array, a tuple of arrays (a point of a Product), or a dict of trees
Path: TypeAlias = tuple[str | int, ...]


@dataclass(frozen=True)
class Leaf:
    """An array of a tree: where it stands, the manifold that it is on, and the weight of that in a `Product`."""

    path: Path
    manifold: Manifold
    weight: float
    shape: tuple[int, ...]
    dtype: Any


@dataclass(frozen=True)
class Layout:
    """The shape of a tree: its arrays in order, and how to put them together again.

    Attributes
    ----------
    leaves : tuple of Leaf
    template : nested dict and tuple of int
        The tree with the numbers of its leaves; a single 0 for an array.
    namespace : module
        The library of all the leaves.
    """

    leaves: tuple[Leaf, ...]
    template: Any
    namespace: Any

    def flatten(self, where: str, tree: Tree) -> list[Array]:
        """The arrays of a tree of this shape, after a check of the structure and of the shapes, in the leaf's dtype."""
        if self.template == 0 and type(tree) is np.ndarray:
            leaf = self.leaves[0]
            if tree.shape == leaf.shape and tree.dtype == leaf.dtype:
                return [tree]
        found = list(_walk(where, self.template, tree, ()))
        return [self._fitted(where, leaf, a) for leaf, a in zip(self.leaves, found, strict=True)]

    def _fitted(self, where: str, leaf: Leaf, a: Any) -> Array:
        a = as_real_array(f"{where}{path_name(leaf.path)}", a)
        if array_api_compat.array_namespace(a) is not self.namespace:
            raise TypeError(
                f"{where}{path_name(leaf.path)}: needs an array of {self.namespace.__name__} as x, got one of "
                f"{array_api_compat.array_namespace(a).__name__}"
            )
        if tuple(a.shape) != leaf.shape:
            raise ValueError(f"{where}{path_name(leaf.path)}: needs the shape {leaf.shape} of x, got {tuple(a.shape)}")
        return self.namespace.astype(a, leaf.dtype, copy=False)

    def unflatten(self, leaves: list[Any]) -> Tree:
        """The tree of this shape with these leaves."""
        return leaves[0] if self.template == 0 else _fill(self.template, leaves)

    @classmethod
    def of(cls, where: str, tree: Tree, manifold: Any) -> tuple[Layout, list[Array]]:
        """The layout of a tree, whose leaves are on `manifold`, and the leaves as arrays of floats.

        A manifold stands for all leaves of its part of the tree; None for flat space.
        """
        leaves: list[Leaf] = []
        arrays: list[Array] = []
        template = _describe(where, tree, manifold, (), 1.0, leaves, arrays)
        if not leaves:
            raise ValueError(f"{where}: needs at least one array, got {tree!r}")
        namespace = array_api_compat.array_namespace(arrays[0])
        for leaf, a in zip(leaves, arrays, strict=True):
            if array_api_compat.array_namespace(a) is not namespace:
                raise TypeError(
                    f"{where}: needs arrays of one library, got {path_name(leaf.path)} of "
                    f"{array_api_compat.array_namespace(a).__name__} beside one of {namespace.__name__}"
                )
        return cls(tuple(leaves), template, namespace), arrays


def names(keys: Iterable[Any]) -> list[str]:
    """Keys of a dict for a message."""
    return sorted(map(str, keys))


def path_name(path: Path) -> str:
    """A path as one writes it in Python: ``['a'][0]``."""
    return "".join(f"[{key!r}]" for key in path)


def as_real_array(where: str, a: Any) -> Array:
    """An array of floats; integers become float64."""
    if not array_api_compat.is_array_api_obj(a):
        a = np.asarray(a)
    xp = array_api_compat.array_namespace(a)
    if a.dtype == xp.float64 or a.dtype == xp.float32:
        return a if a.ndim or not isinstance(a, np.generic) else np.asarray(a)
    if not xp.isdtype(a.dtype, "integral"):
        raise TypeError(f"{where}: needs real numbers (float32, float64 or integers), got {a.dtype}")
    return xp.astype(a, xp.float64)


def _describe(
    where: str, tree: Tree, manifold: Any, path: Path, weight: float, leaves: list[Leaf], arrays: list[Array]
) -> Any:
    """The template of a part of the tree; its leaves are appended."""
    here = f"{where}{path_name(path)}"
    if isinstance(tree, dict):
        if isinstance(manifold, dict):
            if set(manifold) != set(tree):
                raise ValueError(f"{here}: manifold has the keys {names(manifold)}, and x {names(tree)}")
        else:
            manifold = dict.fromkeys(tree, manifold)
        return {key: _describe(where, tree[key], manifold[key], (*path, key), weight, leaves, arrays) for key in tree}
    if isinstance(manifold, dict):
        raise ValueError(f"{here}: manifold is a dict with the keys {names(manifold)}, and x is {type(tree).__name__}")
    if manifold is None:
        manifold = Euclidean()
    if not _is_manifold(manifold):
        raise TypeError(f"{here}: needs a manifold, got {manifold!r}")
    factors = _factors(manifold)
    if factors is not None:
        if not isinstance(tree, tuple) or len(tree) != len(factors):
            got = f"{len(tree)} entries" if isinstance(tree, tuple) else type(tree).__name__
            raise ValueError(f"{here}: a point of {manifold} is a tuple of {len(factors)} entries, got {got}")
        return tuple(
            _describe(where, part, factor, (*path, k), weight * w, leaves, arrays)
            for k, (part, (factor, w)) in enumerate(zip(tree, factors, strict=True))
        )
    a = as_real_array(here, tree)
    if not isinstance(manifold, Euclidean) and a.ndim < manifold.point_ndim:
        raise ValueError(
            f"{here}: a point of {manifold} has at least {manifold.point_ndim} axes, got shape {tuple(a.shape)}"
        )
    leaves.append(Leaf(path, manifold, weight, tuple(a.shape), a.dtype))
    arrays.append(a)
    return len(leaves) - 1


def _is_manifold(manifold: Any) -> bool:
    """To ask a protocol takes longer than a step, so that each type is asked once."""
    kind = type(manifold)
    if kind not in _ASKED:
        _ASKED[kind] = not isinstance(manifold, type) and isinstance(manifold, Manifold)
    return _ASKED[kind]


_ASKED: dict[type, bool] = {}


def _factors(manifold: Manifold) -> list[tuple[Manifold, float]] | None:
    """The factors of a product with their weights; a wrapper of a product wraps each of them."""
    if isinstance(manifold, Product):
        return list(zip(manifold.factors, manifold.weights, strict=True))
    if isinstance(manifold, Validating):
        inner = _factors(manifold.manifold)
        return inner and [(Validating(factor, manifold.atol), weight) for factor, weight in inner]
    return None


def _walk(where: str, template: Any, tree: Tree, path: Path) -> Iterator[Any]:
    if isinstance(template, dict):
        if not isinstance(tree, dict) or set(tree) != set(template):
            got = f"the keys {names(tree)}" if isinstance(tree, dict) else type(tree).__name__
            raise ValueError(f"{where}{path_name(path)}: needs a dict with the keys {names(template)} of x, got {got}")
        for key, part in template.items():
            yield from _walk(where, part, tree[key], (*path, key))
    elif isinstance(template, tuple):
        if not isinstance(tree, tuple) or len(tree) != len(template):
            got = f"{len(tree)} entries" if isinstance(tree, tuple) else type(tree).__name__
            raise ValueError(f"{where}{path_name(path)}: needs a tuple of {len(template)} entries as x, got {got}")
        for k, part in enumerate(template):
            yield from _walk(where, part, tree[k], (*path, k))
    elif isinstance(tree, dict):
        raise ValueError(f"{where}{path_name(path)}: needs an array as x, got a dict with the keys {names(tree)}")
    else:
        yield tree


def _fill(template: Any, leaves: list[Any]) -> Any:
    if isinstance(template, dict):
        return {key: _fill(part, leaves) for key, part in template.items()}
    if isinstance(template, tuple):
        return tuple(_fill(part, leaves) for part in template)
    return leaves[template]


def ravel(tree: Tree, /) -> tuple[Array, Callable[[Array], Tree]]:
    """All arrays of a tree in one vector, and the way back.

    Parameters
    ----------
    tree : array, tuple or nested dict of arrays
        Of real numbers, all of one library.

    Returns
    -------
    vector : array, shape (n,)
        The leaves in the order of the dicts, in the common dtype.
    unravel : callable
        Of a vector of that length, in any dtype: the tree of its parts, with the shapes of the first one.

    Raises
    ------
    ValueError
        There is no array in the tree, or `unravel` is given another shape.
    TypeError
        Leaves that are not real, or of several libraries.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom.optim import ravel
    >>> vector, unravel = ravel({"w": np.ones((2, 2)), "b": np.zeros(1)})
    >>> vector
    array([1., 1., 1., 1., 0.])
    >>> unravel(2 * vector)["w"]
    array([[2., 2.],
           [2., 2.]])
    """
    leaves: list[Array] = []
    template = _collect(tree, (), leaves)
    if not leaves:
        raise ValueError(f"ravel: needs at least one array, got {tree!r}")
    xp = array_api_compat.array_namespace(*leaves)
    shapes = [tuple(a.shape) for a in leaves]
    sizes = [math.prod(shape) for shape in shapes]
    dtype = xp.result_type(*(a.dtype for a in leaves))
    vector = xp.concat([xp.astype(xp.reshape(a, (-1,)), dtype) for a in leaves])

    def unravel(vector: Array, /) -> Tree:
        if tuple(vector.shape) != (sum(sizes),):
            raise ValueError(f"unravel: needs a vector of {sum(sizes)} entries, got shape {tuple(vector.shape)}")
        xp = array_api_compat.array_namespace(vector)
        parts, at = [], 0
        for shape, size in zip(shapes, sizes, strict=True):
            parts.append(xp.reshape(vector[at : at + size], shape))
            at += size
        return _fill(template, parts)

    return vector, unravel


def _collect(tree: Tree, path: Path, leaves: list[Array]) -> Any:
    if isinstance(tree, dict):
        return {key: _collect(part, (*path, key), leaves) for key, part in tree.items()}
    if isinstance(tree, tuple):
        return tuple(_collect(part, (*path, k), leaves) for k, part in enumerate(tree))
    leaves.append(as_real_array(f"ravel{path_name(path)}", tree))
    return len(leaves) - 1
