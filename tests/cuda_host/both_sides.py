"""Arguments and results of public functions on the host and on a GPU, or on its stand-in."""

import numpy as np
from cuda_host import strict_cupy


def is_stand_in(cupy):
    return cupy.ndarray is strict_cupy.ndarray


def each(f, value):
    """f on the arrays in a structure of tuples and lists."""
    if isinstance(value, (tuple, list)):
        return type(value)(each(f, a) for a in value)
    return f(value) if hasattr(value, "shape") else value


def arrays_in(result):
    if isinstance(result, (tuple, list)):
        return [a for part in result for a in arrays_in(part)]
    if result is None:
        return []
    return arrays_in(tuple(result)) if hasattr(result, "__dataclass_fields__") else [result]


def host(a):
    with strict_cupy.transfers():
        return a.get()


def put(cupy, value):
    with strict_cupy.transfers():
        return each(cupy.asarray, value)


def run_on_both(cupy, f, args, keywords=None):
    """The transfers of f on the stand-in, None on a GPU, after a comparison of its results with those of NumPy."""
    keywords = keywords or {}
    expected = arrays_in(f(*args, **keywords))
    on_gpu = put(cupy, list(args)), dict(zip(keywords, put(cupy, list(keywords.values())), strict=True))
    with strict_cupy.transfers() as log:
        found = arrays_in(f(*on_gpu[0], **on_gpu[1]))
    assert len(found) == len(expected)
    for a, b in zip(found, expected, strict=True):
        assert type(a) is cupy.ndarray
        assert (a.shape, a.dtype) == (np.shape(b), np.asarray(b).dtype)
        scale = np.abs(np.nan_to_num(b)).max(initial=1e-300)
        np.testing.assert_allclose(host(a), b, rtol=0, atol=(1e-11 if a.dtype == np.float64 else 1e-5) * scale)
    return log if is_stand_in(cupy) else None
