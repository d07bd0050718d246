"""A relay that sleeps: the radio off and on around light sleep, in the windows of its schedule.

Loaded where the node record says so, or where a neighbour sleeps: then this relay stays awake and
speaks in the others' windows (shared_protocol/windows.py). Everything stands still in light
sleep: asyncio, the wire, the watchdog's time goes on.
"""

import machine

from firmware import OFFERED
from shared_protocol.schedule import PROFILES, Schedule
from shared_protocol.windows import Windows

_LEAST_MS = 10  # a shorter sleep is not worth a start of the radio
_MOST_MS = 16_000  # at once: the watchdog is fed in between
_START_MS, _START_MOST_MS = 40, 250  # the radio's, until it was measured


class Sleeping:
    """The schedule of one relay, and its sleep. profile: as in the node record."""

    def __init__(self, relay, profile: str, random_below) -> None:
        never = profile not in PROFILES
        self.schedule = Schedule(
            "balanced" if never else profile, never, random_below, relay.now_ms()
        )
        Windows(relay.node, self.schedule, random_below)
        self._start_ms = _START_MS
        self.slept_ms = 0

    def rest(self, relay) -> bool:
        """Sleep now, if nobody needs this relay awake. Did it?"""
        left_ms = self.schedule.next_wake(relay.now_ms()) - self._start_ms
        if left_ms <= _LEAST_MS or _needed(relay):
            return False
        relay.radio.off()
        before_ms = relay.now_ms()
        machine.lightsleep(min(left_ms, _MOST_MS))
        woken_ms = relay.now_ms()
        relay.radio.on()
        took_ms = min(relay.now_ms() - woken_ms, _START_MOST_MS)
        if took_ms < self._start_ms:  # slow to believe that: a late radio hears nothing
            took_ms = self._start_ms - (self._start_ms - took_ms + 7 >> 3)
        self._start_ms = took_ms
        self.slept_ms += woken_ms - before_ms
        self.schedule.on_slept(woken_ms - before_ms)
        return True


def _needed(relay) -> bool:
    """On the wire, by an operator far away, or for an update, it is needed awake."""
    node = relay.node
    return bool(
        relay.tether is not None
        or relay.far is not None
        or relay.update[OFFERED]
        or node.spread
        or node.spread_wanted
        or relay.radio.busy()
    )
