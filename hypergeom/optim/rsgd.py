"""Stochastic gradient descent on manifolds."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

from array_api_compat import array_namespace

from hypergeom._rows import Array
from hypergeom.optim.first_order import Buffers, FirstOrder, LeafStep
from hypergeom.optim.parameters import check_lr, check_range
from hypergeom.optim.spaces import Space
from hypergeom.optim.trees import Tree

__all__ = ["RSGD", "RSGDState"]


@dataclass(frozen=True)
class RSGDState:
    """What a step of `RSGD` hands to the next.

    Attributes
    ----------
    momentum : tree or None
        A tangent vector at the point; None without momentum.
    count : int
        Steps taken.
    """

    momentum: Tree
    count: int


@dataclass(frozen=True)
class RSGD(FirstOrder):
    r"""Riemannian stochastic gradient descent [1]_, with momentum.

    With the Riemannian gradient g, the momentum of the first step is :math:`b_1 = g`, and after that
    :math:`b_t = \mu\, T b_{t-1} + (1 - \tau) g`, :math:`\mu` being the momentum and :math:`\tau` the dampening. A step
    is :math:`x \leftarrow R_x(-lr\, d)`, :math:`d = b_t`, or :math:`d = g + \mu b_t` in Nesterov's form. R and T are
    exp and parallel transport where they have a closed form; on the Stiefel manifold its retraction and the
    projection onto the tangent space, on a `LorentzGroup` the Cayley transform and left translation. In flat space
    this is the SGD of PyTorch.

    Parameters
    ----------
    manifold : Manifold, or dict of them in the shape of x, optional
        Flat space by default.
    lr : float
        Learning rate, the length of a step over that of d.
    momentum : float
        In [0, 1).
    dampening : float
        In [0, 1).
    nesterov : bool
        Needs momentum, and no dampening.
    weight_decay : float
        Times x in flat space, and times the gradient of half the squared distance from the origin in hyperbolic
        space, this is added to g. Elsewhere it must be 0.

    Raises
    ------
    ValueError, TypeError
        Parameters out of their range.

    References
    ----------
    .. [1] S. Bonnabel, "Stochastic gradient descent on Riemannian manifolds", IEEE Trans. Automat. Control 58, 2013.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom.manifolds import Sphere
    >>> from hypergeom.optim import RSGD
    >>> A = np.diag([1.0, 2.0, 3.0])
    >>> method, x = RSGD(Sphere(), lr=0.1, momentum=0.5), np.array([0.6, 0.8, 0.0])
    >>> state = method.init(x)
    >>> for _ in range(200):
    ...     x, state = method.step(x, 2 * A @ x, state)
    >>> abs(x).round(6)
    array([1., 0., 0.])
    """

    manifold: Any = None
    _: KW_ONLY
    lr: float = 0.01
    momentum: float = 0.0
    dampening: float = 0.0
    nesterov: bool = False
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        check_lr("RSGD", self.lr)
        for what in ("momentum", "dampening"):
            check_range("RSGD", what, getattr(self, what), below=1)
        check_range("RSGD", "weight_decay", self.weight_decay)
        if self.nesterov and (self.momentum == 0 or self.dampening != 0):
            raise ValueError(
                f"RSGD: nesterov needs momentum above 0 and dampening 0, got {self.momentum!r} and {self.dampening!r}"
            )

    def fresh(self, space: Space, x: Array) -> Buffers:
        """Zeros, or nothing without momentum."""
        if self.weight_decay:
            space.decay(x)  # raises where it means nothing
        return (array_namespace(x).zeros_like(x) if self.momentum else None,)

    def advance(self, space: Space, x: Array, g: Array, buffers: Buffers, count: int, lr: float) -> LeafStep:
        """A step of one leaf, the one after `count` others, with the Riemannian gradient g."""
        if self.weight_decay:
            g = g + self.weight_decay * space.decay(x)
        if not self.momentum:
            v = -lr * g
            return LeafStep(space.step(x, v), buffers, v)
        b = g if count == 0 else self.momentum * buffers[0] + (1 - self.dampening) * g
        v = -lr * (g + self.momentum * b if self.nesterov else b)
        y, b = space.step_with(x, v, b)
        return LeafStep(y, (b,), v)

    def joined(self, buffers: tuple[Tree, ...], count: int) -> RSGDState:
        """The state with this momentum."""
        (momentum,) = buffers
        return RSGDState(momentum, count)

    def split(self, state: RSGDState) -> tuple[Tree, ...]:
        """The momentum."""
        return (state.momentum,)
