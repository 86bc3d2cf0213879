// Weighted means of points of the ball: hypergeom/poincare/means.py.
//
// The points, carried to the hyperboloid, are added there in twice the digits: S_0 = sum w (2/g - 1), S = sum w 2x/g. With
// n = sqrt(S_0^2 - c|S|^2) the midpoint is m = S / (S_0 + n). Far from the origin n is what cancellation leaves of S_0,
// by a factor g twice over. A group is added point by point, on the CPU a lane a point.
#pragma once
#include "../twofold.hpp"
#include "points.hpp"

namespace hypergeom::poincare {

// What the gradient needs of a group besides its mean: n and the gap of the mean; l = G.m.
template <class S>
struct Centre {
    S n, g, l;
};

// 1 - c|m|^2, as accurate near the rim as m is there
template <class Team, class S>
HG_FN S gap_of_mean(Team team, int d, S c, const Twofold<S>* mean) {
    Twofold<S> mm{S(0), S(0)};
    for (int i = 1 + team.rank(); i <= d; i += Team::size) mm = plus(mm, times(mean[i], mean[i]));
    return normal(minus(Twofold<S>{S(1), S(0)}, times(team.sum(mm), c))).hi;
}

struct midpoint {
    static constexpr bool vjp = false, refines = false;

    // Entries of the sums over a group of rows of d entries: the time first.
    HG_FN static int sums(int d) { return d + 1; }

    template <class Team, class T>
    HG_FN static void add(Team team, int d, const T* x, Real<T> w, Real<T> c, Twofold<Real<T>>* sum) {
        typedef Real<T> S;
        const Twofold<S> xx = squares(team, d, x);
        const S p = c * xx.hi;
        Twofold<S> g = normal(minus(Twofold<S>{S(1), S(0)}, Twofold<S>{p, fma(c, xx.hi, -p) + c * xx.lo}));
        g.hi = where((c >= 0) & (g.hi > 0), g.hi, S(nan("")));
        const Twofold<S> scale = times(quotient(S(2), g), w);
        for (int i = team.rank(); i < d; i += Team::size) sum[i + 1] = plus(sum[i + 1], times(scale, S(x[i])));
        if (team.rank() == 0) sum[0] = plus(plus(sum[0], scale), Twofold<S>{-w, S(0)});
    }

    // The sums become the mean, from entry 1 on.
    template <class Team, class S>
    HG_FN static Centre<S> centre(Team team, int d, S c, Twofold<S>* sum) {
        const Twofold<S> total = normal(sum[0]);
        const S scale = unit_scale(total.hi);
        const Twofold<S> time = {total.hi * scale, total.lo * scale};
        Twofold<S> ss{S(0), S(0)};
        for (int i = 1 + team.rank(); i <= d; i += Team::size) {
            const Twofold<S> entry = normal(sum[i]);
            sum[i] = {entry.hi * scale, entry.lo * scale};
            ss = plus(ss, times(sum[i], sum[i]));
        }
        const Twofold<S> nn = normal(minus(times(time, time), times(team.sum(ss), c)));
        const auto valid = (nn.hi > 0) & (total.hi > 0) & (total.hi - total.hi == 0);
        const Twofold<S> n = root(Twofold<S>{where(valid, nn.hi, S(nan(""))), nn.lo});
        const Twofold<S> inverse = quotient(S(1), normal(plus(time, n)));
        for (int i = 1 + team.rank(); i <= d; i += Team::size) sum[i] = normal(times(sum[i], inverse));
        return {n.hi / scale, gap_of_mean(team, d, c, sum), S(0)};
    }

    template <class Team, class S, class T>
    HG_FN static void put(Team team, int d, const Twofold<S>* mean, T* out) {
        for (int i = team.rank(); i < d; i += Team::size) out[i] = T(mean[i + 1].hi);
    }
};

// With e = x - m, taken with the digits of m that do not fit into one number, and
//     kappa = (g_m e.G - c l |e|^2) / (n g_x)
// the cotangents are, without the factor 1/g_x that the terms of the chain rule cancel by,
//     x_bar = w ((g_m G - 2 c l e) / (n g_x) + 2 c kappa / g_x x),    w_bar = kappa
//     c_bar = sum w (kappa (|x|^2 - |m|^2) - l |e|^2 / n) / (g_x g_m)
struct midpoint_vjp : midpoint {
    static constexpr bool vjp = true, refines = true;

