"""Unicast: a parcel for a known gateway goes from neighbour to neighbour, not to everybody
(SPEC.md 7.5, docs/GOSSIP.md).

Down the gradient where there is one; else, where positions are known, depth first to the
neighbour that stands nearest (after Stojmenovic, Russell, Vukojevic 2000), and back where there
is no further way. When no way is left, or the sender has waited in vain for the receipt, the
parcel is one for everybody.

Its hops count the steps of its way. Nobody lets go of a parcel taken at some step before somebody
is known to have taken it at a later one; so, of all copies that lost frames may make, the one that
came farthest is always kept, and who is offered another knows that it is superseded.
"""

from shared_protocol import parcel, receipt
from shared_protocol.beacon import GATEWAY
from shared_protocol.beats import UNKNOWN
from shared_protocol.cells import NO_CELL, apart
from shared_protocol.ending import accept_receipt
from shared_protocol.errors import DecodeError
from shared_protocol.lifetime import SOS
from shared_protocol.limits import (
    IDLE_MS,
    OVERHEARD_MAX,
    PASSED_MAX,
    UNDERWAY_MAX,
    WAYS_MAX,
)
from shared_protocol.parcel_index import NOBODY, PASSED, RETURNED, ROUTED
from shared_protocol.shelf import KNOWN, NEW

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from shared_protocol.neighbours import Neighbour
    from shared_protocol.node import Node

NEXT_LEN = 2  # of the next node's address, in front of the parcel
PATIENCE_MS = 150_000  # so long a sender waits for the receipt, which may wait 60 s itself
_AIR, _TETHER = 0, 1
_ACK_MS, _ACK_SPREAD_MS = 120, 80
_QUEUED_MS = 5_000  # a frame that has not left by then never will
_TRIES = 3  # before another neighbour has its turn, if there is one
_TRIES_MOST = 12
_HOPS_MOST = 60  # who comes so far has lost its way
_PASSED_S = 600  # so long it is remembered what was passed on
_ALL = 0x3FFFFFFF
_BEST = 0x1FFFFFFF  # a rank

# A journey: what a node must know of a parcel while it answers for it.
_STAGE, _DUE_MS, NEXT, _TRIED, TRIES, _BACK, TO, _CELL, _STEP = 0, 1, 2, 3, 4, 5, 6, 7, 8
# NEXT: the bit of the neighbour that shall have it; TRIED: of those that did not take it or
# brought it back; BACK: of the one to which it goes when there is no further way, 0 at the sender.
# STEP: at which it came here; the index counts the hops on when a later one is heard of.
_BACKWARDS = -1  # TO: of a receipt
_TO_SEND, _QUEUED, _SENT, _AWAY = 0, 1, 2, 3  # AWAY: of our own, until the receipt is back


