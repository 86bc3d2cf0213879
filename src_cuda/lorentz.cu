// The Lorentz rows of the table, as CUDA kernels.
#include "hypergeom/lorentz.hpp"
#include "row_kernel.cuh"

#define HG_ROW_OP(space, name, text) HG_##space(name, text)
#define HG_poincare(name, text)
#define HG_lorentz(name, text) HG_DEFINE_KERNELS(lorentz, name, text)
#ifdef HG_ROW_OPS  // the one line that hypergeom/_cuda.py asks for
HG_ROW_OPS
#else
#include "hypergeom/row_ops.def"
#endif
