// To other models and back, tangent vectors: hypergeom/poincare/tangent_conversions.py.
#pragma once
#include "../radial.hpp"
#include "halfspace.hpp"

namespace hypergeom::poincare {

// The differential of a radial map: v split along x and across.
template <bool grows, class Team, class T, class S>
HG_FN void put_radial_tangent(Team team, int d, const T* x, const T* v, const Radial<S>& r, T* out) {
    put_radial<grows>(team, d, x, v, r, split_along<grows>(team, d, x, v, r.xx), S(0), out);
}

template <class Team, class T>
HG_FN void to_lorentz_tangent(Team team, int d, const T* x, const T* v, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const Twofold<S> xx = squares(team, d, x);
    const S g = where(*c > 0, gap(*c, xx), S(nan(""))), q = *c * xx.hi;
    const Radial<S> r = ball_to_lorentz(xx.hi, q, g);
    const Split<S> p = split_along<true>(team, d, x, v, r.xx);
    put_radial<true>(team, d, x, v, r, p, S(0), out + 1);
    put(team, out, 2 * sqrt(*c) * ball_to_time(q, g).slope * p.dot);
}

template <class Team, class T>
HG_FN void to_lorentz_tangent_vjp(Team team, int n, const T* G, const T* x, const T* v, const Real<T>* c, T* x_bar,
                                  T* v_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const Twofold<S> xx = squares(team, n - 1, x);
    const S g = where(*c > 0, gap(*c, xx), S(nan(""))), q = *c * xx.hi;
    put_radial_tangent_vjp<true>(team, n - 1, G + 1, x, v, *c, ball_to_lorentz(xx.hi, q, g), ball_to_time(q, g),
                                 S(G[0]) / sqrt(*c), x_bar, v_bar, c_bar);
}

template <class Team, class T>
HG_FN void to_klein_tangent(Team team, int d, const T* x, const T* v, const Real<T>* c, T* out) {
    const Twofold<Real<T>> xx = squares(team, d, x);
    put_radial_tangent<false>(team, d, x, v, ball_to_klein(xx.hi, *c * xx.hi, gap(*c, xx)), out);
}

template <class Team, class T>
HG_FN void to_klein_tangent_vjp(Team team, int d, const T* G, const T* x, const T* v, const Real<T>* c, T* x_bar, T* v_bar,
                                Real<T>* c_bar) {
    typedef Real<T> S;
    const Twofold<S> xx = squares(team, d, x);
    const Radial<S> r = ball_to_klein(xx.hi, *c * xx.hi, gap(*c, xx));
    put_radial_tangent_vjp<false>(team, d, G, x, v, *c, r, Time<S>{}, S(0), x_bar, v_bar, c_bar);
}

template <class Team, class T>
HG_FN void from_klein_tangent(Team team, int d, const T* k, const T* u, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const Twofold<S> kk = squares(team, d, k);
    put_radial_tangent<true>(team, d, k, u, klein_to_ball(kk.hi, S(sqrt(gap(*c, kk)))), out);
}

template <class Team, class T>
HG_FN void from_klein_tangent_vjp(Team team, int d, const T* G, const T* k, const T* u, const Real<T>* c, T* k_bar,
                                  T* u_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const Twofold<S> kk = squares(team, d, k);
    const Radial<S> r = klein_to_ball(kk.hi, S(sqrt(gap(*c, kk))));
    put_radial_tangent_vjp<true>(team, d, G, k, u, *c, r, Time<S>{}, S(0), k_bar, u_bar, c_bar);
}

template <class Team, class T>
HG_FN void to_halfspace_tangent(Team team, int d, const T* x, const T* v, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const Inversion<S> p = inversion_of_ball(team, d, x, *c);
    put_mirrored(team, d, x, v, p, 2 * p.k / p.P, 1, -1, out);
}

// c_bar is that of J, by J = sqrt(c) times a function of sqrt(c) x. Written out, its terms cancel at -e_d; collected, they
// are z_d w, for the half-space's point z and tangent w, and what the reflection turns of the last coordinates.
template <class Team, class T>
HG_FN void to_halfspace_tangent_vjp(Team team, int d, const T* G, const T* x, const T* v, const Real<T>* c, T* x_bar,
                                    T* v_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const InversionOfBall<S> p = inversion_of_ball(team, d, x, *c);
    const Mirror<S> m = mirror(team, d, x, G, v, p, -1, 1);
    const S factor = 2 * p.k / p.P, across = *c * p.pp;
    put_mirror_bar(team, d, x, G, v, p, m, S(4 * *c / p.P), 1, x_bar);
    put_mirrored(team, d, x, G, p, factor, -1, 1, v_bar);
    const S turned = m.DV * ((m.hd * across - p.last * m.Dh) / p.P) + m.DH * ((m.vd * across - p.last * m.Dv) / p.P);
    put(team, c_bar, factor * (p.gap / p.P * m.value - 2 * turned / p.P) / (2 * *c));
}

template <class Team, class T>
HG_FN void from_halfspace_tangent(Team team, int d, const T* z, const T* u, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const Inversion<S> p = inversion_of_halfspace(team, d, z, *c);
    put_mirrored(team, d, z, u, p, S(2 / (sqrt(*c) * p.P)), -1, 1, out);
}

template <class Team, class T>
HG_FN void from_halfspace_tangent_vjp(Team team, int d, const T* G, const T* z, const T* u, const Real<T>* c, T* z_bar,
                                      T* u_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const Inversion<S> p = inversion_of_halfspace(team, d, z, *c);
    const Mirror<S> m = mirror(team, d, z, G, u, p, 1, -1);
    const S factor = 2 / (sqrt(*c) * p.P);
    put_mirror_bar(team, d, z, G, u, p, m, 2 * factor, -1, z_bar);
    put_mirrored(team, d, z, G, p, factor, 1, -1, u_bar);
    put(team, c_bar, -factor * m.value / (2 * *c));
}

}  // namespace hypergeom::poincare
