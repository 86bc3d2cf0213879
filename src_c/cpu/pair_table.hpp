// The kernels of all pairs of two sets of points, as a table: one for each space and instruction set.
#pragma once
#define NPY_NO_DEPRECATED_API NPY_2_1_API_VERSION
#define NPY_TARGET_VERSION NPY_2_1_API_VERSION
#include <Python.h>
#include <numpy/ndarraytypes.h>

#include "hypergeom/config.h"

namespace hypergeom::cpu {

// An array of the call: the matrix of each batch, with the bytes from one batch, row and entry to the next.
struct Matrices {
    char* first;
    npy_intp step, row, entry;

    HG_FN char* at(npy_intp batch, npy_intp i, npy_intp j) const { return first + batch * step + i * row + j * entry; }
};

// m rows of x and k rows of y, n entries each, in every batch; `pairs` are m by k: distances or their cotangents.
struct PairCall {
    npy_intp batches, m, k;
    int n;
    Matrices x, y, c, pairs;
    Matrices x_bar, y_bar;  // float64; sums so far
};

// The rows of a tile: those of y lie across lanes, and their number is a multiple of eight, so that sums are in the
// same order whatever the lanes. Its memory stays within 128 KiB each for x and y while eight rows do.
constexpr int tile_rows = 64, panel_rows = 128;

HG_FN int rows_within(int n, int most) {
    const int fit = (1 << 14) / n / 8 * 8;
    return fit < 8 ? 8 : fit < most ? fit : most;
}

// A part of the matrix of one batch.
struct PairBlock {
    npy_intp batch, x_begin, x_end, y_begin, y_end;
};

struct PairKernels {
    const char* space;
    // float32, float64. `room` is for as many doubles as the room_of function says.
    void (*distances[2])(const PairCall&, const PairBlock&, double* room);
    // Adds to x_bar and y_bar; returns what the block adds to the cotangent of c.
    double (*gradient[2])(const PairCall&, const PairBlock&, double* room);
};

HG_FN std::size_t distances_room(int n) {
    return std::size_t(rows_within(n, panel_rows) + rows_within(n, tile_rows)) * std::size_t(n);
}

HG_FN std::size_t gradient_room(int n) {  // and four rows of x_bar in eight lanes, a tile of y_bar
    return distances_room(n) + std::size_t(rows_within(n, tile_rows) + 4 * 8) * std::size_t(n);
}

}  // namespace hypergeom::cpu
