# cython: language_level=3, boundscheck=False, wraparound=False, embedsignature=True
"""Door to the embedding kernels: types and the GIL, no mathematics. The callers check shapes."""

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t
from libcpp cimport bool as cbool


cdef extern from "hypergeom/philox.hpp" namespace "hypergeom" nogil:
    cdef cppclass Philox:
        Philox(uint64_t seed)
        void block "fill<1>"(uint32_t*, uint32_t*, uint32_t*, uint32_t*)


cdef extern from "cpu/embedding_trainer.hpp" namespace "hypergeom::embedding" nogil:
    cdef cppclass Table:
        double* rows
        int64_t n
        int d
        @staticmethod
        int lanes_for(int d)
        @staticmethod
        int stride_for(int d)

    cdef cppclass CGraph "hypergeom::embedding::Graph":
        const int64_t* ancestor_start
        const int64_t* visit_start
        const int32_t* ancestors
        const int32_t* visit_node
        const double* weights

    cdef cppclass Negatives:
        int total
        int from_near
        const int32_t* near
        int near_width
        double near_weight
        const double* alias_share
        const int32_t* alias

    cdef cppclass EpochOptions:
        uint64_t seed
        uint32_t epoch
        int threads
        double learning_rate
        double max_step
        double smallest_gap
        double decay_power
        cbool hyperbolic

    cdef cppclass EpochResult:
        double loss
        int64_t pairs
        int64_t projected

    const int max_positives
    EpochResult c_run_epoch "hypergeom::embedding::run_epoch"(
        const Table&, const CGraph&, const Negatives&, const int32_t*, int64_t, const EpochOptions&) except +


cdef extern from "cpu/rank_evaluation.hpp" namespace "hypergeom::embedding" nogil:
    cdef cppclass Points:
        const double* x
        const double* gap
        int64_t n
        int d

    cdef cppclass Ancestors:
        const int64_t* start
        const int32_t* nodes

    cdef cppclass RankOutput:
        double* ranks
        int32_t* rivals
        int rivals_width
        double rivals_reach

    void c_reconstruction_ranks "hypergeom::embedding::reconstruction_ranks"(
        const Points&, const Ancestors&, const int32_t*, int64_t, int, const RankOutput&) except +


MAX_POSITIVES = max_positives


def row_layout(int d):
    """Lanes of coordinates in a row of the trainer's table, and its stride, in doubles. The gap follows the lanes."""
    return Table.lanes_for(d), Table.stride_for(d)


def philox(uint64_t seed, uint32_t a, uint32_t b, uint32_t c, uint32_t d):
    """Four 32-bit numbers at the counter (a, b, c, d)."""
    cdef Philox* generator = new Philox(seed)
    try:
        generator.block(&a, &b, &c, &d)
    finally:
        del generator
    return a, b, c, d


cdef class Graph:
    """Edges by child, and the visits: runs of one node's edges that share a set of negatives."""

    cdef const int64_t[::1] ancestor_start, visit_start
    cdef const int32_t[::1] ancestors, visit_node
    cdef const double[::1] weights
    cdef CGraph graph

    def __init__(self, const int64_t[::1] ancestor_start, const int32_t[::1] ancestors, const double[::1] weights,
                 const int64_t[::1] visit_start, const int32_t[::1] visit_node):
        self.ancestor_start, self.ancestors, self.weights = ancestor_start, ancestors, weights
        self.visit_start, self.visit_node = visit_start, visit_node
        self.graph.ancestor_start = &ancestor_start[0]
        self.graph.ancestors = &ancestors[0]
        self.graph.weights = &weights[0]
        self.graph.visit_start = &visit_start[0]
        self.graph.visit_node = &visit_node[0]


def run_epoch(double[:, ::1] rows, int d, Graph graph, const int32_t[::1] order, *, uint64_t seed, uint32_t epoch,
              int threads, double learning_rate, double max_step, double smallest_gap, double decay_power,
              bint hyperbolic, int n_negatives, int n_near=0, double near_weight=1.0, const int32_t[:, ::1] near=None,
              const double[::1] alias_share=None, const int32_t[::1] alias=None):
    """Visit the given visits once, in place; returns (sum of the losses, pairs computed, rows projected)."""
    cdef Table table
    table.rows, table.n, table.d = &rows[0, 0], rows.shape[0], d
    cdef Negatives negatives
    negatives.total, negatives.from_near, negatives.near_weight = n_negatives, n_near, near_weight
    negatives.near = NULL
    negatives.near_width = 0
    if near is not None:
        negatives.near, negatives.near_width = &near[0, 0], near.shape[1]
    negatives.alias_share = &alias_share[0] if alias_share is not None else NULL
    negatives.alias = &alias[0] if alias is not None else NULL
    cdef EpochOptions options
    options.seed, options.epoch, options.threads = seed, epoch, threads
    options.learning_rate, options.max_step, options.smallest_gap = learning_rate, max_step, smallest_gap
    options.decay_power, options.hyperbolic = decay_power, hyperbolic
    cdef EpochResult result
    with nogil:
        result = c_run_epoch(table, graph.graph, negatives, &order[0], order.shape[0], options)
    return result.loss, result.pairs, result.projected


def reconstruction_ranks(const double[:, ::1] x, const double[::1] gap, const int64_t[::1] ancestor_start,
                         const int32_t[::1] ancestors, const int32_t[::1] queries, *, int threads, int n_rivals=0, double reach=1.0):
    """Ranks of the ancestors of the queries in the order of `ancestors` (NaN elsewhere), and (n, n_rivals) rivals."""
    ranks = np.full(ancestors.shape[0], np.nan)
    rivals = np.full((x.shape[0], n_rivals), -1, dtype=np.int32)
    cdef double[::1] ranks_view = ranks
    cdef int32_t[:, ::1] rivals_view = rivals
    cdef Points points
    cdef Ancestors lists
    cdef RankOutput output
    if queries.shape[0] == 0:
        return ranks, rivals
    points.x, points.gap, points.n, points.d = &x[0, 0], &gap[0], x.shape[0], x.shape[1]
    lists.start, lists.nodes = &ancestor_start[0], &ancestors[0]
    output.ranks = &ranks_view[0]
    output.rivals = NULL
    output.rivals_width, output.rivals_reach = n_rivals, reach
    if n_rivals:
        output.rivals = &rivals_view[0, 0]
    with nogil:
        c_reconstruction_ranks(points, lists, &queries[0], queries.shape[0], threads, output)
    return ranks, rivals
