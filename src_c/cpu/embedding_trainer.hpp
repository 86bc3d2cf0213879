// Hogwild trainer of hierarchy embeddings. Loss of an edge u -> v with negatives N: log(1 + sum_n exp(d(u,v) -
// d(u,n))).
#pragma once
#include <cstdint>

namespace hypergeom::embedding {

// Rows of `lanes` coordinates (d, zero-padded to whole SIMD vectors), then the gap, padded to whole cache lines.
struct Table {
    double* rows;
    std::int64_t n;
    int d;

    static constexpr int lanes_for(int d) { return (d + 3) / 4 * 4; }
    static constexpr int stride_for(int d) { return (lanes_for(d) + 8) / 8 * 8; }
    int lanes() const { return lanes_for(d); }
    double* row(std::int64_t i) const { return rows + i * stride_for(d); }
};

// Edges sorted by child: node u's ancestors (sorted) and their weights lie at [ancestor_start[u], ancestor_start[u+1]).
// A visit is a run of one node's edges that shares one set of negatives.
struct Graph {
    const std::int64_t *ancestor_start, *visit_start;
    const std::int32_t *ancestors, *visit_node;
    const double* weights;
};

// Where negatives come from: `total` draws a visit, uniform or by the alias table, and `from_near` on top.
struct Negatives {
    int total, from_near;
    const std::int32_t*
        near;  // (n, near_width): nodes near each node that are not its ancestors; -1 where there are fewer
    int near_width;
    double near_weight;         // of a near draw in the softmax; a uniform draw weighs 1
    const double* alias_share;  // null for the uniform distribution
    const std::int32_t* alias;
};

struct EpochOptions {
    std::uint64_t seed;
    std::uint32_t epoch;
    int threads;
    double learning_rate, max_step;  // in units of the radius of curvature
    double smallest_gap;
    double decay_power;  // exp(-d) is taken to this power: 1 / sqrt(c) for curvature -c
    bool hyperbolic;
};

struct EpochResult {
    double loss;                    // sum over the edges, weighted
    std::int64_t pairs, projected;  // distances with their gradients; rows that were put back onto the smallest gap
};

// Most positives that one visit may hold.
constexpr int max_positives = 32;

// Visits in the order given. With one thread the result depends on nothing but the arguments.
EpochResult run_epoch(const Table& table, const Graph& graph, const Negatives& negatives, const std::int32_t* order,
                      std::int64_t n_visits, const EpochOptions& options);

}  // namespace hypergeom::embedding
