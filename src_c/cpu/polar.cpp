// Python module hypergeom._core.polar: the polar factors of small matrices as NumPy generalized ufuncs.
#include "isa.hpp"
#include "polar_table.hpp"

namespace hypergeom::cpu {

struct PolarIsa {
    const char* name;
    PolarLoops (*loops)();
};

#define X(isa) PolarLoops polar_##isa();
HG_ISAS(X)
#undef X

const PolarIsa isas[] = {
#define X(isa) {#isa, polar_##isa},
    HG_ISAS(X)
#undef X
};

// The arguments of which a letter is d are float64 in both loops.
bool add_gufunc(PyObject* module, const char* name, const char* signature, const char* types, int inputs, int outputs,
                const PyUFuncGenericFunction (&loops)[2]) {
    // NumPy keeps the pointers for the life of the ufunc, which is the life of the process.
    const int args = inputs + outputs;
    char* both = new char[2 * args];
    for (int a = 0; a < args; ++a) both[a] = types[a] == 'd' ? NPY_DOUBLE : NPY_FLOAT, both[args + a] = NPY_DOUBLE;
    PyObject* ufunc =
        PyUFunc_FromFuncAndDataAndSignature(new PyUFuncGenericFunction[2]{loops[0], loops[1]}, new void*[2]{}, both, 2,
                                            inputs, outputs, PyUFunc_None, name, nullptr, 0, signature);
    if (!ufunc) return false;
    const bool added = PyDict_SetItemString(PyModule_GetDict(module), name, ufunc) == 0;
    Py_DECREF(ufunc);
    return added;
}

bool add_gufuncs(PyObject* module) {
    const PolarIsa* isa = choose_isa(isas);
    if (!isa) return false;
    static const PolarLoops loops = isa->loops();
    return add_gufunc(module, "small_jpolar", "(n,n),(n),()->(n,n),(n,n),(),(),(),(),(),()", "tddttdddddd", 3, 8,
                      loops.jpolar) &&
           add_gufunc(module, "small_orthogonal", "(n,n)->(n,n),()", "ttd", 1, 2, loops.orthogonal) &&
           PyModule_AddStringConstant(module, "ISA", isa->name) == 0;
}

}  // namespace hypergeom::cpu

namespace {
int exec(PyObject* module) {
    if (PyUFunc_ImportUFuncAPI() < 0) return -1;
    return hypergeom::cpu::add_gufuncs(module) ? 0 : -1;
}

PyModuleDef_Slot slots[] = {{Py_mod_exec, reinterpret_cast<void*>(exec)}, {0, nullptr}};
PyModuleDef definition = {PyModuleDef_HEAD_INIT, "polar", "The polar factors of small matrices.", 0, nullptr, slots,
                          nullptr, nullptr, nullptr};
}  // namespace

PyMODINIT_FUNC PyInit_polar() { return PyModuleDef_Init(&definition); }
