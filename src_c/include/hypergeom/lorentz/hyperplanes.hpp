// Distances from hyperplanes of the hyperboloid: hypergeom/lorentz/hyperplanes.py.
#pragma once
#include "points.hpp"

namespace hypergeom::lorentz {

// A point x, and the hyperplane through p with the normal a, a tangent vector at p with time coordinate a0 = a.p/p0,
// which is not read. L = <a, x>, N = <a, a>; B = L / sqrt(N) is sinh(sqrt(c) d) / sqrt(c) of the signed distance d.
//
// Far from the apex a.x - a0 x0 cancels. There a and x are split into parts along p and across it, a = a_perp +
// along p, and L = a_perp.x_perp + along (e0 / (c p0) - Q/2) with the square Q of the chord from p to x. Near the apex
// it is a.(x - p) - a0 (x0 - p0).
template <class S>
struct Plane {
    Chord<S> chord;  // from p to x
    S up, a0;        // up is a power of two for which up a has squares, and a0, L, N are those of up a
    Parts<S> a, x;   // with respect to p
    S split, rho;    // x - (x0/p0) p = w + rho p, where w is x_perp if split is 1, else x - p
    S L, N, norm, B;

    HG_FN S w(S pi, S xi) const { return where(split > 0, x.across(pi, xi), xi - pi); }
};

template <class Team, class T>
HG_FN Plane<Real<T>> plane(Team team, int n, const T* point_x, const T* point_p, const T* a, Real<T> c) {
    typedef Real<T> S;
    Plane<S> r;
    r.chord = chord(team, n, point_p, point_x, c);
    const T *x = point_x + 1, *p = point_p + 1;
    const int d = n - 1;
    ++a;
    const S pp = r.chord.xx, p0 = r.chord.x0, e0 = r.chord.e0;
    const auto far = c * pp > 1;
    r.up = power_for(team, d, a);
    const auto entry = [=, up = r.up](auto at) { return up * at(a); };
    r.a = parts(team, d, c, pp, p, entry);
    r.x = parts(team, d, c, pp, r.chord.xy, [=](auto at) { return at(p); }, [=](auto at) { return at(x); });
    r.split = where(far, S(1), S(0));
    r.rho = where(far, (e0 / (c * p0) - r.chord.Q / 2) / pp, -e0 / p0);
    S of_w;
    sum(team, d, into(of_w), [=](auto at) {
        const S pi = at(p), ai = entry(at);
        return terms(where(far, r.a.across(pi, ai), ai) * r.w(pi, at(x)));
    });
    // In twice the digits: long rows would round by more than an eps.
    Twofold<S> of_pa{S(0), S(0)}, of_perp{S(0), S(0)};
    for (int i = team.rank(); i < d; i += Team::size) {
        const S pi = p[i], ai = r.up * a[i], across = r.a.across(pi, ai);
        add_product(of_pa.hi, of_pa.lo, pi, ai);
        add_product(of_perp.hi, of_perp.lo, across, across);
    }
    of_pa = team.sum(of_pa), of_perp = team.sum(of_perp);
    const S pa = of_pa.hi + of_pa.lo;
    r.a0 = pa / p0;
    r.L = of_w + pa * r.rho, r.N = (of_perp.hi + of_perp.lo) + r.a.along * r.a.along * pp / (1 + c * pp);
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
    const S xx = r.chord.yy, x0 = r.chord.y0, p0 = r.chord.x0, shrink = 1 / (1 + *c * r.chord.xx);
    const S q = *c * r.B * r.B, of_B = S(*G) / sqrt(1 + q), of_L = of_B / r.norm, ratio = r.L / r.N;
    // dL/dx = a - (a0/x0) x, far from the apex in parts along x and across it
    const auto far = *c * xx > 1;
    const Parts<S> of_x = parts(team, n - 1, *c, xx, x + 1, [=, up = r.up, a = a + 1](auto at) { return up * at(a); });
    const S x_x = where(far, (r.L + r.a0 / (*c * x0)) / xx, -r.a0 / x0);
    const S of_a = n > 2 ? of_L * r.up : 0 * of_L;  // in one dimension a normal does not turn
    const S to_p = of_L * (ratio * r.a0 - x0) / p0, a_p = r.rho - ratio * r.a.along * shrink;
    for (int i = 1 + team.rank(); i < n; i += Team::size) {
        const S xi = x[i], pi = p[i], ai = r.up * a[i];
        x_bar[i] = T(of_L * (where(far, of_x.across(xi, ai), ai) + x_x * xi));
        p_bar[i] = T(to_p * lowered(r.a, shrink, pi, ai));
        a_bar[i] = T(of_a * ((r.w(pi, xi) - ratio * r.a.across(pi, ai)) + a_p * pi));
    }
    put_time_bar(team, x_bar, of_L), put_time_bar(team, p_bar, of_L), put_time_bar(team, a_bar, of_L);
    const S tilt = r.a0 / (*c * p0);
    const S of_times = (r.B * tilt / r.N - r.chord.es / (*c * p0 * x0 * r.norm)) * tilt / 2;
    put(team, c_bar, of_B * of_times + S(*G) * r.B * r.B * r.B * asinh_ratio_slope(q));
}

}  // namespace hypergeom::lorentz
