// Newton-Schulz iterations of matrices with a short side of up to 64, a block a matrix: the Gram form, whose symmetric
// matrices R = X X^T and Q stay in registers and shared memory. Every two steps X is multiplied by Q, and R of the new X
// adds up in the same pass, since rounding in a Gram matrix that is not refreshed makes its small eigenvalues negative.
#include "hypergeom/elementary.hpp"

namespace hypergeom::cuda {

constexpr int ns_side = 16, ns_block = ns_side * ns_side;  // a square of threads, as in hypergeom/_cuda/polar.py
constexpr int ns_steps = 32, ns_restart = 2;               // most steps; those between two passes over X, as in schulz.py

// Filled by hypergeom/_cuda/polar.py from the NumPy dtype of the same layout.
struct NewtonSchulzCall {
    const void* x;
    Int64 step;  // entries from one matrix to the next, 0 where all are one
    void* out;
    Int64 batch;
    int k, length;            // the short side and the long one
    int of_short, of_long;    // entries from one to the next along each: 1 and k, or length and 1
    int steps, normalize;
    double rows[3 * ns_steps];  // (a, b, c) of each step
};

// Of a matrix of 16 held rows and columns, the entries (row + 16 a, column + 16 b) of a thread.
template <class T, int held>
struct Patch {
    T v[held][held];
};

template <class T, int held>
struct NewtonSchulz {
    static constexpr int tile = ns_side * held;
    struct Room {
        T whole[tile][tile + 1];             // a symmetric matrix, the left factor of products
        T slice[tile * (ns_side + 1)];       // rows of a right factor, 16 by `tile`; or columns of X, `tile` by 17
        T parts[ns_block / 32];
    };
    typedef Patch<T, held> Symmetric;

    const NewtonSchulzCall& call;
    Room& room;
    int row, column;
    T factor[2], norm;  // x is multiplied by the factors, powers of two, and divided by the norm
    const T* x;
    T* out;

    __device__ __forceinline__ NewtonSchulz(const NewtonSchulzCall& call, Room& room)
        : call(call), room(room), row(int(threadIdx.x) / ns_side), column(int(threadIdx.x) % ns_side) {}

    __device__ __forceinline__ T& of_x(int i, int q) { return room.slice[i * (ns_side + 1) + q]; }

    // Calls use(i, q, where the entry lies) for the entries of X in 16 columns; neighbouring threads are neighbours there.
    template <class F>
    __device__ __forceinline__ void each_of_slice(int first, F use) const {
        const bool along = call.of_long == 1;
        for (int t = threadIdx.x; t < tile * ns_side; t += ns_block) {
            const int i = along ? t / ns_side : t % tile, q = along ? t % ns_side : t / tile;
            use(i, q, Int64(i) * call.of_short + Int64(first + q) * call.of_long);
        }
    }

    __device__ __forceinline__ void load_slice(const T* from, int first) {
        each_of_slice(first, [&](int i, int q, Int64 at) {
            T v = 0;
            if (i < call.k && first + q < call.length) {
                v = from[at];
                if (from == x) v = v * factor[0] * factor[1] / norm;
            }
            of_x(i, q) = v;
        });
    }

    __device__ __forceinline__ void store_slice(int first) {
        each_of_slice(first, [&](int i, int q, Int64 at) {
            if (i < call.k && first + q < call.length) out[at] = of_x(i, q);
        });
    }

    // r += X X^T of the columns in the slice
    __device__ __forceinline__ void add_squares(Symmetric& r) {
#pragma unroll 4
        for (int q = 0; q < ns_side; ++q)
#pragma unroll
            for (int a = 0; a < held; ++a)
#pragma unroll
                for (int b = 0; b < held; ++b)
                    r.v[a][b] = fma(of_x(row + a * ns_side, q), of_x(column + b * ns_side, q), r.v[a][b]);
    }

    __device__ __forceinline__ void publish(const Symmetric& s) {
        __syncthreads();
#pragma unroll
        for (int a = 0; a < held; ++a)
#pragma unroll
            for (int b = 0; b < held; ++b) room.whole[row + a * ns_side][column + b * ns_side] = s.v[a][b];
        __syncthreads();
    }

    // a I + b r + c r r^T of the r that is published
    __device__ __forceinline__ Symmetric polynomial(const Symmetric& r, const double* coefficients) {
        const T a0 = T(coefficients[0]), b0 = T(coefficients[1]), c0 = T(coefficients[2]);
        Symmetric square = {};
        if (c0 != 0)
            for (int l = 0; l < call.k; ++l)
#pragma unroll
                for (int a = 0; a < held; ++a)
#pragma unroll
                    for (int b = 0; b < held; ++b)
                        square.v[a][b] = fma(room.whole[row + a * ns_side][l], room.whole[column + b * ns_side][l],
                                             square.v[a][b]);
#pragma unroll
        for (int a = 0; a < held; ++a)
#pragma unroll
            for (int b = 0; b < held; ++b)
                square.v[a][b] = b0 * r.v[a][b] + c0 * square.v[a][b] +
                                 (row + a * ns_side == column + b * ns_side ? a0 : T(0));
        return square;
    }

