"""The world of a simulation: stations, the air between them, and one line of events in time.

Nodes are asked only when they wanted to be, or heard something. Times are microseconds; whatever
is due in the same one happens in the order in which it was entered, so a seed repeats a run.
"""

import heapq
import random
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from gateway.position import cell_on_map
from shared_protocol.cells import NO_CELL
from shared_protocol.neighbours import AIR, TETHER
from shared_protocol.node import Node
from tools.frame_contents import OTHER, content_of
from tools.medium import Heard, Lost, Medium, Sent
from tools.sim.backhaul import TICK_US, Uplinks
from tools.sim.desks import Desks
from tools.sim.layouts import Place
from tools.sim.letters import Letter, digest, write
from tools.sim.mobility import Walks
from tools.sim.scenario import Happening, Scenario
from tools.sim.station import SharedCipher, Station
from tools.sim.tally import Tally
from tools.sim.ways import Ways

_RADIO_QUEUE = 4  # frames the relay leaves to its radio at once (firmware/links/espnow_link.py)
_BUSY_MS = 4  # how soon it looks again when that is full
_BOOT_US = 1_500_000  # a relay's start, from power to its first frame
_START_US = 1_000_000  # at the beginning they start at random moments within this
_MOVE_US = 1_000_000  # who walks is somewhere else once a second
_WIRE_US_PER_BYTE = 87  # 115,200 baud, 10 bits each
_CHUNK = 128  # bytes that one line of the tether carries,
_LINE_BYTES = 13  # and what is around them: numbers, flags, CRC, newline
_LOOK_EVERY = 256  # events between two looks at the wall clock


