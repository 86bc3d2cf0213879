// Fibers, the operations at which they meet, and the reports when they do not.
#include "scheduler.hpp"

#include <link.h>
#include <ucontext.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#ifdef CUDA_HOST_SANITIZE
#include <sanitizer/common_interface_defs.h>
#endif

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace cuda_host {
namespace {

constexpr std::size_t stack_bytes = 256 * 1024, max_threads = 1024;
constexpr std::uint64_t poison = ~std::uint64_t(0);

struct Fiber {
    ucontext_t first{};  // where a new fiber starts
    void* state[5];      // where it goes on: the compiler's own setjmp makes no system call and no sanitizer intercepts it
    bool started = false, finished = false;
    const Operation* waits = nullptr;  // on the fiber's own stack; null when it can run
    std::uint64_t result = 0;
    uint3 index{};
    std::unique_ptr<char[]> stack;
    const void* stack_bottom = nullptr;  // these three tell AddressSanitizer where it is
    std::size_t stack_size = 0;
    void* fake_stack = nullptr;
};

struct Block {
    void (*body)(const void*) = nullptr;
    const void* data = nullptr;
    std::vector<std::unique_ptr<Fiber>> fibers;  // kept from block to block and from launch to launch
    Fiber scheduler;
    int size = 0, current = 0;
    std::string error;
} block;

// Plain memory: the kernels' file may register its arrays before this one's objects are constructed.
const char* dynamic_shared[16];
int dynamic_shared_count;

Fiber& self() { return *block.fibers[block.current]; }

[[noreturn]] __attribute__((noinline)) void resume(Fiber& to) {
    if (to.started) __builtin_longjmp(to.state, 1);
    to.started = true;
    setcontext(&to.first);
    __builtin_unreachable();
}

// Not inlined: no variable of a caller may stay in a register that the other side changes.
__attribute__((noinline)) void switch_fiber(Fiber& from, Fiber& to) {
#ifdef CUDA_HOST_SANITIZE
    __sanitizer_start_switch_fiber(&from.fake_stack, to.stack_bottom, to.stack_size);
#endif
    if (!__builtin_setjmp(from.state)) resume(to);
#ifdef CUDA_HOST_SANITIZE
    __sanitizer_finish_switch_fiber(from.fake_stack, &to.stack_bottom, &to.stack_size);
#endif
}

void fiber_main() {
#ifdef CUDA_HOST_SANITIZE
    __sanitizer_finish_switch_fiber(nullptr, &block.scheduler.stack_bottom, &block.scheduler.stack_size);
#endif
    for (;;) {
        block.body(block.data);
        self().finished = true;
        switch_fiber(self(), block.scheduler);
    }
}

std::unique_ptr<Fiber> new_fiber() {
    auto fiber = std::make_unique<Fiber>();
    fiber->stack.reset(new char[stack_bytes]);
    fiber->stack_bottom = fiber->stack.get(), fiber->stack_size = stack_bytes;
    getcontext(&fiber->first);
    fiber->first.uc_stack.ss_sp = fiber->stack.get();
    fiber->first.uc_stack.ss_size = stack_bytes;
    makecontext(&fiber->first, fiber_main, 0);
    return fiber;
}

// Two threads are in the same operation. __syncthreads may stand in a branch only if the whole block takes it: its place counts.
bool same(const Operation& a, const Operation& b) {
    return a.kind == b.kind && a.mask == b.mask && (a.name == b.name || !std::strcmp(a.name, b.name)) &&
           (a.kind != Kind::barrier || (a.line == b.line && !std::strcmp(a.file, b.file)));
}

std::string text(const uint3& i) {
    return "(" + std::to_string(i.x) + ", " + std::to_string(i.y) + ", " + std::to_string(i.z) + ")";
}

std::string text(const Operation& o) {
    const char* slash = std::strrchr(o.file, '/');
    return std::string(o.name) + " (" + (slash ? slash + 1 : o.file) + ":" + std::to_string(o.line) + ")";
}

int warp_of(int thread) { return thread - thread % warpSize; }

// Thread t waits for a thread that does not come.
void report_missing(int t, int missing) {
    const std::string caller = "thread " + text(block.fibers[t]->index) + " in " + text(*block.fibers[t]->waits);
    if (missing >= block.size) {
        block.error = caller + " names lane " + std::to_string(missing % warpSize) + ", which lies beyond the block";
        return;
    }
    const Fiber& other = *block.fibers[missing];
    block.error = caller + " needs thread " + text(other.index) + ", which " +
                  (other.finished ? "has exited" : "waits in " + text(*other.waits));
}

// Nobody can run: names the first thread that waits, and one that it needs and that waits elsewhere or has exited.
void report_stuck() {
    for (int t = 0; t < block.size; ++t) {
        const Operation* o = block.fibers[t]->waits;
        if (!o) continue;
        const bool whole_block = o->kind == Kind::barrier;
        const int base = whole_block ? 0 : warp_of(t), end = whole_block ? block.size : base + warpSize;
        for (int k = base; k < end; ++k) {
            const Operation* theirs = block.fibers[k]->waits;
            if ((whole_block || (o->mask >> (k - base) & 1)) && !(theirs && same(*theirs, *o))) return report_missing(t, k);
        }
    }
}

bool carry_out_barrier() {
    std::uint64_t votes = 0;
    for (int t = 0; t < block.size; ++t) {
        const Operation* o = block.fibers[t]->waits;
        if (!o || o->kind != Kind::barrier || !same(*o, *block.fibers[0]->waits)) return false;
        votes += o->value != 0;
    }
    for (int t = 0; t < block.size; ++t) {
        block.fibers[t]->result = votes;
        block.fibers[t]->waits = nullptr;
    }
    return true;
}

// The warp operation in which thread t waits, if all lanes of its mask wait there.
bool carry_out_warp(int t) {
    const Operation operation = *block.fibers[t]->waits;
    const int base = warp_of(t);
    std::uint64_t votes = 0, value[warpSize];
    for (int k = 0; k < warpSize; ++k) {
        value[k] = poison;
        if (!(operation.mask >> k & 1)) continue;
        if (base + k >= block.size || block.fibers[base + k]->finished) return report_missing(t, base + k), false;
        const Operation* o = block.fibers[base + k]->waits;
        if (!o || !same(*o, operation)) return false;
        value[k] = o->value;
        votes |= std::uint64_t(o->value != 0) << k;
    }
    for (int k = 0; k < warpSize; ++k) {
        if (!(operation.mask >> k & 1)) continue;
        Fiber& fiber = *block.fibers[base + k];
        fiber.result = operation.kind == Kind::vote ? votes : value[fiber.waits->source];
        fiber.waits = nullptr;
    }
    return true;
}

// Every fiber of some that can run does so until it waits or exits. False when one of them reported an error.
bool run_fibers(int first, int end, bool reverse) {
    for (int k = first; k < end; ++k) {
        block.current = reverse ? end - 1 - (k - first) : k;
        if (self().finished || self().waits) continue;
        threadIdx = self().index;
        switch_fiber(block.scheduler, self());
        if (!block.error.empty()) return false;
    }
    return true;
}

// Whether some fiber between those can go on.
bool carry_out_warps(int first, int end) {
    bool any = false;
    for (int t = first; t < end && t < block.size && block.error.empty(); ++t) {
        const Fiber& fiber = *block.fibers[t];
        if (fiber.waits && fiber.waits->kind != Kind::barrier) any |= carry_out_warp(t);
    }
    return any && block.error.empty();
}

// Forward, all threads come to their next operation before one goes beyond it. In reverse, the last warp goes as far as it
// can before another begins: what warps read of one another without a barrier is then not there yet. In the third order
// the first warp does: what others are still to read without a barrier is then gone.
void run_block(int order) {
    for (int t = 0; t < block.size; ++t) {
        const unsigned u = unsigned(t);
        Fiber& fiber = *block.fibers[t];
        fiber.finished = false, fiber.waits = nullptr;
        fiber.index = {u % blockDim.x, u / blockDim.x % blockDim.y, u / (blockDim.x * blockDim.y)};
    }
    for (;;) {
        if (order != 0) {
            const int last = warp_of(block.size - 1);
            for (int k = 0; k <= last; k += warpSize) {
                const int w = order == 1 ? last - k : k, end = std::min(w + warpSize, block.size);
                while (run_fibers(w, end, order == 1) && carry_out_warps(w, w + warpSize)) {}
            }
        } else {
            while (run_fibers(0, block.size, false) && carry_out_warps(0, block.size)) {}
        }
        if (!block.error.empty()) return;
        bool finished = true;
        for (int t = 0; t < block.size; ++t) finished &= block.fibers[t]->finished;
        if (finished) return;
        if (!carry_out_barrier()) return report_stuck();
    }
}

thread_local char shared_anchor;

// All thread-local variables of this library are shared memory (cuda_host.hpp); the loader says where they lie.
int poison_shared(dl_phdr_info* info, std::size_t, void*) {
    for (int k = 0; k < info->dlpi_phnum; ++k) {
        const auto& header = info->dlpi_phdr[k];
        char* data = static_cast<char*>(info->dlpi_tls_data);
        if (header.p_type != PT_TLS || !data) continue;
        if (&shared_anchor < data || &shared_anchor >= data + header.p_memsz) continue;
        std::memset(data, 0xff, header.p_memsz);
        return 1;
    }
    return 0;
}

void check_dynamic_shared(std::size_t asked) {
    for (int a = 0; a < dynamic_shared_count; ++a)
        for (std::size_t k = asked; k < shared_bytes; ++k)
            if (dynamic_shared[a][k] != char(0xff)) {
                block.error = "byte " + std::to_string(k) + " of dynamic shared memory was written, the launch asked for " +
                              std::to_string(asked) + " bytes";
                return;
            }
}

}  // namespace

std::uint64_t meet(const Operation& operation) {
    if (operation.kind != Kind::barrier && !(operation.mask >> lane() & 1)) {
        char mask[16];
        std::snprintf(mask, sizeof mask, "0x%08x", operation.mask);
        block.error = "thread " + text(self().index) + ", lane " + std::to_string(lane()) + ", in " + text(operation) +
                      " passes the mask " + mask + ", which does not name it";
    }
    self().waits = &operation;
    switch_fiber(self(), block.scheduler);
    return self().result;
}

int lane() { return block.current % warpSize; }

int block_size() { return block.size; }

unsigned running_lanes() {
    unsigned mask = 0;
    const int base = warp_of(block.current);
    for (int k = 0; k < warpSize && base + k < block.size; ++k)
        mask |= unsigned(!block.fibers[base + k]->finished) << k;
    return mask;
}

bool add_dynamic_shared(const void* array) {
    if (dynamic_shared_count == sizeof dynamic_shared / sizeof *dynamic_shared) return false;
    dynamic_shared[dynamic_shared_count++] = static_cast<const char*>(array);
    return true;
}

int check_arguments(const std::size_t* given, std::size_t n_given, const std::size_t* needed, std::size_t n_needed) {
    block.error.clear();
    if (n_given != n_needed)
        block.error = std::to_string(n_given) + " arguments given, the kernel has " + std::to_string(n_needed);
    for (std::size_t k = 0; block.error.empty() && k < n_given; ++k)
        if (given[k] != needed[k])
            block.error = "argument " + std::to_string(k) + " has " + std::to_string(given[k]) +
                          " bytes, the kernel's has " + std::to_string(needed[k]);
    return !block.error.empty();
}

int run_grid(const Launch& how, void (*body)(const void*), const void* data) {
    gridDim = {how.grid[0], how.grid[1], how.grid[2]};
    blockDim = {how.block[0], how.block[1], how.block[2]};
    const std::uint64_t blocks = std::uint64_t(gridDim.x) * gridDim.y * gridDim.z;
    const std::uint64_t threads = std::uint64_t(blockDim.x) * blockDim.y * blockDim.z;
    block.error.clear();
    if (!blocks || !threads || threads > max_threads || how.shared > shared_bytes) {
        block.error = "a launch needs at least one block, of 1 to 1024 threads, with at most 48 KiB of shared memory";
        return 1;
    }
    block.body = body, block.data = data, block.size = int(threads);
    block.scheduler.started = true;
    while (block.fibers.size() < threads) block.fibers.push_back(new_fiber());
    const std::uint64_t first = how.count ? how.first : 0, count = how.count ? how.count : blocks;
    if (first + count > blocks) block.error = "the launch has fewer blocks than are to run";
    for (std::uint64_t k = 0; k < count && block.error.empty(); ++k) {
        const std::uint64_t b = first + (how.reverse == 1 ? count - 1 - k : k), plane = std::uint64_t(gridDim.x) * gridDim.y;
        blockIdx = {unsigned(b % gridDim.x), unsigned(b / gridDim.x % gridDim.y), unsigned(b / plane)};
        *const_cast<volatile char*>(&shared_anchor) = 0;  // the loader allocates the variables at their first use
        dl_iterate_phdr(poison_shared, nullptr);
        run_block(how.reverse);
        if (block.error.empty()) check_dynamic_shared(how.shared);
    }
    if (block.error.empty()) return 0;
    if (block.error.rfind("the launch", 0)) block.error = "block " + text(blockIdx) + ": " + block.error;
    block.fibers.clear();  // they stopped in mid-kernel
    return 1;
}

}  // namespace cuda_host

extern "C" __attribute__((visibility("default"))) const char* cuda_host_error() {
    return cuda_host::block.error.c_str();
}
