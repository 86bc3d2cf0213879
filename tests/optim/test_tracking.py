"""Gradient tracking on principal components, whose answer `eigh` knows; agents in one process and over MPI."""

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import array_api_strict
import numpy as np
import pytest

from hypergeom._core import embedding
from hypergeom.errors import DivergenceError, NotOnManifoldError
from hypergeom.optim import UniformQuantizer, gradient_tracking, metropolis_weights, ring_weights

AGENTS, D, R = 8, 10, 2


class Components:
    """Agent i has -tr(x^T S_i x) / 2; the norm of the mean of the S_i is 1, and its gap is wide."""

    def __init__(self, rng, agents=AGENTS):
        basis = np.linalg.qr(rng.normal(size=(D, D))).Q
        mean = (basis * np.r_[1.0, 0.9, np.linspace(0.3, 0.01, D - 2)]) @ basis.T
        noise = rng.normal(size=(agents, D, D))
        noise = 0.05 * (noise + np.matrix_transpose(noise))
        self.S = mean + noise - noise.mean(0)
        self.x0 = np.linalg.qr(basis[:, :R] + 0.3 * rng.normal(size=(D, R)) / np.sqrt(D)).Q
        self.top = basis[:, :R] @ basis[:, :R].T

    def gradient(self, i, x):
        return -self.S[i] @ x

    def run(self, agents=AGENTS, **options):
        return gradient_tracking(self.gradient, self.x0, weights=ring_weights(agents), **options)


@pytest.fixture
def components(rng):
    return Components(rng)


# --- the iteration ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["landing", "projection"])
def test_without_quantizer_to_the_last_digits(components, mode):
    found = components.run(mode=mode, maxiter=1000)
    h = found.history
    assert h.grad_norm[-1] <= 1e-12 and h.consensus[-1] <= 1e-20 and h.feasibility[-1] <= 1e-13
    for x in found.x:
        np.testing.assert_allclose(x @ x.T, components.top, rtol=0, atol=1e-11)
    assert h.grad_norm.shape == h.bits.shape == (1001,) and found.nit == 1000
    # A linear rate: the logarithm falls by as much in each stretch.
    falls = np.diff(np.log(h.grad_norm[[20, 60, 100, 140]]))
    assert falls.max() < -0.3 and falls.max() / falls.min() > 0.5


def test_the_mean_of_trackers_is_that_of_gradients(components):
    """Also with the bias of rounding to nearest."""
    for rounding in ("stochastic", "nearest"):
        found = components.run(quantizer=UniformQuantizer(2**-4, rounding=rounding), maxiter=300)
        assert np.abs(found.tracker.mean(0) - found.quantized.mean(0)).max() <= 1e-13


def test_the_floor_is_that_of_rounding_without_bias(components):
    def floor(delta, rounding):
        found = components.run(quantizer=UniformQuantizer(delta, rounding=rounding), maxiter=900, seed=3)
        return np.mean(found.history.grad_norm[400:] ** 2)

    coarse = floor(2**-6, "stochastic")
    assert 128 <= coarse / floor(2**-10, "stochastic") <= 512  # the square of delta
    assert floor(2**-6, "nearest") >= 2 * coarse


@pytest.mark.parametrize("mode", ["landing", "projection"])
def test_equal_agents_do_what_one_would(components, mode):
    S = components.S.mean(0)

    def across(x, v):
        return v - x @ (x.T @ v + v.T @ x) / 2

    def alone(x):
        g = across(x, across(x, -S @ x))  # twice, which counts where x is not orthonormal
        if mode == "landing":
            return x - 0.1 * g - 0.05 * x @ (x.T @ x - np.eye(R))
        u, _, vt = np.linalg.svd(x - 0.1 * g, full_matrices=False)
        return u @ vt

    x = components.x0
    for _ in range(200):
        x = alone(x)
    found = gradient_tracking(
        lambda i, x: -S @ x, components.x0, weights=ring_weights(5), mode=mode, penalty=0.5, maxiter=200
    )
    np.testing.assert_allclose(found.x, np.broadcast_to(x, (5, D, R)), rtol=0, atol=1e-12)


