"""Linear maps of points and concatenation: against many digits, identities, bad input."""

import mpmath as mp
import numpy as np
import pytest
from accuracy import ball, harness, reverse

from hypergeom import poincare

EPS = {np.float64: np.finfo(np.float64).eps, np.float32: np.finfo(np.float32).eps}
ROWS = 8


def points(rng, d, c, low=0.1, high=0.9, rows=ROWS):
    x = rng.normal(size=(rows, d))
    x *= rng.uniform(low, high, (rows, 1)) / np.linalg.norm(x, axis=1, keepdims=True)
    return x / np.sqrt(c) if c else x


def rim_points(rng, d, c, gap):
    return points(rng, d, c, 1 - 2 * gap, 1 - gap)


def flatten(rows):
    return [v for row in rows for v in row]


# The textbook formulas, for lists of numbers; a matrix is a list of rows.
def matvec(m, x, c):
    return ball.exp0([reverse.dot(row, ball.log0(x, c)) for row in m], c)


def beta(n):
    return mp.beta(mp.mpf(n) / 2, mp.mpf(1) / 2)


def concat(xs, c):
    d = sum(map(len, xs))
    return ball.exp0(flatten(ball.times(beta(d) / beta(len(x)), ball.log0(x, c)) for x in xs), c)


def split(x, sizes, c):
    v, out = ball.log0(x, c), []
    for n in sizes:
        out += ball.exp0(ball.times(beta(n) / beta(len(x)), v[:n]), c)
        v = v[n:]
    return out


def truth(function, args, c, cotangent=None):
    """Value of a function of flat lists, and the derivatives of cotangent . value in all of them and c."""
    with mp.workdps(120):
        rows = [[reverse.Number(v) for v in harness.numbers(a)] for a in args]
        k = reverse.Number(mp.mpf(c))
        outputs = function(rows, k)
        values = [v.value for v in outputs]
        if cotangent is None:
            return values
        total = reverse.Number(mp.mpf(0)) + reverse.dot(outputs, harness.numbers(cotangent))
        found = reverse.gradient(total, [*flatten(rows), k])
        bars = []
        for row in rows:
            bars.append(found[: len(row)])
            found = found[len(row) :]
        return values, [*bars, found]


def assert_accurate(got, true, bar):
    """Norm-wise over the whole batch, in eps."""
    got = np.asarray(got)
    error = harness.batch_error(got, true, 120) / EPS[got.dtype.type]
    assert error <= bar, error


CASES = [
    (1.0, "generic"),
    (1e-8, "generic"),
    (1e3, "generic"),
    (1.0, "rim"),
    (1e3, "rim"),
    (1.0, "tiny"),
]


def case(rng, d, c, kind, dtype):
    if kind == "rim":
        x = rim_points(rng, d, c, 1e-14 if dtype is np.float64 else 1e-6)
    else:
        x = points(rng, d, c) * (1e-30 if kind == "tiny" else 1)
    return x.astype(dtype)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("c", "kind"), CASES)
@pytest.mark.parametrize(("k", "d"), [(1, 1), (2, 3), (4, 4), (5, 2)])
def test_matvec_to_the_last_digits(k, d, c, kind, dtype, rng):
    x = case(rng, d, c, kind, dtype)
    m = (rng.normal(size=(ROWS, k, d)) / np.sqrt(d) * 0.7).astype(dtype)
    g = rng.normal(size=(ROWS, k)).astype(dtype)
    found = [
        truth(lambda rows, c: matvec([rows[0][i * d : i * d + d] for i in range(k)], rows[1], c), (a.ravel(), b), c, h)
        for a, b, h in zip(m, x, g, strict=True)
    ]
    single = dtype is np.float32
    assert_accurate(poincare.mobius_matvec(m, x, c), [v for v, _ in found], 1 if single else 8)
    for j, bar in enumerate(poincare.mobius_matvec_vjp(g, m, x, c)[:2]):
        assert_accurate(bar, [b[j] for _, b in found], 8 if single else 100)
    c_bar = poincare.mobius_matvec_vjp(g, m, x, np.full(ROWS, c))[2]
    assert_accurate(c_bar, [b[2] for _, b in found], 1000)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("c", "kind"), CASES)
