"""Beacons: who I am to my neighbours, what I know in a few bytes, and the handshake (SPEC.md 7.1).

0   flags: FULL 1 | GATEWAY 2 | 0
1   echoes 4 bits | power sums 4
2   my challenge, 23 bits in 3 bytes
5   digest of what I know: count 2 (saturating) | odd sketch 8 | power sums, 30 bits each, packed
.   echoes: [last 3 bytes of the neighbour's address | ask 1 bit, its challenge 23] each;
    ask: "you have not echoed mine yet"
.   extensions: [kind 1 | length 1 | bytes]: unknown kinds are skipped and counted
    kind 1: [gateway 2 | number of its beat 2 | hops 1] each
    kind 2: my cell 3
    kind 3: [kind of operator statement 1 | sequence of my newest 4 | pages I have 1] each
"""

from collections import namedtuple

from shared_protocol.cells import CELL_BYTES, NO_CELL, from_bytes, to_bytes
from shared_protocol.errors import DecodeError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

FULL = 1  # my forwarding window is full: no further pieces, please
GATEWAY = 2
ECHOES_MAX = 15
CHALLENGE_BITS = 23
_ASK = 1 << CHALLENGE_BITS

_HEAD, _SKETCH_HEAD = 5, 10
_GATEWAYS, _GATEWAY_LEN = 1, 5
_CELL = 2
_TOLD, _TOLD_LEN, UPDATE = 3, 6, 1
NOTHING_TOLD = (0, 0)

Beacon = namedtuple(
    "Beacon", ("flags", "challenge", "digest", "echoes", "gateways", "cell", "told", "unknown")
)


def encode(
    flags: int,
    challenge: int,
    digest: bytes,
    echoes: list[tuple[bytes, int, int]],
    gateways: "Sequence[tuple[int, int, int]]" = (),
    cell: int = NO_CELL,
    told: tuple[int, int] = NOTHING_TOLD,
) -> bytes:
    """A BEACON frame's body. digest: as sync.encode_sketch gives it, with at most 15 sums.
    echoes: at most 15 of (address tail, ask, challenge). gateways: (last two bytes of its address,
    number of its beat, hops), as gradient.py tells them. cell: where I stand (cells.py).
    told: (sequence of the newest update, its pages that I have), not said without pages."""
    sums = (len(digest) - _SKETCH_HEAD) * 8 // 30
    listed = [
        tail + (ask << CHALLENGE_BITS | value).to_bytes(3, "big") for tail, ask, value in echoes
    ]
    head = bytes((flags, len(echoes) << 4 | sums))
    if gateways:
        listed.append(bytes((_GATEWAYS, _GATEWAY_LEN * len(gateways))))
        for gateway, number, hops in gateways:
            listed.append((gateway << 16 | number).to_bytes(4, "big") + bytes((hops,)))
    if cell != NO_CELL:
        listed.append(bytes((_CELL, CELL_BYTES)) + to_bytes(cell))
    if told[1]:
        listed.append(
            bytes((_TOLD, _TOLD_LEN, UPDATE)) + told[0].to_bytes(4, "big") + bytes((told[1],))
        )
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
    gateways, cell, told, unknown = _extensions(body, end)
    digest = bytes(body[_HEAD:at])
    return Beacon(body[0], challenge, digest, echoes, gateways, cell, told, unknown)


def _extensions(
    body: bytes, at: int
) -> tuple[list[tuple[int, int, int]], int, tuple[int, int], int]:
    """What is said of gateways, where it stands, what it has of an update, and how many
    extensions are unknown to this version."""
    gateways: list[tuple[int, int, int]] = []
    unknown = 0
    cell = NO_CELL
    told = NOTHING_TOLD
    while at < len(body):
        if at + 2 > len(body) or at + 2 + body[at + 1] > len(body):
            raise DecodeError("beacon extension cut short")
        end = at + 2 + body[at + 1]
        if body[at] == _CELL:
            if end - at - 2 != CELL_BYTES:
                raise DecodeError("cell length")
            cell = from_bytes(body[at + 2 : end])
        elif body[at] == _TOLD:
            if (end - at - 2) % _TOLD_LEN:
                raise DecodeError("statements cut short")
            for i in range(at + 2, end, _TOLD_LEN):
                if body[i] == UPDATE:
                    told = (int.from_bytes(body[i + 1 : i + 5], "big"), body[i + 5])
        elif body[at] != _GATEWAYS:
            unknown += 1
        elif (end - at - 2) % _GATEWAY_LEN:
            raise DecodeError("gateways cut short")
        else:
            for i in range(at + 2, end, _GATEWAY_LEN):
                gateway = body[i] << 8 | body[i + 1]
                gateways.append((gateway, body[i + 2] << 8 | body[i + 3], body[i + 4]))
        at = end
    return gateways, cell, told, unknown
