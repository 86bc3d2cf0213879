// The half-space {z_d > 0} of metric |dz|^2 / (c z_d^2): what the conversions of the ball share.
//
// Ball and half-space are images of each other under an inversion and a reflection R of the last coordinate:
//     sqrt(c) x = e_d + 2 D / |D|^2, D = R z - e_d,       R z = e_d + 2 D / |D|^2, D = sqrt(c) x - e_d.
// Up to R, the Jacobian is 2 / |D|^2 times the reflection I - 2 D D^T / |D|^2 either way.
#pragma once
#include "points.hpp"

namespace hypergeom::poincare {

// D = (k times the entries of the row, last) and P = |D|^2; pp is the square of the row but for its last entry.
template <class S>
struct Inversion {
    S k, last, pp, P;
};

template <class S>
struct InversionOfBall : Inversion<S> {
    S gap;  // 1 - c|x|^2
};

// At a point of the ball. Near e_d, sqrt(c) x_d - 1 is the gap of the last coordinate alone.
template <class Team, class T>
HG_FN InversionOfBall<Real<T>> inversion_of_ball(Team team, int d, const T* x, Real<T> c) {
    typedef Real<T> S;
    const S k = where(c > 0, sqrt(c), S(nan(""))), xd = x[d - 1], square = xd * xd;
    const S alone = gap(c, Twofold<S>{square, fma(xd, xd, -square)});
    const S last = where(xd > 0, -alone / (1 + k * xd), k * xd - 1);
    Twofold<S> total = squares(team, d - 1, x);
    const S pp = total.hi + total.lo;
    add_product(total.hi, total.lo, xd, xd);
    const S g = gap(c, total);
    return {{k, last, pp, c * pp + last * last + 0 * g}, g};
}

// At a point of the half-space; NaN outside, and where |z|^2 overflows.
template <class Team, class T>
HG_FN Inversion<Real<T>> inversion_of_halfspace(Team team, int d, const T* z, Real<T> c) {
    typedef Real<T> S;
    const S zd = z[d - 1], last = -(zd + 1);
    const Twofold<S> total = squares(team, d - 1, z);
    const S pp = total.hi + total.lo, P = pp + last * last;
    return {S(1), last, pp, where((c > 0) & (c <= largest) & (zd > 0) & (P <= largest), P, S(nan("")))};
}

// D.v without the part of the last entry
template <class Team, class T, class S>
HG_FN S dot_but_last(Team team, int d, const T* x, const T* v, const Inversion<S>& p) {
    const Twofold<S> xv = dot(team, d - 1, x, v);
    return p.k * (xv.hi + xv.lo);
}

// out = factor (v - 2 (D.v) D / P) with R before it (sign_in = -1) or after it (sign_out = -1)
template <class Team, class T, class S>
HG_FN void put_mirrored(Team team, int d, const T* x, const T* v, const Inversion<S>& p, S factor, int sign_in,
                        int sign_out, T* out) {
    const S vd = sign_in * S(v[d - 1]), Dv = dot_but_last(team, d, x, v, p) + p.last * vd;
    const S to_D = -2 * Dv / p.P, to_x = to_D * p.k;
    factor += 0 * Dv;
    for (int i = team.rank(); i < d - 1; i += Team::size) out[i] = T(factor * (v[i] + to_x * x[i]));
    put(team, out + (d - 1), sign_out * (factor * (vd + to_D * p.last)));
}

// Of H.v / P - 2 (D.H) (D.v) / P^2: the value and the gradient in D, times factors.
template <class S>
struct Mirror {
    S hd, vd, Dh, Dv;  // last entries, and D.H and D.v without those
    S value, DH, DV;
};

template <class Team, class T, class S>
HG_FN Mirror<S> mirror(Team team, int d, const T* x, const T* H, const T* v, const Inversion<S>& p, int sign_H, int sign_v) {
    S Hv;
    sum(team, d - 1, into(Hv), [=](auto at) { return terms(at(H) * at(v)); });
    Mirror<S> m;
    m.hd = sign_H * S(H[d - 1]), m.vd = sign_v * S(v[d - 1]);
    m.Dh = dot_but_last(team, d, x, H, p), m.Dv = dot_but_last(team, d, x, v, p);
    m.DH = m.Dh + p.last * m.hd, m.DV = m.Dv + p.last * m.vd;
    m.value = (Hv + m.hd * m.vd) - 2 * m.DH * (m.DV / p.P);
    return m;
}

template <class Team, class T, class S>
HG_FN void put_mirror_bar(Team team, int d, const T* x, const T* H, const T* v, const Inversion<S>& p, const Mirror<S>& m,
                          S factor, int sign_out, T* x_bar) {
    const S to_D = (2 * m.DH * (m.DV / p.P) - m.value) / p.P, to_x = to_D * p.k, to_H = -m.DV / p.P, to_v = -m.DH / p.P;
    for (int i = team.rank(); i < d - 1; i += Team::size)
        x_bar[i] = T(factor * (to_x * x[i] + to_H * H[i] + to_v * v[i]));
    put(team, x_bar + (d - 1), sign_out * (factor * (to_D * p.last + to_H * m.hd + to_v * m.vd)));
}

}  // namespace hypergeom::poincare
