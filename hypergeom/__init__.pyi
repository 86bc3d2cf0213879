from . import check, datasets, embed, errors, lorentz, manifolds, optim, plot, poincare, polar
from ._threads import threads

__all__ = [
    "check",
    "datasets",
    "embed",
    "errors",
    "lorentz",
    "manifolds",
    "optim",
    "plot",
    "poincare",
    "polar",
    "threads",
]
__version__: str
