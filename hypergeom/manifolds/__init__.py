"""Manifolds as objects with one protocol, for optimizers; and volumes in hyperbolic space.

Code that is written against `Manifold` runs on each of `Euclidean`, `Sphere`, `PoincareBall`, `Lorentz`, `Stiefel`,
`LorentzGroup` and `Product`. They are immutable values: hashable, equal where their parameters are, cheap to make and
to pickle. Their methods work on the arrays of every library of the array-API standard. `Validating` wraps one for
debugging.
"""

from hypergeom.manifolds.euclidean import Euclidean
from hypergeom.manifolds.hyperbolic import Lorentz, PoincareBall
from hypergeom.manifolds.lorentz_group import LorentzGroup
from hypergeom.manifolds.product import Product
from hypergeom.manifolds.protocol import Manifold
from hypergeom.manifolds.sphere import Sphere
from hypergeom.manifolds.stiefel import Stiefel
from hypergeom.manifolds.validating import Validating
from hypergeom.manifolds.volumes import CoveringBounds, ball_volume, covering_bounds, sphere_area

__all__ = [
    "CoveringBounds",
    "Euclidean",
    "Lorentz",
    "LorentzGroup",
    "Manifold",
    "PoincareBall",
    "Product",
    "Sphere",
    "Stiefel",
    "Validating",
    "ball_volume",
    "covering_bounds",
    "sphere_area",
]
