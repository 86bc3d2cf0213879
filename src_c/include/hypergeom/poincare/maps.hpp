// The exponential and the logarithmic map of the ball: hypergeom/poincare/maps.py.
#pragma once
#include "geodesics.hpp"

namespace hypergeom::poincare {

// x (+) tanh(b) v / (sqrt(c)|v|)
template <class Team, class T>
HG_FN void exp(Team team, int d, const T* x, const T* v, const Real<T>* c, T* out) {
    put_end(team, d, x, v, *c, exp_step(team, d, x, v, *c), out);
}

template <class Team, class T>
HG_FN void exp_vjp(Team team, int d, const T* G, const T* x, const T* v, const Real<T>* c, T* x_bar, T* v_bar,
                   Real<T>* c_bar) {
    typedef Real<T> S;
    const Step<S> t = exp_step(team, d, x, v, *c);
    step_vjp(team, d, [=](auto at) { return at(G); }, x, v, *c, t, exp_translation(t), [=](auto) { return S(0); }, S(0),
             x_bar, v_bar, c_bar);
}

// x (+) v / (g_x sqrt(1 + b^2))
template <class Team, class T>
HG_FN void retract(Team team, int d, const T* x, const T* v, const Real<T>* c, T* out) {
    put_end(team, d, x, v, *c, retract_step(team, d, x, v, *c), out);
}

template <class Team, class T>
HG_FN void retract_vjp(Team team, int d, const T* G, const T* x, const T* v, const Real<T>* c, T* x_bar, T* v_bar,
                       Real<T>* c_bar) {
    typedef Real<T> S;
    const Step<S> t = retract_step(team, d, x, v, *c);
    step_vjp(team, d, [=](auto at) { return at(G); }, x, v, *c, t, retract_translation(t), [=](auto) { return S(0); }, S(0),
             x_bar, v_bar, c_bar);
}

// tanh(sqrt(c)|v|) v / (sqrt(c)|v|)
template <class Team, class T>
HG_FN void exp0(Team team, int d, const T* v, const Real<T>* c, T* out) {
    typedef Real<T> S;
    S vv;
    sum(team, d, into(vv), [=](auto at) { return terms(at(v) * at(v)); });
    const S a = sqrt(*c) * length(team, d, vv, [=](auto at) { return at(v); });
    const S scale = where(a > 0, tanh(a) / a + 0 * a, 1 + a);
    for (int i = team.rank(); i < d; i += Team::size) out[i] = T(scale * v[i]);
}

// Along v the slope is sech^2 sqrt(q), on a line the only one: the others would leave their rounding behind.
template <class Team, class T>
HG_FN void exp0_vjp(Team team, int d, const T* G, const T* v, const Real<T>* c, T* v_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    S vv, Gv;
    sum(team, d, into(vv, Gv), [=](auto at) { return terms(at(v) * at(v), at(G) * at(v)); });
    const S q = where(*c >= 0, *c * vv + 0 * *c, S(nan("")));
    const S decay = hypergeom::exp(-2 * sqrt(q)), slope = tanh_ratio_slope(q);
    const S scale = d == 1 ? 4 * decay / ((1 + decay) * (1 + decay)) : tanh_ratio(q);
    const S to_v = d == 1 ? S(0) : 2 * *c * slope * Gv;
    for (int i = team.rank(); i < d; i += Team::size) v_bar[i] = T(scale * G[i] + to_v * v[i]);
    put(team, c_bar, Gv * vv * slope);
}

// H(q) (g_x e - c|e|^2 x) / g_y with H = theta_sinh_ratio, q = c|e|^2 / D
template <class Team, class T>
HG_FN void log(Team team, int d, const T* x, const T* y, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const Pair<S> p = pair(team, d, x, y, *c, -1);
    const S scale = theta_sinh_ratio(*c * p.ee / p.D) / p.gy, to_e = scale * p.gx, to_x = -scale * *c * p.ee;
    for (int i = team.rank(); i < d; i += Team::size) {
        const S xi = x[i], yi = y[i];
        out[i] = T(to_e * (yi - xi) + to_x * xi);
    }
}

template <class Team, class T>
HG_FN void log_vjp(Team team, int d, const T* G, const T* x, const T* y, const Real<T>* c, T* x_bar, T* y_bar,
                   Real<T>* c_bar) {
    typedef Real<T> S;
    const Pair<S> p = pair(team, d, x, y, *c, -1);
    S Gx, Ge, es;
    sum(team, d, into(Gx, Ge, es), [=](auto at) {
        const auto xi = at(x), yi = at(y), Gi = at(G), ei = yi - xi, si = yi + xi;
        return terms(Gi * xi, Gi * ei, ei * si);
    });
    const LogBars<S> l = log_bars(*c, p.gx, p.gy, p.ee, Gx, Ge, es);
    for (int i = team.rank(); i < d; i += Team::size) {
        const S Gi = G[i], xi = x[i], yi = y[i], ei = l.e * (yi - xi);
        x_bar[i] = T(l.x_G * Gi + l.x_x * xi - ei);
        y_bar[i] = T(l.y_G * Gi + l.y_y * yi + ei);
    }
    put(team, c_bar, l.c);
}

// atanh(sqrt(c)|y|) y / (sqrt(c)|y|)
template <class Team, class T>
HG_FN void log0(Team team, int d, const T* y, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const Twofold<S> yy = squares(team, d, y);
    const S scale = atanh_ratio(*c * yy.hi, gap(*c, yy));
    for (int i = team.rank(); i < d; i += Team::size) out[i] = T(scale * y[i]);
}

template <class Team, class T>
HG_FN void log0_vjp(Team team, int d, const T* G, const T* y, const Real<T>* c, T* y_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    S Gy;
    sum(team, d, into(Gy), [=](auto at) { return terms(at(G) * at(y)); });
    const Twofold<S> yy = squares(team, d, y);
    const S g = gap(*c, yy), scale = atanh_ratio(*c * yy.hi, g), slope = atanh_ratio_slope(*c * yy.hi, g);
    const S to_y = 2 * *c * slope * Gy;
    for (int i = team.rank(); i < d; i += Team::size) y_bar[i] = T(scale * G[i] + to_y * y[i]);
    put(team, c_bar, Gy * yy.hi * slope);
}

}  // namespace hypergeom::poincare
