from . import datasets, embed, errors, lorentz, manifolds, plot, poincare, polar
from ._threads import threads

__all__ = ["datasets", "embed", "errors", "lorentz", "manifolds", "plot", "poincare", "polar", "threads"]
__version__: str
