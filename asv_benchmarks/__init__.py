"""Benchmarks for asv, one file for each module of hypergeom; `peers` runs other libraries on the same work.

    cd asv_benchmarks
    asv run --quick                      # builds the current commit in an environment of its own
    asv run --python=same --quick        # the installed hypergeom, and the peers that are installed beside it

A ``time_`` benchmark is in seconds. A ``track_`` benchmark in units of "x" is a ratio of two times, taken
alternately in one process: such a number means something on a busy machine too, and on another machine.
"""
