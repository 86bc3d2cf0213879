"""What the embeddings must reach in a fixed number of epochs: the worst of three seeds that nothing was tuned on."""

import pytest

from hypergeom.cli import BALL_5, PLANE
from hypergeom.datasets import load_mammals, load_wordnet
from hypergeom.embed import HyperbolicEmbedding, evaluate, rarity_weights

BARS = {
    "ball, d = 10": ({"n_components": 10}, 1.15, 0.96),
    "ball, d = 5": (BALL_5, 1.10, 0.975),
    "hyperboloid, d = 2": (PLANE, 1.6, 0.90),
}


def worst(hierarchy, parameters, seeds, weights=None):
    found = []
    for seed in seeds:
        model = HyperbolicEmbedding(rng=seed).set_params(**parameters).fit(hierarchy, weights=weights)
        found.append(evaluate(model.embedding_, hierarchy.edges, manifold=model.manifold_))
    return max(e.mean_rank for e in found), min(e.map for e in found)


@pytest.mark.parametrize("run", BARS)
def test_mammals(run):
    parameters, mean_rank, mean_average_precision = BARS[run]
    measured = worst(load_mammals(), parameters, seeds=(3, 4, 5))
    assert measured[0] <= mean_rank
    assert measured[1] >= mean_average_precision


@pytest.fixture(scope="module")
def nouns():
    try:
        return load_wordnet()
    except FileNotFoundError as error:
        pytest.skip(f"WordNet is not installed: {error}")


@pytest.mark.slow
def test_nouns_in_100_epochs(nouns):
    measured = worst(nouns, {"n_components": 10, "threads": 2}, seeds=(3, 4, 5))
    assert measured[0] <= 6.5
    assert measured[1] >= 0.77


@pytest.mark.slow
def test_nouns_in_five_minutes(nouns):
    """The longer recipe of docs/embedding.rst."""
    settings = {"n_epochs": 600, "learning_rate": (0.02, 0.4, 0.03), "hard_negatives": (8.0, 0.5), "threads": 2}
    measured = worst(nouns, settings, seeds=(3,), weights=rarity_weights(nouns))
    assert measured[0] <= 2.9
    assert measured[1] >= 0.94
