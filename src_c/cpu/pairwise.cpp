// Python module hypergeom._core.pairwise: all pairs of two sets of points as NumPy generalized ufuncs, on several
// threads.
#include "pair_table.hpp"
//
#include <numpy/ufuncobject.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <exception>
#include <memory>
#include <new>
#include <thread>
#include <vector>

#include "isa.hpp"
#include "pair_spaces.h"

namespace hypergeom::cpu {

struct PairIsa {
    const char* name;
    PairKernels (*const kernels[4])();
};

#define HG_PAIRS(isa, space) PairKernels pairs_##space##_##isa();
#define X(isa) HG_PAIR_SPACES(isa)
HG_ISAS(X)
#undef X
#undef HG_PAIRS

#define HG_PAIRS(isa, space) pairs_##space##_##isa,
const PairIsa isas[] = {
#define X(isa) {#isa, {HG_PAIR_SPACES(isa) nullptr}},
    HG_ISAS(X)
#undef X
};
#undef HG_PAIRS

struct Free {
    void operator()(void* p) const { std::free(p); }
};

// Threads with a room each. The same task gives the same bits in whichever of them it runs.
class Team {
    std::vector<std::unique_ptr<double, Free>> rooms_;

  public:
    // False where there is no memory for one.
    bool make(npy_intp threads, std::size_t room) {
        for (npy_intp t = 0; t < threads; ++t) {
            // a multiple of 64 bytes, since it is for eight rows at least
            void* memory = std::aligned_alloc(64, room * sizeof(double));
            if (!memory) break;
            rooms_.emplace_back(static_cast<double*>(memory));
        }
        return !rooms_.empty();
    }

