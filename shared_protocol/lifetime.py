"""Lifetimes, ages and priorities of parcels (SPEC.md 4.2).

A parcel has no date: it carries its age, added up hop by hop (after BPv7's Bundle Age block,
RFC 9171 4.4.2), and a four-bit code of how long it may live. No node needs a clock.
"""

_MIN, _H, _D = 60, 3600, 86400

LIFETIMES_S = (
    10 * _MIN, 30 * _MIN, 1 * _H, 3 * _H, 6 * _H, 12 * _H, 1 * _D, 2 * _D,
    3 * _D, 5 * _D, 7 * _D, 10 * _D, 14 * _D, 21 * _D, 30 * _D, 45 * _D,
)  # fmt: skip

_FINE_UNIT_S = 4  # 16 bits of 4 s reach two days and keep neighbours' age counters in step
_COARSE_UNIT_S = 60  # 16 bits of minutes reach 45 days
_FINE_CODE_MAX = 7  # two days

BACKGROUND, NORMAL, HIGH, SOS = 0, 1, 2, 3  # the two priority bits


def lifetime_code(lifetime_s: int) -> int:
    """The smallest code whose lifetime is at least `lifetime_s` seconds (45 days at most)."""
    for code in range(len(LIFETIMES_S)):
        if LIFETIMES_S[code] >= lifetime_s:
            return code
    return len(LIFETIMES_S) - 1


def age_unit_s(code: int) -> int:
    """Seconds in one unit of the 16-bit age field under this lifetime code."""
    return _FINE_UNIT_S if code <= _FINE_CODE_MAX else _COARSE_UNIT_S


def age_field(age_s: int, code: int) -> int:
    """Age in seconds to the 16-bit field, rounded down and clamped."""
    return max(0, min(0xFFFF, age_s // age_unit_s(code)))


def age_s(field: int, code: int) -> int:
    """The 16-bit age field to seconds."""
    return field * age_unit_s(code)


def tombstone_s(remaining_s: int) -> int:
    """Seconds a receipt is kept: what the message had left, a quarter more, and an hour.

    The slack lets the receipt outlive parcels whose age was counted more slowly elsewhere.
    """
    return remaining_s + remaining_s // 4 + 3600
