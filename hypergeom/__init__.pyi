from . import datasets, embed, errors, lorentz, manifolds, plot, poincare
from ._threads import threads

__all__ = ["datasets", "embed", "errors", "lorentz", "manifolds", "plot", "poincare", "threads"]
__version__: str
