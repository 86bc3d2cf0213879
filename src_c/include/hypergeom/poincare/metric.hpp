// Lengths in the ball: one function for each row operation of hypergeom/poincare/metric.py.
#pragma once
#include "points.hpp"

namespace hypergeom::poincare {

// 2 asinh(sqrt(c) u) / sqrt(c), u = |e| / sqrt(D)
template <class Team, class T>
HG_FN void dist(Team team, int d, const T* x, const T* y, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const Pair<S> p = pair(team, d, x, y, *c, -1);
    const S e = length(team, d, p.ee, [=](auto at) { return at(y) - at(x); });
    put(team, out, 2 * e / sqrt(p.D) * asinh_ratio(*c * p.ee / p.D));
}

template <class Team, class T>
HG_FN void dist_vjp(Team team, int d, const T* G, const T* x, const T* y, const Real<T>* c, T* x_bar, T* y_bar,
                    Real<T>* c_bar) {
    typedef Real<T> S;
    const Pair<S> p = pair(team, d, x, y, *c, -1);
    const S e = length(team, d, p.ee, [=](auto at) { return at(y) - at(x); });
    const S scale = 2 * S(*G) / sqrt(p.N), inverse = reciprocal(e);
    const S to_x = scale * *c * e / p.gx, to_y = scale * *c * e / p.gy;
    for (int i = team.rank(); i < d; i += Team::size) {
        const S xi = x[i], yi = y[i], ei = scale * (inverse * (yi - xi));
        x_bar[i] = T(to_x * xi - ei);
        y_bar[i] = T(to_y * yi + ei);
    }
    const S uu = p.ee / p.D, q = *c * uu, u = e / sqrt(p.D);
    const S rate = 2 * uu * asinh_ratio_slope(q) + (p.xx / p.gx + p.yy / p.gy) / sqrt(1 + q);
    put(team, c_bar, S(*G) * u * rate);
}

// 2 atanh(sqrt(c)|y|) / sqrt(c)
template <class Team, class T>
HG_FN void dist0(Team team, int d, const T* y, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const Twofold<S> yy = squares(team, d, y);
    const S r = length(team, d, yy.hi, [=](auto at) { return at(y); });
    put(team, out, 2 * r * atanh_ratio(*c * yy.hi, gap(*c, yy)));
}

template <class Team, class T>
HG_FN void dist0_vjp(Team team, int d, const T* G, const T* y, const Real<T>* c, T* y_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const Twofold<S> yy = squares(team, d, y);
    const S r = length(team, d, yy.hi, [=](auto at) { return at(y); }), g = gap(*c, yy);
    const S scale = 2 * S(*G) / g, inverse = reciprocal(r);
    for (int i = team.rank(); i < d; i += Team::size) y_bar[i] = T(scale * (inverse * y[i]));
    put(team, c_bar, 2 * S(*G) * r * yy.hi * atanh_ratio_slope(*c * yy.hi, g));
}

// Rows with sqrt(c)|x| > 1 - margin are scaled to 1 - margin; the others keep their bits.
template <class Team, class T>
HG_FN void project(Team team, int d, const T* x, const T* margin, const Real<T>* c, T* out) {
    typedef Real<T> S;
    S xx;
    sum(team, d, into(xx), [=](auto at) { return terms(at(x) * at(x)); });
    const S r = sqrt(*c) * length(team, d, xx, [=](auto at) { return at(x); }), limit = 1 - S(*margin);
    const S scale = where(r <= limit, S(1), limit / r + 0 * r);
    for (int i = team.rank(); i < d; i += Team::size) out[i] = T(scale * x[i]);
}

// (4 / g_x^2) u.v, with u.v in twice the digits: it may cancel
template <class Team, class T>
HG_FN void inner(Team team, int d, const T* x, const T* u, const T* v, const Real<T>* c, T* out) {
    const Real<T> scale = 2 / (gap(*c, squares(team, d, x)) + defect(team, d, u) + defect(team, d, v));
    const Twofold<Real<T>> uv = dot(team, d, u, v);
    put(team, out, scale * (scale * (uv.hi + uv.lo)));
}

template <class Team, class T>
HG_FN void inner_vjp(Team team, int d, const T* G, const T* x, const T* u, const T* v, const Real<T>* c, T* x_bar, T* u_bar,
                     T* v_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const Twofold<S> xx = squares(team, d, x);
    const S scale = 2 / (gap(*c, xx) + defect(team, d, u) + defect(team, d, v)), to_uv = S(*G) * scale * scale;
    const Twofold<S> uv = dot(team, d, u, v);
    const S of_gap = -scale * (to_uv * (uv.hi + uv.lo)), to_x = -2 * *c * of_gap;
    for (int i = team.rank(); i < d; i += Team::size) {
        const S ui = u[i], vi = v[i];
        x_bar[i] = T(to_x * x[i]);
        u_bar[i] = T(to_uv * vi);
        v_bar[i] = T(to_uv * ui);
    }
    put(team, c_bar, -of_gap * xx.hi);
}

// 2|v| / g_x
template <class Team, class T>
HG_FN void norm(Team team, int d, const T* x, const T* v, const Real<T>* c, T* out) {
    typedef Real<T> S;
    S vv;
    sum(team, d, into(vv), [=](auto at) { return terms(at(v) * at(v)); });
    const S r = length(team, d, vv, [=](auto at) { return at(v); });
    put(team, out, 2 / (gap(*c, squares(team, d, x)) + 0 * r) * r);
}

template <class Team, class T>
HG_FN void norm_vjp(Team team, int d, const T* G, const T* x, const T* v, const Real<T>* c, T* x_bar, T* v_bar,
                    Real<T>* c_bar) {
    typedef Real<T> S;
    S vv;
    sum(team, d, into(vv), [=](auto at) { return terms(at(v) * at(v)); });
    const S r = length(team, d, vv, [=](auto at) { return at(v); }), inverse = reciprocal(r);
    const Twofold<S> xx = squares(team, d, x);
    const S g = gap(*c, xx) + 0 * r, scale = 2 * S(*G) / g, of_gap = -scale * r / g, to_x = -2 * *c * of_gap;
    for (int i = team.rank(); i < d; i += Team::size) {
        const S vi = v[i];
        x_bar[i] = T(to_x * x[i]);
        v_bar[i] = T(scale * (inverse * vi));
    }
    put(team, c_bar, -of_gap * xx.hi);
}

// 2 / g_x
template <class Team, class T>
HG_FN void conformal_factor(Team team, int d, const T* x, const Real<T>* c, T* out) {
    put(team, out, 2 / gap(*c, squares(team, d, x)));
}

template <class Team, class T>
HG_FN void conformal_factor_vjp(Team team, int d, const T* G, const T* x, const Real<T>* c, T* x_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const Twofold<S> xx = squares(team, d, x);
    const S g = gap(*c, xx), of_gap = -2 * S(*G) / (g * g), to_x = -2 * *c * of_gap;
    for (int i = team.rank(); i < d; i += Team::size) x_bar[i] = T(to_x * x[i]);
    put(team, c_bar, -of_gap * xx.hi);
}

// All of space is tangent: u, or NaN where x is outside.
template <class Team, class T>
HG_FN void project_tangent(Team team, int d, const T* x, const T* u, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const S g = gap(*c, squares(team, d, x)) + defect(team, d, u);
    for (int i = team.rank(); i < d; i += Team::size) out[i] = T(where(g > 0, S(u[i]), S(nan(""))));
}

// (g_x^2 / 4) u
template <class Team, class T>
HG_FN void egrad2rgrad(Team team, int d, const T* x, const T* u, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const S g = gap(*c, squares(team, d, x)) + defect(team, d, u), scale = g * g / 4;
    for (int i = team.rank(); i < d; i += Team::size) out[i] = T(scale * u[i]);
}

template <class Team, class T>
HG_FN void egrad2rgrad_vjp(Team team, int d, const T* G, const T* x, const T* u, const Real<T>* c, T* x_bar, T* u_bar,
                           Real<T>* c_bar) {
    typedef Real<T> S;
    S Gu;
    sum(team, d, into(Gu), [=](auto at) { return terms(at(G) * at(u)); });
    const Twofold<S> xx = squares(team, d, x);
    const S g = gap(*c, xx) + defect(team, d, u), scale = g * g / 4, to_x = -*c * g * Gu;
    for (int i = team.rank(); i < d; i += Team::size) {
        x_bar[i] = T(to_x * x[i]);
        u_bar[i] = T(scale * G[i]);
    }
    put(team, c_bar, -xx.hi * g * Gu / 2);
}

}  // namespace hypergeom::poincare
