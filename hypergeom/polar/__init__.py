"""Polar decompositions and what rests on them, for batches of matrices of every array library.

`polar` is ``A = U P`` with orthonormal U. `jpolar` is ``A = W S`` with W in O(p, q), the matrices that keep
``x^T J y`` for a diagonal J of signs, j; it does not always exist, and says so. `msign` and `mclip` set or clip
singular values. `newton_schulz` does so approximately, in products alone, by coefficients of which `ns_range` says how
good they are. Derivatives are by hand, and lose nothing at equal singular values.
"""

from hypergeom.polar.clipping import mclip
from hypergeom.polar.coefficients import ns_coefficients, ns_range
from hypergeom.polar.indefinite import JPolarInfo, JPolarResult, jpolar
from hypergeom.polar.indefinite_derivatives import jpolar_jvp, jpolar_vjp
from hypergeom.polar.jorthogonal import (
    exchange,
    is_jorthogonal,
    jadjoint,
    jorthogonality_residual,
    random_jorthogonal,
    schulz_polish,
    signature,
)
from hypergeom.polar.orthogonal import PolarResult, msign, polar
from hypergeom.polar.schulz import newton_schulz
from hypergeom.polar.spectral_derivatives import mclip_jvp, mclip_vjp, msign_jvp, msign_vjp, polar_vjp

__all__ = [
    "JPolarInfo",
    "JPolarResult",
    "PolarResult",
    "exchange",
    "is_jorthogonal",
    "jadjoint",
    "jorthogonality_residual",
    "jpolar",
    "jpolar_jvp",
    "jpolar_vjp",
    "mclip",
    "mclip_jvp",
    "mclip_vjp",
    "msign",
    "msign_jvp",
    "msign_vjp",
    "newton_schulz",
    "ns_coefficients",
    "ns_range",
    "polar",
    "polar_vjp",
    "random_jorthogonal",
    "schulz_polish",
    "signature",
]
