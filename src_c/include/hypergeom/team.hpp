// A team owns one row, or on the CPU one lane a row. Row functions add along it with `sum` and write it entry by entry,
// from team.rank() in strides of Team::size. Serial is one thread, Warp (warp.hpp) is a team of 32 GPU threads.
#pragma once
#include "elementary.hpp"

namespace hypergeom {

// A number as hi + lo, with about twice the digits of a double. Needs products that are rounded on their own: nothing
// of this may be contracted to fused products by the compiler (-ffp-contract=off, --fmad=false).
template <class S>
struct Twofold {
    S hi, lo;
};

// hi + lo += v, where lo takes exactly what hi cannot (Knuth's two-sum).
template <class S>
HG_FN void add_exactly(S& hi, S& lo, S v) {
    const S sum = hi + v, of_v = sum - hi;
    lo += (hi - (sum - of_v)) + (v - of_v);
    hi = sum;
}

// hi + lo += a b
template <class S>
HG_FN void add_product(S& hi, S& lo, S a, S b) {
    const S product = a * b;
    lo += fma(a, b, -product);
    add_exactly(hi, lo, product);
}

// The entry of x that is largest in size, and the entry of v beside it.
template <class S>
struct Pivot {
    S size, x, v;
};

// One thread.
struct Serial {
    static constexpr int size = 1;
    HG_FN int rank() const { return 0; }
    template <class S>
    HG_FN S sum(S v) const {
        return v;
    }
    template <class S>
    HG_FN Pivot<S> largest(Pivot<S> v) const {
        return v;
    }
};

// Entry i of any row, as the number to compute with.
struct Entry {
    int i;
    template <class T>
    HG_FN Real<T> operator()(const T* row) const {
        return Real<T>(row[i]);
    }
};

// What one entry adds to several sums.
template <int K, class S>
struct Terms {
    S value[K];
};

template <class S, class... Rest>
HG_FN Terms<1 + int(sizeof...(Rest)), S> terms(S first, Rest... rest) {
    return {{first, S(rest)...}};
}

template <int K, class S>
HG_FN void add(Terms<K, S>& total, const Terms<K, S>& t) {
    for (int k = 0; k < K; ++k) total.value[k] += t.value[k];
}

// What one entry adds to several sums of products: products(a, b, c, d) for a b and c d. They are fused with the sums.
template <int K, class S>
struct Products {
    S factor[2 * K];

    HG_FN operator Terms<K, S>() const {
        Terms<K, S> t;
        for (int k = 0; k < K; ++k) t.value[k] = factor[2 * k] * factor[2 * k + 1];
        return t;
    }
};

template <class S, class... Rest>
HG_FN Products<(1 + int(sizeof...(Rest))) / 2, S> products(S first, Rest... rest) {
    return {{first, S(rest)...}};
}

template <int K, class S>
HG_FN void add(Terms<K, S>& total, const Products<K, S>& t) {
    for (int k = 0; k < K; ++k) total.value[k] = fma(t.factor[2 * k], t.factor[2 * k + 1], total.value[k]);
}

// Where sums go: into(xx, yy).
template <int K, class S>
struct Targets {
    S* sum[K];
};

template <class S, class... Rest>
HG_FN Targets<1 + int(sizeof...(Rest)), S> into(S& first, Rest&... rest) {
    return {{&first, &rest...}};
}

// Several sums along a row in one pass:
//     sum(team, d, into(xx, xy), [=](auto at) { return terms(at(x) * at(x), at(x) * at(y)); });
// or, with products(at(x), at(x), at(x), at(y)), in fused products.
template <class Team, int K, class S, class F>
HG_FN void sum(Team team, int d, Targets<K, S> target, F term) {
    Terms<K, S> total;
    for (int k = 0; k < K; ++k) total.value[k] = S(0);
    for (int i = team.rank(); i < d; i += Team::size) add(total, term(Entry{i}));
    for (int k = 0; k < K; ++k) *target.sum[k] = team.sum(total.value[k]);
}

template <class T>
constexpr bool is_single = sizeof(T) == sizeof(float);

// x.y in twice the digits (Ogita, Rump, Oishi, "Accurate sum and dot product", SISC 2005, algorithm 5.3). The product
// of two floats is exact in double, and double has digits to spare for the sum of some.
template <class Team, class T>
HG_FN Twofold<Real<T>> dot(Team team, int d, const T* x, const T* y) {
    typedef Real<T> S;
    Twofold<S> total{S(0), S(0)};
    for (int i = team.rank(); i < d; i += Team::size) {
        const S xi = x[i], yi = y[i];
        if (is_single<T>)
            total.hi += xi * yi;
        else
            add_product(total.hi, total.lo, xi, yi);
    }
    return team.sum(total);
}

template <class Team, class T>
HG_FN Twofold<Real<T>> squares(Team team, int d, const T* x) {
    return dot(team, d, x, x);
}

// The length of a row, given the sum of its squares: where those leave the range of double, they are added again with
// the row scaled by a power of two.
template <class Team, class S, class F>
HG_FN S length(Team team, int d, S squares, F entry) {
    const auto in_range = (squares > 1e-270) & (squares < 1e290);
    const S plain = sqrt(squares);
    if (!any(!in_range)) return plain;
    const S scale = where(squares < 1, S(0x1p+600), S(0x1p-600));
    S scaled;
    sum(team, d, into(scaled), [=](auto at) {
        const S v = entry(at) * scale;
        return terms(v * v);
    });
    return where(in_range, plain, sqrt(scaled) / scale);
}

template <class S, class Team, class F1, class F2>
HG_FN Pivot<S> pivot(Team team, int d, F1 x, F2 v) {
    Pivot<S> p{S(-1), S(0), S(0)};
    for (int i = team.rank(); i < d; i += Team::size) {
        const S xi = x(Entry{i}), size = fabs(xi);
        const auto larger = size > p.size;
        p = {where(larger, size, p.size), where(larger, xi, p.x), where(larger, v(Entry{i}), p.v)};
    }
    return team.largest(p);
}

// For unit vectors: 0 where there is no direction.
template <class S>
HG_FN S reciprocal(S length) {
    return where(length < 1e-307, S(0), 1 / length);
}

// Entries of the rows for which `mask` holds.
template <class M, class T, class S>
HG_FN void put_where(M mask, T& out, S v) {
    out = T(where(mask, v, S(out)));
}

// Every member knows the value; one of them writes it.
template <class Team, class T, class S>
HG_FN void put(Team team, T* out, S v) {
    if (team.rank() == 0) *out = T(v);
}

}  // namespace hypergeom
