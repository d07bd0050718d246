"""Beacons: who I am to my neighbours, what I know in a few bytes, and the handshake (SPEC.md 7.1).

0   flags: FULL 1 | GATEWAY 2 | 0
1   echoes 4 bits | syndromes 4
2   count of what I know, 16 bits (saturating)
4   my challenge, 23 bits in 3 bytes
7   syndromes, 30 bits each, packed into whole bytes; the first is the XOR of all short ids
.   echoes: [last 3 bytes of the neighbour's address | ask 1 bit, its challenge 23] each;
    ask: "you have not echoed mine yet"
.   extensions: [kind 1 | length 1 | bytes]: unknown kinds are skipped and counted
"""

import struct
from collections import namedtuple

from shared_protocol.errors import DecodeError

FULL = 1  # my forwarding window is full: no further pieces, please
GATEWAY = 2
ECHOES_MAX = 15
CHALLENGE_BITS = 23
_ASK = 1 << CHALLENGE_BITS

Beacon = namedtuple("Beacon", ("flags", "count", "challenge", "xor", "echoes", "unknown"))


def encode(
    flags: int, count: int, challenge: int, xor: int, echoes: list[tuple[bytes, int, int]]
) -> bytes:
    """A BEACON frame's body. `echoes`: at most 15 of (address tail, ask, challenge)."""
    head = struct.pack("!BBH", flags, len(echoes) << 4 | 1, min(count, 0xFFFF))
    listed = [
        tail + (ask << CHALLENGE_BITS | value).to_bytes(3, "big") for tail, ask, value in echoes
    ]
    return head + challenge.to_bytes(3, "big") + struct.pack("!I", xor << 2) + b"".join(listed)


def decode(body: bytes) -> Beacon:
    """A BEACON frame's body; `xor` is None where the sender left the syndromes out."""
    if len(body) < 7:
        raise DecodeError("beacon too short")
    flags, sizes, count = struct.unpack("!BBH", body[:4])
    challenge = int.from_bytes(body[4:7], "big") & (_ASK - 1)
    at = 7
    syndromes = sizes & 15
    xor = None
    if syndromes:
        width = (30 * syndromes + 7) // 8
        if len(body) < at + width:
            raise DecodeError("beacon syndromes cut short")
        xor = int.from_bytes(body[at : at + 4], "big") >> 2
        at += width
    end = at + 6 * (sizes >> 4)
    if len(body) < end:
        raise DecodeError("beacon echoes cut short")
    echoes = []
    for i in range(at, end, 6):
        value = int.from_bytes(body[i + 3 : i + 6], "big")
        echoes.append((bytes(body[i : i + 3]), value >> CHALLENGE_BITS, value & (_ASK - 1)))
    return Beacon(flags, count, challenge, xor, echoes, _extensions(body, end))


def _extensions(body: bytes, at: int) -> int:
    """How many extensions follow; none is known to this version."""
    unknown = 0
    while at < len(body):
        if at + 2 > len(body) or at + 2 + body[at + 1] > len(body):
            raise DecodeError("beacon extension cut short")
        at += 2 + body[at + 1]
        unknown += 1
    return unknown
