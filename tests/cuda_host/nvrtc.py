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
from cuda_host import cubin

ARCHITECTURES = ("sm_75", "sm_80", "sm_90", "sm_100")
# CuPy adds this one to whatever it compiles.
CUPY_OPTIONS = ("-ftz=true",)


class Usage(NamedTuple):
    """What the assembler reports of one kernel: registers a thread, bytes of stack, spills, static shared memory."""

    registers: int
    stack: int
    spills: int
    shared: int


class Binary(NamedTuple):
    usage: dict[str, Usage]
    doubles: dict[str, tuple[int, int]]  # instructions of double precision: arithmetic, conversions

    @property
    def kernels(self):
        return self.doubles.keys()


@functools.cache
def _library():
    """The NVRTC of the wheel that CuPy uses, None where it is not installed."""
    spec = importlib.util.find_spec("nvidia")
    folders = spec.submodule_search_locations if spec else ()
    found = [path for folder in folders for path in Path(folder).glob("*/lib/libnvrtc.so.*")]
    found = [path for path in found if ".alt." not in path.name]
    return ctypes.CDLL(str(max(found))) if found else None


@functools.cache
def version():
    """The version of the compiler, as it writes it into its output."""
    return re.search(r"V(\d+\.\d+\.\d+)", ptx(b"", ())).group(1)


def ptx(text, options):
    """The intermediate code of a source."""
    nvrtc, program = _library(), ctypes.c_void_p()
    if nvrtc is None:
        pytest.skip("NVRTC is not installed (the wheel nvidia-cuda-nvrtc-cu12)")
    assert nvrtc.nvrtcCreateProgram(ctypes.byref(program), text, b"source.cu", 0, None, None) == 0
    try:
        flags = ["--gpu-architecture=compute_80", *CUPY_OPTIONS, *options]
        array = (ctypes.c_char_p * len(flags))(*(flag.encode() for flag in flags))
        status = nvrtc.nvrtcCompileProgram(program, len(flags), array)
        assert status == 0, _result(nvrtc, program, "ProgramLog").decode()
        return _result(nvrtc, program, "PTX").rstrip(b"\0").decode()
    finally:
        nvrtc.nvrtcDestroyProgram(ctypes.byref(program))


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
    counts = cubin.opcodes(binary)
    return Binary(parse_usage(log), {name: cubin.doubles(of) for name, of in counts.items()})


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
        shared = re.search(r"(\d+) bytes smem", part)
        usage[part.partition("'")[0]] = Usage(registers, stack, sum(spills), int(shared.group(1)) if shared else 0)
    return usage


def nvcc_usage(nvcc, source, architecture, options, target):
    """As `compile_for`, with the nvcc of a CUDA toolkit."""
    flags = [f"-arch={architecture}", "-cubin", "-Xptxas", "-v", "-o", str(target), *options]
    done = subprocess.run([nvcc, *flags, str(source)], capture_output=True, text=True)
    if done.returncode:
        pytest.fail(f"nvcc rejects {source.name} for {architecture}:\n{done.stderr[:4000]}", pytrace=False)
    return parse_usage(done.stderr)
