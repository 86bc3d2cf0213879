"""`HyperbolicEmbedding` and `evaluate` on CuPy arrays: as on the CPU, on the GPU of the edges, and what is copied.

Without a GPU they run on a stand-in for CuPy, whose kernels are those of the emulation (cuda_host/strict_cupy.py).
"""

import pickle
import time
from collections import Counter

import numpy as np
import pytest
from cuda_host import strict_cupy
from cuda_host.cases import cupy_on_a_gpu

from hypergeom import manifolds
from hypergeom.datasets import load_mammals
from hypergeom.embed import HyperbolicEmbedding, evaluate

MAMMALS = load_mammals().edges
EDGES = MAMMALS[MAMMALS[:, 0] < 300]
N = int(EDGES.max()) + 1


@pytest.fixture(scope="module", params=["stand-in", pytest.param("gpu", marks=pytest.mark.gpu)])
def cupy(request):
    if request.param == "gpu":
        yield cupy_on_a_gpu()
    else:
        with strict_cupy.installed() as module:
            yield module


@pytest.fixture
def put(cupy):
    def to_gpu(a):
        with strict_cupy.transfers():
            return cupy.asarray(a)

    return to_gpu


def host(a):
    with strict_cupy.transfers():
        return a.get()


def model(**changes):
    return HyperbolicEmbedding(
        **{"n_components": 5, "n_epochs": 6, "n_negatives": 10, "rng": 3, "threads": 1} | changes
    )


def fitted(edges, *, to=None, weights=None, callback=None, **changes):
    with strict_cupy.transfers() as log:
        found = model(**changes).fit(edges, weights=weights, callback=callback)
    if to is not None:
        to.extend(log)
    return found


@pytest.mark.parametrize("manifold", ["poincare", "lorentz", "euclidean"])
@pytest.mark.parametrize("init", ["diffusion", "tree", "random"])
def test_fit_is_that_of_the_cpu(manifold, init, put, cupy):
    """With one warp and one thread; six epochs from the same seed, rivals in the last two."""
    settings = {"manifold": manifold, "init": init, "curvature": 0.8, "negative_power": 0.5}
    begin = time.perf_counter()
    on_cpu, on_gpu = fitted(EDGES, **settings), fitted(put(EDGES), **settings)
    assert on_cpu.seconds_ + on_gpu.seconds_ < time.perf_counter() - begin
    assert type(on_gpu.embedding_) is cupy.ndarray
    assert on_gpu.embedding_.dtype == np.float64
    np.testing.assert_allclose(host(on_gpu.embedding_), on_cpu.embedding_, rtol=0, atol=1e-7)
    np.testing.assert_allclose(on_gpu.loss_history_, on_cpu.loss_history_, rtol=1e-7)
    assert all(type(loss) is float for loss in on_gpu.loss_history_) and type(on_gpu.n_projected_) is int
    np.testing.assert_array_equal(on_gpu.labels_, on_cpu.labels_)
    assert type(on_gpu.labels_) is np.ndarray and on_gpu.seconds_ > 0


def test_weights_dtype_and_init_on_the_gpu(put):
    weights = np.random.default_rng(0).uniform(0.5, 2, len(EDGES))
    init = np.random.default_rng(1).uniform(-0.3, 0.3, (N, 5))
    on_cpu = fitted(EDGES, weights=weights, init=init, dtype="float32")
    on_gpu = fitted(put(EDGES), weights=put(weights), init=put(init), dtype="float32")
    assert on_gpu.embedding_.dtype == np.float32
    np.testing.assert_allclose(host(on_gpu.embedding_), on_cpu.embedding_, rtol=0, atol=1e-6)
    again = fitted(put(EDGES), weights=weights.tolist(), init=put(init), dtype="float32")
    np.testing.assert_array_equal(host(again.embedding_), host(on_gpu.embedding_))


def test_layouts_of_edges(put):
    expected = host(fitted(put(EDGES)).embedding_)
    backwards, wide = put(EDGES[::-1].copy()), put(np.repeat(EDGES, 2, axis=1).astype(np.int32))
    np.testing.assert_array_equal(host(fitted(backwards[::-1]).embedding_), expected)
    np.testing.assert_array_equal(host(fitted(wide[:, ::2]).embedding_), expected)


