"""Who was heard, how long ago, and where gateways are: what carrying.py decides by.

- Encounter ages: heard shortly ago is probably near (FRESH: Dubois-Ferriere, Grossglauser,
  Vetterli 2003).
- A gradient to each gateway: hops away, from numbered beats that spread from it (sequence numbers
  as DSDV, Perkins, Bhagwat 1994; ranks fall towards the root as in RFC 6550). A hint, nothing
  more: who knows the network key can claim any of it.
- The rate of contacts, one's own and that of whom one meets (sociability, as the encounter value
  of EBR, Nelson, Bakht, Kravets 2009).

Times are seconds of the node's own clock. At most 64 entries of 7 B in arrays that never grow.
"""

from array import array

ENTRIES_MAX = 64
GATEWAYS_MAX = 16  # of the entries, so that made-up gateways cannot drive out who was heard
UNKNOWN = 255  # an age or a distance that nobody knows
RATE_MAX = 104  # q(0xFFFF)
BEAT_S = 120  # between two beats of a gateway
LIVE_S = 3 * BEAT_S  # a gradient is believed so long after its last beat
CONTACT_GAP_S = 600  # heard again within this time: still the same contact
WINDOW_S = 10_800  # contacts are counted over about so long: 16 decay steps
_STEP_S = WINDOW_S // 16
_UNIT_S = 4
_STALE = 0xC000  # units, 54 h: forgotten before 16 bits of units come round
_HOP_UNITS = 30  # a gateway's age grows by 120 s with each hop
_HOPS_MAX = 63
_MASK = 0xFFFF


def q(x: int) -> int:
    """A number from 0 to 65535 as a byte from 0 to 104: eight steps in each octave above 8."""
    v = x + 8
    shift = 0
    while v >> shift > 15:
        shift += 1
    return shift << 3 | v >> shift & 7


class Routes:
    """The table, and the contact counter. `now_s` never goes back."""

    def __init__(self, now_s: int) -> None:
        self._since_s = now_s
        self._step_s = now_s
        self._node = array("H", bytes(2 * ENTRIES_MAX))
        self._heard = array("H", bytes(2 * ENTRIES_MAX))  # units of 4 s, modulo 2^16
        self._beat = array("H", bytes(2 * ENTRIES_MAX))
        self._hops = bytearray(ENTRIES_MAX)  # to a gateway; 0: not known to be one
        self.size = 0
        self.contacts = 0  # 1/16 of a contact, 16 bits
        self.average = 0  # of q(contacts) of those met, 1/256, 16 bits

    def hear(self, node: int, rate: int, now_s: int) -> None:
        """A neighbour (16 bits) is there, and says how sociable it is (`rate`, a byte).

        To be called when a contact starts and every 30 s while it lasts.
        """
        self.tick(now_s)
        at = self._find(node)
        if at < 0 or self._units(at, now_s) * _UNIT_S >= CONTACT_GAP_S:
            self.contacts = min(self.contacts + 16, _MASK)
            self.average += ((min(rate, RATE_MAX) << 8) - self.average) >> 4
        if at < 0:
            at = self._new(node, now_s)
        self._heard[at] = now_s // _UNIT_S & _MASK
        if self._hops[at]:
            self._hops[at] = 1

    def beat(self, gateway: int, number: int, hops: int, now_s: int) -> bool:
        """A neighbour has heard beat `number` (16 bits) of a gateway, `hops` away from it.

        True if that is news to be passed on, with the hops of distance(). Beats that could not
        have happened yet are not believed: else one lie would outrank the truth for weeks.
        """
        self.tick(now_s)
        hops = min(hops + 1, _HOPS_MAX)
        at = self._find(gateway)
        if at >= 0 and self._hops[at]:
            silent_s = self._units(at, now_s) * _UNIT_S
            ahead = number - self._beat[at] & _MASK
            if silent_s < LIVE_S:
                if ahead > silent_s // BEAT_S + 2 or (not ahead and hops >= self._hops[at]):
                    return False
        elif self._gateways() >= GATEWAYS_MAX:
            return False
        if at < 0:
            at = self._new(gateway, now_s)
        self._beat[at] = number & _MASK
        self._hops[at] = hops
        self._heard[at] = now_s // _UNIT_S & _MASK
        return True

    def age(self, node: int, now_s: int) -> int:
        """How long ago a node or gateway was heard, as q() of units of 4 s; UNKNOWN if never."""
        at = self._find(node)
        if at < 0:
            return UNKNOWN
        return q(min(self._units(at, now_s) + self._hops[at] * _HOP_UNITS, _MASK))

    def distance(self, gateway: int, now_s: int) -> int:
        """Hops to a gateway by a gradient that is live; UNKNOWN if there is none."""
        at = self._find(gateway)
        if at < 0 or not self._hops[at] or self._units(at, now_s) * _UNIT_S >= LIVE_S:
            return UNKNOWN
        return self._hops[at]

    def rate(self) -> int:
        """How sociable this node is: a byte for its hello."""
        return q(self.contacts)

    def sociable(self, rate: int, lifetime_s: int, few: int, now_s: int) -> bool:
        """Does a node with this rate meet as many as the average of those met here? Or does this
        node expect so few contacts in the lifetime that it cannot choose?"""
        return (
            min(rate, RATE_MAX) + 1 >= self.average >> 8 or self.expected(lifetime_s, now_s) < few
        )

    def uptime_s(self, now_s: int) -> int:
        """Seconds since the table was made."""
        return now_s - self._since_s

    def expected(self, lifetime_s: int, now_s: int) -> int:
        """How many contacts this node will have in `lifetime_s`, if it goes on as before."""
        minutes = min(self.uptime_s(now_s) + 600, WINDOW_S) // 60
        return (self.contacts >> 4) * (lifetime_s // 60) // minutes

    def tick(self, now_s: int) -> None:
        """Let the counter decay and forget who was heard long ago. At least once a day."""
        while now_s - self._step_s >= _STEP_S:
            self._step_s += _STEP_S
            self.contacts -= (self.contacts + 15) >> 4
        for at in range(self.size - 1, -1, -1):
            if self._units(at, now_s) >= _STALE:
                self._remove(at)

    def _find(self, node: int) -> int:
        for at in range(self.size):
            if self._node[at] == node:
                return at
        return -1

    def _units(self, at: int, now_s: int) -> int:
        return now_s // _UNIT_S - self._heard[at] & _MASK

    def _gateways(self) -> int:
        count = 0
        for at in range(self.size):
            if self._hops[at]:
                count += 1
        return count

    def _new(self, node: int, now_s: int) -> int:
        """A row for a node that has none; in a full table who was heard longest ago gives way."""
        if self.size == ENTRIES_MAX:
            oldest = 0
            for at in range(1, ENTRIES_MAX):
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
