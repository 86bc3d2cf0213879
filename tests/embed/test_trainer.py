"""One compiled step against the row functions and against mpmath; then what a run must keep."""

import mpmath as mp
import numpy as np
import pytest

from hypergeom import poincare
from hypergeom._core import embedding as core
from hypergeom.datasets import load_mammals
from hypergeom.embed.diffusion import diffusion_start
from hypergeom.embed.trainer import Recipe, Trainer, _alias_table, _visits

ONE_EDGE = np.array([[0, 1]])  # node 2 is then the only negative that may be drawn


def recipe(**changes):
    values = {
        "n_epochs": 1,
        "n_negatives": 1,
        "learning_rate": (0.3,),
        "burn_in": 0,
        "hard_negatives": (0.0, 0.0),
        "negative_power": 0.0,
        "margin": 1e-12,
        "curvature": 1.0,
        "hyperbolic": True,
        "threads": 1,
    }
    return Recipe(**{**values, **changes})


def step(points, **changes):
    """Points and loss after the one visit of ONE_EDGE."""
    trainer = Trainer(np.array(points), ONE_EDGE, np.ones(1), recipe(**changes), seed=3)
    loss, pairs, _ = trainer.epoch(0)
    assert pairs == 1 + changes.get("n_negatives", 1)
    return trainer.points, loss


def points_at(radius, spread, d, seed):
    """Three points about `spread` apart, at Euclidean distance `radius` from the origin."""
    rng = np.random.default_rng(seed)
    direction = rng.standard_normal(d)
    near = direction + spread * rng.standard_normal((3, d))
    return radius * near / np.linalg.norm(near, axis=1, keepdims=True)


@pytest.mark.parametrize("d", [1, 2, 5, 8, 10, 12, 13, 40])
@pytest.mark.parametrize("n_negatives", [1, 4])
@pytest.mark.parametrize("c", [1.0, 0.3, 4.0])
def test_step_is_riemannian_gradient_descent(d, n_negatives, c):
    start = np.random.default_rng(d).uniform(-0.6, 0.6, (3, d)) / np.sqrt(d)
    u, v, n = start / np.sqrt(c)
    after, loss = step(start, n_negatives=n_negatives, curvature=c)

    def unit(x, y):
        return poincare.log(x, y, c) / poincare.dist(x, y, c)

    x = n_negatives * np.exp(poincare.dist(u, v, c) - poincare.dist(u, n, c))
    pull, rate = x / (1 + x), 0.3
    # In this chart a tangent of metric length s has Euclidean length s g/2; `unit` has metric length 1.
    expected = [
        poincare.exp(u, rate * pull * (unit(u, v) - unit(u, n)), c),
        poincare.exp(v, rate * pull * unit(v, u), c),
        poincare.exp(n, -rate * pull / n_negatives * unit(n, u), c),
    ]
    np.testing.assert_allclose(loss, np.log1p(x), rtol=1e-13)
    np.testing.assert_allclose(after / np.sqrt(c), expected, rtol=1e-12, atol=1e-13)


def mp_exp(x, v):
    """Exponential map of the unit ball, in mpmath."""
    norm = mp.norm(v)
    gap = 1 - mp.fdot(x, x)
    z = [mp.tanh(norm / gap) * vi / norm for vi in v]
    xz, xx, zz = mp.fdot(x, z), mp.fdot(x, x), mp.fdot(z, z)
    return [((1 + 2 * xz + zz) * a + (1 - xx) * b) / (1 + 2 * xz + xx * zz) for a, b in zip(x, z, strict=True)]


def mp_dist(x, y):
    e = [a - b for a, b in zip(x, y, strict=True)]
    return 2 * mp.asinh(mp.sqrt(mp.fdot(e, e) / ((1 - mp.fdot(x, x)) * (1 - mp.fdot(y, y)))))


