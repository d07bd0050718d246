"""The forwarding window: who looks after a piece now (SPEC.md 10.2).

A piece outside a relay's own slots leaves its window only when a node farther from the origin has
said, by a HAVE or by passing it on, that it took it, and the other neighbours have it too (or had
time to ask). A neighbour's mere list is no proof: two siblings that heard the same frame would
rely on each other.
"""

from shared_protocol import frame, sync
from shared_protocol.limits import HAVE_IDS_MAX, IDLE_MS
from shared_protocol.parcel_index import FARTHER, NOBODY, ROUTED, WINDOW

TYPE_CHECKING = False
if TYPE_CHECKING:
    from shared_protocol.neighbours import Neighbour, Neighbours
    from shared_protocol.outgoing import LinkQueue
    from shared_protocol.shelf import Shelf

HAVE_WAIT_MS = 150  # gather this long what is acknowledged in one frame
_HAVE_AT_ONCE = 8  # or until so many are together: half a window
LINGER_S = 8  # a piece stays this long for neighbours that have not got it from anybody yet
_ASK_AGAIN_S = 4  # between two repetitions towards neighbours that have it and did not say so
_ASK_AGAIN_MOST = 4


class Custody:
    """Sends and understands HAVE frames, and empties the window."""

    def __init__(
        self, shelf: "Shelf", neighbours: "Neighbours", queues: "list[LinkQueue]"
    ) -> None:
        self._shelf = shelf
        self._index = shelf.index
        self._neighbours = neighbours
        self._queues = queues
        self._have: list[dict[int, int]] = [{} for _ in queues]
        self._have_ms: int | None = None
        self._asked_s = 0

    def took(self, link: int, row: int, now_ms: int, at_once: bool = False) -> None:
        """A piece came over this link and is kept (or was before): say so soon, or at once."""
        have = self._have[link]
        if len(have) < HAVE_IDS_MAX:
            have[self._index.short[row]] = self._index.hops[row]
        if self._have_ms is None:
            self._have_ms = now_ms + HAVE_WAIT_MS
        if at_once or len(have) >= _HAVE_AT_ONCE:
            self._have_ms = now_ms

    def poll(self, now_ms: int) -> int:
        """Queue the HAVE frames that are due; milliseconds until the next are."""
        if self._have_ms is None:
            return IDLE_MS
        if now_ms < self._have_ms:
            return self._have_ms - now_ms
        self._have_ms = None
        for link in range(len(self._queues)):
            if self._have[link]:
                body = sync.encode_have(sorted(self._have[link].items()))
                self._queues[link].control(frame.HAVE, body)
                self._have[link].clear()
        return IDLE_MS

    def on_have(self, neighbour: "Neighbour", body: bytes, now_s: int) -> bool:
        """A neighbour looks after these now. True if the window has room again."""
        freed = False
        for short, hops in sync.decode_have(body):
            row = self._index.find(short)
            if row >= 0:
                freed |= self.heard(neighbour, row, hops, now_s)
        return freed

    def heard(self, neighbour: "Neighbour", row: int, hops: int, now_s: int) -> bool:
        """A neighbour holds or passes on this entry, at so many hops. True if a place is free."""
        index = self._index
        index.cover[row] |= neighbour.bit
        if index.state[row] >= ROUTED:  # of its own way the later step counts (unicast.py)
            index.hops[row] = max(index.hops[row], hops)
        if index.state[row] != WINDOW:
            return False
        if hops > index.hops[row]:
            self._shelf.mark_farther(row)
        return self._leave(row, now_s)

    def _leave(self, row: int, now_s: int) -> bool:
        index = self._index
        if not index.code[row] & FARTHER:
            return False
        all_have = not self._neighbours.mask() & ~index.cover[row]
        if all_have or now_s - index.first_s[row] >= LINGER_S:
            self._shelf.drop(row)
            return True
        return False

    def tidy(self, now_s: int) -> bool:
        """Once a second: what has lingered leaves; doubtful custody is asked about again."""
        index = self._index
        window = [row for row in index.rows() if index.state[row] == WINDOW]
        freed = False
        doubtful = 0
        for row in window:
            if self._leave(row, now_s):
                freed = True
                continue
            if now_s - self._asked_s < _ASK_AGAIN_S or doubtful >= _ASK_AGAIN_MOST:
                continue
            others = index.cover[row] & self._neighbours.mask()
            if index.source[row] != NOBODY:
                others &= ~(1 << index.source[row])
            if others and now_s - index.first_s[row] >= 2:
                doubtful += 1
                for link in range(len(self._queues)):
                    if others & self._neighbours.fresh_mask[link]:
                        self._queues[link].parcel(index.short[row])
        if doubtful:
            self._asked_s = now_s
        return freed
