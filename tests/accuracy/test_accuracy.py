"""Every function to the last digits: values and gradients against many digits, in every class of cases."""

import numpy as np
import pytest
from accuracy import ball, harness, hyperboloid

from hypergeom._rows import row_ops

CASES = {"poincare": ball.CASES, "lorentz": hyperboloid.CASES}
SUBJECTS = harness.all_subjects()
RUNS = [
    pytest.param(subject, case, id=f"{subject.name}-{case.name}")
    for subject in SUBJECTS
    for case in CASES[subject.name.partition(".")[0]]
    if subject.bars_for(case, np.float64) is not None
]


def check(subject, case, d, dtype, rng):
    bars = subject.bars_for(case, dtype)
    value, cotangent, c_bar = harness.measure(subject, case, d, dtype, rng)
    where = f"{case.name}, d = {d}, {np.dtype(dtype)}"
    assert value <= bars.value, f"value, {where}"
    assert cotangent <= bars.cotangent, f"cotangents, {where}"
    assert c_bar <= bars.c_bar, f"cotangent of c, {where}"


@pytest.mark.parametrize(("subject", "case"), RUNS)
def test_accuracy(subject, case, rng):
    check(subject, case, 3, np.float64, rng)
    if case.single:
        check(subject, case, int(rng.choice([1, 2, 4, 16])), np.float32, rng)


@pytest.mark.slow
@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
@pytest.mark.parametrize("d", [d for d in harness.DIMENSIONS if d != 3])
def test_accuracy_in_every_dimension(subject, d, rng):
    cases = [case for case in CASES[subject.name.partition(".")[0]] if subject.bars_for(case, np.float64) is not None]
    if d > 4:  # long rows take long to be true: one case of each class
        kinds = dict.fromkeys(case.name.split("@")[0] for case in cases)
        cases = [rng.choice([case for case in cases if case.name.split("@")[0] == kind]) for kind in kinds]
    for case in cases:
        for dtype in case.dtypes:
            check(subject, case, d, dtype, rng)


def test_every_row_function_is_a_subject():
    functions = {str(op) for op in row_ops.values() if not op.vjp and not op.groups}
    exact = {"poincare.project", "poincare.project_tangent", "lorentz.project"}
    assert {subject.name for subject in SUBJECTS} >= functions - exact
