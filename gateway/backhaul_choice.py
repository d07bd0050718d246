"""Which parcels of this mesh go to the hub (SPEC.md 18.2).

At once: emergency calls, announcements (kinds 3 and up), and what is addressed to a gateway that
is not in this mesh and that the hub knows. Later, when it was not delivered here: every other
message but those for somebody of this very gateway. Receipts follow their messages.
"""

import logging
import time
from collections.abc import Callable, Iterable
from typing import Protocol

from gateway.backhaul_box import Box
from gateway.backhaul_item import ALL, HubKey
from gateway.sorting import become_its_end
from shared_protocol import parcel, receipt
from shared_protocol.beats import UNKNOWN
from shared_protocol.errors import DecodeError
from shared_protocol.lifetime import SOS
from shared_protocol.node import Node

_LOOK_S = 0.02  # at a time, so that nobody has to wait for it
_EVERY_S = 1.0  # between two looks at all that the node knows
_AGAIN_S = 60  # how soon a parcel for a gateway of this mesh is thought about again
_ASK_S = 2  # how soon, while the hub is asked for a gateway
_BATCH = 256  # rows in one commit
_CLAIM_S = 3600  # how long the hub's word about a gateway counts,
_NO_CLAIM_S = 300  # and how long its word that it knows none
_CLAIMS_MAX = 1000
_RETRY_S = 10  # after the box was full

_log = logging.getLogger(__name__)

Thing = tuple[str, int, int, bytes]  # address, hops, expires_s, immutable


class Mesh(Protocol):
    """What the backhaul needs of a gateway."""

    @property
    def node(self) -> Node: ...
    def clock_s(self) -> int: ...
    def now_ms(self) -> int: ...
    def is_for_people_here(self, immutable: bytes) -> bool: ...


class Choice:
    """Looks through the node for what shall cross. after_s: how long a message has to be
    delivered without the hub. `asked` are gateways of which somebody shall ask the hub: told()."""

    def __init__(
        self,
        box: Box,
        key: HubKey,
        mesh: Mesh,
        after_s: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """clock(): seconds that only rise; another one in a simulation."""
        self._box, self._key, self._mesh, self._after_s = box, key, mesh, after_s
        self._clock = clock
        self._node: Node | None = None
        self._done: set[int] = set()  # short ids that need no thought any more
        self._later: dict[int, int] = {}  # short id -> when to think again, by the node's clock
        self._todo: list[int] = []
        self._looked_s = -_EVERY_S
        self.asked: set[int] = set()
        self._claims: dict[int, tuple[bool, float]] = {}

    def told(self, gateway: int, reachable: bool) -> None:
        """The hub has said whether it knows this gateway."""
        self.asked.discard(gateway)
        if len(self._claims) >= _CLAIMS_MAX:
            self._claims.clear()
        until_s = self._clock() + (_CLAIM_S if reachable else _NO_CLAIM_S)
        self._claims[gateway] = (reachable, until_s)

    def look(self) -> bool:
        """Think for a moment about what is new or due. True if something goes to the hub."""
        node = self._mesh.node
        if node is not self._node:  # it was started again: every row may be another
            self._node = node
            self._done.clear()
            self._later.clear()
            self._todo.clear()
        if not self._todo and self._clock() - self._looked_s >= _EVERY_S:
            self._looked_s = self._clock()
            self._todo = self._new(node)
        things: list[Thing] = []
        receipts: list[tuple[bytes, int]] = []
        end_s = self._clock() + _LOOK_S
        while self._todo and len(things) < _BATCH and self._clock() < end_s:
            self._think(node, self._todo.pop(), things, receipts)
        if things and not self._box.put(things):
            self._not_now(node, (immutable for *_, immutable in things))
        for immutable, expires_s in receipts:
            if not self._box.delivered(immutable, expires_s):
                self._not_now(node, [])
        return bool(things or receipts)

    def _not_now(self, node: Node, immutables: Iterable[bytes]) -> None:
        _log.warning("backhaul: the outbox is full, more is taken when something has left it")
        for immutable in immutables:
            short = node.shelf.short_of(immutable)
            self._done.discard(short)
            self._later[short] = self._mesh.clock_s() + _RETRY_S

    def _new(self, node: Node) -> list[int]:
        """Short ids that have not been thought about, or are due again; first come last."""
        index, now_s = node.index, self._mesh.clock_s()
        fresh, known = [], set()
        for row in index.rows():
            if not index.held(row) and not index.is_receipt(row):
                continue
            short = index.short[row]
            known.add(short)
            if short not in self._done and self._later.get(short, 0) <= now_s:
                fresh.append((index.first_s[row], short))
        self._done &= known
        self._later = {short: due for short, due in self._later.items() if short in known}
        return [short for _, short in sorted(fresh, reverse=True)]

    def _think(
        self, node: Node, short: int, things: list[Thing], receipts: list[tuple[bytes, int]]
    ) -> None:
        index, now_s = node.index, self._mesh.clock_s()
        row = index.find(short)
        if row < 0:
            return
        try:
            if index.is_receipt(row):
                self._done.add(short)
                immutable = node.shelf.immutable(row)
                if receipt.message_id(receipt.decode(immutable)) in self._box.crossing:
                    receipts.append((immutable, index.expires_s[row]))
                return
            if not index.held(row):
                return
            immutable = node.shelf.immutable(row)
        except (KeyError, DecodeError):  # gone bad in the store
            return
        self._later.pop(short, None)
        due_s = self._due(node, immutable, index.first_s[row])
        if isinstance(due_s, int) and due_s > now_s:
            self._later[short] = due_s
            return
        self._done.add(short)
        if due_s is None or self._box.has(immutable):
            return
        mid = bytes(immutable[2 : parcel.HEAD_LEN])
        known = self._box.receipt_of(mid)
        if known is not None:  # delivered beyond the hub, and this mesh has not heard of it
            node.submit_receipt(known, 0, self._mesh.now_ms())
            return
        if immutable[0] & parcel.PIECES and mid not in self._box.crossing:
            self._box.crossing.add(mid)
            become_its_end(node, mid, self._mesh.now_ms())
        address = due_s if isinstance(due_s, str) else ALL
        things.append((address, index.hops[row], index.expires_s[row], immutable))

    def _due(self, node: Node, immutable: bytes, first_s: int) -> int | str | None:
        """When (by the node's clock) a parcel goes to all, or to which address it goes at once;
        None for never."""
        kind = parcel.kind(immutable[0])
        if kind in (parcel.RECEIPT, parcel.STATEMENT):
            return None
        if parcel.priority(immutable[0]) == SOS or kind != parcel.MESSAGE:
            return ALL
        now_s = self._mesh.clock_s()
        if immutable[1] & parcel.ROUTE:
            gateway = parcel.destination(immutable)[0] & 0xFFFF
            if node.gradients.beats.distance(gateway, now_s) != UNKNOWN:
                return now_s + _AGAIN_S
            reachable = self._reachable(gateway)
            if reachable:
                return self._key.address(gateway)
            if reachable is None:
                return now_s + _ASK_S
        mid = bytes(immutable[2 : parcel.HEAD_LEN])
        return first_s if mid in self._box.crossing else first_s + self._after_s

    def _reachable(self, gateway: int) -> bool | None:
        """Does the hub know it? None until the hub was asked."""
        reachable, until_s = self._claims.get(gateway, (False, 0.0))
        if self._clock() < until_s:
            return reachable
        self.asked.add(gateway)
        return None
