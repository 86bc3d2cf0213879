// The loops over small matrices, one table for each instruction set.
#pragma once
#include "row_table.hpp"

namespace hypergeom::cpu {

struct PolarLoops {
    PyUFuncGenericFunction jpolar[2], orthogonal[2];  // float32, float64
};

}  // namespace hypergeom::cpu
