"""Every function to the last digits: values and gradients against many digits, in every class of cases."""

import numpy as np
import pytest
from accuracy import ball, harness, hyperboloid

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
    where = f"d = {d}, {np.dtype(dtype)}"
    assert value <= bars.value, f"value, {where}"
    assert cotangent <= bars.cotangent, f"cotangents, {where}"
    assert c_bar <= bars.c_bar, f"cotangent of c, {where}"


@pytest.mark.parametrize(("subject", "case"), RUNS)
def test_accuracy(subject, case, rng):
    check(subject, case, 3, np.float64, rng)
    check(subject, case, int(rng.choice([1, 2, 4, 16])), np.float32, rng)


@pytest.mark.slow
@pytest.mark.parametrize(("subject", "case"), RUNS)
@pytest.mark.parametrize("d", harness.DIMENSIONS)
def test_accuracy_in_every_dimension(subject, case, d, rng):
    for dtype in (np.float64, np.float32):
        check(subject, case, d, dtype, rng)
