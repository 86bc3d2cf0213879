// The words of CUDA for a C++ compiler: included before an unmodified .cu file, it lets the kernels run on the host.
//
// It models what a kernel can observe of blocks, threads, shared memory, barriers, warp operations and atomics. It does not model
// the memory order between threads that run at once, bank conflicts or tensor cores.
#pragma once
#include <math.h>
#include <string.h>

#include <type_traits>
#include <utility>

#include "scheduler.hpp"

#define __host__
#define __device__
#define __global__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
// At block scope thread_local implies static, and `extern __shared__` stays a declaration: so both kinds of shared memory
// compile unchanged, and all of it lies in one segment, which the scheduler poisons before each block.
#define __shared__ thread_local

// Where a kernel's text calls an operation; goes into the reports.
#define CUDA_HOST_PLACE const char *file = __builtin_FILE(), int line = __builtin_LINE()

namespace cuda_host {

template <class T>
T exchange(const char* name, unsigned mask, T v, int source, const char* file, int line) {
    static_assert(sizeof(T) <= 8 && std::is_trivially_copyable<T>::value, "a warp exchanges values of up to 8 bytes");
    std::uint64_t bits = 0;
    memcpy(&bits, &v, sizeof v);
    bits = meet({Kind::exchange, name, file, line, mask, bits, source});
    memcpy(&v, &bits, sizeof v);
    return v;
}

inline unsigned vote(const char* name, unsigned mask, bool v, const char* file, int line) {
    return unsigned(meet({Kind::vote, name, file, line, mask, v, 0}));
}

inline int barrier(const char* name, bool v, const char* file, int line) {
    return int(meet({Kind::barrier, name, file, line, 0, v, 0}));
}

}  // namespace cuda_host

inline void __syncthreads(CUDA_HOST_PLACE) { cuda_host::barrier("__syncthreads", false, file, line); }
inline int __syncthreads_count(int v, CUDA_HOST_PLACE) {
    return cuda_host::barrier("__syncthreads_count", v, file, line);
}
inline int __syncthreads_or(int v, CUDA_HOST_PLACE) { return cuda_host::barrier("__syncthreads_or", v, file, line) > 0; }
inline int __syncthreads_and(int v, CUDA_HOST_PLACE) {
    return cuda_host::barrier("__syncthreads_and", v, file, line) == cuda_host::block_size();
}
inline void __syncwarp(unsigned mask = ~0u, CUDA_HOST_PLACE) { cuda_host::vote("__syncwarp", mask, false, file, line); }

inline unsigned __ballot_sync(unsigned mask, int v, CUDA_HOST_PLACE) {
    return cuda_host::vote("__ballot_sync", mask, v, file, line);
}
inline int __any_sync(unsigned mask, int v, CUDA_HOST_PLACE) {
    return cuda_host::vote("__any_sync", mask, v, file, line) != 0;
}
inline int __all_sync(unsigned mask, int v, CUDA_HOST_PLACE) {
    return cuda_host::vote("__all_sync", mask, v, file, line) == mask;
}
inline unsigned __activemask() { return cuda_host::running_lanes(); }

// Lanes exchange within segments of `width`; a source beyond its own segment means the lane's own value.
template <class T>
T __shfl_sync(unsigned mask, T v, int source, int width = warpSize, CUDA_HOST_PLACE) {
    const int first = cuda_host::lane() & ~(width - 1);
    return cuda_host::exchange("__shfl_sync", mask, v, first | (source & (width - 1)), file, line);
}
template <class T>
T __shfl_up_sync(unsigned mask, T v, unsigned delta, int width = warpSize, CUDA_HOST_PLACE) {
    const int lane = cuda_host::lane(), source = lane - int(delta);
    const bool inside = source >= (lane & ~(width - 1));
    return cuda_host::exchange("__shfl_up_sync", mask, v, inside ? source : lane, file, line);
}
template <class T>
T __shfl_down_sync(unsigned mask, T v, unsigned delta, int width = warpSize, CUDA_HOST_PLACE) {
    const int lane = cuda_host::lane(), source = lane + int(delta);
    const bool inside = source <= (lane | (width - 1));
    return cuda_host::exchange("__shfl_down_sync", mask, v, inside ? source : lane, file, line);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T v, int flip, int width = warpSize, CUDA_HOST_PLACE) {
    const int lane = cuda_host::lane(), source = lane ^ flip;
    const bool inside = source <= (lane | (width - 1));
    return cuda_host::exchange("__shfl_xor_sync", mask, v, inside ? source : lane, file, line);
}

inline int __popc(unsigned v) { return __builtin_popcount(v); }

// Past the L1 cache, of which there is none.
template <class T>
T __ldcg(const T* at) { return *at; }
template <class T>
void __stcg(T* at, std::common_type_t<T> v) { *at = v; }

// Fibers never preempt one another, so a plain update is atomic.
template <class T>
T atomicExch(T* at, std::common_type_t<T> v) {
    const T old = *at;
    *at = v;
    return old;
}
template <class T>
T atomicAdd(T* at, std::common_type_t<T> v) { return atomicExch(at, T(*at + v)); }
template <class T>
T atomicMax(T* at, std::common_type_t<T> v) { return atomicExch(at, *at < v ? v : *at); }
template <class T>
T atomicMin(T* at, std::common_type_t<T> v) { return atomicExch(at, v < *at ? v : *at); }
template <class T>
T atomicCAS(T* at, std::common_type_t<T> expected, std::common_type_t<T> v) {
    return atomicExch(at, *at == expected ? v : *at);
}

namespace cuda_host {

// As cuLaunchKernel: the arguments by address. Their sizes are checked against the kernel's parameters.
template <class... P, std::size_t... I>
int launch(void (*kernel)(P...), const Launch& how, void* const* args, const std::size_t* sizes, std::size_t count,
           std::index_sequence<I...>) {
    const std::size_t needed[] = {sizeof(P)..., 0};
    if (check_arguments(sizes, count, needed, sizeof...(P))) return 1;
    const auto body = [=] { kernel(*static_cast<P*>(args[I])...); };
    return run_grid(how, [](const void* data) { (*static_cast<decltype(body)*>(data))(); }, &body);
}

template <class... P>
int launch(void (*kernel)(P...), const Launch& how, void* const* args, const std::size_t* sizes, std::size_t count) {
    return launch(kernel, how, args, sizes, count, std::index_sequence_for<P...>{});
}

}  // namespace cuda_host

// What emulation.py writes after the kernels: how to launch one, and where an `extern __shared__` array lies.
#define CUDA_HOST_KERNEL(kernel)                                                                                    \
    extern "C" __attribute__((visibility("default"))) int cuda_host_launch_##kernel(                                \
        const cuda_host::Launch* how, void* const* args, const std::size_t* sizes, std::size_t count) {             \
        return cuda_host::launch(kernel, *how, args, sizes, count);                                                 \
    }
#define CUDA_HOST_DYNAMIC_SHARED(T, name)                                                                           \
    thread_local T name[cuda_host::shared_bytes / sizeof(T)];                                                       \
    static const bool name##_known = cuda_host::add_dynamic_shared(name);