    // The published matrix times s, whose rows come through the slice.
    __device__ __forceinline__ Symmetric times(const Symmetric& s) {
        Symmetric product = {};
#pragma unroll
        for (int part = 0; part < held; ++part) {
            __syncthreads();
#pragma unroll
            for (int b = 0; b < held; ++b) room.slice[row * tile + column + b * ns_side] = s.v[part][b];
            __syncthreads();
#pragma unroll 4
            for (int q = 0; q < ns_side; ++q)
#pragma unroll
                for (int a = 0; a < held; ++a)
#pragma unroll
                    for (int b = 0; b < held; ++b)
                        product.v[a][b] = fma(room.whole[row + a * ns_side][part * ns_side + q],
                                              room.slice[q * tile + column + b * ns_side], product.v[a][b]);
        }
        return product;
    }

    // The published Q times X goes out; returns its R if that is wanted.
    __device__ __forceinline__ Symmetric apply(const T* from, bool with_squares) {
        Symmetric r = {};
        for (int first = 0; first < call.length; first += ns_side) {
            __syncthreads();
            load_slice(from, first);
            __syncthreads();
            T product[held] = {};
            for (int l = 0; l < call.k; ++l)
#pragma unroll
                for (int a = 0; a < held; ++a)
                    product[a] = fma(room.whole[row + a * ns_side][l], of_x(l, column), product[a]);
            __syncthreads();
#pragma unroll
            for (int a = 0; a < held; ++a) of_x(row + a * ns_side, column) = product[a];
            __syncthreads();
            store_slice(first);
            if (with_squares) add_squares(r);
        }
        return r;
    }

    // The exponent of a number that is not 0: the largest e with 2^e <= v.
    static __device__ __forceinline__ int exponent(T v) {
        int shift = 1023;
        if constexpr (sizeof(T) == sizeof(double))
            if (v < 0x1p-1022) v *= 0x1p64, shift += 64;
        return int(to_bits(double(v)) >> 52) - shift;
    }

    static __device__ __forceinline__ T two_to(int exponent) { return T(from_bits(Bits(exponent + 1023) << 52)); }

    // The powers of two that bring the largest entry to [1, 2): of a matrix of zeros or not of numbers, 1. There are two
    // since one alone may be out of range.
    __device__ __forceinline__ void find_factors() {
        T most = 0;
        const Int64 entries = Int64(call.k) * call.length;
        for (Int64 e = threadIdx.x; e < entries; e += ns_block) {
            const T size = fabs(x[e]);
            most = size > most ? size : most;
        }
        for (int lane = 16; lane > 0; lane /= 2) {
            const T other = __shfl_xor_sync(0xffffffffu, most, lane);
            most = other > most ? other : most;
        }
        __syncthreads();
        if (threadIdx.x % 32 == 0) room.parts[threadIdx.x / 32] = most;
        __syncthreads();
        for (int part = 0; part < ns_block / 32; ++part) most = room.parts[part] > most ? room.parts[part] : most;
        const int up = most > 0 && most < T(infinity()) ? -exponent(most) : 0, half = up / 2;
        factor[0] = two_to(half), factor[1] = two_to(up - half);
    }

    __device__ __forceinline__ void operator()(Int64 r) {
        const Int64 entries = Int64(call.k) * call.length;
        x = static_cast<const T*>(call.x) + r * call.step, out = static_cast<T*>(call.out) + r * entries;
        factor[0] = factor[1] = norm = 1;
        if (call.normalize) find_factors();
        Symmetric gram = {};
        for (int first = 0; first < call.length; first += ns_side) {
            __syncthreads();
            load_slice(x, first);
            __syncthreads();
            add_squares(gram);
        }
        publish(gram);
        T trace = 0;
        for (int i = 0; i < call.k; ++i) trace += room.whole[i][i];
        if (!(fabs(trace) < T(infinity()))) {  // also where only the squares are not finite
            for (Int64 e = threadIdx.x; e < entries; e += ns_block) out[e] = T(nan(""));
            __syncthreads();
            return;
        }
        if (call.normalize && trace > 0) {
            norm = sqrt(trace);
#pragma unroll
            for (int a = 0; a < held; ++a)
#pragma unroll
                for (int b = 0; b < held; ++b) gram.v[a][b] /= trace;
        }
        for (int start = 0; start < call.steps; start += ns_restart) {
            publish(gram);
            Symmetric q = polynomial(gram, call.rows + 3 * start);
            if (start + 1 < call.steps) {
                publish(q);
                gram = times(times(gram));
                publish(gram);
                publish(polynomial(gram, call.rows + 3 * start + 3));
                q = times(q);  // the other order would multiply the rounding of the second factor by the first
            }
            publish(q);
            gram = apply(start == 0 ? x : out, start + ns_restart < call.steps);
        }
        __syncthreads();
    }
};

template <class T, int held>
__device__ __forceinline__ void newton_schulz(const NewtonSchulzCall& call) {
    __shared__ typename NewtonSchulz<T, held>::Room room;
    NewtonSchulz<T, held> self(call, room);
    for (Int64 r = blockIdx.x; r < call.batch; r += gridDim.x) self(r);
}

}  // namespace hypergeom::cuda

#define HG_NS_KERNEL(dtype, T, tile)                                                                                   \
    extern "C" __global__ void __launch_bounds__(hypergeom::cuda::ns_block, 1)                                         \
        ns_batched_small_##dtype##_x##tile(hypergeom::cuda::NewtonSchulzCall call) {                                   \
        hypergeom::cuda::newton_schulz<T, tile / hypergeom::cuda::ns_side>(call);                                      \
    }

HG_NS_KERNEL(float32, float, 16)
HG_NS_KERNEL(float32, float, 32)
HG_NS_KERNEL(float32, float, 64)
HG_NS_KERNEL(float64, double, 16)
HG_NS_KERNEL(float64, double, 32)
HG_NS_KERNEL(float64, double, 64)
