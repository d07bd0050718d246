"""A field of nodes under one scheme, on tools/medium.py, in virtual time.

Times are microseconds; whatever is due in the same one happens in the order in which it was
entered, so a seed repeats a run.
"""

import heapq
import random
from dataclasses import dataclass, field

from shared_protocol import frame, parcel
from shared_protocol.lifetime import lifetime_code
from shared_protocol.parcel_fields import Parcel, encode, second_byte
from tools.broadcast.schemes import Relay, Scheme, address_of
from tools.medium import LOSS, Event, Heard, Medium, Sent
from tools.sim.layouts import Place
from tools.sim.letters import digest
from tools.sim.station import SharedCipher

RANGE_M = 60  # the edge is above the floor of what a receiver reports: RSSI tells distances apart
_RADIO_QUEUE = 4  # frames that wait in a radio at once, as the relay's firmware has it
_BUSY_MS = 4  # how soon a node looks again when that is full
_LIFETIME_S = 7 * 86400


@dataclass
class Message:
    """A message and what became of it. heard_us: when which node had it, the source at once."""

    number: int
    at_us: int
    source: int
    immutable: bytes
    heard_us: dict[int, int] = field(default_factory=dict)
    transmissions: int = 0


def parcel_of(seed: int, number: int, priority: int) -> bytes:
    """The immutable part of a random parcel that fills a frame."""
    dice = random.Random(f"{seed}/parcel/{number}")
    b0 = parcel.first_byte(parcel.MESSAGE, priority, False)
    b1 = second_byte(lifetime_code(_LIFETIME_S), True, False, False)
    head = (0, 0, b0, b1, dice.randbytes(parcel.MID_LEN), dice.randbytes(4))
    empty = len(encode(Parcel(head, b"", None)))
    body = encode(Parcel(head, dice.randbytes(frame.BODY_MAX - empty), None))
    _, _, _, immutable = parcel.split(body)
    return immutable


class Field:
    """Nodes at their places, the air between them, and what was on it."""

    def __init__(self, places: list[Place], loss: float, scheme: Scheme, seed: int) -> None:
        self.now_us = 0
        self.control: list[tuple[int, int, int]] = []  # (sent at us, frame type, bytes)
        self.collisions = 0  # receptions of parcels lost to others, or while sending itself
        self.events = 0  # frames sent, heard and lost, turns of nodes
        self._medium = Medium(seed, range_m=RANGE_M, loss=loss)
        self._cipher = SharedCipher(digest(seed, "network"))
        self._addresses = [address_of(number) for number in range(len(places))]
        self.relays: list[Relay] = []
        self._wake_us = [0] * len(places)
        self._full = [False] * len(places)  # its radio takes no more at the moment
        self._turns: list[tuple[int, int, int]] = []  # (when, order of entry, node)
        self._entered = 0
        self._messages: dict[bytes, Message] = {}
        self._on_air: Message | None = None
        for number, (x_m, y_m) in enumerate(places):
            self._medium.place(number, x_m, y_m)
            self.relays.append(scheme(number, self._cipher, seed))
            self._want_turn(number, 0)

    def submit(self, message: Message) -> None:
        """Hand a message to its source, now."""
        self._messages[message.immutable] = message
        message.heard_us[message.source] = self.now_us
        self.relays[message.source].submit(message.immutable, self.now_us // 1000)
        self._want_turn(message.source, self.now_us)

    def run(self, until_us: int) -> None:
        """Let everything before that happen."""
        turns, medium = self._turns, self._medium
        while True:
            next_us = medium.next_us()
            at_us = until_us if next_us is None else next_us
            if turns and turns[0][0] < at_us:
                at_us = turns[0][0]
            if at_us >= until_us:
                break
            self.now_us = at_us
            if next_us is not None and next_us <= at_us:
                for event in medium.advance(at_us):
                    self._happened(event)
            while turns and turns[0][0] <= at_us:
                due_us, _, number = heapq.heappop(turns)
                if self._wake_us[number] == due_us:
                    self._turn(number)
        self.now_us = until_us

    def _want_turn(self, number: int, at_us: int) -> None:
        if self._wake_us[number] <= self.now_us or at_us < self._wake_us[number]:
            self._wake_us[number] = at_us
            self._entered += 1
            heapq.heappush(self._turns, (at_us, self._entered, number))

    def _turn(self, number: int) -> None:
        """Let a node do what is due, and send what it wants to send."""
        self.events += 1
        relay, medium = self.relays[number], self._medium
        now_ms = self.now_us // 1000
        wait_ms = relay.poll(now_ms)
        self._full[number] = True
        while medium.queued(number) < _RADIO_QUEUE:
            data = relay.next_frame(now_ms)
            if data is None:
                self._full[number] = False
                break
            medium.send(number, data, self.now_us)
        if self._full[number] and not wait_ms:
            wait_ms = _BUSY_MS
        self._want_turn(number, (now_ms + max(1, wait_ms)) * 1000)

    def _happened(self, event: Event) -> None:
        self.events += 1
        if isinstance(event, Heard):
            self._heard(event)
        elif isinstance(event, Sent):
            self._sent(event)
        elif self._on_air is not None and event.why != LOSS:
            self.collisions += 1

    def _sent(self, event: Sent) -> None:
        """What became of it at each receiver follows."""
        kind, _, body = self._cipher.open(self._addresses[event.node], event.frame)
        self._on_air = None
        if kind == frame.PARCEL:
            _, _, _, immutable = parcel.split(body)
            self._on_air = self._messages[immutable]
            self._on_air.transmissions += 1
        else:
            self.control.append((event.end_us, kind, len(event.frame)))
        if self._full[event.node]:
            self._want_turn(event.node, self.now_us)

    def _heard(self, event: Heard) -> None:
        relay, number = self.relays[event.node], event.node
        now_ms = self.now_us // 1000
        relay.receive(self._addresses[event.sender], event.frame, event.rssi_dbm, now_ms)
        message = self._on_air
        new = message is not None and number not in message.heard_us
        if message is not None and new and relay.has(message.immutable):
            message.heard_us[number] = event.at_us
        self._want_turn(number, self.now_us)
