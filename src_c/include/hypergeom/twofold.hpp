// Arithmetic of numbers hi + lo (Twofold, in team.hpp), for what cancels as no rearrangement can help: differences of large
// sums. S is double, or a pack of them. Relative errors are a few units of 2^-104 (Joldes, Muller, Popescu, "Tight and
// rigorous error bounds for basic building blocks of double-word arithmetic", TOMS 2017).
#pragma once
#include "team.hpp"

namespace hypergeom {

// With lo at most half a unit in the last place of hi.
template <class S>
HG_FN Twofold<S> normal(Twofold<S> a) {
    Twofold<S> r{a.hi, S(0)};
    add_exactly(r.hi, r.lo, a.lo);
    return r;
}

template <class S>
HG_FN Twofold<S> plus(Twofold<S> a, Twofold<S> b) {
    a.lo += b.lo;
    add_exactly(a.hi, a.lo, b.hi);
    return a;
}

template <class S>
HG_FN Twofold<S> minus(Twofold<S> a, Twofold<S> b) {
    return plus(a, Twofold<S>{-b.hi, -b.lo});
}

template <class S>
HG_FN Twofold<S> times(Twofold<S> a, S b) {
    const S product = a.hi * b;
    return {product, fma(a.hi, b, -product) + a.lo * b};
}

template <class S>
HG_FN Twofold<S> times(Twofold<S> a, Twofold<S> b) {
    const S product = a.hi * b.hi;
    return {product, fma(a.hi, b.hi, -product) + (a.hi * b.lo + a.lo * b.hi)};
}

// v / a
template <class S>
HG_FN Twofold<S> quotient(S v, Twofold<S> a) {
    const S q = v / a.hi;
    return {q, (fma(-q, a.hi, v) - q * a.lo) / a.hi};
}

template <class S>
HG_FN Twofold<S> root(Twofold<S> a) {
    const S r = sqrt(a.hi);
    return {r, where(r > 0, (fma(-r, r, a.hi) + a.lo) / (2 * r), S(0))};
}

// The power of two that takes |v| to [1, 2); 0 or infinity where there is none.
template <class S>
HG_FN S unit_scale(S v) {
    return 1 / from_bits(to_bits(v) & 0x7ff0000000000000);
}

}  // namespace hypergeom
