// The CPU twins of the row functions, as tables: one for each chapter of formulas and each instruction set.
#pragma once
#define NPY_NO_DEPRECATED_API NPY_2_1_API_VERSION
#define NPY_TARGET_VERSION NPY_2_1_API_VERSION
#include <Python.h>
#include <numpy/ndarraytypes.h>
#include <numpy/ufuncobject.h>

#include "hypergeom/signature.hpp"

namespace hypergeom::cpu {

struct RowOp {
    const char* name;  // with that of the space in front
    const char* text;  // of the signature
    Signature signature;
    bool vjp;
    PyUFuncGenericFunction loops[2];      // float32, float64
    // A pack of rows: for each argument the packs of its entries. Null for a function of groups, whose loops know it.
    void (*run)(int d, void* const* row);
    void (*run_wide)(int d, void* const* row);  // a row of numbers of wide range; or null
};

struct RowTable {
    const RowOp* begin;
    const RowOp* end;
};

}  // namespace hypergeom::cpu
