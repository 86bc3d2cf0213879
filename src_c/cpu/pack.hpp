// A pack of doubles, one lane for each of several rows: what a row function computes with on the CPU. As wide as the
// instruction set for which the file is compiled; all lanes do the same, so that the results do not depend on the width.
#pragma once
#include "hypergeom/config.h"
#ifdef __AVX__
#include <immintrin.h>
#endif

namespace hypergeom::cpu {
inline namespace HG_ISA {

#if defined(__AVX512F__)
constexpr int lanes = 8;
#elif defined(__AVX__)
constexpr int lanes = 4;
#else
constexpr int lanes = 2;
#endif

typedef double Lanes __attribute__((vector_size(lanes * sizeof(double))));
typedef long long Whole __attribute__((vector_size(lanes * sizeof(double))));
typedef unsigned long long Unsigned __attribute__((vector_size(lanes * sizeof(double))));

struct Mask {
    Whole m;
    HG_FN friend Mask operator&(Mask a, Mask b) { return {a.m & b.m}; }
    HG_FN friend Mask operator|(Mask a, Mask b) { return {a.m | b.m}; }
    HG_FN friend Mask operator!(Mask a) { return {~a.m}; }
};

struct PackBits {
    Unsigned v;
    HG_FN friend PackBits operator+(PackBits a, Bits b) { return {a.v + b}; }
    HG_FN friend PackBits operator-(Bits a, PackBits b) { return {a - b.v}; }
    HG_FN friend PackBits operator&(PackBits a, Bits b) { return {a.v & b}; }
    HG_FN friend PackBits operator|(PackBits a, Bits b) { return {a.v | b}; }
    HG_FN friend PackBits operator<<(PackBits a, int n) { return {a.v << n}; }
    HG_FN friend PackBits operator>>(PackBits a, int n) { return {a.v >> n}; }
};

struct Pack {
    Lanes v;

    Pack() = default;
    HG_FN Pack(double a) : v(a - Lanes{}) {}  // a - 0: also -0 stays what it is
    HG_FN static Pack of(Lanes v) {
        Pack p;
        p.v = v;
        return p;
    }

    HG_FN friend Pack operator+(Pack a, Pack b) { return of(a.v + b.v); }
    HG_FN friend Pack operator-(Pack a, Pack b) { return of(a.v - b.v); }
    HG_FN friend Pack operator*(Pack a, Pack b) { return of(a.v * b.v); }
    HG_FN friend Pack operator/(Pack a, Pack b) { return of(a.v / b.v); }
    HG_FN friend Pack operator-(Pack a) { return of(-a.v); }
    HG_FN Pack& operator+=(Pack b) { return *this = *this + b; }
    HG_FN Pack& operator-=(Pack b) { return *this = *this - b; }
    HG_FN Pack& operator*=(Pack b) { return *this = *this * b; }

    HG_FN friend Mask operator<(Pack a, Pack b) { return {a.v < b.v}; }
    HG_FN friend Mask operator>(Pack a, Pack b) { return {a.v > b.v}; }
    HG_FN friend Mask operator<=(Pack a, Pack b) { return {a.v <= b.v}; }
    HG_FN friend Mask operator>=(Pack a, Pack b) { return {a.v >= b.v}; }
    HG_FN friend Mask operator==(Pack a, Pack b) { return {a.v == b.v}; }
    HG_FN friend Mask operator!=(Pack a, Pack b) { return {a.v != b.v}; }
};

HG_FN PackBits to_bits(Pack a) { return {(Unsigned)a.v}; }
HG_FN Pack from_bits(PackBits a) { return Pack::of((Lanes)a.v); }

HG_FN Pack where(Mask condition, Pack a, Pack b) { return Pack::of(condition.m ? a.v : b.v); }

// This and `fma` are named where there are instructions for them, which the compiler does not find in every context.
HG_FN bool any(Mask condition) {
#if defined(__AVX512F__)
    return _mm512_test_epi64_mask((__m512i)condition.m, (__m512i)condition.m) != 0;
#elif defined(__AVX__)
    return !_mm256_testz_si256((__m256i)condition.m, (__m256i)condition.m);
#else
    long long some = 0;
    for (int k = 0; k < lanes; ++k) some |= condition.m[k];
    return some != 0;
#endif
}

HG_FN Pack sqrt(Pack a) {
    for (int k = 0; k < lanes; ++k) a.v[k] = ::sqrt(a.v[k]);
    return a;
}

HG_FN Pack fma(Pack a, Pack b, Pack c) {
#if defined(__AVX512F__) && defined(__FMA__)
    return Pack::of(_mm512_fmadd_pd(a.v, b.v, c.v));
#elif defined(__FMA__)
    return Pack::of(_mm256_fmadd_pd(a.v, b.v, c.v));
#else
    for (int k = 0; k < lanes; ++k) c.v[k] = ::fma(a.v[k], b.v[k], c.v[k]);
    return c;
#endif
}

HG_FN Pack fabs(Pack a) { return from_bits(to_bits(a) & 0x7fffffffffffffff); }

}  // namespace HG_ISA
}  // namespace hypergeom::cpu

namespace hypergeom {
template <>
struct Computed<cpu::Pack> {
    typedef cpu::Pack type;
};
}  // namespace hypergeom
