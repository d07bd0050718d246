"""Beacons: who I am to my neighbours, what I know in a few bytes, and the handshake (SPEC.md 7.1).

0   flags: FULL 1 | GATEWAY 2 | 0
1   echoes 4 bits | power sums 4
2   my challenge, 23 bits in 3 bytes
5   digest of what I know: count 2 (saturating) | odd sketch 8 | power sums, 30 bits each, packed
.   echoes: [last 3 bytes of the neighbour's address | ask 1 bit, its challenge 23] each;
    ask: "you have not echoed mine yet"
.   extensions: [kind 1 | length 1 | bytes]: unknown kinds are skipped and counted
"""

from collections import namedtuple

from shared_protocol.errors import DecodeError

FULL = 1  # my forwarding window is full: no further pieces, please
GATEWAY = 2
ECHOES_MAX = 15
CHALLENGE_BITS = 23
_ASK = 1 << CHALLENGE_BITS

_HEAD, _SKETCH_HEAD = 5, 10

Beacon = namedtuple("Beacon", ("flags", "challenge", "digest", "echoes", "unknown"))


def encode(
    flags: int, challenge: int, digest: bytes, echoes: list[tuple[bytes, int, int]]
) -> bytes:
    """A BEACON frame's body. digest: as sync.encode_sketch gives it, with at most 15 sums.
    echoes: at most 15 of (address tail, ask, challenge)."""
    sums = (len(digest) - _SKETCH_HEAD) * 8 // 30
    listed = [
        tail + (ask << CHALLENGE_BITS | value).to_bytes(3, "big") for tail, ask, value in echoes
    ]
    head = bytes((flags, len(echoes) << 4 | sums))
    return head + challenge.to_bytes(3, "big") + digest + b"".join(listed)


def decode(body: bytes) -> Beacon:
    """A BEACON frame's body; `digest` is for sync.decode_sketch."""
    if len(body) < _HEAD:
        raise DecodeError("beacon too short")
    sizes = body[1]
    challenge = int.from_bytes(body[2:_HEAD], "big") & (_ASK - 1)
    at = _HEAD + _SKETCH_HEAD + (30 * (sizes & 15) + 7) // 8
    end = at + 6 * (sizes >> 4)
    if len(body) < end:
        raise DecodeError("beacon cut short")
    echoes = []
    for i in range(at, end, 6):
        value = int.from_bytes(body[i + 3 : i + 6], "big")
        echoes.append((bytes(body[i : i + 3]), value >> CHALLENGE_BITS, value & (_ASK - 1)))
    return Beacon(body[0], challenge, bytes(body[_HEAD:at]), echoes, _extensions(body, end))


def _extensions(body: bytes, at: int) -> int:
    """How many extensions follow; none is known to this version."""
    unknown = 0
    while at < len(body):
        if at + 2 > len(body) or at + 2 + body[at + 1] > len(body):
            raise DecodeError("beacon extension cut short")
        at += 2 + body[at + 1]
        unknown += 1
    return unknown
