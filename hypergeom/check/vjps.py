"""A vector-Jacobian product against its function."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import array_api_compat
import numpy as np

from hypergeom._results import Result
from hypergeom.check.differences import extrapolated
from hypergeom.errors import CheckError
from hypergeom.optim.parameters import check_choice, check_count

__all__ = ["VJPCheck", "check_vjp"]

_TOLERANCES = {"adjoint": 1e-13, "complex": 1e-12, "difference": 1e-8}
_STEP = 1e-100  # of the complex step: its square is below everything
_AGREEMENT = 1e-5  # of the complex step with a difference, for a function that is analytic


@dataclass(frozen=True)
class VJPCheck(Result):
    """What `check_vjp` found.

    Attributes
    ----------
    passed : bool
    errors : dict of int to float
        For each argument that was checked, by its position, the largest error of all samples.
    tolerance : float
        What was allowed.
    method : {"adjoint", "complex", "difference"}
        Where the derivatives of the function came from.
    """

    passed: bool
    errors: dict[int, float]
    tolerance: float
    method: str

    def __str__(self) -> str:
        lines = [
            f"vjp check, {self.method}: {'passed' if self.passed else 'FAILED'}",
            *(
                f"  argument {k}: error {error:.1e}{'' if error <= self.tolerance else '  <- wrong'}"
                for k, error in self.errors.items()
            ),
            f"  tolerance {self.tolerance:.1e}",
        ]
        return "\n".join(lines)

    def raise_if_failed(self) -> None:
        """Raise `CheckError` with the table unless it passed."""
        if not self.passed:
            raise CheckError(str(self))


def check_vjp(
    f: Callable[..., Any],
    f_vjp: Callable[..., Any],
    args: Sequence[Any],
    /,
    *,
    f_jvp: Callable[..., Any] | None = None,
    method: Literal["auto", "adjoint", "complex", "difference"] = "auto",
    wrt: Sequence[int] | None = None,
    samples: int = 4,
    rtol: float | None = None,
    kwargs: dict[str, Any] | None = None,
    rng: Any = None,
) -> VJPCheck:
    r"""Compare the cotangents of a function's arguments with its derivatives, one argument after the other.

    For random g and directions d of one argument,

    .. math:: \frac{|\langle g, J d \rangle - \langle J^T g, d \rangle|}{|g| |J d| + |J^T g| |d|}

    must be rounding. J d comes from `f_jvp` (``"adjoint"``), from the imaginary part of :math:`f(x + i 10^{-100} d)`
    (``"complex"``) [1]_, or from extrapolated differences (``"difference"``).

    Parameters
    ----------
    f : callable
        ``f(*args, **kwargs)``, an array or a tuple of arrays.
    f_vjp : callable
        ``f_vjp(g, *args, **kwargs)``, or ``f_vjp(g1, g2, ..., *args, **kwargs)`` if f returns a tuple: a cotangent, or
        a tuple with one for each array among `args`, or for each array and each float.
    args : sequence
    f_jvp : callable, optional
        ``f_jvp(*args, *tangents, **kwargs)``, with a tangent for each array that has a cotangent.
    method : {"auto", "adjoint", "complex", "difference"}
        ``"auto"``: the first of them that is there; ``"complex"`` only if f takes complex arguments and agrees with a
        difference, which absolute values, conjugates and comparisons do not.
    wrt : sequence of int, optional
        Positions of the arguments to check.
    samples : int
    rtol : float, optional
        By default 1e-13, 1e-12, 1e-8 for the three methods; for float32, 1e-4.
    kwargs : dict, optional
    rng : int, Generator or None

    Returns
    -------
    VJPCheck

    Raises
    ------
    ValueError
        There is no array among `args`, the number of cotangents fits neither way, or f is not finite at `args`.

    Notes
    -----
    Complex arguments get a real and an imaginary direction, the pairing is
    :math:`\Re \langle \cdot, \cdot \rangle`, and derivatives are differences.

    References
    ----------
    .. [1] W. Squire, G. Trapp, "Using complex variables to estimate derivatives of real functions", SIAM Rev. 40, 1998.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom.check import check_vjp
    >>> a, b = np.arange(6.0).reshape(2, 3), np.ones((3, 2))
    >>> check_vjp(lambda a, b: a @ b, lambda g, a, b: (g @ b.T, a.T @ g), (a, b)).passed
    True
    >>> wrong = check_vjp(lambda a, b: a @ b, lambda g, a, b: (g @ b.T, 1.01 * a.T @ g), (a, b), rng=0)
    >>> {k: error < wrong.tolerance for k, error in wrong.errors.items()}
    {0: True, 1: False}
    """
    check_choice("check_vjp", "method", method, ("auto", *_TOLERANCES))
    check_count("check_vjp", "samples", samples, 1)
    if method == "adjoint" and f_jvp is None:
        raise ValueError("check_vjp: method 'adjoint' needs f_jvp")
    case = _Case(f, f_vjp, f_jvp, list(args), dict(kwargs or {}), np.random.default_rng(rng))
    chosen = case.best_method() if method == "auto" else method
    positions = case.positions if wrt is None else [int(k) for k in wrt]
    if not set(positions) <= set(case.positions):
        raise ValueError(f"check_vjp: wrt must name some of the arguments {case.positions}, got {list(positions)}")
    errors = dict.fromkeys(positions, 0.0)
    for _ in range(samples):
        g = case.cotangents()
        bars = case.pulled(g)
        for k in positions:
            for d in case.directions(k):
                error = case.error(g, case.pushed(k, d, chosen), bars[k], d)
                errors[k] = max(errors[k], error) if error == error else float("inf")
    tolerance = float(rtol) if rtol is not None else max(_TOLERANCES[chosen], 1e-4 if case.single else 0.0)
    return VJPCheck(all(error <= tolerance for error in errors.values()), errors, tolerance, chosen)


def _host(a: Any) -> Any:
    """Any array as one of NumPy."""
    if array_api_compat.is_torch_array(a):
        return a.detach().cpu().numpy()
    return a.get() if array_api_compat.is_cupy_array(a) else np.asarray(a)


class _Case:
    """The functions at their arguments, in NumPy's numbers."""

    def __init__(self, f: Any, f_vjp: Any, f_jvp: Any, args: list[Any], kwargs: dict[str, Any], rng: Any) -> None:
        self.f, self.f_vjp, self.f_jvp, self.args, self.kwargs, self.rng = f, f_vjp, f_jvp, args, kwargs, rng
        value = f(*args, **kwargs)
        self.several = isinstance(value, tuple)
        self.values = [_host(a) for a in (value if self.several else (value,))]
        if not all(np.isfinite(a).all() for a in self.values):
            raise ValueError("check_vjp: f must be finite at args")
        self.positions = self._positions()
        self.single = any(np.dtype(_host(args[k]).dtype) in (np.float32, np.complex64) for k in self.positions)

    def _positions(self) -> list[int]:
        arrays = [k for k, a in enumerate(self.args) if self._is_array(a)]
        floats = [k for k, a in enumerate(self.args) if isinstance(a, float) and not isinstance(a, np.generic)]
        if not arrays and not floats:
            raise ValueError("check_vjp: needs an array or a float among args")
        bars = self._bars(self.cotangents())
        for positions in (arrays, sorted({*arrays, *floats})):
            if positions and len(positions) == len(bars):
                return positions
        raise ValueError(
            f"check_vjp: f_vjp must return a cotangent for each of {len(arrays)} arrays, or for each of these and of "
            f"{len(floats)} floats, got {len(bars)}"
        )

    @staticmethod
    def _is_array(a: Any) -> bool:
        return array_api_compat.is_array_api_obj(a) and _host(a).dtype.kind in "fc"

    def _bars(self, g: list[Any]) -> tuple[Any, ...]:
        bars = self.f_vjp(*(self._like_output(a) for a in g), *self.args, **self.kwargs)
        return bars if isinstance(bars, tuple) else (bars,)

    def _like_output(self, a: Any) -> Any:
        first = next((b for b in self.args if self._is_array(b)), a)
        if isinstance(first, (np.ndarray, np.generic)):
            return a
        return array_api_compat.array_namespace(first).asarray(a, device=array_api_compat.device(first))

    def cotangents(self) -> list[Any]:
        """Random ones, of the dtypes of the outputs."""
        return [self._normal(a) for a in self.values]

    def _normal(self, a: Any) -> Any:
        drawn = self.rng.standard_normal(a.shape)
        if a.dtype.kind == "c":
            drawn = drawn + 1j * self.rng.standard_normal(a.shape)
        return np.asarray(drawn, dtype=a.dtype if a.dtype.kind in "fc" else float)

    def pulled(self, g: list[Any]) -> dict[int, Any]:
        """The cotangents of the arguments."""
        return {k: _host(bar) for k, bar in zip(self.positions, self._bars(g), strict=True)}

    def directions(self, k: int) -> list[Any]:
        """Random ones of an argument; for a complex one a real and an imaginary one."""
        a = np.asarray(_host(self.args[k]))
        d = self.rng.standard_normal(a.shape)
        return [d + 0j, 1j * d] if a.dtype.kind == "c" else [d]

    def best_method(self) -> str:
        """The most accurate one that f allows."""
        if self.f_jvp is not None:
            return "adjoint"
        for k in self.positions:
            d = self.directions(k)[0]
            try:
                exact = np.concatenate([np.ravel(a) for a in self.pushed(k, d, "complex")])
            except Exception:  # whatever f says of complex arguments
                return "difference"
            rough = np.concatenate([np.ravel(a) for a in self.pushed(k, d, "difference")])
            size = np.linalg.norm(rough) + np.linalg.norm(exact)
            if not np.linalg.norm(exact - rough) <= _AGREEMENT * size:
                return "difference"
        return "complex"

    def pushed(self, k: int, d: Any, method: str) -> list[Any]:
        """J d, one array for each output."""
        if method == "adjoint":
            tangents = [np.asarray(d) if j == k else 0 * np.asarray(_host(self.args[j])) for j in self.positions]
            pushed = self.f_jvp(*self.args, *(self._like_output(v) for v in tangents), **self.kwargs)
            return [_host(a) for a in (pushed if isinstance(pushed, tuple) else (pushed,))]
        at = np.asarray(_host(self.args[k]))
        at = at.astype(complex if at.dtype.kind == "c" else float)  # in twice the digits of float32
        if method == "complex":
            if at.dtype.kind == "c":
                raise ValueError("check_vjp: method 'complex' needs real arguments")
            return [np.imag(a) / _STEP for a in self._moved(k, at + 1j * _STEP * d)]
        derivative = extrapolated(lambda t: self._flat(self._moved(k, at + t * d)), self._first(at, d))
        parts, start = [], 0
        for a in self.values:
            parts.append(np.reshape(derivative.value[start : start + a.size], a.shape))
            start += a.size
        return parts

    @staticmethod
    def _first(at: Any, d: Any) -> float:
        """The first step of differences: the change is at most a tenth of the argument."""
        size = float(np.sqrt(np.mean(np.abs(at) ** 2))) if at.size else 1.0
        return 0.1 * (size or 1.0) / max(float(np.max(np.abs(d))) if np.size(d) else 1.0, 1.0)

    @staticmethod
    def _flat(values: list[Any]) -> Any:
        return np.concatenate([np.ravel(a) for a in values])

    def _moved(self, k: int, a: Any) -> list[Any]:
        wide = list(self.args)
        for j in self.positions:
            b = _host(self.args[j])
            if self._is_array(self.args[j]) and b.dtype in (np.float32, np.complex64):
                wide[j] = self._like_output(b.astype(complex if b.dtype.kind == "c" else float))
        number = isinstance(self.args[k], float) and not isinstance(self.args[k], np.generic)
        wide[k] = a[()] if number else self._like_output(np.asarray(a))
        value = self.f(*wide, **self.kwargs)
        return [_host(v) for v in (value if self.several else (value,))]

    @staticmethod
    def error(g: list[Any], pushed: list[Any], bar: Any, d: Any) -> float:
        """The relative miss of the two pairings."""
        if np.shape(bar) != np.shape(d):
            return float("inf")
        ours = sum(float(np.real(np.vdot(a, b))) for a, b in zip(g, pushed, strict=True))
        theirs = float(np.real(np.vdot(bar, d)))
        norms = [float(np.sqrt(sum(np.sum(np.abs(a) ** 2) for a in parts))) for parts in (g, pushed, [bar], [d])]
        scale = norms[0] * norms[1] + norms[2] * norms[3]
        return abs(ours - theirs) / scale if scale else 0.0
