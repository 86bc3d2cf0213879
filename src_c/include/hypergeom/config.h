// What differs between compilers. No other header asks which one reads it.
#pragma once

#ifdef __CUDACC__
#define HG_FN __host__ __device__ __forceinline__
#define HG_SIMD
#define HG_INT64 long long
#else
#include <math.h>
// Inlined without exception: only so do the callers' instruction sets reach the formulas.
#define HG_FN inline __attribute__((always_inline))
#define HG_PRAGMA(text) _Pragma(#text)
#define HG_SIMD HG_PRAGMA(omp simd)
#define HG_SIMD_SUM(...) HG_PRAGMA(omp simd reduction(+ : __VA_ARGS__))
#define HG_INT64 __INT64_TYPE__
#endif

// One binary for every x86-64: the loader picks the clone. Elsewhere the compiler's default target is the only one, and
// under sanitizers, whose runtimes are not yet up when the loader picks.
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__CUDACC__) && \
    !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define HG_CLONES __attribute__((target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#else
#define HG_CLONES
#endif

namespace hypergeom {

// NVRTC has no <cmath>: the C functions of the global namespace exist for every compiler.
using ::fabs;
using ::fma;
using ::nan;
using ::sqrt;

typedef unsigned long long Bits;
typedef HG_INT64 Int64;  // that of NumPy's arrays; NVRTC has no <cstdint>

HG_FN Bits to_bits(double v) {
    union {
        double value;
        Bits bits;
    } both = {v};
    return both.bits;
}

HG_FN double from_bits(Bits v) {
    union {
        Bits bits;
        double value;
    } both = {v};
    return both.value;
}

// The type in which a row function computes: double for rows of float or double. On the CPU the entries of a row are
// packs, one lane a row (cpu/pack.hpp), and it computes in packs.
template <class T>
struct Computed {
    typedef double type;
};
template <class T>
using Real = typename Computed<T>::type;

// Branches on data are selections, since each lane of a pack is a row of its own; what only few rows need is computed
// behind `any`.
HG_FN double where(bool condition, double a, double b) { return condition ? a : b; }
HG_FN bool any(bool condition) { return condition; }

}  // namespace hypergeom
