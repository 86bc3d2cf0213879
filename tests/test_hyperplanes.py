"""Hyperplanes of both models: signed distances, and the logits of multinomial regression."""

import warnings

import mpmath as mp
import numpy as np
import pytest
import scipy.optimize
from accuracy import harness, reverse

from hypergeom import lorentz, poincare

SPACES = {"poincare": poincare, "lorentz": lorentz}


def ball_points(rng, rows, d, c, low=0.0, high=0.9):
    u = rng.normal(size=(rows, d))
    return rng.uniform(low, high, (rows, 1)) * u / np.linalg.norm(u, axis=1, keepdims=True) / np.sqrt(c)


def points(space, rng, rows, d, c):
    x = ball_points(rng, rows, d, c)
    return x if space == "poincare" else poincare.to_lorentz(x, c)


def tangents(space, rng, x):
    v = rng.normal(size=x.shape)
    return v if space == "poincare" else lorentz.project_tangent(x, v)


def lorentz_tangent(x, v, c):
    """The differential of `to_lorentz`; the time entry is not read."""
    g = 1 - c * np.sum(x * x, axis=1, keepdims=True)
    space = 2 / g * v + 4 * c * np.sum(x * v, axis=1, keepdims=True) / g**2 * x
    return np.concatenate([np.zeros_like(g), space], axis=1)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("d", [1, 2, 3, 10])
def test_distance_along_the_normal(space, d, rng):
    m, c = SPACES[space], 10 ** rng.uniform(-3, 2)
    p = points(space, rng, 20, d, c)
    a = tangents(space, rng, p)
    t = rng.uniform(-2, 2, 20) / np.sqrt(c)
    x = m.exp(p, (t / m.norm(p, a, c))[:, None] * a, c)
    np.testing.assert_allclose(m.dist2plane(x, p, a, c), t, rtol=1e-11, atol=1e-13 / np.sqrt(c))
    # log_p(x) is a normal from p, so that this is the distance
    toward = m.log(p, x, c)
    np.testing.assert_allclose(m.dist2plane(x, p, toward, c), np.abs(t), rtol=1e-11)


@pytest.mark.parametrize("space", SPACES)
def test_distance_is_odd_in_the_normal_and_does_not_depend_on_its_length(space, rng):
    m = SPACES[space]
    x, p = (points(space, rng, 20, 4, 1.0) for _ in range(2))
    a = tangents(space, rng, p)
    d = m.dist2plane(x, p, a)
    np.testing.assert_array_equal(m.dist2plane(x, p, -a), -d)
    np.testing.assert_array_equal(m.dist2plane(x, p, 2.0**40 * a), d)
    for size in (1e-300, 1e-160, 1e160, 1e300):
        np.testing.assert_allclose(m.dist2plane(x, p, size * a), d, rtol=1e-13, atol=1e-13)
    assert (m.dist2plane(p, p, a) == 0).all()


@pytest.mark.parametrize("space", SPACES)
def test_distance_is_the_least_distance_to_points_of_the_plane(space, rng):
    m, c = SPACES[space], 0.7
    x, p = (points(space, rng, 6, 3, c) for _ in range(2))
    a = tangents(space, rng, p)
    a /= m.norm(p, a, c)[:, None]
    d = m.dist2plane(x, p, a, c)
    for k in range(6):
        one = p[k : k + 1]
        basis = []  # of the tangent vectors at p that are orthogonal to a
        for _ in range(2):
            w = tangents(space, rng, one)
            for b in (a[k : k + 1], *basis):
                w = w - m.inner(one, w, b, c)[:, None] * b
            basis.append(w / m.norm(one, w, c)[:, None])

        def foot(t, one=one, basis=basis):
            return m.exp(one, sum(ti * b for ti, b in zip(t, basis, strict=True)), c)

        assert abs(m.dist2plane(foot([0.7, -1.3]), one, a[k : k + 1], c)[0]) < 1e-10
        found = scipy.optimize.minimize(lambda t, k=k, foot=foot: m.dist(x[k], foot(t), c)[0] ** 2, [0, 0], tol=1e-14)
        assert np.sqrt(found.fun) == pytest.approx(abs(d[k]), rel=1e-7, abs=1e-7)


