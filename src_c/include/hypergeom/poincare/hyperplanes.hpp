// Distances from hyperplanes of the ball: hypergeom/poincare/hyperplanes.py.
#pragma once
#include "points.hpp"

namespace hypergeom::poincare {

// A point x, and the hyperplane through p with the unit normal u = a/|a|; e = x - p. B = 2M / (g_p g_x), with
// M = g_p e.u - c|e|^2 p.u, is sinh(sqrt(c) d) / sqrt(c) of the signed distance d. The error of M is that
// of one rounding of u.
template <class S>
struct Plane {
    S xx, ee, eu, pu, gp, gx, M, slope, B;  // slope = 2 / (g_p g_x)
    S up, scale;                            // u = up scale a, up a power of two

    HG_FN S u(S a) const { return up * a * scale; }
};

// A zero normal makes u NaN, and so the row.
template <class Team, class T>
HG_FN Plane<Real<T>> plane(Team team, int d, const T* x, const T* p, const T* a, Real<T> c) {
    typedef Real<T> S;
    Plane<Real<T>> r;
    const Pair<S> k = pair(team, d, p, x, c, -1);
    r.xx = k.yy, r.ee = k.ee, r.gp = k.gx, r.gx = k.gy;
    S aa;
    sum(team, d, into(aa), [=](auto at) { return terms(at(a) * at(a)); });
    const S norm = length(team, d, aa, [=](auto at) { return at(a); });
    r.up = where(norm < 1e-200, S(0x1p+600), S(1)), r.scale = 1 / (r.up * norm);
    sum(team, d, into(r.eu, r.pu), [=](auto at) {
        const S ui = r.u(at(a));
        return terms((at(x) - at(p)) * ui, at(p) * ui);
    });
    r.M = r.gp * r.eu - c * r.ee * r.pu, r.slope = 2 / (r.gp * r.gx), r.B = r.slope * r.M;
    return r;
}

template <class Team, class T>
HG_FN void dist2plane(Team team, int d, const T* x, const T* p, const T* a, const Real<T>* c, T* out) {
    const Plane<Real<T>> r = plane(team, d, x, p, a, *c);
    put(team, out, r.B * asinh_ratio(*c * r.B * r.B));
}

template <class Team, class T>
HG_FN void dist2plane_vjp(Team team, int d, const T* G, const T* x, const T* p, const T* a, const Real<T>* c, T* x_bar,
                          T* p_bar, T* a_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const Plane<S> r = plane(team, d, x, p, a, *c);
    const S q = *c * r.B * r.B, of_B = S(*G) / sqrt(1 + q), of_M = of_B * r.slope;
    const S of_u = d > 1 ? of_M : 0 * of_M;  // in one dimension a normal does not turn
    const S swing = 2 * *c * r.pu, p_p = *c * r.ee / r.gp, to_x = 2 * *c * of_B * r.B / r.gx;
    for (int i = team.rank(); i < d; i += Team::size) {
        const S xi = x[i], pi = p[i], ei = xi - pi, ui = r.u(a[i]);
        x_bar[i] = T(of_M * (r.gp * ui - swing * ei) + to_x * xi);
        p_bar[i] = T(of_M * (swing * (ei - p_p * pi) - (r.gp + *c * r.ee) * ui));
        a_bar[i] = T(r.u(of_u * ((r.gp * ei - *c * r.ee * pi) - r.M * ui)));
    }
    put(team, c_bar,
        of_B * r.B * r.xx / r.gx - of_M * r.ee * r.pu / r.gp + S(*G) * r.B * r.B * r.B * asinh_ratio_slope(q));
}

}  // namespace hypergeom::poincare
