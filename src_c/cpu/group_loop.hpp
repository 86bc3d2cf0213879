// The loop of a gufunc over groups of rows, such as the points of a mean. A lane of a pack is a group where groups are small,
// and a row of one group where they are large. Which of the two depends on the size of the groups alone, and so do the
// results.
#pragma once
#include "hypergeom/twofold.hpp"
#include "row_loop.hpp"

namespace hypergeom::cpu {
namespace {

constexpr npy_intp small_group = 32;

// An argument, group after group: its rows, if it has any, and their entries.
struct GroupArgument {
    char* first;
    npy_intp next;  // bytes to the next group
    npy_intp step = 0, stride = 0;
    int size = 1;

    // Of one group, all rows; or of all groups, the same row.
    HG_FN Rows of_group(npy_intp group) const { return {first + group * next, step, stride, size}; }
    HG_FN Rows across(npy_intp row) const { return {first + row * step, next, stride, size}; }
};

struct Groups {
    GroupArgument arg[Signature::max_args];
    npy_intp count, rows = 0;
    int size = 0;  // entries of a row

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

template <class T>
HG_FN T& number(const Rows& rows, npy_intp r) {
    return *reinterpret_cast<T*>(rows.first + r * rows.step);
}

// Numbers of consecutive rows; lanes beyond take `rest`.
template <class T>
HG_FN Pack load_numbers(const Rows& rows, npy_intp r, int some, double rest) {
    Pack to(rest);
    for (int k = 0; k < some; ++k) to.v[k] = number<const T>(rows, r + k);
    return to;
}

template <class T>
HG_FN void store_numbers(Pack from, const Rows& rows, npy_intp r, int some) {
    for (int k = 0; k < some; ++k) number<T>(rows, r + k) = T(from.v[k]);
}

// --- a lane a group ----------------------------------------------------------------------------------------------------------

struct SmallRoom {
    Pack *x, *bar, *cotangent;
    Twofold<Pack>* sums;  // twice: a second pass over the rows has its own

