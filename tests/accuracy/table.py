"""Write the tables of worst errors that the documentation shows: ``python tests/accuracy/table.py docs/accuracy``.

One file for each space and dtype: a row for each function, a column for each class of cases; a cell holds the worst
errors, in eps, of values, of cotangents of points and vectors (norm of a batch), and of the cotangent of c. And one
file for the values of other libraries beside ours, at c = 1.
"""

import argparse
import csv
import sys
import zlib
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from accuracy import ball, harness, hyperboloid, peers

CASES = {"poincare": ball.CASES, "lorentz": hyperboloid.CASES}
DTYPES = (np.float64, np.float32)


def classes(space):
    return list(dict.fromkeys(case.name.split("@")[0] for case in CASES[space]))


def worst(job):
    """The worst errors of a subject over a class of cases, in all dimensions."""
    name, kind, dtype, seed, rows = job
    subject = next(s for s in harness.all_subjects() if s.name == name)
    rng = np.random.default_rng([seed, zlib.crc32(f"{name}{kind}{np.dtype(dtype)}".encode())])
    found = np.zeros(3)
    cases = [case for case in CASES[name.partition(".")[0]] if case.name.split("@")[0] == kind]
    cases = [case for case in cases if dtype in case.dtypes and subject.bars_for(case, dtype) is not None]
    if not cases:
        return None
    for d in harness.DIMENSIONS:
        for case in cases if d <= 4 else [rng.choice(cases)]:  # long rows take long to be true
            found = np.fmax(found, harness.measure(subject, case, d, dtype, rng, rows))
    return found


def cell(errors, subject):
    return "" if errors is None else " / ".join(map(shown, errors if subject.vjp else errors[:1]))


def beside_peers(options):
    """Worst errors of values by function and class: ours and each peer's."""
    for subject in harness.all_subjects():
        if not any(subject.name in functions for functions in peers.PEERS.values()):
            continue
        cases = [case for case in CASES[subject.name.partition(".")[0]] if case.c == 1.0 and case.single]
        for kind in dict.fromkeys(case.name.split("@")[0] for case in cases):
            row = [subject.name, kind.replace("_", " ")]
            for dtype in DTYPES:
                rng = np.random.default_rng([options.seed, zlib.crc32(f"{subject.name}{kind}".encode())])
                calls = [subject.function, *(peers.PEERS[name].get(subject.name) for name in peers.PEERS)]
                errors = np.zeros(len(calls))
                for case in cases:
                    if case.name.split("@")[0] == kind:
                        errors = np.fmax(errors, value_errors(subject, case, calls, dtype, rng, options.rows))
                row += ["" if call is None else shown(e) for call, e in zip(calls, errors, strict=True)]
            yield row


def value_errors(subject, case, calls, dtype, rng, rows):
    """Worst error of each way to compute; NaN of a finite truth counts as infinitely wrong."""
    inputs = case.make(rng, 3, dtype, rows)
    args = [inputs[name] for name in subject.arguments]
    sizes = np.zeros(rows) if subject.size is None else subject.size(args, case.c)
    truth = harness.true_values(subject, args, case.c, case.digits)
    found = []
    for call in calls:
        got = np.zeros((rows, 1)) if call is None else harness.joined(call(*args, case.c), rows)
        errors = np.zeros(1) if call is None else harness.row_errors(got, truth, sizes, case.digits)
        found.append(np.nan_to_num(np.max(errors), nan=np.inf, posinf=np.inf) / np.finfo(dtype).eps)
    return np.asarray(found)


def shown(error):
    if error == 0:
        return "0"
    if not np.isfinite(error):
        return "all"
    return f"{error:.2g}" if error < 10 else f"{error:.0f}" if error < 1e5 else f"{error:.0e}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=2026)
    parser.add_argument("--rows", type=int, default=harness.ROWS)
    options = parser.parse_args()
    options.folder.mkdir(exist_ok=True)
    subjects = {s.name: s for s in harness.all_subjects()}
    with open(options.folder / "peers.csv", "w", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        names = ["hypergeom", *peers.PEERS]
        table.writerow(["function", "class", *(f"{name} {np.dtype(t)}" for t in DTYPES for name in names)])
        table.writerows(beside_peers(options))
    with ProcessPoolExecutor() as pool:
        for space in CASES:
            names = [name for name in subjects if name.startswith(f"{space}.")]
            for dtype in DTYPES:
                jobs = [(n, k, dtype, options.seed, options.rows) for n in names for k in classes(space)]
                results = iter(pool.map(worst, jobs))
                with open(options.folder / f"{space}_{np.dtype(dtype)}.csv", "w", newline="") as file:
                    table = csv.writer(file, lineterminator="\n")
                    table.writerow(["function", *(kind.replace("_", " ") for kind in classes(space))])
                    for name in names:
                        row = [cell(next(results), subjects[name]) for _ in classes(space)]
                        table.writerow([name.partition(".")[2], *row])


if __name__ == "__main__":
    main()
