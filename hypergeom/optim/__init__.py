"""Optimizers on manifolds: pure functions of point, gradient and state.

`Muon` takes steps of equal singular values in flat space, and `HyperbolicMuon` on the groups O(p, q).
"""

from hypergeom.optim.bilevel import SelfTuneHistory, SelfTuneResult, best_response, hypergradient, self_tune
from hypergeom.optim.muon import HyperbolicMuon, Muon, MuonState

__all__ = [
    "HyperbolicMuon",
    "Muon",
    "MuonState",
    "SelfTuneHistory",
    "SelfTuneResult",
    "best_response",
    "hypergradient",
    "self_tune",
]
