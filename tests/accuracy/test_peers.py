"""At moderate radius other libraries compute the same."""

import numpy as np
import pytest
from accuracy import ball, harness, hyperboloid, peers

CASES = {
    "poincare": [case for case in ball.CASES if case.name in ("generic@c=1", "along")],  # geoopt has no c = 1000
    "lorentz": [case for case in hyperboloid.CASES if case.name in ("generic@c=1", "generic@c=1000")],
}
SUBJECTS = {subject.name: subject for subject in harness.all_subjects()}
RUNS = [(peer, name) for peer, functions in peers.PEERS.items() for name in functions if name in SUBJECTS]


@pytest.mark.parametrize(("peer", "name"), RUNS)
def test_peers_agree(peer, name, rng):
    pytest.importorskip(peer, reason=f"{peer} is not installed")
    subject = SUBJECTS[name]
    for case in CASES[name.partition(".")[0]]:
        inputs = case.make(rng, 5, np.float64, 50)
        args = [inputs[key] for key in subject.arguments]
        ours, theirs = subject.function(*args, case.c), peers.PEERS[peer][name](*args, case.c)
        theirs = theirs.reshape(ours.shape)
        if name in ("poincare.exp", "poincare.mobius_add"):  # peers move what comes near the rim
            inside = np.linalg.norm(ours, axis=-1) * np.sqrt(case.c) < 0.99
            ours, theirs = ours[inside], theirs[inside]
        np.testing.assert_allclose(theirs, ours, rtol=1e-9, atol=1e-9 * np.abs(ours).max())
