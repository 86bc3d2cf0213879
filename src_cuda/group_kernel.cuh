// The CUDA twin of a function of groups of rows: its loop over groups, a block a group, a warp a row. The warps' sums are in
// shared memory, or in scratch where rows are long, and are added two by two in twice the digits.
#pragma once
#include "hypergeom/twofold.hpp"
#include "row_kernel.cuh"

namespace hypergeom::cuda {

constexpr int near_sums = 130;  // as in hypergeom/_cuda/rows.py
constexpr int block_warps = row_block / Warp::size;
static_assert(block_warps == 4, "add_warps adds four");

// Filled by hypergeom/_cuda/rows.py from the NumPy dtype of the same layout.
template <int n>
struct GroupCall {
    RowCall<n> groups;
    long long rows;   // of a group
    double* scratch;  // (2 (block_warps + 1) + 1) sums for each block, null where shared memory serves
};

template <class T>
__device__ __forceinline__ T* of_group(const RowArgument& a, long long group) {
    return static_cast<T*>(a.data) + group * a.stride;
}

template <class Op>
__device__ __forceinline__ auto centre_of(int d, double c, Twofold<double>* sums) {
    return Op::centre(Warp{}, d, c, sums);
}

// What a block shares.
template <class Centre>
struct Shared {
    Twofold<double> sums[(block_warps + 1) * near_sums];
    double cotangent[near_sums];
    double of_c[block_warps];
    Centre centre;
};

template <class Op, class Centre, class T>
struct Group {
    Shared<Centre>& shared;
    Twofold<double>* sums;  // n_sums for the mean, and for each warp; those of the first pass start at the mean
    double* cotangent;
    int n_sums, d, warp, rank;
    long long rows;

    // add(row, its weight, sums) for all rows; the sums are then in `to`.
    template <class F>
    __device__ __forceinline__ void add_rows(const T* x, const T* w, Twofold<double>* to, F add) {
        for (int k = threadIdx.x; k < block_warps * n_sums; k += row_block) to[k] = {0, 0};
        __syncthreads();
        for (long long r = warp; r < rows; r += block_warps) add(x + r * d, double(w[r]), to + warp * n_sums);
        __syncthreads();
        for (int k = threadIdx.x; k < n_sums; k += row_block)
            to[k] = plus(plus(to[k], to[k + 2 * n_sums]), plus(to[k + n_sums], to[k + 3 * n_sums]));
        __syncthreads();
    }

    __device__ __forceinline__ void find_mean(const T* x, const T* w, double c) {
        add_rows(x, w, sums, [=](const T* row, double weight, Twofold<double>* to) {
            Op::add(Warp{}, d, row, weight, c, to);
        });
        if (warp == 0) {
            const Centre found = Op::centre(Warp{}, d, c, sums);
            if (rank == 0) shared.centre = found;
        }
        __syncthreads();
        if constexpr (Op::refines) refine(x, w, c);
    }

    __device__ __forceinline__ void refine(const T* x, const T* w, double c) {
        Centre centre = shared.centre;
        __syncthreads();  // it is about to be replaced
        if (!Op::is_rough(centre)) return;
        Twofold<double>* misfit = sums + n_sums;
        add_rows(x, w, misfit, [=](const T* row, double weight, Twofold<double>* to) {
            Op::add_misfit(Warp{}, d, sums, centre, row, weight, c, to);
        });
        if (warp == 0) {
            Op::refine(Warp{}, d, c, misfit, sums, centre);
            if (rank == 0) shared.centre = centre;
        }
        __syncthreads();
    }

    __device__ __forceinline__ void value(const RowArgument* arg, long long group, double c) {
        find_mean(of_group<const T>(arg[0], group), of_group<const T>(arg[1], group), c);
        if (warp == 0) Op::put(Warp{}, d, sums, of_group<T>(arg[3], group));
        __syncthreads();
    }

    __device__ __forceinline__ void gradient(const RowArgument* arg, long long group, double c) {
        const T *x = of_group<const T>(arg[1], group), *w = of_group<const T>(arg[2], group);
        T *x_bar = of_group<T>(arg[4], group), *w_bar = of_group<T>(arg[5], group);
        find_mean(x, w, c);
        if (warp == 0) {
            Centre folded = shared.centre;
            Op::fold(Warp{}, d, c, of_group<const T>(arg[0], group), sums, folded, cotangent);
            if (rank == 0) shared.centre = folded;
        }
        __syncthreads();
        const Centre centre = shared.centre;
        double of_c = 0;
        for (long long r = warp; r < rows; r += block_warps) {
            double of_w;
            Op::pull(Warp{}, d, cotangent, sums, centre, x + r * d, double(w[r]), c, x_bar + r * d, of_w, of_c);
            if (rank == 0) w_bar[r] = T(of_w);
        }
        if (rank == 0) shared.of_c[warp] = of_c;
        __syncthreads();
        const double* part = shared.of_c;
        if (threadIdx.x == 0)
            *of_group<double>(arg[6], group) =
                Op::of_curvature(c, centre, (part[0] + part[2]) + (part[1] + part[3]));
        __syncthreads();
    }
};

template <class Op, class T, int n>
__device__ __forceinline__ void group_loop(const GroupCall<n>& call) {
    using Centre = decltype(centre_of<Op>(0, 0.0, nullptr));
    __shared__ Shared<Centre> shared;
    const int d = int(call.groups.d), n_sums = Op::sums(d), warp = int(threadIdx.x) / Warp::size;
    auto* sums = shared.sums;
    double* cotangent = shared.cotangent;
    if (n_sums > near_sums) {
        cotangent = call.scratch + blockIdx.x * ((2 * (block_warps + 1) + 1) * (long long)(n_sums));
        sums = reinterpret_cast<Twofold<double>*>(cotangent + n_sums);
    }
    Group<Op, Centre, T> self{shared, sums, cotangent, n_sums, d, warp, Warp{}.rank(), call.rows};
    for (long long group = blockIdx.x; group < call.groups.rows; group += gridDim.x) {
        const RowArgument& curvature = call.groups.arg[Op::vjp ? 3 : 2];
        const double c = curvature.data ? *of_group<const double>(curvature, group) : curvature.value;
        if constexpr (Op::vjp)
            self.gradient(call.groups.arg, group, c);
        else
            self.value(call.groups.arg, group, c);
    }
}

}  // namespace hypergeom::cuda

#define HG_GROUP_KERNEL(space, name, text, dtype, T)                                                                   \
    extern "C" __global__ void                                                                                         \
        __launch_bounds__(hypergeom::cuda::row_block, 4)                                                               \
        space##_##name##_##dtype(hypergeom::cuda::GroupCall<hypergeom::Signature(text).args()> call) {                 \
        hypergeom::cuda::group_loop<hypergeom::space::name, T>(call);                                                  \
    }

// The two kernels of a function of groups.
#define HG_DEFINE_GROUP_KERNELS(space, name, text) HG_DEFINE_GROUP_KERNELS_(space, name, text)
#define HG_DEFINE_GROUP_KERNELS_(space, name, text)                                                                    \
    HG_GROUP_KERNEL(space, name, text, float32, float)                                                                 \
    HG_GROUP_KERNEL(space, name, text, float64, double)
