"""The libraries that one would use otherwise, on the same work in the same process: our time over theirs.

geoopt (on torch) for functions on points, gensim for embeddings. All run on one thread. A peer that is not
installed is skipped; the extra ``[bench]`` has them.
"""

import tempfile
from pathlib import Path

import numpy as np

from hypergeom import lorentz, poincare
from hypergeom.datasets import load_mammals
from hypergeom.embed import HyperbolicEmbedding, evaluate

from . import lorentz as on_hyperboloid
from . import poincare as in_ball
from .common import ratio
from .embed.estimator import PLAIN

try:
    import geoopt
    import torch
except ImportError:
    geoopt = None
try:
    from gensim.models import poincare as gensim
except ImportError:
    gensim = None


class Geoopt:
    """Functions on points; both sides allocate their results, neither records gradients."""

    params = (["poincare", "lorentz"], ["dist", "exp", "log"], in_ball.SHAPES)
    param_names = ("space", "function", "shape")

    def setup(self, space, name, shape):
        if geoopt is None:
            raise NotImplementedError("geoopt is not installed")
        torch.set_num_threads(1)
        if space == "poincare":
            manifold, module, data = geoopt.PoincareBall(), poincare, in_ball
        else:
            manifold, module, data = geoopt.Lorentz(), lorentz, on_hyperboloid
        self.ours, self.args = getattr(module, name), data.arguments(name, shape, "float64")
        self.theirs = getattr(manifold, {"dist": "dist", "exp": "expmap", "log": "logmap"}[name])
        self.tensors = [torch.from_numpy(a) for a in self.args]

    def track_ours_over_geoopt(self, space, name, shape):
        with torch.no_grad():
            np.testing.assert_allclose(self.theirs(*self.tensors).numpy(), self.ours(*self.args), atol=1e-6)
            return ratio(lambda: self.ours(*self.args), lambda: self.theirs(*self.tensors))

    track_ours_over_geoopt.unit = "x"


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
