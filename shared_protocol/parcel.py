"""Parcels: the unit that relays store, compare, forward and evict (SPEC.md 4).

    mutable     hops byte: copies flag 1 bit | 0 | hops 6      age 2     [copies 1]
    immutable   b0: version 2 bits | kind 3 | priority 2 | pieces 1
                b1: lifetime code 4 | route | cell | hint | 0
                mid 12
                [index 1 | k 1 | n 1 | block 4 bits, blocks-1 4 bits | piece_tag 4]   if pieces
                [hint 4] [route 3] [cell 3]                                          as b1 says
                payload

The parcel id is never transmitted: it is the hash of the immutable part, so nobody can put other
content under a known id. A receipt has its 16-byte token in the place of mid and nothing behind.

This file is what a relay needs to know of a parcel; parcel_fields.py has all of it, for the ends.
"""

import struct
from collections import namedtuple

from shared_protocol import WIRE_VERSION
from shared_protocol.cells import CELL_BYTES, from_bytes
from shared_protocol.errors import DecodeError
from shared_protocol.hashing import H
from shared_protocol.limits import BLOCK_DATA_MAX

MESSAGE, RECEIPT, STATEMENT, RECORD = 0, 1, 2, 3  # kinds; 4-6 free, 7 extended (byte follows mid)

COPIES = 0x80  # in the hops byte
ROUTE, CELL, HINT = 8, 4, 2  # in b1; bit 0 is reserved: carried unchanged
PIECES = 1  # in b0
PIECE_LEN = 8
ROUTE_LEN = 3  # of a gateway's address, the last ones
MID_LEN = 12
TOKEN_LEN = 16
HEAD_LEN = 14  # b0, b1, mid: what the seal is bound to
RECEIPT_LEN = 3 + 2 + TOKEN_LEN  # as it stands in a RECEIPTS frame, mutable part included

Piece = namedtuple("Piece", ("index", "k", "n", "block", "blocks", "tag"))


def first_byte(kind: int, priority: int, pieces: bool) -> int:
    """b0 of the immutable part."""
    return WIRE_VERSION << 6 | kind << 3 | priority << 1 | (PIECES if pieces else 0)


def split(body: bytes) -> tuple[int, int, int | None, bytes]:
    """A parcel's bytes to (hops, age field, copies or None, immutable part)."""
    at = 3
    if len(body) < at + 2 + MID_LEN:
        raise DecodeError("parcel too short")
    hops, age = struct.unpack("!BH", body[:3])
    copies = None
    if hops & COPIES:
        copies = body[3]
        at = 4
    hops &= 0x3F
    immutable = body[at:]
    if immutable[0] >> 6 != WIRE_VERSION:
        raise DecodeError("parcel version")
    if len(immutable) < HEAD_LEN:
        raise DecodeError("parcel too short")
    return hops, age, copies, immutable


def check(immutable: bytes) -> None:
    """DecodeError unless every field that b0 and b1 announce is there and in range."""
    if immutable[0] >> 6 != WIRE_VERSION:
        raise DecodeError("parcel version")
    flags = immutable[1]
    size = HEAD_LEN + (4 if flags & HINT else 0) + (3 if flags & ROUTE else 0)
    size += 3 if flags & CELL else 0
    if immutable[0] & PIECES:
        size += PIECE_LEN
        piece_of(immutable)
    if len(immutable) < size:
        raise DecodeError("parcel fields cut short")


def destination(immutable: bytes) -> tuple[int, int]:
    """(last three bytes of the gateway's address, its cell) of an immutable part that has ROUTE;
    the cell is NO_CELL if it has none."""
    at = HEAD_LEN + (PIECE_LEN if immutable[0] & PIECES else 0)
    at += 4 if immutable[1] & HINT else 0
    end = at + ROUTE_LEN
    cell = immutable[end : end + CELL_BYTES] if immutable[1] & CELL else b""
    return int.from_bytes(immutable[at:end], "big"), from_bytes(cell)


def join(hops: int, age: int, copies: int | None, immutable: bytes) -> bytes:
    """The inverse of split."""
    if copies is None:
        return struct.pack("!BH", hops, age) + immutable
    return struct.pack("!BHB", hops | COPIES, age, copies) + immutable


def piece_of(immutable: bytes) -> Piece:
    """The piece fields of an immutable part that has them."""
    if len(immutable) < HEAD_LEN + PIECE_LEN:
        raise DecodeError("piece fields cut short")
    index, k, n, last = struct.unpack("!BBBB", immutable[HEAD_LEN : HEAD_LEN + 4])
    block, blocks = last >> 4, (last & 15) + 1
    if k < 2 or k > BLOCK_DATA_MAX or n < k or index >= n or block >= blocks:
        raise DecodeError("piece fields out of range")
    return Piece(index, k, n, block, blocks, immutable[HEAD_LEN + 4 : HEAD_LEN + 8])


def parcel_id(immutable: bytes) -> bytes:
    """Eight bytes computed from the immutable part."""
    return H(b"parcel", immutable)[:8]


def kind(b0: int) -> int:
    """The three kind bits."""
    return b0 >> 3 & 7


def priority(b0: int) -> int:
    """The two priority bits, 3 = SOS."""
    return b0 >> 1 & 3
