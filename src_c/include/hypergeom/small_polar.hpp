// The J-polar factor of a small matrix: Newton's iteration with determinantal scaling,
//     X <- (mu X + J X^-T J / mu) / 2,    mu = |det X|^(-1/n),
// and one step of Schulz's at the end, which takes the rounding of the inverses off.
//
// A team owns a matrix, whose entries S are doubles, or packs of them with a lane a matrix. Its members have rows and
// columns, from team.row() in strides of Team::rows and from team.column() in strides of Team::columns; those of a row
// are in one warp. A pack runs as long as the slowest of its lanes, and a lane that is done keeps what it has: so no
// result depends on the other lanes.
#pragma once
#include "elementary.hpp"

namespace hypergeom::small_polar {

constexpr int most_iterations = 20;  // as in jpolar

template <class S>
struct Task {
    int n, stride;  // rows, and the entries from one to the next
    const S* j;     // +1 or -1
    int polish;     // steps of Schulz's
};

// How the iteration went, and the condition number of the matrix in the Frobenius norm.
template <class S>
struct End {
    S iterations, converged, condition;
};

// What is found beside the factors: the residuals of JPolarInfo, and |s| |a^-1| |w|, a bound of the condition of s.
template <class S>
struct Numbers {
    S iterations, converged, j_residual, residual, symmetry, condition;
};

// Where a column has its entry of largest size, at or below the diagonal, and that entry.
template <class S>
struct PivotAt {
    S row, entry;
};

// Exchanges two rows (or columns) of `n` entries, `step` apart, where a mask holds. Single lanes of a pack are not
// addressed: a vector that is loaded after a part of it was stored waits for that.
template <class Team, class M, class S>
HG_FN void exchange_where(Team team, M mask, int n, int step, S* a, S* b) {
    for (int c = team.rank(); c < n; c += Team::size) {
        const S of_a = a[c * step], of_b = b[c * step];
        a[c * step] = where(mask, of_b, of_a), b[c * step] = where(mask, of_a, of_b);
    }
}

// a <- a^-1 by Gauss and Jordan with partial pivoting; returns log|det a| if that is wanted. `pivots` has room for n
// numbers. With a pivot of 0 the result is infinite or NaN.
template <class Team, class S>
HG_FN S invert(Team team, const Task<S>& task, S* a, S* pivots, bool with_det) {
    const int n = task.n, stride = task.stride;
    S log_det(0);
    for (int k = 0; k < n; ++k) {
        const PivotAt<S> pivot = team.find_pivot(k, n, stride, a + k);
        if (team.rank() == 0) pivots[k] = pivot.row;
        team.sync();  // the pivot is found by all before rows are exchanged
        team.each_choice(pivot.row, k + 1, n, [=](int i, auto here) {
            exchange_where(team, here, n, 1, a + k * stride, a + i * stride);
        });
        if (with_det) log_det += hypergeom::log(fabs(pivot.entry));
        const S inverse = 1 / pivot.entry;
        // Who exchanged an entry of the row scales it too.
        if (team.rank() == k % Team::size) a[k * stride + k] = S(1);
        for (int c = team.rank(); c < n; c += Team::size) a[k * stride + c] *= inverse;
        team.sync();
        for (int first = 0; first < n; first += Team::rows) {
            const int i = first + team.row();
            const bool other = i < n && i != k;
            const S factor = a[(other ? i : k) * stride + k];
            team.sync_row();
            if (!other) continue;
            if (team.column() == k % Team::columns) a[i * stride + k] = S(0);
            for (int c = team.column(); c < n; c += Team::columns) a[i * stride + c] -= factor * a[k * stride + c];
        }
        team.sync();
    }
    for (int k = n - 1; k >= 0; --k)  // a member has whole rows here
        team.each_choice(pivots[k], k + 1, n,
                         [=](int i, auto here) { exchange_where(team, here, n, stride, a + k, a + i); });
    team.sync();
    return log_det;
}

template <class Team, class S>
HG_FN S square_of(Team team, const Task<S>& task, const S* a) {
    S total(0);
    for (int i = team.row(); i < task.n; i += Team::rows)
        for (int c = team.column(); c < task.n; c += Team::columns) total += a[i * task.stride + c] * a[i * task.stride + c];
    return team.sum(total);
}

template <class Team, class S>
HG_FN S norm(Team team, const Task<S>& task, const S* a) {
    return sqrt(square_of(team, task, a));
}

// Entries c, c + 1, ... of row i of a b, or of (J a^T J) b.
template <bool adjoint, int held, class S>
HG_FN void put_products(const Task<S>& task, const S* a, const S* b, S* out, int i, int c) {
    S total[held];
    for (int q = 0; q < held; ++q) total[q] = S(0);
    for (int k = 0; k < task.n; ++k) {
        const S factor = adjoint ? task.j[i] * task.j[k] * a[k * task.stride + i] : a[i * task.stride + k];
        for (int q = 0; q < held; ++q) total[q] += factor * b[k * task.stride + c + q];
    }
    for (int q = 0; q < held; ++q) out[i * task.stride + c + q] = total[q];
}

template <bool adjoint, class Team, class S>
HG_FN void multiply(Team team, const Task<S>& task, const S* a, const S* b, S* out) {
    for (int i = team.row(); i < task.n; i += Team::rows) {
        int c = team.column();
        if constexpr (Team::columns == 1)  // who has all of them adds up several at once
            for (; c + 4 <= task.n; c += 4) put_products<adjoint, 4>(task, a, b, out, i, c);
        for (; c < task.n; c += Team::columns) put_products<adjoint, 1>(task, a, b, out, i, c);
    }
    team.sync();
}

// x <- x (3 - x^* x) / 2, with room for two matrices
template <class Team, class S>
HG_FN void schulz_step(Team team, const Task<S>& task, S* x, S* room) {
    const int n = task.n, stride = task.stride;
    S *square = room, *product = room + n * stride;
    multiply<true>(team, task, x, x, square);
    for (int i = team.row(); i < n; i += Team::rows)
        for (int c = team.column(); c < n; c += Team::columns) {
            S& entry = square[i * stride + c];
            entry *= -0.5;
            if (i == c) entry += 1.5;
        }
    team.sync();
    multiply<false>(team, task, x, square, product);
    for (int i = team.row(); i < n; i += Team::rows)
        for (int c = team.column(); c < n; c += Team::columns) x[i * stride + c] = product[i * stride + c];
    team.sync();
}

// x <- its J-polar factor, with room for two matrices and a row.
template <class Team, class S>
HG_FN End<S> newton(Team team, const Task<S>& task, S* x, S* room) {
    const int n = task.n, stride = task.stride;
    const double tiny = 0.1 * sqrt(n * 0x1p-52);
    S *y = room, *pivots = room + 2 * n * stride;
    End<S> end{S(0), S(0), S(0)};
    S scaled(1);  // whether a lane still scales: not once it converges quadratically
    auto active = S(0) == S(0);
    for (int step = 0; step < most_iterations && any(active); ++step) {
        for (int i = team.row(); i < n; i += Team::rows)
            for (int c = team.column(); c < n; c += Team::columns) y[i * stride + c] = x[i * stride + c];
        team.sync();
        const S log_det = invert(team, task, y, pivots, any(scaled > 0));
        if (step == 0) end.condition = norm(team, task, x) * norm(team, task, y);
        const S mu = where(scaled > 0, hypergeom::exp(log_det * (-1.0 / n)), S(1));
        const S half = 0.5 * mu, other = 0.5 / mu;
        S change(0), size(0);
        for (int i = team.row(); i < n; i += Team::rows)
            for (int c = team.column(); c < n; c += Team::columns) {
                const S old = x[i * stride + c];
                const S next = half * old + other * (task.j[i] * task.j[c] * y[c * stride + i]);
                const S difference = next - old;
                change += difference * difference, size += next * next;
                x[i * stride + c] = where(active, next, old);
            }
        team.sync();
        const S relative = sqrt(team.sum(change) / team.sum(size));
        end.iterations = where(active, end.iterations + 1, end.iterations);
        const auto done = relative < tiny;
        end.converged = where(active & done, S(1), end.converged);
        scaled = where(relative < 1e-2, S(0), scaled);
        active = active & !done & (relative == relative);
    }
    for (int step = 0; step < task.polish; ++step) schulz_step(team, task, x, room);
    return end;
}

// A power of two that brings the largest entry near 1, so that no square leaves the range of double.
template <class Team, class S>
HG_FN S power_for(Team team, const Task<S>& task, const S* a) {
    S most(0);
    for (int i = team.row(); i < task.n; i += Team::rows)
        for (int c = team.column(); c < task.n; c += Team::columns) {
            const S size = fabs(a[i * task.stride + c]);
            most = where(size > most, size, most);
        }
    most = team.largest(most);
    const auto bits = to_bits(most * 0x1p64);
    const S exponent = from_bits(((bits >> 52) & 0x7ff) | 0x4330000000000000) - 0x1p52 - (1023 + 64);
    const auto usual = (most >= 0x1p-900) & (most <= 0x1p900);
    const S scale = power_of_two(where(usual, -exponent, S(0)));
    return where(usual, scale, where(most < 1, S(0x1p900), S(0x1p-900)));
}

template <class Team, class S>
HG_FN void scale_by(Team team, const Task<S>& task, S factor, S* a) {
    for (int i = team.row(); i < task.n; i += Team::rows)
        for (int c = team.column(); c < task.n; c += Team::columns) a[i * task.stride + c] *= factor;
    team.sync();
}

// The numbers that are stored, of type T, for those that are computed
template <class T, class Team, class S>
HG_FN void round_to(Team team, const Task<S>& task, S* a) {
    for (int i = team.row(); i < task.n; i += Team::rows)
        for (int c = team.column(); c < task.n; c += Team::columns)
            a[i * task.stride + c] = Team::template rounded<T>(a[i * task.stride + c]);
    team.sync();
}

// s = J (J w^* a, made symmetric); returns by how much it was not, in its own norm
template <class Team, class S>
HG_FN S symmetric_factor(Team team, const Task<S>& task, const S* w, const S* a, S* s) {
    multiply<true>(team, task, w, a, s);
    const S total = square_of(team, task, s);
    team.sync();
    S skew(0);
    for (int i = team.row(); i < task.n; i += Team::rows)
        for (int c = team.column(); c < i; c += Team::columns) {
            S &below = s[i * task.stride + c], &above = s[c * task.stride + i];
            const S lower = task.j[i] * below, upper = task.j[c] * above, mean = 0.5 * (lower + upper);
            skew += (lower - upper) * (lower - upper);
            below = task.j[i] * mean, above = task.j[c] * mean;
        }
    team.sync();
    return sqrt(2 * team.sum(skew) / total);
}

// |w^T J w - J| / |w|^2
template <class Team, class S>
HG_FN S orthogonality_residual(Team team, const Task<S>& task, const S* w, S* room) {
    multiply<true>(team, task, w, w, room);
    for (int i = team.rank(); i < task.n; i += Team::size) room[i * task.stride + i] -= 1;
    team.sync();
    return norm(team, task, room) / square_of(team, task, w);
}

// |a - w s| / |a|
template <class Team, class S>
HG_FN S product_residual(Team team, const Task<S>& task, const S* w, const S* s, const S* a, S* room) {
    multiply<false>(team, task, w, s, room);
    for (int i = team.row(); i < task.n; i += Team::rows)
        for (int c = team.column(); c < task.n; c += Team::columns) room[i * task.stride + c] -= a[i * task.stride + c];
    team.sync();
    return sqrt(square_of(team, task, room) / square_of(team, task, a));
}

// w and s of the matrix a, which is scaled; at s there is room for two matrices and a row.
template <class T, class Team, class S>
HG_FN Numbers<S> decompose(Team team, const Task<S>& task, S* a, S* w, S* s) {
    const int n = task.n, stride = task.stride;
    const S scale = power_for(team, task, a);
    scale_by(team, task, scale, a);
    for (int i = team.row(); i < n; i += Team::rows)
        for (int c = team.column(); c < n; c += Team::columns) w[i * stride + c] = a[i * stride + c];
    team.sync();
    const End<S> end = newton(team, task, w, s);
    round_to<T>(team, task, w);
    const S j_residual = orthogonality_residual(team, task, w, s);
    team.sync();
    const S symmetry = symmetric_factor(team, task, w, a, s);
    round_to<T>(team, task, s);
    const S inverse = end.condition / norm(team, task, a);
    const S condition = norm(team, task, s) * inverse * norm(team, task, w);
    const S residual = product_residual(team, task, w, s, a, s + n * stride);
    scale_by(team, task, 1 / scale, s);
    return {end.iterations, end.converged, j_residual, residual, symmetry, condition};
}

// x <- its orthogonal factor, with room for two matrices and a row; returns the condition number in the Frobenius norm,
// infinite or NaN where there is no factor.
template <class Team, class S>
HG_FN S orthogonal_factor(Team team, const Task<S>& task, S* x, S* room) {
    for (int twice = 0; twice < 2; ++twice) {  // the ends of the range are farther off than one power goes
        const S scale = power_for(team, task, x);
        scale_by(team, task, scale, x);
    }
    const End<S> end = newton(team, task, x, room);
    return where(end.converged > 0, end.condition, S(nan("")));
}

}  // namespace hypergeom::small_polar
