// The algebra of gyrovectors: hypergeom/poincare/gyrovectors.py.
#pragma once
#include "points.hpp"

namespace hypergeom::poincare {

// (g_x e + c|e|^2 x) / N with e = x + y
template <class Team, class T>
HG_FN void mobius_add(Team team, int d, const T* x, const T* y, const Real<T>* c, T* out) {
    typedef Real<T> S;
    const Pair<S> p = pair(team, d, x, y, *c, 1);
    const S to_e = p.gx / p.N, to_x = *c * p.ee / p.N;
    for (int i = team.rank(); i < d; i += Team::size) {
        const S xi = x[i], yi = y[i];
        out[i] = T(to_e * (yi + xi) + to_x * xi);
    }
}

// y: a gyration. x: ((g_x + c|e|^2) G - 2c kappa out) / N, kappa = G.y + c|y|^2 G.x.
template <class Team, class T>
HG_FN void mobius_add_vjp(Team team, int d, const T* G, const T* x, const T* y, const Real<T>* c, T* x_bar, T* y_bar,
                          Real<T>* c_bar) {
    typedef Real<T> S;
    const Pair<S> p = pair(team, d, x, y, *c, 1);
    S Gx, Gy, Ge, xe;
    sum(team, d, into(Gx, Gy, Ge, xe), [=](auto at) {
        const auto xi = at(x), yi = at(y), Gi = at(G), ei = yi + xi;
        return terms(Gi * xi, Gi * yi, Gi * ei, xi * ei);
    });
    const S out = (p.gx * Ge + *c * p.ee * Gx) / p.N;  // G . (x (+) y)
    const S kappa = Gy + *c * p.yy * Gx;
    const Gyration<S> t = gyration(*c, p.gx, p.xx, p.ee, p.N, xe, Gx, Ge);
    const S x_G = (p.gx + *c * p.ee) / p.N, y_G = p.gx / p.N, to_out = -2 * *c * kappa / (p.N * p.N);
    const S x_e = to_out * p.gx, x_x = to_out * *c * p.ee;
    for (int i = team.rank(); i < d; i += Team::size) {
        const S Gi = G[i], xi = x[i], yi = y[i], ei = yi + xi;
        x_bar[i] = T(x_G * Gi + x_e * ei + x_x * xi);
        y_bar[i] = T(y_G * (Gi + t.to_x * xi + t.to_e * ei));
    }
    put(team, c_bar, y_G * out * p.yy - p.ee * kappa / (p.N * p.N));
}

}  // namespace hypergeom::poincare
