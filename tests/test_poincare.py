import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypergeom import poincare

EPS = np.finfo(np.float64).eps
ROWS, D = 8, 3


# The textbook formulas, for 120 digits.
def norm(x):
    return mp.sqrt(mp.fdot(x, x))


def mobius_add(x, y, c):
    xy, xx, yy = mp.fdot(x, y), mp.fdot(x, x), mp.fdot(y, y)
    a, b, n = 1 + 2 * c * xy + c * yy, 1 - c * xx, 1 + 2 * c * xy + c * c * xx * yy
    return [(a * xi + b * yi) / n for xi, yi in zip(x, y, strict=True)]


def minus(x):
    return [-xi for xi in x]


def dist0(y, c):
    return [2 * norm(y) if c == 0 else 2 * mp.atanh(mp.sqrt(c) * norm(y)) / mp.sqrt(c)]


def dist(x, y, c):
    return dist0(mobius_add(minus(x), y, c), c)


def exp0(v, c):
    r = mp.sqrt(c) * norm(v)
    return [mp.tanh(r) / r * vi for vi in v] if r else v


def log0(y, c):
    r = mp.sqrt(c) * norm(y)
    return [mp.atanh(r) / r * yi for yi in y] if r else y


def exp(x, v, c):
    g = 1 - c * mp.fdot(x, x)
    return mobius_add(x, exp0([vi / g for vi in v], c), c)


def log(x, y, c):
    g = 1 - c * mp.fdot(x, x)
    return [g * w for w in log0(mobius_add(minus(x), y, c), c)]


def egrad2rgrad(x, u, c):
    g = 1 - c * mp.fdot(x, x)
    return [g * g / 4 * ui for ui in u]


ORACLES = {f.__name__: f for f in (dist, dist0, exp, exp0, log, log0, mobius_add, egrad2rgrad)}


def unit_rows(rng, rows=ROWS, d=D):
    x = rng.normal(size=(rows, d))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


# Classes of cases: (x, y, v) with 1 - sqrt(c)|x| and 1 - sqrt(c)|y| at least `gap`.
def generic(rng, c, gap=0.1):
    scale = 1 / np.sqrt(c) if c else 1.0
    x, y, v = (scale * rng.uniform(0.1, 1 - gap, (ROWS, 1)) * unit_rows(rng) for _ in range(3))
    return x, y, v


def close(rng, c):
    x, _, v = generic(rng, c)
    return x, x + 1e-12 * v, 1e-12 * v


def tiny_second(rng, c):
    x, y, v = generic(rng, c)
    return x, 1e-9 * y, 1e-9 * v


def rim(rng, c, gap):
    scale = (1 - gap * rng.uniform(1, 2, (2, ROWS, 1))) / np.sqrt(c)
    x, y = scale[0] * unit_rows(rng), scale[1] * unit_rows(rng)
    return x, y, gap * unit_rows(rng) / np.sqrt(c)


def across(rng, c, gap):
    """Two points near the rim, and the tangent from the one to the other."""
    x, y, _ = rim(rng, c, gap)
    return x, y, poincare.log(x, y, c)


def inward(rng, c, gap):
    """From near the rim along the diameter, to both sides of the origin."""
    x, _, _ = rim(rng, c, gap)
    y = rng.uniform(-1, 1, (ROWS, 1)) * x
    return x, y, poincare.log(x, y, c)


def from_origin(rng, c):
    x, y, v = generic(rng, c)
    return 0 * x, y, v


def to_origin(rng, c):
    x, y, _ = generic(rng, c)
    return x, 0 * y, -x


def opposite(rng, c):
    x, _, v = generic(rng, c)
    return x, -x * (1 + 1e-9 * rng.uniform(size=(ROWS, 1))), v


def long_tangent(rng, c):
    x, y, v = generic(rng, c)
    return x, y, 40 * v


def along(rng, c):
    x, _, _ = generic(rng, c)
    return x, rng.uniform(-1, 1, (ROWS, 1)) * x, rng.uniform(-2, 2, (ROWS, 1)) * x


