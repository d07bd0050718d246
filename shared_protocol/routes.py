"""Who was heard, how long ago, and where gateways are: what carrying.py decides by.

- Encounter ages: heard shortly ago is probably near (FRESH: Dubois-Ferriere, Grossglauser,
  Vetterli 2003).
- A gradient to each gateway: beats.py.
- The rate of contacts, one's own and that of whom one meets (sociability, as the encounter value
  of EBR, Nelson, Bakht, Kravets 2009).
"""

from shared_protocol.beats import UNIT_S, UNKNOWN, Beats

RATE_MAX = 104  # q(0xFFFF)
CONTACT_GAP_S = 600  # heard again within this time: still the same contact
WINDOW_S = 10_800  # contacts are counted over about so long: 16 decay steps
_STEP_S = WINDOW_S // 16
_HOP_UNITS = 30  # a gateway's age grows by 120 s with each hop
_MASK = 0xFFFF


def q(x: int) -> int:
    """A number from 0 to 65535 as a byte from 0 to 104: eight steps in each octave above 8."""
    v = x + 8
    shift = 0
    while v >> shift > 15:
        shift += 1
    return shift << 3 | v >> shift & 7


class Routes(Beats):
    """The table, and the contact counter."""

    def __init__(self, now_s: int) -> None:
        super().__init__()
        self._since_s = now_s
        self._step_s = now_s
        self.contacts = 0  # 1/16 of a contact, 16 bits
        self.average = 0  # of q(contacts) of those met, 1/256, 16 bits

    def hear(self, node: int, rate: int, now_s: int) -> None:
        """A neighbour (16 bits) is there, and says how sociable it is (`rate`, a byte).

        To be called when a contact starts and every 30 s while it lasts.
        """
        self.tick(now_s)
        at = self._find(node)
        if at < 0 or self._units(at, now_s) * UNIT_S >= CONTACT_GAP_S:
            self.contacts = min(self.contacts + 16, _MASK)
            self.average += ((min(rate, RATE_MAX) << 8) - self.average) >> 4
        if at < 0:
            at = self._new(node, now_s)
        self._heard[at] = now_s // UNIT_S & _MASK
        if self._hops[at]:
            self._hops[at] = 1

    def age(self, node: int, now_s: int) -> int:
        """How long ago a node or gateway was heard, as q() of units of 4 s; UNKNOWN if never."""
        at = self._find(node)
        if at < 0:
            return UNKNOWN
        return q(min(self._units(at, now_s) + self._hops[at] * _HOP_UNITS, _MASK))

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
        super().tick(now_s)