def test_each_agent_may_start_elsewhere(components, rng):
    u, _, vt = np.linalg.svd(components.x0 + 0.03 * rng.normal(size=(AGENTS, D, R)), full_matrices=False)
    x0 = u @ vt
    found = gradient_tracking(components.gradient, x0, weights=ring_weights(AGENTS), maxiter=1500)
    assert found.history.consensus[0] > 1e-4 and found.history.consensus[-1] <= 1e-20
    assert found.history.grad_norm[-1] <= 1e-12


def test_each_agent_and_iteration_has_random_numbers_of_its_own(components):
    S = components.S.mean(0)
    q = UniformQuantizer(2**-3)
    found = gradient_tracking(lambda i, x: -S @ x, components.x0, weights=ring_weights(8), quantizer=q, maxiter=0)
    assert len(np.unique(found.quantized, axis=0)) > 1
    v = np.full(100, 0.05)
    drawn = [q(v, seed=s, agent=a, iteration=t) for s, a, t in ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))]
    assert len(np.unique(drawn, axis=0)) == 4


def test_gradients_are_rounded_by_the_stream_of_their_own_agent_and_iteration(components):
    q = UniformQuantizer(2**-4)
    found = components.run(quantizer=q, maxiter=3, seed=4)
    for i, x in enumerate(found.x):
        g = components.gradient(i, x)
        dots = x.T @ g
        expected = q(g - x @ ((dots + dots.T) / 2), seed=4, agent=i, iteration=3)
        np.testing.assert_array_equal(found.quantized[i], expected)


def test_gtol_and_callback_end_it(components):
    found = components.run(gtol=1e-5)
    assert found.nit < 1000 and found.history.grad_norm[-1] <= 1e-5 < found.history.grad_norm[-2]
    seen = []
    found = components.run(callback=lambda nit, x: seen.append(nit) or nit == 7)
    assert found.nit == 7 and seen == list(range(1, 8))


def test_bits_are_those_of_an_iterate_and_a_tracker_for_each_neighbour(components):
    bits = components.run(maxiter=2).history.bits
    np.testing.assert_array_equal(bits, [0, *2 * [2 * 64 * D * R * 2 * AGENTS]])


def test_steps_that_are_too_long_are_an_error(components):
    with pytest.raises(DivergenceError, match="diverged after iteration") as info:
        components.run(step=3.0)
    assert info.value.x.shape == (AGENTS, D, R) and np.isfinite(info.value.x).all()


def test_other_libraries():
    xp, weights = array_api_strict, ring_weights(3)
    S = np.diag([1.0, 0.8, 0.1, 0.05])
    x0 = np.linalg.qr(np.eye(4, 2) + 0.1).Q
    for quantizer in (None, UniformQuantizer(2**-5)):
        options = {"weights": weights, "maxiter": 20, "quantizer": quantizer}
        truth = gradient_tracking(lambda i, x: -S @ x, x0, **options)
        found = gradient_tracking(lambda i, x: -xp.asarray(S) @ x, xp.asarray(x0), **options)
        np.testing.assert_allclose(np.asarray(found.x), truth.x, rtol=0, atol=1e-13)
    single = gradient_tracking(lambda i, x: -S.astype("f4") @ x, x0.astype("f4"), weights=weights, maxiter=5)
    assert single.x.dtype == single.tracker.dtype == np.float32
    assert single.history.bits[-1] == 2 * 32 * 8 * 6


# --- quantizers and weights ------------------------------------------------------------------------------


def test_stochastic_rounding_is_right_in_the_mean(rng):
    v = rng.normal(size=7)
    draws = np.stack([UniformQuantizer(0.5)(v, seed=5, iteration=t) for t in range(4000)])
    assert set(np.unique(np.round(draws / 0.5, 12) % 1)) == {0.0}
    assert (np.abs(draws - v) < 0.5).all()
    assert np.abs(draws.mean(0) - v).max() <= 5 * 0.25 / np.sqrt(4000)
    # Of the variance f (1 - f) of each.
    f = np.abs(v / 0.5) % 1
    np.testing.assert_allclose(draws.var(0), 0.25 * f * (1 - f), rtol=0, atol=0.02)