CASES = {
    **{f"generic-c={c:g}": (generic, {"c": c}) for c in (1.0, 0.0, 1e-8, 1e3, 1e-200, 1e150)},
    **{f"close-c={c:g}": (close, {"c": c}) for c in (1.0, 0.0, 1e-8, 1e3)},
    **{f"rim-{gap:g}-c={c:g}": (rim, {"c": c, "gap": gap}) for gap in (1e-2, 1e-6, 2e-15) for c in (1.0, 1e-8, 1e3)},
    **{
        f"{make.__name__}-{gap:g}": (make, {"c": 1.0, "gap": gap})
        for gap in (1e-2, 1e-9, 1e-14)
        for make in (across, inward)
    },
    "tiny-second": (tiny_second, {"c": 1.0}),
    "from-origin": (from_origin, {"c": 1.0}),
    "to-origin": (to_origin, {"c": 1.0}),
    "opposite": (opposite, {"c": 1.0}),
    "long-tangent": (long_tangent, {"c": 1.0}),
    "along": (along, {"c": 2.0}),
}


def arguments(name, x, y, v):
    """The arguments of the function `name` among two points and a tangent."""
    choice = {"dist0": (y,), "log0": (y,), "exp0": (v,), "exp": (x, v), "egrad2rgrad": (x, v)}
    return choice.get(name, (x, y))


def loss(name, c, args):
    """Digits that other libraries' plain sum 1 - c|x|^2 loses of the points among the arguments, as a factor."""
    points = {"exp": args[:1], "egrad2rgrad": args[:1], "exp0": ()}.get(name, args)
    return 1 / (1 - c * max((np.sum(a * a, axis=-1).max() for a in points), default=0))


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", ORACLES)
def test_value_to_the_last_digits(name, case, libraries, rng, high_precision):
    make, options = CASES[case]
    c = options["c"]
    args = arguments(name, *make(rng, **options))
    # exp moves x: its error is measured by the larger of the two
    size = [np.linalg.norm(row) if name == "exp" else 0 for row in args[0]]
    lost = {"twin": 1, "formula": loss(name, c, args)}
    if name == "exp" and case.startswith("inward"):  # its end moves by the rounding of the tangent's length
        lost["twin"] += np.log(2 / options["gap"]) / 8
    if name == "exp" and case.startswith(("across", "inward")):  # other libraries have no fused product
        del lost["formula"]
    truth = [high_precision.evaluate(ORACLES[name], [a[row] for a in args], c) for row in range(ROWS)]
    for library in lost:
        for row, value in enumerate(libraries[library](getattr(poincare, name), *args, c)):
            assert high_precision.error(value, truth[row], size[row]) <= 8 * EPS * lost[library], library


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", ORACLES)
def test_vjp_against_differences_of_120_digits(name, case, libraries, rng, high_precision):
    make, options = CASES[case]
    if "gap" in options:
        options = {**options, "gap": max(options["gap"], 1e-14)}
    c = options["c"]
    args = arguments(name, *make(rng, **options))
    f, f_vjp = getattr(poincare, name), getattr(poincare, f"{name}_vjp")
    cotangent = rng.normal(size=np.shape(f(*args, c)))
    truth = [high_precision.vjp(ORACLES[name], cotangent[row], [a[row] for a in args], c) for row in range(ROWS)]
    # The batches through the origin, where terms of c_bar cancel, cannot be held to the same bar.
    for_c = {"to-origin": 4000, "from-origin": 100, "along": 400}.get(case, 1000 if "gap" in options else 32)
    # Where the truth is 0 (c_bar of x (+) y at x = 0), the error is measured by the size of what adds up to
    # it.
    size = 0.01 * np.linalg.norm(cotangent) * max(np.abs(a).max() for a in args) ** 3 if case == "from-origin" else 0
    lost = {"twin": 1, "formula": loss(name, c, args)}
    if name == "exp" and case.startswith(("across", "inward")):  # other libraries have no fused product
        del lost["formula"]
    for library in lost:
        for k, bar in enumerate(libraries[library](f_vjp, cotangent, *args, np.full(ROWS, c))):
            error = high_precision.batch_error(bar, [t[k] for t in truth], size if k == len(args) else 0)
            bound = ((100 if "gap" in options else 16) if k < len(args) else for_c) * EPS * lost[library]
            assert error <= bound, f"{library}, argument {k}"


@pytest.mark.parametrize("gap", [0.5, 1e-8, 1e-14])
@pytest.mark.parametrize("d", [1, 2, 7, 8, 16, 19, 64, 128])
def test_gaps_keep_their_digits_in_every_dimension(d, gap, rng):
    c = 0.7
    x = (1 - gap * rng.uniform(1, 2, (ROWS, 1))) / np.sqrt(c) * unit_rows(rng, ROWS, d)
    found = 2 * np.sqrt(poincare.egrad2rgrad(x, np.ones_like(x), c)[:, 0])
    with mp.workdps(60):
        for row, value in zip(x, found, strict=True):
            true = 1 - mp.mpf(c) * mp.fdot([mp.mpf(t) for t in row], [mp.mpf(t) for t in row])
            assert abs(value / true - 1) <= 4 * EPS


