r"""Learning rates and curvatures as functions of the number of the step, and what they guarantee.

With rates :math:`\eta_t` whose sum is infinite and whose sum of squares is finite, the conditions of Robbins and Monro,
stochastic gradient descent converges almost surely to *critical points* [1]_. `power_schedule` meets them for
1/2 < p <= 1, and no other schedule here does; ``robbins_monro`` of a schedule says so. The squares of
:math:`\eta_0 / \sqrt t` sum up to :math:`\eta_0^2 (\ln T + 0.577...)` and diverge: of it, and of constant rates,
`sgd_bound` is what holds.

References
----------
.. [1] S. Bonnabel, "Stochastic gradient descent on Riemannian manifolds", IEEE Trans. Automat. Control 58, 2013.
"""

from __future__ import annotations

import math
from dataclasses import KW_ONLY, dataclass
from typing import Literal, Protocol, runtime_checkable

from hypergeom.optim.parameters import check_choice, check_count, check_lr, check_range

__all__ = [
    "Schedule",
    "constant_schedule",
    "cosine_schedule",
    "curvature_annealing",
    "inverse_sqrt_schedule",
    "linear_schedule",
    "power_schedule",
    "sgd_bound",
]


@runtime_checkable
class Schedule(Protocol):
    """A number for each step t = 1, 2, ...; any such function will do for `minimize`."""

    @property
    def robbins_monro(self) -> bool:
        """Whether the sum is infinite and the sum of squares finite."""

    def __call__(self, t: int, /) -> float:
        """The number of step t."""


class _Schedule:
    robbins_monro = False


@dataclass(frozen=True)
class constant_schedule(_Schedule):  # noqa: N801
    """The same rate in all steps; with lr = c / sqrt(T), T steps lose no logarithm in `sgd_bound`.

    Parameters
    ----------
    lr : float

    Examples
    --------
    >>> from hypergeom.optim import constant_schedule
    >>> constant_schedule(0.1)(7)
    0.1
    """

    lr: float

    def __post_init__(self) -> None:
        check_lr("constant_schedule", self.lr)

    def __call__(self, t: int, /) -> float:
        """The rate of step t."""
        return float(self.lr)


@dataclass(frozen=True)
class power_schedule(_Schedule):  # noqa: N801
    r""":math:`\eta_0 t^{-p}`, which meets the conditions of Robbins and Monro.

    Parameters
    ----------
    lr0 : float
    p : float
        In (1/2, 1]: below, squares have no finite sum, and above, steps themselves have one.

    Examples
    --------
    >>> from hypergeom.optim import power_schedule
    >>> schedule = power_schedule(0.5, 1.0)
    >>> [schedule(t) for t in (1, 2, 4)], schedule.robbins_monro
    ([0.5, 0.25, 0.125], True)
    """

    lr0: float
    p: float = 1.0

    robbins_monro = True

    def __post_init__(self) -> None:
        check_lr("power_schedule", self.lr0)
        if not 0.5 < self.p <= 1:
            raise ValueError(
                f"power_schedule: p must be above 1/2, for a finite sum of squares, and at most 1, for an infinite "
                f"sum; got {self.p!r}"
            )

    def __call__(self, t: int, /) -> float:
        """The rate of step t."""
        return float(self.lr0 * float(t) ** -self.p)


@dataclass(frozen=True)
class inverse_sqrt_schedule(_Schedule):  # noqa: N801
    r""":math:`\eta_0 / \sqrt t`: squares have an infinite sum, and nothing holds almost surely; see `sgd_bound`.

    Parameters
    ----------
    lr0 : float

    Examples
    --------
    >>> from hypergeom.optim import inverse_sqrt_schedule
    >>> inverse_sqrt_schedule(0.1)(4)
    0.05
    """

    lr0: float

    def __post_init__(self) -> None:
        check_lr("inverse_sqrt_schedule", self.lr0)

    def __call__(self, t: int, /) -> float:
        """The rate of step t."""
        return float(self.lr0 / math.sqrt(t))


