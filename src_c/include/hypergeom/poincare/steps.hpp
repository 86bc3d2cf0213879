// Steps from a point along a tangent vector: what the exponential map, the retraction, geodesics and the transport along
// them share. A step ends at the distance 2a / sqrt(c) in the direction of v. With b = sqrt(c)|v| / g_x, half the length of v
// times sqrt(c), the exponential map has a = b and the retraction a = asinh b.
//
// G, x, v are functors here: of an entry, as the terms of sums are. The rows may be sums of others.
#pragma once
#include "points.hpp"

namespace hypergeom::poincare {

// decay = e^{-2a} = 1 + loss, slope = decay sinh(2a) / (2b), rate = da/db
template <class S>
struct Step {
    S xx, vv, xv, g, norm, b, decay, loss, slope, rate;
};

// Beyond this the sum x + displacement may cancel (see FarEnd); both ways are good around it.
template <class S>
HG_FN auto is_far(const Step<S>& t) {
    return t.b >= 0.25;
}

template <class Team, class T>
HG_FN Step<Real<T>> tangent(Team team, int d, const T* x, const T* v, Real<T> c) {
    typedef Real<T> S;
    Step<S> t;
    sum(team, d, into(t.vv, t.xv), [=](auto at) {
        const auto vi = at(v);
        return terms(vi * vi, at(x) * vi);
    });
    const Twofold<S> xx = squares(team, d, x);
    t.xx = xx.hi;
    t.g = gap(c, xx);
    t.norm = length(team, d, t.vv, [=](auto at) { return at(v); });
    t.b = sqrt(c) * t.norm / t.g + 0 * t.norm;  // an infinite v makes the whole row NaN
    return t;
}

// What the rounding of b = sqrt(c) norm / g has cut off.
template <class S>
HG_FN S cut_off(S c, Twofold<S> xx, S g, Twofold<S> vv, S norm, S b) {
    const S p = c * xx.hi, root = sqrt(c), product = root * norm;
    S gap_hi = 1 - p, gap_lo = (1 - gap_hi) - p;
    add_exactly(gap_hi, gap_lo, -(fma(c, xx.hi, -p) + c * xx.lo));
    const S root_lo = fma(-root, root, c) / (2 * root);
    const S norm_lo = (fma(-norm, norm, vv.hi) + vv.lo) / (2 * norm);
    const S product_lo = fma(root, norm, -product) + root * norm_lo + root_lo * norm;
    const S lo = (fma(-b, g, product) + product_lo - b * ((gap_hi - g) + gap_lo)) / g;
    return where(fabs(lo) < 1e-14 * b, lo, S(0));  // not where squares are out of range
}

// e^{-2(a + lo)} and that less 1: a is long, and an error of a is one of the decay.
template <class S, class M>
HG_FN void set_decay(Step<S>& t, M far, S a, S lo) {
    t.loss = expm1(-2 * a);
    const S decay = hypergeom::exp(-2 * a), change = -2 * lo * decay;
    t.decay = where(far, decay + change, 1 + t.loss), t.loss = where(far, t.loss + change, t.loss);
    t.slope = where(a > 0, -t.loss * (1 + t.decay) / (4 * a), 1 + a), t.rate = S(1);
}

template <class Team, class T>
HG_FN Step<Real<T>> exp_step(Team team, int d, const T* x, const T* v, Real<T> c) {
    typedef Real<T> S;
    Step<S> t = tangent(team, d, x, v, c);
    const auto far = is_far(t);
    S lo = S(0);
    if (any(far)) lo = cut_off(c, squares(team, d, x), t.g, squares(team, d, v), t.norm, t.b);
    set_decay(t, far, t.b, lo);
    return t;
}

template <class Team, class T>
HG_FN Step<Real<T>> retract_step(Team team, int d, const T* x, const T* v, Real<T> c) {
    typedef Real<T> S;
    Step<S> t = tangent(team, d, x, v, c);
    const S h = where(t.b > 1e9, t.b, sqrt(1 + t.b * t.b)), s = t.b + h;  // cosh a and e^a
    t.decay = 1 / (s * s), t.loss = -2 * (t.b / s), t.slope = h / (s * s), t.rate = 1 / h;
    return t;
}

// Where a step ends, as x + to_x x + to_v (v - (along + rest) x), and the gap there. Close by, with sigma = sinh^2 a and all
// times decay, it is x + (slope v + g sigma x) / Delta, Delta = 1 + (1 + c|x|^2) sigma + 2c x.v slope / g.
template <class S>
struct Chord {
    S to_x, to_v, along, rest, gap;

