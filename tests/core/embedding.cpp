// The embedding kernels on a random hierarchy of a ragged size, to run under sanitizers. Arguments: threads of the
// evaluation, threads of the trainer (whose steps race by design, so more than one is not for ThreadSanitizer).
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "cpu/closure.hpp"
#include "cpu/embedding_trainer.hpp"
#include "cpu/rank_evaluation.hpp"

using namespace hypergeom;

namespace {

struct Hierarchy {
    std::vector<std::int64_t> start;
    std::vector<std::int32_t> nodes, queries;
};

Hierarchy random_hierarchy(std::int64_t n, std::mt19937& random) {
    std::vector<std::int64_t> edges;
    for (std::int64_t u = 1; u < n; ++u)
        for (int parent = 0; parent < 2; ++parent) edges.insert(edges.end(), {u, std::int64_t(random() % u)});
    const cpu::Closure closed(edges.data(), std::int64_t(edges.size()) / 2, n);
    std::vector<std::int64_t> closure(std::size_t(2 * closed.size()));
    closed.write(closure.data());
    Hierarchy h;
    h.start.assign(std::size_t(n + 1), 0);
    for (std::int64_t e = 0; e < closed.size(); ++e) {
        ++h.start[std::size_t(closure[std::size_t(2 * e)] + 1)];
        h.nodes.push_back(std::int32_t(closure[std::size_t(2 * e + 1)]));
    }
    for (std::size_t u = 0; u < std::size_t(n); ++u) {
        if (h.start[u + 1]) h.queries.push_back(std::int32_t(u));
        h.start[u + 1] += h.start[u];
    }
    return h;
}

struct Visits {
    std::vector<std::int64_t> start;
    std::vector<std::int32_t> node, order;

    explicit Visits(const Hierarchy& h) {
        for (std::int32_t u : h.queries)
            for (std::int64_t e = h.start[std::size_t(u)]; e < h.start[std::size_t(u) + 1];
                 e += embedding::max_positives) {
                order.push_back(std::int32_t(node.size()));
                node.push_back(u), start.push_back(e);
            }
        start.push_back(std::int64_t(h.nodes.size()));
    }
};

void run(std::int64_t n, int d, int evaluation_threads, int trainer_threads) {
    std::mt19937 random(7);
    const Hierarchy h = random_hierarchy(n, random);
    std::vector<double> x(std::size_t(n * d)), gap(std::size_t(n), 1.0), ranks(h.nodes.size());
    for (double& v : x) v = std::uniform_real_distribution<>(-0.5, 0.5)(random) / std::sqrt(d);
    for (std::size_t i = 0; i < x.size(); ++i) gap[i / std::size_t(d)] -= x[i] * x[i];
    constexpr int width = 5;
    std::vector<std::int32_t> rivals(std::size_t(n * width), -1);
    embedding::reconstruction_ranks({x.data(), gap.data(), n, d}, {h.start.data(), h.nodes.data()}, h.queries.data(),
                                    std::int64_t(h.queries.size()), evaluation_threads,
                                    {ranks.data(), rivals.data(), width, 2.0});

    const int stride = embedding::Table::stride_for(d), lanes = embedding::Table::lanes_for(d);
    double* rows = static_cast<double*>(std::aligned_alloc(64, std::size_t(n * stride) * sizeof(double)));
    std::fill(rows, rows + n * stride, 0.0);
    for (std::int64_t v = 0; v < n; ++v) {
        std::copy_n(x.data() + v * d, d, rows + v * stride);
        rows[v * stride + lanes] = gap[std::size_t(v)];
    }
    const Visits visits(h);
    const std::vector<double> weights(h.nodes.size(), 1.0), alias_share(std::size_t(n), 0.5);
    const std::vector<std::int32_t> alias(std::size_t(n), 0);
    const embedding::Graph graph{h.start.data(), visits.start.data(), h.nodes.data(), visits.node.data(),
                                 weights.data()};
    for (std::uint32_t epoch = 0; epoch < 4; ++epoch) {
        embedding::Negatives negatives{13, 3, rivals.data(), width, 0.1, nullptr, nullptr};
        if (epoch % 2) negatives.near = nullptr, negatives.from_near = 0;
        if (epoch / 2) negatives.alias_share = alias_share.data(), negatives.alias = alias.data();
        const embedding::EpochOptions options{1, epoch, trainer_threads, 0.1, 1.0, 1e-9, epoch ? 0.5 : 1.0, epoch != 3};
        const auto result = embedding::run_epoch({rows, n, d}, graph, negatives, visits.order.data(),
                                                 std::int64_t(visits.order.size()), options);
        if (!std::isfinite(result.loss) || (n > 2 && !result.pairs)) std::exit(3);  // of two nodes none is a negative
    }
    std::free(rows);
}

}  // namespace

int main(int, char** arguments) {
    for (std::int64_t n : {2, 65, 700})
        for (int d : {1, 2, 5, 10, 13}) run(n, d, std::atoi(arguments[1]), std::atoi(arguments[2]));
    std::puts("done");
}
