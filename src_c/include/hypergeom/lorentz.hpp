// Hyperboloid <x, x> = -1/c of curvature -c, time coordinate first; n = d + 1 entries a vector.
//
// The spatial part is the point: stored time coordinates are not read but to reject x0 <= 0, and cotangents live in
// the spatial chart, so that the time entry of each one is 0. Below, x and y stand for spatial parts, x0 and y0 for
// their time coordinates, e = y - x, e0 = y0 - x0, s = x + y. NaN enters with the time coordinate of a row outside the
// domain.
#pragma once
#include "poincare.hpp"
#include "smooth.hpp"
#include "team.hpp"

namespace hypergeom::lorentz {

HG_FN bool is_finite(double v) { return v - v == 0; }
HG_FN bool is_curvature(double c) { return c > 0 && is_finite(c); }

// sqrt(1/c + |x|^2)
HG_FN double time(double c, double xx, double stored) {
    const double x0 = sqrt(1 / c + xx);
    return is_curvature(c) && stored > 0 && is_finite(x0 + stored) ? x0 : nan("");
}

// The time entry of a cotangent: 0, or NaN in a row that is NaN.
template <class Team, class T>
HG_FN void put_time_bar(Team team, T* bar, double row) {
    put(team, bar, row == row ? 0 : row);
}

// Two points and the square Q of the chord between them: Q = |e|^2 - e0^2, q = cQ/4 = sinh^2(sqrt(c) dist / 2).
struct Chord {
    double xx, yy, xy, ee, es, ss;
    double x0, y0, e0;
    double across, length, Q, q;  // across: the square of the part of the nearer point across the farther one
};

// |n_perp|^2, n_perp the part of n across f. n is split twice, the first time with a fused product: what rounding
// leaves of n along f would count e^R-fold.
template <class Team, class T>
HG_FN double across_square(Team team, int d, const T* n, const T* f, double nf, double ff) {
    const double along = ff > 0 ? nf / ff : 0;
    double again, across;
    sum(team, d, into(again), [=](auto at) { return terms(at.fma(-along, at(f), at(n)) * at(f)); });
    const double rest = ff > 0 ? again / ff : 0;
    sum(team, d, into(across), [=](auto at) {
        const auto w = at.fma(-along, at(f), at(n)) - rest * at(f);
        return terms(w * w);
    });
    return across;
}

// Q = (|e_perp|^2 + (4/c) k) / (1 - k), k = (e0 / |s|)^2 and e_perp the part of e orthogonal to s: a sum of squares
// where the definition cancels. |e_perp| |s| is twice the area of x and y, that is 2 |f| |n_perp| for the nearer point
// n and the farther one f.
template <class Team, class T>
HG_FN double chord_square(Team team, int d, const T* x, const T* y, double c, Chord& p) {
    const bool x_is_near = p.xx <= p.yy;
    const double nn = x_is_near ? p.xx : p.yy, ff = x_is_near ? p.yy : p.xx;
    if (p.xy < 0 && c * (p.x0 * p.y0 - p.xy) > 2) {
        p.across = nn - p.xy * (p.xy / ff);
        return 2 * (p.x0 * p.y0 - p.xy - 1 / c);
    }
    double across = across_square(team, d, x_is_near ? x : y, x_is_near ? y : x, p.xy, ff);
    if (p.xx == p.yy) across = (across + across_square(team, d, y, x, p.xy, ff)) / 2;  // x, y as y, x
    p.across = across;
    const double perp = p.ss > 0 ? 4 * across * (ff / p.ss) : p.ee;
    const double s = sqrt(p.ss), e0 = fabs(p.e0), ratio = s > 0 ? e0 / s : 0, k = ratio * ratio;
    if (k < 0.5) return (perp + 4 / c * k) / (1 - k);
    // |s| - |e0| = (|s| - |f|) - (f0 - |f|) + n0, for the nearer point n and the farther f
    const double f = sqrt(ff), f0 = x_is_near ? p.y0 : p.x0, n0 = x_is_near ? p.x0 : p.y0;
    const double difference = (nn + 2 * p.xy) / (s + f) - 1 / (c * (f0 + f)) + n0;
    return (perp + 4 / c * k) / (difference / s * (1 + ratio));
}

template <class Team, class T>
HG_FN Chord chord(Team team, int n, const T* point_x, const T* point_y, double c) {
    const T *x = point_x + 1, *y = point_y + 1;
    const int d = n - 1;
    Chord p;
    sum(team, d, into(p.xx, p.yy, p.xy, p.ee, p.es, p.ss), [=](auto at) {
        const auto xi = at(x), yi = at(y), ei = yi - xi, si = yi + xi;
        return terms(xi * xi, yi * yi, xi * yi, ei * ei, ei * si, si * si);
    });
    p.x0 = time(c, p.xx, point_x[0]), p.y0 = time(c, p.yy, point_y[0]);
    p.e0 = p.es / (p.x0 + p.y0);
    p.Q = chord_square(team, d, x, y, c, p) + 0 * p.e0;
    // Where even squares underflow, both points are so close to the apex that time does not count.
    p.length = p.Q > 1e-270 ? sqrt(p.Q) : length(team, d, p.ee, [=](auto at) { return at(y) - at(x); }) + 0 * p.e0;
    p.q = c * p.Q / 4;
    return p;
}

// d(cQ)/dc = |y sqrt(x0/y0) - x sqrt(y0/x0)|^2, which Q + c dQ/dc cancels to along a line through the apex. It is
// (|n_perp|^2 + g^2) f0/n0, with g = n.f/|f| - |f| n0/f0 for the nearer point n and the farther f.
HG_FN double chord_by_curvature(double c, const Chord& p) {
    const bool x_is_near = p.xx <= p.yy;
    const double nn = x_is_near ? p.xx : p.yy, ff = x_is_near ? p.yy : p.xx, n = sqrt(nn), f = sqrt(ff);
    const double n0 = x_is_near ? p.x0 : p.y0, f0 = x_is_near ? p.y0 : p.x0;
    double g = f > 0 ? p.xy / f - f * (n0 / f0) : 0;
    if (p.xy > 0 && p.across < 0.5 * nn) {  // n.f/|f| = n - |n_perp|^2 / (n + n.f/|f|)
        const double along = sqrt(nn - p.across);
        g = -fabs(p.es) / (c * f0 * (n * f0 + n0 * f)) - p.across / (n + along);
    }
    return (p.across + g * g) * (f0 / n0);
}

// dQ/dx = -2 ((y - along x) + r x). Far from the apex the part of dQ/dx along x is smaller than y and x by c|x|^2, and
// the metric multiplies it back. There y is split into parts across x and along x, and r is the derivative along x,
// (e0 / (c x0) - Q/2) / |x|^2, less what rounding left in y - along x.
struct ChordSlope {
    double along, r;
};

HG_FN double split(double c, double xx, double xy) { return c * xx > 1 ? xy / xx : 1; }

HG_FN ChordSlope chord_slope(double c, double xx, double x0, double e0, double Q, double along, double left) {
    return {along, c * xx > 1 ? (e0 / (c * x0) - Q / 2 - left) / xx : -e0 / x0};
}

struct ChordGradient {
    ChordSlope x, y;
    double of_c;
};

template <class Team, class T>
HG_FN ChordGradient chord_gradient(Team team, int n, const T* x, const T* y, double c, const Chord& p) {
    const double along_x = split(c, p.xx, p.xy), along_y = split(c, p.yy, p.xy);
    double left_x, left_y;
    sum(team, n - 1, into(left_x, left_y), [=, x = x + 1, y = y + 1](auto at) {
        const auto xi = at(x), yi = at(y);
        return terms(at.fma(-along_x, xi, yi) * xi, at.fma(-along_y, yi, xi) * yi);
    });
    return {chord_slope(c, p.xx, p.x0, p.e0, p.Q, along_x, left_x),
            chord_slope(c, p.yy, p.y0, -p.e0, p.Q, along_y, left_y), -(p.e0 / p.x0) * (p.e0 / p.y0) / (c * c)};
}

// dQ/dx / -2
HG_FN double slope_entry(const ChordSlope& t, double xi, double yi) { return fma(-t.along, xi, yi) + t.r * xi; }

// 2 asinh(sqrt q) / sqrt(c)
template <class Team, class T>
HG_FN void dist(Team team, int n, const T* x, const T* y, const double* c, T* out) {
    const Chord p = chord(team, n, x, y, *c);
    put(team, out, p.length * asinh_ratio(p.q));
}

template <class Team, class T>
HG_FN void dist_vjp(Team team, int n, const T* G, const T* x, const T* y, const double* c, T* x_bar, T* y_bar,
                    double* c_bar) {
    const Chord p = chord(team, n, x, y, *c);
    const ChordGradient t = chord_gradient(team, n, x, y, *c, p);
    const double scale = double(*G) / sqrt(1 + p.q), inverse = reciprocal(p.length);
    HG_SIMD
    for (int i = 1 + team.rank(); i < n; i += Team::size) {
        const double xi = x[i], yi = y[i];
        x_bar[i] = T(-scale * (inverse * slope_entry(t.x, xi, yi)));
        y_bar[i] = T(-scale * (inverse * slope_entry(t.y, yi, xi)));
    }
    put_time_bar(team, x_bar, p.q), put_time_bar(team, y_bar, p.q);
    const double curved = p.q > 1 ? (p.length / sqrt(1 + p.q) - p.length * asinh_ratio(p.q)) / (2 * *c)
                                  : p.length * p.Q * asinh_ratio_slope(p.q) / 4;
    put(team, c_bar, scale * (inverse * t.of_c) / 2 + double(*G) * curved);
}

// The tangent of a row: log_x(y) = H ((y - u x) - r x), H = theta_sinh_ratio(q); u = 1 and r = 2 q for close points,
// else u = 0 and r = 1 + 2 q.
struct Tangent {
    double H, u, Hr, time;
};

HG_FN Tangent tangent(const Chord& p) {
    const bool close = p.q < 0.25;
    const double H = theta_sinh_ratio(p.q), Hr = H * ((close ? 0 : 1) + 2 * p.q);
    return {H, close ? 1.0 : 0.0, Hr, H * (close ? p.e0 : p.y0) - Hr * p.x0};
}

template <class Team, class T>
HG_FN void log(Team team, int n, const T* x, const T* y, const double* c, T* out) {
    const Tangent t = tangent(chord(team, n, x, y, *c));
    HG_SIMD
    for (int i = 1 + team.rank(); i < n; i += Team::size) {
        const double xi = x[i], yi = y[i];
        out[i] = T(t.H * (yi - t.u * xi) - t.Hr * xi);
    }
    put(team, out, t.time);
}

// The time entry of the output is x . w / x0 for the spatial part w: its cotangent folds into G, x and c first.
template <class Team, class T>
HG_FN void log_vjp(Team team, int n, const T* G, const T* x, const T* y, const double* c, T* x_bar, T* y_bar,
                   double* c_bar) {
    const Chord p = chord(team, n, x, y, *c);
    const ChordGradient t = chord_gradient(team, n, x, y, *c, p);
    const Tangent w = tangent(p);
    const double G0 = G[0], fold = G0 / p.x0;
    double Gx, Ge;
    sum(team, n - 1, into(Gx, Ge), [=, G = G + 1, x = x + 1, y = y + 1](auto at) {
        const auto xi = at(x), Gi = at(G) + fold * xi;
        return terms(Gi * xi, Gi * (at(y) - xi));
    });
    const double of_q = theta_sinh_ratio_slope(p.q) * Ge - Gx * (1 + w.H) / (1 + p.q), of_Q = *c / 4 * of_q;
    const double G_x = -w.H * (1 + 2 * p.q), x_x = -fold * w.time / p.x0;
    HG_SIMD
    for (int i = 1 + team.rank(); i < n; i += Team::size) {
        const double xi = x[i], yi = y[i], Gi = G[i] + fold * xi, wi = w.H * (yi - w.u * xi) - w.Hr * xi;
        x_bar[i] = T(G_x * Gi - 2 * of_Q * slope_entry(t.x, xi, yi) + (fold * wi + x_x * xi));
        y_bar[i] = T(w.H * Gi - 2 * of_Q * slope_entry(t.y, yi, xi));
    }
    put_time_bar(team, x_bar, of_Q), put_time_bar(team, y_bar, of_Q);
    put(team, c_bar, of_q * chord_by_curvature(*c, p) / 4 + fold * w.time / (2 * *c * *c * p.x0));
}

// cosh(r) x + (sinh(r)/r) v with r = sqrt(c) |v|_x. The metric divides the square of the part of v along x by
// 1 + c|x|^2, so what rounding leaves of that part in the other one would count for much: v is split twice, as
// v = perp + (along + again) x, and the first time with a fused product.
struct Geodesic {
    double xx, x0, along, again, perp, shrink, r, cosh, S, lift;  // lift: cosh and S are to be multiplied by it twice
};

template <class Team, class T>
HG_FN Geodesic geodesic(Team team, int n, const T* point_x, const T* v, double c) {
    Geodesic r;
    const T* x = point_x + 1;
    ++v;
    double xv;
    sum(team, n - 1, into(r.xx, xv), [=](auto at) { return terms(at(x) * at(x), at(x) * at(v)); });
    r.x0 = time(c, r.xx, point_x[0]);
    r.along = r.xx > 0 ? xv / r.xx : 0;
    double again;
    sum(team, n - 1, into(again), [=](auto at) { return terms(at.fma(-r.along, at(x), at(v)) * at(x)); });
    r.again = r.xx > 0 ? again / r.xx : 0;
    sum(team, n - 1, into(r.perp), [=](auto at) {
        const auto w = at.fma(-r.along, at(x), at(v)) - r.again * at(x);
        return terms(w * w);
    });
    r.shrink = 1 / (1 + c * r.xx);
    r.r = sqrt(c * (r.perp + r.along * r.along * r.xx * r.shrink)) + 0 * r.x0;
    r.lift = 1;
    if (r.r < 700) {
        const double growth = expm1(r.r);  // cosh and sinh from one exponential
        r.cosh = 1 + growth * growth / (2 * (1 + growth));
        r.S = r.r > 0 ? (growth + growth / (1 + growth)) / (2 * r.r) : 1;
    } else {  // a component may be zero, so no factor may be infinite
        r.cosh = 0.5, r.S = 0.5 / r.r, r.lift = hypergeom::exp(r.r < 1400 ? r.r / 2 : 700) + 0 * r.r;
    }
    return r;
}

template <class Team, class T>
HG_FN double time_of_endpoint(Team team, int d, const T* x, const T* v, double c, const Geodesic& r) {
    const auto entry = [=](auto at) { return (r.cosh * at(x) + r.S * at(v)) * r.lift * r.lift; };
    double squares;
    sum(team, d, into(squares), [=](auto at) {
        const auto o = entry(at);
        return terms(o * o);
    });
    return squares < 1e290 ? sqrt(1 / c + squares) : length(team, d, squares, entry);
}

template <class Team, class T>
HG_FN void exp(Team team, int n, const T* x, const T* v, const double* c, T* out) {
    const Geodesic r = geodesic(team, n, x, v, *c);
    put(team, out, time_of_endpoint(team, n - 1, x + 1, v + 1, *c, r));
    HG_SIMD
    for (int i = 1 + team.rank(); i < n; i += Team::size) {
        const double xi = x[i], vi = v[i];
        out[i] = T((r.cosh * xi + r.S * vi) * r.lift * r.lift);
    }
}

template <class Team, class T>
HG_FN void exp_vjp(Team team, int n, const T* G, const T* x, const T* v, const double* c, T* x_bar, T* v_bar,
                   double* c_bar) {
    const Geodesic r = geodesic(team, n, x, v, *c);
    const double cosh = r.cosh * r.lift * r.lift, S = r.S * r.lift * r.lift;
    const double o0 = time_of_endpoint(team, n - 1, x + 1, v + 1, *c, r), fold = double(G[0]) / o0;
    double Gx, Gv;
    sum(team, n - 1, into(Gx, Gv), [=, G = G + 1, x = x + 1, v = v + 1](auto at) {
        const auto xi = at(x), vi = at(v), Gi = at(G) + fold * (cosh * xi + S * vi);
        return terms(Gi * xi, Gi * vi);
    });
    const double of_rho = S * Gx / 2 + sinh_ratio_slope(r.r * r.r) * Gv;  // rho = r^2
    const double to_x = -2 * *c * of_rho * (r.along * *c * r.xx * r.shrink), to_v = 2 * *c * of_rho;
    const double par = r.along * r.shrink;
    HG_SIMD
    for (int i = 1 + team.rank(); i < n; i += Team::size) {
        const double xi = x[i], vi = v[i], Gi = G[i] + fold * (cosh * xi + S * vi);
        const double metric_v = (fma(-r.along, xi, vi) - r.again * xi) + par * xi;
        x_bar[i] = T(cosh * Gi + to_x * metric_v);
        v_bar[i] = T(S * Gi + to_v * metric_v);
    }
    put_time_bar(team, x_bar, of_rho), put_time_bar(team, v_bar, of_rho);
    put(team, c_bar, of_rho * (r.perp + par * par * r.xx) - fold / (2 * *c * *c));
}

// The time coordinate anew; the spatial part keeps its bits. The stored time coordinate may be wrong, but not NaN.
template <class Team, class T>
HG_FN void project(Team team, int n, const T* x, const double* c, T* out) {
    double xx;
    sum(team, n - 1, into(xx), [=, x = x + 1](auto at) { return terms(at(x) * at(x)); });
    const double r = length(team, n - 1, xx, [=, x = x + 1](auto at) { return at(x); });
    const double time = hypot(1 / sqrt(*c), r), x0 = is_curvature(*c) && is_finite(time + x[0]) ? time : nan("");
    HG_SIMD
    for (int i = 1 + team.rank(); i < n; i += Team::size) out[i] = x0 > 0 ? x[i] : T(x0);
    put(team, out, x0);
}

// x / (1 + h), h = sqrt(c) x0
template <class Team, class T>
HG_FN void to_poincare(Team team, int n, const T* x, const double* c, T* out) {
    double xx;
    sum(team, n - 1, into(xx), [=, x = x + 1](auto at) { return terms(at(x) * at(x)); });
    const double scale = 1 / (1 + sqrt(*c) * time(*c, xx, x[0]));
    HG_SIMD
    for (int i = team.rank(); i < n - 1; i += Team::size) out[i] = T(scale * x[i + 1]);
}

template <class Team, class T>
HG_FN void to_poincare_vjp(Team team, int d, const T* G, const T* x, const double* c, T* x_bar, double* c_bar) {
    double xx, Gx;
    sum(team, d, into(xx, Gx), [=, x = x + 1](auto at) { return terms(at(x) * at(x), at(G) * at(x)); });
    const double h = sqrt(*c) * time(*c, xx, x[0]), scale = 1 / (1 + h), of_xx = -Gx * scale * scale / h;
    HG_SIMD
    for (int i = team.rank(); i < d; i += Team::size) x_bar[i + 1] = T(scale * G[i] + *c * of_xx * x[i + 1]);
    put_time_bar(team, x_bar, of_xx);
    put(team, c_bar, of_xx * xx / 2);
}

// 2 x / g, with time (2/g - 1) / sqrt(c)
template <class Team, class T>
HG_FN void from_poincare(Team team, int d, const T* x, const double* c, T* out) {
    const double scale = is_curvature(*c) ? 2 / poincare::gap(*c, squares(team, d, x)) : nan("");
    HG_SIMD
    for (int i = team.rank(); i < d; i += Team::size) out[i + 1] = T(scale * x[i]);
    put(team, out, (scale - 1) / sqrt(*c));
}

template <class Team, class T>
HG_FN void from_poincare_vjp(Team team, int n, const T* G, const T* x, const double* c, T* x_bar, double* c_bar) {
    const T* Gs = G + 1;
    double Gx;
    sum(team, n - 1, into(Gx), [=](auto at) { return terms(at(Gs) * at(x)); });
    const Twofold squared = squares(team, n - 1, x);
    const double xx = squared.hi, scale = is_curvature(*c) ? 2 / poincare::gap(*c, squared) : nan("");
    const double fold = double(G[0]) * sqrt(*c) / (scale - 1);  // G0 / x0
    const double of_scale = Gx + fold * scale * xx, to_x = fold * scale * scale + *c * scale * scale * of_scale;
    HG_SIMD
    for (int i = team.rank(); i < n - 1; i += Team::size) x_bar[i] = T(scale * Gs[i] + to_x * x[i]);
    put(team, c_bar, scale * scale / 2 * xx * of_scale - fold / (2 * *c * *c));
}

}  // namespace hypergeom::lorentz
