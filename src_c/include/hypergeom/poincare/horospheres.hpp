// Busemann functions and horospheres of the ball: hypergeom/poincare/horospheres.py.
#pragma once
#include "../horospheres.hpp"
#include "points.hpp"

namespace hypergeom::poincare {

// x seen from the ideal point u = p/|p|: x = t u + perp, F = |u - sqrt(c) x|^2, eta = F / g. Since
// (1 - sqrt(c) t) (1 + sqrt(c) t) = g + c |perp|^2, nothing cancels, however close x is to the ideal point.
template <class S>
struct Seen {
    S scale, t, perp, xx, g, toward, F;  // scale = 1/|p|, perp the square, toward = 1 - sqrt(c) t
    Across<S> x;
    Level<S> level;
};

template <class Team, class T>
HG_FN Seen<Real<T>> seen(Team team, int d, const T* x, const T* p, Real<T> c) {
    typedef Real<T> S;
    Seen<S> r;
    S pp;
    sum(team, d, into(pp), [=](auto at) { return terms(at(p) * at(p)); });
    r.scale = to_ideal(pp);
    r.x = across(team, d, x, p, pp);
    sum(team, d, into(r.perp), [=](auto at) {
        const S w = r.x(at(x), at(p));
        return terms(w * w);
    });
    const Twofold<S> xx = squares(team, d, x);
    r.xx = xx.hi, r.g = gap(c, xx);
    const S root = sqrt(c);
    r.t = r.x.along() * pp * r.scale;
    r.toward = where(r.t > 0, (r.g + c * r.perp) / (1 + root * r.t), 1 - root * r.t);
    r.F = r.toward * r.toward + c * r.perp;
    r.level = level(root, 2 * (root * r.perp - r.t * r.toward) / r.g, r.F / r.g);
    return r;
}

// db/dc. It grows like 1 / sqrt(c) towards c = 0; there it is taken as 0.
template <class S>
HG_FN S level_by_curvature(S c, const Seen<S>& r) {
    const Level<S>& l = r.level;
    const S y = l.y, z = l.z, two = 2 + z;
    const S rate = (3 + z) / ((1 + z) * two) - 4 * log1p_remainder(z) / (two * two * two);
    const S near = r.perp / (l.root * r.g * r.g) - r.xx * y / r.g + y * y * y * rate / 4;
    const S far = (y / l.eta - l.b) / (2 * c) + r.xx / (l.root * r.g);
    return where(c == 0, 0 * l.b, where(is_small(z), near, far));
}

template <class Team, class T>
HG_FN void busemann(Team team, int d, const T* x, const T* p, const Real<T>* c, T* out) {
    put(team, out, seen(team, d, x, p, *c).level.b);
}

template <class Team, class T>
HG_FN void busemann_vjp(Team team, int d, const T* G, const T* x, const T* p, const Real<T>* c, T* x_bar, T* p_bar,
                        Real<T>* c_bar) {
    typedef Real<T> S;
    const Seen<S> r = seen(team, d, x, p, *c);
    const S to_F = 2 * S(*G) / r.F, to_x = 2 * S(*G) * r.level.root / r.g;
    for (int i = team.rank(); i < d; i += Team::size) {
        const S xi = x[i], pi = p[i], perp = r.x(xi, pi);
        x_bar[i] = T(to_x * xi - to_F * (r.toward * r.scale * pi - r.level.root * perp));
        p_bar[i] = T(-to_F * r.scale * perp);
    }
    put(team, c_bar, S(*G) * level_by_curvature(*c, r));
}

// zeta = 2 perp / F
template <class Team, class T>
HG_FN void to_horo(Team team, int d, const T* x, const T* p, const Real<T>* c, T* b, T* zeta) {
    typedef Real<T> S;
    const Seen<S> r = seen(team, d, x, p, *c);
    const S scale = 2 / r.F + 0 * r.level.b;
    put(team, b, r.level.b);
    for (int i = team.rank(); i < d; i += Team::size) zeta[i] = T(scale * r.x(S(x[i]), S(p[i])));
}

template <class Team, class T>
HG_FN void to_horo_vjp(Team team, int d, const T* G_b, const T* G, const T* x, const T* p, const Real<T>* c, T* x_bar,
                       T* p_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const Seen<S> r = seen(team, d, x, p, *c);
    S pp, Gx;
    sum(team, d, into(pp), [=](auto at) { return terms(at(p) * at(p)); });
    const Across<S> g = across(team, d, G, p, pp);
    sum(team, d, into(Gx), [=](auto at) { return terms(g(at(G), at(p)) * r.x(at(x), at(p))); });
    const S root = r.level.root, to_F = 2 / r.F, G_zeta = to_F * Gx, Gu = g.along() * pp * r.scale;
    const S of_F = root * G_zeta - S(*G_b), to_x = 2 * S(*G_b) * root / r.g, to_perp = Gu - of_F;
    for (int i = team.rank(); i < d; i += Team::size) {
        const S xi = x[i], pi = p[i], perp = r.x(xi, pi), g_perp = g(S(G[i]), pi);
        x_bar[i] = T(to_F * (g_perp + of_F * (r.toward * r.scale * pi - root * perp)) + to_x * xi);
        p_bar[i] = T(-to_F * r.scale * (to_perp * perp + r.t * g_perp));
    }
    const S of_c = S(*G_b) * level_by_curvature(*c, r) - G_zeta * r.level.y / (2 * root * r.level.eta);
    put(team, c_bar, where(*c == 0, 0 * r.level.b, of_c));
}

// X / (1 + h) of the hyperboloid's point X = eta zeta + A u, A = -sinh(beta)/sqrt(c) + sqrt(c) eta |zeta|^2 / 2, beta =
// sqrt(c) b, and h = cosh(beta) + c eta |zeta|^2 / 2. All of eta, A, 1 + h are times unit = e^-|beta| if |beta| > 1.
template <class S>
struct Placed {
    S scale, root, unit, eta, cosh, sinh, A, weight, zz, tilt;  // sinh is sinh(beta) / sqrt(c), weight 1 / (1 + h)
    Across<S> zeta;                                             // tilt = zeta.u
};

template <class Team, class T>
HG_FN Placed<Real<T>> placed(Team team, int d, Real<T> b, const T* zeta, const T* p, Real<T> c) {
    typedef Real<T> S;
    Placed<S> r;
    S pp;
    sum(team, d, into(pp), [=](auto at) { return terms(at(p) * at(p)); });
    r.scale = where((c >= 0) & (c - c == 0), to_ideal(pp), S(nan("")));
    r.zeta = across(team, d, zeta, p, pp);
    r.tilt = r.zeta.along() * pp * r.scale;
    sum(team, d, into(r.zz), [=](auto at) {
        const S w = r.zeta(at(zeta), at(p));
        return terms(w * w);
    });
    r.root = sqrt(c);
    const S beta = r.root * b;
    const auto far = fabs(beta) > 1;
    const S shift = where(far, fabs(beta), S(0));
    const S grown = hypergeom::exp(beta - shift), shrunk = hypergeom::exp(-beta - shift);
    r.unit = hypergeom::exp(-shift), r.eta = grown, r.cosh = (grown + shrunk) / 2;
    r.sinh = where(far, (grown - shrunk) / (2 * r.root), b * sinh_ratio(where(far, S(0), beta * beta)));
    r.A = r.root * r.eta * r.zz / 2 - r.sinh;
    r.weight = 1 / (r.unit + r.cosh + c * r.eta * r.zz / 2);
    return r;
}

template <class Team, class T>
HG_FN void from_horo(Team team, int d, const T* b, const T* zeta, const T* p, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const Placed<S> r = placed(team, d, S(*b), zeta, p, *c);
    const S to_zeta = r.weight * r.eta, to_p = r.weight * r.A * r.scale;
    for (int i = team.rank(); i < d; i += Team::size)
        out[i] = T(to_zeta * r.zeta(S(zeta[i]), S(p[i])) + to_p * p[i]);
}

template <class Team, class T>
HG_FN void from_horo_vjp(Team team, int d, const T* G, const T* b_, const T* zeta, const T* p, const Real<T>* c_,
                         T* b_bar, T* zeta_bar, T* p_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const S b = *b_, c = *c_;
    const Placed<S> r = placed(team, d, b, zeta, p, c);
    S pp, Gz;
    sum(team, d, into(pp), [=](auto at) { return terms(at(p) * at(p)); });
    const Across<S> g = across(team, d, G, p, pp);
    sum(team, d, into(Gz), [=](auto at) { return terms(g(at(G), at(p)) * r.zeta(at(zeta), at(p))); });
    const S Gu = g.along() * pp * r.scale, W = r.weight, root = r.root, lift = c * r.eta * r.zz / 2;
    put(team, b_bar, W * W * r.unit * (root * (r.unit + r.eta) * Gz + (lift - r.unit - r.cosh) * Gu));
    const S turn = root * W * ((r.unit + r.eta) * Gu - root * r.eta * Gz);
    const S to_zeta = W * r.eta, p_g = W * (r.A - r.eta * r.tilt) * r.scale;
    const S p_zeta = -to_zeta * (Gu + r.tilt * turn) * r.scale;
    for (int i = team.rank(); i < d; i += Team::size) {
        const S pi = p[i], perp = r.zeta(S(zeta[i]), pi), g_perp = g(S(G[i]), pi);
        zeta_bar[i] = T(to_zeta * (g_perp + turn * perp));
        p_bar[i] = T(p_g * g_perp + p_zeta * perp);
    }
    const S beta = root * b;
    const auto far = fabs(beta) > 1;
    const S sinh_c =
        where(far, (b * r.cosh - r.sinh) / (2 * c), b * b * b * sinh_ratio_slope(where(far, S(0), beta * beta)));
    const S A_c = r.eta * r.zz * (1 + beta) / (4 * root) - sinh_c;
    const S h_c = b * r.sinh / 2 + r.eta * r.zz * (2 + beta) / 4, Gx = W * (r.eta * Gz + r.A * Gu);
    put(team, c_bar, where(c == 0, 0 * W, W * (r.eta * b / (2 * root) * Gz + A_c * Gu - Gx * h_c)));
}

}  // namespace hypergeom::poincare
