"""Newton-Schulz coefficients against their published figures, the theorem of equal errors, and sampled ranges."""

import numpy as np
import pytest

from hypergeom.polar import newton_schulz, ns_coefficients, ns_range

EPS = np.finfo(float).eps
# N. Amsel et al. 2025, without the safety factor; the printed sign of b in row 6 is wrong there.
PUBLISHED = np.array(
    [
        (8.28721201814563, -23.595886519098837, 17.300387312530933),
        (4.107059111542203, -2.9478499167379106, 0.5448431082926601),
        (3.9486908534822946, -2.908902115962949, 0.5518191394370137),
        (3.3184196573706015, -2.488488024314874, 0.51004894012372),
        (2.300652019954817, -1.6689039845747493, 0.4188073119525673),
        (1.891301407787398, -1.2679958271945868, 0.37680408948524835),
        (1.8750014808534479, -1.2500016453999487, 0.3750001645474248),
    ]
)


def composed(rows, x):
    for a, b, c in rows:
        x = x * (a + x * x * (b + x * x * c))
    return x


def test_the_generator_gives_the_published_rows():
    rows = ns_coefficients("optimal", lower=1e-3, cushion=0.02407327424182761, steps=7)
    np.testing.assert_allclose(rows, PUBLISHED, rtol=1e-10)
    rounded = ns_coefficients("optimal", lower=1e-3, cushion=0.02, steps=7)
    assert 0.01 < np.max(np.abs(rounded / PUBLISHED - 1)) < 0.02


def test_safety_divides_all_rows_but_the_last():
    rows = ns_coefficients("polar_express")
    np.testing.assert_allclose(rows[:7], PUBLISHED / [1.01, 1.01**3, 1.01**5], rtol=1e-15)
    np.testing.assert_array_equal(rows[7], [1.875, -1.25, 0.375])
    np.testing.assert_array_equal(ns_coefficients("polar_express", steps=10)[7:], [[1.875, -1.25, 0.375]] * 3)
    plain, safe = (ns_coefficients("optimal", lower=0.1, steps=4, safety=s) for s in (1.0, 1.02))
    np.testing.assert_allclose(safe[:-1], plain[:-1] / [1.02, 1.02**3, 1.02**5], rtol=1e-15)
    np.testing.assert_array_equal(safe[-1], plain[-1])
    assert ns_coefficients("polar_express", steps=3)[2, 0] == PUBLISHED[2, 0] / 1.01


@pytest.mark.parametrize("lower", [1e-7, 1e-4, 0.01, 0.3, 0.9, 1 - 1e-4, 1 - 1e-5])
@pytest.mark.parametrize("upper", [1.0, 3.7])
def test_equal_errors_at_four_points(lower, upper):
    (a, b, c), *_ = ns_coefficients("optimal", lower=lower * upper, upper=upper, steps=1)
    inner = np.sqrt(np.sort(np.roots([5 * c, 3 * b, a]).real)) if lower < 0.99 else []
    nodes = np.array([lower * upper, *inner, upper])
    errors = composed([(a, b, c)], nodes) - 1
    size = np.max(np.abs(composed([(a, b, c)], np.linspace(lower * upper, upper, 10_001)) - 1))
    if lower < 0.99:
        np.testing.assert_allclose(errors, size * np.array([-1, 1, -1, 1]), atol=1e-13)
    else:
        assert size <= 1e-13


def test_no_better_quintic(rng):
    row = ns_coefficients("optimal", lower=0.05, steps=1)[0]

    def error(row):
        least, largest = ns_range(row[None], 0.05)
        return max(1 - least, largest - 1)

    for size in 10.0 ** rng.uniform(-6, 0, 300):
        assert error(row + size * rng.normal(size=3)) >= error(row) - 1e-14


def test_degree_three():
    rows = ns_coefficients("optimal", lower=0.01, degree=3, steps=2)
    np.testing.assert_allclose(rows, [(5.03983927, -4.98944587, 0), (2.46716105, -0.63232123, 0)], atol=5e-9)
    least, largest = ns_range(rows, 0.01)
    assert largest - 1 == pytest.approx(1 - least, abs=1e-14)
    assert 1 - ns_range(ns_coefficients("optimal", lower=0.01, degree=3), 0.01)[0] <= 4 * EPS


@pytest.mark.parametrize(
    ("lower", "coarse", "fine"), [(1e-2, 5, 6), (1e-3, 6, 7), (1e-4, 8, 9), (1e-6, 11, 12), (1e-7, 13, 14)]
)
def test_steps_of_the_optimal_rows(lower, coarse, fine):
    for steps, error in ((coarse, 1e-3), (fine, 1e-7)):
        assert deviation(lower, steps) < error <= deviation(lower, steps - 1)
    rows = ns_coefficients("optimal", lower=lower)
    least, largest = ns_range(rows, lower)
    assert max(1 - least, largest - 1) <= 8 * EPS
    assert deviation(lower, len(rows) - 1) > 4 * EPS


