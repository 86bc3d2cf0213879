"""
A mean and a motion in hyperbolic space
=======================================

Two problems with the same methods: the Fréchet mean of points on the hyperboloid, and the Lorentz transformation that
takes points to their images, on the group O(5, 1). `hypergeom.optim.minimize` needs a cost and a gradient.
"""

import matplotlib.pyplot as plt
import numpy as np

from hypergeom import lorentz
from hypergeom.check import check_gradient
from hypergeom.manifolds import Lorentz, LorentzGroup
from hypergeom.optim import RSGD, RAdam, cosine_schedule, minimize

STEPS = 60


def compare(cost, gradient, x0, manifold, lr, **hessian):
    """The histories of all methods from the same start."""
    check_gradient(cost, gradient, x0, manifold=manifold, rng=0).raise_if_failed()
    runs = {
        "rcg": {"method": "rcg"},
        "rlbfgs": {"method": "rlbfgs"},
        "trust_region": {"method": "trust_region", **hessian},
        "rsgd, momentum 0.8": {"method": RSGD(lr=lr, momentum=0.8)},
        "radam": {"method": RAdam(betas=(0.8, 0.9)), "schedule": cosine_schedule(0.3, STEPS, final=1e-3)},
    }
    found = {}
    for name, options in runs.items():
        found[name] = minimize(cost, x0, gradient=gradient, manifold=manifold, gtol=1e-11, maxiter=STEPS, **options)
        print(f"{name:20} {found[name].status:11} {found[name].nit:3} iterations, |grad| {found[name].grad_norm:.1e}")
    return found


# %%
# The mean of 50 points within a distance of 4: the cost is half the mean of the squared distances. There is a solver
# for this alone, `hypergeom.lorentz.frechet_mean`, and it agrees.

rng = np.random.default_rng(0)
hyperboloid = Lorentz()
apex = hyperboloid.origin((50, 4))
v = hyperboloid.random_tangent(apex, rng=rng)
points = hyperboloid.exp(apex, (rng.uniform(0, 4, size=50) / hyperboloid.norm(apex, v))[:, None] * v)
start = hyperboloid.exp(apex[0], np.array([0.0, 2.0, 0.0, 0.0]))
means = compare(
    lambda x: float(np.mean(lorentz.dist(x, points) ** 2) / 2),
    lambda x: lorentz.dist_vjp(lorentz.dist(x, points) / 50, x, points)[0],
    start,
    hyperboloid,
    lr=0.1,
)
print("off the mean by", lorentz.dist(means["rcg"].x, lorentz.frechet_mean(points).point))

# %%
# A motion W with W x = y, from 40 pairs. For a group the Hessian is asked along the velocity of W in the space of all
# matrices.

group = LorentzGroup(5, 1)
target = group.random_point((6, 6), rng=rng, cond=6.0)
x = rng.normal(size=(40, 6))
y = x @ target.T
motions = compare(
    lambda w: 0.5 * float(np.sum((x @ w.T - y) ** 2)),
    lambda w: (x @ w.T - y).T @ x,
    np.eye(6),
    group,
    lr=0.002,
    hvp=lambda w, v: (x @ v.T).T @ x,
)
print("off the motion by", np.abs(motions["trust_region"].x - target).max())

# %%
# What is searched converges to rounding, and the trust region quadratically; steps of given lengths come near.

figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
for ax, found, title in zip(axes, (means, motions), ("Fréchet mean", "Lorentz Procrustes"), strict=True):
    for (name, result), style in zip(found.items(), ("-", "-", "-", "--", "--"), strict=True):
        ax.plot(result.history.grad_norm, style, label=name)
    ax.set(yscale="log", xlabel="iteration", ylabel="norm of the gradient", title=title)
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=5)
plt.show()
