// A GPU warp as the owner of a row. Only device code includes this header.
#pragma once
#include "config.h"

namespace hypergeom {

struct Warp {
    static constexpr int size = 32;
    __device__ __forceinline__ int rank() const { return int(threadIdx.x) & 31; }
    // The exchange is a butterfly, so that all lanes end with the same bits.
    __device__ __forceinline__ double sum(double v) const {
        for (int lane = 16; lane > 0; lane >>= 1) v += __shfl_xor_sync(0xffffffffu, v, lane);
        return v;
    }
};

}  // namespace hypergeom
