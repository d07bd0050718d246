"""Ways to broadcast, each a node of the field; all send the same sealed PARCEL frames.

Each has the contract of shared_protocol.node.Node: receive(), poll() when it asked for it, and
next_frame() after either until it gives None; milliseconds.

- `Mesh`: the real Node, push and pull, as it is.
- `CounterMesh`: the real Node, but its push is a counter: what pull alone has to repair then.
- `Flood`: every node passes a message on once, after a random wait.
- `Counter`: the same, given up when a second copy is heard meanwhile (S.-Y. Ni et al., "The
  Broadcast Storm Problem in a Mobile Ad Hoc Network", MobiCom 1999, the counter-based scheme).
- `Managed`: managed flooding as in Meshtastic (its documentation, "Mesh Broadcast Algorithm"): the
  same with a contention window that grows with the SNR, so that who hears it weakly, and is
  probably far away, goes first. Without hop limit, router roles and the source's repetitions.
"""

import random
from collections.abc import Callable
from typing import Protocol

from shared_protocol import frame, parcel
from shared_protocol.frame import FrameCipher
from shared_protocol.neighbours import AIR, Neighbour
from shared_protocol.node import Node
from shared_protocol.push import Push
from tools.sim.station import Station

CAPACITY = 440  # parcels, as a relay's
FLOOD_WAIT_MS = 100
COPIES_ENOUGH = 2  # the first included
_IDLE_MS = 3_600_000

# Meshtastic's contention windows: 2^3 slots at an SNR of -20 dB, 2^8 at 10 dB.
_CW_MIN, _CW_MAX = 3, 8
_SNR_MIN_DB, _SNR_MAX_DB = -20, 10
_NOISE_DBM = -74  # at the edge of the range (-93 dBm at 60 m) the SNR is then that of LoRa's edge
_SLOT_MS = 3  # the longest frame: who draws another slot hears it in time to give up


class Relay(Protocol):
    """What the field asks of a node."""

    def submit(self, immutable: bytes, now_ms: int) -> None:
        """A message of its own."""

    def receive(self, src: bytes, data: bytes, rssi_dbm: int, now_ms: int) -> None:
        """A frame heard."""

    def poll(self, now_ms: int) -> int:
        """Do what is due; milliseconds until the next poll."""

    def next_frame(self, now_ms: int) -> bytes | None:
        """What it sends now."""

    def has(self, immutable: bytes) -> bool:
        """Has it this message?"""


# number, address, cipher, seed
Scheme = Callable[[int, FrameCipher, int], Relay]


def address_of(number: int) -> bytes:
    """The link address of a node of the field."""
    return bytes((2, 0, 0)) + number.to_bytes(3, "big")


class Mesh:
    """The real Node."""

    def __init__(self, number: int, cipher: FrameCipher, seed: int) -> None:
        station = Station(number, False, (AIR,), CAPACITY, cipher, seed, lambda _: False)
        assert station.address == address_of(number)
        station.boot(0)
        assert station.node is not None
        self.node: Node = station.node

    def submit(self, immutable: bytes, now_ms: int) -> None:
        """As Relay."""
        self.node.submit(immutable, 0, 0, now_ms)

    def receive(self, src: bytes, data: bytes, rssi_dbm: int, now_ms: int) -> None:
        """As Relay."""
        self.node.receive(AIR, src, data, rssi_dbm, now_ms)

    def poll(self, now_ms: int) -> int:
        """As Relay."""
        return self.node.poll(now_ms)

    def next_frame(self, now_ms: int) -> bytes | None:
        """As Relay."""
        return self.node.next_frame(AIR, now_ms)

    def has(self, immutable: bytes) -> bool:
        """As Relay."""
        row = self.node.index.find(self.node.shelf.short_of(immutable))
        return row >= 0 and bool(self.node.index.held(row))


