# cython: language_level=3, boundscheck=False, wraparound=False
"""Compiled part of `hypergeom.embed.hierarchy`: transitive closure and reduction."""
from libc.stdint cimport int64_t, uint8_t
from libcpp.algorithm cimport copy
from libcpp.memory cimport unique_ptr
from libcpp.vector cimport vector

import numpy as np


cdef extern from "cpu/closure.hpp" namespace "hypergeom::cpu" nogil:
    cdef cppclass Closure:
        Closure(const int64_t* edges, int64_t m, int64_t n) except +
        vector[int64_t] cycle
        vector[uint8_t] basic
        int64_t size()
        void write(int64_t* out)


def close(const int64_t[:, ::1] edges not None, int64_t n):
    """Close `edges`, rows (child, parent) of node numbers in [0, n).

    Returns `(closure, basic, cycle)`: the (m2, 2) int64 closure in lexicographic order, a boolean per
    edge that is true in the transitive reduction, and a list of nodes, which is empty unless there is
    a cycle (then the other two hold nothing of use).
    """
    cdef int64_t m = edges.shape[0]
    cdef unique_ptr[Closure] closure
    with nogil:
        closure.reset(new Closure(&edges[0, 0] if m else NULL, m, n))

    basic = np.empty(m, dtype=np.uint8)
    cdef uint8_t[::1] basic_view = basic
    out = np.empty((closure.get().size(), 2), dtype=np.int64)
    cdef int64_t[:, ::1] out_view = out
    with nogil:
        if m:
            copy(closure.get().basic.begin(), closure.get().basic.end(), &basic_view[0])
        if out_view.shape[0]:
            closure.get().write(&out_view[0, 0])
    return out, basic.view(np.bool_), closure.get().cycle
