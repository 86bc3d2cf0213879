import numpy as np
import numpy.typing as npt

MAX_POSITIVES: int

def row_layout(d: int) -> tuple[int, int]: ...
def philox(seed: int, a: int, b: int, c: int, d: int) -> tuple[int, int, int, int]: ...

class Graph:
    def __init__(
        self,
        ancestor_start: npt.NDArray[np.int64],
        ancestors: npt.NDArray[np.int32],
        weights: npt.NDArray[np.float64],
        visit_start: npt.NDArray[np.int64],
        visit_node: npt.NDArray[np.int32],
    ) -> None: ...

def run_epoch(
    rows: npt.NDArray[np.float64],
    d: int,
    graph: Graph,
    order: npt.NDArray[np.int32],
    *,
    seed: int,
    epoch: int,
    threads: int,
    learning_rate: float,
    max_step: float,
    smallest_gap: float,
    decay_power: float,
    hyperbolic: bool,
    n_negatives: int,
    n_near: int = 0,
    near_weight: float = 1.0,
    near: npt.NDArray[np.int32] | None = None,
    alias_share: npt.NDArray[np.float64] | None = None,
    alias: npt.NDArray[np.int32] | None = None,
) -> tuple[float, int, int]: ...
def reconstruction_ranks(
    x: npt.NDArray[np.float64],
    gap: npt.NDArray[np.float64],
    ancestor_start: npt.NDArray[np.int64],
    ancestors: npt.NDArray[np.int32],
    queries: npt.NDArray[np.int32],
    *,
    threads: int,
    n_rivals: int = 0,
    reach: float = 1.0,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int32]]: ...
