// Maps x -> s(q) x, q = c|x|^2, between models that share their origin and its rays: ball, Klein ball, hyperboloid.
//
// With t = s + 2q s' the derivative along the ray, the Jacobian is s across x and t along x; it is symmetric, so that it
// is its own transpose, and so is its derivative, which takes two vectors v, w to
//     2c s' ((x.v) w_across + (x.w) v_across + (v_across.w_across) x) + 2c t' (x.v) (x.w) / |x|^2 x.
// All sums are of parts that do not cancel, once a vector is split well. The slopes s' and t' are in q.
#pragma once
#include "team.hpp"

namespace hypergeom {

template <class S>
struct Radial {
    S xx, scale, slope, of_scale, of_slope;  // |x|^2, s, t, s', t'
    S scale_of_c, slope_of_c;                // |x|^2 s' and |x|^2 t'
};

// A map onto the hyperboloid has a time too: the function T(q) over sqrt(c), with its first two derivatives in q.
template <class S>
struct Time {
    S value, slope, curve;
};

template <class S>
HG_FN Radial<S> radial(S xx, S scale, S slope, S of_scale, S of_slope) {
    return {xx, scale, slope, of_scale, of_slope, xx * of_scale, xx * of_slope};
}

// g = 1 - q
template <class S>
HG_FN Radial<S> ball_to_lorentz(S xx, S q, S g) {
    return radial(xx, 2 / g, 2 * (1 + q) / (g * g), 2 / (g * g), (6 + 2 * q) / (g * g * g));
}

template <class S>
HG_FN Time<S> ball_to_time(S q, S g) {
    return {(1 + q) / g, 2 / (g * g), 4 / (g * g * g)};
}

template <class S>
HG_FN Radial<S> ball_to_klein(S xx, S q, S g) {
    const S k = 1 / (1 + q) + 0 * g;
    return radial(xx, 2 * k, 2 * g * k * k, -2 * k * k, (2 * q - 6) * k * k * k);
}

// w = sqrt(1 - q) for a point of the Klein ball
template <class S>
HG_FN Radial<S> klein_to_ball(S xx, S w) {
    const S k = 1 / (1 + w);
    return radial(xx, k, k / w, k * k / (2 * w), (1 + 2 * w) * k * k / (2 * w * w * w));
}

template <class S>
HG_FN Radial<S> klein_to_lorentz(S xx, S w) {
    const S k = 1 / w;
    return radial(xx, k, k * k * k, k * k * k / 2, 1.5 * k * k * k * k * k);
}

template <class S>
HG_FN Time<S> klein_to_time(S w) {
    const S k = 1 / w;
    return {k, k * k * k / 2, 0.75 * k * k * k * k * k};
}

// h = sqrt(1 + q) for a point of the hyperboloid, where h^3 may overflow, but not |x|^2 / h^2
template <class S>
HG_FN Radial<S> lorentz_to_ball(S xx, S h) {
    const S r = 1 / h, k = 1 / (1 + h), rk = r * k, part = xx * r * r;
    return {xx, k, rk, -rk * k / 2, -(2 + r) * rk * rk / 2, -part * (h * k) * k / 2, -part * (2 + r) * k * k / 2};
}

template <class S>
HG_FN Radial<S> lorentz_to_klein(S xx, S h) {
    const S r = 1 / h, rr = r * r, part = xx * r * r;
    return {xx, r, rr * r, -rr * r / 2, -1.5 * rr * rr * r, -part * r / 2, -1.5 * part * rr * r};
}

template <class Team, class T, class S>
HG_FN void put_scaled(Team team, int d, const T* x, S scale, T* out) {
    for (int i = team.rank(); i < d; i += Team::size) out[i] = T(scale * x[i]);
}

// v = (along + again + rest) x + across. Where the map shrinks what lies along x, what rounding leaves of x in `across`
// would count too much: it is split off twice, by fused products. Where v is as good as parallel to x, `along` is first
// rounded anew, so that the first product leaves a difference that fits a number, and there is a third time; what is then
// below the rounding errors is no part of v. Where the map stretches x, x.v has to be right to the last digits, and once
// is enough.
template <class S>
struct Split {
    S dot, along, again, rest;
    HG_FN S part() const { return along + again; }
};

template <bool grows, class S>
HG_FN S across(const Split<S>& p, S xi, S vi) {
    const S once = fma(-p.along, xi, vi);
    if constexpr (grows) return once;
    const S all = fma(-p.rest, xi, fma(-p.again, xi, once));
    return where(fabs(all) <= 0x1p-140 * fabs(p.along * xi), S(0), all);
}

// x.across / |x|^2
template <class Team, class T, class S>
HG_FN S left_along(Team team, int d, const T* x, const T* v, S xx, Split<S> p) {
    S left;
    sum(team, d, into(left), [=](auto at) {
        const S xi = at(x);
        return terms(xi * across<false>(p, xi, S(at(v))));
    });
    return where(xx > 0, left / xx, S(0));
}

template <bool grows, class Team, class T>
HG_FN Split<Real<T>> split_along(Team team, int d, const T* x, const T* v, Real<T> xx) {
    typedef Real<T> S;
    Split<S> p;
    if constexpr (grows) {
        const Twofold<S> exact = dot(team, d, x, v);
        p.dot = exact.hi + exact.lo;
    } else {
        sum(team, d, into(p.dot), [=](auto at) { return terms(at(x) * at(v)); });
    }
    const S along = p.along = where(xx > 0, p.dot / xx, 0 * p.dot);
    p.again = p.rest = S(0);
    if constexpr (!grows) {
        S again, left;
        sum(team, d, into(again, left), [=](auto at) {
            const S once = fma(-along, at(x), at(v));
            return terms(once * at(x), once * once);
        });
        p.again = where(xx > 0, again / xx, S(0));
        const auto parallel = left < 1e-20 * along * along * xx;
        if (any(parallel)) {
            Split<S> fine = p;
            fine.along += fine.again, fine.again = S(0);
            fine.again = left_along(team, d, x, v, xx, fine);
            fine.rest = left_along(team, d, x, v, xx, fine);
            p.along = where(parallel, fine.along, p.along);
            p.again = where(parallel, fine.again, p.again);
            p.rest = where(parallel, fine.rest, p.rest);
        }
    }
    return p;
}

// out = the Jacobian times v, plus `more` x
template <bool grows, class Team, class T, class S>
HG_FN void put_radial(Team team, int d, const T* x, const T* v, const Radial<S>& r, const Split<S>& p, S more, T* out) {
    const S to_x = r.slope * p.part() + more;
    for (int i = team.rank(); i < d; i += Team::size) {
        const S xi = x[i];
        out[i] = T(r.scale * across<grows>(p, xi, S(v[i])) + to_x * xi);
    }
}

// The gradient of s G.x + G_time T / sqrt(c); `to_time` is G_time / sqrt(c), or 0 without a time.
template <bool grows, class Team, class T, class S>
HG_FN void put_radial_vjp(Team team, int d, const T* G, const T* x, S c, const Radial<S>& r, const Time<S>& time, S to_time,
                          T* x_bar, Real<T>* c_bar) {
    const Split<S> p = split_along<grows>(team, d, x, G, r.xx);
    put_radial<grows>(team, d, x, G, r, p, 2 * c * to_time * time.slope, x_bar);
    S of_c = r.scale_of_c * p.dot;
    if constexpr (grows) of_c += where(to_time == 0, to_time, to_time * (r.xx * time.slope - time.value / (2 * c)));
    put(team, c_bar, of_c);
}

// The gradient of G.J v + G_time 2 sqrt(c) T' x.v
template <bool grows, class Team, class T, class S>
HG_FN void put_radial_tangent_vjp(Team team, int d, const T* G, const T* x, const T* v, S c, const Radial<S>& r,
                                  const Time<S>& time, S to_time, T* x_bar, T* v_bar, Real<T>* c_bar) {
    const Split<S> of_v = split_along<grows>(team, d, x, v, r.xx), of_G = split_along<grows>(team, d, x, G, r.xx);
    const S first = 2 * c * to_time * time.slope, second = first + 4 * c * c * to_time * time.curve * r.xx;
    S both;
    sum(team, d, into(both), [=](auto at) {
        const S xi = at(x);
        return terms(across<grows>(of_v, xi, S(at(v))) * across<grows>(of_G, xi, S(at(G))));
    });
    const S bend = 2 * c * r.of_scale, to_G = bend * of_v.dot, to_v = bend * of_G.dot + first;
    const S to_x = bend * both + (2 * c * r.of_slope * of_G.dot + second) * of_v.part();
    for (int i = team.rank(); i < d; i += Team::size) {
        const S xi = x[i];
        x_bar[i] = T(to_G * across<grows>(of_G, xi, S(G[i])) + to_v * across<grows>(of_v, xi, S(v[i])) + to_x * xi);
    }
    put_radial<grows>(team, d, x, G, r, of_G, first, v_bar);
    const S timely = to_time * of_v.dot * (time.slope + 2 * c * r.xx * time.curve);
    put(team, c_bar, r.scale_of_c * both + r.slope_of_c * of_v.dot * of_G.part() + timely);
}

}  // namespace hypergeom