    static std::size_t packs(int size, int n_sums) { return 3 * size + 4 * n_sums; }
    SmallRoom(Pack* p, int size) : x(p), bar(p + size), cotangent(bar + size) {
        sums = reinterpret_cast<Twofold<Pack>*>(cotangent + size);
    }
};

// add(row, its weight, sums) for all rows of the groups from `group` on
template <class T, class F>
HG_FN void add_rows(const Groups& of, const GroupArgument& x, const GroupArgument& w, npy_intp group, int some, Pack* room,
                    Twofold<Pack>* sums, int n_sums, F add) {
    for (int k = 0; k < n_sums; ++k) sums[k] = {Pack(0), Pack(0)};
    for (npy_intp row = 0; row < of.rows; ++row) {
        load<T>(x.across(row), group, some, room);
        add(room, load_numbers<T>(w.across(row), group, some, 1), sums);
    }
}

// Groups from `group` on: their means, in room.sums.
template <class Op, class T>
HG_FN auto means_of(const Groups& of, const GroupArgument& x, const GroupArgument& w, Pack c, npy_intp group, int some,
                    const SmallRoom& room) {
    const int d = of.size, n_sums = Op::sums(d);
    add_rows<T>(of, x, w, group, some, room.x, room.sums, n_sums,
                [=](const Pack* row, Pack weight, Twofold<Pack>* sums) { Op::add(Serial{}, d, row, weight, c, sums); });
    auto centre = Op::centre(Serial{}, d, c, room.sums);
    if constexpr (Op::refines)
        if (any(Op::is_rough(centre))) {
            Twofold<Pack>* misfit = room.sums + n_sums;
            add_rows<T>(of, x, w, group, some, room.x, misfit, n_sums,
                        [=](const Pack* row, Pack weight, Twofold<Pack>* sums) {
                            Op::add_misfit(Serial{}, d, room.sums, centre, row, weight, c, sums);
                        });
            Op::refine(Serial{}, d, c, misfit, room.sums, centre);
        }
    return centre;
}

template <class Op, class T>
HG_FN void small_values(const Groups& of, npy_intp group, int some, const SmallRoom& room) {
    const Pack c = load_numbers<double>(of.arg[2].across(0), group, some, 0);
    means_of<Op, T>(of, of.arg[0], of.arg[1], c, group, some, room);
    Op::put(Serial{}, of.size, room.sums, room.bar);
    store<T>(room.bar, of.arg[3].across(0), group, some);
}

template <class Op, class T>
HG_FN void small_gradients(const Groups& of, npy_intp group, int some, const SmallRoom& room) {
    const GroupArgument &x = of.arg[1], &w = of.arg[2];
    const Pack c = load_numbers<double>(of.arg[3].across(0), group, some, 0);
    auto centre = means_of<Op, T>(of, x, w, c, group, some, room);
    load<T>(of.arg[0].across(0), group, some, room.bar);
    Op::fold(Serial{}, of.size, c, room.bar, room.sums, centre, room.cotangent);
    Pack of_c(0);
    for (npy_intp row = 0; row < of.rows; ++row) {
        load<T>(x.across(row), group, some, room.x);
        Pack of_w;
        Op::pull(Serial{}, of.size, room.cotangent, room.sums, centre, room.x,
                 load_numbers<T>(w.across(row), group, some, 1), c, room.bar, of_w, of_c);
        store<T>(room.bar, of.arg[4].across(row), group, some);
        store_numbers<T>(of_w, of.arg[5].across(row), group, some);
    }
    store_numbers<double>(Op::of_curvature(c, centre, of_c), of.arg[6].across(0), group, some);
}

// --- a lane a row ------------------------------------------------------------------------------------------------------------

// A large group is dealt to eight strands with sums of their own, added two by two: the same bits whatever the lanes.
constexpr int strands = 8, strand_packs = strands / lanes;

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
    Twofold<Pack> part[strand_packs];
    for (int s = 0; s < strand_packs; ++s) part[s] = sums[s * n_sums + k];
    for (int half = strand_packs / 2; half > 0; half /= 2)
        for (int s = 0; s < half; ++s) part[s] = plus(part[s], part[s + half]);
    const Twofold<Pack> total = across_lanes<lanes / 2>(part[0]);
    return {total.hi.v[0], total.lo.v[0]};
}

// f(strand, first row, how many) for the packs of rows of all strands
template <class F>
HG_FN void each_pack(npy_intp rows, F f) {
    for (int s = 0; s < strand_packs; ++s)
        for (npy_intp r = s * lanes; r < rows; r += strands) f(s, r, rows - r < lanes ? int(rows - r) : lanes);
}

struct LargeRoom {
    Pack *x, *bar;
    Twofold<Pack>* sums;  // of all strands
    Twofold<double>*mean, *misfit;
    double *cotangent, *row;

