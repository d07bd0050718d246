"""What a frame of the air carries, for whoever counts or shows it; how people call its type."""

from shared_protocol import frame, parcel, receipt
from shared_protocol.unicast import NEXT_LEN

FRAME_NAMES = {
    frame.BEACON: "beacon", frame.PARCEL: "parcel", frame.RECEIPTS: "receipt",
    frame.SUMMARY: "summary", frame.LIST: "list", frame.WANT: "want", frame.HAVE: "have",
    frame.HELLO: "hello", frame.SKETCH_REQUEST: "sketch request", frame.SKETCH: "sketch",
    frame.SKETCH_MORE: "sketch more", frame.UNICAST: "unicast",
}  # fmt: skip

MESSAGE, RECEIPT, OTHER = "message", "receipt", ""


def parts_in(kind: int, body: bytes) -> list[bytes]:
    """The immutable parts of the parcels or receipts in a frame of this type. DecodeError."""
    if kind == frame.RECEIPTS:
        return [immutable for _, _, immutable in receipt.split_frame(body)]
    if kind == frame.PARCEL:
        return [bytes(parcel.split(body)[3])]
    if kind == frame.UNICAST:
        return [bytes(parcel.split(body[NEXT_LEN:])[3])]
    return []


def content_of(kind: int, body: bytes) -> str:
    """MESSAGE (or a piece of one), RECEIPT or OTHER. DecodeError."""
    for immutable in parts_in(kind, body):
        return RECEIPT if parcel.kind(immutable[0]) == parcel.RECEIPT else MESSAGE
    return OTHER


def message_of(immutable: bytes) -> bytes:
    """The id of the message of which this is a parcel, or the receipt. DecodeError."""
    if parcel.kind(immutable[0]) == parcel.RECEIPT:
        return receipt.message_id(receipt.decode(immutable))
    return immutable[2 : parcel.HEAD_LEN]
