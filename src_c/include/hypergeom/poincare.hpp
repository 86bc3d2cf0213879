// Poincaré ball {c|x|^2 < 1} of curvature -c: one function for each row operation of hypergeom.poincare.
//
// Throughout: g_x = 1 - c|x|^2, D = g_x g_y, N = D + c|e|^2, G is the cotangent of the output, and a dot joins rows.
// Cancellation is left to differences of coordinates: e is formed before anything is squared, and where a closed form
// would subtract nearly equal numbers it is rewritten as a sum. NaN enters with the gap of a point outside the ball and
// reaches every output of its row.
#pragma once
#include "smooth.hpp"
#include "team.hpp"

namespace hypergeom::poincare {

// The gap g = 1 - c|x|^2 to the rim: the one place that decides what is inside. Up to the last point before the rim all
// digits of it are those of the stored x and c.
HG_FN double gap(double c, Twofold xx) {
    const double p = c * xx.hi, g = (1 - p) - (fma(c, xx.hi, -p) + c * xx.lo);
    return c >= 0 && g > 0 ? g : nan("");
}

// What functions of two points start from, with e = y - x or, for Möbius addition, e = y + x.
struct Pair {
    double xx, yy, ee;
    double gx, gy, D, N;
};

template <class Team, class T>
HG_FN Pair pair(Team team, int d, const T* x, const T* y, double c, double sign) {
    Pair p;
    sum(team, d, into(p.ee), [=](auto at) {
        const auto ei = at(y) + sign * at(x);
        return terms(ei * ei);
    });
    const Twofold xx = squares(team, d, x), yy = squares(team, d, y);
    p.xx = xx.hi, p.yy = yy.hi;
    p.gx = gap(c, xx), p.gy = gap(c, yy);
    p.D = p.gx * p.gy, p.N = p.D + c * p.ee;
    return p;
}

// gyr[y, x] G = G + to_x x + to_e e, with e = x + y; no term of it exceeds |G| / g_x.
struct Gyration {
    double to_x, to_e;
};

HG_FN Gyration gyration(double c, double gx, double xx, double ee, double N, double xe, double Gx, double Ge) {
    const double s = 2 * c / N;
    return {-s * (gx * Ge + c * ee * Gx), s * (gx * Gx - c * xx * Ge + 2 * c * xe * Gx)};
}

// 2 asinh(sqrt(c) u) / sqrt(c), u = |e| / sqrt(D)
template <class Team, class T>
HG_FN void dist(Team team, int d, const T* x, const T* y, const double* c, T* out) {
    const Pair p = pair(team, d, x, y, *c, -1);
    const double e = length(team, d, p.ee, [=](auto at) { return at(y) - at(x); });
    put(team, out, 2 * e / sqrt(p.D) * asinh_ratio(*c * p.ee / p.D));
}

template <class Team, class T>
HG_FN void dist_vjp(Team team, int d, const T* G, const T* x, const T* y, const double* c, T* x_bar, T* y_bar,
                    double* c_bar) {
    const Pair p = pair(team, d, x, y, *c, -1);
    const double e = length(team, d, p.ee, [=](auto at) { return at(y) - at(x); });
    const double scale = 2 * double(*G) / sqrt(p.N), inverse = reciprocal(e);
    const double to_x = scale * *c * e / p.gx, to_y = scale * *c * e / p.gy;
    HG_SIMD
    for (int i = team.rank(); i < d; i += Team::size) {
        const double xi = x[i], yi = y[i], ei = scale * (inverse * (yi - xi));
        x_bar[i] = T(to_x * xi - ei);
        y_bar[i] = T(to_y * yi + ei);
    }
    const double uu = p.ee / p.D, q = *c * uu, u = e / sqrt(p.D);
    const double rate = 2 * uu * asinh_ratio_slope(q) + (p.xx / p.gx + p.yy / p.gy) / sqrt(1 + q);
    put(team, c_bar, double(*G) * u * rate);
}

// 2 atanh(sqrt(c)|y|) / sqrt(c)
template <class Team, class T>
HG_FN void dist0(Team team, int d, const T* y, const double* c, T* out) {
    const Twofold yy = squares(team, d, y);
    const double r = length(team, d, yy.hi, [=](auto at) { return at(y); });
    put(team, out, 2 * r * atanh_ratio(*c * yy.hi, gap(*c, yy)));
}

template <class Team, class T>
HG_FN void dist0_vjp(Team team, int d, const T* G, const T* y, const double* c, T* y_bar, double* c_bar) {
    const Twofold yy = squares(team, d, y);
    const double r = length(team, d, yy.hi, [=](auto at) { return at(y); }), g = gap(*c, yy);
    const double scale = 2 * double(*G) / g, inverse = reciprocal(r);
    HG_SIMD
    for (int i = team.rank(); i < d; i += Team::size) y_bar[i] = T(scale * (inverse * y[i]));
    put(team, c_bar, 2 * double(*G) * r * yy.hi * atanh_ratio_slope(*c * yy.hi, g));
}

// A tangent v at x, a = sqrt(c)|v| / g_x its hyperbolic length / 2, decay = e^{-2a} = 1 + loss.
struct Tangent {
    double xx, vv, xv, g, norm, a, loss, decay;
};

template <class Team, class T>
HG_FN Tangent tangent(Team team, int d, const T* x, const T* v, double c) {
    Tangent t;
    sum(team, d, into(t.vv, t.xv), [=](auto at) {
        const auto vi = at(v);
        return terms(vi * vi, at(x) * vi);
    });
    const Twofold xx = squares(team, d, x);
    t.xx = xx.hi;
    t.g = gap(c, xx);
    t.norm = length(team, d, t.vv, [=](auto at) { return at(v); });
    t.a = sqrt(c) * t.norm / t.g;
    t.loss = expm1(-2 * t.a);
    t.decay = 1 + t.loss;
    return t;
}

// x + (S v + g_x sigma x) / Delta with S = sinh(2a) / (2a), sigma = sinh^2 a, Delta = 1 + (1 + c|x|^2) sigma + 2c x.v S
// / g_x; all three times `decay`. exp_x(0) is x.
template <class Team, class T>
HG_FN void exp_near(Team team, int d, const T* x, const T* v, double c, const Tangent& t, T* out) {
    const double S = t.a > 0 ? -t.loss * (1 + t.decay) / (4 * t.a) : 1 + t.a, sigma = t.loss * t.loss / 4;
    const double Delta = t.decay + (1 + c * t.xx) * sigma + 2 * c * t.xv * S / t.g;
    const double to_v = S / Delta, to_x = t.g * sigma / Delta;
    HG_SIMD
    for (int i = team.rank(); i < d; i += Team::size) {
        const double xi = x[i], vi = v[i];
        out[i] = T(xi + (to_v * vi + to_x * xi));
    }
}

// From a point near the rim towards the origin and beyond, the terms of that sum cancel. In the plane of x and v, with
// k = sqrt(c)|x|, omega = (1 - k) / (1 + k) and lift = 1 + cos of the angle between v and x, the endpoint is
//     ((decay^2 - omega^2) + gain (1 + omega^2) / 2 lift) x/|x| + omega gain v_perp/|v|,    gain = 1 - decay^2
// over sqrt(c) den, den = (decay + omega)^2 + gain (1 - omega^2) / 2 lift: the addition theorems of cosh and sinh, in
// exponentials of one sign. Its difference from x has the factor omega in every term, and its gap is 4 omega decay /
// den. No tangent is too long. v_perp = v - along x - rest x, split twice as in hypergeom::lorentz.
struct FarEnd {
    double r, k, omega, along, rest, lift, decay, gain, both, scale, to_perp;  // scale = 1 / (sqrt(c) den)
};

template <class Team, class T>
HG_FN FarEnd far_end(Team team, int d, const T* x, const T* v, double c, const Tangent& t) {
    FarEnd f;
    f.r = length(team, d, t.xx, [=](auto at) { return at(x); }), f.k = sqrt(c) * f.r;
    f.omega = t.g / ((1 + f.k) * (1 + f.k));
    const double to_unit = 1 / t.norm, along = f.along = f.r > 0 ? t.xv / t.xx : 0;
    double again, perp;
    sum(team, d, into(again), [=](auto at) { return terms(at.fma(-along, at(x), at(v)) * at(x)); });
    const double rest = f.rest = f.r > 0 ? again / t.xx : 0;
    sum(team, d, into(perp), [=](auto at) {
        const auto w = to_unit * (at.fma(-along, at(x), at(v)) - rest * at(x));
        return terms(w * w);
    });
    const double cosine = (along + rest) * f.r * to_unit;
    f.lift = cosine < 0 ? perp / (1 - cosine) : 1 + cosine;
    f.decay = hypergeom::exp(-2 * t.a), f.gain = -t.loss * (1 + f.decay), f.both = f.decay + f.omega;
    f.scale = 1 / (sqrt(c) * (f.both * f.both + f.gain * (1 - f.omega * f.omega) / 2 * f.lift));
    f.to_perp = f.scale * f.omega * f.gain * to_unit;
    return f;
}

template <class Team, class T>
HG_FN void exp_far(Team team, int d, const T* x, const T* v, double c, const Tangent& t, T* out) {
    const FarEnd f = far_end(team, d, x, v, c, t);
    const double to_x =
        f.scale * reciprocal(f.r) * ((f.decay - f.omega) * f.both + f.gain * (1 + f.omega * f.omega) / 2 * f.lift);
    HG_SIMD
    for (int i = team.rank(); i < d; i += Team::size) {
        const double xi = x[i], vi = v[i];
        out[i] = T(to_x * xi + f.to_perp * (fma(-f.along, xi, vi) - f.rest * xi));
    }
}

// x (+) tanh(a) v / (sqrt(c)|v|)
template <class Team, class T>
HG_FN void exp(Team team, int d, const T* x, const T* v, const double* c, T* out) {
    const Tangent t = tangent(team, d, x, v, *c);
    if (t.a < 0.25)
        exp_near(team, d, x, v, *c, t, out);
    else
        exp_far(team, d, x, v, *c, t, out);
}

// Through x (+) z with z = tanh(a)/a v / g_x, whose gap is sech^2 a.
template <class Team, class T>
HG_FN void exp_near_vjp(Team team, int d, const T* G, const T* x, const T* v, const double* c, const Tangent& t,
                        T* x_bar, T* v_bar, double* c_bar) {
    const double g = t.g, alpha = t.a * t.a, z_of_v = tanh_ratio(alpha) / g;
    const double gz = 4 * t.decay / ((1 + t.decay) * (1 + t.decay));
    double Gx, Gv, Ge, ee, xe, ve;
    sum(team, d, into(Gx, Gv, Ge, ee, xe, ve), [=](auto at) {
        const auto xi = at(x), vi = at(v), Gi = at(G), ei = xi + z_of_v * vi;
        return terms(Gi * xi, Gi * vi, Gi * ei, ei * ei, xi * ei, vi * ei);
    });
    const double N = g * gz + *c * ee, z = z_of_v * t.norm, zz = z * z, Gz = z_of_v * Gv;
    const Gyration r = gyration(*c, g, t.xx, ee, N, xe, Gx, Ge);
    const double v_zbar = g / N * (Gv + r.to_x * t.xv + r.to_e * ve), slope = tanh_ratio_slope(alpha);

    const double kappa = *c * zz * Gx + Gz;
    const double rate = zz * (g + *c * t.xx * gz) * Gx - 2 * (z_of_v * t.xv + *c * t.xx * zz) * Gz;
    put(team, c_bar, rate / (N * N) + slope * (1 + *c * t.xx) * v_zbar / g * (t.vv / (g * g * g)));

    const double x_G = (g + *c * ee) / N, x_e = -2 * *c * kappa * g / (N * N);
    const double x_x = 2 * *c * (gz * v_zbar / (g * g) - kappa * *c * ee / (N * N));
    const double v_G = z_of_v * g / N, v_v = 2 * *c * slope * v_zbar / (g * g * g);
    HG_SIMD
    for (int i = team.rank(); i < d; i += Team::size) {
        const double Gi = G[i], xi = x[i], vi = v[i], ei = xi + z_of_v * vi;
        x_bar[i] = T(x_G * Gi + x_e * ei + x_x * xi);
        v_bar[i] = T(v_G * (Gi + r.to_x * xi + r.to_e * ei) + v_v * vi);
    }
}

// A variation of the geodesic is a Jacobi field: its part along the geodesic is carried as it is, the part across grows
// by cosh 2a from where it starts, and by S = sinh(2a) / (2a) from its first derivative. With e = endpoint - x and
// h = g_end/g_x gyr[x, -end] G, the cotangent at x that parallel transport makes of G, and u = v/|v|,
//     v_bar = (h.u) u + S (h - (h.u) u)
//     x_bar = (h.u) (u + 2 sqrt(c) a x) + (cosh 2a + sqrt(c) x.u sinh 2a) (h - (h.u) u) - sqrt(c) sinh 2a (h.x_perp) u,
// x_perp the part of x across v; c_bar follows from exp_x(v; c) = exp_{sqrt(c) x}(sqrt(c) v; 1) / sqrt(c). H = h /
// decay.
template <class Team, class T>
HG_FN void exp_far_vjp(Team team, int d, const T* G, const T* x, const T* v, const double* c_, const Tangent& t,
                       T* x_bar, T* v_bar, double* c_bar) {
    const double c = *c_;
    const FarEnd f = far_end(team, d, x, v, c, t);
    const double to_unit = 1 / t.norm, along = f.along, rest = f.rest, to_perp = f.to_perp;
    const double e_x = f.scale * f.omega * reciprocal(f.r) * (2 * t.loss * f.both / (1 + f.omega) + f.gain * f.lift);
    const double xu = t.xv * to_unit, beta = xu * to_unit;
    double Gx, Ge, ee, xe, again;
    sum(team, d, into(Gx, Ge, ee, xe, again), [=](auto at) {
        const auto xi = at(x), vi = at(v), Gi = at(G);
        const auto ei = e_x * xi + to_perp * (at.fma(-along, xi, vi) - rest * xi);
        return terms(Gi * xi, Gi * ei, ei * ei, xi * ei, at.fma(-beta, vi, xi) * (to_unit * vi));
    });
    const double beta_rest = again * to_unit, rim = 4 * f.omega * f.scale * sqrt(c);  // g_end / decay
    const double N = t.g * rim * f.decay + c * ee, s = 2 * c / N, H_G = rim / t.g;
    const double H_x = -H_G * s * (c * ee * Gx + (t.g - 2 * c * xe) * Ge), H_e = H_G * s * (t.g * Gx - c * t.xx * Ge);
    double Hx, Hu, H_across;
    sum(team, d, into(Hx, Hu, H_across), [=](auto at) {
        const auto xi = at(x), vi = at(v);
        const auto ei = e_x * xi + to_perp * (at.fma(-along, xi, vi) - rest * xi);
        const auto Hi = H_G * at(G) + H_x * xi + H_e * ei;
        return terms(Hi * xi, Hi * (to_unit * vi), Hi * (at.fma(-beta, vi, xi) - beta_rest * vi));
    });
    const double root = sqrt(c), v_H = f.gain / (4 * t.a), v_u = (f.decay - v_H) * Hu;
    const double x_H = f.decay * f.decay + f.gain / 2 * (f.omega * (1 + f.k) + f.k * f.lift);
    const double x_u = (f.decay - x_H) * Hu - root * f.gain / 2 * H_across, x_x = 2 * root * t.a * f.decay * Hu;
    HG_SIMD
    for (int i = team.rank(); i < d; i += Team::size) {
        const double xi = x[i], vi = v[i], ui = to_unit * vi;
        const double ei = e_x * xi + to_perp * (fma(-along, xi, vi) - rest * xi);
        const double Hi = H_G * G[i] + H_x * xi + H_e * ei;
        x_bar[i] = T(x_H * Hi + x_u * ui + x_x * xi);
        v_bar[i] = T(v_H * Hi + v_u * ui);
    }
    const double of_x = x_H * Hx + x_u * xu + x_x * t.xx, of_v = t.norm * f.decay * Hu;
    put(team, c_bar, (of_x + of_v - Gx - Ge) / (2 * c));
}

template <class Team, class T>
HG_FN void exp_vjp(Team team, int d, const T* G, const T* x, const T* v, const double* c, T* x_bar, T* v_bar,
                   double* c_bar) {
    const Tangent t = tangent(team, d, x, v, *c);
    if (t.a < 0.25)
        exp_near_vjp(team, d, G, x, v, c, t, x_bar, v_bar, c_bar);
    else
        exp_far_vjp(team, d, G, x, v, c, t, x_bar, v_bar, c_bar);
}

// tanh(sqrt(c)|v|) v / (sqrt(c)|v|)
template <class Team, class T>
HG_FN void exp0(Team team, int d, const T* v, const double* c, T* out) {
    double vv;
    sum(team, d, into(vv), [=](auto at) { return terms(at(v) * at(v)); });
    const double a = sqrt(*c) * length(team, d, vv, [=](auto at) { return at(v); });
    const double scale = a > 0 ? tanh(a) / a + 0 * a : 1 + a;
    HG_SIMD
    for (int i = team.rank(); i < d; i += Team::size) out[i] = T(scale * v[i]);
}

template <class Team, class T>
HG_FN void exp0_vjp(Team team, int d, const T* G, const T* v, const double* c, T* v_bar, double* c_bar) {
    double vv, Gv;
    sum(team, d, into(vv, Gv), [=](auto at) { return terms(at(v) * at(v), at(G) * at(v)); });
    const double q = *c >= 0 ? *c * vv + 0 * *c : nan("");
    const double scale = tanh_ratio(q), slope = tanh_ratio_slope(q), to_v = 2 * *c * slope * Gv;
    HG_SIMD
    for (int i = team.rank(); i < d; i += Team::size) v_bar[i] = T(scale * G[i] + to_v * v[i]);
    put(team, c_bar, Gv * vv * slope);
}

// H(q) (g_x e - c|e|^2 x) / g_y with H = theta_sinh_ratio, q = c|e|^2 / D
template <class Team, class T>
HG_FN void log(Team team, int d, const T* x, const T* y, const double* c, T* out) {
    const Pair p = pair(team, d, x, y, *c, -1);
    const double scale = theta_sinh_ratio(*c * p.ee / p.D) / p.gy, to_e = scale * p.gx, to_x = -scale * *c * p.ee;
    HG_SIMD
    for (int i = team.rank(); i < d; i += Team::size) {
        const double xi = x[i], yi = y[i];
        out[i] = T(to_e * (yi - xi) + to_x * xi);
    }
}

template <class Team, class T>
HG_FN void log_vjp(Team team, int d, const T* G, const T* x, const T* y, const double* c, T* x_bar, T* y_bar,
                   double* c_bar) {
    const Pair p = pair(team, d, x, y, *c, -1);
    double Gx, Ge, es;
    sum(team, d, into(Gx, Ge, es), [=](auto at) {
        const auto xi = at(x), yi = at(y), Gi = at(G), ei = yi - xi, si = yi + xi;
        return terms(Gi * xi, Gi * ei, ei * si);
    });
    const double q = *c * p.ee / p.D, H = theta_sinh_ratio(q), slope = theta_sinh_ratio_slope(q);
    const double M = p.gx * Ge - *c * p.ee * Gx;
    const double of_ee = *c * (slope * M / p.D - H * Gx) / p.gy;
    const double of_gx = (H * Ge - slope * M * q / p.gx) / p.gy;
    const double of_gy = -(slope * q + H) * M / (p.gy * p.gy);
    const double G_x = -H * (p.gx + *c * p.ee) / p.gy, G_y = H * p.gx / p.gy;
    const double x_x = -2 * *c * of_gx, y_y = -2 * *c * of_gy, e_e = 2 * of_ee;
    HG_SIMD
    for (int i = team.rank(); i < d; i += Team::size) {
        const double Gi = G[i], xi = x[i], yi = y[i], ei = e_e * (yi - xi);
        x_bar[i] = T(G_x * Gi + x_x * xi - ei);
        y_bar[i] = T(G_y * Gi + y_y * yi + ei);
    }
    put(team, c_bar,
        p.ee * slope * M * (1 / p.gx + 1 / p.gy - 1) / (p.gy * p.D) +
            H / (p.gy * p.gy) * (Ge * es - p.ee * Gx));  // e.s = |y|^2 - |x|^2
}

// atanh(sqrt(c)|y|) y / (sqrt(c)|y|)
template <class Team, class T>
HG_FN void log0(Team team, int d, const T* y, const double* c, T* out) {
    const Twofold yy = squares(team, d, y);
    const double scale = atanh_ratio(*c * yy.hi, gap(*c, yy));
    HG_SIMD
    for (int i = team.rank(); i < d; i += Team::size) out[i] = T(scale * y[i]);
}

template <class Team, class T>
HG_FN void log0_vjp(Team team, int d, const T* G, const T* y, const double* c, T* y_bar, double* c_bar) {
    double Gy;
    sum(team, d, into(Gy), [=](auto at) { return terms(at(G) * at(y)); });
    const Twofold yy = squares(team, d, y);
    const double g = gap(*c, yy), scale = atanh_ratio(*c * yy.hi, g), slope = atanh_ratio_slope(*c * yy.hi, g);
    const double to_y = 2 * *c * slope * Gy;
    HG_SIMD
    for (int i = team.rank(); i < d; i += Team::size) y_bar[i] = T(scale * G[i] + to_y * y[i]);
    put(team, c_bar, Gy * yy.hi * slope);
}

// (g_x e + c|e|^2 x) / N with e = x + y
template <class Team, class T>
HG_FN void mobius_add(Team team, int d, const T* x, const T* y, const double* c, T* out) {
    const Pair p = pair(team, d, x, y, *c, 1);
    const double to_e = p.gx / p.N, to_x = *c * p.ee / p.N;
    HG_SIMD
    for (int i = team.rank(); i < d; i += Team::size) {
        const double xi = x[i], yi = y[i];
        out[i] = T(to_e * (yi + xi) + to_x * xi);
    }
}

// y: a gyration. x: ((g_x + c|e|^2) G - 2c kappa out) / N, kappa = G.y + c|y|^2 G.x.
template <class Team, class T>
HG_FN void mobius_add_vjp(Team team, int d, const T* G, const T* x, const T* y, const double* c, T* x_bar, T* y_bar,
                          double* c_bar) {
    const Pair p = pair(team, d, x, y, *c, 1);
    double Gx, Gy, Ge, xe;
    sum(team, d, into(Gx, Gy, Ge, xe), [=](auto at) {
        const auto xi = at(x), yi = at(y), Gi = at(G), ei = yi + xi;
        return terms(Gi * xi, Gi * yi, Gi * ei, xi * ei);
    });
    const double out = (p.gx * Ge + *c * p.ee * Gx) / p.N;  // G . (x (+) y)
    const double kappa = Gy + *c * p.yy * Gx;
    const Gyration t = gyration(*c, p.gx, p.xx, p.ee, p.N, xe, Gx, Ge);
    const double x_G = (p.gx + *c * p.ee) / p.N, y_G = p.gx / p.N, to_out = -2 * *c * kappa / (p.N * p.N);
    const double x_e = to_out * p.gx, x_x = to_out * *c * p.ee;
    HG_SIMD
    for (int i = team.rank(); i < d; i += Team::size) {
        const double Gi = G[i], xi = x[i], yi = y[i], ei = yi + xi;
        x_bar[i] = T(x_G * Gi + x_e * ei + x_x * xi);
        y_bar[i] = T(y_G * (Gi + t.to_x * xi + t.to_e * ei));
    }
    put(team, c_bar, y_G * out * p.yy - p.ee * kappa / (p.N * p.N));
}

// Rows with sqrt(c)|x| > 1 - margin are scaled to 1 - margin; the others keep their bits.
template <class Team, class T>
HG_FN void project(Team team, int d, const T* x, const T* margin, const double* c, T* out) {
    double xx;
    sum(team, d, into(xx), [=](auto at) { return terms(at(x) * at(x)); });
    const double r = sqrt(*c) * length(team, d, xx, [=](auto at) { return at(x); }), limit = 1 - double(*margin);
    const double scale = r <= limit ? 1 : limit / r + 0 * r;
    HG_SIMD
    for (int i = team.rank(); i < d; i += Team::size) out[i] = T(scale * x[i]);
}

// (g_x^2 / 4) u
template <class Team, class T>
HG_FN void egrad2rgrad(Team team, int d, const T* x, const T* u, const double* c, T* out) {
    const double g = gap(*c, squares(team, d, x)), scale = g * g / 4;
    HG_SIMD
    for (int i = team.rank(); i < d; i += Team::size) out[i] = T(scale * u[i]);
}

template <class Team, class T>
HG_FN void egrad2rgrad_vjp(Team team, int d, const T* G, const T* x, const T* u, const double* c, T* x_bar, T* u_bar,
                           double* c_bar) {
    double Gu;
    sum(team, d, into(Gu), [=](auto at) { return terms(at(G) * at(u)); });
    const Twofold xx = squares(team, d, x);
    const double g = gap(*c, xx), scale = g * g / 4, to_x = -*c * g * Gu;
    HG_SIMD
    for (int i = team.rank(); i < d; i += Team::size) {
        x_bar[i] = T(to_x * x[i]);
        u_bar[i] = T(scale * G[i]);
    }
    put(team, c_bar, -xx.hi * g * Gu / 2);
}

}  // namespace hypergeom::poincare