    // Near the rim the mean is not as exact as the differences x - m of near points are.
    template <class S>
    HG_FN static auto is_rough(const Centre<S>& m) {
        return m.g < 0x1p-20;
    }

    // What a row adds to n = sum w (1 + 2c|e|^2 / (g_x g_m)) and to sum w dm/dw, which is 0 at the mean: no sum cancels.
    template <class Team, class A, class T>
    HG_FN static void add_misfit(Team team, int d, const Twofold<A>* mean, const Centre<A>& m, const T* x, Real<T> w,
                                 Real<T> c, Twofold<Real<T>>* sums) {
        typedef Real<T> S;
        S ee;
        sum(team, d, into(ee), [=](auto at) {
            const S ei = (at(x) - mean[at.i + 1].hi) - mean[at.i + 1].lo;
            return terms(ei * ei);
        });
        const S scale = w / gap(c, squares(team, d, x)), to_e = m.g * scale, to_m = c * ee * scale;
        for (int i = team.rank(); i < d; i += Team::size) {
            const S ei = (S(x[i]) - mean[i + 1].hi) - mean[i + 1].lo;
            sums[i + 1] = plus(sums[i + 1], Twofold<S>{to_e * ei - to_m * mean[i + 1].hi, S(0)});
        }
        if (team.rank() == 0) sums[0] = plus(sums[0], Twofold<S>{w + 2 * to_m / m.g, S(0)});
    }

    // One Newton step; in rows that are not rough, none.
    template <class Team, class S>
    HG_FN static void refine(Team team, int d, S c, const Twofold<S>* misfit, Twofold<S>* mean, Centre<S>& m) {
        const auto rough = is_rough(m);
        const S n = misfit[0].hi + misfit[0].lo;
        for (int i = 1 + team.rank(); i <= d; i += Team::size) {
            const S step = (misfit[i].hi + misfit[i].lo) / n;
            mean[i] = normal(plus(mean[i], Twofold<S>{where(rough, step, S(0)), S(0)}));
        }
        m.n = where(rough, n, m.n);
        m.g = where(rough, gap_of_mean(team, d, c, mean), m.g);
    }

    // The cotangent of the mean, as `pull` wants it.
    template <class Team, class S, class T>
    HG_FN static void fold(Team team, int d, S, const T* G, const Twofold<S>* mean, Centre<S>& m, S* cotangent) {
        S l(0);
        for (int i = team.rank(); i < d; i += Team::size) {
            cotangent[i] = G[i];
            l += cotangent[i] * mean[i + 1].hi;
        }
        m.l = team.sum(l);
    }

    template <class Team, class A, class T>
    HG_FN static void pull(Team team, int d, const A* G, const Twofold<A>* mean, const Centre<A>& m, const T* x, Real<T> w,
                           Real<T> c, T* x_bar, Real<T>& w_bar, Real<T>& c_bar) {
        typedef Real<T> S;
        S eG, ee, es;
        sum(team, d, into(eG, ee, es), [=](auto at) {
            const S xi = at(x), hi = S(mean[at.i + 1].hi), ei = (xi - hi) - mean[at.i + 1].lo;
            return terms(ei * G[at.i], ei * ei, ei * (xi + hi));
        });
        const S g = gap(c, squares(team, d, x)), kappa = (m.g * eG - c * m.l * ee) / (m.n * g);
        const S to_G = w * m.g / (m.n * g), to_e = -2 * c * m.l / (m.n * g) * w, to_x = 2 * c * kappa / g * w;
        for (int i = team.rank(); i < d; i += Team::size) {
            const S xi = x[i], ei = (xi - mean[i + 1].hi) - mean[i + 1].lo;
            x_bar[i] = T(to_G * G[i] + to_e * ei + to_x * xi);
        }
        w_bar = kappa;
        c_bar += w * (kappa * es - m.l * ee / m.n) / (g * m.g);
    }

    template <class S>
    HG_FN static S of_curvature(S, const Centre<S>&, S sum) {
        return sum;
    }
};

}  // namespace hypergeom::poincare
