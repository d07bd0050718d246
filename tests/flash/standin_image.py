"""A .bin in the form of MicroPython's for an ESP32, without MicroPython in it.

No registry has the real one, so tests that need no more than its form make this: bootloader,
partition table and application, with headers, description, checksums and SHA-256 that esptool and
our own reader accept. It does not run. HELIO_ESP32_IMAGE names a real one for an ESP32 instead.
"""

import hashlib
import os
import random
import struct
from pathlib import Path

import pytest

from tools.flash.board import CHIPS, TABLE_AT, Partition
from tools.flash.partitions import write_table

# Where each chip sees the start of the flash, as data: esptool wants a segment there.
_DATA_AT = {"esp32": 0x3F400020, "esp32s3": 0x3C000020, "esp32c3": 0x3C000020,
            "esp32c6": 0x42000020}  # fmt: skip
_RAM_AT = {"esp32": 0x3FFB0000, "esp32s3": 0x3FC90000, "esp32c3": 0x3FC80000,
           "esp32c6": 0x40800000}  # fmt: skip
STOCK = [
    Partition("nvs", 1, 2, 0x9000, 0x6000),
    Partition("phy_init", 1, 1, 0xF000, 0x1000),
    Partition("factory", 0, 0, 0x10000, 0x1F0000),
]


def standin_bin(
    chip: str = "esp32",
    version: str = "v1.26.1",
    project: str = "micropython",
    app_bytes: int = 40_000,
) -> bytes:
    """The combined .bin. app_bytes: about as long the application is."""
    start = CHIPS[chip].bootloader_at
    bootloader = _image(chip, [(_RAM_AT[chip], random.Random(chip).randbytes(2000))])
    description = struct.pack(
        "<IIII32s32s16s16s32s32s80x", 0xABCD5432, 0, 0, 0, version.encode(), project.encode(),
        b"12:00:00", b"Jan  1 2026", b"v5.5", bytes(32),
    )  # fmt: skip
    body = random.Random(chip + version).randbytes(max(0, app_bytes - 400) & ~3)
    app = _image(chip, [(_DATA_AT[chip], description + body)])
    whole = bytearray(b"\xff" * (STOCK[2].start - start)) + app
    whole[: len(bootloader)] = bootloader
    table = write_table(STOCK)
    whole[TABLE_AT - start : TABLE_AT - start + len(table)] = table
    return bytes(whole)


def image_for(chip: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A file that `helio flash --firmware` takes: a real MicroPython if one is at hand."""
    real = os.environ.get("HELIO_ESP32_IMAGE")
    if real and chip == "esp32":
        return Path(real)
    with capsys.disabled():
        print(f"\nno MicroPython for {chip} at hand: a stand-in of its form is flashed")
    path = folder / f"{chip}.bin"
    path.write_bytes(standin_bin(chip))
    return path


def _image(chip: str, segments: list[tuple[int, bytes]]) -> bytes:
    image = struct.pack(
        "<BBBBIBBBBHBHH4xB", 0xE9, len(segments), 2, 0x20, segments[0][0],
        0xEE, 0, 0, 0, CHIPS[chip].image_id, 0, 0, 0xFFFF, 1,
    )  # fmt: skip
    checksum = 0xEF
    for address, data in segments:
        image += struct.pack("<II", address, len(data)) + data
        for byte in data:
            checksum ^= byte
    image += bytes(15 - len(image) % 16) + bytes([checksum])
    return image + hashlib.sha256(image).digest()
