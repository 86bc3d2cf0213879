"""The number of threads of row functions on the CPU, and the pool that they share."""

from __future__ import annotations

import itertools
import operator
import os
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Any

import numpy as np

__all__ = ["threads"]

count: ContextVar[int] = ContextVar("hypergeom_threads", default=1)

# Entries below which a second thread costs more than it saves.
MIN_ENTRIES = 1 << 14


def threads(n: int) -> AbstractContextManager[None]:
    """Run row functions on NumPy arrays with `n` threads inside a ``with`` block.

    The longest batch axis is split; small batches stay in the calling thread. The results are the same bits
    for every `n`. The setting belongs to the current context (`contextvars`): other threads and tasks keep
    theirs.

    Parameters
    ----------
    n : int
        Number of threads, at least 1. Outside of any block it is 1.

    Raises
    ------
    ValueError
        If `n` is not a positive integer.

    Examples
    --------
    >>> import numpy as np
    >>> import hypergeom
    >>> x = np.random.default_rng(0).uniform(-0.5, 0.5, (100_000, 2))
    >>> with hypergeom.threads(2):
    ...     r = hypergeom.poincare.dist0(x)
    >>> np.array_equal(r, hypergeom.poincare.dist0(x))
    True
    """
    try:
        number = 0 if isinstance(n, bool) else operator.index(n)
    except TypeError:
        number = 0
    if number < 1:
        raise ValueError(f"threads: n must be a positive integer, got {n!r}")
    return _setting(number)


@contextmanager
def _setting(n: int) -> Iterator[None]:
    token = count.set(n)
    try:
        yield
    finally:
        count.reset(token)


class _Pool:
    """A thread pool that is made when first used and grows; a forked child starts with none."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.size = 0
        self.executor: ThreadPoolExecutor | None = None

    def get(self, size: int) -> ThreadPoolExecutor:
        with self.lock:
            if self.executor is None or self.size < size:
                # A smaller one is not shut down: its users may be about to submit. It ends when they let go
                # of it.
                self.executor = ThreadPoolExecutor(size, thread_name_prefix="hypergeom")
                self.size = size
            return self.executor


_pool = _Pool()


def _after_fork() -> None:
    global _pool
    _pool = _Pool()


os.register_at_fork(after_in_child=_after_fork)


def split_rows(
    gufunc: np.ufunc,
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    batches: Sequence[tuple[int, ...]],
    batch: tuple[int, ...],
    n: int,
) -> None:
    """Call `gufunc` on `n` windows of the longest axis of `batch`; `batches` are those of the inputs."""
    axis = max(range(len(batch)), key=batch.__getitem__) - len(batch)
    edges = np.linspace(0, batch[axis], n + 1).astype(np.intp)

    def run(window: slice) -> None:
        parts = [_window(a, shape, axis, window) for a, shape in zip(inputs, batches, strict=True)]
        gufunc(*parts, out=tuple(_window(a, batch, axis, window) for a in outputs))

    first, *others = (slice(*pair) for pair in itertools.pairwise(edges))
    executor = _pool.get(len(others))
    futures = [executor.submit(run, window) for window in others]
    try:
        run(first)
    finally:  # the outputs must not be freed while a thread writes to them
        wait(futures)
    for future in futures:
        future.result()


def _window(a: Any, shape: tuple[int, ...], axis: int, window: slice) -> Any:
    """The part of an array of batch shape `shape`, which may lack the axis or be broadcast along it."""
    if len(shape) < -axis or shape[axis] == 1:
        return a
    return a[(*(slice(None),) * (len(shape) + axis), window)]
