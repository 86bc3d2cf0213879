// The algebra of gyrovectors: hypergeom/poincare/gyrovectors.py.
#pragma once
#include "points.hpp"

namespace hypergeom::poincare {

// x (+) sign y = (g_x e + c|e|^2 x) / N with e = x + sign y
template <class Team, class T>
HG_FN void mobius_sum(Team team, int d, const T* x, const T* y, double sign, Real<T> c, T* out) {
    typedef Real<T> S;
    const Pair<S> p = pair(team, d, x, y, c, sign);
    const S to_e = p.gx / p.N, to_x = c * p.ee / p.N;
    for (int i = team.rank(); i < d; i += Team::size) {
        const S xi = x[i], yi = y[i];
        out[i] = T(to_e * (sign * yi + xi) + to_x * xi);
    }
}

// y: a gyration. x: ((g_x + c|e|^2) G - 2c kappa out) / N, kappa = G.(sign y) + c|y|^2 G.x = G.e - g_y G.x, of which the
// one is taken that has the smaller terms.
template <class Team, class T>
HG_FN void mobius_sum_vjp(Team team, int d, const T* G, const T* x, const T* y, double sign, Real<T> c, T* x_bar,
                          T* y_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const Pair<S> p = pair(team, d, x, y, c, sign);
    S Gx, Gy, Ge, xe;
    sum(team, d, into(Gx, Gy, Ge, xe), [=](auto at) {
        const auto xi = at(x), yi = sign * at(y), Gi = at(G), ei = yi + xi;
        return terms(Gi * xi, Gi * yi, Gi * ei, xi * ei);
    });
    const S out = (p.gx * Ge + c * p.ee * Gx) / p.N;  // G . (x (+) y)
    const auto near = p.ee < p.yy;
    const S kappa = where(near, Ge - p.gy * Gx, Gy + c * p.yy * Gx);
    const Gyration<S> t = gyration(c, p.gx, p.xx, p.ee, p.N, xe, Gx, Ge);
    const S x_G = (p.gx + c * p.ee) / p.N, y_G = p.gx / p.N, to_out = -2 * c * kappa / (p.N * p.N);
    const S x_e = to_out * p.gx, x_x = to_out * c * p.ee;
    for (int i = team.rank(); i < d; i += Team::size) {
        const S Gi = G[i], xi = x[i], yi = y[i], ei = sign * yi + xi;
        x_bar[i] = T(x_G * Gi + x_e * ei + x_x * xi);
        y_bar[i] = T(sign * (y_G * (Gi + t.to_x * xi + t.to_e * ei)));
    }
    put(team, c_bar, y_G * out * p.yy - p.ee * kappa / (p.N * p.N));
}

template <class Team, class T>
HG_FN void mobius_add(Team team, int d, const T* x, const T* y, const Real<T>* c, T* out) {
    mobius_sum(team, d, x, y, 1, *c, out);
}

template <class Team, class T>
HG_FN void mobius_add_vjp(Team team, int d, const T* G, const T* x, const T* y, const Real<T>* c, T* x_bar, T* y_bar,
                          Real<T>* c_bar) {
    mobius_sum_vjp(team, d, G, x, y, 1, *c, x_bar, y_bar, c_bar);
}

template <class Team, class T>
HG_FN void mobius_sub(Team team, int d, const T* x, const T* y, const Real<T>* c, T* out) {
    mobius_sum(team, d, x, y, -1, *c, out);
}

template <class Team, class T>
HG_FN void mobius_sub_vjp(Team team, int d, const T* G, const T* x, const T* y, const Real<T>* c, T* x_bar, T* y_bar,
                          Real<T>* c_bar) {
    mobius_sum_vjp(team, d, G, x, y, -1, *c, x_bar, y_bar, c_bar);
}

// The ratio k of t (x) x = k x, the square q = c|x|^2, a = atanh sqrt q, and the slope of k in q. With tau = |t| a
//     k = tanh(tau) / tanh(a) = 1 - sinh(a - tau) / (cosh(tau) sinh(a)),
// the second where tau is not far below a, so that points near the rim keep their gap; k has the sign of t.
template <class S>
struct Multiple {
    S xx, q, r, g, a_ratio, decay, sech2, k;
};

template <class Team, class T>
HG_FN Multiple<Real<T>> multiple(Team team, int d, Real<T> t, const T* x, Real<T> c) {
    typedef Real<T> S;
    Multiple<S> m;
    const Twofold<S> xx = squares(team, d, x);
    m.xx = xx.hi, m.q = c * xx.hi, m.g = gap(c, xx) + 0 * t;
    m.r = sqrt(c) * length(team, d, xx.hi, [=](auto at) { return at(x); });
    m.a_ratio = atanh_ratio(m.q, m.g);
    const S n = fabs(t), a = m.r * m.a_ratio, tau = n * a;
    m.decay = hypergeom::exp(-2 * tau);
    m.sech2 = 4 * m.decay / ((1 + m.decay) * (1 + m.decay));
    const S missing = -m.decay * expm1(-2 * (1 - n) * a) * (1 + m.r) / ((1 + m.decay) * m.r);
    const S ratio = where(m.r > 0, where((n > 0.5) & (n < 2), 1 - missing, tanh(tau) / m.r), n) + 0 * m.g;
    m.k = where(t < 0, -ratio, ratio);
    return m;
}

template <class Team, class T>
HG_FN void mobius_scalar(Team team, int d, const T* t, const T* x, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const Multiple<S> m = multiple(team, d, S(*t), x, *c);
    for (int i = team.rank(); i < d; i += Team::size) out[i] = T(m.k * x[i]);
}

// Along x the slope is t sech^2(tau) / g, across it, where there is a direction across, k. That of k in q is t (T'(tau^2) t^2 L^3 + L' sech^2 tau), with L the
// atanh ratio at q, T the tanh ratio.
template <class Team, class T>
HG_FN void mobius_scalar_vjp(Team team, int d, const T* G, const T* t_, const T* x, const Real<T>* c, T* t_bar, T* x_bar,
                             Real<T>* c_bar) {
    typedef Real<T> S;
    const S t = *t_;
    const Multiple<S> m = multiple(team, d, t, x, *c);
    S Gx;
    sum(team, d, into(Gx), [=](auto at) { return terms(at(G) * at(x)); });
    const S L = m.a_ratio, tL = t * L;
    const S slope = t * (tanh_ratio_slope(tL * tL * m.q) * tL * tL * L + atanh_ratio_slope(m.q, m.g) * m.sech2);
    const S to_G = d == 1 ? t * m.sech2 / m.g : m.k, to_x = d == 1 ? S(0) : 2 * *c * slope * Gx;
    for (int i = team.rank(); i < d; i += Team::size) x_bar[i] = T(to_G * G[i] + to_x * x[i]);
    put(team, t_bar, m.sech2 * L * Gx);
    put(team, c_bar, slope * m.xx * Gx);
}

// gyr[u, v] w: as the transport from -v to u
template <class Team, class T>
HG_FN void gyration(Team team, int d, const T* u, const T* v, const T* w, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const Twofold<S> uu = squares(team, d, u), vv = squares(team, d, v);
    const S both = 0 * gap(*c, uu) + defect(team, d, w);
    const Turn<S> t = turn(
        team, d, *c, gap(*c, vv), vv.hi, [=](auto at) { return -at(v); }, [=](auto at) { return at(u) + at(v); });
    S q, p;
    sum(team, d, into(q, p), [=](auto at) {
        const auto vi = at(v), wi = at(w);
        return terms(-vi * wi, fma(t.along, vi, at(u) + vi) * wi);
    });
    const Turned<S> r = turned(t, q, p);
    for (int i = team.rank(); i < d; i += Team::size) {
        const S vi = v[i], wi = w[i];
        out[i] = T(wi + (r.to_f * fma(t.along, vi, S(u[i]) + vi) - r.to_x * vi) + both);
    }
}

// w: gyr[v, u] G, for a gyration is orthogonal and gyr[v, u] its inverse.
template <class Team, class T>
HG_FN void gyration_vjp(Team team, int d, const T* G, const T* u, const T* v, const T* w, const Real<T>* c, T* u_bar,
                        T* v_bar, T* w_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const Pair<S> p = pair(team, d, v, u, *c, 1);
    const Turn<S> t =
        turn(team, d, *c, p.gx, p.xx, [=](auto at) { return -at(v); }, [=](auto at) { return at(u) + at(v); });
    S ve;
    sum(team, d, into(ve), [=](auto at) { return terms(at(v) * (at(u) + at(v))); });
    S wv, we, wf, Gv, Ge, Gf;
    sum(team, d, into(wv, we, wf, Gv, Ge, Gf), [=](auto at) {
        const auto vi = at(v), ei = at(u) + vi, fi = fma(t.along, vi, ei), wi = at(w), Gi = at(G);
        return terms(wi * vi, wi * ei, wi * fi, Gi * vi, Gi * ei, Gi * fi);
    });
    const S N = p.N + defect(team, d, w);
    const Turned<S> back = turned(t, -Gv, Gf, -1);
    const GyrationSlopes<S> s = gyration_slopes(d, *c, p.gx, p.gy, p.xx, p.ee, N, -ve, -wv, we, -Gv, Ge);
    for (int i = team.rank(); i < d; i += Team::size) {
        const S Gi = G[i], ui = u[i], vi = v[i], wi = w[i], ei = ui + vi;
        u_bar[i] = T(s.y_y * ui - s.y_x * vi + s.y_e * ei + s.y_w * wi + s.y_G * Gi);
        v_bar[i] = T(s.x_x * vi - s.x_e * ei - s.x_w * wi - s.x_G * Gi);
        w_bar[i] = T(Gi + (back.to_f * fma(t.along, vi, ei) - back.to_x * vi) + 0 * N);
    }
    put(team, c_bar, turn_slope(d, t, -wv, wf, -Gv, Gf) + 0 * N);
}

}  // namespace hypergeom::poincare
