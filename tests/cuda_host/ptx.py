"""Runs the intermediate code (PTX) that NVRTC makes of a kernel, a block at a time, and counts what it does.

The emulation runs what the C++ compiler makes of the sources, this runs what NVRTC makes of them. The threads of a
block are the entries of NumPy arrays, a register is such an array, and those threads run next that are least far in
the program: so the lanes of a warp that took different branches meet again where the branches do. An instruction
counts once for each warp of which some lane runs it, as on a device.

Addresses of global memory are those of the host's arrays. Numbers below 1.2e-38 stay what they are.
"""

import collections
import ctypes
import functools
import re

import numpy as np
from cuda_host import nvrtc

from hypergeom import _cuda

WARP, SECTOR = 32, 32  # lanes; bytes that memory moves at once
ALIGNMENT = 256  # of what an allocation gives
FIRST_ADDRESS = 4096  # below it there is nothing
KINDS = {
    "f64": np.float64,
    "f32": np.float32,
    "u64": np.uint64,
    "s64": np.int64,
    "b64": np.uint64,
    "u32": np.uint32,
    "s32": np.int32,
    "b32": np.uint32,
    "u16": np.uint16,
    "s16": np.int16,
    "b16": np.uint16,
    "pred": np.bool_,
}
REGISTERS = {"fd": "f64", "f": "f32", "rd": "u64", "r": "u32", "rs": "u16", "p": "pred", "temp": "u32"}
COMPARISONS = {
    "eq": np.equal,
    "ne": np.not_equal,
    "lt": np.less,
    "le": np.less_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}


