"""Beats: how many hops away gateways are, by numbered beats that spread from them.

Sequence numbers as DSDV (Perkins, Bhagwat 1994); distances fall towards the root as the ranks of
RFC 6550. A hint, nothing more: who knows the network key can claim any of it.

Times are seconds of the node's own clock. Entries of 7 B, in arrays that never grow.
"""

from array import array

ENTRIES_MAX = 64
GATEWAYS_MAX = 16  # of the entries, so that made-up gateways cannot drive out who was heard
UNKNOWN = 255  # a distance that nobody knows
BEAT_S = 120  # between two beats of a gateway
LIVE_S = 3 * BEAT_S  # a gradient is believed so long after its last beat
SETTLED_S = (
    BEAT_S * 5 // 4
)  # so long a new beat by a longer way waits for the one by the usual way
FORGET_S = 16 * LIVE_S  # so long no older beat is believed either
UNIT_S = 4
HOPS_MAX = 63
_STALE = 0xC000  # units, 54 h: forgotten before 16 bits of units come round
_MASK = 0xFFFF


class Beats:
    """A table of nodes (16 bits each), with what was heard of those that are gateways. `now_s`
    never goes back. More of the same table is in routes.py."""

    def __init__(self, entries: int = ENTRIES_MAX) -> None:
        self._node = array("H", bytes(2 * entries))
        self._heard = array("H", bytes(2 * entries))  # units of 4 s, modulo 2^16
        self._beat = array("H", bytes(2 * entries))
        self._hops = bytearray(entries)  # to a gateway; 0: not known to be one
        self.size = 0

    def beat(self, gateway: int, number: int, hops: int, now_s: int, others: bool = True) -> bool:
        """A neighbour has heard beat `number` (16 bits) of a gateway, `hops` away from it.
        others: there are other neighbours by whom the gateway is as near as was known.

        True if that is news to be passed on, with the hops of distance(). Beats that could not
        have happened yet are not believed: else one lie would outrank the truth for weeks.
        """
        hops = min(hops + 1, HOPS_MAX)
        at = self._find(gateway)
        if at >= 0 and self._hops[at]:
            silent_s = self._units(at, now_s) * UNIT_S
            ahead = number - self._beat[at] & _MASK
            if silent_s < FORGET_S:
                if ahead > silent_s // BEAT_S + 2:
                    return False
                if not ahead and (silent_s >= LIVE_S or hops >= self._hops[at]):
                    return False  # else a dead gateway's last beat would go round for ever
                if others and silent_s < SETTLED_S and hops > self._hops[at]:
                    return False  # beats race, and distances must not swing with each of them
        elif self._gateways() >= GATEWAYS_MAX and not self._forget_one(now_s):
            return False
        if at < 0:
            at = self._new(gateway, now_s)
        self._beat[at] = number & _MASK
        self._hops[at] = hops
        self._heard[at] = now_s // UNIT_S & _MASK
        return True

    def distance(self, gateway: int, now_s: int) -> int:
        """Hops to a gateway by a gradient that is live; UNKNOWN if there is none."""
        at = self._find(gateway)
        if at < 0 or not self._hops[at] or self._units(at, now_s) * UNIT_S >= LIVE_S:
            return UNKNOWN
        return self._hops[at]

    def live(self, now_s: int) -> list[tuple[int, int, int]]:
        """(gateway, number of its last beat, hops) of each whose gradient is live."""
        found = []
        for at in range(self.size):
            if self._hops[at] and self._units(at, now_s) * UNIT_S < LIVE_S:
                found.append((self._node[at], self._beat[at], self._hops[at]))
        return found

    def tick(self, now_s: int) -> None:
        """Forget who was heard long ago. At least once a day."""
        for at in range(self.size - 1, -1, -1):
            if self._units(at, now_s) >= _STALE:
                self._remove(at)

    def _forget_one(self, now_s: int) -> bool:
        """Make room for a gateway: is there one that has been silent for long?"""
        oldest = -1
        for at in range(self.size):
            if self._hops[at] and self._units(at, now_s) * UNIT_S >= FORGET_S:
                if oldest < 0 or self._units(at, now_s) > self._units(oldest, now_s):
                    oldest = at
        if oldest >= 0:
            self._remove(oldest)
        return oldest >= 0

    def _find(self, node: int) -> int:
        for at in range(self.size):
            if self._node[at] == node:
                return at
        return -1

    def _units(self, at: int, now_s: int) -> int:
        return now_s // UNIT_S - self._heard[at] & _MASK

    def _gateways(self) -> int:
        count = 0
        for at in range(self.size):
            if self._hops[at]:
                count += 1
        return count

    def _new(self, node: int, now_s: int) -> int:
        """A row for a node that has none; in a full table who was heard longest ago gives way."""
        if self.size == len(self._hops):
            oldest = 0
            for at in range(1, self.size):
                if self._units(at, now_s) > self._units(oldest, now_s):
                    oldest = at
            self._remove(oldest)
        at = self.size
        self.size += 1
        self._node[at] = node
        self._hops[at] = 0
        return at

    def _remove(self, at: int) -> None:
        last = self.size - 1
        self._node[at] = self._node[last]
        self._heard[at] = self._heard[last]
        self._beat[at] = self._beat[last]
        self._hops[at] = self._hops[last]
        self.size = last
