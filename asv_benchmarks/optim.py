"""Steps of Muon over what they are made of, and methods of the groups O(p, q); one thread of BLAS."""

import numpy as np

from hypergeom.manifolds import LorentzGroup
from hypergeom.optim import HyperbolicMuon, Muon
from hypergeom.polar import newton_schulz

from .common import ratio


def normal(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


class HyperbolicSteps:
    """A step on O(n - 1, 1) with eight steps of Newton-Schulz."""

    params = (17, 64, 256)
    param_names = ("n",)

    def setup(self, n):
        group = LorentzGroup(n - 1, 1)
        self.method = HyperbolicMuon(group)
        self.w, self.g = group.random_point((n, n), rng=0), normal(n, n)
        self.state = self.method.init(self.w)
        self.skew = self.g - self.g.T

    def time_step(self, n):
        self.method.step(self.w, self.g, self.state)

    def track_over_newton_schulz(self, n):
        return ratio(lambda: self.method.step(self.w, self.g, self.state), lambda: newton_schulz(self.skew, steps=8))


class FlatSteps:
    """A step for a matrix in flat space, float32."""

    params = ((256, 256), (512, 2048))
    param_names = ("shape",)

    def setup(self, shape):
        self.method = Muon()
        self.w, self.g = normal(*shape).astype(np.float32), normal(*shape, seed=1).astype(np.float32)
        self.state = self.method.init(self.w)

    def track_over_newton_schulz(self, shape):
        return ratio(
            lambda: self.method.step(self.w, self.g, self.state),
            lambda: newton_schulz(self.g, coefficients="jordan", steps=5),
        )


class Group:
    """Methods of O(n - 1, 1) over a product of two of its matrices."""

    params = (("exp", "log", "retract", "project", "polish"), (17, 128))
    param_names = ("method", "n")

    def setup(self, method, n):
        group = LorentzGroup(n - 1, 1)
        w = group.random_point((n, n), rng=0)
        v = group.random_tangent(w, rng=1)
        v *= 0.1 / np.linalg.norm(v, 2)
        args = {"exp": (w, v), "retract": (w, v), "log": (w, group.exp(w, v))}.get(method, (w,))
        self.w, self.call = w, lambda: getattr(group, method)(*args)

    def track_over_a_product(self, method, n):
        return ratio(self.call, lambda: self.w @ self.w)


for group in (HyperbolicSteps, FlatSteps, Group):
    for name in vars(group).copy():
        if name.startswith("track_"):
            getattr(group, name).unit = "x"
