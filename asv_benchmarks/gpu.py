"""The CUDA kernels, timed by CUDA events, beside a copy of as many bytes within the device.

Skipped without CuPy or a device. What the bytes are to be is what the documentation says of each kernel (Roofline).
"""

import numpy as np

from hypergeom import lorentz, poincare, polar
from hypergeom.datasets import load_mammals
from hypergeom.embed import HyperbolicEmbedding, evaluate
from hypergeom.optim import Muon

from .common import rows
from .datasets import nouns_or_none, skip_without
from .embed.estimator import PLAIN
from .pairwise import arguments as pairs_of
from .points import DTYPES, FUNCTIONS, arguments, function

SHAPES = [(100_000, 16), (1_000_000, 16), (1_000_000, 128), (10_000_000, 2)]
POINTS = 8192


def cupy_or_skip():
    """For a `setup`: asv skips a benchmark whose setup raises NotImplementedError."""
    try:
        import cupy
    except ImportError:
        raise NotImplementedError("CuPy is not installed") from None
    try:
        cupy.cuda.runtime.getDeviceCount()
    except cupy.cuda.runtime.CUDARuntimeError as error:
        raise NotImplementedError(f"no CUDA device: {error}") from None
    return cupy


def seconds(cupy, *functions, rounds=10, least=5e-3):
    """The best time of a call of each function, on the device, over rounds that take them in turn.

    Calls follow one another until so many seconds are full: then it is the kernels that are timed, not the launches,
    unless launches take longer than kernels.
    """
    for f in functions:
        f()  # compiles
    calls = [max(1, round(least / max(_event_seconds(cupy, f, 1), 1e-7))) for f in functions]
    times = [[_event_seconds(cupy, f, n) for f, n in zip(functions, calls, strict=True)] for _ in range(rounds)]
    return [min(column) for column in zip(*times, strict=True)]


def _event_seconds(cupy, f, calls):
    begin, end = cupy.cuda.Event(), cupy.cuda.Event()
    begin.record()
    for _ in range(calls):
        f()
    end.record()
    end.synchronize()
    return cupy.cuda.get_elapsed_time(begin, end) / 1e3 / calls