    HG_FN S operator()(S x, S v) const { return to_x * x + to_v * (fma(-along, x, v) - rest * x); }
};

template <class S>
HG_FN Chord<S> near_chord(S c, const Step<S>& t) {
    const S sigma = t.loss * t.loss / 4, Delta = t.decay + (1 + c * t.xx) * sigma + 2 * c * t.xv * t.slope / t.g;
    return {t.g * sigma / Delta, t.slope / Delta, S(0), S(0), t.g * t.decay / Delta};
}

// From a point near the rim towards the origin and beyond, the terms of that sum cancel. In the plane of x and v, with
// k = sqrt(c)|x|, omega = (1 - k) / (1 + k) and lift = 1 + cos of the angle between v and x, the endpoint is
//     ((decay^2 - omega^2) + gain (1 + omega^2) / 2 lift) x/|x| + omega gain v_perp/|v|,    gain = 1 - decay^2
// over sqrt(c) den, den = (decay + omega)^2 + gain (1 - omega^2) / 2 lift: the addition theorems of cosh and sinh, in
// exponentials of one sign. Its difference from x has the factor omega in every term, and its gap is 4 omega decay /
// den. No tangent is too long. v_perp = v - along x - rest x, split twice as in hypergeom::lorentz.
template <class S>
struct FarEnd {
    S r, k, omega, along, rest, lift, gain, both, scale, to_perp;  // scale = 1 / (sqrt(c) den)
};

// For the direction of to_v v + to_x x, whose length is t.norm.
template <class Team, class S, class X, class V>
HG_FN FarEnd<S> far_end(Team team, int d, X x, V v, S to_v, S to_x, S xv, S c, const Step<S>& t) {
    FarEnd<S> f;
    f.r = length(team, d, t.xx, x), f.k = sqrt(c) * f.r;
    f.omega = t.g / ((1 + f.k) * (1 + f.k));
    const S to_unit = to_v / t.norm, along = f.along = where(f.r > 0, xv / t.xx, S(0));
    S again, perp;
    sum(team, d, into(again), [=](auto at) { return terms(fma(-along, x(at), v(at)) * x(at)); });
    const S rest = f.rest = where(f.r > 0, again / t.xx, S(0));
    sum(team, d, into(perp), [=](auto at) {
        const auto w = to_unit * (fma(-along, x(at), v(at)) - rest * x(at));
        return terms(w * w);
    });
    const S cosine = ((along + rest) * to_unit + to_x / t.norm) * f.r;
    f.lift = where(cosine < 0, perp / (1 - cosine), 1 + cosine);
    f.gain = -t.loss * (1 + t.decay), f.both = t.decay + f.omega;
    f.scale = 1 / (sqrt(c) * (f.both * f.both + f.gain * (1 - f.omega * f.omega) / 2 * f.lift));
    f.to_perp = f.scale * f.omega * f.gain * to_unit;
    return f;
}

// Its gap is rim times decay.
template <class S>
HG_FN S rim_of(S c, const FarEnd<S>& f) {
    return 4 * f.omega * f.scale * sqrt(c);
}

template <class S>
HG_FN Chord<S> far_chord(S c, const Step<S>& t, const FarEnd<S>& f) {
    const S to_x = f.scale * f.omega * reciprocal(f.r) * (2 * t.loss * f.both / (1 + f.omega) + f.gain * f.lift);
    return {to_x, f.to_perp, f.along, f.rest, rim_of(c, f) * t.decay};
}

template <class S, class M>
HG_FN Chord<S> select(M mask, const Chord<S>& a, const Chord<S>& b) {
    return {where(mask, a.to_x, b.to_x), where(mask, a.to_v, b.to_v), where(mask, a.along, b.along),
            where(mask, a.rest, b.rest), where(mask, a.gap, b.gap)};
}

// The endpoint itself.
template <class Team, class T, class X, class V, class S>
HG_FN void put_near(Team team, int d, X x, V v, const Chord<S>& chord, T* out) {
    for (int i = team.rank(); i < d; i += Team::size) {
        const S xi = x(Entry{i});
        out[i] = T(xi + chord(xi, v(Entry{i})));
    }
}

template <class Team, class T, class X, class V, class S, class M>
HG_FN void put_far(Team team, int d, X x, V v, const Step<S>& t, const FarEnd<S>& f, M far, T* out) {
    const S of_x = (t.decay - f.omega) * f.both + f.gain * (1 + f.omega * f.omega) / 2 * f.lift;
    const Chord<S> end = {f.scale * reciprocal(f.r) * of_x, f.to_perp, f.along, f.rest, S(0)};
    for (int i = team.rank(); i < d; i += Team::size) put_where(far, out[i], end(x(Entry{i}), v(Entry{i})));
}

template <class Team, class T>
HG_FN void put_end(Team team, int d, const T* x_, const T* v_, Real<T> c, const Step<Real<T>>& t, T* out) {
    const auto x = [=](auto at) { return at(x_); };
    const auto v = [=](auto at) { return at(v_); };
    const auto far = is_far(t);
    if (any(!far)) put_near(team, d, x, v, near_chord(c, t), out);
    if (any(far)) put_far(team, d, x, v, t, far_end(team, d, x, v, Real<T>(1), Real<T>(0), t.xv, c, t), far, out);
}

// Gradients. Near x a step is the translation x (+) z / g_x v of a point with that gap; z is smooth in b^2, and the slope
// of b z in b is `radial`.
template <class S>
struct Translation {
    S z, slope, radial, gap;
};

template <class S>
HG_FN Translation<S> exp_translation(const Step<S>& t) {
    const S square = t.b * t.b, sech2 = 4 * t.decay / ((1 + t.decay) * (1 + t.decay));
    return {tanh_ratio(square), tanh_ratio_slope(square), sech2, sech2};
}

template <class S>
HG_FN Translation<S> retract_translation(const Step<S>& t) {
    const S square = t.rate * t.rate, cube = square * t.rate;
    return {t.rate, -0.5 * cube, cube, square};
}

// With the end e = x + z v: x_bar = x_G G + x_e e + x_x x, v_bar = v_G (G + to_x x + to_e e) + v_v v.
template <class S>
struct NearBars {
    S z, x_G, x_e, x_x, v_G, to_x, to_e, v_v, c;

