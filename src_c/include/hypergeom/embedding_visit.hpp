// What a visit of the embedding trainer reads, and how it draws: a node with some of its edges, and one set of negatives
// for all of them. The same numbers for the same (seed, epoch, visit) on every device.
#pragma once
#include "philox.hpp"

namespace hypergeom::embedding {

// Most positives that one visit may hold.
constexpr int max_positives = 32;

// Rows of `lanes` coordinates (d, zero-padded to whole SIMD vectors), then the gap, padded to whole cache lines.
struct Table {
    double* rows;
    Int64 n;
    int d;

    HG_FN static constexpr int lanes_for(int d) { return (d + 3) / 4 * 4; }
    HG_FN static constexpr int stride_for(int d) { return (lanes_for(d) + 8) / 8 * 8; }
    HG_FN int lanes() const { return lanes_for(d); }
    HG_FN double* row(Int64 i) const { return rows + i * stride_for(d); }
};

// Edges sorted by child: node u's ancestors (sorted) and their weights lie at [ancestor_start[u], ancestor_start[u+1]).
// A visit is a run of one node's edges that shares one set of negatives.
struct Graph {
    const Int64 *ancestor_start, *visit_start;
    const int *ancestors, *visit_node;
    const double* weights;
};

// Where negatives come from: `total` draws a visit, uniform or by the alias table, and `from_near` on top.
struct Negatives {
    int total, from_near;
    const int* near;  // (n, near_width): nodes near each node that are not its ancestors; -1 where there are fewer
    int near_width;
    double near_weight;         // of a near draw in the softmax; a uniform draw weighs 1
    const double* alias_share;  // null for the uniform distribution
    const int* alias;

    // Of one batch of numbers: a draw by the alias table takes two.
    HG_FN int draws_a_batch() const;
    HG_FN int anywhere(unsigned number, Int64 n) const { return int(below(number, unsigned(n))); }
    HG_FN int by_alias(int node, unsigned number) const {
        return number * 0x1p-32 >= alias_share[node] ? alias[node] : node;
    }
    // -1 where node u has no rival in that place.
    HG_FN int rival(int u, unsigned number) const {
        return near[Int64(u) * near_width + below(number, unsigned(near_width))];
    }
    // Few permitted nodes (an ancestor list nearly as long as the table) may end the draws short.
    HG_FN static int most_batches(int wanted) { return 16 + wanted; }
};

struct EpochOptions {
    unsigned long long seed;
    unsigned epoch;
    int threads;
    double learning_rate, max_step;  // in units of the radius of curvature
    double smallest_gap;
    double decay_power;  // exp(-d) is taken to this power: 1 / sqrt(c) for curvature -c
    bool hyperbolic;
};

// Numbers come in batches: those of sixteen Philox blocks at the counters (block, epoch, visit, 0), first the first
// number of every block, then the second, the third, the fourth.
constexpr int stream_blocks = 16, stream_batch = 4 * stream_blocks;

HG_FN int Negatives::draws_a_batch() const { return alias_share ? stream_batch / 2 : stream_batch; }

// The filter of forbidden nodes is a set of bits that answers "surely not in it" in one load; this is the bit of a node.
// The hash is salted by the epoch: a node that collides is passed over in this epoch only, so over epochs every
// permitted node is drawn equally often and no exact test is needed.
struct FilterHash {
    unsigned salt;

    HG_FN explicit FilterHash(unsigned epoch) : salt((epoch * 0x85EBCA6Bu + 0x9E3779B1u) | 1u) {}
    HG_FN unsigned operator()(int node) const { return unsigned(node) * salt >> 22; }
};

constexpr int filter_bits = 1024;
// With more members than this the filter passes over too many permitted nodes, and their list is searched.
constexpr int filter_capacity = 64;

// How many numbers of a sorted list are below a key: where it is, or would be.
template <class T>
HG_FN Int64 lower_bound(const T* sorted, Int64 count, T key) {
    Int64 first = 0, last = count;
    while (first < last) {
        const Int64 middle = (first + last) / 2;
        if (sorted[middle] < key)
            first = middle + 1;
        else
            last = middle;
    }
    return first;
}

HG_FN bool contains(const int* sorted, Int64 count, int node) {
    const Int64 place = lower_bound(sorted, count, node);
    return place < count && sorted[place] == node;
}

}  // namespace hypergeom::embedding
