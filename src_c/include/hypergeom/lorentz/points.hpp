// Hyperboloid <x, x> = -1/c of curvature -c, time coordinate first; n = d + 1 entries a vector.
//
// The spatial part is the point: stored time coordinates are not read but to reject x0 <= 0, and cotangents live in
// the spatial chart, so that the time entry of each one is 0. Below, x and y stand for spatial parts, x0 and y0 for
// their time coordinates, e = y - x, e0 = y0 - x0, s = x + y. NaN enters with the time coordinate of a row outside the
// domain.
#pragma once
#include "../smooth.hpp"
#include "../team.hpp"

namespace hypergeom::lorentz {

template <class S>
HG_FN auto is_finite(S v) {
    return v - v == 0;
}

template <class S>
HG_FN auto is_curvature(S c) {
    return (c > 0) & is_finite(c);
}

// sqrt(1/c + |x|^2)
template <class S, class T>
HG_FN S time(S c, S xx, T stored_time) {
    const S x0 = sqrt(1 / c + xx), stored = stored_time;
    return where(is_curvature(c) & (stored > 0) & is_finite(x0 + stored), x0, S(nan("")));
}

// The time entry of a cotangent: 0, or NaN in a row that is NaN.
template <class Team, class T>
HG_FN void put_time_bar(Team team, T* bar, Real<T> row) {
    typedef Real<T> S;
    put(team, bar, where(row == row, Real<T>(0), row));
}

// Two points and the square Q of the chord between them: Q = |e|^2 - e0^2, q = cQ/4 = sinh^2(sqrt(c) dist / 2).
template <class S>
struct Chord {
    S xx, yy, xy, ee, es, ss;
    S x0, y0, e0;
    S across, length, Q, q;  // across: the square of the part of the nearer point across the farther one
};

// |n_perp|^2, n_perp the part of n across f, where n is x in the rows of `first`, else y. n is split twice, the first time
// with a fused product: what rounding leaves of n along f would count e^R-fold.
template <class Team, class X, class Y, class M, class S>
HG_FN S across_square(Team team, int d, const X* x, const Y* y, M first, S xy, S ff) {
    const S along = where(ff > 0, xy / ff, S(0));
    S again, across;
    sum(team, d, into(again), [=](auto at) {
        const S xi = at(x), yi = at(y), ni = where(first, xi, yi), fi = where(first, yi, xi);
        return terms(fma(-along, fi, ni) * fi);
    });
    const S rest = where(ff > 0, again / ff, S(0));
    sum(team, d, into(across), [=](auto at) {
        const S xi = at(x), yi = at(y), ni = where(first, xi, yi), fi = where(first, yi, xi);
        const S w = fma(-along, fi, ni) - rest * fi;
        return terms(w * w);
    });
    return across;
}

// Q = (|e_perp|^2 + (4/c) k) / (1 - k), k = (e0 / |s|)^2 and e_perp the part of e orthogonal to s: a sum of squares
// where the definition cancels. |e_perp| |s| is twice the area of x and y, that is 2 |f| |n_perp| for the nearer point
// n and the farther one f. At obtuse angles the definition adds numbers of one sign.
template <class Team, class X, class Y, class S>
HG_FN S chord_square(Team team, int d, const X* x, const Y* y, S c, Chord<S>& p) {
    const auto x_is_near = p.xx <= p.yy;
    const S nn = where(x_is_near, p.xx, p.yy), ff = where(x_is_near, p.yy, p.xx), product = p.x0 * p.y0 - p.xy;
    const auto obtuse = (p.xy < 0) & (c * product > 2);
    const S of_obtuse = 2 * (product - 1 / c);
    p.across = nn - p.xy * (p.xy / ff);
    if (!any(!obtuse)) return of_obtuse;
    S across = across_square(team, d, x, y, x_is_near, p.xy, ff);
    if (any(p.xx == p.yy))  // so that x, y give the same as y, x
        across = where(p.xx == p.yy, (across + across_square(team, d, x, y, !x_is_near, p.xy, ff)) / 2, across);
    p.across = where(obtuse, p.across, across);
    const S perp = where(p.ss > 0, 4 * across * (ff / p.ss), p.ee);
    const S s = sqrt(p.ss), ratio = where(s > 0, fabs(p.e0) / s, S(0)), k = ratio * ratio;
    S rest = 1 - k;
    if (any(!(k < 0.5))) {
        // |s| - |e0| = (|s| - |f|) - (f0 - |f|) + n0, for the nearer point n and the farther f
        const S f = sqrt(ff), f0 = where(x_is_near, p.y0, p.x0), n0 = where(x_is_near, p.x0, p.y0);
        const S difference = (nn + 2 * p.xy) / (s + f) - 1 / (c * (f0 + f)) + n0;
        rest = where(k < 0.5, rest, difference / s * (1 + ratio));
    }
    return where(obtuse, of_obtuse, (perp + 4 / c * k) / rest);
}

// The chord of two spatial parts from the sums xx to ss along them and the times. One of x and y may have rows of plain
// numbers, which then count for all lanes of the other.
template <class Team, class X, class Y, class S>
HG_FN void finish_chord(Team team, int d, const X* x, const Y* y, S c, Chord<S>& p) {
    p.e0 = p.es / (p.x0 + p.y0);
    p.Q = chord_square(team, d, x, y, c, p) + 0 * p.e0;
    // Where even squares underflow, both points are so close to the apex that time does not count.
    const auto tiny = !(p.Q > 1e-270);
    p.length = sqrt(p.Q);
    if (any(tiny))
        p.length = where(tiny, length(team, d, p.ee, [=](auto at) { return at(y) - at(x); }) + 0 * p.e0, p.length);
    p.q = c * p.Q / 4;
}

template <class Team, class T>
HG_FN Chord<Real<T>> chord(Team team, int n, const T* point_x, const T* point_y, Real<T> c) {
    const T *x = point_x + 1, *y = point_y + 1;
    const int d = n - 1;
    Chord<Real<T>> p;
    sum(team, d, into(p.xx, p.yy, p.xy, p.ee, p.es, p.ss), [=](auto at) {
        const auto xi = at(x), yi = at(y), ei = yi - xi, si = yi + xi;
        return terms(xi * xi, yi * yi, xi * yi, ei * ei, ei * si, si * si);
    });
    p.x0 = time(c, p.xx, point_x[0]), p.y0 = time(c, p.yy, point_y[0]);
    finish_chord(team, d, x, y, c, p);
    return p;
}

// d(cQ)/dc = |y sqrt(x0/y0) - x sqrt(y0/x0)|^2, which Q + c dQ/dc cancels to along a line through the apex. It is
// (|n_perp|^2 + g^2) f0/n0, with g = n.f/|f| - |f| n0/f0 for the nearer point n and the farther f.
template <class S>
HG_FN S chord_by_curvature(S c, const Chord<S>& p) {
    const auto x_is_near = p.xx <= p.yy;
    const S nn = where(x_is_near, p.xx, p.yy), ff = where(x_is_near, p.yy, p.xx), n = sqrt(nn), f = sqrt(ff);
    const S n0 = where(x_is_near, p.x0, p.y0), f0 = where(x_is_near, p.y0, p.x0);
    const auto acute = (p.xy > 0) & (p.across < 0.5 * nn);
    const S along = sqrt(where(acute, nn - p.across, nn));  // n.f/|f| = n - |n_perp|^2 / (n + n.f/|f|)
    const S of_acute = -fabs(p.es) / (c * f0 * (n * f0 + n0 * f)) - p.across / (n + along);
    const S g = where(acute, of_acute, where(f > 0, p.xy / f - f * (n0 / f0), S(0)));
    return (p.across + g * g) * (f0 / n0);
}

// dQ/dx = -2 ((y - along x) + r x). Far from the apex the part of dQ/dx along x is smaller than y and x by c|x|^2, and
// the metric multiplies it back. There y is split into parts across x and along x, and r is the derivative along x,
// (e0 / (c x0) - Q/2) / |x|^2, less what rounding left in y - along x.
template <class S>
struct ChordSlope {
    S along, r;
};

template <class S>
HG_FN S split(S c, S xx, S xy) {
    return where(c * xx > 1, xy / xx, S(1));
}

template <class S>
HG_FN ChordSlope<S> chord_slope(S c, S xx, S x0, S e0, S Q, S along, S left) {
    return {along, where(c * xx > 1, (e0 / (c * x0) - Q / 2 - left) / xx, -e0 / x0)};
}

template <class S>
struct ChordGradient {
    ChordSlope<S> x, y;
    S of_c;
};

template <class Team, class X, class Y, class S>
HG_FN ChordGradient<S> chord_gradient(Team team, int n, const X* x, const Y* y, S c, const Chord<S>& p) {
    const S along_x = split(c, p.xx, p.xy), along_y = split(c, p.yy, p.xy);
    S left_x, left_y;
    sum(team, n - 1, into(left_x, left_y), [=, x = x + 1, y = y + 1](auto at) {
        const S xi = at(x), yi = at(y);
        return terms(fma(-along_x, xi, yi) * xi, fma(-along_y, yi, xi) * yi);
    });
    return {chord_slope(c, p.xx, p.x0, p.e0, p.Q, along_x, left_x),
            chord_slope(c, p.yy, p.y0, -p.e0, p.Q, along_y, left_y), -(p.e0 / p.x0) * (p.e0 / p.y0) / (c * c)};
}

// dQ/dx / -2
template <class S>
HG_FN S slope_entry(const ChordSlope<S>& t, S xi, S yi) {
    return fma(-t.along, xi, yi) + t.r * xi;
}

}  // namespace hypergeom::lorentz
