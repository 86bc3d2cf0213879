// The CUDA twin of a row function: its loop over rows. A row belongs to one thread, to 8 lanes or to a warp.
#pragma once
#include "hypergeom/signature.hpp"
#include "hypergeom/team.hpp"
#include "hypergeom/warp.hpp"

extern __shared__ double hg_row_tiles[];

namespace hypergeom::cuda {

constexpr int row_block = 128;  // threads a block, as in hypergeom/_cuda/rows.py

struct RowArgument {
    void* data;        // first row; null for a scalar input that is the same number for every row
    long long stride;  // elements from one row to the next, 0 where all rows share one
    double value;      // that number
};

// Filled by hypergeom/_cuda/rows.py from the NumPy dtype of the same layout.
template <int n>
struct RowCall {
    long long rows, d;
    RowArgument arg[n];
};

template <bool, class A, class B>
struct Either { using type = A; };
template <class A, class B>
struct Either<false, A, B> { using type = B; };

template <int... I>
struct Indices {};
template <int n, int... I>
struct FirstIndices : FirstIndices<n - 1, n - 1, I...> {};
template <int... I>
struct FirstIndices<0, I...> { using type = Indices<I...>; };

// One argument of one row. A scalar input is read once: the row function then finds it in a register.
template <class T, bool scalar_input>
struct RowPointer {
    T* at;
    __device__ __forceinline__ RowPointer(const RowArgument& a, long long row)
        : at(static_cast<T*>(a.data) + row * a.stride) {}
    __device__ __forceinline__ T* get() { return at; }
};
template <class T>
struct RowPointer<T, true> {
    T scalar;
    __device__ __forceinline__ RowPointer(const RowArgument& a, long long row)
        : scalar(a.data ? static_cast<const T*>(a.data)[row * a.stride] : T(a.value)) {}
    __device__ __forceinline__ const T* get() { return &scalar; }
};

template <class Op, int i>
constexpr bool is_scalar = Op::signature.dim_of[i] < 0;

template <class Op, class T, int i>
using EntryOf = typename Either<is_float64(Op::signature, Op::vjp, i), double, T>::type;

template <class Op, class T, int i>
using RowPointerOf = RowPointer<EntryOf<Op, T, i>, (i < Op::signature.inputs && is_scalar<Op, i>)>;

template <class Op>
constexpr int args_of = Op::signature.args();

// Blocks that a multiprocessor holds at once, which bounds the registers of a thread (255, 168, 128 and 96): as many as
// no kernel pays for with spilled registers. The more arguments, the more sums a row has under way.
template <class Op>
constexpr int resident_blocks = args_of<Op> > 9                        ? 2
                                : args_of<Op> > 8                      ? 3
                                : Op::vjp || Op::signature.outputs > 1 ? 4
                                                                       : 5;

// A team of lanes a row. Op carries `signature` (constexpr), `vjp` and `run(team, d, pointers...)`.
template <class Team, class Op, class T>
struct RowLoop {
    template <int... I>
    static __device__ __forceinline__ void run(const RowCall<args_of<Op>>& call, Indices<I...>) {
        const long long step = (long long)(gridDim.x) * (row_block / Team::size);
        long long row = (long long)(blockIdx.x) * (row_block / Team::size) + threadIdx.x / Team::size;
        for (; row < call.rows; row += step)
            Op::run(Team{}, int(call.d), RowPointerOf<Op, T, I>(call.arg[I], row).get()...);
    }
};

// --- a thread a row -------------------------------------------------------------------------------------------

constexpr int tile_rows = Warp::size;

// The rows of an argument in shared memory start in different banks.
__device__ __forceinline__ int pitch(int n) { return n | 1; }

// Vector arguments before argument `end` whose dimension is called `name`.
constexpr int count_vectors(const Signature& s, int end, char name) {
    int count = 0;
    for (int k = 0; k < end; ++k) count += s.dim_of[k] >= 0 && s.dim_name[s.dim_of[k]] == name;
    return count;
}
template <class Op, int end, char name>
constexpr int vectors_before = count_vectors(Op::signature, end, name);

// The dimension of the space, given the length of a row function's first vector, which may have a time coordinate.
template <class Op>
__device__ __forceinline__ int space_dimension(int first) {
    return first - (Op::signature.dim_name[0] == 'n');
}

// Entries of the tiles of so many vectors without and with a time coordinate.
__device__ __forceinline__ int tiles_size(int d, int plain, int timed) {
    return tile_rows * (plain * pitch(d) + timed * pitch(d + 1));
}

// One argument of the rows of a warp: vectors pass through a tile of its own, scalars go straight to and from memory.
template <class Op, class T, int i>
struct Tile {
    static constexpr bool input = i < Op::signature.inputs;
    T* rows;         // in shared memory
    int n;           // entries of a row
    bool all_alike;  // then one row is there

    __device__ __forceinline__ Tile(const RowArgument& a, int d, T* tiles)
        : rows(tiles + tiles_size(d, vectors_before<Op, i, 'd'>, vectors_before<Op, i, 'n'>)),
          n(d + vectors_before<Op, i + 1, 'n'> - vectors_before<Op, i, 'n'>),
          all_alike(input && a.stride == 0) {}

