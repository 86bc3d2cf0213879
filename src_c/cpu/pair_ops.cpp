// The kernels of all pairs of one space for one instruction set. The build compiles this file for each space (HG_SPACE,
// HG_HEADER) and instruction set (HG_ISA) with the compiler's flags for that set; nothing here may be shared between
// them, so all is local to this file or always inlined.
#include "pair_table.hpp"
//
#include "row_table.hpp"
//
#include HG_HEADER
//
#include "pair_gradient.hpp"

#define HG_JOIN_(a, b, c) a##_##b##_##c
#define HG_JOIN(a, b, c) HG_JOIN_(a, b, c)
#define HG_TEXT_(a) #a
#define HG_TEXT(a) HG_TEXT_(a)

namespace hypergeom::cpu {

PairKernels HG_JOIN(pairs, HG_SPACE, HG_ISA)() {
    return {HG_TEXT(HG_SPACE),
            {pair_distances<float>, pair_distances<double>},
            {pair_gradient<float>, pair_gradient<double>}};
}

}  // namespace hypergeom::cpu