@dataclass(frozen=True)
class linear_schedule(_Schedule):  # noqa: N801
    """From lr0 in step 1 to lr1 in step `steps` and after, along a line.

    Parameters
    ----------
    lr0, lr1 : float
    steps : int

    Examples
    --------
    >>> from hypergeom.optim import linear_schedule
    >>> schedule = linear_schedule(1.0, 0.5, 3)
    >>> [schedule(t) for t in (1, 2, 3, 4)]
    [1.0, 0.75, 0.5, 0.5]
    """

    lr0: float
    lr1: float
    steps: int

    def __post_init__(self) -> None:
        for lr in (self.lr0, self.lr1):
            check_lr("linear_schedule", lr)
        check_count("linear_schedule", "steps", self.steps, 1)

    def __call__(self, t: int, /) -> float:
        """The rate of step t."""
        part = min(max(t - 1, 0) / max(self.steps - 1, 1), 1.0) if self.steps > 1 else 1.0
        return float((1 - part) * self.lr0 + part * self.lr1)


@dataclass(frozen=True)
class cosine_schedule(_Schedule):  # noqa: N801
    """Up along a line to lr0 in step `warmup`, then down half a wave of the cosine to `final` in step `steps`.

    Parameters
    ----------
    lr0 : float
    steps : int
    warmup : int
        Below `steps`.
    final : float
        At least 0.

    Examples
    --------
    >>> from hypergeom.optim import cosine_schedule
    >>> schedule = cosine_schedule(1.0, 12, warmup=4, final=0.1)
    >>> [round(schedule(t), 3) for t in (1, 4, 8, 12)]
    [0.25, 1.0, 0.55, 0.1]
    """

    lr0: float
    steps: int
    _: KW_ONLY
    warmup: int = 0
    final: float = 0.0

    def __post_init__(self) -> None:
        check_lr("cosine_schedule", self.lr0)
        check_count("cosine_schedule", "steps", self.steps, 1)
        check_count("cosine_schedule", "warmup", self.warmup, 0)
        check_range("cosine_schedule", "final", self.final)
        if not self.warmup < self.steps:
            raise ValueError(f"cosine_schedule: warmup must be below steps, got {self.warmup} and {self.steps}")

    def __call__(self, t: int, /) -> float:
        """The rate of step t."""
        if t < self.warmup:
            return float(self.lr0 * t / self.warmup)
        part = min((t - self.warmup) / (self.steps - self.warmup), 1.0)
        return float(self.final + (self.lr0 - self.final) * (1 + math.cos(math.pi * part)) / 2)


@dataclass(frozen=True)
class curvature_annealing(_Schedule):  # noqa: N801
    r"""Curvatures c that grow from exactly 0 to exactly `c_max`, for ``minimize(curvature=...)``.

    0 for t <= `warmup`, `c_max` for t >= `steps`, and between them, with s from 0 to 1, ``"linear"``: s,
    ``"cosine"``: :math:`(1 - \cos \pi s) / 2`, ``"exponential"``: :math:`(e^{4 s} - 1) / (e^4 - 1)`, times `c_max`.

    Parameters
    ----------
    c_max : float
    steps : int
    shape : {"linear", "cosine", "exponential"}
    warmup : int
        Below `steps`.

    Examples
    --------
    >>> from hypergeom.optim import curvature_annealing
    >>> schedule = curvature_annealing(2.0, 6, warmup=2)
    >>> [schedule(t) for t in (1, 2, 4, 6, 7)]
    [0.0, 0.0, 1.0, 2.0, 2.0]
    """

    c_max: float
    steps: int
    _: KW_ONLY
    shape: Literal["linear", "cosine", "exponential"] = "linear"
    warmup: int = 0

    def __post_init__(self) -> None:
        check_range("curvature_annealing", "c_max", self.c_max)
        if not self.c_max > 0:
            raise ValueError(f"curvature_annealing: c_max must be positive, got {self.c_max!r}")
        check_count("curvature_annealing", "steps", self.steps, 1)
        check_count("curvature_annealing", "warmup", self.warmup, 0)
        check_choice("curvature_annealing", "shape", self.shape, ("linear", "cosine", "exponential"))
        if not self.warmup < self.steps:
            raise ValueError(f"curvature_annealing: warmup must be below steps, got {self.warmup} and {self.steps}")

    def __call__(self, t: int, /) -> float:
        """The curvature of step t."""
        if t <= self.warmup:
            return 0.0
        if t >= self.steps:
            return float(self.c_max)
        s = (t - self.warmup) / (self.steps - self.warmup)
        if self.shape == "cosine":
            s = (1 - math.cos(math.pi * s)) / 2
        elif self.shape == "exponential":
            s = math.expm1(4 * s) / math.expm1(4)
        return float(self.c_max * s)


