// A GPU warp as the owner of a row. Only device code includes this header.
#pragma once
#include "team.hpp"

namespace hypergeom {

struct Warp {
    static constexpr int size = 32;
    __device__ __forceinline__ int rank() const { return int(threadIdx.x) & 31; }
    // The exchange is a butterfly, so that all lanes end with the same bits.
    __device__ __forceinline__ double sum(double v) const {
        for (int lane = 16; lane > 0; lane >>= 1) v += __shfl_xor_sync(0xffffffffu, v, lane);
        return v;
    }
    __device__ __forceinline__ Twofold<double> sum(Twofold<double> v) const {
        for (int lane = 16; lane > 0; lane >>= 1) {
            const double hi = __shfl_xor_sync(0xffffffffu, v.hi, lane), lo = __shfl_xor_sync(0xffffffffu, v.lo, lane);
            v.lo += lo;
            add_exactly(v.hi, v.lo, hi);
        }
        return v;
    }
    // Of equal ones the same for all lanes.
    __device__ __forceinline__ Pivot<double> largest(Pivot<double> v) const {
        for (int lane = 16; lane > 0; lane >>= 1) {
            const double size = __shfl_xor_sync(0xffffffffu, v.size, lane), x = __shfl_xor_sync(0xffffffffu, v.x, lane),
                         w = __shfl_xor_sync(0xffffffffu, v.v, lane);
            if (size > v.size || (size == v.size && (x > v.x || (x == v.x && w > v.v)))) v = {size, x, w};
        }
        return v;
    }
};

}  // namespace hypergeom
