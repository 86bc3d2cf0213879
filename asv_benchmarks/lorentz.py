"""Row functions of the hyperboloid: time, and time in copies of the same bytes."""

from hypergeom import lorentz, poincare

from .common import copy_of, ratio, rows
from .poincare import DTYPES, SHAPES

FUNCTIONS = ["to_poincare", "dist", "exp", "log"]


def arguments(name, shape, dtype):
    """Points of the hyperboloid, and for `exp` a tangent vector."""
    x, y = (poincare.to_lorentz(rows(shape, dtype, seed=k)) for k in range(2))
    if name == "to_poincare":
        return [x]
    return [x, lorentz.log(x, y) if name == "exp" else y]


class Forward:
    params = (FUNCTIONS, SHAPES, DTYPES)
    param_names = ("function", "shape", "dtype")

    def setup(self, name, shape, dtype):
        self.function, self.args = getattr(lorentz, name), arguments(name, shape, dtype)

    def time_call(self, name, shape, dtype):
        self.function(*self.args)

    def track_over_copy(self, name, shape, dtype):
        out = self.function(*self.args)
        return ratio(lambda: self.function(*self.args, out=out), copy_of(*self.args, out))

    track_over_copy.unit = "x"


class Gradient:
    params = (FUNCTIONS, SHAPES)
    param_names = ("function", "shape")

    def setup(self, name, shape):
        self.function, self.vjp = getattr(lorentz, name), getattr(lorentz, f"{name}_vjp")
        self.args = arguments(name, shape, "float64")
        self.cotangent = self.function(*self.args)

    def time_vjp(self, name, shape):
        self.vjp(self.cotangent, *self.args)

    def track_over_forward(self, name, shape):
        return ratio(lambda: self.vjp(self.cotangent, *self.args), lambda: self.function(*self.args))

    track_over_forward.unit = "x"
