"""Problems with known solutions on every manifold, as arrays, batches and trees."""

import numpy as np
from manifolds.points import ambient, each, leaves, times
from manifolds.test_laws import TABLE, moderate

from hypergeom.manifolds import Euclidean, Product

FORMS = ("array", "batch", "tree")


def points(m, shape, count, rng):
    """A target, and a start some way off; single points if count is None."""

    def resized(s):
        return tuple(map(resized, s)) if isinstance(s[0], tuple) else (() if count is None else (count,)) + s[1:]

    target = moderate(m, resized(shape), rng)
    return target, m.exp(target, times(0.4, m.random_tangent(target, rng=rng)))


class Nearest:
    """Half the squared ambient distance from a point of the manifold, which is the solution; as a tree or not."""

    def __init__(self, name, form, rng):
        m, shape = TABLE[name][:2]
        self.form = form
        if form == "tree":
            a, c = points(m, shape, None, rng), points(m, shape, 2, rng)
            b = rng.normal(size=3), rng.normal(size=3)
            self.manifold = {"a": m, "more": {"b": None, "c": m}}
            self.target, self.x0 = ({"a": a[k], "more": {"b": b[k], "c": c[k]}} for k in (0, 1))
        else:
            self.manifold = m
            self.target, self.x0 = points(m, shape, None if form == "array" else 4, rng)

    def cost(self, x):
        return 0.5 * sum(float(np.sum((a - b) ** 2)) for a, b in zip(flat(x), flat(self.target), strict=True))

    def gradient(self, x):
        return mapped(lambda a, b: a - b, x, self.target)

    def hvp(self, x, v):
        return v

    def check(self, x):
        """Raise unless all points are on their manifolds."""
        checked(self.manifold, x)


def flat(tree):
    if isinstance(tree, dict):
        return [leaf for key in sorted(tree) for leaf in flat(tree[key])]
    return leaves(tree)


def mapped(f, *trees):
    """f on the arrays of trees."""
    if isinstance(trees[0], dict):
        return {key: mapped(f, *(tree[key] for tree in trees)) for key in trees[0]}
    return each(f, *trees)


def checked(manifold, x):
    if isinstance(x, dict):
        for key, part in x.items():
            checked(manifold[key], part)
    else:
        (manifold or Euclidean()).check(x)


def apart(x, y):
    return max(float(np.max(np.abs(a - b))) for a, b in zip(flat(x), flat(y), strict=True))


def same_bits(a, b):
    return all(p.dtype == q.dtype and np.array_equal(p, q) for p, q in zip(flat(a), flat(b), strict=True))


class Brockett:
    """tr X^T A X N on the Stiefel manifold; the smallest eigenvectors, weighted."""

    def __init__(self, n, p, rng, gap=0.1, largest=5.0):
        step = gap * largest
        values = np.concatenate([step * np.arange(p), np.linspace(step * p, largest, n - p)])
        Q = np.linalg.qr(rng.normal(size=(n, n)))[0]
        self.A, self.N = Q @ (values[:, None] * Q.T), np.arange(p, 0, -1.0)
        self.vectors, self.minimum = Q[:, :p], float(values[:p] @ self.N)

    def cost(self, x):
        return float(np.sum(x * (self.A @ x) * self.N))

    def gradient(self, x):
        return 2 * (self.A @ x) * self.N

    def hvp(self, x, v):
        return 2 * (self.A @ v) * self.N


__all__ = ["FORMS", "TABLE", "Brockett", "Nearest", "Product", "ambient", "apart", "flat", "mapped", "same_bits"]
