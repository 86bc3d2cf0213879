// The numbers of wide range for arrays of mantissas and exponents, to be called through ctypes.
#include <cstddef>

#include "hypergeom/wide.hpp"
#include "hypergeom/smooth.hpp"

using namespace hypergeom;

struct Numbers {
    double m;
    long long e;
    operator Wide() const {
        Wide v = m;
        if (v.m != 0 && v.finite()) v.e += e;
        return v;
    }
};

#define FUNCTION(name, expression)                                                                              \
    extern "C" void name##_wide(const Numbers* a, const Numbers* b, const Numbers* c, Numbers* out, std::size_t n) { \
        for (std::size_t i = 0; i < n; ++i) {                                                                   \
            const Wide x = a[i], y = b[i], z = c[i], r = expression;                                            \
            (void)y, (void)z;                                                                                   \
            out[i] = {r.m, r.e};                                                                                \
        }                                                                                                       \
    }

FUNCTION(add, x + y)
FUNCTION(subtract, x - y)
FUNCTION(multiply, x * y)
FUNCTION(divide, x / y)
FUNCTION(fused, fma(x, y, z))
FUNCTION(root, sqrt(fabs(x)))
FUNCTION(less, Wide(x < y ? 1 : 0))
FUNCTION(most, Wide(x >= y ? 1 : 0))
FUNCTION(equal, Wide(x == y ? 1 : 0))
FUNCTION(exp, hypergeom::exp(x))
FUNCTION(expm1, hypergeom::expm1(x))
FUNCTION(log, hypergeom::log(x))
FUNCTION(log1p, hypergeom::log1p(x))
FUNCTION(sinh, sinh_cosh(x).sinh)
FUNCTION(cosh, sinh_cosh(x).cosh)
FUNCTION(tanh, hypergeom::tanh(x))
FUNCTION(asinh, hypergeom::asinh(x))
FUNCTION(asinh_ratio, hypergeom::asinh_ratio(x))

extern "C" double to_double(double m, long long e) { return double(Wide(Numbers{m, e})); }