@pytest.mark.parametrize("c", [0.0, 1.0, 1e3])
def test_vjp_at_coincident_points_and_zero_tangents(c, rng, high_precision):
    x, _, _ = generic(rng, c)
    g, zero, per_row = rng.normal(size=x.shape), np.zeros_like(x), np.full(ROWS, c)
    for bar in poincare.dist_vjp(g[:, 0], x, x, per_row):
        np.testing.assert_array_equal(bar, 0)
    for bar in poincare.dist0_vjp(g[:, 0], zero, per_row):
        np.testing.assert_array_equal(bar, 0)
    for name, args in {
        "exp": (x, zero),
        "exp0": (zero,),
        "log": (x, x),
        "log0": (zero,),
        "mobius_add": (x, -x),
    }.items():
        bars = getattr(poincare, f"{name}_vjp")(g, *args, per_row)
        truth = [high_precision.vjp(ORACLES[name], g[row], [a[row] for a in args], c) for row in range(ROWS)]
        for k, bar in enumerate(bars[:-1]):
            assert high_precision.batch_error(bar, [t[k] for t in truth]) <= 100 * EPS
        np.testing.assert_allclose(bars[-1], 0, atol=1e-15)


def test_tiny_lengths_keep_their_digits(rng):
    u = unit_rows(rng)
    for tiny in (1e-300, 1e-200, 1e-160):
        np.testing.assert_array_equal(poincare.exp0(tiny * u), tiny * u)
        np.testing.assert_array_equal(poincare.log0(tiny * u), tiny * u)
        np.testing.assert_array_equal(poincare.exp(0 * u, tiny * u), tiny * u)
        np.testing.assert_allclose(poincare.dist0(tiny * u), 2 * tiny, rtol=4 * EPS)
        np.testing.assert_allclose(poincare.dist(tiny * u, -tiny * u), 4 * tiny, rtol=4 * EPS)
        np.testing.assert_allclose(poincare.dist0_vjp(1.0, tiny * u)[0], 2 * u, rtol=4 * EPS)
        np.testing.assert_allclose(poincare.dist_vjp(1.0, -tiny * u, tiny * u)[1], 2 * u, rtol=4 * EPS)


@pytest.mark.parametrize("library", ["twin", "formula"])
def test_no_tangent_is_too_long(library, libraries, rng):
    call = libraries[library]
    u = unit_rows(rng)
    x = 0.5 * unit_rows(rng)
    for length in (1e3, 1e100):
        end = call(poincare.exp, x, length * u)
        np.testing.assert_allclose(np.linalg.norm(end, axis=1), 1, rtol=4 * EPS)
        np.testing.assert_allclose(call(poincare.exp0, length * u), u, rtol=4 * EPS)


def test_no_square_is_too_large(rng):
    u = unit_rows(rng)
    x = 0.5 * unit_rows(rng)
    for length in (1e160, 1e200):
        np.testing.assert_allclose(np.linalg.norm(poincare.exp(x, length * u), axis=1), 1, rtol=4 * EPS)
        np.testing.assert_allclose(poincare.exp0(length * u), u, rtol=4 * EPS)
        np.testing.assert_allclose(poincare.project(length * u), u, rtol=8 * EPS)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("d", [1, 2, 7, 8, 19, 64])
def test_exact(dtype, d, rng):
    x, y = (rng.uniform(-1, 1, (2, 50, d)) / np.sqrt(d) * 0.99).astype(dtype)
    g = rng.normal(size=(50, d)).astype(dtype)
    np.testing.assert_array_equal(poincare.dist(x, x), 0)
    np.testing.assert_array_equal(poincare.log(x, x), 0)
    np.testing.assert_array_equal(poincare.exp(x, 0 * x), x)
    np.testing.assert_array_equal(poincare.dist(x, y), poincare.dist(y, x))
    assert np.all(poincare.dist(x, y) >= 0)
    for bar in poincare.dist_vjp(g[:, 0], x, x):
        np.testing.assert_array_equal(bar, 0)


def test_distance_grows_up_to_the_rim():
    gaps = np.geomspace(0.5, 1e-15, 40)
    r = poincare.dist0((1 - gaps)[:, None])
    assert np.all(np.diff(r) > 0)
    assert r[-1] > 30


