"""Sealing: what only the recipient's device can open, and what proves the sender (SPEC.md 6).

    inner  = flags 1 | unix time 4 | sender id 4 | [way] | body | 80 00...     padded, signed
    bundle = HPKE base mode (RFC 9180) of inner | Ed25519 signature, bound to the parcel's head

A way says where a gateway is: route 3, or route 3 | cell 3, or nothing if that is not known. The
sender's own travels inside the seal, when padding leaves room; the recipient's in the clear.

Nothing outside the seal names a person. The signature covers the recipient's device and prekey, so
nobody can pass the message on as if it had been sent to somebody else.
"""

import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from gateway.compression import DEFLATED, PAGED, compress, decompress
from gateway.dictionary import Unreadable
from gateway.identity import Card, Identity
from gateway.parcels import parcels_of, tag_key
from gateway.pieces import Shape, shape_for
from shared_protocol import parcel, receipt
from shared_protocol.cells import CELL_BYTES
from shared_protocol.hashing import H
from shared_protocol.limits import FRAME_MAX, MESSAGE_MAX
from shared_protocol.parcel import ROUTE_LEN
from shared_protocol.parcel_fields import second_byte
from shared_protocol.unicast import NEXT_LEN

SUITE = 1  # X25519, HKDF-SHA256, ChaCha20-Poly1305
_HPKE = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
HPKE_OVERHEAD = 48
_SIGNATURE = 64
_INNER_HEAD = 9
_SEAL_OVERHEAD = HPKE_OVERHEAD + _SIGNATURE + _INNER_HEAD + 1
FRAME_PAYLOAD = FRAME_MAX - 11 - 3 - 14 - 4  # frame, mutable part, head, hint
ONE_FRAME_BODY = FRAME_PAYLOAD - _SEAL_OVERHEAD  # 96 bytes of compressed text

# Flags, beside those of compression: the sender's way is in front of the body.
WITH_ROUTE, WITH_CELL = 32, 64
_KNOWN_FLAGS = DEFLATED | PAGED | WITH_ROUTE | WITH_CELL
# 2 unsigned, 8 shared body, 16 card: reserved
_WAY_LEN = {0: 0, WITH_ROUTE: ROUTE_LEN, WITH_ROUTE | WITH_CELL: ROUTE_LEN + CELL_BYTES}


class SealError(Exception):
    """What arrived is not a message for us, or not from whom it says."""


class UnknownSender(SealError):
    """It opened, but the sender's card is not among the contacts yet."""


@dataclass(frozen=True)
class Sealed:
    """A message ready to travel: its lock, its key, and the immutable parts of its parcels."""

    mid: bytes
    token: bytes
    parcels: list[bytes]
    shape: Shape | None


@dataclass(frozen=True)
class Opened:
    """A message that was opened and whose signature holds."""

    sender: Card
    unix_s: int
    body: bytes
    token: bytes
    way: bytes


def seal(
    sender: Identity,
    to: Card,
    body: bytes,
    unix_s: int,
    priority: int,
    lifetime: int,
    *,
    way: bytes = b"",
    my_way: bytes = b"",
) -> Sealed:
    """Seal a body of at most 64 KB for one device. `lifetime` is the four-bit code.

    way: to the recipient's gateway, if it is known; used if the body fits one frame with it.
    my_way: to the sender's, for the answer; left out, as a whole or but for the route, if there is
    no room for it.
    """
    flags, packed = compress(body)
    single = len(packed) <= ONE_FRAME_BODY
    shape = None if single else shape_for(len(packed) + _SEAL_OVERHEAD)
    way = _fitting(way, ONE_FRAME_BODY - len(packed), NEXT_LEN)
    bundle_len = FRAME_PAYLOAD - room_for(way) if shape is None else shape.bundle_len
    my_way = _fitting(my_way, bundle_len - _SEAL_OVERHEAD - len(packed), 0)
    flags |= WITH_ROUTE if my_way else 0
    flags |= WITH_CELL if len(my_way) > ROUTE_LEN else 0
    inner = bytes([flags]) + unix_s.to_bytes(4, "big") + sender.card.sender_id
    inner += my_way + packed + b"\x80"
    inner += bytes(bundle_len - HPKE_OVERHEAD - _SIGNATURE - len(inner))
    signature = sender.signing.sign(_signed(to, inner))
    token = H(b"token", signature, inner)[:16]
    mid = receipt.message_id(token)
    b0 = parcel.first_byte(parcel.MESSAGE, priority, shape is not None)
    b1 = second_byte(lifetime, True, bool(way), len(way) > ROUTE_LEN)
    info = _info(bytes([b0, b1]) + mid, shape)
    prekey = X25519PublicKey.from_public_bytes(to.x25519)
    bundle = _HPKE.encrypt(inner + signature, prekey, info)
    hint = hint_for(to.mailbox_key, mid)
    carried = bundle if shape is None else _mask(mid, bundle)
    key = tag_key(to.mailbox_key, mid)
    parcels = parcels_of(bytes([b0, b1]) + mid, hint, carried, shape, key, way)
    return Sealed(mid, token, parcels, shape)


