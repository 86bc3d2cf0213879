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

// 1/c; unit curvature is common enough to save the division.
template <class S>
HG_FN S inverse_of(S c) {
    return any(c != 1) ? 1 / c : c;
}

// sqrt(1/c + |x|^2). On the CPU a row that is NaN because x0^2 or c x0^2 is too large is computed again, in Wide.
template <class S, class T>
HG_FN S time(S c, S xx, T stored_time) {
    const S x0 = sqrt(inverse_of(c) + xx), stored = stored_time;
    const auto has_room = (x0 < longest<S>) & (c * xx < longest<S> * longest<S>);
    return where(is_curvature(c) & has_room & (stored > 0) & (stored <= largest), x0, S(nan("")));
}

// The time entry of a cotangent: 0, or NaN in a row that is NaN.
template <class Team, class T>
HG_FN void put_time_bar(Team team, T* bar, Real<T> row) {
    put(team, bar, where(row == row, Real<T>(0), row));
}

// What a function of vectors at one point starts from: h = sqrt(c) x0, shrink = 1 / (c x0^2), by which the metric
// multiplies the square of the part of a vector along x.
template <class S>
struct Base {
    S xx, x0, h, shrink;
};

template <class Team, class T>
HG_FN Base<Real<T>> base(Team team, int n, const T* x, Real<T> c) {
    typedef Real<T> S;
    Base<S> b;
    sum(team, n - 1, into(b.xx), [=, x = x + 1](auto at) { return terms(at(x) * at(x)); });
    b.x0 = time(c, b.xx, x[0]);
    b.h = sqrt(c) * b.x0;
    b.shrink = 1 / (1 + c * b.xx) + 0 * b.x0;
    return b;
}

// What is left of a vector v when (part / whole) x is taken off: products and their rounding errors, so that no digit
// is lost however little it is (Kahan's difference of products).
template <class S>
struct Remainder {
    S whole, part, scale;  // scale = 1 / whole
    HG_FN S operator()(S xi, S vi) const {
        const S product = part * xi;
        return (fma(whole, vi, -product) - fma(part, xi, -product)) * scale;
    }
};

template <class S>
HG_FN auto has_direction(S square) {
    return square > 1e-280;
}

// Far from the apex a multiple of x is taken off that leaves 0 in the largest entry of x: only so the remainder of a
// vector parallel to x is 0. Elsewhere it is v.x / |x|^2 = along, or anything else.
template <class Team, class S, class F1, class F2>
HG_FN Remainder<S> remainder(Team team, int d, S c, S xx, S along, F1 x, F2 v) {
    Remainder<S> r{S(1), along, S(1)};
    const auto far = c * xx > 1e13;
    if (any(far)) {
        const Pivot<S> p = pivot<S>(team, d, x, v);
        r = {where(far, p.x, r.whole), where(far, p.v, r.part), where(far, 1 / p.x, r.scale)};
    }
    return r;
}

// v = perp + along x, and the square of perp. The metric divides the square of the other part by 1 + c|x|^2, so what
// rounding leaves of that part in perp would count for much: v is split twice. Where |x|^2 has lost digits the metric
// is the flat one, and v is not split.
template <class S>
struct Parts {
    Remainder<S> first;
    S rest, along, square;
    HG_FN S across(S xi, S vi) const { return first(xi, vi) - rest * xi; }
};

// An entry of the covector of v in the metric
template <class S>
HG_FN S lowered(const Parts<S>& v, S shrink, S xi, S vi) {
    return v.across(xi, vi) + v.along * shrink * xi;
}

// `x` and `v` say what the entries of the vectors are.
template <class Team, class S, class F1, class F2>
HG_FN Parts<S> parts(Team team, int d, S c, S xx, S xv, F1 x, F2 v) {
    const auto direct = has_direction(xx);
    Parts<S> p;
    p.first = remainder(team, d, c, xx, where(direct, xv / xx, S(0)), x, v);
    S again;
    sum(team, d, into(again), [=](auto at) {
        const S xi = x(at);
        return terms(p.first(xi, v(at)) * xi);
    });
    p.rest = where(direct, again / xx, 0 * again);  // NaN if v is
    p.along = p.first.part * p.first.scale + p.rest;
    sum(team, d, into(p.square), [=](auto at) {
        const S w = p.across(x(at), v(at));
        return terms(w * w);
    });
    return p;
}

template <class Team, class T, class F>
HG_FN Parts<Real<T>> parts(Team team, int d, Real<T> c, Real<T> xx, const T* x, F v) {
    Real<T> xv;
    sum(team, d, into(xv), [=](auto at) { return terms(at(x) * v(at)); });
    return parts(team, d, c, xx, xv, [=](auto at) { return at(x); }, v);
}

// 2^600 or 2^-600 for the rows of vectors whose squares leave the range of double
template <class Team, class T>
HG_FN Real<T> power_for(Team team, int d, const T* v) {
    typedef Real<T> S;
    S vv;
    sum(team, d, into(vv), [=](auto at) { return terms(at(v) * at(v)); });
    return where(vv < 1e-270, S(0x1p+600), where(vv > 1e290, S(0x1p-600), S(1)));
}

