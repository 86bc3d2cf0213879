from .estimator import EpochInfo, HyperbolicEmbedding
from .evaluation import Evaluation, evaluate
from .hierarchy import Hierarchy, closure, link_prediction_split, rarity_weights
from .hyperbolicity import DeltaHyperbolicity, delta_hyperbolicity
from .metrics import HMDS, Distortion, distortion, hierarchy_score, hmds, spearman
from .tree import tree_embedding

__all__ = [
    "HMDS",
    "DeltaHyperbolicity",
    "Distortion",
    "EpochInfo",
    "Evaluation",
    "Hierarchy",
    "HyperbolicEmbedding",
    "closure",
    "delta_hyperbolicity",
    "distortion",
    "evaluate",
    "hierarchy_score",
    "hmds",
    "link_prediction_split",
    "rarity_weights",
    "spearman",
    "tree_embedding",
]
