"""The arithmetic of the air: no I/O, no clock, randomness seeded.

Times are integers in microseconds, distances in metres, levels in dBm.
"""

import math
import random

# A 1 Mbps DSSS broadcast: long PLCP preamble and header, then 43 bytes of 802.11 and vendor
# action framing around the ESP-NOW body, at 8 us per byte. 250 bytes last 2.54 ms.
PREAMBLE_US = 192
OVERHEAD_BYTES = 43
US_PER_BYTE = 8

RSSI_AT_1_M_DBM = -40
PATH_LOSS_EXPONENT = 3  # between open field (2) and a built-up street (4)
RSSI_FLOOR_DBM = -95

BACKOFF_MAX_US = 1000


def airtime_us(frame_bytes: int) -> int:
    """How long one ESP-NOW broadcast with this body occupies the channel."""
    return PREAMBLE_US + US_PER_BYTE * (OVERHEAD_BYTES + frame_bytes)


def distance_m(a: tuple[int, int], b: tuple[int, int]) -> float:
    return math.hypot(a[0] - b[0], a[1] - b[1])


def rssi_dbm(metres: float) -> int:
    """Received level by log distance, clamped to what a receiver reports."""
    loss_db = 10 * PATH_LOSS_EXPONENT * math.log10(max(metres, 1.0))
    return max(round(RSSI_AT_1_M_DBM - loss_db), RSSI_FLOOR_DBM)


class Chance:
    """All randomness of one air.

    Every ordered link (src, dst) draws from its own generator: which frames one link loses
    depends on the seed and on that link's own traffic, never on what other links do meanwhile.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._links: dict[tuple[bytes, bytes], random.Random] = {}
        self._backoff = random.Random(f"{seed}/backoff")

    def is_lost(self, src: bytes, dst: bytes, loss: float) -> bool:
        """Draw once for one frame on one link; loss is a probability 0.0..1.0."""
        link = self._links.get((src, dst))
        if link is None:
            link = random.Random(f"{self._seed}/{src.hex()}/{dst.hex()}")
            self._links[src, dst] = link
        return link.random() < loss

    def backoff_us(self) -> int:
        return self._backoff.randint(0, BACKOFF_MAX_US)
