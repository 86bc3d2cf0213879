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

// Parallel transport from x to y of a vector w is g_y/g_x gyr[y, -x] w, and with e = y - x
//     gyr[y, -x] w = w + to_x x + to_e e,
// where no term exceeds |w| / g_x. With x for -x and e = y + x it is gyr[y, x].
template <class S>
struct Gyration {
    S to_x, to_e;
};

template <class S>
HG_FN Gyration<S> gyration_between(S c, S gx, S xx, S ee, S N, S xe, S wx, S we) {
    const S s = 2 * c / N;
    return {s * (gx * we - c * ee * wx), s * (2 * c * xe * wx - gx * wx - c * xx * we)};
}

template <class S>
HG_FN Gyration<S> gyration(S c, S gx, S xx, S ee, S N, S xe, S wx, S we) {
    const Gyration<S> r = gyration_between(c, gx, xx, ee, N, -xe, -wx, we);
    return {-r.to_x, r.to_e};
}

// Cotangents of what a vector w moved by gyr[y, -x] depends on, given the dots of w, and of G, with x and e. G stands for
// rho G where the transport has the factor rho = g_y/g_x, whose own derivatives are the caller's.
//     x_bar = x_x x + x_e e + x_w w + x_G G,    y_bar = y_x x + y_y y + y_e e + y_w w + y_G G
// The map turns the plane of x and y by an angle of slope 2 |x ^ y| / N in c.
template <class S>
struct GyrationSlopes {
    S x_x, x_e, x_w, x_G, y_x, y_y, y_e, y_w, y_G, c;
};

template <class S>
HG_FN GyrationSlopes<S> gyration_slopes(S c, S gx, S gy, S xx, S ee, S N, S xe, S wx, S we, S Gx, S Ge) {
    const Gyration<S> r = gyration_between(c, gx, xx, ee, N, xe, wx, we);
    const S f = 2 / N, moved = (r.to_x * Gx + r.to_e * Ge) / N, fc = f * c, fcc = fc * c;
    const S of_gx = fc * (Gx * we - Ge * wx) - moved * gy, of_gy = -moved * gx;
    const S of_ee = -c * moved - fcc * wx * Gx, of_xx = -fcc * Ge * we, of_xe = 2 * fcc * Ge * wx;
    const S of_wx = fc * (2 * c * xe * Ge - gx * Ge - c * ee * Gx), of_we = fc * (gx * Gx - c * xx * Ge);
    const S moved_x = wx + r.to_x * xx + r.to_e * xe, moved_e = we + r.to_x * xe + r.to_e * ee;
    GyrationSlopes<S> s;
    s.x_x = 2 * (of_xx - c * of_gx) - of_xe, s.x_e = of_xe - 2 * of_ee, s.x_w = of_wx - of_we, s.x_G = r.to_x - r.to_e;
    s.y_x = of_xe, s.y_y = -2 * c * of_gy, s.y_e = 2 * of_ee, s.y_w = of_we, s.y_G = r.to_e;
    s.c = f * (Gx * moved_e - Ge * moved_x);
    return s;
}

}  // namespace hypergeom::poincare
