// Parallel transport along geodesics of the ball: hypergeom/poincare/transports.py.
#pragma once
#include "points.hpp"

namespace hypergeom::poincare {

// g_y/g_x gyr[y, -x] v
template <class Team, class T>
HG_FN void transport(Team team, int d, const T* x, const T* y, const T* v, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const Pair<S> p = pair(team, d, x, y, *c, -1);
    S xe, xv, ev;
    sum(team, d, into(xe, xv, ev), [=](auto at) {
        const auto xi = at(x), vi = at(v), ei = at(y) - xi;
        return terms(xi * ei, xi * vi, ei * vi);
    });
    const Gyration<S> r = gyration_between(*c, p.gx, p.xx, p.ee, p.N, xe, xv, ev);
    const S scale = p.gy / p.gx + defect(team, d, v);
    for (int i = team.rank(); i < d; i += Team::size) {
        const S xi = x[i], vi = v[i], ei = S(y[i]) - xi;
        out[i] = T(scale * (vi + r.to_x * xi + r.to_e * ei));
    }
}

// |y|^2 - |x|^2 from the difference of points, or from their gaps where those are smaller
template <class S>
HG_FN S radial_difference(S c, S gx, S gy, S ee, S es, S ss) {
    const auto rim = c * sqrt(ee * ss) > where(gx > gy, gx, gy);
    return where(rim, (gx - gy) / c, es);
}

template <class Team, class T>
HG_FN void transport_vjp(Team team, int d, const T* G, const T* x, const T* y, const T* v, const Real<T>* c, T* x_bar,
                         T* y_bar, T* v_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const Pair<S> p = pair(team, d, x, y, *c, -1);
    S xe, ye, xv, ev, Gx, Gy, Ge, Gv;
    sum(team, d, into(xe, ye, xv, ev, Gx, Gy, Ge, Gv), [=](auto at) {
        const auto xi = at(x), yi = at(y), vi = at(v), Gi = at(G), ei = yi - xi;
        return terms(xi * ei, yi * ei, xi * vi, ei * vi, Gi * xi, Gi * yi, Gi * ei, Gi * vi);
    });
    S es, ss;
    sum(team, d, into(es, ss), [=](auto at) {
        const auto xi = at(x), yi = at(y), si = yi + xi;
        return terms((yi - xi) * si, si * si);
    });
    const S rho = p.gy / p.gx + defect(team, d, v);
    const Gyration<S> r = gyration_between(*c, p.gx, p.xx, p.ee, p.N, xe, xv, ev);
    const Gyration<S> back = gyration_between(*c, p.gy, p.yy, p.ee, p.N, -ye, Gy, -Ge);
    const GyrationSlopes<S> s =
        gyration_slopes(*c, p.gx, p.gy, p.xx, p.ee, p.N, xe, xv, ev, rho * Gx, rho * Ge);
    const S of_rho = Gv + r.to_x * Gx + r.to_e * Ge;
    const S x_x = s.x_x + 2 * *c * rho * of_rho / p.gx, y_y = s.y_y - 2 * *c * of_rho / p.gx;
    const S x_G = rho * s.x_G, y_G = rho * s.y_G;
    for (int i = team.rank(); i < d; i += Team::size) {
        const S Gi = G[i], xi = x[i], yi = y[i], vi = v[i], ei = yi - xi;
        x_bar[i] = T(x_x * xi + s.x_e * ei + s.x_w * vi + x_G * Gi);
        y_bar[i] = T(s.y_x * xi + y_y * yi + s.y_e * ei + s.y_w * vi + y_G * Gi);
        v_bar[i] = T(rho * (Gi + back.to_x * yi - back.to_e * ei));
    }
    put(team, c_bar, s.c - of_rho * radial_difference(*c, p.gx, p.gy, p.ee, es, ss) / (p.gx * p.gx));
}

// g_y v
template <class Team, class T>
HG_FN void transport0(Team team, int d, const T* y, const T* v, const Real<T>* c, T* out) {
    const Real<T> g = gap(*c, squares(team, d, y)) + defect(team, d, v);
    for (int i = team.rank(); i < d; i += Team::size) out[i] = T(g * v[i]);
}

template <class Team, class T>
HG_FN void transport0_vjp(Team team, int d, const T* G, const T* y, const T* v, const Real<T>* c, T* y_bar, T* v_bar,
                          Real<T>* c_bar) {
    typedef Real<T> S;
    S Gv;
    sum(team, d, into(Gv), [=](auto at) { return terms(at(G) * at(v)); });
    const Twofold<S> yy = squares(team, d, y);
    const S g = gap(*c, yy) + defect(team, d, v), to_y = -2 * *c * Gv + 0 * g;
    for (int i = team.rank(); i < d; i += Team::size) {
        y_bar[i] = T(to_y * y[i]);
        v_bar[i] = T(g * G[i]);
    }
    put(team, c_bar, -Gv * yy.hi + 0 * g);
}

// v / g_x
template <class Team, class T>
HG_FN void transport_to0(Team team, int d, const T* x, const T* v, const Real<T>* c, T* out) {
    const Real<T> scale = 1 / (gap(*c, squares(team, d, x)) + defect(team, d, v));
    for (int i = team.rank(); i < d; i += Team::size) out[i] = T(scale * v[i]);
}

template <class Team, class T>
HG_FN void transport_to0_vjp(Team team, int d, const T* G, const T* x, const T* v, const Real<T>* c, T* x_bar, T* v_bar,
                             Real<T>* c_bar) {
    typedef Real<T> S;
    S Gv;
    sum(team, d, into(Gv), [=](auto at) { return terms(at(G) * at(v)); });
    const Twofold<S> xx = squares(team, d, x);
    const S scale = 1 / (gap(*c, xx) + defect(team, d, v)), of_gap = -scale * scale * Gv, to_x = -2 * *c * of_gap;
    for (int i = team.rank(); i < d; i += Team::size) {
        x_bar[i] = T(to_x * x[i]);
        v_bar[i] = T(scale * G[i]);
    }
    put(team, c_bar, -of_gap * xx.hi);
}

}  // namespace hypergeom::poincare
