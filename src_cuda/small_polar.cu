// The J-polar decomposition of small matrices, and their orthogonal factor: a warp a matrix up to 8 rows, a block above.
// A matrix is read and its factors are written once; all iterations are in shared memory, in double precision.
#include "hypergeom/small_polar.hpp"
#include "hypergeom/warp.hpp"

extern __shared__ double hg_polar_room[];

namespace hypergeom::cuda {

constexpr int polar_matrices = 4;  // in shared memory for each, as in hypergeom/_cuda/polar.py

// Filled by hypergeom/_cuda/polar.py from the NumPy dtype of the same layout.
struct SmallPolarCall {
    const void* a;
    Int64 step;  // entries from one matrix to the next, 0 where all are one
    void *w, *s;
    double* numbers;  // (6, batch): as Numbers of small_polar.hpp; of an orthogonal factor (batch,), the condition
    Int64 batch;
    int n, polish;
    unsigned negative;  // bit i: whether j has -1 at i
};

// `rows_` by `columns_` threads: a warp, or the whole block. Up to 32 rows and columns.
template <int rows_, int columns_>
struct Grid {
    static constexpr int rows = rows_, columns = columns_, size = rows * columns, warps = size / 32;
    double* parts;  // a number of each warp

    __device__ __forceinline__ int rank() const { return int(threadIdx.x) % size; }
    __device__ __forceinline__ int row() const { return rank() / columns; }
    __device__ __forceinline__ int column() const { return rank() % columns; }
    __device__ __forceinline__ void sync() const {
        if constexpr (warps == 1)
            __syncwarp();
        else
            __syncthreads();
    }
    __device__ __forceinline__ void sync_row() const { __syncwarp(); }

    template <class F>
    __device__ __forceinline__ double over_all(double v, F join) const {
        for (int lane = 16; lane > 0; lane /= 2) v = join(v, __shfl_xor_sync(0xffffffffu, v, lane));
        if constexpr (warps > 1) {
            sync();
            if (rank() % 32 == 0) parts[rank() / 32] = v;
            sync();
            v = parts[0];
            for (int k = 1; k < warps; ++k) v = join(v, parts[k]);
        }
        return v;
    }
    __device__ __forceinline__ double sum(double v) const {
        return over_all(v, [](double a, double b) { return a + b; });
    }
    __device__ __forceinline__ double largest(double v) const {
        return over_all(v, [](double a, double b) { return b > a ? b : a; });
    }

    // As on the CPU the first of equal ones, and row k if its entry is not a number; each warp finds it for itself.
    __device__ __forceinline__ small_polar::PivotAt<double> find_pivot(int k, int n, int stride,
                                                                       const double* column) const {
        const int lane = int(threadIdx.x) % 32;
        double entry = column[k * stride];
        int row = k;
        if (lane > k && lane < n && fabs(column[lane * stride]) > fabs(entry)) entry = column[lane * stride], row = lane;
        for (int apart = 16; apart > 0; apart /= 2) {
            const double other = __shfl_xor_sync(0xffffffffu, entry, apart);
            const int of_other = __shfl_xor_sync(0xffffffffu, row, apart);
            const double size = fabs(other), own = fabs(entry);
            if (size > own || (size == own && of_other < row)) entry = other, row = of_other;
        }
        return {double(row), entry};
    }

    template <class F>
    __device__ __forceinline__ void each_choice(double chosen, int first, int end, F use) const {
        const int i = int(chosen);
        if (i >= first && i < end) use(i, true);
    }