class Unicast:
    """The parcels that this node is sending to one neighbour each."""

    def __init__(self, node: "Node", random_below: "Callable[[int], int]") -> None:
        self._node = node
        self._index = node.index
        self._random = random_below
        self.journeys: dict[int, list[int]] = {}  # by short id; status shows them
        # By short id of what is not here: who was heard passing it on. It need not go back there.
        self._heard: dict[int, int] = {}
        # By short id of what was handed over: for which gateway. Then by gateway: the neighbour
        # from which the receipt came back, and so a way without detours.
        self._passed: dict[int, int] = {}
        self._ways: dict[int, int] = {}

    # --- what comes

    def start(self, row: int, now_ms: int) -> bool:
        """A parcel of our own: is it for one gateway, and is there a way? Then it goes alone."""
        immutable = self._node.shelf.immutable(row)
        if not immutable[1] & parcel.ROUTE or immutable[0] & parcel.PIECES:
            return False
        if parcel.priority(immutable[0]) == SOS or len(self.journeys) >= UNDERWAY_MAX:
            return False
        self._enter(row, immutable, 0, now_ms)
        if not self._choose(self.journeys[self._index.short[row]], row, now_ms):
            del self.journeys[self._index.short[row]]
            return False
        self._index.set_state(row, ROUTED)
        return True

    def on_frame(self, neighbour: "Neighbour", body: bytes, now_ms: int) -> None:
        """A UNICAST frame, for whomever. DecodeError if garbled."""
        node, index = self._node, self._index
        hops, age, _, immutable = parcel.split(body[NEXT_LEN:])
        immutable = bytes(immutable)
        mine = body[:NEXT_LEN] == node.node_id[-NEXT_LEN:]
        if parcel.kind(immutable[0]) == parcel.RECEIPT:
            self._on_receipt(neighbour, mine, hops, age, immutable, now_ms)
            return
        parcel.check(immutable)
        if immutable[0] & parcel.PIECES or not immutable[1] & parcel.ROUTE:
            raise DecodeError("nothing that goes alone")
        short = node.shelf.short_of(immutable)
        row = index.find(short)
        if not mine:
            if row >= 0:
                node.custody.heard(neighbour, row, hops - 1, node.clock.now_s(now_ms))
            else:
                bits = self._heard.get(short, 0) | neighbour.bit
                _put(self._heard, short, bits, OVERHEARD_MAX)
            return
        known = row >= 0 and index.state[row] in (ROUTED, PASSED)
        if known and hops <= index.hops[row]:  # it is here, or farther on
            node.custody.took(neighbour.link, row, now_ms, True)
            return
        tomb = node.shelf.tombstone(bytes(immutable[2 : parcel.HEAD_LEN]))
        if tomb >= 0:
            if index.state[tomb] == RETURNED:
                node.for_everybody(tomb, now_ms)
            node.queues[neighbour.link].parcel(index.short[tomb])
            return
        journey = self.journeys.get(short)
        if journey is None and len(self.journeys) >= UNDERWAY_MAX and not node.is_gateway:
            node.stats["refused"] += 1  # whoever sent it will try somebody else
            return
        had = index.cover[row] if known else 0
        if journey and known:
            index.hops[row] = journey[_STEP] = hops
            self._again(neighbour, journey, had, now_ms)
            return
        verdict, row = node.shelf.accept(hops, age, immutable, node.clock.now_s(now_ms), True)
        if verdict == NEW:
            if not known:
                index.source[row] = neighbour.number()
                index.cover[row] = self._heard.pop(short, 0)
            index.cover[row] |= neighbour.bit
            self._take(neighbour, row, immutable, hops, now_ms)
            if known and short in self.journeys:
                self._again(neighbour, self.journeys[short], had, now_ms)
        elif verdict == KNOWN and index.held(row):  # everybody carries it by now
            index.hops[row] = max(index.hops[row], hops)
            node.custody.took(neighbour.link, row, now_ms, True)
        else:
            node.stats["refused"] += 1

    def _take(
        self, neighbour: "Neighbour", row: int, immutable: bytes, hops: int, now_ms: int
    ) -> None:
        """A parcel for which this node answers from now on."""
        node = self._node
        if node.is_gateway or neighbour.link == _TETHER:  # else it hears me pass it on
            node.custody.took(neighbour.link, row, now_ms, True)
        if node.is_gateway:
            node.event("arrived", immutable, hops)
            if not node.shelf.is_ours(immutable):  # whom it is for lives elsewhere now
                node.for_everybody(row, now_ms)
            return
        source = self._index.source[row]
        self._enter(row, immutable, 0 if source == NOBODY else 1 << source, now_ms)

    def _again(self, neighbour: "Neighbour", journey: list[int], had: int, now_ms: int) -> None:
        """It was here before: a neighbour found no way for it, or did not know that it was."""
        bit = neighbour.bit
        journey[_TRIED] |= bit
        if (had | journey[NEXT]) & bit:
            self._forget_way(journey[TO], bit)
        elif self._nearer(journey, now_ms) < 0:  # over the map it goes back: there is more to try
            journey[_TRIED], journey[_BACK] = _ALL & ~bit, bit
        journey[_STAGE], journey[_DUE_MS], journey[TRIES] = _TO_SEND, now_ms, 0

    def _enter(self, row: int, immutable: bytes, back: int, now_ms: int) -> None:
        route, cell = parcel.destination(immutable)
        self._begin(row, back, route & 0xFFFF, cell, now_ms)

    def _begin(self, row: int, back: int, to: int, cell: int, now_ms: int) -> None:
        """Begin a journey."""
        index = self._index
        self.journeys[index.short[row]] = [
            _TO_SEND, now_ms, 0, 0, 0, back, to, cell, index.hops[row]
        ]  # fmt: skip

    # --- receipts: back on the way that their message came

    def came_from(self, mid: bytes) -> int:
        """The bit of the neighbour from which a message came alone; 0 if it is our own and went
        alone, -1 if it did not, or nobody knows any more."""
        index = self._index
        for row in self._node.shelf.each_of(mid):
            if index.state[row] in (ROUTED, PASSED):
                if index.source[row] != NOBODY:
                    return 1 << index.source[row]
                if self._node.is_gateway:
                    return 0
        return -1

    def send_back(self, row: int, back: int, now_ms: int) -> None:
        """A receipt goes to this neighbour, or to everybody if there is no place for it."""
        if len(self.journeys) >= 2 * UNDERWAY_MAX:
            self._node.for_everybody(row, now_ms)
        else:
            self._begin(row, back, _BACKWARDS, NO_CELL, now_ms)

    def _on_receipt(
        self,
        neighbour: "Neighbour",
        mine: bool,
        hops: int,
        age: int,
        immutable: bytes,
        now_ms: int,
    ) -> None:
        node, index = self._node, self._index
        token = receipt.decode(immutable)
        mid = receipt.message_id(token)
        row = node.shelf.tombstone(mid)
        now_s = node.clock.now_s(now_ms)
        if not mine:
            if row >= 0:
                node.custody.heard(neighbour, row, hops - 1, now_s)
            return
        if row >= 0:
            if index.state[row] == RETURNED and hops > index.hops[row]:  # it has gone in a circle
                index.hops[row] = hops
                node.for_everybody(row, now_ms)
        else:
            back = self.came_from(mid)
            verdict, row = accept_receipt(node.shelf, hops, age, immutable, now_s, back >= 0)
            if verdict != NEW:
                return
            index.source[row] = neighbour.number()
            index.cover[row] |= neighbour.bit
            node.event("receipt", mid, token)
            if back < 0:
                node.for_everybody(row, now_ms)
            elif back:
                for r in node.shelf.each_of(mid):
                    if index.short[r] in self._passed:
                        to = self._passed.pop(index.short[r])
                        _put(self._ways, to, neighbour.bit, WAYS_MAX)
                self.send_back(row, back, now_ms)
                if neighbour.link == _AIR:
                    return  # it hears me pass it on
        node.custody.took(neighbour.link, row, now_ms, True)

    def gone(self, bits_gone: int) -> None:
        """Neighbours are not heard any more; their bits may be given to others."""
        self._node.gradients.gone(bits_gone)
        for journey in self.journeys.values():
            journey[_TRIED] &= ~bits_gone
            journey[_BACK] &= ~bits_gone
            if journey[NEXT] & bits_gone:
                journey[NEXT] = 0
                if journey[_STAGE] != _AWAY:
                    journey[_STAGE] = _TO_SEND
        for masks in (self._heard, self._ways):
            for key in masks:
                masks[key] &= ~bits_gone

    # --- what goes

    def poll(self, now_ms: int) -> int:
        """Send what is due; milliseconds until the next is."""
        wait_ms = IDLE_MS
        for short in list(self.journeys):
            journey = self.journeys[short]
            row = self._index.find(short)
            if row < 0 or self._index.state[row] not in (ROUTED, RETURNED):
                del self.journeys[short]
                continue
            if journey[_STAGE] != _AWAY and self._index.hops[row] > journey[_STEP]:
                self._handed_over(journey, row, now_ms)
            elif journey[_DUE_MS] <= now_ms:
                self._act(journey, row, now_ms)
            wait_ms = min(wait_ms, max(0, journey[_DUE_MS] - now_ms))
        return wait_ms

    def _handed_over(self, journey: list[int], row: int, now_ms: int) -> None:
        """Somebody has it who came farther with it."""
        index, node = self._index, self._node
        if index.state[row] == ROUTED and node.is_gateway:  # our own
            journey[_STAGE], journey[_DUE_MS] = _AWAY, now_ms + PATIENCE_MS
            journey[_TRIED] = 0
            return
        del self.journeys[index.short[row]]
        if index.state[row] == ROUTED:
            _put(self._passed, index.short[row], journey[TO], PASSED_MAX)
            node.shelf.passed_on(row)
            soon_s = node.clock.now_s(now_ms) + _PASSED_S
            index.expires_s[row] = min(index.expires_s[row], soon_s)

    def _act(self, journey: list[int], row: int, now_ms: int) -> None:
        """Its moment has come."""
        if journey[_STAGE] == _SENT:
            journey[TRIES] += 1
            if journey[TRIES] % _TRIES == 0:
                journey[_TRIED] |= journey[NEXT]
                self._forget_way(journey[TO], journey[NEXT])
                if not self._choose(journey, row, now_ms) and journey[TRIES] < _TRIES_MOST:
                    journey[_TRIED] &= ~journey[NEXT]  # there is nobody else
        if journey[_STAGE] == _AWAY or not self._send(journey, row, now_ms):
            del self.journeys[self._index.short[row]]
            self._node.for_everybody(row, now_ms)

    def _nearer(self, journey: list[int], now_ms: int) -> int:
        """Mask of the neighbours nearer by a gradient; -1 if there is no gradient."""
        gradients = self._node.gradients
        if gradients.beats.distance(journey[TO], self._node.clock.now_s(now_ms)) == UNKNOWN:
            return -1
        return gradients.nearer(journey[TO])

    def _send(self, journey: list[int], row: int, now_ms: int) -> bool:
        """Queue it for the next node. False if there is none."""
        bit = self._choose(journey, row, now_ms)
        journey[NEXT] = bit
        for n in self._node.neighbours.all:
            if n.bit == bit:
                self._node.queues[n.link].parcel(self._index.short[row])
                if n.link == _TETHER:  # whoever sent it does not hear that
                    self._node.custody.took(_AIR, row, now_ms, True)
                journey[_STAGE], journey[_DUE_MS] = _QUEUED, now_ms + _QUEUED_MS
        return bit > 0

    def _choose(self, journey: list[int], row: int, now_ms: int) -> int:
        """The bit of the neighbour that shall have it next, 0 if there is none."""
        index = self._index
        if index.hops[row] >= _HOPS_MOST:
            return 0
        nearer = self._nearer(journey, now_ms)
        way = self._ways.get(journey[TO], 0)
        open_to = 0  # who could take it
        best = best_rank = 0
        for n in self._node.neighbours.all:
            if not n.fresh or not n.hears_me or n.bit & journey[_TRIED]:
                continue
            if int.from_bytes(n.address[-NEXT_LEN:], "big") == journey[TO]:
                return n.bit
            open_to |= n.bit
            had = index.cover[row] & n.bit
            if n.flags & GATEWAY:  # another one: there is no way through
                rank = 0
            elif had and nearer < 0:
                rank = 0
            elif nearer < 0:
                rank = _BEST if n.bit == way else self._nearness(n, journey[_CELL])
            elif n.bit & nearer and n.bit != journey[_BACK]:
                rank = n.heard_lately() + (1 if had else 32)  # rather somebody new
            else:
                rank = 0
            if rank > best_rank:
                best, best_rank = n.bit, rank
        if not best and nearer < 0 and (journey[_CELL] != NO_CELL or journey[TO] < 0):
            return journey[_BACK] & open_to
        return best

    def _nearness(self, n: "Neighbour", cell: int) -> int:
        """The greatest: stands nearest to the cell. 0: cannot be said."""
        if cell == NO_CELL or n.cell == NO_CELL or self._node.cell == NO_CELL:
            return 0
        return _BEST - 1 - apart(n.cell, cell)

    def _forget_way(self, to: int, bit: int) -> None:
        if self._ways.get(to) == bit:
            del self._ways[to]

    def frame_body(self, short: int, row: int, link: int, now_ms: int) -> bytes:
        """The body of the frame that was queued; empty if it is not wanted on this link now."""
        journey = self.journeys.get(short)
        if journey is None or journey[_STAGE] != _QUEUED:
            return b""
        if self._index.hops[row] > journey[_STEP]:
            return b""
        for n in self._node.neighbours.all:
            if n.bit == journey[NEXT] and n.link == link:
                journey[_STAGE] = _SENT
                journey[_DUE_MS] = now_ms + _ACK_MS + self._random(_ACK_SPREAD_MS)
                self._node.stats["unicasts_sent"] += 1
                now_s = self._node.clock.now_s(now_ms)
                return n.address[-NEXT_LEN:] + self._node.shelf.body(row, now_s)
        return b""


def _put(hints: dict[int, int], key: int, value: int, most: int) -> None:
    if len(hints) >= most:
        hints.clear()  # soon there are others
    hints[key] = value
