// The CPU's team: one thread that adds along a row in packs of eight entries.
// The order of the additions depends on d alone, neither on the instruction set nor on the dtype, alignment or position
// of the row; so float32 rows give the rounded float64 results, and x, y give the same bits as y, x.
#pragma once
#include <cstring>

#include "hypergeom/team.hpp"

namespace hypergeom::cpu {

struct Packs {
    static constexpr int size = 1;
    HG_FN int rank() const { return 0; }
};

constexpr int pack_size = 8;
typedef double Pack __attribute__((vector_size(pack_size * sizeof(double))));

struct PackEntry {
    int i;
    template <class T>
    HG_FN Pack operator()(const T* row) const {
        typedef T Loaded __attribute__((vector_size(pack_size * sizeof(T))));
        Loaded loaded;
        std::memcpy(&loaded, row + i, sizeof loaded);
        return __builtin_convertvector(loaded, Pack);
    }
    HG_FN Pack fma(double a, Pack b, Pack c) const {
        for (int k = 0; k < pack_size; ++k) c[k] = hypergeom::fma(a, b[k], c[k]);
        return c;
    }
};

HG_FN double total(Pack p) { return ((p[0] + p[4]) + (p[2] + p[6])) + ((p[1] + p[5]) + (p[3] + p[7])); }

// Found by argument-dependent lookup in place of hypergeom::sum.
template <int K, class F>
HG_FN void sum(Packs, int d, Targets<K> target, F term) {
    Terms<K, double> result{};
    int i = 0;
    if (d >= pack_size) {
        Terms<K, Pack> packs{};
        for (; i + pack_size <= d; i += pack_size) {
            const Terms<K, Pack> t = term(PackEntry{i});
            for (int k = 0; k < K; ++k) packs.value[k] += t.value[k];
        }
        for (int k = 0; k < K; ++k) result.value[k] = total(packs.value[k]);
    }
    for (; i < d; ++i) {
        const Terms<K, double> t = term(Entry{i});
        for (int k = 0; k < K; ++k) result.value[k] += t.value[k];
    }
    for (int k = 0; k < K; ++k) *target.sum[k] = result.value[k];
}

HG_FN void fold(Pack& hi, Pack& lo, Pack other_hi, Pack other_lo) {
    lo += other_lo;
    add_exactly(hi, lo, other_hi);
}

template <class T>
HG_FN Twofold squares(Packs, int d, const T* x) {
    Twofold total{0, 0};
    int i = 0;
    if (d >= pack_size) {
        Pack hi{}, lo{};
        for (; i + pack_size <= d; i += pack_size) {
            const Pack xi = PackEntry{i}(x), square = xi * xi;
            if (sizeof(T) == sizeof(double)) {
                Pack rest;
                for (int k = 0; k < pack_size; ++k) rest[k] = hypergeom::fma(xi[k], xi[k], -square[k]);
                lo += rest;
                add_exactly(hi, lo, square);
            } else {
                hi += square;
            }
        }
        fold(hi, lo, __builtin_shufflevector(hi, hi, 4, 5, 6, 7, 0, 1, 2, 3),
             __builtin_shufflevector(lo, lo, 4, 5, 6, 7, 0, 1, 2, 3));
        fold(hi, lo, __builtin_shufflevector(hi, hi, 2, 3, 0, 1, 6, 7, 4, 5),
             __builtin_shufflevector(lo, lo, 2, 3, 0, 1, 6, 7, 4, 5));
        fold(hi, lo, __builtin_shufflevector(hi, hi, 1, 0, 3, 2, 5, 4, 7, 6),
             __builtin_shufflevector(lo, lo, 1, 0, 3, 2, 5, 4, 7, 6));
        total = {hi[0], lo[0]};
    }
    if (i == d) return total;
    const Twofold rest = squares(Serial{}, d - i, x + i);
    total.lo += rest.lo;
    add_exactly(total.hi, total.lo, rest.hi);
    return total;
}

}  // namespace hypergeom::cpu
