"""The training run on a GPU: the table, the visits and the rivals stay there, and so does the loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hypergeom import _cuda
from hypergeom._core import embedding as _core
from hypergeom.embed.hierarchy import IntArray
from hypergeom.embed.trainer import _N_RIVALS, _REACH, _ROUNDING, Recipe, Trainer

__all__ = ["DeviceTrainer"]

FloatArray = npt.NDArray[np.float64]


class DeviceTrainer(Trainer):
    """As `Trainer`, with arrays and kernels of a device; what it returns are arrays there, of no axis.

    An epoch sends one array to the device, the order of the visits, which is that of the CPU, and brings none back.

    Parameters
    ----------
    points, edges, weights, recipe, seed
        As for `Trainer`, on the host. A thread of the recipe is a warp here, None leaves their number to the trainer.
    device : hypergeom._cuda.Device
    """

    def __init__(
        self,
        points: FloatArray,
        edges: IntArray,
        weights: FloatArray,
        recipe: Recipe,
        seed: int,
        device: _cuda.Device,
    ) -> None:
        self._device = device
        super().__init__(points, edges, weights, recipe, seed)

    def _load(self) -> None:
        put = self._device.xp.asarray
        self._rows = put(self._rows)
        starts, nodes = put(self._indptr), put(self._ancestors)
        self._graph = (starts, put(self._visit_start), nodes, put(self._visit_node), put(self._weights))
        self._queries = put(np.flatnonzero(np.diff(self._indptr)).astype(np.int32))
        self._alias = {name: put(a) for name, a in self._alias.items()}

    def _run(self, order: npt.NDArray[np.int32], **options: Any) -> tuple[Any, Any, Any]:
        recipe = self._recipe
        warps = recipe.threads or self._device.max_blocks
        found = _cuda.run_epoch(
            self._device,
            self._rows,
            self._d,
            self._graph,
            self._device.xp.asarray(order),
            lanes=self._lanes,
            max_positives=_core.MAX_POSITIVES,
            warps=warps,
            **options,
        )
        return found[0], found[1], found[2]

    def _refresh_gaps(self) -> Any:
        # As of the CPU, but no array has a size that depends on numbers.
        if not self._recipe.hyperbolic:
            self._rows[:, self._lanes] = 1.0
            return 0
        xp, x, smallest_gap = self._device.xp, self._rows[:, : self._d], self._smallest_gap
        gaps = 1 - (x * x).sum(axis=1)
        beyond = gaps < smallest_gap - _ROUNDING
        x *= xp.where(beyond, xp.sqrt((1 - smallest_gap) / (1 - gaps)), 1.0)[:, None]
        self._rows[:, self._lanes] = xp.where(beyond, smallest_gap, gaps)
        return beyond.sum()

    def _search_rivals(self) -> Any:
        starts, _, ancestors, _, _ = self._graph
        _, rivals = _cuda.reconstruction_ranks(
            self._device,
            self.points,
            self._rows[:, self._lanes].copy(),
            starts,
            ancestors,
            self._queries,
            n_rivals=_N_RIVALS,
            reach=_REACH,
        )
        return rivals