def copy_within(cupy, n_bytes):
    """A function that moves so many bytes, half of them read and half written."""
    source = cupy.zeros(max(n_bytes // 2, 1), dtype=np.uint8)
    target = cupy.empty_like(source)
    return lambda: cupy.copyto(target, source)


def bytes_of(*arrays):
    return sum(a.nbytes for a in arrays)


class _Timed:
    """What `call` does on the device: subclasses say what that is, and how many bytes it must move."""

    def track_microseconds(self, *_):
        return 1e6 * seconds(self.cupy, self.call)[0]

    track_microseconds.unit = "us"

    def track_over_copy(self, *_):
        ours, copy = seconds(self.cupy, self.call, copy_within(self.cupy, self.bytes))
        return ours / copy

    track_over_copy.unit = "x"

    def track_gigabytes_per_second(self, *_):
        return self.bytes / seconds(self.cupy, self.call)[0] / 1e9

    track_gigabytes_per_second.unit = "GB/s"


class Rows(_Timed):
    params = (FUNCTIONS, SHAPES, DTYPES)
    param_names = ("function", "shape", "dtype")

    def setup(self, name, shape, dtype):
        self.cupy = cupy_or_skip()
        f, args = function(name), [self.cupy.asarray(a) for a in arguments(name, shape, dtype)]
        self.call, self.bytes = lambda: f(*args), bytes_of(*args, f(*args))


class RowGradients(_Timed):
    params = (FUNCTIONS, SHAPES, DTYPES)
    param_names = ("function", "shape", "dtype")

    def setup(self, name, shape, dtype):
        self.cupy = cupy_or_skip()
        args = [self.cupy.asarray(a) for a in arguments(name, shape, dtype)]
        vjp, cotangent, c = function(name, "_vjp"), function(name)(*args), self.cupy.ones(shape[0], dtype=dtype)
        self.call = lambda: vjp(cotangent, *args, c)
        self.bytes = bytes_of(cotangent, *args, c, *self.call())


class Pairs(_Timed):
    params = (["poincare", "lorentz"], [2, 16, 128], DTYPES)
    param_names = ("space", "d", "dtype")

    def setup(self, space, d, dtype):
        self.cupy = cupy_or_skip()
        x, y = (self.cupy.asarray(np.resize(a, (POINTS, a.shape[-1]))) for a in pairs_of(space, d, dtype))
        cdist = {"poincare": poincare, "lorentz": lorentz}[space].cdist
        self.call, self.bytes = lambda: cdist(x, y), bytes_of(x, y, cdist(x, y))


class PairGradients(_Timed):
    params = (["poincare", "lorentz"], [2, 16, 128], DTYPES)
    param_names = ("space", "d", "dtype")

    def setup(self, space, d, dtype):
        self.cupy = cupy_or_skip()
        x, y = (self.cupy.asarray(np.resize(a, (POINTS, a.shape[-1]))) for a in pairs_of(space, d, dtype))
        module = {"poincare": poincare, "lorentz": lorentz}[space]
        cotangent = module.cdist(x, y)
        self.call = lambda: module.cdist_vjp(cotangent, x, y)
        self.bytes = bytes_of(cotangent, x, y, *self.call()[:2])


class SmallMatrices(_Timed):
    """Batches that one launch decomposes, or takes through all Newton-Schulz steps."""

    params = (["jpolar", "msign", "newton_schulz"], [(100_000, 8), (10_000, 16), (2_000, 32)], DTYPES)
    param_names = ("function", "shape", "dtype")

    def setup(self, name, shape, dtype):
        self.cupy = cupy_or_skip()
        count, n = shape
        near = np.eye(n) + 0.3 * np.random.default_rng(1).normal(size=(count, n, n)) / n**0.5
        a, j = self.cupy.asarray(near.astype(dtype)), polar.signature(n - 1, 1)
        self.call = (lambda: polar.jpolar(a, j)) if name == "jpolar" else lambda: getattr(polar, name)(a)
        self.bytes = bytes_of(a) * (3 if name == "jpolar" else 2)


class LargeMatrices:
    """Times over that of a product of two n by n matrices, by cuBLAS."""

    params = (["jpolar", "newton_schulz", "muon"], [256, 1024, 4096], DTYPES)
    param_names = ("function", "n", "dtype")

    def setup(self, name, n, dtype):
        self.cupy = cupy_or_skip()
        near = np.eye(n) + 0.3 * np.random.default_rng(1).normal(size=(n, n)) / n**0.5
        self.a, j = self.cupy.asarray(near.astype(dtype)), polar.signature(n - 1, 1)
        method = Muon()
        state = method.init(self.a)
        self.call = {
            "jpolar": lambda: polar.jpolar(self.a, j),
            "newton_schulz": lambda: polar.newton_schulz(self.a, coefficients="jordan", steps=5),
            "muon": lambda: method.step(self.a, self.a, state),
        }[name]

    def track_products(self, *_):
        ours, product = seconds(self.cupy, self.call, lambda: self.a @ self.a)
        return ours / product

    track_products.unit = "products"


class Training:
    """Whole epochs, with what the host does for them."""

    params = ("mammals", "nouns")
    param_names = ("data",)
    timeout = 300
    epochs = 5

    def setup_cache(self):
        return nouns_or_none()

    def setup(self, nouns, data):
        self.cupy = cupy_or_skip()
        if data == "nouns":
            skip_without(nouns)
        self.edges = self.cupy.asarray((load_mammals() if data == "mammals" else nouns).edges)
        self.model = HyperbolicEmbedding(10, n_epochs=self.epochs, **PLAIN)
        self.model.fit(self.edges)

    def track_pairs_per_second(self, nouns, data):
        found = []
        self.model.fit(self.edges, callback=found.append)
        return max(info.pairs_per_second for info in found)

    track_pairs_per_second.unit = "pairs/s"

    def track_over_copy(self, nouns, data):
        """Against a copy of the rows that are read and written, 10 coordinates and a gap each."""
        found = []
        self.model.fit(self.edges, callback=found.append)
        best = max(found, key=lambda info: info.pairs_per_second)
        rows_moved = round(best.pairs_per_second * best.seconds)
        return best.seconds / seconds(self.cupy, copy_within(self.cupy, rows_moved * 2 * 8 * 11))[0]

    track_over_copy.unit = "x"


class Evaluation:
    """All ranks, exactly, from points and edges on the device."""

    params = ("mammals", "nouns")
    param_names = ("data",)
    timeout = 300

    def setup_cache(self):
        return nouns_or_none()

    def setup(self, nouns, data):
        self.cupy = cupy_or_skip()
        if data == "nouns":
            skip_without(nouns)
        edges = (load_mammals() if data == "mammals" else nouns).edges
        self.edges = self.cupy.asarray(edges)
        self.x = self.cupy.asarray(rows((edges.max() + 1, 10), "float64"))

    def track_seconds(self, nouns, data):
        return seconds(self.cupy, lambda: evaluate(self.x, self.edges), rounds=3)[0]

    track_seconds.unit = "s"
