"""A mesh of nodes that sleep, on tools/medium.py, in virtual time: for `helio bench power`.

Real nodes (shared_protocol.node with windows), boards that sleep (sleeper.py). Times are
microseconds of true time; whatever is due in the same one happens in the order of entry.
"""

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from shared_protocol import frame, parcel
from shared_protocol.neighbours import AIR
from tools.broadcast.field import parcel_of
from tools.medium import COLLISION, HALF_DUPLEX, Event, Heard, Medium, Sent, Stretch
from tools.power.energy import STATES
from tools.power.sleeper import Sleeper
from tools.sim.layouts import Place
from tools.sim.letters import digest
from tools.sim.station import SharedCipher, Station

RANGE_M = 60
_RADIO_QUEUE = 4
_BUSY_MS = 4
_CAPACITY = 440


@dataclass
class Message:
    """A message and when which node had it."""

    at_us: int
    source: int
    immutable: bytes
    heard_us: dict[int, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Boards:
    """What the boards are like. profiles: one, or one for each. ticks_ms: of their clocks at the
    beginning, before up to `spread` random ones."""

    profiles: tuple[str, ...]
    ppm: float = 500
    noise_ppm: float = 200
    ticks_ms: int = 0
    ticks_spread_ms: int = 1_000_000


class Mesh:
    """Boards at their places and the air between them."""

    def __init__(
        self,
        places: list[Place],
        loss: float,
        boards: Boards,
        seed: int,
        stretch: Stretch | None = None,
    ) -> None:
        """stretch: as Medium's."""
        self.now_us = 0
        self.messages: list[Message] = []
        self.lost = {COLLISION: 0, HALF_DUPLEX: 0, "asleep": 0}
        self.heard = 0
        self.frames: dict[int, int] = {}
        self._seed = seed
        self._boards = boards
        self._by_parcel: dict[bytes, Message] = {}
        self.medium = Medium(seed, range_m=RANGE_M, loss=loss, stretch=stretch)
        self._cipher = SharedCipher(digest(seed, "network"))
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []
        self._turns: list[tuple[int, int, int]] = []
        self._entered = 0
        self.dice = random.Random(f"{seed}/mesh")
        self.places = places
        count = len(places)
        self.stations = [
            Station(i, False, (AIR,), _CAPACITY, self._cipher, seed, lambda _: False)
            for i in range(count)
        ]
        self.sleepers: list[Sleeper | None] = [None] * count
        self._ppm = [self.dice.uniform(-boards.ppm, boards.ppm) for _ in places]
        self._wake_us = [-1] * count
        self._lives = [0] * count
        self._spent: list[dict[str, int]] = [dict.fromkeys(STATES, 0) for _ in places]

    # --- time

    def at(self, at_us: int, action: Callable[[], None]) -> None:
        """Enter something on the agenda."""
        self._entered += 1
        heapq.heappush(self._agenda, (at_us, self._entered, action))

    def _want_turn(self, number: int, at_us: int) -> None:
        if self._wake_us[number] <= self.now_us or at_us < self._wake_us[number]:
            self._wake_us[number] = at_us
            self._entered += 1
            heapq.heappush(self._turns, (at_us, self._entered, number))

    def run(self, until_us: int) -> None:
        """Let everything before that happen."""
        turns, agenda, medium = self._turns, self._agenda, self.medium
        while True:
            next_us = medium.next_us()
            at_us = until_us if next_us is None else next_us
            if turns and turns[0][0] < at_us:
                at_us = turns[0][0]
            if agenda and agenda[0][0] < at_us:
                at_us = agenda[0][0]
            if at_us >= until_us:
                break
            self.now_us = at_us
            if next_us is not None and next_us <= at_us:
                for event in medium.advance(at_us):
                    self._happened(event)
            while agenda and agenda[0][0] <= at_us:
                heapq.heappop(agenda)[2]()
            while turns and turns[0][0] <= at_us:
                due_us, _, number = heapq.heappop(turns)
                if self._wake_us[number] == due_us:
                    self._turn(number)
        self.now_us = until_us

    # --- boards

    def boot(self, number: int) -> None:
        """Power comes; again: a reboot, which takes no time."""
        if self.sleepers[number] is not None:
            self.cut(number)
        self.medium.advance(self.now_us)
        self.medium.place(number, *self.places[number])
        profiles, b = self._boards.profiles, self._boards
        dice = random.Random(f"{self._seed}/{number}/{self._lives[number]}")
        self._lives[number] += 1
        sleeper = Sleeper(
            profiles[number % len(profiles)], self._ppm[number], b.noise_ppm, dice, self.now_us,
            b.ticks_ms + dice.randrange(b.ticks_spread_ms),
        )  # fmt: skip
        self.sleepers[number] = sleeper
        node = self.stations[number].boot(sleeper.ms(self.now_us) * 1000)
        sleeper.attach(node, self.now_us)
        self._wake_us[number] = -1
        self._want_turn(number, self.now_us)

    def cut(self, number: int) -> None:
        """Power goes."""
        sleeper = self.sleepers[number]
        assert sleeper is not None
        self._bank(number, sleeper)
        self.sleepers[number] = None
        self.medium.advance(self.now_us)
        self.medium.remove(number)
        self.stations[number].cut()

    def _bank(self, number: int, sleeper: Sleeper) -> None:
        for state, us in sleeper.meter.read(self.now_us).items():
            self._spent[number][state] += us

    def spent_us(self) -> list[dict[str, int]]:
        """Time in each state so far, by board."""
        found = []
        for number, sleeper in enumerate(self.sleepers):
            us = dict(self._spent[number])
            if sleeper is not None:
                for state, more in sleeper.meter.read(self.now_us).items():
                    us[state] += more
            found.append(us)
        return found

    def _turn(self, number: int) -> None:
        sleeper, node = self.sleepers[number], self.stations[number].node
        if sleeper is None or node is None:
            return
        if not sleeper.listening:
            return  # its next turn is when the radio listens
        now_ms = sleeper.ms(self.now_us)
        wait_ms = node.poll(now_ms)
        medium = self.medium
        full = True
        while medium.queued(number) < _RADIO_QUEUE:
            data = node.next_frame(AIR, now_ms)
            if data is None:
                full = False
                break
            medium.send(number, data, self.now_us)
        if full and not wait_ms:
            wait_ms = _BUSY_MS
        if not medium.queued(number):
            wakes_us = sleeper.rest(self.now_us)
            if wakes_us:
                self._wake_us[number] = -1
                life = self._lives[number]
                self.at(wakes_us, lambda: self._start(number, life))
                return
        self._want_turn(number, self.now_us + max(1, wait_ms) * 1000)

    def _start(self, number: int, life: int) -> None:
        sleeper = self.sleepers[number]
        if sleeper is None or life != self._lives[number]:
            return
        self.at(sleeper.start(self.now_us), lambda: self._woken(number, life))

    def _woken(self, number: int, life: int) -> None:
        sleeper = self.sleepers[number]
        if sleeper is None or life != self._lives[number]:
            return
        sleeper.woken(self.now_us)
        self._want_turn(number, self.now_us)

    # --- the air

    def _happened(self, event: Event) -> None:
        if isinstance(event, Heard):
            self._hear(event)
        elif isinstance(event, Sent):
            kind = event.frame[0] & 15
            self.frames[kind] = self.frames.get(kind, 0) + 1
            sleeper = self.sleepers[event.node]
            if sleeper is not None:
                sleeper.meter.sent(event.end_us - event.start_us)
                self._want_turn(event.node, self.now_us)
        elif event.why in self.lost:
            sleeper = self.sleepers[event.node]
            if sleeper is not None and sleeper.listening:
                self.lost[event.why] += 1

    def _hear(self, event: Heard) -> None:
        sleeper, station = self.sleepers[event.node], self.stations[event.node]
        if sleeper is None or station.node is None or not sleeper.listening:
            self.lost["asleep"] += 1
            return
        self.heard += 1
        sender = self.stations[event.sender].address
        station.node.receive(
            AIR, sender, event.frame, int(event.rssi_dbm), sleeper.ms(self.now_us)
        )
        if event.frame[0] & 15 == frame.PARCEL:
            _, _, body = self._cipher.open(sender, event.frame)
            message = self._by_parcel.get(bytes(parcel.split(body)[3]))
            if message is not None and event.node not in message.heard_us:
                shelf = station.node.shelf
                if shelf.index.find(shelf.short_of(message.immutable)) >= 0:
                    message.heard_us[event.node] = event.at_us
        self._want_turn(event.node, self.now_us)

    # --- messages

    def submit(self, source: int, priority: int) -> None:
        """Somebody writes at this node, asleep or not."""
        number = len(self.messages)
        message = Message(self.now_us, source, parcel_of(self._seed, number, priority))
        self.messages.append(message)
        self._by_parcel[message.immutable] = message
        message.heard_us[source] = self.now_us
        node, sleeper = self.stations[source].node, self.sleepers[source]
        if node is not None and sleeper is not None:
            node.submit(message.immutable, 0, 0, sleeper.ms(self.now_us))
            self._want_turn(source, self.now_us)

    # --- looks

    def schedules(self) -> set[int]:
        """The schedules that boards which run have; 0 is none."""
        return {s.schedule.id for s in self.sleepers if s is not None and s.schedule is not None}

    def skew_ms(self, a: int, b: int) -> int | None:
        """How far apart their windows are; None if they do not share a schedule."""
        one, other = self.sleepers[a], self.sleepers[b]
        if one is None or other is None or one.schedule is None or other.schedule is None:
            return None
        if one.schedule.id != other.schedule.id or not one.schedule.id:
            return None
        mine = one.schedule.net_time(one.ms(self.now_us), True, 0)
        theirs = other.schedule.net_time(other.ms(self.now_us), True, 0)
        difference = (mine[0] << 8 | mine[1]) - (theirs[0] << 8 | theirs[1])
        return abs((difference + 0x8000 & 0xFFFF) - 0x8000)
