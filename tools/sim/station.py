"""Stations: a relay, or a gateway tethered to one, around one unmodified Node each.

World does with them what firmware/main.py and gateway/gateway.py do with theirs, in virtual time.
"""

import random
from collections.abc import Callable

from gateway.crypto import ecb
from shared_protocol.cells import NO_CELL
from shared_protocol.frame import FrameCipher
from shared_protocol.neighbours import TETHER
from shared_protocol.node import Node, Settings
from shared_protocol.store import MemoryStore
from tools.sim.letters import address_of, digest
from tools.sim.shared_sums import shared_index

GATEWAY_CAPACITY = 20_000  # as gateway/gateway.py
GATEWAY_LINKS = (TETHER,)
_STORE_BYTES = 1 << 40  # no bound: it is the index that is full first, as on a relay
_OPENED_MAX = 4096
_PARCEL = 0x50


class SharedCipher(FrameCipher):
    """The cipher of all nodes: one network has one key. What many hear is opened once."""

    def __init__(self, network_key: bytes) -> None:
        super().__init__(network_key, 0, ecb)
        self._opened: dict[tuple[bytes, bytes], tuple[int, int, bytes]] = {}

    def open(self, src: bytes, frame: bytes) -> tuple[int, int, bytes]:
        """As FrameCipher.open, which depends on nothing but its arguments and the key."""
        found = self._opened.get((src, frame))
        if found is None:
            if len(self._opened) >= _OPENED_MAX:
                self._opened.clear()
            found = self._opened[src, frame] = super().open(src, frame)
        return found


class CountingStore(MemoryStore):
    """A store that knows how full it has been."""

    def __init__(self, bytes_max: int) -> None:
        super().__init__(bytes_max)
        self.parcels = self.parcels_peak = self.bytes_peak = 0

    def put(self, record: bytes) -> int:
        """As MemoryStore."""
        handle = super().put(record)
        self.parcels += record[0] == _PARCEL
        self.parcels_peak = max(self.parcels_peak, self.parcels)
        self.bytes_peak = max(self.bytes_peak, self.bytes_used)
        return handle

    def delete(self, handle: int, remember: bool = False) -> None:
        """As MemoryStore."""
        self.parcels -= self.get(handle)[0] == _PARCEL
        super().delete(handle, remember)


class Station:
    """A node's lives: the store outlasts them, `node` is None without power.

    number: its place in the scenario. links: which of AIR and TETHER it has. is_ours: as Node's.
    """

    def __init__(
        self,
        number: int,
        gateway: bool,
        links: tuple[int, ...],
        capacity: int,
        cipher: FrameCipher,
        seed: int,
        is_ours: Callable[[bytes], bool],
    ) -> None:
        self.number = number
        self.links = links
        self.store = CountingStore(_STORE_BYTES)
        self.node: Node | None = None
        self.boots = 0
        self.wake_us = 0  # when it wants its next turn
        self.air_full = False  # it has more to send than the radio takes now
        self.swallows = False  # it takes what it hears and sends none of it: a lie told by HAVE
        self.wire_free_us = 0  # when its side of the tether has sent what it sends now
        self.address = address_of(number, gateway)
        self.cell = NO_CELL  # where it stands, if it knows
        self._gateway = gateway
        self._capacity = capacity
        self._cipher = cipher
        self._seed = seed
        self._is_ours = is_ours

    def boot(self, now_us: int) -> Node:
        """Power is there: a new Node, from what the store has."""
        self.boots += 1
        self.air_full = False
        self.wire_free_us = now_us
        name = self.address.hex()
        dice = random.Random(f"{self._seed}/{name}/{self.boots}")
        secret = digest(self._seed, name, "secret")[:16]
        self.node = Node(
            self.address,
            self._cipher,
            shared_index(self._capacity),
            self.store,
            Settings(self._gateway, secret, self.cell),
            self._is_ours,
            dice.randrange,
            now_us // 1000,
        )
        for link in self.links:
            self.node.link_up(link, now_us // 1000)
        return self.node

    def cut(self) -> None:
        """Power is gone, and all that was not in the store."""
        self.node = None
