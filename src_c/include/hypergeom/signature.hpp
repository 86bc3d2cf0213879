// A gufunc signature, read by the compiler: how many arguments, which are vectors, over which dimension; and which are groups
// of vectors, "(m,d)".
#pragma once
#include "config.h"

namespace hypergeom {

struct Signature {
    static constexpr int max_args = 12;
    int inputs = 0, outputs = 0, dims = 0;
    char dim_name[max_args] = {};
    int dim_of[max_args] = {};    // index of the argument's last core dimension, -1 for a scalar
    int group_of[max_args] = {};  // of the one before it, -1 without

    constexpr int args() const { return inputs + outputs; }

    constexpr Signature(const char* s) {
        bool output = false;
        for (; *s; ++s) {
            if (*s == '-') output = true;
            if (*s != '(') continue;
            dim_of[args()] = group_of[args()] = -1;
            while (*++s != ')') {
                if (*s == ',') continue;
                group_of[args()] = dim_of[args()];
                dim_of[args()] = index_of(*s);
            }
            ++(output ? outputs : inputs);
        }
    }

    // The index of a dimension, a new one where the name is new.
    constexpr int index_of(char name) {
        for (int k = 0; k < dims; ++k)
            if (dim_name[k] == name) return k;
        dim_name[dims] = name;
        return dims++;
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
