// Who owns a small matrix on the CPU: one thread, which has a pack of them, a lane a matrix.
#pragma once
#include "hypergeom/small_polar.hpp"
#include "row_loop.hpp"

namespace hypergeom::cpu {
namespace {

struct Alone {
    static constexpr int size = 1, rows = 1, columns = 1;
    HG_FN int rank() const { return 0; }
    HG_FN int row() const { return 0; }
    HG_FN int column() const { return 0; }
    HG_FN void sync() const {}
    HG_FN void sync_row() const {}
    HG_FN Pack sum(Pack v) const { return v; }
    HG_FN Pack largest(Pack v) const { return v; }

    HG_FN small_polar::PivotAt<Pack> find_pivot(int k, int n, int stride, const Pack* column) const {
        Pack entry = column[k * stride], row = Pack(k);
        for (int i = k + 1; i < n; ++i) {
            const Pack other = column[i * stride];
            const Mask larger = fabs(other) > fabs(entry);
            entry = where(larger, other, entry), row = where(larger, Pack(i), row);
        }
        return {row, entry};
    }

    // Calls use(i, mask) for the numbers from `first` on that are those of some lanes.
    template <class F>
    HG_FN static void each_choice(Pack chosen, int first, int end, F use) {
        for (int i = first; i < end; ++i) {
            const Mask here = chosen == Pack(i);
            if (any(here)) use(i, here);
        }
    }

    template <class T>
    HG_FN static Pack rounded(Pack a) {
        a.v = __builtin_convertvector(__builtin_convertvector(a.v, typename Vector<T>::type), Lanes);
        return a;
    }
};

}  // namespace
}  // namespace hypergeom::cpu
