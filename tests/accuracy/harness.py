"""What the accuracy suite is made of: subjects (functions and their truth), cases (classes of inputs), errors in eps.

A chapter of subjects is a module ``SPACE_CHAPTER.py`` beside this file, with a list ``SUBJECTS``. The truth of a
subject is its textbook formula on the numbers that were stored, in as many digits as the case asks for.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import mpmath as mp
import numpy as np
from accuracy import reverse

import hypergeom.lorentz
import hypergeom.poincare

SPACES = {"poincare": hypergeom.poincare, "lorentz": hypergeom.lorentz}
ROWS = 8
DIMENSIONS = (1, 2, 3, 4, 16, 32, 128)


@dataclass(frozen=True)
class Bars:
    """Errors allowed, in eps of the dtype: of values (worst row), of cotangents of rows and of c (norm of a batch)."""

    value: float = 8
    cotangent: float = 100
    c_bar: float = 1000


SINGLE = Bars(1, 8, 16)


@dataclass(frozen=True)
class Subject:
    """A function under test.

    Attributes
    ----------
    name : str
        As ``"poincare.dist"``.
    truth : callable
        The textbook formula: lists of numbers and c -> list of numbers (the outputs one after the other).
    arguments : tuple of str
        Which arrays of a case it takes.
    size : callable, optional
        (args, c) -> what the error of each row is relative to, if that is more than the norm of the truth.
    bar_sizes : callable, optional
        (args, c) -> for each argument, and c last, what the error of its cotangent is relative to in each row, for a
        cotangent of the output of norm 1, if that is more than the norm of the truth: for functions with a gradient
        that vanishes in special positions.
    bars, single : Bars
        For float64 and float32.
    elsewhere : dict
        Other bars of float64 for a class of cases, by its name or that of the case; None leaves the class out.
    vjp : bool
        Whether there is a gradient.
    homogeneous : bool
        Whether c counts only through sqrt(c) times the points. Then c_bar is the sum of x_i x_bar_i / 2c over all
        points (less that of the output), and its error is relative to the size of those terms, which may cancel.
    """

    name: str
    truth: Callable
    arguments: tuple
    size: Callable | None = None
    bar_sizes: Callable | None = None
    bars: Bars = field(default_factory=Bars)
    single: Bars = SINGLE
    elsewhere: dict = field(default_factory=dict)
    vjp: bool = True
    homogeneous: bool = False

    def bars_for(self, case, dtype):
        bars = self._bars_for(case, dtype)
        if bars is None or case.slack == 1:
            return bars
        return Bars(bars.value, case.slack * bars.cotangent, case.slack * bars.c_bar)

    def _bars_for(self, case, dtype):
        usual = self.bars if dtype == np.float64 else self.single
        for key in (case.name, case.name.split("@")[0]):
            if key in self.elsewhere:
                other = self.elsewhere[key]
                # float32 keeps its bars, but where there is no derivative
                return other if dtype == np.float64 or other is None or np.isinf(other.c_bar) else usual
        return usual

    @property
    def function(self):
        space, _, name = self.name.partition(".")
        return getattr(SPACES[space], name)

    @property
    def function_vjp(self):
        space, _, name = self.name.partition(".")
        return getattr(SPACES[space], f"{name}_vjp")


@dataclass(frozen=True)
class Case:
    """A class of inputs, ``class@parameters``.

    Attributes
    ----------
    name : str
    make : callable
        (rng, d, dtype, rows) -> dict of arrays of that dtype.
    c : float
    digits : int
        Of the truth.
    vjp : bool
        Whether gradients are held to their bars here.
    single : bool
        Whether float32 has such inputs.
    slack : float
        By how much the bars of cotangents are larger: those are for distances up to 100 from the apex.
    """

    name: str
    make: Callable
    c: float = 1.0
    digits: int = 120
    vjp: bool = True
    single: bool = True
    slack: float = 1

    @property
    def dtypes(self):
        return (np.float64, np.float32) if self.single else (np.float64,)


def numbers(a):
    return [mp.mpf(float(v)) for v in np.atleast_1d(a)]


def true_values(subject, args, c, digits):
    """One list of numbers for each row."""
    with mp.workdps(digits):
        return [subject.truth(*(numbers(a[k]) for a in args), mp.mpf(c)) for k in range(len(args[0]))]


def true_bars(subject, cotangents, args, c, digits):
    """For each argument, and c last: one list of numbers for each row."""
    with mp.workdps(digits):
        columns = [[] for _ in range(len(args) + 1)]
        for k in range(len(args[0])):
            rows = [[reverse.Number(v) for v in numbers(a[k])] for a in args]
            curvature = reverse.Number(mp.mpf(c))
            outputs = subject.truth(*rows, curvature)
            weights = [w for g in cotangents for w in numbers(g[k])]
            total = reverse.Number(mp.mpf(0)) + reverse.dot(outputs, weights)
            inputs = [v for row in rows for v in row] + [curvature]
            found = reverse.gradient(total, inputs)
            for column, row in zip(columns, rows, strict=False):
                column.append(found[: len(row)])
                found = found[len(row) :]
            columns[-1].append(found if c else [_slope_at_zero(subject, weights, [a[k] for a in args])])
        return columns


def _slope_at_zero(subject, weights, row):
    """Derivative in c at c = 0, where formulas in sqrt(c) have none and only c >= 0 means anything."""
    step = mp.mpf(10) ** -40
    at_zero, after = (subject.truth(*(numbers(a) for a in row), c) for c in (mp.mpf(0), step))
    return mp.fdot(weights, [b - a for a, b in zip(at_zero, after, strict=True)]) / step


def row_errors(got, truth, sizes, digits, tiny=0.0):
    """|got - true| / max(|true|, size) of each row, where a truth below `tiny`, if it is not 0, counts as that.

    What is beyond the dtype is rightly infinite, or 0.
    """
    with mp.workdps(digits):
        out = []
        for g, t, size in zip(got, truth, sizes, strict=True):
            limits = np.finfo(g.dtype)
            least, most = mp.mpf(float(limits.smallest_subnormal)), mp.mpf(float(limits.max))
            pairs = [(a, _value(b)) for a, b in zip(numbers(g), t, strict=True)]
            right = [(mp.isinf(a) and a * b > 0 and abs(b) > most) or abs(a - b) < least for a, b in pairs]
            difference = mp.norm([0 if r else a - b for r, (a, b) in zip(right, pairs, strict=True)])
            scale = max(mp.norm([_value(b) for b in t]), mp.mpf(float(size)))
            scale = max(scale, mp.mpf(float(tiny))) if scale else scale
            out.append(float(difference / scale) if difference and scale else float(difference))
        return out


def batch_error(got, truth, digits, size=0.0, tiny=0.0):
    """The same over all rows at once."""
    flat = [entry for row in truth for entry in row]
    return row_errors([np.ravel(got)], [flat], [size], digits, tiny)[0]


def _value(v):
    return v.value if isinstance(v, reverse.Number) else v


def outputs_of(values):
    """As a tuple: a function returns an array, a tuple of arrays or a result object."""
    return (values,) if isinstance(values, (np.ndarray, np.generic)) else tuple(values)


def joined(outputs, rows):
    """All outputs of a function, one after the other in each row."""
    outputs = outputs_of(outputs)
    return np.concatenate([np.asarray(o).reshape(rows, -1) for o in outputs], axis=1)


def value_error(values, truth, sizes, rows, digits, tiny):
    """The worst of all rows and outputs; `sizes` is one array, or one for each output."""
    outputs = outputs_of(values)
    sizes = sizes if isinstance(sizes, tuple) else (sizes,) * len(outputs)
    worst, first = 0.0, 0
    for output, size in zip(outputs, sizes, strict=True):
        entries = np.asarray(output).reshape(rows, -1)
        last = first + entries.shape[1]
        worst = max(worst, *row_errors(entries, [t[first:last] for t in truth], size, digits, tiny))
        first = last
    return worst


def terms_of_c(subject, args, true, c):
    """For each row the size of the terms of which c_bar is the sum."""
    total = mp.mpf(0)
    for name, a, bars in zip(subject.arguments, args, true, strict=True):
        if name in ("x", "y"):
            for row, bar in zip(a, bars, strict=True):
                total += sum((x * b) ** 2 for x, b in zip(numbers(row)[1:], bar[1:], strict=True))
    return mp.sqrt(total) / (2 * c)


def measure(subject, case, d, dtype, rng, rows=ROWS):
    """Errors in eps: of values (worst row), of the cotangents of arguments (worst argument), of c."""
    eps, tiny = np.finfo(dtype).eps, d * np.finfo(dtype).tiny  # below it digits are lost to underflow
    inputs = case.make(rng, d, dtype, rows)
    args = [inputs[name] for name in subject.arguments]
    sizes = np.zeros(rows) if subject.size is None else subject.size(args, case.c)
    values = subject.function(*args, case.c)
    truth = true_values(subject, args, case.c, case.digits)
    value = value_error(values, truth, sizes, rows, case.digits, tiny) / eps
    if not (subject.vjp and case.vjp and np.isfinite(joined(values, rows)).all()):
        return value, 0.0, 0.0
    outputs = outputs_of(values)
    cotangents = [rng.normal(size=o.shape).astype(dtype) for o in outputs]
    with np.errstate(over="ignore"):  # of float32
        *bars, c_bar = subject.function_vjp(*cotangents, *args, np.full(rows, case.c))
        # An array c would promote float32: the cotangents of points are those that a number gives.
        with np.errstate(invalid="ignore"):  # of the sum of c_bar
            *bars, _ = subject.function_vjp(*cotangents, *args, float(case.c))
    *true, true_c = true_bars(subject, cotangents, args, case.c, case.digits)
    space = subject.name.partition(".")[0]
    *bar_sizes, c_size = _bar_sizes(subject, joined(tuple(cotangents), rows), args, case.c)
    errors = [
        batch_error(bar, _in_chart(t, bar, space, name), case.digits, size, tiny) / eps
        for bar, t, name, size in zip(bars, true, subject.arguments, bar_sizes, strict=True)
    ]
    if subject.homogeneous:
        c_size = max(c_size, terms_of_c(subject, args, true, case.c))
    of_c = batch_error(c_bar, true_c, case.digits, c_size, d * float(np.finfo(float).tiny)) / eps
    return value, max(errors), of_c


def _bar_sizes(subject, cotangents, args, c):
    """Over all rows, for each argument and c."""
    if subject.bar_sizes is None:
        return [0.0] * (len(args) + 1)
    given = np.linalg.norm(cotangents.astype(float), axis=1)
    return [np.linalg.norm(given * size) for size in subject.bar_sizes([a.astype(float) for a in args], c)]


def _in_chart(truth, bar, space, name):
    """On the hyperboloid the cotangents of points and tangents live in the spatial chart: their time entry is 0.

    That of an ambient gradient g is none of them.
    """
    if space == "lorentz" and name in ("x", "y", "v", "u", "v0", "normal"):
        return [[mp.mpf(0), *row[1:]] for row in truth]
    return truth


def all_subjects():
    """The subjects of all chapters."""
    found = []
    for path in sorted(Path(__file__).parent.glob("*_*.py")):
        if path.stem.partition("_")[0] in SPACES:
            found += importlib.import_module(f"accuracy.{path.stem}").SUBJECTS
    return found