def test_project(rng):
    x = 3 * rng.uniform(size=(100, 1)) * unit_rows(rng, 100)
    for c, margin in ((1.0, None), (4.0, 1e-3), (0.25, 0.0)):
        y = poincare.project(x, c, margin=margin)
        limit = 1 - (4 * EPS if margin is None else margin)
        inside = np.sqrt(c) * np.linalg.norm(x, axis=1) < limit * (1 - 4 * EPS)
        np.testing.assert_array_equal(y[inside], x[inside])
        np.testing.assert_allclose(np.sqrt(c) * np.linalg.norm(y[~inside], axis=1), limit, rtol=4 * EPS)
        np.testing.assert_allclose(
            y / np.linalg.norm(y, axis=1, keepdims=True), x / np.linalg.norm(x, axis=1, keepdims=True)
        )
    np.testing.assert_array_equal(poincare.project(x, 0), x)
    assert np.isfinite(poincare.dist0(poincare.project(x))).all()
    single = poincare.project(x.astype(np.float32))
    assert single.dtype == np.float32
    assert np.isfinite(poincare.dist0(single)).all()


@pytest.mark.parametrize("margin", [-1e-3, 1.0, np.nan])
def test_project_rejects_margin(margin):
    with pytest.raises(ValueError, match=r"margin needs to be in \[0, 1\)"):
        poincare.project(np.zeros(2), margin=margin)


OUTSIDE = [[1.0, 0.0], [0.8, 0.8], [1e200, 0.0], [np.nan, 0.0], [0.0, np.inf], [-np.inf, np.nan]]


@pytest.mark.parametrize("bad", OUTSIDE)
def test_rows_outside_are_nan_and_alone(bad):
    inside, bad = np.array([0.3, -0.4]), np.array(bad)
    x, y = np.array([inside, bad, inside]), np.array([inside / 2, inside, bad])
    g = np.ones_like(x)
    for name in ("dist", "log", "mobius_add"):
        f, f_vjp = getattr(poincare, name), getattr(poincare, f"{name}_vjp")
        value = f(x, y)
        bars = f_vjp(g if value.ndim > 1 else g[:, 0], x, y, np.ones(3))
        for result in (value, *bars):
            assert np.isfinite(result[0]).all()
            assert np.isnan(result[1:]).all()
    for name in ("dist0", "log0"):
        value = getattr(poincare, name)(x)
        bars = getattr(poincare, f"{name}_vjp")(g if value.ndim > 1 else g[:, 0], x, np.ones(3))
        for result in (value, *bars):
            assert np.isfinite(result[[0, 2]]).all()
            assert np.isnan(result[1]).all()
    for name in ("exp", "egrad2rgrad"):
        for result in (getattr(poincare, name)(x, g), *getattr(poincare, f"{name}_vjp")(g, x, g, np.ones(3))):
            assert np.isfinite(result[[0, 2]]).all()
            assert np.isnan(result[1]).all()


@pytest.mark.parametrize("bad", [[np.nan, 0.0], [0.0, np.inf], [-np.inf, np.nan]])
def test_bad_tangents_are_nan(bad):
    v = np.array([[0.1, 0.2], bad])
    x = np.full((2, 2), 0.3)
    g = np.ones_like(x)
    for result in (
        poincare.exp0(v),
        poincare.exp(x, v),
        poincare.project(v),
        *poincare.exp0_vjp(g, v, np.ones(2)),
        *poincare.exp_vjp(g, x, v, np.ones(2)),
    ):
        assert np.isfinite(result[0]).all()
        assert np.isnan(result[1]).all()


@pytest.mark.parametrize("c", [-1.0, -1e-300, np.nan, np.inf])
def test_bad_entries_of_an_array_of_curvatures_are_nan(c):
    x, c = np.array([[0.1, 0.2], [0.0, 0.0], [0.1, 0.2]]), np.array([c, c, 1.0])
    g = np.ones_like(x)
    for name, args in {
        "dist": (x, x[::-1]),
        "dist0": (x,),
        "exp": (x, x),
        "exp0": (x,),
        "log": (x, x),
        "log0": (x,),
        "mobius_add": (x, x),
        "project": (x,),
        "egrad2rgrad": (x, x),
    }.items():
        value = getattr(poincare, name)(*args, c)
        bars = () if name == "project" else getattr(poincare, f"{name}_vjp")(g if value.ndim > 1 else g[:, 0], *args, c)
        for result in (value, *bars):
            assert np.isnan(result[:2]).all(), name
            assert np.isfinite(result[2]).all(), name