    template <class T>
    static __device__ __forceinline__ double rounded(double v) {
        return double(T(v));
    }
};

template <class T, class Team>
__device__ __forceinline__ void load(Team team, const small_polar::Task<double>& task, const T* from, double* to) {
    for (int e = team.rank(); e < task.n * task.n; e += Team::size)
        to[e / task.n * task.stride + e % task.n] = double(from[e]);
    team.sync();
}

template <class T, class Team>
__device__ __forceinline__ void store(Team team, const small_polar::Task<double>& task, const double* from, T* to) {
    for (int e = team.rank(); e < task.n * task.n; e += Team::size)
        to[e] = T(from[e / task.n * task.stride + e % task.n]);
}

// Calls use(team, task, matrices, r) for each matrix r. In a room are polar_matrices matrices, of rows that start in
// different banks, a row of pivots, the signs, and what warps exchange.
template <class Team, class F>
__device__ __forceinline__ void each_matrix(const SmallPolarCall& call, F use) {
    const int stride = call.n | 1, in_block = int(threadIdx.x) / Team::size, teams = int(blockDim.x) / Team::size;
    const int words = polar_matrices * call.n * stride + 2 * call.n + Team::warps;
    double *room = hg_polar_room + in_block * words, *j = room + polar_matrices * call.n * stride + call.n;
    const Team team{j + call.n};
    for (int i = team.rank(); i < call.n; i += Team::size) j[i] = call.negative >> i & 1 ? -1.0 : 1.0;
    team.sync();
    const small_polar::Task<double> task{call.n, stride, j, call.polish};
    for (Int64 r = Int64(blockIdx.x) * teams + in_block; r < call.batch; r += Int64(gridDim.x) * teams) {
        use(team, task, room, r);
        team.sync();
    }
}

template <class T, class Team>
__device__ __forceinline__ void jpolar(const SmallPolarCall& call) {
    each_matrix<Team>(call, [&](Team team, const small_polar::Task<double>& task, double* room, Int64 r) {
        const int size = task.n * task.stride;
        double *a = room, *w = a + size, *s = w + size;
        load(team, task, static_cast<const T*>(call.a) + r * call.step, a);
        const small_polar::Numbers<double> found = small_polar::decompose<T>(team, task, a, w, s);
        store(team, task, w, static_cast<T*>(call.w) + r * task.n * task.n);
        store(team, task, s, static_cast<T*>(call.s) + r * task.n * task.n);
        if (team.rank() != 0) return;
        const double each[] = {found.iterations, found.converged, found.j_residual,
                               found.residual,   found.symmetry,  found.condition};
        for (int k = 0; k < 6; ++k) call.numbers[k * call.batch + r] = each[k];
    });
}

template <class T, class Team>
__device__ __forceinline__ void orthogonal(const SmallPolarCall& call) {
    each_matrix<Team>(call, [&](Team team, const small_polar::Task<double>& task, double* room, Int64 r) {
        double* w = room + task.n * task.stride;
        load(team, task, static_cast<const T*>(call.a) + r * call.step, w);
        const double condition = small_polar::orthogonal_factor(team, task, w, w + task.n * task.stride);
        store(team, task, w, static_cast<T*>(call.w) + r * task.n * task.n);
        if (team.rank() == 0) call.numbers[r] = condition;
    });
}

}  // namespace hypergeom::cuda

#define HG_POLAR_KERNEL(name, work, dtype, T, rows, columns, block)                                                    \
    extern "C" __global__ void __launch_bounds__(block, 1)                                                            \
        name##_##dtype##_x##columns(hypergeom::cuda::SmallPolarCall call) {                                           \
        hypergeom::cuda::work<T, hypergeom::cuda::Grid<rows, columns>>(call);                                         \
    }
#define HG_POLAR_KERNELS(name, work, rows, columns, block)                                                             \
    HG_POLAR_KERNEL(name, work, float32, float, rows, columns, block)                                                  \
    HG_POLAR_KERNEL(name, work, float64, double, rows, columns, block)

HG_POLAR_KERNELS(jpolar_batched_small, jpolar, 4, 8, 128)
HG_POLAR_KERNELS(jpolar_batched_small, jpolar, 8, 16, 128)
HG_POLAR_KERNELS(jpolar_batched_small, jpolar, 8, 32, 256)
HG_POLAR_KERNELS(orthogonal_batched_small, orthogonal, 4, 8, 128)
HG_POLAR_KERNELS(orthogonal_batched_small, orthogonal, 8, 16, 128)
HG_POLAR_KERNELS(orthogonal_batched_small, orthogonal, 8, 32, 256)