@pytest.mark.parametrize("c", [1e-6, 1.0, 30.0])
def test_models_agree(c, rng):
    x, p = (ball_points(rng, 30, 4, c) for _ in range(2))
    a = rng.normal(size=p.shape)
    on_hyperboloid = lorentz.dist2plane(
        poincare.to_lorentz(x, c), poincare.to_lorentz(p, c), lorentz_tangent(p, a, c), c
    )
    np.testing.assert_allclose(poincare.dist2plane(x, p, a, c), on_hyperboloid, rtol=1e-10, atol=1e-12 / np.sqrt(c))
    z, r = rng.normal(size=(7, 4)), rng.uniform(-1, 1, 7) / np.sqrt(c)
    np.testing.assert_allclose(
        poincare.mlr(x, z, r, c),
        lorentz.mlr(poincare.to_lorentz(x, c), 2 * z, 2 * r, c),
        rtol=1e-11,
        atol=1e-12 / np.sqrt(c),
    )


def test_flat_space(rng):
    x, p, a = rng.normal(size=(3, 10, 5))
    a_hat = a / np.linalg.norm(a, axis=1, keepdims=True)
    np.testing.assert_allclose(poincare.dist2plane(x, p, a, 0), 2 * np.sum((x - p) * a_hat, axis=1), atol=1e-14)
    z, r = rng.normal(size=(4, 5)), rng.normal(size=4)
    flat = 4 * (x @ z.T - r * np.linalg.norm(z, axis=1))
    np.testing.assert_allclose(poincare.mlr(x, z, r, 0), flat, atol=1e-13)
    np.testing.assert_allclose(poincare.mlr(x, z, r, 1e-18), flat, atol=1e-13)
    np.testing.assert_allclose(
        lorentz.mlr(lorentz.project(np.insert(2 * x, 0, 1, axis=1), 1e-18), 2 * z, 2 * r, 1e-18), flat, atol=1e-6
    )


@pytest.mark.parametrize("space", SPACES)
def test_zero_normals_and_points_outside(space, rng):
    m = SPACES[space]
    x, p = (points(space, rng, 5, 3, 1.0) for _ in range(2))
    a = tangents(space, rng, p)
    a[1] = 0
    x[2] = [1.0, 1, 1] if space == "poincare" else [-1.0, 0, 0, 0]
    p[3] = x[2]
    for result in (m.dist2plane(x, p, a), *m.dist2plane_vjp(np.ones(5), x, p, a, np.ones(5))):
        bad = np.isnan(result).reshape(5, -1)
        np.testing.assert_array_equal(bad.all(axis=1), [False, True, True, True, False])
        assert not bad[[0, 4]].any()
    z, r = rng.normal(size=(4, 3)), rng.normal(size=4)
    z[2] = 0
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        logits = m.mlr(x, z, r)
        assert np.isnan(m.mlr(x, z, np.array([1.0, np.nan, 1, 1]))[0]).tolist() == [False, True, True, False]
    expected = np.zeros((5, 4), bool)
    expected[2], expected[:, 2] = True, True
    np.testing.assert_array_equal(np.isnan(logits), expected)


def logits_case(space, rng, c, dtype=np.float64, m=6, k=5, d=4):
    x = points(space, rng, m, d, c).astype(dtype)
    if space == "lorentz":
        x = lorentz.project(x, c)
    z = (rng.normal(size=(k, d)) * 10 ** rng.uniform(-3, 1, (k, 1))).astype(dtype)
    return x, z, (rng.uniform(-1, 1, k) / np.sqrt(c)).astype(dtype)


def true_logits(space, x, z, r, c):
    """All m k of them, from the textbook formula."""
    factor = 2 if space == "poincare" else 1
    root, out = reverse.sqrt(c), []
    for xi in x:
        if space == "poincare":
            g = 1 - c * reverse.dot(xi, xi)
            xs, x0 = [2 * v / g for v in xi], (2 / g - 1) / root
        else:
            xs = xi[1:]
            x0 = reverse.sqrt(1 / c + reverse.dot(xs, xs))
        for zj, rj in zip(z, r, strict=True):
            length = reverse.norm(zj)
            w = reverse.cosh(factor * root * rj) * reverse.dot(xs, zj) / length - reverse.sinh(factor * root * rj) * x0
            out.append(factor * length / root * reverse.asinh(root * w))
    return out


