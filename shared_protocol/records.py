"""Records in a node's store: one layout for flash and SQLite (SPEC.md 9).

    P  first_s 4 | expires_s 4 | hops 1 | immutable part     a parcel
    R  first_s 4 | expires_s 4 | hops 1 | immutable part     a receipt: the message is tombstoned
    C  boots 2 | clock_s 4 | counter limit 4 | evicted 4 | damaged 4 | command counter 4
                                             the node's own clock, its counters and history

Seconds are those of the node's clock, which counts powered time and is saved now and then. A C
record without the last fields, as earlier versions wrote it, means zeros.
"""

import struct
from collections import namedtuple

from shared_protocol.errors import DecodeError
from shared_protocol.parcel import HEAD_LEN

_HEAD = "!BIIB"
_HEAD_LEN = 10
_CLOCK = "!BHIIIII"
_CLOCK_LEN = 23
UNSET_S = 0xFFFFFFFF  # first_s of a parcel written while the node was not running

Kept = namedtuple("Kept", ("is_receipt", "first_s", "expires_s", "hops", "immutable"))
Clock = namedtuple(
    "Clock", ("boots", "clock_s", "counter_limit", "evicted", "damaged", "commands")
)


def encode_kept(kept: Kept) -> bytes:
    """A parcel or receipt to its record."""
    letter = 0x52 if kept.is_receipt else 0x50
    immutable: bytes = kept.immutable
    return struct.pack(_HEAD, letter, kept.first_s, kept.expires_s, kept.hops) + immutable


def encode_clock(clock: Clock) -> bytes:
    """The node's clock to its record."""
    return struct.pack(_CLOCK, 0x43, *clock)


def decode(record: bytes) -> Kept | Clock:
    """A record to Kept or Clock. DecodeError if it is neither."""
    if len(record) in (11, 19, _CLOCK_LEN) and record[0] == 0x43:
        return Clock(*struct.unpack(_CLOCK, record + bytes(_CLOCK_LEN - len(record)))[1:])
    if len(record) < _HEAD_LEN + HEAD_LEN or record[0] not in (0x50, 0x52):
        raise DecodeError("unknown record")
    letter, first_s, expires_s, hops = struct.unpack(_HEAD, record[:_HEAD_LEN])
    return Kept(letter == 0x52, first_s, expires_s, hops, bytes(record[_HEAD_LEN:]))
