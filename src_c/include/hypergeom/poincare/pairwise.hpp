// All pairs of two sets of points of the ball: what cdist of hypergeom/poincare/pairwise.py computes of one pair, when
// the sums along it are there. The order of operations is that of `dist`, and so are the bits.
#pragma once
#include "metric.hpp"

namespace hypergeom::poincare {

constexpr int first_coordinate = 0;

// What pairs need of one of their points: the gap, its stretch and |x|^2 / g.
template <class S>
struct Side {
    S g, stretch, ratio;

    Side() = default;
    HG_FN Side(S g, S stretch, S ratio) : g(g), stretch(stretch), ratio(ratio) {}
    template <class R>
    HG_FN explicit Side(const Side<R>& one) : g(one.g), stretch(one.stretch), ratio(one.ratio) {}
};

template <class Team, class T>
HG_FN Side<Real<T>> side(Team team, int d, const T* x, Real<T> c) {
    const Twofold<Real<T>> xx = squares(team, d, x);
    const Real<T> g = gap(c, xx);
    return {g, stretch(g), xx.hi / g};
}

// The sums along a pair.
template <class S>
struct PairSums {
    S ee = S(0);

    HG_FN void add(S xi, S yi) {
        const S e = yi - xi;
        ee += e * e;
    }
};

// One of x and y may have rows of plain numbers, which then count for all lanes of the other.
template <class Team, class X, class Y, class S>
HG_FN S pair_distance(Team team, int d, const X* x, const Y* y, const Side<S>& of_x, const Side<S>& of_y,
                      const PairSums<S>& sums, const Root<S>& c) {
    const S e = length(team, d, sums.ee, [=](auto at) { return at(y) - at(x); });
    return distance(c, e, of_x.stretch, of_y.stretch);
}

// What a pair adds to an entry of the cotangent of x alone.
template <class S>
struct PairPull {
    S scale, inverse;

    HG_FN S entry(S xi, S yi) const { return -(scale * (inverse * (yi - xi))); }
};

// What a pair adds to the cotangents of its points: in each entry what `add_entry` says, and own_x x to that of x,
// own_y y to that of y. The scale and the inverse of the length stay apart, since their product may overflow.
template <class S>
struct PairSlopes {
    S scale, inverse;
    S own_x, own_y, of_c;

    HG_FN void add_entry(S xi, S yi, S& x_bar, S& y_bar) const {
        const S e = scale * (inverse * (yi - xi));
        x_bar -= e;
        y_bar += e;
    }
    HG_FN PairPull<S> on_x() const { return {scale, inverse}; }
};

template <class Team, class X, class Y, class S>
HG_FN PairSlopes<S> pair_slopes(Team team, int d, const X* x, const Y* y, const Side<S>& of_x, const Side<S>& of_y,
                                const PairSums<S>& sums, const Root<S>& root, S G) {
    const S c = root.c, ee = sums.ee, stretch = of_x.stretch * of_y.stretch;
    const S e = length(team, d, ee, [=](auto at) { return at(y) - at(x); });
    const S scale = 2 * G / sqrt(of_x.g * of_y.g + c * ee), own = scale * c * e;
    return {scale, reciprocal(e), own * (of_x.stretch * of_x.stretch), own * (of_y.stretch * of_y.stretch),
            G * distance_by_curvature(c, e * stretch, of_x.ratio, of_y.ratio)};
}

}  // namespace hypergeom::poincare
