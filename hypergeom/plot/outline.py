"""What a picture has to know about a hierarchy: its direct edges, its form as a tree, its main branches."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hypergeom.embed.hierarchy import EdgesLike, EdgeTable, Hierarchy, close, edge_table
from hypergeom.embed.tree import Tree, spanning_tree

IntArray: TypeAlias = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Outline:
    """A hierarchy as it is drawn.

    Attributes
    ----------
    edges : (m, 2) int64 array
        The direct edges (child, parent).
    n_given : int
        The number of edges before those that follow from others were left out.
    tree : Tree
        The spanning forest.
    sizes : (n,) int64 array
        The number of nodes in each subtree.
    """

    edges: IntArray
    n_given: int
    tree: Tree
    sizes: IntArray

    def root(self) -> int | None:
        """The only node without parents, nodes without any edge aside."""
        roots = np.flatnonzero((self.tree.parent < 0) & (self.sizes > 1))
        return int(roots[0]) if len(roots) == 1 else None

    def importance(self) -> IntArray:
        """All nodes, those with the largest subtrees first, of equally large ones the least deep."""
        return np.lexsort((self.tree.depth, -self.sizes))

    def branches(self, most: int) -> tuple[IntArray, IntArray]:
        """The main branches: their heads by decreasing size, and the branch of each node (-1 for none).

        From the roots down, the largest branch is replaced by its children while it holds more than a
        quarter of all nodes, unless they are all leaves. Of what there is then, the `most` largest count,
        if they hold at least a hundredth.
        """
        parent, n = self.tree.parent, len(self.sizes)
        heads, inner = np.flatnonzero(parent < 0), self.sizes > 1
        splits = (4 * self.sizes > n) & (np.bincount(parent[inner & (parent >= 0)], minlength=n) > 0)
        while splits[heads].any():
            largest = heads[np.argmax(np.where(splits[heads], self.sizes[heads], 0))]
            heads = np.append(heads[heads != largest], np.flatnonzero(parent == largest))
        heads = heads[np.argsort(-self.sizes[heads], kind="stable")][:most]
        heads = heads[(100 * self.sizes[heads] >= n) & inner[heads]]
        branch = np.full(n, -1, dtype=np.int64)
        branch[heads] = np.arange(len(heads))
        for nodes in self.tree.levels()[1:]:
            branch[nodes] = np.where(branch[nodes] < 0, branch[parent[nodes]], branch[nodes])
        return heads, branch


def read_outline(
    edges: EdgesLike | None, labels: npt.ArrayLike | None, n: int
) -> tuple[Outline | None, npt.NDArray[Any] | None]:
    """The outline of `edges` between n points, and the names of the points, as far as they are given."""
    names = None
    if labels is not None:
        names = np.asarray(labels)
        if names.shape != (n,):
            raise ValueError(f"labels must have shape ({n},), one for each point, got {names.shape}")
    if edges is None:
        return None, names
    if isinstance(edges, Hierarchy) and names is not None:
        edges = edges.edges  # its nodes are numbered already, and may be drawn under other names
    table = edge_table(edges, labels=names)
    if len(table.labels) > n:
        raise ValueError(f"edges have {len(table.labels)} nodes, but x has {n} points")
    if names is None and table.labels.dtype.kind in "UO" and len(table.labels) == n:
        names = table.labels
    table = EdgeTable(table.edges, np.arange(n), table.index)
    _, basic = close(table)
    tree = spanning_tree(table)
    return Outline(table.edges[basic], len(table.edges), tree, tree.subtree_sizes()), names