@pytest.mark.parametrize("gap", [0.5, 1e-3, 1e-5])
@pytest.mark.parametrize("spread", [1.0, 1e-3, 1e-6])
def test_step_against_mpmath(gap, spread):
    start = points_at(1 - gap, spread, 3, seed=7)
    after, _ = step(start)
    with mp.workdps(60):
        u, v, n = ([mp.mpf(t) for t in row] for row in start)

        def loss(*rows):
            a, b, m = rows[:3], rows[3:6], rows[6:]
            return mp.log1p(mp.exp(mp_dist(a, b) - mp_dist(a, m)))

        at = [*u, *v, *n]
        gradient = [mp.diff(loss, at, [int(i == k) for i in range(9)]) for k in range(9)]
        for k, x in enumerate((u, v, n)):
            scale = (1 - mp.fdot(x, x)) ** 2 / 4
            tangent = [-mp.mpf(0.3) * scale * g for g in gradient[3 * k : 3 * k + 3]]
            expected = mp_exp(x, tangent)
            error = mp_dist([mp.mpf(t) for t in after[k]], expected)
            length = 2 * mp.norm(tangent) / (1 - mp.fdot(x, x))
            # The rounding of the coordinates themselves is eps / gap of a unit of length.
            assert error <= 1e-9 * length + 4 * np.finfo(float).eps / gap


@pytest.mark.parametrize("apart", [0.0, 1e-15, 1e-12])
def test_coincident_points_stay_finite(apart):
    start = np.full((3, 4), 0.3) + apart * np.arange(3)[:, None]
    after, loss = step(start)
    assert np.isfinite(after).all() and np.isfinite(loss)
    if apart == 0:  # which have no direction
        np.testing.assert_allclose(after, start, rtol=1e-15)


