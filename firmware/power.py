"""What a relay does before it joins. Loaded then, and forgotten.

Whether a relay may join, or first waits with its radio off: the radio is what a weak battery does
not bear. The voltage breaks down, the board starts again, greets its neighbours, and so on for
hours. MicroPython reports a brownout as a power-on (PWRON_RESET), so what counts is how many runs
in a row were over before they had lasted five minutes. That number is in a file: RTC memory does
not outlive a power cut. It is written when a run begins and when it has lasted: two small LittleFS
commits, one erased sector in some forty.

A board that waited in deep sleep has a try without waiting. Resets of other kinds, by the
firmware, its watchdog or a person, are no sign of a weak battery: they neither count nor wait.
"""

import asyncio

import machine

from firmware import forget
from firmware.keeper import keep

PATH = "/power"
LOW_MV = 3_300  # 0 % by the curve: the regulator of a board has no reserve left
_FREE = 3  # runs in a row that are over early, before a pause: people unplug boards
_MINUTES_MAX = 60
_COUNT_MAX = 9  # no waiting grows beyond; and a relay that waits for days writes no more
# machine.PWRON_RESET, DEEPSLEEP_RESET, SOFT_RESET
_POWER_ON, _SLEPT, _SOFT = 1, 4, 5


def begin(relay):
    """The board's record, after what it names is running. ValueError(why) if it cannot take part,
    ValueError(why, ms) if it may not for so long."""
    from firmware import config

    try:
        record = config.load()
        may_join(_volts(record.battery))
        if record.gps:
            _start_gps(record.gps, relay)
        return record
    finally:
        forget("firmware.power", "firmware.config", "shared_protocol.node_record")


def _volts(settings: dict | None) -> tuple | None:
    if not settings:
        return None
    from firmware import battery

    try:
        return battery.read(settings)
    finally:
        forget("firmware.battery")


def _start_gps(settings: dict, relay) -> None:
    from firmware import gps

    try:
        receiver = gps.Receiver(settings, relay)
    except (KeyError, TypeError, ValueError) as e:  # no pins of this board
        relay.journal.fault("gps", e)
    else:
        asyncio.create_task(keep("gps", relay.journal, machine.reset, receiver.run))


def may_join(volts: tuple | None) -> None:
    """At the start of a run, with what battery.read() gave: ValueError(why, ms) if it must wait
    for so long."""
    short = _load()
    cause = machine.reset_cause()
    weak = volts is not None and volts[0] < LOW_MV and cause != _SOFT
    early = short >= _FREE and cause == _POWER_ON
    if weak or (cause in (_POWER_ON, _SLEPT) and not early):  # a pause is no run
        _save(short, min(short + 1, _COUNT_MAX))
    if weak:
        minutes, why = 1 << short, "the battery is at %d mV" % volts[0]
    elif early:
        minutes, why = 1 << short - _FREE, "the last %d runs were over within 5 minutes" % short
    else:
        return
    minutes = min(minutes, _MINUTES_MAX)
    raise ValueError("%s: the radio is off for %d min" % (why, minutes), minutes * 60_000)


def proved() -> None:
    """This run has lasted five minutes: the next start is the first again."""
    _save(_load(), 0)
    forget("firmware.power")


def _load() -> int:
    try:
        with open(PATH) as f:
            return min(int(f.read()), _COUNT_MAX)
    except (OSError, ValueError):  # the first run; a file that a power cut left empty
        return 0


def _save(former: int, count: int) -> None:
    if count != former:
        try:
            with open(PATH, "w") as f:
                f.write(str(count))
        except OSError:  # a full file system: then it does not wait
            pass
