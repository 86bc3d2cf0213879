// All pairs of two sets of points of the hyperboloid: what cdist of hypergeom/lorentz/pairwise.py computes of one pair,
// when the sums along it are there. The order of operations is that of `dist`, and so are the bits.
#pragma once
#include "metric.hpp"

namespace hypergeom::lorentz {

constexpr int first_coordinate = 1;

// What pairs need of one of their points.
template <class S>
struct Side {
    S xx, x0;

    Side() = default;
    HG_FN Side(S xx, S x0) : xx(xx), x0(x0) {}
    template <class R>
    HG_FN explicit Side(const Side<R>& one) : xx(one.xx), x0(one.x0) {}
};

template <class Team, class T>
HG_FN Side<Real<T>> side(Team team, int n, const T* x, Real<T> c) {
    Real<T> xx;
    sum(team, n - 1, into(xx), [=, x = x + 1](auto at) { return products(at(x), at(x)); });
    return {xx, time(c, xx, x[0])};
}

// The sums along the spatial parts of a pair.
template <class S>
struct PairSums {
    S xy = S(0), ee = S(0), es = S(0);

    HG_FN void add(S xi, S yi) {
        const S e = yi - xi, s = yi + xi;
        xy = fma(xi, yi, xy);
        ee = fma(e, e, ee);
        es = fma(e, s, es);
    }
};

// One of x and y may have rows of plain numbers, which then count for all lanes of the other.
template <class Team, class X, class Y, class S>
HG_FN Chord<S> chord_of(Team team, int n, const X* x, const Y* y, const Side<S>& of_x, const Side<S>& of_y,
                        const PairSums<S>& sums, S c) {
    Chord<S> p;
    p.xx = of_x.xx, p.yy = of_y.xx, p.xy = sums.xy, p.ee = sums.ee, p.es = sums.es;
    p.x0 = of_x.x0, p.y0 = of_y.x0;
    finish_chord(team, n - 1, x + 1, y + 1, c, p);
    return p;
}

template <class Team, class X, class Y, class S>
HG_FN S pair_distance(Team team, int n, const X* x, const Y* y, const Side<S>& of_x, const Side<S>& of_y,
                      const PairSums<S>& sums, const Root<S>& c) {
    return distance(team, n, x, y, c, chord_of(team, n, x, y, of_x, of_y, sums, c.c));
}

// What a pair adds to a spatial entry of the cotangent of x alone: a multiple of what `Remainder` leaves of y.
template <class S>
struct PairPull {
    S scale, whole, part;

    HG_FN S entry(S xi, S yi) const {
        const S product = part * xi;
        return -(scale * (fma(whole, yi, -product) - fma(part, xi, -product)));
    }
};

// What a pair adds to the cotangents of its points: in each spatial entry what `add_entry` says, and own_x x to that of
// x, own_y y to that of y.
template <class S>
struct PairSlopes {
    S scale, inverse;
    Remainder<S> first_x, first_y;
    S own_x, own_y, of_c;

    HG_FN void add_entry(S xi, S yi, S& x_bar, S& y_bar) const {
        x_bar -= scale * (inverse * first_x(xi, yi));
        y_bar -= scale * (inverse * first_y(yi, xi));
    }
    HG_FN PairPull<S> on_x() const { return {scale * (inverse * first_x.scale), first_x.whole, first_x.part}; }
};

template <class Team, class X, class Y, class S>
HG_FN PairSlopes<S> pair_slopes(Team team, int n, const X* x, const Y* y, const Side<S>& of_x, const Side<S>& of_y,
                                const PairSums<S>& sums, const Root<S>& root, S G) {
    const S c = root.c;
    const Chord<S> p = chord_of(team, n, x, y, of_x, of_y, sums, c);
    const ChordGradient<S> t = chord_gradient(team, n, x, y, c, p);
    const S length = chord_length(team, n - 1, x + 1, y + 1, p);
    const S scale = G / sqrt(1 + p.q), inverse = reciprocal(length);
    return {scale, inverse, t.x.first, t.y.first, -scale * (inverse * t.x.r), -scale * (inverse * t.y.r),
            scale * (inverse * t.of_c) / 2 + G * distance_by_curvature(c, p, length)};
}

}  // namespace hypergeom::lorentz
