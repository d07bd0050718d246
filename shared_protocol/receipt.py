"""Receipts: the message id is the lock, the token is the key (SPEC.md 5).

mid = H("mid", token)[:12]. Only who opened the message learns the token, so showing it proves
delivery; any relay checks one hash, drops every parcel with that mid and keeps a tombstone.
"""

import struct

from shared_protocol.errors import DecodeError
from shared_protocol.hashing import H
from shared_protocol.parcel import RECEIPT, RECEIPT_LEN, TOKEN_LEN, first_byte, priority

SHORT_ID_MASK = 0x3FFFFFFF  # 30 bits: a small int on 32-bit MicroPython


def message_id(token: bytes) -> bytes:
    """The 12-byte message id that this 16-byte token unlocks."""
    return H(b"mid", token)[:12]


def encode(token: bytes, priority: int, lifetime_code: int) -> bytes:
    """The immutable part of a receipt: b0, b1, token."""
    return bytes((first_byte(RECEIPT, priority, False), lifetime_code << 4)) + token


def decode(immutable: bytes) -> bytes:
    """The token of a receipt's immutable part."""
    if len(immutable) != 2 + TOKEN_LEN or immutable[1] & 15:
        raise DecodeError("not a receipt")
    if immutable[0] != first_byte(RECEIPT, priority(immutable[0]), False):
        raise DecodeError("not a receipt")
    return immutable[2:]


def split_frame(body: bytes) -> list[tuple[int, int, bytes]]:
    """A RECEIPTS frame's body to a list of (hops, age field, immutable part)."""
    if not body or len(body) % RECEIPT_LEN:
        raise DecodeError("receipts frame length")
    found = []
    for at in range(0, len(body), RECEIPT_LEN):
        hops, age = struct.unpack("!BH", body[at : at + 3])
        immutable = body[at + 3 : at + RECEIPT_LEN]
        decode(immutable)
        found.append((hops & 0x3F, age, immutable))
    return found


def short_id(key: bytes, name: bytes) -> int:
    """30-bit short id by which neighbours compare what they know.

    `name` is the eight-byte parcel id, or the mid for a receipt: all variants of one receipt are
    one thing. Keyed by the network, so that outsiders cannot aim collisions.
    """
    short = int.from_bytes(H(b"short", key, name)[:4], "big") & SHORT_ID_MASK
    return short or 1  # 0 would be invisible in power sums
