"""What the benchmarks share: ratios of times, the copy of the same bytes, data."""

import time

import numpy as np


def best_times(*functions, rounds=7, least=2e-3, seconds=2.0):
    """The best time of a call of each function, over rounds that take them in turn.

    Parameters
    ----------
    *functions : callable
        Without arguments.
    rounds : int
        How often each is timed.
    least : float
        A function faster than this is called several times in a row.
    seconds : float
        No further round begins after this time, from the second round on.

    Returns
    -------
    list of float
        Seconds of one call.
    """
    calls = [max(1, round(least / _seconds(f, 1))) for f in functions]
    end, times = time.perf_counter() + seconds, []
    while len(times) < 2 or (len(times) < rounds and time.perf_counter() < end):
        times.append([_seconds(f, n) for f, n in zip(functions, calls, strict=True)])
    return [min(column) for column in zip(*times, strict=True)]


def _seconds(f, calls):
    begin = time.perf_counter()
    for _ in range(calls):
        f()
    return max(time.perf_counter() - begin, 1e-9) / calls


def ratio(ours, theirs):
    """The best time of `ours` over the best time of `theirs`, taken alternately."""
    a, b = best_times(ours, theirs)
    return a / b


def copy_of(*arrays):
    """A function that moves as many bytes as reading or writing these arrays once: the physical limit."""
    source = np.ones(sum(a.nbytes for a in arrays) // 2, dtype=np.uint8)
    target = np.empty_like(source)
    return lambda: np.copyto(target, source)


def rows(shape, dtype, *, seed=0):
    """Random rows shorter than 0.9: points of the ball, or tangent vectors."""
    limit = 0.9 / np.sqrt(shape[-1])
    return np.random.default_rng(seed).uniform(-limit, limit, shape).astype(dtype)
