"""Push: pass news on after a short random wait, unless all here have it by then (DESIGN.md)."""

from shared_protocol.beacon import FULL
from shared_protocol.limits import PENDING_MAX, WINDOW_MAX
from shared_protocol.parcel_index import NO_PIECE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from shared_protocol.neighbours import Neighbours
    from shared_protocol.outgoing import LinkQueue
    from shared_protocol.parcel_index import ParcelIndex

WAIT_MS = 60  # random wait before passing on: who hears the same frame does not answer at once
_COPIES_ENOUGH = 3  # distinct neighbours heard sending it: the rest is left to pull


class Push:
    """The pushing half of a node's gossip."""

    def __init__(
        self,
        index: "ParcelIndex",
        neighbours: "Neighbours",
        queues: "list[LinkQueue]",
        random_below: "Callable[[int], int]",
    ) -> None:
        self._index = index
        self._neighbours = neighbours
        self._queues = queues
        self._random = random_below
        self._pending: list[tuple[int, int]] = []  # (due_ms, short id)

    def add(self, row: int, now_ms: int) -> None:
        """Something new is held here: it wants to be passed on."""
        own = self._index.source[row] == 0xFF
        if own and self._index.piece[row] != NO_PIECE and len(self._pending) >= WINDOW_MAX:
            return  # a relay takes no more than its window; it asks for the rest as it has room
        if len(self._pending) < PENDING_MAX:
            due_ms = now_ms + (0 if own else self._random(WAIT_MS))
            self._pending.append((due_ms, self._index.short[row]))

    def poll(self, now_ms: int) -> int:
        """Queue what is due; milliseconds until the next is."""
        wait_ms = 1000
        later = []
        for due_ms, short in self._pending:
            if due_ms > now_ms:
                wait_ms = min(wait_ms, due_ms - now_ms)
                later.append((due_ms, short))
            else:
                self._offer(short)
        self._pending = later
        return wait_ms

    def _offer(self, short: int) -> None:
        index = self._index
        row = index.find(short)
        if row < 0 or not index.sendable(row):
            return
        cover = index.cover[row]
        for link in range(len(self._queues)):
            near = self._neighbours.fresh_mask[link]
            if _bits(cover & near) >= _COPIES_ENOUGH:
                continue
            if self.lacking(row, link):
                self._queues[link].parcel(short)

    def lacking(self, row: int, link: int) -> int:
        """Mask of the fresh neighbours on a link that may want this entry."""
        mask = self._neighbours.fresh_mask[link] & ~self._index.cover[row]
        if mask and self._index.piece[row] != NO_PIECE:
            for n in self._neighbours.all:
                if n.flags & FULL:
                    mask &= ~n.bit
        return mask


def _bits(mask: int) -> int:
    count = 0
    while mask:
        mask &= mask - 1
        count += 1
    return count
