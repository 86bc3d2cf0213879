"""Points as arrays or tuples of arrays, and a function of them, for the law suite."""

import math

import numpy as np
from backends import host

from hypergeom.manifolds import LorentzGroup, Product


def each(f, *points):
    """f on the arrays of points, which may be tuples."""
    return tuple(each(f, *parts) for parts in zip(*points, strict=True)) if isinstance(points[0], tuple) else f(*points)


def leaves(point):
    return [leaf for part in point for leaf in leaves(part)] if isinstance(point, tuple) else [host(point)]


def times(scale, v):
    return each(lambda a: scale * a, v)


def row(point, k):
    return each(lambda a: a[k, ...], point)


def size(point):
    return math.sqrt(sum(float(np.sum(np.square(a, dtype=float))) for a in leaves(point)))


def difference(a, b):
    pairs = list(zip(leaves(a), leaves(b), strict=True))
    assert all(x.shape == y.shape for x, y in pairs)
    return math.sqrt(sum(float(np.sum((x - y).astype(float) ** 2)) for x, y in pairs))


def ambient(m, x, v):
    """The velocity of a curve through x, of which v is how the manifold stores it."""
    if isinstance(m, Product):
        return tuple(ambient(*parts) for parts in zip(m.factors, x, v, strict=True))
    return x @ v if isinstance(m, LorentzGroup) else v


class Cubic:
    """f(x) = sum of cubes of linear functions of x, over 6; its gradient, and its Hessian times v."""

    def __init__(self, case):
        self.case = case
        total = sum(a[0].size for a in leaves(case.x))
        self.W = case.rng.normal(size=(5, total)) / math.sqrt(total)

    def _flat(self, point):
        return np.concatenate([a.reshape(len(a), -1).astype(float) for a in leaves(point)], axis=1)

    def _shaped(self, rows):
        parts, at = [], 0
        for a in leaves(self.case.x):
            n = a[0].size
            parts.append(self.case.cast(rows[:, at : at + n].reshape(len(rows), *a.shape[1:])))
            at += n
        parts = iter(parts)
        return each(lambda _: next(parts), self.case.x)

    def __call__(self, x):
        return ((self._flat(x) @ self.W.T) ** 3).sum(axis=1) / 6

    def gradient(self, x):
        return self._shaped((self._flat(x) @ self.W.T) ** 2 / 2 @ self.W)

    def hessian(self, x, v):
        v = ambient(self.case.manifold, x, v)
        return self._shaped((self._flat(x) @ self.W.T) * (self._flat(v) @ self.W.T) @ self.W)

    def scale(self, x, u, w):
        """A bound of the terms that the Hessian is summed from."""
        u, w = (ambient(self.case.manifold, x, v) for v in (u, w))
        X, U, V = (np.linalg.norm(self._flat(a), axis=1) for a in (x, u, w))
        return np.linalg.norm(self.W) ** 3 * (1 + X) ** 3 * U * V
