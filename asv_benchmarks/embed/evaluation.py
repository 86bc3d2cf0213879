"""The exact reconstruction of a hierarchy: all ranks."""

import numpy as np

from hypergeom.datasets import load_mammals
from hypergeom.embed import evaluate

from ..common import ratio, rows
from ..datasets import nouns_or_none, skip_without


class Mammals:
    def setup(self):
        self.edges = load_mammals().edges
        self.x = rows((self.edges.max() + 1, 10), "float64")

    def time_evaluate(self):
        evaluate(self.x, self.edges, threads=1)

    def track_over_matrix_of_distances(self):
        """Against a part of the usual way: all squared distances, by a product of matrices."""
        return ratio(lambda: evaluate(self.x, self.edges, threads=1), lambda: self.gram(self.x))

    track_over_matrix_of_distances.unit = "x"

    @staticmethod
    def gram(x):
        squares = np.sum(x * x, axis=1)
        return squares[:, None] + squares - 2 * (x @ x.T)


class Nouns:
    """82,115 nodes, 743,241 edges; the search skips what cannot count, so a trained embedding takes less."""

    params = (1, 2)
    param_names = ("threads",)
    number, repeat, warmup_time = 1, 2, 0
    timeout = 300

    def setup_cache(self):
        return nouns_or_none()

    def setup(self, nouns, threads):
        skip_without(nouns)
        self.x = rows((len(nouns.labels), 10), "float64")

    def time_evaluate(self, nouns, threads):
        evaluate(self.x, nouns.edges, threads=threads)
