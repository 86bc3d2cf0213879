"""The training run behind `HyperbolicEmbedding`: the table of points, the visits, and the schedule.

A *visit* takes one node with some of its edges through one step. All these edges share one set of negatives, so that
the distance of a negative is computed once for all of them. An epoch makes every visit once.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from hypergeom._core import embedding as _core
from hypergeom.embed.hierarchy import IntArray, ancestor_lists

__all__ = ["Recipe", "Trainer"]

FloatArray = npt.NDArray[np.float64]

# In units of the radius of curvature: a longer step would overshoot.
_MAX_STEP = 1.0

# Rivals of a node are the non-ancestors that stand nearest to it, among those not much farther than its farthest
# ancestor: their cosh(d) - 1 is at most REACH times that ancestor's. An exact search lists them every _PERIOD epochs.
N_RIVALS, _N_DRAWN, REACH, _PERIOD = 64, 32, 2.0, 10

ROUNDING = 8 * np.finfo(float).eps  # of a gap that is formed anew


@dataclass(frozen=True)
class Recipe:
    """What stays the same during a run; the public parameters are those of `HyperbolicEmbedding`."""

    n_epochs: int
    n_negatives: int
    learning_rate: tuple[float, ...]
    burn_in: int
    hard_negatives: tuple[float, float]
    negative_power: float
    margin: float
    curvature: float
    hyperbolic: bool
    threads: int | None  # None leaves the number of warps to the trainer on a GPU

    def learning_rate_at(self, epoch: int) -> float:
        """Piecewise linear over the run; a tenth during the burn-in."""
        nodes = np.linspace(0, max(self.n_epochs - 1, 1), len(self.learning_rate))
        rate = float(np.interp(epoch, nodes, self.learning_rate))
        return 0.1 * rate if epoch < self.burn_in else rate

    def n_negatives_at(self, epoch: int) -> int:
        """A tenth during the burn-in."""
        return max(1, self.n_negatives // 10) if epoch < self.burn_in else self.n_negatives

    def first_hard_epoch(self) -> float:
        """Where the final epochs begin in which rivals are drawn; they do not end. Infinite if there are none."""
        boost, share = self.hard_negatives
        return self.n_epochs - round(share * self.n_epochs) if boost > 0 and share > 0 else math.inf


class Trainer:
    """Points in training. Row i of the table holds the coordinates of node i, then its gap 1 - |x|^2.

    Parameters
    ----------
    points : (n, d) array
        Where the nodes start, in the unit ball (or in flat space).
    edges : (m, 2) int64 array
        Distinct rows (child, ancestor) in lexicographic order.
    weights : (m,) float64 array
        Weight of each edge in the loss.
    recipe : Recipe
    seed : int
        With one thread, or one warp, a run is a function of these arguments alone.
    """

    asynchronous = False  # whether `epoch` returns before its results are there

    def __init__(self, points: Any, edges: IntArray, weights: FloatArray, recipe: Recipe, seed: int) -> None:
        n, self._d = points.shape
        self._lanes, self._stride = _core.row_layout(self._d)
        self._recipe, self._seed = recipe, seed
        self._smallest_gap = recipe.margin * (2 - recipe.margin)
        self._indptr, self._ancestors = ancestor_lists(edges, n)
        self._visit_start, self._visit_node = _visits(self._indptr)
        self._weights = weights
        self._alias = _alias_table(np.bincount(edges[:, 1], minlength=n), recipe.negative_power)
        self._rivals: Any = None
        self._total_weight = float(weights.sum())
        self._load(points)

    def _load(self, points: Any) -> None:
        """Bring the table and the graph to where the epochs run."""
        self._rows: Any = _aligned_zeros(len(points), self._stride)
        self._rows[:, : self._d] = points
        self._graph: Any = _core.Graph(
            self._indptr, self._ancestors, self._weights, self._visit_start, self._visit_node
        )

    @property
    def points(self) -> Any:
        """A copy of the points, (n, d)."""
        return self._rows[:, : self._d].copy()

    def epoch(self, epoch: int) -> tuple[Any, Any, Any]:
        """Run epoch number `epoch`; returns the mean loss of an edge, the pairs computed, and the rows projected."""
        recipe = self._recipe
        put_back = self._refresh_gaps()
        radius = math.sqrt(recipe.curvature)  # the table is in units of the radius of curvature
        loss, pairs, projected = self._run(
            np.random.default_rng([self._seed, epoch]).permutation(len(self._visit_node)).astype(np.int32),
            seed=self._seed,
            epoch=epoch,
            learning_rate=recipe.learning_rate_at(epoch) * radius,
            max_step=_MAX_STEP,
            smallest_gap=self._smallest_gap,
            decay_power=1 / radius,
            hyperbolic=recipe.hyperbolic,
            n_negatives=recipe.n_negatives_at(epoch),
            **self._hard_negatives(epoch),
            **self._alias,
        )
        return loss / self._total_weight, pairs, projected + put_back + self._refresh_gaps()

    def numbers(self, results: Sequence[tuple[Any, Any, Any]]) -> list[tuple[float, int, int]]:
        """What `epoch` returned in some epochs, as numbers of Python."""
        return [(float(loss), int(pairs), int(projected)) for loss, pairs, projected in results]

    def _run(self, order: npt.NDArray[np.int32], **options: Any) -> tuple[Any, Any, Any]:
        """Make the visits once; returns the sum of the losses, the pairs computed, and the rows projected."""
        return _core.run_epoch(self._rows, self._d, self._graph, order, threads=self._recipe.threads or 1, **options)

    def _refresh_gaps(self) -> Any:
        """Form the gaps anew from the coordinates, since the kernel carries them along; returns the rows projected."""
        if not self._recipe.hyperbolic:
            self._rows[:, self._lanes] = 1.0
            return 0
        x, gaps, smallest_gap = self._rows[:, : self._d], self._rows[:, self._lanes], self._smallest_gap
        gaps[:] = 1 - np.einsum("ij,ij->i", x, x)
        # Two threads that write one row at once can leave it beyond the rim.
        beyond = np.flatnonzero(gaps < smallest_gap - ROUNDING)
        x[beyond] *= np.sqrt((1 - smallest_gap) / (1 - gaps[beyond]))[:, None]
        gaps[beyond] = smallest_gap
        return len(beyond)

    def _hard_negatives(self, epoch: int) -> dict[str, Any]:
        recipe = self._recipe
        first = recipe.first_hard_epoch()
        if epoch < first:
            return {}
        if self._rivals is None or (epoch - first) % _PERIOD == 0:
            self._rivals = self._search_rivals()
        # Uniform draws meet a given node n_negatives / n times a visit, these _N_DRAWN / N_RIVALS times.
        uniform = recipe.n_negatives / len(self._rows)
        weight = min(1.0, recipe.hard_negatives[0] * uniform * N_RIVALS / _N_DRAWN)
        return {"near": self._rivals, "n_near": _N_DRAWN, "near_weight": weight}

    def _search_rivals(self) -> Any:
        """For each node its `N_RIVALS` nearest rivals, -1 where there are fewer."""
        _, rivals = _core.reconstruction_ranks(
            self.points,
            self._rows[:, self._lanes].copy(),
            self._indptr,
            self._ancestors,
            np.flatnonzero(np.diff(self._indptr)).astype(np.int32),
            threads=self._recipe.threads or 1,
            n_rivals=N_RIVALS,
            reach=REACH,
        )
        return rivals


def _aligned_zeros(n: int, stride: int) -> FloatArray:
    """Zeros whose rows begin on cache lines."""
    buffer = np.zeros(n * stride + 8)
    first = -buffer.ctypes.data % 64 // 8
    return buffer[first : first + n * stride].reshape(n, stride)


def _visits(indptr: IntArray) -> tuple[IntArray, npt.NDArray[np.int32]]:
    """Cut each node's edges into the fewest runs of about equal length that a visit can hold."""
    counts = np.diff(indptr)
    runs = -(-counts // _core.MAX_POSITIVES)
    node = np.repeat(np.arange(len(counts)), runs)
    run = np.arange(len(node)) - np.repeat(np.cumsum(runs) - runs, runs)
    start = indptr[node] + run * counts[node] // runs[node]
    return np.append(start, indptr[-1]), node.astype(np.int32)


def _alias_table(degrees: IntArray, power: float) -> dict[str, Any]:
    """Walker's alias table for the distribution (1 + degree)^power; nothing for the uniform one."""
    if power == 0:
        return {}
    share = (1.0 + degrees) ** power
    share *= len(share) / share.sum()
    alias = np.arange(len(share), dtype=np.int32)
    small, large = list(np.flatnonzero(share < 1)), list(np.flatnonzero(share >= 1))
    while small and large:
        low, high = small.pop(), large[-1]
        alias[low] = high
        share[high] -= 1 - share[low]
        if share[high] < 1:
            small.append(large.pop())
    return {"alias_share": share, "alias": alias}
