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

// (n,n),(n),()->(n,n),(n,n),(),(),(),(),(),(): a, j, polish; w, s, and the Numbers of small_polar.hpp. Each polish is
// float64 and a whole number.
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
        const small_polar::Task<Pack> task{n, n, j, polish};
        const small_polar::Numbers<Pack> numbers = small_polar::decompose<T>(Alone{}, task, A, X, Y);
        store_matrices<T>(X, w, r, some, n);
        store_matrices<T>(Y, s, r, some, n);
        const Pack each[] = {numbers.iterations, numbers.converged, numbers.j_residual,
                             numbers.residual,   numbers.symmetry,  numbers.condition};
        for (int k = 0; k < 6; ++k) store_numbers<double>(each[k], args[5 + k], steps[5 + k], r, some);
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
        const Pack condition = small_polar::orthogonal_factor(Alone{}, {n, n, j, 1}, X, Y);
        store_matrices<T>(X, w, r, some, n);
        store_numbers<double>(condition, args[2], steps[2], r, some);
    }
    std::feclearexcept(FE_ALL_EXCEPT);
}

}  // namespace

PolarLoops HG_JOIN(polar, HG_ISA)() {
    return {{jpolar_loop<float>, jpolar_loop<double>}, {orthogonal_loop<float>, orthogonal_loop<double>}};
}

}  // namespace hypergeom::cpu
