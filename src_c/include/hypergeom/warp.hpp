// Lanes of a GPU warp as the owners of a row. Only device code includes this header.
#pragma once
#include "team.hpp"

namespace hypergeom {

// 2 to 32 neighbouring lanes, a power of two; a warp has 32 / size such teams, whose members name only one another: rows
// that take another branch, or are at an end, are none of their business.
template <int lanes>
struct Lanes {
    static constexpr int size = lanes;
    __device__ __forceinline__ int rank() const { return int(threadIdx.x) & (size - 1); }
    __device__ __forceinline__ unsigned mask() const {
        return size == 32 ? 0xffffffffu : (0xffffffffu >> (32 - size)) << (threadIdx.x & (32 - size));
    }
    // The exchange is a butterfly, so that all lanes end with the same bits.
    __device__ __forceinline__ double sum(double v) const {
        for (int lane = size / 2; lane > 0; lane >>= 1) v += __shfl_xor_sync(mask(), v, lane);
        return v;
    }
    __device__ __forceinline__ Twofold<double> sum(Twofold<double> v) const {
        for (int lane = size / 2; lane > 0; lane >>= 1) {
            const double hi = __shfl_xor_sync(mask(), v.hi, lane), lo = __shfl_xor_sync(mask(), v.lo, lane);
            v.lo += lo;
            add_exactly(v.hi, v.lo, hi);
        }
        return v;
    }
    // Of equal ones the same for all lanes.
    __device__ __forceinline__ Pivot<double> largest(Pivot<double> v) const {
        for (int lane = size / 2; lane > 0; lane >>= 1) {
            const double size = __shfl_xor_sync(mask(), v.size, lane), x = __shfl_xor_sync(mask(), v.x, lane),
                         w = __shfl_xor_sync(mask(), v.v, lane);
            if (size > v.size || (size == v.size && (x > v.x || (x == v.x && w > v.v)))) v = {size, x, w};
        }
        return v;
    }
};

using Warp = Lanes<32>;

}  // namespace hypergeom
