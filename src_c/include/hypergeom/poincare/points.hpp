// Poincaré ball {c|x|^2 < 1} of curvature -c: what the formulas of its chapters share.
//
// Throughout: g_x = 1 - c|x|^2, D = g_x g_y, N = D + c|e|^2, G is the cotangent of the output, and a dot joins rows.
// Cancellation is left to differences of coordinates: e is formed before anything is squared, and where a closed form
// would subtract nearly equal numbers it is rewritten as a sum. NaN enters with the gap of a point outside the ball and
// reaches every output of its row.
#pragma once
#include "../smooth.hpp"
#include "../team.hpp"

namespace hypergeom::poincare {

// The gap g = 1 - c|x|^2 to the rim: the one place that decides what is inside. Up to the last point before the rim all
// digits of it are those of the stored x and c.
template <class S>
HG_FN S gap(S c, Twofold<S> xx) {
    const S p = c * xx.hi, g = (1 - p) - (fma(c, xx.hi, -p) + c * xx.lo);
    return where((c >= 0) & (g > 0), g, S(nan("")));
}

// 0, or NaN where an entry of a vector is infinite or NaN: added to the gap it makes the row NaN, as a point outside does.
template <class Team, class T>
HG_FN Real<T> defect(Team team, int d, const T* v) {
    Real<T> total;
    sum(team, d, into(total), [=](auto at) { return terms(0 * at(v)); });
    return total;
}

// What functions of two points start from, with e = y - x or, for Möbius addition, e = y + x.
template <class S>
struct Pair {
    S xx, yy, ee;
    S gx, gy, D, N;
};

template <class Team, class T>
HG_FN Pair<Real<T>> pair(Team team, int d, const T* x, const T* y, Real<T> c, double sign) {
    typedef Real<T> S;
    Pair<Real<T>> p;
    sum(team, d, into(p.ee), [=](auto at) {
        const S ei = at(y) + sign * at(x);
        return terms(ei * ei);
    });
    const Twofold<S> xx = squares(team, d, x), yy = squares(team, d, y);
    p.xx = xx.hi, p.yy = yy.hi;
    p.gx = gap(c, xx), p.gy = gap(c, yy);
    p.D = p.gx * p.gy, p.N = p.D + c * p.ee;
    return p;
}

// gyr[y, x] G = G + to_x x + to_e e, with e = x + y; no term of it exceeds |G| / g_x.
template <class S>
struct Gyration {
    S to_x, to_e;
};

template <class S>
HG_FN Gyration<S> gyration(S c, S gx, S xx, S ee, S N, S xe, S Gx, S Ge) {
    const S s = 2 * c / N;
    return {-s * (gx * Ge + c * ee * Gx), s * (gx * Gx - c * xx * Ge + 2 * c * xe * Gx)};
}

// The same for gyr[y, -x] and e = y - x: parallel transport from x to y of a vector w is g_y/g_x gyr[y, -x] w.
template <class S>
HG_FN Gyration<S> gyration_between(S c, S gx, S xx, S ee, S N, S xe, S wx, S we) {
    const Gyration<S> r = gyration(c, gx, xx, ee, N, -xe, -wx, we);
    return {-r.to_x, r.to_e};
}

// gyr[y, -x] as what it is, a rotation of the plane of x and y. With the part f = e - along x of e = y - x across x, and
// the dots q and p of w with x and f, it is
//     w + (once p - twice |f|^2 q) x - (once q + twice |x|^2 p) f,    once = 2c a / N, twice = 2c^2 / N,
// where a = 1 - c x.y and N = a^2 + c^2 |x|^2 |f|^2. It errs by the rounding of its angle: two points on one line do not
// turn anything. Its slope in c is 2/N ((G.x)(f.w') - (G.f)(x.w')) with the result w'.
template <class S>
struct Turn {
    S along, xx, ff, once, c, N;
};

template <class Team, class S, class X, class E>
HG_FN Turn<S> turn(Team team, int d, S c, S gx, S xx, X x, E e) {
    Turn<S> t;
    S xe;
    sum(team, d, into(xe), [=](auto at) { return terms(x(at) * e(at)); });
    const S along = t.along = where(xx > 0, xe / xx, S(0));
    sum(team, d, into(t.ff), [=](auto at) {
        const auto fi = fma(-along, x(at), e(at));
        return terms(fi * fi);
    });
    t.xx = xx;
    const S a = gx - c * xe;
    t.N = a * a + c * xx * (c * t.ff), t.once = d == 1 ? 0 * t.N : 2 * c * a / t.N, t.c = d == 1 ? 0 * t.N : c;
    return t;
}

template <class S>
struct Turned {
    S to_x, to_f;
};

// sign -1: gyr[x, -y], the inverse
template <class S>
HG_FN Turned<S> turned(const Turn<S>& t, S q, S p, double sign = 1) {
    const S twice = 2 * t.c / t.N;
    return {sign * t.once * p - twice * (t.c * t.ff) * q, -(sign * t.once * q + twice * (t.c * t.xx) * p)};
}

template <class S>
HG_FN S turn_slope(int d, const Turn<S>& t, S q, S p, S Gq, S Gp) {
    if (d == 1) return 0 * t.N;
    const Turned<S> r = turned(t, q, p);
    return 2 / t.N * (Gq * (p + t.ff * r.to_f) - Gp * (q + t.xx * r.to_x));
}

// Cotangents of what a vector w moved by gyr[y, -x] depends on, given the dots of w, and of G, with x and e. G stands for
// rho G where the transport has the factor rho = g_y/g_x, whose own derivatives are the caller's.
//     x_bar = x_x x + x_e e + x_w w + x_G G,    y_bar = y_x x + y_y y + y_e e + y_w w + y_G G
// On a line, d = 1, nothing turns.
template <class S>
struct GyrationSlopes {
    S x_x, x_e, x_w, x_G, y_x, y_y, y_e, y_w, y_G;
};

template <class S>
HG_FN GyrationSlopes<S> gyration_slopes(int d, S c, S gx, S gy, S xx, S ee, S N, S xe, S wx, S we, S Gx, S Ge) {
    const S none = 0 * N;
    if (d == 1) return {none, none, none, none, none, none, none, none, none};
    const Gyration<S> r = gyration_between(c, gx, xx, ee, N, xe, wx, we);
    const S f = 2 / N, moved = (r.to_x * Gx + r.to_e * Ge) / N, fc = f * c;
    const S of_gx = fc * (Gx * we - Ge * wx) - moved * gy, of_gy = -moved * gx;
    const S of_ee = -c * moved - fc * wx * (c * Gx), of_xx = -fc * Ge * (c * we), of_xe = 2 * fc * Ge * (c * wx);
    const S of_wx = fc * (2 * c * xe * Ge - gx * Ge - c * ee * Gx), of_we = fc * (gx * Gx - c * xx * Ge);
    GyrationSlopes<S> s;
    s.x_x = 2 * (of_xx - c * of_gx) - of_xe, s.x_e = of_xe - 2 * of_ee, s.x_w = of_wx - of_we, s.x_G = r.to_x - r.to_e;
    s.y_x = of_xe, s.y_y = -2 * c * of_gy, s.y_e = 2 * of_ee, s.y_w = of_we, s.y_G = r.to_e;
    return s;
}

}  // namespace hypergeom::poincare