@pytest.mark.parametrize("sizes", [(1, 1), (3, 2), (1, 4, 2), (3,)])
def test_concat_and_split_to_the_last_digits(sizes, c, kind, dtype, rng):
    xs = [case(rng, n, c, kind, dtype) for n in sizes]
    x = case(rng, sum(sizes), c, kind, dtype)
    g = rng.normal(size=x.shape).astype(dtype)
    gs = np.split(g, np.cumsum(sizes)[:-1], axis=1)
    joined = [truth(concat, rows, c, h) for *rows, h in zip(*xs, g, strict=True)]
    parted = [truth(lambda rows, c: split(rows[0], sizes, c), (row,), c, h) for row, h in zip(x, g, strict=True)]
    single = dtype is np.float32
    assert_accurate(poincare.concat(xs, c), [v for v, _ in joined], 1 if single else 8)
    assert_accurate(np.concatenate(poincare.split(x, sizes, c), axis=1), [v for v, _ in parted], 1 if single else 8)
    per_row = np.full(ROWS, c)
    bars, _ = poincare.concat_vjp(g, xs, c)
    for j, bar in enumerate(bars):
        assert_accurate(bar, [b[j] for _, b in joined], 8 if single else 100)
    assert_accurate(poincare.split_vjp(gs, x, sizes, c)[0], [b[0] for _, b in parted], 8 if single else 100)
    if kind != "tiny" and len(sizes) > 1:  # else it is the identity for every c
        assert_accurate(poincare.concat_vjp(g, xs, per_row)[1], [b[-1] for _, b in joined], 1000)
        assert_accurate(poincare.split_vjp(gs, x, sizes, per_row)[1], [b[-1] for _, b in parted], 1000)


def test_matvec_with_known_matrices(rng):
    x = points(rng, 5, 0.7)
    q, _ = np.linalg.qr(rng.normal(size=(5, 5)))
    close = {"rtol": 1e-13, "atol": 1e-15}
    np.testing.assert_allclose(poincare.mobius_matvec(np.eye(5), x, 0.7), x, **close)
    np.testing.assert_allclose(poincare.mobius_matvec(q, x, 0.7), x @ q.T, **close)
    np.testing.assert_allclose(
        poincare.mobius_matvec(-1.5 * np.eye(5), x, 0.7), poincare.mobius_scalar(-1.5, x, 0.7), **close
    )
    a, b = rng.normal(size=(2, 5, 5)) / 4
    there = poincare.mobius_matvec(a, poincare.mobius_matvec(b, x, 0.7), 0.7)
    np.testing.assert_allclose(there, poincare.mobius_matvec(a @ b, x, 0.7), **close)
    np.testing.assert_allclose(poincare.mobius_matvec(a, x, 0), x @ a.T, rtol=1e-14)


@pytest.mark.parametrize("sizes", [(1, 1), (2, 3, 4), (7,), (300, 500)])
def test_split_is_the_inverse_of_concat(sizes, rng):
    xs = [points(rng, n, 0.7, 0, 0.999) for n in sizes]
    for x, part in zip(xs, poincare.split(poincare.concat(xs, 0.7), sizes, 0.7), strict=True):
        np.testing.assert_allclose(part, x, rtol=1e-12)
    x = points(rng, sum(sizes), 0.7, 0, 0.999)
    np.testing.assert_allclose(poincare.concat(poincare.split(x, sizes, 0.7), 0.7), x, rtol=1e-12)


def test_rim_of_concat(rng):
    x = rim_points(rng, 3, 1.0, 1e-12)
    (back,) = poincare.split(poincare.concat([x]), [3])
    np.testing.assert_allclose(back, x, rtol=4 * EPS[np.float64])


