"""Bodies of the frames by which two neighbours find what one of them lacks (SPEC.md 7.3).

SUMMARY   32 times the XOR of my short ids whose top five bits are 0..31, 4 bytes each
LIST      lo 4 | hi 4 | ids 4 each: everything I know with lo <= id <= hi
WANT      last 3 bytes of the address asked | ids 4 each
HAVE      (id 4 | hops 1) each: I took these and look after them now
SKETCH    count 2 | odd sketch 8 | power sums, 30 bits each: of everything I know
SKETCH_MORE     the power sums behind those in my last beacon, which still holds
SKETCH_REQUEST  last byte of the address asked | how many power sums
"""

import struct

from shared_protocol.errors import DecodeError
from shared_protocol.limits import HAVE_IDS_MAX, LIST_IDS_MAX
from shared_protocol.sketch import pack, unpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

BUCKETS = 32
BUCKET_SHIFT = 25  # short ids have 30 bits
ID_MAX = 0x3FFFFFFF
_WANT_MAX = 59  # (239 - 3) // 4
BEACON_SUMS = 4  # so many differences every hearer of a beacon can decode
QUIET_SUMS = 1  # when nothing has happened for a while
_ODD_END = 10


def encode_summary(sums: list[int]) -> bytes:
    """32 bucket sums to a SUMMARY body."""
    return struct.pack("!%dI" % BUCKETS, *sums)


def decode_summary(body: bytes) -> tuple[int, ...]:
    """A SUMMARY body to 32 bucket sums."""
    if len(body) != 4 * BUCKETS:
        raise DecodeError("summary length")
    return struct.unpack("!%dI" % BUCKETS, body)


def encode_list(lo: int, hi: int, ids: list[int]) -> bytes:
    """A complete list of the known ids in lo..hi (at most 57) to a LIST body."""
    return struct.pack("!%dI" % (len(ids) + 2), lo, hi, *ids)


def decode_list(body: bytes) -> tuple[int, int, tuple[int, ...]]:
    """A LIST body to (lo, hi, ids in ascending order)."""
    count = len(body) // 4
    if len(body) % 4 or not 2 <= count <= LIST_IDS_MAX + 2:
        raise DecodeError("list length")
    values = struct.unpack("!%dI" % count, body)
    lo, hi, ids = values[0], values[1], values[2:]
    before = lo - 1
    for short in ids:
        if not before < short <= hi:
            raise DecodeError("list order")
        before = short
    if lo > hi or hi > ID_MAX:
        raise DecodeError("list range")
    return lo, hi, ids


def encode_want(tail: bytes, ids: list[int]) -> bytes:
    """Ids asked of the neighbour whose address ends in `tail` to a WANT body."""
    return tail + struct.pack("!%dI" % len(ids), *ids)


def decode_want(body: bytes) -> tuple[bytes, tuple[int, ...]]:
    """A WANT body to (address tail, ids)."""
    count = (len(body) - 3) // 4
    if (len(body) - 3) % 4 or not 1 <= count <= _WANT_MAX:
        raise DecodeError("want length")
    return bytes(body[:3]), struct.unpack("!%dI" % count, body[3:])


def encode_have(pairs: list[tuple[int, int]]) -> bytes:
    """(short id, hops at which I hold it) pairs, at most 47, to a HAVE body."""
    return b"".join([struct.pack("!IB", short, hops) for short, hops in pairs])


def decode_have(body: bytes) -> list[tuple[int, int]]:
    """A HAVE body to (short id, hops) pairs."""
    if not body or len(body) % 5 or len(body) > 5 * HAVE_IDS_MAX:
        raise DecodeError("have length")
    return [struct.unpack("!IB", body[at : at + 5]) for at in range(0, len(body), 5)]


def encode_sketch(count: int, odd: "Sequence[int]", sums: "Sequence[int]") -> bytes:
    """A SKETCH body, or a beacon's digest: all that a node knows, in a few sums."""
    return struct.pack("!H", min(count, 0xFFFF)) + bytes(odd) + pack(sums)


def decode_sketch(body: bytes) -> "tuple[int, bytes, list[int]]":
    """A SKETCH body, or a beacon's digest, to (count, odd sketch, power sums)."""
    if len(body) < _ODD_END:
        raise DecodeError("sketch too short")
    sums = decode_sums(body[_ODD_END:])
    return struct.unpack("!H", body[:2])[0], bytes(body[2:_ODD_END]), sums


def decode_sums(body: bytes) -> list[int]:
    """A SKETCH_MORE body to power sums."""
    return unpack(body, len(body) * 8 // 30)


def encode_request(whose: int, sums: int) -> bytes:
    """A SKETCH_REQUEST body."""
    return bytes((whose, sums))


def decode_request(body: bytes) -> tuple[int, int]:
    """A SKETCH_REQUEST body to (last byte of the address asked, how many sums)."""
    if len(body) != 2:
        raise DecodeError("sketch request length")
    return body[0], body[1]
