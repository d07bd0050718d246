"""Pull: ask for what a neighbour is known to have and this node lacks (SPEC.md 7.3).

Pieces are only ever asked for as fast as the forwarding window has room: the receiver sets the
pace. What a push may still bring is not asked for at once.
"""

from shared_protocol import frame, sync
from shared_protocol.limits import IDLE_MS, MISSING_MAX, REFUSED_MAX, WANT_IDS_MAX
from shared_protocol.room import was_displaced

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from shared_protocol.neighbours import Neighbour, Neighbours
    from shared_protocol.outgoing import LinkQueue
    from shared_protocol.shelf import Shelf

_ANSWER_MS = 35  # one wanted parcel on the air, its gap included
_WANT_SLACK_MS = 120
_TRIES_MAX = 3
_WANT_LEAST = 4  # asked for at once even if a window is full: not all of it may be pieces of that
_PUSH_MS, _PUSH_SPREAD_MS = 150, 200  # a push may bring by itself what a beacon showed
_MANY = 4  # so much is not on its way here all at once: it is old news,
_LIST_MS, _LIST_SPREAD_MS = 5, 20  # as is what a list showed
_OVERHEARD_MS, _OVERHEARD_SPREAD_MS = 105, 90  # the answer to another's want serves me too
_GRACE_MS = 300


class Missing:
    """Short ids known to exist elsewhere and not here; bounded, the newest is left out if full."""

    def __init__(self) -> None:
        self.ids: list[int] = []
        self.holders: list[int] = []
        self.tries: list[int] = []
        self.since_ms: list[int] = []

    def note(self, short: int, bit: int, now_ms: int) -> int:
        """The neighbour with this bit has it. Since when it is missing, in ms."""
        if short in self.ids:
            at = self.ids.index(short)
            self.holders[at] |= bit
            return self.since_ms[at]
        if len(self.ids) < MISSING_MAX:
            self.ids.append(short)
            self.holders.append(bit)
            self.tries.append(0)
            self.since_ms.append(now_ms)
        return now_ms

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
        self.since_ms.pop(at)

    def clear(self) -> None:
        """Start again: the next lists tell what is missing."""
        self.ids.clear()
        self.holders.clear()
        self.tries.clear()
        self.since_ms.clear()

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
        self._neighbours = neighbours
        self._queues = queues
        self._random = random_below
        self._missing = Missing()
        self._refused: list[int] = []  # pieces the window had no room for: not asked till it has
        self._want_ms = 0
        self._turn = 0
        self._awaited: list[int] = []

    def note(self, missing: "Sequence[int]", bit: int, listed: bool, now_ms: int) -> bool:
        """The neighbour with this bit has these. True if some should have come by now."""
        overdue = False
        at_once = not self._missing.ids
        # More than there is room for: each time others, or the same would be asked for in vain.
        first = self._random(len(missing)) if len(missing) > MISSING_MAX // 2 else 0
        for i in range(len(missing)):
            short = missing[(first + i) % len(missing)]
            if short not in self._refused and not was_displaced(self._shelf, short):
                since_ms = self._missing.note(short, bit, now_ms)
                overdue |= now_ms - since_ms > _GRACE_MS
        listed |= len(missing) > _MANY
        if self._missing.ids and (at_once or listed):
            wait_ms = _LIST_MS + self._random(_LIST_SPREAD_MS)
            if not listed:
                wait_ms = _PUSH_MS + self._random(_PUSH_SPREAD_MS)
            self._want_ms = now_ms + wait_ms if at_once else min(self._want_ms, now_ms + wait_ms)
        return overdue

    def not_missing(self, short: int) -> None:
        """Do not ask for this."""
        self._missing.found(short)

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

    def room_again(self) -> bool:
        """A window has room again. True if something was refused because it had not."""
        any_refused = bool(self._refused)
        self._refused.clear()
        return any_refused

    def arrived(self, short: int, now_ms: int) -> None:
        """A parcel is known here now."""
        if self._arrived(short) and not self._awaited:
            self._want_ms = min(self._want_ms, now_ms)

    def _arrived(self, short: int) -> bool:
        """True if it was asked for last."""
        self._missing.found(short)
        if short not in self._awaited:
            return False
        self._awaited.remove(short)
        return True

    def overheard(self, ids: "Sequence[int]", now_ms: int) -> None:
        """Another node asks for these: the answer may serve me as well."""
        for short in ids:
            if short in self._missing.ids:
                wait_ms = _OVERHEARD_MS + self._random(_OVERHEARD_SPREAD_MS)
                self._want_ms = max(self._want_ms, now_ms + wait_ms)
                break

    def poll(self, now_ms: int) -> int:
        """Send what is due; milliseconds until the next call matters."""
        if self._missing.ids and now_ms >= self._want_ms:
            self._want(now_ms)
        return max(0, min(IDLE_MS, self._want_ms - now_ms)) if self._missing.ids else IDLE_MS

    def _want(self, now_ms: int) -> None:
        """Ask one neighbour for some of what it has; the next time another one."""
        self._awaited = []
        most = max(_WANT_LEAST, min(WANT_IDS_MAX, self._shelf.groups.least_room()))
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
