"""Row functions of both models: time, in copies of the same bytes, against the formula in NumPy, and of gradients."""

import numpy as np

import hypergeom
from hypergeom import lorentz, poincare
from hypergeom._rows import row_ops

from .common import copy_of, ratio, rows

SPACES = {"poincare": poincare, "lorentz": lorentz}
SHAPES = [(1_000, 16), (100_000, 16), (100_000, 128), (1_000_000, 2)]
DTYPES = ["float32", "float64"]
FUNCTIONS = [
    "poincare.project",
    "poincare.dist",
    "poincare.exp",
    "poincare.log",
    "poincare.mobius_add",
    "poincare.transport",
    "lorentz.to_poincare",
    "lorentz.dist",
    "lorentz.exp",
    "lorentz.log",
    "lorentz.transport",
]


def function(name, suffix=""):
    space, _, name = name.partition(".")
    return getattr(SPACES[space], name + suffix)


def arguments(name, shape, dtype):
    """Random points, and tangent vectors at the first of them."""
    space, _, name = name.partition(".")
    x, y, v = (rows(shape, dtype, seed=k) for k in range(3))
    if space == "lorentz":
        x, y = poincare.to_lorentz(x), poincare.to_lorentz(y)
        v = lorentz.tangent_from_spatial(x, v)
    return {"project": [x], "to_poincare": [x], "exp": [x, v], "transport": [x, y, v]}.get(name, [x, y])


class Forward:
    params = (FUNCTIONS, SHAPES, DTYPES)
    param_names = ("function", "shape", "dtype")

    def setup(self, name, shape, dtype):
        self.function, self.args = function(name), arguments(name, shape, dtype)

    def time_call(self, name, shape, dtype):
        self.function(*self.args)

    def track_over_copy(self, name, shape, dtype):
        out = self.function(*self.args)
        return ratio(lambda: self.function(*self.args, out=out), copy_of(*self.args, out))

    track_over_copy.unit = "x"


class AgainstFormula:
    """The body of each function, which serves other libraries, on NumPy arrays: its time over ours."""

    params = (FUNCTIONS[1:], SHAPES)
    param_names = ("function", "shape")

    def setup(self, name, shape):
        self.function, self.args = function(name), arguments(name, shape, "float64")
        self.formula, self.c = row_ops[name].body, np.ones(1)

    def track_formula_over_ours(self, name, shape):
        return ratio(lambda: self.formula(*self.args, self.c), lambda: self.function(*self.args))

    track_formula_over_ours.unit = "x"


class Gradient:
    """Both sides allocate their results; the bar is 2.5 times the forward function and the copy of the cotangents."""

    params = (FUNCTIONS[1:], SHAPES)
    param_names = ("function", "shape")

    def setup(self, name, shape):
        self.function, self.vjp = function(name), function(name, "_vjp")
        self.args = arguments(name, shape, "float64")
        self.cotangent = self.function(*self.args)

    def time_vjp(self, name, shape):
        self.vjp(self.cotangent, *self.args)

    def track_over_forward_and_copy(self, name, shape):
        bars = [bar for bar in self.vjp(self.cotangent, *self.args) if bar.ndim]
        copies = [np.empty_like(bar) for bar in bars]

        def forward_and_copy():
            self.function(*self.args)
            for bar, copy in zip(bars, copies, strict=True):
                np.copyto(copy, bar)

        return ratio(lambda: self.vjp(self.cotangent, *self.args), forward_and_copy)

    track_over_forward_and_copy.unit = "x"


class Single:
    """float64 over float32."""

    params = (["poincare.dist", "poincare.exp", "lorentz.dist", "lorentz.exp"], [(100_000, 128)])
    param_names = ("function", "shape")

    def setup(self, name, shape):
        self.function = function(name)
        self.double, self.single = (arguments(name, shape, dtype) for dtype in ("float64", "float32"))

    def track_double_over_single(self, name, shape):
        outs = [self.function(*args) for args in (self.double, self.single)]
        return ratio(lambda: self.function(*self.double, out=outs[0]), lambda: self.function(*self.single, out=outs[1]))

    track_double_over_single.unit = "x"


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
        self.points = [poincare.to_lorentz(x) for x in self.args]

    def time_dist(self):
        poincare.dist(*self.args)

    def time_lorentz_dist(self):
        lorentz.dist(*self.points)

    def time_dist_vjp(self):
        poincare.dist_vjp(1.0, *self.args)
