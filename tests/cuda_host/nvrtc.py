"""NVRTC through ctypes: compile a .cu file for a GPU that need not be there."""

import ctypes
import functools
import importlib.util
import os
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

ARCHITECTURES = ("sm_75", "sm_80", "sm_90", "sm_100")
# CuPy adds this one to whatever it compiles.
CUPY_OPTIONS = ("-ftz=true",)


class Usage(NamedTuple):
    """What the assembler reports of one kernel: registers a thread, bytes of stack and of spills."""

    registers: int
    stack: int
    spills: int


class Binary(NamedTuple):
    kernels: frozenset[str]
    usage: dict[str, Usage]


@functools.cache
def _library():
    """The NVRTC of the wheel that CuPy uses, None where it is not installed."""
    spec = importlib.util.find_spec("nvidia")
    folders = spec.submodule_search_locations if spec else ()
    found = [path for folder in folders for path in Path(folder).glob("*/lib/libnvrtc.so.*")]
    found = [path for path in found if ".alt." not in path.name]
    return ctypes.CDLL(str(max(found))) if found else None


def compile_for(source, architecture, options=()):
    """Compile `source` to a device binary; fails the test with NVRTC's own words.

    Parameters
    ----------
    source : Path
        A .cu file.
    architecture : str
        As "sm_80".
    options : sequence of str
        Further options.

    Returns
    -------
    Binary
        Names of its kernels and the resources of each.
    """
    nvrtc = _library()
    if nvrtc is None:
        pytest.skip("NVRTC is not installed (the wheel nvidia-cuda-nvrtc-cu12)")
    program = ctypes.c_void_p()
    text = source.read_bytes()
    assert nvrtc.nvrtcCreateProgram(ctypes.byref(program), text, source.name.encode(), 0, None, None) == 0
    try:
        flags = [f"--gpu-architecture={architecture}", "--ptxas-options=-v", *CUPY_OPTIONS, *options]
        array = (ctypes.c_char_p * len(flags))(*(flag.encode() for flag in flags))
        status = nvrtc.nvrtcCompileProgram(program, len(flags), array)
        log = _result(nvrtc, program, "ProgramLog").rstrip(b"\0").decode()
        if status:
            pytest.fail(f"NVRTC rejects {source.name} for {architecture}:\n{log[:4000]}", pytrace=False)
        binary = _result(nvrtc, program, "CUBIN")
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))
    # A kernel is a section of its own in the ELF file.
    names = re.findall(rb"\.nv\.info\.(\w+)\0", binary)
    return Binary(frozenset(name.decode() for name in names), parse_usage(log))


_workers = ThreadPoolExecutor(os.cpu_count())


@functools.cache
def compile_for_all(source, options):
    """What gives the result of `compile_for` for each architecture; they are compiled at the same time."""
    return {name: _workers.submit(compile_for, source, name, options).result for name in ARCHITECTURES}


def _result(nvrtc, program, what):
    size = ctypes.c_size_t()
    getattr(nvrtc, f"nvrtcGet{what}Size")(program, ctypes.byref(size))
    buffer = ctypes.create_string_buffer(size.value)
    getattr(nvrtc, f"nvrtcGet{what}")(program, buffer)
    return buffer.raw


def parse_usage(log):
    """Usage of each kernel from the assembler's verbose report."""
    memory = re.compile(r"(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads")
    usage = {}
    for part in log.split("Compiling entry function '")[1:]:
        stack, *spills = map(int, memory.search(part).groups())
        registers = int(re.search(r"Used (\d+) registers", part).group(1))
        usage[part.partition("'")[0]] = Usage(registers, stack, sum(spills))
    return usage


def nvcc_usage(nvcc, source, architecture, options, target):
    """As `compile_for`, with the nvcc of a CUDA toolkit."""
    flags = [f"-arch={architecture}", "-cubin", "-Xptxas", "-v", "-o", str(target), *options]
    done = subprocess.run([nvcc, *flags, str(source)], capture_output=True, text=True)
    if done.returncode:
        pytest.fail(f"nvcc rejects {source.name} for {architecture}:\n{done.stderr[:4000]}", pytrace=False)
    return parse_usage(done.stderr)
