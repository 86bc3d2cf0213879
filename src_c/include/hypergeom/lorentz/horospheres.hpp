// Busemann functions and horospheres of the hyperboloid: hypergeom/lorentz/horospheres.py.
#pragma once
#include "../horospheres.hpp"
#include "points.hpp"

namespace hypergeom::lorentz {

// x seen from the ideal point u = p/|p|: x = t u + perp, eta = sqrt(c) (x0 - t). Since (x0 - t) (x0 + t) = 1/c +
// |perp|^2, nothing cancels, however close x is to the ray towards the ideal point.
template <class S>
struct Seen {
    S scale, t, perp, k, h, h_eta;  // scale = 1/|p|, perp the square, h = sqrt(c) x0 = 1 + k, h_eta = h eta
    Parts<S> x;
    Level<S> level;
};

template <class Team, class T>
HG_FN Seen<Real<T>> seen(Team team, int n, const T* point_x, const T* p, Real<T> c) {
    typedef Real<T> S;
    Seen<S> r;
    const T* x = point_x + 1;
    const int d = n - 1;
    // Squares in twice the digits: eta takes over all that long rows would lose.
    const Twofold<S> of_p = squares(team, d, p), of_x = squares(team, d, x);
    const S pp = of_p.hi + of_p.lo, xx = of_x.hi + of_x.lo;
    S xp;
    sum(team, d, into(xp), [=](auto at) { return terms(at(x) * at(p)); });
    r.scale = to_ideal(pp);
    // S(1e14): off the largest entry of p at any radius, so that perp keeps its digits also where it is as little of x
    // as the rounding of x and p leaves of it
    r.x = parts(team, d, S(1e14), pp, xp, [=](auto at) { return at(p); }, [=](auto at) { return at(x); });
    const S root = sqrt(c);
    Twofold<S> of_perp{S(0), S(0)};
    for (int i = team.rank(); i < d; i += Team::size) {
        const S w = r.x.across(S(p[i]), S(x[i]));
        add_product(of_perp.hi, of_perp.lo, w, w);
    }
    of_perp = team.sum(of_perp);
    r.perp = of_perp.hi + of_perp.lo, r.t = r.x.along * pp * r.scale;
    r.h = root * time(c, xx, point_x[0]), r.k = c * xx / (1 + r.h);
    const S eta = where(r.t > 0, (1 + c * r.perp) / (r.h + root * r.t), r.h - root * r.t);
    const S y = root * xx / (1 + r.h) - r.t;
    r.level = level(root, where(r.k < 1, y, (eta - 1) / root), eta);
    r.h_eta = (1 + c * r.perp + eta * eta) / 2;
    return r;
}

// db/dc; near the apex in terms that are as small as it
template <class S>
HG_FN S level_by_curvature(S c, const Seen<S>& r) {
    const S z = r.level.z, k = r.k, tau = r.level.root * r.t, two = 2 + z, product = (1 + z) * (2 + k) * (1 + k);
    const S m = 2 * log1p_remainder(z) / (two * two * two), half_rate = 1 / ((1 + z) * two) + z * m;
    const S near = c * r.perp / product + tau * tau * ((z - k * (3 + k)) / (product * two) - z * m) -
                   k * (k - 2 * tau) * half_rate;
    const S far = 1 - 1 / r.h_eta - r.level.root * r.level.b;
    return where(is_small(z) & (k < 1), near, far) / (2 * c * r.level.root);
}

template <class Team, class T>
HG_FN void busemann(Team team, int n, const T* x, const T* p, const Real<T>* c, T* out) {
    put(team, out, seen(team, n, x, p, *c).level.b);
}

template <class Team, class T>
HG_FN void busemann_vjp(Team team, int n, const T* G, const T* x, const T* p, const Real<T>* c, T* x_bar, T* p_bar,
                        Real<T>* c_bar) {
    typedef Real<T> S;
    const Seen<S> r = seen(team, n, x, p, *c);
    const S g = *G, to_perp = g * r.level.root / r.h_eta, to_p = -g / r.h * r.scale;
    const S p_perp = -g * r.scale / r.level.eta;
    for (int i = team.rank(); i < n - 1; i += Team::size) {
        const S pi = p[i], perp = r.x.across(pi, S(x[i + 1]));
        x_bar[i + 1] = T(to_perp * perp + to_p * pi);
        p_bar[i] = T(p_perp * perp);
    }
    put_time_bar(team, x_bar, r.level.b);
    put(team, c_bar, g * level_by_curvature(*c, r));
}

// zeta = perp / eta
template <class Team, class T>
HG_FN void to_horo(Team team, int n, const T* x, const T* p, const Real<T>* c, T* b, T* zeta) {
    typedef Real<T> S;
    const Seen<S> r = seen(team, n, x, p, *c);
    const S scale = 1 / r.level.eta + 0 * r.level.b;
    put(team, b, r.level.b);
    for (int i = team.rank(); i < n - 1; i += Team::size) zeta[i] = T(scale * r.x.across(S(p[i]), S(x[i + 1])));
}

template <class Team, class T>
HG_FN void to_horo_vjp(Team team, int d, const T* G_b, const T* G, const T* x, const T* p, const Real<T>* c, T* x_bar,
                       T* p_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const Seen<S> r = seen(team, d + 1, x, p, *c);
    const S root = r.level.root, to_zeta = 1 / r.level.eta;
    S pp, Gx;
    sum(team, d, into(pp), [=](auto at) { return terms(at(p) * at(p)); });
    const Across<S> g = hypergeom::across(team, d, G, p, pp);
    sum(team, d, into(Gx), [=, x = x + 1](auto at) { return terms(g(at(G), at(p)) * r.x.across(at(p), at(x))); });
    const S G_zeta = to_zeta * Gx, Gu = g.along() * pp * r.scale, of_b = S(*G_b) - root * G_zeta;
    const S to_perp = of_b * root / r.h_eta, to_p = -of_b / r.h * r.scale;
    for (int i = team.rank(); i < d; i += Team::size) {
        const S pi = p[i], perp = r.x.across(pi, S(x[i + 1])), g_perp = g(S(G[i]), pi);
        x_bar[i + 1] = T(to_perp * perp + to_p * pi + to_zeta * g_perp);
        p_bar[i] = T(-to_zeta * r.scale * ((of_b + Gu) * perp + r.t * g_perp));
    }
    put_time_bar(team, x_bar, r.level.b);
    const S of_eta = (r.k + r.level.z * to_zeta) / (2 * *c * r.h);
    put(team, c_bar, S(*G_b) * level_by_curvature(*c, r) - G_zeta * of_eta);
}

// X = eta zeta + A u, A = -sinh(beta)/sqrt(c) + sqrt(c) eta |zeta|^2 / 2, with time coordinate cosh(beta)/sqrt(c) +
// sqrt(c) eta |zeta|^2 / 2; beta = sqrt(c) b = angle + rest, in twice the digits because e^beta would lose them. An
// entry may be zero, so that no factor may be infinite: eta, cosh, sinh and lift are to be multiplied by `grow` twice.
template <class S>
struct Placed {
    S scale, root, angle, grow, eta, cosh, sinh, lift, zz, tilt;  // lift = sqrt(c) eta |zeta|^2 / 2, tilt = zeta.u
    Across<S> zeta;
    HG_FN S A() const { return lift - sinh / root; }
};

template <class Team, class T>
HG_FN Placed<Real<T>> placed(Team team, int d, Real<T> b, const T* zeta, const T* p, Real<T> c) {
    typedef Real<T> S;
    Placed<S> r;
    S pp;
    sum(team, d, into(pp), [=](auto at) { return terms(at(p) * at(p)); });
    r.scale = where(is_curvature(c), to_ideal(pp), S(nan("")));
    r.zeta = hypergeom::across(team, d, zeta, p, pp);
    r.tilt = r.zeta.along() * pp * r.scale;
    sum(team, d, into(r.zz), [=](auto at) {
        const S w = r.zeta(at(zeta), at(p));
        return terms(w * w);
    });
    r.root = sqrt(c) + 0 * r.scale;
    r.angle = r.root * b;
    const S rest = fma(r.root, b, -r.angle) + fma(-r.root, r.root, c) / (2 * r.root) * b;
    const S size = fabs(r.angle);
    const auto huge = !(size < 700);
    const SinhCosh<S> of = sinh_cosh(where(huge, S(0), r.angle));
    r.eta = hypergeom::exp(where(huge, r.angle - size, r.angle)) * (1 + rest);
    r.cosh = where(huge, S(0.5), of.cosh + rest * of.sinh);
    r.sinh = where(huge, where(r.angle < 0, S(-0.5), S(0.5)), of.sinh + rest * of.cosh);
    r.grow = where(huge, hypergeom::exp(where(size < 1400, size / 2, S(700))), S(1)) + 0 * r.angle;
    r.lift = r.root * r.eta * r.zz / 2;
    return r;
}

template <class Team, class T>
HG_FN void from_horo(Team team, int d, const T* b, const T* zeta, const T* p, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const Placed<S> r = placed(team, d, S(*b), zeta, p, *c);
    const S to_p = r.A() * r.scale;
    put(team, out, (r.cosh / r.root + r.lift) * r.grow * r.grow);
    for (int i = team.rank(); i < d; i += Team::size)
        out[i + 1] = T((r.eta * r.zeta(S(zeta[i]), S(p[i])) + to_p * p[i]) * r.grow * r.grow);
}

// The time coordinate of the output is a function of b, zeta and c here, and needs no fold.
template <class Team, class T>
HG_FN void from_horo_vjp(Team team, int n, const T* G, const T* b_, const T* zeta, const T* p, const Real<T>* c_,
                         T* b_bar, T* zeta_bar, T* p_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const S b = *b_, c = *c_, G0 = G[0];
    const int d = n - 1;
    ++G;
    const Placed<S> r = placed(team, d, b, zeta, p, c);
    S pp, Gz;
    sum(team, d, into(pp), [=](auto at) { return terms(at(p) * at(p)); });
    const Across<S> g = hypergeom::across(team, d, G, p, pp);
    sum(team, d, into(Gz), [=](auto at) { return terms(g(at(G), at(p)) * r.zeta(at(zeta), at(p))); });
    const S Gu = g.along() * pp * r.scale, root = r.root, lift = root * r.lift;
    const S grow = r.grow * r.grow;
    put(team, b_bar, (root * r.eta * Gz + (lift - r.cosh) * Gu + (lift + r.sinh) * G0) * grow);
    const S turn = root * (Gu + G0), p_g = (r.A() - r.eta * r.tilt) * r.scale;
    const S p_zeta = -r.eta * (Gu + r.tilt * turn) * r.scale;
    for (int i = team.rank(); i < d; i += Team::size) {
        const S pi = p[i], perp = r.zeta(S(zeta[i]), pi), g_perp = g(S(G[i]), pi);
        zeta_bar[i] = T(r.eta * (g_perp + turn * perp) * grow);
        p_bar[i] = T((p_g * g_perp + p_zeta * perp) * grow);
    }
    const auto far = fabs(r.angle) > 1;
    const S sinh_c = where(far, (b * r.cosh - r.sinh / root) / (2 * c),
                           b * b * b * sinh_ratio_slope(where(far, S(0), r.angle * r.angle)));
    const S lift_c = r.lift * (1 + r.angle) / (2 * c), cosh_c = (b * r.sinh - r.cosh / root) / (2 * c);
    put(team, c_bar, (r.eta * b / (2 * root) * Gz + (lift_c - sinh_c) * Gu + (lift_c + cosh_c) * G0) * grow);
}

}  // namespace hypergeom::lorentz
