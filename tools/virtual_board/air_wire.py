"""The wire between a virtual board and the air, and the air's end of it: no I/O.

The board's end is standins/air_link.py, which shares the board's small heap and so repeats the
little it needs instead of importing this.

    message = payload length u16 BE | kind u8 | payload

| kind        | from → to   | payload                                                |
|-------------|-------------|--------------------------------------------------------|
| J join      | board → air | mac 6, channel u8, x_m i32, y_m i32                    |
| T transmit  | board → air | dest mac 6, frame 0..250                               |
| D done      | air → board | status u8, one for every T, in order                   |
| R received  | air → board | src mac 6, dest mac 6, rssi_dbm i8, frame              |
| P poke      | both        | empty; the air echoes it                               |
| C control   | both        | JSON request, JSON reply                               |

A second J on one connection changes the channel only: a board does not move by retuning.

P exists because a board waits in poll() on this socket, while frames it has already read sit in
its memory: a poke makes the socket readable once more, so that no frame is overlooked.
"""

import struct

MAC_BYTES = 6
MAX_FRAME_BYTES = 250  # ESP-NOW v1, ESP_NOW_MAX_DATA_LEN
MAX_CONTROL_BYTES = 65535  # what the length field can say: the stats of a full air are ~30 kB
MAX_TRANSMIT_QUEUE = 8  # frames a board may have handed over that are not yet done
BROADCAST = b"\xff\xff\xff\xff\xff\xff"

JOIN = ord("J")
TRANSMIT = ord("T")
DONE = ord("D")
RECEIVED = ord("R")
POKE = ord("P")
CONTROL = ord("C")

STATUS_OK = 0
STATUS_NO_MEM = 1  # the transmit queue was full, the frame was thrown away
STATUS_NO_ACK = 2  # a unicast frame reached nobody; a broadcast is never acknowledged

_HEADER = ">HB"
HEADER_BYTES = 3
_JOIN = ">6sBii"
_RECEIVED_HEADER = ">6s6sb"
_RECEIVED_HEADER_BYTES = 13

# kind: (shortest, longest) payload; a missing key is a protocol error.
_PAYLOAD_BYTES = {
    JOIN: (15, 15),
    TRANSMIT: (MAC_BYTES, MAC_BYTES + MAX_FRAME_BYTES),
    DONE: (1, 1),
    RECEIVED: (_RECEIVED_HEADER_BYTES, _RECEIVED_HEADER_BYTES + MAX_FRAME_BYTES),
    POKE: (0, 0),
    CONTROL: (0, MAX_CONTROL_BYTES),
}


class WireError(Exception):
    """The other side sent what no side of this wire may send."""


def encode(kind: int, payload: bytes = b"") -> bytes:
    """Return one message; WireError if the payload does not fit the kind."""
    _check(kind, len(payload))
    return struct.pack(_HEADER, len(payload), kind) + payload


def encode_join(mac: bytes, channel: int, x_m: int, y_m: int) -> bytes:
    return encode(JOIN, struct.pack(_JOIN, mac, channel, x_m, y_m))


def decode_join(payload: bytes) -> tuple[bytes, int, int, int]:
    mac, channel, x_m, y_m = struct.unpack(_JOIN, payload)
    return mac, channel, x_m, y_m


def encode_received(src: bytes, dest: bytes, rssi_dbm: int, frame: bytes) -> bytes:
    return encode(RECEIVED, struct.pack(_RECEIVED_HEADER, src, dest, rssi_dbm) + frame)


def decode_received(payload: bytes) -> tuple[bytes, bytes, int, bytes]:
    src, dest, rssi_dbm = struct.unpack(_RECEIVED_HEADER, payload[:_RECEIVED_HEADER_BYTES])
    return src, dest, rssi_dbm, payload[_RECEIVED_HEADER_BYTES:]


def _check(kind: int, payload_bytes: int) -> None:
    shortest, longest = _PAYLOAD_BYTES.get(kind, (1, 0))
    if not shortest <= payload_bytes <= longest:
        raise WireError(f"kind {kind} with {payload_bytes} bytes of payload")


class Splitter:
    """Cuts a byte stream into messages; keeps at most one incomplete message."""

    def __init__(self) -> None:
        self._pending = b""

    def feed(self, data: bytes) -> list[tuple[int, bytes]]:
        """Take bytes as they came, return the (kind, payload) pairs now complete.

        Raises WireError as soon as a header is wrong; the stream is unusable after that.
        """
        data = self._pending + data
        messages: list[tuple[int, bytes]] = []
        start = 0
        while len(data) - start >= HEADER_BYTES:
            payload_bytes, kind = struct.unpack(_HEADER, data[start : start + HEADER_BYTES])
            _check(kind, payload_bytes)
            end = start + HEADER_BYTES + payload_bytes
            if end > len(data):
                break
            messages.append((kind, data[start + HEADER_BYTES : end]))
            start = end
        self._pending = data[start:]
        return messages
