"""A message as a phone hands it in: sealed there, to be cut into parcels here."""

from dataclasses import dataclass

from gateway.errors import UserError
from gateway.parcels import parcels_of
from gateway.pieces import Shape, shape_for
from gateway.sealing import FRAME_PAYLOAD, room_for
from shared_protocol import parcel, records
from shared_protocol.cells import CELL_BYTES
from shared_protocol.limits import BLOCK_DATA_MAX, MESSAGE_MAX
from shared_protocol.parcel_fields import second_byte

BUNDLE_MAX = shape_for(MESSAGE_MAX + 1024).bundle_len  # the longest body, its seal and a card
_TAG_KEY_LEN = 32
_WAYS = (0, parcel.ROUTE_LEN, parcel.ROUTE_LEN + CELL_BYTES)


@dataclass(frozen=True)
class Posting:
    """head: b0, b1 and mid. bundle: masked, if there are pieces. tag_key: K_tag, b"" for one
    frame. way: to the recipient's gateway, for one frame only. watch: of a message that several
    read, the ids that their tokens open (watches.py)."""

    head: bytes
    hint: bytes
    bundle: bytes
    shape: Shape | None
    tag_key: bytes
    way: bytes
    watch: tuple[bytes, ...] = ()

    @property
    def mid(self) -> bytes:
        """The message id."""
        return self.head[2:]

    @property
    def is_sos(self) -> bool:
        """Has it the highest priority?"""
        return parcel.priority(self.head[0]) == 3

    @property
    def count(self) -> int:
        """How many parcels it is cut into."""
        return 1 if self.shape is None else self.shape.n * self.shape.blocks

    def check(self) -> None:
        """UserError unless this can be cut into parcels that any node takes for a message.

        What is inside cannot be checked here, nor whether the id belongs to it.
        """
        if len(self.head) != parcel.HEAD_LEN or len(self.hint) != 4:
            raise UserError("a message has a mid of 12 bytes and a hint of 4")
        b0, b1 = self.head[0], self.head[1]
        if b0 != parcel.first_byte(parcel.MESSAGE, parcel.priority(b0), self.shape is not None):
            raise UserError("b0 does not fit a message, or not its shape")
        if len(self.way) not in _WAYS or (self.way and self.shape is not None):
            raise UserError("a way has 3 or 6 bytes, and goes with messages of one frame")
        if b1 != second_byte(b1 >> 4, True, bool(self.way), len(self.way) > parcel.ROUTE_LEN):
            raise UserError("b1 does not fit the message's way")
        if self.shape is None:
            if len(self.bundle) != FRAME_PAYLOAD - room_for(self.way):
                raise UserError("the bundle does not fill one frame")
            return
        check_shape(self.shape)
        if len(self.bundle) != self.shape.bundle_len or len(self.tag_key) != _TAG_KEY_LEN:
            raise UserError("the bundle does not fill its shape, or it has no tag_key")

    def records(self) -> list[bytes]:
        """Its parcels as records for the node's store, their life not begun."""
        immutables = parcels_of(
            self.head, self.hint, self.bundle, self.shape, self.tag_key, self.way
        )
        return [
            records.encode_kept(records.Kept(False, records.UNSET_S, 0, 0, immutable))
            for immutable in immutables
        ]


def check_shape(shape: Shape) -> None:
    """UserError unless it is one that SPEC.md 6 allows, and not of more than 64 KB."""
    k, n, blocks = shape.k, shape.n, shape.blocks
    in_range = 2 <= k <= BLOCK_DATA_MAX and k < n <= min(255, k + max(1, -(-k // 3)))
    if not in_range or not 1 <= blocks <= 16 or shape.bundle_len > BUNDLE_MAX:
        raise UserError("the message has a shape that is not allowed, or is too long")


def shape_bytes(shape: Shape | None) -> bytes | None:
    """k, n and blocks, as the database has them."""
    return None if shape is None else bytes([shape.k, shape.n, shape.blocks])


def shape_of(raw: bytes | None) -> Shape | None:
    """The inverse of shape_bytes."""
    return None if raw is None else Shape(*raw)
