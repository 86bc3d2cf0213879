// The arithmetic of one pair (u, y) in the embedding trainer: two geometries with the same questions.
//   pair:             what the loss needs at squared chord ee = |y - u|^2: exp(-d), and what the next two need;
//   direction, frame: the unit vectors from u to its partners, and their sum;
//   move:             where y ends on the geodesic from u after a step outward;
//   shift:            where u ends after the sum of all pulls.
// After them, what a visit makes of its pairs: the loss and the steps, and the one projection there is.
// Points of the hyperbolic geometry lie in the unit ball of curvature -1 and carry their gap g = 1 - |x|^2 as state:
// nothing cancels near the rim, and no pair needs exp, log or acosh.
#pragma once
#include "elementary.hpp"

namespace hypergeom::embedding {

// exp(-d), 1 / sinh d and coth d at distance d; in flat space both sinh d and tanh d are d. At coincident points, which
// have no direction, the last two are 0 and the points stay.
struct Pair {
    double decay, inverse_sinh, coth;
};

// y' = e_share * (y - u) + u_share * u
struct Move {
    double e_share, u_share, gap;
};

// The pull at u is e_share * sum(w e) - u_share * u, over all partners with weights w; u_share is given by sum(w ee).
struct Frame {
    double e_share, u_share;
};

// u' = u_share * u + pull_share * pull
struct Shift {
    double u_share, pull_share, gap;
};

// cosh s and sinh s for |s| <= 1, from the Padé approximant of order 7/6 of tanh(s / 2), to 1e-15.
struct CoshSinh {
    double cosh, sinh;
};

HG_FN CoshSinh cosh_sinh(double s) {
    const double x = 0.5 * s, q = x * x;
    const double p = x * (135135 + q * (17325 + q * (378 + q))), r = 135135 + q * (62370 + q * (3150 + q * 28));
    const double scale = 1 / (r * r - p * p);
    return {(r * r + p * p) * scale, 2 * p * r * scale};
}

struct Hyperbolic {
    // cosh d - 1 = z = 2 ee / (g_u g_y); exp(-d) = 1 / (cosh d + sinh d).
    HG_FN static Pair pair(double ee, double inverse_gap_u, double inverse_gap_y) {
        const double z = 2 * ee * inverse_gap_u * inverse_gap_y;
        const double sinh_d = sqrt(z * (z + 2));
        const double has_direction = sinh_d > 0 ? 1.0 : 0.0;
        const double inverse_sinh = has_direction / (sinh_d + (1 - has_direction));
        return {1 / (1 + z + sinh_d), inverse_sinh, (1 + z) * inverse_sinh};
    }

    // The unit direction from u to y is (g_u e - ee u) / sqrt(ee (g_u g_y + ee)); the root is g_u g_y sinh(d) / 2.
    HG_FN static double direction(const Pair& p, double inverse_gap_u, double inverse_gap_y) {
        return 2 * p.inverse_sinh * inverse_gap_u * inverse_gap_y;
    }

    HG_FN static Frame frame(double gap_u, double curl) { return {gap_u, curl}; }

    // On the hyperboloid Y' = A Y + B U with A = cosh s + sinh s coth d, B = -sinh s / sinh d. Both are rational in
    // tanh(s/2), so Y' needs no normalization, and its time coordinate is its gap: 1/g' = (1 + time) / 2.
    HG_FN static Move move(const Pair& p, double inverse_gap_u, double inverse_gap_y, double step) {
        const CoshSinh s = cosh_sinh(p.inverse_sinh > 0 ? step : 0.0);
        const double a = s.cosh + s.sinh * p.coth, b = -s.sinh * p.inverse_sinh;
        const double gap = 2 / (1 + a * (2 * inverse_gap_y - 1) + b * (2 * inverse_gap_u - 1));
        const double along_y = a * gap * inverse_gap_y;
        return {along_y, along_y + b * gap * inverse_gap_u, gap};
    }

