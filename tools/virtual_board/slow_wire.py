"""A serial cable to a virtual board: as slow as a UART, and if you like as bad as a long one.

Its own port takes the place of the board's. Each direction carries `baud` bits a second, ten a
byte; of the bytes a share is damaged.
"""

import os
import pty
import random
import select
import threading
import time
import tty
from collections import deque
from collections.abc import Callable
from typing import Self

_BITS = 10  # start, eight, stop
_TICK_S = 0.002
_READ_MAX = 4096


class SlowWire:
    """Runs from the moment it is made until close()."""

    def __init__(self, port_path: str, baud: int, damaged: float, seed: int) -> None:
        self._far = os.open(port_path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self._near, self._host_end = pty.openpty()
        tty.setraw(self._host_end)
        os.set_blocking(self._near, False)
        self.port_path = os.ttyname(self._host_end)
        self._byte_s = _BITS / baud
        self._damaged = damaged
        self._random = random.Random(seed)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def _carry(self) -> None:
        ways = [_Way(self._near, self._far), _Way(self._far, self._near)]
        while not self._ended.is_set():
            select.select([self._near, self._far], [], [], _TICK_S)
            now_s = time.monotonic()
            for way in ways:
                way.take(now_s, self._byte_s)
                way.give(now_s, self._bent)

    def _bent(self, byte: int) -> int:
        return self._random.randrange(256) if self._random.random() < self._damaged else byte

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def close(self) -> None:
        """Pull the cable out."""
        if not self._ended.is_set():
            self._ended.set()
            self._thread.join()
            for fd in (self._far, self._near, self._host_end):
                os.close(fd)


class _Way:
    """One direction: bytes, each with the time at which it has come through."""

    def __init__(self, source: int, sink: int) -> None:
        self._source, self._sink = source, sink
        self._coming: deque[tuple[float, int]] = deque()
        self._busy_till_s = 0.0

    def take(self, now_s: float, byte_s: float) -> None:
        try:
            data = os.read(self._source, _READ_MAX)
        except OSError:  # nothing there, or nobody at the other end
            return
        self._busy_till_s = max(self._busy_till_s, now_s)
        for byte in data:
            self._busy_till_s += byte_s
            self._coming.append((self._busy_till_s, byte))

    def give(self, now_s: float, bent: Callable[[int], int]) -> None:
        data = bytearray()
        while self._coming and self._coming[0][0] <= now_s:
            data.append(bent(self._coming.popleft()[1]))
        if data:
            try:
                os.write(self._sink, data)
            except OSError:  # what does not fit is lost, as on a UART
                return
