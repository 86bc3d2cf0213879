"""Other libraries' manifolds at moderate distances: pymanopt, geomstats and hyperbolix.

pymanopt and geomstats have curvature -1 alone; hyperbolix, which needs Python 3.12, takes c as we do. The ball's metric
is (2 / (1 - c|x|^2))^2 in all of them, and pymanopt's rotations store tangents without their factor x, as LorentzGroup
does. What pymanopt names transport is a projection, and left out.
"""

import functools
import sys
from typing import NamedTuple

import numpy as np
import pytest

from hypergeom.manifolds import Euclidean, Lorentz, LorentzGroup, PoincareBall, Sphere, Stiefel

ROWS = 6


class Peer(NamedTuple):
    """A manifold, and its methods under our names as functions of one row."""

    manifold: object
    shape: tuple[int, ...]
    methods: dict
    rtol: float = 1e-9


# --- pymanopt: one point a call --------------------------------------------------------------------------------------


def of_pymanopt(theirs, *names):
    ours = {
        "inner": theirs.inner_product,
        "norm": theirs.norm,
        "dist": lambda x, y: theirs.dist(x, y),
        "exp": theirs.exp,
        "log": lambda x, y: theirs.log(x, y),
        "retract": theirs.retraction,
        "project_tangent": theirs.projection,
        "egrad2rgrad": theirs.euclidean_to_riemannian_gradient,
        "ehess2rhess": theirs.euclidean_to_riemannian_hessian,
    }
    return {name: ours[name] for name in ours if name not in names}


def pymanopt():
    from pymanopt import manifolds

    rotations = of_pymanopt(manifolds.SpecialOrthogonalGroup(4), "dist", "retract", "project_tangent")
    no_log = ("dist", "log")
    return {
        "euclidean": Peer(Euclidean(), (3,), of_pymanopt(manifolds.Euclidean(3))),
        "sphere": Peer(Sphere(), (4,), of_pymanopt(manifolds.Sphere(4))),
        # their retraction of the ball is exp
        "ball": Peer(PoincareBall(), (3,), of_pymanopt(manifolds.PoincareBall(3), "retract")),
        "stiefel qr": Peer(Stiefel("euclidean", "qr"), (5, 2), of_pymanopt(manifolds.Stiefel(5, 2), *no_log)),
        "stiefel polar": Peer(
            Stiefel("euclidean", "polar"), (6, 3), of_pymanopt(manifolds.Stiefel(6, 3, retraction="polar"), *no_log)
        ),
        "rotations": Peer(LorentzGroup(4, 0), (4, 4), rotations),
    }


# --- geomstats -------------------------------------------------------------------------------------------------------


def of_geomstats(space, *names):
    metric = space.metric
    ours = {
        "inner": lambda x, u, v: metric.inner_product(u, v, x),
        "norm": lambda x, v: metric.norm(v, x),
        "dist": lambda x, y: metric.dist(x, y),
        "exp": lambda x, v: metric.exp(v, x),
        "log": lambda x, y: metric.log(y, x),
        "transport": lambda x, y, v: metric.parallel_transport(v, x, end_point=y),
        "project_tangent": lambda x, u: space.to_tangent(u, x),
    }
    return {name: ours[name] for name in ours if name not in names}


def geomstats():
    from geomstats.geometry.euclidean import Euclidean as Flat
    from geomstats.geometry.hyperboloid import Hyperboloid
    from geomstats.geometry.hypersphere import Hypersphere
    from geomstats.geometry.poincare_ball import PoincareBall as Ball
    from geomstats.geometry.stiefel import Stiefel as Frames

    return {
        "euclidean": Peer(Euclidean(), (3,), of_geomstats(Flat(3))),
        "sphere": Peer(Sphere(), (4,), of_geomstats(Hypersphere(3))),
        "ball": Peer(PoincareBall(), (3,), of_geomstats(Ball(3), "transport")),
        "lorentz": Peer(Lorentz(), (4,), of_geomstats(Hyperboloid(3))),
        # their log iterates to 1e-8
        "stiefel": Peer(Stiefel(), (5, 2), of_geomstats(Frames(5, 2), "transport"), 1e-6),
    }


