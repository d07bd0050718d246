"""A board that sleeps, in virtual time: its states, its energy, and a clock that runs wrong in
sleep. The simulator and `helio bench power` put one under each of their nodes."""

import random

from shared_protocol.node import Node
from shared_protocol.schedule import PROFILES, Schedule
from shared_protocol.windows import Windows
from tools.power.energy import LISTEN, SLEEP, START, Meter

START_MS = 40  # esp_wifi_start until the first frame: 31 to 49 were measured, init included
LEAST_MS = 10  # shorter sleeps are not worth a start of the radio
LIGHTSLEEP_MOST_MS = 16_000  # the watchdog is fed between two


class Sleeper:
    """The power side of one node. `ms(now_us)` is its own clock.

    profile: "always" or one of PROFILES. ppm: how wrong its clock is in sleep; noise_ppm: how much
    that differs from sleep to sleep.
    """

    def __init__(
        self,
        profile: str,
        ppm: float,
        noise_ppm: float,
        dice: random.Random,
        now_us: int,
        ticks_ms: int = 0,
    ) -> None:
        self.profile = profile
        self.listening = True
        self.meter = Meter(now_us)
        self.schedule: Schedule | None = None
        self._ppm = ppm
        self._noise_ppm = noise_ppm
        self._dice = dice
        self._offset_us = ticks_ms * 1000 - now_us  # its clock - the true time
        self._sleep_ms = 0  # of the present sleep, by its clock

    def ms(self, now_us: int) -> int:
        """What its clock shows, awake."""
        return (now_us + self._offset_us) // 1000

    def attach(self, node: Node, now_us: int, profile: str = "") -> None:
        """Give a node that has just started its windows."""
        profile = profile or self.profile
        never = profile == "always"
        known = "balanced" if never else profile
        assert known in PROFILES
        self.schedule = Schedule(known, never, self._dice.randrange, self.ms(now_us))
        Windows(node, self.schedule, self._dice.randrange)

    def rest(self, now_us: int) -> int:
        """Nothing waits to be sent: sleep, if it is worth it. When the radio starts, in true us;
        0: stay awake."""
        if self.schedule is None:
            return 0
        left_ms = self.schedule.next_wake(self.ms(now_us)) - START_MS
        if left_ms <= LEAST_MS:
            return 0
        self._sleep_ms = min(left_ms, LIGHTSLEEP_MOST_MS)
        error = (self._ppm + self._noise_ppm * self._dice.uniform(-1, 1)) * 1e-6
        true_us = round(self._sleep_ms * 1000 * (1 - error))
        self._offset_us += self._sleep_ms * 1000 - true_us
        self.listening = False
        self.meter.enter(SLEEP, now_us)
        return now_us + true_us

    def start(self, now_us: int) -> int:
        """The sleep is over and the radio starts; when it listens."""
        assert self.schedule is not None
        self.schedule.on_slept(self._sleep_ms)
        self.meter.enter(START, now_us)
        return now_us + START_MS * 1000

    def woken(self, now_us: int) -> None:
        """The radio listens."""
        self.listening = True
        self.meter.enter(LISTEN, now_us)
