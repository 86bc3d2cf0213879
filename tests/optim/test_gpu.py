"""`minimize` on CuPy arrays: nothing leaves the GPU but the numbers that decide what comes next.

Without a GPU they run on a stand-in for CuPy (cuda_host/strict_cupy.py), which refuses any other copy.
"""

import numpy as np
import pytest
from cuda_host import strict_cupy
from cuda_host.cases import cupy_on_a_gpu

from hypergeom.manifolds import Euclidean, Sphere
from hypergeom.optim import minimize


@pytest.fixture(scope="module", params=["stand-in", pytest.param("gpu", marks=pytest.mark.gpu)])
def cupy(request):
    if request.param == "gpu":
        yield cupy_on_a_gpu()
    else:
        with strict_cupy.installed() as module:
            yield module


def problem(cupy, m, rng):
    with strict_cupy.transfers():
        target = cupy.asarray(m.random_point((6, 4), rng=rng))
        x0 = cupy.asarray(m.random_point((6, 4), rng=rng))
    return lambda x: cupy.sum((x - target) ** 2), x0, lambda x: (x - target) + (x - target), target


@pytest.mark.parametrize("method", ["rsgd", "radam", "rcg", "rlbfgs", "trust_region"])
@pytest.mark.parametrize("m", [Euclidean(), Sphere()])
def test_iterates_are_those_of_numpy(m, method, cupy, rng):
    cost, x0, gradient, target = problem(cupy, m, rng)
    options = {"manifold": m, "method": method, "maxiter": 4, "gtol": 0.0}
    with strict_cupy.transfers():
        found = minimize(cost, x0, gradient=gradient, **options)
        assert isinstance(found.x, cupy.ndarray)
        x, start, a = found.x.get(), x0.get(), target.get()
    host = minimize(lambda x: float(np.sum((x - a) ** 2)), start, gradient=lambda x: 2 * (x - a), **options)
    np.testing.assert_allclose(x, host.x, atol=1e-12)


@pytest.mark.parametrize(("method", "reads"), [("rsgd", 2), ("radam", 3)])
def test_numbers_that_are_read(method, reads, cupy, rng):
    """The cost, the norm of the gradient, and for RAdam the length of the step."""
    if cupy.ndarray is not strict_cupy.ndarray:
        pytest.skip("CuPy itself does not count what it copies")
    cost, x0, gradient, _ = problem(cupy, Sphere(), rng)
    counts = []
    for maxiter in (2, 12):
        with strict_cupy.transfers() as log:
            minimize(cost, x0, gradient=gradient, manifold=Sphere(), method=method, maxiter=maxiter, gtol=0.0)
        assert all(size == 1 for direction, size in log if direction == "to host")
        counts.append(sum(direction == "to host" for direction, _ in log))
    assert counts[1] - counts[0] == 10 * reads
