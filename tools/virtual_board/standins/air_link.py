"""The board's one radio: its pipe to the air, what has arrived, what is still being sent.

`network` tunes it and `espnow` sends and receives through it, as both share one radio on the
chip. Without HELIO_AIR the radio is silent: sending succeeds, nothing is ever heard. The wire is
specified in air_wire.py, the air's end of it; this end knows only what a board needs, because it
lives in the board's heap.
"""

import socket
import struct
import sys
import time
from os import getenv
from select import POLLIN, poll

import machine
from micropython import const

_HEADER_BYTES = const(3)
_MESSAGE_MAX = const(263)  # the header of an R and a frame of 250 bytes
_JOIN = const(74)  # ord("J") and so on
_TRANSMIT = const(84)
_DONE = const(68)
_RECEIVED = const(82)
_POKE = const(80)
_MAX_TRANSMIT_QUEUE = const(8)
# Of an R: src mac 6, dest mac 6, rssi_dbm i8; the frame follows. Espressif's receive buffer
# spends as much on each frame, 7 bytes of header and 6 of MAC, so a payload's length is its cost.
_RSSI_AT = const(12)
_FRAME_AT = const(13)

_IPPROTO_TCP = const(6)
_TCP_NODELAY = const(1)
_EXIT_AIR_LOST = const(73)  # the air went away, or closed the pipe because of what we sent

# Places in AirLink.counts.
_SENT = const(0)
_RESPONSES = const(1)
_FAILURES = const(2)
_HEARD = const(3)
_DROPPED = const(4)


class AirLink:
    """Opened by ESPNow.active(True).

    counts is what stats() gives: sent, responses, failures, received, dropped, each mirroring one
    in modespnow.c. frames: (payload of an R, time_ms), oldest first.
    """

    def __init__(self) -> None:
        self.mac = b""  # what the station was given instead of the chip's own
        self.channel = 1
        self.is_up = False  # network's interface; while it is down nothing is heard
        self.pipe = None  # None while ESP-NOW is off
        self._is_joined = False
        self.rxbuf_bytes = 526
        self.counts = [0, 0, 0, 0, 0]
        self.frames: list[tuple[bytes, int]] = []
        # Read into, not allocated: without memory between a header and the rest of its message
        # the board would take that rest for the next header.
        self._buffer = memoryview(bytearray(_MESSAGE_MAX))

    def open(self) -> None:
        """Join the air, with a receive buffer of rxbuf_bytes."""
        self._room_bytes = self.rxbuf_bytes
        self._is_poked = False
        where = getenv("HELIO_AIR")
        if where:
            host, port = where.split(":")
            pipe = socket.socket()
            pipe.connect(socket.getaddrinfo(host, int(port))[0][-1])
            pipe.setsockopt(_IPPROTO_TCP, _TCP_NODELAY, 1)
        else:
            # Something poll() can wait on for ever: nobody sends to this socket.
            pipe = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._poll = poll()
        self._poll.register(pipe, POLLIN)
        self.pipe = pipe
        self._is_joined = bool(where)
        self.tune(self.channel)

    def close(self) -> None:
        """Leave the air; what was received and not read is gone, what was not done never will."""
        self.pipe.close()
        self.pipe = None
        self._is_joined = False
        self.frames.clear()
        self.counts[_SENT] = self.counts[_RESPONSES]

    def tune(self, channel: int) -> None:
        """Change the channel, 1 to 14; on the air that is to join once more."""
        if not 1 <= channel <= 14:
            raise OSError(-258)  # ESP_ERR_INVALID_ARG
        self.channel = channel
        if self._is_joined:
            x_m, y_m = getenv("HELIO_X_M"), getenv("HELIO_Y_M")
            place = struct.pack(">Bii", channel, int(x_m or 0), int(y_m or 0))
            self._write(_JOIN, (self.mac or machine.unique_id()) + place)

    def outstanding(self) -> int:
        """Frames handed to the air that it has not finished sending."""
        return self.counts[_SENT] - self.counts[_RESPONSES]

    def transmit(self, dest: bytes, frame: bytes) -> bool:
        """Hand one frame to the air; False if the transmit queue is full."""
        if self.outstanding() >= _MAX_TRANSMIT_QUEUE:
            self.pull(0)
            self.poke_if_waiting()
            if self.outstanding() >= _MAX_TRANSMIT_QUEUE:
                return False
        self.counts[_SENT] += 1
        if self._is_joined:
            self._write(_TRANSMIT, dest + frame)
        else:
            self.counts[_RESPONSES] += 1
        return True

    def pull(self, timeout_ms: int) -> None:
        """Take in all that the air has sent; wait up to timeout_ms (-1: for ever) for a start.

        May come back early with nothing new for the caller: a D or P ends the wait as well.
        """
        counts = self.counts
        while self._poll.poll(timeout_ms):
            timeout_ms = 0
            # The air writes whole messages, so what a header promises is there or about to be.
            header = self._read(_HEADER_BYTES)
            payload_bytes, kind = header[0] << 8 | header[1], header[2]
            payload = self._read(payload_bytes)
            if kind == _DONE:
                counts[_RESPONSES] += 1
                counts[_FAILURES] += int(payload[0] != 0)
            elif kind == _POKE:
                self._is_poked = False
            elif kind == _RECEIVED and self.is_up:
                # The chip's test, off by one included: the default 526 bytes hold one full frame,
                # not two.
                if payload_bytes >= self._room_bytes - 1:
                    counts[_DROPPED] += 1
                else:
                    counts[_HEARD] += 1
                    self._room_bytes -= payload_bytes
                    self.frames.append((bytes(payload), time.ticks_ms()))

    def take(self) -> tuple[bytes, int, int, bytes]:
        """Remove and return the oldest frame as (src, rssi_dbm, time_ms, frame)."""
        payload, time_ms = self.frames.pop(0)
        self._room_bytes += len(payload)
        self.poke_if_waiting()
        # No level is 0 dBm or more, which spares the i8 its other half.
        return payload[:6], payload[_RSSI_AT] - 256, time_ms, payload[_FRAME_AT:]

    def poke_if_waiting(self) -> None:
        """Make the pipe readable again if frames are left here, in memory, where poll() is blind.

        Call it whenever control goes back to a program that may now wait in poll().
        """
        if self.frames and not self._is_poked:
            self._is_poked = True
            self._write(_POKE, b"")

    def _read(self, length: int) -> memoryview:
        """So many bytes, good until the next call."""
        data = self._buffer[:length]
        try:
            got = self.pipe.readinto(data)
        except OSError:  # connection reset: the same news as an orderly end
            got = 0
        if got < length:
            # A pipe at its end is readable for ever; going on would spin at 100 %.
            sys.stderr.write("the air is gone\n")
            sys.exit(_EXIT_AIR_LOST)
        return data

    def _write(self, kind: int, payload: bytes) -> None:
        self.pipe.write(struct.pack(">HB", len(payload), kind) + payload)


LINK = AirLink()
