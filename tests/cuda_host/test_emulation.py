"""The emulated GPU itself: it runs correct kernels and finds the faults that were put into the others."""

import functools
import subprocess
import sys

import numpy as np
import pytest
from cuda_host import emulation

ORDERS = pytest.mark.parametrize("reverse", [False, True], ids=["forward", "reverse"])


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """Compile a text that defines the kernel `kernel`."""

    @functools.cache
    def build(text):
        source = tmp_path_factory.mktemp("emulation") / "snippet.cu"
        source.write_text(text)
        return emulation.Library(source, ["kernel"])

    return build


def address(array):
    return np.uintp(array.ctypes.data)


@ORDERS
def test_indices_of_threads_and_blocks(build, reverse):
    library = build("""
        extern "C" __global__ void kernel(unsigned* out) {
            unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
            unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
            unsigned k = block * blockDim.x * blockDim.y * blockDim.z + thread;
            atomicAdd(&out[k], k);
        }""")
    out = np.zeros(2 * 3 * 4 * 5 * 6 * 7, np.uint32)
    library.launch("kernel", (2, 3, 4), (5, 6, 7), address(out), reverse=reverse)
    np.testing.assert_array_equal(out, np.arange(out.size))


@ORDERS
def test_block_sum_in_static_shared_memory(build, reverse):
    library = build("""
        template <class T>
        __device__ T block_sum(T v) {
            __shared__ T part[128];
            part[threadIdx.x] = v;
            for (int half = 64; half > 0; half /= 2) {
                __syncthreads();
                if (threadIdx.x < half) part[threadIdx.x] += part[threadIdx.x + half];
            }
            __syncthreads();
            return part[0];
        }
        extern "C" __global__ void kernel(const double* x, double* out) {
            const double total = block_sum(x[blockIdx.x * 128 + threadIdx.x]);
            if (threadIdx.x == 5) out[blockIdx.x] = total;
        }""")
    x, out = np.arange(3 * 128.0), np.zeros(3)
    library.launch("kernel", 3, 128, address(x), address(out), reverse=reverse)
    np.testing.assert_array_equal(out, x.reshape(3, 128).sum(1))


