"""A hub in a simulation: gateways that have it exchange parcels beside the air.

What crosses, waits, is handed on and remembered is the gateway's own code over SQLite in memory;
the hub is a dictionary that keeps each subject once, the way to it takes some time and costs the
bytes that were measured (docs/BACKHAUL.md).
"""

import sqlite3
from collections.abc import Callable
from typing import Any

from gateway.backhaul_box import Box, Found
from gateway.backhaul_budget import Budget
from gateway.backhaul_choice import Choice
from gateway.backhaul_give import Giver
from gateway.backhaul_item import HubKey
from gateway.database import GATEWAY, migrate
from shared_protocol import parcel
from shared_protocol.node import Node
from tools.sim.scenario import Backhaul
from tools.sim.station import Station

TICK_US = 1_000_000  # how often a gateway looks
_UP_BYTES, _DOWN_BYTES = 490, 570  # of a parcel, among others
_MOST = 512


class Hub:
    """What lies there: data by subject, each with its number and time."""

    def __init__(self) -> None:
        self.things: dict[str, tuple[int, int, bytes]] = {}
        self.last = 0
        self.refused = 0
        self.here: set[str] = set()  # addresses of gateways that can be reached

    def store(self, subject: str, data: bytes, now_us: int) -> int:
        """The number that it got; 0 if it was there."""
        if subject in self.things:
            self.refused += 1
            return 0
        self.last += 1
        self.things[subject] = (self.last, now_us, data)
        return self.last

    def purge(self, pattern: str) -> None:
        """As NATS: a star stands for one word."""
        words = pattern.split(".")
        for subject in list(self.things):
            its = subject.split(".")
            if len(its) == len(words) and all(
                w in ("*", i) for w, i in zip(words, its, strict=True)
            ):
                del self.things[subject]

    def read(self, subject: str, after: int, until_us: int) -> list[tuple[int, int, str, bytes]]:
        """(number, time, subject, data) behind a number, stored until then."""
        start = subject.removesuffix(">")
        found = [
            (number, at_us, name, data)
            for name, (number, at_us, data) in self.things.items()
            if name.startswith(start) and number > after and at_us <= until_us
        ]
        return sorted(found)[:_MOST]


class SimMesh:
    """A gateway of the simulation, as the backhaul's code sees it."""

    def __init__(self, station: Station, is_for: Callable[[bytes], bool]) -> None:
        self._station, self._is_for = station, is_for
        self.now_us = 0
        self.news: list[tuple[Any, ...]] = []

    @property
    def node(self) -> Node:
        """The node, which has power now."""
        assert self._station.node is not None
        return self._station.node

    def now_ms(self) -> int:
        """The node's time."""
        return self.now_us // 1000

    def clock_s(self) -> int:
        """The node's clock."""
        return self.node.clock.now_s(self.now_ms())

    def is_for_people_here(self, immutable: bytes) -> bool:
        """Is it for somebody of this gateway?"""
        return self._is_for(immutable)

    def handle(self, event: tuple[Any, ...]) -> None:
        """As if the node had told it."""
        self.node.events.append(event)


