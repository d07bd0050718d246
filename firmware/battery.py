"""How full a battery is, by the voltage at an ADC pin. Loaded when somebody asks, and forgotten.

Settings, in the node record: {"adc": pin, "divider": [2, 1], "curve": "li-ion"}; the battery's
voltage is the pin's times 2/1. The pin must belong to ADC1: the radio uses ADC2.
"""

_READINGS = 9  # the radio's bursts pull single ones down
# Readings of a pin that nothing holds wander about; those of a battery stay within 2 %.
_SPREAD_PCT = 10
# A lithium cell outside this does not run a board: nothing is connected, or the divider is wrong.
_LEAST_MV, _MOST_MV = 2_500, 4_500

# (millivolts at rest, percent), typical of such cells; 10 % more or less.
CURVES = {
    "li-ion": (
        (3300, 0), (3610, 5), (3690, 10), (3770, 30), (3840, 50), (3950, 70), (4080, 85),
        (4200, 100),
    ),
}  # fmt: skip


def read(settings: dict) -> tuple | None:
    """(millivolts, percent); None if it cannot be told: never 0 % for want of a battery."""
    try:
        return _read(settings)
    except (KeyError, TypeError, ValueError, ZeroDivisionError):  # not a pin of this chip
        return None


def _read(settings: dict) -> tuple | None:
    from machine import ADC, Pin

    adc = ADC(Pin(settings["adc"]), atten=ADC.ATTN_11DB)
    readings = sorted([adc.read_uv() for _ in range(_READINGS)])
    middle = readings[_READINGS // 2]
    if (readings[-1] - readings[0]) * 100 > middle * _SPREAD_PCT:
        return None
    times, over = settings["divider"]
    millivolts = middle * times // over // 1000
    if not _LEAST_MV <= millivolts <= _MOST_MV:
        return None
    return millivolts, percent(millivolts, CURVES[settings["curve"]])


def percent(millivolts: int, curve: tuple) -> int:
    """0..100, on the straight line between two points of the curve."""
    below = curve[0]
    for above in curve:
        if millivolts < above[0]:
            rise = (millivolts - below[0]) * (above[1] - below[1])
            return max(0, below[1] + rise // (above[0] - below[0] or 1))
        below = above
    return below[1]
