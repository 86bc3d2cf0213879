// The loop of a gufunc: as many rows as a pack has lanes are turned into packs of entries, computed together, and turned
// back. Rows are converted to double on the way, so that one formula serves both dtypes.
#pragma once
#include <cfenv>
#include <cstdlib>
#include <cstring>

#include "hypergeom/wide.hpp"
#include "pack.hpp"
#include "row_run.hpp"
#include "row_table.hpp"

namespace hypergeom::cpu {
namespace {

typedef typename FirstIndices<lanes>::type EachLane;

// Lane k of two vectors whose lanes differ in one bit of their number, exchanged between them.
template <int bit, std::size_t... I>
HG_FN void exchange(Lanes& a, Lanes& b, Indices<I...>) {
    const Lanes low = __builtin_shufflevector(a, b, (I & bit ? lanes + I - bit : I)...);
    b = __builtin_shufflevector(a, b, (I & bit ? lanes + I : I + bit)...);
    a = low;
}

template <int bit>
HG_FN void transpose(Lanes* block) {
    if constexpr (bit < lanes) {
        for (int k = 0; k < lanes; ++k)
            if (!(k & bit)) exchange<bit>(block[k], block[k | bit], EachLane{});
        transpose<2 * bit>(block);
    }
}

template <class T>
struct Vector {
    typedef T type __attribute__((vector_size(lanes * sizeof(T))));
};

// One argument: where its rows lie, in bytes from one to the next and from one entry to the next.
struct Rows {
    char* first;
    npy_intp step, stride;
    int size;
};

// The entries of `count` rows from row r on; lanes beyond repeat the last row. The walk across rows hides from the
// processor what it will need, so the same entries of the next rows are asked for here: those to read into the second
// cache, those to write into the first.
template <class T>
HG_FN void load(const Rows& rows, npy_intp r, int count, Pack* to) {
    const char* row[lanes];
    for (int k = 0; k < lanes; ++k) row[k] = rows.first + (r + (k < count ? k : count - 1)) * rows.step;
    int i = 0;
    if (rows.stride == npy_intp(sizeof(T))) {
        for (; i + lanes <= rows.size; i += lanes) {
            Lanes block[lanes];
            for (int k = 0; k < lanes; ++k) {
                typename Vector<T>::type entries;
                __builtin_prefetch(row[k] + i * sizeof(T) + lanes * rows.step, 0, 2);
                std::memcpy(&entries, row[k] + i * sizeof(T), sizeof entries);
                block[k] = __builtin_convertvector(entries, Lanes);
            }
            transpose<1>(block);
            for (int k = 0; k < lanes; ++k) to[i + k] = Pack::of(block[k]);
        }
    }
    for (; i < rows.size; ++i)
        for (int k = 0; k < lanes; ++k) to[i].v[k] = *reinterpret_cast<const T*>(row[k] + i * rows.stride);
}

template <class T>
HG_FN void store(const Pack* from, const Rows& rows, npy_intp r, int count) {
    char* row[lanes];
    for (int k = 0; k < count; ++k) row[k] = rows.first + (r + k) * rows.step;
    int i = 0;
    if (rows.stride == npy_intp(sizeof(T)) && count == lanes) {
        for (; i + lanes <= rows.size; i += lanes) {
            Lanes block[lanes];
            for (int k = 0; k < lanes; ++k) block[k] = from[i + k].v;
            transpose<1>(block);
            for (int k = 0; k < lanes; ++k) {
                const auto entries = __builtin_convertvector(block[k], typename Vector<T>::type);
                __builtin_prefetch(row[k] + i * sizeof(T) + lanes * rows.step, 1);
                std::memcpy(row[k] + i * sizeof(T), &entries, sizeof entries);
            }
        }
    }
    for (; i < rows.size; ++i)
        for (int k = 0; k < count; ++k) *reinterpret_cast<T*>(row[k] + i * rows.stride) = T(from[i].v[k]);
}

inline void raise_no_memory() {
    const PyGILState_STATE state = PyGILState_Ensure();
    PyErr_NoMemory();
    PyGILState_Release(state);
}

// Room for the packs of all arguments: on the stack where they are few.
struct PackRoom {
    Pack near[256];
    void* far = nullptr;

