// The exponential and the logarithmic map of the hyperboloid, and the retraction beside them:
// hypergeom/lorentz/maps.py.
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
    put(team, c_bar, of_q * chord_by_curvature(team, n, x, y, *c, p) / 4 + fold * w.time / (2 * *c * *c * p.x0));
}

// A step from x: cosh x + slope v, where cosh and slope are functions of rho = r^2 = c |v|_x^2 that reach the
// hyperboloid, cosh = cosh(theta) and slope = sinh(theta) / r. `_slope` is the derivative in rho, rate = d theta/dr.
// Where they would overflow, cosh and slope are to be multiplied by lift twice: a component may be zero, so no factor
// may be infinite.
template <class S>
struct Step {
    S r, cosh, slope, cosh_slope, slope_slope, rate, decay, growth, lift;  // decay, growth = e^-theta, e^theta
};

struct Exponential {
    template <class S>
    HG_FN static Step<S> of(S r, S rest) {
        const auto far = !(r < 700);
        const SinhCosh<S> e = sinh_cosh(r);
        Step<S> s;
        s.r = r, s.rate = S(1), s.lift = S(1);
        s.cosh = where(far, S(0.5), e.cosh);
        s.slope = where(far, 0.5 / r, where(r > 0, e.sinh / r, S(1)));
        s.cosh_slope = s.slope / 2, s.slope_slope = sinh_ratio_slope(r * r);
        s.decay = where(far, S(0), hypergeom::exp(-r)), s.growth = where(far, S(1), 1 / s.decay);
        if (any(far)) s.lift = where(far, hypergeom::exp(where(r < 1400, r / 2, S(700))) + 0 * r, s.lift);
        const S cosh = s.cosh;  // and on from theta = r to r + rest, which matters where r is an exponent
        s.cosh += rest * (s.slope * r);
        s.slope = where(r > 1, s.slope + rest * ((cosh - s.slope) / r), s.slope);
        return s;
    }
};

// cosh = 1 + rho/2, slope = sqrt(1 + rho/4)
struct Retraction {
    template <class S>
    HG_FN static Step<S> of(S r, S) {
        Step<S> s;
        s.r = r, s.lift = S(1);
        s.slope = sqrt(1 + r * r / 4), s.cosh = 1 + r * r / 2;
        s.cosh_slope = S(0.5), s.slope_slope = 1 / (8 * s.slope), s.rate = 1 / s.slope;
        s.growth = (r / 2 + s.slope) * (r / 2 + s.slope), s.decay = 1 / s.growth;
        return s;
    }
};

// sqrt(c s) for s in twice the digits, as r + rest; rest is given where r is an exponent of something finite
template <class S>
HG_FN Twofold<S> length_in_curvature(S c, Twofold<S> s) {
    Twofold<S> square{S(0), S(0)};
    add_product(square.hi, square.lo, c, s.hi);
    const S r = sqrt(square.hi), rest = (fma(-r, r, square.hi) + (square.lo + c * s.lo)) / (2 * r);
    return {r, where((r > 1) & (r < 1e4), rest, S(0))};
}

// The endpoint is perp slope + radial x, radial = cosh + along slope. Towards the apex those two cancel; with the angle
// between v and x, sinh(R) = sqrt(c)|x|, cosine = sqrt(c) along |x| / (r cosh R) and turn = 1 + cosine, radial is there
// (sinh(R - theta) + turn sinh(theta) cosh(R)) / sinh(R), in exponentials of one sign.
template <class S>
struct Shot {
    Base<S> at;
    Parts<S> v;
    Step<S> step;
    S radial;
    S sinh_R, growth_R, cosine, turn;  // growth_R = e^R
};

template <class S>
HG_FN auto turns_back(const Shot<S>& p) {
    return (p.step.r >= 0.25) & (p.v.along < 0);
}

