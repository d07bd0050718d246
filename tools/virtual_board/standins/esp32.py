"""Stand-in for ESP32 MicroPython's `esp32`: Partition, on the chip image named by HELIO_FLASH.

How a partition behaves is in ../nor.py. Without HELIO_FLASH there is no flash, and no import.
"""

from os import getenv

from micropython import const
from nor import Nor, Partition

# (type, subtype, address, size, label, encrypted), the same map the flash tool writes. Type 1 is
# data, from 0x40 on IDF leaves subtypes to applications. If the chip has a partition table, that
# one is put here instead (mount.py, which says why it has such a short name).
Partition.map = (
    (1, 0x02, 0x9000, 0x6000, "nvs", False),
    (1, 0x81, 0x200000, 0x7E000, "vfs", False),
    (1, 0x41, 0x27E000, 0x2000, "node", False),
    (1, 0x40, 0x280000, 0x180000, "store", False),
)
_CHIP_BYTES = const(4 * 1024 * 1024)

# Opened here and not at the first use: boot takes the host's files away from '/' afterwards.
_chip = Nor(_CHIP_BYTES, getenv("HELIO_FLASH", ""))


def _find(type: int, label: str | None = None) -> "list[Partition]":
    """Return the partitions that match everything given, in flash order."""
    return [Partition(_chip, e) for e in Partition.map if e[0] == type and label in (e[4], None)]


# Not in a subclass: a board's heap would pay 200 bytes for it.
Partition.find = staticmethod(_find)
