"""Reconciliation: which parcels does one of two neighbours lack (SPEC.md 7.3, docs/GOSSIP.md)?

A beacon carries a sketch of all that its sender knows. Each hearer takes the difference with its
own and decodes it; when it is too large for that, it asks for a longer sketch, and when it is
larger still it lists what it knows itself. What follows from a difference is always the same.
"""

from shared_protocol import frame, sync
from shared_protocol.beacon import FULL
from shared_protocol.ending import dying, overage
from shared_protocol.limits import IDLE_MS, LIST_IDS_MAX, SUMS_MAX
from shared_protocol.parcel_index import DEAD, NO_PIECE, RECEIPT
from shared_protocol.sketch import enough, estimate, pack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared_protocol.neighbours import Neighbour
    from shared_protocol.node import Node

EQUAL, COVERED, LACKING, UNCLEAR, STUCK = 0, 1, 2, 3, 4
# COVERED  I have nothing to tell it that it needs     LACKING  it should hear my beacon soon
# UNCLEAR  the difference is too large to decode from what it sent
# STUCK    it still is, and nothing has changed on either side

LIST_GAP_MS = 400  # between two lists of one node while they bring news
LIST_GAP_MAX_MS = 30_000  # while they do not
_LIST_FRAMES_MAX = 4  # lists in answer to one summary: a burst of 10 ms of air
_WHOLE_LIST_MAX = 2 * LIST_IDS_MAX  # up to here lists cost no more than a summary and its answer
_FEW = 4  # lacked by whoever sent a list: my next beacon tells it which
_ASK_MS, _ASK_SPREAD_MS = 10, 50  # before a sketch is asked for: somebody else may
_ANSWER_GAP_MS = 50  # between two sketches of mine
_EXPECTED_MS = 2000  # so long after a question the answer is looked at
_DYING_S, _DYING_SHARE = 120, 50  # with less of its life left a parcel is not offered any more


