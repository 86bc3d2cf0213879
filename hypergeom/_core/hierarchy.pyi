import numpy as np
import numpy.typing as npt

def close(edges: npt.NDArray[np.int64], n: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool], list[int]]: ...