def sgd_bound(
    t: int,
    /,
    *,
    lr0: float,
    smoothness: float,
    gap: float,
    variance: float | None = None,
    second_moment: float | None = None,
) -> float:
    r"""What t steps of SGD with the rates :math:`\eta_0 / \sqrt t` guarantee.

    For a cost that is at most `gap` above its infimum at the start, with :math:`\beta`-Lipschitz gradients along the
    steps, and unbiased gradients of variance at most :math:`\sigma^2`, where :math:`\eta_0 \le 1 / \beta`,

    .. math:: \min_{s \le t} E |\operatorname{grad} f(x_s)|^2 \le
        \frac{2 \, gap + \beta \sigma^2 \eta_0^2 (1 + \ln t)}{2 \eta_0 (\sqrt{t + 1} - 1)};

    if :math:`\sigma^2` bounds :math:`E |g|^2` in place of the variance, any :math:`\eta_0` will do, and the denominator
    is :math:`4 \eta_0 (\sqrt{t + 1} - 1)`. This is a statement on the best of the expectations and not on the last
    iterate, and not almost sure: the squares of these rates have no finite sum. A constant rate
    :math:`c / \sqrt t` has no logarithm; only `power_schedule` converges almost surely.

    Parameters
    ----------
    t : int
        Steps, from 1.
    lr0, smoothness, gap : float
        :math:`\eta_0`, :math:`\beta` and the gap.
    variance, second_moment : float
        :math:`\sigma^2`: exactly one of both.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        Both or neither of `variance` and `second_moment`, numbers out of their range, or with `variance` an `lr0` above
        ``1 / smoothness``.

    References
    ----------
    .. [1] S. Ghadimi, G. Lan, "Stochastic first- and zeroth-order methods for nonconvex stochastic programming", SIAM
       J. Optim. 23, 2013.

    Examples
    --------
    >>> from hypergeom.optim import sgd_bound
    >>> round(sgd_bound(10000, lr0=0.1, smoothness=10.0, gap=1.0, variance=0.5), 4)
    0.1268
    """
    check_count("sgd_bound", "t", t, 1)
    check_lr("sgd_bound", lr0)
    for what, value in (("smoothness", smoothness), ("gap", gap)):
        check_range("sgd_bound", what, value)
    if (variance is None) == (second_moment is None):
        raise ValueError(
            f"sgd_bound: needs exactly one of variance and second_moment, got {variance!r} and {second_moment!r}"
        )
    noise = variance if second_moment is None else second_moment
    check_range("sgd_bound", "variance" if second_moment is None else "second_moment", noise)
    assert noise is not None
    if second_moment is None and lr0 * smoothness > 1:
        raise ValueError(
            f"sgd_bound: with variance, lr0 must be at most 1 / smoothness = {1 / smoothness:g}, got {lr0!r}"
        )
    top = 2 * gap + smoothness * noise * lr0**2 * (1 + math.log(t))
    bottom = lr0 * (t / (math.sqrt(t + 1) + 1))  # sqrt(t + 1) - 1
    return float(top / ((2 if second_moment is None else 4) * bottom))
