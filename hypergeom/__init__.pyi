from . import datasets, embed, errors, lorentz, manifolds, optim, plot, poincare, polar
from ._threads import threads

__all__ = ["datasets", "embed", "errors", "lorentz", "manifolds", "optim", "plot", "poincare", "polar", "threads"]
__version__: str
