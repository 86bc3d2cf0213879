// The arithmetic of one pair (u, y) in the embedding trainer: two geometries with the same questions.
//   pair:             what the loss needs at squared chord ee = |y - u|^2: exp(-d), and what the next ones need;
//   direction, frame: the unit vectors from u to its partners, and their sum;
//   move:             where y ends on the geodesic from u after a step outward;
//   shift:            where u ends after the sum of all pulls.
// Points of the hyperbolic geometry lie in the unit ball of curvature -1 and carry their gap g = 1 - |x|^2 as state:
// nothing cancels near the rim, and no pair needs exp, log or acosh.
#pragma once
#include "config.h"

namespace hypergeom::embedding {

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

// tanh(s / 2) for |s| <= 1: the Padé approximant of order 7/6, to 1e-15.
HG_FN double tanh_half(double s) {
    const double x = 0.5 * s, q = x * x;
    return x * (135135 + q * (17325 + q * (378 + q))) / (135135 + q * (62370 + q * (3150 + q * 28)));
}

struct Hyperbolic {
    // coth and inverse_sinh of d are 0 at coincident points, which have no direction: they stay.
    struct Pair {
        double decay, coth, inverse_sinh, has_direction;
    };

    // cosh d - 1 = z = 2 ee / (g_u g_y); exp(-d) = 1 / (cosh d + sinh d).
    HG_FN static Pair pair(double ee, double gap_u, double gap_y) {
        const double z = 2 * ee / (gap_u * gap_y);
        const double sinh_d = sqrt(z * (z + 2));
        const double has_direction = sinh_d > 0 ? 1.0 : 0.0;
        const double inverse_sinh = has_direction / (sinh_d + (1 - has_direction));
        return {1 / (1 + z + sinh_d), (1 + z) * inverse_sinh, inverse_sinh, has_direction};
    }

    // The unit direction from u to y is (g_u e - ee u) / sqrt(ee (g_u g_y + ee)); the root is g_u g_y sinh(d) / 2.
    HG_FN static double direction(const Pair& p, double gap_u, double gap_y) {
        return 2 * p.inverse_sinh / (gap_u * gap_y);
    }

    HG_FN static Frame frame(double gap_u, double curl) { return {gap_u, curl}; }

    // On the hyperboloid Y' = A Y + B U with A = cosh s + sinh s coth d, B = -sinh s / sinh d. In t = tanh(s/2) cosh
    // and sinh are rational, so Y' needs no normalization, and its time coordinate is its gap: 1/g' = (1 + time) / 2.
    HG_FN static Move move(const Pair& p, double gap_u, double gap_y, double step) {
        const double t = tanh_half(step) * p.has_direction, tt = t * t, scale = 1 / (1 - tt);
        const double sinh_s = 2 * t * scale, a = (1 + tt) * scale + sinh_s * p.coth, b = -sinh_s * p.inverse_sinh;
        const double inverse_y = 1 / gap_y, inverse_u = 1 / gap_u;
        const double gap = 2 / (1 + a * (2 * inverse_y - 1) + b * (2 * inverse_u - 1));
        const double along_y = a * gap * inverse_y;
        return {along_y, along_y + b * gap * inverse_u, gap};
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
    struct Pair {
        double decay, inverse_d;
    };

    HG_FN static Pair pair(double ee, double, double) {
        const double d = sqrt(ee);
        return {exp(-d), d > 0 ? 1 / d : 0.0};
    }

    HG_FN static double direction(const Pair& p, double, double) { return p.inverse_d; }

    HG_FN static Frame frame(double, double) { return {1, 0}; }

    HG_FN static Move move(const Pair& p, double, double, double step) { return {1 + step * p.inverse_d, 1.0, 1.0}; }

    HG_FN static Shift shift(double pull_norm, double, double, double cap) {
        return {1.0, pull_norm > cap ? cap / pull_norm : 1.0, 1.0};
    }
};

}  // namespace hypergeom::embedding
