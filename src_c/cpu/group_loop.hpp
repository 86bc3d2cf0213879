// The loop of a gufunc over groups of rows, such as the points of a mean: a pack holds as many rows of one group. A group is
// dealt to eight strands, each with sums of its own, which are added two by two: whatever the lanes of a pack, the sums are
// the same bits.
#pragma once
#include "hypergeom/twofold.hpp"
#include "row_loop.hpp"

namespace hypergeom::cpu {
namespace {

constexpr int strands = 8;

// The argument of one group after the other: its rows, if it has any, and their entries.
struct GroupArgument {
    char* first;
    npy_intp next;  // bytes to the next group
    npy_intp step = 0, stride = 0;
    int size = 1;

    HG_FN Rows rows(npy_intp group) const { return {first + group * next, step, stride, size}; }
};

struct Groups {
    GroupArgument arg[Signature::max_args];
    npy_intp count, rows;
    int size;  // entries of a row

    Groups(const Signature& s, char** args, const npy_intp* dims, const npy_intp* steps) : count(dims[0]) {
        const npy_intp* core = steps + s.args();
        for (int a = 0; a < s.args(); ++a) {
            arg[a].first = args[a], arg[a].next = steps[a];
            if (s.dim_of[a] < 0) continue;
            const bool numbers = s.dim_name[s.dim_of[a]] == 'm';  // one for each row
            if (numbers || s.group_of[a] >= 0) arg[a].step = *core++;
            if (!numbers) arg[a].stride = *core++, arg[a].size = size = int(dims[1 + s.dim_of[a]]);
            if (numbers) rows = dims[1 + s.dim_of[a]];
        }
    }
};

template <int bit, std::size_t... I>
HG_FN Pack other_lanes(Pack a, Indices<I...>) {
    return Pack::of(__builtin_shufflevector(a.v, a.v, (I ^ bit)...));
}

// Lane 0 has the sum of all, added in halves.
template <int bit>
HG_FN Twofold<Pack> across_lanes(Twofold<Pack> a) {
    if constexpr (bit == 0) {
        return a;
    } else {
        const EachLane each{};
        return across_lanes<bit / 2>(plus(a, Twofold<Pack>{other_lanes<bit>(a.hi, each), other_lanes<bit>(a.lo, each)}));
    }
}

// Entry k of the sums of all strands, added in halves.
HG_FN Twofold<double> join(const Twofold<Pack>* sums, int n_sums, int k) {
    Twofold<Pack> part[strands / lanes];
    for (int s = 0; s < strands / lanes; ++s) part[s] = sums[s * n_sums + k];
    for (int half = strands / lanes / 2; half > 0; half /= 2)
        for (int s = 0; s < half; ++s) part[s] = plus(part[s], part[s + half]);
    const Twofold<Pack> total = across_lanes<lanes / 2>(part[0]);
    return {total.hi.v[0], total.lo.v[0]};
}

// The packs that a group needs, cut from one piece of memory.
struct GroupRoom {
    Pack *x, *x_bar;
    Twofold<Pack>* sums;  // of all strands
    Twofold<double>* mean;
    double* cotangent;