@ORDERS
def test_shuffles_and_votes(build, reverse):
    library = build("""
        extern "C" __global__ void kernel(int* out) {
            const unsigned all = 0xffffffffu;
            const int lane = threadIdx.x % 32;
            int* at = out + 8 * threadIdx.x;
            at[0] = __shfl_sync(all, lane, 9, 8);
            at[1] = __shfl_up_sync(all, lane, 3);
            at[2] = __shfl_down_sync(all, lane, 3, 16);
            at[3] = __shfl_xor_sync(all, lane, 5);
            at[4] = int(__ballot_sync(all, lane % 3 == 0));
            at[5] = __any_sync(all, lane == 7) + 2 * __all_sync(all, lane < 31);
            at[6] = int(__activemask());
            if (lane < 16) at[7] = __shfl_xor_sync(0xffffu, lane, 1);
            else at[7] = __shfl_xor_sync(0xffff0000u, lane, 2);
        }""")
    out = np.zeros((64, 8), np.int32)
    library.launch("kernel", 1, 64, address(out), reverse=reverse)
    lane = np.arange(64) % 32
    down = np.where(lane % 16 + 3 < 16, lane + 3, lane)
    ballot = sum(1 << k for k in range(0, 32, 3))
    expected = [lane // 8 * 8 + 1, np.where(lane >= 3, lane - 3, lane), down, lane ^ 5]
    expected += [np.full(64, ballot).astype(np.int32), np.full(64, 1), np.full(64, -1)]
    expected += [np.where(lane < 16, lane ^ 1, lane ^ 2)]
    np.testing.assert_array_equal(out, np.transpose(expected))


@ORDERS
def test_dynamic_shared_memory_and_counting_barriers(build, reverse):
    library = build("""
        extern __shared__ float tile[];
        extern "C" __global__ void kernel(int n, float* out) {
            tile[threadIdx.x] = threadIdx.x;
            const int even = __syncthreads_count(threadIdx.x % 2 == 0);
            const int any = __syncthreads_or(threadIdx.x == 3), all = __syncthreads_and(threadIdx.x < 8);
            out[threadIdx.x] = tile[n - 1 - threadIdx.x] + 100 * even + 1000 * any + 10000 * all;
        }""")
    n = 10
    out = np.zeros(n, np.float32)
    library.launch("kernel", 1, n, np.int32(n), address(out), shared=4 * n, reverse=reverse)
    np.testing.assert_array_equal(out, np.arange(n)[::-1] + 100 * 5 + 1000)
    with pytest.raises(emulation.EmulationError, match=r"byte 36 of dynamic shared .* asked for 36 b"):
        library.launch("kernel", 1, n, np.int32(n), address(out), shared=4 * n - 4, reverse=reverse)


@ORDERS
def test_atomics(build, reverse):
    library = build("""
        extern "C" __global__ void kernel(int* i, double* sum, unsigned long long* last) {
            const int t = blockIdx.x * blockDim.x + threadIdx.x;
            atomicAdd(&i[0], 1), atomicMax(&i[1], t), atomicMin(&i[2], -t);
            atomicCAS(&i[3], 7, t), atomicCAS(&i[4], 8, t);
            atomicAdd(sum, 0.5);
            atomicExch(last, 1);
        }""")
    i, total, last = np.array([0, 0, 0, 7, 7], np.int32), np.zeros(1), np.zeros(1, np.uint64)
    library.launch("kernel", 4, 50, address(i), address(total), address(last), reverse=reverse)
    assert i.tolist() == [200, 199, -199, 199 if reverse else 0, 7]
    assert (total[0], last[0]) == (100, 1)


def test_shared_memory_is_poisoned_before_each_block(build):
    library = build("""
        extern "C" __global__ void kernel(float* out) {
            __shared__ float total;
            out[blockIdx.x] = total;
            total = 1;
        }""")
    out = np.zeros(2, np.float32)
    library.launch("kernel", 2, 1, address(out))
    assert np.isnan(out).all()


def test_a_missing_barrier_shows_in_one_of_the_orders(build):
    library = build("""
        extern "C" __global__ void kernel(int* out) {
            __shared__ int tile[64];
            tile[threadIdx.x] = threadIdx.x;
            out[threadIdx.x] = tile[threadIdx.x / 2];
        }""")
    results = []
    for reverse in (False, True):
        out = np.zeros(64, np.int32)
        library.launch("kernel", 1, 64, address(out), reverse=reverse)
        results.append(out)
    np.testing.assert_array_equal(results[0], np.arange(64) // 2)
    assert (results[1] == -1).sum() == 63


def test_a_race_in_shared_memory_shows_in_one_of_the_orders(build):
    """All barriers are there, but two threads write one place: the last to run wins."""
    library = build("""
        extern "C" __global__ void kernel(int* out) {
            __shared__ int tile[32];
            tile[threadIdx.x % 32] = threadIdx.x;
            __syncthreads();
            out[threadIdx.x] = tile[threadIdx.x % 32];
        }""")
    results = []
    for reverse in (False, True):
        out = np.zeros(64, np.int32)
        library.launch("kernel", 1, 64, address(out), reverse=reverse)
        results.append(out)
    np.testing.assert_array_equal(results[0], np.arange(64) % 32 + 32)
    np.testing.assert_array_equal(results[1], np.arange(64) % 32)


def test_a_missing_warp_barrier_shows_in_one_of_the_orders(build):
    """A shuffle before the exchange would hide it: lanes meet there."""
    library = build("""
        extern "C" __global__ void kernel(int barrier, int* out) {
            __shared__ int tile[64];
            tile[threadIdx.x] = threadIdx.x;
            if (barrier) __syncwarp();
            out[threadIdx.x] = tile[threadIdx.x ^ 31];
        }""")
    right = np.zeros((2, 64), np.int32)
    wrong = np.zeros((2, 64), np.int32)
    for reverse in (0, 1):
        library.launch("kernel", 1, 64, np.int32(1), address(right[reverse]), reverse=reverse)
        library.launch("kernel", 1, 64, np.int32(0), address(wrong[reverse]), reverse=reverse)
    assert (right == np.arange(64) ^ 31).all()
    assert (wrong[0] != wrong[1]).any() and (wrong == -1).sum() == 64  # half of the lanes in either order


def test_some_blocks_of_a_grid(build):
    library = build("""
        extern "C" __global__ void kernel(unsigned long long* out) {
            const unsigned long long plane = blockIdx.y + (unsigned long long)(gridDim.y) * blockIdx.z;
            atomicAdd(&out[blockIdx.x % 2], blockIdx.x + gridDim.x * plane);
        }""")
    grid, out = (2**31 - 1, 3, 5), np.zeros(2, np.uint64)
    last = grid[0] * grid[1] * grid[2] - 1
    library.launch("kernel", grid, 1, address(out), blocks=range(last - 1, last + 1))
    assert sorted(out.tolist()) == [last - 1, last]
    with pytest.raises(emulation.EmulationError, match="fewer blocks"):
        library.launch("kernel", 4, 1, address(out), blocks=range(3, 5))


def test_a_missing_barrier_between_warps_shows_behind_a_shuffle(build):
    """All threads meet in their warps' shuffles, but warps do not wait for one another there."""
    library = build("""
        extern "C" __global__ void kernel(int* out) {
            __shared__ int total[2];
            if (threadIdx.x < 2) total[threadIdx.x] = 0;
            const int v = __shfl_sync(~0u, int(threadIdx.x), 0);
            if (threadIdx.x % 32 == 0) total[threadIdx.x / 32] += v;
            __syncthreads();
            out[threadIdx.x] = total[threadIdx.x / 32];
        }""")
    results = []
    for reverse in (False, True):
        out = np.zeros(64, np.int32)
        library.launch("kernel", 1, 64, address(out), reverse=reverse)
        results.append(out)
    np.testing.assert_array_equal(results[0], np.arange(64) // 32 * 32)
    assert (results[1] != results[0]).any()


FAULTS = {
    "wrong mask": (
        "out[threadIdx.x] = __shfl_xor_sync(0xffffu, out[threadIdx.x], 1);",
        r"thread \(16, 0, 0\), lane 16, in __shfl_xor_sync \(snippet.cu:3\) passes the mask 0x0000ffff",
    ),
    "exited lane": (
        "if (threadIdx.x == 40) return; out[threadIdx.x] = __shfl_sync(~0u, out[threadIdx.x], 0);",
        r"thread \(32, 0, 0\) in __shfl_sync \(snippet.cu:3\) needs thread \(40, 0, 0\), which has exited",
    ),
    "divergent barrier": (
        "if (threadIdx.x < 50) __syncthreads();",
        r"thread \(0, 0, 0\) in __syncthreads \(snippet.cu:3\) needs thread \(50, 0, 0\), which has exited",
    ),
    "divergent shuffle": (
        "if (threadIdx.x % 2) out[threadIdx.x] = __shfl_xor_sync(~0u, out[threadIdx.x], 1);",
        r"thread \(1, 0, 0\) in __shfl_xor_sync \(snippet.cu:3\) needs thread \(0, 0, 0\), which has exited",
    ),
    "shuffles in both branches": (
        "if (threadIdx.x % 2) __shfl_sync(~0u, 1, 0);\nelse __shfl_xor_sync(~0u, 1, 1);",
        r"in __shfl_xor_sync \(snippet.cu:4\) needs thread \(1, 0, 0\), which waits in __shfl_sync \(snippet.cu:3\)",
    ),
    "loop of unequal lengths": (
        "for (int k = threadIdx.x; k < 70; k += 32) __syncwarp();",
        r"in __syncwarp \(snippet.cu:3\) needs thread \((6|38), 0, 0\), which has exited",
    ),
    "barrier in both branches": (
        "if (threadIdx.x < 50) __syncthreads();\nelse __syncthreads();",
        r"\(snippet.cu:3\) needs thread \(50, 0, 0\), which waits in __syncthreads \(snippet.cu:4\)",
    ),
    "barrier against shuffle": (
        "if (threadIdx.x % 32) __syncwarp(); else __syncthreads();",
        r"\(0, 0, 0\) in __syncthreads \(snippet.cu:3\) needs thread \(1, 0, 0\), which waits in __syncwarp",
    ),
    "different masks": (
        "if (threadIdx.x % 32 < 8) __ballot_sync(0xffu, 1); else __ballot_sync(~0u, 1);",
        r"thread \(8, 0, 0\) in __ballot_sync \(snippet.cu:3\) needs thread \(0, 0, 0\), which has exited",
    ),
}


@ORDERS
@pytest.mark.parametrize("fault", FAULTS)
def test_a_collective_that_not_all_reach_is_reported(build, fault, reverse):
    body, message = FAULTS[fault]
    library = build('\nextern "C" __global__ void kernel(int* out) {\n' + body + "\n}")
    if reverse:  # another thread is the first to complain
        message = r"block \(0, 0, 0\): thread .*\(snippet.cu:[34]\)"
    with pytest.raises(emulation.EmulationError, match=message):
        library.launch("kernel", 1, 64, address(np.zeros(64, np.int32)), reverse=reverse)


def test_a_launch_after_a_fault_is_sound(build):
    library = build("""
        extern "C" __global__ void kernel(int stop, int* out) {
            if (int(threadIdx.x) < stop) return;
            __syncthreads();
            out[threadIdx.x] += 1;
        }""")
    out = np.zeros(64, np.int32)
    with pytest.raises(emulation.EmulationError, match="has exited"):
        library.launch("kernel", 1, 64, np.int32(1), address(out))
    library.launch("kernel", 1, 64, np.int32(0), address(out))
    assert (out == 1).all()


def test_a_warp_operation_beyond_a_short_block(build):
    library = build('extern "C" __global__ void kernel() { __syncwarp(); }')
    library.launch("kernel", 1, 64)
    with pytest.raises(emulation.EmulationError, match="names lane 8, which lies beyond the block"):
        library.launch("kernel", 1, 40)


def test_launches_that_cuda_refuses(build):
    library = build('extern "C" __global__ void kernel(int n, double* x) { if (x) x[n] = 0; }')
    null = np.uintp(0)
    with pytest.raises(emulation.EmulationError, match="argument 0 has 8 bytes, the kernel's has 4"):
        library.launch("kernel", 1, 1, np.int64(0), null)
    with pytest.raises(emulation.EmulationError, match="1 arguments given, the kernel has 2"):
        library.launch("kernel", 1, 1, np.int32(0))
    for grid, block, shared in [(0, 1, 0), (1, 0, 0), (1, 1025, 0), (1, 1, 50_000)]:
        with pytest.raises(emulation.EmulationError, match="a launch needs"):
            library.launch("kernel", grid, block, np.int32(0), null, shared=shared)


GUARDS = """
extern "C" __global__ void right(int n, double* x) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i < n) x[i] += 1;
}
extern "C" __global__ void wrong(int n, double* x) {
    const int i = blockIdx.x * blockDim.x + threadIdx.x;
    if (i <= n) x[i] += 1;
}
"""
LAUNCH_GUARDS = """
import sys
from pathlib import Path
import numpy as np
from cuda_host import emulation
library = emulation.Library(Path(sys.argv[1]), ["right", "wrong"])
x = np.zeros(1000)
for kernel in ("right", "wrong"):
    library.launch(kernel, 8, 128, np.int32(x.size), np.uintp(x.ctypes.data))
    print(kernel, x.sum(), flush=True)
"""


@pytest.mark.skipif(emulation.SANITIZE, reason="starts a process with sanitizers of its own")
def test_an_off_by_one_guard_is_found_by_the_sanitizer(tmp_path):
    source = tmp_path / "guards.cu"
    source.write_text(GUARDS)
    command = [sys.executable, "-P", "-c", LAUNCH_GUARDS, str(source)]
    environment = emulation.sanitizer_environment()
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.stdout == "right 1000.0\n", done.stderr[-2000:]
    assert done.returncode != 0
    assert "heap-buffer-overflow" in done.stderr
    assert "guards.cu:8" in done.stderr
