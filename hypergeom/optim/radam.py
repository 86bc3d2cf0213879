"""Adam on manifolds."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import Any

from array_api_compat import array_namespace

from hypergeom._rows import Array
from hypergeom.optim.first_order import Buffers, FirstOrder, LeafStep
from hypergeom.optim.parameters import check_lr, check_range
from hypergeom.optim.spaces import Space
from hypergeom.optim.trees import Tree

__all__ = ["RAdam", "RAdamState"]


@dataclass(frozen=True)
class RAdamState:
    """What a step of `RAdam` hands to the next.

    Attributes
    ----------
    momentum : tree
        The running mean of the gradients, a tangent vector at the point.
    second : tree
        The running mean of their squares: of each entry in flat space, else of the norm, one number for each point.
    max_second : tree or None
        The largest that it has been; None without `amsgrad`.
    count : int
        Steps taken.
    """

    momentum: Tree
    second: Tree
    max_second: Tree
    count: int


@dataclass(frozen=True)
class RAdam(FirstOrder):
    r"""Riemannian Adam [1]_: the running mean of the gradients over the root of that of their squares.

    With the Riemannian gradient g,

    .. math:: m_t = \beta_1 T m_{t-1} + (1 - \beta_1) g, \quad s_t = \beta_2 s_{t-1} + (1 - \beta_2) q, \quad
        x \leftarrow R_x\Bigl(-lr \frac{m_t / (1 - \beta_1^t)}{\sqrt{s_t / (1 - \beta_2^t)} + \epsilon}\Bigr).

    In flat space q holds the squares of the entries of g, and this is Adam. On a curved manifold entries depend on the
    frame, and q is one number for each point, :math:`\langle g, g \rangle_x`. R and T are those of `RSGD`.

    Parameters
    ----------
    manifold : Manifold, or dict of them in the shape of x, optional
        Flat space by default.
    lr : float
        Learning rate, about the length of a step: on a curved manifold of each point, else of each entry.
    betas : tuple of float
        In [0, 1).
    eps : float
        At least 0.
    amsgrad : bool
        Take the largest :math:`s_t` of all steps so far in place of the last [2]_.
    weight_decay : float
        As in `RSGD`.

    Raises
    ------
    ValueError, TypeError
        Parameters out of their range.

    References
    ----------
    .. [1] G. Bécigneul, O.-E. Ganea, "Riemannian adaptive optimization methods", ICLR 2019.
    .. [2] S. J. Reddi, S. Kale, S. Kumar, "On the convergence of Adam and beyond", ICLR 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom import poincare
    >>> from hypergeom.manifolds import PoincareBall
    >>> from hypergeom.optim import RAdam
    >>> target, x = np.array([0.5, 0.6]), np.zeros(2)
    >>> method = RAdam(PoincareBall(), lr=0.02)
    >>> state = method.init(x)
    >>> for t in range(400):
    ...     g, _, _ = poincare.dist_vjp(1.0, x, target)
    ...     x, state = method.step(x, g, state, lr=0.02 * (1 - t / 400))
    >>> x.round(3)
    array([0.5, 0.6])
    """

    manifold: Any = None
    _: KW_ONLY
    lr: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.999)
    eps: float = 1e-8
    amsgrad: bool = False
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        check_lr("RAdam", self.lr)
        if not isinstance(self.betas, (tuple, list)) or len(self.betas) != 2:
            raise ValueError(f"RAdam: betas must be two numbers, got {self.betas!r}")
        for k, beta in enumerate(self.betas):
            check_range("RAdam", f"betas[{k}]", beta, below=1)
        object.__setattr__(self, "betas", tuple(map(float, self.betas)))
        check_range("RAdam", "eps", self.eps)
        check_range("RAdam", "weight_decay", self.weight_decay)

    def fresh(self, space: Space, x: Array) -> Buffers:
        """Zeros."""
        if self.weight_decay:
            space.decay(x)  # raises where it means nothing
        xp = array_namespace(x)
        momentum = xp.zeros_like(x)
        second = momentum if space.flat else xp.zeros_like(_first(space, x))
        return momentum, second, second if self.amsgrad else None

    def advance(self, space: Space, x: Array, g: Array, buffers: Buffers, count: int, lr: float) -> LeafStep:
        """A step of one leaf, the one after `count` others, with the Riemannian gradient g."""
        xp = array_namespace(x)
        momentum, second, largest = buffers
        beta, gamma = self.betas
        if self.weight_decay:
            g = g + self.weight_decay * space.decay(x)
        if space.flat:
            square = g * g if space.weight == 1 else space.weight * (g * g)
        else:
            square = xp.asarray(space.inner(x, g, g))
        m = beta * momentum + (1 - beta) * g
        second = gamma * second + (1 - gamma) * square
        if self.amsgrad:
            largest = xp.maximum(largest, second)
        used = largest if self.amsgrad else second
        size = xp.sqrt(used) / (1 - gamma ** (count + 1)) ** 0.5 + self.eps
        if not space.flat:
            size = size[(..., *(None,) * space.manifold.point_ndim)]
        v = (-lr / (1 - beta ** (count + 1))) * (m / size)
        y, m = space.step_with(x, v, m)
        return LeafStep(y, (m, second, largest), v)

    def joined(self, buffers: tuple[Tree, ...], count: int) -> RAdamState:
        """The state with these buffers."""
        momentum, second, max_second = buffers
        return RAdamState(momentum, second, max_second, count)

    def split(self, state: RAdamState) -> tuple[Tree, ...]:
        """Its buffers."""
        return state.momentum, state.second, state.max_second


def _first(space: Space, x: Array) -> Array:
    """An array with one number for each point."""
    return x[(..., *(0,) * space.manifold.point_ndim)]
