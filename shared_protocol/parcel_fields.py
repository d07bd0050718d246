"""Every field of a parcel, for the ends of a message and for whoever looks at one (SPEC.md 4)."""

import struct
from collections import namedtuple

from shared_protocol.errors import DecodeError, LocalError
from shared_protocol.limits import BLOCK_DATA_MAX, HOPS_MAX
from shared_protocol.parcel import (
    CELL,
    COPIES,
    HEAD_LEN,
    HINT,
    PIECE_LEN,
    PIECES,
    ROUTE,
    Piece,
    piece_of,
    split,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

_EXTRAS = ROUTE | CELL | HINT
_UNUSUAL = PIECES | 0xC0  # pieces, or a version that is not ours

Parcel = namedtuple(
    "Parcel",
    ("hops", "age", "copies", "b0", "b1", "mid", "piece", "hint", "route", "cell", "payload"),
)


_PLAIN = "!BHBB12s4s"  # no pieces, a hint and nothing else: by far the most common
_PLAIN_LEN = 21

try:
    # CPython: a compiled format, and the constructor that namedtuple's own wraps in Python
    _plain = struct.Struct(_PLAIN)
    _pack: "Callable[..., bytes]" = _plain.pack
    _unpack: "Callable[[bytes], tuple[int, int, int, int, bytes, bytes]]" = _plain.unpack_from
    _new: "Callable[..., Parcel]" = tuple.__new__
    _Short: type[Exception] = struct.error
except AttributeError:  # MicroPython has neither
    _Short = ValueError

    def _pack(hops: int, age: int, b0: int, b1: int, mid: bytes, hint: bytes) -> bytes:
        return struct.pack(_PLAIN, hops, age, b0, b1, mid, hint)

    def _unpack(body: bytes) -> tuple[int, int, int, int, bytes, bytes]:
        return struct.unpack_from(_PLAIN, body)

    def _new(cls: type[Parcel], fields: tuple[object, ...]) -> Parcel:
        return cls(*fields)


def second_byte(lifetime_code: int, hint: bool, route: bool, cell: bool) -> int:
    """b1 of the immutable part."""
    flags = (HINT if hint else 0) | (ROUTE if route else 0) | (CELL if cell else 0)
    return lifetime_code << 4 | flags


def encode(p: Parcel) -> bytes:
    """A Parcel to the bytes of a PARCEL frame's body. hint, route, cell as b1 says, else None."""
    payload: bytes
    # p[:] is a plain tuple: quicker
    hops, age, copies, b0, b1, mid, piece, hint, route, cell, payload = p[:]
    if b1 & _EXTRAS == HINT and not b0 & PIECES and copies is None:
        return _pack(hops, age, b0, b1, mid, hint) + payload
    if copies is None:
        head = struct.pack("!BHBB12s", hops, age, b0, b1, mid)
    else:
        head = struct.pack("!BHBBB12s", hops | COPIES, age, copies, b0, b1, mid)
    if b0 & PIECES:
        head += _encode_piece(piece)
    if b1 & HINT:
        head += hint
    if b1 & ROUTE:
        head += route
    if b1 & CELL:
        head += cell
    return head + payload


def decode(body: bytes) -> Parcel:
    """A PARCEL frame's body to a Parcel. DecodeError unless every field is there and in range."""
    try:
        hops, age, b0, b1, mid, hint = _unpack(body)
    except _Short:
        return _decode_any(body)
    if b1 & _EXTRAS == HINT and not b0 & _UNUSUAL and hops <= HOPS_MAX:
        rest = body[_PLAIN_LEN:]
        return _new(Parcel, (hops, age, None, b0, b1, mid, None, hint, None, None, rest))
    return _decode_any(body)


def _decode_any(body: bytes) -> Parcel:
    hops, age, copies, immutable = split(body)
    b0, b1 = immutable[0], immutable[1]
    mid = immutable[2:HEAD_LEN]
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
    return Parcel(hops, age, copies, b0, b1, mid, piece, hint, route, cell, immutable[at:])


def _encode_piece(piece: Piece) -> bytes:
    if not 2 <= piece.k <= BLOCK_DATA_MAX or not piece.k <= piece.n or piece.index >= piece.n:
        raise LocalError("piece fields out of range")
    last = piece.block << 4 | (piece.blocks - 1)
    tag: bytes = piece.tag
    return bytes((piece.index, piece.k, piece.n, last)) + tag
