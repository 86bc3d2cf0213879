// Cotangents of all pairs, tile by tile. Sums over rows of y are kept in eight lanes, as several packs where those are
// narrower, so that their order is the same on every machine.
#pragma once
#include "pair_loop.hpp"

namespace hypergeom::cpu {
namespace {

// Eight lanes of a sum over rows of y.
struct Eight {
    Pack part[groups];

    HG_FN void clear() {
        for (Pack& p : part) p = Pack(0.0);
    }
    HG_FN double total() const {
        double v[8];
        for (int k = 0; k < 8; ++k) v[k] = part[k / lanes].v[k % lanes];
        return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
    }
};

// Where the cotangents of a tile add up: of some rows of x, of all rows of y, of c.
struct Bars {
    Eight* x;  // for each row its n entries
    Eight own_x[x_block];
    Pack* y;  // for each pack its n entries
    Pack own_y[tile_rows / lanes];
    Eight c;
};

template <int count, class T>
HG_FN void slopes_of(const Panel<T>& panel, int i, const Tile<T>& tile, int p, const Root<Pack>& c, const char* G,
                     const Matrices& pairs, Bars& bars) {
    const int n = panel.n, group = p % groups;
    const double* x = panel.row(i);
    const Pack* y = tile.pack(p);
    Space::PairSums<Pack> sums[count];
    pair_sums<count>(n, x, y, sums);
    HG_SPACE::PairSlopes<Pack> slopes[count];
    for (int r = 0; r < count; ++r) {
        const Pack g = get_pairs<T>(G + r * pairs.row, pairs.entry, tile.lanes_of(p));
        const Space::Side<Pack> of_x(panel.side[i + r]);
        slopes[r] =
            HG_SPACE::pair_slopes(Serial{}, n, panel.row(i + r), y, of_x, tile.side[p], sums[r], c, g);
        bars.own_x[r].part[group] += slopes[r].own_x;
        bars.own_y[p] += slopes[r].own_y;
        bars.c.part[group] += slopes[r].of_c;
    }
    Pack* y_bar = bars.y + std::size_t(p) * n;
    for (int t = Space::first; t < n; ++t) {
        const Pack yt = y[t];
        Pack to_y = y_bar[t];
        for (int r = 0; r < count; ++r) {
            Pack& to_x = bars.x[r * std::ptrdiff_t(n) + t].part[group];
            slopes[r].add_entry(x[r * std::ptrdiff_t(n) + t], yt, to_x, to_y);
        }
        y_bar[t] = to_y;
    }
}

HG_FN void add_to(char* bar, double v) { *reinterpret_cast<double*>(bar) += v; }

// The time entry of a cotangent is 0, or NaN in a row that is NaN.
HG_FN double time_bar(double own) { return own == own ? 0 : own; }

HG_FN void add_row(const Matrices& bar, npy_intp batch, npy_intp row, int n, double own, const double* point,
                   const double* entries) {
    for (int t = 0; t < Space::first; ++t) add_to(bar.at(batch, row, t), time_bar(own));
    for (int t = Space::first; t < n; ++t) add_to(bar.at(batch, row, t), entries[t] + own * point[t]);
}

// Some rows of x against a tile; their cotangents are complete for it.
template <int count, class T>
void rows_against_tile(const PairCall& call, npy_intp batch, const Panel<T>& panel, npy_intp first_i, int i,
                       const Tile<T>& tile, npy_intp first_j, Bars& bars) {
    const int n = call.n;
    const Root<Pack> c{Pack(curvature(call, batch))};
    for (int r = 0; r < count; ++r) {
        bars.own_x[r].clear();
        for (int t = 0; t < n; ++t) bars.x[r * std::ptrdiff_t(n) + t].clear();
    }
    for (int p = 0; p < tile.packs; ++p)
        slopes_of<count>(panel, i, tile, p, c, call.pairs.at(batch, first_i + i, first_j + p * lanes), call.pairs,
                         bars);
    for (int r = 0; r < count; ++r) {
        Eight* sums = bars.x + r * std::ptrdiff_t(n);
        double* entries = reinterpret_cast<double*>(sums);  // the totals take the room of what they are totals of
        for (int t = 0; t < n; ++t) entries[t] = sums[t].total();
        add_row(call.x_bar, batch, first_i + i + r, n, bars.own_x[r].total(), panel.row(i + r), entries);
    }
}

// Adds what a tile has for the rows of y.
template <class T>
void add_tile(const PairCall& call, npy_intp batch, const Tile<T>& tile, npy_intp first_j, const Bars& bars) {
    for (int j = 0; j < tile.rows; ++j) {
        const int p = j / lanes, k = j % lanes, n = call.n;
        const Pack *y = tile.pack(p), *y_bar = bars.y + std::size_t(p) * n;
        const double own = bars.own_y[p].v[k];
        for (int t = 0; t < Space::first; ++t) add_to(call.y_bar.at(batch, first_j + j, t), time_bar(own));
        for (int t = Space::first; t < n; ++t)
            add_to(call.y_bar.at(batch, first_j + j, t), y_bar[t].v[k] + own * y[t].v[k]);
    }
}

template <class T>
double pair_gradient(const PairCall& call, const PairBlock& b, double* room) {
    const std::size_t n = std::size_t(call.n);
    double* rest = room + distances_room(call.n);
    Bars bars;
    bars.x = reinterpret_cast<Eight*>(rest);
    bars.y = reinterpret_cast<Pack*>(rest + x_block * 8 * n);
    bars.c.clear();
    each_tile<T>(call, b, room, [&](const Panel<T>& panel, npy_intp first_i, const Tile<T>& tile, npy_intp first_j) {
        for (int p = 0; p < tile.packs; ++p) bars.own_y[p] = Pack(0.0);
        for (std::size_t t = 0; t < tile.packs * n; ++t) bars.y[t] = Pack(0.0);
        int i = 0;
        for (; i + x_block <= panel.rows; i += x_block)
            rows_against_tile<x_block>(call, b.batch, panel, first_i, i, tile, first_j, bars);
        for (; i < panel.rows; ++i) rows_against_tile<1>(call, b.batch, panel, first_i, i, tile, first_j, bars);
        add_tile(call, b.batch, tile, first_j, bars);
    });
    std::feclearexcept(FE_ALL_EXCEPT);
    return bars.c.total();
}

}  // namespace
}  // namespace hypergeom::cpu
