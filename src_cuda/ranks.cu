// Exact reconstruction ranks, a warp a node: it sweeps over all nodes, and counts those that are nearer than the node's
// ancestors. Keys are the same bits in the sweep and for the ancestors alone, so ties are seen; and they are those of the
// CPU, where the compiler fuses the product into the sum.
#include "hypergeom/embedding_visit.hpp"
#include "hypergeom/warp.hpp"

extern __shared__ double hg_rank_room[];

namespace hypergeom::cuda {

constexpr unsigned whole_warp = 0xffffffffu;
constexpr int rank_block = 128;                           // threads a block, as in hypergeom/_cuda/embedding.py
constexpr int held = 4, stretch = held * Warp::size;      // nodes that a lane, a warp takes at once
constexpr int near_room = 256;                            // rivals that a warp has room for, likewise

// Filled by hypergeom/_cuda/embedding.py from the NumPy dtype of the same layout.
struct RankCall {
    const double *x, *inverse_gap;  // (d, n) and (n,)
    Int64 n, d;
    const Int64* start;  // the sorted ancestors of node u lie at [start[u], start[u + 1])
    const int *ancestors, *queries;
    Int64 n_queries;
    double *ranks, *sorted;  // for each entry of the lists; `ranks` first has the ancestors' keys
    int *nearer, *tied;      // likewise, zeros: rivals between the key before and this one, and at this one
    int* rivals;             // (n, width), filled with -1; or null
    Int64 width;
    double reach;
};

// The nearest rivals so far, some more than are asked for, in shared memory.
struct Nearest {
    double* keys;
    int* nodes;
    int lane, count;
    bool full;  // there are as many as are asked for, the farthest of which is this far
    double farthest;

    __device__ __forceinline__ explicit Nearest(double* room)
        : keys(room), nodes(reinterpret_cast<int*>(room + near_room)), lane(Warp{}.rank()), count(0), full(false),
          farthest(0) {}

    __device__ __forceinline__ void add(bool wanted, double key, int node) {
        wanted = wanted && !(full && key >= farthest);
        const unsigned all = __ballot_sync(whole_warp, wanted);
        const int place = count + __popc(all & ((1u << lane) - 1));
        if (wanted) keys[place] = key, nodes[place] = node;
        count += __popc(all);
    }

    // By key; of equal ones the lower number first.
    __device__ __forceinline__ bool in_order(int i, int j) const {
        return keys[i] < keys[j] || (keys[i] == keys[j] && nodes[i] < nodes[j]);
    }

    __device__ __forceinline__ void sort() {
        for (int k = count + lane; k < near_room; k += Warp::size) keys[k] = infinity(), nodes[k] = 0x7fffffff;
        __syncwarp();
        for (int size = 2; size <= near_room; size *= 2)
            for (int apart = size / 2; apart > 0; apart /= 2) {  // bitonic
                for (int t = lane; t < near_room / 2; t += Warp::size) {
                    const int i = 2 * t - (t & (apart - 1)), j = i + apart;
                    const bool ascending = !(i & size);
                    if (in_order(j, i) == ascending) {
                        const double key = keys[i];
                        const int node = nodes[i];
                        keys[i] = keys[j], nodes[i] = nodes[j], keys[j] = key, nodes[j] = node;
                    }
                }
                __syncwarp();
            }
    }

    // Keeps no more than `width`.
    __device__ __forceinline__ void trim(int width) {
        sort();
        full = count >= width;
        if (full) count = width, farthest = keys[width - 1];
        __syncwarp();
    }
};

struct RankWarp {
    const RankCall& call;
    int lane;
    Int64 u, begin, count;  // the node, where its ancestors lie, and their number
    const int* own;
    double farthest;

    // Keys |u - v|^2 / gap_v of some nodes of a lane.
    template <int many>
    __device__ __forceinline__ void get_keys(const Int64 (&v)[many], double (&key)[many]) const {
        for (int q = 0; q < many; ++q) key[q] = 0;
        for (Int64 i = 0; i < call.d; ++i) {
            const double* x = call.x + i * call.n;
            const double x_u = x[u];
#pragma unroll
            for (int q = 0; q < many; ++q) {
                const double e = x[v[q]] - x_u;
                key[q] = fma(e, e, key[q]);
            }
        }
        for (int q = 0; q < many; ++q) key[q] *= call.inverse_gap[v[q]];
    }

