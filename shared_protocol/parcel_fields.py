"""Every field of a parcel, for the ends of a message and for whoever looks at one (SPEC.md 4)."""

import struct
from collections import namedtuple

from shared_protocol.errors import DecodeError, LocalError
from shared_protocol.limits import BLOCK_DATA_MAX
from shared_protocol.parcel import (
    CELL,
    HEAD_LEN,
    HINT,
    PIECE_LEN,
    PIECES,
    ROUTE,
    Piece,
    join,
    piece_of,
    split,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_EXTRAS = ROUTE | CELL | HINT
_UNUSUAL = PIECES | 0xC0  # in b0: pieces, or a version that is not ours
_UNUSUAL_HOPS = 0xC0  # in the hops byte: copies, or the reserved bit

# head: the tuple (hops, age, b0, b1, mid, hint or None), just as struct gives it, so that it need
# not be copied. extras: None for by far the most parcels, which have a hint and nothing else.
Parcel = namedtuple("Parcel", ("head", "payload", "extras"))
Extras = namedtuple("Extras", ("piece", "route", "cell", "copies"))
NO_EXTRAS = Extras(None, None, None, None)

_PLAIN = "!BHBB12s4s"
_PLAIN_LEN = 21

try:
    # CPython: a compiled format, and the constructor that namedtuple's own wraps in Python
    _plain = struct.Struct(_PLAIN)
    _pack: "Callable[..., bytes]" = _plain.pack
    _unpack: "Callable[[bytes], tuple[Any, ...]]" = _plain.unpack_from
    _new: "Callable[..., Parcel]" = tuple.__new__
    _Short: type[Exception] = struct.error
except AttributeError:  # MicroPython has neither
    _Short = ValueError

    def _pack(*fields: object) -> bytes:
        return struct.pack(_PLAIN, *fields)

    def _unpack(body: bytes) -> "tuple[Any, ...]":
        return struct.unpack_from(_PLAIN, body)

    def _new(cls: type[Parcel], fields: tuple[object, ...]) -> Parcel:
        return cls(*fields)


def second_byte(lifetime_code: int, hint: bool, route: bool, cell: bool) -> int:
    """b1 of the immutable part."""
    flags = (HINT if hint else 0) | (ROUTE if route else 0) | (CELL if cell else 0)
    return lifetime_code << 4 | flags


# Small functions for the common case: MicroPython puts the frame of a larger one on the heap.


def encode(p: Parcel) -> bytes:
    """A Parcel to the bytes of a PARCEL frame's body. What b0 and b1 announce must be there."""
    head, payload, extras = p
    if extras is None and head[3] & HINT:
        body: bytes = _pack(*head) + payload
        return body
    return _encode_any(p)


def _encode_any(p: Parcel) -> bytes:
    hops, age, b0, b1, mid, hint = p.head
    extras = p.extras or NO_EXTRAS
    fields = join(hops, age, extras.copies, bytes((b0, b1)) + mid)
    if b0 & PIECES:
        fields += _encode_piece(extras.piece)
    if b1 & HINT:
        fields += hint
    if b1 & ROUTE:
        fields += extras.route
    if b1 & CELL:
        fields += extras.cell
    body: bytes = fields + p.payload
    return body


def decode(body: bytes) -> Parcel:
    """A PARCEL frame's body to a Parcel. DecodeError unless every field is there and in range."""
    try:
        head = _unpack(body)
    except _Short:
        return _decode_any(body)
    if head[3] & _EXTRAS == HINT and not head[2] & _UNUSUAL | head[0] & _UNUSUAL_HOPS:
        return _new(Parcel, (head, body[_PLAIN_LEN:], None))
    return _decode_any(body)


def _decode_any(body: bytes) -> Parcel:
    hops, age, copies, immutable = split(body)
    b0, b1 = immutable[0], immutable[1]
    at = HEAD_LEN
    piece = hint = route = cell = None
    if b0 & PIECES:
        piece = piece_of(immutable)
        at += PIECE_LEN
    if b1 & HINT:
        hint = immutable[at : at + 4]
        at += 4
    if b1 & ROUTE:
        route = immutable[at : at + 3]
        at += 3
    if b1 & CELL:
        cell = immutable[at : at + 3]
        at += 3
    if at > len(immutable):
        raise DecodeError("parcel fields cut short")
    extras = Extras(piece, route, cell, copies)
    rest = None if extras == NO_EXTRAS else extras
    return Parcel((hops, age, b0, b1, immutable[2:HEAD_LEN], hint), immutable[at:], rest)


def piece(p: Parcel) -> "Piece | None":
    """The piece fields of a parcel, None if it is whole."""
    extras = p.extras or NO_EXTRAS
    found: Piece | None = extras.piece
    return found


def _encode_piece(fields: Piece) -> bytes:
    if not 2 <= fields.k <= BLOCK_DATA_MAX or not fields.k <= fields.n or fields.index >= fields.n:
        raise LocalError("piece fields out of range")
    last = fields.block << 4 | (fields.blocks - 1)
    tag: bytes = fields.tag
    return bytes((fields.index, fields.k, fields.n, last)) + tag
