"""The arithmetic of the air: no I/O, no clock, no state.

Times are integers in microseconds, distances in metres, levels in dBm.
"""

import math

# A 1 Mbps DSSS broadcast: long PLCP preamble and header, then 43 bytes of 802.11 and vendor
# action framing around the ESP-NOW body, at 8 us per byte. 250 bytes last 2.54 ms.
PREAMBLE_US = 192
OVERHEAD_BYTES = 43
US_PER_BYTE = 8

RSSI_AT_1_M_DBM = -40
PATH_LOSS_EXPONENT = 3  # between open field (2) and a built-up street (4)
RSSI_FLOOR_DBM = -95

_MASK = 0xFFFFFFFF
_GOLDEN = 0x9E3779B1  # odd and near 2**32 / phi: consecutive numbers land far apart


def airtime_us(frame_bytes: int) -> int:
    """How long one ESP-NOW broadcast with this body occupies the channel."""
    return PREAMBLE_US + US_PER_BYTE * (OVERHEAD_BYTES + frame_bytes)


def gain(metres: float) -> float:
    """Received power as a fraction of that at 1 m; nobody is nearer than that."""
    return float(max(metres, 1.0) ** -PATH_LOSS_EXPONENT)


def rssi_dbm(metres: float) -> int:
    """Received level by log distance, clamped to what a receiver reports."""
    loss_db = 10 * PATH_LOSS_EXPONENT * math.log10(max(metres, 1.0))
    return max(round(RSSI_AT_1_M_DBM - loss_db), RSSI_FLOOR_DBM)


def stretch(lost_db: float) -> float:
    """How many times as far it seems if so much more is lost on the way."""
    return float(10 ** (lost_db / (10 * PATH_LOSS_EXPONENT)))


def margin_db(metres: float, range_m: float) -> float:
    """By how much the level at a distance is above that at the end of the range."""
    return 10 * PATH_LOSS_EXPONENT * math.log10(range_m / max(metres, 1.0))


def mix(value: int) -> int:
    """Scramble a number into 32 bits that look random (the finaliser of MurmurHash3)."""
    value &= _MASK
    value = ((value ^ value >> 16) * 0x85EBCA6B) & _MASK
    value = ((value ^ value >> 13) * 0xC2B2AE35) & _MASK
    return value ^ value >> 16


def salt(seed: int, src: int, dst: int) -> int:
    """The starting point of one link's draws; both ends may be MAC addresses."""
    value = 0
    for number in (seed, src, dst):
        while True:
            value = mix(value * 31 + (number & _MASK) + _GOLDEN)
            number >>= 32
            if number in (0, -1):  # -1: what is left of a negative seed
                break
    return value


def draw(link_salt: int, number: int) -> int:
    """The link's `number`th draw, 0 to 2**32 - 1.

    A draw is a function of its place, not of a generator's state: which frames one link loses
    depends on the seed and on its sender's own frames, never on what other links do meanwhile.
    """
    return mix(link_salt + number * _GOLDEN)