class _CounterPush(Push):
    """Random wait; nothing is sent when the second neighbour is heard meanwhile."""

    def __init__(self, node: Node, dice: random.Random) -> None:
        super().__init__(node.index, node.neighbours, node.queues, dice.randrange)
        self._node = node
        self._waiting: list[tuple[int, int]] = []  # (due_ms, short id)

    def add(self, row: int, sender: Neighbour | None, now_ms: int) -> None:
        """As Push."""
        due_ms = now_ms + (0 if sender is None else self._random(FLOOD_WAIT_MS))
        self._waiting.append((due_ms, self._node.index.short[row]))

    def poll(self, now_ms: int) -> int:
        """As Push."""
        node = self._node
        for _, short in [w for w in self._waiting if w[0] <= now_ms]:
            heard = node.index.cover[node.index.find(short)] & node.neighbours.fresh_mask[AIR]
            if heard.bit_count() < COPIES_ENOUGH:
                node.queues[AIR].parcel(short)
        self._waiting = [w for w in self._waiting if w[0] > now_ms]
        return min((due_ms - now_ms for due_ms, _ in self._waiting), default=1000)


class CounterMesh(Mesh):
    """The real Node with a counter for a push."""

    def __init__(self, number: int, cipher: FrameCipher, seed: int) -> None:
        super().__init__(number, cipher, seed)
        self.node.push = _CounterPush(self.node, random.Random(f"{seed}/counter/{number}"))


class Flood:
    """Passes each message on once."""

    copies_enough = _IDLE_MS  # never

    def __init__(self, number: int, cipher: FrameCipher, seed: int) -> None:
        self._address = address_of(number)
        self._cipher = cipher
        self._dice = random.Random(f"{seed}/flood/{number}")
        self._copies: dict[bytes, int] = {}
        self._waiting: list[tuple[int, bytes]] = []  # (due_ms, immutable)
        self._due: list[bytes] = []
        self._counter = 0

    def wait_ms(self, rssi_dbm: int) -> int:
        """How long it waits with a message that it heard so strong."""
        return self._dice.randrange(FLOOD_WAIT_MS)

    def submit(self, immutable: bytes, now_ms: int) -> None:
        """As Relay."""
        self._copies[immutable] = 0
        self._due.append(immutable)

    def receive(self, src: bytes, data: bytes, rssi_dbm: int, now_ms: int) -> None:
        """As Relay."""
        _, _, body = self._cipher.open(src, data)
        _, _, _, immutable = parcel.split(body)
        if immutable not in self._copies:
            self._copies[immutable] = 0
            self._waiting.append((now_ms + self.wait_ms(rssi_dbm), immutable))
        self._copies[immutable] += 1

    def poll(self, now_ms: int) -> int:
        """As Relay."""
        for due_ms, immutable in self._waiting:
            if due_ms <= now_ms and self._copies[immutable] < self.copies_enough:
                self._due.append(immutable)
        self._waiting = [w for w in self._waiting if w[0] > now_ms]
        return min((due_ms - now_ms for due_ms, _ in self._waiting), default=_IDLE_MS)

    def next_frame(self, now_ms: int) -> bytes | None:
        """As Relay."""
        if not self._due:
            return None
        self._counter += 1
        body = parcel.join(0, 0, None, self._due.pop(0))
        return self._cipher.seal(frame.PARCEL, self._counter, self._address, body)

    def has(self, immutable: bytes) -> bool:
        """As Relay."""
        return immutable in self._copies


class Counter(Flood):
    """Gives up when it heard the message twice before its turn came."""

    copies_enough = COPIES_ENOUGH


class Managed(Counter):
    """As Counter; who heard it weakly goes first."""

    def wait_ms(self, rssi_dbm: int) -> int:
        """A slot of a window that the SNR sizes, after the slots that are left to routers."""
        span_db = _SNR_MAX_DB - _SNR_MIN_DB
        above_db = min(max(rssi_dbm - _NOISE_DBM - _SNR_MIN_DB, 0), span_db)
        window = _CW_MIN + above_db * (_CW_MAX - _CW_MIN) // span_db
        return _SLOT_MS * (2 * _CW_MAX + self._dice.randrange(1 << window))


SCHEMES: dict[str, Scheme] = {
    "heliograph": Mesh,
    "counter-2 + pull": CounterMesh,
    "counter-2": Counter,
    "managed flooding": Managed,
    "flooding": Flood,
}
