"""Optimizers on manifolds: pure functions of point, gradient and state.

`Muon` takes steps of equal singular values in flat space, and `HyperbolicMuon` on the groups O(p, q).
"""

from hypergeom.optim.muon import HyperbolicMuon, Muon, MuonState
from hypergeom.optim.radam import RAdam, RAdamState
from hypergeom.optim.retraction_curve import retraction_curve
from hypergeom.optim.rsgd import RSGD, RSGDState
from hypergeom.optim.trees import ravel

__all__ = [
    "RSGD",
    "HyperbolicMuon",
    "Muon",
    "MuonState",
    "RAdam",
    "RAdamState",
    "RSGDState",
    "ravel",
    "retraction_curve",
]