def test_what_a_fit_copies(put, cupy):
    """Edges once to the host, all losses at the end; to the GPU the tables, and an order of visits for each epoch."""
    if cupy.ndarray is not strict_cupy.ndarray:
        pytest.skip("CuPy does not tell what it copies")
    log = []
    fitted(put(EDGES), to=log)
    assert [entry for entry in log if entry[0] == "to host"] == [("to host", EDGES.size), ("to host", 6 * 3)]
    n_visits = len(np.unique(EDGES[:, 0]))
    assert Counter(log)["to GPU", n_visits] >= 6
    assert log.index(("to host", EDGES.size)) == 0 and log[-1][0] == "to host"
    log = []
    fitted(put(EDGES), to=log, callback=lambda info: None)
    assert [size for direction, size in log if direction == "to host"] == [EDGES.size] + [3] * 6


def test_a_callback_learns_and_stops(put):
    infos = []
    with_callback = fitted(put(EDGES), callback=lambda info: infos.append(info) or info.epoch == 3)
    assert [info.epoch for info in infos] == [0, 1, 2, 3]
    assert with_callback.loss_history_ == fitted(put(EDGES)).loss_history_[:4]
    assert all(info.pairs_per_second > 0 for info in infos)
    with strict_cupy.transfers():
        assert model(verbose=True).fit(put(EDGES)).loss_history_[:4] == with_callback.loss_history_


def test_partial_fit_goes_on_there(put, cupy):
    on_cpu, on_gpu = fitted(EDGES), fitted(put(EDGES))
    with strict_cupy.transfers():
        on_gpu.partial_fit(put(EDGES))
    on_cpu.partial_fit(EDGES)
    assert type(on_gpu.embedding_) is cupy.ndarray
    np.testing.assert_allclose(host(on_gpu.embedding_), on_cpu.embedding_, rtol=0, atol=1e-6)
    assert len(on_gpu.loss_history_) == 12
    for one, other in ((on_gpu, EDGES), (on_cpu, put(EDGES))):
        with pytest.raises(TypeError, match=r"the points of the model are a .*ndarray, got edges in a .*ndarray"):
            one.partial_fit(other)


def test_an_interrupted_fit_keeps_what_was_learned(put):
    def interrupt(info):
        raise KeyboardInterrupt

    stopped = model()
    with strict_cupy.transfers(), pytest.raises(KeyboardInterrupt):
        stopped.fit(put(EDGES), callback=interrupt)
    assert len(stopped.loss_history_) == 1 and np.isfinite(host(stopped.embedding_)).all()


def test_arrays_of_two_libraries_are_refused(put):
    weights, init = np.ones(len(EDGES)), np.zeros((N, 5))
    for edges, changes in (
        (put(EDGES), {"weights": weights}),
        (EDGES, {"weights": put(weights)}),
        (put(EDGES), {"init": init}),
        (EDGES, {"init": put(init)}),
    ):
        with pytest.raises(TypeError, match=r"fit: needs arrays of one library, got .* of NumPy beside .* of CuPy"):
            fitted(edges, **changes)
    with pytest.raises(TypeError, match=r"got x of numpy beside edges of CuPy"):
        evaluate(init, put(EDGES))


def test_the_gpu_of_the_edges_is_used(cupy, put):
    if cupy.cuda.runtime.getDeviceCount() < 2:
        pytest.skip("there is one GPU")
    with cupy.cuda.Device(1):
        edges = put(EDGES)
    before = len(strict_cupy.launches() or ())
    found = fitted(edges)
    assert found.embedding_.device.id == 1
    assert {launch[-1] for launch in (strict_cupy.launches() or ())[before:]} <= {1}
    with strict_cupy.transfers():
        assert evaluate(found.embedding_, edges).ranks.device.id == 1
        assert found.distances(3).device.id == 1
    weights = put(np.ones(len(EDGES)))
    with pytest.raises(ValueError, match=r"needs arrays on one GPU, got edges on GPU 1 beside weights on GPU 0"):
        fitted(edges, weights=weights)