def deviation(lower, steps):
    least, largest = ns_range(ns_coefficients("optimal", lower=lower, steps=steps), lower)
    return max(1 - least, largest - 1)


def test_a_steep_start_does_not_blow_up():
    """Values beyond the end of an interval grow by the slope of 25 in each step."""
    least, largest = ns_range(ns_coefficients("optimal", lower=1e-12), 1e-12)
    assert 1 - 8 * EPS <= least <= largest <= 1 + 8 * EPS


@pytest.mark.parametrize(
    ("name", "steps", "least", "largest"),
    [
        ("jordan", 5, 0.4705, 1.2024),
        ("you5", 5, 0.4750, 1.1450),
        ("you6", 6, 0.8663, 0.9993),
        ("polar_express", 5, 0.8462, 1.1236),
        ("polar_express", 6, 0.9944, 1.0012),
        ("polar_express", 8, 1, 1),
    ],
)
def test_ranges_of_the_tables(name, steps, least, largest):
    rows = ns_coefficients(name, steps=steps)
    np.testing.assert_allclose(ns_range(rows, 1e-3), (least, largest), atol=5e-5 if steps < 8 else 1e-12)
    values = composed(rows, np.logspace(-3, 0, 200_001))
    assert ns_range(rows, 1e-3) == pytest.approx((values.min(), values.max()), abs=1e-6)


def test_range_of_random_rows(rng):
    for _ in range(50):
        rows = rng.normal(size=(3, 3))
        lower, upper = np.sort(rng.normal(size=2))
        values = composed(rows, np.linspace(lower, upper, 100_001))
        least, largest = ns_range(rows, lower, upper)
        size = 1 + np.max(np.abs(values))
        assert least <= values.min() + 1e-12 * size and largest >= values.max() - 1e-12 * size
        assert values.min() - least <= 1e-4 * size and largest - values.max() <= 1e-4 * size


def test_singular_values_stay_in_the_range_of_jordan(rng):
    """They are not 1: Muon's five steps leave them between 0.47 and 1.21."""
    s = np.logspace(-3, 0, 40)
    u, v = (np.linalg.qr(rng.normal(size=(40, 40)))[0] for _ in range(2))
    values = np.linalg.svd(newton_schulz((u * s / np.linalg.norm(s)) @ v, coefficients="jordan"), compute_uv=False)
    assert values.min() < 0.8 and values.max() > 1.1 and values.max() < 1.21


@pytest.mark.parametrize("name", ["jordan", "you5", "you6", "schulz", "taylor", "polar_express"])
def test_lengths(name):
    rows = ns_coefficients(name)
    assert rows.dtype == np.float64 and rows.shape == ({"you6": 6, "polar_express": 8}.get(name, 5), 3)
    for steps in (1, 4, 11):
        longer = ns_coefficients(name, steps=steps)
        assert longer.shape == (steps, 3)
        np.testing.assert_array_equal(longer[: len(rows)], rows[:steps])
        np.testing.assert_array_equal(longer[len(rows) :], np.repeat(rows[-1:], max(steps - len(rows), 0), axis=0))


@pytest.mark.parametrize(
    ("args", "options", "message"),
    [
        (("optimum",), {}, "name must be one of"),
        (("jordan",), {"steps": 0}, "steps must be an integer of at least 1"),
        (("jordan",), {"steps": 2.0}, "steps must be an integer"),
        (("jordan",), {"lower": 0.1}, "are options of 'optimal'"),
        (("optimal",), {}, "needs 0 < lower < upper"),
        (("optimal",), {"lower": 0.0}, "needs 0 < lower < upper"),
        (("optimal",), {"lower": 1.0}, "needs 0 < lower < upper"),
        (("optimal",), {"lower": float("nan")}, "needs 0 < lower < upper"),
        (("optimal",), {"lower": 1e-13}, "at least 1e-12"),
        (("optimal",), {"lower": 0.1, "degree": 4}, "degree must be 3 or 5, got 4"),
        (("optimal",), {"lower": 0.1, "cushion": 1.0}, "cushion must be in"),
        (("optimal",), {"lower": 0.1, "safety": 0.9}, "safety must be at least 1"),
    ],
)
def test_bad_input(args, options, message):
    with pytest.raises(ValueError, match=message):
        ns_coefficients(*args, **options)


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("jordan", 1.0, 0.5), "lower <= upper"),
        (("jordan", float("nan")), "finite lower"),
        (("optimal", 0.1), "needs the rows"),
        ((np.ones((2, 2)), 0.1), "finite rows of shape"),
        ((np.ones((0, 3)), 0.1), "finite rows of shape"),
    ],
)
def test_bad_range(args, message):
    with pytest.raises(ValueError, match=message):
        ns_range(*args)
