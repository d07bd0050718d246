"""Push: pass news on, unless those who have it reach everybody here (docs/GOSSIP.md).

Whoever hears a parcel waits, the shorter the more of its neighbours are still without it, and
sends it only if that is more than half of them; the rest is left to pull. Whom others' copies
reached is known from the cover (cover.py); beacons and wants correct it. After Lim and Kim's
neighbour elimination (2001) and Peng and Lu's scalable broadcast (2000).
"""

from array import array

from shared_protocol.beacon import FULL
from shared_protocol.lifetime import SOS
from shared_protocol.limits import IDLE_MS, RECENT_MAX, WINDOW_MAX
from shared_protocol.neighbours import bits
from shared_protocol.parcel_index import NO_PIECE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from shared_protocol.neighbours import Neighbour, Neighbours
    from shared_protocol.outgoing import LinkQueue
    from shared_protocol.parcel_index import ParcelIndex

_AIR, _TETHER = 0, 1  # links; a tether reaches one node, a transmission on the air many
WAIT_MS = 450  # divided by 1 + 2 x those uncovered: 150 ms for one, 21 for ten
JITTER_MS = 20
PACE_MS = 50  # between messages that enter the air here: each shall get away before the next
GRACE_MS = 300  # what a neighbour lacks this long after the last copy, that copy did not bring
OWED_MS = 30_000  # so long a node that left somebody uncovered answers for it by beacons
_IDLE, _PENDING, _QUEUED = 0, 1, 2
_CLOCK, _HALF = 0x3FFFFFFF, 0x20000000  # times are kept modulo 12 days: small ints on a relay


