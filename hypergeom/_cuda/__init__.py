"""CUDA twins: kernels of the installed sources, compiled by CuPy when first called. Nothing else imports CuPy.

The launch code (`launch_rows`, `launch_pairs`) knows a GPU by the small protocol `Device`. So it runs on CuPy
arrays, and in tests on NumPy arrays with the kernels emulated on the host.
"""

from hypergeom._cuda.device import Device, Kernel, compile_options, cupy_device, home, source_folders
from hypergeom._cuda.embedding import BLOCK_WARPS, reconstruction_ranks, run_epoch
from hypergeom._cuda.pairs import PAIR_BLOCK, call_pairs, launch_pairs, pair_options
from hypergeom._cuda.polar import (
    LARGEST_POLAR,
    LARGEST_SHORT_SIDE,
    MOST_STEPS,
    algebra_project,
    ns_epilogue,
    schulz_rhs,
    small_jpolar,
    small_newton_schulz,
    small_orthogonal,
)
from hypergeom._cuda.rows import NEAR_SUMS, ROW_BLOCK, call, chapter_options, launch_rows

__all__ = [
    "BLOCK_WARPS",
    "LARGEST_POLAR",
    "LARGEST_SHORT_SIDE",
    "MOST_STEPS",
    "NEAR_SUMS",
    "PAIR_BLOCK",
    "ROW_BLOCK",
    "Device",
    "Kernel",
    "algebra_project",
    "call",
    "call_pairs",
    "chapter_options",
    "compile_options",
    "cupy_device",
    "home",
    "launch_pairs",
    "launch_rows",
    "ns_epilogue",
    "pair_options",
    "reconstruction_ranks",
    "run_epoch",
    "schulz_rhs",
    "small_jpolar",
    "small_newton_schulz",
    "small_orthogonal",
    "source_folders",
]
