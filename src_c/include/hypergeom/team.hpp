// A team owns one row. Row functions add along it with `sum` and write it entry by entry, from team.rank() in strides
// of Team::size. Warp (warp.hpp) is a team of 32 GPU threads; cpu/packs.hpp has the CPU's own way to add.
#pragma once
#include "config.h"

namespace hypergeom {

// A number as hi + lo, with about twice the digits of a double. Needs products that are rounded on their own: nothing
// of this may be contracted to fused products by the compiler (-ffp-contract=off, --fmad=false).
struct Twofold {
    double hi, lo;
};

// hi + lo += v, where lo takes exactly what hi cannot (Knuth's two-sum). V is double, or a pack of entries.
template <class V>
HG_FN void add_exactly(V& hi, V& lo, V v) {
    const V sum = hi + v, of_v = sum - hi;
    lo += (hi - (sum - of_v)) + (v - of_v);
    hi = sum;
}

// One thread.
struct Serial {
    static constexpr int size = 1;
    HG_FN int rank() const { return 0; }
    HG_FN double sum(double v) const { return v; }
    HG_FN Twofold sum(Twofold v) const { return v; }
};

// Entry i of any row, read as double.
struct Entry {
    int i;
    template <class T>
    HG_FN double operator()(const T* row) const {
        return double(row[i]);
    }
    HG_FN double fma(double a, double b, double c) const { return hypergeom::fma(a, b, c); }
};

// What one entry adds to several sums. V is double, or a pack of entries.
template <int K, class V>
struct Terms {
    V value[K];
};

template <class V, class... Rest>
HG_FN Terms<1 + int(sizeof...(Rest)), V> terms(V first, Rest... rest) {
    return {{first, rest...}};
}

// Where sums go: into(xx, yy).
template <int K>
struct Targets {
    double* sum[K];
};

template <class... Sums>
HG_FN Targets<int(sizeof...(Sums))> into(Sums&... sums) {
    return {{&sums...}};
}

// Several sums along a row in one pass:
//     sum(team, d, into(xx, xy), [=](auto at) { return terms(at(x) * at(x), at(x) * at(y)); });
template <class Team, int K, class F>
HG_FN void sum(Team team, int d, Targets<K> target, F term) {
    Terms<K, double> total{};
    for (int i = team.rank(); i < d; i += Team::size) {
        const Terms<K, double> t = term(Entry{i});
        for (int k = 0; k < K; ++k) total.value[k] += t.value[k];
    }
    for (int k = 0; k < K; ++k) *target.sum[k] = team.sum(total.value[k]);
}

// |x|^2 in twice the digits (Ogita, Rump, Oishi, "Accurate sum and dot product", SISC 2005, algorithm 5.3). The square
// of a float is exact in double, and double has digits to spare for the sum of some.
template <class Team, class T>
HG_FN Twofold squares(Team team, int d, const T* x) {
    Twofold total{0, 0};
    for (int i = team.rank(); i < d; i += Team::size) {
        const double xi = x[i], square = xi * xi;
        if (sizeof(T) == sizeof(double)) {
            total.lo += fma(xi, xi, -square);
            add_exactly(total.hi, total.lo, square);
        } else {
            total.hi += square;
        }
    }
    return team.sum(total);
}

// The length of a row, given the sum of its squares: where those leave the range of double, they are added again with
// the row scaled by a power of two.
template <class Team, class F>
HG_FN double length(Team team, int d, double squares, F entry) {
    if (squares > 1e-270 && squares < 1e290) return sqrt(squares);
    const double scale = squares < 1 ? 0x1p+600 : 0x1p-600;
    double scaled;
    sum(team, d, into(scaled), [=](auto at) {
        const auto v = entry(at) * scale;
        return terms(v * v);
    });
    return sqrt(scaled) / scale;
}

// For unit vectors: 0 where there is no direction.
HG_FN double reciprocal(double length) { return length < 1e-307 ? 0 : 1 / length; }

// Every member knows the value; one of them writes it.
template <class Team, class T>
HG_FN void put(Team team, T* out, double v) {
    if (team.rank() == 0) *out = T(v);
}

}  // namespace hypergeom