class Program:
    """A kernel: its instructions, where its labels are, where its variables of shared memory lie."""

    def __init__(self, text, name):
        declared = rf"\.entry {name}\(\s*\.param \.align \d+ \.b8 (\w+)\[(\d+)\]\s*\)[^{{]*\{{\n(.*?)^\}}"
        self.parameter, size, body = re.search(declared, text, re.M | re.S).groups()
        self.parameter_size, self.name = int(size), name
        self.symbols, self.shared_size = {}, 0
        for align, symbol, size in re.findall(r"\.shared \.align (\d+) \.b8 ([\w$]+)\[(\d+)\]", body):
            self._place(symbol, int(align), int(size))
        for align, symbol in re.findall(r"\.extern \.shared \.align (\d+) \.b8 ([\w$]+)\[\]", text):
            self._place(symbol, int(align), 0)
        self.code, self.labels = [], {}
        statement = ""
        for line in body.splitlines():
            statement = f"{statement} {line.partition('//')[0].strip()}".lstrip("{} ")
            if statement.endswith(":"):
                self.labels[statement[:-1]] = len(self.code)
            elif statement.endswith(";") and not statement.startswith("."):
                self.code.append(_parse(statement))
            if statement.endswith((":", ";")):
                statement = ""

    def _place(self, symbol, align, size):
        self.symbols[symbol] = -(-self.shared_size // align) * align
        self.shared_size = self.symbols[symbol] + size


def _parse(statement):
    """Guard, its sense, operation and operands."""
    pattern = r"(?:@(!?)%(p\d+)\s+)?([a-z][\w.:]*)\s*(.*?);$"
    negated, guard, operation, operands = re.match(pattern, statement, re.S).groups()
    operands = re.findall(r"\{[^}]*\}|\[[^\]]*\]|[^\s,]+", operands)
    return guard, not negated, operation, operands


class Counts(collections.Counter):
    """How many warps ran each operation, and the sectors of global memory: asked for, and those that differ."""

    def __init__(self):
        super().__init__()
        self.loaded = self.stored = 0
        self.touched = {"ld": set(), "st": set()}

    def of(self, pattern):
        return sum(n for operation, n in self.items() if re.fullmatch(pattern, operation))


@functools.cache
def program_of(kernel):
    """A kernel of the library, compiled as CuPy compiles it."""
    source = _cuda.source_folders()[1] / kernel.source
    return Program(nvrtc.ptx(source.read_bytes(), _cuda.compile_options() + kernel.options), kernel.name)


class _Aligned:
    """NumPy, but what it makes begins at a whole sector, as on a device; results of operators need not."""

    def __getattr__(self, name):
        found = getattr(np, name)
        if name not in ("zeros", "full", "asarray", "ascontiguousarray"):
            return found
        return lambda *args, **keywords: self.array(found(*args, **keywords))

    def empty(self, shape, dtype=np.float64):
        size = int(np.prod(shape)) * np.dtype(dtype).itemsize
        room = np.empty(size + ALIGNMENT, np.uint8)
        begin = -room.ctypes.data % ALIGNMENT
        return room[begin : begin + size].view(dtype).reshape(shape)

    def array(self, values):
        out = self.empty(np.shape(values), np.asarray(values).dtype)
        out[...] = values
        return out


class PtxDevice:
    """`hypergeom._cuda.Device` over NumPy arrays, whose kernels are what NVRTC makes of the sources."""

    xp = _Aligned()

    def __init__(self, max_blocks=2):
        self.max_blocks = max_blocks
        self.launches = []  # names and counts

    def address(self, array):
        return array.ctypes.data

    def launch(self, kernel, grid, block, args, shared=0):
        (parameter,) = args
        self.launches.append((kernel.name, Counts()))
        run(program_of(kernel), grid, block, parameter, shared, self.launches[-1][1])


def run(program, grid, block, parameter, shared, counts):
    """Run all blocks of a launch."""
    space = np.frombuffer((ctypes.c_uint8 * (1 << 47)).from_address(FIRST_ADDRESS), np.uint8)
    for k in range(grid):
        _Block(program, k, grid, block, parameter, shared, counts, space).run()


class _Block:
    def __init__(self, program, index, grid, block, parameter, shared, counts, space):
        self.program, self.counts, self.space, self.n = program, counts, space, block
        self.room = np.zeros(program.shared_size + shared + 16, np.uint8)
        self.shared = self.room.ctypes.data
        self.parameter = np.frombuffer(parameter.tobytes(), np.uint8).copy()
        assert self.parameter.size == program.parameter_size
        threads = np.arange(block, dtype=np.uint32)
        self.lane = threads % WARP
        self.registers = {"tid.x": threads}
        for name, value in (("ctaid.x", index), ("nctaid.x", grid), ("ntid.x", block)):
            self.registers[name] = np.full(block, value, np.uint32)
        self.at = np.zeros(block, np.int64)
        self.waits = np.zeros(block, bool)  # at a barrier
        self.end = len(program.code)

    def run(self):
        with np.errstate(all="ignore"):
            while True:
                ready = np.where(self.waits, self.end, self.at)
                pc = int(ready.min())
                if pc == self.end:
                    if not self.waits.any():
                        return
                    self.waits[:] = False
                    continue
                self._step(pc, ready == pc)

    def _step(self, pc, active):
        """Instructions from `pc` on, as long as the same threads run them."""
        code, others = self.program.code, np.where(active | self.waits, self.end, self.at)
        horizon = int(others.min())
        warps = int(active.reshape(-1, WARP).any(axis=1).sum())
        while True:
            guard, sense, operation, operands = code[pc]
            pc += 1
            who = active if guard is None else active & (self.registers[guard] == sense)
            head = operation.partition(".")[0]
            self.counts[operation] += warps
            if head in ("bra", "ret"):
                self.at[active] = pc
                self.at[who] = self.end if head == "ret" else self.program.labels[operands[0]]
                return
            if operation == "bar.sync":
                self.at[active], self.waits[active] = pc, True
                return
            if operation != "bar.warp.sync":
                self._execute(head, operation, operands, who)
            if pc >= horizon:
                self.at[active] = pc
                return

    # --- operands ---------------------------------------------------------------------------------------------

    def _read(self, text, kind):
        """An operand as an array of a kind, or as a number."""
        dtype = KINDS[kind]
        if text[0] == "%":
            value = self.registers[text[1:]]
            return _as(value, np.dtype(dtype))
        if text.startswith(("0d", "0f")):
            bits = int(text[2:], 16)
            return np.uint64(bits).view(np.float64) if text[1] == "d" else np.uint32(bits).view(np.float32)
        if text[0].isdigit() or text[0] == "-":
            return np.int64(int(text)).astype(dtype) if int(text) < 1 << 63 else dtype(int(text))
        if text == self.program.parameter:
            return dtype(self.parameter.ctypes.data)
        return dtype(self.program.symbols[text])

    def _write(self, text, value, who):
        name = text[1:]
        dtype = KINDS[REGISTERS[re.match("[a-z]+", name).group()]]
        value = _as(np.broadcast_to(value, (self.n,)), np.dtype(dtype))
        if name not in self.registers:
            self.registers[name] = np.zeros(self.n, dtype)
        if who.all():
            self.registers[name] = value.copy() if not value.flags.owndata else value
        else:
            # A register may be the same array as another after a move.
            self.registers[name] = np.where(who, value, self.registers[name])

    # --- operations -------------------------------------------------------------------------------------------

    def _execute(self, head, operation, operands, who):
        kind = operation.rpartition(".")[2]
        if head in ("ld", "st"):
            self._memory(head, operation, kind, operands, who)
        elif head == "shfl":
            self._shuffle(operation, operands, who)
        elif head == "vote":
            wanted = np.broadcast_to(self._read(operands[1], "pred"), (self.n,)) & who
            of_warps = (wanted.reshape(-1, WARP).astype(np.uint32) << self.lane[:WARP]).sum(axis=1, dtype=np.uint32)
            self._write(operands[0], of_warps.repeat(WARP), who)
        elif head == "atom":
            self._add_to_memory(operation, operands, who)
        elif head == "mov" and "{" in "".join(operands):
            self._pack(operands, who)
        elif head == "cvta":
            value = self._read(operands[1], "u64")
            self._write(operands[0], value + np.uint64(self.shared) if "shared" in operation else value, who)
        elif head == "cvt":
            to, of = operation.split(".")[-2:]
            value = np.asarray(self._read(operands[1], of)).astype(KINDS[to])
            self._write(operands[0], np.trunc(value) if "rzi" in operation else value, who)
        elif head == "setp":
            self._write(operands[0], self._compare(operation, kind, operands[1:]), who)
        elif head == "selp":
            a, b = (self._read(text, kind) for text in operands[1:3])
            self._write(operands[0], np.where(self._read(operands[3], "pred"), a, b), who)
        else:
            self._write(operands[0], self._arithmetic(head, operation, kind, operands[1:]), who)

    def _compare(self, operation, kind, operands):
        a, b = (self._read(text, kind) for text in operands)
        comparison = operation.split(".")[1]
        if comparison == "num":
            return ~(np.isnan(a) | np.isnan(b))
        if kind[0] == "f" and comparison[-1] == "u":
            return COMPARISONS[comparison[:-1]](a, b) | np.isnan(a) | np.isnan(b)
        assert kind[0] != "f" or comparison != "ne"  # that of two numbers, of which neither is NaN
        return COMPARISONS[comparison](a, b)

    def _arithmetic(self, head, operation, kind, operands):
        if head in ("shl", "shr"):
            return self._shifted(head, kind, operands)
        values = [self._read(text, kind) for text in operands]
        if ".wide." in operation:
            wide = KINDS[kind[0] + "64"]
            return np.asarray(values[0]).astype(wide) * np.asarray(values[1]).astype(wide)
        if head == "mad":
            return values[0] * values[1] + np.asarray(self._read(operands[2], kind))
        return OPERATIONS[head](*values)

    def _shifted(self, head, kind, operands):
        """Shifts by all bits and more leave nothing, or the sign."""
        value, by = self._read(operands[0], kind), np.asarray(self._read(operands[1], "u32")).astype(np.int64)
        bits = 8 * np.dtype(KINDS[kind]).itemsize
        shift = np.left_shift if head == "shl" else np.right_shift
        result = shift(value, np.minimum(by, bits - 1).astype(KINDS[kind]))
        return result if head == "shr" and kind[0] == "s" else np.where(by < bits, result, KINDS[kind](0))

    def _pack(self, operands, who):
        """Between a number of 64 bits and its halves."""
        target, source = operands
        if source[0] == "{":
            halves = (self._read(text.strip(), "u32") for text in source[1:-1].split(","))
            low, high = (np.asarray(half).astype(np.uint64) for half in halves)
            self._write(target, np.broadcast_to(low | high << np.uint64(32), (self.n,)), who)
            return
        value = np.broadcast_to(self._read(source, "u64"), (self.n,))
        for text, shift in zip(target[1:-1].split(","), (0, 32), strict=True):
            self._write(text.strip(), (value >> np.uint64(shift)).astype(np.uint32), who)

    def _shuffle(self, operation, operands, who):
        """From the lane of a number, or whose number differs by a mask; it must run the exchange too."""
        target, threads = operands[0].partition("|")[0], np.arange(self.n)
        by = np.broadcast_to(self._read(operands[2], "s32"), (self.n,)) & (WARP - 1)
        other = threads ^ by if ".bfly." in operation else threads // WARP * WARP + by
        assert who[other[who]].all(), "a lane takes from one that is elsewhere"
        members = np.broadcast_to(self._read(operands[4], "u32"), (self.n,))
        assert (members >> self.lane & members[other] >> self.lane[other] & 1)[who].all(), "a lane is not in the mask"
        self._write(target, np.broadcast_to(self._read(operands[1], "u32"), (self.n,))[other], who)

    def _addresses(self, text):
        base, _, offset = text[1:-1].partition("+")
        address = np.asarray(self._read(base, "u32" if re.match(r"%r\d", base) else "u64")).astype(np.int64)
        return np.broadcast_to(address + int(offset or 0), (self.n,))

    def _memory(self, head, operation, kind, operands, who):
        where, names = operands if head == "st" else operands[::-1]
        address, space = self._addresses(where), operation.split(".")[1]
        if space == "shared":
            address = address + self.shared
        size = np.dtype(KINDS[kind]).itemsize
        for k, name in enumerate(names.strip("{}").split(",")):
            self._move(head, kind, address + k * size, name.strip(), who)
        if space not in ("shared", "param") and who.any():
            self._count_sectors(head, address, who)

    def _move(self, head, kind, address, name, who):
        dtype = np.dtype(KINDS[kind])
        assert not (address[who] % dtype.itemsize).any(), "an address that is not aligned"
        memory = self.space[: self.space.size // 8 * 8].view(dtype)
        at = (address[who] - FIRST_ADDRESS) // dtype.itemsize
        if head == "st":
            memory[at] = np.broadcast_to(self._read(name, kind), (self.n,))[who]
        else:
            value = np.zeros(self.n, dtype)
            value[who] = memory[at]
            self._write(name, value, who)

    def _add_to_memory(self, operation, operands, who):
        """Atomic sums, of which a lane gets what was there before."""
        assert operation == "atom.global.add.u32"
        address, terms = self._addresses(operands[1]), np.broadcast_to(self._read(operands[2], "u32"), (self.n,))
        before, memory = np.zeros(self.n, np.uint32), self.space[: self.space.size // 8 * 8].view(np.uint32)
        for thread in np.flatnonzero(who):
            at = (address[thread] - FIRST_ADDRESS) // 4
            before[thread] = memory[at]
            memory[at] += terms[thread]
        self._write(operands[0], before, who)
        if who.any():
            self._count_sectors("ld", address, who)
            self._count_sectors("st", address, who)

    def _count_sectors(self, head, address, who):
        outside = who & ((address < self.shared) | (address >= self.shared + self.room.size))
        if not outside.any():
            return
        pairs = np.unique(np.arange(self.n)[outside] // WARP << 42 | address[outside] // SECTOR)
        if head == "ld":
            self.counts.loaded += pairs.size
        else:
            self.counts.stored += pairs.size
        self.counts.touched[head].update((pairs & (1 << 42) - 1).tolist())


def _as(value, dtype):
    """The bits of numbers as another kind; of a wider register the low ones, in a wider one with the sign."""
    if value.dtype.itemsize != dtype.itemsize:
        kind = value.dtype.kind if value.dtype.kind in "iu" else "u"
        value = value.view(f"{kind}{value.dtype.itemsize}").astype(f"{kind}{dtype.itemsize}")
    return value if value.dtype == dtype else value.view(dtype)


def fused(a, b, c):
    """a b + c, rounded once but for rare ties: product and sum are split exactly, or have room in double precision."""
    if np.result_type(a, b, c) == np.float32:
        return (np.multiply(a, b, dtype=np.float64) + c).astype(np.float32)
    product = a * b
    split = 134217729.0
    high_a, high_b = a * split - (a * split - a), b * split - (b * split - b)
    low_a, low_b = a - high_a, b - high_b
    error = ((high_a * high_b - product) + high_a * low_b + low_a * high_b) + low_a * low_b
    total = product + c
    rest = total - product
    lost = (product - (total - rest)) + (c - rest)
    exact = total + (lost + error)
    return np.where(np.isfinite(exact), exact, total)


def _quotient(a, b):
    """Of integers towards zero, as in C."""
    b = np.where(np.equal(b, 0), 1, b).astype(np.asarray(b).dtype)
    result = np.abs(a) // np.abs(b)
    return np.where(np.less(a, 0) == np.less(b, 0), result, -result).astype(np.asarray(a).dtype)


def _divided(a, b):
    return a / b if np.asarray(a).dtype.kind == "f" else _quotient(a, b)


OPERATIONS = {
    "add": np.add,
    "sub": np.subtract,
    "mul": np.multiply,
    "fma": fused,
    "div": _divided,
    "rem": lambda a, b: a - _quotient(a, b) * b,
    "rcp": lambda a: 1 / a,
    "sqrt": np.sqrt,
    "abs": np.abs,
    "neg": np.negative,
    "max": lambda a, b: np.fmax(a, b) if np.asarray(a).dtype.kind == "f" else np.maximum(a, b),
    "min": lambda a, b: np.fmin(a, b) if np.asarray(a).dtype.kind == "f" else np.minimum(a, b),
    "mov": lambda a: a,
    "and": np.bitwise_and,
    "or": np.bitwise_or,
    "xor": np.bitwise_xor,
    "not": np.invert,
    "popc": lambda a: np.bitwise_count(a).astype(np.uint32),
}
