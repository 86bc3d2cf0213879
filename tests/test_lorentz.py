import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypergeom import lorentz, poincare

EPS = np.finfo(np.float64).eps
ROWS, D = 8, 3


# The textbook formulas, for many digits, on the spatial parts that were stored.
def point(x, c):
    return [mp.sqrt(1 / c + mp.fdot(x[1:], x[1:])), *x[1:]]


def product(x, y):
    return mp.fdot(x[1:], y[1:]) - x[0] * y[0]


def dist(x, y, c):
    return [mp.acosh(-c * product(point(x, c), point(y, c))) / mp.sqrt(c)]


def log(x, y, c):
    x, y = point(x, c), point(y, c)
    cosh = -c * product(x, y)
    theta = mp.acosh(cosh)
    return [theta / mp.sinh(theta) * (yi - cosh * xi) for xi, yi in zip(x, y, strict=True)]


def exp(x, v, c):
    x = point(x, c)
    v = [mp.fdot(x[1:], v[1:]) / x[0], *v[1:]]
    r = mp.sqrt(c * product(v, v))
    return [mp.cosh(r) * xi + (mp.sinh(r) / r if r else 1) * vi for xi, vi in zip(x, v, strict=True)]


def to_poincare(x, c):
    x = point(x, c)
    return [xi / (1 + mp.sqrt(c) * x[0]) for xi in x[1:]]


def to_lorentz(x, c):
    g = 1 - c * mp.fdot(x, x)
    return [(2 / g - 1) / mp.sqrt(c), *(2 * xi / g for xi in x)]


ORACLES = {f.__name__: f for f in (dist, exp, log, to_poincare, to_lorentz)}


def unit_rows(rng, rows=ROWS, d=D):
    x = rng.normal(size=(rows, d))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def at_radius(r, directions, c):
    """Points at the metric distance r / sqrt(c) from the apex."""
    space = np.sinh(r) / np.sqrt(c) * directions
    return lorentz.project(np.concatenate([np.ones_like(space[:, :1]), space], axis=1), c)


def tangent(rng, x, c, low=0.1, high=2.0):
    """Tangent vectors at x whose metric lengths times sqrt(c) lie in [low, high]."""
    y = at_radius(1.0, unit_rows(rng), c)
    unit = lorentz.log(x, y, c) / (np.sqrt(c) * lorentz.dist(x, y, c)[:, None])
    return unit * rng.uniform(low, high, (ROWS, 1))


# Classes of cases: two points x, y and a tangent v at x.
def generic(rng, c, R=3.0):
    low = 0.1 if R < 10 else 0.9
    x, y = (at_radius(R * rng.uniform(low, 1, (ROWS, 1)), unit_rows(rng), c) for _ in range(2))
    return x, y, tangent(rng, x, c)


def close(rng, c, R=1.0, t=1e-12):
    x, _, v = generic(rng, c, R)
    return x, lorentz.project(x + t * v, c), t * v


def from_apex(rng, c, R=3.0):
    _, y, _ = generic(rng, c, R)
    apex = lorentz.project(0 * y, c)
    return apex, y, tangent(rng, apex, c, 0.1, R)


def to_apex(rng, c, R=3.0):
    x, _, _ = generic(rng, c, R)
    apex = lorentz.project(0 * x, c)
    return x, apex, lorentz.log(x, apex, c)


def unequal(rng, c, r, R):
    """Directions up to 120 degrees apart at two radii."""
    u, w = unit_rows(rng), unit_rows(rng)
    w -= np.sum(u * w, axis=1, keepdims=True) * u
    w /= np.linalg.norm(w, axis=1, keepdims=True)
    angle = rng.uniform(0.3, 2, (ROWS, 1))
    x = at_radius(r, u, c)
    return x, at_radius(R, np.cos(angle) * u + np.sin(angle) * w, c), tangent(rng, x, c)


def aligned(rng, c, R=5.0):
    """One geodesic through the apex, both on the same side."""
    x, _, _ = generic(rng, c, R)
    y, v = x.copy(), x.copy()
    y[:, 1:] *= rng.uniform(0.01, 0.9, (ROWS, 1))
    v *= rng.uniform(-1, 1, (ROWS, 1)) / np.linalg.norm(x[:, 1:], axis=1, keepdims=True)
    return x, lorentz.project(y, c), v


def line(rng, c, R, apart):
    """On one ray from the apex, as nearly as they can be stored."""
    u = unit_rows(rng)
    x, y = at_radius(R, u, c), at_radius(R - apart, u, c)
    return x, y, lorentz.log(x, y, c)