@pytest.mark.parametrize("c", [1e-8, 1.0, 100.0])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("space", SPACES)
def test_logits_and_their_gradient_to_the_last_digits(space, dtype, c, rng):
    m, eps, c = SPACES[space], np.finfo(dtype).eps, float(dtype(c))
    x, z, r = logits_case(space, rng, c, dtype)
    g = rng.normal(size=(6, 5)).astype(dtype)
    with mp.workdps(60):
        stored = [[list(map(reverse.Number, harness.numbers(row))) for row in a] for a in (x, z)]
        offsets, curvature = list(map(reverse.Number, harness.numbers(r))), reverse.Number(mp.mpf(c))
        truth = true_logits(space, *stored, offsets, curvature)
        total = reverse.Number(mp.mpf(0)) + reverse.dot(truth, harness.numbers(g.ravel()))
        flat = [[v for row in a for v in row] for a in stored]
        bars = reverse.gradient(total, [*flat[0], *flat[1], *offsets, curvature])
    value = np.array([float(t.value) for t in truth]).reshape(6, 5)
    # One rounding of z or r moves the hyperplane; float32 is computed in float64.
    wide = x.astype(float)
    far = np.linalg.norm(wide if space == "lorentz" else poincare.to_lorentz(wide, c), axis=1)[:, None]
    move = 2 * np.linalg.norm(z.astype(float), axis=1) * far * np.cosh(2 * np.sqrt(c) * r)
    got = m.mlr(x, z, r, c)
    assert got.dtype == dtype
    size = np.maximum(np.abs(value), move) * np.finfo(float).eps
    assert (np.abs(got - value) <= (0 if dtype == np.float64 else eps) * np.abs(value) + 8 * size).all()
    *found, c_bar = m.mlr_vjp(g, x, z, r, c)
    sizes = [x.size, z.size, r.size, 1]
    parts = np.split(np.array([float(b) for b in bars]), np.cumsum(sizes)[:-1])
    if space == "lorentz":
        parts[0].reshape(x.shape)[:, 0] = 0
    for bar, true, a in zip(found, parts[:3], (x, z, r), strict=True):
        assert bar.shape == a.shape
        assert bar.dtype == dtype
        assert np.linalg.norm(bar.ravel() - true) <= (100 if dtype == np.float64 else 8) * eps * np.linalg.norm(true)
    assert c_bar.shape == ()
    assert abs(c_bar - parts[3][0]) <= 1000 * np.finfo(float).eps * np.abs(g * value).sum() / c


