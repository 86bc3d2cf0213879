// Translations of the hyperboloid along geodesics through the apex: hypergeom/lorentz/boosts.py.
#pragma once
#include "points.hpp"

namespace hypergeom::lorentz {

// The boost that takes the apex to `sign` x, applied to y = y_perp + y_r x/|x| (for sign = 1): y_perp + o_r x/|x| with
//     o_r = |x| h_y + h_x y_r.
// For opposite directions, y_r < 0, that is a difference: with slack = |y| + y_r = |y_perp|^2 / (|y| - y_r) it is
// o_r = apart + h_x slack, apart = |x| h_y - h_x |y| = (|x|^2 - |y|^2) / (|x| h_y + h_x |y|).
template <class S>
struct Boost {
    Base<S> x;
    Parts<S> y;
    S y0, hy, y_along, fx, fy, slack, apart;
    S to_x;    // o_r / |x|, times the sign
    S J;       // do_r/dy_r h_y
    S spread;  // (o_r - y_r) / |x|
};

template <class Team, class T>
HG_FN Boost<Real<T>> boost_by(Team team, int n, const T* x, const T* y, Real<T> c, double sign) {
    typedef Real<T> S;
    Boost<S> b;
    b.x = base(team, n, x, c);
    S yy, xy, fe;
    sum(team, n - 1, into(yy, xy, fe), [=, x = x + 1, y = y + 1](auto at) {
        const S xi = sign * at(x), yi = at(y), fi = xi + yi;
        return terms(yi * yi, xi * yi, fi * (xi - yi));
    });
    b.y0 = time(c, yy, y[0]);
    b.hy = sqrt(c) * b.y0;
    b.y = parts(
        team, n - 1, c, b.x.xx, sign * xy, [=, x = x + 1](auto at) { return S(at(x)); },
        [=, y = y + 1](auto at) { return S(at(y)); });
    b.y_along = where(has_direction(b.x.xx), xy / b.x.xx, S(0));
    b.fx = sqrt(b.x.xx), b.fy = sqrt(yy);
    const S y_r = b.y_along * b.fx, hx = b.x.h;
    const auto opposite = b.y_along < 0;
    b.slack = b.y.square / (b.fy - y_r);
    b.apart = fe / (b.fx * b.hy + hx * b.fy);
    b.to_x = sign * where(opposite, (b.apart + hx * b.slack) / b.fx, b.hy + b.y_along * hx);
    const S near = sqrt(1 + c * b.apart * b.apart) + c * b.fx * b.slack;  // cosh(R_x - R_y) + ...
    b.J = where(opposite, near, hx * b.hy + c * b.x.xx * b.y_along);
    b.spread = where(opposite, (b.hy + near) / (1 + hx), b.hy + c * b.x.xx * b.y_along / (1 + hx));
    return b;
}

template <class S>
HG_FN S boosted(const Boost<S>& b, S xi, S yi) {
    return b.y.across(xi, yi) + b.to_x * xi;
}

template <class Team, class T>
HG_FN Real<T> boosted_time(Team team, int n, const T* x, const T* y, Real<T> c, const Boost<Real<T>>& b) {
    typedef Real<T> S;
    const auto entry = [=, x = x + 1, y = y + 1](auto at) { return boosted(b, S(at(x)), S(at(y))); };
    S oo;
    sum(team, n - 1, into(oo), [=](auto at) {
        const S o = entry(at);
        return terms(o * o);
    });
    const auto large = !(oo < 1e290);
    const S time = sqrt(1 / c + oo);
    if (!any(large)) return time;
    return where(large, length(team, n - 1, oo, entry), time);
}

template <class Team, class T>
HG_FN void put_boost(Team team, int n, const T* x, const T* y, Real<T> c, double sign, T* out) {
    typedef Real<T> S;
    const Boost<S> b = boost_by(team, n, x, y, c, sign);
    const S inside = 0 * (b.x.x0 + b.y0);
    for (int i = 1 + team.rank(); i < n; i += Team::size) out[i] = T(boosted(b, S(x[i]), S(y[i])) + inside);
    put(team, out, boosted_time(team, n, x, y, c, b) + inside);
}

template <class Team, class T>
HG_FN void put_boost_bars(Team team, int n, const T* G, const T* x, const T* y, Real<T> c, double sign, T* x_bar,
                          T* y_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const Boost<S> b = boost_by(team, n, x, y, c, sign);
    const S fold = S(G[0]) / boosted_time(team, n, x, y, c, b);
    const auto folded = [=, G = G + 1, x = x + 1, y = y + 1](auto at) {
        return S(at(G)) + fold * boosted(b, S(at(x)), S(at(y)));
    };
    const Parts<S> g = parts(team, n - 1, c, b.x.xx, x + 1, folded);
    S Gx, G_perp;
    sum(team, n - 1, into(Gx, G_perp), [=, x = x + 1, y = y + 1](auto at) {
        const S xi = at(x), Gi = folded(at);
        return terms(Gi * xi, Gi * b.y.across(xi, S(at(y))));
    });
    const S hx = b.x.h, pull = sign * c * Gx;
    const S y_perp = pull / b.hy, x_perp = pull / (1 + hx), y_x = g.along * (b.J / b.hy);
    // along x the perpendicular part of y counts through h_y
    const S x_x = sign * g.along * (b.J / hx);
    for (int i = 1 + team.rank(); i < n; i += Team::size) {
        const S xi = x[i], perp = b.y.across(xi, S(y[i])), Gi = g.across(xi, folded(Entry{i - 1}));
        x_bar[i] = T(sign * (b.spread * Gi + x_perp * perp) + x_x * xi + 0 * G_perp);
        y_bar[i] = T(Gi + y_perp * perp + y_x * xi);
    }
    put_time_bar(team, x_bar, b.J), put_time_bar(team, y_bar, b.J);
    const S yy = b.fy * b.fy;
    const S opposite = b.slack * b.fx * b.hy - b.fy * b.apart;
    const S rate = where(b.y_along < 0, opposite / (2 * hx * b.hy), yy / (2 * b.hy) + b.y_along * b.x.xx / (2 * hx));
    put(team, c_bar, sign * Gx * rate - fold / (2 * c * c));
}

template <class Team, class T>
HG_FN void boost(Team team, int n, const T* x, const T* y, const Real<T>* c, T* out) {
    put_boost(team, n, x, y, *c, 1, out);
}

template <class Team, class T>
HG_FN void boost_vjp(Team team, int n, const T* G, const T* x, const T* y, const Real<T>* c, T* x_bar, T* y_bar,
                     Real<T>* c_bar) {
    put_boost_bars(team, n, G, x, y, *c, 1, x_bar, y_bar, c_bar);
}

// The inverse, which is the boost by -x.
template <class Team, class T>
HG_FN void boost_to0(Team team, int n, const T* x, const T* y, const Real<T>* c, T* out) {
    put_boost(team, n, x, y, *c, -1, out);
}

template <class Team, class T>
HG_FN void boost_to0_vjp(Team team, int n, const T* G, const T* x, const T* y, const Real<T>* c, T* x_bar, T* y_bar,
                         Real<T>* c_bar) {
    put_boost_bars(team, n, G, x, y, *c, -1, x_bar, y_bar, c_bar);
}

}  // namespace hypergeom::lorentz
