"""Means: midpoints against the formula in NumPy, Fréchet means against Karcher's iteration in NumPy and geoopt's."""

import numpy as np

import hypergeom
from hypergeom import lorentz, poincare

from .common import ratio, rows

try:
    import geoopt
    import torch
except ImportError:
    geoopt = None

SHAPES = [(1_000, 100, 16), (1, 100_000, 16), (100_000, 3, 16)]


def numpy_midpoint(x, w):
    gap = 1 - (x * x).sum(-1, keepdims=True)
    scale = w[..., np.newaxis] * 2 / gap
    s, s0 = (scale * x).sum(-2), (scale[..., 0] - w).sum(-1, keepdims=True)
    return s / (s0 + np.sqrt(s0 * s0 - (s * s).sum(-1, keepdims=True)))


def karcher_iteration(x, tol=1e-12, max_iter=200):
    """Steps along the mean logarithm, of length one, as they are usually written."""
    m = numpy_midpoint(x, np.ones(x.shape[:-1]))
    for _ in range(max_iter):
        v = poincare.log(m[..., np.newaxis, :], x).mean(-2)
        if np.abs(v).max() <= tol:
            break
        m = poincare.exp(m, v)
    return m


class Midpoint:
    params = (SHAPES, ["poincare", "lorentz"])
    param_names = ("shape", "space")

    def setup(self, shape, space):
        self.x, self.w = rows(shape, "float64"), np.random.default_rng(1).uniform(size=shape[:-1])
        self.module = poincare if space == "poincare" else lorentz
        self.points = self.x if space == "poincare" else poincare.to_lorentz(self.x)
        self.cotangent = self.module.midpoint(self.points, self.w)

    def time_midpoint(self, shape, space):
        self.module.midpoint(self.points, self.w)

    def time_vjp(self, shape, space):
        self.module.midpoint_vjp(self.cotangent, self.points, self.w)

    def track_over_numpy(self, shape, space):
        return ratio(lambda: self.module.midpoint(self.points, self.w), lambda: numpy_midpoint(self.x, self.w))

    track_over_numpy.unit = "x"


class Geoopt:
    def setup(self):
        if geoopt is None:
            raise NotImplementedError("geoopt is not installed")
        torch.set_num_threads(1)
        self.x = rows(SHAPES[0], "float64")
        self.tensor, self.ball = torch.from_numpy(self.x), geoopt.PoincareBall()

    def track_midpoint_ours_over_geoopt(self):
        def theirs():
            return self.ball.weighted_midpoint(self.tensor, reducedim=[1])

        with torch.no_grad():
            np.testing.assert_allclose(theirs().numpy(), poincare.midpoint(self.x), atol=1e-8)
            return ratio(lambda: poincare.midpoint(self.x), theirs)

    track_midpoint_ours_over_geoopt.unit = "x"


class FrechetMean:
    params = ([(1_000, 20, 16), (10, 2_000, 16)],)
    param_names = ("shape",)

    def setup(self, shape):
        self.x = rows(shape, "float64")

    def time_frechet_mean(self, shape):
        poincare.frechet_mean(self.x)

    def track_over_karcher(self, shape):
        np.testing.assert_allclose(karcher_iteration(self.x), poincare.frechet_mean(self.x).point, atol=1e-9)
        return ratio(lambda: poincare.frechet_mean(self.x), lambda: karcher_iteration(self.x))

    track_over_karcher.unit = "x"

    def track_vjp_over_mean(self, shape):
        mean = poincare.frechet_mean(self.x)
        return ratio(
            lambda: poincare.frechet_mean_vjp(mean.point, self.x, mean=mean), lambda: poincare.frechet_mean(self.x)
        )

    track_vjp_over_mean.unit = "x"


class Threads:
    def setup(self):
        self.x = rows(SHAPES[0], "float64")

    def track_two_threads_over_one(self):
        def two():
            with hypergeom.threads(2):
                poincare.midpoint(self.x)

        return ratio(two, lambda: poincare.midpoint(self.x))

    track_two_threads_over_one.unit = "x"
