import contextvars
import os
import subprocess
import sys
import threading

import numpy as np
import pytest

import hypergeom
from hypergeom import _threads, lorentz, poincare


@pytest.fixture
def points(rng):
    return rng.uniform(-0.3, 0.3, (2, 4001, 9))


@pytest.fixture
def used_threads(monkeypatch):
    """Names of the threads in which slices ran, filled by the calls of the test."""
    seen = set()
    original = _threads._window

    def spy(*args):
        seen.add(threading.get_ident())
        return original(*args)

    monkeypatch.setattr(_threads, "_window", spy)
    return seen


@pytest.mark.parametrize("n", [2, 3, 7])
def test_results_are_the_same_bits(n, points, used_threads):
    x, y = points
    hyperboloid = poincare.to_lorentz(x)
    c = np.linspace(0.1, 2, len(x))
    calls = [
        lambda: poincare.dist(x, y),
        lambda: poincare.dist(x, y[0], c),
        lambda: poincare.exp(x.astype(np.float32), y.astype(np.float32), c.astype(np.float32)),
        lambda: poincare.log_vjp(x, y, x, c),
        lambda: poincare.mobius_add(x[:50, None], y[None, :300]),
        lambda: poincare.mobius_add(x[:2, None], y),
        lambda: poincare.log_vjp(x, y[:1], x),
        lambda: poincare.project(3 * x, margin=0.1),
        lambda: lorentz.log(hyperboloid, hyperboloid[::-1]),
        lambda: lorentz.to_poincare(hyperboloid),
        lambda: poincare.to_lorentz(x, c),
    ]
    for call in calls:
        desired = call()
        used_threads.clear()
        with hypergeom.threads(n):
            actual = call()
        assert len(used_threads) > 1
        for a, b in zip(
            actual if isinstance(actual, tuple) else (actual,),
            desired if isinstance(desired, tuple) else (desired,),
            strict=True,
        ):
            assert a.dtype == b.dtype
            np.testing.assert_array_equal(a, b)


def test_out(points, used_threads):
    x, y = points
    desired, out = poincare.exp(x, y), np.empty_like(x)
    with hypergeom.threads(2):
        assert poincare.exp(x, y, out=out) is out
    np.testing.assert_array_equal(out, desired)
    assert len(used_threads) == 2

    # A slice of an overlapping output may be the input of another slice.
    buffer = np.concatenate([x, x[:5]])
    with hypergeom.threads(2):
        poincare.exp(buffer[:-5], y, out=buffer[5:])
    np.testing.assert_array_equal(buffer[5:], desired)


def test_small_batches_are_not_split(used_threads):
    x = np.full((100, 2), 0.1)
    with hypergeom.threads(2):
        poincare.dist0(x)
        poincare.dist0(np.full(20_000, 1e-3))
    assert not used_threads


def test_setting_nests_and_ends():
    get = _threads.count.get
    assert get() == 1
    with hypergeom.threads(3):
        with hypergeom.threads(np.int64(2)):
            assert get() == 2
        assert get() == 3
        with pytest.raises(RuntimeError, match="left early"), hypergeom.threads(4):
            raise RuntimeError("left early")
        assert get() == 3
        assert contextvars.Context().run(get) == 1
    assert get() == 1


@pytest.mark.parametrize("n", [0, -1, 1.0, 2.5, True, "2", None, np.nan])
def test_rejected_numbers(n):
    with pytest.raises(ValueError, match="threads: n must be a positive integer, got"):
        hypergeom.threads(n)


def test_errors_are_those_of_one_thread(points):
    x, _ = points
    with hypergeom.threads(2), pytest.raises(ValueError, match=r"poincare\.dist: shapes"):
        poincare.dist(x, x[:-1])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_forked_child_makes_its_own_pool():
    script = """
import os
import numpy as np
import hypergeom
from hypergeom import poincare
x = np.full((20_000, 4), 0.1)
with hypergeom.threads(2):
    first = poincare.dist0(x)
    pid = os.fork()
    second = poincare.dist0(x)
assert np.array_equal(first, second)
if pid:
    assert os.waitpid(pid, 0)[1] == 0
os._exit(0)
"""
    subprocess.run([sys.executable, "-P", "-W", "ignore::DeprecationWarning", "-c", script], check=True, timeout=60)


def test_many_callers_share_the_pool(points):
    x, y = points
    desired, results = poincare.dist(x, y), []

    def call(n):
        with hypergeom.threads(n):
            for _ in range(20):
                results.append(np.array_equal(poincare.dist(x, y), desired))

    callers = [threading.Thread(target=call, args=(n,)) for n in (2, 3, 4, 5)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(results) == 80
    assert all(results)
