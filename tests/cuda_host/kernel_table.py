"""The compiler's report of every kernel, as the documentation keeps it (docs/gpu/kernels.csv)."""

import csv
from pathlib import Path

from cuda_host import emulation, nvrtc

from hypergeom import _cuda

PATH = Path(__file__).parents[2] / "docs" / "gpu" / "kernels.csv"
# Why kernels for float32 arrays have instructions of double precision, by source; the others have no such kernels.
REASONS = {
    "row_ops.cu": "all between reading and writing: a float32 result is the float64 result, rounded once",
    "pairwise.cu": "likewise, and a distance is the bits of that of two rows",
}


def sources():
    """Of each compilation: its source, options and kernels."""
    for source, entries in emulation.SOURCES.items():
        for options, kernels, _ in entries():
            yield source, options, kernels


def header():
    registers = [f"registers {name}" for name in nvrtc.ARCHITECTURES]
    arithmetic = [f"double {name}" for name in nvrtc.ARCHITECTURES]
    conversions = [f"conversions {name}" for name in nvrtc.ARCHITECTURES]
    return ["kernel", "source", "NVRTC", *registers, "shared", "stack", "spills", *arithmetic, *conversions]


def lines_of(source, options, kernels):
    """The table's lines of one compilation."""
    binaries = nvrtc.compile_for_all(_cuda.source_folders()[1] / source, _cuda.compile_options() + tuple(options))
    binaries = [binaries[name]() for name in nvrtc.ARCHITECTURES]
    for name in kernels:
        uses = [binary.usage[name] for binary in binaries]
        found = [binary.doubles[name] for binary in binaries]
        most = [max(getattr(use, kind) for use in uses) for kind in ("shared", "stack", "spills")]
        counts = [n for kind in zip(*found, strict=True) for n in kind]
        yield [name, source, nvrtc.version(), *(use.registers for use in uses), *most, *counts]


def write(path=PATH):
    path.parent.mkdir(exist_ok=True)
    with open(path, "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(header())
        for compilation in sources():
            table.writerows(lines_of(*compilation))
            file.flush()


def committed():
    """Lines of the table by kernel, as dicts whose numbers are numbers."""
    with open(PATH, newline="") as file:
        lines = [{k: int(v) if v.isdecimal() else v for k, v in line.items()} for line in csv.DictReader(file)]
    return {line["kernel"]: line for line in lines}
