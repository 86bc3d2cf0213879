// Which instruction set of those that the build made is the best of this machine.
#pragma once
#include <Python.h>

#include <cstdlib>
#include <cstring>

namespace hypergeom::cpu {

#if defined(HG_ISAS)  // the build names them itself
#elif defined(__x86_64__)
#define HG_ISAS(X) X(v4) X(v3) X(baseline)
#else
#define HG_ISAS(X) X(baseline)
#endif

inline bool runs_here(const char* isa) {
#if defined(__x86_64__)
    if (std::strcmp(isa, "v4") == 0)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
               __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    if (std::strcmp(isa, "v3") == 0)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2");
#endif
    return true;
}

// The best of this machine, or the one that the environment names: all give the same bits, which a test holds them to.
// Isa has a `name`; `isas` are in order, the best first.
template <class Isa, std::size_t n>
const Isa* choose_isa(const Isa (&isas)[n]) {
    const char* wanted = std::getenv("HYPERGEOM_ISA");
    for (const Isa& isa : isas)
        if ((!wanted || std::strcmp(wanted, isa.name) == 0) && runs_here(isa.name)) return &isa;
    PyErr_Format(PyExc_ImportError, "HYPERGEOM_ISA=%s: needs an instruction set of this machine: v4, v3 or baseline",
                 wanted);
    return nullptr;
}

}  // namespace hypergeom::cpu
