"""Row functions of the ball: time, and time in copies of the same bytes."""

import hypergeom
from hypergeom import poincare

from .common import copy_of, ratio, rows

SHAPES = [(1_000, 16), (100_000, 16), (100_000, 128), (1_000_000, 2)]
DTYPES = ["float32", "float64"]
FUNCTIONS = ["project", "dist", "exp", "log", "mobius_add", "transport"]


def arguments(name, shape, dtype):
    """Points, of which the second serves `exp` as a tangent vector and the third `transport`."""
    return [rows(shape, dtype, seed=k) for k in range({"project": 1, "transport": 3}.get(name, 2))]


class Forward:
    params = (FUNCTIONS, SHAPES, DTYPES)
    param_names = ("function", "shape", "dtype")

    def setup(self, name, shape, dtype):
        self.function, self.args = getattr(poincare, name), arguments(name, shape, dtype)

    def time_call(self, name, shape, dtype):
        self.function(*self.args)

    def track_over_copy(self, name, shape, dtype):
        out = self.function(*self.args)
        return ratio(lambda: self.function(*self.args, out=out), copy_of(*self.args, out))

    track_over_copy.unit = "x"


class Gradient:
    params = (FUNCTIONS[1:], SHAPES)
    param_names = ("function", "shape")

    def setup(self, name, shape):
        self.function, self.vjp = getattr(poincare, name), getattr(poincare, f"{name}_vjp")
        self.args = arguments(name, shape, "float64")
        self.cotangent = self.function(*self.args)

    def time_vjp(self, name, shape):
        self.vjp(self.cotangent, *self.args)

    def track_over_forward(self, name, shape):
        return ratio(lambda: self.vjp(self.cotangent, *self.args), lambda: self.function(*self.args))

    track_over_forward.unit = "x"


class Threads:
    def setup(self):
        self.args = [rows((100_000, 128), "float64", seed=k) for k in range(2)]

    def track_two_threads_over_one(self):
        def two():
            with hypergeom.threads(2):
                poincare.dist(*self.args)

        return ratio(two, lambda: poincare.dist(*self.args))

    track_two_threads_over_one.unit = "x"


class OneRow:
    """The cost of a call."""

    def setup(self):
        self.args = [rows((1, 16), "float64", seed=k)[0] for k in range(2)]

    def time_dist(self):
        poincare.dist(*self.args)

    def time_dist_vjp(self):
        poincare.dist_vjp(1.0, *self.args)
