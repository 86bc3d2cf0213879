// Even functions of a length, written in its square q so that they are smooth at q = 0 and need no test for it.
// `_slope` is the derivative in q. Closed forms of the slopes cancel for small q; series of one sign take over there.
// S is double, or a pack of them.
#pragma once
#include "elementary.hpp"

namespace hypergeom {

// asinh(sqrt q) / sqrt q
template <class S>
HG_FN S asinh_ratio(S q) {
    const S r = sqrt(q);
    return where(r > 0, asinh(r) / r, 1 + q);
}

// A curvature and its square root, which many distances may share.
template <class S>
struct Root {
    S c, root, inverse;

    HG_FN explicit Root(S c) : c(c), root(c), inverse(c) {
        if (any(c != 1)) root = sqrt(c), inverse = 1 / root;
    }
};

// asinh(sqrt(c) u) / sqrt(c), also where c is 0
template <class S>
HG_FN S asinh_length(const Root<S>& of, S u) {
    const S r = of.root * u;
    return where(r > 1e-150, of.inverse * asinh(r), u);
}

// theta / sinh theta where q = sinh^2(theta / 2), that is asinh_ratio(q) / sqrt(1 + q)
template <class S>
HG_FN S theta_sinh_ratio(S q) {
    return asinh_ratio(q) / sqrt(1 + q);
}

// sinh(sqrt q) / sqrt q
template <class S>
HG_FN S sinh_ratio(S q) {
    const S r = sqrt(q);
    return where(r > 0, sinh_cosh(r).sinh / r, 1 + q);
}

// tanh(sqrt q) / sqrt q
template <class S>
HG_FN S tanh_ratio(S q) {
    const S r = sqrt(q);
    return where(r > 0, tanh(r) / r, 1 + q);
}

// atanh(sqrt q) / sqrt q; the caller knows gap = 1 - q better than q can tell.
template <class S>
HG_FN S atanh_ratio(S q, S gap) {
    const S r = sqrt(q);
    return where(r > 0, log1p(2 * r * (1 + r) / gap) / (2 * r), 1 + 0 * gap);
}

// 1/(2n + 3) + p/(2n + 5) + ... up to n = 24
template <int n, class S>
HG_FN S odd_reciprocals(S p) {
    if constexpr (n == 24)
        return S(1.0 / (2 * n + 3));
    else
        return fma(p, odd_reciprocals<n + 1>(p), S(1.0 / (2 * n + 3)));
}

// M(q) = (atanh_ratio(q) - 1) / q = 1/3 + q/5 + q^2/7 + ...
// The series runs in p after one step of atanh t = 2 atanh(t / (1 + sqrt(1 - t^2))), which takes q = 5/8 to p = 0.24.
template <class S>
HG_FN S atanh_remainder(S q, S gap) {
    const auto large = q > 0.625;
    const S w = 1 + sqrt(gap), p = where(large, S(0), q / (w * w));
    const S series = (1 + 2 * odd_reciprocals<0>(p) / w) / (w * w);
    if (!any(large)) return series;
    return where(large, (atanh_ratio(q, gap) - 1) / q, series);
}

// With u = q / (1 + q) as the square of the hyperbolic tangent, asinh_ratio(q) = sqrt(1 - u) atanh_ratio(u).
template <class S>
HG_FN S asinh_ratio_slope(S q) {
    const S gap = 1 / (1 + q);
    return -0.5 * atanh_remainder(q * gap, gap) * gap * sqrt(gap);
}

template <class S>
HG_FN S theta_sinh_ratio_slope(S q) {
    const S gap = 1 / (1 + q), u = q * gap;
    return -0.5 * (1 + (1 + u) * atanh_remainder(u, gap)) * gap * gap;
}

template <class S>
HG_FN S atanh_ratio_slope(S q, S gap) {
    return 0.5 * (1 / gap - atanh_remainder(q, gap));
}

// (n + 1) (1 + ... q / ((2n + 4) (2n + 5))), of 13 terms: 3! times 1/3! + 2 q/5! + 3 q^2/7! + ...
template <int n, class S>
HG_FN S sinh_slope_series(S q) {
    if constexpr (n == 12)
        return S(n + 1);
    else
        return fma(sinh_slope_series<n + 1>(q), q * (1.0 / ((2 * n + 4) * (2 * n + 5))), S(n + 1));
}

template <class S>
HG_FN S sinh_ratio_slope(S q) {
    const auto large = q > 4;
    const S series = sinh_slope_series<0>(where(large, S(0), q)) / 6;
    if (!any(large)) return series;
    const S r = sqrt(q);
    const SinhCosh<S> of = sinh_cosh(r);
    return where(large, (of.cosh - of.sinh / r) / (2 * q), series);
}

// 1 + q / (4 5) (1 + q / (6 7) (1 + ...)), of 14 terms: (sinh_ratio(q) - 1) 6 / q
template <int n, class S>
HG_FN S sinh_series(S q) {
    if constexpr (n == 13)
        return S(1);
    else
        return fma(sinh_series<n + 1>(q), q * (1.0 / ((2 * n + 4) * (2 * n + 5))), S(1));
}

// sech^2 - tanh_ratio = (1 - sinh_ratio(4 q)) sech^2, and the bracket is a series of one sign.
template <class S>
HG_FN S tanh_ratio_slope(S q) {
    const auto large = q > 1;
    const S r = sqrt(q), sech = 1 / sinh_cosh(r).cosh;
    const S series = -sinh_series<0>(4 * where(large, S(0), q)) * sech * sech / 3;
    if (!any(large)) return series;
    return where(large, (sech * sech - tanh(r) / r) / (2 * q), series);
}

}  // namespace hypergeom
