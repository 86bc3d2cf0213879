// Points between and beyond two points of the ball: hypergeom/poincare/maps.py.
#pragma once
#include "steps.hpp"

namespace hypergeom::poincare {

// A geodesic from the end that is nearer at the wanted time: x is that end, s the time from there, at most 1/2, and e the
// difference to the other end. h = asinh sqrt q is half its length times sqrt(c), and h_lo what the rounding of h has cut
// off. The step has a = |s| h.
template <class S, class M>
struct Arc {
    M swapped;
    S gx, gy, ee, N, q, xe, length, s, h, h_lo;
    Step<S> t;

    HG_FN S near_end(S x, S y) const { return where(swapped, y, x); }
    HG_FN S difference(S x, S y) const { return where(swapped, x - y, y - x); }
    // log of the other end is to_e e + to_x x; the unit vector along it is (g_x e - c|e|^2 x) / (|e| sqrt N).
    HG_FN S log_e() const { return theta_sinh_ratio(q) * gx / gy; }
    HG_FN S log_x(S c) const { return -theta_sinh_ratio(q) * c * ee / gy; }
    HG_FN S unit_e() const { return gx / (length * sqrt(N)); }
    HG_FN S unit_x(S c) const { return -c * length / sqrt(N); }
};

template <class S, class M>
HG_FN Arc<S, M> arc_of(M swapped) {
    Arc<S, M> arc;
    arc.swapped = swapped;
    return arc;
}

template <class Team, class T>
HG_FN auto arc(Team team, int d, const T* x, const T* y, Real<T> t, Real<T> c) {
    typedef Real<T> S;
    auto arc = arc_of<S>(t > 0.5);
    const auto swapped = arc.swapped;
    const Pair<S> p = pair(team, d, x, y, c, -1);
    arc.gx = where(swapped, p.gy, p.gx) + 0 * t, arc.gy = where(swapped, p.gx, p.gy), arc.ee = p.ee, arc.N = p.N;
    arc.q = c * p.ee / p.D;
    S xe, ye;
    sum(team, d, into(xe, ye), [=](auto at) {
        const auto ei = at(y) - at(x);
        return terms(at(x) * ei, at(y) * ei);
    });
    arc.xe = where(swapped, -ye, xe);
    arc.length = length(team, d, p.ee, [=](auto at) { return at(y) - at(x); });
    S s = S(1), s_lo = S(0);
    add_exactly(s, s_lo, -t);
    s = where(swapped, s, t), s_lo = where(swapped, s_lo, S(0));
    const S z = sqrt(c) * arc.length / sqrt(p.D), h = asinh(z), grown = hypergeom::exp(h);
    const S n = fabs(s), a = n * h;
    arc.s = s, arc.h = h, arc.h_lo = where(z < 1e100, (z + sqrt(1 + z * z)) / grown - 1, S(0));
    arc.t.xx = where(swapped, p.yy, p.xx), arc.t.g = arc.gx, arc.t.b = a;
    set_decay(arc.t, a >= 0.25, a, fma(n, h, -a) + (n * arc.h_lo + where(s < 0, -s_lo, s_lo) * h));
    return arc;
}

// The step close to x, along s log; far from it along the unit vector, whose length is 1.
template <class S, class A>
HG_FN Step<S> near_step(const A& arc, S c) {
    Step<S> t = arc.t;
    const S to_e = arc.s * arc.log_e(), to_x = arc.s * arc.log_x(c);
    t.xv = to_e * arc.xe + to_x * t.xx;
    t.norm = fabs(to_e) * arc.length * sqrt(arc.N) / arc.gx;
    t.vv = t.norm * t.norm;
    return t;
}

template <class S, class A>
HG_FN Step<S> far_step(const A& arc) {
    Step<S> t = arc.t;
    t.norm = S(1);
    return t;
}

template <class Team, class T>
HG_FN void geodesic(Team team, int d, const T* x_, const T* y_, const T* t_, const Real<T>* c_, T* out) {
    typedef Real<T> S;
    const S c = *c_;
    const auto arc = poincare::arc(team, d, x_, y_, S(*t_), c);
    const auto x = [=](auto at) { return arc.near_end(at(x_), at(y_)); };
    const auto e = [=](auto at) { return arc.difference(at(x_), at(y_)); };
    const auto far = is_far(arc.t);
    if (any(!far)) {
        const S to_e = arc.s * arc.log_e(), to_x = arc.s * arc.log_x(c);
        const Chord<S> chord = near_chord(c, near_step(arc, c));
        put_near(team, d, x, e, Chord<S>{chord.to_x + chord.to_v * to_x, chord.to_v * to_e, S(0), S(0), S(0)}, out);
    }
    if (any(far)) {
        const S sign = where(arc.s < 0, S(-1), S(1));
        const Step<S> t = far_step<S>(arc);
        put_far(team, d, x, e, t, far_end(team, d, x, e, sign * arc.unit_e(), sign * arc.unit_x(c), arc.xe, c, t), far, out);
    }
}

// Where the two ends of a geodesic are held, its variation is a Jacobi field. With h the cotangent G carried back to x and
// w = g_x/g_y gyr[y, -x] h that at y, the part of x_bar along the geodesic is (1 - s) h and that of y_bar is s w; across they
// are sinh((1 - s) theta) / sinh(theta) h and sinh(s theta) / sinh(theta) w, theta = 2h the length times sqrt(c).
template <class S>
struct Shares {
    S x_along, x_across, y_along, y_across;  // times decay
};

template <class S, class A>
HG_FN Shares<S> shares(const A& arc) {
    const S s = arc.s, decay = arc.t.decay, theta = 2 * arc.h;
    const S all = expm1(-2 * theta), ratio = expm1(-2 * (1 - s) * theta) / all;
    const S ends = hypergeom::exp(-theta) * (1 - 2 * arc.h_lo), across = arc.t.loss * (1 + decay) / all * ends;
    return {(1 - s) * decay, where(s < 0, ratio, decay * decay * ratio), s * decay, where(s < 0, -across, across)};
}

template <class Team, class T, class A, class M>
HG_FN void geodesic_far_vjp(Team team, int d, const T* G, const T* x_, const T* y_, Real<T> c, const A& arc, M far, T* x_bar,
                            T* y_bar, T* t_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const auto x = [=](auto at) { return arc.near_end(at(x_), at(y_)); };
    const auto e = [=](auto at) { return arc.difference(at(x_), at(y_)); };
    const S sign = where(arc.s < 0, S(-1), S(1)), gx = arc.gx, gy = arc.gy;
    const Step<S> t = far_step<S>(arc);
    const S unit_e = arc.unit_e(), unit_x = arc.unit_x(c);
    const FarEnd<S> f = far_end(team, d, x, e, sign * unit_e, sign * unit_x, arc.xe, c, t);
    const Chord<S> chord = far_chord(c, t, f);
    S Gx, Gk, kk, xk;
    sum(team, d, into(Gx, Gk, kk, xk), [=](auto at) {
        const auto xi = x(at), ki = chord(xi, e(at)), Gi = at(G);
        return terms(Gi * xi, Gi * ki, ki * ki, xi * ki);
    });
    const Carried<S> to = carried(d, c, t, f, Gx, Gk, kk, xk);
    const auto H = [=](auto at) {
        const S xi = x(at);
        return to.G * at(G) + to.x * xi + to.e * chord(xi, e(at));
    };
    const Turn<S> turn = poincare::turn(team, d, c, gx, t.xx, x, e);
    S Hx, Hf, Hu;
    sum(team, d, into(Hx, Hf, Hu), [=](auto at) {
        const auto xi = x(at), ei = e(at), Hi = H(at);
        return terms(Hi * xi, Hi * fma(-turn.along, xi, ei), Hi * (unit_e * ei + unit_x * xi));
    });
    const Turned<S> r = turned(turn, Hx, Hf);
    Shares<S> part = shares<S>(arc);
    if (d == 1) part.x_across = part.x_along, part.y_across = part.y_along;
    const S rho = gx / gy, x_u = (part.x_along - part.x_across) * Hu, y_u = (part.y_along - part.y_across) * Hu;
    const S unit_y = unit_e * gy / gx;  // the unit vector along the geodesic at y is (g_y e + c|e|^2 y) / (|e| sqrt N)
    const auto near_bar = [=](auto at) { return part.x_across * H(at) + x_u * (unit_e * e(at) + unit_x * x(at)); };
    const auto far_bar = [=](auto at) {
        const S xi = x(at), ei = e(at), w = H(at) + (r.to_x * xi + r.to_f * fma(-turn.along, xi, ei));
        return rho * (part.y_across * w + y_u * (unit_y * ei - unit_x * (xi + ei)));
    };
    S of_c;
    sum(team, d, into(of_c), [=](auto at) {
        const S xi = x(at);
        return terms(xi * near_bar(at) + (xi + e(at)) * far_bar(at));
    });
    for (int i = team.rank(); i < d; i += Team::size) {
        const S near = near_bar(Entry{i}), other = far_bar(Entry{i});
        put_where(far, x_bar[i], arc.near_end(near, other));
        put_where(far, y_bar[i], arc.near_end(other, near));
    }
    if (team.rank() == 0) {
        const S of_s = t.decay * Hu * gx * arc.h / sqrt(c);
        put_where(far, *t_bar, where(arc.swapped, -of_s, of_s));
        put_where(far, *c_bar, (of_c - Gx - Gk) / (2 * c));
    }
}

// Close to x: the gradients of exp and log, one after the other.
template <class Team, class T, class A>
HG_FN void geodesic_near_vjp(Team team, int d, const T* G_, const T* x_, const T* y_, Real<T> c, const A& arc, T* x_bar,
                             T* y_bar, T* t_bar, Real<T>* c_bar) {
    typedef Real<T> S;
    const auto x = [=](auto at) { return arc.near_end(at(x_), at(y_)); };
    const auto e = [=](auto at) { return arc.difference(at(x_), at(y_)); };
    const auto G = [=](auto at) { return at(G_); };
    const S log_e = arc.log_e(), log_x = arc.log_x(c), s = arc.s;
    const auto v = [=](auto at) { return s * (log_e * e(at) + log_x * x(at)); };
    const Step<S> t = near_step(arc, c);
    const NearBars<S> n = near_bars(team, d, G, x, v, c, t, exp_translation(t));
    const auto v_bar = [=](auto at) { return n.v_bar(G(at), x(at), v(at)); };
    S Vx, Ve, es;
    sum(team, d, into(Vx, Ve, es), [=](auto at) {
        const auto xi = x(at), ei = e(at), Vi = v_bar(at);
        return terms(Vi * xi, Vi * ei, ei * (2 * xi + ei));
    });
    const LogBars<S> l = log_bars(c, arc.gx, arc.gy, arc.ee, s * Vx, s * Ve, es);
    for (int i = team.rank(); i < d; i += Team::size) {
        const Entry at{i};
        const S xi = x(at), ei = e(at), V = s * v_bar(at);
        const S near = n.x_bar(G(at), xi, v(at)) + (l.x_G * V + l.x_x * xi - l.e * ei);
        const S other = l.y_G * V + l.y_y * (xi + ei) + l.e * ei;
        x_bar[i] = T(arc.near_end(near, other));
        y_bar[i] = T(arc.near_end(other, near));
    }
    const S of_s = log_e * Ve + log_x * Vx;
    put(team, t_bar, where(arc.swapped, -of_s, of_s));
    put(team, c_bar, n.c + l.c);
}

template <class Team, class T>
HG_FN void geodesic_vjp(Team team, int d, const T* G, const T* x, const T* y, const T* t, const Real<T>* c, T* x_bar,
                        T* y_bar, T* t_bar, Real<T>* c_bar) {
    const auto arc = poincare::arc(team, d, x, y, Real<T>(*t), *c);
    const auto far = is_far(arc.t);
    if (any(!far)) geodesic_near_vjp(team, d, G, x, y, *c, arc, x_bar, y_bar, t_bar, c_bar);
    if (any(far)) geodesic_far_vjp(team, d, G, x, y, *c, arc, far, x_bar, y_bar, t_bar, c_bar);
}

}  // namespace hypergeom::poincare
