"""Sealing: what only the recipient's device can open, and what proves the sender (SPEC.md 6).

    inner  = flags 1 | unix time 4 | sender id 4 | [way] | [card] | body | 80 00...
                                                                              padded, signed
    bundle = HPKE base mode (RFC 9180) of inner | Ed25519 signature, bound to the parcel's head

A way says where a gateway is: route 3, or route 3 | cell 3, or nothing if that is not known. The
sender's own travels inside the seal, when padding leaves room; the recipient's in the clear.

The sender's card goes along until the recipient has answered, so that a stranger can. What it says
of the account is a claim of the device's, which the account has to confirm.

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
from gateway.errors import UserError
from gateway.identity import Card, Identity, card_of
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

# Flags, beside those of compression: in front of the body the sender's card, before that the
# sender's way; the body begins with a byte that says what it is, else it is text.
WITH_CARD, WITH_ROUTE, WITH_CELL, TYPED = 16, 32, 64, 128
_KNOWN_FLAGS = DEFLATED | PAGED | WITH_CARD | WITH_ROUTE | WITH_CELL | TYPED
# 2 unsigned, 8 shared body: reserved
_WAY_LEN = {0: 0, WITH_ROUTE: ROUTE_LEN, WITH_ROUTE | WITH_CELL: ROUTE_LEN + CELL_BYTES}


class SealError(Exception):
    """What arrived is not a message for us, or not from whom it says."""


class UnknownSender(SealError):
    """It opened, but the sender's card is not among the contacts yet.

    card: it came along, and the signature holds under it; None: it did not."""

    def __init__(self, card: Card | None) -> None:
        super().__init__("the sender is not among the contacts")
        self.card = card


@dataclass(frozen=True)
class Sealed:
    """A message ready to travel: its lock, its key, and the immutable parts of its parcels."""

    mid: bytes
    token: bytes
    parcels: list[bytes]
    shape: Shape | None


@dataclass(frozen=True)
class Opened:
    """A message that was opened and whose signature holds.

    sender: the card it was checked with. typed: the body begins with its type. card: what came
    along, of the same device, perhaps newer than what is known of it.
    """

    sender: Card
    unix_s: int
    body: bytes
    typed: bool
    token: bytes
    way: bytes
    card: Card | None


def seal(
    sender: Identity,
    to: Card,
    body: bytes,
    unix_s: int,
    priority: int,
    lifetime: int,
    *,
    typed: bool = False,
    with_card: bool = False,
    way: bytes = b"",
    my_way: bytes = b"",
) -> Sealed:
    """Seal a body of at most 64 KB for one device. `lifetime` is the four-bit code.

    typed: the body begins with a type byte. with_card: the sender's card goes along. UserError if
    the recipient's card is made up.
    way: to the recipient's gateway, if it is known; used if the body fits one frame with it.
    my_way: to the sender's, for the answer; left out, as a whole or but for the route, if there is
    no room for it.
    """
    flags, packed = compress(body)
    flags |= TYPED if typed else 0
    if with_card:
        flags |= WITH_CARD
        card = sender.card.raw()
        packed = bytes([len(card)]) + card + packed
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
    try:
        bundle = _HPKE.encrypt(inner + signature, prekey, info)
    except ValueError:  # a point of small order, as nobody draws one
        raise UserError(f"{to.name}'s card has a false key: ask for a new card") from None
    hint = hint_for(to.mailbox_key, mid)
    carried = bundle if shape is None else _mask(mid, bundle)
    key = tag_key(to.mailbox_key, mid)
    parcels = parcels_of(bytes([b0, b1]) + mid, hint, carried, shape, key, way)
    return Sealed(mid, token, parcels, shape)


def open_bundle(
    me: Identity, head: bytes, bundle: bytes, shape: Shape | None, senders: list[Card]
) -> Opened:
    """Open a whole bundle, with the prekey of today or the one before. SealError if it is not for
    us, altered, or falsely signed."""
    mid = head[2:]
    if shape is not None:
        bundle = _mask(mid, bundle)
    try:
        plain = _HPKE.decrypt(bundle, me.prekey, _info(head, shape))
    except InvalidTag:
        if me.former is None:
            raise SealError("not sealed for this device, or altered") from None
        carried = bundle if shape is None else _mask(mid, bundle)
        return open_bundle(me.former, head, carried, shape, senders)
    inner, signature = plain[:-_SIGNATURE], plain[-_SIGNATURE:]
    token = H(b"token", signature, inner)[:16]
    if receipt.message_id(token) != mid:
        raise SealError("the message id does not belong to this message")
    way, card, packed = _parts(inner)
    sender = _verify(me.card, inner, signature, senders, card)
    try:
        body = decompress(inner[0], packed, MESSAGE_MAX)
    except Unreadable as e:
        raise SealError(str(e)) from None
    typed = bool(inner[0] & TYPED)
    return Opened(sender, int.from_bytes(inner[1:5], "big"), body, typed, token, way, card)


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


def _parts(inner: bytes) -> tuple[bytes, Card | None, bytes]:
    """Way, card and packed body of an inner."""
    if len(inner) < _INNER_HEAD:
        raise SealError("the message is too short")
    flags, packed = inner[0], inner[_INNER_HEAD:].rstrip(b"\0")
    way_len = _WAY_LEN.get(flags & (WITH_ROUTE | WITH_CELL), -1)
    if flags & ~_KNOWN_FLAGS or packed[-1:] != b"\x80" or not 0 <= way_len < len(packed):
        raise SealError("the message comes from a newer Heliograph")
    way, packed = packed[:way_len], packed[way_len:-1]
    if not flags & WITH_CARD:
        return way, None, packed
    end = 1 + packed[0] if packed else 1
    if len(packed) < end:
        raise SealError("the card in the message is damaged")
    try:
        card = card_of(packed[1:end])
    except UserError as e:
        raise SealError(f"the card in the message: {e}") from None
    if card.sender_id != inner[5:9]:
        raise SealError("the card in the message is somebody else's")
    return way, card, packed[end:]


def _verify(
    me: Card, inner: bytes, signature: bytes, senders: list[Card], along: Card | None
) -> Card:
    """Who signed it. UnknownSender if that is nobody of them; with the card that came along, if
    it was its device."""
    sender_id = inner[5:9]
    named = [card for card in senders if card.sender_id == sender_id]
    for card in named:
        if _signed_by(card, me, inner, signature):
            return card
    if along is not None and _signed_by(along, me, inner, signature):
        raise UnknownSender(along)
    if named or along is not None:
        raise SealError("the signature is false")
    raise UnknownSender(None)


def _signed_by(card: Card, me: Card, inner: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(card.ed25519).verify(signature, _signed(me, inner))
    except InvalidSignature:
        return False
    return True


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
