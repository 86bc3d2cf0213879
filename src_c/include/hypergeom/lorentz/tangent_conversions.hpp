// To other models and back, tangent vectors: hypergeom/lorentz/tangent_conversions.py.
#pragma once
#include "../poincare/points.hpp"
#include "halfspace.hpp"

namespace hypergeom::lorentz {

template <class Team, class T>
HG_FN void to_poincare_tangent(Team team, int n, const T* x, const T* v, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const Height<S> p = height(team, n, x, *c);
    const Radial<S> r = lorentz_to_ball(p.xx, p.h);
    put_radial<false>(team, n - 1, x + 1, v + 1, r, split_along<false>(team, n - 1, x + 1, v + 1, p.xx), S(0), out);
}

template <class Team, class T, class S>
HG_FN void put_vjp_from_lorentz(Team team, int d, const T* G, const T* x, const T* v, S c, const Radial<S>& r, T* x_bar,
                                T* v_bar, S* c_bar) {
    put_radial_tangent_vjp<false>(team, d, G, x + 1, v + 1, c, r, Time<S>{}, S(0), x_bar + 1, v_bar + 1, c_bar);
    put_time_bar(team, x_bar, r.scale), put_time_bar(team, v_bar, r.scale);
}

template <class Team, class T>
HG_FN void to_poincare_tangent_vjp(Team team, int d, const T* G, const T* x, const T* v, const Real<T>* c, T* x_bar,
                                   T* v_bar, Real<T>* c_bar) {
    const Height<Real<T>> p = height(team, d + 1, x, *c);
    put_vjp_from_lorentz(team, d, G, x, v, *c, lorentz_to_ball(p.xx, p.h), x_bar, v_bar, c_bar);
}

template <class Team, class T>
HG_FN void to_klein_tangent(Team team, int n, const T* x, const T* v, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const Height<S> p = height(team, n, x, *c);
    const Radial<S> r = lorentz_to_klein(p.xx, p.h);
    put_radial<false>(team, n - 1, x + 1, v + 1, r, split_along<false>(team, n - 1, x + 1, v + 1, p.xx), S(0), out);
}

template <class Team, class T>
HG_FN void to_klein_tangent_vjp(Team team, int d, const T* G, const T* x, const T* v, const Real<T>* c, T* x_bar, T* v_bar,
                                Real<T>* c_bar) {
    const Height<Real<T>> p = height(team, d + 1, x, *c);
    put_vjp_from_lorentz(team, d, G, x, v, *c, lorentz_to_klein(p.xx, p.h), x_bar, v_bar, c_bar);
}

template <class Team, class T>
HG_FN void from_klein_tangent(Team team, int d, const T* k, const T* u, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const Twofold<S> kk = squares(team, d, k);
    const S w = where(*c > 0, sqrt(poincare::gap(*c, kk)), S(nan("")));
    const Split<S> p = split_along<true>(team, d, k, u, kk.hi);
    put_radial<true>(team, d, k, u, klein_to_lorentz(kk.hi, w), p, S(0), out + 1);
    put(team, out, 2 * sqrt(*c) * klein_to_time(w).slope * p.dot);
}

template <class Team, class T>
HG_FN void from_klein_tangent_vjp(Team team, int n, const T* G, const T* k, const T* u, const Real<T>* c, T* k_bar,
                                  T* u_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const Twofold<S> kk = squares(team, n - 1, k);
    const S w = where(*c > 0, sqrt(poincare::gap(*c, kk)), S(nan("")));
    put_radial_tangent_vjp<true>(team, n - 1, G + 1, k, u, *c, klein_to_lorentz(kk.hi, w), klein_to_time(w),
                                 S(G[0]) / sqrt(*c), k_bar, u_bar, c_bar);
}

// ((v_p, 0) - mu z) / lambda with mu = v0 - v_d = (x_p.v_p - lambda v_d) / x0, taken of the part y of v across x; and the
// image of what lies along x, which is smaller by sqrt(c) x0 than those terms.
template <class Team, class T>
HG_FN void to_halfspace_tangent(Team team, int n, const T* point, const T* tangent, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const T *x = point + 1, *v = tangent + 1;
    const int d = n - 1;
    const Horizon<S> p = horizon(team, n, point, *c);
    const Split<S> s = split_along<false>(team, d, x, v, p.xx);
    S xy;
    sum(team, d - 1, into(xy), [=](auto at) {
        const S xi = at(x);
        return terms(xi * across<false>(s, xi, S(at(v))));
    });
    const S mu = (xy - p.lambda * across<false>(s, p.xd, S(v[d - 1]))) / p.x0, image = s.part() * p.scale;
    const S to_y = 1 / p.lambda, to_x = image - mu * to_y * to_y;
    for (int i = team.rank(); i < d - 1; i += Team::size) {
        const S xi = x[i];
        out[i] = T(to_y * across<false>(s, xi, S(v[i])) + to_x * xi);
    }
    put(team, out + (d - 1), sqrt(*c) * image * p.image - mu * to_y * to_y / sqrt(*c));
}

// Of L = (G_p.v_p - (G.z) mu) / lambda. In one dimension the terms of x_bar cancel to (G.z) v lambda / x0^3.
template <class Team, class T>
HG_FN void to_halfspace_tangent_vjp(Team team, int d, const T* G, const T* point, const T* tangent, const Real<T>* c,
                                    T* x_bar, T* v_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const T *x = point + 1, *v = tangent + 1;
    const Horizon<S> p = horizon(team, d + 1, point, *c);
    const Split<S> s = split_along<false>(team, d, x, v, p.xx);
    const S Gv = dot_but_last(team, d, G, v), Gx = dot_but_last(team, d, G, x), Gd = G[d - 1], vd = v[d - 1];
    const S inverse = 1 / p.lambda, mu = (dot_but_last(team, d, x, v) - p.lambda * vd) / p.x0 * inverse;
    const S Gz = (Gx + Gd / sqrt(*c)) * inverse, bend = (2 * Gz * mu - Gv * inverse) * inverse, to_G = -mu * inverse;
    const S to_metric = -Gz * inverse / p.x0, along = s.part() / (*c * p.x0) / p.x0, line = Gz * p.lambda / p.x0 / p.x0;
    for (int i = team.rank(); i < d; i += Team::size) {
        const S xi = x[i], of_metric = to_metric * (across<false>(s, xi, S(v[i])) + along * xi);
        if (d == 1)
            x_bar[1] = T(line * (vd / p.x0));
        else if (i < d - 1)
            x_bar[i + 1] = T(bend / p.x0 * xi + to_G * G[i] + of_metric);
        else
            x_bar[i + 1] = T(of_metric - bend * (p.lambda / p.x0));
    }
    put_horizon_bar(team, d, G, x, p, Gz, v_bar + 1);
    put_time_bar(team, x_bar, p.lambda), put_time_bar(team, v_bar, p.lambda);
    const S level = (bend * p.lambda + Gz * (s.dot / p.x0) / p.x0) / (*c * p.x0) * inverse;
    put(team, c_bar, (Gd * mu * inverse / sqrt(*c) - level) / (2 * *c));
}

// (z_p.u_p + (z_d^2 - |z_p|^2 - 1) u_d / (2 z_d), u_p - u_d z_p / z_d, ...) / (sqrt(c) z_d). The time entry, in twice the
// digits: it is what grows with the distance from the apex, and the last entry is it plus u_d / (sqrt(c) z_d^2).
template <class Team, class T>
HG_FN void from_halfspace_tangent(Team team, int d, const T* z, const T* u, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const Above<S> p = above(team, d, z, *c);
    const Twofold<S> pp = squares(team, d - 1, z), zu = dot(team, d - 1, z, u);
    const S ud = u[d - 1], tilt = ud / p.zd, scale = p.scale + 0 * (zu.hi + ud);
    Twofold<S> level{S(-1), S(0)}, time{S(0), S(0)};
    add_product(level.hi, level.lo, p.zd, p.zd);
    add_exactly(level.hi, level.lo, S(-pp.hi));
    level.lo -= pp.lo;
    add_product(time.hi, time.lo, 2 * p.zd, zu.hi);
    add_product(time.hi, time.lo, level.hi, ud);
    time.lo += 2 * p.zd * zu.lo + level.lo * ud;
    put(team, out, scale * ((time.hi + time.lo) / p.zd / 2));
    for (int i = team.rank(); i < d - 1; i += Team::size) out[i + 1] = T(scale * (u[i] - tilt * z[i]));
    add_exactly(time.hi, time.lo, 2 * ud);
    put(team, out + d, scale * ((time.hi + time.lo) / p.zd / 2));
}

template <class Team, class T>
HG_FN void from_halfspace_tangent_vjp(Team team, int n, const T* G, const T* z, const T* u, const Real<T>* c, T* z_bar,
                                      T* u_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const T* Gs = G + 1;
    const int d = n - 1;
    const Above<S> p = above(team, d, z, *c);
    const S ud = u[d - 1], tilt = ud / p.zd, G0 = G[0], Gd = Gs[d - 1], both = G0 + Gd;
    const S Gu = dot_but_last(team, d, Gs, u), Gz = dot_but_last(team, d, Gs, z), zu = dot_but_last(team, d, z, u);
    for (int i = team.rank(); i < d - 1; i += Team::size)
        z_bar[i] = T(p.scale * (both * u[i] - tilt * (Gs[i] + both * z[i])));
    const S level = (p.zd - 1) * (p.zd + 1) - p.pp;
    const S of_zd = 2 * Gz + G0 * (p.pp + 1) + Gd * (p.pp - 1);
    put(team, z_bar + (d - 1), p.scale * ((tilt * of_zd - Gu - both * zu) / p.zd));
    put_above_bar(team, d, G, z, p, u_bar);
    const S total = Gu + both * zu + tilt * (G0 * level / 2 + Gd * (level / 2 + 1) - Gz);
    put(team, c_bar, -p.scale * total / (2 * *c));
}

}  // namespace hypergeom::lorentz