template <class Kind, class Team, class T>
HG_FN Shot<Real<T>> shot(Team team, int n, const T* x, const T* v, Real<T> c) {
    typedef Real<T> S;
    Shot<S> p;
    p.at = base(team, n, x, c);
    p.v = parts(team, n - 1, c, p.at.xx, x + 1, [=, v = v + 1](auto at) { return S(at(v)); });
    const S along = p.v.along;
    const S radial = along * along * p.at.xx * p.at.shrink;
    S metric = p.v.square + radial, metric_rest = S(0);
    const auto long_step = c * metric > 256;  // its length is an exponent: the sum of squares in twice the digits
    if (any(long_step)) {
        Twofold<S> total{S(0), S(0)};
        for (int i = 1 + team.rank(); i < n; i += Team::size) {
            const S w = p.v.across(S(x[i]), S(v[i]));
            add_product(total.hi, total.lo, w, w);
        }
        total = team.sum(total);
        p.v.square = where(long_step, total.hi + total.lo, p.v.square);
        add_exactly(total.hi, total.lo, radial);
        metric = where(long_step, total.hi, metric);
        metric_rest = where(long_step, total.lo, S(0));
    }
    const Twofold<S> r = length_in_curvature(c, Twofold<S>{metric, metric_rest});
    p.step = Kind::of(S(r.hi + 0 * p.at.x0), r.lo);
    p.radial = p.step.cosh + along * p.step.slope;
    const auto back = turns_back(p);
    if (any(back)) {
        const S sin2 = p.v.square / metric, sinh_theta = p.step.slope * p.step.r;
        p.sinh_R = sqrt(c * p.at.xx), p.growth_R = p.sinh_R + p.at.h;
        p.cosine = along * p.sinh_R / (p.step.r * p.at.h), p.turn = sin2 / (1 - p.cosine);
        const S difference = (p.growth_R * p.step.decay - p.step.growth / p.growth_R) / 2;  // sinh(R - theta)
        p.radial = where(back, (difference + p.turn * sinh_theta * p.at.h) / p.sinh_R, p.radial);
    }
    return p;
}

template <class S>
HG_FN S end_entry(const Shot<S>& p, S xi, S vi) {
    return (p.radial * xi + p.step.slope * p.v.across(xi, vi)) * p.step.lift * p.step.lift;
}

template <class Team, class T>
HG_FN Real<T> end_time(Team team, int n, const T* x, const T* v, Real<T> c, const Shot<Real<T>>& p) {
    typedef Real<T> S;
    const auto entry = [=, x = x + 1, v = v + 1](auto at) { return end_entry(p, S(at(x)), S(at(v))); };
    S squares;
    sum(team, n - 1, into(squares), [=](auto at) {
        const S o = entry(at);
        return terms(o * o);
    });
    const auto large = !(squares < 1e290);
    const S time = sqrt(1 / c + squares);
    if (!any(large)) return time;
    return where(large, length(team, n - 1, squares, entry), time);
}

template <class Kind, class Team, class T>
HG_FN void shoot(Team team, int n, const T* x, const T* v, Real<T> c, T* out) {
    const Shot<Real<T>> p = shot<Kind>(team, n, x, v, c);
    put(team, out, end_time(team, n, x, v, c, p));
    for (int i = 1 + team.rank(); i < n; i += Team::size) out[i] = T(end_entry(p, Real<T>(x[i]), Real<T>(v[i])));
}

// What a cotangent G of the spatial part of the endpoint makes of x, v and c. In the parts across x,
//     v_bar = slope G + 2 c of_rho v,    x_bar = cosh G - tilt (2 c of_rho v),    tilt = c along |x|^2 shrink,
// where of_rho is the cotangent of rho; and along x, where that cancels when the step turns back, with the derivatives
// of the endpoint's part along x. to_v and to_x multiply the part of G along x, v_of_perp and x_of_perp the product of
// G with v_perp.
template <class S>
struct ShotBars {
    S to_v, to_x, v_of_perp, x_of_perp, tilt;
};