def open_bundle(
    me: Identity, head: bytes, bundle: bytes, shape: Shape | None, senders: list[Card]
) -> Opened:
    """Open a whole bundle. SealError if it is not for us, altered, or falsely signed."""
    mid = head[2:]
    if shape is not None:
        bundle = _mask(mid, bundle)
    try:
        plain = _HPKE.decrypt(bundle, me.prekey, _info(head, shape))
    except InvalidTag:
        raise SealError("not sealed for this device, or altered") from None
    inner, signature = plain[:-_SIGNATURE], plain[-_SIGNATURE:]
    token = H(b"token", signature, inner)[:16]
    if receipt.message_id(token) != mid:
        raise SealError("the message id does not belong to this message")
    sender = _verify(me.card, inner, signature, senders)
    packed = inner[_INNER_HEAD:].rstrip(b"\0")
    way_len = _WAY_LEN.get(inner[0] & (WITH_ROUTE | WITH_CELL), -1)
    if inner[0] & ~_KNOWN_FLAGS or packed[-1:] != b"\x80" or not 0 <= way_len < len(packed):
        raise SealError("the message comes from a newer Heliograph")
    try:
        body = decompress(inner[0], packed[way_len:-1], MESSAGE_MAX)
    except Unreadable as e:
        raise SealError(str(e)) from None
    return Opened(sender, int.from_bytes(inner[1:5], "big"), body, token, packed[:way_len])


def room_for(way: bytes) -> int:
    """Bytes that a route (and a cell) take from a parcel's payload: their own, and those of the
    next node's address in a UNICAST frame."""
    return len(way) + NEXT_LEN if way else 0


def _fitting(way: bytes, room: int, besides: int) -> bytes:
    """As much of a way as there is room for, with so many bytes besides."""
    for size in (ROUTE_LEN + CELL_BYTES, ROUTE_LEN):
        if len(way) >= size and size + besides <= room:
            return way[:size]
    return b""


def hint_for(mailbox_key: bytes, mid: bytes) -> bytes:
    """The recipient hint: four bytes that only holders of the mailbox key recognise."""
    return H(b"hint", mailbox_key, mid)[:4]


def _verify(me: Card, inner: bytes, signature: bytes, senders: list[Card]) -> Card:
    sender_id = inner[5:9]
    named = [card for card in senders if card.sender_id == sender_id]
    if not named:
        raise UnknownSender("the sender is not among the contacts")
    for card in named:
        try:
            Ed25519PublicKey.from_public_bytes(card.ed25519).verify(signature, _signed(me, inner))
        except InvalidSignature:
            continue
        return card
    raise SealError("the signature is false")


def _signed(to: Card, inner: bytes) -> bytes:
    digest = hashlib.sha256(inner).digest()
    return b"helio1/msg\0" + bytes([SUITE]) + to.ed25519 + to.x25519 + digest


def _info(head: bytes, shape: Shape | None) -> bytes:
    tail = b"" if shape is None else bytes([shape.k, shape.n, shape.blocks])
    return b"helio1/seal\0" + bytes([SUITE]) + head + tail


def _mask(mid: bytes, bundle: bytes) -> bytes:
    """All or nothing: HPKE's key capsule is hidden by the hash of the rest (its own inverse)."""
    enc, rest = bundle[:32], bundle[32:]
    pad = H(b"mask", mid, rest)
    return bytes(a ^ b for a, b in zip(enc, pad, strict=True)) + rest
