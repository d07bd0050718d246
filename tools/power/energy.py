"""What a board takes from its battery: time in each state, and the currents of the states.

The currents are a bare module's on a board made for batteries (regulator included), none of them
measured by us; boards/*.toml has those of whole boards. The sleep current decides most.
"""

from dataclasses import dataclass

from gateway.errors import UserError
from tools.flash.board_file import find_board

SLEEP, START, LISTEN, SEND, CPU = "sleep", "start", "listen", "send", "cpu"
STATES = (SLEEP, START, LISTEN, SEND, CPU)
_HOUR_US = 3_600_000_000
_DAY_H = 24


@dataclass(frozen=True)
class Currents:
    """Milliamperes by state. start: while the radio comes up; cpu: awake with the radio off."""

    sleep: float
    start: float
    listen: float
    send: float
    cpu: float


# ESP32: listening by a power profiler (95 to 103), sending and sleeping by data sheets; S3, C3 by
# data sheets. Sleep: light sleep of the chip, RAM kept, and a good regulator.
CHIPS = {
    "esp32": Currents(1.5, 70, 100, 240, 29),
    "esp32s3": Currents(0.9, 70, 103, 290, 44),
    "esp32c3": Currents(0.4, 60, 87, 280, 22),
}


def currents_of(name: str) -> Currents:
    """Of a bare chip, or of a board by its id or file. UserError if there is no such board."""
    if name in CHIPS:
        return CHIPS[name]
    board = find_board(name)
    if not board.power:
        raise UserError(f"the file of {name} does not say what it takes: it has no [power]")
    return Currents(**board.power)


class Meter:
    """Integrates the time in each state. Times in microseconds."""

    def __init__(self, at_us: int, state: str = LISTEN) -> None:
        self.us = dict.fromkeys(STATES, 0)
        self.starts = 0  # of the radio
        self.state = state
        self._since_us = at_us

    def enter(self, state: str, at_us: int) -> None:
        """The board is in another state from now on."""
        self.us[self.state] += at_us - self._since_us
        self.starts += state == START and self.state != START
        self.state, self._since_us = state, at_us

    def sent(self, us: int) -> None:
        """So much of the listening was sending."""
        self.us[SEND] += us
        self.us[LISTEN] -= us

    def read(self, at_us: int) -> dict[str, int]:
        """Microseconds in each state until now."""
        self.enter(self.state, at_us)
        return dict(self.us)


def charge_mah(us: dict[str, int], currents: Currents) -> float:
    """What all that took."""
    return sum(us[state] * float(getattr(currents, state)) for state in STATES) / _HOUR_US


def mean_ma(us: dict[str, int], currents: Currents) -> float:
    """The mean current over all that time."""
    return charge_mah(us, currents) * _HOUR_US / max(1, sum(us.values()))


def awake_pct(us: dict[str, int]) -> float:
    """How much of the time it did not sleep."""
    return 100 * (1 - us[SLEEP] / max(1, sum(us.values())))


def days(ma: float, ah: float = 1.0) -> float:
    """How long so many ampere-hours last, all of them used."""
    return ah * 1000 / ma / _DAY_H
