"""Stand-in for ESP32 MicroPython's `machine`: identity, resets, the watchdog.

It hides the unix port's built-in `machine`. The process's exit code is the reset: board.py maps
it to the cause the next start reports.
"""

import sys
import time
from binascii import unhexlify
from os import getenv

from micropython import const

_EXIT_RESET = const(71)
_EXIT_WATCHDOG = const(72)


def unique_id() -> bytes:
    """The 6 bytes of HELIO_MAC (hex), which are the station's MAC as on an ESP32."""
    return unhexlify(getenv("HELIO_MAC"))


def reset() -> None:
    """Restart the board: never returns. Raises SystemExit, so `finally` blocks still run here."""
    sys.exit(_EXIT_RESET)


def reset_cause() -> int:
    """1 power (PWRON_RESET), 2 reset() (HARD_RESET on ESP32), 3 watchdog (WDT_RESET)."""
    return int(getenv("HELIO_RESET_CAUSE") or 1)


class WDT:
    """The task watchdog, looked at only in feed().

    A feed that comes too late ends the process with the watchdog's exit code. A program that
    never feeds again (a hang in Python or in C) is not caught: this port has neither alarm
    signals nor safe threads.
    """

    def __init__(self, id: int = 0, timeout: int = 5000) -> None:
        """timeout in milliseconds; like the real one it cannot be stopped."""
        self._timeout_ms = timeout
        self._fed_ms = time.ticks_ms()

    def feed(self) -> None:
        now_ms = time.ticks_ms()
        gap_ms = time.ticks_diff(now_ms, self._fed_ms)
        if gap_ms > self._timeout_ms:
            sys.stderr.write("watchdog: %d ms since the last feed\n" % gap_ms)
            sys.exit(_EXIT_WATCHDOG)
        self._fed_ms = now_ms