    // Calls visit(row, entry), so that neighbouring lanes have neighbouring entries.
    template <class F>
    __device__ __forceinline__ void each_entry(int count, F visit) const {
        const int lane = Warp{}.rank();
        int row = lane / n, entry = lane % n;
        for (int k = lane; k < count * n; k += Warp::size) {
            visit(row, entry);
            row += Warp::size / n, entry += Warp::size % n;
            if (entry >= n) entry -= n, ++row;
        }
    }
    __device__ __forceinline__ void load(const RowArgument& a, long long first, int count) const {
        if (!input || is_scalar<Op, i>) return;
        const T* from = static_cast<const T*>(a.data) + first * a.stride;
        each_entry(all_alike ? 1 : count,
                   [=](int row, int entry) { rows[row * pitch(n) + entry] = from[row * a.stride + entry]; });
    }
    __device__ __forceinline__ void store(const RowArgument& a, long long first, int count) const {
        if (input || is_scalar<Op, i>) return;
        T* to = static_cast<T*>(a.data) + first * a.stride;
        each_entry(count, [=](int row, int entry) { to[row * a.stride + entry] = rows[row * pitch(n) + entry]; });
    }
    __device__ __forceinline__ T* row(int k) const { return rows + (all_alike ? 0 : k * pitch(n)); }
};

// What the row function gets: a scalar as above, a vector in its tile.
template <class Op, class T, int i, bool scalar>
struct TilePointer : RowPointerOf<Op, T, i> {
    __device__ __forceinline__ TilePointer(const RowArgument& a, const Tile<Op, T, i>&, long long first)
        : RowPointerOf<Op, T, i>(a, first + Warp{}.rank()) {}
};
template <class Op, class T, int i>
struct TilePointer<Op, T, i, false> {
    T* at;
    __device__ __forceinline__ TilePointer(const RowArgument&, const Tile<Op, T, i>& tile, long long)
        : at(tile.row(Warp{}.rank())) {}
    __device__ __forceinline__ T* get() { return at; }
};

template <class Op, class T>
struct RowLoop<Serial, Op, T> {
    // Warps have tiles of their own, and nothing to wait for in one another.
    template <int... I>
    static __device__ __forceinline__ void run(const RowCall<args_of<Op>>& call, Indices<I...>) {
        constexpr int n = args_of<Op>;
        const int d = space_dimension<Op>(int(call.d)), warp = int(threadIdx.x) / Warp::size;
        T* tiles = reinterpret_cast<T*>(hg_row_tiles) +
                   warp * tiles_size(d, vectors_before<Op, n, 'd'>, vectors_before<Op, n, 'n'>);
        const long long step = (long long)(gridDim.x) * blockDim.x;
        long long first = (long long)(blockIdx.x) * blockDim.x + warp * Warp::size;
        for (; first < call.rows; first += step) {
            const int count = call.rows - first < tile_rows ? int(call.rows - first) : tile_rows;
            (Tile<Op, T, I>(call.arg[I], d, tiles).load(call.arg[I], first, count), ...);
            __syncwarp();
            if (Warp{}.rank() < count)
                Op::run(Serial{}, int(call.d),
                        TilePointer<Op, T, I, is_scalar<Op, I>>(call.arg[I], {call.arg[I], d, tiles}, first).get()...);
            __syncwarp();
            (Tile<Op, T, I>(call.arg[I], d, tiles).store(call.arg[I], first, count), ...);
        }
    }
};

}  // namespace hypergeom::cuda

// One kernel of a row function, for teams of so many lanes.
#define HG_ROW_KERNEL(space, name, dtype, T, lanes, Team)                                                              \
    extern "C" __global__ void                                                                                         \
        __launch_bounds__(hypergeom::cuda::row_block, hypergeom::cuda::resident_blocks<name##_op>)                     \
        space##_##name##_##dtype##_x##lanes(hypergeom::cuda::RowCall<hypergeom::cuda::args_of<name##_op>> call) {      \
        using First = hypergeom::cuda::FirstIndices<hypergeom::cuda::args_of<name##_op>>;                              \
        hypergeom::cuda::RowLoop<hypergeom::Team, name##_op, T>::run(call, First::type{});                             \
    }

#define HG_DEFINE_OP(space, name, text)                                                                                \
    struct name##_op {                                                                                                 \
        static constexpr hypergeom::Signature signature{text};                                                         \
        static constexpr bool vjp = hypergeom::is_vjp(#name);                                                          \
        template <class... Args>                                                                                       \
        static __device__ __forceinline__ void run(Args... args) { hypergeom::space::name(args...); }                  \
    };

// Defines the Op and all kernels of a row function `hypergeom::space::name`.
#define HG_DEFINE_KERNELS(space, name, text) HG_DEFINE_KERNELS_(space, name, text)
#define HG_DEFINE_KERNELS_(space, name, text)                                                                          \
    HG_DEFINE_OP(space, name, text)                                                                                    \
    HG_ROW_KERNEL(space, name, float32, float, 1, Serial)                                                              \
    HG_ROW_KERNEL(space, name, float64, double, 1, Serial)                                                             \
    HG_ROW_KERNEL(space, name, float32, float, 8, Lanes<8>)                                                            \
    HG_ROW_KERNEL(space, name, float64, double, 8, Lanes<8>)                                                           \
    HG_ROW_KERNEL(space, name, float32, float, 32, Warp)                                                               \
    HG_ROW_KERNEL(space, name, float64, double, 32, Warp)

// Defines the Op and one of its kernels.
#define HG_DEFINE_KERNEL(space, name, text, dtype, T, lanes, Team)                                                     \
    HG_DEFINE_KERNEL_(space, name, text, dtype, T, lanes, Team)
#define HG_DEFINE_KERNEL_(space, name, text, dtype, T, lanes, Team)                                                    \
    HG_DEFINE_OP(space, name, text)                                                                                    \
    HG_ROW_KERNEL(space, name, dtype, T, lanes, Team)
