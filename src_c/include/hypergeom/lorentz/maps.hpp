// The exponential and the logarithmic map of the hyperboloid: hypergeom/lorentz/maps.py.
#pragma once
#include "points.hpp"

namespace hypergeom::lorentz {

// The tangent of a row: log_x(y) = H ((y - u x) - r x), H = theta_sinh_ratio(q); u = 1 and r = 2 q for close points,
// else u = 0 and r = 1 + 2 q.
template <class S>
struct Tangent {
    S H, u, Hr, time;
};

template <class S>
HG_FN Tangent<S> tangent(const Chord<S>& p) {
    const auto close = p.q < 0.25;
    const S H = theta_sinh_ratio(p.q), u = where(close, S(1), S(0)), Hr = H * (1 - u + 2 * p.q);
    return {H, u, Hr, H * where(close, p.e0, p.y0) - Hr * p.x0};
}

template <class Team, class T>
HG_FN void log(Team team, int n, const T* x, const T* y, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const Tangent<Real<T>> t = tangent(chord(team, n, x, y, *c));
    for (int i = 1 + team.rank(); i < n; i += Team::size) {
        const S xi = x[i], yi = y[i];
        out[i] = T(t.H * (yi - t.u * xi) - t.Hr * xi);
    }
    put(team, out, t.time);
}

// The time entry of the output is x . w / x0 for the spatial part w: its cotangent folds into G, x and c first.
template <class Team, class T>
HG_FN void log_vjp(Team team, int n, const T* G, const T* x, const T* y, const Real<T>* c, T* x_bar, T* y_bar,
                   Real<T>* c_bar) {
    typedef Real<T> S;
    const Chord<S> p = chord(team, n, x, y, *c);
    const ChordGradient<S> t = chord_gradient(team, n, x, y, *c, p);
    const Tangent<Real<T>> w = tangent(p);
    const S G0 = G[0], fold = G0 / p.x0;
    S Gx, Ge;
    sum(team, n - 1, into(Gx, Ge), [=, G = G + 1, x = x + 1, y = y + 1](auto at) {
        const auto xi = at(x), Gi = at(G) + fold * xi;
        return terms(Gi * xi, Gi * (at(y) - xi));
    });
    const S of_q = theta_sinh_ratio_slope(p.q) * Ge - Gx * (1 + w.H) / (1 + p.q), of_Q = *c / 4 * of_q;
    const S G_x = -w.H * (1 + 2 * p.q), x_x = -fold * w.time / p.x0;
    for (int i = 1 + team.rank(); i < n; i += Team::size) {
        const S xi = x[i], yi = y[i], Gi = G[i] + fold * xi, wi = w.H * (yi - w.u * xi) - w.Hr * xi;
        x_bar[i] = T(G_x * Gi - 2 * of_Q * slope_entry(t.x, xi, yi) + (fold * wi + x_x * xi));
        y_bar[i] = T(w.H * Gi - 2 * of_Q * slope_entry(t.y, yi, xi));
    }
    put_time_bar(team, x_bar, of_Q), put_time_bar(team, y_bar, of_Q);
    put(team, c_bar, of_q * chord_by_curvature(*c, p) / 4 + fold * w.time / (2 * *c * *c * p.x0));
}

// cosh(r) x + (sinh(r)/r) v with r = sqrt(c) |v|_x. The metric divides the square of the part of v along x by
// 1 + c|x|^2, so what rounding leaves of that part in the other one would count for much: v is split twice, as
// v = perp + (along + again) x, and the first time with a fused product.
template <class S>
struct Geodesic {
    S xx, x0, along, again, perp, shrink, r, cosh, slope, lift;  // lift: cosh and slope are to be multiplied by it twice
};

template <class Team, class T>
HG_FN Geodesic<Real<T>> geodesic(Team team, int n, const T* point_x, const T* v, Real<T> c) {
    typedef Real<T> S;
    Geodesic<Real<T>> r;
    const T* x = point_x + 1;
    ++v;
    S xv;
    sum(team, n - 1, into(r.xx, xv), [=](auto at) { return terms(at(x) * at(x), at(x) * at(v)); });
    r.x0 = time(c, r.xx, point_x[0]);
    r.along = where(r.xx > 0, xv / r.xx, S(0));
    S again;
    sum(team, n - 1, into(again), [=](auto at) { return terms(fma(-r.along, at(x), at(v)) * at(x)); });
    r.again = where(r.xx > 0, again / r.xx, S(0));
    sum(team, n - 1, into(r.perp), [=](auto at) {
        const S w = fma(-r.along, at(x), at(v)) - r.again * at(x);
        return terms(w * w);
    });
    r.shrink = 1 / (1 + c * r.xx);
    r.r = sqrt(c * (r.perp + r.along * r.along * r.xx * r.shrink)) + 0 * r.x0;
    const auto far = !(r.r < 700);  // a component may be zero, so no factor may be infinite
    const SinhCosh<S> of = sinh_cosh(r.r);
    r.cosh = where(far, S(0.5), of.cosh);
    r.slope = where(far, 0.5 / r.r, where(r.r > 0, of.sinh / r.r, S(1)));
    r.lift = S(1);
    if (any(far)) r.lift = where(far, hypergeom::exp(where(r.r < 1400, r.r / 2, S(700))) + 0 * r.r, r.lift);
    return r;
}

template <class Team, class T>
HG_FN Real<T> time_of_endpoint(Team team, int d, const T* x, const T* v, Real<T> c, const Geodesic<Real<T>>& r) {
    typedef Real<T> S;
    const auto entry = [=](auto at) { return (r.cosh * at(x) + r.slope * at(v)) * r.lift * r.lift; };
    S squares;
    sum(team, d, into(squares), [=](auto at) {
        const auto o = entry(at);
        return terms(o * o);
    });
    const auto large = !(squares < 1e290);
    const S time = sqrt(1 / c + squares);
    if (!any(large)) return time;
    return where(large, length(team, d, squares, entry), time);
}

template <class Team, class T>
HG_FN void exp(Team team, int n, const T* x, const T* v, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const Geodesic<S> r = geodesic(team, n, x, v, *c);
    put(team, out, time_of_endpoint(team, n - 1, x + 1, v + 1, *c, r));
    for (int i = 1 + team.rank(); i < n; i += Team::size) {
        const S xi = x[i], vi = v[i];
        out[i] = T((r.cosh * xi + r.slope * vi) * r.lift * r.lift);
    }
}

template <class Team, class T>
HG_FN void exp_vjp(Team team, int n, const T* G, const T* x, const T* v, const Real<T>* c, T* x_bar, T* v_bar,
                   Real<T>* c_bar) {
    typedef Real<T> S;
    const Geodesic<S> r = geodesic(team, n, x, v, *c);
    const S cosh = r.cosh * r.lift * r.lift, slope = r.slope * r.lift * r.lift;
    const S o0 = time_of_endpoint(team, n - 1, x + 1, v + 1, *c, r), fold = S(G[0]) / o0;
    S Gx, Gv;
    sum(team, n - 1, into(Gx, Gv), [=, G = G + 1, x = x + 1, v = v + 1](auto at) {
        const auto xi = at(x), vi = at(v), Gi = at(G) + fold * (cosh * xi + slope * vi);
        return terms(Gi * xi, Gi * vi);
    });
    const S of_rho = slope * Gx / 2 + sinh_ratio_slope(r.r * r.r) * Gv;  // rho = r^2
    const S to_x = -2 * *c * of_rho * (r.along * *c * r.xx * r.shrink), to_v = 2 * *c * of_rho;
    const S par = r.along * r.shrink;
    for (int i = 1 + team.rank(); i < n; i += Team::size) {
        const S xi = x[i], vi = v[i], Gi = G[i] + fold * (cosh * xi + slope * vi);
        const S metric_v = (fma(-r.along, xi, vi) - r.again * xi) + par * xi;
        x_bar[i] = T(cosh * Gi + to_x * metric_v);
        v_bar[i] = T(slope * Gi + to_v * metric_v);
    }
    put_time_bar(team, x_bar, of_rho), put_time_bar(team, v_bar, of_rho);
    put(team, c_bar, of_rho * (r.perp + par * par * r.xx) - fold / (2 * *c * *c));
}

}  // namespace hypergeom::lorentz