def opposite(rng, c, R=5.0):
    x, y, v = aligned(rng, c, R)
    y[:, 1:] *= -1
    return x, y, -v


CASES = {
    **{f"generic-c={c:g}": (generic, {"c": c}) for c in (1.0, 1e-8, 1e3, 1e-100, 1e100)},
    **{f"generic-R={R:g}": (generic, {"c": 1.0, "R": R}) for R in (0.01, 10.0, 30.0)},
    **{f"close-c={c:g}": (close, {"c": c}) for c in (1.0, 1e-8, 1e3)},
    "from-apex": (from_apex, {"c": 1.0}),
    "from-apex-R=100": (from_apex, {"c": 0.5, "R": 100.0}),
    "to-apex": (to_apex, {"c": 2.0}),
    **{f"radii-{r:g}-{R:g}": (unequal, {"c": 1.0, "r": r, "R": R}) for r, R in ((1, 10), (10, 1), (2, 80), (5, 20))},
    "aligned": (aligned, {"c": 1.0}),
    "opposite": (opposite, {"c": 3.0}),
}
FAR = {
    "R=100": (generic, {"c": 1.0, "R": 100.0}),
    "R=300": (generic, {"c": 1.0, "R": 300.0}),
    "radii-1-300": (unequal, {"c": 1.0, "r": 1.0, "R": 300.0}),
    "radii-300-40": (unequal, {"c": 1.0, "r": 300.0, "R": 40.0}),
    **{f"close-R={R:g}-{t:g}": (close, {"c": 1.0, "R": R, "t": t}) for R in (20.0, 50.0) for t in (1e-3, 1e-12)},
    **{f"line-R={R:g}-{a:g}": (line, {"c": 1.0, "R": R, "apart": a}) for R in (10.0, 40.0, 100.0) for a in (0.1, 5.0)},
}


def arguments(name, c, x, y, v):
    """The arguments of the function `name`."""
    if name == "to_lorentz":
        return (lorentz.to_poincare(x, c),)
    return {"exp": (x, v), "to_poincare": (x,)}.get(name, (x, y))


def in_chart(name, bars):
    """The cotangents of spatial parts with the time entry that the library gives them."""
    return bars if name == "to_lorentz" else [[mp.mpf(0), *bar[1:]] for bar in bars]


def loss(name, args, c):
    """Digits that the plain sum 1 - c|x|^2 loses of a point of the ball, as a factor."""
    return 1 / (1 - c * np.sum(args[0] ** 2, axis=-1).max()) if name == "to_lorentz" else 1


def measure(name, args, c, calls, rng, truth, rows=ROWS):
    """For each way to call: errors in eps of the values (worst row) and of each cotangent (whole batch)."""
    space = poincare if name == "to_lorentz" else lorentz
    f, f_vjp = getattr(space, name), getattr(space, f"{name}_vjp")
    values = [truth.evaluate(ORACLES[name], [a[row] for a in args], c) for row in range(rows)]
    # exp moves x: its error is measured by the larger of the two
    size = np.linalg.norm(args[0], axis=-1) if name == "exp" else np.zeros(ROWS)
    cotangent = rng.normal(size=np.shape(f(*args, c)))
    bars = [truth.vjp(ORACLES[name], cotangent[row], [a[row] for a in args], c) for row in range(rows)]
    columns = [list(column) for column in zip(*bars, strict=True)]
    columns[:-1] = [in_chart(name, column) for column in columns[:-1]]
    for call in calls:
        got, got_bars = call(f, *args, c), call(f_vjp, cotangent, *args, np.full(ROWS, c))
        yield (
            max(truth.error(got[row], values[row], size[row]) / EPS for row in range(rows)),
            [truth.batch_error(bar[:rows], column) / EPS for bar, column in zip(got_bars, columns, strict=True)],
        )


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("name", ORACLES)
def test_value_and_vjp_to_the_last_digits(name, case, libraries, rng, high_precision):
    make, options = CASES[case]
    c, R = options["c"], options.get("R", 0)
    args = arguments(name, c, *make(rng, **options))
    factor = loss(name, args, c)
    if factor > 1e6:
        pytest.skip("points that the ball in float64 holds with few digits")
    calls = [libraries["twin"]]
    # Arrays of other libraries have no fused product, without which the part of a tangent across x loses e^R or more.
    if not (case == "aligned" or (name == "exp" and (R > 3 or case.startswith(("radii", "to-apex"))))):
        calls.append(libraries["formula"])
    for forward, (*points, curvature) in measure(name, args, c, calls, rng, high_precision.at(300)):
        grown = R if name == "exp" else 0  # the error of r = sqrt(c) |v| grows in its exponential
        assert forward <= ((32 if name == "exp" else 8) + grown) * factor
        assert max(points) <= (64 if name == "exp" else 16) * factor + grown
        assert curvature <= (4000 if case == "aligned" and name == "exp" else 200) * factor


