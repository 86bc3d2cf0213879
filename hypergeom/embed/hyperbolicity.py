"""Gromov's delta: how far a metric is from the metric of a tree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from hypergeom._results import Result
from hypergeom.embed.metrics import distance_matrix

__all__ = ["DeltaHyperbolicity", "delta_hyperbolicity"]

Matrix: TypeAlias = npt.NDArray[np.float64]
Quadruple: TypeAlias = tuple[int, int, int, int]


@dataclass(frozen=True)
class DeltaHyperbolicity(Result):
    """Result of `delta_hyperbolicity`.

    Attributes
    ----------
    delta : float
        Gromov's hyperbolicity constant, in the units of the distances.
    relative : float
        2 delta / diameter, in [0, 1]; 0 where the diameter is 0.
    quadruple : tuple of int
        Four points (i, j, k, l) with this delta, i-j and k-l being the largest of the three sums; empty for
        fewer than four points.
    diameter : float
        The largest distance.
    method : str
        The method that gave `delta`.
    """

    delta: float
    relative: float
    quadruple: tuple[int, ...]
    diameter: float
    method: str


def delta_hyperbolicity(
    D: npt.ArrayLike,
    /,
    *,
    method: Literal["exact", "basepoint", "sample"] = "exact",
    base: int = 0,
    n_samples: int = 100_000,
    rng: int | np.random.Generator | None = None,
) -> DeltaHyperbolicity:
    r"""Gromov's delta: how far a metric is from the metric of a tree (delta = 0).

    .. math:: \delta = \max_{i,j,k,l} \tfrac12 (S_1 - S_2), \quad S_1 \ge S_2 \ge S_3 \text{ the sums }
        d_{ij} + d_{kl},\; d_{ik} + d_{jl},\; d_{il} + d_{jk}.

    Parameters
    ----------
    D : (n, n) array_like
        A metric: symmetric, nonnegative, zero diagonal, triangle inequality.
    method : {"exact", "basepoint", "sample"}
        ``"exact"``: over all quadruples, to rounding. ``"basepoint"``: over the quadruples that hold the
        point `base`, in O(n^3). This is **not** delta: it lies between delta / 2 and delta. ``"sample"``:
        over `n_samples` random quadruples, a lower bound of delta.
    base : int
        The base point; the exact method starts from it.
    n_samples : int
        Number of quadruples to draw.
    rng : int or numpy.random.Generator, optional
        Seed or generator of the sample.

    Returns
    -------
    DeltaHyperbolicity

    Raises
    ------
    ValueError
        `D` is not square, finite, symmetric (to 1e-8 relative), nonnegative and zero on the diagonal; the
        exact method: it violates the triangle inequality (by as much); `method`, `base` or `n_samples` is
        not one of those above.
    TypeError
        `D` does not hold real numbers.

    Notes
    -----
    The exact method visits pairs by decreasing distance and stops when the distance falls to twice the
    delta found, since delta is at most half the smaller distance in the largest sum [1]_. It skips pairs
    that a third point prolongs to a longer geodesic [1]_, and bounds what the nodes of a pair can still
    reach [2]_. Graphs of 500 nodes take about a second, 500 points in general position up to ten.

    References
    ----------
    .. [1] N. Cohen, D. Coudert, A. Lancin, "On computing the Gromov hyperbolicity", ACM J. Exp.
       Algorithmics 20, 2015.
    .. [2] M. Borassi, D. Coudert, P. Crescenzi, A. Marino, "On computing the hyperbolicity of real-world
       graphs", ESA 2015.

    Examples
    --------
    A cycle of four nodes:

    >>> from hypergeom.embed import delta_hyperbolicity
    >>> delta_hyperbolicity([[0, 1, 2, 1], [1, 0, 1, 2], [2, 1, 0, 1], [1, 2, 1, 0]]).delta
    1.0
    """
    D = np.asarray(distance_matrix(np.asarray(D), "D"))
    n = len(D)
    diameter = float(np.max(D, initial=0.0))
    if method not in ("exact", "basepoint", "sample"):
        raise ValueError(f"method must be 'exact', 'basepoint' or 'sample', got {method!r}")
    if method != "sample" and n and not -n <= base < n:
        raise ValueError(f"base must number one of the {n} points, got {base}")
    if method == "sample" and n_samples < 1:
        raise ValueError(f"n_samples must be at least 1, got {n_samples}")
    if n < 4:
        return DeltaHyperbolicity(0.0, 0.0, (), diameter, method)
    if method == "sample":
        delta, quadruple = _delta_of_sample(D, n_samples, np.random.default_rng(rng))
    elif method == "basepoint":
        delta, quadruple = _delta_at(D, base % n)
    else:
        delta, quadruple = _delta_exact(D, base % n)
    relative = 2 * delta / diameter if diameter else 0.0
    return DeltaHyperbolicity(delta, relative, quadruple, diameter, method)


def _delta_of_sample(D: Matrix, n_samples: int, rng: np.random.Generator) -> tuple[float, Quadruple]:
    n, best, quadruple = len(D), -1.0, (0, 0, 0, 0)
    for start in range(0, n_samples, 1 << 16):
        # Four distinct points: draw from ever fewer, and step over those already taken, in increasing order.
        points = rng.integers(n - np.arange(4), size=(min(1 << 16, n_samples - start), 4))
        for column in range(1, 4):
            for taken in np.sort(points[:, :column], axis=1).T:
                points[:, column] += points[:, column] >= taken
        i, j, k, m = points.T
        sums = np.stack([D[i, j] + D[k, m], D[i, k] + D[j, m], D[i, m] + D[j, k]])
        order = np.sort(sums, axis=0)
        delta = (order[2] - order[1]) / 2
        at = int(delta.argmax())
        if delta[at] > best:
            best = float(delta[at])
            mates = np.roll(points[at, 1:], -int(sums[:, at].argmax()))
            quadruple = _quadruple(points[at, 0], *mates)
    return best, quadruple


def _quadruple(i: Any, j: Any, k: Any, m: Any) -> Quadruple:
    return int(i), int(j), int(k), int(m)


def _delta_at(D: Matrix, w: int) -> tuple[float, Quadruple]:
    """The largest delta of a quadruple that holds w: the max-min square of the Gromov products, less them."""
    products = (D[w][:, None] + D[w] - D) / 2
    excess = np.full_like(products, -np.inf)
    smaller = np.empty_like(products)
    for row in products:
        np.minimum(row[:, None], row, out=smaller)
        np.maximum(excess, smaller, out=excess)
    excess -= products
    i, j = np.unravel_index(excess.argmax(), excess.shape)
    k = np.minimum(products[i], products[j]).argmax()
    return float(excess[i, j]), _quadruple(i, j, w, k)


def _delta_exact(D: Matrix, base: int) -> tuple[float, Quadruple]:
    ends_apart = _far_apart(D)
    delta, quadruple = _delta_at(D, base)
    twice = 2 * delta
    if twice <= 16 * np.finfo(D.dtype).eps * D.max():
        return delta, quadruple  # a tree: delta is at most twice this
    first, second = np.nonzero(np.triu(ends_apart, 1))
    length = D[first, second]
    order = np.argsort(-length, kind="stable")
    first, second, length = first[order], second[order], length[order]
    eccentricity = D.max(axis=1)

    block = 256
    for start in range(0, len(first), block):
        x, y, d_xy = (a[start : start + block] for a in (first, second, length))
        if d_xy[0] <= twice:
            break
        # What d_xy + d_vw exceeds the larger other sum by is at most each of: d_xy - |d_xv - d_yv|;
        # d_xy/2 + ecc(v) - (d_xv + d_yv)/2; d_xy + d_vw - half(v) - half(w), half(v) = (d_xv + d_yv)/2.
        to_x, to_y = D[x], D[y]
        half = (to_x + to_y) / 2
        gain = np.minimum(d_xy[:, None] - np.abs(to_x - to_y), d_xy[:, None] / 2 + eccentricity - half)
        half[(gain <= twice) | (eccentricity < d_xy[:, None])] = np.inf
        # v-w is a pair at least as long as x-y, so it comes before; the third bound cuts that list again.
        reach = np.maximum(twice - d_xy + 2 * half.min(axis=1), d_xy)
        n_longer = np.searchsorted(-length, -reach, side="right")
        for b in np.flatnonzero(n_longer):
            if d_xy[b] <= twice:
                break
            v, w, d_vw = (a[: n_longer[b]] for a in (first, second, length))
            open_pairs = np.flatnonzero(d_vw - half[b, v] - half[b, w] > twice - d_xy[b])
            if open_pairs.size == 0:
                continue
            v, w, d_vw = v[open_pairs], w[open_pairs], d_vw[open_pairs]
            excess = d_vw - np.maximum(to_x[b, v] + to_y[b, w], to_x[b, w] + to_y[b, v])
            at = excess.argmax()
            if excess[at] + d_xy[b] > twice:
                twice = float(excess[at] + d_xy[b])
                quadruple = _quadruple(x[b], y[b], v[at], w[at])
    return twice / 2, quadruple


def _far_apart(D: Matrix) -> npt.NDArray[np.bool]:
    """Pairs u, v that no third point prolongs: d_uv + d_vw > d_uw and d_vu + d_uw > d_vw for all others w.

    The maximum of delta is reached on such pairs. Checks the triangle inequality on the way.
    """
    ends = np.empty(D.shape, dtype=np.bool)
    tolerance = 1e-8 * D.max()
    for v, to_v in enumerate(D):
        through_v = to_v[:, None] + to_v
        violated = D - through_v > tolerance
        if violated.any():
            u, w = np.argwhere(violated)[0]
            raise ValueError(
                f"D is not a metric: d({u}, {w}) = {D[u, w]:.9g} exceeds d({u}, {v}) + d({v}, {w}) = "
                f"{through_v[u, w]:.9g}; method='sample' and 'basepoint' do not need the triangle inequality"
            )
        ends[:, v] = ~np.any((through_v <= D) & (to_v > 0), axis=1)
    return ends & ends.T
