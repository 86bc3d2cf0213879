// The J-polar factor of small matrices, a lane a matrix: Newton's iteration with determinantal scaling,
//     X <- (mu X + J X^-T J / mu) / 2,    mu = |det X|^(-1/n),
// and one step of Schulz's at the end, which takes the rounding of the inverses off. All lanes of a pack run as long as
// the slowest of them, and a lane that is done keeps what it has: so no result depends on the other lanes.
#pragma once
#include "hypergeom/elementary.hpp"
#include "pack.hpp"

namespace hypergeom::cpu {
namespace {

struct SmallPolar {
    int n;
    const Pack* j;  // +1 or -1
    int most;       // iterations
    int polish;     // steps of Schulz's
    double tiny;    // the relative change below which the iteration ends
};

// What is found beside the factor: how many iterations, whether they ended, the condition number of the matrix in the
// Frobenius norm.
struct SmallPolarEnd {
    Pack iterations, converged, condition;
};

// Exchanges two rows (or columns) of n entries, `stride` apart, in the lanes of a mask. Single lanes are not addressed:
// a vector that is loaded after a part of it was stored waits for that.
HG_FN void exchange_where(Mask lanes_of, int n, int stride, Pack* a, Pack* b) {
    for (int c = 0; c < n; ++c) {
        const Pack of_a = a[c * stride], of_b = b[c * stride];
        a[c * stride] = where(lanes_of, of_b, of_a), b[c * stride] = where(lanes_of, of_a, of_b);
    }
}

// a <- a^-1 by Gauss and Jordan with partial pivoting; returns log|det a| if that is wanted. `row` has room for n packs.
// A lane with a pivot of 0 becomes infinite or NaN.
HG_FN Pack invert(int n, Pack* a, Pack* row, bool with_det) {
    Pack log_det(0);
    for (int k = 0; k < n; ++k) {
        Pack largest = fabs(a[k * n + k]), at = Pack(k);
        for (int i = k + 1; i < n; ++i) {
            const Pack size = fabs(a[i * n + k]);
            const Mask larger = size > largest;
            largest = where(larger, size, largest), at = where(larger, Pack(i), at);
        }
        row[k] = at;
        for (int i = k + 1; i < n; ++i) {
            const Mask here = at == Pack(i);
            if (any(here)) exchange_where(here, n, 1, a + k * n, a + i * n);
        }
        if (with_det) log_det += hypergeom::log(largest);
        const Pack inverse = 1 / a[k * n + k];
        a[k * n + k] = Pack(1);
        for (int c = 0; c < n; ++c) a[k * n + c] *= inverse;
        for (int i = 0; i < n; ++i) {
            if (i == k) continue;
            const Pack factor = a[i * n + k];
            a[i * n + k] = Pack(0);
            for (int c = 0; c < n; ++c) a[i * n + c] -= factor * a[k * n + c];
        }
    }
    for (int k = n - 1; k >= 0; --k)
        for (int i = k + 1; i < n; ++i) {
            const Mask here = row[k] == Pack(i);
            if (any(here)) exchange_where(here, n, n, a + k, a + i);
        }
    return log_det;
}

HG_FN Pack square_of(int count, const Pack* a) {
    Pack total(0);
    for (int i = 0; i < count; ++i) total += a[i] * a[i];
    return total;
}

// out = (J a^T J) b
HG_FN void adjoint_times(int n, const Pack* j, const Pack* a, const Pack* b, Pack* out) {
    for (int i = 0; i < n; ++i) {
        for (int c = 0; c < n; ++c) out[i * n + c] = Pack(0);
        for (int k = 0; k < n; ++k) {
            const Pack factor = j[i] * j[k] * a[k * n + i];
            for (int c = 0; c < n; ++c) out[i * n + c] += factor * b[k * n + c];
        }
    }
}

// out = a b
HG_FN void times(int n, const Pack* a, const Pack* b, Pack* out) {
    for (int i = 0; i < n; ++i) {
        for (int c = 0; c < n; ++c) out[i * n + c] = Pack(0);
        for (int k = 0; k < n; ++k) {
            const Pack factor = a[i * n + k];
            for (int c = 0; c < n; ++c) out[i * n + c] += factor * b[k * n + c];
        }
    }
}

// x <- x (3 - x^* x) / 2, with room for two matrices
HG_FN void schulz_step(const SmallPolar& task, Pack* x, Pack* room) {
    const int n = task.n, nn = n * n;
    Pack *square = room, *product = room + nn;
    adjoint_times(n, task.j, x, x, square);
    for (int i = 0; i < nn; ++i) square[i] *= -0.5;
    for (int i = 0; i < n; ++i) square[i * n + i] += 1.5;
    times(n, x, square, product);
    for (int i = 0; i < nn; ++i) x[i] = product[i];
}

// x <- its J-polar factor, with room for two matrices and a row.
HG_FN SmallPolarEnd newton(const SmallPolar& task, Pack* x, Pack* room) {
    const int n = task.n, nn = n * n;
    Pack *y = room, *row = room + 2 * nn;
    SmallPolarEnd end{Pack(0), Pack(0), Pack(0)};
    Pack scaled(1);  // whether a lane still scales: not once it converges quadratically
    Mask active = Pack(0) == 0;
    for (int step = 0; step < task.most && any(active); ++step) {
        for (int i = 0; i < nn; ++i) y[i] = x[i];
        const Pack log_det = invert(n, y, row, any(scaled > 0));
        if (step == 0) end.condition = sqrt(square_of(nn, x)) * sqrt(square_of(nn, y));
        const Pack mu = where(scaled > 0, hypergeom::exp(log_det * (-1.0 / n)), Pack(1));
        const Pack half = 0.5 * mu, other = 0.5 / mu;
        Pack change(0), size(0);
        for (int i = 0; i < n; ++i)
            for (int c = 0; c < n; ++c) {
                const Pack old = x[i * n + c];
                const Pack next = half * old + other * (task.j[i] * task.j[c] * y[c * n + i]);
                const Pack difference = next - old;
                change += difference * difference, size += next * next;
                x[i * n + c] = where(active, next, old);
            }
        const Pack relative = sqrt(change / size);
        end.iterations = where(active, end.iterations + 1, end.iterations);
        const Mask done = relative < task.tiny;
        end.converged = where(active & done, Pack(1), end.converged);
        scaled = where(relative < 1e-2, Pack(0), scaled);
        active = active & !done & (relative == relative);
    }
    for (int step = 0; step < task.polish; ++step) schulz_step(task, x, room);
    return end;
}

}  // namespace
}  // namespace hypergeom::cpu
