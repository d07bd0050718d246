"""One bit that flipped in the flash, found again by trying them all (docs/FLASH.md).

A CRC-32 tells any record that differs in one bit from what was written, and no two such records
look the same, so the one flip that makes the CRC hold is the one that happened.
"""

from binascii import crc32

from firmware.flash_ring import HEAD, Ring


def record(ring: Ring, at: int) -> bool:
    """Read a record that does not hold and mend one bit of it. False if it takes more."""
    if not ring.peek(at) and not flip(ring.buffer, 8, 64, lambda: ring.peek(at, False)):
        return False
    body = ring.body = ring.view[HEAD : HEAD + ring.length]
    ring.part.readblocks(at >> 12, body, (at & 0xFFF) + HEAD)

    def holds() -> bool:
        return crc32(body, ring.sum) == int.from_bytes(ring.view[8:HEAD], "big")

    return holds() or flip(ring.buffer, 64, 8 * (HEAD + ring.length), holds)


def flip(text: bytearray, first: int, end: int, holds) -> bool:
    """Flip one bit after the other in place, until it holds."""
    for bit in range(first, end):
        text[bit >> 3] ^= 1 << (bit & 7)
        if holds():
            return True
        text[bit >> 3] ^= 1 << (bit & 7)
    return False