def test_broadcasting_sums_cotangents(rng):
    m, x, c = rng.normal(size=(4, 1, 2, 3)) / 3, points(rng, 3, 1.0, rows=5), rng.uniform(0.1, 1, (4, 1))
    out = poincare.mobius_matvec(m, x, c)
    assert out.shape == (4, 5, 2)
    g = rng.normal(size=out.shape)
    full = [np.broadcast_to(m, (4, 5, 2, 3)), np.broadcast_to(x, (4, 5, 3)), np.broadcast_to(c, (4, 5))]
    shared, alone = poincare.mobius_matvec_vjp(g, m, x, c), poincare.mobius_matvec_vjp(g, *full)
    np.testing.assert_allclose(out, poincare.mobius_matvec(*full), rtol=1e-13)
    np.testing.assert_allclose(shared[0], alone[0].sum(1, keepdims=True), rtol=1e-12)
    np.testing.assert_allclose(shared[1], alone[1].sum(0), rtol=1e-12)
    np.testing.assert_allclose(shared[2], alone[2].sum(1, keepdims=True), rtol=1e-12)
    one = poincare.mobius_matvec_vjp(g[0], m[0, 0], x, 0.5)
    many = poincare.mobius_matvec_vjp(g[0], np.broadcast_to(m[0], (5, 2, 3)), x, np.full(5, 0.5))
    for a, b in zip(one, many, strict=True):
        np.testing.assert_allclose(a, b.sum(0) if b.shape != a.shape else b, rtol=1e-12)
    y = points(rng, 2, 1.0, rows=1)
    bars, c_bar = poincare.concat_vjp(np.ones((5, 5)), [x, y], 0.5)
    assert [b.shape for b in bars] == [(5, 3), (1, 2)] and c_bar.shape == ()


@pytest.mark.parametrize("library", ["array_api_strict", "torch"])
def test_other_libraries(library, rng):
    xp = pytest.importorskip(library, reason=f"{library} is not installed")
    m, x, y, c = rng.normal(size=(2, 3)), points(rng, 3, 1.0), points(rng, 2, 1.0), rng.uniform(0.1, 1, ROWS)
    g, h = rng.normal(size=(ROWS, 2)), rng.normal(size=(ROWS, 5))
    M, X, Y, C, G, H = map(xp.asarray, (m, x, y, c, g, h))
    pairs = [
        (poincare.mobius_matvec(M, X, C), poincare.mobius_matvec(m, x, c)),
        (poincare.concat([X, Y], C), poincare.concat([x, y], c)),
        (poincare.split(X, [1, 2], C)[1], poincare.split(x, [1, 2], c)[1]),
        *zip(poincare.mobius_matvec_vjp(G, M, X, C), poincare.mobius_matvec_vjp(g, m, x, c), strict=True),
        (poincare.concat_vjp(H, [X, Y], 0.5)[0][1], poincare.concat_vjp(h, [x, y], 0.5)[0][1]),
    ]
    for a, b in pairs:
        np.testing.assert_allclose(np.asarray(a), b, rtol=1e-11, atol=1e-13)


def test_autograd_is_the_vjp(rng):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    m, x, y, c = rng.normal(size=(2, 3)), points(rng, 3, 1.0), points(rng, 2, 1.0), rng.uniform(0.1, 1, ROWS)
    g, h = rng.normal(size=(ROWS, 2)), rng.normal(size=(ROWS, 5))
    leaves = [torch.tensor(a, requires_grad=True) for a in (m, x, c)]
    poincare.mobius_matvec(*leaves).backward(torch.tensor(g))
    for leaf, bar in zip(leaves, poincare.mobius_matvec_vjp(g, m, x, c), strict=True):
        np.testing.assert_allclose(leaf.grad.numpy(), bar, rtol=1e-9, atol=1e-12)
    leaves = [torch.tensor(a, requires_grad=True) for a in (x, y, c)]
    poincare.concat(leaves[:2], leaves[2]).backward(torch.tensor(h))
    bars, c_bar = poincare.concat_vjp(h, [x, y], c)
    for leaf, bar in zip(leaves, (*bars, c_bar), strict=True):
        np.testing.assert_allclose(leaf.grad.numpy(), bar, rtol=1e-9, atol=1e-12)
    leaves = [torch.tensor(a, requires_grad=True) for a in (x, c)]
    torch.cat(poincare.split(leaves[0], [1, 2], leaves[1]), axis=1).backward(torch.tensor(h[:, :3]))
    for leaf, bar in zip(leaves, poincare.split_vjp([h[:, :1], h[:, 1:3]], x, [1, 2], c), strict=True):
        np.testing.assert_allclose(leaf.grad.numpy(), bar, rtol=1e-9, atol=1e-12)


