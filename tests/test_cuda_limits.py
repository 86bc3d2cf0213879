"""Sizes beyond 32 bits: launches of arrays that no test could fill, and kernels at the far end of a grid."""

import mmap

import numpy as np
import pytest
from cuda_host import emulation
from cuda_host.cases import cpu_call, draw, tuple_of

import hypergeom.lorentz
import hypergeom.poincare  # noqa: F401
from hypergeom import _cuda
from hypergeom._pairs import pair_ops
from hypergeom._rows import row_ops

GIGA = 2**30
NO_RESERVE = getattr(mmap, "MAP_NORESERVE", 0x4000)  # Linux; the emulation runs there only


def unbacked(shape, dtype):
    """An array whose memory is not there."""
    strides = np.cumprod([np.dtype(dtype).itemsize, *reversed(shape[1:])])[::-1] if shape else ()
    return np.lib.stride_tricks.as_strided(np.zeros(1, dtype), shape, strides)


class Unbacked:
    """NumPy, but what `empty` and `zeros` give is not there."""

    def __getattr__(self, name):
        return getattr(np, name)

    def empty(self, shape, dtype):
        return unbacked(shape, dtype)

    zeros = empty


class Clerk:
    """A device that takes down what it is asked for, and does nothing."""

    def __init__(self, max_blocks=32 * 132):
        self.xp, self.max_blocks, self.launches = Unbacked(), max_blocks, []

    def address(self, array):
        return 4096

    def launch(self, kernel, grid, block, args, shared=0):
        self.launches.append((kernel.name, grid, block, args[0], shared))


@pytest.mark.parametrize(("d", "lanes", "block"), [(3, 1, 128), (17, 8, 128), (200, 32, 128)])
@pytest.mark.parametrize("max_blocks", [4224, 2**40])
def test_more_rows_than_32_bits_count(d, lanes, block, max_blocks):
    rows = 8 * GIGA + 5
    device = Clerk(max_blocks)
    x = np.broadcast_to(np.zeros(d, np.float32), (rows, d))
    out = _cuda.launch_rows(row_ops["poincare.exp"], [x, x], np.broadcast_to(np.float64(1), rows), device)
    ((name, grid, threads, call, _),) = device.launches
    assert out.shape == (rows, d)
    assert (name, threads) == (f"poincare_exp_float32_x{lanes}", block)
    # no GPU takes more than 2^31 - 1 blocks; the rest of the rows are strided over
    assert grid == min(-(-rows // (block // lanes)), max_blocks, 2**31 - 1)
    assert (call["rows"], call["d"]) == (rows, d)
    assert call["arg"]["stride"].tolist() == [0, 0, 0, d]


def test_more_groups_and_pairs_than_32_bits_count():
    device = Clerk(2**40)
    x = np.broadcast_to(np.zeros((7, 3)), (4 * GIGA, 7, 3))
    _cuda.launch_rows(row_ops["poincare.midpoint"], [x, np.ones(7)], 1.0, device)
    y = unbacked((3 * GIGA, 3), np.float64)
    _cuda.launch_pairs(pair_ops["poincare.cdist"], [y, np.zeros((200, 3))], 1.0, device)
    (_, grid, _, groups, _), (_, pair_grid, _, pairs, _) = device.launches
    assert (groups["groups"]["rows"], groups["rows"]) == (4 * GIGA, 7)
    assert (pairs["m"], pairs["k"], pairs["row"]) == (3 * GIGA, 200, 200)
    assert (grid, pair_grid) == (2**31 - 1, 3 * GIGA // 32 * 7)


def test_a_vector_is_as_long_as_an_int_can_count():
    device = Clerk()
    longest = 2**28
    fits, does_not = (unbacked((2, d), np.float64) for d in (longest, longest + 1))
    _cuda.launch_rows(row_ops["poincare.dist0"], [fits], 1.0, device)
    _cuda.launch_pairs(pair_ops["poincare.cdist"], [fits, fits], 1.0, device)
    assert len(device.launches) == 2 and device.launches[0][3]["d"] == longest
    message = r"cdist: needs vectors of at most 268435456 entries on a GPU, got 268435457"
    with pytest.raises(ValueError, match=message):
        _cuda.launch_pairs(pair_ops["poincare.cdist"], [does_not, does_not], 1.0, device)
    with pytest.raises(ValueError, match=message.replace("cdist", "dist0")):
        _cuda.launch_rows(row_ops["poincare.dist0"], [does_not], 1.0, device)
    assert len(device.launches) == 2


@pytest.mark.parametrize("d", [4, 17, 140])
@pytest.mark.parametrize("name", ["lorentz.log", "poincare.exp_vjp"])
def test_kernels_at_the_far_end_of_a_grid(name, d):
    """The last rows of 2^33 or so: their addresses lie that far beyond the given ones."""
    op, rng, tail = row_ops[name], np.random.default_rng(5), 4  # a block of warps has as many
    args, c = draw(op, np.float64, d, tail, rng)
    device = Clerk(2**30)
    huge = [np.broadcast_to(a[0], (8 * GIGA + tail, *a.shape[1:])) for a in args]
    _cuda.launch_rows(op, huge, np.broadcast_to(c[0], 8 * GIGA + tail), device)
    ((kernel, grid, block, call, shared),) = device.launches
    expected = tuple_of(cpu_call(op, args, c))
    found = [np.full_like(a, 7) for a in expected]
    # The first tail rows of the last block are those at hand, whatever rows of the grid they are.
    rows_a_block = block // int(kernel.rpartition("_x")[2])
    first = (grid - 1) * rows_a_block
    call["rows"] = first + tail
    for k, a in enumerate([*args, c, *found]):
        stride = a[0].size
        call["arg"][k]["stride"] = stride
        call["arg"][k]["data"] = (a.ctypes.data - first * stride * a.itemsize) % 2**64
    assert first > 2**31
    library = emulation.library_with("row_ops.cu", kernel)
    library.launch(kernel, grid, block, call, shared=shared, blocks=range(grid - 1, grid))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


@pytest.mark.skipif(emulation.SANITIZE, reason="the sanitizer keeps a shadow of all memory")
@pytest.mark.parametrize("d", [4, 17, 140])
def test_rows_far_apart_are_read_where_they_lie(d):
    """Rows 24 GiB apart, of which no other byte exists: a copy of them would not either."""
    rows, apart = 3, 3 * GIGA
    memory = mmap.mmap(-1, rows * apart * 8, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | NO_RESERVE)
    whole = np.frombuffer(memory, np.float64).reshape(rows, apart)
    x = whole[:, :d]
    x[...] = np.random.default_rng(3).uniform(-0.1, 0.1, (rows, d))
    op = row_ops["poincare.dist"]
    for a, b in ((x, x[::-1]), (x[::-1], np.full(d, 0.1)), (x[None], np.zeros((2, 1, d)))):
        found = emulation.emulated_call(op, [a, b], 0.7)
        np.testing.assert_allclose(found, op.gufunc(a.copy(), b.copy(), 0.7), rtol=1e-13)
    pairs = pair_ops["poincare.cdist"]
    apart_too = np.lib.stride_tricks.as_strided(whole, (rows, 2, d), (whole.strides[0], 8 * d, 8))
    found = emulation.emulated_pairs(pairs, [apart_too, x[0][None]], 0.7)
    np.testing.assert_array_equal(found, pairs.gufunc(apart_too.copy(), x[0][None].copy(), 0.7, np.int64(1)))
    del x, whole, apart_too, a, b
    memory.close()
