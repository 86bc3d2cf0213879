// All pairs of points of a space (HG_SPACE, HG_HEADER): distances, and their cotangents. Per pair the order of
// operations is that of the CPU. No atomics: sums are added in one order, and so are the same bits in every run.
#include HG_HEADER
#include "pair_kernel.cuh"

namespace hypergeom::cuda {

struct Space {
    using Side = HG_SPACE::Side<double>;
    using PairSums = HG_SPACE::PairSums<double>;
    using PairPull = HG_SPACE::PairPull<double>;
    using PairSlopes = HG_SPACE::PairSlopes<double>;
    static constexpr int first = HG_SPACE::first_coordinate;
    static constexpr bool one_sum = sizeof(PairSums) == sizeof(double);

    template <class T>
    static __device__ __forceinline__ Side side(int n, const T* x, double c) {
        return HG_SPACE::side(Serial{}, n, x, c);
    }
};

// A tile of distances: 64 by 64 pairs where a pair has one sum, 32 by 32 where it has several. When the sums are
// complete they take the room of the slices, so that the code of one distance serves all pairs of a thread.
template <class T>
__device__ __forceinline__ void distances(const PairCall& call) {
    constexpr int side = Space::one_sum ? 4 : 2, tile = side * pair_threads, width = 32;
    constexpr int numbers = sizeof(Space::PairSums) / sizeof(double);
    union Room {
        Slices<T, tile, width> slices;
        double sums[side * side * pair_block * numbers];
    };
    __shared__ Room room;
    __shared__ Space::Side x_side[tile], y_side[tile];
    Space::PairSums* own_sums = reinterpret_cast<Space::PairSums*>(room.sums) + threadIdx.x;
    const Place at;
    const long long high = (call.m + tile - 1) / tile, wide = (call.k + tile - 1) / tile;
    for (long long task = blockIdx.x; task < call.batches * high * wide; task += gridDim.x) {
        const long long batch = task / (high * wide), i = task / wide % high * tile, j = task % wide * tile;
        const Root<double> c(curvature(call, batch));
        const Points<T, tile, width> x(call.x, batch, i, call.m, int(call.n)), y(call.y, batch, j, call.k, int(call.n));
        get_sides<Space>(x, x_side, c.c, 0), get_sides<Space>(y, y_side, c.c, pair_block / 2);
        {
            Space::PairSums sums[side][side];
            pair_sums<Space>(x, y, room.slices, sums);
            __syncthreads();
#pragma unroll
            for (int a = 0; a < side; ++a)
#pragma unroll
                for (int b = 0; b < side; ++b) own_sums[(a * side + b) * pair_block] = sums[a][b];
        }
        T* out = matrix<T>(call.pairs, batch) + i * call.row + j * call.column;
#pragma unroll 1
        for (int pair = 0; pair < side * side; ++pair) {
            const int row = at.row + pair / side * pair_threads, column = at.column + pair % side * pair_threads;
            if (row >= x.count || column >= y.count) continue;
            const double v = HG_SPACE::pair_distance(Serial{}, x.n, x.row(row), y.row(column), x_side[row],
                                                     y_side[column], own_sums[pair * pair_block], c);
            out[row * call.row + column * call.column] = T(v);
        }
        __syncthreads();
    }
}

// The cotangents of a tile of rows of x from the rows of y in one chunk, tile after tile. The cotangents of y are those
// of x of the call that has x and y exchanged.
template <class T>
struct Gradient {
    static constexpr int side = 2, tile = side * pair_threads, width = 16;

    // What the block knows of a pair: first its sums, then what it adds.
    struct Slopes {
        Space::PairPull pull;
        double own;
    };
    struct Pair {
        static constexpr int sums_size = sizeof(Space::PairSums), slopes_size = sizeof(Slopes);
        double room[(sums_size > slopes_size ? sums_size : slopes_size) / sizeof(double)];

        __device__ __forceinline__ Space::PairSums& sums() { return *reinterpret_cast<Space::PairSums*>(room); }
        __device__ __forceinline__ Slopes& slopes() { return *reinterpret_cast<Slopes*>(room); }
    };
    struct Shared {
        Slices<T, tile, width> slices;
        Pair pairs[tile][tile + 1];
        Space::Side x_side[tile], y_side[tile];
        double own[tile], of_c[pair_block];
    };

    Shared& shared;
    const PairCall& call;
    long long batch;
    Root<double> c;
    double of_c, own;
    Place at;

    // Slopes of the pairs of two tiles; 0 where there is no pair.
    __device__ __forceinline__ void find_slopes(const Points<T, tile, width>& x, const Points<T, tile, width>& y,
                                                const T* G) {
        {
            Space::PairSums sums[side][side];
            pair_sums<Space>(x, y, shared.slices, sums);
#pragma unroll
            for (int a = 0; a < side; ++a)
#pragma unroll
                for (int b = 0; b < side; ++b)
                    shared.pairs[at.row + a * pair_threads][at.column + b * pair_threads].sums() = sums[a][b];
        }
#pragma unroll 1
        for (int pair = 0; pair < side * side; ++pair) {
            const int i = at.row + pair / side * pair_threads, j = at.column + pair % side * pair_threads;
            Pair& of_pair = shared.pairs[i][j];
            Space::PairSlopes s = {};
            if (i < x.count && j < y.count)
                s = HG_SPACE::pair_slopes(Serial{}, x.n, x.row(i), y.row(j), shared.x_side[i], shared.y_side[j],
                                          of_pair.sums(), c, double(G[i * call.row + j * call.column]));
            of_pair.slopes() = {s.on_x(), s.own_x};
            of_c += s.of_c;
        }
    }

