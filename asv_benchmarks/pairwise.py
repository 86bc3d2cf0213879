"""All pairs of two sets of points: time a pair, and time over that of the usual ways to have them."""

import numpy as np
from scipy.spatial.distance import cdist as euclidean

import hypergeom
from hypergeom import lorentz, poincare

from .common import best_times, ratio, rows

POINTS = 2000
SPACES = ["poincare", "lorentz"]


def arguments(space, d, dtype="float64"):
    """Two sets of points of the ball, or the same on the hyperboloid."""
    x, y = (rows((POINTS, d), dtype, seed=k) for k in range(2))
    return (x, y) if space == "poincare" else (poincare.to_lorentz(x), poincare.to_lorentz(y))


def ball_from_squares(xx, yy, ee):
    return 2 * np.arcsinh(np.sqrt(ee / ((1 - xx)[:, None] * (1 - yy))))


def broadcast_formula(space, x, y):
    """With an array of all differences, or of all products."""
    if space == "poincare":
        e = y - x[:, None]
        return ball_from_squares((x * x).sum(-1), (y * y).sum(-1), (e * e).sum(-1))
    signs = np.where(np.arange(x.shape[-1]) == 0, 1.0, -1.0)
    return np.arccosh(np.maximum((signs * x[:, None] * y).sum(-1), 1))


def gram_formula(space, x, y):
    """With one matrix product, which loses the digits of close pairs."""
    if space == "poincare":
        xx, yy = (x * x).sum(-1), (y * y).sum(-1)
        return ball_from_squares(xx, yy, np.maximum(xx[:, None] + yy - 2 * (x @ y.T), 0))
    return np.arccosh(np.maximum(np.outer(x[:, 0], y[:, 0]) - x[:, 1:] @ y[:, 1:].T, 1))


class Distances:
    params = (SPACES, [2, 16, 128], ["float32", "float64"])
    param_names = ("space", "d", "dtype")

    def setup(self, space, d, dtype):
        self.cdist, self.args = {"poincare": poincare, "lorentz": lorentz}[space].cdist, arguments(space, d, dtype)
        self.out = self.cdist(*self.args)

    def track_nanoseconds_a_pair(self, space, d, dtype):
        (seconds,) = best_times(lambda: self.cdist(*self.args, out=self.out))
        return seconds / self.out.size * 1e9

    track_nanoseconds_a_pair.unit = "ns"


class Gradient:
    params = (SPACES, [2, 16, 128])
    param_names = ("space", "d")

    def setup(self, space, d):
        module, self.args = {"poincare": poincare, "lorentz": lorentz}[space], arguments(space, d)
        self.cdist, self.vjp = module.cdist, module.cdist_vjp
        self.cotangent = self.cdist(*self.args)

    def track_nanoseconds_a_pair(self, space, d):
        (seconds,) = best_times(lambda: self.vjp(self.cotangent, *self.args))
        return seconds / self.cotangent.size * 1e9

    track_nanoseconds_a_pair.unit = "ns"

    def track_over_forward(self, space, d):
        out = np.empty_like(self.cotangent)
        return ratio(lambda: self.vjp(self.cotangent, *self.args), lambda: self.cdist(*self.args, out=out))

    track_over_forward.unit = "x"


class Others:
    """Our time over theirs, at d = 16; BLAS on as many threads as the environment lets it have."""

    params = SPACES
    param_names = ("space",)

    def setup(self, space):
        self.cdist, self.args = {"poincare": poincare, "lorentz": lorentz}[space].cdist, arguments(space, 16)
        self.out = self.cdist(*self.args)

    def ours(self):
        return self.cdist(*self.args, out=self.out)

    def compared(self, space, formula):
        np.testing.assert_allclose(formula(space, *self.args), self.ours(), atol=1e-6)
        return ratio(self.ours, lambda: formula(space, *self.args))

    def track_ours_over_broadcast_formula(self, space):
        return self.compared(space, broadcast_formula)

    track_ours_over_broadcast_formula.unit = "x"

    def track_ours_over_gram_formula(self, space):
        return self.compared(space, gram_formula)

    track_ours_over_gram_formula.unit = "x"

    def track_ours_over_euclidean_of_scipy(self, space):
        """A floor: the Euclidean distances of the same rows."""
        return ratio(self.ours, lambda: euclidean(*self.args, out=self.out))

    track_ours_over_euclidean_of_scipy.unit = "x"

    def track_two_threads_over_one(self, space):
        def two():
            with hypergeom.threads(2):
                self.ours()

        return ratio(two, self.ours)

    track_two_threads_over_one.unit = "x"