    HG_FN S x_bar(S G, S x, S v) const { return x_G * G + x_e * (x + z * v) + x_x * x; }
    HG_FN S v_bar(S G, S x, S v) const { return v_G * (G + to_x * x + to_e * (x + z * v)) + v_v * v; }
};

template <class Team, class S, class F, class X, class V>
HG_FN NearBars<S> near_bars(Team team, int d, F G, X x, V v, S c, const Step<S>& t, const Translation<S>& p) {
    const S g = t.g, z_of_v = p.z / g;
    S Gx, Gv, Ge, ee, xe, ve;
    sum(team, d, into(Gx, Gv, Ge, ee, xe, ve), [=](auto at) {
        const auto xi = x(at), vi = v(at), Gi = G(at), ei = xi + z_of_v * vi;
        return terms(Gi * xi, Gi * vi, Gi * ei, ei * ei, xi * ei, vi * ei);
    });
    const S N = g * p.gap + c * ee, z = z_of_v * t.norm, zz = z * z, Gz = z_of_v * Gv;
    const Gyration<S> r = gyration(c, g, t.xx, ee, N, xe, Gx, Ge);
    const S v_zbar = g / N * (Gv + r.to_x * t.xv + r.to_e * ve);

    const S kappa = c * zz * Gx + Gz;
    const S rate = zz * (g + c * t.xx * p.gap) * Gx - 2 * (z_of_v * t.xv + c * t.xx * zz) * Gz;
    NearBars<S> n;
    n.c = rate / (N * N) + p.slope * (1 + c * t.xx) * v_zbar / g * (t.vv / (g * g * g));
    n.z = z_of_v, n.x_G = (g + c * ee) / N, n.x_e = -2 * c * kappa * g / (N * N);
    n.x_x = 2 * c * (p.radial * v_zbar / (g * g) - kappa * c * ee / (N * N));
    n.v_G = z_of_v * g / N, n.to_x = r.to_x, n.to_e = r.to_e, n.v_v = 2 * c * p.slope * v_zbar / (g * g * g);
    return n;
}

// Cotangents of the logarithmic map, H(q) (g_x e - c|e|^2 x) / g_y with H = theta_sinh_ratio, given those dots of G:
//     x_bar = x_G G + x_x x - e e,    y_bar = y_G G + y_y y + e e
template <class S>
struct LogBars {
    S x_G, x_x, y_G, y_y, e, c;
};

template <class S>
HG_FN LogBars<S> log_bars(S c, S gx, S gy, S ee, S Gx, S Ge, S es) {
    const S D = gx * gy, q = c * ee / D, H = theta_sinh_ratio(q), slope = theta_sinh_ratio_slope(q);
    const S M = gx * Ge - c * ee * Gx;
    const S of_gx = (H * Ge - slope * M * q / gx) / gy, of_gy = -(slope * q + H) * M / (gy * gy);
    LogBars<S> l;
    l.x_G = -H * (gx + c * ee) / gy, l.x_x = -2 * c * of_gx, l.y_G = H * gx / gy, l.y_y = -2 * c * of_gy;
    l.e = 2 * c * (slope * M / D - H * Gx) / gy;
    // e.s = |y|^2 - |x|^2
    l.c = ee * slope * M * (1 / gx + 1 / gy - 1) / (gy * D) + H / (gy * gy) * (Ge * es - ee * Gx);
    return l;
}

// The cotangent G of the end, taken back to x by the adjoint of parallel transport, is decay H: with the chord e,
// H = G + to_x x + to_e e, times g_end / (g_x decay). On a line, d = 1, it is a multiple of G.
template <class S>
struct Carried {
    S G, x, e;
};

template <class S>
HG_FN Carried<S> carried(int d, S c, const Step<S>& t, const FarEnd<S>& f, S Gx, S Ge, S ee, S xe) {
    const S rim = rim_of(c, f), to_G = rim / t.g;
    if (d == 1) return {to_G, S(0), S(0)};
    const S N = t.g * rim * t.decay + c * ee, s = 2 * c / N;
    return {to_G, -to_G * s * (c * ee * Gx + (t.g - 2 * c * xe) * Ge), to_G * s * (t.g * Gx - c * t.xx * Ge)};
}

// A variation of the geodesic is a Jacobi field: its part along the geodesic is carried as it is, the part across grows
// by cosh 2a from where it starts, and by sinh(2a) / 2 from its first derivative. With h = decay H and u = v/|v|,
//     v_bar = rate (h.u) u + sinh(2a) / (2b) (h - (h.u) u)
//     x_bar = (h.u) (u + 2 sqrt(c) b rate x) + (cosh 2a + sqrt(c) x.u sinh 2a) (h - (h.u) u) - sqrt(c) sinh 2a (h.x_perp) u,
// x_perp the part of x across v; c_bar follows from f(x, v; c) = f(sqrt(c) x, sqrt(c) v; 1) / sqrt(c). On a line nothing is
// across, and what is long there is not to leave its rounding behind.
template <class S>
struct FarBars {
    Carried<S> H;
    S x_H, x_u, x_x, v_H, v_u, c;
};

template <class Team, class S, class F, class X, class V>
HG_FN FarBars<S> far_bars(Team team, int d, F G, X x, V v, S c, const Step<S>& t, const FarEnd<S>& f,
                          const Chord<S>& chord) {
    const S to_unit = 1 / t.norm, xu = t.xv * to_unit, beta = xu * to_unit;
    S Gx, Ge, ee, xe, again;
    sum(team, d, into(Gx, Ge, ee, xe, again), [=](auto at) {
        const auto xi = x(at), vi = v(at), Gi = G(at), ei = chord(xi, vi);
        return terms(Gi * xi, Gi * ei, ei * ei, xi * ei, fma(-beta, vi, xi) * (to_unit * vi));
    });
    const S beta_rest = again * to_unit;
    FarBars<S> b;
    const Carried<S> H = b.H = carried(d, c, t, f, Gx, Ge, ee, xe);
    S Hx, Hu, H_across;
    sum(team, d, into(Hx, Hu, H_across), [=](auto at) {
        const auto xi = x(at), vi = v(at), Hi = H.G * G(at) + H.x * xi + H.e * chord(xi, vi);
        return terms(Hi * xi, Hi * (to_unit * vi), Hi * (fma(-beta, vi, xi) - beta_rest * vi));
    });
    const S root = sqrt(c);
    const bool line = d == 1;
    b.v_H = line ? t.decay * t.rate : f.gain / (4 * t.b), b.v_u = line ? S(0) : (t.decay * t.rate - b.v_H) * Hu;
    b.x_H = line ? t.decay : t.decay * t.decay + f.gain / 2 * (f.omega * (1 + f.k) + f.k * f.lift);
    b.x_u = line ? S(0) : (t.decay - b.x_H) * Hu - root * f.gain / 2 * H_across;
    b.x_x = 2 * root * t.b * t.rate * t.decay * Hu;
    const S of_x = b.x_H * Hx + b.x_u * xu + b.x_x * t.xx, of_v = t.norm * t.decay * t.rate * Hu;
    b.c = (of_x + of_v - Gx - Ge) / (2 * c);
    return b;
}

// Cotangents of x, beside what `more` and `more_c` add to those of x and c, and of v.
template <class Team, class T, class F, class More, class S>
HG_FN void step_vjp(Team team, int d, F G, const T* x_, const T* v_, S c, const Step<S>& t, const Translation<S>& p,
                    More more, S more_c, T* x_bar, T* v_bar, S* c_bar) {
    const auto x = [=](auto at) { return at(x_); };
    const auto v = [=](auto at) { return at(v_); };
    const auto far = is_far(t);
    if (any(!far)) {
        const NearBars<S> n = near_bars(team, d, G, x, v, c, t, p);
        for (int i = team.rank(); i < d; i += Team::size) {
            const S Gi = G(Entry{i}), xi = x_[i], vi = v_[i];
            x_bar[i] = T(more(Entry{i}) + n.x_bar(Gi, xi, vi));
            v_bar[i] = T(n.v_bar(Gi, xi, vi));
        }
        put(team, c_bar, more_c + n.c);
    }
    if (any(far)) {
        const FarEnd<S> f = far_end(team, d, x, v, S(1), S(0), t.xv, c, t);
        const Chord<S> chord = far_chord(c, t, f);
        const FarBars<S> b = far_bars(team, d, G, x, v, c, t, f, chord);
        const S to_unit = 1 / t.norm;
        for (int i = team.rank(); i < d; i += Team::size) {
            const S Gi = G(Entry{i}), xi = x_[i], vi = v_[i], ui = to_unit * vi;
            const S Hi = b.H.G * Gi + b.H.x * xi + b.H.e * chord(xi, vi);
            put_where(far, x_bar[i], more(Entry{i}) + (b.x_H * Hi + b.x_u * ui + b.x_x * xi));
            put_where(far, v_bar[i], b.v_H * Hi + b.v_u * ui);
        }
        if (team.rank() == 0) put_where(far, *c_bar, more_c + b.c);
    }
}

}  // namespace hypergeom::poincare
