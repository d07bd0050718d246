"""Messages of a simulation: parcels as gateways make them, but of seeded bytes.

The shape, sizes, hints, piece tags and the code across the pieces are the real ones. Only the
seal is not: it draws from the system's random source, and no run would come twice.
"""

import hashlib
import random
from dataclasses import dataclass, field

from gateway.parcels import piece_tag, tag_key
from gateway.pieces import Shape, cut, rebuild, shape_for
from gateway.sealing import FRAME_PAYLOAD, ONE_FRAME_BODY, hint_for, room_for
from shared_protocol import parcel, receipt
from shared_protocol.cells import NO_CELL, to_bytes
from shared_protocol.hashing import H, Hmac
from shared_protocol.lifetime import NORMAL, lifetime_code
from shared_protocol.parcel import ROUTE_LEN, Piece
from shared_protocol.parcel_fields import NO_EXTRAS, Parcel, decode, encode, second_byte
from tools.sim.scenario import Message


@dataclass
class Letter:
    """A message under way. bundle: what the receiver must have; shape: None if it is one parcel.
    Times are those of the simulation, None if it has not come to that. came_from: which node
    gave it to which first."""

    message: Message
    mid: bytes
    receipt: bytes  # its immutable part
    parcels: list[bytes]
    bundle: bytes
    shape: Shape | None
    delivered_us: int | None = None
    acknowledged_us: int | None = None
    came_from: dict[int, int] = field(default_factory=dict)

    @property
    def needed(self) -> int:
        """How many parcels give it back at the earliest."""
        return 1 if self.shape is None else self.shape.k * self.shape.blocks


def address_of(number: int, gateway: bool) -> bytes:
    """The link address of a node. Its last two bytes differ, also of a relay and its gateway."""
    return b"\2\0\0\0" + (number | (0x8000 if gateway else 0)).to_bytes(2, "big")


def mailbox_key(seed: int, node: int) -> bytes:
    """By which a gateway recognises what is for it."""
    return H(b"box", seed.to_bytes(8, "big"), node.to_bytes(4, "big"))[:16]


def write(message: Message, number: int, seed: int, cell: int = NO_CELL) -> Letter:
    """The letter of the scenario's `number`th message: as gateway/sealing.py, without a seal.

    cell: of the receiver's gateway, for a message that is routed."""
    dice = random.Random(f"{seed}/message/{number}")
    token = dice.randbytes(16)
    mid = receipt.message_id(token)
    key = mailbox_key(seed, message.to)
    way = address_of(message.to, True)[-ROUTE_LEN:] + to_bytes(cell) if message.routed else b""
    if message.size > ONE_FRAME_BODY - room_for(way):
        way = b""
    single = message.size <= ONE_FRAME_BODY
    shape = None if single else shape_for(message.size + FRAME_PAYLOAD - ONE_FRAME_BODY)
    payload_len = FRAME_PAYLOAD - room_for(way)
    bundle = dice.randbytes(payload_len if shape is None else shape.bundle_len)
    code = lifetime_code(message.lifetime_s)
    b0 = parcel.first_byte(parcel.MESSAGE, NORMAL, shape is not None)
    b1 = second_byte(code, True, bool(way), len(way) > ROUTE_LEN)
    head = (0, 0, b0, b1, mid, hint_for(key, mid))
    parcels = []
    if shape is None:
        extras = NO_EXTRAS._replace(route=way[:ROUTE_LEN], cell=way[ROUTE_LEN:]) if way else None
        parcels = [encode(Parcel(head, bundle, extras))[3:]]
    else:
        tags = Hmac(tag_key(key, mid))
        for block, index, payload in cut(bundle, shape):
            tag = piece_tag(tags, mid, index, shape, block, payload)
            piece = Piece(index, shape.k, shape.n, block, shape.blocks, tag)
            extras = NO_EXTRAS._replace(piece=piece)
            parcels.append(encode(Parcel(head, payload, extras))[3:])
    token_parcel = receipt.encode(token, NORMAL, code)
    return Letter(message, mid, token_parcel, parcels, bundle, shape)


def complete(letter: Letter, held: list[bytes]) -> bool:
    """Do these parcels (immutable parts) give the message back, as it was written?"""
    if letter.shape is None:
        return letter.parcels[0] in held
    found = {}
    for immutable in held:
        p = decode(bytes(3) + immutable)
        piece = p.extras.piece
        found[piece.block, piece.index] = p.payload
    return rebuild(letter.shape, found) == letter.bundle


def digest(*parts: object) -> bytes:
    """32 seeded bytes for keys and secrets."""
    return hashlib.sha256("/".join(map(str, parts)).encode()).digest()
