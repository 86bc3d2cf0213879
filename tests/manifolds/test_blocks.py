"""Manifolds of matrices on Dask arrays of several blocks."""

import numpy as np
import pytest

from hypergeom.errors import ConvergenceError
from hypergeom.manifolds import LorentzGroup, Stiefel

MANIFOLDS = [(Stiefel(), (6, 5, 2)), (Stiefel("euclidean", "polar"), (6, 4, 3)), (LorentzGroup(2, 1), (6, 3, 3))]


@pytest.fixture
def dask():
    return pytest.importorskip("dask.array", reason="dask is not installed")


@pytest.mark.parametrize(("manifold", "shape"), MANIFOLDS, ids=str)
def test_results_are_lazy_and_those_of_numpy(dask, rng, manifold, shape):
    x = manifold.random_point(shape, rng=rng)
    u, v = manifold.random_tangent(x, rng=rng), 0.1 * manifold.random_tangent(x, rng=rng)
    y, t = manifold.exp(x, v), rng.uniform(size=6)
    near = x + 0.01 * rng.normal(size=shape)
    calls = {
        "exp": (x, v), "log": (x, y), "transport": (x, y, u), "exp_transport": (x, v, u), "geodesic": (x, y, t),
        "retract": (x, v), "project": (near,),
    }  # fmt: skip
    calls |= {"dist": (x, y)} if isinstance(manifold, Stiefel) else {"component": (x,)}
    for name, args in calls.items():
        for dtype in (np.float64, np.float32):
            given = [a.astype(dtype) for a in args]
            # blocks of rows, and of columns and rows, which only a whole matrix factorizes
            for chunks in ((2, -1, -1), (4, 2, 1)):
                arrays = [dask.from_array(a, chunks=chunks[: a.ndim]) for a in given]
                desired, got = getattr(manifold, name)(*given), getattr(manifold, name)(*arrays)
                pairs = zip(desired, got, strict=True) if isinstance(desired, tuple) else [(desired, got)]
                for a, b in pairs:
                    assert isinstance(b, dask.Array) and (b.shape, b.dtype) == (a.shape, a.dtype), name
                    np.testing.assert_allclose(b.compute(), a, atol=50 * np.finfo(dtype).eps, err_msg=name)


@pytest.mark.parametrize(("manifold", "shape"), MANIFOLDS, ids=str)
def test_one_point_for_all_blocks_one_time_and_options(dask, rng, manifold, shape):
    x = manifold.random_point(shape[1:], rng=rng)
    v = manifold.random_tangent(np.broadcast_to(x, shape), rng=rng)
    on_dask = dask.from_array(x), dask.from_array(v, chunks=(2, -1, -1))
    np.testing.assert_allclose(manifold.exp(*on_dask).compute(), manifold.exp(x, v), atol=1e-14)
    y = manifold.exp(x, 0.1 * v)
    half = manifold.geodesic(on_dask[0], dask.from_array(y, chunks=(3, -1, -1)), 0.5)
    np.testing.assert_allclose(half.compute(), manifold.geodesic(x, y, 0.5), atol=1e-13)
    if isinstance(manifold, LorentzGroup):
        got = manifold.retract(*on_dask, method="expm").compute()
        np.testing.assert_allclose(got, manifold.retract(x, v, method="expm"), atol=1e-14)


def test_errors_come_before_the_work_and_failures_with_it(dask, rng):
    m = Stiefel()
    x = m.random_point((4, 3, 3), rng=rng)
    on_dask = dask.from_array(x, chunks=(2, -1, -1))
    with pytest.raises(ValueError, match=r"Stiefel\.exp: shapes .* do not fit"):
        m.exp(on_dask, on_dask[:, :2])
    with pytest.raises(ValueError, match="at least as many rows as columns"):
        m.exp(on_dask[:, :2], on_dask[:, :2])
    with pytest.raises(ValueError, match=r"LorentzGroup\.exp: a point of .* is 4 by 4"):
        LorentzGroup(3, 1).exp(on_dask, on_dask)
    with pytest.raises(TypeError, match="one library"):
        m.log(on_dask, x)
    with pytest.raises(TypeError, match="real numbers"):
        m.exp(on_dask, on_dask.astype(complex))
    with pytest.raises(ValueError, match="method must be"):
        LorentzGroup(2, 1).retract(on_dask, on_dask, method="qr")
    mirrored = m.log(on_dask, on_dask * np.asarray([-1.0, 1, 1]))  # in the other component
    with pytest.raises(ConvergenceError):
        mirrored.compute()
