"""Muon: steps of equal singular values, for matrices in flat space and on the groups O(p, q)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np
from array_api_compat import array_namespace

from hypergeom import polar
from hypergeom._gpus import methods_on_one_gpu
from hypergeom._rows import Array
from hypergeom.errors import ConvergenceError
from hypergeom.manifolds import LorentzGroup
from hypergeom.manifolds.arguments import namespace_and_arrays
from hypergeom.optim.parameters import check_choice, check_count, check_lr, check_range
from hypergeom.polar.coefficients import table
from hypergeom.polar.jorthogonal import signed
from hypergeom.polar.kernels import has_kernels

__all__ = ["HyperbolicMuon", "Muon", "MuonState"]

Coefficients = str | tuple[tuple[float, ...], ...] | np.ndarray[Any, Any]

# The largest singular value that a built-in table of coefficients makes of those in [0, 1]: that of "jordan", 1.2024...
_LARGEST_OF_TABLES = 1.21


@dataclass(frozen=True)
class MuonState:
    """What a step hands to the next.

    Attributes
    ----------
    momentum : array
        The running mean of the gradients; for `HyperbolicMuon` in the algebra.
    count : int
        Steps taken.
    """

    momentum: Array
    count: int


class _Mean(NamedTuple):
    momentum: Array
    used: Array  # what the step is made of


def _running_mean(momentum: Array, gradient: Array, beta: float, nesterov: bool) -> _Mean:
    part = (1 - beta) * gradient
    new = beta * momentum + part
    return _Mean(new, part + beta * new if nesterov else new)


def _check_common(name: str, lr: float, momentum: float, weight_decay: float, steps: int) -> None:
    check_lr(name, lr)
    check_range(name, "momentum", momentum, below=1)
    check_range(name, "weight_decay", weight_decay)
    check_count(name, "steps", steps, 1)


def _frozen_coefficients(name: str, coefficients: Any, steps: int) -> Any:
    """A name as it is, rows of numbers as a tuple, so that the method can be hashed and compared."""
    rows = table(name, coefficients, steps if isinstance(coefficients, str) else None)
    return coefficients if isinstance(coefficients, str) else tuple(tuple(row) for row in rows.tolist())


def _orthogonalized(a: Array, coefficients: Any, steps: int) -> Array:
    if isinstance(coefficients, str):
        return polar.newton_schulz(a, coefficients=coefficients, steps=steps)
    return polar.newton_schulz(a, coefficients=np.asarray(coefficients))


@methods_on_one_gpu
@dataclass(frozen=True)
class Muon:
    r"""Steps along the orthogonal factor of the momentum, for matrices in flat space [1]_.

    With gradient G, ``M = momentum M + (1 - momentum) G`` and, for Nesterov's form,
    ``U = (1 - momentum) G + momentum M``, a step is

    .. math:: W \leftarrow (1 - lr \cdot decay) W - lr \, s \, O, \qquad O = U (U^T U)^{-1/2} \text{ approximately},

    O by the Newton-Schulz polynomials of `hypergeom.polar.newton_schulz`.

    Parameters
    ----------
    lr : float
        Length of a step: the spectral norm of the change of W is about ``lr * s``.
    momentum : float
        In [0, 1).
    nesterov : bool
    weight_decay : float
    coefficients : str or (k, 3) array
        As in `hypergeom.polar.newton_schulz`. ``"jordan"`` leaves the singular values of O between .5 and 1.2.
    steps : int
        Newton-Schulz steps; a (k, 3) array says it by itself.
    scale : {"jordan", "rms", "none"}
        s of an m by n matrix: ``sqrt(max(1, m / n))``, ``0.2 sqrt(max(m, n))``, or 1.

    References
    ----------
    .. [1] K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom.optim import Muon
    >>> target = np.random.default_rng(0).normal(size=(6, 4))
    >>> method, w = Muon(momentum=0.8), np.zeros((6, 4))
    >>> state = method.init(w)
    >>> for t in range(300):
    ...     w, state = method.step(w, w - target, state, lr=0.1 * (1 - t / 300))
    >>> bool(np.abs(w - target).max() < 0.01)
    True
    """

    lr: float = 0.02
    momentum: float = 0.95
    nesterov: bool = True
    weight_decay: float = 0.0
    coefficients: Coefficients = "jordan"
    steps: int = 5
    scale: Literal["jordan", "rms", "none"] = "jordan"

    def __post_init__(self) -> None:
        _check_common("Muon", self.lr, self.momentum, self.weight_decay, self.steps)
        check_choice("Muon", "scale", self.scale, ("jordan", "rms", "none"))
        object.__setattr__(self, "coefficients", _frozen_coefficients("Muon", self.coefficients, self.steps))

    def init(self, w: Array, /) -> MuonState:
        """The state before the first step.

        Parameters
        ----------
        w : array, shape (..., m, n)
        """
        xp, (w,) = namespace_and_arrays("Muon.init", 2, w=w)
        return MuonState(xp.zeros_like(w), 0)

    def step(self, w: Array, egrad: Array, state: MuonState, /, *, lr: float | None = None) -> tuple[Array, MuonState]:
        """One step; nothing is changed in place.

        Parameters
        ----------
        w, egrad : array, shape (..., m, n)
            The point and the gradient there.
        state : MuonState
        lr : float, optional
            In place of that of the method.

        Returns
        -------
        w : array, shape (..., m, n)
        state : MuonState
        """
        if lr is None:
            lr = self.lr
        check_lr("Muon.step", lr)
        _, (w, egrad, momentum) = namespace_and_arrays("Muon.step", 2, w=w, egrad=egrad, momentum=state.momentum)
        mean = _running_mean(momentum, egrad, self.momentum, self.nesterov)
        direction = _orthogonalized(mean.used, self.coefficients, self.steps)
        m, n = w.shape[-2:]
        s = {"jordan": math.sqrt(max(1, m / max(n, 1))), "rms": 0.2 * math.sqrt(max(m, n)), "none": 1.0}[self.scale]
        return (1 - lr * self.weight_decay) * w - lr * s * direction, MuonState(mean.momentum, state.count + 1)


@methods_on_one_gpu
@dataclass(frozen=True)
class HyperbolicMuon:
    r"""Muon that stays on O(p, q): on the Lorentz groups, and on the orthogonal group with q = 0.

    The gradient is taken to the algebra, ``x = P(W^T G)``, where the momentum M lives: a fixed space, so that nothing
    need be transported. Multiplication by J makes skew-symmetric matrices of the algebra, and odd polynomials keep
    those skew-symmetric. So

    .. math:: D = J \operatorname{msign}(J U), \qquad W \leftarrow W (I + lr D / 2)^{-1} (I - lr D / 2),

    is a step in the group. D is the direction of steepest descent of all in the algebra of spectral norm 1, since the
    product of a skew-symmetric matrix with its sign is the sum of its singular values. The origin of the hyperboloid
    moves by at most :math:`2 \operatorname{artanh}(lr \|D\|_2 / 2)`, wherever W is: the learning rate is a
    hyperbolic distance.

    Parameters
    ----------
    group : LorentzGroup
    lr : float
        At most 2 over the spectral norm that the coefficients can give, which is 1.21 for those with a name.
    momentum : float
        In [0, 1).
    nesterov : bool
    coefficients : str or (k, 3) array
        As in `hypergeom.polar.newton_schulz`.
    steps : int
        Newton-Schulz steps; a (k, 3) array says it by itself.
    retraction : {"cayley", "expm"}
    polish_every : int
        After so many steps `LorentzGroup.polish` takes off the drift of rounding, and `LorentzGroup.project` where that
        is too large; 0: never.
    weight_decay : float
        Adds ``weight_decay * P(W^T W)`` to the gradient, that of half the squared Frobenius norm, which shrinks boosts
        and leaves rotations alone: a shrunken W would leave the group.

    Notes
    -----
    Not the J-orthogonal factor of the gradient: on O(n, 1) a tangent vector never has one, see the documentation of
    `hypergeom.polar`.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom.manifolds import LorentzGroup
    >>> from hypergeom.optim import HyperbolicMuon
    >>> group = LorentzGroup(4, 1)
    >>> w, target = group.origin((5, 5)), group.random_point((5, 5), rng=0)
    >>> method = HyperbolicMuon(group, momentum=0.8)
    >>> state = method.init(w)
    >>> for t in range(400):
    ...     w, state = method.step(w, w - target, state, lr=0.1 * (1 - t / 400))
    >>> bool(np.abs(w - target).max() < 0.01)
    True
    """

    group: LorentzGroup
    lr: float = 0.02
    momentum: float = 0.95
    nesterov: bool = True
    coefficients: Coefficients = "polar_express"
    steps: int = 8
    retraction: Literal["cayley", "expm"] = "cayley"
    polish_every: int = 10
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.group, LorentzGroup):
            raise TypeError(f"HyperbolicMuon: group must be a LorentzGroup, got {self.group!r}")
        check_choice("HyperbolicMuon", "retraction", self.retraction, ("cayley", "expm"))
        check_count("HyperbolicMuon", "polish_every", self.polish_every, 0)
        _check_common("HyperbolicMuon", self.lr, self.momentum, self.weight_decay, self.steps)
        object.__setattr__(self, "coefficients", _frozen_coefficients("HyperbolicMuon", self.coefficients, self.steps))
        self._check_reach(self.lr)

    def _check_reach(self, lr: float) -> None:
        largest = _LARGEST_OF_TABLES
        if not isinstance(self.coefficients, str):
            largest = max(polar.ns_range(np.asarray(self.coefficients), 1e-12)[1], 1.0)
        if not largest * lr < 2:
            raise ValueError(
                f"HyperbolicMuon: lr times the spectral norm of a direction, here up to {largest:.4g}, must be below "
                f"2, where the Cayley transform ends; got lr = {lr!r}"
            )

    def init(self, w: Array, /) -> MuonState:
        """The state before the first step.

        Parameters
        ----------
        w : array, shape (..., n, n)
            A point of the group.
        """
        return MuonState(self.group.zero_tangent(w), 0)

    def direction(self, w: Array, egrad: Array, state: MuonState, /) -> tuple[Array, MuonState]:
        """The D of a step, and the state after it.

        Parameters
        ----------
        w, egrad : array, shape (..., n, n)
            The point, and the Euclidean gradient there.
        state : MuonState

        Returns
        -------
        d : array, shape (..., n, n)
            In the algebra, exactly. A step goes along -d.
        state : MuonState
        """
        group = self.group
        gradient = group.egrad2rgrad(w, egrad)
        if self.weight_decay > 0:
            gradient = gradient + self.weight_decay * group.egrad2rgrad(w, w)
        mean = _running_mean(state.momentum, gradient, self.momentum, self.nesterov)
        j = signed(group.j, mean.used)[:, None]
        signs = _orthogonalized(j * mean.used, self.coefficients, self.steps)
        # J times a skew-symmetric matrix, to the bit
        if has_kernels(signs):
            d = group.project_algebra(j * signs)
        else:
            d = (j / 2) * (signs - array_namespace(signs).matrix_transpose(signs))
        return d, MuonState(mean.momentum, state.count + 1)

    def step(self, w: Array, egrad: Array, state: MuonState, /, *, lr: float | None = None) -> tuple[Array, MuonState]:
        """One step; nothing is changed in place.

        Parameters
        ----------
        w, egrad : array, shape (..., n, n)
            The point, and the Euclidean gradient there.
        state : MuonState
        lr : float, optional
            In place of that of the method.

        Returns
        -------
        w : array, shape (..., n, n)
        state : MuonState
        """
        if lr is None:
            lr = self.lr
        else:
            check_lr("HyperbolicMuon.step", lr)
            self._check_reach(lr)
        d, state = self.direction(w, egrad, state)
        w = self.group.retract(w, -lr * d, method=self.retraction)
        if self.polish_every and state.count % self.polish_every == 0:
            w = self._polished(w)
        return w, state

    def _polished(self, w: Array) -> Array:
        try:
            return self.group.polish(w)
        except ConvergenceError:
            return self.group.project(w)
