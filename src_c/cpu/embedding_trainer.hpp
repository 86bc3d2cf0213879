// Hogwild trainer of hierarchy embeddings. Loss of an edge u -> v with negatives N: log(1 + sum_n exp(d(u,v) -
// d(u,n))).
#pragma once
#include <cstdint>

#include "hypergeom/embedding_visit.hpp"

namespace hypergeom::embedding {

struct EpochResult {
    double loss;                    // sum over the edges, weighted
    std::int64_t pairs, projected;  // distances with their gradients; rows that were put back onto the smallest gap
};

// Visits in the order given. With one thread the result depends on nothing but the arguments.
EpochResult run_epoch(const Table& table, const Graph& graph, const Negatives& negatives, const std::int32_t* order,
                      std::int64_t n_visits, const EpochOptions& options);

}  // namespace hypergeom::embedding