class Uplink:
    """One gateway's way to the hub. is_for: is a parcel for somebody there?"""

    def __init__(
        self,
        hub: Hub,
        key: HubKey,
        plan: Backhaul,
        station: Station,
        is_for: Callable[[bytes], bool],
    ) -> None:
        self._hub, self._key, self._plan, self._station = hub, key, plan, station
        db = sqlite3.connect(":memory:", isolation_level=None)
        db.row_factory = sqlite3.Row
        migrate(db, GATEWAY)
        self._me = int.from_bytes(station.address[-2:], "big")
        self._mesh = SimMesh(station, is_for)
        self._box = Box(db, key, self._me)
        self._budget = Budget(db, plan.bytes_per_hour, self._mesh.clock_s)

        def clock() -> float:
            return self._mesh.now_us / 1e6

        self._choice = Choice(self._box, key, self._mesh, plan.after_s, clock)
        self._giver = Giver(self._box, self._mesh, clock)
        self.pushed = self.taken = 0

    def crosses(self, immutable: bytes) -> bool:
        """Is this gateway an end of the message, because it carries it over?"""
        return bytes(immutable[2 : parcel.HEAD_LEN]) in self._box.crossing

    def tick(self, now_us: int) -> bool:
        """Push, read, hand on. True if the node has had something."""
        if self._station.node is None:
            return False
        self._mesh.now_us = now_us
        now_s = self._mesh.clock_s()
        live = self._mesh.node.gradients.beats.live(now_s)
        gateways = {self._me} | {gateway for gateway, _, _ in live}
        self._hub.here |= {self._key.address(gateway) for gateway in gateways}
        for gateway in list(self._choice.asked):
            self._choice.told(gateway, self._key.address(gateway) in self._hub.here)
        self._choice.look()
        self._push(now_us, now_s)
        self._read(gateways, now_us, now_s)
        count, _ = self._giver.give()
        return count > 0

    def _push(self, now_us: int, now_s: int) -> None:
        only_first = self._budget.left(False) < _UP_BYTES
        most = min(_MOST, self._budget.left(only_first) // _UP_BYTES)
        rows = self._box.to_push(most, now_s, only_first, True) if most > 0 else []
        if rows and self._budget.spend(len(rows) * _UP_BYTES, only_first):
            top = 0
            for row in rows:
                subject = self._key.subject(row.address, row.item.immutable)
                data = self._key.seal(subject, row.item)
                top = max(top, self._hub.store(subject, data, now_us))
            self._box.pushed(rows, top)
            self.pushed += len(rows)
        ended = self._box.to_purge(_MOST)
        for _, mid in ended:
            self._hub.purge(self._key.parcels_of(mid))
        self._box.purged([row for row, _ in ended])

    def _read(self, gateways: set[int], now_us: int, now_s: int) -> None:
        until_us = now_us - round(self._plan.delay_s * 1e6)
        for subject in self._key.filters(gateways):
            sos = ".all.s." in subject
            found = self._hub.read(subject, self._box.place(subject), until_us)
            found = found[: max(0, self._budget.left(sos) // _DOWN_BYTES)]
            if found and self._budget.spend(len(found) * _DOWN_BYTES, sos):
                things = [
                    Found(number, name, data, (now_us - at_us) // 1_000_000)
                    for number, at_us, name, data in found
                ]
                self.taken += self._box.take(subject, things, now_s) or 0


class Uplinks:
    """All of them. is_for(number, immutable): is a parcel for somebody at this gateway?"""

    def __init__(
        self,
        plan: Backhaul,
        gateways: dict[int, Station],
        network_key: bytes,
        is_for: Callable[[int, bytes], bool],
    ) -> None:
        key = HubKey(network_key, "")
        self.hub = Hub()
        self.uplinks = {
            n: Uplink(self.hub, key, plan, gateways[n], lambda i, n=n: is_for(n, i))  # type: ignore[misc]
            for n in plan.gateways
        }

    def crosses(self, gateway: int, immutable: bytes) -> bool:
        """Is this gateway an end of the message, because it carries it over?"""
        return gateway in self.uplinks and self.uplinks[gateway].crosses(immutable)

    def tick(self, now_us: int) -> list[int]:
        """A second has gone by. Gateways whose node has had something."""
        return [n for n, uplink in self.uplinks.items() if uplink.tick(now_us)]

    def results(self) -> dict[str, int]:
        """What went over the hub."""
        return {
            "pushed": sum(uplink.pushed for uplink in self.uplinks.values()),
            "taken": sum(uplink.taken for uplink in self.uplinks.values()),
            "refused": self.hub.refused,
            "left": len(self.hub.things),
        }
