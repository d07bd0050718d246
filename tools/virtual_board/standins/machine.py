"""Stand-in for ESP32 MicroPython's `machine`: identity, resets, the watchdog.

It hides the unix port's built-in `machine`. The process's exit code is the reset: board.py maps
it to the cause the next start reports. What only some boards use is in machine_more.py.
"""

import sys
import time
from binascii import unhexlify
from os import getenv

from micropython import const

_EXIT_RESET = const(71)

# To wires.py. Without a board, in a test, to stderr.
host = open(int(getenv("HELIO_HOST") or 2), "wb")


def unique_id() -> bytes:
    """The 6 bytes of HELIO_MAC (hex), which are the station's MAC as on an ESP32."""
    return unhexlify(getenv("HELIO_MAC"))


def reset() -> None:
    """Restart the board: never returns. Raises SystemExit, so `finally` blocks still run here."""
    sys.exit(_EXIT_RESET)


def reset_cause() -> int:
    """1 power, also a brownout (PWRON_RESET), 2 reset() (HARD_RESET on ESP32), 3 watchdog
    (WDT_RESET), 4 deep sleep is over (DEEPSLEEP_RESET), 5 Ctrl-D in the REPL (SOFT_RESET)."""
    return int(getenv("HELIO_RESET_CAUSE") or 1)


class WDT:
    """The task watchdog: wires.py ends the board that does not feed it, up to an eighth late.

    Another WDT() is the same one with another timeout, as on an ESP32.
    """

    def __init__(self, id: int = 0, timeout: int = 5000) -> None:
        """timeout in milliseconds; like the real one it cannot be stopped."""
        self._timeout_ms = timeout
        self._told_ms = time.ticks_add(time.ticks_ms(), -timeout)
        self.feed()

    def feed(self) -> None:
        now_ms = time.ticks_ms()
        if time.ticks_diff(now_ms, self._told_ms) > self._timeout_ms // 8:
            self._told_ms = now_ms
            host.write("W %d\n" % (self._timeout_ms * 9 // 8))


def __getattr__(name: str):
    import machine_more

    del sys.modules["machine_more"]  # it takes heap that a board does not need for it
    return getattr(machine_more, name)
