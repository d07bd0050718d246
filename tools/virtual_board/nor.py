"""A NOR flash chip: erasing sets 4096 bytes to 0xFF, programming only clears bits.

Runs on CPython and on MicroPython. Virtual boards load it into a heap as small as a real board's:
what only tests and benches need is in nor_lab.py.
"""

import errno
from io import BytesIO

SECTOR_BYTES = 4096

_BLANK = b"\xff" * 256
_STEP = 32


class Nor:
    """One chip. Addresses count in bytes from its start; EINVAL beyond its end.

    `path` names a file of bytes_total bytes that somebody made blank (0xFF); None keeps the chip
    in memory. Everything is in the file before a call returns, so a SIGKILL loses nothing that
    was done; only an erase can it tear, as in life. One process at a time: nothing locks the file.
    """

    def __init__(self, bytes_total: int, path: str | None = None) -> None:
        self.bytes_total = bytes_total
        if path is None:
            self.file = BytesIO()
            # The end first: it then takes its memory once and does not grow through the heap.
            self.file.seek(bytes_total - 1)
            self.file.write(b"\xff")
            self.file.seek(0)
            for _ in range(bytes_total // len(_BLANK)):
                self.file.write(_BLANK)
        else:
            # Unbuffered on CPython; MicroPython has no buffer to begin with.
            self.file = open(path, "r+b", 0)  # noqa: SIM115 - stays open as long as the chip

    def read(self, address: int, buffer: bytearray) -> None:
        """Fill the buffer."""
        self._seek(address, len(buffer))
        self.file.readinto(buffer)

    def program(self, address: int, data: bytes) -> None:
        """Clear bits. EIO if any bit would have to go from 0 to 1; then nothing is written.

        The real chip would store old AND new without a word: what it answers with silence is a
        bug in the caller, and here it is loud.
        """
        self._seek(address, len(data))
        # In small steps, because the board's own heap, 160 kB like the real one, pays for them,
        # and a real chip's driver takes nothing from it.
        for start in range(0, len(data), _STEP):
            new = bytes(data[start : start + _STEP])
            wanted = int.from_bytes(new, "big")
            if int.from_bytes(self.file.read(len(new)), "big") & wanted != wanted:
                raise OSError(errno.EIO)
        self.file.seek(address)
        self.file.write(data)

    def erase(self, address: int) -> None:
        """Set the sector that starts at this address to 0xFF; EINVAL if none does."""
        self._seek(-1 if address % SECTOR_BYTES else address, SECTOR_BYTES)
        for _ in range(SECTOR_BYTES // len(_BLANK)):  # in steps, for the same reason
            self.file.write(_BLANK)

    def _seek(self, address: int, length: int) -> None:
        if not 0 <= address <= self.bytes_total - length:
            raise OSError(errno.EINVAL)
        self.file.seek(address)


class Partition:
    """A part of a chip as a block device of 4096-byte blocks.

    The contract is ports/esp32/esp32_partition.c: the extended block protocol without alignment
    checks. The entry is its line of the flash map: (type, subtype, address, size, label,
    encrypted).
    """

    TYPE_DATA = 1

    def __init__(self, chip: Nor, entry: tuple[int, int, int, int, str, bool]) -> None:
        self.chip = chip
        self._entry = entry

    def info(self) -> tuple[int, int, int, int, str, bool]:
        """Return the partition's line of the map."""
        return self._entry

    def readblocks(self, block: int, buffer: bytearray, offset: int = 0) -> None:
        """Fill the buffer from `offset` bytes into the block; may run on into the next ones."""
        self.chip.read(self._address(block, offset, len(buffer)), buffer)

    def writeblocks(self, block: int, data: bytes, offset: int | None = None) -> None:
        """Without offset: erase whole blocks and program them. With: program only, no erase."""
        if offset is None:
            for first in range(len(data) // SECTOR_BYTES):
                self.ioctl(6, block + first)
        self.chip.program(self._address(block, offset or 0, len(data)), data)

    def ioctl(self, request: int, argument: int) -> int | None:
        """1 init, 2 deinit, 3 sync; 4 block count; 5 block size; 6 erase a block."""
        if request == 4:
            return self._entry[3] // SECTOR_BYTES
        if request == 5:
            return SECTOR_BYTES
        if request == 6:
            self.chip.erase(self._address(argument, 0, SECTOR_BYTES))
        return 0 if request in (1, 2, 3, 6) else None

    def _address(self, block: int, offset: int, length: int) -> int:
        address = block * SECTOR_BYTES + offset
        if not 0 <= address <= self._entry[3] - length:
            raise OSError(errno.EINVAL)
        return self._entry[2] + address