    // task(0, room), ..., task(count - 1, room), in any order and at the same time.
    template <class F>
    void run(npy_intp count, F task) {
        std::atomic<npy_intp> next{0};
        const auto work = [&](double* room) {
            for (npy_intp t; (t = next.fetch_add(1)) < count;) task(t, room);
        };
        std::vector<std::thread> others;
        try {
            for (std::size_t t = 1; t < rooms_.size() && npy_intp(t) < count; ++t)
                others.emplace_back(work, rooms_[t].get());
        } catch (const std::exception&) {  // the system has no more: those that there are do all
        }
        work(rooms_[0].get());
        for (std::thread& t : others) t.join();
    }
};

// A loop that may run out of memory.
template <class F>
void guarded(F loop) {
    bool enough = false;
    try {
        enough = loop();
    } catch (const std::bad_alloc&) {
    }
    if (enough) return;
    const PyGILState_STATE state = PyGILState_Ensure();
    PyErr_NoMemory();
    PyGILState_Release(state);
}

npy_intp edge(npy_intp size, npy_intp parts, npy_intp part) {
    return size / parts * part + std::min(size % parts, part);
}

// One space and dtype: what a loop finds behind its data pointer.
struct PairLoop {
    void (*distances)(const PairCall&, const PairBlock&, double*);
    double (*gradient)(const PairCall&, const PairBlock&, double*);
};

// (m,n),(k,n),(),()->(m,k): x, y, c, the number of threads
void distances_loop(char** args, const npy_intp* dims, const npy_intp* steps, void* data) {
    const npy_intp m = dims[1], n = dims[2], k = dims[3];
    const npy_intp* core = steps + 5;
    const PairCall call{dims[0],
                        m,
                        k,
                        int(n),
                        {args[0], steps[0], core[0], core[1]},
                        {args[1], steps[1], core[2], core[3]},
                        {args[2], steps[2], 0, 0},
                        {args[4], steps[4], core[4], core[5]},
                        {},
                        {}};
    if (call.batches == 0 || m == 0 || k == 0) return;
    const npy_intp panel = rows_within(call.n, panel_rows), panels = (m + panel - 1) / panel;
    guarded([&] {
        Team team;
        if (!team.make(*reinterpret_cast<const npy_int64*>(args[3]), distances_room(call.n))) return false;
        team.run(call.batches * panels, [&](npy_intp task, double* room) {
            const npy_intp begin = task % panels * panel;
            const PairBlock block{task / panels, begin, std::min(begin + panel, m), 0, k};
            static_cast<const PairLoop*>(data)->distances(call, block, room);
        });
        return true;
    });
}

void set_to_zero(const Matrices& a, npy_intp batches, npy_intp rows, int n) {
    for (npy_intp b = 0; b < batches; ++b)
        for (npy_intp i = 0; i < rows; ++i)
            for (int t = 0; t < n; ++t) *reinterpret_cast<double*>(a.at(b, i, t)) = 0;
}

// Both sets of points are cut in the same number of parts, whatever the number of threads. In round s, part i of x
// meets part i + s of y: no two blocks of a round add to the same cotangent, and each cotangent gets its terms in the
// order of the rounds.
bool add_gradient(const PairCall& call, char** args, npy_intp c_step, const PairLoop* kernels) {
    const npy_intp m = call.m, k = call.k;
    set_to_zero(call.x_bar, call.batches, m, call.n);
    set_to_zero(call.y_bar, call.batches, k, call.n);
    const npy_intp parts = std::clamp<npy_intp>(std::min(m, k) / tile_rows, 1, 16);
    std::vector<double> c_bar(std::size_t(call.batches * parts), 0.0);
    Team team;
    if (!team.make(*reinterpret_cast<const npy_int64*>(args[4]), gradient_room(call.n))) return false;
    for (npy_intp round = 0; round < (m > 0 && k > 0 ? parts : 0); ++round)
        team.run(call.batches * parts, [&](npy_intp task, double* room) {
            const npy_intp i = task % parts, j = (i + round) % parts;
            const PairBlock block{task / parts, edge(m, parts, i), edge(m, parts, i + 1), edge(k, parts, j),
                                  edge(k, parts, j + 1)};
            c_bar[std::size_t(task)] += kernels->gradient(call, block, room);
        });
    for (npy_intp b = 0; b < call.batches; ++b) {
        double total = 0;
        for (npy_intp i = 0; i < parts; ++i) total += c_bar[std::size_t(b * parts + i)];
        *reinterpret_cast<double*>(args[7] + b * c_step) = total;
    }
    return true;
}

// (m,k),(m,n),(k,n),(),()->(m,n),(k,n),(): the cotangent of the distances first, those of x, y and c
void gradient_loop(char** args, const npy_intp* dims, const npy_intp* steps, void* data) {
    const npy_intp m = dims[1], k = dims[2], n = dims[3], batches = dims[0];
    const npy_intp* core = steps + 8;
    const PairCall call{batches,
                        m,
                        k,
                        int(n),
                        {args[1], steps[1], core[2], core[3]},
                        {args[2], steps[2], core[4], core[5]},
                        {args[3], steps[3], 0, 0},
                        {args[0], steps[0], core[0], core[1]},
                        {args[5], steps[5], core[6], core[7]},
                        {args[6], steps[6], core[8], core[9]}};
    if (batches == 0) return;
    guarded([&] { return add_gradient(call, args, steps[7], static_cast<const PairLoop*>(data)); });
}

// One gufunc of a space: float32, then float64.
struct PairGufunc {
    const char* suffix;
    const char* signature;
    PyUFuncGenericFunction loop;
    int inputs, outputs;
    bool single[8];  // whether an argument is float32 in the first loop
};

const PairGufunc gufuncs[] = {
    {"_cdist", "(m,n),(k,n),(),()->(m,k)", distances_loop, 4, 1, {true, true, false, false, true}},
    {"_cdist_vjp",
     "(m,k),(m,n),(k,n),(),()->(m,n),(k,n),()",
     gradient_loop,
     5,
     3,
     {true, true, true, false, false, false, false, false}},
};

bool add_gufunc(PyObject* dict, const PairGufunc& f, const PairKernels& kernels) {
    // NumPy keeps the pointers for the life of the ufunc, which is the life of the process.
    static constexpr int most = 8;
    char* types = new char[2 * most];
    void** data = new void*[2];
    auto* loops = new PyUFuncGenericFunction[2]{f.loop, f.loop};
    char* name = new char[64];
    PyOS_snprintf(name, 64, "%s%s", kernels.space, f.suffix);
    const int args = f.inputs + f.outputs;
    for (int wide = 0; wide < 2; ++wide) {
        data[wide] = new PairLoop{kernels.distances[wide], kernels.gradient[wide]};
        for (int a = 0; a < args; ++a)
            types[wide * args + a] = f.single[a] && !wide ? NPY_FLOAT : a == f.inputs - 1 ? NPY_INT64 : NPY_DOUBLE;
    }
    PyObject* ufunc = PyUFunc_FromFuncAndDataAndSignature(loops, data, types, 2, f.inputs, f.outputs, PyUFunc_None,
                                                          name, nullptr, 0, f.signature);
    if (!ufunc) return false;
    const bool added = PyDict_SetItemString(dict, name, ufunc) == 0;
    Py_DECREF(ufunc);
    return added;
}

bool add_gufuncs(PyObject* module) {
    const PairIsa* isa = choose_isa(isas);
    if (!isa) return false;
    for (PairKernels (*const* kernels)() = isa->kernels; *kernels; ++kernels)
        for (const PairGufunc& f : gufuncs)
            if (!add_gufunc(PyModule_GetDict(module), f, (*kernels)())) return false;
    return PyModule_AddStringConstant(module, "ISA", isa->name) == 0;
}

}  // namespace hypergeom::cpu

namespace {
int exec(PyObject* module) {
    if (PyUFunc_ImportUFuncAPI() < 0) return -1;
    return hypergeom::cpu::add_gufuncs(module) ? 0 : -1;
}

PyModuleDef_Slot slots[] = {{Py_mod_exec, reinterpret_cast<void*>(exec)}, {0, nullptr}};
PyModuleDef definition = {PyModuleDef_HEAD_INIT,
                          "pairwise",
                          "CPU twins of the functions of all pairs of two sets of points.",
                          0,
                          nullptr,
                          slots,
                          nullptr,
                          nullptr,
                          nullptr};
}  // namespace

PyMODINIT_FUNC PyInit_pairwise() { return PyModuleDef_Init(&definition); }
