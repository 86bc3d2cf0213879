// The exponential and the logarithmic map of the ball: hypergeom/poincare/maps.py.
#pragma once
#include "points.hpp"

namespace hypergeom::poincare {

// A tangent v at x, a = sqrt(c)|v| / g_x its hyperbolic length / 2, decay = e^{-2a} = 1 + loss.
template <class S>
struct Tangent {
    S xx, vv, xv, g, norm, a, loss, decay;
};

template <class Team, class T>
HG_FN Tangent<Real<T>> tangent(Team team, int d, const T* x, const T* v, Real<T> c) {
    typedef Real<T> S;
    Tangent<Real<T>> t;
    sum(team, d, into(t.vv, t.xv), [=](auto at) {
        const auto vi = at(v);
        return terms(vi * vi, at(x) * vi);
    });
    const Twofold<S> xx = squares(team, d, x);
    t.xx = xx.hi;
    t.g = gap(c, xx);
    t.norm = length(team, d, t.vv, [=](auto at) { return at(v); });
    t.a = sqrt(c) * t.norm / t.g;
    t.loss = expm1(-2 * t.a);
    t.decay = 1 + t.loss;
    return t;
}

// x + (slope v + g_x sigma x) / Delta with slope = sinh(2a) / (2a), sigma = sinh^2 a, Delta = 1 + (1 + c|x|^2) sigma + 2c x.v
// slope / g_x; all three times `decay`. exp_x(0) is x.
template <class Team, class T>
HG_FN void exp_near(Team team, int d, const T* x, const T* v, Real<T> c, const Tangent<Real<T>>& t, T* out) {
    typedef Real<T> S;
    const S slope = where(t.a > 0, -t.loss * (1 + t.decay) / (4 * t.a), 1 + t.a), sigma = t.loss * t.loss / 4;
    const S Delta = t.decay + (1 + c * t.xx) * sigma + 2 * c * t.xv * slope / t.g;
    const S to_v = slope / Delta, to_x = t.g * sigma / Delta;
    for (int i = team.rank(); i < d; i += Team::size) {
        const S xi = x[i], vi = v[i];
        out[i] = T(xi + (to_v * vi + to_x * xi));
    }
}

// From a point near the rim towards the origin and beyond, the terms of that sum cancel. In the plane of x and v, with
// k = sqrt(c)|x|, omega = (1 - k) / (1 + k) and lift = 1 + cos of the angle between v and x, the endpoint is
//     ((decay^2 - omega^2) + gain (1 + omega^2) / 2 lift) x/|x| + omega gain v_perp/|v|,    gain = 1 - decay^2
// over sqrt(c) den, den = (decay + omega)^2 + gain (1 - omega^2) / 2 lift: the addition theorems of cosh and sinh, in
// exponentials of one sign. Its difference from x has the factor omega in every term, and its gap is 4 omega decay /
// den. No tangent is too long. v_perp = v - along x - rest x, split twice as in hypergeom::lorentz.
template <class S>
struct FarEnd {
    S r, k, omega, along, rest, lift, decay, gain, both, scale, to_perp;  // scale = 1 / (sqrt(c) den)
};

template <class Team, class T>
HG_FN FarEnd<Real<T>> far_end(Team team, int d, const T* x, const T* v, Real<T> c, const Tangent<Real<T>>& t) {
    typedef Real<T> S;
    FarEnd<Real<T>> f;
    f.r = length(team, d, t.xx, [=](auto at) { return at(x); }), f.k = sqrt(c) * f.r;
    f.omega = t.g / ((1 + f.k) * (1 + f.k));
    const S to_unit = 1 / t.norm, along = f.along = where(f.r > 0, t.xv / t.xx, S(0));
    S again, perp;
    sum(team, d, into(again), [=](auto at) { return terms(fma(-along, at(x), at(v)) * at(x)); });
    const S rest = f.rest = where(f.r > 0, again / t.xx, S(0));
    sum(team, d, into(perp), [=](auto at) {
        const auto w = to_unit * (fma(-along, at(x), at(v)) - rest * at(x));
        return terms(w * w);
    });
    const S cosine = (along + rest) * f.r * to_unit;
    f.lift = where(cosine < 0, perp / (1 - cosine), 1 + cosine);
    f.decay = hypergeom::exp(-2 * t.a), f.gain = -t.loss * (1 + f.decay), f.both = f.decay + f.omega;
    f.scale = 1 / (sqrt(c) * (f.both * f.both + f.gain * (1 - f.omega * f.omega) / 2 * f.lift));
    f.to_perp = f.scale * f.omega * f.gain * to_unit;
    return f;
}

template <class Team, class T, class M>
HG_FN void exp_far(Team team, int d, const T* x, const T* v, Real<T> c, const Tangent<Real<T>>& t, M far, T* out) {
    typedef Real<T> S;
    const FarEnd<Real<T>> f = far_end(team, d, x, v, c, t);
    const S to_x =
        f.scale * reciprocal(f.r) * ((f.decay - f.omega) * f.both + f.gain * (1 + f.omega * f.omega) / 2 * f.lift);
    for (int i = team.rank(); i < d; i += Team::size) {
        const S xi = x[i], vi = v[i];
        put_where(far, out[i], to_x * xi + f.to_perp * (fma(-f.along, xi, vi) - f.rest * xi));
    }
}

// x (+) tanh(a) v / (sqrt(c)|v|)
template <class Team, class T>
HG_FN void exp(Team team, int d, const T* x, const T* v, const Real<T>* c, T* out) {
    const Tangent<Real<T>> t = tangent(team, d, x, v, *c);
    const auto far = t.a >= 0.25;
    if (any(!far)) exp_near(team, d, x, v, *c, t, out);
    if (any(far)) exp_far(team, d, x, v, *c, t, far, out);
}

// Through x (+) z with z = tanh(a)/a v / g_x, whose gap is sech^2 a.
template <class Team, class T>
HG_FN void exp_near_vjp(Team team, int d, const T* G, const T* x, const T* v, const Real<T>* c, const Tangent<Real<T>>& t,
                        T* x_bar, T* v_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const S g = t.g, alpha = t.a * t.a, z_of_v = tanh_ratio(alpha) / g;
    const S gz = 4 * t.decay / ((1 + t.decay) * (1 + t.decay));
    S Gx, Gv, Ge, ee, xe, ve;
    sum(team, d, into(Gx, Gv, Ge, ee, xe, ve), [=](auto at) {
        const auto xi = at(x), vi = at(v), Gi = at(G), ei = xi + z_of_v * vi;
        return terms(Gi * xi, Gi * vi, Gi * ei, ei * ei, xi * ei, vi * ei);
    });
    const S N = g * gz + *c * ee, z = z_of_v * t.norm, zz = z * z, Gz = z_of_v * Gv;
    const Gyration<S> r = gyration(*c, g, t.xx, ee, N, xe, Gx, Ge);
    const S v_zbar = g / N * (Gv + r.to_x * t.xv + r.to_e * ve), slope = tanh_ratio_slope(alpha);

    const S kappa = *c * zz * Gx + Gz;
    const S rate = zz * (g + *c * t.xx * gz) * Gx - 2 * (z_of_v * t.xv + *c * t.xx * zz) * Gz;
    put(team, c_bar, rate / (N * N) + slope * (1 + *c * t.xx) * v_zbar / g * (t.vv / (g * g * g)));

    const S x_G = (g + *c * ee) / N, x_e = -2 * *c * kappa * g / (N * N);
    const S x_x = 2 * *c * (gz * v_zbar / (g * g) - kappa * *c * ee / (N * N));
    const S v_G = z_of_v * g / N, v_v = 2 * *c * slope * v_zbar / (g * g * g);
    for (int i = team.rank(); i < d; i += Team::size) {
        const S Gi = G[i], xi = x[i], vi = v[i], ei = xi + z_of_v * vi;
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
template <class Team, class T, class M>
HG_FN void exp_far_vjp(Team team, int d, const T* G, const T* x, const T* v, const Real<T>* c_,
                       const Tangent<Real<T>>& t, M far, T* x_bar, T* v_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const S c = *c_;
    const FarEnd<Real<T>> f = far_end(team, d, x, v, c, t);
    const S to_unit = 1 / t.norm, along = f.along, rest = f.rest, to_perp = f.to_perp;
    const S e_x = f.scale * f.omega * reciprocal(f.r) * (2 * t.loss * f.both / (1 + f.omega) + f.gain * f.lift);
    const S xu = t.xv * to_unit, beta = xu * to_unit;
    S Gx, Ge, ee, xe, again;
    sum(team, d, into(Gx, Ge, ee, xe, again), [=](auto at) {
        const auto xi = at(x), vi = at(v), Gi = at(G);
        const auto ei = e_x * xi + to_perp * (fma(-along, xi, vi) - rest * xi);
        return terms(Gi * xi, Gi * ei, ei * ei, xi * ei, fma(-beta, vi, xi) * (to_unit * vi));
    });
    const S beta_rest = again * to_unit, rim = 4 * f.omega * f.scale * sqrt(c);  // g_end / decay
    const S N = t.g * rim * f.decay + c * ee, s = 2 * c / N, H_G = rim / t.g;
    const S H_x = -H_G * s * (c * ee * Gx + (t.g - 2 * c * xe) * Ge), H_e = H_G * s * (t.g * Gx - c * t.xx * Ge);
    S Hx, Hu, H_across;
    sum(team, d, into(Hx, Hu, H_across), [=](auto at) {
        const auto xi = at(x), vi = at(v);
        const auto ei = e_x * xi + to_perp * (fma(-along, xi, vi) - rest * xi);
        const auto Hi = H_G * at(G) + H_x * xi + H_e * ei;
        return terms(Hi * xi, Hi * (to_unit * vi), Hi * (fma(-beta, vi, xi) - beta_rest * vi));
    });
    const S root = sqrt(c), v_H = f.gain / (4 * t.a), v_u = (f.decay - v_H) * Hu;
    const S x_H = f.decay * f.decay + f.gain / 2 * (f.omega * (1 + f.k) + f.k * f.lift);
    const S x_u = (f.decay - x_H) * Hu - root * f.gain / 2 * H_across, x_x = 2 * root * t.a * f.decay * Hu;
    for (int i = team.rank(); i < d; i += Team::size) {
        const S xi = x[i], vi = v[i], ui = to_unit * vi;
        const S ei = e_x * xi + to_perp * (fma(-along, xi, vi) - rest * xi);
        const S Hi = H_G * G[i] + H_x * xi + H_e * ei;
        put_where(far, x_bar[i], x_H * Hi + x_u * ui + x_x * xi);
        put_where(far, v_bar[i], v_H * Hi + v_u * ui);
    }
    const S of_x = x_H * Hx + x_u * xu + x_x * t.xx, of_v = t.norm * f.decay * Hu;
    if (team.rank() == 0) put_where(far, *c_bar, (of_x + of_v - Gx - Ge) / (2 * c));
}

template <class Team, class T>
HG_FN void exp_vjp(Team team, int d, const T* G, const T* x, const T* v, const Real<T>* c, T* x_bar, T* v_bar,
                   Real<T>* c_bar) {
    const Tangent<Real<T>> t = tangent(team, d, x, v, *c);
    const auto far = t.a >= 0.25;
    if (any(!far)) exp_near_vjp(team, d, G, x, v, c, t, x_bar, v_bar, c_bar);
    if (any(far)) exp_far_vjp(team, d, G, x, v, c, t, far, x_bar, v_bar, c_bar);
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

template <class Team, class T>
HG_FN void exp0_vjp(Team team, int d, const T* G, const T* v, const Real<T>* c, T* v_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    S vv, Gv;
    sum(team, d, into(vv, Gv), [=](auto at) { return terms(at(v) * at(v), at(G) * at(v)); });
    const S q = where(*c >= 0, *c * vv + 0 * *c, S(nan("")));
    const S scale = tanh_ratio(q), slope = tanh_ratio_slope(q), to_v = 2 * *c * slope * Gv;
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
    const S q = *c * p.ee / p.D, H = theta_sinh_ratio(q), slope = theta_sinh_ratio_slope(q);
    const S M = p.gx * Ge - *c * p.ee * Gx;
    const S of_ee = *c * (slope * M / p.D - H * Gx) / p.gy;
    const S of_gx = (H * Ge - slope * M * q / p.gx) / p.gy;
    const S of_gy = -(slope * q + H) * M / (p.gy * p.gy);
    const S G_x = -H * (p.gx + *c * p.ee) / p.gy, G_y = H * p.gx / p.gy;
    const S x_x = -2 * *c * of_gx, y_y = -2 * *c * of_gy, e_e = 2 * of_ee;
    for (int i = team.rank(); i < d; i += Team::size) {
        const S Gi = G[i], xi = x[i], yi = y[i], ei = e_e * (yi - xi);
        x_bar[i] = T(G_x * Gi + x_x * xi - ei);
        y_bar[i] = T(G_y * Gi + y_y * yi + ei);
    }
    put(team, c_bar,
        p.ee * slope * M * (1 / p.gx + 1 / p.gy - 1) / (p.gy * p.D) +
            H / (p.gy * p.gy) * (Ge * es - p.ee * Gx));  // e.s = |y|^2 - |x|^2
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