template <class S>
HG_FN ShotBars<S> shot_bars(S c, const Shot<S>& p) {
    const Step<S>& s = p.step;
    const S pull = 2 * c * p.v.along * p.at.shrink, inner = s.cosh_slope + s.slope_slope * p.v.along;
    ShotBars<S> b;
    b.tilt = c * p.v.along * p.at.xx * p.at.shrink;
    b.to_v = s.slope + pull * p.at.xx * inner;
    b.to_x = s.cosh - b.tilt * (pull * p.at.xx * inner);
    const auto back = turns_back(p);
    if (any(back)) {
        const S sinh_theta = s.slope * s.r, cosine = p.cosine, h = p.at.h;
        const S cosh_difference = (p.growth_R * s.decay + s.growth / p.growth_R) / 2;  // cosh(R - theta)
        const S to_v = s.slope * p.turn * (1 - cosine) + s.rate * cosine * (p.turn * s.cosh - cosh_difference / h);
        const S to_x = (cosh_difference + p.turn * sinh_theta * p.sinh_R) / h - b.tilt * to_v;
        b.to_v = where(back, to_v, b.to_v), b.to_x = where(back, to_x, b.to_x);
    }
    b.v_of_perp = pull * s.slope_slope, b.x_of_perp = -b.tilt * b.v_of_perp;
    return b;
}

// What else counts beside the endpoint: nothing.
struct Nothing {
    template <class S>
    HG_FN void operator()(Entry, S&, S&) const {}
};

// Writes the spatial entries of x_bar and v_bar, and gives the cotangent of c. `G(at)` is the cotangent of the
// endpoint's spatial part; `more(at, x, v)` adds to an entry of each of the two.
template <class Team, class T, class F, class More>
HG_FN Real<T> put_shot_bars(Team team, int n, const T* point_x, const T* tangent_v, Real<T> c, const Shot<Real<T>>& p,
                            F G, More more, T* x_bar, T* v_bar) {
    typedef Real<T> S;
    const T *x = point_x + 1, *v = tangent_v + 1;
    S Gx, G_perp;
    sum(team, n - 1, into(Gx, G_perp), [=](auto at) {
        const S xi = at(x), Gi = G(at);
        return terms(Gi * xi, Gi * p.v.across(xi, S(at(v))));
    });
    const ShotBars<S> b = shot_bars(c, p);
    const S of_rho = p.step.cosh_slope * Gx + p.step.slope_slope * (p.v.along * Gx + G_perp);
    const Remainder<S> G_first = remainder(
        team, n - 1, c, p.at.xx, where(has_direction(p.at.xx), Gx / p.at.xx, S(0)), [=](auto at) { return S(at(x)); },
        G);
    S left;
    sum(team, n - 1, into(left), [=](auto at) {
        const S xi = at(x);
        return terms(G_first(xi, S(G(at))) * xi);
    });
    const S rest = where(has_direction(p.at.xx), left / p.at.xx, S(0)), along = G_first.part * G_first.scale + rest;
    const S cosh = p.step.cosh, slope = p.step.slope, to_perp = 2 * c * of_rho, x_perp = -b.tilt * to_perp;
    const S v_x = b.to_v * along + b.v_of_perp * G_perp, x_x = b.to_x * along + b.x_of_perp * G_perp;
    for (int i = team.rank(); i < n - 1; i += Team::size) {
        const S xi = x[i], perp = p.v.across(xi, S(v[i])), Gi = G_first(xi, S(G(Entry{i}))) - rest * xi;
        S of_x = cosh * Gi + x_perp * perp + x_x * xi, of_v = slope * Gi + to_perp * perp + v_x * xi;
        more(Entry{i}, of_x, of_v);
        x_bar[i + 1] = T(of_x);
        v_bar[i + 1] = T(of_v);
    }
    const S par = p.v.along * p.at.shrink;
    return of_rho * (p.v.square + par * par * p.at.xx);
}

