// An epoch of the embedding trainer: a warp makes a visit (a node, some of its edges, one set of negatives) and then the
// next of its visits. A visit, not an edge, is the unit, since its edges share the distances of the negatives. Draws, order
// and arithmetic are those of the CPU; with one warp an epoch differs from that of one CPU thread by rounding alone.
//
// Warps share the table without locks: a visit reads its rows, and writes them back as steps from what it read. Numbers of
// a row are read and written at the L2 cache, where all multiprocessors see them; L1 caches do not hear of each other.
#include "hypergeom/embedding_step.hpp"
#include "hypergeom/embedding_visit.hpp"
#include "hypergeom/warp.hpp"

extern __shared__ double hg_epoch_room[];

namespace hypergeom::cuda {

using namespace embedding;

constexpr unsigned whole_warp = 0xffffffffu;
// Four lanes read a row, a sector of 32 bytes at a time, and eight rows are read at once.
constexpr int row_lanes = 4, rows_at_once = Warp::size / row_lanes;
// Coordinates that a lane holds of the pull at the node, while the partners pass by.
constexpr int held = 4, slice = held * row_lanes;
static_assert(max_positives <= Warp::size, "a lane has at most one positive");

// Filled by hypergeom/_cuda/embedding.py from the NumPy dtype of the same layout.
struct EpochCall {
    Table table;
    Graph graph;
    Negatives negatives;
    EpochOptions options;  // its threads are warps
    const int* order;
    Int64 n_visits;
    Int64 partners;   // for which a warp has room: as many as a visit may have
    double* scratch;  // that room; null where it is in shared memory
    double* results;  // of each warp: loss, pairs, projected
};

// The room of a warp: arrays over the partners, and the node's coordinates and its pull. `weight`, `new_gap` and `e_share`
// come to lie where the numbers lay of which they are made.
struct Room {
    double *ee, *gap, *decay, *u_share, *u, *pull, *differences;
    int* ids;

    __device__ __forceinline__ Room(double* at, Int64 partners, int lanes)
        : ee(at), gap(ee + partners), decay(gap + partners), u_share(decay + partners), u(u_share + partners),
          pull(u + lanes), differences(pull + lanes), ids(reinterpret_cast<int*>(differences + partners * lanes)) {}
    __device__ __forceinline__ double* weight() const { return ee; }
    __device__ __forceinline__ double* new_gap() const { return gap; }
    __device__ __forceinline__ double* e_share() const { return decay; }
};

// A visit's partners: positives, then `near` rivals, then uniform draws, as on the CPU.
struct Partners {
    int node, positives, near, count;
    const double* weights;
};

// Draws the partners of a visit into `ids`.
class Draw {
    const EpochCall& call_;
    int* ids_;
    int lane_, filled_ = 0;
    unsigned visit_ = 0, next_block_ = 0;
    Philox philox_;
    FilterHash hash_;

    // Numbers `lane` and `lane + 32` of the next batch.
    __device__ __forceinline__ void next(unsigned& low, unsigned& high) {
        unsigned a = next_block_ + unsigned(lane_ & (stream_blocks - 1)), b = call_.options.epoch, c = visit_, d = 0;
        philox_.fill<1>(&a, &b, &c, &d);
        next_block_ += stream_blocks;
        low = lane_ < stream_blocks ? a : b, high = lane_ < stream_blocks ? c : d;
    }

    // Appends the lanes' nodes that are wanted, in the order of the lanes, as far as there is room.
    __device__ __forceinline__ void append(bool wanted, int node, int end) {
        const unsigned all = __ballot_sync(whole_warp, wanted);
        const int place = filled_ + __popc(all & ((1u << lane_) - 1));
        if (wanted && place < end) ids_[place] = node;
        filled_ += __popc(all);
    }

    __device__ __forceinline__ void rivals(int u) {
        const Negatives& negatives = call_.negatives;
        const int end = filled_ + negatives.from_near;
        for (int k = 0; k < negatives.from_near; k += stream_batch) {
            unsigned number[2];
            next(number[0], number[1]);
            for (int half = 0; half < 2; ++half) {
                const int rival =
                    k + lane_ + half * Warp::size < negatives.from_near ? negatives.rival(u, number[half]) : -1;
                append(rival >= 0, rival, end);
            }
        }
    }

  public:
    __device__ __forceinline__ Draw(const EpochCall& call, int* ids)
        : call_(call), ids_(ids), lane_(Warp{}.rank()), philox_(call.options.seed), hash_(call.options.epoch) {}

