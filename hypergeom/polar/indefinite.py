"""The J-polar decomposition, also called generalized or hyperbolic polar decomposition."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import array_api_compat
import numpy as np
from array_api_compat import array_namespace

from hypergeom._gpus import on_one_gpu, to_host
from hypergeom._results import Result
from hypergeom._rows import Array
from hypergeom.errors import ConvergenceError, NoJPolarError
from hypergeom.polar.arguments import (
    check_choice,
    count,
    eps,
    finite_matrices,
    frobenius,
    rescale,
    square_matrices,
    times_power_of_two,
)
from hypergeom.polar.indefinite_iterations import Run, dwh, host, inverse_and_logdet, newton, schulz, take
from hypergeom.polar.jorthogonal import polish_step, residual, signed
from hypergeom.polar.kernels import launched_factors, launches_small
from hypergeom.polar.small import SmallFactors, compiles_factors, small_factors

__all__ = ["JPolarInfo", "JPolarResult", "jpolar"]

_METHODS = ("auto", "newton", "dwh", "schulz")
_MOST = {"auto": 20, "newton": 20, "dwh": 14, "schulz": 60}
# An iteration that takes longer than this has eigenvalues near the imaginary axis to pull away from it.
_SUSPICIOUS = {"newton": 12, "dwh": 7, "schulz": 20}
_GUARD = 0.5  # |W* W - I|_F beyond which rounding alone keeps W from being polished
_PROBES = 4
_SURELY_REGULAR = 1e-4  # eps |S| |S^{-1}| up to which no estimate of that is needed


@dataclass(frozen=True)
class JPolarInfo(Result):
    """How a `jpolar` went: an entry for each matrix in every field.

    Attributes
    ----------
    method : str, or array of str, shape (...)
        The method that found the factor.
    iterations : array of int, shape (...)
    converged : array of bool, shape (...)
        Whether there is a result; False only with ``on_failure="nan"``.
    j_residual : array, shape (...)
        ``|W^T J W - J|_F / |W|_F^2``.
    residual : array, shape (...)
        ``|A - W S|_F / |A|_F``.
    symmetry : array, shape (...)
        ``|J S - (J S)^T|_F / |J S|_F`` before S was made J-symmetric.
    """

    method: Any
    iterations: Array
    converged: Array
    j_residual: Array
    residual: Array
    symmetry: Array


@dataclass(frozen=True)
class JPolarResult(Result):
    """Result of `jpolar`.

    Attributes
    ----------
    w : array, shape (..., n, n)
        J-orthogonal.
    s : array, shape (..., n, n)
        J-symmetric: J S is symmetric to the bit.
    info : JPolarInfo
        How it went.
    """

    w: Array
    s: Array
    info: JPolarInfo


@on_one_gpu
def jpolar(
    a: Array,
    j: Any,
    /,
    *,
    method: str = "auto",
    maxiter: int | None = None,
    polish: int = 1,
    bounds: tuple[float, float] | None = None,
    check: bool = False,
    on_failure: str = "raise",
) -> JPolarResult:
    r"""J-polar decomposition ``A = W S``: W J-orthogonal, S J-symmetric with its spectrum in the right half plane.

    .. math:: W^T J W = J, \qquad J S = (J S)^T, \qquad S = (A^* A)^{1/2}, \quad A^* = J A^T J

    It exists, and is unique, where A is not singular and :math:`A^* A` has no eigenvalue on the negative real axis
    [1]_. With j all +1 it is the polar decomposition. Near the identity it always exists; for matrices of many random
    entries seldom; and for tangent vectors of O(n, 1) never.

    Parameters
    ----------
    a : array_like, shape (..., n, n)
        Real.
    j : array_like, shape (n,)
        Entries +1 and -1 in any order.
    method : {"auto", "newton", "dwh", "schulz"}
        ``"newton"``: Newton's iteration, scaled by the determinant. ``"dwh"``: the dynamically weighted Halley
        iteration by QR factorizations, slower, and more accurate where the eigenvectors of S are ill-conditioned.
        ``"auto"``: the first, and the second where that does not get there. ``"schulz"`` needs the eigenvalues of S
        nearly real and in (0, sqrt(3)), and finds hardly any factor otherwise.
    maxiter : int, optional
        By default 20, 14 for ``"dwh"``, 60 for ``"schulz"``.
    polish : int
        Steps of `schulz_polish` at the end, where W is near enough for them.
    bounds : (float, float), optional
        For ``"dwh"``: bounds of the absolute values of the eigenvalues of S. By default they come from a
        run of Newton's iteration. A lower bound that is too large costs steps, one that is too small digits.
    check : bool
        Whether to look at the eigenvalues of ``A* A`` first.
    on_failure : {"raise", "nan"}
        ``"nan"``: where there is no factor, NaN and ``converged=False``.

    Returns
    -------
    JPolarResult
        w, s, info.

    Raises
    ------
    NoJPolarError
        No factor exists, or the matrix is so near to one without that rounding decides.
    ConvergenceError
        The iteration fails for another reason.
    ValueError
        The matrices are not square, j does not fit, an option is unknown; a matrix is not finite, unless
        ``on_failure="nan"``.
    TypeError
        The matrices are complex.

    Notes
    -----
    What fails or takes unusually many steps is diagnosed by its eigenvalues, in NumPy.

    References
    ----------
    .. [1] N. J. Higham, D. S. Mackey, N. Mackey, F. Tisseur, "Functions preserving matrix groups and iterations for the
       matrix square root", SIAM J. Matrix Anal. Appl. 26, 2005.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom.polar import is_jorthogonal, jpolar
    >>> j = [-1, 1, 1]
    >>> a = np.eye(3) + 0.1 * np.random.default_rng(0).normal(size=(3, 3))
    >>> w, s, info = jpolar(a, j)
    >>> bool(is_jorthogonal(w, j)), bool(np.allclose(w @ s, a)), bool(info.converged)
    (True, True, True)
    """
    xp, (a,), j = square_matrices("jpolar", j, a=a)
    check_choice("jpolar", "method", method, _METHODS)
    check_choice("jpolar", "on_failure", on_failure, ("raise", "nan"))
    maxiter = None if maxiter is None else count("jpolar", "maxiter", maxiter)
    count("jpolar", "polish", polish, 0)
    if bounds is not None:
        _check_bounds(method, bounds)
    batch, n = tuple(a.shape[:-2]), a.shape[-1]
    if math.prod(a.shape) == 0:
        return _empty(a)
    flat = xp.reshape(a, (-1, n, n))
    finite = host(finite_matrices(flat)[:, 0, 0]).astype(bool)
    if on_failure == "raise" and not finite.all():
        index = tuple(int(k) for k in np.unravel_index(np.flatnonzero(~finite)[0], batch)) if batch else ()
        raise ValueError(f"jpolar: needs finite matrices, got NaN or inf at index {index}")
    device_j = signed(j, a)
    identity = xp.eye(n, dtype=a.dtype, device=array_api_compat.device(a))
    scaled, exponent = rescale(flat if finite.all() else xp.where(_mask(finite, a), flat, identity))
    found = _solve(scaled, exponent, j, device_j, method, maxiter, polish, bounds, check)
    failed = ~found.good | ~finite
    if on_failure == "raise" and failed.any():
        k = int(np.flatnonzero(failed)[0])
        index = tuple(int(i) for i in np.unravel_index(k, batch)) if batch else ()
        raise _failure(found, k, index, scaled, exponent, j)
    return _packed(found, ~failed, exponent, batch)


def _check_bounds(method: str, bounds: Any) -> None:
    if method != "dwh":
        raise ValueError(f"jpolar: bounds are an option of 'dwh', not of {method!r}")
    try:
        low, high = (float(v) for v in bounds)
    except (TypeError, ValueError):
        raise ValueError(f"jpolar: bounds must be two numbers, got {bounds!r}") from None
    if not 0 < low <= high < math.inf:
        raise ValueError(f"jpolar: bounds need 0 < lower <= upper, got {bounds!r}")


class _Factors(NamedTuple):
    """Of a flat batch of scaled matrices."""

    w: Array
    s: Array
    method: np.ndarray[Any, Any]
    iterations: np.ndarray[Any, Any]
    good: np.ndarray[Any, Any]
    diagnosis: list[tuple[str, complex | None] | None]
    j_residual: Array
    residual: Array
    symmetry: Array


def _solve(
    a: Array,
    exponent: Array,
    j: np.ndarray[Any, Any],
    device_j: Array,
    method: str,
    maxiter: int | None,
    polish: int,
    bounds: tuple[float, float] | None,
    check: bool,
) -> _Factors:
    total, most = a.shape[0], _MOST[method] if maxiter is None else maxiter
    diagnosis: list[tuple[str, complex | None] | None] = [None] * total
    first = "newton" if method == "auto" else method
    if check:
        for k in range(total):
            diagnosis[k] = _offending(a, k, j)
    if first == "newton" and maxiter is None and (compiles_factors(a) or launches_small(a)):
        found = _compiled(a, j, polish, diagnosis)
    else:
        if first == "newton":
            run = newton(a, device_j, most)
        elif first == "schulz":
            run = schulz(a, device_j, most)
        else:
            run = _halley(a, exponent, j, device_j, most, bounds)
        found = _finished(a, device_j, j, run, polish, first, diagnosis)
    for k in np.flatnonzero(~found.good).tolist():
        if diagnosis[k] is None:
            diagnosis[k] = _offending(a, k, j)
    good = found.good & np.asarray([d is None for d in diagnosis])
    again = np.flatnonzero(~good & np.asarray([d is None for d in diagnosis]))
    if method != "auto" or not len(again):
        return found._replace(good=good)
    part = take(a, again)
    second = _halley(part, take(exponent, again), j, device_j, min(most, _MOST["dwh"]), None)
    better = _finished(part, device_j, j, second, polish, "dwh", [None] * len(again))
    return _merged(found._replace(good=good), better, again)


def _halley(
    a: Array,
    exponent: Array,
    j: np.ndarray[Any, Any],
    device_j: Array,
    most: int,
    bounds: tuple[float, float] | None,
) -> Run:
    xp, device = array_namespace(a), array_api_compat.device(a)
    if bounds is not None:
        ends = xp.ones((a.shape[0], 1, 1), dtype=a.dtype, device=device)
        low, high = (times_power_of_two(v * ends, exponent) for v in bounds)
    else:
        # The spectrum of S by Newton's iteration; where that fails, by its squares, of which small ones may be lost.
        rough = newton(a, device_j, _MOST["newton"])
        s = device_j[:, None] * (xp.matrix_transpose(rough.x) @ (device_j[:, None] * a))
        sizes = [
            np.abs(np.linalg.eigvals(_host_matrix(s, k)))
            if rough.converged[k]
            else np.abs(_spectrum(_host_matrix(a, k), j)) ** 0.5
            for k in range(a.shape[0])
        ]
        tiny = float(np.finfo(np.float32 if a.dtype == xp.float32 else np.float64).tiny)
        high, low = (
            xp.asarray([[[max(float(f(v)), tiny)]] for v in sizes], dtype=a.dtype, device=device)
            for f in (np.max, np.min)
        )
    floor = eps(a) * xp.ones_like(low)  # below, the weights of the iteration lose their digits
    return dwh(a / high, device_j, xp.maximum(low / high, floor), most)


def _finished(
    a: Array,
    device_j: Array,
    j: np.ndarray[Any, Any],
    run: Run,
    polish: int,
    method: str,
    diagnosis: list[tuple[str, complex | None] | None],
) -> _Factors:
    """W polished, S, the residuals, and whether they pass."""
    xp, w = array_namespace(a), run.x
    for _ in range(polish):
        polished, distance = polish_step(w, device_j)
        w = xp.where((distance <= _GUARD)[..., None, None], polished, w)
    t = xp.matrix_transpose(w) @ (device_j[:, None] * a)  # J S
    even = (t + xp.matrix_transpose(t)) / 2
    size, norm = frobenius(t), frobenius(a)
    positive = xp.where(size > 0, size, xp.ones_like(size))
    symmetry = frobenius(t - xp.matrix_transpose(t)) / positive
    s = device_j[:, None] * even
    off = frobenius(a - w @ s) / xp.where(norm > 0, norm, xp.ones_like(norm))
    j_off = residual(w, j)
    good = run.converged & _acceptable(off, j_off, a)
    with np.errstate(invalid="ignore", over="ignore"):
        condition = host(frobenius(s) * frobenius(w)) * run.inverse_norms  # at least |S| |S^{-1}|
    doubtful = good & ~(condition * eps(a) < _SURELY_REGULAR)
    good = good & ~_numerically_singular(a, w, s, off, doubtful, diagnosis)
    good = good & ~_on_the_axis(a, s, good, run.iterations, method, diagnosis)
    return _Factors(w, s, np.full(a.shape[0], method), run.iterations, good, diagnosis, j_off, off, symmetry)


def _compiled(
    a: Array,
    j: np.ndarray[Any, Any],
    polish: int,
    diagnosis: list[tuple[str, complex | None] | None],
) -> _Factors:
    """The same for small matrices, by compiled loops or a kernel that do all of it but the diagnosis."""
    if isinstance(a, np.ndarray):
        found = small_factors(a, j, polish)
        numbers_ = [v.astype(a.dtype, copy=False) for v in (found.j_residual, found.residual, found.symmetry)]
    else:
        w, s, six = launched_factors(a, j, polish)
        numbers_ = [six[k].astype(a.dtype, copy=False) for k in (2, 3, 4)]
        iterations, converged, *others = to_host(six)
        found = SmallFactors(w, s, iterations.astype(np.int64), converged > 0, *others)
    good = found.converged & _acceptable(found.residual, found.j_residual, a)
    doubtful = good & ~(found.condition * eps(a) < _SURELY_REGULAR)
    good = good & ~_numerically_singular(a, found.w, found.s, found.residual, doubtful, diagnosis)
    good = good & ~_on_the_axis(a, found.s, good, found.iterations, "newton", diagnosis)
    return _Factors(found.w, found.s, np.full(a.shape[0], "newton"), found.iterations, good, diagnosis, *numbers_)


def _acceptable(off: Array, j_off: Array, a: Array) -> np.ndarray[Any, Any]:
    """Residuals as large as rounding in ill-conditioned factors makes them, and far from those of a wrong matrix."""
    small: np.ndarray[Any, Any] = (host(off) <= 30 * eps(a) ** 0.5) & (host(j_off) <= 100 * eps(a))
    return small


def _on_the_axis(
    a: Array,
    s: Array,
    good: np.ndarray[Any, Any],
    iterations: np.ndarray[Any, Any],
    method: str,
    diagnosis: list[tuple[str, complex | None] | None],
) -> np.ndarray[Any, Any]:
    """Where an iteration took long because S has eigenvalues on the imaginary axis, to rounding."""
    there = np.zeros(len(good), dtype=bool)
    for k in np.flatnonzero(good & (iterations > _SUSPICIOUS[method])).tolist():
        diagnosis[k] = _near_axis(np.linalg.eigvals(_host_matrix(s, k)) ** 2, a)
        there[k] = diagnosis[k] is not None
    return there


def _numerically_singular(
    a: Array,
    w: Array,
    s: Array,
    off: Array,
    good: np.ndarray[Any, Any],
    diagnosis: list[tuple[str, complex | None] | None],
) -> np.ndarray[Any, Any]:
    """Whether S, and so its existence, is lost in the rounding of A: |S| |S^{-1}| beyond 0.01 / eps.

    The condition of A says nothing here, since that of W alone may be as large. S^{-1} = A^{-1} W is estimated by a few
    fixed random vectors. From 0.001 / eps on the residual decides: that of a factor is small beside the condition of W.
    """
    xp, n = array_namespace(a), a.shape[-1]
    places = np.flatnonzero(good)
    singular = np.zeros(a.shape[0], dtype=bool)
    if len(places):
        probes = np.random.default_rng(0).standard_normal((n, _PROBES)) / _PROBES**0.5
        device_probes = xp.asarray(probes.tolist(), dtype=a.dtype, device=array_api_compat.device(a))
        part, w, s, off = (v if good.all() else take(v, places) for v in (a, w, s, off))
        estimate = host(frobenius(_solved(part, w @ device_probes)) * frobenius(s)) * eps(a)
        rough = host(off) > 1e3 * eps(a) * host(frobenius(w)) ** 2
        singular[places] = ~(estimate <= np.where(rough, 1e-3, 1e-2))
    for k in np.flatnonzero(singular).tolist():
        diagnosis[k] = ("singular", 0j)
    return singular


def _solved(a: Array, right: Array) -> Array:
    xp = array_namespace(a)
    try:
        return xp.linalg.solve(a, right)
    except (np.linalg.LinAlgError, RuntimeError):
        inverse, _, regular = inverse_and_logdet(a)
        return xp.where(_mask(regular, a), inverse @ right, xp.full_like(right, xp.inf))


def _mask(values: np.ndarray[Any, Any], like: Array) -> Array:
    xp = array_namespace(like)
    return xp.asarray(values.tolist(), dtype=xp.bool, device=array_api_compat.device(like))[:, None, None]


def _merged(found: _Factors, better: _Factors, places: np.ndarray[Any, Any]) -> _Factors:
    """`found` with `better` in these places."""
    total = len(found.good)
    order = np.arange(total)
    order[places] = total + np.arange(len(places))

    def chosen(old: Array, new: Array) -> Array:
        return take(array_namespace(old).concat([old, new], axis=0), order)

    def on_host(old: np.ndarray[Any, Any], new: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        return np.concatenate([old, new])[order]

    diagnosis = list(found.diagnosis)
    for k, place in enumerate(places.tolist()):
        diagnosis[place] = better.diagnosis[k]
    return _Factors(
        chosen(found.w, better.w),
        chosen(found.s, better.s),
        on_host(found.method, better.method),
        on_host(found.iterations, better.iterations),
        on_host(found.good, better.good),
        diagnosis,
        chosen(found.j_residual, better.j_residual),
        chosen(found.residual, better.residual),
        chosen(found.symmetry, better.symmetry),
    )


# --- what stands in the way -------------------------------------------------------------------------------


def _host_matrix(a: Array, k: int) -> np.ndarray[Any, Any]:
    matrix = a[k, ...]
    if hasattr(matrix, "get"):  # CuPy's refuses to convert in silence
        matrix = matrix.get()
    elif hasattr(matrix, "detach"):
        matrix = matrix.detach().cpu()
    return np.asarray(matrix).astype(np.float64)


def _spectrum(a: np.ndarray[Any, Any], j: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return np.linalg.eigvals((j[:, None] * a.T * j) @ a)


def _offending(a: Array, k: int, j: np.ndarray[Any, Any]) -> tuple[str, complex | None] | None:
    """What keeps a matrix from having a factor: it is singular, or A* A has an eigenvalue on the negative real axis."""
    matrix = _host_matrix(a, k)
    if not np.isfinite(np.linalg.slogdet(matrix)[1]):
        return "singular", 0j
    return _near_axis(_spectrum(matrix, j), a)


def _near_axis(values: np.ndarray[Any, Any], a: Array) -> tuple[str, complex | None] | None:
    """The eigenvalue nearest to the negative real axis, if it is on it to the rounding of a double one."""
    values = values.astype(complex)
    off_axis = math.pi - np.abs(np.angle(values))
    near = int(np.argmin(off_axis))
    if values[near] == 0:
        return "singular", 0j
    if off_axis[near] <= 10 * math.sqrt(len(values) * eps(a)):
        return "eigenvalue", complex(values[near])
    return None


def _failure(
    found: _Factors, k: int, index: tuple[int, ...], a: Array, exponent: Array, j: np.ndarray[Any, Any]
) -> Exception:
    what = found.diagnosis[k]
    if what is None and np.linalg.cond(_host_matrix(a, k)) * len(j) * eps(a) >= 1:
        what = ("singular", 0j)
    if what is None:
        where = f" at index {index}" if index else ""
        return ConvergenceError(
            f"jpolar: {found.method[k]} does not find the factor of the matrix{where} in {found.iterations[k]} "
            f"iterations (residual {float(found.residual[k]):.3g}); A* A has no eigenvalue near the negative real axis"
        )
    name, value = what
    if name == "singular" or value is None:
        return NoJPolarError("singular", index, 0j)
    value *= 2.0 ** (-2 * float(exponent[k, 0, 0]))
    shown = f"{value.real:.6g}" if value.imag == 0 else f"{value:.6g}"
    return NoJPolarError(f"A* A has the eigenvalue {shown} on the negative real axis", index, value)


# --- results ----------------------------------------------------------------------------------------------


def _packed(found: _Factors, good: np.ndarray[Any, Any], exponent: Array, batch: tuple[int, ...]) -> JPolarResult:
    xp, n = array_namespace(found.w), found.w.shape[-1]
    device = array_api_compat.device(found.w)
    w, s = found.w, times_power_of_two(found.s, -exponent)
    numbers_ = [found.j_residual, found.residual, found.symmetry]
    if not good.all():
        mask = _mask(good, w)
        w, s = (xp.where(mask, v, xp.full_like(v, xp.nan)) for v in (w, s))
        numbers_ = [xp.where(mask[:, 0, 0], v, xp.full_like(v, xp.nan)) for v in numbers_]
    integers = xp.asarray(found.iterations.tolist(), dtype=xp.int64, device=device)
    booleans = xp.asarray(good.tolist(), dtype=xp.bool, device=device)
    info = JPolarInfo(
        np.reshape(found.method, batch)[()],
        xp.reshape(integers, batch),
        xp.reshape(booleans, batch),
        *(xp.reshape(v, batch) for v in numbers_),
    )
    return JPolarResult(xp.reshape(w, (*batch, n, n)), xp.reshape(s, (*batch, n, n)), info)


def _empty(a: Array) -> JPolarResult:
    """Of an empty batch, or of matrices without rows, which are their own factors."""
    xp, batch, device = array_namespace(a), tuple(a.shape[:-2]), array_api_compat.device(a)
    zeros = xp.zeros(batch, dtype=a.dtype, device=device)
    info = JPolarInfo(
        np.full(batch, "newton")[()],
        xp.zeros(batch, dtype=xp.int64, device=device),
        xp.ones(batch, dtype=xp.bool, device=device),
        zeros,
        zeros,
        zeros,
    )
    return JPolarResult(xp.zeros_like(a), xp.zeros_like(a), info)
