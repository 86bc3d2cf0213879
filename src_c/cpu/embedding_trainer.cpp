#include "embedding_trainer.hpp"

#include <atomic>
#include <cmath>
#include <thread>

#include "hypergeom/embedding_step.hpp"
#include "negative_sampler.hpp"

namespace hypergeom::embedding {
namespace {

typedef double Quad __attribute__((vector_size(32)));

struct alignas(64) Scratch {
    std::vector<double> storage;
    double *ee, *gap, *inverse_gap, *decay, *inverse_sinh, *coth, *step, *weight, *e_share, *u_share, *new_gap;
    Quad *differences, *pull, *u;

    Scratch(int partners, int lanes) {
        const std::size_t width = std::size_t(partners + 7) / 8 * 8;
        storage.resize(11 * width + width * lanes + 2 * lanes + 8);
        double* p = storage.data();
        while (reinterpret_cast<std::uintptr_t>(p) % 64) ++p;
        for (double** part :
             {&ee, &gap, &inverse_gap, &decay, &inverse_sinh, &coth, &step, &weight, &e_share, &u_share, &new_gap})
            *part = p, p += width;
        differences = reinterpret_cast<Quad*>(p), p += width * lanes;
        pull = reinterpret_cast<Quad*>(p), p += lanes;
        u = reinterpret_cast<Quad*>(p);
    }
};

// Sums of the four lanes of each of four vectors.
HG_FN Quad lane_sums(Quad a, Quad b, Quad c, Quad d) {
    typedef long long Index __attribute__((vector_size(32)));
    const Quad ab = __builtin_shuffle(a, b, Index{0, 4, 2, 6}) + __builtin_shuffle(a, b, Index{1, 5, 3, 7});
    const Quad cd = __builtin_shuffle(c, d, Index{0, 4, 2, 6}) + __builtin_shuffle(c, d, Index{1, 5, 3, 7});
    return __builtin_shuffle(ab, cd, Index{0, 1, 4, 5}) + __builtin_shuffle(ab, cd, Index{2, 3, 6, 7});
}

HG_FN double lane_sum(Quad a) { return (a[0] + a[1]) + (a[2] + a[3]); }

// For writing: a line that is fetched for reading would have to be taken from the other threads' caches a second time.
HG_FN void prefetch_for_writing(const double* p) {
#if defined(__x86_64__)
    asm volatile("prefetchw %0" : : "m"(*p));  // the builtin means reads on the x86-64 levels
#else
    __builtin_prefetch(p, 1);
#endif
}

HG_FN void prefetch_row(const Table& table, std::int32_t id) {
    for (int line = 0; line < Table::stride_for(table.d); line += 8) prefetch_for_writing(table.row(id) + line);
}

// Differences y - u of all partners, their squared norms and gaps. Meanwhile the next visit's rows travel from memory,
// one with every second row read here, the others with the rows written back: all at once they would wait for
// line-fill buffers.
template <int Quads>
HG_FN void gather(const Table& table, const Visit& visit, const Visit& next, const Quad* u, int quads, Scratch& s) {
    const int q = Quads ? Quads : quads, n = visit.partners;
    for (int k = 0; k < n; k += 4) {
        Quad sums[4] = {};
        for (int r = 0; r < 4; ++r) {
            const double* row = table.row(visit.ids[k + r < n ? k + r : n - 1]);
            const Quad* y = reinterpret_cast<const Quad*>(row);
            Quad* e = s.differences + std::size_t(k + r) * q;
            for (int i = 0; i < q; ++i) {
                e[i] = y[i] - u[i];
                sums[r] += e[i] * e[i];
            }
            s.gap[k + r] = row[4 * q];
            if (r % 2 == 0 && k + r < next.partners) prefetch_row(table, next.ids[k + r]);
        }
        *reinterpret_cast<Quad*>(s.ee + k) = lane_sums(sums[0], sums[1], sums[2], sums[3]);
    }
}

// Softmax weights of all partners, as steps along their geodesics; returns the loss of the visit's edges.
template <class Geometry>
HG_FN double weigh(const Visit& visit, double near_weight, double gap_u, const EpochOptions& o, Scratch& s) {
    const int n = visit.partners, n_pos = visit.positives;
    const double cap = o.max_step, inverse_gap_u = 1 / gap_u;
    HG_SIMD
    for (int k = 0; k < n; ++k) {
        s.inverse_gap[k] = 1 / s.gap[k];
        const Pair p = Geometry::pair(s.ee[k], inverse_gap_u, s.inverse_gap[k]);
        s.decay[k] = p.decay, s.inverse_sinh[k] = p.inverse_sinh, s.coth[k] = p.coth;
    }
    if (o.decay_power != 1)
        for (int k = 0; k < n; ++k) s.decay[k] = std::pow(s.decay[k], o.decay_power);
    for (int k = n_pos; k < n_pos + visit.near; ++k) s.decay[k] *= near_weight;
    double total = 0, turn = 0, loss = 0;
    HG_SIMD_SUM(total)
    for (int k = n_pos; k < n; ++k) total += s.decay[k];
    for (int j = 0; j < n_pos; ++j) {
        const Edge e = edge(visit.weights[j], s.decay[j], total);
        loss += e.loss;
        s.step[j] = positive_step(o.learning_rate, total, e.share);
        turn += e.share;
    }
    turn *= o.learning_rate;
    HG_SIMD
    for (int k = n_pos; k < n; ++k) s.step[k] = negative_step(s.decay[k], turn);
    HG_SIMD
    for (int k = 0; k < n; ++k) {
        const Pair p{s.decay[k], s.inverse_sinh[k], s.coth[k]};
        s.weight[k] = pull_weight<Geometry>(p, inverse_gap_u, s.inverse_gap[k], s.step[k]);
        const Move m = capped_move<Geometry>(p, inverse_gap_u, s.inverse_gap[k], s.step[k], cap);
        s.e_share[k] = m.e_share, s.u_share[k] = m.u_share, s.new_gap[k] = m.gap;
    }
    return loss;
}

// Mends what needs it, before any thread can read it.
HG_FN int keep_inside(int n, double smallest_gap, Scratch& s) {
    int outside = 0, projected = 0;
    for (int k = 0; k < n; ++k) outside |= needs_mending(s.new_gap[k], smallest_gap);
    for (int k = 0; outside && k < n; ++k)
        projected += mend(s.e_share[k], s.u_share[k], s.new_gap[k], s.gap[k], smallest_gap);
    return projected;
}

// One visit: all partners and the node itself take their step. The partners' steps start from the rows as they were
// gathered.
template <class Geometry, int Quads>
HG_FN void learn(const Table& table, const Visit& visit, const Visit& next, double near_weight, const EpochOptions& o,
                 Scratch& s, EpochResult& result) {
    const int q = Quads ? Quads : table.lanes() / 4, n = visit.partners;
    double* const u_row = table.row(visit.node);
    const double gap_u = u_row[4 * q];
    Quad registers[Quads ? 2 * Quads : 1];
    Quad *const u = Quads ? registers : s.u, *const pull = Quads ? registers + Quads : s.pull;
    for (int i = 0; i < q; ++i) u[i] = reinterpret_cast<const Quad*>(u_row)[i], pull[i] = Quad{};
    if (next.partners) prefetch_row(table, next.node);
    gather<Quads>(table, visit, next, u, q, s);
    result.loss += weigh<Geometry>(visit, near_weight, gap_u, o, s);
    result.projected += keep_inside(n, o.smallest_gap, s);

    double curl = 0;
    for (int k = 0; k < n; ++k) {
        if (k % 2 == 1 && k < next.partners) prefetch_row(table, next.ids[k]);
        Quad* row = reinterpret_cast<Quad*>(table.row(visit.ids[k]));
        const Quad* e = s.differences + std::size_t(k) * q;
        for (int i = 0; i < q; ++i) {
            pull[i] += s.weight[k] * e[i];
            row[i] = s.e_share[k] * e[i] + s.u_share[k] * u[i];
        }
        table.row(visit.ids[k])[4 * q] = s.new_gap[k];
        curl += s.weight[k] * s.ee[k];
    }

    const Frame frame = Geometry::frame(gap_u, curl);
    Quad norm{}, dot{};
    for (int i = 0; i < q; ++i) {
        pull[i] = frame.e_share * pull[i] - frame.u_share * u[i];
        norm += pull[i] * pull[i], dot += pull[i] * u[i];
    }
    Shift shift;
    result.projected +=
        node_shift<Geometry>(std::sqrt(lane_sum(norm)), lane_sum(dot), gap_u, o.max_step, o.smallest_gap, shift);
    for (int i = 0; i < q; ++i) reinterpret_cast<Quad*>(u_row)[i] = shift.u_share * u[i] + shift.pull_share * pull[i];
    u_row[4 * q] = shift.gap;
    result.pairs += n;
}

// What a visit reads of the graph, fetched in time: first where its lists are, then the lists.
HG_FN void prefetch_graph(const Graph& graph, const std::int32_t* order, std::int64_t i, std::int64_t end) {
    constexpr int far = 8, near = 4;
    if (i + far < end) {
        __builtin_prefetch(graph.visit_node + order[i + far]);
        __builtin_prefetch(graph.visit_start + order[i + far]);
    }
    if (i + near < end) {
        const std::int32_t id = order[i + near];
        const std::int64_t edge = graph.visit_start[id];
        __builtin_prefetch(graph.ancestors + edge);
        __builtin_prefetch(graph.weights + edge);
        __builtin_prefetch(graph.ancestor_start + graph.visit_node[id]);
    }
}

template <class Geometry, int Quads>
HG_FN void work(const Table& table, const Graph& graph, const Negatives& negatives, const std::int32_t* order,
                std::int64_t n_visits, const EpochOptions& options, std::atomic<std::int64_t>& next,
                EpochResult& result) {
    constexpr std::int64_t chunk = 256;
    NegativeSampler sampler(table, graph, negatives, options);
    Visit visits[2];
    for (Visit& v : visits) v.ids.resize(NegativeSampler::capacity(negatives));
    Scratch scratch(NegativeSampler::capacity(negatives), table.lanes());
    EpochResult own{};  // the threads' results share a cache line
    for (std::int64_t begin; (begin = next.fetch_add(chunk)) < n_visits;) {
        const std::int64_t end = std::min(begin + chunk, n_visits);
        sampler.draw(order[begin], visits[begin & 1]);
        for (std::int64_t i = begin; i < end; ++i) {
            const Visit& visit = visits[i & 1];
            Visit& following = visits[(i + 1) & 1];
            following.partners = 0;
            prefetch_graph(graph, order, i, end);
            if (i + 1 < end) sampler.draw(order[i + 1], following);
            if (visit.partners > visit.positives)
                learn<Geometry, Quads>(table, visit, following, negatives.near_weight, options, scratch, own);
        }
    }
    result = own;
}

#define HG_WORKER(name, geometry, quads)                                                               \
    HG_CLONES void name(const Table& t, const Graph& g, const Negatives& n, const std::int32_t* order, \
                        std::int64_t n_visits, const EpochOptions& o, std::atomic<std::int64_t>& next, \
                        EpochResult& result) {                                                         \
        work<geometry, quads>(t, g, n, order, n_visits, o, next, result);                              \
    }
HG_WORKER(hyperbolic_4, Hyperbolic, 1)
HG_WORKER(hyperbolic_8, Hyperbolic, 2)
HG_WORKER(hyperbolic_12, Hyperbolic, 3)
HG_WORKER(hyperbolic_any, Hyperbolic, 0)
HG_WORKER(euclidean_any, Euclidean, 0)
#undef HG_WORKER

}  // namespace

EpochResult run_epoch(const Table& table, const Graph& graph, const Negatives& negatives, const std::int32_t* order,
                      std::int64_t n_visits, const EpochOptions& options) {
    const int quads = table.lanes() / 4;
    const auto worker = !options.hyperbolic ? euclidean_any
                        : quads == 1        ? hyperbolic_4
                        : quads == 2        ? hyperbolic_8
                        : quads == 3        ? hyperbolic_12
                                            : hyperbolic_any;
    std::atomic<std::int64_t> next{0};
    std::vector<EpochResult> results(std::size_t(options.threads));
    std::vector<std::thread> team;
    const auto run = [&](int thread) {
        worker(table, graph, negatives, order, n_visits, options, next, results[thread]);
    };
    for (int t = 1; t < options.threads; ++t) team.emplace_back(run, t);
    run(0);
    for (std::thread& t : team) t.join();
    EpochResult sum{};
    for (const EpochResult& r : results) sum.loss += r.loss, sum.pairs += r.pairs, sum.projected += r.projected;
    return sum;
}

}  // namespace hypergeom::embedding
