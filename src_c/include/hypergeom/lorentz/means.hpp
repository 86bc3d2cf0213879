// Weighted means of points of the hyperboloid: hypergeom/lorentz/means.py.
//
// With S = sum w x and N = sqrt(c (S_0^2 - |S|^2)) the centroid is m = S / N. Far from the apex N is what cancellation leaves
// of S_0, by a factor e^R twice over: time coordinates and sums have twice the digits. A group is added point by point, on
// the CPU a lane a point.
#pragma once
#include "../twofold.hpp"
#include "points.hpp"

namespace hypergeom::lorentz {

// What the gradient needs of a group besides its mean: N; l = G.m, G the cotangent in the spatial chart; its c_bar.
template <class S>
struct Centre {
    S N, l, fold;
};

// The time coordinate in twice the digits, NaN where the stored one rejects the row.
template <class Team, class T>
HG_FN Twofold<Real<T>> long_time(Team team, int n, const T* x, Real<T> c) {
    typedef Real<T> S;
    const Twofold<S> xx = squares(team, n - 1, x + 1);
    Twofold<S> x0 = root(normal(plus(quotient(S(1), Twofold<S>{c, S(0)}), xx)));
    x0.hi = where(time(c, xx.hi, x[0]) > 0, x0.hi, S(nan("")));
    return x0;
}

struct midpoint {
    static constexpr bool vjp = false, refines = false;

    // Entries of the sums over a group of rows of n entries.
    HG_FN static int sums(int n) { return n; }

    template <class Team, class T>
    HG_FN static void add(Team team, int n, const T* x, Real<T> w, Real<T> c, Twofold<Real<T>>* sum) {
        typedef Real<T> S;
        const Twofold<S> x0 = times(long_time(team, n, x, c), w);
        for (int i = 1 + team.rank(); i < n; i += Team::size) add_product(sum[i].hi, sum[i].lo, w, S(x[i]));
        if (team.rank() == 0) sum[0] = plus(sum[0], x0);
    }

    // The sums become the mean.
    template <class Team, class S>
    HG_FN static Centre<S> centre(Team team, int n, S c, Twofold<S>* sum) {
        const Twofold<S> total = normal(sum[0]);
        const S scale = unit_scale(total.hi);
        const Twofold<S> time = {total.hi * scale, total.lo * scale};
        Twofold<S> ss{S(0), S(0)};
        for (int i = 1 + team.rank(); i < n; i += Team::size) {
            const Twofold<S> entry = normal(sum[i]);
            sum[i] = {entry.hi * scale, entry.lo * scale};
            ss = plus(ss, times(sum[i], sum[i]));
        }
        const Twofold<S> nn = normal(minus(times(time, time), team.sum(ss)));
        // Beyond R = 33, where the sums of a tight cluster cancel to nothing, no mean rather than a wrong one.
        const auto valid = (nn.hi > 0x1p-96 * time.hi * time.hi) & (total.hi > 0) & is_finite(total.hi);
        const Twofold<S> N = root(times(Twofold<S>{where(valid, nn.hi, S(nan(""))), nn.lo}, c));
        const Twofold<S> inverse = quotient(S(1), N);
        for (int i = 1 + team.rank(); i < n; i += Team::size) sum[i] = normal(times(sum[i], inverse));
        if (team.rank() == 0) sum[0] = normal(times(time, inverse));
        return {N.hi / scale, S(0), S(0)};
    }

    template <class Team, class S, class T>
    HG_FN static void put(Team team, int n, const Twofold<S>* mean, T* out) {
        for (int i = team.rank(); i < n; i += Team::size) out[i] = T(mean[i].hi);
    }
};

// With e = x - m, cosh = c (m_0 x_0 - m.x) and k = x_0 m - m_0 x,
//     x_bar = w/N (G + c l k / x_0),    w_bar = (e.G - l (cosh - 1)) / N,    c_bar = -l / (2 N) sum w |k|^2 / (x_0 m_0)
// where the differences are taken in twice the digits. The chain rule gives c_bar as a sum that cancels, to which sum w k = 0
// is added.
struct midpoint_vjp : midpoint {
    static constexpr bool vjp = true, refines = false;

    // The cotangent of the mean, as `pull` wants it: in the spatial chart.
    template <class Team, class S, class T>
    HG_FN static void fold(Team team, int n, S c, const T* G, const Twofold<S>* mean, Centre<S>& m, S* cotangent) {
        const S of_time = S(G[0]) / mean[0].hi;
        S l(0);
        for (int i = 1 + team.rank(); i < n; i += Team::size) {
            cotangent[i] = S(G[i]) + of_time * mean[i].hi;
            l += cotangent[i] * mean[i].hi;
        }
        m.l = team.sum(l), m.fold = -of_time / (2 * c * c);
    }

    template <class Team, class A, class T>
    HG_FN static void pull(Team team, int n, const A* G, const Twofold<A>* mean, const Centre<A>& m, const T* x, Real<T> w,
                           Real<T> c, T* x_bar, Real<T>& w_bar, Real<T>& c_bar) {
        typedef Real<T> S;
        const Twofold<S> x0 = long_time(team, n, x, c), m0 = {S(mean[0].hi), S(mean[0].lo)};
        Twofold<S> product{S(0), S(0)};
        S eG(0), kk(0);
        for (int i = 1 + team.rank(); i < n; i += Team::size) {
            const Twofold<S> mi = {S(mean[i].hi), S(mean[i].lo)};
            const S xi = x[i];
            product = plus(product, times(mi, xi));
            eG += ((xi - mi.hi) - mi.lo) * G[i];
        }
        const Twofold<S> cosh = times(minus(times(m0, x0), team.sum(product)), c);
        const S versed = (cosh.hi - 1) + cosh.lo, inverse = w / m.N, to_k = c * m.l / x0.hi * inverse;
        for (int i = 1 + team.rank(); i < n; i += Team::size) {
            const Twofold<S> mi = {S(mean[i].hi), S(mean[i].lo)}, cross = minus(times(x0, mi), times(m0, S(x[i])));
            const S k = cross.hi + cross.lo;
            kk += k * (k / x0.hi);
            x_bar[i] = T(inverse * G[i] + to_k * k);
        }
        put_time_bar(team, x_bar, inverse * x0.hi);
        w_bar = (team.sum(eG) - m.l * versed) / m.N;
        c_bar += w * (team.sum(kk) / m0.hi);
    }

    template <class S>
    HG_FN static S of_curvature(S, const Centre<S>& m, S sum) {
        return m.fold - m.l / (2 * m.N) * sum;
    }
};

}  // namespace hypergeom::lorentz
