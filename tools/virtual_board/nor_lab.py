"""A NOR flash chip under test: it counts, loses power, decays and fails as it is told.

Runs on CPython and on MicroPython, for tests and benches; boards do not load it.
"""

import errno
from array import array
from hashlib import sha256

from tools.virtual_board.nor import SECTOR_BYTES, Nor

# Typical times of a Winbond W25Q by its datasheet, as public code quotes it: first byte of a
# page, each byte, sector erase. The worst case is about five to ten times as long.
PAGE_BYTES = 256
W25Q_PAGE_US = 30
W25Q_BYTE_NS = 2_500
W25Q_ERASE_US = 45_000

# Shapes of a cut: what is left of a program, and under the same number what is left of an erase.
FIRST_BYTE = 0  # nothing but the first byte, half cleared
THIRD = 1  # 37 % of the bytes, then one half cleared
NEARLY_ALL = 2  # 90 % of the bytes, then one half cleared
START_ERASED = 0  # the rest of the sector is as it was
END_ERASED = 1  # the header at the start of the sector is as it was
MIXED = 2  # every third byte erased, every third with some bits raised, the others as they were
SHAPES = 3

_CUT_PCT = (0, 37, 90)
_HALF_RAISED = b"\x55"
_ERASED_BYTES = 1500  # of a sector that was cut: no multiple of a page or of a record

_STUCK_OFFSETS = (1234, 4090)  # where a bad erase leaves zeros: not in anybody's header

_STEP = 256  # numbers of this many bytes: a whole sector at once is much for a small heap
_CIPHER_BYTES = 16
_PERIOD = 1021  # prime: every sector of 4 MB gets its keystream at a place of its own
_NOISE_SHIFT = 389


class PowerCut(Exception):
    """The power failed. Not an OSError: nobody who handles those may live on after it."""


