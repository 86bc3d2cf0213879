"""Functions on metrics (matrices of distances): distortion, hyperbolic scaling; the score of hierarchies."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from array_api_compat import array_namespace, is_array_api_obj

from hypergeom import lorentz, poincare
from hypergeom._results import Result
from hypergeom.errors import UnreachableAccuracyError

__all__ = [
    "HMDS",
    "Distortion",
    "distance_matrix",
    "distortion",
    "hierarchy_score",
    "hmds",
    "model_and_curvature",
    "spearman",
]

Array: TypeAlias = Any  # an array of any namespace of the array-API standard

_MODELS = ("poincare", "lorentz", "euclidean")


def model_and_curvature(manifold: object, /) -> tuple[str, float]:
    """The name of a model, and the c of its curvature -c, from a name or an object of `hypergeom.manifolds`.

    Examples
    --------
    >>> model_and_curvature("lorentz")
    ('lorentz', 1.0)
    """
    if isinstance(manifold, str):
        if manifold in _MODELS:
            return manifold, 1.0
        raise ValueError(f"manifold must be one of {', '.join(_MODELS)}, got {manifold!r}")
    from hypergeom import manifolds

    if isinstance(manifold, manifolds.PoincareBall):
        if manifold.c == 0:
            raise ValueError(f"manifold must have c > 0, got {manifold!r}, which is flat")
        return "poincare", manifold.c
    if isinstance(manifold, manifolds.Lorentz):
        return "lorentz", manifold.c
    if isinstance(manifold, manifolds.Euclidean):
        return "euclidean", 0.0
    raise TypeError(f"manifold must be a name ({', '.join(_MODELS)}) or such a manifold, got {manifold!r}")


def distance_matrix(D: Array, name: str, /) -> Array:
    """D as float64, after a check that it is a matrix of distances (the triangle inequality apart).

    Raises
    ------
    ValueError
        It is not square, finite, nonnegative, zero on the diagonal and symmetric (to 1e-8 relative).
    TypeError
        It does not hold real numbers.
    """
    if not is_array_api_obj(D):
        D = np.asarray(D)
    xp = array_namespace(D)
    if not xp.isdtype(D.dtype, ("integral", "real floating")):
        raise TypeError(f"{name} must hold real numbers, got an array of {D.dtype}")
    if D.ndim != 2 or D.shape[0] != D.shape[1]:
        raise ValueError(f"{name} must be a square matrix of distances, got shape {tuple(D.shape)}")
    D = xp.astype(D, xp.float64)
    if D.shape[0] == 0:
        return D
    if not bool(xp.all(xp.isfinite(D))):
        raise ValueError(f"{name} must be finite, got NaN or inf (points without a path between them?)")
    if bool(xp.any(D < 0)):
        raise ValueError(f"{name} must be nonnegative, got {float(xp.min(D)):.6g}")
    if bool(xp.any(xp.linalg.diagonal(D) != 0)):
        raise ValueError(f"{name} must be zero on the diagonal")
    asymmetry = float(xp.max(xp.abs(D - D.T)))
    if asymmetry > 1e-8 * float(xp.max(D)):
        raise ValueError(f"{name} must be symmetric, but {name} and its transpose differ by {asymmetry:.6g}")
    return D


# --- distortion -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Distortion(Result):
    """Result of `distortion`.

    Attributes
    ----------
    worst : float
        expansion * contraction, at least 1; it does not change when E is scaled.
    average : float
        Mean of abs(E - D) / D.
    expansion : float
        Largest E / D.
    contraction : float
        Largest D / E, inf where distinct points coincide in E.
    """

    worst: float
    average: float
    expansion: float
    contraction: float


def distortion(D: Array, E: Array, /) -> Distortion:
    """How well the distances E of an embedding keep the distances D.

    Parameters
    ----------
    D : (n, n) array
        The metric to keep. Pairs with D = 0 do not count.
    E : (n, n) array
        The distances of the embedded points.

    Returns
    -------
    Distortion
        Over the pairs i < j with D > 0.

    Raises
    ------
    ValueError
        `D` or `E` is not square, finite, symmetric (to 1e-8 relative), nonnegative and zero on the
        diagonal; their shapes differ; no pair has D > 0.
    TypeError
        `D` or `E` does not hold real numbers.

    Examples
    --------
    >>> from hypergeom.embed import distortion
    >>> distortion([[0, 1, 2], [1, 0, 1], [2, 1, 0]], [[0, 1, 1], [1, 0, 1], [1, 1, 0]])
    Distortion(worst=2.0, average=0.16666666666666666, expansion=1.0, contraction=2.0)
    """
    D, E = distance_matrix(D, "D"), distance_matrix(E, "E")
    if D.shape != E.shape:
        raise ValueError(f"D and E must have the same shape, got {D.shape} and {E.shape}")
    xp = array_namespace(D, E)
    counts = D > 0  # each pair twice, which changes neither a maximum nor a mean
    wanted, got = D[counts], E[counts]
    if wanted.shape[0] == 0:
        raise ValueError("D has no pair at a distance above 0")
    expansion = float(xp.max(got / wanted))
    least = float(xp.min(got / wanted))
    contraction = 1 / least if least > 0 else math.inf
    average = float(xp.mean(xp.abs(got - wanted) / wanted))
    return Distortion(expansion * contraction, average, expansion, contraction)


# --- hyperbolic multidimensional scaling ------------------------------------------------------------------


@dataclass(frozen=True)
class HMDS(Result):
    """Result of `hmds`.

    Attributes
    ----------
    points : (n, d + 1) or (n, d) array
        Points of the hyperboloid, or of the ball.
    eigenvalues : (n,) array
        All eigenvalues of cosh(sqrt(c) D), increasing. Distances of points in d dimensions have d negative
        ones and one positive; what more there is measures how far D is from that.
    residual : float
        Largest abs(dist - D) of the points.
    """

    points: Array
    eigenvalues: Array
    residual: float


def hmds(
    D: Array,
    d: int,
    /,
    c: float = 1.0,
    *,
    model: Literal["lorentz", "poincare"] = "lorentz",
    refine: int = 0,
) -> HMDS:
    r"""Points of hyperbolic space from their distances (hyperbolic multidimensional scaling).

    The matrix :math:`\cosh(\sqrt c D)` of n points is :math:`-c \langle x_i, x_j \rangle`. Its eigenvectors
    :math:`v` with negative eigenvalues :math:`\lambda` are the spatial coordinates :math:`v \sqrt{-\lambda
    / c}`; the time coordinate follows from them.

    Parameters
    ----------
    D : (n, n) array
        Distances.
    d : int
        Dimension of the space, at least 1.
    c : float
        The curvature is -c.
    model : {"lorentz", "poincare"}
        The model of the points.
    refine : int
        Gauss-Newton steps on the stress :math:`\sum_{i<j} (d(x_i, x_j) - D_{ij})^2`, for distances that no
        points have exactly. Each takes O((n d)^3) time and O((n d)^2) memory. A step that would raise the
        stress is damped (Levenberg); where damping does not help, the steps end.

    Returns
    -------
    HMDS
        Exact data are met up to an isometry, with a residual of a few ``eps l_1 / sqrt(c l_d)``, where l_1 is the
        largest and l_d the d-th negative eigenvalue without its sign: about 1e-11 where the diameter times
        sqrt(c) is at most 12 and all dimensions are used far out. Where one of them is used by a few near
        points only, its eigenvalue is close to the rounding errors of the largest; one step of `refine` then
        restores what distances hold. With fewer than d negative eigenvalues, beyond rounding, the missing
        coordinates are 0.

    Raises
    ------
    ValueError
        `D` is not square, finite, symmetric (to 1e-8 relative), nonnegative and zero on the diagonal, or it
        is empty; `d`, `c`, `model` or `refine` is not one of those above.
    UnreachableAccuracyError
        sqrt(c) times the largest distance exceeds 36: its cosh swallows all other distances in float64.
    TypeError
        `D` does not hold real numbers.

    References
    ----------
    .. [1] F. Sala, C. De Sa, A. Gu, C. Ré, "Representation tradeoffs for hyperbolic embeddings", ICML 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom.embed import hmds
    >>> result = hmds([[0, 1, 2], [1, 0, 1], [2, 1, 0]], 2)
    >>> result.points.shape, result.residual < 1e-12
    ((3, 3), True)
    """
    if d < 1:
        raise ValueError(f"d must be at least 1, got {d}")
    if not 0 < c < math.inf:
        raise ValueError(f"c must be positive and finite, got {c}")
    if model not in ("lorentz", "poincare"):
        raise ValueError(f"model must be 'lorentz' or 'poincare', got {model!r}")
    if refine < 0:
        raise ValueError(f"refine must be at least 0, got {refine}")
    dtype = getattr(D, "dtype", None)
    D = distance_matrix(D, "D")
    xp = array_namespace(D)
    if D.shape[0] == 0:
        raise ValueError("D must hold at least one point, got none")
    diameter = math.sqrt(c) * float(xp.max(D))
    if diameter > 36:
        raise UnreachableAccuracyError(
            f"sqrt(c) times the largest distance must be at most 36, got {diameter:.6g}: beyond, cosh of it "
            "swallows all other distances in float64; scale D or take a smaller c"
        )
    eigenvalues, vectors = xp.linalg.eigh(xp.cosh(math.sqrt(c) * D))
    used = min(d, D.shape[0])
    # The squares of the spatial coordinates along the vectors. What rounding alone may have made negative is 0.
    lowest, noise = eigenvalues[:used], (8 + diameter) * math.ulp(1.0) * float(eigenvalues[-1])
    if diameter < 1:
        lowest, vectors = xp.linalg.eigh(-_gram(math.sqrt(c) * D))
        lowest, noise = lowest[:used], 8 * math.ulp(1.0) * float(xp.max(xp.abs(lowest)))
    weights = xp.where(lowest < -noise, -lowest, 0.0)
    spatial = xp.zeros((D.shape[0], d + 1), dtype=D.dtype, device=D.device)
    spatial[:, 1 : used + 1] = vectors[:, :used] * xp.sqrt(weights / c)
    points = lorentz.project(spatial, c)
    for _ in range(refine):
        points, improved = _gauss_newton(points, D, c)
        if not improved:
            break
    if model == "poincare":
        points = lorentz.to_poincare(points, c)
    dist = lorentz.dist if model == "lorentz" else poincare.dist
    residual = float(xp.max(xp.abs(dist(points[:, None, :], points[None, :, :], c) - D)))
    if dtype is not None and xp.isdtype(dtype, "real floating"):
        points, eigenvalues = xp.astype(points, dtype), xp.astype(eigenvalues, dtype)
    return HMDS(points, eigenvalues, residual)


def _gram(D: Array) -> Array:
    """Products of the spatial parts when a point in the middle is the apex; close points keep their digits, which
    cosh would round away."""
    xp = array_namespace(D)
    less_one = 2 * xp.sinh(D / 2) ** 2  # of cosh
    middle = less_one[int(xp.argmin(xp.max(D, axis=1))), :]
    return middle[:, None] + middle[None, :] - less_one + middle[:, None] * middle[None, :]


def _gauss_newton(x: Array, D: Array, c: float) -> tuple[Array, bool]:
    """One Gauss-Newton step on the stress of Lorentz points x, damped until the stress falls."""
    xp = array_namespace(x, D)
    n, d = x.shape[0], x.shape[1] - 1
    time, space = math.sqrt(c) * x[:, :1], x[:, 1:]
    misfit, unit = _directions(x, D, c)
    # Unit tangents in an orthonormal frame at their foot: in the spatial part, radial components over time.
    shrink = c / (time * (1 + time)) * space
    unit = unit - xp.matmul(unit, space[:, :, None]) * shrink[:, None, :]
    # d dist_ij = -u_ij . step_i - u_ji . step_j: blocks sum_j u_ij u_ij^T and, off the diagonal, u_ij u_ji^T.
    transposed = xp.permute_dims(unit, (1, 0, 2))
    blocks = unit[:, :, :, None] * transposed[:, :, None, :]
    own = xp.matmul(xp.permute_dims(unit, (0, 2, 1)), unit)
    blocks = blocks + xp.eye(n, dtype=x.dtype, device=x.device)[:, :, None, None] * own[:, None, :, :]
    normal = xp.reshape(xp.permute_dims(blocks, (0, 2, 1, 3)), (n * d, n * d))
    right = xp.reshape(xp.sum(misfit[:, :, None] * unit, axis=1), (n * d, 1))
    stress = float(xp.sum(misfit**2))
    # Isometries leave the stress as it is: a small ridge settles them. A large one shortens the step.
    for ridge in (1e-12, 1e-3, 1e-2, 1e-1, 1.0, 10.0):
        damped = normal + ridge * n * xp.eye(n * d, dtype=x.dtype, device=x.device)
        step = xp.reshape(xp.linalg.solve(damped, right), (n, d))
        # Back from the frames to the chart.
        step = step + c / (1 + time) * xp.sum(step * space, axis=1, keepdims=True) * space
        step = xp.concat([xp.sum(step * space, axis=1, keepdims=True) / x[:, :1], step], axis=1)
        moved = lorentz.exp(x, step, c)
        misfit = lorentz.dist(moved[:, None, :], moved[None, :, :], c) - D
        if float(xp.sum(misfit**2)) < stress:
            return moved, True
    return x, False


def _directions(x: Array, D: Array, c: float) -> tuple[Array, Array]:
    """dist - D, and the spatial parts of the unit tangents at x_i towards x_j (0 where they coincide)."""
    xp = array_namespace(x, D)
    dist = lorentz.dist(x[:, None, :], x[None, :, :], c)
    tangents = lorentz.log(x[:, None, :], x[None, :, :], c)[..., 1:]
    return dist - D, tangents / xp.where(dist > 0, dist, 1.0)[..., None]


# --- the score of a hierarchy -----------------------------------------------------------------------------


def hierarchy_score(x_u: Array, x_v: Array, /, *, manifold: object, alpha: float = 1000.0) -> Array:
    r"""Score of "u is a v": high where v is near u and more general, that is nearer to the origin.

    .. math:: \mathrm{score}(u, v) = -(1 + \alpha (|v| - |u|))\, d(u, v)

    Parameters
    ----------
    x_u, x_v : (..., d) or, in Lorentz, (..., d + 1) arrays
        Points; leading axes broadcast.
    manifold : str or manifold
        ``"poincare"``, ``"lorentz"``, ``"euclidean"``, or such an object of `hypergeom.manifolds`. The norm
        is that of the unit ball's coordinates in both hyperbolic models, tanh(sqrt(c) d(0, x) / 2), so they
        agree; in Euclidean space it is the vector's own.
    alpha : float
        The weight of the difference of norms.

    Returns
    -------
    (...) array
        NaN for points off the manifold.

    Notes
    -----
    The difference of norms is sinh(b - a) / (cosh a cosh b), with a and b half the distances to the origin:
    far out, where both norms round to 1, it keeps its digits.

    References
    ----------
    .. [1] M. Nickel, D. Kiela, "Poincaré embeddings for learning hierarchical representations", NeurIPS 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom.embed import hierarchy_score
    >>> dog, mammal = np.array([0.0, 0.9]), np.array([0.0, 0.1])
    >>> hierarchy_score(dog, mammal, manifold="poincare").round(1)
    np.float64(2192.3)
    >>> hierarchy_score(mammal, dog, manifold="poincare").round(1)
    np.float64(-2197.8)
    """
    model, c = model_and_curvature(manifold)
    x_u, x_v = (x if is_array_api_obj(x) else np.asarray(x) for x in (x_u, x_v))
    xp = array_namespace(x_u, x_v)
    if model == "euclidean":
        distance = xp.linalg.vector_norm(x_u - x_v, axis=-1)
        farther = xp.linalg.vector_norm(x_v, axis=-1) - xp.linalg.vector_norm(x_u, axis=-1)
        return -(1 + alpha * farther) * distance
    if model == "poincare":
        distance = poincare.dist(x_u, x_v, c)
        a, b = (math.sqrt(c) / 2 * poincare.dist0(x, c) for x in (x_u, x_v))
    else:
        apex = lorentz.project(xp.zeros_like(x_u), c)
        distance = lorentz.dist(x_u, x_v, c)
        a, b = (math.sqrt(c) / 2 * lorentz.dist(apex, x, c) for x in (x_u, x_v))
    farther = xp.sinh(b - a) / (xp.cosh(a) * xp.cosh(b))
    return -(1 + alpha * farther) * distance


def spearman(x: npt.ArrayLike, pairs: npt.ArrayLike, scores: npt.ArrayLike, *, manifold: object) -> float:
    """Rank correlation of gold scores of "u is a v", as in HyperLex, with those of an embedding.

    Parameters
    ----------
    x : (n, d) or, in Lorentz, (n, d + 1) array_like
        Embedded points.
    pairs : (m, 2) array_like of int
        Rows (u, v) that number the points.
    scores : (m,) array_like
        The gold score of each pair, high where u is a v.
    manifold : str or manifold
        As in `hierarchy_score`.

    Returns
    -------
    float
        Spearman's rho, in [-1, 1].

    Raises
    ------
    ValueError
        Shapes do not match; a pair numbers no point; there are fewer than two pairs; a score, or the
        hierarchy score of a pair, is NaN; all are equal.
    TypeError
        `pairs` does not hold integers, or x or `scores` no real numbers.

    Examples
    --------
    >>> from hypergeom.embed import spearman
    >>> x = [[0.0, 0.0], [0.5, 0.0], [0.9, 0.0], [0.0, 0.9]]
    >>> round(spearman(x, [[1, 0], [2, 1], [0, 3], [2, 3]], [6.0, 5.0, 0.5, 1.0], manifold="poincare"), 6)
    0.8
    """
    from scipy import stats

    x, pairs, scores = np.asarray(x), np.asarray(pairs), np.asarray(scores)
    for name, a in (("x", x), ("scores", scores)):
        if a.dtype.kind not in "iuf":
            raise TypeError(f"{name} must hold real numbers, got an array of {a.dtype}")
    x, scores = x.astype(float), scores.astype(float)
    if x.ndim != 2:
        raise ValueError(f"x must have shape (n, d), got {x.shape}")
    if pairs.ndim != 2 or pairs.shape[1] != 2 or len(pairs) < 2:
        raise ValueError(f"pairs must have shape (m, 2) with m at least 2, got {pairs.shape}")
    if pairs.dtype.kind not in "iu":
        raise TypeError(f"pairs must hold integers, got an array of {pairs.dtype}")
    if scores.shape != pairs.shape[:1]:
        raise ValueError(f"scores must have shape ({len(pairs)},), one for each pair, got {scores.shape}")
    if pairs.min() < 0 or pairs.max() >= len(x):
        raise ValueError(f"pairs must number the {len(x)} points from 0, got {pairs.min()} to {pairs.max()}")
    predicted = hierarchy_score(x[pairs[:, 0]], x[pairs[:, 1]], manifold=manifold)
    for name, values in (("scores", scores), ("the hierarchy scores of x", predicted)):
        if np.isnan(values).any():
            raise ValueError(f"{name}: NaN for pair {np.flatnonzero(np.isnan(values))[0]}")
        if np.ptp(values) == 0:
            raise ValueError(f"{name}: all are {values[0]}, so there is no rank correlation")
    return float(stats.spearmanr(scores, predicted).statistic)
