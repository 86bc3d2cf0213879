"""Every function on the arrays of other libraries: the results of NumPy, in the library and dtype of the input."""

import dataclasses
import enum
import sys

import array_api_compat
import numpy as np
import pytest

from hypergeom import polar
from hypergeom.polar import jpolar, random_jorthogonal

J = [1, -1, 1, 1, -1]


class Backend(enum.Enum):
    """A library; the results of NumPy are the reference."""

    ARRAY_API_STRICT = "array_api_strict"
    TORCH = "torch"
    JAX = "jax.numpy"

    def load(self):
        xp = pytest.importorskip(self.value, reason=f"{self.value} is not installed")
        if self is Backend.JAX:
            sys.modules["jax"].config.update("jax_enable_x64", True)
        return xp


CALLS = {
    "exchange": lambda a, g, b, xp: polar.exchange(a, J),
    "is_jorthogonal": lambda a, g, b, xp: polar.is_jorthogonal(a, J),
    "jadjoint": lambda a, g, b, xp: polar.jadjoint(a, J),
    "jorthogonality_residual": lambda a, g, b, xp: polar.jorthogonality_residual(a, J),
    "jpolar": lambda a, g, b, xp: polar.jpolar(a, J),
    "jpolar dwh": lambda a, g, b, xp: polar.jpolar(a, J, method="dwh"),
    "jpolar schulz": lambda a, g, b, xp: polar.jpolar(polar.jpolar(a, J).w, J, method="schulz"),
    "jpolar_jvp": lambda a, g, b, xp: polar.jpolar_jvp(a, g, J),
    "jpolar_vjp": lambda a, g, b, xp: polar.jpolar_vjp((g, g), a, J),
    "mclip": lambda a, g, b, xp: polar.mclip(b, 0.5, 1.0),
    "mclip qdwh": lambda a, g, b, xp: polar.mclip(b, 0.5, 1.0, method="qdwh"),
    "mclip ns": lambda a, g, b, xp: polar.mclip(b, 0.0, 1.0, method="ns"),
    "mclip arrays": lambda a, g, b, xp: polar.mclip(b, xp.asarray([0.1, 0.2, 0.3], dtype=b.dtype), 1.0),
    "mclip_jvp": lambda a, g, b, xp: polar.mclip_jvp(b, 2 * b, 0.5, 1.0),
    "mclip_vjp": lambda a, g, b, xp: polar.mclip_vjp(2 * b, b, 0.5, 1.0),
    "msign": lambda a, g, b, xp: polar.msign(b),
    "msign qdwh": lambda a, g, b, xp: polar.msign(b, method="qdwh"),
    "msign singular": lambda a, g, b, xp: polar.msign(
        b * xp.asarray([[[0.0]], [[1.0]], [[1.0]]], dtype=b.dtype), method="qdwh"
    ),
    "msign ns": lambda a, g, b, xp: polar.msign(b, method="ns"),
    "msign gram": lambda a, g, b, xp: polar.msign(b, method="gram"),
    "msign_jvp": lambda a, g, b, xp: polar.msign_jvp(a, g),
    "msign_vjp": lambda a, g, b, xp: polar.msign_vjp(g, a),
    "newton_schulz": lambda a, g, b, xp: polar.newton_schulz(b, coefficients="schulz"),
    "polar": lambda a, g, b, xp: polar.polar(a),
    "polar_vjp": lambda a, g, b, xp: polar.polar_vjp((g, g), a),
    "schulz_polish": lambda a, g, b, xp: polar.schulz_polish(polar.jpolar(a, J).w, J),
}
OTHERS = {"JPolarInfo", "JPolarResult", "PolarResult", "ns_coefficients", "ns_range", "random_jorthogonal", "signature"}


def test_every_function_is_called():
    assert {name.split()[0] for name in CALLS} | OTHERS == set(polar.__all__)


def leaves(result):
    if isinstance(result, tuple):
        return [leaf for part in result for leaf in leaves(part)]
    if dataclasses.is_dataclass(result):
        return [leaf for part in result for leaf in leaves(part)]
    return [result]


@pytest.mark.parametrize("backend", Backend)
@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_agrees_with_numpy(rng, backend, name, dtype):
    xp = backend.load()
    a = random_jorthogonal(J, cond=4, size=3, rng=rng) @ (np.eye(5) + 0.1 * rng.normal(size=(3, 5, 5)))
    g, b = rng.normal(size=(3, 5, 5)), rng.normal(size=(3, 6, 4))
    a, g, b = (v.astype(dtype) for v in (a, g, b))
    expected = leaves(CALLS[name](a, g, b, np))
    got = leaves(CALLS[name](*(xp.asarray(v) for v in (a, g, b)), xp))
    assert len(got) == len(expected)
    eps = np.finfo(dtype).eps
    for ours, theirs in zip(got, expected, strict=True):
        if isinstance(theirs, str) or (isinstance(theirs, np.ndarray) and theirs.dtype.kind == "U"):
            np.testing.assert_array_equal(ours, theirs)
            continue
        assert array_api_compat.is_array_api_obj(ours) and type(ours) is type(xp.asarray(b))
        assert str(ours.dtype).split(".")[-1] == str(theirs.dtype) and tuple(ours.shape) == theirs.shape
        values = np.asarray(ours)
        if theirs.dtype.kind != "f":
            np.testing.assert_allclose(values, theirs, atol=1)  # iterations may differ by one
        else:
            assert np.linalg.norm(values - theirs) <= 2e4 * eps * (1 + np.linalg.norm(theirs))


@pytest.mark.parametrize("backend", Backend)
def test_failures(backend, rng):
    xp = backend.load()
    a = np.stack([np.eye(5), np.zeros((5, 5)), np.eye(5)[[1, 0, 2, 3, 4]], np.full((5, 5), np.nan)])
    info = jpolar(xp.asarray(a), J, on_failure="nan").info
    assert [bool(v) for v in info.converged] == [True, False, False, False]
    with pytest.raises(polar.indefinite.NoJPolarError, match=r"at index \(1,\): singular"):
        jpolar(xp.asarray(a[:3]), J)


@pytest.mark.parametrize("backend", Backend)
def test_makers(backend):
    xp = backend.load()
    j = polar.signature(3, 2, xp=xp)
    assert type(j) is type(xp.asarray([1.0]))
    w = random_jorthogonal(j, rng=3, xp=xp)
    assert type(w) is type(j)
    np.testing.assert_allclose(np.asarray(w), random_jorthogonal([-1, -1, 1, 1, 1], rng=3))
    assert bool(polar.is_jorthogonal(w, j))


def test_libraries_do_not_mix():
    strict = pytest.importorskip("array_api_strict")
    with pytest.raises(TypeError, match="arrays of one library"):
        polar.msign_vjp(np.eye(3), strict.asarray(np.eye(3)))


@pytest.mark.parametrize("backend", [Backend.TORCH])
def test_large_matrices_take_the_halley_iteration(rng, backend):
    xp = backend.load()
    a = rng.normal(size=(80, 70))
    np.testing.assert_allclose(np.asarray(polar.msign(xp.asarray(a))), polar.msign(a), atol=1e-12)
    np.testing.assert_allclose(np.asarray(polar.polar(xp.asarray(a)).p), polar.polar(a).p, atol=1e-12)