class World:
    """One run of a scenario."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        seed = scenario.seed
        self.tally = Tally(scenario)
        self.now_us = 0
        self._agenda: list[tuple[int, int, Callable[[], None]]] = []
        self._turns: list[tuple[int, int, Station]] = []
        self._entered = 0
        self.places = list(scenario.places)
        self.hops: Counter[tuple[Place, Place]] = Counter()  # over which a message came first
        self._switched = [0] * len(self.places)  # how often the power of each was cut
        self._ways = Ways(scenario, self.places)
        self._medium = Medium(
            seed,
            range_m=scenario.range_m,
            loss=scenario.loss,
            fading_db=scenario.fading_db,
            stretch=self._ways if self._ways.needed() else None,
        )
        self.letters = [
            write(m, i, seed, self._cell(m.to)) for i, m in enumerate(scenario.messages)
        ]
        self.cipher = SharedCipher(digest(seed, "network"))
        count = len(scenario.places)
        self.relays = [self._relay(i) for i in range(count)]
        self.desks = Desks(scenario.gateways, self.letters, self.cipher, seed, self.tally)
        self.gateways = self.desks.gateways
        self.uplinks: Uplinks | None = None
        if scenario.backhaul is not None:
            key = digest(seed, "network")
            self.uplinks = Uplinks(scenario.backhaul, self.gateways, key, self.desks.is_for)
            self.desks.carries = self.uplinks.crosses
        self._enter()

    def _relay(self, number: int) -> Station:
        links = (AIR, TETHER) if number in self.scenario.gateways else (AIR,)
        s = self.scenario
        return Station(number, False, links, s.capacity, self.cipher, s.seed, lambda _: False)

    def _cell(self, number: int) -> int:
        return cell_on_map(*self.places[number]) if self.scenario.cells else NO_CELL

    def _enter(self) -> None:
        """Put everything that the scenario says on the agenda."""
        dice = random.Random(f"{self.scenario.seed}/start")
        for number in range(len(self.relays)):
            self._at(dice.randrange(_START_US), partial(self._power_on, number, 0))
        for h in self.scenario.happenings:
            self._at(h.at_us, partial(self._happen, h))
        for letter in self.letters:
            self._at(letter.message.at_us, partial(self._post, letter))
        for contact in self.scenario.contacts or ():
            self._at(contact.at_us, partial(self._meet, contact.pair, contact.up))
        if self.scenario.waypoints is not None:
            walks = Walks(self.scenario.waypoints, self.scenario.places, self.scenario.seed)
            self._at(_MOVE_US, partial(self._walk, walks))
        if self.uplinks is not None:
            self._at(TICK_US, self._over_the_hub)

    # --- time

    def _at(self, at_us: int, action: Callable[[], None]) -> None:
        self._entered += 1
        heapq.heappush(self._agenda, (at_us, self._entered, action))

    def _want_turn(self, station: Station, at_us: int) -> None:
        if station.wake_us <= self.now_us or at_us < station.wake_us:
            station.wake_us = at_us
            self._entered += 1
            heapq.heappush(self._turns, (at_us, self._entered, station))

    def run(self, look: Callable[[int], None]) -> None:
        """Run to the end. look(now_us) is called now and then."""
        end_us = self.scenario.duration_us
        agenda, turns, medium = self._agenda, self._turns, self._medium
        steps = 0
        while True:
            next_us = medium.next_us()
            at_us = end_us if next_us is None else next_us
            if agenda and agenda[0][0] < at_us:
                at_us = agenda[0][0]
            if turns and turns[0][0] < at_us:
                at_us = turns[0][0]
            if at_us >= end_us:
                break
            self.now_us = at_us
            if next_us is not None and next_us <= at_us:
                for event in medium.advance(at_us):
                    self._on_air(event)
            while agenda and agenda[0][0] <= at_us:
                self.tally.events += 1
                heapq.heappop(agenda)[2]()
            while turns and turns[0][0] <= at_us:
                due_us, _, station = heapq.heappop(turns)
                if station.wake_us == due_us:
                    self._turn(station)
            steps += 1
            if steps % _LOOK_EVERY == 0:
                look(at_us)
        self.now_us = end_us

    # --- turns

    def _turn(self, station: Station) -> None:
        """Let a node do what is due, hand on what it tells, send what it wants to send."""
        node = station.node
        if node is None:
            return
        self.tally.events += 1
        now_ms = self.now_us // 1000
        wait_ms = node.poll(now_ms)
        if node.events:
            self.desks.read(station.number, node, self.now_us)
            wait_ms = node.poll(now_ms)
        busy = False
        if AIR in station.links:
            busy = self._send_air(station, node, now_ms)
        if TETHER in station.links:
            busy |= self._send_wire(station, node, now_ms)
        if busy and not wait_ms:
            wait_ms = _BUSY_MS
        self._want_turn(station, (now_ms + max(1, wait_ms)) * 1000)

    def _send_air(self, station: Station, node: Node, now_ms: int) -> bool:
        """Fill the radio's queue. Is it full?"""
        medium, number = self._medium, station.number
        station.air_full = False
        while medium.queued(number) < _RADIO_QUEUE:
            data = node.next_frame(AIR, now_ms)
            if data is None:
                return False
            if not (station.swallows and self._is_content(station, data)):
                medium.send(number, data, self.now_us)
        station.air_full = True
        return True

    def _is_content(self, station: Station, data: bytes) -> bool:
        kind, _, body = self.cipher.open(station.address, data)
        return content_of(kind, body) != OTHER

    def _send_wire(self, station: Station, node: Node, now_ms: int) -> bool:
        """Put a frame on the tether if it is free. Is it busy?"""
        if station.wire_free_us <= self.now_us:
            data = node.next_frame(TETHER, now_ms)
            if data is None:
                return False
            size = len(station.address) + len(data)
            line_bytes = size * 4 // 3 + _LINE_BYTES * -(-size // _CHUNK)
            station.wire_free_us = self.now_us + line_bytes * _WIRE_US_PER_BYTE
            relay = self.relays[station.number]
            other = self.gateways[station.number] if station is relay else relay
            self._at(station.wire_free_us, partial(self._over_wire, station, other, data))
        return True

    def _over_wire(self, station: Station, other: Station, data: bytes) -> None:
        if other.node is None:
            return  # both lost their power; starting again takes longer than any frame
        other.node.receive(TETHER, station.address, data, 0, self.now_us // 1000)
        if other is self.relays[other.number]:
            self._note_reach(other, other.number, *self.desks.carried_in(station, data))
        self._want_turn(other, self.now_us)
        self._want_turn(station, self.now_us)

    # --- the air

    def _on_air(self, event: Sent | Heard | Lost) -> None:
        self.tally.events += 1
        if isinstance(event, Heard):
            self._hear(event)
        elif isinstance(event, Sent):
            sender = self.relays[event.node]
            kind, _, body = self.cipher.open(sender.address, event.frame)
            content = content_of(kind, body)
            times = event.start_us, event.end_us
            self.tally.transmission(event.node, kind, content, event.frame, *times)
            if sender.air_full:
                self._want_turn(sender, self.now_us)
        else:
            self.tally.lost[event.why] += 1

    def _hear(self, event: Heard) -> None:
        station = self.relays[event.node]
        if station.node is None:
            return
        self.tally.reception(event.node, event.sender, event.at_us, event.rssi_dbm)
        sender = self.relays[event.sender]
        now_ms = self.now_us // 1000
        station.node.receive(AIR, sender.address, event.frame, int(event.rssi_dbm), now_ms)
        self._note_reach(station, event.sender, *self.desks.carried_in(sender, event.frame))
        self._want_turn(station, self.now_us)

    def _note_reach(
        self, station: Station, came_from: int, letter: Letter | None, short: int
    ) -> None:
        """Has this relay taken a parcel of this letter, for the first time?"""
        if letter is None or station.number in letter.came_from:
            return
        assert station.node is not None
        if station.node.index.find(short) >= 0:
            letter.came_from[station.number] = came_from
            if came_from != station.number:
                self.hops[self.places[came_from], self.places[station.number]] += 1

    # --- what the scenario does

    def _post(self, letter: Letter) -> None:
        self._want_turn(self.desks.post(letter, self.now_us), self.now_us)

    def _happen(self, h: Happening) -> None:
        if h.what in ("off", "reboot"):
            self._power_off(h.node)
        if h.what in ("on", "reboot"):
            on = partial(self._power_on, h.node, self._switched[h.node])
            self._at(self.now_us + _BOOT_US, on)
        if h.what == "move":
            self._move(h.node, h.place)
        if h.what in ("swallow", "honest"):
            self.relays[h.node].swallows = h.what == "swallow"

    def _power_on(self, number: int, switched: int) -> None:
        """A relay, and a gateway that is plugged into it, start; unless it was cut meanwhile."""
        if self._switched[number] != switched or self.relays[number].node is not None:
            return
        self._place(number)
        self.tally.power(number, True, self.now_us)
        for station in self._at_place(number):
            station.cell = self._cell(number)
            node = station.boot(self.now_us)
            if not self.scenario.beats:
                node.gradients.told = lambda link, now_s: []  # type: ignore[method-assign]
            self._want_turn(station, self.now_us)

    def _power_off(self, number: int) -> None:
        self._switched[number] += 1
        if self.relays[number].node is None:
            return  # it had not started yet
        self.tally.power(number, False, self.now_us)
        self._medium.advance(self.now_us)  # it removes at the time of its last advance
        self._medium.remove(number)
        for station in self._at_place(number):
            station.cut()

    def _at_place(self, number: int) -> list[Station]:
        gateway = self.gateways.get(number)
        return [self.relays[number]] if gateway is None else [self.relays[number], gateway]

    def _move(self, number: int, place: tuple[float, float]) -> None:
        self.places[number] = place
        if self.relays[number].node is not None:
            self._place(number)

    def _place(self, number: int) -> None:
        self._medium.advance(self.now_us)  # nothing is due: the run had it advance so far already
        self._medium.place(number, *self.places[number])

    def _walk(self, walks: Walks) -> None:
        for number, place in walks.step(_MOVE_US / 1e6):
            self._move(number, place)
        self._at(self.now_us + _MOVE_US, partial(self._walk, walks))

    def _over_the_hub(self) -> None:
        assert self.uplinks is not None
        for number in self.uplinks.tick(self.now_us):
            self._want_turn(self.gateways[number], self.now_us)
        self._at(self.now_us + TICK_US, self._over_the_hub)

    def _meet(self, pair: tuple[int, int], up: bool) -> None:
        self._medium.advance(self.now_us)
        self._ways.meet(pair, up)
        for node in pair:
            self._medium.changed(node)

    # --- the end

    def results(self) -> dict[str, Any]:
        """All metrics."""
        relays, gateways = self.relays, list(self.gateways.values())
        return self.tally.metrics(self.letters) | {
            "store_peak": {
                "parcels": max(s.store.parcels_peak for s in relays),
                "bytes": max(s.store.bytes_peak for s in relays),
                "of_parcels": self.scenario.capacity,
            },
            "parcels_left": {
                "relays": sum(s.store.parcels for s in relays),
                "gateways": sum(s.store.parcels for s in gateways),
            },
            **({} if self.uplinks is None else {"backhaul": self.uplinks.results()}),
        }
