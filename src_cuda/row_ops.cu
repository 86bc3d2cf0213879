// One chapter of row functions (HG_SPACE, HG_HEADER, HG_TABLE) as CUDA kernels: two for each line of its table, or for the
// one line that hypergeom/_cuda asks for (HG_ROW_OPS).
#include HG_HEADER
#include "group_kernel.cuh"
#include "row_kernel.cuh"

#define HG_ROW_OP(name, text) HG_DEFINE_KERNELS(HG_SPACE, name, text)
#define HG_GROUP_OP(name, text) HG_DEFINE_GROUP_KERNELS(HG_SPACE, name, text)
#ifdef HG_ROW_OPS
HG_ROW_OPS
#else
#include HG_TABLE
#endif
