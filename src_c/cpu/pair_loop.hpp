// Tiles of pairs: rows of y across the lanes of packs, turned once a tile, against rows of x as plain numbers, four at
// a time. What one point needs is computed once a panel or tile; of pairs, differences of coordinates are summed.
#pragma once
#include "pair_table.hpp"
#include "row_loop.hpp"

namespace hypergeom::cpu {
namespace {

constexpr int x_block = 4;        // rows of x that share a look at y
constexpr int groups = 8 / lanes;  // packs to eight rows of y

// The functions of one space: its chapter's types and constants under names to give to a template.
struct Space {
    template <class S>
    using Side = HG_SPACE::Side<S>;
    template <class S>
    using PairSums = HG_SPACE::PairSums<S>;
    static constexpr int first = HG_SPACE::first_coordinate;
};

// Some rows of x, copied as double.
template <class T>
struct Panel {
    int rows, n;
    double* entries;
    Space::Side<double> side[panel_rows];

    Panel(const PairCall& call, npy_intp batch, npy_intp begin, int count, double c, double* room)
        : rows(count), n(call.n), entries(room) {
        for (int i = 0; i < rows; ++i) {
            const char* row = call.x.at(batch, begin + i, 0);
            double* to = entries + std::size_t(i) * n;
            for (int t = 0; t < n; ++t) to[t] = *reinterpret_cast<const T*>(row + t * call.x.entry);
            side[i] = HG_SPACE::side(Serial{}, n, to, c);
        }
    }
    const double* row(int i) const { return entries + std::size_t(i) * n; }
};

// Some rows of y in packs; lanes beyond the last row repeat it.
template <class T>
struct Tile {
    int rows, packs, n;
    Pack* entries;
    Space::Side<Pack> side[tile_rows / lanes];

    Tile(const PairCall& call, npy_intp batch, npy_intp begin, int count, double c, double* room)
        : rows(count), packs((count + lanes - 1) / lanes), n(call.n), entries(reinterpret_cast<Pack*>(room)) {
        const Rows from{call.y.at(batch, 0, 0), call.y.row, call.y.entry, n};
        for (int p = 0; p < packs; ++p) {
            load<T>(from, begin + p * lanes, lanes_of(p), entries + std::size_t(p) * n);
            side[p] = HG_SPACE::side(Serial{}, n, entries + std::size_t(p) * n, Pack(c));
        }
    }
    Pack* pack(int p) const { return entries + std::size_t(p) * n; }
    int lanes_of(int p) const { return rows - p * lanes < lanes ? rows - p * lanes : lanes; }
};

// The sums of `count` rows of x with the rows of y in a pack.
template <int count>
HG_FN void pair_sums(int n, const double* x, const Pack* y, Space::PairSums<Pack>* sums) {
    for (int i = Space::first; i < n; ++i)
        for (int r = 0; r < count; ++r) sums[r].add(x[r * std::ptrdiff_t(n) + i], y[i]);
}

// A pack of entries of a row of the matrix of pairs.
template <class T>
HG_FN Pack get_pairs(const char* at, npy_intp stride, int count) {
    typename Vector<T>::type entries = {};
    if (stride == npy_intp(sizeof(T)) && count == lanes)
        std::memcpy(&entries, at, sizeof entries);
    else
        for (int k = 0; k < count; ++k) entries[k] = *reinterpret_cast<const T*>(at + k * stride);
    return Pack::of(__builtin_convertvector(entries, Lanes));
}

template <class T>
HG_FN void put_pairs(Pack v, char* at, npy_intp stride, int count) {
    const auto entries = __builtin_convertvector(v.v, typename Vector<T>::type);
    if (stride == npy_intp(sizeof(T)) && count == lanes)
        std::memcpy(at, &entries, sizeof entries);
    else
        for (int k = 0; k < count; ++k) *reinterpret_cast<T*>(at + k * stride) = entries[k];
}

double curvature(const PairCall& call, npy_intp batch) {
    return *reinterpret_cast<const double*>(call.c.at(batch, 0, 0));
}

// Calls block(panel, first row, tile, first column) for all of a block.
template <class T, class F>
HG_FN void each_tile(const PairCall& call, const PairBlock& b, double* room, F visit) {
    const int wide = rows_within(call.n, tile_rows), high = rows_within(call.n, panel_rows);
    const double c = curvature(call, b.batch);
    for (npy_intp i = b.x_begin; i < b.x_end; i += high) {
        const Panel<T> panel(call, b.batch, i, int(b.x_end - i < high ? b.x_end - i : high), c, room);
        double* rest = room + std::size_t(high) * call.n;
        for (npy_intp j = b.y_begin; j < b.y_end; j += wide) {
            const Tile<T> tile(call, b.batch, j, int(b.y_end - j < wide ? b.y_end - j : wide), c, rest);
            visit(panel, i, tile, j);
        }
    }
}

// Distances of `count` rows of x to the rows of y in pack p, to `out` and the rows below it.
template <int count, class T>
HG_FN void distances_of(const Panel<T>& panel, int i, const Tile<T>& tile, int p, const Root<Pack>& c, char* out,
                        const Matrices& pairs) {
    const double* x = panel.row(i);
    Space::PairSums<Pack> sums[count];
    pair_sums<count>(panel.n, x, tile.pack(p), sums);
    for (int r = 0; r < count; ++r) {
        const Space::Side<Pack> of_x(panel.side[i + r]);
        const Pack v = HG_SPACE::pair_distance(Serial{}, panel.n, panel.row(i + r), tile.pack(p), of_x, tile.side[p],
                                               sums[r], c);
        put_pairs<T>(v, out + r * pairs.row, pairs.entry, tile.lanes_of(p));
    }
}

template <class T>
void pair_distances(const PairCall& call, const PairBlock& b, double* room) {
    const Root<Pack> c{Pack(curvature(call, b.batch))};
    each_tile<T>(call, b, room, [&](const Panel<T>& panel, npy_intp first_i, const Tile<T>& tile, npy_intp first_j) {
        int i = 0;
        const auto out = [&](int p) { return call.pairs.at(b.batch, first_i + i, first_j + p * lanes); };
        for (; i + x_block <= panel.rows; i += x_block)
            for (int p = 0; p < tile.packs; ++p) distances_of<x_block>(panel, i, tile, p, c, out(p), call.pairs);
        for (; i < panel.rows; ++i)
            for (int p = 0; p < tile.packs; ++p) distances_of<1>(panel, i, tile, p, c, out(p), call.pairs);
    });
    std::feclearexcept(FE_ALL_EXCEPT);
}

}  // namespace
}  // namespace hypergeom::cpu
