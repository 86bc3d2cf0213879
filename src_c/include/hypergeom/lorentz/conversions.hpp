// To other models and back, points: hypergeom/lorentz/conversions.py.
#pragma once
#include "../poincare/points.hpp"
#include "halfspace.hpp"

namespace hypergeom::lorentz {

// x / (1 + h), h = sqrt(c) x0
template <class Team, class T>
HG_FN void to_poincare(Team team, int n, const T* x, const Real<T>* c, T* out) {
    const Height<Real<T>> p = height(team, n, x, *c);
    put_scaled(team, n - 1, x + 1, 1 / (1 + p.h), out);
}

template <class Team, class T>
HG_FN void to_poincare_vjp(Team team, int d, const T* G, const T* x, const Real<T>* c, T* x_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const Height<S> p = height(team, d + 1, x, *c);
    put_radial_vjp<false>(team, d, G, x + 1, *c, lorentz_to_ball(p.xx, p.h), Time<S>{}, S(0), x_bar + 1, c_bar);
    put_time_bar(team, x_bar, p.h);
}

// x / h
template <class Team, class T>
HG_FN void to_klein(Team team, int n, const T* x, const Real<T>* c, T* out) {
    const Height<Real<T>> p = height(team, n, x, *c);
    put_scaled(team, n - 1, x + 1, 1 / p.h, out);
}

template <class Team, class T>
HG_FN void to_klein_vjp(Team team, int d, const T* G, const T* x, const Real<T>* c, T* x_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const Height<S> p = height(team, d + 1, x, *c);
    put_radial_vjp<false>(team, d, G, x + 1, *c, lorentz_to_klein(p.xx, p.h), Time<S>{}, S(0), x_bar + 1, c_bar);
    put_time_bar(team, x_bar, p.h);
}

// k / w with time 1 / (sqrt(c) w), w^2 = 1 - c|k|^2
template <class Team, class T>
HG_FN void from_klein(Team team, int d, const T* k, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const S scale = where(*c > 0, 1 / sqrt(poincare::gap(*c, squares(team, d, k))), S(nan("")));
    put_scaled(team, d, k, scale, out + 1);
    put(team, out, scale / sqrt(*c));
}

template <class Team, class T>
HG_FN void from_klein_vjp(Team team, int n, const T* G, const T* k, const Real<T>* c, T* k_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const Twofold<S> kk = squares(team, n - 1, k);
    const S w = where(*c > 0, sqrt(poincare::gap(*c, kk)), S(nan("")));
    put_radial_vjp<true>(team, n - 1, G + 1, k, *c, klein_to_lorentz(kk.hi, w), klein_to_time(w), S(G[0]) / sqrt(*c), k_bar,
                         c_bar);
}

// (x_p, 1 / sqrt(c)) / lambda
template <class Team, class T>
HG_FN void to_halfspace(Team team, int n, const T* x, const Real<T>* c, T* out) {
    const Horizon<Real<T>> p = horizon(team, n, x, *c);
    put_scaled(team, n - 2, x + 1, 1 / p.lambda, out);
    put(team, out + (n - 2), 1 / (sqrt(*c) * p.lambda));
}

// The point depends on sqrt(c) x: 2 c c_bar = x.x_bar, and that is G times the image of x.
template <class Team, class T>
HG_FN void to_halfspace_vjp(Team team, int d, const T* G, const T* point, const Real<T>* c, T* x_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const T* x = point + 1;
    const Horizon<S> p = horizon(team, d + 1, point, *c);
    const S Gx = dot_but_last(team, d, G, x), Gd = G[d - 1];
    put_horizon_bar(team, d, G, x, p, (Gx + Gd / sqrt(*c)) / p.lambda, x_bar + 1);
    put_time_bar(team, x_bar, p.lambda);
    put(team, c_bar, p.scale * (Gx + sqrt(*c) * Gd * p.image) / (2 * *c));
}

// (|z|^2 + 1, 2 z_p, |z|^2 - 1) / (2 sqrt(c) z_d)
template <class Team, class T>
HG_FN void from_halfspace(Team team, int d, const T* z, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const Above<S> p = above(team, d, z, *c);
    put(team, out, p.scale * ((p.pp + p.zd * p.zd + 1) / 2));
    put_scaled(team, d - 1, z, p.scale, out + 1);
    put(team, out + d, p.scale * ((p.pp + (p.zd - 1) * (p.zd + 1)) / 2));
}

template <class Team, class T>
HG_FN void from_halfspace_vjp(Team team, int n, const T* G, const T* z, const Real<T>* c, T* z_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const int d = n - 1;
    const Above<S> p = above(team, d, z, *c);
    put_above_bar(team, d, G, z, p, z_bar);
    const S Gp = dot_but_last(team, d, G + 1, z), square = p.pp + p.zd * p.zd, less = p.pp + (p.zd - 1) * (p.zd + 1);
    put(team, c_bar, -p.scale * (2 * Gp + G[0] * (square + 1) + G[d] * less) / (4 * *c));
}

}  // namespace hypergeom::lorentz
