"""Minibatches whose random numbers depend on the seed and on the number of the step, and on nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from hypergeom.errors import CheckpointError

__all__ = ["Batches"]


class Batches:
    """The batches of a run: ``batch(t, generator)`` with a generator of step t."""

    def __init__(self, batch: Callable[[int, np.random.Generator], Any], rng: Any) -> None:
        self.batch, self.entropy = batch, _entropy(rng)
        self.fixed = rng is not None and not isinstance(rng, np.random.Generator)

    def __call__(self, t: int) -> Any:
        """The batch of step t, from 0."""
        words = np.random.SeedSequence(self.entropy, spawn_key=(t,))
        return self.batch(t, np.random.Generator(np.random.Philox(words)))

    def restore(self, entropy: list[int]) -> None:
        """Go on with the numbers of another run."""
        if self.fixed and entropy != self.entropy:
            raise CheckpointError("resume: rng is not that of the run that wrote the checkpoint")
        self.entropy = entropy


def _entropy(rng: Any) -> list[int]:
    if isinstance(rng, np.random.Generator):
        return [int(word) for word in rng.integers(2**32, size=4)]
    entropy = np.random.SeedSequence(rng).entropy
    return [int(word) for word in np.atleast_1d(np.asarray(entropy, dtype=object))]
