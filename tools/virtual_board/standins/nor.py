"""A NOR flash chip in a file: erasing sets 4096 bytes to 0xFF, programming only clears bits.

Runs on CPython and on MicroPython. Each program or erase is one unbuffered write to the file
before the call returns, so a SIGKILL loses nothing that was already done; a kill cannot tear one
operation either (cuts inside a program or an erase are a later piece of work). One process at a
time: nothing locks the file.
"""

import errno

_BLANK = b"\xff" * 256


class Nor:
    """One chip of 4 MiB. Addresses count in bytes from its start; EINVAL beyond its end."""

    def __init__(self, path: str) -> None:
        # Unbuffered on CPython; MicroPython has no buffer to begin with.
        self.file = open(path, "r+b", 0)

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
        # In steps, because the board's own heap, 160 kB like the real one, pays for them.
        for start in range(0, len(data), 256):
            new = bytes(data[start : start + 256])
            wanted = int.from_bytes(new, "big")
            if int.from_bytes(self.file.read(len(new)), "big") & wanted != wanted:
                raise OSError(errno.EIO)
        self.file.seek(address)
        self.file.write(data)

    def erase(self, address: int) -> None:
        """Set the sector that starts at this address to 0xFF; EINVAL if none does."""
        self._seek(-1 if address % 4096 else address, 4096)
        for _ in range(16):  # in steps, for the same reason; a SIGKILL may tear it, as in life
            self.file.write(_BLANK)

    def _seek(self, address: int, length: int) -> None:
        if not 0 <= address <= 4 * 1024 * 1024 - length:
            raise OSError(errno.EINVAL)
        self.file.seek(address)