def test_rows_outside_are_nan_and_alone(rng):
    x = np.array([[0.3, 0.4], [1.0, 0.0], [np.nan, 0.0]])
    for value in (
        poincare.mobius_matvec(np.eye(2), x),
        poincare.concat([x, 0 * x[:1]]),
        *poincare.split(x, [1, 1]),
        poincare.mobius_matvec_vjp(x, np.eye(2), x, np.ones(3))[1],
        poincare.concat_vjp(np.ones((3, 3)), [x, np.zeros((3, 1))])[0][1],
    ):
        np.testing.assert_array_equal(np.isnan(value), [[False] * value.shape[1]] + [[True] * value.shape[1]] * 2)


def test_dtypes():
    x, m = np.full((2, 3), 0.1, np.float32), np.eye(3, dtype=np.float32)
    assert poincare.mobius_matvec(m, x).dtype == np.float32
    assert poincare.mobius_matvec(m.astype(float), x).dtype == np.float64
    assert poincare.mobius_matvec(m, x, np.ones(2)).dtype == np.float64
    assert poincare.mobius_matvec(m.astype(int), 0 * x.astype(int)).dtype == np.float64
    assert [b.dtype for b in poincare.mobius_matvec_vjp(x, m.astype(float), x)] == [np.float64, np.float32, np.float64]
    assert poincare.concat([x, x]).dtype == poincare.split(x, [2, 1])[0].dtype == np.float32
    assert poincare.mobius_matvec(m.tolist(), x.tolist()).dtype == np.float64
    assert poincare.concat([x[:0], x[:0]]).shape == (0, 6)


def test_bad_input():
    x = np.zeros((2, 3))
    for call in (
        lambda: poincare.mobius_matvec(np.zeros((3, 2)), x),
        lambda: poincare.mobius_matvec(np.zeros(3), x),
        lambda: poincare.mobius_matvec(np.zeros((4, 3, 3)), x),
        lambda: poincare.mobius_matvec(np.zeros((3, 3)), np.float64(0.0)),
        lambda: poincare.mobius_matvec(np.eye(3), x, -1.0),
        lambda: poincare.mobius_matvec_vjp(np.zeros((2, 2)), np.eye(3), x),
        lambda: poincare.concat([]),
        lambda: poincare.concat(x),
        lambda: poincare.concat([x, np.zeros((3, 3))]),
        lambda: poincare.concat_vjp(np.zeros((2, 5)), [x, x]),
        lambda: poincare.split(x, [1, 1]),
        lambda: poincare.split(x, [3, 0]),
        lambda: poincare.split(x, [1.5, 1.5]),
        lambda: poincare.split_vjp([x], x, [1, 2]),
    ):
        with pytest.raises(ValueError, match=r"^poincare\.\w+: "):
            call()
    for bad in (np.zeros((2, 3), complex), np.zeros((2, 3), bool)):
        with pytest.raises(TypeError, match="x needs dtype float32, float64"):
            poincare.mobius_matvec(np.eye(3), bad)
        with pytest.raises(TypeError, match=r"xs\[1\] needs dtype"):
            poincare.concat([x, bad])
