"""Stand-in for ESP32 MicroPython's `espnow`, on the virtual air: what a mesh of ours calls.

The contract is ports/esp32/modespnow.c and its docs. Different on purpose: a full transmit queue
raises ESP_ERR_ESPNOW_NO_MEM at once (the chip's send() first retries for 2 s, stopping every
other task), a frame over 250 bytes is a ValueError, and errors carry their number without their
name. Not modelled: encryption, sending to all peers at once, irq(), rates, all of ESP-NOW v2.
"""

import errno
import io
import time

from air_link import LINK
from micropython import const

_MAX_DATA_LEN = const(250)
_KEY_LEN = const(16)
_MAX_TOTAL_PEER_NUM = const(20)
_DEFAULT_TIMEOUT_MS = const(300000)
# The chip gives up on responses after 100 ms; the host may be busy longer than a chip ever is.
_RESPONSE_TIMEOUT_MS = const(2000)

# ESP_ERR_ESPNOW_…
_NOT_INIT = const(-12389)
_NO_MEM = const(-12391)
_FULL = const(-12392)
_NOT_FOUND = const(-12393)
_EXIST = const(-12395)
_IF = const(-12396)

# Requests of MicroPython's stream protocol, py/stream.h.
_STREAM_POLL = const(3)
_STREAM_GET_FILENO = const(10)
_POLL_READ = const(1)
_POLL_WRITE = const(4)


class ESPNow(io.IOBase):
    """The radio; a board has one, so make one of these. Errors are OSError(number)."""

    def __init__(self) -> None:
        self._peers = []  # macs
        self._data = [None, bytearray(_MAX_DATA_LEN)]  # what irecv() returns, always the same
        # mac -> [rssi_dbm, time_ms] of whoever was heard, peer or not; never pruned
        self.peers_table = {}

    def active(self, flag: bool | None = None) -> bool:
        """Tell whether ESP-NOW is on, after turning it on or off when asked to.

        Turning it off forgets the peers and what was received and not read.
        """
        if flag is not None and bool(flag) != bool(LINK.pipe):
            if flag:
                LINK.open()
            else:
                LINK.close()
                self._peers.clear()
        return bool(LINK.pipe)

    def config(self, rxbuf: int = 526) -> None:
        """Set the size of the receive buffer in bytes, from the next active(True) on."""
        LINK.rxbuf_bytes = rxbuf

    def add_peer(self, mac: bytes) -> None:
        """Register a mac that send() may name; at most 20, the broadcast address included."""
        self._check_active()
        if len(mac) != 6:
            raise ValueError
        if mac in self._peers:
            raise OSError(_EXIST)
        if len(self._peers) >= _MAX_TOTAL_PEER_NUM:
            raise OSError(_FULL)
        self._peers.append(bytes(mac))

    def get_peers(self) -> tuple[tuple[bytes, bytes, int, int, bool], ...]:
        """Return (mac, lmk, channel, ifidx, encrypt) for each peer that is not multicast."""
        return tuple(
            [(mac, bytes(_KEY_LEN), 0, 0, False) for mac in self._peers if not mac[0] & 1]
        )

    def send(self, mac: bytes, msg: bytes, sync: bool = True) -> bool:
        """Send msg to a peer.

        With sync it waits until the air is done with everything sent, and is False if a unicast
        frame was not acknowledged. Without, it is True and returns at once.
        """
        self._check_active()
        if len(msg) > _MAX_DATA_LEN:
            raise ValueError("message over 250 bytes")
        if not LINK.is_up:
            raise OSError(_IF)
        if mac not in self._peers:
            raise OSError(_NOT_FOUND)
        if sync:
            self._wait_for_responses()
        failures = self.stats()[2]
        if not LINK.transmit(mac, msg):
            raise OSError(_NO_MEM)
        if sync:
            self._wait_for_responses()
        return not sync or self.stats()[2] == failures

    def recv(self, timeout_ms: int = _DEFAULT_TIMEOUT_MS) -> list[bytes] | tuple[None, None]:
        """Like irecv(), with new bytes objects that stay."""
        mac, msg = self.irecv(timeout_ms)
        return [mac, bytes(msg)] if mac else (None, None)

    def irecv(self, timeout_ms: int = _DEFAULT_TIMEOUT_MS) -> list[bytes] | tuple[None, None]:
        """Wait for one frame: [mac, bytearray], both overwritten by the next call.

        (None, None) after timeout_ms; 0 does not wait, negative waits for ever.
        """
        self._check_active()
        start_ms = time.ticks_ms()
        LINK.pull(0)
        while not LINK.frames:
            left_ms = timeout_ms - time.ticks_diff(time.ticks_ms(), start_ms)
            if timeout_ms >= 0 and left_ms <= 0:
                return (None, None)
            LINK.pull(left_ms if timeout_ms >= 0 else -1)
        src, rssi_dbm, time_ms, frame = LINK.take()
        heard = self.peers_table.setdefault(src, [0, 0])
        heard[0] = rssi_dbm
        heard[1] = time_ms
        self._data[0] = src
        self._data[1][:] = frame
        return self._data

    def any(self) -> bool:
        """Tell whether irecv(0) would return a frame."""
        self._check_active()
        LINK.pull(0)
        LINK.poke_if_waiting()
        return bool(LINK.frames)

    def stats(self) -> tuple[int, int, int, int, int]:
        """Return (sent, responses, failures, received, dropped because rxbuf was full)."""
        return tuple(LINK.counts)

    def ioctl(self, request: int, argument: int) -> int:
        """Let select.poll() and asyncio wait on the pipe itself, instead of asking us again."""
        if request == _STREAM_GET_FILENO:
            self._check_active()
            return LINK.pipe.fileno()
        if request == _STREAM_POLL:
            return argument & (self.any() * _POLL_READ | _POLL_WRITE)
        return -errno.EINVAL

    def _check_active(self) -> None:
        if not LINK.pipe:
            raise OSError(_NOT_INIT)

    def _wait_for_responses(self) -> None:
        start_ms = time.ticks_ms()
        while LINK.outstanding():
            left_ms = _RESPONSE_TIMEOUT_MS - time.ticks_diff(time.ticks_ms(), start_ms)
            if left_ms <= 0:
                raise OSError(errno.ETIMEDOUT)
            LINK.pull(left_ms)
        LINK.poke_if_waiting()
