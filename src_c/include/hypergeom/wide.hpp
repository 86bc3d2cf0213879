// A double with an exponent that does not end: what a row function computes with where squares of coordinates leave the
// range of double. Operations round as those of double do, so that a formula keeps its digits, and its thresholds hold.
#pragma once
#include "elementary.hpp"

namespace hypergeom {

// m 2^e, 1 <= |m| < 2; or e = 0 and m is 0, infinite or NaN.
struct Wide {
    double m;
    long long e;

    Wide() = default;
    inline Wide(double v);
    inline explicit operator double() const;

    bool finite() const { return m - m == 0; }
    // m 2^e of a mantissa that may have left [1, 2), but not the normal numbers
    static inline Wide of(double m, long long e);
};

template <>
struct Computed<Wide> {
    typedef Wide type;
};
template <>
inline constexpr double longest<Wide> = __builtin_huge_val();

inline Wide Wide::of(double m, long long e) {
    constexpr Bits exponent = 0x7ff0000000000000, one = 0x3ff0000000000000;
    const Bits bits = to_bits(m);
    Wide v;
    v.m = m, v.e = 0;
    if (m == 0 || !v.finite()) return v;
    v.m = from_bits((bits & ~exponent) | one);
    v.e = e + static_cast<long long>((bits & exponent) >> 52) - 1023;
    return v;
}

inline Wide::Wide(double v) { *this = fabs(v) < 0x1p-1000 ? of(v * 0x1p+100, -100) : of(v, 0); }

// Rounded once, to a subnormal number too.
inline Wide::operator double() const {
    if (e > 1023) return m * infinity();
    if (e >= -1022) return m * power_of_two(double(e));
    return e < -1100 ? m * 0 : m * power_of_two(double(e + 100)) * 0x1p-100;
}

inline Wide operator-(Wide a) {
    a.m = -a.m;
    return a;
}

inline Wide fabs(Wide a) {
    a.m = fabs(a.m);
    return a;
}

// What lies 200 binary digits below a number does not change it.
inline Wide operator+(Wide a, Wide b) {
    if (!a.finite() || !b.finite() || (a.m == 0 && b.m == 0)) return Wide::of(a.m + b.m, 0);
    if (a.m == 0 || b.m == 0) return a.m == 0 ? b : a;
    const Wide &large = a.e < b.e ? b : a, &small = a.e < b.e ? a : b;
    const long long apart = large.e - small.e;
    return apart > 200 ? large : Wide::of(large.m + small.m * power_of_two(-double(apart)), large.e);
}

inline Wide operator-(Wide a, Wide b) { return a + -b; }
inline Wide operator*(Wide a, Wide b) { return Wide::of(a.m * b.m, a.e + b.e); }
inline Wide operator/(Wide a, Wide b) { return Wide::of(a.m / b.m, a.e - b.e); }
inline Wide& operator+=(Wide& a, Wide b) { return a = a + b; }
inline Wide& operator-=(Wide& a, Wide b) { return a = a - b; }
inline Wide& operator*=(Wide& a, Wide b) { return a = a * b; }

// Exact where a b + c cancels: the difference then is no less than 2^-106 of the product.
inline Wide fma(Wide a, Wide b, Wide c) {
    if (!a.finite() || !b.finite() || !c.finite() || a.m == 0 || b.m == 0 || c.m == 0) return a * b + c;
    const long long of_product = a.e + b.e, apart = c.e - of_product;
    if (apart > 200) return c;
    if (apart < -200) return a * b;
    return Wide::of(fma(a.m, b.m, c.m * power_of_two(double(apart))), of_product);
}

inline Wide sqrt(Wide a) {
    const bool odd = a.e % 2 != 0;
    return Wide::of(sqrt(odd ? 2 * a.m : a.m), (a.e - odd) / 2);
}

inline bool operator==(Wide a, Wide b) { return a.m == b.m && a.e == b.e; }
inline bool operator!=(Wide a, Wide b) { return !(a == b); }
inline bool operator<(Wide a, Wide b) { return a.finite() && b.finite() ? (a - b).m < 0 : a.m < b.m; }
inline bool operator>(Wide a, Wide b) { return b < a; }
inline bool operator<=(Wide a, Wide b) { return a < b || a == b; }
inline bool operator>=(Wide a, Wide b) { return b <= a; }

inline Wide where(bool condition, Wide a, Wide b) { return condition ? a : b; }

// Exponential and logarithm, in which the exponent counts; the templates of elementary.hpp make the others of them.
inline Wide exp(Wide x) {
    if (x.m != x.m) return x;
    const double v = fabs(x) < 1e6 ? double(x) : x.m < 0 ? -1e6 : 1e6;
    const ExpParts<double> parts = exp_parts(v);
    return Wide::of(1 + parts.p, static_cast<long long>(parts.k1 + parts.k2));
}

inline Wide expm1(Wide x) { return fabs(x) < 700 ? Wide(expm1(double(x))) : exp(x) - 1; }

inline SinhCosh<Wide> sinh_cosh(Wide x) {
    const Wide g = expm1(fabs(x)), half = 0.5 * g / (1 + g), s = 0.5 * g + half;
    return {where(x < 0, -s, s), 1 + g * half};
}

inline Wide log_of_sum(Wide hi, Wide lo) {
    if (!(hi > 0) || !hi.finite()) return log(hi.m);
    lo.e -= hi.e;
    return log_of_sum(hi.m, double(lo), -double(hi.e));
}

inline Wide log(Wide x) { return log_of_sum(x, 0); }

inline Wide log1p(Wide x) {
    if (fabs(x) < 0x1p-60) return x;
    const Wide hi = 1 + x, of_x = hi - 1;
    return log_of_sum(hi, (1 - (hi - of_x)) + (x - of_x));
}

}  // namespace hypergeom
