// What the horospheres of both models share. An ideal point p is read as a direction, u = p/|p|. On the horosphere of x
// the Busemann function is b = log(eta) / sqrt(c), and zeta is the part of the hyperboloid's point across p, over eta.
#pragma once
#include "lorentz/points.hpp"

namespace hypergeom {

// 1/|p|; NaN for a vector that is not of length 1
template <class S>
HG_FN S to_ideal(S pp) {
    return where(fabs(pp - 1) <= 1e-6, 1 / sqrt(pp), S(nan("")));
}

// A vector v as perp + along p: first the multiple of p is taken off that leaves 0 in the largest entry of p, without
// loss of any digit, so that perp keeps its own where it is as little of v as the rounding of v and p leaves of it.
template <class S>
struct Across {
    lorentz::Remainder<S> first;
    S rest;
    HG_FN S operator()(S vi, S pi) const { return fma(-rest, pi, first(pi, vi)); }
    HG_FN S along() const { return first.part * first.scale + rest; }
};

template <class Team, class T>
HG_FN Across<Real<T>> across(Team team, int d, const T* v, const T* p, Real<T> pp) {
    typedef Real<T> S;
    const Pivot<S> k = pivot<S>(team, d, [=](auto at) { return at(p); }, [=](auto at) { return at(v); });
    Across<S> a{{k.x, k.v, 1 / k.x}, S(0)};
    S left;
    sum(team, d, into(left), [=](auto at) { return terms(a(at(v), at(p)) * at(p)); });
    a.rest = left / pp;
    return a;
}

// eta = 1 + z, z = sqrt(c) y, where z and y have digits of their own if eta is near 1.
template <class S>
struct Level {
    S root, y, z, eta, b;
};

template <class S>
HG_FN auto is_small(S z) {
    return (z > -0.5) & (z < 1);
}

template <class S>
HG_FN Level<S> level(S root, S y, S eta) {
    const S z = root * y, of_y = where(z == 0, S(1), log1p(z) / z);
    return {root, y, z, eta, where(is_small(z), y * of_y, log(eta) / root)};
}

// With w = z / (2 + z) and log(1 + z) = 2w (1 + w^2 m)
template <class S>
HG_FN S log1p_remainder(S z) {
    const S scale = 1 / (2 + z), w = where(is_small(z), z * scale, S(0));
    return atanh_remainder(w * w, 1 - w * w);
}

}  // namespace hypergeom