class LabNor(Nor):
    """A chip that counts and can be cut, aged and broken. Sectors count from the chip's start.

    encrypted: as an ESP32's flash encryption looks through Partition. A program is aligned to 16
    bytes (EINVAL) and on blocks that are erased (EIO); erased blocks read as garbage that depends
    on the address; a block that changed in part reads as garbage too. The cipher is a keystream,
    which hides nothing and is quick.
    """

    def __init__(self, bytes_total: int, path: str | None = None, encrypted: bool = False) -> None:
        super().__init__(bytes_total, path)
        self.encrypted = encrypted
        self._keystream = b""
        if encrypted:
            stream = b"".join([sha256(bytes([i])).digest() for i in range(32)])[:_PERIOD]
            self._keystream = stream + stream[:_STEP]
        self._left = -1  # operations until the cut; negative: no cut is due
        self._powered = True
        self._cut_shape = 0
        self._cut_at_byte: int | None = None
        self._bad_programs: set[int] = set()
        self._bad_erases: set[int] = set()
        self._dead: set[int] = set()
        self.reset_counters()

    # --- counters

    def reset_counters(self) -> None:
        """Start counting afresh, wear included. Only operations that were completed count.

        time_us is what a W25Q would have taken for the programs and erases.
        """
        self.reads = self.read_bytes = 0
        self.programs = self.program_bytes = 0
        self.erases = 0
        self.erase_counts = array("I", bytes(4 * (self.bytes_total // SECTOR_BYTES)))
        self.time_us = 0

    # --- the chip

    def read(self, address: int, buffer: bytearray) -> None:
        """As Nor.read; PowerCut while the power is off."""
        self._begin(address, len(buffer))
        super().read(address, buffer)
        if self.encrypted:
            self._cipher(address, buffer)
        self.reads += 1
        self.read_bytes += len(buffer)

    def program(self, address: int, data: bytes) -> None:
        """As Nor.program; PowerCut if the power fails now or is off, EIO in a dead sector."""
        length = len(data)
        self._begin(address, length, self._dead)
        if self.encrypted:
            data = self._sealed(address, data)
        if self._left == 0:
            self._tear_program(address, data)
        if self._bad_programs:
            data = self._weakened(address, data)
        super().program(address, data)
        self.programs += 1
        self.program_bytes += length
        pages = (address + length - 1) // PAGE_BYTES - address // PAGE_BYTES + 1
        self._done(pages * W25Q_PAGE_US + length * W25Q_BYTE_NS // 1000)

    def erase(self, address: int) -> None:
        """As Nor.erase; PowerCut if the power fails now or is off, EIO in a dead sector."""
        self._begin(-1 if address % SECTOR_BYTES else address, SECTOR_BYTES, self._dead)
        if self._left == 0:
            self._tear_erase(address)
        super().erase(address)
        sector = address // SECTOR_BYTES
        if sector in self._bad_erases:
            for offset in _STUCK_OFFSETS:
                self.flip((address + offset) * 8)
        self.erases += 1
        self.erase_counts[sector] += 1
        self._done(W25Q_ERASE_US)

    # --- power

    def cut_after(self, operations: int, shape: int, at_byte: int | None = None) -> None:
        """Let that many programs and erases complete and cut the next one in this shape.

        at_byte: a program is cut after exactly this many bytes, the next one half cleared; with
        its length or more it is complete, and only its caller does not learn that. The cut
        operation raises PowerCut and so does every other, reads included, until power_on().
        """
        self._left = operations
        self._cut_shape = shape
        self._cut_at_byte = at_byte

    def power_on(self) -> None:
        """Have power again, and no cut to come."""
        self._powered = True
        self._left = -1

    # --- decay

    def flip(self, bit: int) -> None:
        """Flip one bit, counted from the chip's start, lowest bit of a byte first."""
        address = bit >> 3
        self._seek(address, 1)
        if self.encrypted:
            self._garble(address - address % _CIPHER_BYTES)
        else:
            self._put(address, bytes((self._get(address, 1)[0] ^ 1 << (bit & 7),)))

    def bad_program(self, sector: int) -> None:
        """Let programs leave one bit set that they should clear, without a word."""
        self._bad_programs.add(sector)

    def bad_erase(self, sector: int) -> None:
        """Let erases leave some bits zero, without a word."""
        self._bad_erases.add(sector)

    def dead(self, sector: int) -> None:
        """Let programs and erases fail with EIO; reading works."""
        self._dead.add(sector)

    # --- images

    def snapshot(self) -> bytes:
        """Return what the chip holds, encrypted if it is. Uncounted, with or without power."""
        return self._get(0, self.bytes_total)

    def restore(self, image: bytes) -> None:
        """Hold what a snapshot says. Power, faults and counters stay as they are."""
        self._put(0, image)

    # --- inside

    def _begin(self, address: int, length: int, dead: "set[int] | tuple[()]" = ()) -> None:
        if not self._powered:
            raise PowerCut
        self._seek(address, length)
        if dead:
            for sector in range(address // SECTOR_BYTES, -(-(address + length) // SECTOR_BYTES)):
                if sector in dead:
                    raise OSError(errno.EIO)

    def _done(self, took_us: int) -> None:
        self.time_us += took_us
        self._left -= 1

    def _get(self, address: int, length: int) -> bytes:
        self.file.seek(address)
        return self.file.read(length)

    def _put(self, address: int, data: bytes) -> None:
        self.file.seek(address)
        self.file.write(data)

    def _tear_program(self, address: int, data: bytes) -> None:
        at = self._cut_at_byte
        if at is None:
            at = len(data) * _CUT_PCT[self._cut_shape] // 100
        if self.encrypted:
            at -= at % _CIPHER_BYTES
        super().program(address, data[:at])
        self._powered = False
        if at < len(data):
            if self.encrypted:
                self._garble(address + at)
            else:
                old = self._get(address + at, 1)[0]
                self._put(address + at, bytes((_half_cleared(old, data[at]),)))
        raise PowerCut

    def _tear_erase(self, address: int) -> None:
        self._powered = False
        raised = _raised(self._cut_shape)
        for start in range(0, SECTOR_BYTES, _STEP):
            old = self._get(address + start, _STEP)
            bits = int.from_bytes(raised[start : start + _STEP], "big")
            new = (int.from_bytes(old, "big") | bits).to_bytes(_STEP, "big")
            self._put(address + start, new)
            if self.encrypted:
                for at in range(0, _STEP, _CIPHER_BYTES):
                    block = new[at : at + _CIPHER_BYTES]
                    if block not in (old[at : at + _CIPHER_BYTES], b"\xff" * _CIPHER_BYTES):
                        self._garble(address + start + at)
        raise PowerCut

    def _weakened(self, address: int, data: bytes) -> bytes:
        """Return the data with one bit too many set, if they clear any in a bad sector."""
        old = self._get(address, len(data))
        for at in range(len(data)):
            stays = old[at] & ~data[at]
            if stays and (address + at) // SECTOR_BYTES in self._bad_programs:
                weak = bytearray(data)
                if self.encrypted:
                    at -= at % _CIPHER_BYTES
                    block = memoryview(weak)[at : at + _CIPHER_BYTES]
                    self._cipher(address + at + _NOISE_SHIFT, block)
                else:
                    weak[at] |= stays & -stays
                return weak
        return data

    # --- encryption

    def _sealed(self, address: int, data: bytes) -> bytearray:
        if address % _CIPHER_BYTES or len(data) % _CIPHER_BYTES:
            raise OSError(errno.EINVAL)
        if self._get(address, len(data)) != b"\xff" * len(data):
            raise OSError(errno.EIO)
        sealed = bytearray(data)
        self._cipher(address, sealed)
        return sealed

    def _cipher(self, address: int, buffer: "bytearray | memoryview") -> None:
        """Encrypt or decrypt in place."""
        view = memoryview(buffer)
        for start in range(0, len(view), _STEP):
            piece = view[start : start + _STEP]
            at = (address + start) % _PERIOD
            key = int.from_bytes(self._keystream[at : at + len(piece)], "big")
            piece[:] = (int.from_bytes(piece, "big") ^ key).to_bytes(len(piece), "big")

    def _garble(self, address: int) -> None:
        """Let the block that starts here read as garbage: ciphertext with any bit wrong does."""
        block = bytearray(self._get(address, _CIPHER_BYTES))
        self._cipher(address + _NOISE_SHIFT, block)
        self._put(address, block)


def _raised(shape: int) -> bytes:
    """Return the bits of a sector that its cut erase set; the others are as they were."""
    kept = b"\x00" * (SECTOR_BYTES - _ERASED_BYTES - 1)
    if shape == START_ERASED:
        return b"\xff" * _ERASED_BYTES + _HALF_RAISED + kept
    if shape == END_ERASED:
        return kept + _HALF_RAISED + b"\xff" * _ERASED_BYTES
    mix = b"\xff" + _HALF_RAISED + b"\x00"
    return (mix * (SECTOR_BYTES // len(mix) + 1))[:SECTOR_BYTES]


def _half_cleared(old: int, new: int) -> int:
    """Return old with every other bit cleared of those that new clears."""
    clears = False
    for bit in (1, 2, 4, 8, 16, 32, 64, 128):
        if old & ~new & bit:
            clears = not clears
            if clears:
                old &= ~bit
    return old