    __device__ __forceinline__ Partners operator()(int id) {
        const Graph& graph = call_.graph;
        const Negatives& negatives = call_.negatives;
        const int u = graph.visit_node[id];
        const Int64 begin = graph.ancestor_start[u], edge = graph.visit_start[id];
        const Int64 n_ancestors = graph.ancestor_start[u + 1] - begin;
        const int* own = graph.ancestors + begin;
        Partners partners{u, int(graph.visit_start[id + 1] - edge), 0, 0, graph.weights + edge};
        if (lane_ < partners.positives) ids_[lane_] = graph.ancestors[edge + lane_];

        // A lane holds one of the filter's 32 words.
        const bool exact = n_ancestors > filter_capacity;
        unsigned word = unsigned(hash_(u) >> 5 == unsigned(lane_)) << (hash_(u) & 31);
        for (Int64 k = 0; !exact && k < n_ancestors; ++k)
            word |= unsigned(hash_(own[k]) >> 5 == unsigned(lane_)) << (hash_(own[k]) & 31);
        const auto permitted = [&](int node) {
            if (exact) return node != u && !contains(own, n_ancestors, node);
            const unsigned bit = hash_(node);
            return !(__shfl_sync(whole_warp, word, int(bit >> 5)) >> (bit & 31) & 1);
        };

        visit_ = unsigned(id), next_block_ = 0, filled_ = partners.positives;
        if (negatives.near) rivals(u);
        partners.near = filled_ - partners.positives;
        const int wanted = filled_ + negatives.total;
        for (int tries = Negatives::most_batches(wanted); filled_ < wanted && tries > 0; --tries) {
            unsigned low, high;
            next(low, high);
            int node = negatives.anywhere(low, call_.table.n);
            if (negatives.alias_share) node = negatives.by_alias(node, high);
            append(permitted(node), node, wanted);
            if (!negatives.alias_share) {
                node = negatives.anywhere(high, call_.table.n);
                append(permitted(node), node, wanted);
            }
        }
        partners.count = filled_ < wanted ? filled_ : wanted;
        return partners;
    }
};

// The steps of one visit, by the warp that has drawn its partners.
template <class Geometry>
struct Learn {
    const EpochCall& call;
    const Room& room;
    const Partners& partners;
    double loss, projected;  // the lane's own share
    double gap_u, inverse_gap_u, curl;
    int lane, lanes;

    __device__ __forceinline__ Learn(const EpochCall& call, const Room& room, const Partners& partners)
        : call(call), room(room), partners(partners), loss(0), projected(0), lane(Warp{}.rank()),
          lanes(call.table.lanes()) {}

    // Differences y - u of all partners, their squared norms and gaps.
    __device__ __forceinline__ void gather() {
        const double* u_row = call.table.row(partners.node);
        gap_u = __ldcg(u_row + lanes), inverse_gap_u = 1 / gap_u;
        for (int i = lane; i < lanes; i += Warp::size) room.u[i] = __ldcg(u_row + i);
        __syncwarp();
        const int n = partners.count;
        for (int first = 0; first < n; first += rows_at_once) {
            const int k = first + lane / row_lanes;
            double ee = 0;
            if (k < n) {
                const double* row = call.table.row(room.ids[k]);
                for (int i = lane % row_lanes; i < lanes; i += row_lanes) {
                    const double e = __ldcg(row + i) - room.u[i];
                    room.differences[Int64(k) * lanes + i] = e;
                    ee += e * e;
                }
                if (lane % row_lanes == 0) room.gap[k] = __ldcg(row + lanes);
            }
            ee = Lanes<row_lanes>{}.sum(ee);
            if (k < n && lane % row_lanes == 0) room.ee[k] = ee;
        }
        __syncwarp();
    }

    // Softmax weights of all partners, as steps along their geodesics, mended where they leave the ball.
    __device__ __forceinline__ void weigh() {
        const EpochOptions& o = call.options;
        const int n = partners.count, n_pos = partners.positives;
        double total = 0;
        for (int k = lane; k < n; k += Warp::size) {
            double decay = Geometry::pair(room.ee[k], inverse_gap_u, 1 / room.gap[k]).decay;
            if (o.decay_power != 1) decay = ::pow(decay, o.decay_power);
            if (k >= n_pos && k < n_pos + partners.near) decay *= call.negatives.near_weight;
            room.decay[k] = decay;
            if (k >= n_pos) total += decay;
        }
        total = Warp{}.sum(total);
        Edge own{0, 0};
        if (lane < n_pos) own = edge(partners.weights[lane], room.decay[lane], total);
        loss = own.loss;
        const double turn = Warp{}.sum(own.share) * o.learning_rate;
        curl = 0;
        for (int k = lane; k < n; k += Warp::size) {
            const double gap = room.gap[k], inverse_gap = 1 / gap, ee = room.ee[k];
            const Pair p = Geometry::pair(ee, inverse_gap_u, inverse_gap);
            const double step = k < n_pos ? positive_step(o.learning_rate, total, own.share)
                                          : negative_step(room.decay[k], turn);
            const double weight = pull_weight<Geometry>(p, inverse_gap_u, inverse_gap, step);
            Move m = capped_move<Geometry>(p, inverse_gap_u, inverse_gap, step, o.max_step);
            if (needs_mending(m.gap, o.smallest_gap))
                projected += mend(m.e_share, m.u_share, m.gap, gap, o.smallest_gap);
            room.weight()[k] = weight, room.new_gap()[k] = m.gap;
            room.e_share()[k] = m.e_share, room.u_share[k] = m.u_share;
            curl += weight * ee;
        }
        curl = Warp{}.sum(curl);
        __syncwarp();
    }

