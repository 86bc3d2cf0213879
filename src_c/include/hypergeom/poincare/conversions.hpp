// To other models and back, points: hypergeom/poincare/conversions.py.
#pragma once
#include "../radial.hpp"
#include "halfspace.hpp"

namespace hypergeom::poincare {

// 2 x / g, with time (2/g - 1) / sqrt(c)
template <class Team, class T>
HG_FN void to_lorentz(Team team, int d, const T* x, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const S scale = where(*c > 0, 2 / gap(*c, squares(team, d, x)), S(nan("")));
    put_scaled(team, d, x, scale, out + 1);
    put(team, out, (scale - 1) / sqrt(*c));
}

template <class Team, class T>
HG_FN void to_lorentz_vjp(Team team, int n, const T* G, const T* x, const Real<T>* c, T* x_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const Twofold<S> xx = squares(team, n - 1, x);
    const S g = where(*c > 0, gap(*c, xx), S(nan(""))), q = *c * xx.hi;
    put_radial_vjp<true>(team, n - 1, G + 1, x, *c, ball_to_lorentz(xx.hi, q, g), ball_to_time(q, g), S(G[0]) / sqrt(*c),
                         x_bar, c_bar);
}

// 2 x / (1 + q)
template <class Team, class T>
HG_FN void to_klein(Team team, int d, const T* x, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const Twofold<S> xx = squares(team, d, x);
    put_scaled(team, d, x, ball_to_klein(xx.hi, *c * xx.hi, gap(*c, xx)).scale, out);
}

template <class Team, class T>
HG_FN void to_klein_vjp(Team team, int d, const T* G, const T* x, const Real<T>* c, T* x_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const Twofold<S> xx = squares(team, d, x);
    const Radial<S> r = ball_to_klein(xx.hi, *c * xx.hi, gap(*c, xx));
    put_radial_vjp<false>(team, d, G, x, *c, r, Time<S>{}, S(0), x_bar, c_bar);
}

// k / (1 + w), w^2 = 1 - c|k|^2
template <class Team, class T>
HG_FN void from_klein(Team team, int d, const T* k, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const Twofold<S> kk = squares(team, d, k);
    put_scaled(team, d, k, klein_to_ball(kk.hi, S(sqrt(gap(*c, kk)))).scale, out);
}

template <class Team, class T>
HG_FN void from_klein_vjp(Team team, int d, const T* G, const T* k, const Real<T>* c, T* k_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const Twofold<S> kk = squares(team, d, k);
    const Radial<S> r = klein_to_ball(kk.hi, S(sqrt(gap(*c, kk))));
    put_radial_vjp<true>(team, d, G, k, *c, r, Time<S>{}, S(0), k_bar, c_bar);
}

// (2 s_i, g) / |s - e_d|^2, s = sqrt(c) x
template <class Team, class T>
HG_FN void to_halfspace(Team team, int d, const T* x, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const InversionOfBall<S> p = inversion_of_ball(team, d, x, *c);
    put_scaled(team, d - 1, x, 2 * p.k / p.P, out);
    put(team, out + (d - 1), p.gap / p.P);
}

// The point depends on sqrt(c) x: 2 c c_bar = x.x_bar
template <class Team, class T>
HG_FN void to_halfspace_vjp(Team team, int d, const T* G, const T* x, const Real<T>* c, T* x_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const Inversion<S> p = inversion_of_ball(team, d, x, *c);
    const S factor = 2 * p.k / p.P, xd = x[d - 1], Gd = G[d - 1], Dx = p.k * p.pp + p.last * xd;
    const S Ds = dot_but_last(team, d, x, G, p), DG = Ds - p.last * Gd;
    put_mirrored(team, d, x, G, p, factor, -1, 1, x_bar);
    put(team, c_bar, factor * (Ds / p.k - Gd * xd - 2 * DG * (Dx / p.P)) / (2 * *c));
}

// (2 z_i, |z|^2 - 1) / (sqrt(c) |z + e_d|^2)
template <class Team, class T>
HG_FN void from_halfspace(Team team, int d, const T* z, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const Inversion<S> p = inversion_of_halfspace(team, d, z, *c);
    const S zd = z[d - 1], scale = 1 / (sqrt(*c) * p.P);
    put_scaled(team, d - 1, z, 2 * scale, out);
    put(team, out + (d - 1), scale * (p.pp + (zd - 1) * (zd + 1)));
}

template <class Team, class T>
HG_FN void from_halfspace_vjp(Team team, int d, const T* G, const T* z, const Real<T>* c, T* z_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const Inversion<S> p = inversion_of_halfspace(team, d, z, *c);
    const S zd = z[d - 1], scale = 1 / (sqrt(*c) * p.P), Gz = dot_but_last(team, d, z, G, p);
    put_mirrored(team, d, z, G, p, 2 * scale, 1, -1, z_bar);
    put(team, c_bar, -scale * (2 * Gz + G[d - 1] * (p.pp + (zd - 1) * (zd + 1))) / (2 * *c));
}

}  // namespace hypergeom::poincare
