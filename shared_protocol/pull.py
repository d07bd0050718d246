"""Pull: find what one of two neighbours lacks, and ask for it (SPEC.md 7.2).

Unequal digests in beacons lead to a LIST of what I know (a SUMMARY first, when that is much); who
hears it learns what each lacks, asks for what it wants with a WANT, and sends what is few. Pieces
are only ever asked for as fast as the forwarding window has room: the receiver sets the pace.
"""

from shared_protocol import frame, sync
from shared_protocol.beacon import FULL
from shared_protocol.limits import LIST_IDS_MAX, MISSING_MAX, REFUSED_MAX, WANT_IDS_MAX
from shared_protocol.parcel_index import NO_PIECE, RECEIPT
from shared_protocol.room import was_displaced

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from shared_protocol.neighbours import Neighbour, Neighbours
    from shared_protocol.outgoing import LinkQueue
    from shared_protocol.shelf import Shelf

LIST_GAP_MS = 400  # between two lists of one node while they bring news
LIST_GAP_MAX_MS = 30_000  # while they do not
_LIST_FRAMES_MAX = 4  # lists in answer to one summary: a burst of 10 ms of air
_WHOLE_LIST_MAX = 2 * LIST_IDS_MAX  # up to here lists cost no more than a summary and its answer
_ANSWER_MS = 35  # one wanted parcel on the air, its gap included
_WANT_SLACK_MS = 120
_TRIES_MAX = 3
_FEW = 4  # parcels sent at once to a neighbour that lacks them, without being asked