def test_edges_of_a_node_share_its_negatives_and_count_by_weight():
    start = np.random.default_rng(4).uniform(-0.4, 0.4, (4, 3))
    edges, weights = np.array([[0, 1], [0, 2]]), np.array([1.0, 3.0])
    trainer = Trainer(np.array(start), edges, weights, recipe(n_negatives=2), seed=0)
    loss, pairs, _ = trainer.epoch(0)
    assert pairs == 4
    u, ancestors, n = start[0], start[1:3], start[3]
    x = 2 * np.exp(poincare.dist(u, ancestors) - poincare.dist(u, n))
    np.testing.assert_allclose(loss, weights @ np.log1p(x) / weights.sum(), rtol=1e-13)
    pulls, rate = weights * x / (1 + x), 0.3

    def unit(a, b):
        return poincare.log(a, b) / poincare.dist(a, b)[..., None]

    expected = [
        poincare.exp(u, rate * (pulls @ unit(u, ancestors) - pulls.sum() * unit(u, n))),
        *poincare.exp(ancestors, rate * pulls[:, None] * unit(ancestors, u)),
        poincare.exp(n, -rate * pulls.sum() / 2 * unit(n, u)),
    ]
    np.testing.assert_allclose(trainer.points, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("hyperbolic", [True, False])
def test_steps_are_capped(hyperbolic):
    start = np.array([[0.1, 0.2], [0.5, -0.3], [-0.1, 0.4]])
    after, _ = step(start, learning_rate=(50.0,), hyperbolic=hyperbolic)
    length = poincare.dist(start, after) if hyperbolic else np.linalg.norm(after - start, axis=1)
    np.testing.assert_allclose(length, 1.0, rtol=1e-12)
    if hyperbolic:
        u, v, n = start
        outward = poincare.exp(n, -poincare.log(n, u) / poincare.dist(n, u))
        np.testing.assert_allclose(after[2], outward, rtol=1e-12)
        np.testing.assert_allclose(after[1], poincare.exp(v, poincare.log(v, u) / poincare.dist(v, u)), rtol=1e-12)


def test_rivals_count_by_their_weight():
    """Node 2 is the one rival and the one negative; how often its list was met is told by the number of pairs."""
    start = np.random.default_rng(6).uniform(-0.4, 0.4, (3, 2))
    start[2] = start[0] + 0.01  # nearer than the ancestor
    settings = recipe(n_negatives=3, hard_negatives=(0.1, 1.0), learning_rate=(1e-30,))
    trainer = Trainer(start, ONE_EDGE, np.ones(1), settings, seed=0)
    counts = []
    for epoch in range(6):
        loss, pairs, _ = trainer.epoch(epoch)
        counts.append(pairs - 4)
        weight = 0.1 * (3 / 3) * 64 / 32
        total = (3 + weight * counts[-1]) * np.exp(-poincare.dist(start[0], start[2]))
        np.testing.assert_allclose(loss, np.log1p(total * np.exp(poincare.dist(start[0], start[1]))), rtol=1e-12)
    assert max(counts) > 0  # 32 draws from a list of 64 places, one of them taken


def test_negatives_by_their_number_of_descendants():
    """Among the negatives of node 0 node 2, with many descendants, is near and the others are far."""
    n, n_negatives, power = 60, 4000, 0.75
    children = np.arange(20, n)
    edges = np.concatenate([ONE_EDGE, np.stack([children, np.full(len(children), 2)], axis=1)])
    start = np.full((n, 2), 0.0)
    start[1], start[2], start[3:] = (0.3, 0.0), (0.0, 0.1), (0.9, 0.0)
    weights = np.where(edges[:, 0] == 0, 1.0, 1e-300)
    settings = recipe(n_negatives=n_negatives, negative_power=power, learning_rate=(1e-30,))
    loss, _, _ = Trainer(start, edges, weights, settings, seed=1).epoch(0)
    mean_decay = np.expm1(loss) * np.exp(-poincare.dist(start[0], start[1])) / n_negatives
    near, far = np.exp(-poincare.dist(start[0], start[2:4]))
    share = (mean_decay - far) / (near - far)
    probability = (1.0 + np.bincount(edges[:, 1], minlength=n)) ** power
    probability[:2] = 0  # node 0 itself and its ancestor
    expected = probability[2] / probability.sum()
    assert abs(share - expected) < 5 * np.sqrt(expected * (1 - expected) / n_negatives) + 0.02  # two nodes may collide


def test_euclidean_control():
    start = np.random.default_rng(0).normal(size=(3, 3))
    u, v, n = start
    after, loss = step(start, hyperbolic=False)
    d_uv, d_un = np.linalg.norm(v - u), np.linalg.norm(n - u)
    pull = 0.3 / (1 + np.exp(d_un - d_uv))
    to_v, to_n = (v - u) / d_uv, (n - u) / d_un
    np.testing.assert_allclose(loss, np.log1p(np.exp(d_uv - d_un)), rtol=1e-13)
    np.testing.assert_allclose(after, [u + pull * (to_v - to_n), v - pull * to_v, n + pull * to_n], rtol=1e-13)


def test_projection_is_counted():
    start = np.array([[0.9, 0.0], [0.5, 0.0], [0.97, 0.0]])  # the last is pushed outward
    trainer = Trainer(start, ONE_EDGE, np.ones(1), recipe(margin=0.02, learning_rate=(10.0,)), seed=0)
    _, _, projected = trainer.epoch(0)
    assert projected == 1
    np.testing.assert_allclose(trainer.points[2], [0.98, 0.0], rtol=1e-12)


def test_projection_of_the_visited_node_is_counted():
    start = np.array([[0.97, 0.0], [0.979, 0.0], [0.5, 0.0]])  # the first is pulled and pushed outward
    trainer = Trainer(start, ONE_EDGE, np.ones(1), recipe(margin=0.02, learning_rate=(10.0,)), seed=0)
    _, _, projected = trainer.epoch(0)
    assert projected == 1
    np.testing.assert_allclose(trainer.points[0], [0.98, 0.0], rtol=1e-12)


@pytest.mark.parametrize("margin", [1e-9, 0.02])
def test_gaps_that_the_kernel_carries_are_those_of_the_points(margin, monkeypatch):
    edges = chain_and_leaves(130)
    start = np.random.default_rng(0).uniform(-0.6, 0.6, (130, 2))
    settings = recipe(n_negatives=20, learning_rate=(2.0,), margin=margin)
    trainer = Trainer(start, edges, np.ones(len(edges)), settings, seed=0)
    trainer.epoch(0)
    monkeypatch.setattr(trainer, "_refresh_gaps", lambda: 0)
    _, _, projected = trainer.epoch(1)
    assert (projected > 0) == (margin > 1e-3)
    np.testing.assert_allclose(trainer._rows[:, trainer._lanes], 1 - np.sum(trainer.points**2, axis=1), rtol=1e-6)


def test_a_start_beyond_the_margin_is_projected_and_counted():
    start = np.array([[0.99, 0.0], [0.0, 0.5], [0.8, 0.6]])
    trainer = Trainer(start, ONE_EDGE, np.ones(1), recipe(margin=0.02, learning_rate=(1e-12,)), seed=0)
    _, _, projected = trainer.epoch(0)
    assert projected >= 2
    np.testing.assert_allclose(trainer.points, [[0.98, 0.0], [0.0, 0.5], [0.784, 0.588]], atol=1e-10)


@pytest.mark.parametrize("margin", [1e-9, 1e-13])
def test_rows_that_two_threads_write_at_once_stay_harmless(margin):
    """Long steps near the rim, many threads on few rows: a NaN would spread to all of them."""
    edges = load_mammals().edges
    start = np.random.default_rng(0).uniform(-1e-3, 1e-3, (1180, 10))
    settings = recipe(n_epochs=100, n_negatives=50, learning_rate=(5.0,), margin=margin, threads=8)
    trainer = Trainer(start, edges, np.ones(len(edges)), settings, seed=0)
    for epoch in range(100):
        trainer.epoch(epoch)
    assert np.isfinite(trainer.points).all()
    assert (np.linalg.norm(trainer.points, axis=1) < 1).all()


def chain_and_leaves(n=400):
    """A hierarchy in which some nodes have more ancestors than one visit, and more than the sampler's filter, holds."""
    chain = [(i, j) for i in range(100) for j in range(i + 1, 100)]
    leaves = [(i, j) for i in range(100, n) for j in range(i % 50, 100)]
    return np.array(chain + leaves)


def test_visits_cover_all_edges_once():
    edges = chain_and_leaves()
    indptr = np.searchsorted(edges[:, 0], np.arange(401))
    start, node = _visits(indptr)
    sizes = np.diff(start)
    assert sizes.max() <= core.MAX_POSITIVES and sizes.min() >= 1
    assert start[0] == 0 and start[-1] == len(edges)
    np.testing.assert_array_equal(np.repeat(node, sizes), edges[:, 0])


@pytest.mark.parametrize("hard", [0.0, 8.0])
@pytest.mark.parametrize("power", [0.0, 0.75])
def test_every_way_to_draw_stays_in_the_ball(hard, power):
    edges = chain_and_leaves(130)
    rng = np.random.default_rng(0)
    start = rng.uniform(-0.3, 0.3, (130, 2))
    settings = recipe(n_epochs=3, n_negatives=20, hard_negatives=(hard, 1.0), negative_power=power)
    trainer = Trainer(start, edges, np.ones(len(edges)), settings, seed=0)
    losses = [trainer.epoch(e)[0] for e in range(3)]
    assert np.isfinite(losses).all() and np.isfinite(trainer.points).all()
    assert (np.linalg.norm(trainer.points, axis=1) < 1).all()


@pytest.mark.parametrize("n_ancestors", [1, 40, 64, 65, 128])
def test_only_permitted_negatives_are_drawn(n_ancestors):
    """Nothing moves at this rate, so the loss tells what node 0 met: node 1, its one permitted negative."""
    edges = np.stack([np.zeros(n_ancestors, dtype=np.int64), np.arange(2, n_ancestors + 2)], axis=1)
    start = np.random.default_rng(1).uniform(-0.5, 0.5, (n_ancestors + 2, 3))
    trainer = Trainer(start, edges, np.ones(n_ancestors), recipe(n_negatives=5, learning_rate=(1e-30,)), seed=0)
    u, negative, ancestors = start[0], start[1], start[2:]
    expected = np.log1p(5 * np.exp(poincare.dist(u, ancestors) - poincare.dist(u, negative))).mean()
    met = 0
    for epoch in range(10):  # the filter may pass over the one permitted node in some of them
        loss, pairs, _ = trainer.epoch(epoch)
        if pairs == n_ancestors + 5 * -(-n_ancestors // core.MAX_POSITIVES):
            np.testing.assert_allclose(loss, expected, rtol=1e-12)
            met += 1
        else:
            assert pairs == 0
    assert met >= 3


@pytest.mark.parametrize(
    ("seed", "counter", "numbers"),
    [
        (0, (0, 0, 0, 0), (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
        (2**64 - 1, (2**32 - 1,) * 4, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
        (
            0x299F31D0A4093822,
            (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
            (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1),
        ),
    ],
)
def test_philox_known_answers(seed, counter, numbers):
    """The vectors that the authors of Philox4x32-10 publish with it."""
    assert core.philox(seed, *counter) == numbers


def test_alias_table_has_the_stated_distribution():
    degrees = np.array([0, 1, 5, 100, 3])
    table = _alias_table(degrees, 0.75)
    probability = table["alias_share"] / 5
    np.add.at(probability, table["alias"], (1 - table["alias_share"]) / 5)
    expected = (1.0 + degrees) ** 0.75
    np.testing.assert_allclose(probability, expected / expected.sum(), rtol=1e-12)


@pytest.mark.parametrize(
    ("rates", "epoch", "rate"),
    [((0.5,), 50, 0.5), ((0.1, 0.3), 0, 0.01), ((0.1, 0.3), 100, 0.3), ((0.1, 1.0, 0.2), 50, 1.0)],
)
def test_schedule(rates, epoch, rate):
    settings = recipe(n_epochs=101, learning_rate=rates, burn_in=5)
    assert settings.learning_rate_at(epoch) == pytest.approx(rate, rel=1e-12)


def test_burn_in_has_a_tenth_of_the_negatives():
    settings = recipe(n_epochs=10, n_negatives=50, burn_in=3)
    assert [settings.n_negatives_at(epoch) for epoch in (0, 2, 3)] == [5, 5, 50]
    assert recipe(n_negatives=4, burn_in=1).n_negatives_at(0) == 1


@pytest.mark.parametrize(
    ("hard", "first"), [((8.0, 0.4), 60), ((8.0, 1.0), 0), ((0.0, 0.4), np.inf), ((8.0, 0.0), np.inf)]
)
def test_first_hard_epoch(hard, first):
    assert recipe(n_epochs=100, hard_negatives=hard).first_hard_epoch() == first


def test_rivals_are_searched_every_ten_epochs(monkeypatch):
    settings = recipe(n_epochs=40, hard_negatives=(8.0, 0.75), n_negatives=5)
    trainer = Trainer(points_at(0.5, 1.0, 2, seed=0), ONE_EDGE, np.ones(1), settings, seed=0)
    search, searched = trainer._search_rivals, []
    monkeypatch.setattr(trainer, "_search_rivals", lambda: searched.append(epoch) or search())
    for epoch in range(40):
        trainer.epoch(epoch)
    assert searched == [10, 20, 30]


def test_the_seed_rules_the_draws():
    start = np.random.default_rng(0).uniform(-0.5, 0.5, (50, 2))
    losses = {Trainer(start, ONE_EDGE, np.ones(1), recipe(), seed).epoch(0)[0] for seed in (1, 2, 3, 1)}
    assert len(losses) == 3


def test_the_seed_rules_the_order():
    """Two visits, each with one permitted negative: nothing but their order is left to chance."""
    start, edges = points_at(0.5, 1.0, 2, seed=0), np.array([[0, 1], [2, 1]])
    ends = set()
    for seed in range(12):
        trainer = Trainer(start, edges, np.ones(2), recipe(), seed)
        trainer.epoch(0)
        ends.add(trainer.points.tobytes())
    assert len(ends) == 2


def test_diffusion_start():
    edges = chain_and_leaves(130)
    points = diffusion_start(edges, 130, 8, np.random.default_rng(3), rounds=2)
    up = np.eye(130)
    up[edges[:, 0], edges[:, 1]] = 1
    v = np.random.default_rng(3).standard_normal((130, 8))
    for _ in range(2):
        v = up / np.sqrt(up.sum(axis=1, keepdims=True)) @ v
        v = up.T / up.T.sum(axis=1, keepdims=True) @ v
    v /= np.linalg.norm(v, axis=1, keepdims=True)
    descendants = up.sum(axis=0)
    radius = 2 * (1 - np.log(descendants) / np.log(descendants.max()))
    np.testing.assert_allclose(points, np.tanh(radius / 2)[:, None] * v, rtol=1e-10, atol=1e-12)
