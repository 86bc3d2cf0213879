// Lengths on the hyperboloid: one function for each row operation of hypergeom/lorentz/metric.py.
#pragma once
#include "points.hpp"

namespace hypergeom::lorentz {

// acosh(1 + cQ/2) / sqrt(c), which is the length of the chord where that is short.
template <class Team, class X, class Y, class S>
HG_FN S distance(Team team, int n, const X* x, const Y* y, const Root<S>& c, const Chord<S>& p) {
    const S rise = 2 * p.q, value = c.inverse * acosh1p(rise);
    const auto is_long = rise > 1e-200;
    if (!any(!is_long)) return value;
    return where(is_long, value, chord_length(team, n - 1, x + 1, y + 1, p));
}

// Its derivative in c where Q is held.
template <class S>
HG_FN S distance_by_curvature(S c, const Chord<S>& p, S length) {
    return where(p.q > 1, (length / sqrt(1 + p.q) - length * asinh_ratio(p.q)) / (2 * c),
                 length * p.Q * asinh_ratio_slope(p.q) / 4);
}

template <class Team, class T>
HG_FN void dist(Team team, int n, const T* x, const T* y, const Real<T>* c, T* out) {
    put(team, out, distance(team, n, x, y, Root<Real<T>>(*c), chord(team, n, x, y, *c)));
}

template <class Team, class T>
HG_FN void dist_vjp(Team team, int n, const T* G, const T* x, const T* y, const Real<T>* c, T* x_bar, T* y_bar,
                    Real<T>* c_bar) {
    typedef Real<T> S;
    const Chord<S> p = chord(team, n, x, y, *c);
    const ChordGradient<S> t = chord_gradient(team, n, x, y, *c, p);
    const S length = chord_length(team, n - 1, x + 1, y + 1, p);
    const S scale = S(*G) / sqrt(1 + p.q), inverse = reciprocal(length);
    for (int i = 1 + team.rank(); i < n; i += Team::size) {
        const S xi = x[i], yi = y[i];
        x_bar[i] = T(-scale * (inverse * slope_entry(t.x, xi, yi)));
        y_bar[i] = T(-scale * (inverse * slope_entry(t.y, yi, xi)));
    }
    put_time_bar(team, x_bar, p.q), put_time_bar(team, y_bar, p.q);
    put(team, c_bar, scale * (inverse * t.of_c) / 2 + S(*G) * distance_by_curvature(*c, p, length));
}

// |y| asinh_ratio(c|y|^2)
template <class Team, class T>
HG_FN void dist0(Team team, int n, const T* y, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const Base<S> b = base(team, n, y, *c);
    const S r = length(team, n - 1, b.xx, [=, y = y + 1](auto at) { return at(y); });
    put(team, out, r * asinh_ratio(*c * b.xx) + 0 * b.x0);
}

template <class Team, class T>
HG_FN void dist0_vjp(Team team, int n, const T* G, const T* y, const Real<T>* c, T* y_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const Base<S> b = base(team, n, y, *c);
    const S r = length(team, n - 1, b.xx, [=, y = y + 1](auto at) { return at(y); });
    const S scale = S(*G) / b.h, inverse = reciprocal(r);
    for (int i = 1 + team.rank(); i < n; i += Team::size) y_bar[i] = T(scale * (inverse * y[i]));
    put_time_bar(team, y_bar, b.x0);
    put(team, c_bar, S(*G) * (r * (b.xx * asinh_ratio_slope(*c * b.xx))) + 0 * b.x0);
}

// Q asinh_ratio(q)^2; its derivative in Q is theta_sinh_ratio(q), and smooth.
template <class Team, class T>
HG_FN void sqdist(Team team, int n, const T* x, const T* y, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const Chord<S> p = chord(team, n, x, y, *c);
    const S r = chord_length(team, n - 1, x + 1, y + 1, p) * asinh_ratio(p.q);
    put(team, out, r * r);
}

template <class Team, class T>
HG_FN void put_chord_bars(Team team, int n, const T* x, const T* y, const Chord<Real<T>>& p,
                          const ChordGradient<Real<T>>& t, Real<T> of_Q, T* x_bar, T* y_bar) {
    typedef Real<T> S;
    for (int i = 1 + team.rank(); i < n; i += Team::size) {
        const S xi = x[i], yi = y[i];
        x_bar[i] = T(-2 * of_Q * slope_entry(t.x, xi, yi));
        y_bar[i] = T(-2 * of_Q * slope_entry(t.y, yi, xi));
    }
    put_time_bar(team, x_bar, p.q), put_time_bar(team, y_bar, p.q);
}

template <class Team, class T>
HG_FN void sqdist_vjp(Team team, int n, const T* G, const T* x, const T* y, const Real<T>* c, T* x_bar, T* y_bar,
                      Real<T>* c_bar) {
    typedef Real<T> S;
    const Chord<S> p = chord(team, n, x, y, *c);
    const ChordGradient<S> t = chord_gradient(team, n, x, y, *c, p);
    const S A = asinh_ratio(p.q), of_Q = S(*G) * (A / sqrt(1 + p.q));
    put_chord_bars(team, n, x, y, p, t, of_Q, x_bar, y_bar);
    const S curved = where(p.q > 1, (1 / sqrt(1 + p.q) - A) * A / *c, A * asinh_ratio_slope(p.q) * p.Q / 2);
    put(team, c_bar, of_Q * t.of_c + S(*G) * (p.Q * curved));
}

template <class Team, class T>
HG_FN void chord2(Team team, int n, const T* x, const T* y, const Real<T>* c, T* out) {
    const Chord<Real<T>> p = chord(team, n, x, y, *c);
    put(team, out, p.Q);
}

template <class Team, class T>
HG_FN void chord2_vjp(Team team, int n, const T* G, const T* x, const T* y, const Real<T>* c, T* x_bar, T* y_bar,
                      Real<T>* c_bar) {
    typedef Real<T> S;
    const Chord<S> p = chord(team, n, x, y, *c);
    const ChordGradient<S> t = chord_gradient(team, n, x, y, *c, p);
    put_chord_bars(team, n, x, y, p, t, S(*G), x_bar, y_bar);
    put(team, c_bar, S(*G) * t.of_c);
}

// u_perp.v_perp + (u.x)(v.x) / (c x0^2 |x|^2), perp the parts across x; of vectors scaled by powers of two
template <class Team, class T>
HG_FN void inner(Team team, int n, const T* x, const T* u, const T* v, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const Base<S> b = base(team, n, x, *c);
    ++x, ++u, ++v;
    const S at_u = power_for(team, n - 1, u), at_v = power_for(team, n - 1, v);
    const auto ue = [=](auto at) { return at_u * at(u); };
    const auto ve = [=](auto at) { return at_v * at(v); };
    const Parts<S> pu = parts(team, n - 1, *c, b.xx, x, ue), pv = parts(team, n - 1, *c, b.xx, x, ve);
    S perp;
    sum(team, n - 1, into(perp), [=](auto at) {
        const S xi = at(x);
        return terms(pu.across(xi, ue(at)) * pv.across(xi, ve(at)));
    });
    put(team, out, (perp + pu.along * pv.along * b.xx * b.shrink) / at_u / at_v);
}

template <class Team, class T>
HG_FN void inner_vjp(Team team, int n, const T* G, const T* x, const T* u, const T* v, const Real<T>* c, T* x_bar,
                     T* u_bar, T* v_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const Base<S> b = base(team, n, x, *c);
    const Parts<S> pu = parts(team, n - 1, *c, b.xx, x + 1, [=, u = u + 1](auto at) { return at(u); });
    const Parts<S> pv = parts(team, n - 1, *c, b.xx, x + 1, [=, v = v + 1](auto at) { return at(v); });
    const S g = *G, slant = -*c * b.xx * b.shrink, to_u = slant * pv.along, to_v = slant * pu.along;
    for (int i = 1 + team.rank(); i < n; i += Team::size) {
        const S xi = x[i], du = lowered(pu, b.shrink, xi, S(u[i])), dv = lowered(pv, b.shrink, xi, S(v[i]));
        x_bar[i] = T(g * (to_u * du + to_v * dv));
        u_bar[i] = T(g * dv);
        v_bar[i] = T(g * du);
    }
    put_time_bar(team, x_bar, b.x0), put_time_bar(team, u_bar, b.x0), put_time_bar(team, v_bar, b.x0);
    const S flat = b.xx * b.shrink;
    put(team, c_bar, -g * (pu.along * flat) * (pv.along * flat));
}

template <class Team, class T>
HG_FN void norm(Team team, int n, const T* x, const T* v, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const Base<S> b = base(team, n, x, *c);
    const S scale = power_for(team, n - 1, v + 1);
    const Parts<S> p = parts(team, n - 1, *c, b.xx, x + 1, [=, v = v + 1](auto at) { return scale * at(v); });
    put(team, out, sqrt(p.square + p.along * p.along * b.xx * b.shrink) / scale);
}

template <class Team, class T>
HG_FN void norm_vjp(Team team, int n, const T* G, const T* x, const T* v, const Real<T>* c, T* x_bar, T* v_bar,
                    Real<T>* c_bar) {
    typedef Real<T> S;
    const Base<S> b = base(team, n, x, *c);
    const S scale = power_for(team, n - 1, v + 1);
    const Parts<S> p = parts(team, n - 1, *c, b.xx, x + 1, [=, v = v + 1](auto at) { return scale * at(v); });
    const S norm = sqrt(p.square + p.along * p.along * b.xx * b.shrink);
    const S to_v = S(*G) * reciprocal(norm), to_x = -to_v * (p.along * *c * b.xx * b.shrink) / scale;
    for (int i = 1 + team.rank(); i < n; i += Team::size) {
        const S dv = lowered(p, b.shrink, S(x[i]), scale * v[i]);
        x_bar[i] = T(to_x * dv);
        v_bar[i] = T(to_v * dv);
    }
    put_time_bar(team, x_bar, b.x0), put_time_bar(team, v_bar, b.x0);
    const S flat = p.along * b.xx * b.shrink;
    put(team, c_bar, -to_v / 2 * flat * flat / scale);
}

}  // namespace hypergeom::lorentz
