"""Polar decompositions against scipy and NumPy, Newton-Schulz against plain NumPy and PyTorch; one thread of BLAS."""

import numpy as np
import scipy.linalg

from hypergeom import polar

from .common import ratio

try:
    import torch
except ImportError:
    torch = None

JORDAN = (3.4445, -4.7750, 2.0315)


def numpy_steps(x):
    """Five steps as they are usually written."""
    a, b, c = (x.dtype.type(v) for v in JORDAN)
    x = x / np.linalg.norm(x)
    for _ in range(5):
        r = x @ x.T
        x = a * x + (b * r + c * r @ r) @ x
    return x


def torch_steps(x):
    a, b, c = JORDAN
    x = x / (x.norm() + 1e-7)
    for _ in range(5):
        r = x @ x.T
        x = a * x + (b * r + c * r @ r) @ x
    return x


def normal(*shape, dtype="float64", seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def with_j_polar_factor(n, q):
    """A matrix on the group, of condition 100, times one near the identity."""
    j = polar.signature(n - q, q)
    return polar.random_jorthogonal(j, cond=100, rng=0) @ (np.eye(n) + 0.3 / n**0.5 * normal(n, n)), j


class JPolar:
    """Everything: w, s and the residuals."""

    params = (128, 512, 1024)
    param_names = ("n",)

    def setup(self, n):
        self.a, self.j = with_j_polar_factor(n, n // 4)

    def track_over_scipy_polar(self, n):
        return ratio(lambda: polar.jpolar(self.a, self.j), lambda: scipy.linalg.polar(self.a))

    def track_over_a_product(self, n):
        return ratio(lambda: polar.jpolar(self.a, self.j), lambda: self.a @ self.a)

    def track_dwh_over_scipy_polar(self, n):
        return ratio(
            lambda: polar.jpolar(self.a, self.j, method="dwh", bounds=(0.3, 3)), lambda: scipy.linalg.polar(self.a)
        )


class NewtonSchulz:
    """Jordan's coefficients, five steps, float32."""

    params = ((256, 256), (1024, 1024), (512, 2048))
    param_names = ("shape",)

    def setup(self, shape):
        self.a = normal(*shape, dtype="float32")

    def ours(self):
        return polar.newton_schulz(self.a, coefficients="jordan")

    def track_over_numpy(self, shape):
        np.testing.assert_allclose(self.ours(), numpy_steps(self.a), atol=1e-3)
        return ratio(self.ours, lambda: numpy_steps(self.a))

    def track_over_torch(self, shape):
        return self.over_torch("float32")

    def track_over_torch_bfloat16(self, shape):
        return self.over_torch("bfloat16")

    def over_torch(self, dtype):
        if torch is None:
            raise NotImplementedError("torch is not installed")
        torch.set_num_threads(1)
        tensor = torch.from_numpy(self.a).to(getattr(torch, dtype))
        return ratio(self.ours, lambda: torch_steps(tensor))


class Msign:
    params = (64, 256, 512)
    param_names = ("n",)

    def setup(self, n):
        self.a, self.g = normal(n, n), normal(n, n, seed=1)

    def track_over_scipy_polar(self, n):
        return ratio(lambda: polar.msign(self.a), lambda: scipy.linalg.polar(self.a))

    def track_qdwh_over_svd(self, n):
        return ratio(lambda: polar.msign(self.a, method="qdwh"), lambda: polar.msign(self.a, method="svd"))

    def track_mclip_qdwh_over_svd(self, n):
        return ratio(
            lambda: polar.mclip(self.a, 0.5, 1.0, method="qdwh"), lambda: polar.mclip(self.a, 0.5, 1.0, method="svd")
        )

    def track_vjp_over_scipy_sylvester(self, n):
        h = polar.polar(self.a).p
        return ratio(
            lambda: polar.msign_vjp(self.g, self.a), lambda: scipy.linalg.solve_sylvester(h, h, self.g - self.g.T)
        )


class SmallMatrices:
    """A batch of 10,000 matrices of 8 x 8."""

    def setup(self):
        self.a = normal(10_000, 8, 8)
        self.near, self.j = np.eye(8) + 0.1 * self.a, polar.signature(7, 1)

    def track_msign_over_svd(self):
        return ratio(lambda: polar.msign(self.a), lambda: np.linalg.svd(self.a))

    def track_jpolar_over_svd(self):
        return ratio(lambda: polar.jpolar(self.near, self.j), lambda: np.linalg.svd(self.near))


for group in (JPolar, NewtonSchulz, Msign, SmallMatrices):
    for name in vars(group).copy():
        if name.startswith("track_"):
            getattr(group, name).unit = "x"
