"""The libraries that functions are tested on, and how their arrays come and go."""

import contextlib
import enum
import importlib
import sys

import numpy as np
import pytest


class Backend(enum.Enum):
    """Where a function runs, by the name of the module that makes its arrays."""

    NUMPY = "numpy"
    ARRAY_API_STRICT = "array_api_strict"
    TORCH = "torch"
    JAX = "jax.numpy"
    DASK = "dask.array"
    CUDA_HOST = "CUDA emulated on the host"

    def library(self):
        """The module; the test is skipped where it is not installed."""
        if self is Backend.CUDA_HOST:
            raise ValueError("the stand-in for CuPy is there within `arrays` alone")
        module = pytest.importorskip(self.value, reason=f"{self.value} is not installed")
        if self is Backend.JAX:
            sys.modules["jax"].config.update("jax_enable_x64", True)
        return module

    @contextlib.contextmanager
    def arrays(self):
        """The module, for calls as a user makes them; the stand-in for CuPy may copy to and from the host."""
        if self is Backend.DASK:  # without threads, which cost more than such small blocks
            library = self.library()
            with sys.modules["dask"].config.set(scheduler="synchronous"):
                yield library
            return
        if self is not Backend.CUDA_HOST:
            yield self.library()
            return
        strict_cupy = importlib.import_module("cuda_host.strict_cupy")
        with strict_cupy.installed() as cupy, strict_cupy.transfers():
            yield cupy


def host(a):
    """An array of any library as one of NumPy."""
    return a.get() if hasattr(a, "get") else np.asarray(a)
