"""Coefficients of Newton-Schulz iterations: the published tables, the optimal ones, and the range of each."""

from __future__ import annotations

import math
import numbers
from typing import Any

import numpy as np

from hypergeom.polar.arguments import check_choice, count

__all__ = ["ns_coefficients", "ns_range", "table"]

Table = np.ndarray[Any, np.dtype[np.float64]]

_JORDAN = [(3.4445, -4.7750, 2.0315)]
_YOU5 = [
    (4.0848, -6.8946, 2.9270),
    (3.9505, -6.3029, 2.6377),
    (3.7418, -5.5913, 2.3037),
    (2.8769, -3.1427, 1.2046),
    (2.8366, -3.0525, 1.2012),
]
_YOU6 = [
    (3955 / 1024, -8306 / 1024, 5008 / 1024),
    (3735 / 1024, -6681 / 1024, 3463 / 1024),
    (3799 / 1024, -6499 / 1024, 3211 / 1024),
    (4019 / 1024, -6385 / 1024, 2906 / 1024),
    (2677 / 1024, -3029 / 1024, 1162 / 1024),
    (2172 / 1024, -1833 / 1024, 682 / 1024),
]
_POLAR_EXPRESS = [
    (8.28721201814563, -23.595886519098837, 17.300387312530933),
    (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
    (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
    (3.3184196573706015, -2.488488024314874, 0.51004894012372),
    (2.300652019954817, -1.6689039845747493, 0.4188073119525673),
    (1.891301407787398, -1.2679958271945868, 0.37680408948524835),
    (1.8750014808534479, -1.2500016453999487, 0.3750001645474248),
    (1.875, -1.25, 0.375),
]
_SCHULZ, _TAYLOR = [(1.5, -0.5, 0.0)], [(15 / 8, -10 / 8, 3 / 8)]
_TABLES = {
    "jordan": (_JORDAN, 5),
    "you5": (_YOU5, 5),
    "you6": (_YOU6, 6),
    "schulz": (_SCHULZ, 5),
    "taylor": (_TAYLOR, 5),
}
_NAMES = ("jordan", "you5", "you6", "polar_express", "schulz", "taylor", "optimal")
_MOST_STEPS = 400
_LEAST_RATIO = 1e-12
_SLACK = 64 * float(np.finfo(float).eps)  # of the rounding of one step


def ns_coefficients(
    name: str = "polar_express",
    /,
    *,
    steps: int | None = None,
    lower: float | None = None,
    upper: float = 1.0,
    degree: int = 5,
    cushion: float = 0.0,
    safety: float = 1.0,
) -> Table:
    r"""Coefficients of a Newton-Schulz iteration: rows (a, b, c) of :math:`p(x) = a x + b x^3 + c x^5`, in their order.

    ``"optimal"`` composes, step by step, the odd polynomial nearest to 1 in the maximum norm on the interval that the
    step before left, which is optimal for the composition too [1]_. Degree 5 equioscillates at four points, found by
    Remez' exchange; degree 3 has a closed form.

    Parameters
    ----------
    name : {"jordan", "you5", "you6", "polar_express", "schulz", "taylor", "optimal"}
        ``"jordan"`` [2]_ repeats one row that is steep at 0 and does not converge; ``"you5"`` and ``"you6"`` vary it;
        ``"polar_express"`` is optimal on [1e-3, 1] with a cushion, and divided by a safety of 1.01 but in the last row
        [1]_; ``"schulz"`` and ``"taylor"`` are of order 2 and 3, for matrices near an orthogonal one.
    steps : int, optional
        Number of rows; by default as published, 5 for rows that repeat, and for ``"optimal"`` as many as it takes until
        the error is at most 4 eps in float64. Beyond the end of a table its last row repeats.
    lower, upper : float, ``"optimal"`` only
        The interval of the singular values, ``lower / upper >= 1e-12``. `lower` must be given.
    degree : {3, 5}, ``"optimal"`` only
    cushion : float, ``"optimal"`` only
        Each step is optimal on [max(lower, cushion upper), upper], and scaled so that its values on [lower, upper] are
        centred at 1: larger values of small arguments, for a smaller error in between.
    safety : float, ``"optimal"`` only
        All rows but the last become ``(a / safety, b / safety^3, c / safety^5)``, so that rounding which takes a value
        beyond `upper` is harmless.

    Returns
    -------
    array of float64, shape (steps, 3)

    Raises
    ------
    ValueError
        The name is unknown, ``"optimal"`` has no lower or one not in (0, upper), an option does not fit.

    References
    ----------
    .. [1] N. Amsel, D. Persson, C. Musco, R. M. Gower, "The Polar Express: optimal matrix sign methods and their
       application to the Muon algorithm", 2025.
    .. [2] K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024.

    Examples
    --------
    >>> from hypergeom.polar import ns_coefficients, ns_range
    >>> ns_coefficients("optimal", lower=0.01, steps=2).round(4)
    array([[  8.0934, -23.6204,  17.4462],
           [  3.6366,  -2.7219,   0.5365]])
    >>> least, most = ns_range(ns_coefficients("optimal", lower=0.01, steps=6), 0.01)
    >>> most - least < 1e-7
    True
    """
    check_choice("ns_coefficients", "name", name, _NAMES)
    if steps is not None:
        count("ns_coefficients", "steps", steps)
    if name == "optimal":
        return _optimal(steps, lower, upper, degree, cushion, safety)
    if lower is not None or upper != 1.0 or degree != 5 or cushion != 0.0 or safety != 1.0:
        raise ValueError(
            f"ns_coefficients: lower, upper, degree, cushion and safety are options of 'optimal', not {name!r}"
        )
    if name == "polar_express":
        rows = np.asarray(_POLAR_EXPRESS)
        rows[:-1] = _divided(rows[:-1], 1.01)
        return _of_length(rows, 8 if steps is None else steps)
    listed, default = _TABLES[name]
    return _of_length(np.asarray(listed), default if steps is None else steps)


def table(where: str, coefficients: Any, steps: int | None) -> Table:
    """The rows of a name or of an array."""
    if steps is not None:
        steps = count(where, "steps", steps)
    if isinstance(coefficients, str):
        if coefficients == "optimal":
            raise ValueError(
                f"{where}: needs the rows ns_coefficients('optimal', lower=...), since lower is not known here"
            )
        check_choice(where, "coefficients", coefficients, _NAMES)
        return ns_coefficients(coefficients, steps=steps)
    rows = np.asarray(coefficients, dtype=np.float64)
    if rows.ndim != 2 or rows.shape[-1] != 3 or not len(rows) or not np.all(np.isfinite(rows)):
        raise ValueError(f"{where}: coefficients must be a name or finite rows of shape (k, 3), got shape {rows.shape}")
    return rows if steps is None else _of_length(rows, steps)


def _of_length(rows: Table, steps: int) -> Table:
    last = np.repeat(rows[-1:], max(steps - len(rows), 0), axis=0)
    return np.concatenate([rows[:steps], last])


def _divided(rows: Table, safety: float) -> Table:
    divided: Table = rows / np.asarray([safety, safety**3, safety**5])
    return divided


def ns_range(coefficients: Any, lower: float, upper: float = 1.0, /) -> tuple[float, float]:
    """Least and largest value of the composed polynomial on [lower, upper].

    The image of an interval is an interval, and each step's extremes lie at its ends or at the critical points of the
    step; so nothing is sampled.

    Parameters
    ----------
    coefficients : str or array_like, shape (k, 3)
        A name of `ns_coefficients` but ``"optimal"``, or rows.
    lower, upper : float
        With lower <= upper.

    Returns
    -------
    least, largest : float

    Raises
    ------
    ValueError
        lower > upper, or one of them is not finite; coefficients as in `ns_coefficients`.

    Examples
    --------
    >>> from hypergeom.polar import ns_range
    >>> [round(v, 4) for v in ns_range("jordan", 1e-3)]
    [0.4705, 1.2024]
    """
    rows = table("ns_range", coefficients, None)
    least, largest = float(lower), float(upper)
    if not (math.isfinite(least) and math.isfinite(largest) and least <= largest):
        raise ValueError(f"ns_range: needs finite lower <= upper, got {lower!r} and {upper!r}")
    for row in rows:
        least, largest = _image(row, least, largest)
    return least, largest


def _image(row: Table, least: float, largest: float) -> tuple[float, float]:
    inside = [x for root in _critical_points(*map(float, row)) for x in (root, -root) if least < x < largest]
    values = [_value(row, x) for x in (least, largest, *inside)]
    return min(values), max(values)


def _critical_points(a: float, b: float, c: float) -> list[float]:
    """Positive roots of a + 3 b x^2 + 5 c x^4."""
    if c == 0:
        squares = [-a / (3 * b)] if b != 0 else []
    else:
        discriminant = 9 * b * b - 20 * a * c
        if discriminant < 0:
            return []
        q = (
            -(3 * b + math.copysign(math.sqrt(discriminant), b)) / 2
        )  # the root without cancellation, and the other from it
        squares = [q / (5 * c)] + ([a / q] if q != 0 else [])
    return sorted(math.sqrt(x) for x in squares if x > 0)


# --- optimal polynomials ----------------------------------------------------------------------------------


def _optimal(steps: int | None, lower: Any, upper: Any, degree: Any, cushion: float, safety: float) -> Table:
    real = isinstance(lower, numbers.Real) and isinstance(upper, numbers.Real)
    if not real or not 0 < lower < upper < math.inf:
        raise ValueError(f"ns_coefficients: 'optimal' needs 0 < lower < upper, got lower={lower!r}, upper={upper!r}")
    if lower < _LEAST_RATIO * upper:
        raise ValueError(
            f"ns_coefficients: 'optimal' needs lower / upper of at least {_LEAST_RATIO}, since the values of a "
            f"steeper quintic are lost in the rounding of its coefficients; got lower={lower!r}, upper={upper!r}"
        )
    if degree not in (3, 5):
        raise ValueError(f"ns_coefficients: degree must be 3 or 5, got {degree!r}")
    if not 0 <= cushion < 1:
        raise ValueError(f"ns_coefficients: cushion must be in [0, 1), got {cushion!r}")
    if not 1 <= safety < math.inf:
        raise ValueError(f"ns_coefficients: safety must be at least 1, got {safety!r}")
    least, largest = float(lower), float(upper)
    rows: list[Table] = []
    enough = 4 * float(np.finfo(float).eps)
    while len(rows) < (_MOST_STEPS if steps is None else steps):
        row = _best(max(least, cushion * largest), largest, degree)
        ends = _value(row, least), _value(row, largest)
        if least < cushion * largest:
            row = row * (2 / (ends[0] + ends[1]))
        rows.append(row)
        # The image itself: 1 - E would lose the digits of a small end, and a value that rounding takes beyond 1 + E
        # would be thrown out farther by every further step.
        least, largest = _image(row, least, largest)
        largest *= 1 + _SLACK
        if steps is None and 1 - least <= enough:
            break
    result = np.asarray(rows)
    result[:-1] = _divided(result[:-1], safety)
    return result


def _value(row: Table, x: float) -> float:
    return float(x * (row[0] + x * x * (row[1] + x * x * row[2])))


def _best(least: float, largest: float, degree: int) -> Table:
    """The odd polynomial of the degree that is nearest to 1 on the interval."""
    if degree == 3:
        s = least * least + least * largest + largest * largest
        e = math.sqrt(s / 3)
        alpha = 2 / (2 * e**3 + least * largest * (least + largest))
        return np.asarray([alpha * s, -alpha, 0.0])
    if least / largest > 1 - 5e-6:
        # The limit: its error, of third order in the width, is below eps, and the system singular to rounding.
        return np.asarray([15 / 8 / largest, -10 / 8 / largest**3, 3 / 8 / largest**5])
    return _divided(_remez(least / largest), largest)


def _remez(least: float) -> Table:
    """The quintic on [least, 1], by exchange of the two inner ones of its four points of equal error."""
    q, r, error = (3 * least + 1) / 4, (least + 3) / 4, math.inf
    for _ in range(100):
        nodes = np.asarray([least, q, r, 1.0])
        system = np.stack([nodes, nodes**3, nodes**5, np.asarray([1.0, -1.0, 1.0, -1.0])], axis=1)
        a, b, c, new = np.linalg.solve(system, np.ones(4))
        done = abs(new - error) < 1e-15
        error = float(new)
        discriminant = 9 * b * b - 20 * a * c
        if done or discriminant < 0:
            break
        root = math.sqrt(discriminant)
        q, r = math.sqrt((-3 * b - root) / (10 * c)), math.sqrt((-3 * b + root) / (10 * c))
    return np.asarray([a, b, c])