@pytest.mark.parametrize("case", FAR)
@pytest.mark.parametrize("name", ["dist", "log", "to_poincare"])
def test_far_points(name, case, libraries, rng, high_precision):
    make, options = FAR[case]
    args = arguments(name, 1.0, *make(rng, **options))
    # Other libraries have no fused product, without which the area of nearly parallel vectors is lost.
    calls = [libraries["twin"]] if case.startswith(("close", "line")) else libraries.values()
    for forward, (*points, curvature) in measure(name, args, 1.0, calls, rng, high_precision.at(900), rows=3):
        assert forward <= 8
        assert max(points) <= (64 if case.startswith(("close", "line")) else 32)
        assert curvature <= 200


def test_vjp_at_coincident_points_and_zero_tangents(rng, high_precision):
    c = 0.7
    generic_x, _, _ = generic(rng, c)
    zero, g, per_row = np.zeros_like(generic_x), rng.normal(size=generic_x.shape), np.full(ROWS, c)
    for x in (generic_x, lorentz.project(zero, c)):
        for bar in lorentz.dist_vjp(g[:, 0], x, x, per_row):
            np.testing.assert_array_equal(bar, 0)
        x_bar, v_bar, c_bar = lorentz.exp_vjp(g, x, zero, per_row)
        true = [high_precision.vjp(exp, g[row], [x[row], zero[row]], c) for row in range(ROWS)]
        assert high_precision.batch_error(x_bar, in_chart("exp", [t[0] for t in true])) <= 16 * EPS
        assert high_precision.batch_error(v_bar, in_chart("exp", [t[1] for t in true])) <= 16 * EPS
        assert high_precision.batch_error(c_bar, [t[2] for t in true]) <= 16 * EPS
        # log_x(y) = y - x to first order, in the chart
        x_bar, y_bar, c_bar = lorentz.log_vjp(g, x, x, per_row)
        folded = g[:, 1:] + g[:, :1] / x[:, :1] * x[:, 1:]
        np.testing.assert_allclose(y_bar[:, 1:], folded, rtol=1e-14)
        np.testing.assert_allclose(x_bar[:, 1:], -folded, rtol=1e-14)
        np.testing.assert_array_equal(x_bar[:, 0], 0)
        np.testing.assert_array_equal(c_bar, 0)


def test_tiny_lengths_keep_their_digits(rng):
    u = unit_rows(rng)
    apex = lorentz.project(np.zeros((ROWS, 1 + D)))
    for tiny in (1e-300, 1e-200, 1e-160):
        y, v = apex.copy(), 0 * apex
        y[:, 1:] = v[:, 1:] = tiny * u
        np.testing.assert_allclose(lorentz.dist(apex, y), tiny, rtol=4 * EPS)
        np.testing.assert_array_equal(lorentz.log(apex, y), v)
        np.testing.assert_array_equal(lorentz.exp(apex, v), y)
        np.testing.assert_allclose(lorentz.dist_vjp(1.0, apex, y)[1][:, 1:], u, rtol=4 * EPS)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("d", [1, 2, 7, 8, 19, 64])
def test_exact(dtype, d, rng):
    x, y = lorentz.project(rng.normal(size=(2, 50, 1 + d)).astype(dtype))
    zero, g = np.zeros_like(x), rng.normal(size=x.shape).astype(dtype)
    np.testing.assert_array_equal(lorentz.dist(x, x), 0)
    np.testing.assert_array_equal(lorentz.log(x, x), 0)
    np.testing.assert_array_equal(lorentz.exp(x, zero)[:, 1:], x[:, 1:])
    for other in (y, x[:, [0, *range(d, 0, -1)]]):  # as far from the apex, too
        np.testing.assert_array_equal(lorentz.dist(x, other), lorentz.dist(other, x))
    for bar in lorentz.dist_vjp(g[:, 0], x, x):
        np.testing.assert_array_equal(bar, 0)


