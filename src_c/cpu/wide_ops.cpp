// One chapter of row functions in numbers of wide range: what the loops compute again where squares of coordinates leave
// the range of double. A row at a time, and compiled once, for the baseline instruction set.
#include "row_run.hpp"
//
#include "hypergeom/wide.hpp"
//
#include HG_HEADER

namespace hypergeom::cpu {

#define HG_ROW_OP(name, text) HG_RUN(name, HG_JOIN4(wide, HG_SPACE, HG_CHAPTER, name), Wide, Signature(text))
#define HG_GROUP_OP(name, text)
#include HG_TABLE

}  // namespace hypergeom::cpu
