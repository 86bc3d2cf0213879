"""The training run on a GPU: the table, the visits and the rivals stay there, and so does the loss."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from hypergeom import _cuda
from hypergeom._core import embedding as _core
from hypergeom._gpus import to_host
from hypergeom.embed.hierarchy import IntArray
from hypergeom.embed.trainer import N_RIVALS, REACH, ROUNDING, Recipe, Trainer

__all__ = ["DeviceTrainer"]

FloatArray = npt.NDArray[np.float64]


class DeviceTrainer(Trainer):
    """As `Trainer`, with the table, the kernels and the results on a device.

    An epoch sends one array there, the order of its visits, which is that of the CPU, and brings nothing back: what
    `epoch` returns stays there until `numbers` is asked for it.

    Parameters
    ----------
    points : (n, d) array
        On the host or on the device.
    edges, weights, recipe, seed
        As for `Trainer`. A thread of the recipe is a warp here.
    device : hypergeom._cuda.Device
    """

    asynchronous = True

    def __init__(
        self, points: Any, edges: IntArray, weights: FloatArray, recipe: Recipe, seed: int, device: _cuda.Device
    ) -> None:
        self._device = device
        super().__init__(points, edges, weights, recipe, seed)

    def _load(self, points: Any) -> None:
        xp, put = self._device.xp, self._device.xp.asarray
        self._rows = xp.zeros((len(points), self._stride), dtype=np.float64)
        self._rows[:, : self._d] = put(points)
        starts, nodes = put(self._indptr), put(self._ancestors)
        self._graph = (starts, put(self._visit_start), nodes, put(self._visit_node), put(self._weights))
        self._queries = put(np.flatnonzero(np.diff(self._indptr)).astype(np.int32))
        self._alias = {name: put(a) for name, a in self._alias.items()}

    def numbers(self, results: Sequence[tuple[Any, Any, Any]]) -> list[tuple[float, int, int]]:
        """What `epoch` returned in some epochs, in one copy to the host."""
        if not results:
            return []
        xp = self._device.xp
        return super().numbers(to_host(xp.stack([xp.stack(result) for result in results])).tolist())

    def _warps(self, n_drawn: int) -> int:
        """Visits made at once: of the rows that they hold, most are held by one visit only."""
        if self._recipe.threads is not None:
            return self._recipe.threads
        n, n_visits = len(self._rows), max(len(self._visit_node), 1)
        partners = n_drawn + len(self._ancestors) // n_visits + 1
        return max(1, min(n // partners, _cuda.BLOCK_WARPS * self._device.max_blocks))

    def _run(self, order: npt.NDArray[np.int32], **options: Any) -> tuple[Any, Any, Any]:
        found = _cuda.run_epoch(
            self._device,
            self._rows,
            self._d,
            self._graph,
            self._device.xp.asarray(order),
            lanes=self._lanes,
            max_positives=_core.MAX_POSITIVES,
            warps=self._warps(options["n_negatives"] + options.get("n_near", 0)),
            **options,
        )
        return found[0], found[1], found[2]

    def _refresh_gaps(self) -> Any:
        # As of the CPU, but no array has a size that depends on numbers.
        if not self._recipe.hyperbolic:
            self._rows[:, self._lanes] = 1.0
            return 0.0
        xp, x, smallest_gap = self._device.xp, self._rows[:, : self._d], self._smallest_gap
        squares = (x * x).sum(axis=1)
        beyond = 1 - squares < smallest_gap - ROUNDING
        x *= xp.where(beyond, xp.sqrt((1 - smallest_gap) / xp.where(beyond, squares, 1.0)), 1.0)[:, None]
        self._rows[:, self._lanes] = xp.where(beyond, smallest_gap, 1 - squares)
        return beyond.sum().astype(np.float64)

    def _search_rivals(self) -> Any:
        starts, _, ancestors, _, _ = self._graph
        _, rivals = _cuda.reconstruction_ranks(
            self._device,
            self.points,
            self._rows[:, self._lanes].copy(),
            starts,
            ancestors,
            self._queries,
            n_rivals=N_RIVALS,
            reach=REACH,
        )
        return rivals
