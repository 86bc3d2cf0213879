// exp, log and their kin for a double or a pack, in the same bits on every machine: nothing but IEEE operations and fused
// products. Errors are below 2 units in the last place. S is double, or a pack of them.
#pragma once
#include "config.h"

namespace hypergeom {

constexpr double largest = 0x1.fffffffffffffp1023;
// The longest row that leaves room for products of its squares.
template <class S>
inline constexpr double longest = 1e150;

constexpr double ln2 = 0.6931471805599453;
constexpr double ln2_hi = 0x1.62e42fefa38p-1, ln2_lo = 0x1.ef35793c7673p-45;  // k ln2_hi is exact for |k| < 2^11
constexpr double rounder = 0x1.8p52;                                           // v + rounder - rounder: nearest integer

HG_FN double infinity() { return from_bits(0x7ff0000000000000); }

// 2^k for an integer |k| <= 1022
template <class S>
HG_FN S power_of_two(S k) {
    return from_bits((to_bits(k + rounder) + 1023) << 52);
}

// 1/n! + r / (n + 1)! + ... + r^(last - n) / last!
constexpr double inverse_factorial(int n) { return n < 2 ? 1.0 : inverse_factorial(n - 1) / n; }

template <int n, int last, class S>
HG_FN S exp_series(S r) {
    if constexpr (n == last)
        return S(inverse_factorial(n));
    else
        return fma(r, exp_series<n + 1, last>(r), S(inverse_factorial(n)));
}

// e^x = 2^(k1 + k2) (1 + p), two powers because one may be out of range
template <class S>
struct ExpParts {
    S k1, k2, p;
};

template <class S>
HG_FN ExpParts<S> exp_parts(S x) {
    const S k = (x * (1 / ln2) + rounder) - rounder;
    const S r = fma(-k, S(ln2_lo), fma(-k, S(ln2_hi), x));
    const S k1 = (k * 0.5 + rounder) - rounder;
    return {k1, k - k1, fma(r * r, exp_series<2, 14>(r), r)};
}

template <class S>
HG_FN S clamp_exponent(S x, double low) {  // beyond these the result does not change; NaN stays
    x = where(x > 720, S(720), x);
    return where(x < low, S(low), x);
}

template <class S>
HG_FN S exp(S x) {
    const ExpParts<S> e = exp_parts(clamp_exponent(x, -760));
    return (1 + e.p) * power_of_two(e.k1) * power_of_two(e.k2);
}

template <class S>
HG_FN S expm1(S x) {
    const ExpParts<S> e = exp_parts(clamp_exponent(x, -40));
    const S scale = power_of_two(e.k1);
    const S value = fma(scale, e.p, scale - power_of_two(-e.k2)) * power_of_two(e.k2);
    return where(x == 0, x, value);
}

// sinh and cosh of one argument
template <class S>
struct SinhCosh {
    S sinh, cosh;
};

template <class S>
HG_FN SinhCosh<S> sinh_cosh(S x) {
    const S g = expm1(fabs(x)), s = where(g <= largest, 0.5 * (g + g / (1 + g)), g);
    return {where(x < 0, -s, s), where(g <= largest, 1 + g * (0.5 * g / (1 + g)), g)};
}

template <class S>
HG_FN S tanh(S x) {
    const S u = expm1(-2 * fabs(x)), t = -u / (2 + u);
    return where(x < 0, -t, t);
}

// 2/3 z + 2/5 z^2 + ..., what 2 atanh(s) - 2s is of s, for z = s^2 below 0.03
template <int n, class S>
HG_FN S atanh_series(S z) {
    if constexpr (n == 11)
        return S(2.0 / 23);
    else
        return fma(z, atanh_series<n + 1>(z), S(2.0 / (2 * n + 1)));
}

// log(hi + lo) - less ln 2 for hi in [2^-1000, inf), |lo| at most half a unit in the last place of hi
template <class S>
HG_FN S log_of_sum(S hi, S lo, S less) {
    constexpr Bits half_root = 0x3fe6a09e00000000;  // of sqrt(1/2)
    const auto bits = to_bits(hi) + (0x3ff0000000000000 - half_root);
    const auto exponent = bits >> 52;  // with the bias of 1023
    const S k = from_bits(exponent | 0x4330000000000000) - (0x1p52 + 1023);
    const S f = from_bits((bits & 0xfffffffffffff) + half_root) - 1;  // hi = 2^k (1 + f), 1 + f in [sqrt(1/2), sqrt 2)
    const S shrink = from_bits((2046 - exponent) << 52);                // 2^-k for k < 1024
    const S inverse = 1 / ((2 + f) * (1 + f)), shift = k - less;
    const S rest = where(hi < 0x1p60, lo * shrink, S(0)) * ((2 + f) * inverse);
    const S s = f * ((1 + f) * inverse), z = s * s, half_square = 0.5 * f * f;
    return fma(shift, S(ln2_hi),
               f - (half_square - (s * (half_square + z * atanh_series<1>(z)) + fma(shift, S(ln2_lo), rest))));
}

// NaN below 0
template <class S>
HG_FN S log(S x) {
    const auto tiny = x < 0x1p-1000;
    const S value = log_of_sum(where(tiny, x * 0x1p200, x), S(0), where(tiny, S(200), S(0)));
    return where(x > 0, where(x <= largest, value, x), where(x == 0, S(-infinity()), S(nan(""))));
}

// log(1 + x); NaN below -1
template <class S>
HG_FN S log1p(S x) {
    const S hi = 1 + x, of_x = hi - 1, lo = (1 - (hi - of_x)) + (x - of_x);
    const S value = log_of_sum(hi, lo, S(0));
    return where(hi > 0, where(hi <= largest, where(fabs(x) < 1e-300, x, value), hi),
                 where(hi == 0, S(-infinity()), S(nan(""))));
}

// acosh(1 + x), x >= 0
template <class S>
HG_FN S acosh1p(S x) {
    const auto large = x > 1e8;  // where it is log(2 (1 + x)) to the last digit
    const S r = where(large, S(1), x);
    return log1p(where(large, 2 * x + 1, r + sqrt(r * (r + 2))));
}

// of x >= 0
template <class S>
HG_FN S asinh(S x) {
    const auto large = x > 1e8;  // where it is log(2x) to the last digit
    const S r = where(large, S(1), x), square = r * r;
    return log1p(where(large, 2 * x - 1, r + square / (1 + sqrt(1 + square))));
}

}  // namespace hypergeom
