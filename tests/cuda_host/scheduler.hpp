// One block of CUDA threads as fibers of one host thread.
//
// A fiber runs until it meets a barrier or a warp operation, where it waits; when no fiber (in reverse: no fiber of a warp) can
// run, every operation that all its threads have reached is carried out and they go on. An operation that some named thread can
// no longer reach is an error. That is stricter than the hardware in one point: a thread that has exited counts as missing, also
// for __syncthreads.
#pragma once
#include <cstddef>
#include <cstdint>

struct uint3 {
    unsigned x, y, z;
};
struct dim3 {
    unsigned x = 1, y = 1, z = 1;
};
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
constexpr int warpSize = 32;

namespace cuda_host {

constexpr std::size_t shared_bytes = 48 * 1024;

enum class Kind { barrier, exchange, vote };

// What a thread calls: `name`, `file` and `line` for the report, `value` and `source` for the exchange.
struct Operation {
    Kind kind;
    const char* name;
    const char* file;
    int line;
    unsigned mask;  // of lanes; a barrier names the whole block
    std::uint64_t value;
    int source;  // lane whose value an exchange brings
};

// Waits until the operation is carried out. An exchange returns the value of `source` (undefined, here all ones, outside the
// mask), a vote the lanes with a nonzero value, a barrier the number of threads with one.
std::uint64_t meet(const Operation& operation);

int lane();
int block_size();
unsigned running_lanes();  // of this thread's warp

struct Launch {
    unsigned grid[3], block[3];
    unsigned long long shared;
    int reverse;  // 1: threads and blocks in reverse order, one warp after the other; 2: so, but the first one first
    unsigned long long first, count;  // of the blocks, those to run; a count of 0 means all
};

// Each returns 0, or 1 with a message for cuda_host_error.
int check_arguments(const std::size_t* given, std::size_t n_given, const std::size_t* needed, std::size_t n_needed);
int run_grid(const Launch& how, void (*body)(const void*), const void* data);

// Where an `extern __shared__` array lies: what a launch did not ask for must stay poisoned.
bool add_dynamic_shared(const void* array);

}  // namespace cuda_host
