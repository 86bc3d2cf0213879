"""The groups O(p, q): what the law suite does not see."""

import mpmath as mp
import numpy as np
import pytest

from hypergeom import lorentz
from hypergeom.errors import ConvergenceError, NoJPolarError, NotOnManifoldError
from hypergeom.manifolds import LorentzGroup
from hypergeom.polar import random_jorthogonal

GROUPS = [
    LorentzGroup(1, 1),
    LorentzGroup(4, 1),
    LorentzGroup(3, 3),
    LorentzGroup(2, 5),
    LorentzGroup(4, 0),
    LorentzGroup(0, 3),
]
EPS = np.finfo(float).eps


@pytest.fixture(params=GROUPS, ids=str)
def group(request):
    return request.param


def shape(group, *batch):
    return (*batch, group.n, group.n)


def random(group, rng, cond=10.0, connected=True, batch=(5,)):
    if 0 in (group.p, group.q):
        cond = 1.0
    return group.random_point(shape(group, *batch), rng=rng, cond=cond, connected=connected)


def two_norm(a):
    return np.linalg.norm(a, 2, axis=(-2, -1))


def test_the_time_coordinate_comes_first(rng):
    group = LorentzGroup(3, 1)
    np.testing.assert_array_equal(group.j, [-1, 1, 1, 1])
    w = group.random_point((20, 4, 4), rng=rng)
    x, y = lorentz.exp0(np.concatenate([np.zeros((2, 20, 1)), rng.normal(size=(2, 20, 3))], axis=-1))
    moved = [np.einsum("bij,bj->bi", w, a) for a in (x, y)]
    assert np.all(moved[0][:, 0] > 0)
    np.testing.assert_allclose(lorentz.dist(*moved), lorentz.dist(x, y), rtol=1e-12)


def test_exponentials_in_the_plane(rng):
    """exp of a boost and of a rotation, in closed form."""
    t = rng.uniform(-3, 3)
    boost = LorentzGroup(1, 1).exp(np.eye(2), [[0, t], [t, 0]])
    np.testing.assert_allclose(boost, [[np.cosh(t), np.sinh(t)], [np.sinh(t), np.cosh(t)]], rtol=1e-14)
    turn = LorentzGroup(2, 0).exp(np.eye(2), [[0, -t], [t, 0]])
    np.testing.assert_allclose(turn, [[np.cos(t), -np.sin(t)], [np.sin(t), np.cos(t)]], atol=1e-15 * np.e**3)


def test_exp_against_mpmath(group, rng):
    w, v = random(group, rng, batch=()), group.random_tangent(np.eye(group.n), rng=rng)
    with mp.workdps(40):
        truth = np.array((mp.matrix(w.tolist()) * mp.expm(mp.matrix(v.tolist()))).tolist(), float)
    assert np.abs(group.exp(w, v) - truth).max() <= 1e-14 * np.abs(truth).max()


def test_log_of_long_steps(rng):
    """Boosts have a logarithm however far they go; rotations up to pi."""
    group = LorentzGroup(4, 1)
    v = np.zeros((3, 5, 5))
    v[:, 0, 1] = v[:, 1, 0] = 1e-8, 1, 8
    v[:, 2, 3], v[:, 3, 2] = -3.0, 3.0
    w = group.exp(np.eye(5), v)
    for k, size in enumerate((1, np.exp(2), np.exp(16))):
        assert np.abs(group.log(np.eye(5), w)[k] - v[k]).max() <= 100 * EPS * size


def test_log_without_a_principal_logarithm(rng):
    group = LorentzGroup(2, 1)
    w = np.stack([np.eye(3), np.diag([1.0, -1.0, 1.0]), -np.eye(3), group.random_point((3, 3), rng=rng)])
    v = group.log(np.eye(3), w)
    assert np.isnan(v[1:3]).all()
    assert np.isfinite(v[[0, 3]]).all()
    np.testing.assert_allclose(group.exp(np.eye(3), v[3]), w[3], atol=1e-13 * np.abs(w[3]).max())


def test_cayley(group, rng):
    w, v = random(group, rng), group.random_tangent(np.zeros(shape(group, 5)), rng=rng)
    v *= 1.9 / two_norm(v)[:, None, None]
    moved = group.retract(w, v)
    group.check(moved)
    one = np.eye(group.n)
    np.testing.assert_allclose(moved @ (one - v / 2), w @ (one + v / 2), atol=1e-13 * np.abs(moved).max())
    np.testing.assert_array_equal(group.retract(w, v, method="expm"), group.exp(w, v))
    assert [c.tolist() for c in group.component(moved)] == [c.tolist() for c in group.component(w)]


