// The CPU twin of a row function: its loop in a NumPy generalized ufunc.
#pragma once
#define NPY_NO_DEPRECATED_API NPY_2_1_API_VERSION
#define NPY_TARGET_VERSION NPY_2_1_API_VERSION
#include <Python.h>
#include <numpy/ndarraytypes.h>
#include <numpy/ufuncobject.h>

#include <cfenv>
#include <memory>
#include <type_traits>
#include <utility>

#include "hypergeom/signature.hpp"
#include "packs.hpp"

namespace hypergeom::cpu {

// One vector argument whose elements are not adjacent is walked through a dense copy of the row.
template <class T>
struct DenseRow {
    npy_intp size = 0, stride = 0;
    std::unique_ptr<T[]> copy;

    void prepare(npy_intp n, npy_intp element_stride) {
        if (element_stride == npy_intp(sizeof(T)) || n < 2) return;
        size = n, stride = element_stride, copy.reset(new T[n]);
    }
    T* load(char* row) {
        if (!copy) return reinterpret_cast<T*>(row);
        for (npy_intp i = 0; i < size; ++i) copy[i] = *reinterpret_cast<T*>(row + i * stride);
        return copy.get();
    }
    T* target(char* row) { return copy ? copy.get() : reinterpret_cast<T*>(row); }
    void store(char* row) {
        for (npy_intp i = 0; copy && i < size; ++i) *reinterpret_cast<T*>(row + i * stride) = copy[i];
    }
};

// Op carries `signature` (constexpr), `vjp` and `run(team, d, pointers...)`.
template <class Op, class T, std::size_t... I>
HG_FN void row_loop(char** args, const npy_intp* dims, const npy_intp* steps, std::index_sequence<I...>) {
    constexpr Signature s = Op::signature;
    constexpr int n_args = s.args();
    const int d = int(dims[1]);
    DenseRow<T> rows[n_args];
    int next_stride = n_args;
    for (int a = 0; a < n_args; ++a)
        if (s.dim_of[a] >= 0) rows[a].prepare(dims[1 + s.dim_of[a]], steps[next_stride++]);

    for (npy_intp r = 0; r < dims[0]; ++r) {
        char* at[n_args] = {(args[I] + r * steps[I])...};
        const auto pointer = [&](auto index) {
            constexpr int a = decltype(index)::value;
            if constexpr (is_float64(s, Op::vjp, a))
                return reinterpret_cast<double*>(at[a]);
            else if constexpr (s.dim_of[a] < 0)
                return reinterpret_cast<T*>(at[a]);
            else
                return a < s.inputs ? rows[a].load(at[a]) : rows[a].target(at[a]);
        };
        Op::run(Packs{}, d, pointer(std::integral_constant<int, int(I)>{})...);
        for (int a = s.inputs; a < n_args; ++a)
            if (s.dim_of[a] >= 0) rows[a].store(at[a]);
    }
    // A NaN row is an answer, not a floating-point error: NumPy is not to warn of it.
    std::feclearexcept(FE_ALL_EXCEPT);
}

template <class Op, class T>
HG_FN void row_loop(char** args, const npy_intp* dims, const npy_intp* steps) {
    row_loop<Op, T>(args, dims, steps, std::make_index_sequence<std::size_t(Op::signature.args())>{});
}

struct RowOp {
    const char* name;
    const char* doc_signature;
    Signature signature;
    bool vjp;
    PyUFuncGenericFunction loops[2];  // float32, float64
};

// Adds the gufunc to the dictionary; false with a Python error set.
bool add_gufunc(PyObject* dict, const RowOp& op);

// Each space is a translation unit of its own that only instantiates its rows of the table.
bool add_poincare(PyObject* dict);
bool add_lorentz(PyObject* dict);

}  // namespace hypergeom::cpu

// Defines the Op and the two multiversioned loops of a row function `hypergeom::space::name`.
#define HG_DEFINE_LOOPS(space, name, text)                                                 \
    struct name##_op {                                                                     \
        static constexpr hypergeom::Signature signature{text};                             \
        static constexpr bool vjp = hypergeom::is_vjp(#name);                              \
        template <class... Args>                                                           \
        HG_FN static void run(Args... args) {                                              \
            hypergeom::space::name(args...);                                               \
        }                                                                                  \
    };                                                                                     \
    HG_CLONES void name##_float32(char** a, const npy_intp* n, const npy_intp* s, void*) { \
        hypergeom::cpu::row_loop<name##_op, float>(a, n, s);                               \
    }                                                                                      \
    HG_CLONES void name##_float64(char** a, const npy_intp* n, const npy_intp* s, void*) { \
        hypergeom::cpu::row_loop<name##_op, double>(a, n, s);                              \
    }

#define HG_ROW_OP_ENTRY(space, name, text) \
    {#space "_" #name, text, name##_op::signature, name##_op::vjp, {name##_float32, name##_float64}},
