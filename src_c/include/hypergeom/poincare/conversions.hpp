// To other models: hypergeom/poincare/conversions.py.
#pragma once
#include "points.hpp"

namespace hypergeom::poincare {

// 2 x / g, with time (2/g - 1) / sqrt(c)
template <class Team, class T>
HG_FN void to_lorentz(Team team, int d, const T* x, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const S scale = where(*c > 0, 2 / gap(*c, squares(team, d, x)), S(nan("")));
    for (int i = team.rank(); i < d; i += Team::size) out[i + 1] = T(scale * x[i]);
    put(team, out, (scale - 1) / sqrt(*c));
}

template <class Team, class T>
HG_FN void to_lorentz_vjp(Team team, int n, const T* G, const T* x, const Real<T>* c, T* x_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const T* Gs = G + 1;
    S Gx;
    sum(team, n - 1, into(Gx), [=](auto at) { return terms(at(Gs) * at(x)); });
    const Twofold<S> squared = squares(team, n - 1, x);
    const S xx = squared.hi, scale = where(*c > 0, 2 / gap(*c, squared), S(nan("")));
    const S fold = S(G[0]) * sqrt(*c) / (scale - 1);  // G0 / x0
    const S of_scale = Gx + fold * scale * xx, to_x = fold * scale * scale + *c * scale * scale * of_scale;
    for (int i = team.rank(); i < n - 1; i += Team::size) x_bar[i] = T(scale * Gs[i] + to_x * x[i]);
    put(team, c_bar, scale * scale / 2 * xx * of_scale - fold / (2 * *c * *c));
}

}  // namespace hypergeom::poincare
