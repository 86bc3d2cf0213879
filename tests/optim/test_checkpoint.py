"""Runs that are interrupted and go on: bit for bit, and only where they belong."""

import json
import shutil

import numpy as np
import pytest
from optim.problems import Nearest, same_bits

from hypergeom.errors import CheckpointError
from hypergeom.manifolds import LorentzGroup, PoincareBall, Sphere, Stiefel
from hypergeom.optim import RCG, RLBFGS, RSGD, HyperbolicMuon, Muon, RAdam, curvature_annealing, minimize

METHODS = {
    "plain": RSGD(lr=0.05),
    "momentum": RSGD(lr=0.05, momentum=0.8),
    "radam": RAdam(lr=0.05, amsgrad=True),
    "rcg": RCG(),
    "rlbfgs": RLBFGS(memory=3),
    "trust_region": "trust_region",
}
FIRST_ORDER = ("plain", "momentum", "radam")


def interrupted(run, folder, every=3):
    """The result of a run, and the checkpoints that it wrote."""
    path, copies = folder / "run.npz", []

    def keep(info):
        if info.nit % every == 1 and info.nit > 1:  # the step after one that wrote
            copies.append(shutil.copy(path, folder / f"{info.nit - 1}.npz"))

    return run(checkpoint=path, checkpoint_every=every, callback=keep), copies


def same(a, b):
    assert same_bits(a.x, b.x) and a.fun == b.fun and a.grad_norm == b.grad_norm
    assert (a.nit, a.nfev, a.ngev, a.nhev, a.status) == (b.nit, b.nfev, b.ngev, b.nhev, b.status)
    for name in ("fun", "grad_norm", "step"):
        np.testing.assert_array_equal(getattr(a.history, name), getattr(b.history, name))
    assert np.all(np.diff(b.history.time) >= 0)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("name", "form"), [("sphere", "array"), ("stiefel", "tree"), ("product", "batch"), ("lorentz group", "tree")]
)
def test_resumes_bit_for_bit(name, form, method, tmp_path, rng):
    problem = Nearest(name, form, rng)

    def run(**options):
        return minimize(
            problem.cost,
            problem.x0,
            gradient=problem.gradient,
            manifold=problem.manifold,
            method=METHODS[method],
            hvp=problem.hvp if method == "trust_region" else None,
            maxiter=10,
            gtol=0.0,
            **options,
        )

    whole, copies = interrupted(run, tmp_path)
    assert len(copies) >= (3 if method in FIRST_ORDER else 1)
    same(run(), whole)
    for copy in copies:
        same(whole, run(resume=copy))
    ended = run(resume=tmp_path / "run.npz")  # the last one, from the end
    assert ended.nit == whole.nit and same_bits(ended.x, whole.x)


@pytest.mark.parametrize("method", FIRST_ORDER)
@pytest.mark.parametrize("seed", [3, None, "generator"])
def test_minibatches_too(method, seed, tmp_path, rng):
    data = Sphere().random_point((40, 3), rng=rng)

    def run(rng=None, **options):
        return minimize(
            lambda x, batch: -float(np.sum(x @ batch.T)),
            np.array([1.0, 0.0, 0.0]),
            gradient=lambda x, batch: -batch.sum(axis=0),
            batch=lambda t, generator: data[generator.choice(40, size=4)],
            manifold=Sphere(),
            method=METHODS[method],
            maxiter=11,
            rng=rng,
            **options,
        )

    first = np.random.default_rng(4) if seed == "generator" else seed
    whole, copies = interrupted(lambda **options: run(rng=first, **options), tmp_path)
    assert len(copies) == 3
    for copy in copies:
        same(whole, run(rng=3 if seed == 3 else None, resume=copy))
    if seed == 3:
        with pytest.raises(CheckpointError, match="rng"):
            run(rng=4, resume=copies[0])


def test_methods_of_leaves(tmp_path, rng):
    group = LorentzGroup(2, 1)
    x0 = {"w": rng.normal(size=(3, 3)), "g": group.random_point((3, 3), rng=rng), "b": rng.normal(size=2)}
    manifold = {"w": None, "g": group, "b": None}
    method = {"w": Muon(), "g": HyperbolicMuon(group), "b": "radam"}

    def run(**options):
        return minimize(
            lambda x: sum(float(np.sum(a**2)) for a in x.values()) / 2,
            x0,
            gradient=dict,
            manifold=manifold,
            method=method,
            maxiter=10,
            gtol=0.0,
            **options,
        )

    whole, copies = interrupted(run, tmp_path)
    for copy in copies:
        same(whole, run(resume=copy))


