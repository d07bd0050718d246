"""Neighbours: who is heard directly now, who has proved to be live, and replay (SPEC.md 7.1).

A recorded frame has a valid MAC for ever. So a neighbour counts only once it is *fresh*: it has
echoed the challenge in my beacons, which no recording can; from then on its send counter may only
rise, within a window for frames that overtake each other.
"""

from shared_protocol.cells import NO_CELL
from shared_protocol.limits import NEIGHBOURS_MAX

AIR, TETHER = 0, 1  # the links of a node

_WINDOW = 30  # counters below the highest that are still told apart; bits of a small int
_LATELY = 0xFFFF  # of those, how many tell how well a neighbour is heard: 16
_WELL, _BADLY = 8, 5  # heard of the last 16: from when on it is heard well, and not any more
GONE_AFTER_MS = 200_000  # three beacon intervals at their longest, and some


class Neighbour:
    """One node heard on one link."""

    def __init__(self, link: int, address: bytes, bit: int, now_ms: int) -> None:
        self.link = link
        self.address = address
        self.bit = bit
        self.heard_ms = now_ms
        self.rssi_dbm = 0
        self.flags = 0
        self.challenge = 0
        self.digest = b""  # of its last beacon
        self.ask_sums = self.ask_ms = 0  # how long a sketch of it I want, and when I ask
        self.expected_ms = -10_000  # when somebody asked it for one
        self.unclear = -1  # index.changes when its digest could not be decoded
        self.receipts_sent = False  # the last time we differed
        self.fresh = False
        self.wants_echo = False  # it has not had mine: list it in my next beacon
        self.equal = False  # its last digest was mine
        self.cover = 0  # mask of my other neighbours that hear it well, from their HELLOs
        self.hears_me = True  # until its HELLO says otherwise
        self.cell = NO_CELL  # where it stands, if it said so
        self._well = True
        self._highest = 0
        self._seen = 0

    def tail(self) -> bytes:
        """The last three bytes of the address, by which frames name a neighbour."""
        return self.address[3:]

    def number(self) -> int:
        """Which bit of a mask it is."""
        number = 0
        while self.bit >> number > 1:
            number += 1
        return number

    def freshen(self, counter: int) -> None:
        """It echoed my challenge in the frame with this counter."""
        if not self.fresh:
            self.fresh = True
            self._highest = counter
            self._seen = (1 << _WINDOW) - 1  # what came before this may be a recording

    def restarted(self) -> None:
        """Its counter has jumped: that is not what the air has lost."""
        self._seen = (1 << _WINDOW) - 1

    def heard_well(self) -> bool:
        """Do at least half of its last 16 frames arrive (with some inertia)?"""
        self._well = self.heard_lately() >= (_BADLY if self._well else _WELL)
        return self._well

    def heard_lately(self) -> int:
        """How many of its last 16 frames have arrived."""
        return bits(self._seen & _LATELY)

    def replayed(self, counter: int) -> bool:
        """Has a frame with this counter been taken, or is it too old to tell? Takes it if not."""
        ahead = counter - self._highest
        if ahead > 0:
            self._seen = (self._seen << ahead if ahead < _WINDOW else 0) & ((1 << _WINDOW) - 1) | 1
            self._highest = counter
            return False
        if ahead <= -_WINDOW or self._seen >> -ahead & 1:
            return True
        self._seen |= 1 << -ahead
        return False


class Neighbours:
    """The table. A full one takes nobody until one lapses: the unproven do in 5 s."""

    def __init__(self) -> None:
        self.all: list[Neighbour] = []
        self.fresh_mask = [0, 0]  # by link, of those fresh now
        self.reached_mask = [0, 0]  # by link, of those fresh now that hear me well

    def find(self, link: int, address: bytes) -> Neighbour | None:
        """The neighbour with this address on this link."""
        for n in self.all:
            if n.address == address and n.link == link:
                return n
        return None

    def add(self, link: int, address: bytes, now_ms: int) -> Neighbour | None:
        """A new neighbour, not fresh yet. None if the table is full of better ones."""
        used = 0
        for n in self.all:
            used |= n.bit
        for i in range(NEIGHBOURS_MAX):
            if not used >> i & 1:
                neighbour = Neighbour(link, address, 1 << i, now_ms)
                self.all.append(neighbour)
                return neighbour
        return None

    def lapsed(self, now_ms: int) -> list[Neighbour]:
        """Remove and return those not heard any more; with a full table also the unproven ones."""
        crowded = len(self.all) >= NEIGHBOURS_MAX
        gone = [
            n
            for n in self.all
            if now_ms - n.heard_ms > GONE_AFTER_MS
            or (crowded and not n.fresh and now_ms - n.heard_ms > 5000)
        ]
        self._remove(gone)
        return gone

    def unlink(self, link: int) -> list[Neighbour]:
        """Remove and return all neighbours of a link that went down."""
        gone = [n for n in self.all if n.link == link]
        self._remove(gone)
        return gone

    def _remove(self, gone: list[Neighbour]) -> None:
        for n in gone:
            self.all.remove(n)
            for other in self.all:
                other.cover &= ~n.bit
        if gone:
            self.refresh_masks()

    def refresh_masks(self) -> None:
        """Recompute the masks: a neighbour came, went, proved itself or said whom it hears."""
        fresh = [0] * len(self.fresh_mask)
        reached = [0] * len(self.fresh_mask)
        for n in self.all:
            if n.fresh:
                fresh[n.link] |= n.bit
                if n.hears_me:
                    reached[n.link] |= n.bit
        self.fresh_mask, self.reached_mask = fresh, reached

    def heard_well(self, link: int) -> int:
        """Mask of the fresh neighbours on a link that are heard well."""
        mask = 0
        for n in self.all:
            if n.link == link and n.fresh and n.heard_well():
                mask |= n.bit
        return mask

    def mask(self) -> int:
        """Bits of all fresh neighbours."""
        together = 0
        for m in self.fresh_mask:
            together |= m
        return together


def bits(mask: int) -> int:
    """How many bits are set."""
    count = 0
    while mask:
        mask &= mask - 1
        count += 1
    return count
