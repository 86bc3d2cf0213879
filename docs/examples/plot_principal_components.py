"""
Principal components, by every method
=====================================

The first p principal components of data are the eigenvectors of the covariance C with the largest eigenvalues. With
weights :math:`n_1 > \\dots > n_p > 0` they are the matrix with orthonormal columns that makes
:math:`\\sum_k n_k \\, x_k^T C x_k` largest: a cost on the Stiefel manifold whose optimum is known, and a way to see how
methods converge.
"""

import matplotlib.pyplot as plt
import numpy as np

from hypergeom.check import check_gradient
from hypergeom.manifolds import Stiefel
from hypergeom.optim import RSGD, RAdam, cosine_schedule, minimize

# %%
# Data in 100 dimensions; the gradient of the cost is one product with C.

rng = np.random.default_rng(0)
n, p = 100, 3
scales = np.concatenate([[3.0, 2.7, 2.4], np.linspace(2.0, 0.3, n - p)])
turn = np.linalg.qr(rng.normal(size=(n, n)))[0]
data = rng.normal(size=(2000, n)) * scales @ turn
C = data.T @ data / len(data)
weights = np.arange(p, 0, -1.0)


def both(x):
    """The cost and its gradient, which share the product."""
    y = C @ x * weights
    return -float(np.sum(x * y)), -2 * y


def hvp(x, v):
    """The derivative of the gradient along v."""
    return -2 * (C @ v) * weights


manifold = Stiefel()
start = manifold.random_point((n, p), rng=1)
print(check_gradient(both, True, start, manifold=manifold, rng=2))

# %%
# The same start for all. The first three search for the length of every step; for the others it is given, here as one
# that falls to almost nothing.

STEPS = 150
runs = {
    "rcg": {"method": "rcg"},
    "rlbfgs": {"method": "rlbfgs"},
    "trust_region": {"method": "trust_region", "hvp": hvp},
    "rsgd, momentum 0.9": {"method": RSGD(lr=0.008, momentum=0.9)},
    "radam": {"method": RAdam(lr=0.3), "schedule": cosine_schedule(0.3, STEPS, final=1e-3)},
}
found = {
    name: minimize(both, start, gradient=True, manifold=manifold, gtol=1e-10, maxiter=STEPS, **options)
    for name, options in runs.items()
}
values = np.linalg.eigvalsh(C)[::-1]
best = -float(values[:p] @ weights)
for name, result in found.items():
    print(
        f"{name:20} {result.status:8} {result.nit:4} iterations, {result.nfev:4} evaluations, {result.nhev:3} Hessians,"
        f" cost off by {result.fun - best:8.1e}"
    )

# %%
# Against iterations, the trust region is quadratic at the end; but one of its iterations takes many products with C.
# Against these it comes between L-BFGS and conjugate gradients. Costs lose sight of the optimum at rounding, 1e-14, and
# gradients do not.

figure, (costs, gradients, products) = plt.subplots(1, 3, figsize=(13, 4.2), layout="constrained")
for (name, result), style in zip(found.items(), ("-", "-", "-", "--", "--"), strict=True):
    steps = np.arange(len(result.history.fun))
    costs.plot(steps, np.abs(result.history.fun - best) + 1e-16, style, label=name)
    gradients.plot(steps, result.history.grad_norm, style, label=name)
    work = (result.nfev + result.nhev) / max(result.nit, 1) * steps
    products.plot(work, result.history.grad_norm, style, label=name)
costs.set(yscale="log", xlabel="iteration", ylabel="cost above the optimum")
gradients.set(yscale="log", xlabel="iteration", ylabel="norm of the gradient")
products.set(yscale="log", xlabel="products with C", ylabel="norm of the gradient")
figure.legend(*costs.get_legend_handles_labels(), loc="outside lower center", ncols=len(found))
plt.show()
