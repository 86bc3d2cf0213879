"""
Procrustes on the hyperboloid
=============================

Points of hyperbolic space, and where a Lorentz transformation took them: which one was it? The unknown is a matrix W
with :math:`W^T J W = J`, and the loss is the mean hyperbolic distance of W x from y. Muon in flat space leaves the
group at once; `hypergeom.optim.HyperbolicMuon` takes the same steps inside of it.
"""

import matplotlib.pyplot as plt
import numpy as np

from hypergeom import lorentz
from hypergeom.manifolds import LorentzGroup
from hypergeom.optim import HyperbolicMuon, Muon

STEPS, LR = 400, 0.05


def problem(n, count, rapidity, seed):
    """A group, points, and their images under a random boost of this rapidity between two rotations."""
    rng = np.random.default_rng(seed)
    group = LorentzGroup(n - 1, 1)
    target = group.random_point((n, n), rng=rng, cond=np.exp(2 * rapidity))
    v = rng.normal(size=(count, n)) / np.sqrt(n)
    v[:, 0] = 0
    x = lorentz.exp0(v)
    return group, x, x @ target.T


def gradient(w, x, y):
    """Of the mean distance, in the entries of w."""
    g, _, _ = lorentz.dist_vjp(np.full(len(x), 1 / len(x)), x @ w.T, y)
    return g.T @ x


def run(step, w, state, x, y):
    """All matrices of a run, with a learning rate that falls linearly to 0."""
    path = [w]
    for t in range(STEPS):
        w, state = step(w, gradient(w, x, y), state, LR * (1 - t / STEPS))
        path.append(w)
    return path


# %%
# Three methods in 17 dimensions, with the same learning rate. A step of the first has the spectral norm of the learning
# rate in the algebra. Gradient descent with momentum in the algebra takes steps with the norm of a rotation in one
# plane by the learning rate. The third moves W as if it were any matrix: W x is no point then, and its distances are no
# distances.

group, x, y = problem(n=17, count=256, rapidity=2.0, seed=0)
start = group.origin((17, 17))


def descent(w, g, momentum, lr):
    momentum = 0.95 * momentum + 0.05 * group.egrad2rgrad(w, g)
    return group.retract(w, -lr * np.sqrt(2) / np.linalg.norm(momentum) * momentum), momentum


hyperbolic, flat = HyperbolicMuon(group), Muon(coefficients="polar_express", steps=8)
paths = {
    "HyperbolicMuon": run(lambda w, g, s, lr: hyperbolic.step(w, g, s, lr=lr), start, hyperbolic.init(start), x, y),
    "momentum in the algebra": run(descent, start, np.zeros((17, 17)), x, y),
    "Muon in flat space": run(lambda w, g, s, lr: flat.step(w, g, s, lr=lr), start, flat.init(start), x, y),
}
for name, path in paths.items():
    error, off = lorentz.dist(x @ path[-1].T, y).mean(), group.residual(path[-1])
    print(f"{name:24} mean distance {error:8.2g}, off the group by {off:.1e}")

# %%
# In the plane one can watch it. Every ring is an image y, in the Poincaré disk; the lines are the ways of W x there.

group2, x2, y2 = problem(n=3, count=12, rapidity=1.2, seed=4)
method = HyperbolicMuon(group2)
start2 = group2.origin((3, 3))
ways = np.array(
    [
        lorentz.to_poincare(x2 @ w.T)
        for w in run(lambda w, g, s, lr: method.step(w, g, s, lr=lr), start2, method.init(start2), x2, y2)
    ]
)

figure, (disk, errors, drift) = plt.subplots(1, 3, figsize=(13, 4.2), layout="constrained")
disk.add_patch(plt.Circle((0, 0), 1, fill=False, color="0.6"))
for k in range(len(x2)):
    (line,) = disk.plot(*ways[:, k].T, linewidth=1)
    disk.plot(*ways[0, k], "o", markersize=4, color=line.get_color())
    disk.plot(*lorentz.to_poincare(y2[k]), "o", markersize=9, fillstyle="none", color=line.get_color())
disk.set(aspect="equal", xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), title="from x (dots) to y (rings)")
disk.axis("off")
for (name, path), style in zip(paths.items(), ("-", "--", ":"), strict=True):
    errors.plot([lorentz.dist(x @ w.T, y).mean() for w in path], style, label=name)
    drift.plot([group.residual(w) + 1e-18 for w in path], style, label=name)
errors.set(yscale="log", xlabel="step", ylabel="mean hyperbolic distance")
drift.set(yscale="log", xlabel="step", ylabel=r"$|W^T J W - J| \,/\, |W|^2$")
errors.legend()
plt.show()
