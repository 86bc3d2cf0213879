"""Reverse-mode differentiation of textbook formulas in mpmath numbers: the truth about a gradient, in as many digits.

Formulas are written for lists of numbers with the functions of this module, and take plain mpmath numbers too.
"""

import mpmath as mp


class Number:
    """A number that remembers what it was computed from."""

    __slots__ = ("bar", "parents", "value")

    def __init__(self, value, parents=()):
        self.value, self.parents, self.bar = value, parents, mp.mpf(0)

    def __add__(self, other):
        if isinstance(other, Number):
            return Number(self.value + other.value, ((self, 1), (other, 1)))
        return Number(self.value + other, ((self, 1),))

    __radd__ = __add__

    def __neg__(self):
        return Number(-self.value, ((self, -1),))

    def __sub__(self, other):
        return self + -other

    def __rsub__(self, other):
        return -self + other

    def __mul__(self, other):
        if isinstance(other, Number):
            return Number(self.value * other.value, ((self, other.value), (other, self.value)))
        return Number(self.value * other, ((self, other),))

    __rmul__ = __mul__

    def __truediv__(self, other):
        return self * _of(other, lambda v: 1 / v, lambda v, f: -f * f)

    def __rtruediv__(self, other):
        return other * _of(self, lambda v: 1 / v, lambda v, f: -f * f)

    def _compare(self, other):
        return self.value - (other.value if isinstance(other, Number) else other)

    def __lt__(self, other):
        return self._compare(other) < 0

    def __gt__(self, other):
        return self._compare(other) > 0

    def __eq__(self, other):
        return self._compare(other) == 0

    def __bool__(self):
        return self.value != 0

    __hash__ = None


class Dual:
    """A number and its derivative in one direction: the truth of a differential, itself made of numbers of any kind."""

    __slots__ = ("slope", "value")

    def __init__(self, value, slope):
        self.value, self.slope = value, slope

    @staticmethod
    def _parts(other):
        return (other.value, other.slope) if isinstance(other, Dual) else (other, 0)

    def __add__(self, other):
        value, slope = self._parts(other)
        return Dual(self.value + value, self.slope + slope)

    __radd__ = __add__

    def __neg__(self):
        return Dual(-self.value, -self.slope)

    def __sub__(self, other):
        return self + -other

    def __rsub__(self, other):
        return -self + other

    def __mul__(self, other):
        value, slope = self._parts(other)
        return Dual(self.value * value, self.slope * value + self.value * slope)

    __rmul__ = __mul__

    def __truediv__(self, other):
        value, slope = self._parts(other)
        ratio = self.value / value
        return Dual(ratio, (self.slope - ratio * slope) / value)

    def __rtruediv__(self, other):
        return Dual(other, 0 * self.slope) / self


def differential(function):
    """Of a map of points: the function of x, v and c that is its derivative at x in the direction of v."""

    def tangent(x, v, c):
        outputs = function([Dual(xi, vi) for xi, vi in zip(x, v, strict=True)], Dual(c, 0))
        return [o.slope for o in outputs]

    return tangent


def _of(x, function, derivative):
    if not isinstance(x, Number):
        return function(mp.mpf(x))
    value = function(x.value)
    return Number(value, ((x, derivative(x.value, value)),))


def sqrt(x):
    if isinstance(x, Dual):
        root = sqrt(x.value)
        return Dual(root, x.slope / (2 * root))
    return _of(x, mp.sqrt, lambda v, f: 1 / (2 * f) if f else mp.mpf(0))


def exp(x):
    return _of(x, mp.exp, lambda v, f: f)


def log(x):
    return _of(x, mp.log, lambda v, f: 1 / v)


def sinh(x):
    return _of(x, mp.sinh, lambda v, f: mp.cosh(v))


def cosh(x):
    return _of(x, mp.cosh, lambda v, f: mp.sinh(v))


def tanh(x):
    return _of(x, mp.tanh, lambda v, f: 1 - f * f)


def asinh(x):
    return _of(x, mp.asinh, lambda v, f: 1 / mp.sqrt(1 + v * v))


def acosh(x):  # of a number that may have been rounded below 1
    return _of(x, lambda v: mp.acosh(max(v, 1)), lambda v, f: 1 / mp.sqrt(v * v - 1) if v > 1 else mp.mpf(0))


def atanh(x):
    return _of(x, mp.atanh, lambda v, f: 1 / (1 - v * v))


def dot(x, y):
    total = mp.mpf(0)
    for a, b in zip(x, y, strict=True):
        total = total + a * b
    return total


def norm(x):
    return sqrt(dot(x, x))


def gradient(output, inputs):
    """Derivatives of one number in others, which were made by ``Number(value)``."""
    order, seen = [], set()
    stack = [(output, False)]
    while stack:
        node, done = stack.pop()
        if done:
            order.append(node)
        elif id(node) not in seen:
            seen.add(id(node))
            stack.append((node, True))
            stack.extend((parent, False) for parent, _ in node.parents)
    output.bar = mp.mpf(1)
    for node in reversed(order):
        for parent, slope in node.parents:
            parent.bar += slope * node.bar
    return [number.bar for number in inputs]