def test_questions_to_a_model_on_a_gpu(put, cupy, tmp_path):
    on_gpu = fitted(put(EDGES))
    with strict_cupy.transfers():
        on_gpu.save(tmp_path / "model.npz")
        on_gpu.to_word2vec(tmp_path / "model.txt")
        on_cpu = HyperbolicEmbedding.load(tmp_path / "model.npz")
        np.testing.assert_array_equal(on_cpu.embedding_, host(on_gpu.embedding_))
        assert len((tmp_path / "model.txt").read_text().splitlines()) == N + 1
        for f in (
            lambda m: m.distances(3),
            lambda m: m.distances(3, [4, 5]),
            lambda m: m.distances([3, 4]),
            lambda m: m.hierarchy_score(3, [4, 5]),
            lambda m: m.to("lorentz").embedding_,
            lambda m: m.to("lorentz").distances(3, 7),
        ):
            found = f(on_gpu)
            assert type(found) is cupy.ndarray
            np.testing.assert_allclose(host(found), f(on_cpu), rtol=1e-9)
        assert [label for label, _ in on_gpu.nearest(3)] == [label for label, _ in on_cpu.nearest(3)]
        for f in (lambda m: m.closest_parent(3), lambda m: m.ancestors(3), lambda m: m.to("lorentz").closest_child(3)):
            assert f(on_gpu) == f(on_cpu)


@pytest.mark.gpu
def test_a_model_on_a_gpu_pickles():
    cupy = cupy_on_a_gpu()
    found = model().fit(cupy.asarray(EDGES))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(found)).embedding_.get(), found.embedding_.get())


@pytest.mark.gpu
def test_a_fit_runs_on_the_current_stream():
    cupy = cupy_on_a_gpu()
    edges = cupy.asarray(EDGES)
    expected = model().fit(edges).embedding_.get()
    with cupy.cuda.Stream(non_blocking=True):
        np.testing.assert_array_equal(model().fit(edges).embedding_.get(), expected)


# --- evaluate -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("manifold", ["poincare", "lorentz", "euclidean", manifolds.PoincareBall(0.5)])
@pytest.mark.parametrize("nodes", [None, [5, 3, 200, 3]])
def test_evaluation_is_that_of_the_cpu(manifold, nodes, put, cupy):
    """Exactly, ties too: half of the points are there twice."""
    x = np.random.default_rng(2).uniform(-0.4, 0.4, (N, 4))
    x[N // 2 :] = x[: N - N // 2]
    if manifold == "lorentz":
        x[:, 0] = np.sqrt(1 + (x[:, 1:] ** 2).sum(axis=1))
    expected = evaluate(x, EDGES, manifold=manifold, nodes=nodes)
    points = put(x)
    for edges in (EDGES, put(EDGES), EDGES.tolist()):
        with strict_cupy.transfers() as log:
            found = evaluate(points, edges, manifold=manifold, nodes=nodes)
        assert type(found.ranks) is cupy.ndarray and type(found.map) is type(found.mean_rank) is float
        np.testing.assert_array_equal(host(found.ranks), expected.ranks)
        np.testing.assert_allclose([found.mean_rank, found.map], [expected.mean_rank, expected.map], rtol=1e-13)
        brought = [size for direction, size in log if direction == "to host" and size > 1]
        assert brought == ([EDGES.size] if type(edges) is cupy.ndarray else []) or not log


def test_bad_points_on_a_gpu(put):
    x = np.zeros((N, 3))
    x[[7, 9], 0] = 2, np.nan
    with strict_cupy.transfers():
        with pytest.raises(ValueError, match=r"x: 2 rows are not points of the poincare model, the first is row 7"):
            evaluate(put(x), EDGES)
        with pytest.raises(ValueError, match=r"is not the number of a node"):
            evaluate(put(x[:5]), put(EDGES))
        with pytest.raises(TypeError, match=r"x must hold real numbers"):
            evaluate(put(x.astype(np.complex128)), EDGES)
        with pytest.raises(ValueError, match=r"got shape \(3,\)"):
            evaluate(put(np.zeros(3)), EDGES)
