"""A bundle to its parcels and back (SPEC.md 6): what a gateway does without any key of a person's.

K_tag, from the recipient's mailbox key and the message id, is all that cutting and checking needs:
a phone can have its gateway do this and keep its mailbox key to itself.
"""

from gateway.pieces import PIECE_PAYLOAD, Shape, cut, rebuild
from shared_protocol.hashing import H, Hmac
from shared_protocol.parcel import ROUTE_LEN, Piece
from shared_protocol.parcel_fields import NO_EXTRAS, Parcel, encode


def tag_key(mailbox_key: bytes, mid: bytes) -> bytes:
    """K_tag: the key of one message's piece tags."""
    return H(b"piece-key", mailbox_key, mid)


def parcels_of(
    head: bytes, hint: bytes, bundle: bytes, shape: Shape | None, key: bytes, way: bytes
) -> list[bytes]:
    """The immutable parts of a message's parcels.

    head: b0, b1 and mid. bundle: masked, if there are pieces. key: K_tag, of no use for one frame.
    way: to the recipient's gateway, for one frame only (b1 says the same).
    """
    b0, b1, mid = head[0], head[1], head[2:]
    if shape is None:
        extras = NO_EXTRAS._replace(route=way[:ROUTE_LEN], cell=way[ROUTE_LEN:]) if way else None
        return [encode(Parcel((0, 0, b0, b1, mid, hint), bundle, extras))[3:]]
    tags = Hmac(key)
    parcels = []
    for block, index, payload in cut(bundle, shape):
        tag = piece_tag(tags, mid, index, shape, block, payload)
        piece = Piece(index, shape.k, shape.n, block, shape.blocks, tag)
        extras = NO_EXTRAS._replace(piece=piece)
        parcels.append(encode(Parcel((0, 0, b0, b1, mid, hint), payload, extras))[3:])
    return parcels


def rebuild_bundle(key: bytes, mid: bytes, shape: Shape, parcels: list[Parcel]) -> bytes | None:
    """The pieces of one message to its (still masked) bundle, None while some are missing.

    key: K_tag. Pieces with a wrong tag are passed over.
    """
    tags = Hmac(key)
    found = {}
    for p in parcels:
        piece = p.extras.piece
        if len(p.payload) != PIECE_PAYLOAD:
            continue
        expected = piece_tag(tags, mid, piece.index, shape, piece.block, p.payload)
        if expected == piece.tag:
            found[piece.block, piece.index] = p.payload
    return rebuild(shape, found)


def piece_tag(
    tags: Hmac, mid: bytes, index: int, shape: Shape, block: int, payload: bytes
) -> bytes:
    """Four bytes by which the receiver knows true pieces. `tags` is keyed with K_tag."""
    fields = bytes([index, shape.k, shape.n, block << 4 | shape.blocks - 1])
    return tags.digest(b"helio1/piece\0" + mid + fields + payload)[:4]
