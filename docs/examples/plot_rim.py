"""
Distances near the rim, in float32
==================================

Embeddings are stored in float32, and what they tell lies near the rim of the ball. Here a point moves towards it, and
its distance from a fixed point is measured: by hypergeom, by the two formulas that most codes use, with the clamp at
1 - 1e-5 that comes with them, and by other libraries where they are installed.

The truth is the textbook formula in fifty digits, on the numbers that were stored.
"""

import matplotlib.pyplot as plt
import mpmath as mp
import numpy as np

from hypergeom import poincare

gaps = np.geomspace(0.5, 2e-7, 60)
y = np.array([0.3, 0.4], np.float32)
x = ((1 - gaps)[:, None] * np.array([0.6, -0.8])).astype(np.float32)


def true_distance(x, y):
    with mp.workdps(50):
        x, y = ([mp.mpf(float(a)) for a in row] for row in (x, y))
        e = [a - b for a, b in zip(x, y, strict=True)]
        gap_x, gap_y = (1 - mp.fdot(row, row) for row in (x, y))
        return float(2 * mp.asinh(mp.sqrt(mp.fdot(e, e) / (gap_x * gap_y))))


truth = np.array([true_distance(row, y) for row in x])

# %%
# The two formulas in float32. Both lose what 1 - \|x\|^2 loses; the clamp then keeps the result finite, and wrong.


def by_acosh(x, y):
    gap_x, gap_y = 1 - np.sum(x * x, axis=-1), 1 - np.sum(y * y, axis=-1)
    return np.arccosh(1 + 2 * np.sum((x - y) ** 2, axis=-1) / np.maximum(gap_x * gap_y, np.float32(1e-15)))


def by_atanh(x, y):
    xy, xx, yy = np.sum(-x * y, axis=-1), np.sum(x * x, axis=-1), np.sum(y * y, axis=-1)
    sum_ = ((1 + 2 * xy + yy)[:, None] * -x + (1 - xx)[:, None] * y) / (1 + 2 * xy + xx * yy)[:, None]
    return 2 * np.arctanh(np.minimum(np.linalg.norm(sum_, axis=-1), np.float32(1 - 1e-5)))


found = {
    "hypergeom": poincare.dist(x, y),
    "arcosh of 1 + ...": by_acosh(x, y),
    "artanh, clamped": by_atanh(x, y),
}
try:
    import geoopt
    import torch
except ImportError:
    pass
else:
    found["geoopt"] = geoopt.PoincareBall().dist(torch.from_numpy(x), torch.from_numpy(y)).numpy()
try:
    import torch
    from hypll.manifolds.poincare_ball.math.diffgeom import dist as hypll_dist
except ImportError:
    pass
else:
    found["hypll"] = hypll_dist(torch.from_numpy(x), torch.from_numpy(y), torch.tensor(1.0)).numpy()

# %%
# Ours has the last digit up to the last number before the rim. The others lose digit after digit on the way there;
# where they clamp, they stand still.

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
styles = dict(zip(found, ("-", "--", "-.", ":", (0, (5, 1))), strict=False))
eps = np.finfo(np.float32).eps
for name, distances in found.items():
    left.plot(gaps, distances, linestyle=styles[name], label=name)
    error = np.abs(distances.astype(float) - truth) / truth
    right.plot(gaps, np.maximum(error / eps, 0.05), linestyle=styles[name], label=name)
    print(f"{name:18} worst error {error.max() / eps:10.3g} eps")
left.plot(gaps, truth, "k", alpha=0.25, linewidth=5, label="truth")
left.set(xscale="log", xlabel="distance from the rim, 1 - |x|", ylabel="distance from y")
right.set(xscale="log", yscale="log", xlabel="distance from the rim, 1 - |x|", ylabel="error in eps of float32")
right.axhline(1, color="k", linewidth=0.5)
for axes in (left, right):
    axes.invert_xaxis()
left.legend()
plt.show()
