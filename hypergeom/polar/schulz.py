"""Newton-Schulz iterations: compositions of odd polynomials of a matrix, in products alone."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from array_api_compat import array_namespace

from hypergeom._gpus import on_one_gpu
from hypergeom._rows import Array
from hypergeom.polar.arguments import (
    adjoint,
    by_matrix,
    check_choice,
    eye,
    frobenius,
    matrices,
    on_finite,
    rescale,
)
from hypergeom.polar.coefficients import Table, table
from hypergeom.polar.kernels import has_kernels, launched_newton_schulz, launches_newton_schulz, polynomial

__all__ = ["composed", "newton_schulz"]

_RESTART = 2  # steps of the Gram form before it starts anew from the matrix itself
_TRIANGLES_FROM = 128  # rows from which BLAS's products of one triangle are worth their calls


@on_one_gpu
def newton_schulz(
    a: Array,
    /,
    *,
    coefficients: Any = "polar_express",
    steps: int | None = None,
    normalize: bool = True,
    variant: str = "auto",
) -> Array:
    r"""The composed odd polynomial of the singular values: :math:`U p_k(\ldots p_1(S / \|A\|_F)) V^H`.

    Each step is :math:`X \leftarrow (a I + b X X^H + c (X X^H)^2) X`. Nothing is added to denominators: the matrix is
    divided by a power of two, exactly, and then by its norm, so that ``newton_schulz(2.0**k * a)`` has the bits of
    ``newton_schulz(a)``.

    Parameters
    ----------
    a : array_like, shape (..., m, n)
        Real or complex.
    coefficients : str or array_like, shape (k, 3)
        A name of `ns_coefficients` but ``"optimal"``, or rows (a, b, c).
    steps : int, optional
        The number of rows to use; the last row repeats.
    normalize : bool
        Whether to divide by the Frobenius norm first. Without it the singular values must be in the range of the
        coefficients.
    variant : {"auto", "gemm", "gram"}
        ``"gram"`` iterates on the Gram matrix of the short side, and starts anew from X every two steps, since
        rounding in a Gram matrix that is not refreshed makes its small eigenvalues negative. It is the same polynomial
        for fewer products, and by ``"auto"`` used where the long side is at least twice the short one.

    Returns
    -------
    array, shape (..., m, n)
        0 for a zero matrix; NaN for one that is not finite.

    Raises
    ------
    ValueError
        Fewer than two axes; unknown coefficients or variant; steps < 1.

    References
    ----------
    .. [1] Å. Björck, C. Bowie, "An iterative algorithm for computing the best estimate of an orthogonal matrix", SIAM
       J. Numer. Anal. 8, 1971.

    Examples
    --------
    >>> import numpy as np
    >>> from hypergeom.polar import newton_schulz, ns_range
    >>> a = np.random.default_rng(0).normal(size=(20, 30))
    >>> s = np.linalg.svd(newton_schulz(a, coefficients="jordan"), compute_uv=False)
    >>> least, most = ns_range("jordan", 1e-3)
    >>> bool(np.all((least <= s) & (s <= most)))
    True
    """
    _, (a,) = matrices("newton_schulz", a=a)
    check_choice("newton_schulz", "variant", variant, ("auto", "gemm", "gram"))
    return composed(a, table("newton_schulz", coefficients, steps), variant=variant, normalize=normalize)


def composed(a: Array, rows: Table, *, variant: str = "auto", normalize: bool = True) -> Array:
    """`newton_schulz` of checked arguments."""
    xp = array_namespace(a)
    if math.prod(a.shape) == 0:
        return xp.zeros_like(a)
    if variant != "gemm" and launches_newton_schulz(a, rows):
        return launched_newton_schulz(a, rows, normalize)
    return on_finite(lambda a: _composed(a, rows, variant, normalize), a)


def _composed(a: Array, rows: Table, variant: str, normalize: bool) -> Array:
    m, n = a.shape[-2:]
    x = _normalized(a) if normalize else a
    x = x if m <= n else adjoint(x)
    gram = variant == "gram" or (variant == "auto" and max(m, n) >= 2 * min(m, n))
    if isinstance(x, np.ndarray) and x.dtype.kind == "f" and x.shape[-2] >= _TRIANGLES_FROM:
        x = by_matrix(lambda matrix: _iterate(matrix, rows, gram, _Triangles(matrix)), x)
    else:
        x = _iterate(x, rows, gram, _Products())
    return x if m <= n else adjoint(x)


def _normalized(a: Array) -> Array:
    xp = array_namespace(a)
    a, _ = rescale(a)
    norm = frobenius(a, keepdims=True)
    return a / xp.astype(xp.where(norm > 0, norm, xp.ones_like(norm)), a.dtype)


def _iterate(x: Array, rows: Table, gram: bool, products: _Products) -> Array:
    for start in range(0, len(rows), _RESTART):
        block = rows[start : start + _RESTART]
        if not gram:
            for row in block:
                x = products.apply(products.factor(products.square(x), row), x)
            continue
        r = products.square(x)
        q = products.factor(r, block[0])
        for row in block[1:]:
            # all of these are polynomials of the first r: they commute, and their products are Hermitian
            r = products.apply(q, products.apply(q, r))
            q = products.apply(products.factor(r, row), q)
        x = products.apply(q, x)
    return x


class _Products:
    """The products of an iteration."""

    def square(self, x: Array) -> Array:
        """x x^H."""
        return x @ adjoint(x)

    def factor(self, r: Array, row: Any) -> Array:
        """a I + b r + c r^2 of a Hermitian r."""
        a, b, c = (float(v) for v in row)
        if c != 0 and has_kernels(r):
            return polynomial(r, r @ adjoint(r), (a, b, c))
        z = b * r if c == 0 else b * r + c * (r @ adjoint(r))
        return z + a * eye(z, z.shape[-1])

    def apply(self, z: Array, x: Array) -> Array:
        """z x of a Hermitian z."""
        return z @ x


class _Triangles(_Products):
    """Of one real NumPy matrix, by BLAS: what is symmetric is computed once, and its sums in the same pass."""

    def __init__(self, x: np.ndarray[Any, Any]) -> None:
        from scipy.linalg import blas

        self._syrk, self._symm = blas.get_blas_funcs(("syrk", "symm"), (x,))

    def square(self, x: Array) -> Array:
        # The transpose of an array in C order is in BLAS's order.
        return _mirrored(self._syrk(1.0, x.T, trans=1))

    def factor(self, r: Array, row: Any) -> Array:
        a, b, c = (float(v) for v in row)
        z = np.multiply(r, b, dtype=r.dtype, order="F") if c == 0 else self._syrk(c, r, beta=b, c=r)
        diagonal = np.einsum("ii->i", z)
        diagonal += r.dtype.type(a)
        return z if c == 0 else _mirrored(z)

    def apply(self, z: Array, x: Array) -> Array:
        return self._symm(1.0, z, x.T, side=1).T


def _mirrored(upper: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The lower triangle from the upper one, in tiles that stay in the cache."""
    n, size = len(upper), 64
    below = np.tri(size, k=-1, dtype=bool)
    for i in range(0, n, size):
        for k in range(0, i, size):
            upper[i : i + size, k : k + size] = upper[k : k + size, i : i + size].T
        tile = upper[i : i + size, i : i + size]
        np.copyto(tile, tile.T.copy(), where=below[: len(tile), : len(tile)])
    return upper
