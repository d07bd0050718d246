"""The partition table as ESP-IDF's bootloader reads it, at 0x8000 of the flash.

A line is 32 bytes: AA 50 | type 1 | subtype 1 | start 4 | size 4 | label 16, padded with zeros |
flags 4; numbers little-endian. After the last comes EB EB, 14 times FF and the MD5 of all lines
before; the rest of 0xC00 bytes is FF. (ESP-IDF, "Partition Tables".)
"""

import hashlib
import struct
from collections.abc import Sequence

from tools.flash.board import Partition

TABLE_BYTES = 0xC00
_LINE = struct.Struct("<2sBBII16sI")
_MAGIC = b"\xaaP"
_MD5_MAGIC = b"\xeb\xeb" + b"\xff" * 14


class NoTable(ValueError):
    """These bytes are no partition table; the text says why."""


def write_table(partitions: Sequence[Partition]) -> bytes:
    """TABLE_BYTES bytes for the flash."""
    lines = b"".join(
        _LINE.pack(_MAGIC, p.type, p.subtype, p.start, p.size, p.label.encode(), 0)
        for p in partitions
    )
    table = lines + _MD5_MAGIC + _md5(lines)
    return table.ljust(TABLE_BYTES, b"\xff")


def read_table(data: bytes) -> list[Partition]:
    """The partitions in a table, in its order. NoTable if it is none, or was damaged."""
    found = []
    for at in range(0, TABLE_BYTES, _LINE.size):
        line = data[at : at + _LINE.size]
        if line[: len(_MD5_MAGIC)] == _MD5_MAGIC:
            if line[len(_MD5_MAGIC) :] != _md5(data[:at]):
                raise NoTable("the partition table is damaged: its MD5 does not hold")
            return found
        if line[:2] != _MAGIC:
            break
        _, kind, subtype, start, size, label, _ = _LINE.unpack(line)
        found.append(
            Partition(label.rstrip(b"\0").decode(errors="replace"), kind, subtype, start, size)
        )
    raise NoTable("there is no partition table")


def _md5(lines: bytes) -> bytes:
    return hashlib.md5(lines, usedforsecurity=False).digest()
