// The Lorentz rows of the table, as gufunc loops.
#include "row_gufunc.hpp"
#include "hypergeom/lorentz.hpp"

#define HG_ROW_OP(space, name, text) HG_##space(name, text)
#define HG_poincare(name, text)

namespace {
#define HG_lorentz(name, text) HG_DEFINE_LOOPS(lorentz, name, text)
#include "hypergeom/row_ops.def"
#undef HG_lorentz

const hypergeom::cpu::RowOp table[] = {
#define HG_lorentz(name, text) HG_ROW_OP_ENTRY(lorentz, name, text)
#include "hypergeom/row_ops.def"
#undef HG_lorentz
};
}  // namespace

bool hypergeom::cpu::add_lorentz(PyObject* dict) {
    for (const RowOp& op : table)
        if (!add_gufunc(dict, op)) return false;
    return true;
}
