// Parallel transport along geodesics of the ball: hypergeom/poincare/transports.py.
#pragma once
#include "steps.hpp"

namespace hypergeom::poincare {

// g_y/g_x gyr[y, -x] v
template <class Team, class T>
HG_FN void transport(Team team, int d, const T* x, const T* y, const T* v, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const Twofold<S> xx = squares(team, d, x), yy = squares(team, d, y);
    const S gx = gap(*c, xx), scale = gap(*c, yy) / gx + defect(team, d, v);
    const Turn<S> t =
        turn(team, d, *c, gx, xx.hi, [=](auto at) { return at(x); }, [=](auto at) { return at(y) - at(x); });
    S q, p;
    sum(team, d, into(q, p), [=](auto at) {
        const auto xi = at(x), vi = at(v);
        return terms(xi * vi, fma(-t.along, xi, at(y) - xi) * vi);
    });
    const Turned<S> r = turned(t, q, p);
    for (int i = team.rank(); i < d; i += Team::size) {
        const S xi = x[i], vi = v[i];
        out[i] = T(scale * (vi + (r.to_x * xi + r.to_f * fma(-t.along, xi, S(y[i]) - xi))));
    }
}

// |y|^2 - |x|^2 = e.s with s = x + y, or from the gaps where those have the smaller rounding; ss is the square of the size of s
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
    const Turn<S> t =
        turn(team, d, *c, p.gx, p.xx, [=](auto at) { return at(x); }, [=](auto at) { return at(y) - at(x); });
    S xe, es, ss, xv, ev, fv, Gx, Ge, Gf, Gv;
    sum(team, d, into(xe, es, ss), [=](auto at) {
        const auto xi = at(x), yi = at(y), ei = yi - xi, si = yi + xi;
        return terms(xi * ei, ei * si, si * si);
    });
    sum(team, d, into(xv, ev, fv, Gx, Ge, Gf, Gv), [=](auto at) {
        const auto xi = at(x), ei = at(y) - xi, fi = fma(-t.along, xi, ei), vi = at(v), Gi = at(G);
        return terms(xi * vi, ei * vi, fi * vi, Gi * xi, Gi * ei, Gi * fi, Gi * vi);
    });
    const S rho = p.gy / p.gx + defect(team, d, v);
    const Turned<S> r = turned(t, xv, fv), back = turned(t, Gx, Gf, -1);
    const GyrationSlopes<S> s = gyration_slopes(d, *c, p.gx, p.gy, p.xx, p.ee, p.N, xe, xv, ev, rho * Gx, rho * Ge);
    const S of_rho = Gv + r.to_x * Gx + r.to_f * Gf;
    const S x_x = s.x_x + 2 * *c * rho * of_rho / p.gx, y_y = s.y_y - 2 * *c * of_rho / p.gx;
    const S x_G = rho * s.x_G, y_G = rho * s.y_G;
    for (int i = team.rank(); i < d; i += Team::size) {
        const S Gi = G[i], xi = x[i], yi = y[i], vi = v[i], ei = yi - xi;
        x_bar[i] = T(x_x * xi + s.x_e * ei + s.x_w * vi + x_G * Gi);
        y_bar[i] = T(s.y_x * xi + y_y * yi + s.y_e * ei + s.y_w * vi + y_G * Gi);
        v_bar[i] = T(rho * (Gi + (back.to_x * xi + back.to_f * fma(-t.along, xi, ei))));
    }
    const S of_radii = of_rho * radial_difference(*c, p.gx, p.gy, p.ee, es, ss) / (p.gx * p.gx);
    put(team, c_bar, rho * turn_slope(d, t, xv, fv, Gx, Gf) - of_radii);
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

// exp_x v, and u transported there along the geodesic
template <class Team, class T>
HG_FN void exp_transport(Team team, int d, const T* x_, const T* v_, const T* u_, const Real<T>* c, T* y, T* w) {
    typedef Real<T> S;
    const auto x = [=](auto at) { return at(x_); };
    const auto v = [=](auto at) { return at(v_); };
    Step<S> t = exp_step(team, d, x_, v_, *c);
    t.g += defect(team, d, u_);
    const auto far = is_far(t);
    Chord<S> found = near_chord(*c, t);
    if (any(!far)) put_near(team, d, x, v, found, y);
    if (any(far)) {
        const FarEnd<S> f = far_end(team, d, x, v, S(1), S(0), t.xv, *c, t);
        put_far(team, d, x, v, t, f, far, y);
        found = select(far, far_chord(*c, t, f), found);
    }
    const Chord<S> chord = found;
    const Turn<S> turn = poincare::turn(team, d, *c, t.g, t.xx, x, [=](auto at) { return chord(at(x_), at(v_)); });
    S q, p;
    sum(team, d, into(q, p), [=](auto at) {
        const auto xi = at(x_), ui = at(u_);
        return terms(xi * ui, fma(-turn.along, xi, chord(xi, at(v_))) * ui);
    });
    const Turned<S> r = turned(turn, q, p);
    const S scale = chord.gap / t.g;
    for (int i = team.rank(); i < d; i += Team::size) {
        const S xi = x_[i];
        w[i] = T(scale * (S(u_[i]) + (r.to_x * xi + r.to_f * fma(-turn.along, xi, chord(xi, S(v_[i]))))));
    }
}

// The transport to y = x + chord and its cotangents, then the exponential map with what they add to that of y.
template <class Team, class T>
HG_FN void exp_transport_vjp(Team team, int d, const T* Gy, const T* G, const T* x_, const T* v_, const T* u_,
                             const Real<T>* c_, T* x_bar, T* v_bar, T* u_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const S c = *c_;
    const auto x = [=](auto at) { return at(x_); };
    const auto v = [=](auto at) { return at(v_); };
    Step<S> t = exp_step(team, d, x_, v_, c);
    t.g += defect(team, d, u_);
    const auto far = is_far(t);
    Chord<S> found = near_chord(c, t);
    if (any(far)) found = select(far, far_chord(c, t, far_end(team, d, x, v, S(1), S(0), t.xv, c, t)), found);
    const Chord<S> chord = found;
    const Turn<S> turn = poincare::turn(team, d, c, t.g, t.xx, x, [=](auto at) { return chord(at(x_), at(v_)); });
    S ee, xe, xu, eu, fu, Gx, Ge, Gf, Gu;
    sum(team, d, into(ee, xe, xu, eu, fu, Gx, Ge, Gf, Gu), [=](auto at) {
        const auto xi = at(x_), ui = at(u_), Gi = at(G), ei = chord(xi, at(v_)), fi = fma(-turn.along, xi, ei);
        return terms(ei * ei, xi * ei, xi * ui, ei * ui, fi * ui, Gi * xi, Gi * ei, Gi * fi, Gi * ui);
    });
    const S g = t.g, N = g * chord.gap + c * ee, rho = chord.gap / g;
    const Turned<S> r = turned(turn, xu, fu), back = turned(turn, Gx, Gf, -1);
    const GyrationSlopes<S> s = gyration_slopes(d, c, g, chord.gap, t.xx, ee, N, xe, xu, eu, rho * Gx, rho * Ge);
    const S of_rho = Gu + r.to_x * Gx + r.to_f * Gf, y_y = s.y_y - 2 * c * of_rho / g;
    const S x_x = s.x_x + 2 * c * rho * of_rho / g, x_G = rho * s.x_G, y_G = rho * s.y_G;
    const S radii = radial_difference(c, g, chord.gap, ee, 2 * xe + ee, t.xx + ee);  // of a chord that is rounded itself
    const S of_c = rho * turn_slope(d, turn, xu, fu, Gx, Gf) - of_rho * radii / (g * g);
    for (int i = team.rank(); i < d; i += Team::size) {
        const S xi = x_[i], Gi = G[i];
        u_bar[i] = T(rho * (Gi + (back.to_x * xi + back.to_f * fma(-turn.along, xi, chord(xi, S(v_[i]))))));
    }
    const auto y_bar = [=](auto at) {
        const S xi = at(x_), ei = chord(xi, at(v_));
        return at(Gy) + (s.y_x * xi + y_y * (xi + ei) + s.y_e * ei + s.y_w * at(u_) + y_G * at(G));
    };
    const auto more = [=](auto at) {
        const S xi = at(x_);
        return x_x * xi + s.x_e * chord(xi, at(v_)) + s.x_w * at(u_) + x_G * at(G);
    };
    step_vjp(team, d, y_bar, x_, v_, c, t, exp_translation(t), more, of_c, x_bar, v_bar, c_bar);
}

}  // namespace hypergeom::poincare
