// Even functions of a length, written in its square q so that they are smooth at q = 0 and need no test for it.
// `_slope` is the derivative in q. Closed forms of the slopes cancel for small q; series of one sign take over there.
#pragma once
#include "config.h"

namespace hypergeom {

// asinh(sqrt q) / sqrt q
HG_FN double asinh_ratio(double q) {
    const double r = sqrt(q);
    return r > 0 ? asinh(r) / r : 1 + q;
}

// theta / sinh theta where q = sinh^2(theta / 2), that is asinh_ratio(q) / sqrt(1 + q)
HG_FN double theta_sinh_ratio(double q) { return asinh_ratio(q) / sqrt(1 + q); }

// sinh(sqrt q) / sqrt q
HG_FN double sinh_ratio(double q) {
    const double r = sqrt(q);
    return r > 0 ? sinh(r) / r : 1 + q;
}

// tanh(sqrt q) / sqrt q
HG_FN double tanh_ratio(double q) {
    const double r = sqrt(q);
    return r > 0 ? tanh(r) / r : 1 + q;
}

// atanh(sqrt q) / sqrt q; the caller knows gap = 1 - q better than q can tell.
HG_FN double atanh_ratio(double q, double gap) {
    const double r = sqrt(q);
    return r > 0 ? log1p(2 * r * (1 + r) / gap) / (2 * r) : 1 + 0 * gap;
}

// M(q) = (atanh_ratio(q) - 1) / q = 1/3 + q/5 + q^2/7 + ...
// The series runs in p after one step of atanh t = 2 atanh(t / (1 + sqrt(1 - t^2))), which takes q = 5/8 to p = 0.24.
HG_FN double atanh_remainder(double q, double gap) {
    if (q > 0.625) return (atanh_ratio(q, gap) - 1) / q;
    const double w = 1 + sqrt(gap), p = q / (w * w);
    double series = 0;
    for (int k = 24; k >= 0; --k) series = series * p + 1.0 / (2 * k + 3);
    return (1 + 2 * series / w) / (w * w);
}

// With u = q / (1 + q) as the square of the hyperbolic tangent, asinh_ratio(q) = sqrt(1 - u) atanh_ratio(u).
HG_FN double asinh_ratio_slope(double q) {
    const double gap = 1 / (1 + q);
    return -0.5 * atanh_remainder(q * gap, gap) * gap * sqrt(gap);
}

HG_FN double theta_sinh_ratio_slope(double q) {
    const double gap = 1 / (1 + q), u = q * gap;
    return -0.5 * (1 + (1 + u) * atanh_remainder(u, gap)) * gap * gap;
}

HG_FN double atanh_ratio_slope(double q, double gap) { return 0.5 * (1 / gap - atanh_remainder(q, gap)); }

// 1/3! + 2 q/5! + 3 q^2/7! + ...
HG_FN double sinh_ratio_slope(double q) {
    if (q > 4) return (cosh(sqrt(q)) - sinh_ratio(q)) / (2 * q);
    double series = 0;
    for (int k = 12; k >= 0; --k) series = series * (q / ((2 * k + 4) * (2 * k + 5))) + (k + 1);
    return series / 6;
}

// sech^2 - tanh_ratio = (1 - sinh_ratio(4 q)) sech^2, and the bracket is a series of one sign.
HG_FN double tanh_ratio_slope(double q) {
    const double r = sqrt(q), sech = 1 / cosh(r);
    if (q > 1) return (sech * sech - tanh_ratio(q)) / (2 * q);
    double series = 0;
    for (int k = 12; k >= 0; --k) series = 1 + series * (4 * q / ((2 * k + 4) * (2 * k + 5)));
    return -series * sech * sech / 3;
}

}  // namespace hypergeom