    // u (+) z with z = tanh(s/2) pull / |pull|, s = min(|pull|, cap); the gap of a Möbius sum is g_u g_z / N.
    HG_FN static Shift shift(double pull_norm, double pull_dot_u, double gap_u, double cap) {
        const double t = tanh(0.5 * (pull_norm < cap ? pull_norm : cap)), r = pull_norm > 0 ? t / pull_norm : 0;
        const double uz = r * pull_dot_u, zz = t * t, n = 1 + 2 * uz + (1 - gap_u) * zz;
        return {(1 + 2 * uz + zz) / n, gap_u * r / n, gap_u * (1 - zz) / n};
    }
};

// The control: the same loss in flat space, d = |y - u|; the gap is carried along as 1.
struct Euclidean {
    HG_FN static Pair pair(double ee, double, double) {
        const double d = sqrt(ee), inverse = d > 0 ? 1 / d : 0.0;
        return {exp(-d), inverse, inverse};
    }

    HG_FN static double direction(const Pair& p, double, double) { return p.inverse_sinh; }

    HG_FN static Frame frame(double, double) { return {1, 0}; }

    HG_FN static Move move(const Pair& p, double, double, double step) { return {1 + step * p.inverse_sinh, 1.0, 1.0}; }

    HG_FN static Shift shift(double pull_norm, double, double, double cap) {
        return {1.0, pull_norm > cap ? cap / pull_norm : 1.0, 1.0};
    }
};

// A positive at exp(-d) = decay among negatives whose sum of exp(-d) is total, in an edge of that weight: the loss
// log(1 + total / decay), and the share that its slopes have in common.
struct Edge {
    double loss, share;
};

HG_FN Edge edge(double weight, double decay, double total) {
    return {weight * ::log(1 + total / decay), weight / (decay + total)};
}

// Steps outward along the geodesics from u. `turn` is the sum of the shares of all edges, times the rate.
HG_FN double positive_step(double rate, double total, double share) { return -rate * total * share; }
HG_FN double negative_step(double decay, double turn) { return decay * turn; }

// The weight of y - u in the pull at u, and the capped step of y.
template <class Geometry>
HG_FN double pull_weight(const Pair& p, double inverse_gap_u, double inverse_gap_y, double step) {
    return -step * Geometry::direction(p, inverse_gap_u, inverse_gap_y);
}

template <class Geometry>
HG_FN Move capped_move(const Pair& p, double inverse_gap_u, double inverse_gap_y, double step, double cap) {
    const double up = step < cap ? step : cap;
    return Geometry::move(p, inverse_gap_u, inverse_gap_y, up > -cap ? up : -cap);
}

// The one projection there is, and it is counted: what came too near the rim goes onto the smallest gap. This is the
// factor of its coordinates.
HG_FN double onto_smallest_gap(double gap, double smallest_gap) { return sqrt((1 - smallest_gap) / (1 - gap)); }

constexpr double largest_gap = 1 + 1e-6;  // rounding

HG_FN bool needs_mending(double gap, double smallest_gap) { return !(gap >= smallest_gap) | !(gap <= largest_gap); }

// A step that ends beyond the smallest gap, mended before anyone else can read it; returns how many were projected. A
// gap outside (0, 1] is that of a row which another thread wrote while it was read: the step is dropped.
HG_FN int mend(double& e_share, double& u_share, double& gap, double gap_before, double smallest_gap) {
    if (gap > 0 && gap < smallest_gap) {
        const double shrink = onto_smallest_gap(gap, smallest_gap);
        e_share *= shrink, u_share *= shrink, gap = smallest_gap;
        return 1;
    }
    if (!(gap > 0 && gap <= largest_gap)) e_share = 1, u_share = 1, gap = gap_before;
    return 0;
}

// The step of u, and how many were projected.
template <class Geometry>
HG_FN int node_shift(double pull_norm, double pull_dot_u, double gap_u, double cap, double smallest_gap, Shift& shift) {
    shift = Geometry::shift(pull_norm, pull_dot_u, gap_u, cap);
    if (!(shift.gap < smallest_gap)) return 0;
    const double shrink = onto_smallest_gap(shift.gap, smallest_gap);
    shift = {shift.u_share * shrink, shift.pull_share * shrink, smallest_gap};
    return 1;
}

}  // namespace hypergeom::embedding
