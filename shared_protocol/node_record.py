"""The node record: who a relay is, in the flash partition "node" (SPEC.md 11).

    "HNR1" | sequence 4 | length 2 | payload, JSON | CRC-32 4 of all before

It lies in one of the partition's two sectors. A new record goes into the other one, which is
erased for it, so a power cut leaves the old record or the new.
"""

import struct
from binascii import crc32

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

SECTOR_BYTES = 4096
SECTORS = 2
HEAD_BYTES = 10
PAYLOAD_MAX = SECTOR_BYTES - 16  # head and CRC take 14
_HEAD = "!4sIH"
_MAGIC = b"HNR1"
_UNIT = 16  # flash that is encrypted is written in such


def pack(sequence: int, payload: bytes) -> bytes:
    """A record to what is written at the start of its sector: a multiple of 16 bytes."""
    head = struct.pack(_HEAD, _MAGIC, sequence, len(payload))
    check = crc32(payload, crc32(head)).to_bytes(4, "big")
    rest = -(len(head) + len(payload) + len(check)) % _UNIT
    return b"".join((head, payload, check, b"\xff" * rest))


def size(head: "bytes | memoryview") -> int:
    """How much of a sector unpack() needs, by its first HEAD_BYTES bytes; 0 if none is there."""
    magic, _, length = struct.unpack(_HEAD, head)
    return HEAD_BYTES + length + 4 if magic == _MAGIC and length <= PAYLOAD_MAX else 0


def unpack(sector: bytes) -> tuple[int, bytes] | None:
    """The start of a sector to (sequence, payload); None if there is no whole record."""
    view = memoryview(sector)  # a relay has little room for copies
    end = size(view[:HEAD_BYTES]) - 4 if len(view) >= HEAD_BYTES else -1
    if end < 0 or crc32(view[:end]).to_bytes(4, "big") != view[end : end + 4]:
        return None
    return struct.unpack(_HEAD, view[:HEAD_BYTES])[1], bytes(view[HEAD_BYTES:end])


def newest(sectors: "Sequence[bytes]") -> tuple[int, int, bytes] | None:
    """Of the starts of both sectors the one that counts: (which, sequence, payload), or None."""
    found = None
    for which in range(len(sectors)):
        record = unpack(sectors[which])
        if record and (found is None or record[0] > found[1]):
            found = (which, record[0], record[1])
    return found