@pytest.mark.parametrize("space", SPACES)
def test_logits_are_distances_from_planes_times_lengths(space, rng):
    m, c = SPACES[space], 0.6
    x, z, r = logits_case(space, rng, c)
    length = np.linalg.norm(z, axis=1)
    v = (r / length)[:, None] * z
    if space == "poincare":
        p, a, factor = poincare.exp0(v, c), z, 2
    else:
        apex = lorentz.project(np.zeros((5, 5)), c)
        step = np.insert(v, 0, 0, axis=1)
        p, factor = lorentz.exp(apex, step, c), 1
        a = np.insert(z / length[:, None] * np.cosh(np.sqrt(c) * r)[:, None], 0, 0, axis=1)
    expected = factor * length * m.dist2plane(x[:, None], p, a, c)
    np.testing.assert_allclose(m.mlr(x, z, r, c), expected, rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(m.mlr(x, 1e-250 * z, r, c), 1e-250 * m.mlr(x, z, r, c), rtol=1e-13)


@pytest.mark.parametrize("library", ["array_api_strict", "torch", "jax.numpy", "dask.array"])
@pytest.mark.parametrize("space", SPACES)
def test_logits_of_other_libraries(space, library, rng):
    xp = pytest.importorskip(library)
    if library == "jax.numpy":
        import jax

        jax.config.update("jax_enable_x64", True)
    m = SPACES[space]
    x, z, r = logits_case(space, rng, 0.8)
    g = rng.normal(size=(6, 5))
    for c in (0.8, xp.asarray(0.8, dtype=xp.float64)):
        got = m.mlr(*map(xp.asarray, (x, z, r)), c)
        np.testing.assert_allclose(np.asarray(got), m.mlr(x, z, r, 0.8), rtol=1e-11, atol=1e-13)
        bars = m.mlr_vjp(*map(xp.asarray, (g, x, z, r)), c)
        for bar, other in zip(bars, m.mlr_vjp(g, x, z, r, 0.8), strict=True):
            np.testing.assert_allclose(np.asarray(bar), other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("c", [0.0, 0.8])
@pytest.mark.parametrize("space", SPACES)
def test_autograd_through_logits_is_their_vjp(space, c, rng):
    torch = pytest.importorskip("torch")
    if c == 0 and space == "lorentz":
        pytest.skip("the hyperboloid has no flat limit")
    m = SPACES[space]
    args = logits_case(space, rng, 0.8)
    g = rng.normal(size=(6, 5))
    leaves = [torch.tensor(a, requires_grad=True) for a in (*args, np.array(c))]
    m.mlr(*leaves).backward(torch.tensor(g))
    for leaf, bar in zip(leaves, m.mlr_vjp(g, *args, c), strict=True):
        np.testing.assert_allclose(leaf.grad.numpy(), bar, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("space", SPACES)
def test_batches_of_logits(space, rng):
    m, n = SPACES[space], 3
    stack = [logits_case(space, rng, 0.5) for _ in range(n)]
    x, z, r = (np.stack(a) for a in zip(*stack, strict=True))
    c, g = rng.uniform(0.1, 0.5, n), rng.normal(size=(n, 6, 5))
    each = np.stack([m.mlr(*args, ck) for args, ck in zip(zip(x, z, r, strict=True), c, strict=True)])
    np.testing.assert_array_equal(m.mlr(x, z, r, c), each)
    bars = [m.mlr_vjp(gk, *args, ck) for gk, args, ck in zip(g, zip(x, z, r, strict=True), c, strict=True)]
    for bar, rows in zip(m.mlr_vjp(g, x, z, r, c), zip(*bars, strict=True), strict=True):
        np.testing.assert_allclose(bar, np.stack(rows), rtol=1e-13, atol=1e-15)
    # z, r and c of all batches
    shared = m.mlr_vjp(g, x, z[0], r[0], 0.5)
    whole = m.mlr_vjp(g, x, np.broadcast_to(z[0], z.shape), np.broadcast_to(r[0], r.shape), np.full(n, 0.5))
    assert [bar.shape for bar in shared] == [x.shape, z[0].shape, r[0].shape, ()]
    for bar, rows in zip(shared[1:], whole[1:], strict=True):
        np.testing.assert_allclose(bar, rows.sum(axis=0), rtol=1e-13, atol=1e-14)
    assert m.mlr(x[:, :0], z, r, c).shape == (n, 0, 5)
    assert m.mlr(x, z[:, :0], r[:, :0], c).shape == (n, 6, 0)
    assert [bar.shape for bar in m.mlr_vjp(g[:, :0], x[:, :0], z, r, c)] == [(n, 0, x.shape[2]), z.shape, r.shape, (n,)]


@pytest.mark.parametrize("space", SPACES)
def test_rejected_logits(space, rng):
    m = SPACES[space]
    x, z, r = logits_case(space, rng, 1.0)
    bad = [
        (x[0], z, r),
        (x, z[0], r),
        (x, z, r[:3]),
        (x, z[:, :2], r),
        (x[:, :0], z, r),
        (np.stack([x, x]), np.stack([z] * 3), r),
    ]
    for args in bad:
        with pytest.raises(ValueError, match=rf"^{space}\.mlr: shapes x .* z .* r .* do not fit the signature"):
            m.mlr(*args)
    with pytest.raises(ValueError, match=r"mlr_vjp: shapes g \(3, 5\)"):
        m.mlr_vjp(np.ones((3, 5)), x, z, r)
    for c in (-1.0, np.nan, np.inf, *([0.0] if space == "lorentz" else [])):
        with pytest.raises(ValueError, match="mlr: c needs to be finite and"):
            m.mlr(x, z, r, c)
    assert np.isnan(m.mlr(np.stack([x, x]), z, r, np.array([1.0, -1.0]))[1]).all()
    with pytest.raises(TypeError, match="mlr: z needs dtype"):
        m.mlr(x, z.astype(complex), r)
    for args, options in (((x, z), {}), ((x, z, r, 1.0, 2.0), {}), ((x, z, r, 1.0), {"c": 1.0})):
        with pytest.raises(TypeError):
            m.mlr(*args, **options)
    assert (
        m.mlr(np.zeros((2, x.shape[1]), int) + (np.arange(x.shape[1]) == 0) * (space == "lorentz"), z, r).dtype == float
    )
    assert m.mlr(x.tolist(), z.tolist(), r.tolist()).shape == (6, 5)
