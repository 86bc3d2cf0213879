"""Training of `HyperbolicEmbedding`."""

import numpy as np

from hypergeom.datasets import load_mammals
from hypergeom.embed import HyperbolicEmbedding, evaluate

from ..datasets import nouns_or_none, skip_without

# No burn-in and no search for hard negatives: the work of an epoch is then the same for every trainer.
PLAIN = {"burn_in": 0, "hard_negatives": (0.0, 0.0), "init": "random", "rng": 0}


class Mammals:
    """The demo's job: WordNet's mammals with the default options."""

    params = (2, 5, 10)
    param_names = ("dimension",)
    number, repeat, warmup_time = 1, 3, 0

    def setup(self, dimension):
        self.mammals = load_mammals()

    def fit(self, dimension):
        return HyperbolicEmbedding(dimension, threads=1, rng=0).fit(self.mammals)

    def time_fit(self, dimension):
        self.fit(dimension)

    def track_mean_rank(self, dimension):
        return self.quality(dimension).mean_rank

    def track_map(self, dimension):
        return self.quality(dimension).map

    def quality(self, dimension):
        model = self.fit(dimension)
        return evaluate(model.embedding_, self.mammals.edges, manifold=model.manifold_)


class Nouns:
    """The speed of the trainer on WordNet's nouns, 10 dimensions, 50 uniform negatives."""

    params = (1, 2)
    param_names = ("threads",)
    timeout = 300

    def setup_cache(self):
        return nouns_or_none()

    def setup(self, nouns, threads):
        skip_without(nouns)
        epochs = []
        HyperbolicEmbedding(10, n_epochs=3, threads=threads, **PLAIN).fit(nouns, callback=epochs.append)
        self.n_edges, self.best = len(nouns.edges), min(epochs, key=lambda info: info.seconds)

    def track_pairs_per_second(self, nouns, threads):
        return self.best.pairs_per_second

    track_pairs_per_second.unit = "pairs/s"

    def track_edges_per_second(self, nouns, threads):
        return self.n_edges / self.best.seconds

    track_edges_per_second.unit = "edges/s"


class NounsThreads:
    """Two threads against one, epoch by epoch."""

    timeout = 300

    def setup_cache(self):
        return nouns_or_none()

    def setup(self, nouns):
        skip_without(nouns)

    def track_two_threads_over_one(self, nouns):
        models = [HyperbolicEmbedding(10, n_epochs=1, threads=threads, **PLAIN) for threads in (2, 1)]
        times = np.array([[self.epoch(model, nouns) for model in models] for _ in range(3)])
        two, one = times.min(axis=0)
        return two / one

    track_two_threads_over_one.unit = "x"

    @staticmethod
    def epoch(model, nouns):
        epochs = []
        model.partial_fit(nouns, callback=epochs.append)
        return epochs[0].seconds
