// What the iterations on large matrices do between two products, each in one pass.
#include "hypergeom/elementary.hpp"

namespace hypergeom::cuda {

constexpr int step_tile = 32, step_rows = 8, step_block = step_tile * step_rows;  // as in hypergeom/_cuda/polar.py

// Filled by hypergeom/_cuda/polar.py from the NumPy dtype of the same layout. Square matrices of n rows, in one piece.
struct MatrixStepCall {
    const void *e, *square, *j;  // e, e^2 and the signs where they are used, all of one type
    void* out;
    Int64 batch, n;
    double a, b, c;
};

// Calls use(i, c, where it lies) for each entry (i, c) of the matrices, a warp a row.
template <class F>
__device__ __forceinline__ void each_entry(const MatrixStepCall& call, F use) {
    const int column = int(threadIdx.x) % step_tile;
    const Int64 n = call.n, rows = call.batch * n;
    for (Int64 r = Int64(blockIdx.x) * step_rows + int(threadIdx.x) / step_tile; r < rows;
         r += Int64(gridDim.x) * step_rows) {
        const Int64 i = r % n;
        for (Int64 c = column; c < n; c += step_tile) use(i, c, r * n + c);
    }
}

// out = b e + c e^2 + a I, where `square` may be `out`
template <class T>
__device__ __forceinline__ void epilogue(const MatrixStepCall& call) {
    const T *e = static_cast<const T*>(call.e), *square = static_cast<const T*>(call.square);
    T* out = static_cast<T*>(call.out);
    const T a = T(call.a), b = T(call.b), c = T(call.c);
    each_entry(call, [=](Int64 i, Int64 k, Int64 at) {
        out[at] = b * e[at] + c * square[at] + (i == k ? a : T(0));
    });
}

// out = (a I - J e) / 2 for e = W^T J W: with a = 3 the factor of Schulz's step, with a = 1 that less the identity
template <class T>
__device__ __forceinline__ void schulz(const MatrixStepCall& call) {
    const T *e = static_cast<const T*>(call.e), *j = static_cast<const T*>(call.j);
    T* out = static_cast<T*>(call.out);
    const T a = T(call.a);
    each_entry(call, [=](Int64 i, Int64 k, Int64 at) {
        out[at] = ((i == k ? a : T(0)) - (j ? j[i] * e[at] : e[at])) * T(0.5);
    });
}

// out = (e - J e^T J) / 2, a tile and the one across the diagonal at once
template <class T>
struct Projection {
    struct Room {
        T tile[2][step_tile][step_tile + 1];  // a column more, so that rows start in different banks
    };
    const MatrixStepCall& call;
    Room& room;
    int row, column;

    __device__ __forceinline__ void load(const T* e, Int64 i, Int64 k, T (*tile)[step_tile + 1]) const {
        for (int r = row; r < step_tile; r += step_rows)
            if (i + r < call.n && k + column < call.n) tile[r][column] = e[(i + r) * call.n + k + column];
    }

    __device__ __forceinline__ void store(T* out, Int64 i, Int64 k, T (*tile)[step_tile + 1],
                                          T (*across)[step_tile + 1]) const {
        for (int r = row; r < step_tile; r += step_rows)
            if (i + r < call.n && k + column < call.n) {
                const T* j = static_cast<const T*>(call.j);
                const T sign = j[i + r] * j[k + column];
                out[(i + r) * call.n + k + column] = (tile[r][column] - sign * across[column][r]) * T(0.5);
            }
    }

    __device__ __forceinline__ void operator()() const {
        const Int64 tiles = (call.n + step_tile - 1) / step_tile, size = call.n * call.n;
        for (Int64 task = blockIdx.x; task < call.batch * tiles * tiles; task += gridDim.x) {
            const Int64 i = task / tiles % tiles * step_tile, k = task % tiles * step_tile, r = task / (tiles * tiles);
            if (i > k) continue;
            const T* e = static_cast<const T*>(call.e) + r * size;
            T* out = static_cast<T*>(call.out) + r * size;
            load(e, i, k, room.tile[0]);
            if (i < k) load(e, k, i, room.tile[1]);
            __syncthreads();
            store(out, i, k, room.tile[0], room.tile[i < k]);
            if (i < k) store(out, k, i, room.tile[1], room.tile[0]);
            __syncthreads();
        }
    }
};

template <class T>
__device__ __forceinline__ void project(const MatrixStepCall& call) {
    __shared__ typename Projection<T>::Room room;
    const int t = int(threadIdx.x);
    Projection<T>{call, room, t / step_tile, t % step_tile}();
}

}  // namespace hypergeom::cuda

#define HG_STEP_KERNELS(name, work)                                                                                    \
    extern "C" __global__ void __launch_bounds__(hypergeom::cuda::step_block, 1)                                       \
        name##_float32(hypergeom::cuda::MatrixStepCall call) {                                                         \
        hypergeom::cuda::work<float>(call);                                                                            \
    }                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(hypergeom::cuda::step_block, 1)                                       \
        name##_float64(hypergeom::cuda::MatrixStepCall call) {                                                         \
        hypergeom::cuda::work<double>(call);                                                                           \
    }

HG_STEP_KERNELS(ns_epilogue, epilogue)
HG_STEP_KERNELS(schulz_rhs, schulz)
HG_STEP_KERNELS(algebra_project, project)
