"""So many bytes an hour, never more: what may still be spent on the backhaul.

Counted is what the connection carries in both directions, commands and answers of NATS included;
TLS, TCP and IP around it are not. Bytes are written down before they are spent, a power cut
makes nobody forget them. An hour is one of the gateway's own clock, which counts powered seconds.
"""

import sqlite3
from collections.abc import Callable

from gateway.database import get_meta, set_meta

CONNECT_BYTES = 12_000  # greeting, login, TLS's certificates, the questions at the start
ALIVE_BYTES = 2_000  # pings of an hour
_SOS_SHARE = 10  # one in so many bytes is for emergency calls alone
_HOUR_S = 3600
_META = "backhaul_budget"
_NO_END = 1 << 40


class Budget:
    """bytes_per_hour: 0 for no limit. clock_s(): seconds that never go back."""

    def __init__(
        self, db: sqlite3.Connection, bytes_per_hour: int, clock_s: Callable[[], int]
    ) -> None:
        self._db, self._most, self._clock_s = db, bytes_per_hour, clock_s
        self._hour, self._used = _kept(db)

    @property
    def limited(self) -> bool:
        """Is there a limit at all?"""
        return self._most > 0

    def left(self, sos: bool) -> int:
        """Bytes that may be spent now, for an emergency call or for anything else."""
        if not self._most:
            return _NO_END
        self._turn()
        return self._most - (0 if sos else self._most // _SOS_SHARE) - self._used

    def spend(self, size: int, sos: bool) -> bool:
        """Take so many bytes, durably. False if there are not so many left."""
        if not self._most:
            return True
        if size > self.left(sos):
            return False
        self._used += size
        self._keep()
        return True

    def give_back(self, size: int) -> None:
        """So many bytes of those taken were not needed, or (below zero) were not enough."""
        if self._most and size:
            self._used = max(0, self._used - size)
            self._keep()

    def next_hour_s(self) -> int:
        """Seconds until there is something again."""
        return _HOUR_S - self._clock_s() % _HOUR_S

    def _turn(self) -> None:
        hour = self._clock_s() // _HOUR_S
        if hour != self._hour:
            self._hour, self._used = hour, ALIVE_BYTES

    def _keep(self) -> None:
        set_meta(self._db, _META, f"{self._hour} {self._used}".encode())


def _kept(db: sqlite3.Connection) -> tuple[int, int]:
    hour, _, used = (get_meta(db, _META) or b"0 %d" % ALIVE_BYTES).decode().partition(" ")
    return int(hour), int(used)


def used(db: sqlite3.Connection) -> int:
    """Bytes of the last hour in which some were spent; from any process."""
    return _kept(db)[1]
