"""
What Newton-Schulz schedules make of singular values
====================================================

A Newton-Schulz iteration applies a fixed odd polynomial to the singular values of a matrix, divided by its Frobenius
norm. Ideal would be 1 for all. Here is what five schedules make of them, and between which bounds they leave
everything above a given size: `hypergeom.polar.ns_range`, which finds them from the critical points of each step.
"""

import matplotlib.pyplot as plt
import numpy as np

from hypergeom.polar import ns_coefficients, ns_range

schedules = {
    "jordan, 5 steps": ns_coefficients("jordan", steps=5),
    "you6, 6 steps": ns_coefficients("you6"),
    "polar_express, 6 steps": ns_coefficients("polar_express", steps=6),
    "polar_express, 8 steps": ns_coefficients("polar_express", steps=8),
    "optimal from 1e-4, 8 steps": ns_coefficients("optimal", lower=1e-4, steps=8),
}
sizes = np.geomspace(1e-6, 1, 4000)


def composed(rows, x):
    for a, b, c in rows:
        x = x * (a + x * x * (b + x * x * c))
    return x


# %%
# On the left the polynomials. On the right the largest deviation from 1 of all singular values above a bound: those
# that begin steeply get hold of small ones, and those that end with steps made for an interval about 1 get rid of the
# ripples. The optimal rows for an interval have the least deviation on it that as many steps can have.

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
lowers = np.geomspace(1e-6, 0.9, 120)
for (name, rows), style in zip(schedules.items(), ("-", "--", "-.", ":", (0, (5, 1))), strict=True):
    left.plot(sizes, composed(rows, sizes), linestyle=style, label=name)
    ends = [ns_range(rows, lower) for lower in lowers]
    deviation = [max(1 - least, largest - 1, 1e-16) for least, largest in ends]
    right.plot(lowers, deviation, linestyle=style)
    least, largest = ns_range(rows, 1e-3)
    print(f"{name:28} takes [0.001, 1] to [{least:.4f}, {largest:.4f}]")
left.axhline(1, color="k", linewidth=0.5)
left.set(xscale="log", xlabel="singular value over the Frobenius norm", ylabel="what becomes of it", ylim=(0, 1.3))
right.set(xscale="log", yscale="log", xlabel="least singular value over the norm", ylabel="largest deviation from 1")
left.legend(loc="lower right")
plt.show()
