// The loops over small matrices for one instruction set. The build compiles this file for each (HG_ISA) with the
// compiler's flags for that set; nothing here may be shared between them, so all is local to this file or always
// inlined.
#include "polar_table.hpp"
//
#include "row_loop.hpp"
#include "small_polar.hpp"

#define HG_JOIN_(a, b) a##_##b
#define HG_JOIN(a, b) HG_JOIN_(a, b)

namespace hypergeom::cpu {
namespace {

// The matrices of one argument, in bytes from one to the next, one row to the next, and one entry to the next.
struct MatrixRows {
    char* first;
    npy_intp step, row, entry;

    HG_FN Rows of_row(int i, int n) const { return {first + i * row, step, entry, n}; }
};

template <class T>
HG_FN void load_matrices(const MatrixRows& from, npy_intp r, int some, int n, Pack* to) {
    for (int i = 0; i < n; ++i) load<T>(from.of_row(i, n), r, some, to + i * n);
}

template <class T>
HG_FN void store_matrices(const Pack* from, const MatrixRows& to, npy_intp r, int some, int n) {
    for (int i = 0; i < n; ++i) store<T>(from + i * n, to.of_row(i, n), r, some);
}

template <class T>
HG_FN void store_numbers(Pack from, char* first, npy_intp step, npy_intp r, int some) {
    for (int k = 0; k < some; ++k) *reinterpret_cast<T*>(first + (r + k) * step) = T(from.v[k]);
}

// The numbers that are stored for those that are computed
template <class T>
HG_FN void round_to(int count, Pack* a) {
    for (int i = 0; i < count; ++i)
        a[i].v = __builtin_convertvector(__builtin_convertvector(a[i].v, typename Vector<T>::type), Lanes);
}

// A power of two that brings the largest entry of each lane near 1, so that no square leaves the range of double.
HG_FN Pack power_for(int count, const Pack* a) {
    Pack largest(0);
    for (int i = 0; i < count; ++i) {
        const Pack size = fabs(a[i]);
        largest = where(size > largest, size, largest);
    }
    const auto bits = to_bits(largest * 0x1p64);
    const Pack exponent = from_bits(((bits >> 52) & 0x7ff) | 0x4330000000000000) - 0x1p52 - (1023 + 64);
    const Mask usual = (largest >= 0x1p-900) & (largest <= 0x1p900);
    const Pack scale = power_of_two(where(usual, -exponent, Pack(0)));
    return where(usual, scale, where(largest < 1, Pack(0x1p900), Pack(0x1p-900)));
}

constexpr int most_iterations = 20;  // as in jpolar

HG_FN SmallPolar task_of(int n, const Pack* j, int polish) {
    return {n, j, most_iterations, polish, 0.1 * ::sqrt(n * 0x1p-52)};
}

// s = J (J w^* a, made symmetric); returns by how much it was not, in its own norm
HG_FN Pack symmetric_factor(int n, const Pack* j, const Pack* w, const Pack* a, Pack* s) {
    adjoint_times(n, j, w, a, s);
    Pack total(0), skew(0);
    for (int i = 0; i < n; ++i)
        for (int c = 0; c < n; ++c) total += s[i * n + c] * s[i * n + c];
    for (int i = 0; i < n; ++i)
        for (int c = 0; c < i; ++c) {
            const Pack lower = j[i] * s[i * n + c], upper = j[c] * s[c * n + i], mean = 0.5 * (lower + upper);
            skew += (lower - upper) * (lower - upper);
            s[i * n + c] = j[i] * mean, s[c * n + i] = j[c] * mean;
        }
    return sqrt(2 * skew / total);
}

HG_FN Pack norm(int count, const Pack* a) { return sqrt(square_of(count, a)); }

// |w^T J w - J| / |w|^2
HG_FN Pack orthogonality_residual(int n, const Pack* j, const Pack* w, Pack* room) {
    adjoint_times(n, j, w, w, room);
    for (int i = 0; i < n; ++i) room[i * n + i] -= 1;
    return norm(n * n, room) / square_of(n * n, w);
}

// |a - w s| / |a|
HG_FN Pack product_residual(int n, const Pack* w, const Pack* s, const Pack* a, Pack* room) {
    times(n, w, s, room);
    for (int i = 0; i < n * n; ++i) room[i] -= a[i];
    return sqrt(square_of(n * n, room) / square_of(n * n, a));
}

// (n,n),(n),()->(n,n),(n,n),(),(),(),(),(),(): a, j, polish; w, s, iterations, converged, the residuals of JPolarInfo,
// and |s| |a^-1| |w|, a bound of the condition of s in the Frobenius norm. Each polish is float64 and a whole number.
template <class T>
void jpolar_loop(char** args, const npy_intp* dims, const npy_intp* steps, void*) {
    const int n = int(dims[1]), nn = n * n;
    const npy_intp* core = steps + 11;
    const MatrixRows a{args[0], steps[0], core[0], core[1]}, w{args[3], steps[3], core[3], core[4]},
        s{args[4], steps[4], core[5], core[6]};
    const Rows signs{args[1], steps[1], core[2], n};
    alignas(64) PackRoom memory;
    Pack* room = memory.get(std::size_t(5) * nn + 2 * n);
    if (!room) return;
    Pack *A = room, *X = A + nn, *Y = X + nn, *j = Y + 3 * nn;  // Y: two matrices and a row; j after them
    for (npy_intp r = 0; r < dims[0]; r += lanes) {
        const int some = dims[0] - r < lanes ? int(dims[0] - r) : lanes;
        load_matrices<T>(a, r, some, n, A);
        load<double>(signs, r, some, j);
        const int polish = int(*reinterpret_cast<const double*>(args[2] + r * steps[2]));
        const Pack scale = power_for(nn, A);
        for (int i = 0; i < nn; ++i) X[i] = A[i] *= scale;
        const SmallPolarEnd end = newton(task_of(n, j, polish), X, Y);
        round_to<T>(nn, X);
        store_matrices<T>(X, w, r, some, n);
        store_numbers<double>(orthogonality_residual(n, j, X, Y), args[7], steps[7], r, some);
        const Pack symmetry = symmetric_factor(n, j, X, A, Y);
        round_to<T>(nn, Y);
        const Pack inverse = end.condition / norm(nn, A);
        store_numbers<double>(norm(nn, Y) * inverse * norm(nn, X), args[10], steps[10], r, some);
        store_numbers<double>(product_residual(n, X, Y, A, Y + nn), args[8], steps[8], r, some);
        store_numbers<double>(symmetry, args[9], steps[9], r, some);
        for (int i = 0; i < nn; ++i) Y[i] = Y[i] / scale;
        store_matrices<T>(Y, s, r, some, n);
        store_numbers<double>(end.iterations, args[5], steps[5], r, some);
        store_numbers<double>(end.converged, args[6], steps[6], r, some);
    }
    std::feclearexcept(FE_ALL_EXCEPT);  // as in row_loop
}

// (n,n)->(n,n),(): a; the orthogonal factor, and the condition number in the Frobenius norm, infinite or NaN where there
// is no factor.
template <class T>
void orthogonal_loop(char** args, const npy_intp* dims, const npy_intp* steps, void*) {
    const int n = int(dims[1]), nn = n * n;
    const npy_intp* core = steps + 3;
    const MatrixRows a{args[0], steps[0], core[0], core[1]}, w{args[1], steps[1], core[2], core[3]};
    alignas(64) PackRoom memory;
    Pack* room = memory.get(std::size_t(3) * nn + 2 * n);
    if (!room) return;
    Pack *X = room, *Y = X + nn, *j = Y + 2 * nn + n;
    for (int i = 0; i < n; ++i) j[i] = Pack(1);
    for (npy_intp r = 0; r < dims[0]; r += lanes) {
        const int some = dims[0] - r < lanes ? int(dims[0] - r) : lanes;
        load_matrices<T>(a, r, some, n, X);
        for (int twice = 0; twice < 2; ++twice) {  // the ends of the range are farther off than one power goes
            const Pack scale = power_for(nn, X);
            for (int i = 0; i < nn; ++i) X[i] *= scale;
        }
        const SmallPolarEnd end = newton(task_of(n, j, 1), X, Y);
        store_matrices<T>(X, w, r, some, n);
        store_numbers<double>(where(end.converged > 0, end.condition, Pack(nan(""))), args[2], steps[2], r, some);
    }
    std::feclearexcept(FE_ALL_EXCEPT);
}

}  // namespace

PolarLoops HG_JOIN(polar, HG_ISA)() {
    return {{jpolar_loop<float>, jpolar_loop<double>}, {orthogonal_loop<float>, orthogonal_loop<double>}};
}

}  // namespace hypergeom::cpu
