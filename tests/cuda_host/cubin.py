"""What a device binary (an ELF file) holds: its kernels, and how many instructions of some kinds each has."""

import struct

import numpy as np

# The lowest nine bits of an instruction of 16 bytes, the same from sm_75 to sm_100: a disassembler names them so.
ARITHMETIC = {"DMUL": 0x028, "DADD": 0x029, "DSETP": 0x02A, "DFMA": 0x02B}
# Between numbers of which one has 64 bits; the division of integers of 64 bits has four.
CONVERSIONS = {"F2F.64": 0x110, "F2I.64": 0x111, "I2F.64": 0x112, "FRND.64": 0x113}


def sections(binary):
    """Pairs of a section's name and its bytes."""
    start, size, count, names = (
        struct.unpack_from(kind, binary, at)[0] for kind, at in (("<Q", 0x28), ("<H", 0x3A), ("<H", 0x3C), ("<H", 0x3E))
    )
    headers = [struct.unpack_from("<IIQQQQ", binary, start + k * size) for k in range(count)]
    text = headers[names][4]
    for name, _, _, _, offset, length in headers:
        end = binary.index(b"\0", text + name)
        yield binary[text + name : end].decode(), binary[offset : offset + length]


def opcodes(binary):
    """Of each kernel, how often each opcode stands in it, by opcode."""
    return {
        name.removeprefix(".text."): np.bincount(np.frombuffer(code, "<u8")[::2] & 0x1FF, minlength=0x200)
        for name, code in sections(binary)
        if name.startswith(".text.")
    }


def doubles(counts):
    """Instructions of double precision: those that compute, and those that convert numbers of 64 bits."""
    return tuple(int(sum(counts[code] for code in kinds.values())) for kinds in (ARITHMETIC, CONVERSIONS))
