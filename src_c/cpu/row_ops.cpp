// One chapter of row functions for one instruction set: a gufunc loop for each line of its table, HG_ROW_OP for a function of
// rows (row_loop.hpp), HG_GROUP_OP for one of groups of rows (group_loop.hpp). The build compiles this
// file for each chapter (HG_SPACE, HG_CHAPTER, HG_HEADER, HG_TABLE) and instruction set (HG_ISA) with the compiler's flags
// for that set; nothing here may be shared between them, so all is local to this file or always inlined.
#include "row_table.hpp"
//
#include "group_loop.hpp"
#include "row_loop.hpp"
#include "row_run.hpp"
//
#include HG_HEADER

#define HG_TEXT_(a) #a
#define HG_TEXT(a) HG_TEXT_(a)

namespace hypergeom::cpu {

// The same functions of one row of numbers of wide range (wide_ops.cpp), where the build has them.
#ifdef HG_HAS_WIDE
#define HG_WIDE(name) HG_JOIN4(wide, HG_SPACE, HG_CHAPTER, name)
#define HG_ROW_OP(name, text) void HG_WIDE(name)(int d, void* const* row);
#define HG_GROUP_OP(name, text)
#include HG_TABLE
#undef HG_ROW_OP
#undef HG_GROUP_OP
#else
#define HG_WIDE(name) nullptr
#endif

namespace {

#define HG_ROW_OP(name, text) HG_RUN(name, name##_run, Pack, Signature(text))
#define HG_GROUP_OP(name, text)
#include HG_TABLE
#undef HG_ROW_OP
#undef HG_GROUP_OP

#define HG_OP(name, text, run, wide, ...) \
    {HG_TEXT(HG_SPACE) "_" #name, text, Signature(text), is_vjp(#name), {__VA_ARGS__}, run, wide},
const RowOp ops[] = {
#define HG_ROW_OP(name, text) HG_OP(name, text, name##_run, HG_WIDE(name), row_loop<float>, row_loop<double>)
#define HG_GROUP_OP(name, text) \
    HG_OP(name, text, nullptr, nullptr, group_loop<float, HG_SPACE::name>, group_loop<double, HG_SPACE::name>)
#include HG_TABLE
};

}  // namespace

RowTable HG_JOIN4(table, HG_SPACE, HG_CHAPTER, HG_ISA)() { return {ops, ops + sizeof ops / sizeof *ops}; }

}  // namespace hypergeom::cpu
