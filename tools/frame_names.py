"""What people call the types of frames."""

from shared_protocol import frame

FRAME_NAMES = {
    frame.BEACON: "beacon", frame.PARCEL: "parcel", frame.RECEIPTS: "receipt",
    frame.SUMMARY: "summary", frame.LIST: "list", frame.WANT: "want", frame.HAVE: "have",
    frame.HELLO: "hello", frame.SKETCH_REQUEST: "sketch request", frame.SKETCH: "sketch",
    frame.SKETCH_MORE: "sketch more", frame.UNICAST: "unicast",
}  # fmt: skip
