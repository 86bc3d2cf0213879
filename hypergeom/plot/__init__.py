"""Pictures of hyperbolic points: `disk` draws an embedded hierarchy in the Poincaré disk."""

from hypergeom.plot.poincare_disk import disk

__all__ = ["disk"]
