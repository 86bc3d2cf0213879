// Lengths on the hyperboloid: one function for each row operation of hypergeom/lorentz/metric.py.
#pragma once
#include "points.hpp"

namespace hypergeom::lorentz {

// 2 asinh(sqrt q) / sqrt(c)
template <class S>
HG_FN S distance(const Root<S>& c, const Chord<S>& p) {
    return 2 * asinh_length(c, p.length / 2);
}

// Its derivative in c where Q is held.
template <class S>
HG_FN S distance_by_curvature(S c, const Chord<S>& p) {
    return where(p.q > 1, (p.length / sqrt(1 + p.q) - p.length * asinh_ratio(p.q)) / (2 * c),
                 p.length * p.Q * asinh_ratio_slope(p.q) / 4);
}

template <class Team, class T>
HG_FN void dist(Team team, int n, const T* x, const T* y, const Real<T>* c, T* out) {
    put(team, out, distance(Root<Real<T>>(*c), chord(team, n, x, y, *c)));
}

template <class Team, class T>
HG_FN void dist_vjp(Team team, int n, const T* G, const T* x, const T* y, const Real<T>* c, T* x_bar, T* y_bar,
                    Real<T>* c_bar) {
    typedef Real<T> S;
    const Chord<S> p = chord(team, n, x, y, *c);
    const ChordGradient<S> t = chord_gradient(team, n, x, y, *c, p);
    const S scale = S(*G) / sqrt(1 + p.q), inverse = reciprocal(p.length);
    for (int i = 1 + team.rank(); i < n; i += Team::size) {
        const S xi = x[i], yi = y[i];
        x_bar[i] = T(-scale * (inverse * slope_entry(t.x, xi, yi)));
        y_bar[i] = T(-scale * (inverse * slope_entry(t.y, yi, xi)));
    }
    put_time_bar(team, x_bar, p.q), put_time_bar(team, y_bar, p.q);
    put(team, c_bar, scale * (inverse * t.of_c) / 2 + S(*G) * distance_by_curvature(*c, p));
}

// The time coordinate anew; the spatial part keeps its bits. The stored time coordinate may be wrong, but not NaN.
template <class Team, class T>
HG_FN void project(Team team, int n, const T* x, const Real<T>* c, T* out) {
    typedef Real<T> S;
    S xx;
    sum(team, n - 1, into(xx), [=, x = x + 1](auto at) { return terms(at(x) * at(x)); });
    const S r = length(team, n - 1, xx, [=, x = x + 1](auto at) { return at(x); });
    // sqrt(1/c + r^2) with the larger of the two squared as 1
    const S k = 1 / sqrt(*c), large = where(k > r, k, r), part = where(k > r, r, k) / large;
    const S time = large * sqrt(1 + part * part);
    const S x0 = where(is_curvature(*c) & is_finite(time + S(x[0])), time, S(nan("")));
    for (int i = 1 + team.rank(); i < n; i += Team::size) out[i] = T(where(x0 > 0, S(x[i]), x0));
    put(team, out, x0);
}

}  // namespace hypergeom::lorentz
