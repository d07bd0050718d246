"""One ESP-NOW channel and the nodes on it, as a discrete-event model: no I/O and no clock.

Time comes in as integer microseconds and all chance is drawn from the seed, so the same calls
give the same events, whatever the steps that advance() is called in. The virtual boards' air
runs it on a real clock, the simulator on a virtual one.

    medium = Medium(seed=1)
    medium.place(1, 0, 0)
    medium.place(2, 100, 0)
    medium.send(1, b"hello", 0)
    while (now_us := medium.next_us()) is not None:
        for event in medium.advance(now_us): ...

What is modelled (assumptions of ours; nothing here was measured on a board yet):

- ESP-NOW v1 broadcast at 1 Mbps: airtimes of air_model, no acknowledgement, no second attempt.
- Who is within range_m when a frame starts may hear it; out of range nobody ever does.
- CSMA/CA: a node waits until what it senses has been silent for a DIFS, counts down its backoff
  in slots, frozen while it senses anything, and sends. It notices a transmission one slot after
  its start, so two neighbours may start in the same slot. Every frame backs off, also on an idle
  channel: frames handed over in the same millisecond of a simulation would always collide.
- Senses reach 1.3 x range, interference 2 x range: beyond the senses two nodes are hidden from
  each other and collide at who is between them.
- Capture: a frame survives its interferers while it is 6 dB above their sum, at every moment.
- Half duplex: a node that transmits hears nothing meanwhile.
- Independent loss per frame and receiver on top, the same at every distance.
- Only on demand: stretch, by which the way from one node to another is farther than it measures
  (walls, shadows; differently there and back), and fading, a level that differs from frame to
  frame by this many dB (normal), so that loss grows towards the end of the range.
"""

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush, heapreplace
from typing import NamedTuple

from tools.grid import Grid, distance_m
from tools.virtual_board.air_model import (
    airtime_us,
    draw,
    gain,
    margin_db,
    rssi_dbm,
    salt,
)
from tools.virtual_board.air_model import stretch as db_stretch

LOSS, COLLISION, HALF_DUPLEX = "loss", "collision", "half duplex"

# Kinds in the heap. At one moment ends come first: back to back is no overlap.
_END, _START = 0, 1
_NEVER = -1
_ONE = 1 << 32  # of draw()
_FADES_MOST = 2.0  # standard deviations beyond the range: there a frame in 44 arrives

Stretch = Callable[[int, int], float]


@dataclass(frozen=True)
class Physics:
    """What no deployment changes; a test or a study may."""

    difs_us: int = 50
    slot_us: int = 20
    window_slots: int = 16  # broadcasts never learn that they collided: it stays the smallest
    sense_ranges: float = 1.3
    interference_ranges: float = 2.0
    capture_db: float = 6.0


class Sent(NamedTuple):
    """A transmission has ended. What became of it at each receiver follows, by node number."""

    node: int
    frame: bytes
    start_us: int
    end_us: int


class Heard(NamedTuple):
    """A node has got a frame, complete."""

    node: int
    sender: int
    frame: bytes
    rssi_dbm: int
    at_us: int


class Lost(NamedTuple):
    """A node in range of the sender has not got a frame."""

    node: int
    sender: int
    frame: bytes
    why: str  # LOSS, COLLISION or HALF_DUPLEX


Event = Sent | Heard | Lost


class _Node:
    """A radio: where it is, what it has to send, and when it may."""

    __slots__ = (
        "busy_until_us", "count_from_us", "frames", "hearers", "is_gone", "number", "on_air",
        "queue", "salt", "sensers", "slots", "start_us", "wake_us", "x_m", "y_m",
    )  # fmt: skip

    def __init__(self, number: int, frames: int, backoff_salt: int) -> None:
        self.number = number
        self.x_m = self.y_m = 0.0
        self.is_gone = False
        self.queue: deque[tuple[bytes, int]] = deque()  # (frame, handed over at), head first
        self.frames = frames  # transmissions so far: the place of the next one's draws
        self.salt = backoff_salt
        self.on_air: _Transmission | None = None
        self.busy_until_us = 0  # what it senses, or sends itself, is on the air until then
        # Its plan: `slots` to count from `count_from_us`, then it starts. `wake_us` is where its
        # entry in the heap stands; plans are only ever put off, so the entry follows when popped.
        self.count_from_us = 0
        self.slots = 0
        self.start_us = self.wake_us = _NEVER
        # Both lists are replaced, never changed: a frame on the air holds on to its own.
        self.hearers: list[_Hearer] | None = None  # None: somebody near has moved since
        self.sensers: list[_Node] = []


_Hearer = tuple[_Node, int, float, int, float]  # node, rssi_dbm, gain, salt of the link, arrives


class _Transmission:
    """A frame on the air, with the geometry of the moment it started."""

    __slots__ = ("end_us", "hearers", "node", "overlaps", "start_us", "x_m", "y_m")

    def __init__(self, node: _Node, start_us: int, end_us: int, hearers: list[_Hearer]) -> None:
        self.node = node
        self.x_m, self.y_m = node.x_m, node.y_m
        self.start_us = start_us
        self.end_us = end_us
        self.hearers = hearers
        self.overlaps: list[_Transmission] = []  # on the air with it for a while, and not far


