"""The compiler's report of every kernel, as the documentation keeps it (docs/gpu/kernels.csv)."""

import csv
from pathlib import Path

from cuda_host import emulation, nvrtc

from hypergeom import _cuda

PATH = Path(__file__).parents[2] / "docs" / "gpu" / "kernels.csv"
SUMMARY = PATH.with_name("kernel_summary.csv")
# Why kernels for float32 arrays have instructions of double precision, by source; the others have no such kernels.
REASONS = {
    "row_ops.cu": "all between reading and writing: a float32 result is the float64 result, rounded once",
    "pairwise.cu": "likewise, and a distance is the bits of that of two rows",
    "small_polar.cu": "all between reading and writing: the iteration loses digits with the condition of the matrix",
    "newton_schulz.cu": "the coefficients come in double precision, and are rounded once for each step",
    "matrix_steps.cu": "likewise, once in a launch",
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
    write_summary()


def summary():
    """Lines of the table by file of formulas and dtype: the least and the most of their kernels, over architectures."""
    lines = committed()
    yield ["kernels of", "dtype", "number", "registers", "shared", "stack", "spills", "double", "conversions"]
    for source, options, kernels in sources():
        header = next((option for option in options if "HG_HEADER" in option), None)
        title = source if header is None else header.partition("hypergeom/")[2].removesuffix('.hpp"')
        for dtype in ("float32", "float64"):
            some = [lines[name] for name in kernels if dtype in name or ("float" not in name and dtype == "float64")]
            if some:
                kinds = ("registers", "shared", "stack", "spills", "double", "conversions")
                yield [title, dtype, len(some), *(_range(some, kind) for kind in kinds)]


def _range(lines, kind):
    values = [n for line in lines for key, n in line.items() if key.partition(" ")[0] == kind]
    return str(min(values)) if min(values) == max(values) else f"{min(values)} to {max(values)}"


def write_summary(path=SUMMARY):
    with open(path, "w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(summary())


def committed():
    """Lines of the table by kernel, as dicts whose numbers are numbers."""
    with open(PATH, newline="") as file:
        lines = [{k: int(v) if v.isdecimal() else v for k, v in line.items()} for line in csv.DictReader(file)]
    return {line["kernel"]: line for line in lines}
