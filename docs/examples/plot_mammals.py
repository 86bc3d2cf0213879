"""
Mammals, in hyperbolic and in flat space
========================================

Embed the mammals of WordNet, draw them, and compare with the control: the same training in flat space.
"""

# %%
# The data come with the package: 1,180 synsets and the 6,540 pairs of a synset and one of its ancestors.

import matplotlib.pyplot as plt

from hypergeom.datasets import load_mammals
from hypergeom.embed import HyperbolicEmbedding, evaluate
from hypergeom.plot import disk

mammals = load_mammals()
print(f"{len(mammals.labels):,} nodes, {len(mammals.direct_edges):,} direct edges, {len(mammals.edges):,} pairs")

# %%
# Two dimensions, to be looked at. The hyperboloid has no rim, so nothing meets its end.

model = HyperbolicEmbedding(2, manifold="lorentz", n_epochs=300, rng=0).fit(mammals)
found = evaluate(model.embedding_, mammals.edges, manifold=model.manifold_)
print(f"mean rank {found.mean_rank:.2f}, MAP {found.map:.3f}, after {model.seconds_:.1f} s")

_, ax = plt.subplots(figsize=(9, 9.4), layout="constrained")
disk(model.embedding_, edges=mammals, manifold=model.manifold_, ax=ax)

# %%
# The nearest nodes, and the way from a leaf to the middle, read off the points:

print([label for label, _ in model.nearest("dog.n.01", k=5)])
print(model.ancestors("corgi.n.01"))

# %%
# Now by dimension, beside the control: flat space with the same data and the same negatives, at the best of six
# schedules of the rate between 0.02 and 2. What hyperbolic space gains, it gains where dimensions are few; in fifty,
# nothing is left.

rates = {"poincare": (0.02, 0.2), "euclidean": (0.1, 1.0)}
print("dimension  space       mean rank    MAP")
for dimension in (2, 5, 10, 20, 50):
    for manifold, rate in rates.items():
        model = HyperbolicEmbedding(dimension, manifold=manifold, learning_rate=rate, rng=0).fit(mammals)
        found = evaluate(model.embedding_, mammals.edges, manifold=model.manifold_)
        print(f"{dimension:9}  {manifold:10} {found.mean_rank:10.2f} {found.map:6.3f}")
