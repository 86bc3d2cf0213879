// The CUDA twin of a row function: its loop over rows, one warp a row.
#pragma once
#include "hypergeom/signature.hpp"
#include "hypergeom/team.hpp"
#include "hypergeom/warp.hpp"

namespace hypergeom::cuda {

constexpr int row_block = 128;  // threads a block, as in hypergeom/_cuda/rows.py

struct RowArgument {
    void* data;        // first row; null for a scalar input that is the same number for every row
    long long stride;  // elements from one row to the next, 0 where all rows share one
    double value;      // that number
};

// Filled by hypergeom/_cuda/rows.py from the NumPy dtype of the same layout.
template <int n>
struct RowCall {
    long long rows, d;
    RowArgument arg[n];
};

template <bool, class A, class B>
struct Either { using type = A; };
template <class A, class B>
struct Either<false, A, B> { using type = B; };

template <int... I>
struct Indices {};
template <int n, int... I>
struct FirstIndices : FirstIndices<n - 1, n - 1, I...> {};
template <int... I>
struct FirstIndices<0, I...> { using type = Indices<I...>; };

// One argument of one row. A scalar input is read once: the row function then finds it in a register.
template <class T, bool scalar_input>
struct RowPointer {
    T* at;
    __device__ __forceinline__ RowPointer(const RowArgument& a, long long row)
        : at(static_cast<T*>(a.data) + row * a.stride) {}
    __device__ __forceinline__ T* get() { return at; }
};
template <class T>
struct RowPointer<T, true> {
    T scalar;
    __device__ __forceinline__ RowPointer(const RowArgument& a, long long row)
        : scalar(a.data ? static_cast<const T*>(a.data)[row * a.stride] : T(a.value)) {}
    __device__ __forceinline__ const T* get() { return &scalar; }
};

template <class Op, class T, int i>
using RowPointerOf = RowPointer<typename Either<is_float64(Op::signature, Op::vjp, i), double, T>::type,
                                (i < Op::signature.inputs && Op::signature.dim_of[i] < 0)>;

template <class Op>
constexpr int args_of = Op::signature.args();

// Blocks that a multiprocessor holds at once, which bounds the registers of a thread (255, 168, 128 and 96): as many as
// no kernel pays for with spilled registers. The more arguments, the more sums a row has under way.
template <class Op>
constexpr int resident_blocks = args_of<Op> > 9                        ? 2
                                : args_of<Op> > 8                      ? 3
                                : Op::vjp || Op::signature.outputs > 1 ? 4
                                                                       : 5;

// Op carries `signature` (constexpr), `vjp` and `run(team, d, pointers...)`.
template <class Op, class T, int... I>
__device__ __forceinline__ void row_loop(const RowCall<args_of<Op>>& call, Indices<I...>) {
    constexpr int warps = row_block / Warp::size;
    const long long step = (long long)(gridDim.x) * warps;
    for (long long row = (long long)(blockIdx.x) * warps + threadIdx.x / Warp::size; row < call.rows; row += step)
        Op::run(Warp{}, int(call.d), RowPointerOf<Op, T, I>(call.arg[I], row).get()...);
}

}  // namespace hypergeom::cuda

#define HG_ROW_KERNEL(space, name, dtype, T)                                                                           \
    extern "C" __global__ void                                                                                         \
        __launch_bounds__(hypergeom::cuda::row_block, hypergeom::cuda::resident_blocks<name##_op>)                     \
        space##_##name##_##dtype(hypergeom::cuda::RowCall<hypergeom::cuda::args_of<name##_op>> call) {                 \
        using First = hypergeom::cuda::FirstIndices<hypergeom::cuda::args_of<name##_op>>;                              \
        hypergeom::cuda::row_loop<name##_op, T>(call, First::type{});                                                  \
    }

// Defines the Op and the two kernels of a row function `hypergeom::space::name`.
#define HG_DEFINE_KERNELS(space, name, text) HG_DEFINE_KERNELS_(space, name, text)
#define HG_DEFINE_KERNELS_(space, name, text)                                                                          \
    struct name##_op {                                                                                                 \
        static constexpr hypergeom::Signature signature{text};                                                         \
        static constexpr bool vjp = hypergeom::is_vjp(#name);                                                          \
        template <class... Args>                                                                                       \
        static __device__ __forceinline__ void run(Args... args) { hypergeom::space::name(args...); }                  \
    };                                                                                                                 \
    HG_ROW_KERNEL(space, name, float32, float)                                                                         \
    HG_ROW_KERNEL(space, name, float64, double)