def test_while_the_curvature_changes(tmp_path, rng):
    target = 0.4 * rng.normal(size=(5, 2)) / 3

    def run(**options):
        return minimize(
            lambda x, c: float(np.sum((x - target) ** 2)) * (1 + c),
            np.zeros((5, 2)),
            gradient=lambda x, c: 2 * (x - target) * (1 + c),
            manifold=PoincareBall(0.0),
            method=RAdam(lr=0.05),
            curvature=curvature_annealing(1.0, 9, warmup=2),
            maxiter=13,
            gtol=0.0,
            **options,
        )

    whole, copies = interrupted(run, tmp_path)
    assert len(copies) == 4
    for copy in copies:
        same(whole, run(resume=copy))


@pytest.mark.parametrize("backend", ["array_api_strict", "torch"])
def test_other_libraries(backend, tmp_path, rng):
    xp = pytest.importorskip(backend)
    target, x0 = xp.asarray(rng.normal(size=4)), xp.asarray(rng.normal(size=4).astype(np.float32))
    target = xp.astype(target, xp.float32) if backend == "array_api_strict" else target.float()

    def run(**options):
        return minimize(
            lambda x: float(xp.sum((x - target) ** 4)),
            x0,
            gradient=lambda x: 4 * (x - target) ** 3,
            method=RAdam(lr=0.05),
            maxiter=10,
            **options,
        )

    whole, copies = interrupted(run, tmp_path)
    for copy in copies:
        resumed = run(resume=copy)
        assert isinstance(resumed.x, type(x0)) and resumed.x.dtype == x0.dtype
        same(whole, resumed)


# --- files -----------------------------------------------------------------------------------------------


def descent(x0=None, manifold=None, method="rcg", **options):
    x0 = np.ones(3) / 3**0.5 if x0 is None else x0
    A = np.diag(np.arange(1.0, len(x0) + 1))
    options = {"maxiter": 4, "gtol": 0.0, "manifold": Sphere() if manifold is None else manifold} | options
    return minimize(lambda x: float(np.sum(x * (A @ x))), x0, gradient=lambda x: 2 * A @ x, method=method, **options)


def test_file_is_plain(tmp_path):
    path = tmp_path / "run.npz"
    descent(checkpoint=str(path))
    with np.load(path, allow_pickle=False) as file:
        described = json.loads(str(file["checkpoint"]))
    assert described["format"] == 1 and "Sphere()" in str(described["fingerprint"])
    assert [p.name for p in tmp_path.iterdir()] == ["run.npz"]


def test_what_was_there_stays_until_the_new_one_is_complete(tmp_path, monkeypatch):
    path = tmp_path / "run.npz"
    descent(checkpoint=path)
    before = path.read_bytes()

    def broken(*args, **kwargs):
        args[0].write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez", broken)
    with pytest.raises(OSError, match="disk full"):
        descent(checkpoint=path)
    assert path.read_bytes() == before and [p.name for p in tmp_path.iterdir()] == ["run.npz"]


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"method": "rlbfgs"}, "its method is RCG"),
        ({"method": RCG(beta="dai_yuan")}, "its method"),
        ({"x0": np.eye(4)[0]}, "its leaves"),
        ({"x0": (np.ones(3) / 3**0.5).astype(np.float32)}, "its leaves"),
        ({"manifold": Stiefel(), "x0": np.ones((3, 1)) / 3**0.5}, "its leaves"),
    ],
)
def test_foreign_checkpoints(change, match, tmp_path):
    path = tmp_path / "run.npz"
    descent(checkpoint=path)
    with pytest.raises(CheckpointError, match=match):
        descent(resume=path, **change)


def test_damaged_checkpoints(tmp_path):
    path = tmp_path / "run.npz"
    descent(checkpoint=path)
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"", b"text", whole[:100] + bytes(200) + whole[300:]):
        path.write_bytes(content)
        with pytest.raises(CheckpointError, match="not a complete checkpoint"):
            descent(resume=path)
    np.savez(path, other=np.ones(2))
    with pytest.raises(CheckpointError):
        descent(resume=path)
    np.savez(path, checkpoint=json.dumps({"format": 99, "fingerprint": {}, "content": {}}))
    with pytest.raises(CheckpointError, match="format 99"):
        descent(resume=path)
    with pytest.raises(FileNotFoundError):
        descent(resume=tmp_path / "none.npz")


def test_more_iterations_after_the_end(tmp_path):
    path = tmp_path / "run.npz"
    descent(checkpoint=path, maxiter=3)
    same(descent(maxiter=9), descent(resume=path, maxiter=9))
