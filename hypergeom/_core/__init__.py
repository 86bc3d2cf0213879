"""Compiled modules: the CPU twins of the row functions and the kernels with loops of their own."""