class Push:
    """The pushing half of a node's gossip: remembers the last RECENT_MAX parcels."""

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
        zeros = bytes(4 * RECENT_MAX)
        self._short = array("I", zeros)
        self._covered = array("I", zeros)  # mask of those a copy should have reached
        self._due_ms = array("I", zeros)
        self._since_ms = array("I", zeros)
        self._acted_ms = array("I", zeros)  # when a copy was last on the air here
        self._state = bytearray(RECENT_MAX)
        self._next = 0
        self._used = 0
        self._paced_ms = 0

    # --- what is heard

    def add(self, row: int, sender: "Neighbour | None", now_ms: int) -> None:
        """Something new is held here: it wants to be passed on. sender None: it is our own."""
        index = self._index
        short = index.short[row]
        if sender is None and index.piece[row] != NO_PIECE and self._pending() >= WINDOW_MAX:
            return  # a relay takes no more than its window; it asks for the rest as it has room
        if self._neighbours.fresh_mask[_TETHER] & ~index.cover[row]:
            self._queues[_TETHER].parcel(short)
        at = self._find(short)
        if at < 0:
            at = self._place()
        if at < 0:
            return  # all are waiting for their moment: this one is left to pull
        self._short[at] = short
        self._covered[at] = 0 if sender is None else sender.cover | sender.bit
        self._since_ms[at] = self._acted_ms[at] = now_ms & _CLOCK
        if sender is not None and sender.link == _AIR:
            due_ms = now_ms + self._wait_ms(self._uncovered(at, row), sender.cover)
        elif index.piece[row] == NO_PIECE:
            due_ms = max(now_ms, self._paced_ms)
            self._paced_ms = due_ms + PACE_MS
        else:
            due_ms = now_ms
        self._due_ms[at] = due_ms & _CLOCK
        self._state[at] = _PENDING

    def heard(self, sender: "Neighbour", row: int, now_ms: int) -> None:
        """A neighbour sent something known here: it reached others too."""
        at = self._find(self._index.short[row])
        if at < 0:
            return
        self._covered[at] |= sender.cover | sender.bit
        self._acted_ms[at] = now_ms & _CLOCK
        if self._state[at] == _PENDING:
            wait_ms = self._wait_ms(self._uncovered(at, row), sender.cover)
            if wait_ms > self._left_ms(at, now_ms):  # put it off, never hurry
                self._due_ms[at] = now_ms + wait_ms & _CLOCK

    def lacks(self, neighbour: "Neighbour", row: int, now_ms: int) -> bool:
        """A neighbour turns out not to have this. True unless a copy may be on its way."""
        self._index.cover[row] &= ~neighbour.bit
        at = self._find(self._index.short[row])
        if at < 0:
            return True
        self._covered[at] &= ~neighbour.bit
        if self._state[at] == _PENDING:
            wait_ms = self._wait_ms(self._uncovered(at, row), neighbour.cover)
            if wait_ms < self._left_ms(at, now_ms):
                self._due_ms[at] = now_ms + wait_ms & _CLOCK
        silent_ms = now_ms - self._acted_ms[at] & _CLOCK
        return self._state[at] == _IDLE and silent_ms > GRACE_MS

    def asked(self, short: int) -> None:
        """It is no push any more: somebody wants it in any case, or it was not sent after all."""
        at = self._find(short)
        if at >= 0:
            self._state[at] = _IDLE

    def gone(self, bits_gone: int) -> None:
        """Neighbours are not heard any more; their bits may be given to others."""
        for at in range(self._used):
            self._covered[at] &= ~bits_gone

    def link_down(self) -> None:
        """The air link has forgotten what was queued."""
        for at in range(self._used):
            if self._state[at] == _QUEUED:
                self._state[at] = _IDLE

    # --- what is sent

    def poll(self, now_ms: int) -> int:
        """Queue what is due; milliseconds until the next is."""
        wait_ms = IDLE_MS
        for at in range(self._used):
            if self._state[at] != _PENDING:
                continue
            left_ms = self._left_ms(at, now_ms)
            if left_ms > 0:
                wait_ms = min(wait_ms, left_ms)
                continue
            self._state[at] = _IDLE
            short = self._short[at]
            row = self._index.find(short)
            if row >= 0 and self._index.sendable(row) and self._worth(at, row):
                if self._queues[_AIR].parcel(short):
                    self._state[at] = _QUEUED
        return wait_ms

    def granted(self, short: int, row: int, now_ms: int) -> bool:
        """The channel is ours: is it still worth sending?"""
        at = self._find(short)
        if at < 0:
            return True
        pushed = self._state[at] == _QUEUED
        self._state[at] = _IDLE
        if pushed and not self._worth(at, row):
            return False
        self._acted_ms[at] = now_ms & _CLOCK
        return True

    def owed(self, now_ms: int) -> bool:
        """Has lately nobody else's copy reached somebody, who has not shown that mine did?"""
        for at in range(self._used):
            if now_ms - self._since_ms[at] & _CLOCK < OWED_MS:
                row = self._index.find(self._short[at])
                if row >= 0 and self._index.sendable(row) and self._uncovered(at, row):
                    return True
        return False

    # --- how it is decided

    def _worth(self, at: int, row: int) -> bool:
        uncovered = bits(self._uncovered(at, row))
        if self._index.source[row] == 0xFF or self._index.code[row] >> 2 & 3 == SOS:
            return uncovered > 0
        degree = bits(self._neighbours.reached_mask[_AIR])
        return uncovered > 0 and 2 * uncovered > degree - 2

    def _uncovered(self, at: int, row: int) -> int:
        """Mask of those on the air that no copy should have reached, and that would take one."""
        mask = self._neighbours.reached_mask[_AIR] & ~(self._covered[at] | self._index.cover[row])
        if mask and self._index.piece[row] != NO_PIECE:
            for n in self._neighbours.all:
                if n.flags & FULL:
                    mask &= ~n.bit
        return mask

    def _wait_ms(self, uncovered: int, heard_it: int) -> int:
        """Who reaches most goes first. If nobody who heard it too reaches any of mine: at once."""
        wait_ms = 0
        for n in self._neighbours.all:
            if n.bit & heard_it and n.cover & uncovered:
                wait_ms = WAIT_MS // (1 + 2 * max(1, bits(uncovered)))
                break
        return wait_ms + self._random(wait_ms // 10 + 1) + self._random(JITTER_MS)

    def _left_ms(self, at: int, now_ms: int) -> int:
        """Until its moment; 0 or less when that has come."""
        return (self._due_ms[at] - now_ms + _HALF & _CLOCK) - _HALF

    def _find(self, short: int) -> int:
        for at in range(self._used):
            if self._short[at] == short:
                return at
        return -1

    def _pending(self) -> int:
        count = 0
        for at in range(self._used):
            count += self._state[at] == _PENDING
        return count

    def _place(self) -> int:
        """The oldest place that waits for nothing, -1 if there is none."""
        for i in range(RECENT_MAX):
            at = (self._next + i) % RECENT_MAX
            if self._state[at] != _PENDING:
                self._next = (at + 1) % RECENT_MAX
                self._used = max(self._used, at + 1)
                return at
        return -1