    static std::size_t packs(int size, int n_sums) {
        return 2 * size + 2 * (strands / lanes) * n_sums + 2 * n_sums + size;
    }
    GroupRoom(Pack* p, int size, int n_sums) : x(p), x_bar(x + size) {
        sums = reinterpret_cast<Twofold<Pack>*>(x_bar + size);
        Pack* rest = x_bar + size + 2 * (strands / lanes) * n_sums;
        mean = reinterpret_cast<Twofold<double>*>(rest);
        cotangent = reinterpret_cast<double*>(rest + 2 * n_sums);
    }
};

// Rows r, r + 1, ... of a group as the lanes of a pack; lanes beyond repeat the last one with weight 0.
template <class T>
HG_FN Pack load_points(const Rows& x, const Rows& w, npy_intp r, int some, Pack* to) {
    load<T>(x, r, some, to);
    Pack weight(0);
    for (int k = 0; k < some; ++k) weight.v[k] = *reinterpret_cast<const T*>(w.first + (r + k) * w.step);
    return weight;
}

// f(strand, first row, how many) for the packs of rows of all strands
template <class F>
HG_FN void each_pack(npy_intp rows, F f) {
    for (int s = 0; s < strands / lanes; ++s)
        for (npy_intp r = s * lanes; r < rows; r += strands) f(s, r, rows - r < lanes ? int(rows - r) : lanes);
}

template <class T>
HG_FN T& scalar(const Rows& rows) {
    return *reinterpret_cast<T*>(rows.first);
}

// The mean of a group, from which `mean` has its sums.
template <class Op, class T>
HG_FN auto mean_of(const Rows& x, const Rows& w, npy_intp rows, double c, const GroupRoom& room) {
    const int n_sums = Op::sums(x.size);
    for (int k = 0; k < strands / lanes * n_sums; ++k) room.sums[k] = {Pack(0), Pack(0)};
    each_pack(rows, [&](int s, npy_intp r, int some) {
        const Pack weight = load_points<T>(x, w, r, some, room.x);
        Op::add(Serial{}, x.size, room.x, weight, Pack(c), room.sums + s * n_sums);
    });
    for (int k = 0; k < n_sums; ++k) room.mean[k] = join(room.sums, n_sums, k);
    return Op::centre(Serial{}, x.size, c, room.mean);
}

template <class Op, class T>
HG_FN void group_value(const Groups& of, npy_intp group, const GroupRoom& room) {
    const Rows x = of.arg[0].rows(group), w = of.arg[1].rows(group), out = of.arg[3].rows(group);
    mean_of<Op, T>(x, w, of.rows, scalar<double>(of.arg[2].rows(group)), room);
    Op::put(Serial{}, of.size, room.mean, room.cotangent);
    for (int i = 0; i < of.size; ++i) *reinterpret_cast<T*>(out.first + i * out.stride) = T(room.cotangent[i]);
}

template <class Op, class T>
HG_FN void group_gradient(const Groups& of, npy_intp group, const GroupRoom& room) {
    const Rows g = of.arg[0].rows(group), x = of.arg[1].rows(group), w = of.arg[2].rows(group);
    const Rows x_bar = of.arg[4].rows(group), w_bar = of.arg[5].rows(group);
    const double c = scalar<double>(of.arg[3].rows(group));
    auto centre = mean_of<Op, T>(x, w, of.rows, c, room);
    double* given = reinterpret_cast<double*>(room.x_bar);
    for (int i = 0; i < of.size; ++i) given[i] = *reinterpret_cast<const T*>(g.first + i * g.stride);
    Op::fold(Serial{}, of.size, c, given, room.mean, centre, room.cotangent);
    Twofold<Pack> of_c[strands / lanes] = {};
    each_pack(of.rows, [&](int s, npy_intp r, int some) {
        const Pack weight = load_points<T>(x, w, r, some, room.x);
        Pack of_weight;
        Op::pull(Serial{}, of.size, room.cotangent, room.mean, centre, room.x, weight, Pack(c), room.x_bar, of_weight,
                 of_c[s].hi);
        store<T>(room.x_bar, x_bar, r, some);
        for (int k = 0; k < some; ++k) *reinterpret_cast<T*>(w_bar.first + (r + k) * w_bar.step) = T(of_weight.v[k]);
    });
    scalar<double>(of.arg[6].rows(group)) = Op::of_curvature(c, centre, join(of_c, 1, 0).hi);
}

template <class T, class Op>
void group_loop(char** args, const npy_intp* dims, const npy_intp* steps, void* data) {
    const Groups of(static_cast<const RowOp*>(data)->signature, args, dims, steps);
    const int n_sums = Op::sums(of.size);
    alignas(64) PackRoom memory;
    Pack* packs = memory.get(GroupRoom::packs(of.size, n_sums));
    if (!packs) return;
    const GroupRoom room(packs, of.size, n_sums);
    for (npy_intp group = 0; group < of.count; ++group) {
        if constexpr (Op::vjp)
            group_gradient<Op, T>(of, group, room);
        else
            group_value<Op, T>(of, group, room);
    }
    std::feclearexcept(FE_ALL_EXCEPT);  // as in row_loop
}

}  // namespace
}  // namespace hypergeom::cpu
