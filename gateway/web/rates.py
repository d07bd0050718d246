"""How much one device may ask: token buckets, refilled with time."""

import time
from dataclasses import dataclass

from aiohttp import web

_DEVICES_KEPT = 1000  # with more of them the fullest buckets are forgotten, which say least


@dataclass(frozen=True)
class Rate:
    """So many at once, and so many a second in the long run."""

    burst: float
    per_s: float
    what: str


REQUESTS = Rate(200, 20, "requests")
MESSAGES = Rate(200, 2, "messages")
SOS = Rate(32, 32 / 600, "emergency calls")  # to a person's contacts, every ten minutes
# Of one address (sources.py): of 500 places one machine has a quarter at most, for those who came
# once and never again give way after an hour.
REGISTRATIONS = Rate(60, 60 / 3600, "new phones")
RECORDS = Rate(32, 32 / 3600, "directory records")  # each lives in the mesh for two days
# Receipts of letters that this gateway does not know: nobody can tell whether they end anything,
# so a device's, and those of all together, are few.
CARRIED = Rate(64, 1 / 60, "receipts of other gateways' letters")
ALL_CARRIED = Rate(500, 1 / 6, "receipts of other gateways' letters")
# A site on the Internet can let a visitor's browser pass for a page in a file: the devices that it
# could register, all together, are few.
NEWCOMERS = Rate(20, 1 / 60, "new devices of saved pages")


class Rates:
    """What each device has left."""

    def __init__(self) -> None:
        self._left: dict[tuple[str, Rate], tuple[float, float]] = {}

    def spend(self, device: str, rate: Rate, count: int = 1) -> None:
        """HTTPTooManyRequests if the device has not so many left."""
        now = time.monotonic()
        left, at = self._left.get((device, rate), (rate.burst, now))
        left = min(rate.burst, left + (now - at) * rate.per_s)
        if left < count:
            wait_s = int((count - left) / rate.per_s) + 1
            raise web.HTTPTooManyRequests(
                text=f"These are more {rate.what} than may come from one place: wait {wait_s} s.",
                headers={"Retry-After": str(wait_s)},
            )
        if len(self._left) >= 3 * _DEVICES_KEPT:
            self._forget(now)
        self._left[device, rate] = (left - count, now)

    def _forget(self, now: float) -> None:
        """The tenth that says least: the fullest buckets."""

        def share(key: tuple[str, Rate]) -> float:
            left, at = self._left[key]
            return (left + (now - at) * key[1].per_s) / key[1].burst

        for key in sorted(self._left, key=share, reverse=True)[: len(self._left) // 10]:
            del self._left[key]
