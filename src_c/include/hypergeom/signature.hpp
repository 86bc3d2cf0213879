// A gufunc signature, read by the compiler: how many arguments, which are vectors, over which dimension.
#pragma once
#include "config.h"

namespace hypergeom {

struct Signature {
    static constexpr int max_args = 12;
    int inputs = 0, outputs = 0, dims = 0;
    char dim_name[max_args] = {};
    int dim_of[max_args] = {};  // index of the argument's core dimension, -1 for a scalar

    constexpr int args() const { return inputs + outputs; }

    constexpr Signature(const char* s) {
        bool output = false;
        for (; *s; ++s) {
            if (*s == '-') output = true;
            if (*s != '(') continue;
            const char name = *++s;
            int dim = -1;
            if (name != ')') {
                for (int k = 0; k < dims; ++k)
                    if (dim_name[k] == name) dim = k;
                if (dim < 0) dim_name[dim = dims++] = name;
            }
            dim_of[args()] = dim;
            ++(output ? outputs : inputs);
        }
    }
};

// The rule of all tables (*.def): float64 for the curvature (last input) and for its cotangent (last output of a `_vjp`).
constexpr bool is_vjp(const char* name) {
    const char* end = name;
    while (*end) ++end;
    return end - name > 4 && end[-4] == '_' && end[-3] == 'v' && end[-2] == 'j' && end[-1] == 'p';
}

constexpr bool is_float64(const Signature& s, bool vjp, int arg) {
    return arg == s.inputs - 1 || (vjp && arg == s.args() - 1);
}

}  // namespace hypergeom
