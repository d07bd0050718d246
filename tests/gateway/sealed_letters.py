"""A sealed message as a gateway hands it on, with bytes in hex, and how Python opens it."""

from gateway.parcels import rebuild_bundle, tag_key
from gateway.pieces import Shape
from gateway.sealing import open_bundle
from shared_protocol.parcel_fields import decode


def letter_of(sealed, to):
    """head, shape, bundle (masked if there are pieces), hint and tag_key."""
    parts = [decode(bytes(3) + part) for part in sealed.parcels]
    key = tag_key(to.mailbox_key, sealed.mid)
    shape, bundle = sealed.shape, parts[0].payload
    if shape is not None:
        bundle = rebuild_bundle(key, sealed.mid, shape, parts)
    return {
        "head": sealed.parcels[0][:14].hex(),
        "shape": None if shape is None else [shape.k, shape.n, shape.blocks],
        "bundle": bundle.hex(), "hint": parts[0].head[5].hex(),
        "tag_key": None if shape is None else key.hex(),
    }  # fmt: skip


def open_letter(me, letter, senders):
    """As open_bundle()."""
    shape = None if letter["shape"] is None else Shape(*letter["shape"])
    head, bundle = (bytes.fromhex(letter[key]) for key in ("head", "bundle"))
    return open_bundle(me, head, bundle, shape, senders)
