// What differs between compilers. No other header asks which one reads it.
#pragma once

#ifdef __CUDACC__
#define HG_FN __host__ __device__ __forceinline__
#define HG_SIMD
#define HG_SIMD_SUM(...)
#else
#include <math.h>
// Inlined without exception: only so do the callers' target_clones reach the formulas.
#define HG_FN inline __attribute__((always_inline))
#define HG_PRAGMA(text) _Pragma(#text)
#define HG_SIMD HG_PRAGMA(omp simd)
#define HG_SIMD_SUM(...) HG_PRAGMA(omp simd reduction(+ : __VA_ARGS__))
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
using ::asinh;
using ::atanh;
using ::cosh;
using ::exp;
using ::expm1;
using ::fabs;
using ::fma;
using ::fmax;
using ::fmin;
using ::hypot;
using ::log;
using ::log1p;
using ::nan;
using ::sinh;
using ::sqrt;
using ::tanh;
}  // namespace hypergeom
