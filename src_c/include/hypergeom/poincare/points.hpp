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

}  // namespace hypergeom::poincare