    // Null, and a Python exception, where there is no memory.
    Pack* get(std::size_t count) {
        if (count <= sizeof near / sizeof *near) return near;
        far = std::aligned_alloc(64, (count * sizeof(Pack) + 63) / 64 * 64);
        if (!far) raise_no_memory();
        return static_cast<Pack*>(far);
    }
    ~PackRoom() { std::free(far); }
};

// Rows in which a function may have left the range of double: those that are not finite, and those of vectors whose first
// entry, which is the time of a point, has no fourth power.
HG_FN Mask suspects(const RowOp& op, const int* size, void* const* packs) {
    Mask found{};
    for (int a = 0; a < op.signature.args(); ++a) {
        const Pack v = *static_cast<const Pack*>(packs[a]);
        if (a >= op.signature.inputs)
            found = found | !(v - v == 0);
        else if (size[a] > 1)
            found = found | (v > 0x1p+240);
    }
    return found;
}

// Whether lane k of the inputs is a row of finite numbers some of which lie far out, or lead there as exponents.
HG_FN bool is_far_out(const RowOp& op, const int* size, void* const* packs, int k) {
    const int of_c = op.signature.inputs - 1;
    const double c = static_cast<const Pack*>(packs[of_c])->v[k];
    bool far = c < 0x1p-240;
    for (int a = 0; a <= of_c; ++a) {
        double square = 0;
        for (int i = 0; i < size[a]; ++i) {
            const double v = ::fabs(static_cast<const Pack*>(packs[a])[i].v[k]);
            if (!(v <= largest)) return false;
            far = far || v > 0x1p+240, square += v * v;
        }
        far = far || c * square > 1e4;
    }
    return far;
}

// Those of `rows` that are far out, computed again in numbers of wide range.
__attribute__((noinline)) void run_again(const RowOp& op, int d, const int* size, void* const* packs, Mask rows) {
    const int n_args = op.signature.args();
    std::size_t count = 0;
    for (int a = 0; a < n_args; ++a) count += size[a];
    Wide* numbers = nullptr;
    for (int k = 0; k < lanes; ++k) {
        if (!rows.m[k] || !is_far_out(op, size, packs, k)) continue;
        if (!numbers) numbers = static_cast<Wide*>(std::malloc(count * sizeof(Wide)));
        if (!numbers) return raise_no_memory();
        void* row[Signature::max_args];
        Wide* next = numbers;
        for (int a = 0; a < n_args; ++a) {
            row[a] = next;
            for (int i = 0; i < size[a]; ++i) *next++ = static_cast<const Pack*>(packs[a])[i].v[k];
        }
        op.run_wide(d, row);
        for (int a = op.signature.inputs; a < n_args; ++a)
            for (int i = 0; i < size[a]; ++i)
                static_cast<Pack*>(packs[a])[i].v[k] = double(static_cast<const Wide*>(row[a])[i]);
    }
    std::free(numbers);
}

template <class T>
void row_loop(char** args, const npy_intp* dims, const npy_intp* steps, void* data) {
    const RowOp& op = *static_cast<const RowOp*>(data);
    const Signature& s = op.signature;
    const int n_args = s.args();
    Rows rows[Signature::max_args];
    bool wide[Signature::max_args];  // float64 whatever T is
    int size[Signature::max_args];
    std::size_t count = 0;
    for (int a = 0, vectors = 0; a < n_args; ++a) {
        rows[a] = {args[a], steps[a], 0, 1};
        if (s.dim_of[a] >= 0) rows[a].size = int(dims[1 + s.dim_of[a]]), rows[a].stride = steps[n_args + vectors++];
        wide[a] = is_float64(s, op.vjp, a);
        count += size[a] = rows[a].size;
    }
    alignas(64) PackRoom room;
    Pack* next = room.get(count);
    if (!next) return;
    void* packs[Signature::max_args];
    for (int a = 0; a < n_args; ++a) packs[a] = next, next += rows[a].size;

    for (npy_intp r = 0; r < dims[0]; r += lanes) {
        const int some = dims[0] - r < lanes ? int(dims[0] - r) : lanes;
        for (int a = 0; a < s.inputs; ++a) {
            if (rows[a].step == 0 && r > 0) continue;  // one row for all
            Pack* to = static_cast<Pack*>(packs[a]);
            wide[a] ? load<double>(rows[a], r, some, to) : load<T>(rows[a], r, some, to);
        }
        op.run(int(dims[1]), packs);
        if (op.run_wide) {
            const Mask again = suspects(op, size, packs);
            if (any(again)) run_again(op, int(dims[1]), size, packs, again);
        }
        for (int a = s.inputs; a < n_args; ++a) {
            const Pack* from = static_cast<const Pack*>(packs[a]);
            wide[a] ? store<double>(from, rows[a], r, some) : store<T>(from, rows[a], r, some);
        }
    }
    // A NaN row is an answer, not a floating-point error: NumPy is not to warn of it.
    std::feclearexcept(FE_ALL_EXCEPT);
}

}  // namespace
}  // namespace hypergeom::cpu