def test_random_words_are_those_of_philox():
    """An entry goes up where the word is below f 2^32: found by bisection, and compared with the core's generator."""
    seed, agent, iteration = 2**63 + 12345, 7, 2**31 + 9
    for i in (0, 1, 2, 3, 4, 5, 1023):
        low, high = 0, 2**32
        while high - low > 1:
            middle = (low + high) // 2
            v = np.zeros(i + 1)
            v[i] = middle * 2.0**-32
            up = UniformQuantizer(1.0)(v, seed=seed, agent=agent, iteration=iteration)[i] == 1
            low, high = (low, middle) if up else (middle, high)
        assert low == embedding.philox(seed, i // 4, 0, iteration, agent)[i % 4]


@pytest.mark.parametrize("rounding", ["stochastic", "nearest"])
def test_multiples_stay(rng, rounding):
    v = 0.25 * rng.integers(-9, 9, size=(3, 4))
    np.testing.assert_array_equal(UniformQuantizer(0.25, rounding=rounding)(v, seed=1), v)
    np.testing.assert_array_equal(UniformQuantizer(0.0, rounding=rounding)(v + 0.1), v + 0.1)
    np.testing.assert_array_equal(UniformQuantizer(1.0, rounding="nearest")(np.array([0.4, 0.6, -0.6])), [0, 1, -1])
    assert UniformQuantizer(0.25)(v.astype("f4") + 0.1).dtype == np.float32
    assert UniformQuantizer(0.25)(np.zeros((0, 3))).shape == (0, 3)


def test_weights(rng):
    for n in range(1, 7):
        w = ring_weights(n)
        np.testing.assert_allclose(w.sum(1), 1, rtol=1e-15)
        np.testing.assert_array_equal(w, w.T)
        assert np.count_nonzero(w) == n * min(n, 3)
    a = rng.random((6, 6)) < 0.5
    w = metropolis_weights(a | a.T)
    np.testing.assert_allclose(w.sum(1), 1, rtol=1e-15)
    np.testing.assert_array_equal(w, w.T)
    off = ~np.eye(6, dtype=bool)
    np.testing.assert_array_equal((w != 0)[off], (a | a.T)[off])


# --- over MPI --------------------------------------------------------------------------------------------

PROGRAM = """
import sys
import numpy as np
from mpi4py import MPI
sys.path.insert(0, {folder!r})
from test_tracking import Components
from hypergeom.errors import DivergenceError
from hypergeom.optim import UniformQuantizer, gradient_tracking, ring_weights

comm = MPI.COMM_WORLD
problem = Components(np.random.default_rng(11), comm.size)

def gradient(i, x):
    assert i == comm.rank
    # One agent alone goes astray in the last run.
    return problem.gradient(i, x) * (1e9 if stray and i == comm.size - 1 else 1)

stray = False
for mode in ("landing", "projection"):
    for quantizer in (None, UniformQuantizer(2.0**-6)):
        for dtype in ("float64", "float32"):
            found = gradient_tracking(gradient, problem.x0.astype(dtype), weights=ring_weights(comm.size), mode=mode,
                                      quantizer=quantizer, maxiter=60, seed=4, comm=comm)
            assert np.isnan(found.history.grad_norm).all() and found.nit == 60
            np.save(f"{out}/{{mode}}_{{quantizer is None}}_{{dtype}}_{{comm.rank}}.npy",
                    np.stack([found.x, found.tracker, found.quantized]))
stray = True
try:
    gradient_tracking(gradient, problem.x0, weights=ring_weights(comm.size), maxiter=60, comm=comm)
except DivergenceError as error:
    np.save(f"{out}/stray_{{comm.rank}}.npy", error.nit)
"""


@pytest.mark.parametrize("size", [2, 4])
def test_processes_have_the_bits_of_one(tmp_path, size):
    if importlib.util.find_spec("mpi4py") is None:
        pytest.skip("mpi4py is not installed")
    mpiexec = shutil.which("mpiexec", path=str(Path(sys.executable).parent)) or shutil.which("mpiexec")
    if mpiexec is None:
        pytest.skip("mpiexec is not installed")
    program = tmp_path / "program.py"
    program.write_text(PROGRAM.format(folder=str(Path(__file__).parent), out=str(tmp_path)))
    command = [mpiexec, "-n", str(size), sys.executable, "-P", str(program)]
    subprocess.run(command, check=True, timeout=120, cwd=tmp_path)
    problem = Components(np.random.default_rng(11), size)
    for mode in ("landing", "projection"):
        for quantizer in (None, UniformQuantizer(2.0**-6)):
            for dtype in ("float64", "float32"):
                serial = gradient_tracking(
                    problem.gradient,
                    problem.x0.astype(dtype),
                    weights=ring_weights(size),
                    mode=mode,
                    quantizer=quantizer,
                    maxiter=60,
                    seed=4,
                )
                for i in range(size):
                    parts = np.load(tmp_path / f"{mode}_{quantizer is None}_{dtype}_{i}.npy")
                    assert parts.dtype == dtype
                    np.testing.assert_array_equal(parts[0], serial.x[i])
                    np.testing.assert_array_equal(parts[1], serial.tracker[i])
                    np.testing.assert_array_equal(parts[2], serial.quantized[i])
    left = [int(np.load(tmp_path / f"stray_{i}.npy")) for i in range(size)]
    assert len(set(left)) == 1 and left[0] >= size - 1


# --- bad input -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weights": np.eye(8)[:4]}, "weights must be square"),
        ({"weights": np.full((8, 8), 0.2)}, "doubly stochastic to 1e-12"),
        ({"weights": np.roll(np.eye(8), 1, axis=1)}, "an asymmetry of 1"),
        ({"step": 0.0}, "step must be positive"),
        ({"penalty": -1.0}, "penalty must be at least 0"),
        ({"mode": "flying"}, "mode must be 'landing' or 'projection', got 'flying'"),
        ({"maxiter": -1}, "maxiter must be at least 0"),
        ({"gtol": -1.0}, "gtol must be at least 0"),
    ],
)
def test_bad_options(components, change, message):
    with pytest.raises(ValueError, match=message):
        gradient_tracking(components.gradient, components.x0, **({"weights": ring_weights(AGENTS)} | change))


