// A row function of any kind of number behind one type: void (*)(int d, void* const* row).
#pragma once
#include <cstddef>

#include "hypergeom/signature.hpp"
#include "hypergeom/team.hpp"

#define HG_JOIN4_(a, b, c, d) a##_##b##_##c##_##d
#define HG_JOIN4(a, b, c, d) HG_JOIN4_(a, b, c, d)

namespace hypergeom::cpu {
namespace {

template <std::size_t... I>
struct Indices {};
template <std::size_t n, std::size_t... I>
struct FirstIndices : FirstIndices<n - 1, n - 1, I...> {};
template <std::size_t... I>
struct FirstIndices<0, I...> {
    typedef Indices<I...> type;
};

template <class T, class Op, std::size_t... I>
HG_FN void run_op(int d, void* const* row, Indices<I...>) {
    Op::run(Serial{}, d, static_cast<T*>(row[I])...);
}

}  // namespace
}  // namespace hypergeom::cpu

// Defines `run_name`, the function `name` of HG_SPACE for rows of T.
#define HG_RUN(name, run_name, T, signature)                                           \
    namespace {                                                                        \
    struct name##_op {                                                                 \
        template <class... Args>                                                       \
        HG_FN static void run(Args... args) {                                          \
            HG_SPACE::name(args...);                                                   \
        }                                                                              \
    };                                                                                 \
    }                                                                                  \
    void run_name(int d, void* const* row) {                                           \
        run_op<T, name##_op>(d, row, typename FirstIndices<signature.args()>::type{}); \
    }
