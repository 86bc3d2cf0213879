// Exact reconstruction ranks of all edges, in sweeps over tiles: no n x n array exists.
#pragma once
#include <cstdint>

namespace hypergeom::embedding {

// key(u, v) = |u - v|^2 / gap_v orders the nodes by distance from u, in the ball and (gap 1) in flat space.
struct Points {
    const double *x, *gap;  // (n, d) and (n,)
    std::int64_t n;
    int d;
};

// CSR: the sorted ancestors of node u lie at [start[u], start[u + 1]).
struct Ancestors {
    const std::int64_t* start;
    const std::int32_t* nodes;
};

// ranks[e], e an entry of the CSR lists: 1 + the number of nodes nearer to u than its ancestor v that are neither u nor
// an ancestor of u; a tie counts one half. rivals (n, width), if not null: the nearest to u of the nodes that are no
// ancestors and whose key is at most `reach` times that of u's farthest ancestor; filled up with -1.
struct RankOutput {
    double* ranks;
    std::int32_t* rivals;
    int rivals_width;
    double rivals_reach;
};

// Rows of `queries` alone are written.
void reconstruction_ranks(const Points& points, const Ancestors& ancestors, const std::int32_t* queries,
                          std::int64_t n_queries, int threads, const RankOutput& out);

}  // namespace hypergeom::embedding