    // The keys of the ancestors, and then in order. Their lists are short: all are compared with all.
    __device__ __forceinline__ void sort_own() {
        double* keys = call.ranks + begin;
        farthest = 0;
        for (Int64 a = lane; a < count; a += Warp::size) {
            const Int64 v[1] = {own[a]};
            double key[1];
            get_keys(v, key);
            keys[a] = key[0];
            farthest = key[0] > farthest ? key[0] : farthest;
        }
        for (int apart = Warp::size / 2; apart > 0; apart /= 2) {
            const double other = __shfl_xor_sync(whole_warp, farthest, apart);
            farthest = other > farthest ? other : farthest;
        }
        __syncwarp();
        for (Int64 a = lane; a < count; a += Warp::size) {
            Int64 place = 0;
            for (Int64 b = 0; b < count; ++b) place += keys[b] < keys[a] || (keys[b] == keys[a] && b < a);
            call.sorted[begin + place] = keys[a];
        }
        __syncwarp();
    }

    __device__ __forceinline__ void sweep(Nearest* nearest) {
        const double limit = nearest ? farthest * (1 + 1e-12) * call.reach : farthest;
        for (Int64 first = 0; first < call.n; first += stretch) {
            if (nearest && nearest->count > near_room - stretch) nearest->trim(int(call.width));
            Int64 v[held];
            double key[held];
#pragma unroll
            for (int q = 0; q < held; ++q) {
                const Int64 node = first + lane + q * Warp::size;
                v[q] = node < call.n ? node : call.n - 1;
            }
            get_keys(v, key);
#pragma unroll
            for (int q = 0; q < held; ++q) {
                const bool rival = first + lane + q * Warp::size < call.n && key[q] <= limit && v[q] != u &&
                                   !embedding::contains(own, count, int(v[q]));
                if (rival && key[q] <= farthest) {
                    const Int64 k = begin + embedding::lower_bound(call.sorted + begin, count, key[q]);
                    atomicAdd((call.sorted[k] == key[q] ? call.tied : call.nearer) + k, 1);
                }
                if (nearest) nearest->add(rival, key[q], int(v[q]));
            }
        }
        __syncwarp();
    }

    __device__ __forceinline__ void put_ranks() {
        for (Int64 a = lane; a < count; a += Warp::size) {
            const Int64 k = begin + embedding::lower_bound(call.sorted + begin, count, call.ranks[begin + a]);
            double nearer = call.nearer[k];
            for (Int64 j = begin; j < k; ++j) nearer += double(call.nearer[j]) + double(call.tied[j]);
            call.ranks[begin + a] = 1 + nearer + 0.5 * call.tied[k];
        }
    }

    __device__ __forceinline__ void operator()(int query, double* room) {
        u = query, begin = call.start[u], count = call.start[u + 1] - begin, own = call.ancestors + begin;
        sort_own();
        if (!call.rivals) {
            sweep(nullptr);
        } else {
            Nearest nearest(room);
            sweep(&nearest);
            nearest.trim(int(call.width));
            for (int k = lane; k < nearest.count; k += Warp::size) call.rivals[u * call.width + k] = nearest.nodes[k];
            __syncwarp();
        }
        put_ranks();
    }
};

}  // namespace hypergeom::cuda

extern "C" __global__ void __launch_bounds__(hypergeom::cuda::rank_block, 4)
    embedding_ranks(hypergeom::cuda::RankCall call) {
    using namespace hypergeom;
    constexpr int warps = cuda::rank_block / Warp::size, words = cuda::near_room + cuda::near_room / 2;
    const int in_block = int(threadIdx.x) / Warp::size;
    cuda::RankWarp rank{call, Warp{}.rank(), 0, 0, 0, nullptr, 0};
    for (Int64 q = Int64(blockIdx.x) * warps + in_block; q < call.n_queries; q += Int64(gridDim.x) * warps)
        rank(call.queries[q], hg_rank_room + in_block * words);
}