// The time entry of the output is a function of its spatial part: its cotangent folds into G and c first.
template <class Kind, class Team, class T>
HG_FN void shoot_vjp(Team team, int n, const T* G, const T* x, const T* v, Real<T> c, T* x_bar, T* v_bar,
                     Real<T>* c_bar) {
    typedef Real<T> S;
    Shot<S> p = shot<Kind>(team, n, x, v, c);
    const S fold = S(G[0]) / end_time(team, n, x, v, c, p);
    const auto folded = [=, x = x + 1, v = v + 1, G = G + 1](auto at) {
        return S(at(G)) + fold * end_entry(p, S(at(x)), S(at(v)));
    };
    Shot<S> whole = p;
    const S lift = p.step.lift * p.step.lift;
    whole.step.cosh *= lift, whole.step.slope *= lift, whole.step.cosh_slope *= lift;
    const S of_c = put_shot_bars(team, n, x, v, c, whole, folded, Nothing{}, x_bar, v_bar);
    put_time_bar(team, x_bar, p.step.r), put_time_bar(team, v_bar, p.step.r);
    put(team, c_bar, of_c - fold / (2 * c * c));
}

template <class Team, class T>
HG_FN void exp(Team team, int n, const T* x, const T* v, const Real<T>* c, T* out) {
    shoot<Exponential>(team, n, x, v, *c, out);
}

template <class Team, class T>
HG_FN void exp_vjp(Team team, int n, const T* G, const T* x, const T* v, const Real<T>* c, T* x_bar, T* v_bar,
                   Real<T>* c_bar) {
    shoot_vjp<Exponential>(team, n, G, x, v, *c, x_bar, v_bar, c_bar);
}

template <class Team, class T>
HG_FN void retract(Team team, int n, const T* x, const T* v, const Real<T>* c, T* out) {
    shoot<Retraction>(team, n, x, v, *c, out);
}

template <class Team, class T>
HG_FN void retract_vjp(Team team, int n, const T* G, const T* x, const T* v, const Real<T>* c, T* x_bar, T* v_bar,
                       Real<T>* c_bar) {
    shoot_vjp<Retraction>(team, n, G, x, v, *c, x_bar, v_bar, c_bar);
}

// sinh(r)/r v and cosh(r)/sqrt(c), r = sqrt(c)|v|; both are to be multiplied by lift twice.
template <class Team, class T>
HG_FN Step<Real<T>> step0(Team team, int n, const T* v, Real<T> c, Real<T>& vv) {
    typedef Real<T> S;
    const Twofold<S> total = squares(team, n - 1, v + 1);  // r is an exponent
    vv = total.hi + total.lo;
    const S size = sqrt(c) * length(team, n - 1, vv, [=, v = v + 1](auto at) { return at(v); });
    const Twofold<S> r = length_in_curvature(c, total);
    const auto plain = (vv > 1e-270) & (vv < 1e290) & (c * vv > 1e-290) & (c * vv < 1e290);
    const S known = where(is_curvature(c), where(plain, r.hi, size), S(nan("")));
    return Exponential::of(known, where(plain, r.lo, S(0)));
}

template <class Team, class T>
HG_FN void exp0(Team team, int n, const T* v, const Real<T>* c, T* out) {
    typedef Real<T> S;
    S vv;
    const Step<S> s = step0(team, n, v, *c, vv);
    for (int i = 1 + team.rank(); i < n; i += Team::size) out[i] = T(s.slope * v[i] * s.lift * s.lift);
    put(team, out, s.cosh / sqrt(*c) * s.lift * s.lift);
}