    // Adds the sums over the rows of y in a tile to `bar`, which the first tile of the chunk begins.
    __device__ __forceinline__ void add_entries(const Points<T, tile, width>& x, const Points<T, tile, width>& y,
                                                double* bar, bool begin) {
        if (int(threadIdx.x) < tile)
            for (int j = 0; j < tile; ++j) own += shared.pairs[threadIdx.x][j].slopes().own;
        each_slice<Space::first>(x, y, shared.slices, [&](int start, int entries) {
            const int q = at.column;
            if (q >= entries) return;
            for (int i = at.row; i < x.count; i += pair_threads) {
                double total = 0;
                for (int j = 0; j < y.count; ++j)
                    total += shared.pairs[i][j].slopes().pull.entry(shared.slices.x[i][q], shared.slices.y[j][q]);
                double& sum = bar[(long long)(i)*x.n + start + q];
                sum = begin ? total : sum + total;
            }
        });
    }

    // Adds own_x x, and the time entry: 0, or NaN in a row that is NaN.
    __device__ __forceinline__ void finish(const Points<T, tile, width>& x, double* bar) {
        if (int(threadIdx.x) < tile) shared.own[threadIdx.x] = own;
        __syncthreads();
        for (int i = int(threadIdx.x) / 32; i < x.count; i += pair_block / 32) {
            const double factor = shared.own[i];
            const T* xi = x.row(i);
            double* sums = bar + (long long)(i)*x.n;
            for (int q = int(threadIdx.x) % 32; q < x.n; q += 32) {
                if (q < Space::first)
                    sums[q] = factor == factor ? 0 : factor;
                else
                    sums[q] += factor * double(xi[q]);
            }
        }
    }

    // The sum over the threads, by halves.
    __device__ __forceinline__ double total_of_c() {
        shared.of_c[threadIdx.x] = of_c;
        for (int half = pair_block / 2; half > 0; half /= 2) {
            __syncthreads();
            if (int(threadIdx.x) < half) shared.of_c[threadIdx.x] += shared.of_c[threadIdx.x + half];
        }
        __syncthreads();
        return shared.of_c[0];
    }

    __device__ __forceinline__ void run(long long i, long long chunk, long long task) {
        const Points<T, tile, width> x(call.x, batch, i, call.m, int(call.n));
        double* bar = call.bar + ((chunk * call.batches + batch) * call.m + i) * call.n;
        const long long tiles = (call.k + tile - 1) / tile;
        const long long begin = tiles * chunk / call.chunks * tile, end = tiles * (chunk + 1) / call.chunks * tile;
        get_sides<Space>(x, shared.x_side, c.c, 0);
        for (long long j = begin; j < end && j < call.k; j += tile) {
            const Points<T, tile, width> y(call.y, batch, j, call.k, int(call.n));
            get_sides<Space>(y, shared.y_side, c.c, pair_block / 2);
            find_slopes(x, y, matrix<const T>(call.pairs, batch) + i * call.row + j * call.column);
            __syncthreads();
            add_entries(x, y, bar, j == begin);
        }
        finish(x, bar);
        if (call.c_bar) {
            const double total = total_of_c();
            if (threadIdx.x == 0) call.c_bar[task] = total;
        }
        __syncthreads();
    }
};

template <class T>
__device__ __forceinline__ void gradient(const PairCall& call) {
    __shared__ typename Gradient<T>::Shared shared;
    constexpr int tile = Gradient<T>::tile;
    const long long high = (call.m + tile - 1) / tile;
    for (long long task = blockIdx.x; task < call.chunks * call.batches * high; task += gridDim.x) {
        const long long batch = task / high % call.batches;
        Gradient<T> of{shared, call, batch, Root<double>(curvature(call, batch)), 0, 0};
        of.run(task % high * tile, task / high / call.batches, task);
    }
}

}  // namespace hypergeom::cuda

#define HG_PAIR_KERNELS(space) HG_PAIR_KERNELS_(space)
#define HG_PAIR_KERNELS_(space)        \
    HG_PAIR_KERNEL(space, float32, float) \
    HG_PAIR_KERNEL(space, float64, double)
#define HG_PAIR_KERNEL(space, dtype, T)                                                                                \
    extern "C" __global__ void __launch_bounds__(hypergeom::cuda::pair_block, 2)                                       \
        space##_cdist_##dtype(hypergeom::cuda::PairCall call) {                                                        \
        hypergeom::cuda::distances<T>(call);                                                                           \
    }                                                                                                                  \
    extern "C" __global__ void __launch_bounds__(hypergeom::cuda::pair_block, 1)                                       \
        space##_cdist_vjp_##dtype(hypergeom::cuda::PairCall call) {                                                    \
        hypergeom::cuda::gradient<T>(call);                                                                            \
    }
HG_PAIR_KERNELS(HG_SPACE)