class Missing:
    """Short ids known to exist elsewhere and not here; bounded, the newest is left out if full."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.holders: list[int] = []
        self.tries: list[int] = []

    def note(self, short: int, bit: int) -> None:
        """The neighbour with this bit has it."""
        if short in self.ids:
            self.holders[self.ids.index(short)] |= bit
        elif len(self.ids) < MISSING_MAX:
            self.ids.append(short)
            self.holders.append(bit)
            self.tries.append(0)

    def found(self, short: int) -> bool:
        """It is here now, or not wanted any more. True if it was missing."""
        if short not in self.ids:
            return False
        self._forget(self.ids.index(short))
        return True

    def _forget(self, at: int) -> None:
        self.ids.pop(at)
        self.holders.pop(at)
        self.tries.pop(at)

    def clear(self) -> None:
        """Start again: the next lists tell what is missing."""
        self.ids.clear()
        self.holders.clear()
        self.tries.clear()

    def not_there(self, bit: int) -> None:
        """The neighbour with this bit knows no more than we do."""
        for at in range(len(self.ids) - 1, -1, -1):
            self.holders[at] &= ~bit
            if not self.holders[at]:
                self._forget(at)

    def asked(self, ids: list[int]) -> None:
        """These were asked for; after three times unanswered only a new list revives them."""
        for short in ids:
            at = self.ids.index(short)
            self.tries[at] += 1
            if self.tries[at] >= _TRIES_MAX:
                self._forget(at)

    def of(self, bit: int, but: list[int], most: int) -> list[int]:
        """Up to `most` missing ids that the neighbour with this bit has, `but` not these."""
        found: list[int] = []
        for at in range(len(self.ids)):
            if self.holders[at] & bit and self.ids[at] not in but:
                found.append(self.ids[at])
                if len(found) == most:
                    break
        return found


class Pull:
    """The pulling half of a node's gossip."""

    def __init__(
        self,
        shelf: "Shelf",
        neighbours: "Neighbours",
        queues: "list[LinkQueue]",
        random_below: "Callable[[int], int]",
    ) -> None:
        self._shelf = shelf
        self._index = shelf.index
        self._neighbours = neighbours
        self._queues = queues
        self._random = random_below
        self._missing = Missing()
        self._refused: list[int] = []  # pieces the window had no room for: not asked till it has
        self._list_ms: int | None = None
        self._listed_ms = -LIST_GAP_MAX_MS
        self._gap_ms = LIST_GAP_MS
        self._want_ms = 0
        self._turn = 0
        self._awaited: list[int] = []

    def news(self, now_ms: int) -> None:
        """Something changed here or at a neighbour: lists are worth their air again."""
        self._gap_ms = LIST_GAP_MS

    def mismatch(self, now_ms: int) -> None:
        """A neighbour's digest differs: list what I know soon."""
        if self._list_ms is None:
            soon = now_ms + 10 + self._random(50)
            self._list_ms = max(soon, self._listed_ms + self._gap_ms)

    def equal(self, neighbour: "Neighbour") -> None:
        """The neighbour's digest is ours: it has nothing for us."""
        self._missing.not_there(neighbour.bit)

    def gone(self, bit: int) -> None:
        """A neighbour is not heard any more; its bit may be given to another."""
        self._missing.not_there(bit)

    def refused(self, short: int) -> None:
        """A piece found the window full."""
        self._arrived(short)
        if short not in self._refused:
            if len(self._refused) >= REFUSED_MAX:
                self._refused.pop(0)
            self._refused.append(short)

    def room_again(self, now_ms: int) -> None:
        """A window has room again."""
        if self._refused:
            self._refused.clear()
            self.mismatch(now_ms)

    def arrived(self, short: int, now_ms: int) -> None:
        """A parcel is known here now."""
        self._arrived(short)
        if not self._awaited:
            self._want_ms = min(self._want_ms, now_ms)

    def _arrived(self, short: int) -> None:
        self._missing.found(short)
        if short in self._awaited:
            self._awaited.remove(short)

    # --- what neighbours say

    def on_summary(self, neighbour: "Neighbour", body: bytes, now_ms: int) -> None:
        """Answer with lists of the ranges in which we differ."""
        theirs = sync.decode_summary(body)
        mine = self._index.bucket_sums(sync.BUCKETS, sync.BUCKET_SHIFT)
        lo, frames = 0, 0
        for bucket in range(sync.BUCKETS):
            start = bucket << sync.BUCKET_SHIFT
            if mine[bucket] == theirs[bucket] or start < lo:
                continue
            if frames == _LIST_FRAMES_MAX:
                break
            lo = self._send_list(neighbour.link, start)
            frames += 1

    def on_list(self, neighbour: "Neighbour", body: bytes, now_ms: int) -> None:
        """Note what I lack and what the neighbour lacks, and act on both."""
        lo, hi, ids = sync.decode_list(body)
        lacking = self._compare(neighbour, lo, hi, ids)
        link = neighbour.link
        index = self._index
        receipts = [s for s in lacking if index.state[index.find(s)] == RECEIPT]
        for short in receipts:
            self._queues[link].parcel(short)
        if receipts:
            self._forget_missing(ids)  # much of that may be purged by what I just sent
        elif len(lacking) <= _FEW:
            for short in lacking:
                self._queues[link].parcel(short)
        elif now_ms - self._listed_ms >= LIST_GAP_MS // 2:
            self._listed_ms = now_ms
            self._send_list(link, lo)
        self._want_ms = min(self._want_ms, now_ms + 5 + self._random(20))

    def _compare(
        self, neighbour: "Neighbour", lo: int, hi: int, ids: tuple[int, ...]
    ) -> list[int]:
        """Walk my range beside theirs: note what I lack, return what they lack and I hold."""
        index, bit, full = self._index, neighbour.bit, neighbour.flags & FULL
        lacking: list[int] = []
        at, count = index.position(lo), len(ids)
        i = 0
        while at < index.size or i < count:
            row = index.row_at(at) if at < index.size else -1
            mine = index.short[row] if row >= 0 else sync.ID_MAX + 1
            if mine > hi and i >= count:
                break
            if i < count and ids[i] < mine:
                if ids[i] not in self._refused and not was_displaced(self._shelf, ids[i]):
                    self._missing.note(ids[i], bit)
                i += 1
            elif i < count and ids[i] == mine:
                index.cover[row] |= bit
                i += 1
                at += 1
            else:
                at += 1
                if index.sendable(row) and not (full and index.piece[row] != NO_PIECE):
                    index.cover[row] &= ~bit
                    # More than a few bring a list instead, except receipts: those go at once.
                    if len(lacking) <= _FEW or index.state[row] == RECEIPT:
                        lacking.append(mine)
        return lacking

    def _forget_missing(self, ids: tuple[int, ...]) -> None:
        for short in ids:
            self._missing.found(short)

    def on_want(self, neighbour: "Neighbour", ids: tuple[int, ...]) -> None:
        """Send what is asked of me, if I hold it."""
        index = self._index
        for short in ids:
            row = index.find(short)
            if row >= 0 and index.sendable(row):
                index.cover[row] &= ~neighbour.bit
                self._queues[neighbour.link].parcel(short)

    # --- what I say

    def poll(self, now_ms: int) -> int:
        """Send what is due; milliseconds until the next call matters."""
        if self._list_ms is not None and now_ms >= self._list_ms:
            self._list_ms = None
            self._listed_ms = now_ms
            self._gap_ms = min(2 * self._gap_ms, LIST_GAP_MAX_MS)
            self._send_lists()
        if self._missing.ids and now_ms >= self._want_ms:
            self._want(now_ms)
        wait_ms = 1000
        if self._list_ms is not None:
            wait_ms = min(wait_ms, self._list_ms - now_ms)
        if self._missing.ids:
            wait_ms = min(wait_ms, self._want_ms - now_ms)
        return max(0, wait_ms)

    def _send_lists(self) -> None:
        for link in range(len(self._queues)):
            if all([n.equal for n in self._neighbours.all if n.fresh and n.link == link]):
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

    def _want(self, now_ms: int) -> None:
        """Ask one neighbour for some of what it has; the next time another one."""
        self._awaited = []
        most = max(_FEW, min(WANT_IDS_MAX, self._shelf.groups.least_room()))
        fresh = [n for n in self._neighbours.all if n.fresh]
        for i in range(len(fresh)):
            n = fresh[(i + self._turn) % len(fresh)]
            ids = self._missing.of(n.bit, self._refused, most)
            if ids:
                self._turn += i + 1
                self._awaited = ids
                self._missing.asked(ids)
                self._queues[n.link].control(frame.WANT, sync.encode_want(n.tail(), ids))
                break
        else:
            self._missing.clear()  # their holders are gone, or the window has no room
        pause_ms = _WANT_SLACK_MS + _ANSWER_MS * len(self._awaited)
        self._want_ms = now_ms + pause_ms + self._random(pause_ms // 4)
