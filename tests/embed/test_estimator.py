"""HyperbolicEmbedding: quality on small data, repeatability, the estimator protocol, files, bad input."""

import json
import pickle

import numpy as np
import pytest

from hypergeom import manifolds
from hypergeom.datasets import load_mammals
from hypergeom.embed import HyperbolicEmbedding, closure, evaluate
from hypergeom.errors import CheckpointError

ANIMALS = [
    ("dog", "canine"),
    ("wolf", "canine"),
    ("cat", "feline"),
    ("lion", "feline"),
    ("canine", "mammal"),
    ("feline", "mammal"),
]


@pytest.fixture(scope="module")
def animals():
    return closure(ANIMALS)


@pytest.fixture(scope="module")
def tree():
    rng = np.random.default_rng(0)
    return closure(np.array([(i, rng.integers(max(0, i // 3 - 3), i // 3 + 1)) for i in range(1, 200)]))


def quick(**changes):
    return HyperbolicEmbedding(**{"n_components": 4, "n_epochs": 40, "rng": 0, **changes})


@pytest.mark.parametrize("manifold", ["poincare", "lorentz"])
@pytest.mark.parametrize("init", ["diffusion", "tree", "random"])
def test_learns_a_tree(tree, manifold, init):
    model = quick(manifold=manifold, init=init, n_components=5, n_epochs=100).fit(tree)
    found = evaluate(model.embedding_, tree, manifold=model.manifold_)
    assert found.mean_rank < 1.4 and found.map > 0.9
    model.manifold_.check(model.embedding_)


def test_loss_decreases(tree):
    model = quick(hard_negatives=(0, 0), burn_in=0, init="random").fit(tree)
    assert len(model.loss_history_) == 40
    assert model.loss_history_[-1] < 0.5 * model.loss_history_[0]


def test_both_models_train_alike(tree):
    ball, hyperboloid = (quick(manifold=name).fit(tree) for name in ("poincare", "lorentz"))
    np.testing.assert_allclose(hyperboloid.to("poincare").embedding_, ball.embedding_, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(ball.to("lorentz").distances(3), ball.distances(3), rtol=1e-6, atol=1e-9)


def test_one_thread_repeats_bit_for_bit(tree):
    first, second = (quick(threads=1).fit(tree).embedding_ for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert (quick(threads=1, rng=1).fit(tree).embedding_ != first).any()


def test_mammals_quick():
    """The demonstration's default run reaches its bar, with one thread and with two."""
    mammals = load_mammals()
    found = []
    for threads in (1, 2):
        model = HyperbolicEmbedding(10, threads=threads, rng=3).fit(mammals)
        found.append(evaluate(model.embedding_, mammals.edges))
        assert found[-1].mean_rank <= 1.15 and found[-1].map >= 0.96
    assert found[0].mean_rank == pytest.approx(found[1].mean_rank, rel=0.02)
    assert found[0].map == pytest.approx(found[1].map, rel=0.02)


def test_curvature_scales_the_ball(tree):
    model = quick(curvature=4.0).fit(tree)
    assert model.manifold_ == manifolds.PoincareBall(4.0)
    assert 0.25 < np.linalg.norm(model.embedding_, axis=1).max() < 0.5


def test_weights_of_equal_edges_add_up(animals):
    doubled = np.concatenate([animals, animals])
    weighted = quick().fit(animals, weights=np.full(len(animals), 2.0))
    np.testing.assert_array_equal(quick().fit(doubled, weights=np.ones(len(doubled))).embedding_, weighted.embedding_)
    assert (quick().fit(animals).embedding_ != weighted.embedding_).any()


def test_callback_stops(tree):
    seen = []
    model = quick().fit(tree, callback=lambda info: seen.append(info) or info.epoch == 4)
    assert [info.epoch for info in seen] == [0, 1, 2, 3, 4]
    assert len(model.loss_history_) == 5
    assert all(info.pairs_per_second > 0 and info.seconds > 0 for info in seen)


def test_interrupted_fit_keeps_what_it_learned(tree):
    def interrupt(info):
        if info.epoch == 3:
            raise KeyboardInterrupt

    model = quick()
    with pytest.raises(KeyboardInterrupt):
        model.fit(tree, callback=interrupt)
    assert len(model.loss_history_) == 4
    assert np.isfinite(model.embedding_).all()


def test_partial_fit_continues(tree):
    model = quick(init="random", hard_negatives=(0, 0)).fit(tree)
    before = evaluate(model.embedding_, tree).map
    model.partial_fit(tree)
    assert len(model.loss_history_) == 80
    assert evaluate(model.embedding_, tree).map > before
    with pytest.raises(ValueError, match="200"):
        model.partial_fit([[200, 0]])
    fresh = quick(threads=1).partial_fit(tree)
    np.testing.assert_array_equal(fresh.embedding_, quick(threads=1).fit(tree).embedding_)


def test_partial_fit_has_no_burn_in(tree):
    """The number of pairs in the first epoch tells how many negatives were drawn."""
    infos = []
    model = HyperbolicEmbedding(2, n_epochs=2, n_negatives=20, burn_in=5, hard_negatives=(0, 0), rng=0, threads=1)
    model.fit(tree, callback=infos.append).partial_fit(tree, callback=infos.append)
    first, *_, last = [round(info.pairs_per_second * info.seconds) for info in infos]
    visits = len(np.unique(tree[:, 0]))
    assert first == len(tree) + 2 * visits and last == len(tree) + 20 * visits


def test_init_array(tree):
    start = quick().fit(tree)
    again = quick(init=start.embedding_, n_epochs=1, learning_rate=1e-12, hard_negatives=(0, 0)).fit(tree)
    np.testing.assert_allclose(again.embedding_, start.embedding_, atol=1e-9)


def test_questions(animals):
    model = quick(n_components=2, n_epochs=200).fit(animals)
    assert model.labels_.tolist() == ["dog", "canine", "mammal", "wolf", "cat", "feline", "lion"]
    assert model.distances("dog").shape == (7,)
    assert model.distances(["dog", "cat"], ["wolf", "lion"]).shape == (2,)
    assert model.distances("dog", "dog") == 0
    names = [name for name, _ in model.nearest("dog", k=3)]
    assert "canine" in names and "dog" not in names
    assert model.ancestors("dog")[-1] == "mammal"
    assert model.closest_parent("mammal") is None
    assert model.descendants("mammal")[-1] in {"dog", "wolf", "cat", "lion"}
    assert model.hierarchy_score("dog", "canine") > model.hierarchy_score("canine", "dog")


def test_labels_that_are_not_strings(tree):
    pairs = [((int(u),), (int(v),)) for u, v in tree]
    model = quick(n_epochs=2).fit(pairs)
    assert model.nearest((5,), k=1)[0][0] != (5,)
    with pytest.raises(TypeError, match="labels"):
        model.save("unused.npz")


@pytest.mark.parametrize("manifold", ["poincare", "lorentz", "euclidean"])
def test_save_and_load(animals, tmp_path, manifold):
    model = quick(manifold=manifold, threads=1).fit(animals)
    model.save(tmp_path / "model.npz")
    again = HyperbolicEmbedding.load(tmp_path / "model.npz")
    np.testing.assert_array_equal(again.embedding_, model.embedding_)
    np.testing.assert_array_equal(again.labels_, model.labels_)
    assert {**again.get_params(), "rng": 0} == model.get_params()
    assert again.loss_history_ == model.loss_history_
    np.testing.assert_array_equal(again.partial_fit(animals).embedding_, model.partial_fit(animals).embedding_)
    assert [path.name for path in tmp_path.iterdir()] == ["model.npz"]


def test_load_rejects_other_files(tmp_path):
    (tmp_path / "text.npz").write_text("no archive")
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    np.savez(tmp_path / "newer.npz", embedding=0, labels=0, state=np.array(json.dumps({"format": 99})))
    for name in ("text.npz", "other.npz", "newer.npz"):
        with pytest.raises(CheckpointError, match=name):
            HyperbolicEmbedding.load(tmp_path / name)
    with pytest.raises(FileNotFoundError):
        HyperbolicEmbedding.load(tmp_path / "absent.npz")


def test_word2vec(animals, tmp_path):
    model = quick(n_components=3).fit(animals)
    model.to_word2vec(tmp_path / "vectors.txt")
    header, *lines = (tmp_path / "vectors.txt").read_text().splitlines()
    assert header == "7 3"
    name, *row = lines[0].split()
    assert name == "dog"
    np.testing.assert_array_equal([float(t) for t in row], model.embedding_[0])
    with pytest.raises(ValueError, match="hot dog"):
        quick().fit([("hot dog", "food"), ("pie", "food")]).to_word2vec(tmp_path / "bad.txt")


def test_estimator_protocol(animals):
    sklearn = pytest.importorskip("sklearn.base", reason="scikit-learn is not installed")
    model = quick(margin=1e-7)
    clone = sklearn.clone(model)
    assert clone is not model and clone.get_params() == model.get_params()
    assert model.set_params(n_epochs=3) is model and model.n_epochs == 3
    with pytest.raises(ValueError, match="no parameter 'epochs'"):
        model.set_params(epochs=3)
    assert repr(quick(n_components=10)) == "HyperbolicEmbedding(n_epochs=40, rng=0)"


def test_pickle(animals):
    model = quick().fit(animals)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.distances("dog"), model.distances("dog"))


def test_progress_bar(animals, capsys):
    quick(verbose=True).fit(animals)
    assert "40/40" in capsys.readouterr().err
    quick().fit(animals)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"n_components": 0}, ValueError, "n_components must be at least 1, got 0"),
        ({"n_components": 2.5}, TypeError, "n_components must be an integer"),
        ({"n_epochs": 0}, ValueError, "n_epochs"),
        ({"n_negatives": 0}, ValueError, "n_negatives"),
        ({"manifold": "sphere"}, ValueError, "manifold must be"),
        ({"curvature": -1.0}, ValueError, "curvature must be positive"),
        ({"curvature": np.nan}, ValueError, "curvature"),
        ({"learning_rate": 0.0}, ValueError, "learning_rate"),
        ({"learning_rate": ()}, ValueError, "learning_rate"),
        ({"hard_negatives": (1.0, 2.0)}, ValueError, "hard_negatives"),
        ({"margin": 0.0}, ValueError, "margin"),
        ({"init": "spectral"}, ValueError, "init"),
        ({"init": np.full((7, 4), np.nan)}, ValueError, "row 0"),
        ({"init": np.zeros((7, 3))}, ValueError, "init must hold 7 points of dimension 4"),
        ({"init": "tree", "n_components": 1}, ValueError, "n_components of at least 2"),
        ({"threads": 0}, ValueError, "threads"),
        ({"dtype": "float16"}, ValueError, "dtype"),
    ],
)
def test_bad_parameters(animals, parameters, error, message):
    with pytest.raises(error, match=message):
        quick(**parameters).fit(animals)


@pytest.mark.parametrize(
    ("weights", "error"), [(np.ones(3), ValueError), (-np.ones(10), ValueError), (["a"] * 10, TypeError)]
)
def test_bad_weights(animals, weights, error):
    with pytest.raises(error, match="weights"):
        quick().fit(animals, weights=weights)


def test_unknown_label_and_unfitted(animals):
    with pytest.raises(ValueError, match="not fitted"):
        quick().distances("dog")
    with pytest.raises(ValueError, match="unknown label 'unicorn'"):
        quick(n_epochs=1).fit(animals).distances("unicorn")
    with pytest.raises(ValueError, match="not fitted"):
        quick().save("unused.npz")


def test_every_node_an_ancestor():
    """A chain of two nodes has no negatives: nothing to learn, nothing broken."""
    model = quick().fit([(1, 0)])
    assert np.isfinite(model.embedding_).all()