# Identities, at any dimension, curvature and dtype; errors grow as 1 / gap, which stays above 0.05 here.
@st.composite
def ball_points(draw, count):
    d = draw(st.integers(1, 40))
    dtype = draw(st.sampled_from([np.float32, np.float64]))
    c = draw(st.one_of(st.just(0.0), st.floats(-8, 3).map(lambda e: 10.0**e)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    points = rng.normal(size=(count, 5, d))
    points *= rng.uniform(0, 0.97, (count, 5, 1)) / np.linalg.norm(points, axis=-1, keepdims=True)
    return [p.astype(dtype) for p in points / (np.sqrt(c) if c else 1)], c


def assert_same_rows(actual, desired, factor, unit=0.0):
    """Equal up to `factor` units of rounding of the row's norm."""
    assert actual.dtype == desired.dtype
    difference = np.linalg.norm(actual.astype(float) - desired, axis=-1)
    size = np.maximum(np.linalg.norm(desired.astype(float), axis=-1), unit)
    assert np.all(difference <= factor * np.finfo(actual.dtype).eps * size)


def radius(c):
    return 1 / np.sqrt(c) if c else 1.0


@given(ball_points(2))
@settings(max_examples=60, deadline=None)
def test_exp_and_log_are_inverse(case):
    (x, y), c = case
    assert_same_rows(poincare.exp(x, poincare.log(x, y, c), c), y, 2000, 0.05 * radius(c))
    assert_same_rows(poincare.log0(poincare.exp0(y, c), c), y, 200)
    assert_same_rows(poincare.exp0(poincare.log0(y, c), c), y, 200)


@given(ball_points(3))
@settings(max_examples=60, deadline=None)
def test_translations_are_isometries(case):
    (p, x, y), c = case
    p, x, y = p / 2, x / 2, y / 2
    there = poincare.dist(poincare.mobius_add(p, x, c), poincare.mobius_add(p, y, c), c)
    assert_same_rows(there[:, None], poincare.dist(x, y, c)[:, None], 100, 0.1 * radius(c))


@given(ball_points(2))
@settings(max_examples=60, deadline=None)
def test_left_cancellation(case):
    (x, y), c = case
    assert_same_rows(poincare.mobius_add(-x, poincare.mobius_add(x, y, c), c), y, 2000, 0.05 * radius(c))


@given(ball_points(2))
@settings(max_examples=60, deadline=None)
def test_log_has_the_length_of_the_distance(case):
    (x, y), c = case
    exact = x.astype(float)
    gap = 2 * np.sqrt(poincare.egrad2rgrad(exact, np.ones_like(exact), c)[..., 0])  # a plain sum would lose digits
    length = 2 / gap * np.linalg.norm(poincare.log(x, y, c).astype(float), axis=-1)
    np.testing.assert_allclose(length, poincare.dist(x, y, c), rtol=16 * np.finfo(x.dtype).eps)


@given(ball_points(2), st.floats(-6, 6))
@settings(max_examples=60, deadline=None)
def test_scaling_of_the_curvature(case, exponent):
    (x, y), c = case
    k = 2.0 ** round(exponent)  # a power of two: the same bits, but for c
    scaled = [(a / k).astype(a.dtype) for a in (x, y)]
    np.testing.assert_array_equal(poincare.dist(*scaled, c * k * k) * x.dtype.type(k), poincare.dist(x, y, c))
    np.testing.assert_array_equal(poincare.log(*scaled, c * k * k) * x.dtype.type(k), poincare.log(x, y, c))


@given(ball_points(2))
@settings(max_examples=60, deadline=None)
def test_egrad2rgrad_represents_the_differential(case):
    (x, u), c = case
    v = x[::-1]
    gap = 1 - c * np.sum(x.astype(float) ** 2, axis=-1)
    inner = 4 / gap**2 * np.sum(poincare.egrad2rgrad(x, u, c).astype(float) * v, axis=-1)
    size = np.linalg.norm(u, axis=-1) * np.linalg.norm(v, axis=-1)
    assert np.all(abs(inner - np.sum(u.astype(float) * v, axis=-1)) <= 16 * np.finfo(x.dtype).eps / gap * size)


def test_float32_results_are_rounded_float64_results(rng):
    x, y = (rng.uniform(-1, 1, (2, 500, 19)) / np.sqrt(19)).astype(np.float32)
    for f in (poincare.dist, poincare.exp, poincare.log, poincare.mobius_add):
        np.testing.assert_array_equal(f(x, y), f(x.astype(float), y.astype(float)).astype(np.float32))
