// Python module hypergeom._core.gufuncs: every row function as a NumPy generalized ufunc.
#include "isa.hpp"
#include "row_chapters.h"
#include "row_table.hpp"

namespace hypergeom::cpu {

// An instruction set, its tables of all chapters, the best first.
struct Isa {
    const char* name;
    RowTable (*const* tables)();
};

#define HG_CHAPTER(isa, space, chapter) RowTable table_##space##_##chapter##_##isa();
#define X(isa) HG_CHAPTERS(isa)
HG_ISAS(X)
#undef X
#undef HG_CHAPTER

#define HG_CHAPTER(isa, space, chapter) table_##space##_##chapter##_##isa,
#define X(isa) RowTable (*const tables_##isa[])() = {HG_CHAPTERS(isa) nullptr};
HG_ISAS(X)
#undef X
#undef HG_CHAPTER

const Isa isas[] = {
#define X(isa) {#isa, tables_##isa},
    HG_ISAS(X)
#undef X
};

// The core dimensions of the table: d >= 1 and, since a Lorentz vector has a time coordinate more, n = d + 1. Another one
// counts the rows of a group.
int resolve_core_dims(PyUFuncObject* ufunc, npy_intp* dims) {
    const Signature signature(ufunc->core_signature);
    npy_intp absent[2] = {-1, -1}, *n = &absent[0], *d = &absent[1];
    for (int k = 0; k < signature.dims; ++k) {
        if (signature.dim_name[k] == 'n') n = &dims[k];
        if (signature.dim_name[k] == 'd') d = &dims[k];
    }
    if (*d < 0 && *n >= 0) *d = *n - 1;
    if (*n < 0) *n = *d + 1;
    if (*n == *d + 1 && *d >= 1 && *n <= NPY_MAX_INT) return 0;
    PyErr_Format(PyExc_ValueError, "%s: needs vectors of d >= 1 entries (Lorentz: n = d + 1), got d = %zd, n = %zd",
                 ufunc->name, *d, *n);
    return -1;
}

bool add_gufunc(PyObject* dict, const RowOp& op) {
    const int n_args = op.signature.args();
    // NumPy keeps the pointers for the life of the ufunc, which is the life of the process.
    auto* types = new char[2 * n_args];
    auto* loops = new PyUFuncGenericFunction[2]{op.loops[0], op.loops[1]};
    auto* data = new void*[2]{const_cast<RowOp*>(&op), const_cast<RowOp*>(&op)};
    for (int a = 0; a < n_args; ++a) {
        types[a] = is_float64(op.signature, op.vjp, a) ? NPY_DOUBLE : NPY_FLOAT;
        types[n_args + a] = NPY_DOUBLE;
    }
    PyObject* ufunc = PyUFunc_FromFuncAndDataAndSignature(loops, data, types, 2, op.signature.inputs,
                                                          op.signature.outputs, PyUFunc_None, op.name, nullptr, 0,
                                                          op.text);
    if (!ufunc) return false;
    reinterpret_cast<PyUFuncObject*>(ufunc)->process_core_dims_func = resolve_core_dims;
    const bool added = PyDict_SetItemString(dict, op.name, ufunc) == 0;
    Py_DECREF(ufunc);
    return added;
}

bool add_gufuncs(PyObject* module) {
    const Isa* isa = choose_isa(isas);
    if (!isa) return false;
    for (RowTable (*const* table)() = isa->tables; *table; ++table) {
        const RowTable ops = (*table)();
        for (const RowOp* op = ops.begin; op != ops.end; ++op)
            if (!add_gufunc(PyModule_GetDict(module), *op)) return false;
    }
    return PyModule_AddStringConstant(module, "ISA", isa->name) == 0;
}

}  // namespace hypergeom::cpu

namespace {
int exec(PyObject* module) {
    if (PyUFunc_ImportUFuncAPI() < 0) return -1;
    return hypergeom::cpu::add_gufuncs(module) ? 0 : -1;
}

PyModuleDef_Slot slots[] = {{Py_mod_exec, reinterpret_cast<void*>(exec)}, {0, nullptr}};
PyModuleDef definition = {
    PyModuleDef_HEAD_INIT, "gufuncs", "CPU twins of the row functions.", 0, nullptr, slots, nullptr, nullptr, nullptr};
}  // namespace

PyMODINIT_FUNC PyInit_gufuncs() { return PyModuleDef_Init(&definition); }
