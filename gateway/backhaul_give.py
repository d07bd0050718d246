"""Handing on what came from the hub: into the node, as if a neighbour had brought it."""

import time
from collections.abc import Callable
from typing import Any, Protocol

from gateway import backhaul_choice
from gateway.backhaul_box import Box
from gateway.backhaul_item import is_receipt, mid_of
from shared_protocol import receipt, shelf

TURN_S = 0.02  # at a time
_MOST = 64
_AGAIN_S = 5  # when the node had no room


class Mesh(backhaul_choice.Mesh, Protocol):
    """What handing on needs of a gateway."""

    def handle(self, event: tuple[Any, ...]) -> None: ...


class Giver:
    """clock(): seconds that only rise; time.monotonic outside a simulation."""

    def __init__(self, box: Box, mesh: Mesh, clock: Callable[[], float] = time.monotonic) -> None:
        self._box, self._mesh, self._clock = box, mesh, clock
        self._not_before_s = 0.0

    def give(self) -> tuple[int, bool]:
        """Some of it: how many things, and whether the hub shall have a receipt for one."""
        now_s = self._clock()
        if now_s < self._not_before_s:
            return 0, False
        given, ended, delivered = [], [], False
        for row, hops, age, immutable in self._box.to_give(_MOST, self._mesh.clock_s()):
            if is_receipt(immutable):
                self._give_receipt(immutable, age)
                ended.append(mid_of(immutable))
            else:
                verdict = self._give_parcel(immutable, hops, age)
                if verdict in (shelf.REFUSED, shelf.NO_ROOM):
                    self._not_before_s = now_s + _AGAIN_S
                    break
                delivered |= verdict == shelf.TOMBSTONED
            given.append(row)
            if self._clock() - now_s > TURN_S:
                break
        if given:
            self._box.given(given, ended)
        return len(given), delivered

    def _give_receipt(self, immutable: bytes, age: int) -> None:
        node, mid = self._mesh.node, mid_of(immutable)
        if mid not in self._box.crossing and not node.shelf.rows_of(mid):
            return  # nobody here has heard of the message; the box remembers, should it come
        if node.submit_receipt(immutable, age, self._mesh.now_ms()) == shelf.NEW:
            self._mesh.handle(("receipt", mid, receipt.decode(immutable)))

    def _give_parcel(self, immutable: bytes, hops: int, age: int) -> int:
        """A verdict of shelf.py. TOMBSTONED: its receipt goes to the hub."""
        node = self._mesh.node
        if node.shelf.is_home(immutable):  # its gateway is this one: the mesh need not have it
            now_s = node.clock.now_s(self._mesh.now_ms())
            verdict, _ = node.shelf.accept(hops, age, immutable, now_s, True)
        else:
            verdict = node.submit(immutable, hops, age, self._mesh.now_ms())
        if verdict == shelf.NEW:
            self._mesh.handle(("arrived", immutable, hops))
        elif verdict == shelf.TOMBSTONED:
            row = node.shelf.tombstone(mid_of(immutable))
            known = node.shelf.immutable(row)
            if not self._box.delivered(known, node.index.expires_s[row]):
                return shelf.NO_ROOM
        return verdict
