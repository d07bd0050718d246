"""The log on encrypted flash, where nothing can be written twice (docs/FLASH.md).

The ESP32's flash encryption writes whole blocks of 16 bytes, each once between two erases, and
what was erased reads as noise. So what is a mark in place elsewhere is a record of its own here.
"""

import struct

from firmware.flash_ring import RELEASED, SECTOR, Ring
from shared_protocol.errors import StoreFull


class EncryptedRing(Ring):
    """As Ring. STRUCK: every record under this handle that comes before is gone. RELEASED: so is
    the sector that it names with its sequence number."""

    encrypted = True
    unit = 16
    start = 32

    def __init__(self, partition) -> None:
        super().__init__(partition)
        self._failed_in = -1

    def write(self, at: int, length: int) -> None:
        """Program so many bytes from the buffer, and up to the end of a block."""
        while length & 15:
            self.buffer[length] = 0xFF
            length += 1
        super().write(at, length)

    def failed(self) -> None:
        """The first time it may be what a cut write left: the next try is behind it."""
        self.write_errors += 1
        if self._failed_in == self.head:
            self.end = SECTOR
        self._failed_in = self.head

    def set_state(self, at: int, state: int) -> None:
        """Nothing."""

    def open_part(self, seq: int) -> bytes:
        """The second part of a sector's header, a block."""
        return super().open_part(seq) + b"\xff" * 8

    def void(self, sector: int) -> None:
        """Whatever is in this sector does not count any more."""
        try:
            self.append(RELEASED, 0, struct.pack(">HH", sector, self.seqs[sector]))
        except StoreFull:
            pass  # after many cuts in a row there may be no room even for this: erase all the same
