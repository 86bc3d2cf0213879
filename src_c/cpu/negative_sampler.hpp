// Draws the partners of a visit: its positives, then negatives that are neither u nor an ancestor of u.
#pragma once
#include <algorithm>
#include <vector>

#include "embedding_trainer.hpp"
#include "hypergeom/philox.hpp"

namespace hypergeom::embedding {

// The numbers of one (epoch, visit), sixteen Philox blocks at a time.
class Stream {
    static constexpr int blocks = 16;
    Philox philox_;
    std::uint32_t epoch_ = 0, visit_ = 0, next_block_ = 0;
    alignas(64) std::uint32_t words_[4][blocks];

  public:
    static constexpr int batch = 4 * blocks;
    explicit Stream(std::uint64_t seed) : philox_(seed) {}
    void seek(std::uint32_t epoch, std::uint32_t visit) { epoch_ = epoch, visit_ = visit, next_block_ = 0; }

    HG_FN const std::uint32_t* next() {
        for (int i = 0; i < blocks; ++i)
            words_[0][i] = next_block_ + std::uint32_t(i), words_[1][i] = epoch_, words_[2][i] = visit_,
            words_[3][i] = 0;
        philox_.fill<blocks>(words_[0], words_[1], words_[2], words_[3]);
        next_block_ += blocks;
        return words_[0];
    }
};

// A set of nodes that answers "surely not in it" in one load. The hash is salted by the epoch: a node that collides
// is passed over in this epoch only, so over epochs every permitted node is drawn equally often and no exact test is
// needed.
class SaltedFilter {
    static constexpr int words = 16;
    std::uint64_t bits_[words] = {};
    std::uint32_t salt_;

    HG_FN std::uint32_t hash(std::int32_t id) const { return std::uint32_t(id) * salt_; }

  public:
    explicit SaltedFilter(std::uint32_t epoch) : salt_((epoch * 0x85EBCA6Bu + 0x9E3779B1u) | 1u) {}
    HG_FN void clear() { std::fill(bits_, bits_ + words, 0); }
    HG_FN void insert(std::int32_t id) { bits_[hash(id) >> 28] |= std::uint64_t{1} << (hash(id) >> 22 & 63); }
    HG_FN int may_contain(std::int32_t id) const { return bits_[hash(id) >> 28] >> (hash(id) >> 22 & 63) & 1; }
    // With more members than this the filter passes over too many permitted nodes.
    static constexpr int capacity = 4 * words;
};

struct Visit {
    std::int32_t node;
    int positives, near, partners;  // in this order; what follows them is uniform
    const double* weights;
    std::vector<std::int32_t> ids;  // with room to spare: rejected draws are overwritten
};

class NegativeSampler {
    const Table& table_;
    const Graph& graph_;
    const Negatives& negatives_;
    std::uint32_t epoch_;
    Stream stream_;
    SaltedFilter filter_;

    // The next uniform draws, or draws by the alias table, which take two numbers each; returns how many.
    HG_FN int draw_anywhere(std::int32_t* candidates) {
        const std::uint32_t *r = stream_.next(), n = std::uint32_t(table_.n);
        const int count = negatives_.alias_share ? Stream::batch / 2 : Stream::batch;
        HG_SIMD
        for (int k = 0; k < count; ++k) candidates[k] = std::int32_t(below(r[k], n));
        if (negatives_.alias_share)
            for (int k = 0; k < count; ++k)
                if (r[count + k] * 0x1p-32 >= negatives_.alias_share[candidates[k]])
                    candidates[k] = negatives_.alias[candidates[k]];
        return count;
    }

    // Mined lists hold no ancestors; -1 ends a list that is shorter than the others.
    HG_FN void fill_near(std::int32_t u, int& filled, std::int32_t* ids) {
        const std::int32_t* list = negatives_.near + std::int64_t(u) * negatives_.near_width;
        for (int k = 0; k < negatives_.from_near; k += Stream::batch) {
            const std::uint32_t* r = stream_.next();
            for (int i = 0; i < Stream::batch && k + i < negatives_.from_near; ++i) {
                ids[filled] = list[below(r[i], std::uint32_t(negatives_.near_width))];
                filled += ids[filled] >= 0;
            }
        }
    }

  public:
    NegativeSampler(const Table& t, const Graph& g, const Negatives& n, const EpochOptions& o)
        : table_(t), graph_(g), negatives_(n), epoch_(o.epoch), stream_(o.seed), filter_(o.epoch) {}

    static int capacity(const Negatives& n) { return max_positives + n.from_near + n.total + Stream::batch; }

    // Few permitted nodes (an ancestor list nearly as long as the table) may end a draw short: `partners` tells.
    HG_FN void draw(std::int32_t id, Visit& visit) {
        const std::int32_t u = visit.node = graph_.visit_node[id];
        const std::int64_t begin = graph_.ancestor_start[u], edge = graph_.visit_start[id];
        const int n_ancestors = int(graph_.ancestor_start[u + 1] - begin);
        const std::int32_t* own = graph_.ancestors + begin;
        visit.positives = int(graph_.visit_start[id + 1] - edge), visit.weights = graph_.weights + edge;
        std::copy_n(graph_.ancestors + edge, visit.positives, visit.ids.begin());

        const bool exact = n_ancestors > SaltedFilter::capacity;
        filter_.clear();
        filter_.insert(u);
        if (!exact)
            for (int k = 0; k < n_ancestors; ++k) filter_.insert(own[k]);
        const auto forbidden = [&](std::int32_t v) {
            return exact ? int(v == u || std::binary_search(own, own + n_ancestors, v)) : filter_.may_contain(v);
        };

        stream_.seek(epoch_, std::uint32_t(id));
        std::int32_t* ids = visit.ids.data();
        int filled = visit.positives;
        if (negatives_.near) fill_near(u, filled, ids);
        visit.near = filled - visit.positives;
        const int wanted = filled + negatives_.total;
        alignas(64) std::int32_t candidates[Stream::batch];
        for (int tries = 16 + wanted; filled < wanted && tries > 0; --tries) {
            const int count = draw_anywhere(candidates);
            for (int k = 0; k < count; ++k) {
                ids[filled] = candidates[k];
                filled += !forbidden(candidates[k]);
            }
        }
        filled = std::min(filled, wanted);
        visit.partners = filled;
    }
};

}  // namespace hypergeom::embedding