class Reconcile:
    """Compares what this node knows with what its neighbours say they know."""

    def __init__(self, node: "Node", random_below: "Callable[[int], int]") -> None:
        self._node = node
        self._shelf = node.shelf
        self._index = node.index
        self._queues = node.queues
        self._random = random_below
        self._digests = (b"", b"")  # the usual and the quiet one
        self._digests_of = -1  # index.changes when they were made
        # By link: index.changes when my last beacon was, with how many power sums; my last answer.
        self._told = [-1, -1]
        self._told_sums = [0, 0]
        self._answered_ms = [-_ANSWER_GAP_MS, -_ANSWER_GAP_MS]
        self._asking = False  # is a longer sketch of any neighbour wanted?
        self._list_ms: int | None = None
        self._listed_ms = -LIST_GAP_MAX_MS
        self._gap_ms = LIST_GAP_MS

    def news(self) -> None:
        """Something changed here or at a neighbour: lists are worth their air again."""
        self._gap_ms = LIST_GAP_MS

    def digest(self, link: int, quiet: bool) -> bytes:
        """What my beacon says of all that I know; less when nothing has happened for a while."""
        self._told[link] = self._index.changes
        self._told_sums[link] = sync.QUIET_SUMS if quiet else sync.BEACON_SUMS
        return self._mine()[quiet]

    def _mine(self) -> tuple[bytes, bytes]:
        if self._digests_of != self._index.changes:
            self._digests_of = self._index.changes
            self._digests = (self._sketch(sync.BEACON_SUMS), self._sketch(sync.QUIET_SUMS))
        return self._digests

    def _sketch(self, count: int) -> bytes:
        sketch = self._index.sketch
        return sync.encode_sketch(self._index.known, sketch.odd, sketch.sums[:count])

    # --- sketches

    def on_beacon(self, neighbour: "Neighbour", digest: bytes, now_ms: int) -> int:
        """Compare a neighbour's digest with mine: one of those above."""
        changed = digest != neighbour.digest
        neighbour.digest = digest
        if digest in self._mine():
            if changed or not neighbour.equal:
                self._index.has_all(neighbour.bit)
            neighbour.equal = True
            neighbour.ask_sums = 0
            self._node.pull.equal(neighbour)
            return EQUAL
        neighbour.equal = False
        if changed:
            self.news()
            neighbour.unclear = -1
        stuck = neighbour.unclear == self._index.changes
        count, odd, sums = sync.decode_sketch(digest)
        verdict = self._compare(neighbour, (count, odd, sums[: sync.BEACON_SUMS]), now_ms)
        return STUCK if stuck and verdict == UNCLEAR else verdict

    def _compare(
        self, neighbour: "Neighbour", theirs: "tuple[int, bytes, Sequence[int]]", now_ms: int
    ) -> int:
        """Decode the difference, or see to it that more is known of it."""
        index = self._index
        count, odd, sums = theirs
        net = count - min(index.known, 0xFFFF)
        odd = bytes([odd[i] ^ index.sketch.odd[i] for i in range(len(odd))])
        mixed = [sums[i] ^ index.sketch.sums[i] for i in range(min(len(sums), SUMS_MAX))]
        found = None
        # Of fewer sums a wrong answer may pass; and what was in vain need not be tried again.
        if len(sums) > sync.BEACON_SUMS or (
            len(sums) == sync.BEACON_SUMS and neighbour.unclear != index.changes
        ):
            found = index.decoder.decode(mixed, odd, net, self._is_mine)
        if found is None:
            neighbour.unclear = index.changes
            self._ask_for_more(neighbour, len(sums), estimate(odd, net), now_ms)
            return UNCLEAR
        neighbour.ask_sums = 0
        index.has_all(neighbour.bit)
        lacked = [index.find(s) for s in found if self._is_mine(s)]
        missing = [s for s in found if self._wanted(s)]
        return self._differ(neighbour, missing, lacked, False, now_ms)

    def _is_mine(self, short: int) -> bool:
        row = self._index.find(short)
        return row >= 0 and self._index.compared(row)

    def _wanted(self, short: int) -> bool:
        """Is it not here, or only on its way through? What is dead here is not wanted back."""
        row = self._index.find(short)
        return row < 0 or self._index.state[row] > DEAD

    def _ask_for_more(
        self, neighbour: "Neighbour", had: int, differences: int, now_ms: int
    ) -> None:
        """Another `had` sums were not enough: ask for more, or list if that is shorter."""
        most = self._index.decoder.most
        sums = min(most, max(sync.BEACON_SUMS, enough(differences, had)))
        if differences > most or had >= most or sums > self._index.known:
            neighbour.ask_sums = 0
            self.list_soon(now_ms)
        elif not neighbour.ask_sums or had > sync.BEACON_SUMS:
            neighbour.ask_sums = sums
            neighbour.ask_ms = now_ms + _ASK_MS + self._random(_ASK_SPREAD_MS)
            self._asking = True

    def on_request(self, neighbour: "Neighbour", body: bytes, now_ms: int) -> None:
        """Somebody wants a longer sketch of one of us."""
        whose, sums = sync.decode_request(body)
        link = neighbour.link
        if whose != self._node.node_id[-1]:
            for n in self._node.neighbours.all:  # the answer will do for me too
                if n.address[-1] == whose and n.link == link:
                    n.expected_ms = now_ms
                    if n.ask_sums <= sums:
                        n.ask_sums = 0
            return
        if now_ms - self._answered_ms[link] < _ANSWER_GAP_MS:
            return  # they all hear the one that is on its way
        self._answered_ms[link] = now_ms
        sums = min(sums, SUMS_MAX)
        told = self._told_sums[link]
        if self._index.changes == self._told[link] and sums > told:
            more = pack(self._index.sketch.sums[told:sums])
            self._queues[link].control(frame.SKETCH_MORE, more)
        else:
            self._queues[link].control(frame.SKETCH, self._sketch(sums))

    def on_sketch(self, neighbour: "Neighbour", body: bytes, now_ms: int) -> None:
        """A longer sketch, complete. DecodeError if garbled."""
        self._longer(neighbour, sync.decode_sketch(body), now_ms)

    def on_sketch_more(self, neighbour: "Neighbour", body: bytes, now_ms: int) -> None:
        """The sums behind those of the neighbour's last beacon. DecodeError if garbled."""
        more = sync.decode_sums(body)
        if neighbour.digest:
            count, odd, sums = sync.decode_sketch(neighbour.digest)
            self._longer(neighbour, (count, odd, sums + more), now_ms)

    def _longer(
        self, neighbour: "Neighbour", theirs: "tuple[int, bytes, Sequence[int]]", now_ms: int
    ) -> None:
        """Decode it, if anybody asked: it costs a relay a tenth of a second."""
        if neighbour.equal or now_ms - neighbour.expected_ms > _EXPECTED_MS:
            return
        neighbour.expected_ms = now_ms - _EXPECTED_MS - 1
        if self._compare(neighbour, theirs, now_ms) == LACKING:
            self._node.greeting.trickle.reset(now_ms)

    # --- what follows from a difference

    def _differ(
        self,
        neighbour: "Neighbour",
        missing: list[int],
        lacked: list[int],
        listed: bool,
        now_ms: int,
    ) -> int:
        """I am missing these short ids; the neighbour lacks these rows. COVERED or LACKING."""
        index, bit = self._index, neighbour.bit
        link = neighbour.link
        now_s = self._node.clock.now_s(now_ms)
        receipts = False
        inconsistent = False
        sendable = 0
        for row in lacked:
            index.cover[row] &= ~bit
            if index.state[row] == RECEIPT:
                if not overage(self._shelf, row, now_s):
                    self._queues[link].parcel(index.short[row])
                    receipts = True
            elif index.sendable(row) and not self._full(neighbour, row):
                if dying(self._shelf, row, now_s, _DYING_S, _DYING_SHARE):
                    continue
                sendable += 1
                inconsistent |= self._node.push.lacks(neighbour, row, now_ms)
        first = receipts and not neighbour.receipts_sent
        neighbour.receipts_sent = receipts
        if first:
            for short in missing:  # much of that may be purged by what I just sent
                self._node.pull.not_missing(short)
            return COVERED
        inconsistent |= self._node.pull.note(missing, bit, listed, now_ms)
        if listed and sendable:
            self._answer(neighbour, lacked, sendable, now_ms)
        return LACKING if inconsistent else COVERED

    def _full(self, neighbour: "Neighbour", row: int) -> bool:
        return bool(neighbour.flags & FULL) and self._index.piece[row] != NO_PIECE

    # --- lists

    def list_soon(self, now_ms: int) -> None:
        """A neighbour's store is far from mine: list what I know soon."""
        if self._list_ms is None:
            soon = now_ms + 10 + self._random(50)
            self._list_ms = max(soon, self._listed_ms + self._gap_ms)

    def on_summary(self, neighbour: "Neighbour", body: bytes, now_ms: int) -> None:
        """Answer with lists of the ranges in which we differ."""
        theirs = sync.decode_summary(body)
        mine = self._index.bucket_sums(sync.BUCKETS, sync.BUCKET_SHIFT)
        lo, frames = 0, 0
        first = self._random(sync.BUCKETS)  # or those at the end would never have their turn
        for i in range(sync.BUCKETS):
            bucket = (first + i) % sync.BUCKETS
            start = bucket << sync.BUCKET_SHIFT
            if not bucket:
                lo = 0
            if mine[bucket] == theirs[bucket] or start < lo:
                continue
            if frames == _LIST_FRAMES_MAX:
                break
            lo = self._send_list(neighbour.link, start)
            frames += 1

    def on_list(self, neighbour: "Neighbour", body: bytes, now_ms: int) -> None:
        """Walk my range beside theirs, and act on what differs."""
        lo, hi, ids = sync.decode_list(body)
        index = self._index
        missing: list[int] = []
        lacked: list[int] = []
        at, count = index.position(lo), len(ids)
        i = 0
        while at < index.size or i < count:
            row = index.row_at(at) if at < index.size else -1
            mine = index.short[row] if row >= 0 else sync.ID_MAX + 1
            if mine > hi and i >= count:
                break
            if i < count and ids[i] < mine:
                missing.append(ids[i])
                i += 1
                continue
            at += 1
            if i < count and ids[i] == mine:
                index.cover[row] |= neighbour.bit
                if self._wanted(mine):
                    missing.append(mine)
                i += 1
            elif len(lacked) < LIST_IDS_MAX and index.sendable(row):
                lacked.append(row)
        self._differ(neighbour, missing, lacked, True, now_ms)

    def _answer(
        self, neighbour: "Neighbour", lacked: list[int], sendable: int, now_ms: int
    ) -> None:
        """Whoever sent the list does not know yet what it lacks: send that, or a list."""
        if sendable <= _FEW:
            self._node.greeting.trickle.reset(now_ms)
        elif now_ms - self._listed_ms >= LIST_GAP_MS // 2:
            self._listed_ms = now_ms
            self._send_list(neighbour.link, self._index.short[lacked[0]])

    def poll(self, now_ms: int) -> int:
        """Send what is due; milliseconds until the next call matters."""
        wait_ms = self._ask(now_ms) if self._asking else IDLE_MS
        if self._list_ms is not None and now_ms >= self._list_ms:
            self._list_ms = None
            self._listed_ms = now_ms
            self._gap_ms = min(2 * self._gap_ms, LIST_GAP_MAX_MS)
            self._send_lists()
        if self._list_ms is not None:
            wait_ms = min(wait_ms, self._list_ms - now_ms)
        return wait_ms

    def _ask(self, now_ms: int) -> int:
        wait_ms = IDLE_MS
        self._asking = False
        for n in self._node.neighbours.all:
            if not n.ask_sums:
                continue
            if n.ask_ms <= now_ms:
                body = sync.encode_request(n.address[-1], n.ask_sums)
                self._queues[n.link].control(frame.SKETCH_REQUEST, body)
                n.ask_sums = 0
                n.expected_ms = now_ms
            else:
                self._asking = True
                wait_ms = min(wait_ms, n.ask_ms - now_ms)
        return wait_ms

    def _send_lists(self) -> None:
        for link in range(len(self._queues)):
            if all([n.equal for n in self._node.neighbours.all if n.fresh and n.link == link]):
                continue
            if self._index.known > _WHOLE_LIST_MAX:
                sums = self._index.bucket_sums(sync.BUCKETS, sync.BUCKET_SHIFT)
                self._queues[link].control(frame.SUMMARY, sync.encode_summary(sums))
                continue
            lo = 0
            while lo <= sync.ID_MAX:
                lo = self._send_list(link, lo)

    def _send_list(self, link: int, lo: int) -> int:
        """Queue the list that begins at lo; where the next one would begin."""
        ids = self._index.ids_from(lo, LIST_IDS_MAX)
        hi = ids[-1] if len(ids) == LIST_IDS_MAX else sync.ID_MAX
        self._queues[link].control(frame.LIST, sync.encode_list(lo, hi, ids))
        return hi + 1
