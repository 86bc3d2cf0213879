// All pairs of two sets of points: tiles of pairs, whose coordinates pass through shared memory in slices.
#pragma once
#include "hypergeom/team.hpp"

namespace hypergeom::cuda {

constexpr int pair_threads = 16;                          // a block is a square of threads, as in hypergeom/_cuda/pairs.py
constexpr int pair_block = pair_threads * pair_threads;   // threads a block

// Dense matrices: the first, and the elements from one batch to the next, 0 where all share one.
struct PairMatrix {
    void* data;
    long long step;
};

// Filled by hypergeom/_cuda/pairs.py from the NumPy dtype of the same layout. m rows of x and k rows of y, n entries each.
struct PairCall {
    long long batches, m, k, n;
    PairMatrix x, y, c;
    double value;           // of the curvature where its data is null
    PairMatrix pairs;       // distances or their cotangents,
    long long row, column;  // with the elements from one row and one column to the next
    long long chunks;       // parts of the rows of y, in each of which cotangents add up on their own
    double* bar;            // cotangents of x: chunks, batches, m, n
    double* c_bar;          // of the curvature: chunks, batches, tiles of rows of x; or null
};

template <class T>
__device__ __forceinline__ T* matrix(const PairMatrix& a, long long batch) {
    return static_cast<T*>(a.data) + batch * a.step;
}

__device__ __forceinline__ double curvature(const PairCall& call, long long batch) {
    return call.c.data ? *matrix<const double>(call.c, batch) : call.value;
}

// Some rows of a matrix: `count` of them, and the function that brings a slice of their entries to shared memory.
template <class T, int tile, int width>
struct Points {
    const T* rows;
    int count, n;

    __device__ __forceinline__ Points(const PairMatrix& a, long long batch, long long begin, long long end, int n)
        : rows(matrix<const T>(a, batch) + begin * n), count(int(end - begin < tile ? end - begin : tile)), n(n) {}
    __device__ __forceinline__ const T* row(int i) const { return rows + (long long)(i)*n; }
    __device__ __forceinline__ void load(T (*slice)[width + 1], int first) const {
        for (int t = threadIdx.x; t < tile * width; t += pair_block) {
            const int i = t / width, q = t % width;
            slice[i][q] = i < count && first + q < n ? row(i)[first + q] : T(0);
        }
    }
};

// The slices of both sets of points.
template <class T, int tile, int width>
struct Slices {
    T x[tile][width + 1], y[tile][width + 1];  // a column more, so that the rows start in different banks
};

// Calls use(entries) after each slice of the coordinates has been loaded, of which it has that many.
template <int first, class T, int tile, int width, class F>
__device__ __forceinline__ void each_slice(const Points<T, tile, width>& x, const Points<T, tile, width>& y,
                                           Slices<T, tile, width>& slices, F use) {
    for (int begin = first; begin < x.n; begin += width) {
        __syncthreads();
        x.load(slices.x, begin), y.load(slices.y, begin);
        __syncthreads();
        use(begin, x.n - begin < width ? x.n - begin : width);
    }
}

// A thread has the pairs (row + 16 a, column + 16 b), a and b below `side`.
struct Place {
    int row = int(threadIdx.x) / pair_threads, column = int(threadIdx.x) % pair_threads;
};

// The sums of a thread's pairs. Space is a struct of the names of its chapter: Side, PairSums and the rest.
template <class Space, int side, class T, int tile, int width>
__device__ __forceinline__ void pair_sums(const Points<T, tile, width>& x, const Points<T, tile, width>& y,
                                          Slices<T, tile, width>& slices,
                                          typename Space::PairSums (&sums)[side][side]) {
    const Place at;
    each_slice<Space::first>(x, y, slices, [&](int, int entries) {
        for (int q = 0; q < entries; ++q)
#pragma unroll
            for (int a = 0; a < side; ++a)
#pragma unroll
                for (int b = 0; b < side; ++b)
                    sums[a][b].add(slices.x[at.row + a * pair_threads][q], slices.y[at.column + b * pair_threads][q]);
    });
}

template <class Space, class T, int tile, int width>
__device__ __forceinline__ void get_sides(const Points<T, tile, width>& x, typename Space::Side* sides, double c,
                                          int first_thread) {
    const int t = int(threadIdx.x) - first_thread;
    if (t >= 0 && t < x.count) sides[t] = Space::side(x.n, x.row(t), c);
}

}  // namespace hypergeom::cuda