// Two points and the square Q of the chord between them: Q = |e|^2 - e0^2, q = cQ/4 = sinh^2(sqrt(c) dist / 2).
template <class S>
struct Chord {
    S xx, yy, xy, ee, es;
    S x0, y0, e0;
    S Q, q;
};

// Of two points, n is the one nearer to the apex and f the other one.
template <class S, class M>
struct Ends {
    M x_is_near;
    S nn, ff;

    HG_FN S near_of(S of_x, S of_y) const { return where(x_is_near, of_x, of_y); }
    HG_FN S far_of(S of_x, S of_y) const { return where(x_is_near, of_y, of_x); }
};

template <class S, class M>
HG_FN Ends<S, M> ends(M x_is_near, const Chord<S>& p) {
    return {x_is_near, where(x_is_near, p.xx, p.yy), where(x_is_near, p.yy, p.xx)};
}

// |n_perp|^2 in the rows `of_use`, n_perp the part of n across f. What rounding leaves of the other part in n less its
// multiple of f counts where n_perp is hardly more than that: there, a multiple of f is taken off again.
template <class Team, class X, class Y, class S, class M, class Use>
HG_FN S across_square(Team team, int d, const X* x, const Y* y, S c, S xy, const Ends<S, M>& of, Use of_use) {
    const auto n = [=](auto at) { return of.near_of(S(at(x)), S(at(y))); };
    const auto f = [=](auto at) { return of.far_of(S(at(x)), S(at(y))); };
    const S inverse = where(has_direction(of.ff), 1 / of.ff, S(0));
    const Remainder<S> first = remainder(team, d, c, of.ff, xy * inverse, f, n);
    S square, again;
    sum(team, d, into(square, again), [=](auto at) {
        const S fi = f(at), w = first(fi, n(at));
        return products(w, w, w, fi);
    });
    const S rest = again * inverse, left = rest * again, once = square - left;
    const auto twice = of_use & !(left < 0.5 * square);
    if (!any(twice)) return once;
    sum(team, d, into(square), [=](auto at) {
        const S fi = f(at), w = first(fi, n(at)) - rest * fi;
        return products(w, w);
    });
    return where(twice, square, once);
}

// Q = (|e_perp|^2 + (4/c) k) / (1 - k), k = (e0 / |s|)^2 and e_perp the part of e orthogonal to s: a sum of squares.
// |e_perp| |s| is twice the area of x and y, that is 2 |f| |n_perp|. For the rows `radial`, where |e0| is no less than
// half of |e|, and so |s| no less than half of |x| + |y|.
template <class Team, class X, class Y, class S, class M>
HG_FN S radial_chord_square(Team team, int d, const X* x, const Y* y, S c, const Chord<S>& p, M radial) {
    const auto of = ends(p.xx <= p.yy, p);
    S across = across_square(team, d, x, y, c, p.xy, of, radial);
    const auto tie = radial & (p.xx == p.yy);
    if (any(tie)) {  // so that x, y give the same as y, x
        const S other = across_square(team, d, x, y, c, p.xy, ends(!of.x_is_near, p), radial);
        across = where(tie, (across + other) / 2, across);
    }
    const S ss = p.xx + p.yy + 2 * p.xy, inverse = 1 / ss, k = p.e0 * (p.e0 * inverse);
    const auto long_times = radial & !(k < 0.5);
    S rest = 1 - k;
    if (any(long_times)) {
        // |s| - |e0| = (|s| - |f|) - (f0 - |f|) + n0
        const S s = sqrt(ss), ratio = fabs(p.e0) / s;
        const S f = sqrt(of.ff), f0 = of.far_of(p.x0, p.y0), n0 = of.near_of(p.x0, p.y0);
        const S difference = (of.nn + 2 * p.xy) / (s + f) - 1 / (c * (f0 + f)) + n0;
        rest = where(long_times, difference / s * (1 + ratio), rest);
    }
    return 4 * (across * (of.ff * inverse) + k * inverse_of(c)) / rest;
}

// By the definition where not much of |e|^2 is taken off it, and as 2 (x0 y0 - x.y - 1/c) where that does not cancel:
// far pairs at angles that are not narrow.
template <class Team, class X, class Y, class S>
HG_FN S chord_square(Team team, int d, const X* x, const Y* y, S c, const Chord<S>& p) {
    const S times = p.x0 * p.y0, product = times - p.xy, of_apart = 2 * (product - inverse_of(c));
    const auto apart = (3 * p.xy < times) & (c * product > 2);
    if (!any(!apart)) return of_apart;  // without the quotient e0
    const S drop = p.e0 * p.e0;
    const auto level = drop <= 0.6 * p.ee;
    const S plain = where(apart, of_apart, p.ee - drop);
    const auto radial = !(apart | level);
    if (!any(radial)) return plain;
    return where(radial, radial_chord_square(team, d, x, y, c, p, radial), plain);
}

