// The elementary functions and the exact sums of the core for arrays, in doubles and in packs, to be called through ctypes.
#include <cstddef>
#include <cstring>

#include "cpu/pack.hpp"
#include "hypergeom/smooth.hpp"
#include "hypergeom/team.hpp"

using namespace hypergeom;
typedef cpu::Pack Pack;

#define FUNCTION(name, expression)                                                        \
    template <class S>                                                                    \
    S name##_of(S x) {                                                                    \
        return expression;                                                                \
    }                                                                                     \
    extern "C" void name##_double(const double* x, double* out, std::size_t n) {          \
        for (std::size_t i = 0; i < n; ++i) out[i] = name##_of(x[i]);                     \
    }                                                                                     \
    extern "C" void name##_pack(const double* x, double* out, std::size_t n) {            \
        for (std::size_t i = 0; i < n; i += cpu::lanes) {                                 \
            Pack p;                                                                       \
            std::memcpy(&p.v, x + i, sizeof p.v);                                         \
            p = name##_of(p);                                                             \
            std::memcpy(out + i, &p.v, sizeof p.v);                                       \
        }                                                                                 \
    }

FUNCTION(exp, hypergeom::exp(x))
FUNCTION(expm1, hypergeom::expm1(x))
FUNCTION(log, hypergeom::log(x))
FUNCTION(log1p, hypergeom::log1p(x))
FUNCTION(sinh, sinh_cosh(x).sinh)
FUNCTION(cosh, sinh_cosh(x).cosh)
FUNCTION(tanh, hypergeom::tanh(x))
FUNCTION(asinh, hypergeom::asinh(x))
FUNCTION(asinh_ratio, hypergeom::asinh_ratio(x))
FUNCTION(theta_sinh_ratio, hypergeom::theta_sinh_ratio(x))
FUNCTION(sinh_ratio, hypergeom::sinh_ratio(x))
FUNCTION(tanh_ratio, hypergeom::tanh_ratio(x))
FUNCTION(atanh_ratio, hypergeom::atanh_ratio(x, 1 - x))
FUNCTION(asinh_ratio_slope, hypergeom::asinh_ratio_slope(x))
FUNCTION(theta_sinh_ratio_slope, hypergeom::theta_sinh_ratio_slope(x))
FUNCTION(sinh_ratio_slope, hypergeom::sinh_ratio_slope(x))
FUNCTION(tanh_ratio_slope, hypergeom::tanh_ratio_slope(x))
FUNCTION(atanh_ratio_slope, hypergeom::atanh_ratio_slope(x, 1 - x))

// hi + lo of a + b and of a b
extern "C" void exact_sum(double a, double b, double* hi, double* lo) {
    *hi = a, *lo = 0;
    add_exactly(*hi, *lo, b);
}

extern "C" void exact_product(double a, double b, double* hi, double* lo) {
    *hi = 0, *lo = 0;
    add_product(*hi, *lo, a, b);
}

extern "C" int lanes() { return cpu::lanes; }