template <class Team, class T>
HG_FN void exp0_vjp(Team team, int n, const T* G, const T* v, const Real<T>* c_, T* v_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const S c = *c_;
    S vv, Gv;
    const Step<S> s = step0(team, n, v, c, vv);
    const S slope = s.slope * s.lift * s.lift, time = s.cosh / sqrt(c), fold = S(G[0]) * (s.slope / time);
    sum(team, n - 1, into(Gv), [=, G = G + 1, v = v + 1](auto at) { return terms((at(G) + fold * at(v)) * at(v)); });
    const S to_v = 2 * c * s.slope_slope * Gv;
    for (int i = 1 + team.rank(); i < n; i += Team::size) {
        const S vi = v[i];
        v_bar[i] = T(slope * (G[i] + fold * vi) + to_v * vi);
    }
    put_time_bar(team, v_bar, s.r);
    put(team, c_bar, s.slope_slope * vv * Gv - S(G[0]) / (2 * c * c * time * s.lift * s.lift));
}

// asinh_ratio(c|y|^2) y
template <class Team, class T>
HG_FN void log0(Team team, int n, const T* y, const Real<T>* c, T* out) {
    const Base<Real<T>> b = base(team, n, y, *c);
    const Real<T> scale = asinh_ratio(*c * b.xx) + 0 * b.x0;
    for (int i = 1 + team.rank(); i < n; i += Team::size) out[i] = T(scale * y[i]);
    put(team, out, 0 * b.x0);
}

// Across y by the ratio, along y by 1/h.
template <class Team, class T>
HG_FN void log0_vjp(Team team, int n, const T* G, const T* y, const Real<T>* c, T* y_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const Base<S> b = base(team, n, y, *c);
    const Parts<S> g = parts(team, n - 1, *c, b.xx, y + 1, [=, G = G + 1](auto at) { return S(at(G)); });
    const S ratio = asinh_ratio(*c * b.xx) + 0 * b.x0, slope = asinh_ratio_slope(*c * b.xx), to_y = g.along / b.h;
    for (int i = 1 + team.rank(); i < n; i += Team::size) {
        const S yi = y[i];
        y_bar[i] = T(ratio * g.across(yi, S(G[i])) + to_y * yi);
    }
    put_time_bar(team, y_bar, b.x0);
    put(team, c_bar, g.along * b.xx * (b.xx * slope) + 0 * b.x0);
}

// The point at the part t of the way is alpha x + beta y, beta = sinh(t theta) / sinh(theta) and alpha that of 1 - t.
// `cosh` is cosh(t theta) / sinh(theta) theta, the derivative of beta in t, and `slope` that of beta in q.
template <class S>
struct Share {
    S value, cosh, slope;
};

template <class S>
HG_FN Share<S> share(S t, S theta, S q, S rate) {  // rate = d theta^2/dq / 4
    const S rho = theta * theta, sinh = sinh_ratio(rho), part = sinh_ratio(t * t * rho);
    const S near_slope =
        t * (t * t * sinh_ratio_slope(t * t * rho) * sinh - part * sinh_ratio_slope(rho)) / (sinh * sinh);
    const Share<S> near = {t * part / sinh, sinh_cosh(t * theta).cosh / sinh, 4 * rate * near_slope};
    const auto far = theta > 2;
    if (!any(far)) return near;
    // exponentials that do not overflow before the share does
    const S size = fabs(t), grown = hypergeom::exp((size - 1) * theta), whole = -expm1(-2 * theta);
    const S sinh_far = grown * (-expm1(-2 * size * theta) / whole);
    const S cosh_far = grown * ((1 + hypergeom::exp(-2 * size * theta)) / whole);
    const S value = where(t < 0, -sinh_far, sinh_far), coth = (1 + hypergeom::exp(-2 * theta)) / whole;
    return {where(far, value, near.value), where(far, theta * cosh_far, near.cosh),
            where(far, (t * cosh_far - value * coth) / sqrt(q * (1 + q)), near.slope)};
}