def test_time_coordinates_are_not_read(rng):
    x, y, v = generic(rng, 1.0)
    other = x.copy()
    other[:, 0] *= rng.uniform(0.1, 10, ROWS)
    g = rng.normal(size=x.shape)
    np.testing.assert_array_equal(lorentz.dist(other, y), lorentz.dist(x, y))
    np.testing.assert_array_equal(lorentz.log(other, y), lorentz.log(x, y))
    np.testing.assert_array_equal(lorentz.exp(other, v * [0, 1, 1, 1]), lorentz.exp(x, v))
    np.testing.assert_array_equal(lorentz.to_poincare(other), lorentz.to_poincare(x))
    for a, b in zip(lorentz.log_vjp(g, other, y), lorentz.log_vjp(g, x, y), strict=True):
        np.testing.assert_array_equal(a, b)


def test_outputs_lie_on_the_manifold(rng):
    x, y, v = generic(rng, 0.5)
    end, w = lorentz.exp(x, v, 0.5), lorentz.log(x, y, 0.5)
    np.testing.assert_allclose(end[:, 0], np.sqrt(2 + np.sum(end[:, 1:] ** 2, axis=1)), rtol=4 * EPS)
    time = np.sum(x[:, 1:] * w[:, 1:], axis=1) / x[:, 0]
    np.testing.assert_allclose(w[:, 0], time, rtol=1e-13, atol=1e-13)


def test_exp_overflows_to_infinity(rng):
    apex = lorentz.project(np.zeros((1, 3)))
    for length in (720.0, 1e3, 1e4, 1e150):
        np.testing.assert_array_equal(lorentz.exp(apex, np.array([[0.0, length, 0.0]])), [[np.inf, np.inf, 0.0]])
    end = lorentz.exp(apex, np.array([[0.0, 705.0, 0.0]]), 1.0)
    np.testing.assert_allclose(end, [[np.sinh(705.0), np.sinh(705.0), 0.0]], rtol=4 * 705 * EPS)


def test_project(rng):
    x = rng.normal(size=(50, 4))
    for c in (1.0, 1e-8, 1e3):
        y = lorentz.project(x, c)
        np.testing.assert_array_equal(y[:, 1:], x[:, 1:])
        np.testing.assert_allclose(y[:, 0], np.sqrt(1 / c + np.sum(x[:, 1:] ** 2, axis=1)), rtol=4 * EPS)
    far = np.array([[0.0, 1e152, 0.0], [1.0, 0.0, 1e300]])
    np.testing.assert_array_equal(lorentz.project(far), [[1e152, 1e152, 0.0], [1e300, 0.0, 1e300]])


@pytest.mark.parametrize(
    "bad",
    [
        [0.0, 0.1, 0.2],
        [-1.0, 0.1, 0.2],
        [np.nan, 0.1, 0.2],
        [np.inf, 0.1, 0.2],
        [1.0, np.nan, 0.0],
        [1.0, 0.0, -np.inf],
    ],
)
def test_rows_outside_are_nan_and_alone(bad):
    inside = np.array([1.5, 1.0, 0.5])
    x, y = np.array([inside, bad, inside]), np.array([inside[[0, 2, 1]], inside, bad])
    g, ones = np.ones_like(x), np.ones(3)
    for result in (
        lorentz.dist(x, y),
        lorentz.log(x, y),
        *lorentz.dist_vjp(ones, x, y, ones),
        *lorentz.log_vjp(g, x, y, ones),
    ):
        assert np.isfinite(result[0]).all()
        assert np.isnan(result[1:]).all()
    for result in (
        lorentz.exp(x, g),
        lorentz.to_poincare(x),
        *lorentz.exp_vjp(g, x, g, ones),
        *lorentz.to_poincare_vjp(g[:, 1:], x, ones),
    ):
        assert np.isfinite(result[[0, 2]]).all()
        assert np.isnan(result[1]).all()
    assert np.isfinite(lorentz.project(x)[1]).all() == np.isfinite(bad).all()  # which repairs a time coordinate


def test_bad_tangents_are_nan():
    x, v = (
        np.array([[1.5, 1.0, 0.5]] * 3),
        np.array([[0.0, 0.1, 0.2], [0.0, np.nan, 0.0], [0.0, 0.0, np.inf]]),
    )
    for result in (lorentz.exp(x, v), *lorentz.exp_vjp(np.ones_like(x), x, v, np.ones(3))):
        assert np.isfinite(result[0]).all()
        assert np.isnan(result[1:]).all()


def test_points_outside_the_ball_have_no_image():
    x = np.array([[0.5, 0.5], [1.0, 0.0], [np.nan, 0.0]])
    for result in (poincare.to_lorentz(x), *poincare.to_lorentz_vjp(np.ones((3, 3)), x, np.ones(3))):
        assert np.isfinite(result[0]).all()
        assert np.isnan(result[1:]).all()