def test_bad_arguments(components):
    weights = ring_weights(AGENTS)
    with pytest.raises(ValueError, match=r"x0 needs the shape \(d, r\) or \(8, d, r\), d >= r; got \(2, 3\)"):
        gradient_tracking(components.gradient, np.eye(2, 3), weights=weights)
    with pytest.raises(NotOnManifoldError, match="in x0"):
        gradient_tracking(components.gradient, 2 * components.x0, weights=weights)
    with pytest.raises(TypeError, match="x0 needs real numbers"):
        gradient_tracking(components.gradient, components.x0 * 1j, weights=weights)
    with pytest.raises(ValueError, match=r"gradient must return the shape \(10, 2\), got \(2,\)"):
        gradient_tracking(lambda i, x: x[0], components.x0, weights=weights)
    with pytest.raises(ValueError, match="delta must be at least 0"):
        UniformQuantizer(-1.0)
    with pytest.raises(ValueError, match="rounding must be"):
        UniformQuantizer(1.0, rounding="up")
    with pytest.raises(ValueError, match=r"iteration must be at least 0 and below 2\^32"):
        UniformQuantizer(1.0)(np.zeros(2), iteration=2**32)
    with pytest.raises(TypeError, match="v needs floating-point numbers"):
        UniformQuantizer(1.0)(np.zeros(2, dtype=int))
    with pytest.raises(ValueError, match="adjacency must be symmetric"):
        metropolis_weights([[0, 1], [0, 0]])
    with pytest.raises(ValueError, match="n must be at least 1"):
        ring_weights(0)
