"""Stand-in for ESP32 MicroPython's `esp32`: Partition, on the chip image named by HELIO_FLASH.

The contract is ports/esp32/esp32_partition.c: the extended block protocol without alignment
checks. Without HELIO_FLASH there is no flash and every access fails.
"""

import errno
from os import getenv

from micropython import const
from nor import Nor

_SECTOR_BYTES = const(4096)

# (type, subtype, address, size, label, encrypted), the same map the flash tool writes. Type 1 is
# data, 0x40 is the first subtype IDF leaves to applications.
_FLASH_MAP = const(
    (
        (1, 0x02, 0x9000, 0x6000, "nvs", False),
        (1, 0x81, 0x200000, 0x80000, "vfs", False),
        (1, 0x40, 0x280000, 0x180000, "store", False),
    )
)

# Opened here and not at the first use: boot takes the host's files away from '/' afterwards.
_chip = Nor(getenv("HELIO_FLASH"))


class Partition:
    """One partition as a block device of 4096-byte blocks."""

    TYPE_DATA = 1

    def __init__(self, entry: tuple[int, int, int, int, str, bool]) -> None:
        self._entry = entry

    def info(self) -> tuple[int, int, int, int, str, bool]:
        """Return the partition's line of the map."""
        return self._entry

    @staticmethod
    def find(type: int, label: str | None = None) -> "list[Partition]":
        """Return the partitions that match everything given, in flash order."""
        return [Partition(e) for e in _FLASH_MAP if e[0] == type and label in (e[4], None)]

    def readblocks(self, block: int, buffer: bytearray, offset: int = 0) -> None:
        """Fill the buffer from `offset` bytes into the block; may run on into the next ones."""
        _chip.read(self._address(block, offset, len(buffer)), buffer)

    def writeblocks(self, block: int, data: bytes, offset: int | None = None) -> None:
        """Without offset: erase whole blocks and program them. With: program only, no erase."""
        if offset is None:
            for first in range(len(data) // _SECTOR_BYTES):
                self.ioctl(6, block + first)
        _chip.program(self._address(block, offset or 0, len(data)), data)

    def ioctl(self, request: int, argument: int) -> int | None:
        """1 init, 2 deinit, 3 sync; 4 block count; 5 block size; 6 erase a block."""
        if request == 4:
            return self._entry[3] // _SECTOR_BYTES
        if request == 5:
            return _SECTOR_BYTES
        if request == 6:
            _chip.erase(self._address(argument, 0, _SECTOR_BYTES))
        return 0 if request in (1, 2, 3, 6) else None

    def _address(self, block: int, offset: int, length: int) -> int:
        address = block * _SECTOR_BYTES + offset
        if not 0 <= address <= self._entry[3] - length:
            raise OSError(errno.EINVAL)
        return self._entry[2] + address
