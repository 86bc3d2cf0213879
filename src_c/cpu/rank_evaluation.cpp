#include "rank_evaluation.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <thread>
#include <vector>

#include "hypergeom/config.h"

namespace hypergeom::embedding {
namespace {

constexpr int lanes = 8, vectors = 8, block = lanes * vectors;  // 64 nodes: one L1-sized tile, eight accumulators
constexpr int group = 32;                                       // queries that share one sweep over the nodes
typedef double Lanes __attribute__((vector_size(lanes * sizeof(double))));

struct Candidate {
    double key;
    std::int32_t node;
};

// Coordinates transposed within tiles of 64 nodes: [tile][i][node]; padding nodes have an infinite key.
struct Tiles {
    int d;
    std::int64_t count;
    std::vector<double> storage;
    double *x, *inverse_gap;

    explicit Tiles(const Points& p)
        : d(p.d), count((p.n + block - 1) / block), storage(std::size_t(count) * block * (p.d + 1) + lanes) {
        const auto address = reinterpret_cast<std::uintptr_t>(storage.data());
        x = storage.data() + (64 - address % 64) % 64 / sizeof(double);
        inverse_gap = x + count * block * d;
        for (std::int64_t v = 0; v < count * block; ++v) {
            double* tile = x + v / block * block * d + v % block;
            for (int i = 0; i < d; ++i) tile[i * block] = v < p.n ? p.x[v * d + i] : 2.0;
            inverse_gap[v] = v < p.n ? 1 / p.gap[v] : __builtin_inf();
        }
    }
};

// Keys of one tile; returns whether any is within the limit.
HG_FN bool tile_keys(const double* tile, const double* inverse_gap, const double* u, int d, double limit,
                     double* keys) {
    Lanes sum[vectors] = {};
    for (int i = 0; i < d; ++i) {
        const Lanes* y = reinterpret_cast<const Lanes*>(tile + std::size_t(i) * block);
        for (int k = 0; k < vectors; ++k) {
            const Lanes e = y[k] - u[i];
            sum[k] += e * e;
        }
    }
    const Lanes* scale = reinterpret_cast<const Lanes*>(inverse_gap);
    Lanes least = sum[0] * scale[0];
    for (int k = 0; k < vectors; ++k) {
        const Lanes key = sum[k] * scale[k];
        reinterpret_cast<Lanes*>(keys)[k] = key;
        least = key < least ? key : least;
    }
    double smallest = least[0];
    for (int l = 1; l < lanes; ++l) smallest = least[l] < smallest ? least[l] : smallest;
    return smallest <= limit;
}

HG_CLONES void sweep(const Tiles& tiles, const double* const* u, const double* limits, int n_queries,
                     std::vector<Candidate>* found) {
    alignas(64) double keys[block];
    for (std::int64_t t = 0; t < tiles.count; ++t)
        for (int q = 0; q < n_queries; ++q) {
            if (!tile_keys(tiles.x + t * block * tiles.d, tiles.inverse_gap + t * block, u[q], tiles.d, limits[q],
                           keys))
                continue;
            for (int l = 0; l < block; ++l)
                if (keys[l] <= limits[q]) found[q].push_back({keys[l], std::int32_t(t * block + l)});
        }
}

// Adds the ranks of one node's ancestors: rivals are binned between the sorted keys of the ancestors.
struct RankCount {
    std::vector<double> sorted, nearer, tied;

    void operator()(const std::vector<double>& own, const std::vector<Candidate>& rivals, double* ranks) {
        sorted = own;
        std::sort(sorted.begin(), sorted.end());
        nearer.assign(own.size() + 1, 0), tied.assign(own.size() + 1, 0);
        const auto place = [&](double key) {
            return std::size_t(std::lower_bound(sorted.begin(), sorted.end(), key) - sorted.begin());
        };
        for (const Candidate& r : rivals) {
            const std::size_t k = place(r.key);
            ++(k < sorted.size() && sorted[k] == r.key ? tied : nearer)[k];
        }
        for (std::size_t k = 1; k <= own.size(); ++k) nearer[k] += nearer[k - 1] + tied[k - 1];
        for (std::size_t a = 0; a < own.size(); ++a) {
            const std::size_t k = place(own[a]);
            ranks[a] = 1 + nearer[k] + 0.5 * tied[k];
        }
    }
};

class Worker {
    const Points& points_;
    const Ancestors& ancestors_;
    const Tiles& tiles_;
    std::vector<Candidate> found_[group], rivals_;
    std::vector<double> own_;
    RankCount count_;

