// To other models: hypergeom/lorentz/conversions.py.
#pragma once
#include "points.hpp"

namespace hypergeom::lorentz {

// x / (1 + h), h = sqrt(c) x0
template <class Team, class T>
HG_FN void to_poincare(Team team, int n, const T* x, const Real<T>* c, T* out) {
    typedef Real<T> S;
    S xx;
    sum(team, n - 1, into(xx), [=, x = x + 1](auto at) { return terms(at(x) * at(x)); });
    const S scale = 1 / (1 + sqrt(*c) * time(*c, xx, x[0]));
    for (int i = team.rank(); i < n - 1; i += Team::size) out[i] = T(scale * x[i + 1]);
}

template <class Team, class T>
HG_FN void to_poincare_vjp(Team team, int d, const T* G, const T* x, const Real<T>* c, T* x_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    S xx, Gx;
    sum(team, d, into(xx, Gx), [=, x = x + 1](auto at) { return terms(at(x) * at(x), at(G) * at(x)); });
    const S h = sqrt(*c) * time(*c, xx, x[0]), scale = 1 / (1 + h), of_xx = -Gx * scale * scale / h;
    for (int i = team.rank(); i < d; i += Team::size) x_bar[i + 1] = T(scale * G[i] + *c * of_xx * x[i + 1]);
    put_time_bar(team, x_bar, of_xx);
    put(team, c_bar, of_xx * xx / 2);
}

}  // namespace hypergeom::lorentz
