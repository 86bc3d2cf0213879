"""Newton-Schulz iterations: compositions of odd polynomials of a matrix, in products alone."""

from __future__ import annotations

import math
from typing import Any

import array_api_compat
import numpy as np
from array_api_compat import array_namespace

from hypergeom._rows import Array
from hypergeom.polar.arguments import (
    adjoint,
    check_choice,
    eye,
    finite_matrices,
    frobenius,
    matrices,
    rescale,
)
from hypergeom.polar.coefficients import Table, table

__all__ = ["composed", "newton_schulz"]

_RESTART = 2  # steps of the Gram form before it starts anew from the matrix itself


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
    m, n = a.shape[-2:]
    if math.prod(a.shape) == 0:
        return xp.zeros_like(a)
    finite = finite_matrices(a)
    x = _normalized(a) if normalize else a
    x = x if m <= n else adjoint(x)
    if variant == "gram" or (variant == "auto" and max(m, n) >= 2 * min(m, n)):
        x = _gram(x, rows)
    else:
        for row in rows:
            x = _factor(_square(x), row) @ x
    x = x if m <= n else adjoint(x)
    return x if bool(xp.all(finite)) else xp.where(finite, x, xp.full_like(x, xp.nan))


def _normalized(a: Array) -> Array:
    xp = array_namespace(a)
    a, _ = rescale(a)
    norm = frobenius(a, keepdims=True)
    return a / xp.astype(xp.where(norm > 0, norm, xp.ones_like(norm)), a.dtype)


def _square(x: Array) -> Array:
    """x x^H; where NumPy sees the same memory twice, it computes one triangle."""
    return x @ adjoint(x)


def _factor(r: Array, row: Any) -> Array:
    """a I + b r + c r^2 of a Hermitian r."""
    a, b, c = (float(v) for v in row)
    if not array_api_compat.is_numpy_array(r):
        z = b * r if c == 0 else b * r + c * (r @ adjoint(r))
        return z + a * eye(z, z.shape[-1])
    if c == 0:
        z = b * r
    else:
        z = _square(r)
        z *= r.dtype.type(c)
        z += r.dtype.type(b) * r
    diagonal = np.arange(z.shape[-1])
    z[..., diagonal, diagonal] += r.dtype.type(a)
    return z


def _gram(x: Array, rows: Table) -> Array:
    for start in range(0, len(rows), _RESTART):
        r, q = _square(x), None
        block = rows[start : start + _RESTART]
        for k, row in enumerate(block):
            z = _factor(r, row)
            q = z if q is None else q @ z
            if k + 1 < len(block):
                r = z @ r @ z
                r = (r + adjoint(r)) / 2
        x = q @ x
    return x
