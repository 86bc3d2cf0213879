"""How agents hear of their neighbours: in the memory of one process, or over MPI."""

from __future__ import annotations

import math
from typing import Any, Protocol, TypeAlias

import numpy as np

from hypergeom._rows import Array

__all__ = ["Exchange", "InMemory", "OverMPI"]

Heard: TypeAlias = dict[int, dict[int, Array]]  # of each agent here: its own array, and those of its neighbours


class Exchange(Protocol):
    """A round of messages."""

    def __call__(self, x: dict[int, Array], s: dict[int, Array], /) -> tuple[Heard, Heard]:
        """What each agent hears, given what the agents of this process have."""

    @property
    def failing(self) -> bool:
        """Whether there was news of a failure: messages are still passed on, but nothing is to be computed."""

    def over(self, iteration: int, fine: bool, /) -> bool:
        """Whether to give up after this iteration: some agent's was not `fine`, and all have heard of it."""


class InMemory:
    """All agents in one process."""

    def __init__(self, neighbours: dict[int, list[int]]) -> None:
        self.heard_by = {i: sorted([i, *near]) for i, near in neighbours.items()}

    def __call__(self, x: dict[int, Array], s: dict[int, Array], /) -> tuple[Heard, Heard]:
        def heard(arrays: dict[int, Array]) -> Heard:
            return {i: {j: arrays[j] for j in near} for i, near in self.heard_by.items()}

        return heard(x), heard(s)

    @property
    def failing(self) -> bool:
        return False

    def over(self, iteration: int, fine: bool, /) -> bool:
        return not fine


class OverMPI:
    """One agent a process, which sends to its neighbours alone.

    News of a failure travels with the messages, one edge an iteration, as the iteration at which it happened. After as
    many iterations as there are other agents all have heard of the first one, and leave together: nobody is left
    waiting for a message.
    """

    def __init__(self, comm: Any, neighbours: list[int]) -> None:
        self.comm, self.neighbours = comm, neighbours
        self.failed = math.inf

    def __call__(self, x: dict[int, Array], s: dict[int, Array], /) -> tuple[Heard, Heard]:
        me, mine = self.comm.rank, [x[self.comm.rank], s[self.comm.rank]]
        # The number of an iteration is exact up to 2^24 in float32.
        message = np.concatenate([[self.failed], *(a.ravel() for a in mine)]).astype(mine[0].dtype)
        incoming = {j: np.empty_like(message) for j in self.neighbours}
        requests = [self.comm.Irecv(buffer, source=j) for j, buffer in incoming.items()]
        requests += [self.comm.Isend(message, dest=j) for j in self.neighbours]
        for request in requests:
            request.Wait()
        heard_x, heard_s = {me: x[me]}, {me: s[me]}
        for j, buffer in incoming.items():
            self.failed = min(self.failed, float(buffer[0]))
            heard_x[j], heard_s[j] = buffer[1:].reshape(2, *x[me].shape)
        return {me: heard_x}, {me: heard_s}

    @property
    def failing(self) -> bool:
        return self.failed < math.inf

    def over(self, iteration: int, fine: bool, /) -> bool:
        if not fine:
            self.failed = min(self.failed, iteration)
        return bool(iteration >= self.failed + self.comm.size - 1)
