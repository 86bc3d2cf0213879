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

// The gap g to the rim of a point with |x|^2 = xx: the one place that decides what is inside.
HG_FN double gap(double c, double xx) {
    const double g = 1 - c * xx;
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
    sum(team, d, into(p.xx, p.yy, p.ee), [=](auto at) {
        const auto xi = at(x), yi = at(y), ei = yi + sign * xi;
        return terms(xi * xi, yi * yi, ei * ei);
    });
    p.gx = gap(c, p.xx), p.gy = gap(c, p.yy);
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
    double yy;
    sum(team, d, into(yy), [=](auto at) { return terms(at(y) * at(y)); });
    const double r = length(team, d, yy, [=](auto at) { return at(y); });
    put(team, out, 2 * r * atanh_ratio(*c * yy, gap(*c, yy)));
}

template <class Team, class T>
HG_FN void dist0_vjp(Team team, int d, const T* G, const T* y, const double* c, T* y_bar, double* c_bar) {
    double yy;
    sum(team, d, into(yy), [=](auto at) { return terms(at(y) * at(y)); });
    const double r = length(team, d, yy, [=](auto at) { return at(y); }), g = gap(*c, yy);
    const double scale = 2 * double(*G) / g, inverse = reciprocal(r);
    HG_SIMD
    for (int i = team.rank(); i < d; i += Team::size) y_bar[i] = T(scale * (inverse * y[i]));
    put(team, c_bar, 2 * double(*G) * r * yy * atanh_ratio_slope(*c * yy, g));
}

// A tangent v at x, a = sqrt(c)|v| / g_x its hyperbolic length / 2, decay = e^{-2a} = 1 + loss.
struct Tangent {
    double xx, vv, xv, g, norm, a, loss, decay;
};

template <class Team, class T>
HG_FN Tangent tangent(Team team, int d, const T* x, const T* v, double c) {
    Tangent t;
    sum(team, d, into(t.xx, t.vv, t.xv), [=](auto at) {
        const auto xi = at(x), vi = at(v);
        return terms(xi * xi, vi * vi, xi * vi);
    });
    t.g = gap(c, t.xx);
    t.norm = length(team, d, t.vv, [=](auto at) { return at(v); });
    t.a = sqrt(c) * t.norm / t.g;
    t.loss = expm1(-2 * t.a);
    t.decay = 1 + t.loss;
    return t;
}

// x (+) tanh(a) v / (sqrt(c)|v|), as x + (S v + g_x sigma x) / Delta where S = sinh(2a) / (2a), sigma = sinh^2 a and
// Delta = 1 + (1 + c|x|^2) sigma + 2c x.v S / g_x. The three carry the factor `decay`: it cancels, and no tangent is
// too long.
template <class Team, class T>
HG_FN void exp(Team team, int d, const T* x, const T* v, const double* c, T* out) {
    const Tangent t = tangent(team, d, x, v, *c);
    const double S = t.a > 0 ? -t.loss * (1 + t.decay) / (4 * t.a) + 0 * t.a : 1 + t.a;
    const double sigma = t.loss * t.loss / 4;
    double Delta;
    if (t.a < 0.25) {
        Delta = t.decay + (1 + *c * t.xx) * sigma + 2 * *c * t.xv * S / t.g;
    } else {  // towards the origin that cancels; with u = v/|v|, this does not
        const double k = sqrt(*c), inverse = 1 / t.norm;
        double plus, minus;
        sum(team, d, into(plus, minus), [=](auto at) {
            const auto xi = k * at(x), ui = inverse * at(v), p = xi + ui, m = xi - ui;
            return terms(p * p, m * m);
        });
        Delta = t.g * t.decay / 2 + (plus + minus * t.decay * t.decay) / 4;
    }
    const double to_v = S / Delta, to_x = t.g * sigma / Delta;
    HG_SIMD
    for (int i = team.rank(); i < d; i += Team::size) {
        const double xi = x[i], vi = v[i];
        out[i] = T(xi + (to_v * vi + to_x * xi));
    }
}

// Through x (+) z with z = tanh(a)/a v / g_x, whose gap is sech^2 a.
template <class Team, class T>
HG_FN void exp_vjp(Team team, int d, const T* G, const T* x, const T* v, const double* c, T* x_bar, T* v_bar,
                   double* c_bar) {
    const Tangent t = tangent(team, d, x, v, *c);
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

    // Two forms of the same sums: z is small in one of them, x + z may be small in the other.
    const bool near = alpha < 0.5;
    const double kappa = near ? *c * zz * Gx + Gz : Ge - gz * Gx;
    const double rate = near ? zz * (g + *c * t.xx * gz) * Gx - 2 * (z_of_v * t.xv + *c * t.xx * zz) * Gz
                             : (z_of_v * ve + xe - t.xx * gz * gz) * Gx - 2 * (xe - t.xx * gz) * Ge;
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
    double yy;
    sum(team, d, into(yy), [=](auto at) { return terms(at(y) * at(y)); });
    const double scale = atanh_ratio(*c * yy, gap(*c, yy));
    HG_SIMD
    for (int i = team.rank(); i < d; i += Team::size) out[i] = T(scale * y[i]);
}

template <class Team, class T>
HG_FN void log0_vjp(Team team, int d, const T* G, const T* y, const double* c, T* y_bar, double* c_bar) {
    double yy, Gy;
    sum(team, d, into(yy, Gy), [=](auto at) { return terms(at(y) * at(y), at(G) * at(y)); });
    const double g = gap(*c, yy), scale = atanh_ratio(*c * yy, g), slope = atanh_ratio_slope(*c * yy, g);
    const double to_y = 2 * *c * slope * Gy;
    HG_SIMD
    for (int i = team.rank(); i < d; i += Team::size) y_bar[i] = T(scale * G[i] + to_y * y[i]);
    put(team, c_bar, Gy * yy * slope);
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
    double xx;
    sum(team, d, into(xx), [=](auto at) { return terms(at(x) * at(x)); });
    const double g = gap(*c, xx), scale = g * g / 4;
    HG_SIMD
    for (int i = team.rank(); i < d; i += Team::size) out[i] = T(scale * u[i]);
}

template <class Team, class T>
HG_FN void egrad2rgrad_vjp(Team team, int d, const T* G, const T* x, const T* u, const double* c, T* x_bar, T* u_bar,
                           double* c_bar) {
    double xx, Gu;
    sum(team, d, into(xx, Gu), [=](auto at) { return terms(at(x) * at(x), at(G) * at(u)); });
    const double g = gap(*c, xx), scale = g * g / 4, to_x = -*c * g * Gu;
    HG_SIMD
    for (int i = team.rank(); i < d; i += Team::size) {
        x_bar[i] = T(to_x * x[i]);
        u_bar[i] = T(scale * G[i]);
    }
    put(team, c_bar, -xx * g * Gu / 2);
}

}  // namespace hypergeom::poincare
