// Distances from hyperplanes of the hyperboloid: hypergeom/lorentz/hyperplanes.py.
#pragma once
#include "points.hpp"

namespace hypergeom::lorentz {

// A point x, and the hyperplane through p with the normal a, a tangent vector at p with time coordinate a0 = a.p/p0, which
// is not read. L = <a, x>, N = <a, a>; B = L / sqrt(N) is sinh(sqrt(c) d) / sqrt(c) of the signed distance d.
//
// Far from the apex a.x - a0 x0 cancels. There a and x are split into parts along p and across it, a = a_perp + along p,
// and L = a_perp.x_perp + along (e0 / (c p0) - Q/2) with the square Q of the chord from p to x; near the apex it is
// a.(x - p) - a0 (x0 - p0). The metric divides the square of the part of a along p by 1 + c|p|^2. All vectors are split
// twice, as in maps.hpp; an entry that is then no more than the error of its two splits is 0, or parallel vectors would
// have parts across each other.
template <class S>
HG_FN S across(S vi, S fi, S along, S again) {
    const S w = fma(-along, fi, vi) - again * fi;
    return where(fabs(w) <= 0x1p-100 * fabs(vi), S(0), w);
}

template <class S>
struct Plane {
    Chord<S> chord;                // from p to x
    S up;                          // a power of two, for which up a has squares
    S along, again, shrink, a0;    // up a = a_perp + (along + again) p
    S x_along, x_again, rho;       // x - (x0/p0) p = (x - x_along p - x_again p) + rho p
    S L, N, norm, B;

    HG_FN S a_perp(S ai, S pi) const { return across(up * ai, pi, along, again); }
    HG_FN S x_perp(S xi, S pi) const { return across(xi, pi, x_along, x_again); }
};

template <class Team, class T>
HG_FN Plane<Real<T>> plane(Team team, int n, const T* point_x, const T* point_p, const T* a, Real<T> c) {
    typedef Real<T> S;
    Plane<Real<T>> r;
    r.chord = chord(team, n, point_p, point_x, c);
    const T *x = point_x + 1, *p = point_p + 1;
    const int d = n - 1;
    ++a;
    const S pp = r.chord.xx, p0 = r.chord.x0, e0 = r.chord.e0;
    const auto far = c * pp > 1;
    S aa, pa, left, x_left;
    sum(team, d, into(aa), [=](auto at) { return terms(at(a) * at(a)); });
    r.up = where(aa < 1e-200, S(0x1p+600), where(aa > 1e200, S(0x1p-600), S(1)));
    sum(team, d, into(pa), [=](auto at) { return terms(at(p) * (r.up * at(a))); });
    r.along = where(pp > 0, pa / pp, S(0));
    r.x_along = where(far, r.chord.xy / pp, S(1));
    sum(team, d, into(left, x_left), [=](auto at) {
        const S pi = at(p);
        return terms(fma(-r.along, pi, r.up * at(a)) * pi, fma(-r.x_along, pi, at(x)) * pi);
    });
    r.again = where(pp > 0, left / pp, S(0)), r.x_again = where(far, x_left / pp, S(0));
    S perp, of_perp;
    sum(team, d, into(perp, of_perp), [=](auto at) {
        const S ai = at(a), pi = at(p), w = r.a_perp(ai, pi);
        return terms(w * w, where(far, w, r.up * ai) * r.x_perp(at(x), pi));
    });
    const S along = r.along + r.again;
    r.shrink = 1 / (1 + c * pp), r.a0 = along * pp / p0;
    r.rho = where(far, (e0 / (c * p0) - r.chord.Q / 2) / pp, -e0 / p0);
    r.L = of_perp + along * pp * r.rho, r.N = perp + along * along * pp * r.shrink;
    r.norm = sqrt(r.N), r.B = r.L / r.norm;
    return r;
}

template <class Team, class T>
HG_FN void dist2plane(Team team, int n, const T* x, const T* p, const T* a, const Real<T>* c, T* out) {
    const Plane<Real<T>> r = plane(team, n, x, p, a, *c);
    put(team, out, r.B * asinh_ratio(*c * r.B * r.B));
}

template <class Team, class T>
HG_FN void dist2plane_vjp(Team team, int n, const T* G, const T* x, const T* p, const T* a, const Real<T>* c, T* x_bar,
                          T* p_bar, T* a_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const Plane<S> r = plane(team, n, x, p, a, *c);
    const S xx = r.chord.yy, x0 = r.chord.y0, p0 = r.chord.x0;
    const S q = *c * r.B * r.B, of_B = S(*G) / sqrt(1 + q), of_L = of_B / r.norm, ratio = r.L / r.N;
    // dL/dx = a - (a0/x0) x, far from the apex split along x as that of the chord is
    const auto far = *c * xx > 1;
    S ax, left;
    sum(team, n - 1, into(ax), [=, x = x + 1, a = a + 1](auto at) { return terms(r.up * at(a) * at(x)); });
    const S along_x = where(far, ax / xx, S(0));
    sum(team, n - 1, into(left), [=, x = x + 1, a = a + 1](auto at) {
        const S xi = at(x);
        return terms(fma(-along_x, xi, r.up * at(a)) * xi);
    });
    const S x_x = where(far, (r.L + r.a0 / (*c * x0) - left) / xx, -r.a0 / x0);
    const S along = (r.along + r.again) * r.shrink, to_p = of_L * (ratio * r.a0 - x0) / p0, a_p = r.rho - ratio * along;
    for (int i = 1 + team.rank(); i < n; i += Team::size) {
        const S xi = x[i], pi = p[i], ai = a[i], perp = r.a_perp(ai, pi);
        x_bar[i] = T(of_L * (fma(-along_x, xi, r.up * ai) + x_x * xi));
        p_bar[i] = T(to_p * (perp + along * pi));
        a_bar[i] = T(of_L * ((r.x_perp(xi, pi) - ratio * perp) + a_p * pi) * r.up);
    }
    put_time_bar(team, x_bar, of_L), put_time_bar(team, p_bar, of_L), put_time_bar(team, a_bar, of_L);
    const S tilt = r.a0 / (*c * p0);
    const S of_times = (r.B * tilt / r.N - r.chord.es / (*c * p0 * x0 * r.norm)) * tilt / 2;
    put(team, c_bar, of_B * of_times + S(*G) * r.B * r.B * r.B * asinh_ratio_slope(q));
}

}  // namespace hypergeom::lorentz