class Medium:
    """The channel. Nodes are numbers of the caller's choice; it may be moved on in any steps."""

    def __init__(
        self,
        seed: int,
        *,
        range_m: float = 120,
        loss: float = 0.0,
        physics: Physics | None = None,
        fading_db: float = 0.0,
        stretch: Stretch | None = None,
    ) -> None:
        """stretch(a, b): how many times as far as it measures it is from node a to node b, at
        least 1 / sense_ranges; infinity: b never notices a. See changed()."""
        self.loss = loss  # a probability; may be changed at any time
        self._seed = seed
        self._physics = physics or Physics()
        self._range_m = range_m
        self._sense_m = range_m * self._physics.sense_ranges
        self._interference_m = range_m * self._physics.interference_ranges
        self._fading_db = fading_db
        self._stretch = stretch
        self._reach_m = range_m * db_stretch(_FADES_MOST * fading_db)
        self._capture = 10 ** (self._physics.capture_db / 10)
        self._now_us = 0
        self._nodes: dict[int, _Node] = {}
        self._frames_before: dict[int, int] = {}  # of removed nodes: back, they go on from there
        self._heap: list[tuple[int, int, int]] = []  # (when, kind, node)
        # As far as anybody may be noticed: a stretch below 1 brings nearer.
        nearer = self._physics.sense_ranges if stretch else 1.0
        self._places: Grid[_Node] = Grid(max(self._sense_m, self._reach_m) * nearer)
        # As far apart as two senders may be that still meet at somebody's receiver.
        self._overlap_m = (self._reach_m + self._interference_m) * nearer
        self._on_air: Grid[_Transmission] = Grid(self._overlap_m)

    # What the caller tells. Placing and removing happen at the time of the last advance().

    def place(self, node: int, x_m: float, y_m: float) -> None:
        """Add a node, or move one; frames on the air still reach who was there at their start."""
        here = self._nodes.get(node)
        if here is None:
            before = self._frames_before.pop(node, 0)
            here = self._nodes[node] = _Node(node, before, salt(self._seed, node, node))
        else:
            self._forget_neighbours(here)
            self._places.discard(here)
        here.x_m, here.y_m = x_m, y_m
        self._places.add(here)
        self._forget_neighbours(here)
        for sending in self._on_air.near(here):
            if self._way_m(sending.node, sending, here) <= self._sense_m:
                self._occupy([here], self._now_us, sending.end_us)

    def remove(self, node: int) -> None:
        """Take a node's power: its queue is dropped, and what it was sending ends torn.

        A torn frame is no event: nobody gets it, though it has disturbed others until now, and
        who sensed it stays quiet until the end that its header announced.
        """
        gone = self._nodes.pop(node)
        gone.is_gone = True
        self._frames_before[node] = gone.frames
        self._places.discard(gone)
        if gone.on_air is not None:
            gone.on_air.end_us = self._now_us
            self._land(gone.on_air)

    def changed(self, node: int) -> None:
        """stretch() has other answers for this node from now on."""
        if node in self._nodes:
            self._forget_neighbours(self._nodes[node])

    def send(self, node: int, frame: bytes, now_us: int) -> None:
        """Hand a broadcast frame to the node's radio queue, which has no end: see queued()."""
        if now_us < self._now_us:
            raise ValueError("the medium is past that time")
        sender = self._nodes[node]
        sender.queue.append((frame, now_us))
        if len(sender.queue) == 1:
            self._plan(sender)

    # What it answers.

    def queued(self, node: int) -> int:
        """How many frames were handed in and are not yet off the air."""
        return len(self._nodes[node].queue)

    def next_us(self) -> int | None:
        """When advance() has something to do next; None if the channel is idle."""
        heap = self._heap
        while heap:
            at_us, kind, number = heap[0]
            node = self._nodes.get(number)
            if node is not None and kind == _END:
                if node.on_air is not None and node.on_air.end_us == at_us:
                    return at_us
            elif node is not None and node.wake_us == at_us:
                if node.start_us == at_us:
                    return at_us
                node.wake_us = node.start_us  # put off since
                heapreplace(heap, (node.start_us, _START, number))
                continue
            heappop(heap)  # of a node that was removed
        return None

    def advance(self, now_us: int) -> list[Event]:
        """Let time pass; everything that happened up to and including now_us, in order."""
        if now_us < self._now_us:
            raise ValueError("the medium is past that time")
        events: list[Event] = []
        while (at_us := self.next_us()) is not None and at_us <= now_us:
            _, kind, number = heappop(self._heap)
            if kind == _END:
                self._end(self._nodes[number], events)
            else:
                self._start(self._nodes[number], at_us)
        self._now_us = now_us
        return events

    # The life of a frame.

    def _plan(self, node: _Node) -> None:
        """Draw a backoff for the head of the queue."""
        node.slots = draw(node.salt, node.frames) * self._physics.window_slots >> 32
        silent_us = max(node.busy_until_us, node.queue[0][1])
        node.count_from_us = silent_us + self._physics.difs_us
        node.start_us = node.count_from_us + node.slots * self._physics.slot_us
        node.wake_us = node.start_us
        heappush(self._heap, (node.start_us, _START, node.number))

    def _start(self, node: _Node, now_us: int) -> None:
        node.start_us = node.wake_us = _NEVER
        end_us = now_us + airtime_us(len(node.queue[0][0]))
        if node.hearers is None:
            self._find_neighbours(node)
        assert node.hearers is not None
        sending = node.on_air = _Transmission(node, now_us, end_us, node.hearers)
        node.busy_until_us = max(node.busy_until_us, end_us)
        self._occupy(node.sensers, now_us, end_us)
        for other in self._on_air.near(sending):
            if distance_m(sending, other) <= self._overlap_m:
                sending.overlaps.append(other)
                other.overlaps.append(sending)
        self._on_air.add(sending)
        heappush(self._heap, (end_us, _END, node.number))

    def _occupy(self, nodes: list[_Node], now_us: int, end_us: int) -> None:
        """Let nodes sense a transmission from now_us to end_us; freeze their countdowns."""
        slot_us = self._physics.slot_us
        noticed_us = now_us + slot_us
        resume_us = end_us + self._physics.difs_us
        for node in nodes:
            if end_us > node.busy_until_us:
                node.busy_until_us = end_us
            if node.start_us >= noticed_us:
                if now_us > node.count_from_us:
                    node.slots -= (now_us - node.count_from_us) // slot_us
                if resume_us > node.count_from_us:
                    node.count_from_us = resume_us
                node.start_us = node.count_from_us + node.slots * slot_us

    def _end(self, node: _Node, events: list[Event]) -> None:
        sent = node.on_air
        assert sent is not None
        frame, _ = node.queue.popleft()
        end_us, number, place = sent.end_us, node.number, node.frames
        node.frames += 1
        passes = 1 - self.loss
        deaf = {other.node for other in sent.overlaps}
        events.append(Sent(number, frame, sent.start_us, end_us))
        for hearer, level_dbm, level, link_salt, arrives in sent.hearers:
            if hearer.is_gone:
                continue
            if hearer in deaf:
                events.append(Lost(hearer.number, number, frame, HALF_DUPLEX))
            elif sent.overlaps and level < self._capture * self._interference(sent, hearer):
                events.append(Lost(hearer.number, number, frame, COLLISION))
            elif (chance := passes * arrives) < 1 and draw(link_salt, place) < (1 - chance) * _ONE:
                events.append(Lost(hearer.number, number, frame, LOSS))
            else:
                events.append(Heard(hearer.number, number, frame, level_dbm, end_us))
        self._land(sent)
        if node.queue:
            self._plan(node)

    def _land(self, sent: _Transmission) -> None:
        sent.node.on_air = None
        self._on_air.discard(sent)
        sent.overlaps = []  # or each frame would keep the one before it in memory, for ever

    def _interference(self, sent: _Transmission, hearer: _Node) -> float:
        """The most that others sent at one moment of this frame, as this node received it."""
        disturbing = [
            (other, gain(metres))
            for other in sent.overlaps
            if (metres := self._way_m(other.node, other, hearer)) <= self._interference_m
        ]
        # The sum only rises when one of them starts. Before our own start it is at most what it
        # was then: whoever overlaps us has not ended yet.
        moments_us = {other.start_us for other, _ in disturbing}
        return max(
            (
                sum(level for other, level in disturbing if other.start_us <= at_us < other.end_us)
                for at_us in moments_us
            ),
            default=0.0,
        )

    # Who is near whom.

    def _find_neighbours(self, node: _Node) -> None:
        hearers: list[_Hearer] = []
        sensers: list[_Node] = []
        for other in self._places.near(node):
            if other is node:
                continue
            metres = self._way_m(node, node, other)
            if metres <= self._sense_m:
                sensers.append(other)
            if metres <= self._reach_m:
                link_salt = salt(self._seed, node.number, other.number)
                level = rssi_dbm(metres), gain(metres)
                hearers.append((other, *level, link_salt, self._arrives(metres)))
        hearers.sort(key=lambda hearer: hearer[0].number)
        node.hearers, node.sensers = hearers, sensers

    def _way_m(self, sender: _Node, place: _Node | _Transmission, receiver: _Node) -> float:
        """How far it is from a sender, who was at that place, to a receiver."""
        metres = distance_m(place, receiver)
        if self._stretch is None:
            return metres
        stretch = self._stretch(sender.number, receiver.number)
        return math.inf if stretch == math.inf else metres * stretch

    def _arrives(self, metres: float) -> float:
        """The share of frames that fading leaves above the level at the end of the range."""
        if not self._fading_db:
            return 1.0
        above_db = margin_db(metres, self._range_m)
        return math.erfc(-above_db / (self._fading_db * math.sqrt(2))) / 2

    def _forget_neighbours(self, node: _Node) -> None:
        for other in self._places.near(node):
            other.hearers = None