template <class S>
struct Way {
    Chord<S> p;
    S theta;
    Share<S> x, y;
};

template <class Team, class T>
HG_FN Way<Real<T>> way(Team team, int n, const T* x, const T* y, Real<T> t, Real<T> c) {
    typedef Real<T> S;
    Way<S> w;
    w.p = chord(team, n, x, y, c);
    const S A = asinh_ratio(w.p.q);
    w.theta = 2 * sqrt(w.p.q) * A;
    const S rate = A / sqrt(1 + w.p.q);
    w.x = share(S(1 - t), w.theta, w.p.q, rate), w.y = share(t, w.theta, w.p.q, rate);
    return w;
}

template <class Team, class T>
HG_FN Real<T> way_time(Team team, int n, const T* x, const T* y, Real<T> c, const Way<Real<T>>& w) {
    typedef Real<T> S;
    const auto entry = [=, x = x + 1, y = y + 1](auto at) { return w.x.value * at(x) + w.y.value * at(y); };
    S squares;
    sum(team, n - 1, into(squares), [=](auto at) {
        const S o = entry(at);
        return terms(o * o);
    });
    const auto large = !(squares < 1e290);
    const S time = sqrt(1 / c + squares);
    if (!any(large)) return time;
    return where(large, length(team, n - 1, squares, entry), time);
}

template <class Team, class T>
HG_FN void geodesic(Team team, int n, const T* x, const T* y, const T* t, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const Way<S> w = way(team, n, x, y, S(*t), *c);
    put(team, out, way_time(team, n, x, y, *c, w));
    for (int i = 1 + team.rank(); i < n; i += Team::size) {
        const S xi = x[i], yi = y[i];
        out[i] = T(w.x.value * xi + w.y.value * yi);
    }
}

template <class Team, class T>
HG_FN void geodesic_vjp(Team team, int n, const T* G, const T* x, const T* y, const T* t, const Real<T>* c_, T* x_bar,
                        T* y_bar, T* t_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const S c = *c_, part = *t;
    const Way<S> w = way(team, n, x, y, part, c);
    const ChordGradient<S> slopes = chord_gradient(team, n, x, y, c, w.p);
    const S fold = S(G[0]) / way_time(team, n, x, y, c, w);
    S Gx, Gy, Ge;
    sum(team, n - 1, into(Gx, Gy, Ge), [=, G = G + 1, x = x + 1, y = y + 1](auto at) {
        const S xi = at(x), yi = at(y), Gi = at(G) + fold * (w.x.value * xi + w.y.value * yi);
        return terms(Gi * xi, Gi * yi, Gi * (yi - xi));
    });
    const S of_q = w.x.slope * Gx + w.y.slope * Gy, of_Q = c / 4 * of_q;
    for (int i = 1 + team.rank(); i < n; i += Team::size) {
        const S xi = x[i], yi = y[i], Gi = G[i] + fold * (w.x.value * xi + w.y.value * yi);
        x_bar[i] = T(w.x.value * Gi - 2 * of_Q * slope_entry(slopes.x, xi, yi));
        y_bar[i] = T(w.y.value * Gi - 2 * of_Q * slope_entry(slopes.y, yi, xi));
    }
    put_time_bar(team, x_bar, of_Q), put_time_bar(team, y_bar, of_Q);
    // y cosh - x cosh', collected around y - x for close points
    const S half = 0.5 * w.theta, ratio = sinh_ratio(w.theta * w.theta);
    const S near = w.y.cosh * Ge + 2 * sinh_cosh(half).sinh * sinh_cosh((2 * part - 1) * half).sinh / ratio * Gx;
    put(team, t_bar, where(w.theta < 1, near, w.y.cosh * Gy - w.x.cosh * Gx));
    put(team, c_bar, of_q * chord_by_curvature(team, n, x, y, c, w.p) / 4 - fold / (2 * c * c));
}

}  // namespace hypergeom::lorentz
