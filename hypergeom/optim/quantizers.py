"""Rounding of messages to a lattice, without bias and the same on every machine."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import array_api_compat
import numpy as np

from hypergeom._rows import Array

__all__ = ["UniformQuantizer"]

_ROUNDS = 10
_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_INCREMENTS = (0x9E3779B9, 0xBB67AE85)
_LOW, _HIGH = np.uint64(0xFFFFFFFF), np.uint64(32)


def _philox(seed: int, stream: int, blocks: int) -> np.ndarray[Any, Any]:
    """Words (blocks, 4) of Philox4x32-10 (Salmon et al., SC 2011) at counters (block, stream), under the key seed."""
    block, none = np.arange(blocks, dtype=np.uint64), np.zeros(blocks, dtype=np.uint64)
    c = [block & _LOW, block >> _HIGH, none + np.uint64(stream & 0xFFFFFFFF), none + np.uint64(stream >> 32)]
    k0, k1 = seed & 0xFFFFFFFF, seed >> 32
    for _ in range(_ROUNDS):
        p0, p1 = _MULTIPLIERS[0] * c[0], _MULTIPLIERS[1] * c[2]
        c = [(p1 >> _HIGH) ^ c[1] ^ np.uint64(k0), p1 & _LOW, (p0 >> _HIGH) ^ c[3] ^ np.uint64(k1), p0 & _LOW]
        k0, k1 = (k0 + _INCREMENTS[0]) & 0xFFFFFFFF, (k1 + _INCREMENTS[1]) & 0xFFFFFFFF
    return np.stack(c, axis=1)


@dataclass(frozen=True)
class UniformQuantizer:
    r"""Multiples of delta in place of the entries of an array.

    Stochastic rounding takes the upper of the two neighbouring multiples with a probability that makes the result
    right in the mean: v is rounded away from 0 with probability :math:`f = |v/\delta - \mathrm{trunc}(v/\delta)|`. The
    random numbers of entry i are word i of the counter-based generator Philox4x32-10 with the key `seed` and the
    stream :math:`2^{32} \mathrm{agent} + \mathrm{iteration}`: they depend on nothing else, on any machine.

    Parameters
    ----------
    delta : float
        Distance of the multiples; 0 leaves arrays as they are.
    rounding : {"stochastic", "nearest"}
        ``"nearest"`` needs no random numbers, and is biased.

    Raises
    ------
    ValueError
        delta is negative or not finite, or the rounding is unknown.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom.optim import UniformQuantizer
    >>> v = np.full(10_000, 0.3)
    >>> q = UniformQuantizer(0.25)(v, seed=1)
    >>> np.unique(q), bool(abs(q.mean() - 0.3) < 0.01)
    (array([0.25, 0.5 ]), True)
    """

    delta: float
    rounding: Literal["stochastic", "nearest"] = "stochastic"

    def __post_init__(self) -> None:
        if not 0 <= self.delta < math.inf:
            raise ValueError(f"UniformQuantizer: delta must be at least 0 and finite, got {self.delta!r}")
        if self.rounding not in ("stochastic", "nearest"):
            raise ValueError(f"UniformQuantizer: rounding must be 'stochastic' or 'nearest', got {self.rounding!r}")

    def __call__(self, v: Array, /, *, seed: int = 0, agent: int = 0, iteration: int = 0) -> Array:
        """The rounded array.

        Parameters
        ----------
        v : array
        seed : int
            Below 2^64.
        agent, iteration : int
            Below 2^32.

        Returns
        -------
        array
            Like v.
        """
        for name, value, bits in (("seed", seed, 64), ("agent", agent, 32), ("iteration", iteration, 32)):
            if not 0 <= value < 2**bits:
                raise ValueError(f"UniformQuantizer: {name} must be at least 0 and below 2^{bits}, got {value!r}")
        v = v if array_api_compat.is_array_api_obj(v) else np.asarray(v)
        xp = array_api_compat.array_namespace(v)
        if not xp.isdtype(v.dtype, "real floating"):
            raise TypeError(f"UniformQuantizer: v needs floating-point numbers, got {v.dtype}")
        if self.delta == 0:
            return v
        z = v / self.delta
        if self.rounding == "nearest":
            return xp.round(z) * self.delta
        whole = xp.trunc(z)
        words = _philox(int(seed), int(agent) << 32 | int(iteration), -(-math.prod(v.shape) // 4))
        uniform = words.reshape(-1)[: math.prod(v.shape)].reshape(v.shape) * 2.0**-32
        # A word of 32 bits is a multiple of 2^-32 in [0, 1), and float32 cannot hold them all.
        below = xp.asarray(uniform, device=array_api_compat.device(v)) < xp.astype(xp.abs(z - whole), xp.float64)
        return (whole + xp.sign(z) * xp.astype(below, v.dtype)) * self.delta