def test_cayley_where_it_ends():
    group = LorentzGroup(1, 1)
    v = np.array([[[0.0, 2.0], [2.0, 0.0]], [[0.0, 1.0], [1.0, 0.0]]])
    moved = group.retract(np.eye(2), v)
    assert np.isnan(moved[0]).all()
    group.check(moved[1])


@pytest.mark.parametrize("method", ["cayley", "expm"])
def test_many_steps_stay_on_the_group(method, rng):
    """1,000 steps of spectral norm 0.02 without polish."""
    group = LorentzGroup(16, 1)
    w = np.eye(17)
    for _ in range(1000):
        v = group.random_tangent(w, rng=rng)
        w = group.retract(w, 0.02 / two_norm(v) * v, method=method)
    assert group.residual(w) <= 2e-14
    assert group.component(w) == (1, 1)


def test_components(rng):
    group = LorentzGroup(2, 2)
    w = group.random_point((400, 4, 4), rng=rng, connected=False)
    group.check(w)
    signs = set(zip(*(c.tolist() for c in group.component(w)), strict=True))
    assert signs == {(1, 1), (1, -1), (-1, 1), (-1, -1)}
    connected = group.component(group.random_point((50, 4, 4), rng=rng))
    assert all((c == 1).all() for c in connected)
    for part in group.component(np.eye(4)):
        assert part == 1


def test_inverse_and_algebra(group, rng):
    w, e = random(group, rng), rng.normal(size=shape(group, 5))
    np.testing.assert_allclose(group.inverse(w) @ w, np.broadcast_to(np.eye(group.n), w.shape), atol=1e-13)
    x, j = group.project_algebra(e), group.j
    np.testing.assert_array_equal(x, -j[:, None] * np.swapaxes(x, -1, -2) * j)
    rest = e - x  # orthogonal to the algebra
    y = group.random_tangent(w, rng=rng)
    assert np.abs((rest * y).sum(axis=(-2, -1))).max() < 1e-13
    assert group.dim(shape(group)) == np.linalg.matrix_rank(
        np.stack([group.project_algebra(b.reshape(group.n, -1)).ravel() for b in np.eye(group.n**2)])
    )


def test_polish_and_project(rng):
    group = LorentzGroup(5, 2)
    w = group.random_point((4, 7, 7), rng=rng)
    off = w + 1e-9 * rng.normal(size=w.shape)
    assert np.all(group.residual(off) > 1e-11)
    for mended in (group.polish(off), group.project(off)):
        assert np.all(group.residual(mended) < 1e-15)
        assert np.abs(mended - w).max() < 1e-7
    with pytest.raises(ConvergenceError):
        group.polish(w + rng.normal(size=w.shape))
    with pytest.raises(NoJPolarError):
        group.project(np.zeros((7, 7)))


def test_left_translation_alone_gives_no_symmetric_hessian(rng):
    """The derivative of the gradient by left translation lacks the term that makes the Hessian symmetric."""
    group = LorentzGroup(3, 1)
    w = group.random_point((4, 4), rng=rng)
    v = group.random_tangent(w, rng=rng)
    c = rng.normal(size=(4, 4))  # f = <c, w>

    def gradient(h):
        return group.egrad2rgrad(group.exp(w, h * v), c)

    h = 1e-5
    derivative = (gradient(h) - gradient(-h)) / (2 * h)
    r = gradient(0)
    hessian = group.ehess2rhess(w, c, 0 * c, v)
    missing = group.project_algebra(v.T @ r - r @ v.T) / 2
    assert np.abs(derivative - missing - hessian).max() < 1e-8 * np.abs(hessian).max()
    assert np.abs(missing).max() > 0.01


def test_dist_says_why_not():
    with pytest.raises(NotImplementedError, match="no closed form"):
        LorentzGroup(2, 1).dist(np.eye(3), np.eye(3))


def test_bad_parameters():
    for bad in (-1, 1.5, True, "1"):
        with pytest.raises((ValueError, TypeError), match="LorentzGroup: p"):
            LorentzGroup(bad, 1)
    with pytest.raises(ValueError, match=r"p \+ q must be positive"):
        LorentzGroup(0, 0)
    group = LorentzGroup(2, 1)
    with pytest.raises(ValueError, match=r"LorentzGroup.exp: a point of LorentzGroup\(p=2, q=1\) is 3 by 3, got shape"):
        group.exp(np.eye(4), np.eye(4))
    with pytest.raises(ValueError, match="method must be 'cayley' or 'expm'"):
        group.retract(np.eye(3), np.zeros((3, 3)), method="qr")
    with pytest.raises(NotOnManifoldError):
        group.check(2 * np.eye(3))


def test_ill_conditioned_points_pass_the_check(rng):
    for cond in (1e4, 1e8):
        LorentzGroup(6, 2).check(random_jorthogonal(LorentzGroup(6, 2).j, cond=cond, size=(5,), rng=rng))
