// The Poincaré rows of the table, as gufunc loops.
#include "row_gufunc.hpp"
#include "hypergeom/poincare.hpp"

#define HG_ROW_OP(space, name, text) HG_##space(name, text)
#define HG_lorentz(name, text)

namespace {
#define HG_poincare(name, text) HG_DEFINE_LOOPS(poincare, name, text)
#include "hypergeom/row_ops.def"
#undef HG_poincare

const hypergeom::cpu::RowOp table[] = {
#define HG_poincare(name, text) HG_ROW_OP_ENTRY(poincare, name, text)
#include "hypergeom/row_ops.def"
#undef HG_poincare
};
}  // namespace

bool hypergeom::cpu::add_poincare(PyObject* dict) {
    for (const RowOp& op : table)
        if (!add_gufunc(dict, op)) return false;
    return true;
}