// The chord of two spatial parts from the sums xx to es along them and the times. One of x and y may have rows of plain
// numbers, which then count for all lanes of the other.
template <class Team, class X, class Y, class S>
HG_FN void finish_chord(Team team, int d, const X* x, const Y* y, S c, Chord<S>& p) {
    p.e0 = p.es / (p.x0 + p.y0);
    p.Q = chord_square(team, d, x, y, c, p);
    p.q = c * p.Q / 4;
}

// sqrt Q. Where even squares underflow, both points are so close to the apex that time does not count.
template <class Team, class X, class Y, class S>
HG_FN S chord_length(Team team, int d, const X* x, const Y* y, const Chord<S>& p) {
    const auto tiny = !(p.Q > 1e-270);
    const S plain = sqrt(p.Q);
    if (!any(tiny)) return plain;
    return where(tiny, length(team, d, p.ee, [=](auto at) { return at(y) - at(x); }) + 0 * p.e0, plain);
}

template <class Team, class T>
HG_FN Chord<Real<T>> chord(Team team, int n, const T* point_x, const T* point_y, Real<T> c) {
    const T *x = point_x + 1, *y = point_y + 1;
    const int d = n - 1;
    Chord<Real<T>> p;
    sum(team, d, into(p.xx, p.yy, p.xy, p.ee, p.es), [=](auto at) {
        const auto xi = at(x), yi = at(y), ei = yi - xi, si = yi + xi;
        return products(xi, xi, yi, yi, xi, yi, ei, ei, ei, si);
    });
    p.x0 = time(c, p.xx, point_x[0]), p.y0 = time(c, p.yy, point_y[0]);
    finish_chord(team, d, x, y, c, p);
    return p;
}

// d(cQ)/dc = |y sqrt(x0/y0) - x sqrt(y0/x0)|^2, which Q + c dQ/dc cancels to along a line through the apex. It is
// (|n_perp|^2 + g^2) f0/n0, with g = n.f/|f| - |f| n0/f0.
template <class Team, class T, class S>
HG_FN S chord_by_curvature(Team team, int n, const T* x, const T* y, S c, const Chord<S>& p) {
    const auto of = ends(p.xx <= p.yy, p);
    const S near = sqrt(of.nn), f = sqrt(of.ff), n0 = of.near_of(p.x0, p.y0), f0 = of.far_of(p.x0, p.y0);
    S across = where(f > 0, of.nn - p.xy * (p.xy / of.ff), of.nn);
    S g = where(f > 0, p.xy / f - f * (n0 / f0), S(0));
    const auto narrow = (p.xy > 0) & (across < 0.5 * of.nn);
    if (any(narrow)) {
        across = where(narrow, across_square(team, n - 1, x + 1, y + 1, c, p.xy, of, narrow), across);
        const S along = sqrt(of.nn - across);  // n.f/|f| = |n| - |n_perp|^2 / (|n| + n.f/|f|)
        g = where(narrow, -fabs(p.es) / (c * f0 * (near * f0 + n0 * f)) - across / (near + along), g);
    }
    return (across + g * g) * (f0 / n0);
}

// dQ/dx = -2 ((y - along x) + r x). Far from the apex the part of dQ/dx along x is smaller than y and x by c|x|^2, and
// the metric multiplies it back. There y is split into parts across x and along x, and r is the derivative along x,
// (e0 / (c x0) - Q/2) / |x|^2, less what is left of it in y - along x.
template <class S>
struct ChordSlope {
    Remainder<S> first;
    S r;
};

template <class Team, class X, class Y, class S>
HG_FN ChordSlope<S> chord_slope(Team team, int d, const X* x, const Y* y, S c, S xx, S xy, S x0, S e0, S Q) {
    const auto split = c * xx > 1;
    const auto xe = [=](auto at) { return S(at(x)); };
    const auto ye = [=](auto at) { return S(at(y)); };
    const Remainder<S> first = remainder(team, d, c, xx, where(split, xy / xx, S(1)), xe, ye);
    S left;
    sum(team, d, into(left), [=](auto at) { return terms(first(xe(at), ye(at)) * xe(at)); });
    return {first, where(split, (e0 / (c * x0) - Q / 2 - left) / xx, -e0 / x0)};
}

template <class S>
struct ChordGradient {
    ChordSlope<S> x, y;
    S of_c;
};

template <class Team, class X, class Y, class S>
HG_FN ChordGradient<S> chord_gradient(Team team, int n, const X* x, const Y* y, S c, const Chord<S>& p) {
    return {chord_slope(team, n - 1, x + 1, y + 1, c, p.xx, p.xy, p.x0, p.e0, p.Q),
            chord_slope(team, n - 1, y + 1, x + 1, c, p.yy, p.xy, p.y0, -p.e0, p.Q),
            -(p.e0 / p.x0) * (p.e0 / p.y0) / (c * c)};
}

// dQ/dx / -2
template <class S>
HG_FN S slope_entry(const ChordSlope<S>& t, S xi, S yi) {
    return t.first(xi, yi) + t.r * xi;
}

}  // namespace hypergeom::lorentz