    // Whether no partner that is written in the same moment and comes later is the same node: the last one stays. Equal
    // partners of one kind take equal steps, so this is asked of rivals beside uniform draws alone.
    __device__ __forceinline__ bool is_last(int k, int end) const {
        const int uniform = partners.positives + partners.near;
        for (int later = uniform; k < uniform && later < end; ++later)
            if (room.ids[later] == room.ids[k]) return false;
        return true;
    }

    // Writes the partners' rows, and sums up the pull at the node, some coordinates at a time.
    __device__ __forceinline__ void move_partners() {
        const int n = partners.count;
        for (int begin = lane % row_lanes; begin < lanes; begin += slice) {
            double u[held], sum[held];
            for (int q = 0; q < held; ++q) {
                const int i = begin + q * row_lanes;
                u[q] = i < lanes ? room.u[i] : 0.0, sum[q] = 0;
            }
            for (int first = 0; first < n; first += rows_at_once) {
                const int k = first + lane / row_lanes, end = first + rows_at_once < n ? first + rows_at_once : n;
                if (k < n) {
                    const double weight = room.weight()[k], e_share = room.e_share()[k], u_share = room.u_share[k];
                    const bool written = is_last(k, end);
                    double* row = call.table.row(room.ids[k]);
                    for (int q = 0; q < held; ++q) {
                        const int i = begin + q * row_lanes;
                        if (i >= lanes) break;
                        const double e = room.differences[Int64(k) * lanes + i];
                        sum[q] += weight * e;
                        if (written) __stcg(row + i, e_share * e + u_share * u[q]);
                    }
                    if (written && begin == 0) __stcg(row + lanes, room.new_gap()[k]);
                }
                __syncwarp();  // a node that was drawn twice: the later step is the one that stays
            }
            for (int q = 0; q < held; ++q) {
                for (int apart = row_lanes; apart < Warp::size; apart *= 2)
                    sum[q] += __shfl_xor_sync(whole_warp, sum[q], apart);
                const int i = begin + q * row_lanes;
                if (lane < row_lanes && i < lanes) room.pull[i] = sum[q];
            }
        }
        __syncwarp();
    }

    __device__ __forceinline__ void move_node() {
        const Frame frame = Geometry::frame(gap_u, curl);
        double norm = 0, dot = 0;
        for (int i = lane; i < lanes; i += Warp::size) {
            const double pull = frame.e_share * room.pull[i] - frame.u_share * room.u[i];
            room.pull[i] = pull;
            norm += pull * pull, dot += pull * room.u[i];
        }
        norm = Warp{}.sum(norm), dot = Warp{}.sum(dot);
        const EpochOptions& o = call.options;
        Shift shift;
        const int outside = node_shift<Geometry>(sqrt(norm), dot, gap_u, o.max_step, o.smallest_gap, shift);
        double* u_row = call.table.row(partners.node);
        for (int i = lane; i < lanes; i += Warp::size)
            __stcg(u_row + i, shift.u_share * room.u[i] + shift.pull_share * room.pull[i]);
        if (lane == 0) projected += outside, __stcg(u_row + lanes, shift.gap);
        __syncwarp();
    }
};

template <class Geometry>
__device__ __forceinline__ void epoch(const EpochCall& call, double* shared) {
    const int in_block = int(threadIdx.x) / Warp::size, warps = call.options.threads;
    const Int64 warp = Int64(blockIdx.x) * (blockDim.x / Warp::size) + in_block;
    if (warp >= warps) return;
    const int lanes = call.table.lanes();
    // Rounded up to whole doubles, two ids each.
    const Int64 size = call.partners * (4 + lanes) + 2 * lanes + (call.partners + 1) / 2;
    const Room room(call.scratch ? call.scratch + warp * size : shared + in_block * size, call.partners, lanes);
    Draw draw(call, room.ids);
    double loss = 0, projected = 0;
    Int64 pairs = 0;
    for (Int64 i = warp; i < call.n_visits; i += warps) {
        const Partners partners = draw(call.order[i]);
        if (partners.count > partners.positives) {
            Learn<Geometry> learn(call, room, partners);
            learn.gather();
            learn.weigh();
            learn.move_partners();
            learn.move_node();
            loss += learn.loss, projected += learn.projected, pairs += partners.count;
        }
    }
    loss = Warp{}.sum(loss), projected = Warp{}.sum(projected);
    if (Warp{}.rank() == 0) {
        double* result = call.results + 3 * warp;
        result[0] = loss, result[1] = double(pairs), result[2] = projected;
    }
}

}  // namespace hypergeom::cuda

#define HG_EPOCH_KERNEL(name, Geometry)                                                                \
    extern "C" __global__ void __launch_bounds__(128, 4) name(hypergeom::cuda::EpochCall call) {       \
        hypergeom::cuda::epoch<hypergeom::embedding::Geometry>(call, hg_epoch_room);                   \
    }
HG_EPOCH_KERNEL(embedding_epoch_hyperbolic, Hyperbolic)
HG_EPOCH_KERNEL(embedding_epoch_euclidean, Euclidean)
