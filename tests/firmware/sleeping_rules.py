"""When a relay sleeps, and in which order its radio goes off and on; for MicroPython, with the
stand-ins."""

import sys

import machine
import network
from mesh_in_a_box import Box

import firmware
from firmware import OFFERED, battery
from firmware.sleeping import Sleeping
from shared_protocol.frame import HELLO
from shared_protocol.neighbours import AIR

# isort: split


class Radio:
    """The station's interface and ESP-NOW in one; notes what is done to it. slow_ms: how long it
    takes to start."""

    def __init__(self, clock, slow_ms):
        self.log = []
        self.is_busy = False
        self._clock = clock
        self._slow_ms = slow_ms

    def active(self, on):
        self.log.append("on" if on else "off")
        self._clock[0] += self._slow_ms if on else 0

    def config(self, name=None, channel=None, pm=None):
        if name is None:
            self.log.append(channel)
        return 6

    def stats(self):
        return 7 + self.is_busy, 7, 0, 0, 0

    def any(self):
        return False


class Station:
    """network.WLAN: gives the radio of the relay of this test."""

    PM_NONE = 0
    relay = None

    def __new__(cls, interface):
        return cls.relay.radio


class Relay:
    """A relay around a node of a box, on a clock that is turned by hand."""

    def __init__(self, slow_ms=30):
        box = Box()
        self.clock = [1000]
        self.node = box.add(1, gateway=False)
        self.radio = Radio(self.clock, slow_ms)
        self.radio.radio = self.radio
        self.tether = self.far = self.battery = None
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
    Station.relay = relay
    network.WLAN = Station
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
    assert relay.radio.log == ["off", "sleep", "on", 6]
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


def test_a_weak_battery_sleeps_longer_and_an_empty_one_carries_nothing():
    relay = Relay()
    relay.battery = {"any": 1}
    sleeping = settled(relay)
    volts = []
    battery.read = lambda settings: volts[0]
    found = []
    for told in (
        None, (4000, 80), (3700, 15), (3760, 25), (3380, 2), (3450, 4), (3520, 4), (3800, 60),
    ):  # fmt: skip
        volts[:] = [told]
        sys.modules["firmware.battery"] = battery  # as if it were loaded once more
        firmware.battery = battery
        sleeping._spare(relay)
        found.append((sleeping._now, relay.node.windows.beacons_only))
    assert found == [
        ("balanced", False), ("balanced", False), ("long", False), ("long", False),
        ("long", True), ("long", True), ("long", False), ("balanced", False),
    ]  # fmt: skip
    assert sleeping.schedule.k == 12


def test_beacons_alone_go_out_with_an_empty_battery():
    relay = Relay()
    settled(relay)
    relay.node.windows.beacons_only = True
    relay.node.queues[AIR].control(HELLO, b"")
    relay.node.queues[AIR].beacon_due = True
    sent = 0
    for _ in range(5000):
        relay.clock[0] += 4
        relay.node.poll(relay.now_ms())
        sent += relay.node.next_frame(AIR, relay.now_ms()) is not None
    assert sent >= 3
    assert relay.node.queues[AIR].next_control() == (HELLO, b"")
