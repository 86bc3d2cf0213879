// Points and tangent vectors from their spatial parts, and what projects onto them: hypergeom/lorentz/spatial.py.
#pragma once
#include "points.hpp"

namespace hypergeom::lorentz {

// sqrt(1/c + r^2) of a finite spatial part, with the larger of the two squared as 1
template <class Team, class T>
HG_FN Real<T> time_of_any(Team team, int d, const T* x, Real<T> c) {
    typedef Real<T> S;
    S xx;
    sum(team, d, into(xx), [=](auto at) { return terms(at(x) * at(x)); });
    const S r = length(team, d, xx, [=](auto at) { return at(x); });
    const S k = 1 / sqrt(c), large = where(k > r, k, r), part = where(k > r, r, k) / large;
    const S time = large * sqrt(1 + part * part);
    return where(is_curvature(c) & is_finite(time), time, S(nan("")));
}

// The time coordinate anew; the spatial part keeps its bits. The stored time coordinate may be wrong, but not NaN.
template <class Team, class T>
HG_FN void project(Team team, int n, const T* x, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const S time = time_of_any(team, n - 1, x + 1, *c), x0 = where(is_finite(S(x[0])), time, S(nan("")));
    for (int i = 1 + team.rank(); i < n; i += Team::size) out[i] = T(where(x0 > 0, S(x[i]), x0));
    put(team, out, x0);
}

// x.u + sign x0 u_0, which cancels for vectors that are nearly tangent: it and the time coordinate that it takes are
// formed in twice the digits.
template <class Team, class T>
HG_FN Real<T> product_with(Team team, int n, const T* x, const T* u, Real<T> c, double sign, Real<T>& x0) {
    typedef Real<T> S;
    const Twofold<S> xx = squares(team, n - 1, x + 1), xu = dot(team, n - 1, x + 1, u + 1);
    S square = 1 / c, square_lo = fma(-square, c, S(1)) / c;
    add_exactly(square, square_lo, xx.hi);
    square_lo += xx.lo;
    x0 = time(c, xx.hi, x[0]);
    const S lo = (fma(-x0, x0, square) + square_lo) / (2 * x0), u0 = sign * u[0], product = x0 * u0;
    return (xu.hi + product) + (xu.lo + fma(x0, u0, -product) + lo * u0);
}

template <class Team, class T>
HG_FN void put_tangent(Team team, int n, const T* x, const T* u, Real<T> k, Real<T> x0, T* out) {
    typedef Real<T> S;
    S xw;
    sum(team, n - 1, into(xw), [=, x = x + 1, u = u + 1](auto at) { return terms((at(u) + k * at(x)) * at(x)); });
    for (int i = 1 + team.rank(); i < n; i += Team::size) {
        const S xi = x[i], ui = u[i];
        out[i] = T(ui + k * xi);
    }
    put(team, out, xw / x0);
}

// u + c <x, u> x
template <class Team, class T>
HG_FN void project_tangent(Team team, int n, const T* x, const T* u, const Real<T>* c, T* out) {
    Real<T> x0;
    const Real<T> k = *c * product_with(team, n, x, u, *c, -1, x0);
    put_tangent(team, n, x, u, k, x0, out);
}

// u + c (x.u + x0 u_0) x for the spatial part of a gradient u in all n coordinates
template <class Team, class T>
HG_FN void egrad2rgrad(Team team, int n, const T* x, const T* u, const Real<T>* c, T* out) {
    Real<T> x0;
    const Real<T> k = *c * product_with(team, n, x, u, *c, 1, x0);
    put_tangent(team, n, x, u, k, x0, out);
}

template <class Team, class T>
HG_FN void egrad2rgrad_vjp(Team team, int n, const T* G, const T* x, const T* u, const Real<T>* c_, T* x_bar, T* u_bar,
                           Real<T>* c_bar) {
    typedef Real<T> S;
    const S c = *c_, G0 = G[0], u0 = u[0];
    const Base<S> b = base(team, n, x, c);
    S xu, Gx, x0;
    sum(team, n - 1, into(xu, Gx), [=, G = G + 1, x = x + 1, u = u + 1](auto at) {
        const S xi = at(x);
        return terms(xi * at(u), xi * at(G));
    });
    const S k = product_with(team, n, x, u, c, 1, x0), to_x = c * (Gx * u0 / b.x0 + G0 * (xu / b.x0 + 2 * u0));
    const S to_u = c * (Gx + G0 * b.x0);
    for (int i = 1 + team.rank(); i < n; i += Team::size) {
        const S xi = x[i], ui = u[i], Gi = G[i];
        x_bar[i] = T(c * k * Gi + to_u * ui + to_x * xi);
        u_bar[i] = T(Gi + to_u * xi);
    }
    put_time_bar(team, x_bar, b.x0);
    put(team, u_bar, c * (b.x0 * Gx + b.xx * G0));  // the time entry of a gradient does count
    const S of_c = G0 * (b.x0 * xu + b.xx * u0) + Gx * k, of_x0 = c * (Gx * u0 + G0 * xu);
    put(team, c_bar, of_c - of_x0 / (2 * c * c * b.x0));
}

template <class Team, class T>
HG_FN void time(Team team, int d, const T* xs, const Real<T>* c, T* out) {
    put(team, out, time_of_any(team, d, xs, *c));
}

template <class Team, class T>
HG_FN void time_vjp(Team team, int d, const T* G, const T* xs, const Real<T>* c, T* xs_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const S x0 = time_of_any(team, d, xs, *c), scale = S(*G) / x0;
    for (int i = team.rank(); i < d; i += Team::size) xs_bar[i] = T(scale * xs[i]);
    put(team, c_bar, -scale / (2 * *c * *c));
}

template <class Team, class T>
HG_FN void from_spatial(Team team, int d, const T* xs, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const S x0 = time_of_any(team, d, xs, *c);
    for (int i = team.rank(); i < d; i += Team::size) out[i + 1] = T(where(x0 > 0, S(xs[i]), x0));
    put(team, out, x0);
}

template <class Team, class T>
HG_FN void from_spatial_vjp(Team team, int n, const T* G, const T* xs, const Real<T>* c, T* xs_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const S x0 = time_of_any(team, n - 1, xs, *c), scale = S(G[0]) / x0;
    for (int i = team.rank(); i < n - 1; i += Team::size) xs_bar[i] = T(G[i + 1] + scale * xs[i]);
    put(team, c_bar, -scale / (2 * *c * *c));
}

template <class Team, class T>
HG_FN void tangent_from_spatial(Team team, int n, const T* x, const T* vs, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const Base<S> b = base(team, n, x, *c);
    S xv;
    sum(team, n - 1, into(xv), [=, x = x + 1](auto at) { return terms(at(x) * at(vs)); });
    const S time = xv / b.x0;
    for (int i = team.rank(); i < n - 1; i += Team::size) out[i + 1] = T(S(vs[i]) + 0 * time);
    put(team, out, time);
}

template <class Team, class T>
HG_FN void tangent_from_spatial_vjp(Team team, int n, const T* G, const T* x, const T* vs, const Real<T>* c, T* x_bar,
                                    T* vs_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const Base<S> b = base(team, n, x, *c);
    const Parts<S> p = parts(team, n - 1, *c, b.xx, x + 1, [=](auto at) { return at(vs); });
    const S scale = S(G[0]) / b.x0;
    for (int i = team.rank(); i < n - 1; i += Team::size) {
        const S xi = x[i + 1], vi = vs[i];
        x_bar[i + 1] = T(scale * lowered(p, b.shrink, xi, vi));
        vs_bar[i] = T(G[i + 1] + scale * xi);
    }
    put_time_bar(team, x_bar, b.x0);
    put(team, c_bar, scale * p.along * b.xx * b.shrink / (2 * *c));
}

}  // namespace hypergeom::lorentz