@pytest.mark.parametrize("c", [0.0, -1.0, np.nan, np.inf])
def test_bad_entries_of_an_array_of_curvatures_are_nan(c):
    x, b = (
        np.array([[1.5, 1.0, 0.5], [1.0, 0.0, 0.0], [1.5, 1.0, 0.5]]),
        np.array([[0.1, 0.2], [0, 0], [0.1, 0.2]]),
    )
    c, g = np.array([c, c, 1.0]), np.ones((3, 3))
    for name, args in {
        "dist": (x, x[::-1]),
        "exp": (x, x),
        "log": (x, x),
        "project": (x,),
        "to_poincare": (x,),
        "to_lorentz": (b,),
    }.items():
        space = poincare if name == "to_lorentz" else lorentz
        value = getattr(space, name)(*args, c)
        cotangent = g[:, 0] if value.ndim == 1 else g[:, : value.shape[1]]
        bars = () if name == "project" else getattr(space, f"{name}_vjp")(cotangent, *args, c)
        for result in (value, *bars):
            assert np.isnan(result[:2]).all(), name
            assert np.isfinite(result[2]).all(), name


# Identities, at any dimension, curvature and dtype.
@st.composite
def hyperboloid_points(draw, count, R=3.0):
    d, dtype = draw(st.integers(1, 40)), draw(st.sampled_from([np.float32, np.float64]))
    c = 10.0 ** draw(st.floats(-8, 3))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    points = [at_radius(rng.uniform(0, R, (5, 1)), unit_rows(rng, 5, d), c).astype(dtype) for _ in range(count)]
    return points, c


def eps_of(x):
    return np.finfo(x.dtype).eps


@given(hyperboloid_points(2))
@settings(max_examples=60, deadline=None)
def test_exp_and_log_are_inverse(case):
    (x, y), c = case
    end = lorentz.exp(x, lorentz.log(x, y, c), c)
    assert end.dtype == x.dtype
    # rounding of a tangent at radius R moves its endpoint by e^R eps
    assert np.all(np.sqrt(c) * lorentz.dist(end, y, c) <= 4000 * eps_of(x))


@given(hyperboloid_points(2))
@settings(max_examples=60, deadline=None)
def test_log_has_the_length_of_the_distance(case):
    (x, y), c = (p.astype(np.float64) for p in case[0]), case[1]
    v = lorentz.log(x, y, c)
    length = np.sqrt(np.maximum(np.sum(v[:, 1:] ** 2, axis=1) - v[:, 0] ** 2, 0))
    np.testing.assert_allclose(length, lorentz.dist(x, y, c), rtol=1e-11, atol=1e-11 / np.sqrt(c))


@given(hyperboloid_points(2))
@settings(max_examples=60, deadline=None)
def test_conversion_is_an_isometry(case):
    (x, y), c = case
    ball = [lorentz.to_poincare(p, c) for p in (x, y)]
    assert ball[0].dtype == x.dtype
    difference = abs(poincare.dist(*ball, c).astype(float) - lorentz.dist(x, y, c))
    assert np.all(np.sqrt(c) * difference <= 500 * eps_of(x))
    back = poincare.to_lorentz(ball[0], c)
    assert np.all(np.sqrt(c) * lorentz.dist(back, x, c) <= 500 * eps_of(x))


@given(hyperboloid_points(2), st.integers(-6, 6))
@settings(max_examples=60, deadline=None)
def test_scaling_of_the_curvature(case, exponent):
    (x, y), c = case
    k = 2.0**exponent  # a power of two: the same bits, but for c
    scaled = [(p / k).astype(p.dtype) for p in (x, y)]
    np.testing.assert_array_equal(lorentz.dist(*scaled, c * k * k) * x.dtype.type(k), lorentz.dist(x, y, c))
    np.testing.assert_array_equal(lorentz.log(*scaled, c * k * k) * x.dtype.type(k), lorentz.log(x, y, c))


def test_exp_maps_correspond(rng):
    """A tangent v of the ball at the origin is 2 v at the apex."""
    v = rng.normal(size=(20, 3))
    apex, w = lorentz.project(np.zeros((20, 4))), np.concatenate([np.zeros((20, 1)), 2 * v], axis=1)
    np.testing.assert_allclose(lorentz.to_poincare(lorentz.exp(apex, w)), poincare.exp0(v), rtol=1e-13)


def test_float32_results_are_rounded_float64_results(rng):
    x, y = lorentz.project(rng.normal(size=(2, 500, 20)).astype(np.float32))
    for f in (lorentz.dist, lorentz.exp, lorentz.log):
        np.testing.assert_array_equal(f(x, y), f(x.astype(float), y.astype(float)).astype(np.float32))
