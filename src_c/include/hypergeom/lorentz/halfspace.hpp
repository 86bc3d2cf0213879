// The half-space {z_d > 0} of metric |dz|^2 / (c z_d^2): what the conversions of the hyperboloid share. x_p and z_p are
// all entries of a spatial part but the last.
#pragma once
#include "../radial.hpp"
#include "points.hpp"

namespace hypergeom::lorentz {

// h = sqrt(c) x0 and the square of the spatial part x
template <class S>
struct Height {
    S xx, h;
};

template <class Team, class T>
HG_FN Height<Real<T>> height(Team team, int n, const T* point, Real<T> c) {
    Real<T> xx;
    sum(team, n - 1, into(xx), [=, x = point + 1](auto at) { return terms(at(x) * at(x)); });
    return {xx, sqrt(c) * time(c, xx, point[0])};
}

// A point of the hyperboloid seen from e_d, at infinity: lambda = x0 - x_d, which cancels where x_d > 0. The half-space's
// point is (x_p / lambda, 1 / (sqrt(c) lambda)), and the image of x itself as a tangent vector is
// scale (x_p, sqrt(c) image).
template <class S>
struct Horizon {
    S x0, xd, xx, pp, lambda, scale, image;
};

template <class Team, class T>
HG_FN Horizon<Real<T>> horizon(Team team, int n, const T* point, Real<T> c) {
    typedef Real<T> S;
    Horizon<S> p;
    sum(team, n - 2, into(p.pp), [=, x = point + 1](auto at) { return terms(at(x) * at(x)); });
    p.xd = point[n - 1], p.xx = p.pp + p.xd * p.xd, p.x0 = time(c, p.xx, point[0]);
    p.lambda = where(p.xd > 0, (1 / c + p.pp) / (p.x0 + p.xd), p.x0 - p.xd);
    p.scale = 1 / (c * p.lambda) / (p.lambda * p.x0), p.image = p.lambda * p.xd - p.pp;
    return p;
}

template <class Team, class T>
HG_FN Real<T> dot_but_last(Team team, int d, const T* x, const T* v) {
    Real<T> xv;
    sum(team, d - 1, into(xv), [=](auto at) { return terms(at(x) * at(v)); });
    return xv;
}

// G times the differential of the half-space's point: (G_p / lambda, 0) - kappa (x_p, -lambda) / x0, kappa = G.z / lambda
template <class Team, class T>
HG_FN void put_horizon_bar(Team team, int d, const T* G, const T* x, const Horizon<Real<T>>& p, Real<T> Gz, T* out) {
    typedef Real<T> S;
    const S to_x = -Gz / p.lambda / p.x0;
    for (int i = team.rank(); i < d - 1; i += Team::size) out[i] = T(G[i] / p.lambda + to_x * x[i]);
    put(team, out + (d - 1), Gz / p.x0);
}

// At a point z of the half-space; scale = 1 / (sqrt(c) z_d), NaN outside and where |z|^2 overflows.
template <class S>
struct Above {
    S zd, pp, scale;
};

template <class Team, class T>
HG_FN Above<Real<T>> above(Team team, int d, const T* z, Real<T> c) {
    typedef Real<T> S;
    const S zd = z[d - 1], pp = dot_but_last(team, d, z, z);
    const auto inside = is_curvature(c) & (zd > 0) & (pp + zd * zd <= largest);
    return {zd, pp, where(inside, 1 / (sqrt(c) * zd), S(nan("")))};
}

// The gradient of G.o for the point o of z
template <class Team, class T>
HG_FN void put_above_bar(Team team, int d, const T* G, const T* z, const Above<Real<T>>& p, T* out) {
    typedef Real<T> S;
    const T* Gs = G + 1;
    const S Gp_zp = dot_but_last(team, d, Gs, z), G0 = G[0], Gd = Gs[d - 1], scale = p.scale + 0 * (Gp_zp + Gd);
    for (int i = team.rank(); i < d - 1; i += Team::size) out[i] = T(scale * (Gs[i] + (G0 + Gd) * z[i]));
    const S level = (p.zd - 1) * (p.zd + 1) - p.pp;  // z_d^2 - |z_p|^2 - 1
    put(team, out + (d - 1), scale * ((G0 * level / 2 + Gd * (level / 2 + 1) - Gp_zp) / p.zd));
}

}  // namespace hypergeom::lorentz
