"""Gradients: how many hops every node is from each gateway (SPEC.md 7.4).

A gateway numbers a beat every two minutes of its own clock; whoever hears it in the beacon of a
neighbour with whom it gets on well both ways is one hop farther, two if about half of that
neighbour's frames are lost, and says so in its own beacons.
"""

from shared_protocol.beats import BEAT_S, GATEWAYS_MAX, UNKNOWN, Beats
from shared_protocol.limits import GATEWAYS_REPEATED, GATEWAYS_TOLD_MAX

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from shared_protocol.neighbours import Neighbour

_AIR = 0
_POOR = 9  # heard of the last 16: with fewer a hop counts twice


class Gradients:
    """What a node knows of gateways, and tells of them."""

    def __init__(self, node_id: bytes, is_gateway: bool) -> None:
        self._me = int.from_bytes(node_id[-2:], "big")
        self._is_gateway = is_gateway
        self.beats = Beats(GATEWAYS_MAX)
        self.untold: list[int] = []  # gateways with a beat that no beacon of mine has told yet
        self._turn = [0, 0]  # by link
        self._nearer: dict[int, int] = {}  # by gateway, mask of the neighbours nearer to it

    def told(self, link: int, now_s: int) -> list[tuple[int, int, int]]:
        """(gateway, number of its last beat, hops) for a beacon on a link: what is news, and some
        others, not the same each time."""
        self.beats.tick(now_s)
        most = GATEWAYS_REPEATED if link == _AIR else GATEWAYS_TOLD_MAX
        told = []
        if self._is_gateway:
            told.append((self._me, now_s // BEAT_S & 0xFFFF, 0))
        live = self.beats.live(now_s)
        for one in live:
            if one[0] in self.untold and len(told) < GATEWAYS_TOLD_MAX:
                told.append(one)
        for i in range(len(live)):
            one = live[(self._turn[link] + i) % len(live)]
            if len(told) < most and one not in told:
                told.append(one)
        self._turn[link] += most - 1
        if link == _AIR:
            live_now = [one[0] for one in live if one not in told]
            self.untold = [gateway for gateway in self.untold if gateway in live_now]
        return told

    def heard(
        self, neighbour: "Neighbour", beats: "Sequence[tuple[int, int, int]]", now_s: int
    ) -> bool:
        """A neighbour tells of gateways. True if one is nearer than was known."""
        if neighbour.link == _AIR and not (neighbour.heard_well() and neighbour.hears_me):
            return False
        longer = 1 if neighbour.heard_lately() < _POOR else 0
        nearer = False
        for gateway, number, hops in beats:
            if gateway == self._me and self._is_gateway:
                continue
            was = self.beats.distance(gateway, now_s)
            others = self._nearer.get(gateway, 0) & ~neighbour.bit
            away = was
            if self.beats.beat(gateway, number, hops + longer, now_s, others > 0):
                away = self.beats.distance(gateway, now_s)
                if gateway not in self.untold:
                    self.untold.append(gateway)
            if away == UNKNOWN:
                self._nearer.pop(gateway, None)
                continue
            shrunk = was == UNKNOWN or away < was
            nearer |= shrunk
            if shrunk:
                others = 0
            if hops < away or (hops == away and not others):  # rather sideways than nowhere
                others |= neighbour.bit
            self._nearer[gateway] = others
        if len(self._nearer) > GATEWAYS_MAX:  # some of them nobody speaks of any more
            live = [gateway for gateway, _, _ in self.beats.live(now_s)]
            self._nearer = {gateway: self._nearer.get(gateway, 0) for gateway in live}
        return nearer

    def nearer(self, gateway: int) -> int:
        """Mask of the neighbours that said they are nearer to a gateway than this node is."""
        return self._nearer.get(gateway, 0)

    def gone(self, bits_gone: int) -> None:
        """These neighbours are not heard any more, or take nothing."""
        for gateway in self._nearer:
            self._nearer[gateway] &= ~bits_gone