    // Farthest ancestor of u; the slack lets the sweep meet every ancestor with its own rounding, so that ties are
    // seen.
    double limit(std::int32_t u) const {
        const int d = points_.d;
        const double* x = points_.x + std::int64_t(u) * d;
        double farthest = 0;
        for (std::int64_t e = ancestors_.start[u]; e < ancestors_.start[u + 1]; ++e) {
            const double* y = points_.x + std::int64_t(ancestors_.nodes[e]) * d;
            double ee = 0;
            for (int i = 0; i < d; ++i) ee += (y[i] - x[i]) * (y[i] - x[i]);
            farthest = std::max(farthest, ee / points_.gap[ancestors_.nodes[e]]);
        }
        return farthest * (1 + 1e-12);
    }

    // Splits what the sweep found into the ancestors' own keys and the rivals.
    void split(std::int32_t u, const std::vector<Candidate>& found) {
        const std::int32_t *first = ancestors_.nodes + ancestors_.start[u],
                           *last = ancestors_.nodes + ancestors_.start[u + 1];
        own_.assign(std::size_t(last - first), 0.0), rivals_.clear();
        for (const Candidate& c : found) {
            const std::int32_t* at = std::lower_bound(first, last, c.node);
            if (at != last && *at == c.node)
                own_[std::size_t(at - first)] = c.key;
            else if (c.node != u)
                rivals_.push_back(c);
        }
    }

    void keep_nearest(std::int32_t* near, int width) {
        const std::size_t count = std::min(rivals_.size(), std::size_t(width));
        std::partial_sort(rivals_.begin(), rivals_.begin() + std::ptrdiff_t(count), rivals_.end(),
                          [](const Candidate& a, const Candidate& b) { return a.key < b.key; });
        for (int k = 0; k < width; ++k) near[k] = k < int(count) ? rivals_[std::size_t(k)].node : -1;
    }

  public:
    Worker(const Points& p, const Ancestors& a, const Tiles& t) : points_(p), ancestors_(a), tiles_(t) {}

    void operator()(const std::int32_t* queries, int count, const RankOutput& out) {
        const double reach = out.rivals ? out.rivals_reach : 1;
        const double* u[group];
        double limits[group];
        for (int q = 0; q < count; ++q) {
            u[q] = points_.x + std::int64_t(queries[q]) * points_.d;
            limits[q] = limit(queries[q]) * reach, found_[q].clear();
        }
        sweep(tiles_, u, limits, count, found_);
        for (int q = 0; q < count; ++q) {
            const std::int32_t node = queries[q];
            split(node, found_[q]);
            count_(own_, rivals_, out.ranks + ancestors_.start[node]);
            if (out.rivals) keep_nearest(out.rivals + std::int64_t(node) * out.rivals_width, out.rivals_width);
        }
    }
};

}  // namespace

void reconstruction_ranks(const Points& points, const Ancestors& ancestors, const std::int32_t* queries,
                          std::int64_t n_queries, int threads, const RankOutput& out) {
    const Tiles tiles(points);
    std::atomic<std::int64_t> next{0};
    const auto work = [&] {
        Worker rank(points, ancestors, tiles);
        for (std::int64_t begin; (begin = next.fetch_add(group)) < n_queries;)
            rank(queries + begin, int(std::min<std::int64_t>(group, n_queries - begin)), out);
    };
    std::vector<std::thread> team;
    for (int t = 1; t < threads; ++t) team.emplace_back(work);
    work();
    for (std::thread& t : team) t.join();
}

}  // namespace hypergeom::embedding