    static std::size_t packs(int size, int n_sums) { return 4 * size + 2 * (strand_packs + 2) * n_sums; }
    LargeRoom(Pack* p, int size, int n_sums) : x(p), bar(p + size) {
        sums = reinterpret_cast<Twofold<Pack>*>(bar + size);
        mean = reinterpret_cast<Twofold<double>*>(sums + strand_packs * n_sums);
        misfit = mean + n_sums;
        cotangent = reinterpret_cast<double*>(sums + (strand_packs + 2) * n_sums);
        row = cotangent + size;
    }
};

// add(row, its weight, sums) for all rows; the sums of all strands are joined in `to`. Lanes beyond the last row repeat it,
// with weight 0.
template <class T, class F>
HG_FN void add_rows(const Groups& of, const Rows& x, const Rows& w, const LargeRoom& room, Twofold<double>* to, int n_sums,
                    F add) {
    for (int k = 0; k < strand_packs * n_sums; ++k) room.sums[k] = {Pack(0), Pack(0)};
    each_pack(of.rows, [&](int s, npy_intp r, int some) {
        load<T>(x, r, some, room.x);
        add(room.x, load_numbers<T>(w, r, some, 0), room.sums + s * n_sums);
    });
    for (int k = 0; k < n_sums; ++k) to[k] = join(room.sums, n_sums, k);
}

template <class Op, class T>
HG_FN auto mean_of(const Groups& of, const Rows& x, const Rows& w, double c, const LargeRoom& room) {
    const int d = of.size, n_sums = Op::sums(d);
    add_rows<T>(of, x, w, room, room.mean, n_sums, [=](const Pack* row, Pack weight, Twofold<Pack>* sums) {
        Op::add(Serial{}, d, row, weight, Pack(c), sums);
    });
    auto centre = Op::centre(Serial{}, d, c, room.mean);
    if constexpr (Op::refines)
        if (Op::is_rough(centre)) {
            add_rows<T>(of, x, w, room, room.misfit, n_sums, [=](const Pack* row, Pack weight, Twofold<Pack>* sums) {
                Op::add_misfit(Serial{}, d, room.mean, centre, row, weight, Pack(c), sums);
            });
            Op::refine(Serial{}, d, c, room.misfit, room.mean, centre);
        }
    return centre;
}

template <class Op, class T>
HG_FN void large_value(const Groups& of, npy_intp group, const LargeRoom& room) {
    const Rows out = of.arg[3].of_group(group);
    const double c = number<double>(of.arg[2].of_group(group), 0);
    mean_of<Op, T>(of, of.arg[0].of_group(group), of.arg[1].of_group(group), c, room);
    Op::put(Serial{}, of.size, room.mean, room.row);
    for (int i = 0; i < of.size; ++i) *reinterpret_cast<T*>(out.first + i * out.stride) = T(room.row[i]);
}

template <class Op, class T>
HG_FN void large_gradient(const Groups& of, npy_intp group, const LargeRoom& room) {
    const Rows g = of.arg[0].of_group(group), x = of.arg[1].of_group(group), w = of.arg[2].of_group(group);
    const Rows x_bar = of.arg[4].of_group(group), w_bar = of.arg[5].of_group(group);
    const double c = number<double>(of.arg[3].of_group(group), 0);
    auto centre = mean_of<Op, T>(of, x, w, c, room);
    for (int i = 0; i < of.size; ++i) room.row[i] = *reinterpret_cast<const T*>(g.first + i * g.stride);
    Op::fold(Serial{}, of.size, c, room.row, room.mean, centre, room.cotangent);
    Twofold<Pack> of_c[strand_packs] = {};
    each_pack(of.rows, [&](int s, npy_intp r, int some) {
        load<T>(x, r, some, room.x);
        Pack of_w;
        Op::pull(Serial{}, of.size, room.cotangent, room.mean, centre, room.x, load_numbers<T>(w, r, some, 0), Pack(c),
                 room.bar, of_w, of_c[s].hi);
        store<T>(room.bar, x_bar, r, some);
        store_numbers<T>(of_w, w_bar, r, some);
    });
    number<double>(of.arg[6].of_group(group), 0) = Op::of_curvature(c, centre, join(of_c, 1, 0).hi);
}

// --- both --------------------------------------------------------------------------------------------------------------------

template <class Op, class T>
HG_FN void small_groups(const Groups& of, const SmallRoom& room) {
    for (npy_intp group = 0; group < of.count; group += lanes) {
        const int some = of.count - group < lanes ? int(of.count - group) : lanes;
        if constexpr (Op::vjp)
            small_gradients<Op, T>(of, group, some, room);
        else
            small_values<Op, T>(of, group, some, room);
    }
}

template <class Op, class T>
HG_FN void large_groups(const Groups& of, const LargeRoom& room) {
    for (npy_intp group = 0; group < of.count; ++group) {
        if constexpr (Op::vjp)
            large_gradient<Op, T>(of, group, room);
        else
            large_value<Op, T>(of, group, room);
    }
}

template <class T, class Op>
void group_loop(char** args, const npy_intp* dims, const npy_intp* steps, void* data) {
    const Groups of(static_cast<const RowOp*>(data)->signature, args, dims, steps);
    const int n_sums = Op::sums(of.size);
    const bool small = of.rows <= small_group;
    alignas(64) PackRoom memory;
    Pack* packs = memory.get(small ? SmallRoom::packs(of.size, n_sums) : LargeRoom::packs(of.size, n_sums));
    if (!packs) return;
    if (small)
        small_groups<Op, T>(of, SmallRoom(packs, of.size));
    else
        large_groups<Op, T>(of, LargeRoom(packs, of.size, n_sums));
    std::feclearexcept(FE_ALL_EXCEPT);  // as in row_loop
}

}  // namespace
}  // namespace hypergeom::cpu
