"""A relay that sleeps: the radio off and on around light sleep, in the windows of its schedule.

Loaded where the node record says so, or where a neighbour sleeps: then this relay stays awake and
speaks in the others' windows (shared_protocol/windows.py). Everything stands still in light
sleep: asyncio, the wire, the watchdog's time goes on.
"""

import machine
import network

from firmware import OFFERED, forget
from shared_protocol.schedule import PROFILES, Schedule
from shared_protocol.windows import Windows

_LEAST_MS = 10  # a shorter sleep is not worth a start of the radio
_MOST_MS = 16_000  # at once: the watchdog is fed in between
_LOOK_MS = 600_000  # between two looks at the battery
_WEAK_PCT, _WELL_PCT = 20, 30  # from when on it sleeps as `long` does, and not any more
_EMPTY_MV, _BETTER_MV = 3_400, 3_500  # beacons alone; at 3,300 it does not start again (power.py)
_START_MS, _START_MOST_MS = 40, 250  # the radio's, until it was measured


class Sleeping:
    """The schedule of one relay, and its sleep. profile: as in the node record."""

    def __init__(self, relay, profile: str, random_below) -> None:
        never = profile not in PROFILES
        self.schedule = Schedule(
            "balanced" if never else profile, never, random_below, relay.now_ms()
        )
        Windows(relay.node, self.schedule, random_below)
        self._wlan = network.WLAN(network.STA_IF)
        self._channel = self._wlan.config("channel")
        self._profile = self._now = profile
        self._looked_ms = relay.now_ms()
        self._start_ms = _START_MS
        self.slept_ms = 0

    def rest(self, relay) -> bool:
        """Sleep now, if nobody needs this relay awake. Did it?"""
        left_ms = self.schedule.next_wake(relay.now_ms()) - self._start_ms
        if left_ms <= _LEAST_MS or _needed(relay):
            return False
        self._wlan.active(False)  # else it may not start again: MicroPython's docs, ESP-NOW
        before_ms = relay.now_ms()
        machine.lightsleep(min(left_ms, _MOST_MS))
        woken_ms = relay.now_ms()
        self._wlan.active(True)  # what was set does not outlive light sleep, but for the address
        self._wlan.config(channel=self._channel, pm=network.WLAN.PM_NONE)
        took_ms = min(relay.now_ms() - woken_ms, _START_MOST_MS)
        if took_ms < self._start_ms:  # slow to believe that: a late radio hears nothing
            took_ms = self._start_ms - (self._start_ms - took_ms + 7 >> 3)
        self._start_ms = took_ms
        if relay.battery and relay.now_ms() - self._looked_ms > _LOOK_MS:
            self._looked_ms = relay.now_ms()
            self._spare(relay)
        self.slept_ms += woken_ms - before_ms
        self.schedule.on_slept(woken_ms - before_ms)
        return True

    def _spare(self, relay) -> None:
        """Sleep longer on a weak battery, and on one that is nearly empty carry nothing."""
        from firmware import battery

        volts = battery.read(relay.battery)
        forget("firmware.battery")
        if volts is None:
            return
        weak = volts[1] < _WEAK_PCT or (self._now != self._profile and volts[1] < _WELL_PCT)
        wanted = "long" if weak else self._profile
        if wanted != self._now:
            self._now = wanted
            self.schedule.change(wanted)
        windows = relay.node.windows
        windows.beacons_only = volts[0] < (_BETTER_MV if windows.beacons_only else _EMPTY_MV)


def _needed(relay) -> bool:
    """On the wire, by an operator far away, or for an update, it is needed awake."""
    node = relay.node
    return bool(
        relay.tether is not None
        or relay.far is not None
        or relay.update[OFFERED]
        or node.spread
        or node.spread_wanted
        or _busy(relay.radio.radio)
    )


def _busy(radio) -> bool:
    """Is something handed over that is not sent yet, or heard and not read?"""
    sent, answered = radio.stats()[:2]
    return sent > answered or radio.any()
