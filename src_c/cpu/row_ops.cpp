// One chapter of row functions for one instruction set: a gufunc loop for each line of its table, HG_ROW_OP for a function of
// rows (row_loop.hpp), HG_GROUP_OP for one of groups of rows (group_loop.hpp). The build compiles this
// file for each chapter (HG_SPACE, HG_CHAPTER, HG_HEADER, HG_TABLE) and instruction set (HG_ISA) with the compiler's flags
// for that set; nothing here may be shared between them, so all is local to this file or always inlined.
#include "row_table.hpp"
//
#include "group_loop.hpp"
#include "row_loop.hpp"
//
#include HG_HEADER

#define HG_JOIN_(a, b, c, d) a##_##b##_##c##_##d
#define HG_JOIN(a, b, c, d) HG_JOIN_(a, b, c, d)
#define HG_TEXT_(a) #a
#define HG_TEXT(a) HG_TEXT_(a)

namespace hypergeom::cpu {
namespace {

template <class Op, std::size_t... I>
HG_FN void run_op(int d, void* const* row, Indices<I...>) {
    Op::run(Serial{}, d, static_cast<Pack*>(row[I])...);
}

#define HG_ROW_OP(name, text)                                                         \
    struct name##_op {                                                                \
        template <class... Args>                                                      \
        HG_FN static void run(Args... args) {                                         \
            HG_SPACE::name(args...);                                                  \
        }                                                                             \
    };                                                                                \
    void name##_run(int d, void* const* row) {                                        \
        run_op<name##_op>(d, row, typename FirstIndices<Signature(text).args()>::type{}); \
    }
#define HG_GROUP_OP(name, text)
#include HG_TABLE
#undef HG_ROW_OP
#undef HG_GROUP_OP

#define HG_OP(name, text, run, ...) \
    {HG_TEXT(HG_SPACE) "_" #name, text, Signature(text), is_vjp(#name), {__VA_ARGS__}, run},
const RowOp ops[] = {
#define HG_ROW_OP(name, text) HG_OP(name, text, name##_run, row_loop<float>, row_loop<double>)
#define HG_GROUP_OP(name, text) \
    HG_OP(name, text, nullptr, group_loop<float, HG_SPACE::name>, group_loop<double, HG_SPACE::name>)
#include HG_TABLE
};

}  // namespace

RowTable HG_JOIN(table, HG_SPACE, HG_CHAPTER, HG_ISA)() { return {ops, ops + sizeof ops / sizeof *ops}; }

}  // namespace hypergeom::cpu