# --- hyperbolix ------------------------------------------------------------------------------------------------------


def of_hyperbolix(space, c):
    from jax import numpy as jnp

    ours = {
        "inner": lambda x, u, v: space.tangent_inner(u, v, x, c),
        "norm": lambda x, v: space.tangent_norm(v, x, c),
        "dist": lambda x, y: space.dist(x, y, c),
        "exp": lambda x, v: space.expmap(v, x, c),
        "log": lambda x, y: space.logmap(y, x, c),
        "transport": lambda x, y, v: space.ptransp(v, x, y, c),
        "project_tangent": lambda x, u: space.tangent_proj(u, x, c),
        "egrad2rgrad": lambda x, g: space.egrad2rgrad(g, x, c),
    }
    return {name: lambda *row, f=f: f(*map(jnp.asarray, row)) for name, f in ours.items()}


def hyperbolix():
    from hyperbolix import manifolds

    sys.modules["jax"].config.update("jax_enable_x64", True)
    ball, hyperboloid = (space(dtype=np.float64) for space in (manifolds.Poincare, manifolds.Hyperboloid))
    return {
        f"{name} {c}": Peer(ours(c), shape, of_hyperbolix(theirs, c))
        for c in (0.3, 1.0)
        for name, ours, theirs, shape in (
            ("ball", PoincareBall, ball, (3,)),
            ("lorentz", Lorentz, hyperboloid, (4,)),
        )
    }


# ---------------------------------------------------------------------------------------------------------------------


RUNS = [
    *(("pymanopt", name) for name in ("euclidean", "sphere", "ball", "stiefel qr", "stiefel polar", "rotations")),
    *(("geomstats", name) for name in ("euclidean", "sphere", "ball", "lorentz", "stiefel")),
    *(("hyperbolix", f"{name} {c}") for c in (0.3, 1.0) for name in ("ball", "lorentz")),
]


@functools.cache
def peers(library):
    return {"pymanopt": pymanopt, "geomstats": geomstats, "hyperbolix": hyperbolix}[library]()


@pytest.fixture
def peer(library, name, monkeypatch):
    reason = f"{library} is not installed"
    if library == "hyperbolix" and sys.version_info < (3, 12):
        reason = "hyperbolix needs Python 3.12"
    if library == "geomstats":  # 2.8 imports a name that NumPy dropped, and uses it for none of this
        monkeypatch.setattr(np, "trapz", np.trapezoid, raising=False)
    pytest.importorskip(library, reason=reason)
    return peers(library)[name]


ARGUMENTS = {
    "inner": "xuv", "norm": "xu", "dist": "xy", "exp": "xv", "log": "xy", "transport": "xyu", "retract": "xv",
    "project_tangent": "xg", "egrad2rgrad": "xg", "ehess2rhess": "xghu",
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::ImportWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize(("library", "name"), RUNS)
def test_peers_agree(peer, rng):
    m, shape = peer.manifold, (ROWS, *peer.shape)
    x = m.random_point(shape, rng=rng)
    u, v = m.random_tangent(x, rng=rng), 0.4 * m.random_tangent(x, rng=rng)
    given = {"x": x, "u": u, "v": v, "y": m.exp(x, v), "g": rng.normal(size=shape), "h": rng.normal(size=shape)}
    for method, theirs in peer.methods.items():
        args = [given[key] for key in ARGUMENTS[method]]
        ours = getattr(m, method)(*args)
        for k, row in enumerate(zip(*args, strict=True)):
            got = np.asarray(theirs(*row)).reshape(ours[k].shape)
            np.testing.assert_allclose(
                got, ours[k], rtol=peer.rtol, atol=peer.rtol * max(1, np.abs(ours[k]).max()), err_msg=method
            )
