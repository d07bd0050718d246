"""MicroPython's .bin for an ESP32: bootloader, partition table and application in one file.

It begins where the chip's bootloader does. Bootloader and application are images of the same form
(ESP-IDF, "App Image Format"): a header of 24 bytes, segments, zeros up to a checksum in the last
byte of a block of 16, and then, if the header says so, the SHA-256 of all before.
"""

import hashlib
import re
import struct
from dataclasses import dataclass

from gateway.errors import UserError
from tools.flash.board import CHIPS, FLASH_SIZES_MB, TABLE_AT, TYPES, Board
from tools.flash.partitions import NoTable, read_table

_MAGIC = 0xE9
# magic, segments, -, flash size and speed, -, chip, -, hash appended
_HEADER = struct.Struct("<BBBB8xH9xB")
_SEGMENT = struct.Struct("<II")  # address, length
_SEGMENTS_MAX = 16
_CHECKSUM_SEED = 0xEF
_SHA_BYTES = 32

# esp_app_desc_t, at the start of the application's first segment: magic, -, version, project
_DESCRIPTION = struct.Struct("<I12x32s32s")
_DESCRIPTION_MAGIC = 0xABCD5432


class BadImage(ValueError):
    """These bytes are not what they should be; the text goes on after a file's name."""


@dataclass(frozen=True)
class MicroPython:
    """What is taken out of a .bin. version: as it says itself, "v1.23.0"."""

    bootloader: bytes
    app: bytes
    version: str


def take_apart(file: str, data: bytes, board: Board) -> MicroPython:
    """The parts of a .bin that fits this board. UserError, naming the file, if it does not."""
    try:
        return _take_apart(data, board)
    except BadImage as e:
        raise UserError(f"{file} {e}") from None


def _take_apart(data: bytes, board: Board) -> MicroPython:
    chip = image_chip(data)
    if chip != board.chip.image_id:
        names = [c.name for c in CHIPS.values() if c.image_id == chip]
        of = names[0] if names else f"a chip with the number {chip}"
        raise BadImage(f"is for {of}, and {board.id} has an {board.chip.name}")
    bootloader = image_at(data, 0)
    try:
        stock = read_table(data[TABLE_AT - board.chip.bootloader_at :])
    except NoTable:
        raise BadImage("is not whole: take the .bin that goes with a new board") from None
    starts = [p.start - board.chip.bootloader_at for p in stock if p.type == TYPES["app"]]
    app = image_at(data, starts[0]) if starts else b""
    version = _version(app)
    if _numbers(version) < board.least_version:
        least = ".".join(str(n) for n in board.least_version)
        raise BadImage(f"is MicroPython {version}: {board.id} wants {least} or newer")
    room = board.partition("factory").size
    if len(app) > room:
        raise BadImage(f"does not fit: its application has {len(app)} bytes, there are {room}")
    return MicroPython(with_flash_size(bootloader, board.flash_mb), app, version)


def image_chip(data: bytes) -> int:
    """The number of the chip that an image at the start of the data is for."""
    if len(data) < _HEADER.size or data[0] != _MAGIC:
        raise BadImage("is no image for an ESP32")
    return int(_HEADER.unpack_from(data)[4])


def image_at(data: bytes, start: int) -> bytes:
    """The image that begins there, whole; BadImage if it is cut or damaged."""
    if not 0 <= start <= len(data) - _HEADER.size or data[start] != _MAGIC:
        raise BadImage(f"is not whole: there is no image at {start:#x}")
    _, segments, _, _, _, hashed = _HEADER.unpack_from(data, start)
    at, checksum = start + _HEADER.size, _CHECKSUM_SEED
    for _ in range(min(segments, _SEGMENTS_MAX)):
        if at + _SEGMENT.size > len(data):
            raise BadImage("is cut short")
        _, length = _SEGMENT.unpack_from(data, at)
        at += _SEGMENT.size
        checksum ^= _xor(data[at : at + length])
        at += length
    end = start + ((at - start) | 15) + 1
    if end + _SHA_BYTES * hashed > len(data):
        raise BadImage("is cut short")
    if checksum != data[end - 1]:
        raise BadImage("is damaged: its checksum does not hold")
    if hashed and _sha(data[start:end]) != data[end : end + _SHA_BYTES]:
        raise BadImage("is damaged: its SHA-256 does not hold")
    return data[start : end + _SHA_BYTES * hashed]


def with_flash_size(bootloader: bytes, flash_mb: int) -> bytes:
    """The same bootloader for a chip of this size: it refuses a partition beyond it."""
    header = bytearray(bootloader)
    header[3] = header[3] & 0x0F | FLASH_SIZES_MB[flash_mb] << 4
    if not _HEADER.unpack_from(bootloader)[5]:
        return bytes(header)
    return bytes(header[:-_SHA_BYTES]) + _sha(header[:-_SHA_BYTES])


def _version(app: bytes) -> str:
    """What the application says of itself."""
    if len(app) < _HEADER.size + _SEGMENT.size + _DESCRIPTION.size:
        raise BadImage("holds no application")
    magic, version, project = _DESCRIPTION.unpack_from(app, _HEADER.size + _SEGMENT.size)
    if magic != _DESCRIPTION_MAGIC:
        raise BadImage("does not say what it is: it has no application description")
    name = project.rstrip(b"\0").decode(errors="replace")
    if name != "micropython":
        raise BadImage(f"is not MicroPython: it calls itself {name}")
    return str(version.rstrip(b"\0").decode(errors="replace"))


def _numbers(version: str) -> tuple[int, ...]:
    found = re.match(r"v?(\d+)\.(\d+)(?:\.(\d+))?", version)
    if found is None:
        raise BadImage(f"does not say which version of MicroPython it is, but {version!r}")
    return tuple(int(n or 0) for n in found.groups())


def _xor(data: bytes) -> int:
    """All bytes, xored: in one go over big numbers, halving them."""
    number, width = int.from_bytes(data, "little"), len(data)
    while width > 1:
        half = (width + 1) // 2
        number = number >> 8 * half ^ number & (1 << 8 * half) - 1
        width = half
    return number


def _sha(data: bytes | bytearray) -> bytes:
    return hashlib.sha256(data).digest()
