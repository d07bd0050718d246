"""Frames on the air, encrypted and authenticated SIV-style under the network key (SPEC.md 3).

    0   version 2 bits | key epoch 2 | frame type 4
    1   net time flag 1 bit | send counter 31
    5   frame_mac = HMAC-SHA256(K_mac, src[6] | bytes 0-4 | plaintext)[:6]
    11  plaintext XOR AES-128-ECB(K_enc, frame_mac | bytes 1-4 | src[1:6] | i), i = 0, 1, ...

The MAC is also the IV (a synthetic IV as in RFC 5297), so a counter that was lost in a power cut
does no harm to secrecy. `src` is the sender's six-byte link address and is not in the frame.
"""

import struct

from shared_protocol import WIRE_VERSION
from shared_protocol.errors import DecodeError, LocalError
from shared_protocol.hashing import H, Hmac
from shared_protocol.limits import FRAME_MAX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

HEADER = 11
BODY_MAX = FRAME_MAX - HEADER
NET_TIME = 0x80000000  # header bit: six bytes of net time lead the plaintext (sleeping relays)
NET_TIME_LEN = 6
COUNTER_MAX = NET_TIME - 1

BEACON, PARCEL, RECEIPTS, SUMMARY, LIST, WANT, HAVE = 1, 2, 3, 4, 5, 6, 7
HELLO, SKETCH_REQUEST, SKETCH, COMMAND, SKETCH_MORE, UNICAST = 8, 9, 10, 12, 13, 14
EXTENDED = 15
# 0 is never sent. Reserved: 11 AUDIT.
STATEMENT, REQUEST, CHUNK = 1, 2, 3  # the first byte of an EXTENDED body (statement.py)


class FrameCipher:
    """Seals and opens frames of one network key epoch.

    network_key: 32 bytes. ecb: function of a 16-byte key giving an AES-128-ECB encryptor
    (bytes, a multiple of 16 -> bytes of the same length).
    """

    def __init__(
        self, network_key: bytes, epoch: int, ecb: "Callable[[bytes], Callable[[bytes], bytes]]"
    ) -> None:
        self.epoch = epoch
        self._mac = Hmac(H(b"frame-mac", network_key))
        self._encrypt = ecb(H(b"frame-enc", network_key)[:16])
        self.short_id_key = H(b"short-id", network_key)[:16]

    def seal(self, frame_type: int, counter: int, src: bytes, body: bytes) -> bytes:
        """Body (at most 239 bytes) to a frame of at most 250 bytes."""
        if len(body) > BODY_MAX:
            raise LocalError("frame body of %d bytes, at most %d" % (len(body), BODY_MAX))
        head = struct.pack("!BI", WIRE_VERSION << 6 | self.epoch << 4 | frame_type, counter)
        mac = self._mac.digest(src + head + body)[:6]
        return head + mac + self._xor(mac, head, src, body)

    def open(self, src: bytes, frame: bytes) -> tuple[int, int, bytes]:
        """A frame heard from `src` to (frame type, counter, body). DecodeError if it is not ours.

        Net time, where the flag announces it, is stripped: nodes that never sleep ignore it.
        """
        if not HEADER <= len(frame) <= FRAME_MAX:
            raise DecodeError("frame length")
        frame = bytes(frame)
        b0 = frame[0]
        if b0 >> 6 != WIRE_VERSION:
            raise DecodeError("frame version")
        if b0 >> 4 & 3 != self.epoch:
            raise DecodeError("key epoch")
        head = frame[:5]
        mac = frame[5:HEADER]
        body = self._xor(mac, head, src, frame[HEADER:])
        if self._mac.digest(src + head + body)[:6] != mac:
            raise DecodeError("frame mac")
        counter = struct.unpack("!I", head[1:])[0]
        if counter & NET_TIME:
            if len(body) < NET_TIME_LEN:
                raise DecodeError("net time")
            counter &= COUNTER_MAX
            body = body[NET_TIME_LEN:]
        return b0 & 15, counter, body

    def _xor(self, mac: bytes, head: bytes, src: bytes, data: bytes) -> bytes:
        size = len(data)
        if not size:
            return b""
        seed = mac + head[1:] + src[1:]
        blocks = b"".join([seed + bytes((i,)) for i in range((size + 15) // 16)])
        stream = self._encrypt(blocks)
        mixed = int.from_bytes(data, "big") ^ int.from_bytes(stream[:size], "big")
        return mixed.to_bytes(size, "big")
