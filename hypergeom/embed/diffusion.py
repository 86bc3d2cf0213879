"""Starting points for the training, spread out by diffusion along the hierarchy.

Nodes that share ancestors or descendants should start near each other, also where they hang on different branches of
any spanning tree: an early neighbor is found by the gradient, a far one hardly ever.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from hypergeom.embed.hierarchy import IntArray

__all__ = ["diffusion_start"]


def diffusion_start(
    edges: IntArray, n: int, d: int, rng: np.random.Generator, *, rounds: int = 4
) -> npt.NDArray[np.float64]:
    """Directions from random vectors that spread along the edges, radii by the number of descendants.

    Each round replaces the vector of a node by the sum over itself and its ancestors, over the root of their number,
    and then by the mean over itself and its descendants. That is subspace iteration, stopped early: a few rounds
    leave the large branches apart, and each node near the others that share its relatives. The node with the most
    descendants is put at the origin, the leaves at distance min(2, d / 4) (measured: farther out, branches that start
    on a wrong side cannot pass each other any more, sooner so in low dimension), and the others between them by the
    logarithm of the number of descendants.

    Parameters
    ----------
    edges : (m, 2) int64 array
        Distinct rows (node, ancestor).
    n, d : int
        Number of nodes; dimension.
    rng : numpy.random.Generator
    rounds : int

    Returns
    -------
    (n, d) array
        Points of the unit ball.
    """
    from scipy.sparse import csr_array, eye_array

    up = csr_array((np.ones(len(edges)), (edges[:, 0], edges[:, 1])), shape=(n, n)) + eye_array(n, format="csr")
    down = up.T.tocsr()
    n_up, n_down = up.sum(axis=1)[:, None], down.sum(axis=1)[:, None]
    v = rng.standard_normal((n, d))
    for _ in range(rounds):
        v = down @ (up @ v / np.sqrt(n_up)) / n_down
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    points: npt.NDArray[np.float64] = np.tanh(0.5 * min(2.0, d / 4) * (1 - np.log(n_down) / np.log(n_down.max()))) * v
    return points
