"""When a relay sleeps, and in which order its radio goes off and on; for MicroPython, with the
stand-ins."""

import machine
from mesh_in_a_box import Box

from firmware import OFFERED
from firmware.sleeping import Sleeping

# isort: split


class Radio:
    """Notes what is done to it. slow_ms: how long it takes to start."""

    def __init__(self, clock, slow_ms):
        self.log = []
        self.is_busy = False
        self._clock = clock
        self._slow_ms = slow_ms

    def on(self):
        self.log.append("on")
        self._clock[0] += self._slow_ms

    def off(self):
        self.log.append("off")

    def busy(self):
        return self.is_busy


class Relay:
    """A relay around a node of a box, on a clock that is turned by hand."""

    def __init__(self, slow_ms=30):
        box = Box()
        self.clock = [1000]
        self.node = box.add(1, gateway=False)
        self.radio = Radio(self.clock, slow_ms)
        self.tether = self.far = None
        self.update = [0, 0, (), b"", 0]

    def now_ms(self):
        return self.clock[0]

    def lightsleep(self, ms):
        self.radio.log.append("sleep")
        self.radio.slept = ms
        self.clock[0] += ms


def below(n):
    return n // 2


def settled(relay, profile="balanced"):
    """Its Sleeping, in the middle between two windows."""
    machine.lightsleep = relay.lightsleep
    sleeping = Sleeping(relay, profile, below)
    for _ in range(30_000):
        relay.clock[0] += 4
        sleeping.schedule.look(relay.now_ms())
        if sleeping.schedule.next_wake(relay.now_ms()) > 2000:
            break
    return sleeping


def test_the_radio_is_off_in_sleep_and_on_before_the_window():
    relay = Relay()
    sleeping = settled(relay)
    wakes_ms = relay.now_ms() + sleeping.schedule.next_wake(relay.now_ms())
    assert sleeping.rest(relay)
    assert relay.radio.log == ["off", "sleep", "on"]
    assert -12 <= relay.now_ms() - wakes_ms <= 0  # it had 40 ms to start, and took 30
    assert sleeping.slept_ms == relay.radio.slept


def test_a_radio_that_starts_slowly_is_started_earlier():
    relay = Relay(slow_ms=90)
    sleeping = settled(relay)
    late = []
    for _ in range(3):
        while sleeping.schedule.next_wake(relay.now_ms()) <= 2000:
            relay.clock[0] += 4
            sleeping.schedule.look(relay.now_ms())
        wakes_ms = relay.now_ms() + sleeping.schedule.next_wake(relay.now_ms())
        assert sleeping.rest(relay)
        late.append(relay.now_ms() - wakes_ms)
    assert late[0] == 50
    assert late[1] <= 0
    assert late[2] <= 0


def test_whoever_is_needed_stays_awake():
    relay = Relay()
    sleeping = settled(relay)
    offered = [0, 0, b"a statement"]
    assert offered[OFFERED]
    for name, value, rests in (
        ("tether", object(), None),
        ("far", object(), None),
        ("update", offered, relay.update),
    ):
        setattr(relay, name, value)
        assert not sleeping.rest(relay)
        setattr(relay, name, rests)
    relay.radio.is_busy = True
    assert not sleeping.rest(relay)
    relay.radio.is_busy = False
    relay.node.spread_wanted = (None, (0, 0))
    assert not sleeping.rest(relay)
    relay.node.spread_wanted = None
    assert relay.radio.log == []
    assert sleeping.rest(relay)


def test_one_that_never_sleeps_keeps_time_only():
    relay = Relay()
    sleeping = settled(relay, "always")
    assert not sleeping.rest(relay)
    assert relay.node.windows is not None
    assert sleeping.schedule.id > 0


def test_no_sleep_is_longer_than_the_watchdog_bears():
    relay = Relay()
    sleeping = settled(relay, "long")
    sleeping.schedule.k = 14
    relay.clock[0] += 200
    assert sleeping.rest(relay)
    assert relay.radio.slept <= 16_000
