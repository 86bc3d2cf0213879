"""The libraries that one would use otherwise, on the same work in the same process: our time over theirs.

geoopt and hypll (on torch) for functions on points, gensim for embeddings. All run on one thread. A peer that is not
installed is skipped; the extra ``[bench]`` has them.
"""

import tempfile
from pathlib import Path

import numpy as np

from hypergeom.datasets import load_mammals
from hypergeom.embed import HyperbolicEmbedding, evaluate

from . import points
from .common import ratio
from .embed.estimator import PLAIN

try:
    import geoopt
    import torch
except ImportError:
    geoopt = None
try:
    from hypll.manifolds.poincare_ball.math import diffgeom as hypll
except ImportError:
    hypll = None
try:
    from gensim.models import poincare as gensim
except ImportError:
    gensim = None


GEOOPT = {"dist": "dist", "exp": "expmap", "log": "logmap", "mobius_add": "mobius_add", "transport": "transp"}
NAMES = ["poincare.dist", "poincare.exp", "poincare.log", "poincare.mobius_add", "poincare.transport"]


class Geoopt:
    """Functions on points; both sides allocate their results, neither records gradients."""

    params = ([*NAMES, "lorentz.dist", "lorentz.exp", "lorentz.log", "lorentz.transport"], points.SHAPES)
    param_names = ("function", "shape")

    def setup(self, name, shape):
        if geoopt is None:
            raise NotImplementedError("geoopt is not installed")
        torch.set_num_threads(1)
        space, _, short = name.partition(".")
        manifold = geoopt.PoincareBall() if space == "poincare" else geoopt.Lorentz()
        self.ours, self.args = points.function(name), points.arguments(name, shape, "float64")
        self.theirs = getattr(manifold, GEOOPT[short])
        self.tensors = [torch.from_numpy(a) for a in self.args]

    def track_ours_over_geoopt(self, name, shape):
        with torch.no_grad():
            np.testing.assert_allclose(self.theirs(*self.tensors).numpy(), self.ours(*self.args), atol=1e-6)
            return ratio(lambda: self.ours(*self.args), lambda: self.theirs(*self.tensors))

    track_ours_over_geoopt.unit = "x"


class Hypll:
    params = (NAMES, points.SHAPES)
    param_names = ("function", "shape")

    def setup(self, name, shape):
        if hypll is None:
            raise NotImplementedError("hypll is not installed")
        torch.set_num_threads(1)
        self.ours, self.args = points.function(name), points.arguments(name, shape, "float64")
        self.theirs = getattr(hypll, GEOOPT[name.partition(".")[2]])
        self.tensors = [*(torch.from_numpy(a) for a in self.args), torch.ones((), dtype=torch.float64)]

    def track_ours_over_hypll(self, name, shape):
        with torch.no_grad():
            np.testing.assert_allclose(self.theirs(*self.tensors).numpy(), self.ours(*self.args), atol=1e-6)
            return ratio(lambda: self.ours(*self.args), lambda: self.theirs(*self.tensors))

    track_ours_over_hypll.unit = "x"


class Gensim:
    """An epoch over the mammals' closure in ten dimensions with ten negatives, and the evaluation."""

    timeout = 300

    def setup(self):
        if gensim is None:
            raise NotImplementedError("gensim is not installed")
        self.mammals = load_mammals()
        self.pairs = [tuple(pair) for pair in self.mammals.labels[self.mammals.edges].tolist()]
        self.model = gensim.PoincareModel(self.pairs, size=10, negative=10, burn_in=0, seed=0)

    def track_epoch_ours_over_gensim(self):
        ours = HyperbolicEmbedding(10, n_epochs=1, n_negatives=10, threads=1, **PLAIN).fit(self.mammals)
        return ratio(lambda: ours.partial_fit(self.mammals), lambda: self.model.train(epochs=1))

    track_epoch_ours_over_gensim.unit = "x"

    def track_evaluation_ours_over_gensim(self):
        x = self.model.kv.vectors[[self.model.kv.key_to_index[name] for name in self.mammals.labels.tolist()]]
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder, "edges.tsv")
            file.write_text("".join(f"{child}\t{parent}\n" for child, parent in self.pairs))
            theirs = gensim.ReconstructionEvaluation(str(file), self.model.kv)
        return ratio(lambda: evaluate(x, self.mammals.edges, threads=1), theirs.evaluate)

    track_evaluation_ours_over_gensim.unit = "x"
