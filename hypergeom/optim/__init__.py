"""Optimizers on manifolds, with gradients derived by hand: no autograd.

`minimize` is the loop, over arrays and trees of arrays. `RCG`, `RLBFGS` and `TrustRegion` find optima to the last
digits; `RSGD`, `RAdam`, `Muon` in flat space and `HyperbolicMuon` on the groups O(p, q) are for training, and their
steps are pure functions of point, gradient and state that a loop of your own can call.
"""

from hypergeom.optim.bilevel import SelfTuneHistory, SelfTuneResult, best_response, hypergradient, self_tune
from hypergeom.optim.conjugate_gradient import RCG, RCGState
from hypergeom.optim.curvature import change_curvature
from hypergeom.optim.curves import retraction_curve
from hypergeom.optim.layers import layered
from hypergeom.optim.lbfgs import RLBFGS, RLBFGSState
from hypergeom.optim.line_search import StrongWolfe
from hypergeom.optim.meta_learning import (
    MetaGradient,
    MetaTrainHistory,
    MetaTrainResult,
    Task,
    meta_sgd,
    meta_train,
)
from hypergeom.optim.minimization import minimize
from hypergeom.optim.muon import HyperbolicMuon, Muon, MuonState
from hypergeom.optim.quantizers import UniformQuantizer
from hypergeom.optim.radam import RAdam, RAdamState
from hypergeom.optim.result import History, IterationInfo, MinimizeResult
from hypergeom.optim.rsgd import RSGD, RSGDState
from hypergeom.optim.schedules import (
    Schedule,
    constant_schedule,
    cosine_schedule,
    curvature_annealing,
    inverse_sqrt_schedule,
    linear_schedule,
    power_schedule,
    sgd_bound,
)
from hypergeom.optim.tracking import (
    TrackingHistory,
    TrackingResult,
    gradient_tracking,
    metropolis_weights,
    ring_weights,
)
from hypergeom.optim.trees import ravel
from hypergeom.optim.trust_region import TrustRegion, TrustRegionState

__all__ = [
    "RCG",
    "RLBFGS",
    "RSGD",
    "History",
    "HyperbolicMuon",
    "IterationInfo",
    "MetaGradient",
    "MetaTrainHistory",
    "MetaTrainResult",
    "MinimizeResult",
    "Muon",
    "MuonState",
    "RAdam",
    "RAdamState",
    "RCGState",
    "RLBFGSState",
    "RSGDState",
    "Schedule",
    "SelfTuneHistory",
    "SelfTuneResult",
    "StrongWolfe",
    "Task",
    "TrackingHistory",
    "TrackingResult",
    "TrustRegion",
    "TrustRegionState",
    "UniformQuantizer",
    "best_response",
    "change_curvature",
    "constant_schedule",
    "cosine_schedule",
    "curvature_annealing",
    "gradient_tracking",
    "hypergradient",
    "inverse_sqrt_schedule",
    "layered",
    "linear_schedule",
    "meta_sgd",
    "meta_train",
    "metropolis_weights",
    "minimize",
    "power_schedule",
    "ravel",
    "retraction_curve",
    "ring_weights",
    "self_tune",
    "sgd_bound",
]
