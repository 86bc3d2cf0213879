"""The loop of `hypergeom.optim` over what a user would write by hand, and over other libraries; one thread of BLAS."""

import importlib.util

import numpy as np

from hypergeom.manifolds import Lorentz, PoincareBall, Sphere, Stiefel
from hypergeom.optim import RSGD, RAdam, minimize

from .common import best_times, copy_of, ratio

N = 200  # iterations


def has(name):
    return importlib.util.find_spec(name) is not None


class SmallSphere:
    """Iterations on a problem of eight numbers: what the loop costs by itself."""

    def setup(self):
        rng = np.random.default_rng(0)
        A = rng.normal(size=(8, 8))
        self.A = (A + A.T) / 20
        self.x = Sphere().random_point((8,), rng=rng)

    def cost(self, x):
        return float(x @ self.A @ x)

    def gradient(self, x):
        return 2 * (self.A @ x)

    def ours(self, method=None):
        method = method or RSGD(lr=0.01)
        return minimize(
            self.cost, self.x, gradient=self.gradient, manifold=Sphere(), method=method, maxiter=N, gtol=0.0
        )

    def bare(self):
        x = self.x
        for _ in range(N):
            self.cost(x)
            g = self.gradient(x)
            v = -0.01 * (g - (x @ g) * x)
            size = np.sqrt(v @ v)
            x = np.cos(size) * x + np.sin(size) / size * v
            x = x / np.sqrt(x @ x)
        return x

    def track_rsgd_over_a_bare_loop(self):
        return ratio(self.ours, self.bare)

    def track_radam_over_a_bare_loop(self):
        return ratio(lambda: self.ours(RAdam(lr=0.01)), self.bare)

    def track_rsgd_over_geoopt(self):
        if not has("geoopt"):
            return np.nan
        import geoopt
        import torch

        A = torch.tensor(self.A)

        def theirs():
            p = geoopt.ManifoldParameter(torch.tensor(self.x), manifold=geoopt.SphereExact())
            method = geoopt.optim.RiemannianSGD([p], lr=0.01)
            for _ in range(N):
                method.zero_grad()
                (p @ A @ p).backward()
                method.step()

        return ratio(self.ours, theirs)


class LargeStiefel:
    """The Brockett cost with n = 1000 and p = 5, where products with a matrix take the time."""

    def setup(self):
        rng = np.random.default_rng(0)
        n, p = 1000, 5
        Q = np.linalg.qr(rng.normal(size=(n, n)))[0]
        self.A, self.N = Q * np.linspace(0, 5, n) @ Q.T, np.arange(p, 0, -1.0)
        self.manifold = Stiefel("euclidean")
        self.x = self.manifold.random_point((n, p), rng=rng)

    def both(self, x):
        y = self.A @ x * self.N
        return float(np.vdot(x, y)), 2 * y

    def fixed(self, steps=20):
        return minimize(
            self.both, self.x, gradient=True, manifold=self.manifold, method=RSGD(lr=0.01), maxiter=steps, gtol=0.0
        )

    def bare(self, steps=20):
        x = self.x
        for _ in range(steps + 1):
            y = self.A @ x
            np.linalg.qr(x - 0.01 * y)

    def track_fixed_step_over_product_and_qr(self):
        return ratio(self.fixed, self.bare)

    def time_rcg(self):
        minimize(self.both, self.x, gradient=True, manifold=self.manifold, maxiter=100, gtol=1e-3)

    def time_trust_region(self):
        minimize(
            self.both,
            self.x,
            gradient=True,
            hvp=lambda x, v: 2 * (self.A @ v) * self.N,
            manifold=self.manifold,
            method="trust_region",
            maxiter=30,
            gtol=1e-3,
        )

    def _pymanopt(self):
        import pymanopt

        manifold = pymanopt.manifolds.Stiefel(*self.x.shape)

        @pymanopt.function.numpy(manifold)
        def cost(x):
            return self.both(x)[0]

        @pymanopt.function.numpy(manifold)
        def euclidean_gradient(x):
            return self.both(x)[1]

        return pymanopt.Problem(manifold, cost, euclidean_gradient=euclidean_gradient)

    def track_rcg_over_pymanopt(self):
        """To the same norm of the gradient."""
        if not has("pymanopt"):
            return np.nan
        import pymanopt

        problem = self._pymanopt()
        method = pymanopt.optimizers.ConjugateGradient(verbosity=0, min_gradient_norm=1e-3, max_iterations=1000)
        return ratio(
            lambda: minimize(self.both, self.x, gradient=True, manifold=self.manifold, gtol=1e-3),
            lambda: method.run(problem, initial_point=self.x),
        )


class AdamRows:
    """A step for many points at once, and for a few rows of them."""

    params = (("ball", "hyperboloid"),)
    param_names = ("manifold",)

    def setup(self, manifold):
        self.m = PoincareBall() if manifold == "ball" else Lorentz()
        d = 16 + (manifold != "ball")
        rng = np.random.default_rng(0)
        self.x = self.m.exp(
            self.m.origin((100_000, d)), 0.3 * self.m.random_tangent(self.m.origin((100_000, d)), rng=rng)
        )
        self.g = rng.normal(size=self.x.shape)
        self.method = RAdam(self.m, lr=0.01)
        self.state = self.method.init(self.x)

    def step(self):
        self.method.step(self.x, self.g, self.state)

    def time_step(self, manifold):
        self.step()

    def track_step_over_a_copy(self, manifold):
        """Of the bytes of x, g and m read, and of x and m written."""
        return ratio(self.step, copy_of(*(self.x,) * 5))

    def track_step_over_geoopt(self, manifold):
        if not has("geoopt"):
            return np.nan
        import geoopt
        import torch

        theirs = geoopt.PoincareBall() if manifold == "ball" else geoopt.Lorentz()
        p = geoopt.ManifoldParameter(torch.tensor(self.x), manifold=theirs)
        p.grad = torch.tensor(self.g)
        method = geoopt.optim.RiemannianAdam([p], lr=1e-6)
        return ratio(self.step, method.step)

    def track_1000_rows_over_their_dense_step(self, manifold):
        """Less the copies of the table and of the state, which are reported beside it."""
        rows = np.random.default_rng(1).choice(len(self.x), 1000, replace=False)
        part, g = self.x[rows], self.g[rows]
        dense = self.method.init(part)

        def copies():
            self.x.copy(), self.state.momentum.copy(), self.state.second.copy()

        some, all_rows, copy = best_times(
            lambda: self.method.step(self.x, g, self.state, rows=rows),
            lambda: self.method.step(part, g, dense),
            copies,
        )
        return (some - copy) / all_rows


for group in (SmallSphere, LargeStiefel, AdamRows):
    for name in vars(group).copy():
        if name.startswith("track_"):
            getattr(group, name).unit = "x"
