// Parallel transport along geodesics of the hyperboloid: hypergeom/lorentz/transports.py.
#pragma once
#include "maps.hpp"

namespace hypergeom::lorentz {

// The transport of v from x to y is v + k s, k = c nu / (2 (1 + q)), nu = <y, v>. With v = v_perp + a x it is
// v_perp + to_x x + k y: far from the apex, where v may be much longer than its image, a + k = to_x is written without
// the difference, and so is nu = y.v_perp + a tau, tau = -x.dQ/dx / 2.
template <class S>
struct Transport {
    Chord<S> p;
    ChordSlope<S> slope;
    Parts<S> v;
    S tau, y_perp, nu, k, to_x;  // y_perp = y.v_perp
};

template <class Team, class T>
HG_FN Transport<Real<T>> transport_between(Team team, int n, const T* point_x, const T* point_y, const T* tangent_v,
                                           Real<T> c) {
    typedef Real<T> S;
    Transport<S> r;
    r.p = chord(team, n, point_x, point_y, c);
    const Chord<S>& p = r.p;
    const T *x = point_x + 1, *y = point_y + 1, *v = tangent_v + 1;
    r.slope = chord_slope(team, n - 1, x, y, c, p.xx, p.xy, p.x0, p.e0, p.Q);
    r.v = parts(team, n - 1, c, p.xx, x, [=](auto at) { return S(at(v)); });
    S left;
    sum(team, n - 1, into(r.y_perp, left), [=](auto at) {
        const S xi = at(x), yi = r.slope.first(xi, S(at(y)));
        return terms(yi * r.v.across(xi, S(at(v))), yi * xi);
    });
    const auto far = c * p.xx > 1;
    r.tau = where(far, p.e0 / (c * p.x0) - p.Q / 2, left - p.e0 / p.x0 * p.xx);
    r.nu = r.y_perp + r.v.along * r.tau;
    r.k = c * r.nu / (2 * (1 + p.q));
    const S far_to_x = (r.v.along * (1 + p.y0 / p.x0) + c * r.y_perp) / (2 * (1 + p.q));
    r.to_x = where(far, far_to_x, r.v.along + r.k);
    return r;
}

template <class S>
HG_FN S transported(const Transport<S>& r, S xi, S yi, S vi) {
    return r.v.across(xi, vi) + (r.to_x * xi + r.k * yi);
}

// On a line the image is v y0/x0, with the time entry v y/x0; the parts across x are 0.
template <class Team, class T>
HG_FN void transport_on_line(Team team, const T* x, const T* y, const T* v, Real<T> c, T* out) {
    typedef Real<T> S;
    const Base<S> a = base(team, 2, x, c), b = base(team, 2, y, c);
    const S scale = S(v[1]) / a.x0;
    put(team, out, scale * y[1] + 0 * b.x0), put(team, out + 1, scale * b.x0);
}

template <class Team, class T>
HG_FN void transport_on_line_vjp(Team team, const T* G, const T* x, const T* y, const T* v, Real<T> c, T* x_bar,
                                 T* y_bar, T* v_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const Base<S> a = base(team, 2, x, c), b = base(team, 2, y, c);
    const S G0 = G[0], Gs = G[1], scale = S(v[1]) / a.x0, of_v = (Gs * b.x0 + G0 * y[1]) / a.x0;
    put(team, x_bar + 1, -scale * of_v * (x[1] / a.x0));
    put(team, y_bar + 1, scale * (Gs * (y[1] / b.x0) + G0));
    put(team, v_bar + 1, of_v);
    put_time_bar(team, x_bar, of_v), put_time_bar(team, y_bar, of_v), put_time_bar(team, v_bar, of_v);
    const S apart = (S(y[1]) - x[1]) * (S(y[1]) + x[1]);
    put(team, c_bar, scale * (Gs * (apart / b.x0) + G0 * y[1]) / (2 * (c * a.x0) * (c * a.x0)));
}

template <class Team, class T>
HG_FN void transport(Team team, int n, const T* x, const T* y, const T* v, const Real<T>* c, T* out) {
    typedef Real<T> S;
    if (n == 2) return transport_on_line(team, x, y, v, *c, out);
    const Transport<S> r = transport_between(team, n, x, y, v, *c);
    S yw;
    sum(team, n - 1, into(yw), [=, x = x + 1, y = y + 1, v = v + 1](auto at) {
        const S yi = at(y);
        return terms(yi * transported(r, S(at(x)), yi, S(at(v))));
    });
    for (int i = 1 + team.rank(); i < n; i += Team::size) out[i] = T(transported(r, S(x[i]), S(y[i]), S(v[i])));
    put(team, out, yw / r.p.y0);
}

// The part of v_bar along x, as a multiple of x, where G + C_n dnu/dv cancels.
template <class S>
HG_FN S v_bar_along(S c, const Chord<S>& p, S tau, S g, S G_perp) {
    const S whole = 2 * (1 + p.q);
    const S numerator =
        p.x0 * p.x0 + p.y0 * p.y0 - 2 * p.q * p.x0 * p.y0 - whole * p.y0 / (c * p.x0) + 2 * p.q * whole / c;
    return (g * (numerator / p.xx) + c * (tau / p.xx) * G_perp) / whole;
}

// The derivative in c of 2 (1 + q) k, where q is held in the factor. With rho = y0/x0 and shrink = 1/(c x0^2) it is
//     nu (1 + rho)^2 / (4 rho (1 + q)) - along (1 - shrink) (rho - 1) (1 + rho) / (2 c rho).
// Far from the apex the two cancel where v is along x, to
//     along (1 + rho) (shrink (rho - 1) / (2 c rho) - D / (4 (1 + q))),    D = d(cQ)/dc,
// by 4 q rho = c rho D + (1 - rho)^2.
template <class Team, class T, class S>
HG_FN S image_by_curvature(Team team, int n, const T* x, const T* y, S c, const Transport<S>& r) {
    const Chord<S>& p = r.p;
    const S rho = p.y0 / p.x0, sum = 1 + rho, rate = sum * sum / rho / (4 * (1 + p.q));
    const S shrink = 1 / (1 + c * p.xx), slant = (p.e0 / p.x0) * (sum / rho) / (2 * c);
    const S near = r.nu * rate - r.v.along * (1 - shrink) * slant;
    const S along = shrink * slant - sum * chord_by_curvature(team, n, x, y, c, p) / (4 * (1 + p.q));
    return where(c * p.xx > 1, r.y_perp * rate + r.v.along * along, near);
}

// With C_n the cotangent of nu: k G + C_n (k dnu/dx - y0/x0 M v) for x, k G + C_n M w for y, G + C_n dnu/dv for v,
// where M lowers an index.
template <class Team, class T>
HG_FN void transport_vjp(Team team, int n, const T* G, const T* x, const T* y, const T* v, const Real<T>* c_, T* x_bar,
                         T* y_bar, T* v_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const S c = *c_;
    if (n == 2) return transport_on_line_vjp(team, G, x, y, v, c, x_bar, y_bar, v_bar, c_bar);
    const Transport<S> r = transport_between(team, n, x, y, v, c);
    const Chord<S>& p = r.p;
    const S G0 = G[0], fold = G0 / p.y0;
    const auto folded = [=, G = G + 1, y = y + 1](auto at) { return S(at(G)) + fold * at(y); };
    // the image, less a multiple of y: only what is across y counts, and is lost in the whole where y is far
    const auto far_y = c * p.yy > 1;
    const auto xe = [=, x = x + 1](auto at) { return S(at(x)); };
    const auto ye = [=, y = y + 1](auto at) { return S(at(y)); };
    const Remainder<S> x_first = remainder(team, n - 1, c, p.yy, where(far_y, p.xy / p.yy, S(1)), ye, xe);
    const auto image = [=, v = v + 1](auto at) {
        const S xi = xe(at);
        return r.v.across(xi, S(at(v))) + r.to_x * x_first(ye(at), xi);
    };
    S yw, yz;
    sum(team, n - 1, into(yw, yz), [=, v = v + 1](auto at) {
        const S yi = ye(at);
        return terms(yi * transported(r, xe(at), yi, S(at(v))), yi * image(at));
    });
    const Parts<S> w = parts(team, n - 1, c, p.yy, yz, ye, image);
    const S w_y = where(has_direction(p.yy), yw / p.yy, S(0)) / (1 + c * p.yy);
    const Parts<S> g = parts(team, n - 1, c, p.xx, x + 1, folded);
    S Gs, Gx_perp;
    sum(team, n - 1, into(Gs, Gx_perp), [=, x = x + 1, y = y + 1](auto at) {
        const S xi = at(x), yi = at(y), Gi = folded(at);
        return terms(Gi * (xi + yi), g.across(xi, Gi) * r.slope.first(xi, yi));
    });
    const auto far = c * p.xx > 1;
    const S half = 2 * (1 + p.q), C_n = c * Gs / half;
    const S ratio = p.y0 / p.x0, shrink_x = 1 / (1 + c * p.xx);
    // across x the slope is what is left of y, less its part along x
    const S tail = r.tau / p.xx - r.slope.r, along = v_bar_along(c, p, r.tau, g.along, Gx_perp);
    for (int i = 1 + team.rank(); i < n; i += Team::size) {
        const S xi = x[i], yi = y[i], vi = v[i], Gi = folded(Entry{i - 1});
        const S to_x = slope_entry(r.slope, xi, yi), wi = image(Entry{i - 1});
        x_bar[i] = T(r.k * Gi + C_n * (r.k * to_x - ratio * lowered(r.v, shrink_x, xi, vi)));
        y_bar[i] = T(r.k * Gi + (C_n + fold) * (w.across(yi, wi) + w_y * yi));
        const S far_v = g.across(xi, Gi) + C_n * (r.slope.first(xi, yi) - tail * xi) + along * xi;
        v_bar[i] = T(where(far, far_v, Gi + C_n * to_x));
    }
    put_time_bar(team, x_bar, p.q), put_time_bar(team, y_bar, p.q), put_time_bar(team, v_bar, p.q);
    put(team, c_bar, Gs / half * image_by_curvature(team, n, x, y, c, r) + fold * (yw / p.y0) / (2 * c * c * p.y0));
}

// v + c y.v / (1 + h) y, whose time entry is sqrt(c) y.v. Far from the apex y.v is nearly all of it: all digits count.
template <class Team, class T>
HG_FN void transport0(Team team, int n, const T* y, const T* v, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const Base<S> b = base(team, n, y, *c);
    const Twofold<S> product = dot(team, n - 1, y + 1, v + 1);
    const S yv = product.hi + product.lo, k = *c * yv / (1 + b.h);
    for (int i = 1 + team.rank(); i < n; i += Team::size) {
        const S yi = y[i], vi = v[i];
        out[i] = T(vi + k * yi);
    }
    put(team, out, sqrt(*c) * yv + 0 * b.x0);
}

template <class Team, class T>
HG_FN void transport0_vjp(Team team, int n, const T* G, const T* y, const T* v, const Real<T>* c, T* y_bar, T* v_bar,
                          Real<T>* c_bar) {
    typedef Real<T> S;
    const Base<S> b = base(team, n, y, *c);
    S yv, Gy;
    sum(team, n - 1, into(yv, Gy), [=, G = G + 1, y = y + 1, v = v + 1](auto at) {
        const S yi = at(y);
        return terms(yi * at(v), yi * at(G));
    });
    const S root = sqrt(*c), G0 = S(G[0]) + 0 * b.x0, kappa = *c / (1 + b.h);
    const S to_v = kappa * Gy + root * G0, to_G = kappa * yv, to_y = -to_G * kappa * Gy / b.h;
    for (int i = 1 + team.rank(); i < n; i += Team::size) {
        const S yi = y[i], vi = v[i], Gi = G[i];
        y_bar[i] = T(to_v * vi + to_G * Gi + to_y * yi);
        v_bar[i] = T(Gi + to_v * yi);
    }
    put_time_bar(team, y_bar, b.x0), put_time_bar(team, v_bar, b.x0);
    put(team, c_bar, yv * (Gy / b.h + G0 / root) / 2);
}

// v_perp + along x / h
template <class Team, class T>
HG_FN void transport_to0(Team team, int n, const T* x, const T* v, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const Base<S> b = base(team, n, x, *c);
    const Parts<S> p = parts(team, n - 1, *c, b.xx, x + 1, [=, v = v + 1](auto at) { return S(at(v)); });
    const S to_x = p.along / b.h;
    for (int i = 1 + team.rank(); i < n; i += Team::size) {
        const S xi = x[i], vi = v[i];
        out[i] = T(p.across(xi, vi) + to_x * xi);
    }
    put(team, out, 0 * b.x0);
}

template <class Team, class T>
HG_FN void transport_to0_vjp(Team team, int n, const T* G, const T* x, const T* v, const Real<T>* c, T* x_bar, T* v_bar,
                             Real<T>* c_bar) {
    typedef Real<T> S;
    const Base<S> b = base(team, n, x, *c);
    const Parts<S> p = parts(team, n - 1, *c, b.xx, x + 1, [=, v = v + 1](auto at) { return S(at(v)); });
    const Parts<S> g = parts(team, n - 1, *c, b.xx, x + 1, [=, G = G + 1](auto at) { return S(at(G)); });
    const S to_perp = -*c * b.xx / (b.h * (1 + b.h)), cube = b.h * b.h * b.h;
    const S to_x = -(*c * p.along * b.xx * g.along / cube), v_x = g.along / b.h;
    for (int i = 1 + team.rank(); i < n; i += Team::size) {
        const S xi = x[i], perp = p.across(xi, S(v[i])), G_perp = g.across(xi, S(G[i]));
        x_bar[i] = T(to_perp * (g.along * perp + p.along * G_perp) + to_x * xi);
        v_bar[i] = T(G_perp + v_x * xi);
    }
    put_time_bar(team, x_bar, b.x0), put_time_bar(team, v_bar, b.x0);
    put(team, c_bar, -(p.along * b.xx) * (g.along * b.xx) / (2 * cube));
}

// The transport of u = u_perp + along x along the step v of exp_x, with iota = <u, v>:
//     u_perp + c iota T v_perp + (K along + c D u_perp.v_perp) x,    T = (cosh r - 1) / r^2.
// In the first derivatives of the geodesic's end D = slope + T along_v, K = 1 + c |x|^2 shrink along_v D; both cancel
// when the step turns back.
template <class S>
struct Carried {
    Parts<S> u;
    S T, D, K, perp, iota;  // perp = u_perp.v_perp
};

template <class Team, class T, class S>
HG_FN Carried<S> carried(Team team, int n, const T* x, const T* v, const T* u, S c, const Shot<S>& p) {
    Carried<S> r;
    r.u = parts(team, n - 1, c, p.at.xx, x + 1, [=, u = u + 1](auto at) { return S(at(u)); });
    sum(team, n - 1, into(r.perp), [=, x = x + 1, v = v + 1, u = u + 1](auto at) {
        const S xi = at(x);
        return terms(r.u.across(xi, S(at(u))) * p.v.across(xi, S(at(v))));
    });
    const S flat = p.at.xx * p.at.shrink, quarter = p.step.r * p.step.r / 4, root = sinh_ratio(quarter);
    r.iota = r.perp + r.u.along * p.v.along * flat;
    r.T = root * root / 2;
    r.D = p.step.slope + r.T * p.v.along;
    r.K = 1 + c * flat * p.v.along * r.D;
    const auto back = turns_back(p);
    if (any(back)) {
        const S half = hypergeom::exp(-p.step.r / 2), sinh_half = (1 / half - half) / 2, h = p.at.h;
        const S between = (p.growth_R * half - 1 / (p.growth_R * half)) / 2;  // sinh(R - r/2)
        const S rise = 2 * sinh_half * (between + h * sinh_half * p.turn);
        const S end = p.turn * p.step.cosh * h - (p.growth_R * p.step.decay + p.step.growth / p.growth_R) / 2;
        r.D = where(back, rise / (p.step.r * p.sinh_R), r.D);
        r.K = where(back, p.cosine * (end / h) + p.turn * (1 - p.cosine), r.K);
    }
    return r;
}

template <class S>
HG_FN S carried_entry(const Shot<S>& p, const Carried<S>& r, S c, S xi, S vi, S ui) {
    return r.u.across(xi, ui) + c * r.iota * r.T * p.v.across(xi, vi) + (r.K * r.u.along + c * r.D * r.perp) * xi;
}

template <class Team, class T>
HG_FN void exp_transport(Team team, int n, const T* x, const T* v, const T* u, const Real<T>* c_, T* out, T* u_out) {
    typedef Real<T> S;
    const S c = *c_;
    const Shot<S> p = shot<Exponential>(team, n, x, v, c);
    const S o0 = end_time(team, n, x, v, c, p);
    if (n == 2) {
        const S scale = S(u[1]) / p.at.x0, o = end_entry(p, S(x[1]), S(v[1]));
        put(team, out, o0), put(team, out + 1, o), put(team, u_out, scale * o), put(team, u_out + 1, scale * o0);
        return;
    }
    const Carried<S> r = carried(team, n, x, v, u, c, p);
    S ow;
    sum(team, n - 1, into(ow), [=, x = x + 1, v = v + 1, u = u + 1](auto at) {
        const S xi = at(x), vi = at(v);
        return terms(end_entry(p, xi, vi) / o0 * carried_entry(p, r, c, xi, vi, S(at(u))));
    });
    for (int i = 1 + team.rank(); i < n; i += Team::size) {
        const S xi = x[i], vi = v[i], ui = u[i];
        out[i] = T(end_entry(p, xi, vi));
        u_out[i] = T(carried_entry(p, r, c, xi, vi, ui));
    }
    put(team, out, o0), put(team, u_out, ow);
}

// On a line the image is u o0/x0, with the time entry u o/x0.
template <class Team, class T>
HG_FN void exp_transport_on_line_vjp(Team team, const T* G, const T* H, const T* x, const T* v, const T* u, Real<T> c,
                                     T* x_bar, T* v_bar, T* u_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const Shot<S> p = shot<Exponential>(team, 2, x, v, c);
    const S o = end_entry(p, S(x[1]), S(v[1])), o0 = end_time(team, 2, x, v, c, p), x0 = p.at.x0, x1 = x[1];
    const S fold = S(G[0]) / o0, H0 = H[0], Hs = H[1], scale = S(u[1]) / x0, of_u = (Hs * o0 + H0 * o) / x0;
    const S whole = S(G[1]) + fold * o + scale * (Hs * (o / o0) + H0);
    const auto more = [=](auto, S& to_x, S&) { to_x -= scale * of_u * (x1 / x0); };
    const S of_c = put_shot_bars(team, 2, x, v, c, p, [=](auto) { return whole; }, more, x_bar, v_bar);
    put(team, u_bar + 1, of_u);
    put_time_bar(team, x_bar, of_u), put_time_bar(team, v_bar, of_u), put_time_bar(team, u_bar, of_u);
    const S curved = scale * (Hs * ((o - x1) * (o + x1) / o0) + H0 * o) / (2 * (c * x0) * (c * x0));
    put(team, c_bar, of_c - fold / (2 * c * c) + curved);
}

// With Z = H.(slope x + T v) and M, which lowers the index of a vector at x, the image gives by itself
//     u_bar = H + c Z M v,  v_bar = c Z M u + c iota (T H + 2c Z' M v),
//     x_bar = c iota (slope H - 2c tilt Z' M v) - c^2 Z |x|^2 shrink (along_u M v + along_v M u),
// Z' = dZ/drho. Its time entry goes through the endpoint o, as the cotangent H_0/o0 M_o w.
template <class Team, class T>
HG_FN void exp_transport_vjp(Team team, int n, const T* G, const T* H, const T* x, const T* v, const T* u,
                             const Real<T>* c_, T* x_bar, T* v_bar, T* u_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const S c = *c_;
    if (n == 2) return exp_transport_on_line_vjp(team, G, H, x, v, u, c, x_bar, v_bar, u_bar, c_bar);
    const Shot<S> p = shot<Exponential>(team, n, x, v, c);
    const Carried<S> r = carried(team, n, x, v, u, c, p);
    const S o0 = end_time(team, n, x, v, c, p), fold = S(G[0]) / o0, fold2 = S(H[0]) / o0;
    const auto end = [=, x = x + 1, v = v + 1](auto at) { return end_entry(p, S(at(x)), S(at(v))); };
    const auto image = [=, x = x + 1, v = v + 1, u = u + 1](auto at) {
        return carried_entry(p, r, c, S(at(x)), S(at(v)), S(at(u)));
    };
    const auto first = [=, G = G + 1](auto at) { return S(at(G)) + fold * end(at); };
    const auto second = [=, H = H + 1](auto at) { return S(at(H)) + fold2 * end(at); };
    S oo, ow, Hx, H_perp;
    sum(team, n - 1, into(oo, ow), [=](auto at) {
        const S o = end(at);
        return terms(o * o, o * image(at));
    });
    const Parts<S> w = parts(team, n - 1, c, oo, ow, end, image);
    const S shrink_o = 1 / (1 + c * oo);
    const auto whole = [=](auto at) { return first(at) + fold2 * lowered(w, shrink_o, end(at), image(at)); };
    sum(team, n - 1, into(Hx, H_perp), [=, x = x + 1, v = v + 1](auto at) {
        const S xi = at(x), Hi = second(at);
        return terms(Hi * xi, Hi * p.v.across(xi, S(at(v))));
    });
    const S Z = r.D * Hx + r.T * H_perp, shrink = p.at.shrink, flat = p.at.xx * shrink;
    const Step<S>& s = p.step;
    const S T_slope = sinh_ratio(s.r * s.r / 4) * sinh_ratio_slope(s.r * s.r / 4) / 4;
    const S Z_slope = s.slope_slope * Hx + T_slope * (p.v.along * Hx + H_perp);
    const S par = p.v.along * shrink, rho_c = p.v.square + par * par * p.at.xx;
    const S iota_c = -(p.v.along * flat) * (r.u.along * flat);
    const S turn = c * r.iota, of_v = 2 * c * turn * Z_slope, tilt = c * p.v.along * flat,
            tilt_u = c * r.u.along * flat;
    const auto lowered_v = [=, x = x + 1, v = v + 1](auto at) { return lowered(p.v, shrink, S(at(x)), S(at(v))); };
    const auto more = [=, x = x + 1, u = u + 1](auto at, S& to_x, S& to_v) {
        const S Hi = second(at), dv = lowered_v(at), du = lowered(r.u, shrink, S(at(x)), S(at(u)));
        to_x += turn * s.slope * Hi - (of_v * tilt + c * Z * tilt_u) * dv - c * Z * tilt * du;
        to_v += turn * r.T * Hi + of_v * dv + c * Z * du;
    };
    const S of_c = put_shot_bars(team, n, x, v, c, p, whole, more, x_bar, v_bar);
    for (int i = team.rank(); i < n - 1; i += Team::size)
        u_bar[i + 1] = T(second(Entry{i}) + c * Z * lowered_v(Entry{i}));
    put(team, c_bar,
        of_c - fold / (2 * c * c) + r.iota * Z + c * iota_c * Z + c * r.iota * Z_slope * rho_c +
            fold2 * (ow / o0) / (2 * c * c * o0));
    put_time_bar(team, x_bar, s.r), put_time_bar(team, v_bar, s.r), put_time_bar(team, u_bar, s.r);
}

}  // namespace hypergeom::lorentz
