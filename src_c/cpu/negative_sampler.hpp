// Draws the partners of a visit: its positives, then negatives that are neither u nor an ancestor of u.
#pragma once
#include <algorithm>
#include <vector>

#include "embedding_trainer.hpp"

namespace hypergeom::embedding {

// The numbers of one (epoch, visit), a batch at a time.
class Stream {
    static constexpr int blocks = stream_blocks;
    Philox philox_;
    std::uint32_t epoch_ = 0, visit_ = 0, next_block_ = 0;
    alignas(64) std::uint32_t words_[4][blocks];

  public:
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

// The filter, as one row of words.
class SaltedFilter {
    static constexpr int words = filter_bits / 64;
    std::uint64_t bits_[words] = {};
    FilterHash hash_;

  public:
    explicit SaltedFilter(std::uint32_t epoch) : hash_(epoch) {}
    HG_FN void clear() { std::fill(bits_, bits_ + words, 0); }
    HG_FN void insert(std::int32_t id) { bits_[hash_(id) >> 6] |= std::uint64_t{1} << (hash_(id) & 63); }
    HG_FN int may_contain(std::int32_t id) const { return bits_[hash_(id) >> 6] >> (hash_(id) & 63) & 1; }
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

    // The next draws; returns how many.
    HG_FN int draw_anywhere(std::int32_t* candidates) {
        const std::uint32_t* r = stream_.next();
        const int count = negatives_.draws_a_batch();
        const std::int64_t n = table_.n;
        HG_SIMD
        for (int k = 0; k < count; ++k) candidates[k] = negatives_.anywhere(r[k], n);
        if (negatives_.alias_share)
            for (int k = 0; k < count; ++k) candidates[k] = negatives_.by_alias(candidates[k], r[count + k]);
        return count;
    }

    // Mined lists hold no ancestors; -1 ends a list that is shorter than the others.
    HG_FN void fill_near(std::int32_t u, int& filled, std::int32_t* ids) {
        for (int k = 0; k < negatives_.from_near; k += stream_batch) {
            const std::uint32_t* r = stream_.next();
            for (int i = 0; i < stream_batch && k + i < negatives_.from_near; ++i) {
                ids[filled] = negatives_.rival(u, r[i]);
                filled += ids[filled] >= 0;
            }
        }
    }

  public:
    NegativeSampler(const Table& t, const Graph& g, const Negatives& n, const EpochOptions& o)
        : table_(t), graph_(g), negatives_(n), epoch_(o.epoch), stream_(o.seed), filter_(o.epoch) {}

    static int capacity(const Negatives& n) { return max_positives + n.from_near + n.total + stream_batch; }

    // Where the draws end short, `partners` tells.
    HG_FN void draw(std::int32_t id, Visit& visit) {
        const std::int32_t u = visit.node = graph_.visit_node[id];
        const std::int64_t begin = graph_.ancestor_start[u], edge = graph_.visit_start[id];
        const int n_ancestors = int(graph_.ancestor_start[u + 1] - begin);
        const std::int32_t* own = graph_.ancestors + begin;
        visit.positives = int(graph_.visit_start[id + 1] - edge), visit.weights = graph_.weights + edge;
        std::copy_n(graph_.ancestors + edge, visit.positives, visit.ids.begin());

        const bool exact = n_ancestors > filter_capacity;
        filter_.clear();
        filter_.insert(u);
        if (!exact)
            for (int k = 0; k < n_ancestors; ++k) filter_.insert(own[k]);
        const auto forbidden = [&](std::int32_t v) {
            return exact ? int(v == u || contains(own, n_ancestors, v)) : filter_.may_contain(v);
        };

        stream_.seek(epoch_, std::uint32_t(id));
        std::int32_t* ids = visit.ids.data();
        int filled = visit.positives;
        if (negatives_.near) fill_near(u, filled, ids);
        visit.near = filled - visit.positives;
        const int wanted = filled + negatives_.total;
        alignas(64) std::int32_t candidates[stream_batch];
        for (int tries = Negatives::most_batches(wanted); filled < wanted && tries > 0; --tries) {
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
